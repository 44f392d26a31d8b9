#include "supervisor/workers.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/clock.h"

/* A worker that lived for less than this died at once. */
#define SHORT_LIFE_NS CLOCK_SECOND
#define BACKOFF_FIRST_NS (CLOCK_SECOND / 10)
#define BACKOFF_MAX_NS (5u * CLOCK_SECOND)
/* The longest wait when no other worker runs. */
#define BACKOFF_ALONE_NS (CLOCK_SECOND)

bool
workers_init(struct workers *w, const struct server_options *options, unsigned wanted)
{
	*w = (struct workers){.options = *options, .wanted = wanted, .seat_count = 2 * wanted};
	w->seats = calloc(w->seat_count, sizeof(*w->seats));
	return w->seats != NULL;
}

void
workers_free(struct workers *w)
{
	free(w->seats);
}

static struct metrics_slot *
slot(const struct workers *w, unsigned seat)
{
	return &w->options.metrics->slot[seat];
}

static int
worker_main(const struct workers *w, unsigned seat, pid_t parent)
{
	struct server_options o = w->options;

	o.slot = seat;
	o.parent = parent;
	/* A worker leaves when its supervisor ends for any reason. */
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	return getppid() == parent ? server_run(&o) : EXIT_FAILURE;
}

unsigned
workers_spawn(struct workers *w)
{
	pid_t parent = getpid(), pid;
	unsigned seat = 0;

	while (seat < w->seat_count && w->seats[seat].pid != 0)
		seat++;
	if (seat == w->seat_count)
		return seat;
	atomic_store(&slot(w, seat)->state, WORKER_STARTING);
	log_flush(w->options.log);
	pid = fork();
	if (pid == 0)
		_exit(worker_main(w, seat, parent));
	if (pid < 0) {
		log_event(w->options.log, LOG_LEVEL_ERROR, "worker", "cannot fork: %s",
			  strerror(errno));
		atomic_store(&slot(w, seat)->state, WORKER_NONE);
		return w->seat_count;
	}
	w->seats[seat] = (struct seat){.pid = pid, .born = clock_now(), .kill_at = CLOCK_NEVER};
	return seat;
}

void
workers_fill(struct workers *w)
{
	while (workers_active(w) < w->wanted && clock_now() >= w->respawn_at) {
		if (workers_spawn(w) == w->seat_count)
			w->respawn_at = clock_now() + BACKOFF_MAX_NS;
	}
}

void
workers_retire(struct workers *w, unsigned seat, int signo)
{
	struct seat *s = &w->seats[seat];

	if (s->pid == 0)
		return;
	if (!s->retiring)
		s->kill_at = clock_now() + ((uint64_t)w->options.drain_timeout + 1) * CLOCK_SECOND;
	s->retiring = true;
	kill(s->pid, signo);
	/* A stopped worker must run again to leave. */
	kill(s->pid, SIGCONT);
}

void
workers_kill_overdue(struct workers *w)
{
	for (unsigned i = 0; i < w->seat_count; i++) {
		struct seat *s = &w->seats[i];

		if (s->pid == 0 || clock_now() < s->kill_at)
			continue;
		log_event(w->options.log, LOG_LEVEL_WARN, "worker",
			  "%d did not leave within the drain timeout and is killed", (int)s->pid);
		kill(s->pid, SIGKILL);
		s->kill_at = CLOCK_NEVER;
		s->killed = true;
		w->forced = true;
	}
}

/*
 * Returns the wait before the next start.  A single death is repaired at once;
 * the wait doubles with each further worker that dies at once.
 */
static uint64_t
backoff(const struct workers *w)
{
	uint64_t wait = BACKOFF_FIRST_NS;
	uint64_t most = workers_active(w) > 0 ? BACKOFF_MAX_NS : BACKOFF_ALONE_NS;

	if (w->short_lives <= 1)
		return 0;
	for (unsigned i = 2; i < w->short_lives && wait < most; i++)
		wait *= 2;
	return wait < most ? wait : most;
}

/* Empty the seat and log the end.  Returns whether the worker died. */
static bool
on_end(struct workers *w, unsigned seat, int status)
{
	const struct seat ended = w->seats[seat];
	/*
	 * One that was told to leave and crashes instead has died all the same.
	 */
	bool crashed = WIFSIGNALED(status) && !ended.killed;
	bool died = crashed || !ended.retiring;
	bool at_once = clock_now() - ended.born < SHORT_LIFE_NS;
	struct log *log = w->options.log;

	atomic_store(&slot(w, seat)->state, WORKER_NONE);
	atomic_store(&slot(w, seat)->connections, 0);
	w->seats[seat] = (struct seat){.kill_at = CLOCK_NEVER};
	if (died)
		atomic_fetch_add(&w->options.metrics->worker_deaths, 1);
	/* Nobody has to be started in the place of one that was to leave. */
	if (!ended.retiring) {
		w->short_lives = at_once ? w->short_lives + 1 : 0;
		w->respawn_at = clock_now() + backoff(w);
	}
	if (log_begin(log, died ? LOG_LEVEL_WARN : LOG_LEVEL_INFO, "worker")) {
		log_str(log, "message", slice_str(died ? "died" : "left"));
		log_u64(log, "worker", (uint64_t)ended.pid);
		if (WIFSIGNALED(status))
			log_u64(log, "signal", (uint64_t)WTERMSIG(status));
		else
			log_u64(log, "exit", (uint64_t)WEXITSTATUS(status));
		log_end(log);
	}
	return died;
}

bool
workers_reap(struct workers *w)
{
	bool died = false;
	int status;
	pid_t pid;

	/* As process 1 it also reaps orphans, which are no workers. */
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		for (unsigned i = 0; i < w->seat_count; i++) {
			if (w->seats[i].pid == pid)
				died = on_end(w, i, status) || died;
		}
	}
	return died;
}

unsigned
workers_active(const struct workers *w)
{
	unsigned n = 0;

	for (unsigned i = 0; i < w->seat_count; i++)
		n += w->seats[i].pid > 0 && !w->seats[i].retiring;
	return n;
}

unsigned
workers_alive(const struct workers *w)
{
	unsigned n = 0;

	for (unsigned i = 0; i < w->seat_count; i++)
		n += w->seats[i].pid > 0;
	return n;
}

bool
workers_is_ready(const struct workers *w, unsigned seat)
{
	return w->seats[seat].pid > 0 && atomic_load(&slot(w, seat)->state) == WORKER_READY;
}

uint64_t
workers_next(const struct workers *w, bool may_start)
{
	uint64_t next = CLOCK_NEVER;

	if (may_start && workers_active(w) < w->wanted)
		next = w->respawn_at;
	for (unsigned i = 0; i < w->seat_count; i++) {
		if (w->seats[i].pid > 0 && w->seats[i].kill_at < next)
			next = w->seats[i].kill_at;
	}
	return next;
}
