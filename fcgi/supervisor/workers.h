/*
 * The worker processes of one service: start them, tell them to leave, count
 * them, and start them again when they die.
 *
 * Times are in nanoseconds, as of clock_now.
 */
#ifndef MARKBOOK_SUPERVISOR_WORKERS_H
#define MARKBOOK_SUPERVISOR_WORKERS_H

#include <sys/types.h>

#include "server/server.h"

/* One place for a worker; its index is the worker's slot in the metrics. */
struct seat {
	pid_t pid;	  /* 0: empty */
	uint64_t born;	  /* when the worker was started */
	uint64_t kill_at; /* when a retiring worker is killed */
	bool retiring;	  /* it was told to leave */
	bool killed;	  /* because it did not leave in time */
};

struct workers {
	/* For each worker; workers_spawn fills in the slot and the parent. */
	struct server_options options;
	unsigned wanted; /* how many should run */
	/* Two for each worker: its replacement starts beside it. */
	struct seat *seats;
	unsigned seat_count;
	unsigned short_lives; /* workers that died at once, in a row */
	uint64_t respawn_at;  /* workers_fill starts none before this */
	bool forced;	      /* a worker was killed; the caller clears it */
};

/*
 * Set up empty seats for `wanted` workers.  What `options` points to stays
 * borrowed; its metrics have two slots for each worker.  Returns false if there
 * is no memory.
 */
bool workers_init(struct workers *w, const struct server_options *options, unsigned wanted);

/* Free the seats; it does not touch the processes. */
void workers_free(struct workers *w);

/*
 * Start one more worker.  Returns its seat, or seat_count if none is free or
 * fork(2) failed.
 */
unsigned workers_spawn(struct workers *w);

/* Start missing workers, but back off if the last ones died at once. */
void workers_fill(struct workers *w);

/*
 * Tell a worker to leave, with SIGTERM or SIGUSR2 (see server.h).  An empty
 * seat is left alone.
 */
void workers_retire(struct workers *w, unsigned seat, int signo);

/* Kill the workers that still run one second after the drain timeout. */
void workers_kill_overdue(struct workers *w);

/* Reap all children that ended.  Returns whether any worker died. */
bool workers_reap(struct workers *w);

/* How many workers serve or start; those told to leave do not count. */
unsigned workers_active(const struct workers *w);

/* How many workers run, also those told to leave. */
unsigned workers_alive(const struct workers *w);

/* Whether the seat has a worker that serves. */
bool workers_is_ready(const struct workers *w, unsigned seat);

/*
 * Returns the time of the next deadline: a delayed start, unless may_start is
 * false, or a kill.  It is CLOCK_NEVER if there is none.
 */
uint64_t workers_next(const struct workers *w, bool may_start);

#endif
