#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http/records.h"
#include "os/clock.h"
#include "server/worker.h"

_Static_assert(METHOD_COUNT == METRICS_METHODS, "metrics count by method");

static void
connection_log(struct server *s, const struct connection *c, uint64_t ns)
{
	const struct request *r = &c->req;

	if (!log_begin(s->log, LOG_LEVEL_INFO, "request"))
		return;
	log_str(s->log, "request_id", r->request_id);
	log_str(s->log, "method", slice_str(request_method_names[r->method]));
	log_str(s->log, "path", r->path);
	log_u64(s->log, "status", c->res.code);
	log_u64(s->log, "bytes", c->bytes);
	log_u64(s->log, "us", ns / 1000);
	log_end(s->log);
}

/* Also notes a request whose answer is lost: it was executed all the same. */
void
connection_note(struct server *s, struct connection *c)
{
	uint64_t ns = clock_now() - c->since;

	metrics_request(s->slot, c->req.method, c->res.code, ns);
	connection_log(s, c, ns);
	c->noted = true;
}

bool
connection_watch(struct server *s, struct connection *c, uint32_t events)
{
	struct epoll_event ev = {.events = events, .data.ptr = c};

	return epoll_ctl(s->epoll, EPOLL_CTL_MOD, c->fd, &ev) == 0;
}

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

/* Release everything that belongs to the request, also in libfcgi. */
static void
connection_end_request(struct server *s, struct connection *c)
{
	if (!c->noted)
		connection_note(s, c);
	store_release(c->kept);
	c->kept = NULL;
	s->busy -= c->state != CONNECTION_OPEN;
	c->state = CONNECTION_OPEN;
	FCGX_Free(&c->fcgi, 0);
	buf_free(&c->out);
	api_trim(&c->call);
	request_trim(&c->req);
	response_reset(&c->res);
}

static void
connection_abandon_answer(struct server *s, struct connection *c)
{
	if (!c->answering)
		return;
	metrics_add(&s->slot->dropped, 1);
	connection_end_request(s, c);
	c->answering = false;
}

void
connection_close(struct server *s, struct connection *c)
{
	connection_abandon_answer(s, c);
	close(c->fd);
	connection_free(s, c);
}

void
connection_finish(struct server *s, struct connection *c)
{
	bool waited = c->state != CONNECTION_OPEN;
	/* libfcgi sets keepConnection from the flags of BEGIN_REQUEST. */
	bool keep = c->fcgi.keepConnection != 0 && !c->last && !c->over;

	connection_end_request(s, c);
	c->answering = false;
	c->since = clock_now();
	if (!keep || (waited && !connection_watch(s, c, CONNECTION_EVENTS)))
		connection_close(s, c);
}

void
connection_add(struct server *s, int fd, bool owes)
{
	struct timeval timeout = {.tv_sec = (time_t)s->o->peer_timeout};
	struct epoll_event ev = {.events = CONNECTION_EVENTS};
	struct connection *c = calloc(1, sizeof(*c));
	int on = 1;

	if (c == NULL || FCGX_InitRequest(&c->fcgi, -1, 0) != 0)
		goto fail;
	/* libfcgi makes blocking calls; limit how long they block. */
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)) != 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout)) != 0)
		goto fail;
	/* Fails on a unix socket, which has no delay to switch off. */
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	ev.data.ptr = c;
	if (epoll_ctl(s->epoll, EPOLL_CTL_ADD, fd, &ev) != 0)
		goto fail;
	c->fd = fd;
	c->owes = owes;
	c->since = clock_now();
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

	/* No bytes, or only those of the partial request at the last peek. */
	return n <= 0 || (size_t)n == c->looked_at;
}

/*
 * Note that `bytes` of a partial request are here; 0: none, so the peer owes
 * nothing.  The time limit runs from when the peer began to owe.
 */
static void
set_owing(struct server *s, struct connection *c, size_t bytes)
{
	bool owes = bytes > 0;

	if (owes && !c->owes)
		c->since = clock_now();
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
	/* The buffer is full: a body may be so long, parameters may not. */
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
