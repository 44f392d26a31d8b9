#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "os/handover.h"
#include "http/records.h"
#include "server/worker.h"

/* How long a worker with more than its share of connections leaves new ones to others. */
#define SHARE_WAIT_MS 50
/* New connections that are taken in one turn at most. */
#define ACCEPTS_A_TURN 16
/* Descriptors that ran out are told of again once there were enough for so long. */
#define EXHAUSTED_QUIET_NS UINT64_C(10000000000)
/* and are asked for again after so long, even if no connection was closed */
#define EXHAUSTED_RETRY_NS UINT64_C(200000000)

uint64_t
now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* --- connections --- */

void
connection_free(struct server *s, struct connection *c)
{
	if (c->prev != NULL)
		c->prev->next = c->next;
	else
		s->connections = c->next;
	if (c->next != NULL)
		c->next->prev = c->prev;
	s->connection_count--;
	s->exhausted = false;
	s->owing -= c->owes;
	buf_free(&c->out);
	atomic_store_explicit(&s->slot->connections, s->connection_count, memory_order_relaxed);
	request_free(&c->req);
	response_free(&c->res);
	api_free(&c->call);
	free(c);
}

/* Take over a connected socket; it is closed where that fails. */
static void
connection_add(struct server *s, int fd, bool owes)
{
	struct timeval timeout = {.tv_sec = (time_t)s->o->peer_timeout};
	struct epoll_event ev = {.events = CONNECTION_EVENTS};
	struct connection *c = calloc(1, sizeof(*c));
	int on = 1;

	if (c == NULL || FCGX_InitRequest(&c->fcgi, -1, 0) != 0)
		goto fail;
	/* libfcgi reads and writes as on a blocking socket, but never for ever. */
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)) != 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout)) != 0)
		goto fail;
	/* Fails on a unix socket, where there is nothing to switch off. */
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	ev.data.ptr = c;
	if (epoll_ctl(s->epoll, EPOLL_CTL_ADD, fd, &ev) != 0)
		goto fail;
	c->fd = fd;
	c->owes = owes;
	c->since = now_ns();
	c->next = s->connections;
	if (c->next != NULL)
		c->next->prev = c;
	s->connections = c;
	s->connection_count++;
	s->owing += owes;
	atomic_store_explicit(&s->slot->connections, s->connection_count, memory_order_relaxed);
	metrics_add(&s->slot->accepted, 1);
	return;
fail:
	log_event(s->log, LOG_LEVEL_ERROR, "connection", "cannot take a connection: %s",
		  strerror(errno));
	free(c);
	close(fd);
}

bool
connection_is_idle(struct server *s, const struct connection *c)
{
	ssize_t n = recv(c->fd, s->look, sizeof(s->look), MSG_PEEK | MSG_DONTWAIT);

	/* Nothing, or what was looked at already and was not a whole request. */
	return n <= 0 || (size_t)n == c->looked_at;
}

void
connection_close(struct server *s, struct connection *c)
{
	abandon_answer(s, c);
	close(c->fd);
	connection_free(s, c);
}

/* Whether it owes the rest of a request, of which so many bytes are here, and since when. */
static void
set_owing(struct server *s, struct connection *c, size_t bytes)
{
	bool owes = bytes > 0;

	if (owes && !c->owes)
		c->since = now_ns();
	s->owing += owes;
	s->owing -= c->owes;
	c->owes = owes;
	c->looked_at = bytes;
}

bool
connection_is_ready(struct server *s, struct connection *c)
{
	enum record_result seen;
	bool body_only;
	ssize_t n = recv(c->fd, s->look, sizeof(s->look), MSG_PEEK | MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	seen = n <= 0 ? RECORD_BAD : records_look((struct slice){s->look, (size_t)n}, &body_only);
	/* A body beyond what is looked at is on its way; parameters are never so long. */
	if (seen == RECORD_PARTIAL && n == (ssize_t)sizeof(s->look))
		seen = body_only ? RECORD_WHOLE : RECORD_BAD;
	if (seen == RECORD_PARTIAL && c->over)
		seen = RECORD_BAD;
	set_owing(s, c, seen == RECORD_PARTIAL ? (size_t)n : 0);
	if (seen == RECORD_BAD) {
		if (n > 0)
			metrics_add(&s->slot->dropped, 1);
		connection_close(s, c);
	}
	return seen == RECORD_WHOLE;
}

void
watch(struct server *s, bool on)
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
		if (s->exhausted_at == 0 || now_ns() - s->exhausted_at > EXHAUSTED_QUIET_NS)
			log_event(s->log, LOG_LEVEL_ERROR, "connection",
				  "cannot accept for now: %s", strerror(errno));
		s->exhausted_at = now_ns();
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
receive_one(struct server *s)
{
	char owes = 1;
	int fd = handover_receive(s->o->handover[0], &owes);

	if (fd >= 0)
		connection_add(s, fd, owes != 0);
	return fd >= 0;
}

int
share_connections(struct server *s)
{
	bool fair = s->connection_count <= metrics_least_connections(s->o->metrics) + 1;

	if (fair)
		s->unfair_since = 0;
	else if (s->unfair_since == 0)
		s->unfair_since = now_ns();
	else if (now_ns() - s->unfair_since > SHARE_WAIT_MS * UINT64_C(1000000))
		/* Whoever has fewer does not come: then one is ours to take. */
		fair = true;
	/* One that closes makes room at once; who else may have made some is not known. */
	if (s->exhausted && s->connection_count > 0) {
		fair = now_ns() - s->exhausted_at > EXHAUSTED_RETRY_NS;
		s->exhausted = !fair;
	}
	watch(s, fair);
	return s->listening ? -1 : SHARE_WAIT_MS;
}
