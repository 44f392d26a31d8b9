/*
 * The socket that accepts FastCGI connections.
 */
#ifndef MARKBOOK_OS_LISTEN_H
#define MARKBOOK_OS_LISTEN_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/status.h"

/*
 * As many as the kernel usually allows (net.core.somaxconn, listen(2)).  With a
 * shorter queue, connects of the front fail with EAGAIN under load.
 */
#define LISTEN_BACKLOG 4096

struct listener {
	int fd;		  /* non-blocking, close-on-exec */
	const char *path; /* a unix socket file to remove at the end, or NULL */
	bool own_tcp;	  /* a TCP socket that only our own processes hold */
	const char *from; /* where it came from, for the log */
};

/*
 * Open the listening socket; the first of these wins:
 *
 * 1. Descriptor 3, if `listen_fds` is 1: the number of sockets that systemd
 *    passed in LISTEN_FDS and LISTEN_PID (sd_listen_fds(3); 0: none).  More
 *    than one socket is an error.
 * 2. Descriptor 0, if it is a listening socket, as spawn-fcgi leaves it.
 * 3. A new socket, bound to `address`: HOST:PORT, [IPv6]:PORT, or the path of a
 *    unix socket, whose file gets `mode`.  A socket file that nobody listens on
 *    any more is replaced.  While another process still listens on it, retry
 *    for two seconds, then give up.
 *
 * Returns ST_OK, and the caller ends with listen_close; or ST_IO with `why`.
 * `out` borrows `address`.
 */
enum status listen_open(struct listener *out, int listen_fds, const char *address, mode_t mode,
			struct problem *why);

/*
 * Check whether listen_open can create a unix socket at `address`, without
 * creating it.  A socket file that is already there passes, even one in use.
 * Inherited and TCP sockets are not checked.  Returns ST_OK, or ST_IO with
 * `why`.
 */
enum status listen_foresee(int listen_fds, const char *address, struct problem *why);

/*
 * Refuse new connections if we opened the socket ourselves.  Workers can still
 * accept what waits in the queue of a unix socket, and its path is free for a
 * successor.  A TCP socket stops listening when the last worker closes it.  An
 * inherited socket stays as it is.
 */
void listen_shut(struct listener *l);

/* Close the socket in this process and remove its file, if it is still ours. */

void listen_close(struct listener *l);

#endif
