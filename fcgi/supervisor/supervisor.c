#include "supervisor/supervisor.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "content/transfer.h"
#include "os/clock.h"
#include "os/handover.h"
#include "os/listen.h"
#include "supervisor/workers.h"

#define UPKEEP_NS (5u * CLOCK_SECOND)
/* If a replacement is not ready within this time, the restart is given up. */
#define READY_NS (10u * CLOCK_SECOND)

/* A rolling restart replaces the workers born before `born`, one at a time. */
struct roll {
	bool active;
	uint64_t born;
	unsigned fresh; /* the replacement's seat until it is ready */
	uint64_t limit; /* when the replacement has to be ready */
};

struct supervisor {
	const struct config *config;
	struct log *log;
	struct listener listener;
	struct metrics *metrics;
	struct store_options store;
	struct workers workers;
	struct sandbox sandbox;
	struct roll roll;
	uint64_t upkeep_at;
	bool leaving;
	bool said_ready;
	bool roll_again;    /* another rolling restart was asked for */
	bool store_trouble; /* the last upkeep could not open the store */
};

/* --- rolling restart --- */

static void
begin_roll(struct supervisor *s)
{
	log_event(s->log, LOG_LEVEL_INFO, "restart", "replacing %u workers one after another",
		  s->workers.wanted);
	s->roll_again = false;
	s->roll = (struct roll){.active = true,
				.born = clock_now(),
				.fresh = s->workers.seat_count,
				.limit = CLOCK_NEVER};
}

/* Returns the seat of the next worker to replace, or seat_count. */
static unsigned
next_old(const struct supervisor *s)
{
	const struct workers *w = &s->workers;
	unsigned i = 0;

	while (i < w->seat_count &&
	       (w->seats[i].pid == 0 || w->seats[i].retiring || w->seats[i].born >= s->roll.born))
		i++;
	return i;
}

static void
go_on_rolling(struct supervisor *s)
{
	struct workers *w = &s->workers;
	unsigned none = w->seat_count, old;

	if (s->roll_again && !s->roll.active)
		begin_roll(s);
	old = next_old(s);

	/* Start no replacement while the previous worker is still leaving. */
	if (!s->roll.active || workers_alive(w) > workers_active(w))
		return;
	if (old == none) {
		log_event(s->log, LOG_LEVEL_INFO, "restart", "done");
		s->roll.active = false;
	} else if (s->roll.fresh == none) {
		s->roll.fresh = workers_spawn(w);
		s->roll.limit = clock_now() + READY_NS;
		s->roll.active = s->roll.fresh != none;
	} else if (workers_is_ready(w, s->roll.fresh)) {
		s->roll.fresh = none;
		s->roll.limit = CLOCK_NEVER;
		workers_retire(w, old, SIGUSR2);
	} else if (w->seats[s->roll.fresh].pid == 0 || clock_now() > s->roll.limit) {
		log_event(s->log, LOG_LEVEL_ERROR, "restart",
			  "a new worker did not get ready; the old ones stay");
		/* Nor may it stay beside them, should it get ready later. */
		workers_retire(w, s->roll.fresh, SIGTERM);
		s->roll.active = false;
	}
}

/* --- upkeep --- */

static void
upkeep(struct supervisor *s)
{
	struct problem why = {""};
	struct store *store;
	unsigned cleared;

	if (clock_now() < s->upkeep_at)
		return;
	s->upkeep_at = clock_now() + UPKEEP_NS;
	/* An open store must not cross a fork, and workers are forked here. */
	if (store_open(&store, &s->store, &why) != ST_OK) {
		if (!s->store_trouble)
			log_event(s->log, LOG_LEVEL_ERROR, "store", "%s", why.detail);
		s->store_trouble = true;
		return;
	}
	if (s->store_trouble)
		log_event(s->log, LOG_LEVEL_WARN, "store", "store %s: it can be opened again",
			  s->store.path);
	s->store_trouble = false;
	cleared = store_upkeep(store);
	store_close(store);
	if (cleared > 0) {
		atomic_fetch_add(&s->metrics->stale_readers, cleared);
		log_event(s->log, LOG_LEVEL_INFO, "store", "snapshots of dead workers cleared: %u",
			  cleared);
	}
}

/* --- the loop --- */

static void
leave(struct supervisor *s, int signo)
{
	if (s->leaving)
		return;
	log_event(s->log, LOG_LEVEL_INFO, "stop", "%s: %u workers finish what they have",
		  strsignal(signo), workers_alive(&s->workers));
	s->leaving = true;
	/* A worker killed in an earlier restart does not count for this end. */
	s->workers.forced = false;
	listen_shut(&s->listener);
	for (unsigned i = 0; i < s->workers.seat_count; i++)
		workers_retire(&s->workers, i, SIGTERM);
}

static void
say_ready(struct supervisor *s)
{
	unsigned ready = 0;

	for (unsigned i = 0; i < s->workers.seat_count; i++)
		ready += workers_is_ready(&s->workers, i);
	if (s->said_ready || ready < s->workers.wanted)
		return;
	s->said_ready = true;
	log_event(s->log, LOG_LEVEL_INFO, "ready", "%u workers serve %s from %s", ready,
		  s->listener.from, s->config->store.path);
}

/*
 * Returns the time until the next deadline, at most UPKEEP_NS.  A signal ends
 * the wait earlier.
 */
static struct timespec
time_to_wait(const struct supervisor *s)
{
	uint64_t now = clock_now(), next = workers_next(&s->workers, !s->leaving), wait;

	if (!s->leaving && s->upkeep_at < next)
		next = s->upkeep_at;
	if (!s->leaving && s->roll.active && s->roll.limit < next)
		next = s->roll.limit;
	if (!s->leaving && s->roll_again && !s->roll.active)
		next = now;
	wait = next <= now ? 0 : next - now;
	if (wait > UPKEEP_NS)
		wait = UPKEEP_NS;
	return (struct timespec){.tv_sec = (time_t)(wait / CLOCK_SECOND),
				 .tv_nsec = (long)(wait % CLOCK_SECOND)};
}

static void
run(struct supervisor *s, const sigset_t *signals)
{
	while (!s->leaving || workers_alive(&s->workers) > 0) {
		struct timespec wait;
		int signo;

		if (!s->leaving) {
			workers_fill(&s->workers);
			go_on_rolling(s);
			upkeep(s);
			say_ready(s);
		}
		workers_kill_overdue(&s->workers);
		log_flush(s->log);
		wait = time_to_wait(s);
		signo = sigtimedwait(signals, NULL, &wait);
		if (signo == SIGTERM || signo == SIGINT)
			leave(s, signo);
		else if (signo == SIGHUP)
			s->roll_again = true;
		if (workers_reap(&s->workers))
			s->upkeep_at = 0;
	}
}

/* --- start and end --- */

static bool
supervisor_fail(const char *what)
{
	fprintf(stderr, "markbook serve: %s\n", what);
	return false;
}

static bool
prepare_store(const struct config *config, struct log *log, int *hold)
{
	struct problem why = {""};
	bool fresh;
	enum status st = store_prepare(&config->store, &fresh, hold, &why);

	if (st == ST_OK && fresh && config->seed != NULL)
		st = transfer_seed(&config->store, config->seed, &why);
	if (st != ST_OK)
		return supervisor_fail(why.detail);
	if (fresh)
		log_event(log, LOG_LEVEL_INFO, "store", "new store in %s, %s", config->store.path,
			  config->seed != NULL ? "seeded" : "empty");
	return true;
}

static bool
prepare_workers(struct supervisor *s)
{
	const struct config *c = s->config;
	struct server_options o = {
	    .listener = s->listener.fd,
	    .log = s->log,
	    .max_body = c->max_body,
	    .peer_timeout = c->peer_timeout,
	    .drain_timeout = c->drain_timeout,
	    .store = s->store,
	    .sandbox = c->sandbox == SANDBOX_ON ? &s->sandbox : NULL,
	};

	if (!handover_pair(o.handover))
		return supervisor_fail(strerror(errno));
	s->metrics = o.metrics = metrics_create(2 * c->workers);
	if (o.metrics == NULL || !workers_init(&s->workers, &o, c->workers))
		return supervisor_fail(strerror(ENOMEM));
	atomic_store(&s->metrics->workers, c->workers);
	return true;
}

/*
 * Block the signals in all processes of the service.  The supervisor waits for
 * them with sigtimedwait; a worker reads them in its loop.
 */
static void
block_signals(sigset_t *set)
{
	static const int signals[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2, SIGCHLD, SIGPIPE};

	/* If our parent ignored SIGCHLD, a child's end would send no signal. */
	signal(SIGCHLD, SIG_DFL);
	sigemptyset(set);
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		sigaddset(set, signals[i]);
	sigprocmask(SIG_SETMASK, set, NULL);
}

/*
 * Raise the limit from the usual 1024 descriptors to what the administrator
 * allows: each connection needs one.
 */
static void
raise_descriptor_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

static void
say_sandbox(const struct supervisor *s)
{
	enum log_level level = s->sandbox.seccomp ? LOG_LEVEL_INFO : LOG_LEVEL_WARN;
	char text[256] = "off";

	if (s->config->sandbox == SANDBOX_ON)
		sandbox_text(&s->sandbox, text, sizeof(text));
	log_event(s->log, level, "sandbox", "%s", text);
}

int
supervisor_run(const struct config *config, struct log *log)
{
	struct supervisor s = {.config = config, .log = log, .store = config->store};
	struct problem why = {""};
	sigset_t signals;
	int status = EXIT_FAILURE, hold = -1;

	if (config->sandbox == SANDBOX_ON && !sandbox_prepare(&s.sandbox)) {
		supervisor_fail("the kernel knows no no_new_privs; give --no-sandbox");
		return status;
	}
	raise_descriptor_limit();
	block_signals(&signals);
	/* This process and the workers keep the store's hold to their end. */
	if (!prepare_store(config, log, &hold))
		return status;
	if (listen_open(&s.listener, config->listen_fds, config->socket, config->socket_mode,
			&why) != ST_OK) {
		supervisor_fail(why.detail);
		return status;
	}
	store_identify(&s.store, &s.store.file);
	if (prepare_workers(&s)) {
		say_sandbox(&s);
		s.upkeep_at = clock_now() + UPKEEP_NS;
		run(&s, &signals);
		log_event(log, LOG_LEVEL_INFO, "stop", "all workers left");
		log_flush(log);
		status = s.workers.forced ? EXIT_FAILURE : EXIT_SUCCESS;
		if (status == EXIT_SUCCESS && store_settle(&s.store, &why) != ST_OK) {
			log_event(log, LOG_LEVEL_ERROR, "store", "%s", why.detail);
			log_flush(log);
			status = EXIT_FAILURE;
		}
	}
	workers_free(&s.workers);
	close(hold);
	metrics_destroy(s.metrics);
	listen_close(&s.listener);
	return status;
}
