#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "os/clock.h"
#include "os/handover.h"
#include "server/worker.h"

/*
 * How long a worker with more than its share of connections leaves new ones to
 * other workers.
 */
#define SHARE_WAIT_MS 50
/* The most connections to accept in one turn. */
#define ACCEPTS_A_TURN 16
/* Log a shortage of descriptors again only after a quiet period. */
#define EXHAUSTED_QUIET_NS (10 * CLOCK_SECOND)
/* Retry accept after a shortage, even if no connection was closed. */
#define EXHAUSTED_RETRY_NS (200 * CLOCK_MILLISECOND)

void
accept_watch(struct server *s, bool on)
{
	/* A new connection wakes one waiting worker, not all of them. */
	struct epoll_event ev = {.events = EPOLLIN | EPOLLEXCLUSIVE,
				 .data.ptr = (void *)(uintptr_t)&s->o->listener};

	if (s->listening == on)
		return;
	if (epoll_ctl(s->epoll, on ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, s->o->listener, &ev) == 0)
		s->listening = on;
	else
		log_event(s->log, LOG_LEVEL_ERROR, "listen", "cannot watch for connections: %s",
			  strerror(errno));
}

bool
accept_one(struct server *s)
{
	int fd = accept4(s->o->listener, NULL, NULL, SOCK_CLOEXEC);

	if (fd >= 0) {
		/* The other workers get a chance at the next connection. */
		s->unfair_since = 0;
		connection_add(s, fd, true);
		return true;
	}
	if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
		/*
		 * During a shortage each close lets one connection in, and the
		 * next accept fails again.  Log all of them as one.
		 */
		if (s->exhausted_at == 0 || clock_now() - s->exhausted_at > EXHAUSTED_QUIET_NS)
			log_event(s->log, LOG_LEVEL_ERROR, "connection",
				  "cannot accept for now: %s", strerror(errno));
		s->exhausted_at = clock_now();
		s->exhausted = true;
	}
	return false;
}

void
accept_some(struct server *s)
{
	for (unsigned i = 0; i < ACCEPTS_A_TURN && accept_one(s); i++)
		if (s->connection_count > metrics_least_connections(s->o->metrics) + 1)
			break;
}

bool
accept_receive(struct server *s)
{
	char owes = 1;
	int fd = handover_receive(s->o->handover[0], &owes);

	if (fd >= 0)
		connection_add(s, fd, owes != 0);
	return fd >= 0;
}

int
accept_share(struct server *s)
{
	bool fair = s->connection_count <= metrics_least_connections(s->o->metrics) + 1;

	if (fair)
		s->unfair_since = 0;
	else if (s->unfair_since == 0)
		s->unfair_since = clock_now();
	else if (clock_now() - s->unfair_since > SHARE_WAIT_MS * CLOCK_MILLISECOND)
		/* No worker with fewer connections has accepted: take one. */
		fair = true;
	/*
	 * A connection of this worker that closes ends the shortage at once.
	 * Another process that frees descriptors is noticed only by a retry.
	 */
	if (s->exhausted) {
		fair = clock_now() - s->exhausted_at > EXHAUSTED_RETRY_NS;
		s->exhausted = !fair;
	}
	accept_watch(s, fair);
	return s->listening ? -1 : SHARE_WAIT_MS;
}
