#include "server.h"

#include <errno.h>
#include <fcgiapp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "api.h"
#include "handover.h"
#include "system.h"

/* Requests of one turn at most, and so writes of one commit. */
#define TURN_MAX 256
/* How long a worker with more than its share of connections leaves new ones to others. */
#define SHARE_WAIT_MS 50
/* A connection idle for so long is closed when the worker drains. */
#define DRAIN_IDLE_NS 500000000u
#define DRAIN_TICK_MS 50

struct connection {
	struct FCGX_Request fcgi;
	struct request req;
	struct response res;
	struct api_call call;
	struct connection *prev, *next; /* of all that are open */
	int fd;
	uint64_t since; /* of the request under way, or of the last answer */
};

struct server {
	const struct server_options *o;
	struct metrics_slot *slot;
	struct log *log;
	struct store *store;
	int epoll;
	bool listening;	 /* the listener is watched */
	bool draining;
	bool store_broken; /* so that a failure is logged when it begins, not at each request */
	uint64_t drain_end;
	struct connection *connections;
	unsigned connection_count;
	struct connection *writes[TURN_MAX]; /* of this turn */
	size_t write_count;
	struct buf head;
};

/* The one thing that a signal handler can reach. */
static volatile sig_atomic_t leave_signal;

static void
on_leave_signal(int signo)
{
	leave_signal = signo;
}

static uint64_t
now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* --- connections --- */

static void
connection_free(struct server *s, struct connection *c)
{
	if (c->prev != NULL)
		c->prev->next = c->next;
	else
		s->connections = c->next;
	if (c->next != NULL)
		c->next->prev = c->prev;
	s->connection_count--;
	atomic_store_explicit(&s->slot->connections, s->connection_count, memory_order_relaxed);
	request_free(&c->req);
	response_free(&c->res);
	api_free(&c->call);
	free(c);
}

/* Take over a connected socket; it is closed where that fails. */
static void
connection_add(struct server *s, int fd)
{
	struct timeval timeout = {.tv_sec = (time_t)s->o->peer_timeout};
	struct epoll_event ev = {.events = EPOLLIN};
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
	c->since = now_ns();
	c->next = s->connections;
	if (c->next != NULL)
		c->next->prev = c;
	s->connections = c;
	s->connection_count++;
	atomic_store_explicit(&s->slot->connections, s->connection_count, memory_order_relaxed);
	metrics_add(&s->slot->accepted, 1);
	return;
fail:
	log_event(s->log, LOG_LEVEL_ERROR, "connection", "cannot take a connection: %s",
		  strerror(errno));
	free(c);
	close(fd);
}

/* Both sources of new connections are watched, or neither. */
static void
watch(struct server *s, bool on)
{
	/* One waiting worker is woken for a new connection, not all. */
	struct epoll_event listener = {.events = EPOLLIN | EPOLLEXCLUSIVE,
				       .data.ptr = (void *)(uintptr_t)&s->o->listener};
	struct epoll_event handover = {.events = EPOLLIN | EPOLLEXCLUSIVE,
				       .data.ptr = (void *)(uintptr_t)&s->o->handover};
	int op = on ? EPOLL_CTL_ADD : EPOLL_CTL_DEL;

	if (s->listening == on)
		return;
	s->listening = on;
	if (epoll_ctl(s->epoll, op, s->o->listener, &listener) != 0 ||
	    epoll_ctl(s->epoll, op, s->o->handover[0], &handover) != 0)
		log_event(s->log, LOG_LEVEL_ERROR, "listen", "cannot watch for connections: %s",
			  strerror(errno));
}

/* False where there is none to take now. */
static bool
accept_one(struct server *s)
{
	int fd = accept4(s->o->listener, NULL, NULL, SOCK_CLOEXEC);

	if (fd >= 0) {
		connection_add(s, fd);
		return true;
	}
	if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
		log_event(s->log, LOG_LEVEL_ERROR, "connection", "cannot accept: %s",
			  strerror(errno));
		watch(s, false);
	}
	return false;
}

static bool
receive_one(struct server *s)
{
	int fd = handover_receive(s->o->handover[0]);

	if (fd >= 0)
		connection_add(s, fd);
	return fd >= 0;
}

/* --- one request --- */

static void
log_request(struct server *s, const struct connection *c, uint64_t ns)
{
	const struct request *r = &c->req;

	if (!log_begin(s->log, LOG_LEVEL_INFO, "request"))
		return;
	log_str(s->log, "request_id", r->request_id);
	log_str(s->log, "method", slice_str(method_names[r->method]));
	log_str(s->log, "path", r->path);
	log_u64(s->log, "status", c->res.code);
	log_u64(s->log, "bytes", c->res.body.len);
	log_u64(s->log, "us", ns / 1000);
	log_end(s->log);
}

/* The response is complete: send it, and let the connection wait for the next request. */
static void
answer(struct server *s, struct connection *c)
{
	uint64_t now, ns;

	response_send(&c->res, &c->fcgi, &s->head);
	now = now_ns();
	ns = now - c->since;
	/* Before the request is finished: what it borrows goes with it. */
	metrics_request(s->slot, c->req.method, c->res.code, ns);
	log_request(s, c, ns);
	if (s->draining)
		c->fcgi.keepConnection = 0;
	FCGX_Finish_r(&c->fcgi);
	c->since = now;
	if (c->fcgi.ipcFd < 0)
		connection_free(s, c);
}

/* Log the first failure of a row, and its end. */
static void
note_store(struct server *s, enum status st)
{
	bool broken = st == ST_IO || st == ST_BUSY;

	if (broken && !s->store_broken)
		log_event(s->log, LOG_LEVEL_ERROR, "store", "%s: %s", status_text(st),
			  store_last_error(s->store));
	else if (!broken && s->store_broken)
		log_event(s->log, LOG_LEVEL_WARN, "store", "the store works again");
	s->store_broken = broken;
}

static void
answer_read(struct server *s, struct connection *c)
{
	struct view *view;
	bool changed = false;
	enum status st = store_read(s->store, &view);

	if (st == ST_OK)
		st = api_run(&c->call, view, &changed);
	note_store(s, st);
	if (st != ST_OK)
		api_fail(&c->call, st);
	answer(s, c);
}

/* A connection is readable: a request, or its end. */
static void
on_readable(struct server *s, struct connection *c)
{
	const struct system_context sys = {s->o->metrics, s->store};
	enum status body = ST_OK;

	c->since = now_ns();
	/*
	 * libfcgi reads one request from this descriptor and never accepts: with these
	 * four it neither closes the connection first, nor waits for one of its own, nor waits
	 * for the peer when it closes.
	 */
	c->fcgi.ipcFd = c->fd;
	c->fcgi.keepConnection = 1;
	c->fcgi.detached = 1;
	c->fcgi.listen_sock = -1;
	if (FCGX_Accept_r(&c->fcgi) != 0) {
		connection_free(s, c);
		return;
	}
	c->call.why.detail[0] = '\0';
	if (request_read(&c->req, &c->fcgi, s->o->max_body, &body, &c->call.why) == REQUEST_LOST) {
		metrics_add(&s->slot->dropped, 1);
		FCGX_Free(&c->fcgi, 1);
		connection_free(s, c);
		return;
	}
	if (!api_owns(c->req.path)) {
		system_answer(&sys, &c->req, &c->res);
		answer(s, c);
		return;
	}
	switch (api_prepare(&c->call, &c->req, &c->res, body, store_id(s->store))) {
	case API_NEEDS_NOTHING:
		answer(s, c);
		break;
	case API_NEEDS_READ:
		answer_read(s, c);
		break;
	case API_NEEDS_WRITE:
		s->writes[s->write_count++] = c;
		break;
	}
}

/* --- the writes of one turn --- */

/* Apply `n` writes in one batch and commit it.  Anything but ST_OK: none of them happened. */
static enum status
commit_writes(struct server *s, struct connection **c, size_t n)
{
	struct view *view;
	bool changed = false;
	enum status st = store_write(s->store, &view);

	for (size_t i = 0; i < n && st == ST_OK; i++)
		st = api_run(&c[i]->call, view, &changed);
	if (st == ST_OK && changed) {
		st = store_commit(s->store);
		if (st == ST_OK) {
			metrics_add(&s->slot->commits, 1);
			metrics_add(&s->slot->writes, n);
		}
	} else {
		store_abort(s->store);
	}
	if (st != ST_OK)
		metrics_add(&s->slot->commit_failures, 1);
	note_store(s, st);
	return st;
}

static void
answer_writes(struct server *s)
{
	struct connection **c = s->writes;
	size_t n = s->write_count;

	s->write_count = 0;
	if (n > 1 && commit_writes(s, c, n) == ST_OK) {
		for (size_t i = 0; i < n; i++)
			answer(s, c[i]);
		return;
	}
	for (size_t i = 0; i < n; i++) {
		enum status st = commit_writes(s, &c[i], 1);

		if (st != ST_OK)
			api_fail(&c[i]->call, st);
		answer(s, c[i]);
	}
}

/* --- leaving --- */

static void
close_connection(struct server *s, struct connection *c)
{
	close(c->fd);
	connection_free(s, c);
}

static void
begin_drain(struct server *s)
{
	s->draining = true;
	s->drain_end = now_ns() + (uint64_t)s->o->drain_timeout * 1000000000u;
	atomic_store(&s->slot->state, WORKER_LEAVING);
	watch(s, false);
	if (leave_signal == SIGTERM) {
		/* Those in the queues were promised an answer when their connect succeeded. */
		while (accept_one(s) || receive_one(s))
			;
	}
	close(s->o->listener);
	log_event(s->log, LOG_LEVEL_INFO, "drain", "connections: %u", s->connection_count);
}

/* Between two turns: true while there is something left to wait for. */
static bool
go_on_draining(struct server *s)
{
	uint64_t now = now_ns();

	for (struct connection *c = s->connections, *next; c != NULL; c = next) {
		next = c->next;
		if (now - c->since > DRAIN_IDLE_NS || now > s->drain_end)
			close_connection(s, c);
	}
	return s->connections != NULL;
}

/* What cannot be handed over stays, and is drained. */
static void
hand_over(struct server *s)
{
	unsigned count = s->connection_count;

	for (struct connection *c = s->connections, *next; c != NULL; c = next) {
		next = c->next;
		if (!handover_send(s->o->handover[1], c->fd))
			break;
		close_connection(s, c);
	}
	log_event(s->log, LOG_LEVEL_INFO, "handover", "connections: %u of %u",
		  count - s->connection_count, count);
}

/* --- the loop --- */

/*
 * New connections go to the workers that have the fewest.  Returns how long the next turn may wait for events, in
 * milliseconds; -1: for ever.
 */
static int
share_connections(struct server *s)
{
	bool fair = s->connection_count <= metrics_least_connections(s->o->metrics) + 1;

	if (s->draining)
		return DRAIN_TICK_MS;
	if (s->listening != fair)
		watch(s, fair);
	return fair ? -1 : SHARE_WAIT_MS;
}

static void
turn(struct server *s, const struct epoll_event *events, int n)
{
	for (int i = 0; i < n; i++) {
		const void *source = events[i].data.ptr;

		if (source == &s->o->listener)
			accept_one(s);
		else if (source == &s->o->handover)
			receive_one(s);
		else
			on_readable(s, events[i].data.ptr);
	}
	answer_writes(s);
	store_read_end(s->store);
}

static void
loop(struct server *s)
{
	struct epoll_event events[TURN_MAX];
	sigset_t none;
	int timeout = -1;

	sigemptyset(&none);
	for (;;) {
		int n = epoll_pwait(s->epoll, events, TURN_MAX, timeout, &none);

		if (n < 0 && errno != EINTR) {
			log_event(s->log, LOG_LEVEL_ERROR, "loop", "epoll: %s", strerror(errno));
			return;
		}
		turn(s, events, n);
		if (leave_signal != 0 && !s->draining) {
			if (leave_signal == SIGUSR2)
				hand_over(s);
			begin_drain(s);
		}
		if (s->draining && !go_on_draining(s))
			return;
		timeout = share_connections(s);
		/* Nobody came for a while although they could: then it is ours to take. */
		if (n == 0 && !s->draining && !s->listening) {
			watch(s, true);
			timeout = -1;
		}
		log_flush(s->log);
	}
}

static void
install_signals(void)
{
	struct sigaction leave = {.sa_handler = on_leave_signal};
	struct sigaction ignore = {.sa_handler = SIG_IGN};

	sigaction(SIGTERM, &leave, NULL);
	sigaction(SIGUSR2, &leave, NULL);
	sigaction(SIGPIPE, &ignore, NULL);
	sigaction(SIGUSR1, &ignore, NULL);
	/* The supervisor alone decides; a terminal's Ctrl-C reaches all processes of its group. */
	sigaction(SIGINT, &ignore, NULL);
	sigaction(SIGHUP, &ignore, NULL);
}

int
server_run(const struct server_options *o)
{
	struct server s = {.o = o, .slot = &o->metrics->slot[o->slot], .log = o->log, .epoll = -1};
	struct problem why = {""};
	int status = EXIT_FAILURE;

	if (FCGX_Init() != 0) {
		log_event(s.log, LOG_LEVEL_ERROR, "start", "libfcgi cannot be initialised");
		return status;
	}
	install_signals(); /* after libfcgi has installed its own */
	if (store_open(&s.store, &o->store, &why) != ST_OK) {
		log_event(s.log, LOG_LEVEL_ERROR, "store", "%s", why.detail);
		return status;
	}
	s.epoll = epoll_create1(EPOLL_CLOEXEC);
	if (s.epoll < 0) {
		log_event(s.log, LOG_LEVEL_ERROR, "start", "epoll: %s", strerror(errno));
		goto out;
	}
	watch(&s, true);
	atomic_store(&s.slot->connections, 0);
	atomic_store(&s.slot->state, WORKER_READY);
	kill(getppid(), SIGUSR1);
	loop(&s);
	status = EXIT_SUCCESS;
	close(s.epoll);
out:
	buf_free(&s.head);
	store_close(s.store);
	log_flush(s.log);
	return status;
}
