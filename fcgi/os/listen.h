/*
 * The socket that FastCGI connections come in on.
 */
#ifndef MARKBOOK_OS_LISTEN_H
#define MARKBOOK_OS_LISTEN_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/status.h"

/* As many as the kernel lets wait; fewer make the front fail with EAGAIN under load. */
#define LISTEN_BACKLOG 4096

struct listener {
	int fd;		  /* non-blocking, close-on-exec */
	const char *path; /* of a unix socket that is ours to remove; else NULL */
	bool own_tcp;	  /* a TCP socket that nobody else holds but our workers */
	const char *from; /* where it came from, for the log */
};

/*
 * A socket that was handed over wins: `listen_fds` is what systemd's
 * LISTEN_FDS and LISTEN_PID amount to (sd_listen_fds(3): the first is
 * descriptor 3; 0: none), else descriptor 0 where it is a listening socket
 * (as spawn-fcgi leaves it).  Else `address` is bound: "HOST:PORT", "[IPv6]:PORT", or
 * the path of a unix socket, which gets `mode`.  A socket file that nobody listens on any
 * more is replaced; one in use is not.  ST_OK, or ST_IO with `why`.
 */
enum status listen_open(struct listener *out, int listen_fds, const char *address, mode_t mode,
			struct problem *why);

/* Whether listen_open has a place for its socket, as far as it can be seen without making it.  As above. */
enum status listen_foresee(int listen_fds, const char *address, struct problem *why);

/*
 * Refuse new connections where the socket is ours alone.  The queue of a unix socket can still be
 * emptied by the workers; its path is free for a successor from here on.
 */
void listen_shut(struct listener *l);

void listen_close(struct listener *l);

#endif
