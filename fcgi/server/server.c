#include "server/server.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "os/clock.h"
#include "os/handover.h"
#include "server/worker.h"

/* A draining worker closes a connection that was idle for so long. */
#define DRAIN_IDLE_NS 500000000u
/* The longest turn of a worker that leaves. */
#define LEAVE_TICK_MS 10
/*
 * How often to look for stalled connections, while one owes a request or its
 * answer is not sent whole.
 */
#define STALL_TICK_MS 500
/*
 * How long a worker without a store stands in, and how often it looks for a
 * worker that is ready.
 */
#define STAND_IN_NS (5 * CLOCK_SECOND)
#define STAND_IN_TICK_MS 100

static void
begin_drain(struct server *s)
{
	s->draining = true;
	/* The time limit of a retiring worker has begun already. */
	if (!s->retiring)
		s->drain_end = clock_now() + (uint64_t)s->o->drain_timeout * CLOCK_SECOND;
	atomic_store(&s->slot->state, WORKER_LEAVING);
	accept_watch(s, false);
	/* The peers in the queue are connected, and expect an answer. */
	while (s->leave_signal == SIGTERM && accept_one(s))
		;
	close(s->o->listener);
	log_event(s->log, LOG_LEVEL_INFO, "drain", "connections: %u", s->connection_count);
}

/* Drain between two turns.  Returns false when no connection is left. */
static bool
go_on_draining(struct server *s)
{
	uint64_t now;

	/* Receive connections that a retiring worker has already sent. */
	while (s->leave_signal == SIGTERM && accept_receive(s))
		;
	/* Not before: no connection may be younger than `now`. */
	now = clock_now();
	for (struct connection *c = s->connections, *next; c != NULL; c = next) {
		next = c->next;
		if (now > s->drain_end ||
		    (c->state == CONNECTION_OPEN && now - c->since > DRAIN_IDLE_NS &&
		     connection_is_idle(s, c)))
			connection_close(s, c);
	}
	return s->connections != NULL;
}

static void
begin_retiring(struct server *s)
{
	s->retiring = true;
	s->drain_end = clock_now() + (uint64_t)s->o->drain_timeout * CLOCK_SECOND;
	/* Other workers now measure their share without this one. */
	atomic_store(&s->slot->state, WORKER_LEAVING);
	accept_watch(s, false);
	epoll_ctl(s->epoll, EPOLL_CTL_DEL, s->o->handover[0], NULL);
	log_event(s->log, LOG_LEVEL_INFO, "handover", "connections: %u", s->connection_count);
}

/*
 * Hand connections over between two turns, as many as the socket takes.  Those
 * that are left are served meanwhile.  Returns false when none is left.
 */
static bool
go_on_retiring(struct server *s)
{
	for (struct connection *c = s->connections, *next; c != NULL; c = next) {
		next = c->next;
		if (c->state != CONNECTION_OPEN)
			continue;
		if (!handover_send(s->o->handover[1], c->fd, (char)c->owes))
			break;
		/* It stays open elsewhere, so close(2) does not remove it. */
		epoll_ctl(s->epoll, EPOLL_CTL_DEL, c->fd, NULL);
		connection_close(s, c);
	}
	return s->connections != NULL;
}

static void
read_signal(struct server *s)
{
	struct signalfd_siginfo info;

	/* Of several signals SIGTERM wins, whichever is read first. */
	while (read(s->signals, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		if (s->leave_signal != SIGTERM)
			s->leave_signal = (int)info.ssi_signo;
	}
}

/* Handle the events of one turn, and commit its writes. */
static void
turn(struct server *s, const struct epoll_event *events, int n)
{
	for (int i = 0; i < n; i++) {
		const void *source = events[i].data.ptr;

		if (source == &s->o->listener)
			accept_some(s);
		else if (source == &s->o->handover)
			accept_receive(s);
		else if (source == &s->signals)
			read_signal(s);
		else
			turn_readable(s, events[i].data.ptr, events[i].events);
	}
	turn_read_waiting(s);
	/* End the snapshot, so that the commit can reuse the pages it holds. */
	if (s->store != NULL)
		store_read_end(s->store);
	turn_commit(s);
}

/*
 * Close the connections whose peer has not sent a whole request, or has not
 * taken any of its answer, within the time limit.
 */
static void
close_stalled(struct server *s)
{
	uint64_t limit = (uint64_t)s->o->peer_timeout * CLOCK_SECOND, now = clock_now();

	if (now < s->stalled_at)
		return;
	s->stalled_at = now + STALL_TICK_MS * CLOCK_MILLISECOND;
	for (struct connection *c = s->connections, *next; c != NULL; c = next) {
		next = c->next;
		if (c->state == CONNECTION_SENDING && now - c->progress > limit) {
			connection_close(s, c);
			continue;
		}
		if (!c->owes || now - c->since <= limit)
			continue;
		/* Bytes that have arrived show that this worker was late. */
		if (connection_is_idle(s, c)) {
			metrics_add(&s->slot->dropped, 1);
			connection_close(s, c);
		}
	}
}

/* Close all connections, or only those that keep a snapshot. */
static void
close_connections(struct server *s, bool with_snapshot)
{
	for (struct connection *c = s->connections, *next; c != NULL; c = next) {
		next = c->next;
		if (!with_snapshot || c->kept != NULL)
			connection_close(s, c);
	}
}

/*
 * Open the store again.  After an error of its medium the engine may refuse
 * everything; opened again, it goes by what is on the medium.  Returns false
 * where that fails.
 */
static bool
reopen_store(struct server *s)
{
	struct problem why = {""};

	s->reopen_store = false;
	close_connections(s, true);
	store_close(s->store);
	if (store_open(&s->store, &s->o->store, &why) == ST_OK)
		return true;
	log_event(s->log, LOG_LEVEL_ERROR, "store", "%s", why.detail);
	return false;
}

/* Leave between two turns.  Returns false when there is no more to do. */
static bool
go_on_leaving(struct server *s)
{
	if (s->leave_signal == SIGUSR2 && !s->retiring)
		begin_retiring(s);
	if (s->leave_signal == SIGUSR2 && !s->draining && !go_on_retiring(s))
		return false;
	if (!s->draining && (s->leave_signal == SIGTERM || clock_now() > s->drain_end))
		begin_drain(s);
	return !s->draining || go_on_draining(s);
}

/*
 * Leave with a failure, so that the supervisor starts another worker.  Hands
 * over what it can.  Always returns false.
 */
static bool
give_up(struct server *s)
{
	if (!s->retiring)
		begin_retiring(s);
	go_on_retiring(s);
	s->failed = true;
	return false;
}

/* Stand in between two turns.  Returns false when the worker has to leave. */
static bool
go_on_standing_in(struct server *s)
{
	if (metrics_any_ready(s->o->metrics) || clock_now() > s->stand_in_end)
		return give_up(s);
	/* After a shortage of descriptors, accept only after the next tick. */
	accept_watch(s, !s->exhausted);
	s->exhausted = false;
	return true;
}

/*
 * Do what is due between two turns.  Returns false when the worker has to
 * leave; else *timeout is how long the next turn may wait, in milliseconds.
 */
static bool
next_turn(struct server *s, int *timeout)
{
	if (s->reopen_store && !reopen_store(s))
		return give_up(s);
	*timeout = LEAVE_TICK_MS;
	if (s->owing > 0 || s->busy > 0)
		close_stalled(s);
	if (s->leave_signal != 0)
		return go_on_leaving(s);
	if (s->store == NULL) {
		*timeout = STAND_IN_TICK_MS;
		return go_on_standing_in(s);
	}
	*timeout = accept_share(s);
	if (*timeout < 0 && (s->owing > 0 || s->busy > 0))
		*timeout = STALL_TICK_MS;
	return true;
}

static int
loop(struct server *s)
{
	struct epoll_event events[TURN_MAX];
	/* The first turn does not wait: next_turn may watch the listener. */
	int timeout = 0, n;

	do {
		n = epoll_wait(s->epoll, events, TURN_MAX, timeout);
		if (n < 0 && errno != EINTR) {
			log_event(s->log, LOG_LEVEL_ERROR, "loop", "epoll: %s", strerror(errno));
			return EXIT_FAILURE;
		}
		turn(s, events, n);
		log_flush(s->log);
	} while (next_turn(s, &timeout));
	return s->failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

/*
 * Read signals in the loop.  They stay blocked, so that neither a handler of
 * libfcgi nor a system call sees them.
 */
static bool
watch_signals(struct server *s)
{
	struct epoll_event ev = {.events = EPOLLIN, .data.ptr = &s->signals};
	sigset_t set;

	signal(SIGPIPE, SIG_IGN);
	/* Beyond the file size limit the store gets an error (EFBIG). */
	signal(SIGXFSZ, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGUSR2);
	s->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return s->signals >= 0 && epoll_ctl(s->epoll, EPOLL_CTL_ADD, s->signals, &ev) == 0;
}

/*
 * Watch for connections from retiring workers.  Unlike the listener they are
 * watched whatever this worker's share, because they must not wait.
 */
static bool
watch_handover(struct server *s)
{
	struct epoll_event ev = {.events = EPOLLIN | EPOLLEXCLUSIVE,
				 .data.ptr = (void *)(uintptr_t)&s->o->handover};

	return epoll_ctl(s->epoll, EPOLL_CTL_ADD, s->o->handover[0], &ev) == 0;
}

/* Watch everything except the listener, and enter the sandbox. */
static bool
set_up(struct server *s)
{
	const struct server_options *o = s->o;
	const char *directory = s->store == NULL ? NULL : o->store.path;
	struct problem why = {""};

	s->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (s->epoll < 0 || !watch_signals(s) || !watch_handover(s)) {
		log_event(s->log, LOG_LEVEL_ERROR, "start", "epoll: %s", strerror(errno));
		return false;
	}
	if (o->sandbox != NULL && !sandbox_enter(o->sandbox, directory, o->parent, &why)) {
		log_event(s->log, LOG_LEVEL_ERROR, "sandbox", "%s", why.detail);
		return false;
	}
	return true;
}

/* Watch the listener, and tell the supervisor that this worker is ready. */
static void
begin_serving(struct server *s)
{
	accept_watch(s, true);
	atomic_store(&s->slot->state, WORKER_READY);
	kill(s->o->parent, SIGUSR1);
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
	if (store_open(&s.store, &o->store, &why) != ST_OK) {
		log_event(s.log, LOG_LEVEL_ERROR, "store", "%s", why.detail);
		if (metrics_any_ready(o->metrics))
			return status;
		s.stand_in_end = clock_now() + STAND_IN_NS;
	}
	if (!set_up(&s))
		goto out;
	atomic_store(&s.slot->connections, 0);
	if (s.store != NULL)
		begin_serving(&s);
	status = loop(&s);
	close_connections(&s, false);
	close(s.signals);
	close(s.epoll);
out:
	buf_free(&s.out);
	store_close(s.store);
	log_flush(s.log);
	return status;
}
