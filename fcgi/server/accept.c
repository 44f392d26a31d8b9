#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "os/clock.h"
#include "os/handover.h"
#include "server/worker.h"

/* How long a worker with more than its share of connections leaves new ones to others. */
#define SHARE_WAIT_MS 50
/* New connections that are taken in one turn at most. */
#define ACCEPTS_A_TURN 16
/* Descriptors that ran out are told of again once there were enough for so long. */
#define EXHAUSTED_QUIET_NS (10 * CLOCK_SECOND)
/* and are asked for again after so long, even if no connection was closed */
#define EXHAUSTED_RETRY_NS (200 * CLOCK_MILLISECOND)

void
accept_watch(struct server *s, bool on)
{
	/* One waiting worker is woken for a new connection, not all. */
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
		/* It was its turn: the next one is for others again. */
		s->unfair_since = 0;
		connection_add(s, fd, true);
		return true;
	}
	if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
		/* Each close lets one more in, and then it is so again: one line for all of a row. */
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
		/* Whoever has fewer does not come: then one is ours to take. */
		fair = true;
	/* One that closes makes room at once; who else may have made some is not known. */
	if (s->exhausted && s->connection_count > 0) {
		fair = clock_now() - s->exhausted_at > EXHAUSTED_RETRY_NS;
		s->exhausted = !fair;
	}
	accept_watch(s, fair);
	return s->listening ? -1 : SHARE_WAIT_MS;
}
