#include "supervisor.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "handover.h"
#include "listen.h"
#include "server.h"
#include "transfer.h"

#define SECOND_NS 1000000000u
#define NEVER UINT64_MAX
#define UPKEEP_NS (5u * SECOND_NS)
/* A worker that lived shorter than this died at once. */
#define SHORT_LIFE_NS SECOND_NS
#define BACKOFF_FIRST_NS (SECOND_NS / 10)
#define BACKOFF_MAX_NS (5u * SECOND_NS)
/* How long a replacement may take to get ready before its predecessor is kept instead. */
#define READY_NS (10u * SECOND_NS)

/* One seat for a worker; its index is the worker's slot in the metrics. */
struct seat {
	pid_t pid; /* 0: empty */
	uint64_t born;
	uint64_t kill_at; /* NEVER, or when a worker that was told to leave is killed */
	bool retiring;	  /* was told to leave */
};

struct supervisor {
	const struct config *config;
	struct log *log;
	struct listener listener;
	int handover[2];
	struct metrics *metrics;
	struct seat *seats;  /* two for each worker, so that a new one can start beside an old one */
	unsigned seat_count;
	unsigned short_lives; /* in a row */
	uint64_t respawn_at;
	uint64_t upkeep_at;
	bool leaving;
	bool forced; /* a worker had to be killed */
	/* A rolling restart: workers born before `roll_born` are replaced, one at a time. */
	bool rolling;
	uint64_t roll_born;
	unsigned roll_new; /* the seat of the replacement that is to get ready */
	uint64_t roll_limit;
};

static uint64_t
now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * SECOND_NS + (uint64_t)t.tv_nsec;
}

static bool
is_ready(const struct supervisor *s, unsigned seat)
{
	return s->seats[seat].pid > 0 && atomic_load(&s->metrics->slot[seat].state) == WORKER_READY;
}

/* --- workers --- */

static int
worker_main(const struct supervisor *s, unsigned seat, pid_t parent)
{
	const struct server_options o = {
	    .listener = s->listener.fd,
	    .handover = {s->handover[0], s->handover[1]},
	    .slot = seat,
	    .metrics = s->metrics,
	    .log = s->log,
	    .max_body = s->config->max_body,
	    .peer_timeout = s->config->peer_timeout,
	    .drain_timeout = s->config->drain_timeout,
	    .store = s->config->store,
	};

	/* A worker does not outlive its supervisor, whatever ended that. */
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		return EXIT_FAILURE;
	return server_run(&o);
}

/* The seat taken, or seat_count where none could be started. */
static unsigned
spawn(struct supervisor *s)
{
	pid_t parent = getpid(), pid;
	unsigned seat = 0;

	while (seat < s->seat_count && s->seats[seat].pid != 0)
		seat++;
	if (seat == s->seat_count)
		return seat;
	atomic_store(&s->metrics->slot[seat].state, WORKER_STARTING);
	log_flush(s->log);
	pid = fork();
	if (pid == 0)
		_exit(worker_main(s, seat, parent));
	if (pid < 0) {
		log_event(s->log, LOG_LEVEL_ERROR, "worker", "cannot fork: %s", strerror(errno));
		atomic_store(&s->metrics->slot[seat].state, WORKER_NONE);
		s->short_lives++;
		return s->seat_count;
	}
	s->seats[seat] = (struct seat){.pid = pid, .born = now_ns(), .kill_at = NEVER};
	return seat;
}

static void
retire(struct supervisor *s, unsigned seat, int signo)
{
	struct seat *seat_ptr = &s->seats[seat];

	if (seat_ptr->pid == 0)
		return;
	if (!seat_ptr->retiring)
		seat_ptr->kill_at =
		    now_ns() + (uint64_t)(s->config->drain_timeout + 1) * SECOND_NS;
	seat_ptr->retiring = true;
	kill(seat_ptr->pid, signo);
	/* So that one which was stopped can leave. */
	kill(seat_ptr->pid, SIGCONT);
}

/* Workers that serve or are about to; those told to leave do not count. */
static unsigned
active(const struct supervisor *s)
{
	unsigned n = 0;

	for (unsigned i = 0; i < s->seat_count; i++)
		n += s->seats[i].pid > 0 && !s->seats[i].retiring;
	return n;
}

static unsigned
alive(const struct supervisor *s)
{
	unsigned n = 0;

	for (unsigned i = 0; i < s->seat_count; i++)
		n += s->seats[i].pid > 0;
	return n;
}

static uint64_t
backoff(const struct supervisor *s)
{
	uint64_t wait = BACKOFF_FIRST_NS;

	/* The first death is mended at once. */
	if (s->short_lives <= 1)
		return 0;
	for (unsigned i = 2; i < s->short_lives && wait < BACKOFF_MAX_NS; i++)
		wait *= 2;
	return wait < BACKOFF_MAX_NS ? wait : BACKOFF_MAX_NS;
}

static void
fill_seats(struct supervisor *s)
{
	while (active(s) < s->config->workers && now_ns() >= s->respawn_at) {
		if (spawn(s) == s->seat_count)
			s->respawn_at = now_ns() + BACKOFF_MAX_NS;
	}
}

static void
on_worker_death(struct supervisor *s, unsigned seat, int status)
{
	struct seat *dead = &s->seats[seat];
	bool asked = dead->retiring, at_once = now_ns() - dead->born < SHORT_LIFE_NS;
	struct metrics_slot *slot = &s->metrics->slot[seat];

	atomic_store(&slot->state, WORKER_NONE);
	atomic_store(&slot->connections, 0);
	if (!asked) {
		atomic_fetch_add(&s->metrics->worker_deaths, 1);
		s->short_lives = at_once ? s->short_lives + 1 : 0;
		s->respawn_at = now_ns() + backoff(s);
		s->upkeep_at = 0;
	}
	if (log_begin(s->log, asked ? LOG_LEVEL_INFO : LOG_LEVEL_WARN, "worker")) {
		log_str(s->log, "message", slice_str(asked ? "left" : "died"));
		log_u64(s->log, "worker", (uint64_t)dead->pid);
		if (WIFSIGNALED(status))
			log_u64(s->log, "signal", (uint64_t)WTERMSIG(status));
		else
			log_u64(s->log, "exit", (uint64_t)WEXITSTATUS(status));
		log_end(s->log);
	}
	*dead = (struct seat){.kill_at = NEVER};
}

static void
reap(struct supervisor *s)
{
	int status;
	pid_t pid;

	/* As process 1 this also collects orphans that are nobody's worker. */
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		for (unsigned i = 0; i < s->seat_count; i++) {
			if (s->seats[i].pid == pid)
				on_worker_death(s, i, status);
		}
	}
}

static void
kill_overdue(struct supervisor *s)
{
	for (unsigned i = 0; i < s->seat_count; i++) {
		struct seat *seat = &s->seats[i];

		if (seat->pid == 0 || now_ns() < seat->kill_at)
			continue;
		log_event(s->log, LOG_LEVEL_WARN, "worker",
			  "%d did not leave within the drain timeout and is killed",
			  (int)seat->pid);
		kill(seat->pid, SIGKILL);
		seat->kill_at = NEVER;
		s->forced = true;
	}
}

/* --- rolling restart --- */

static void
begin_roll(struct supervisor *s)
{
	log_event(s->log, LOG_LEVEL_INFO, "restart", "replacing %u workers one after another",
		  s->config->workers);
	s->rolling = true;
	s->roll_born = now_ns();
	s->roll_new = s->seat_count;
}

/* The next worker to replace, or seat_count. */
static unsigned
next_old(const struct supervisor *s)
{
	for (unsigned i = 0; i < s->seat_count; i++) {
		if (s->seats[i].pid > 0 && !s->seats[i].retiring && s->seats[i].born < s->roll_born)
			return i;
	}
	return s->seat_count;
}

static void
roll(struct supervisor *s)
{
	unsigned old = next_old(s);

	/* One at a time: no replacement while a predecessor is still leaving. */
	if (!s->rolling || alive(s) > active(s))
		return;
	if (old == s->seat_count) {
		log_event(s->log, LOG_LEVEL_INFO, "restart", "done");
		s->rolling = false;
	} else if (s->roll_new == s->seat_count) {
		s->roll_new = spawn(s);
		s->roll_limit = now_ns() + READY_NS;
		s->rolling = s->roll_new != s->seat_count;
	} else if (is_ready(s, s->roll_new)) {
		s->roll_new = s->seat_count;
		retire(s, old, SIGUSR2);
	} else if (s->seats[s->roll_new].pid == 0 || now_ns() > s->roll_limit) {
		log_event(s->log, LOG_LEVEL_ERROR, "restart",
			  "a new worker did not get ready; the old ones stay");
		s->rolling = false;
	}
}

/* --- upkeep --- */

static void
upkeep(struct supervisor *s)
{
	struct problem why = {""};
	struct store *store;
	unsigned cleared;

	if (now_ns() < s->upkeep_at)
		return;
	s->upkeep_at = now_ns() + UPKEEP_NS;
	/* Not kept open: workers are forked from here, and an open store must not cross a fork. */
	if (store_open(&store, &s->config->store, &why) != ST_OK) {
		log_event(s->log, LOG_LEVEL_ERROR, "store", "%s", why.detail);
		return;
	}
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
		  strsignal(signo), alive(s));
	s->leaving = true;
	s->rolling = false;
	listen_shut(&s->listener);
	for (unsigned i = 0; i < s->seat_count; i++)
		retire(s, i, SIGTERM);
}

/* Until the next thing that has to be done at a certain time; a signal comes earlier. */
static struct timespec
time_to_wait(const struct supervisor *s)
{
	uint64_t now = now_ns(), next = s->leaving ? NEVER : s->upkeep_at, wait;

	if (!s->leaving && active(s) < s->config->workers && s->respawn_at < next)
		next = s->respawn_at;
	if (s->rolling && s->roll_limit < next)
		next = s->roll_limit;
	for (unsigned i = 0; i < s->seat_count; i++) {
		if (s->seats[i].pid > 0 && s->seats[i].kill_at < next)
			next = s->seats[i].kill_at;
	}
	wait = next <= now ? 0 : next - now;
	if (wait > UPKEEP_NS)
		wait = UPKEEP_NS;
	return (struct timespec){.tv_sec = (time_t)(wait / SECOND_NS),
				 .tv_nsec = (long)(wait % SECOND_NS)};
}

static void
say_ready(struct supervisor *s, bool *said)
{
	unsigned ready = 0;

	for (unsigned i = 0; i < s->seat_count; i++)
		ready += is_ready(s, i);
	if (*said || ready < s->config->workers)
		return;
	*said = true;
	log_event(s->log, LOG_LEVEL_INFO, "ready", "%u workers serve %s from %s", ready,
		  s->listener.from, s->config->store.path);
}

static void
run(struct supervisor *s, const sigset_t *signals)
{
	bool said_ready = false;

	while (!s->leaving || alive(s) > 0) {
		struct timespec wait;
		int signo;

		if (!s->leaving) {
			fill_seats(s);
			roll(s);
			upkeep(s);
		}
		kill_overdue(s);
		say_ready(s, &said_ready);
		log_flush(s->log);
		wait = time_to_wait(s);
		signo = sigtimedwait(signals, NULL, &wait);
		if (signo == SIGTERM || signo == SIGINT)
			leave(s, signo);
		else if (signo == SIGHUP && !s->leaving && !s->rolling)
			begin_roll(s);
		reap(s);
	}
}

static bool
prepare_store(const struct config *config, struct log *log)
{
	struct problem why = {""};
	bool fresh;
	enum status st = store_prepare(&config->store, &fresh, &why);

	if (st == ST_OK && fresh && config->seed != NULL)
		st = transfer_load_file(&config->store, config->seed, false, &why);
	if (st != ST_OK)
		fprintf(stderr, "markbook serve: %s\n", why.detail);
	else if (fresh)
		log_event(log, LOG_LEVEL_INFO, "store", "new store in %s, %s", config->store.path,
			  config->seed != NULL ? "seeded" : "empty");
	return st == ST_OK;
}

/* Blocked in all processes of the service: waited for here, let in by a worker only while it waits. */
static void
block_signals(sigset_t *set)
{
	static const int signals[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2, SIGCHLD, SIGPIPE};

	sigemptyset(set);
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		sigaddset(set, signals[i]);
	sigprocmask(SIG_SETMASK, set, NULL);
}

int
supervisor_run(const struct config *config, struct log *log)
{
	struct supervisor s = {.config = config, .log = log, .seat_count = 2 * config->workers};
	struct problem why = {""};
	sigset_t signals;
	int status = EXIT_FAILURE;

	block_signals(&signals);
	if (!prepare_store(config, log))
		return status;
	if (listen_open(&s.listener, config->listen_fds, config->socket, config->socket_mode,
			&why) != ST_OK) {
		fprintf(stderr, "markbook serve: %s\n", why.detail);
		return status;
	}
	if (!handover_pair(s.handover, config->drain_timeout)) {
		fprintf(stderr, "markbook serve: socketpair: %s\n", strerror(errno));
		goto close_listener;
	}
	s.metrics = metrics_create(s.seat_count);
	s.seats = calloc(s.seat_count, sizeof(*s.seats));
	if (s.metrics == NULL || s.seats == NULL) {
		fprintf(stderr, "markbook serve: out of memory\n");
		goto free_all;
	}
	atomic_store(&s.metrics->workers, config->workers);
	s.upkeep_at = now_ns() + UPKEEP_NS;
	run(&s, &signals);
	status = s.forced ? EXIT_FAILURE : EXIT_SUCCESS;
	log_event(log, LOG_LEVEL_INFO, "stop", "all workers left");
	log_flush(log);
free_all:
	free(s.seats);
	metrics_destroy(s.metrics);
	close(s.handover[0]);
	close(s.handover[1]);
close_listener:
	listen_close(&s.listener);
	return status;
}
