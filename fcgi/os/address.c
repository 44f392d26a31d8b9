#include "os/address.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

bool
address_is_path(const char *address)
{
	return address[0] == '/' || strchr(address, ':') == NULL;
}

bool
address_is_valid(const char *address)
{
	const char *colon = strrchr(address, ':');
	unsigned long port;
	char *end;

	if (address_is_path(address))
		return strlen(address) < sizeof(((struct sockaddr_un *)0)->sun_path);
	if (colon == address || colon[1] < '1' || colon[1] > '9')
		return false;
	port = strtoul(colon + 1, &end, 10);
	return *end == '\0' && port <= 65535;
}

enum status
address_resolve(const char *address, struct addrinfo **out, struct problem *why)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
	const char *colon = strrchr(address, ':');
	size_t len = colon == NULL ? 0 : (size_t)(colon - address);
	const char *start = address;
	char host[256];
	int error;

	if (len >= 2 && address[0] == '[' && address[len - 1] == ']') {
		start++;
		len -= 2;
	}
	if (len == 0 || len >= sizeof(host) || !address_is_valid(address))
		return problem_set(why, ST_IO, "%s: neither a path nor HOST:PORT", address);
	memcpy(host, start, len);
	host[len] = '\0';
	error = getaddrinfo(host, colon + 1, &hints, out);
	if (error != 0)
		return problem_set(why, ST_IO, "%s: %s", address, gai_strerror(error));
	return ST_OK;
}

static int
open_and_connect(int family, const struct sockaddr *sa, socklen_t len, unsigned seconds)
{
	struct timeval timeout = {.tv_sec = (time_t)seconds};
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)) == 0 &&
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout)) == 0 &&
	    connect(fd, sa, len) == 0)
		return fd;
	if (fd >= 0) {
		int error = errno;

		close(fd);
		errno = error;
	}
	return -1;
}

int
address_connect(const char *address, unsigned seconds, struct problem *why)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	struct addrinfo *ai = NULL;
	int fd = -1;

	if (!address_is_path(address)) {
		if (address_resolve(address, &ai, why) != ST_OK)
			return -1;
		for (struct addrinfo *a = ai; a != NULL && fd < 0; a = a->ai_next)
			fd = open_and_connect(a->ai_family, a->ai_addr, a->ai_addrlen, seconds);
		if (fd < 0)
			problem_set(why, ST_BUSY, "%s: %s", address, strerror(errno));
		freeaddrinfo(ai);
		return fd;
	}
	if (strlen(address) >= sizeof(sun.sun_path)) {
		problem_set(why, ST_BUSY, "%s: longer than %zu bytes", address,
			    sizeof(sun.sun_path) - 1);
		return -1;
	}
	strcpy(sun.sun_path, address);
	fd = open_and_connect(AF_UNIX, (const struct sockaddr *)&sun, sizeof(sun), seconds);
	if (fd < 0)
		problem_set(why, ST_BUSY, "%s: %s", address, strerror(errno));
	return fd;
}
