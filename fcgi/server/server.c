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

/* A connection idle for so long is closed when the worker drains. */
#define DRAIN_IDLE_NS 500000000u
#define LEAVE_TICK_MS 10
/* How often connections that stall are looked for, while one owes a request or takes an answer. */
#define STALL_TICK_MS 500
/* How long a worker without a store answers, where nobody else does, and how often it looks for others. */
#define STAND_IN_NS (5 * CLOCK_SECOND)
#define STAND_IN_TICK_MS 100

static void
begin_drain(struct server *s)
{
	s->draining = true;
	/* One that retires has had its time. */
	if (!s->retiring)
		s->drain_end = clock_now() + (uint64_t)s->o->drain_timeout * CLOCK_SECOND;
	atomic_store(&s->slot->state, WORKER_LEAVING);
	accept_watch(s, false);
	/* Those in the queue were promised an answer when their connect succeeded. */
	while (s->leave_signal == SIGTERM && accept_one(s))
		;
	close(s->o->listener);
	log_event(s->log, LOG_LEVEL_INFO, "drain", "connections: %u", s->connection_count);
}

/* Between two turns: true while there is something left to wait for. */
static bool
go_on_draining(struct server *s)
{
	uint64_t now = clock_now();

	/* Of those that a worker which was being replaced could still send. */
	while (s->leave_signal == SIGTERM && accept_receive(s))
		;
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
	/* From now on others do not measure their share by this worker's. */
	atomic_store(&s->slot->state, WORKER_LEAVING);
	accept_watch(s, false);
	epoll_ctl(s->epoll, EPOLL_CTL_DEL, s->o->handover[0], NULL);
	log_event(s->log, LOG_LEVEL_INFO, "handover", "connections: %u", s->connection_count);
}

/* Between two turns: hand over what the others take.  What is left is served meanwhile. */
static bool
go_on_retiring(struct server *s)
{
	for (struct connection *c = s->connections, *next; c != NULL; c = next) {
		next = c->next;
		if (c->state != CONNECTION_OPEN)
			continue;
		if (!handover_send(s->o->handover[1], c->fd, (char)c->owes))
			break;
		/* The connection lives on elsewhere, and so would its place in this epoll. */
		epoll_ctl(s->epoll, EPOLL_CTL_DEL, c->fd, NULL);
		connection_close(s, c);
	}
	return s->connections != NULL;
}

static void
read_signal(struct server *s)
{
	struct signalfd_siginfo info;

	/* The lower number comes first; leaving altogether is what counts. */
	while (read(s->signals, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		if (s->leave_signal != SIGTERM)
			s->leave_signal = (int)info.ssi_signo;
	}
}

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
	/* No snapshot of this turn's reads keeps pages from the commits. */
	if (s->store != NULL)
		store_read_end(s->store);
	turn_commit(s);
}

/* Close those that connected and did not get as far as one request, or do not take their answer. */
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
		/* It may be that this worker was late, not the peer. */
		if (connection_is_idle(s, c)) {
			metrics_add(&s->slot->dropped, 1);
			connection_close(s, c);
		}
	}
}

/* All of them, or those whose answers are made from a snapshot. */
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
 * An engine that met an error of its medium may refuse everything from then on; opened again, it goes by what is there.
 * False: not even that.
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

/* Between two turns of a worker that was told to leave.  False: it is over. */
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

/* The supervisor starts another one, at once or later. */
static bool
give_up(struct server *s)
{
	if (!s->retiring)
		begin_retiring(s);
	go_on_retiring(s);
	s->failed = true;
	return false;
}

/* Between two turns of a worker without a store.  False: it is over. */
static bool
go_on_standing_in(struct server *s)
{
	if (metrics_any_ready(s->o->metrics) || clock_now() > s->stand_in_end)
		return give_up(s);
	/* Where there are no descriptors for one more, not before the next tick. */
	accept_watch(s, !s->exhausted);
	s->exhausted = false;
	return true;
}

/* Between two turns: leave, or find out how long the next one may wait.  False: it is over. */
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
	/* The first turn does not wait: the listener may not be watched yet. */
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

/* All that matter stay blocked, also to libfcgi's handlers: they are read in the loop. */
static bool
watch_signals(struct server *s)
{
	struct epoll_event ev = {.events = EPOLLIN, .data.ptr = &s->signals};
	sigset_t set;

	signal(SIGPIPE, SIG_IGN);
	/* A file size limit is to be an error of the store, not a death. */
	signal(SIGXFSZ, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGUSR2);
	s->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return s->signals >= 0 && epoll_ctl(s->epoll, EPOLL_CTL_ADD, s->signals, &ev) == 0;
}

/* Whatever this worker's share: a connection on its way must not wait. */
static bool
watch_handover(struct server *s)
{
	struct epoll_event ev = {.events = EPOLLIN | EPOLLEXCLUSIVE,
				 .data.ptr = (void *)(uintptr_t)&s->o->handover};

	return epoll_ctl(s->epoll, EPOLL_CTL_ADD, s->o->handover[0], &ev) == 0;
}

/* Anything that this worker is to wait for, but for the listener; and the sandbox. */
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
