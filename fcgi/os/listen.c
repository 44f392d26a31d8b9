#include "os/listen.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "os/address.h"

#define FIRST_LISTEN_FD 3 /* sd_listen_fds(3) */
/* The previous process may still be about to leave its socket. */
#define IN_USE_TRIES 20
#define IN_USE_WAIT_MS 100

static bool
is_listening(int fd)
{
	int on = 0;
	socklen_t len = sizeof(on);

	return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &on, &len) == 0 && on != 0;
}

static bool
make_usable(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	return flags >= 0 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0 &&
	       fcntl(fd, F_SETFD, FD_CLOEXEC) == 0;
}

static enum status
adopt(struct listener *out, int fd, const char *from, struct problem *why)
{
	if (!is_listening(fd) || !make_usable(fd))
		return problem_set(why, ST_IO, "%s: descriptor %d is not a listening socket", from,
				   fd);
	*out = (struct listener){.fd = fd, .from = from};
	return ST_OK;
}

/* ECONNREFUSED from a socket file means that no process listens on it. */
static bool
is_abandoned(const struct sockaddr_un *sun)
{
	bool abandoned;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return false;
	abandoned =
	    connect(fd, (const struct sockaddr *)sun, sizeof(*sun)) != 0 && errno == ECONNREFUSED;
	close(fd);
	return abandoned;
}

static enum status
no_socket(const char *path, struct problem *why)
{
	return problem_set(why, ST_IO, "--socket %s: there is a file that is no socket", path);
}

/* Remove an abandoned socket file.  After ST_OK the path is free to bind. */
static enum status
clear_path(const struct sockaddr_un *sun, struct problem *why)
{
	struct stat sb;

	for (int tries = 0;; tries++) {
		if (lstat(sun->sun_path, &sb) != 0)
			return ST_OK;
		if (!S_ISSOCK(sb.st_mode))
			return no_socket(sun->sun_path, why);
		if (is_abandoned(sun)) {
			unlink(sun->sun_path);
			return ST_OK;
		}
		if (tries == IN_USE_TRIES)
			return problem_set(why, ST_IO,
					   "--socket %s: another process listens there; stop it or "
					   "give another path",
					   sun->sun_path);
		poll(NULL, 0, IN_USE_WAIT_MS);
	}
}

static enum status
open_unix(struct listener *out, const char *path, mode_t mode, struct problem *why)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	enum status st;
	mode_t old;
	int fd, error;

	if (strlen(path) >= sizeof(sun.sun_path))
		return problem_set(why, ST_IO, "--socket %s: longer than %zu bytes", path,
				   sizeof(sun.sun_path) - 1);
	strcpy(sun.sun_path, path);
	st = clear_path(&sun, why);
	if (st != ST_OK)
		return st;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return problem_set(why, ST_IO, "--socket %s: %s", path, strerror(errno));
	/* Nobody may connect before the socket file has its mode. */
	old = umask(0777);
	error = bind(fd, (const struct sockaddr *)&sun, sizeof(sun)) == 0 ? 0 : errno;
	umask(old);
	if (error == 0 && (chmod(path, mode) != 0 || listen(fd, LISTEN_BACKLOG) != 0)) {
		error = errno;
		unlink(path);
	}
	if (error != 0) {
		close(fd);
		return problem_set(why, ST_IO, "--socket %s: %s", path, strerror(error));
	}
	*out = (struct listener){.fd = fd, .path = path, .from = path};
	return ST_OK;
}

static int
bind_tcp(const struct addrinfo *ai)
{
	int fd = socket(ai->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1,
	    error;

	if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
	    bind(fd, ai->ai_addr, ai->ai_addrlen) == 0 && listen(fd, LISTEN_BACKLOG) == 0)
		return fd;
	error = errno;
	if (fd >= 0)
		close(fd);
	errno = error;
	return -1;
}

static enum status
open_tcp(struct listener *out, const char *address, struct problem *why)
{
	struct addrinfo *all = NULL;
	struct problem inner;
	enum status st = ST_OK;
	int fd = -1;

	if (address_resolve(address, &all, &inner) != ST_OK)
		return problem_set(why, ST_IO, "--socket %s", inner.detail);
	/* A name may resolve to addresses that this machine does not have. */
	for (const struct addrinfo *ai = all; ai != NULL && fd < 0; ai = ai->ai_next)
		fd = bind_tcp(ai);
	if (fd < 0)
		st = problem_set(why, ST_IO, "--socket %s: %s", address, strerror(errno));
	freeaddrinfo(all);
	*out = (struct listener){.fd = fd, .from = address, .own_tcp = true};
	return st;
}

enum status
listen_open(struct listener *out, int listen_fds, const char *address, mode_t mode,
	    struct problem *why)
{
	if (listen_fds > 1)
		return problem_set(
		    why, ST_IO, "LISTEN_FDS is %d, but only one socket can be served", listen_fds);
	if (listen_fds == 1)
		return adopt(out, FIRST_LISTEN_FD, "LISTEN_FDS", why);
	if (is_listening(STDIN_FILENO))
		return adopt(out, STDIN_FILENO, "standard input", why);
	if (address_is_path(address))
		return open_unix(out, address, mode, why);
	return open_tcp(out, address, why);
}

enum status
listen_foresee(int listen_fds, const char *address, struct problem *why)
{
	char copy[4096];
	struct stat sb;

	if (listen_fds > 0 || is_listening(STDIN_FILENO) || !address_is_path(address))
		return ST_OK;
	if (lstat(address, &sb) == 0 && !S_ISSOCK(sb.st_mode))
		return no_socket(address, why);
	if (strlen(address) >= sizeof(copy))
		return problem_set(why, ST_IO, "--socket %s: %s", address, strerror(ENAMETOOLONG));
	if (access(dirname(strcpy(copy, address)), W_OK | X_OK) == 0)
		return ST_OK;
	return problem_set(why, ST_IO, "--socket %s: cannot make a socket in its directory: %s",
			   address, strerror(errno));
}

void
listen_shut(struct listener *l)
{
	if (l->path != NULL) {
		/*
		 * Unlink first: after the shutdown a successor may bind the
		 * path, and its file must stay.
		 */
		unlink(l->path);
		shutdown(l->fd, SHUT_RD);
		l->path = NULL;
	} else if (l->own_tcp) {
		/* It stops listening when the last worker closes it. */
		close(l->fd);
		l->fd = -1;
	}
}

void
listen_close(struct listener *l)
{
	if (l->path != NULL)
		unlink(l->path);
	if (l->fd >= 0)
		close(l->fd);
	l->fd = -1;
}
