/*
 * The worker processes of one service: started, told to leave, counted, and
 * started again when they die.
 */
#ifndef MARKBOOK_SUPERVISOR_WORKERS_H
#define MARKBOOK_SUPERVISOR_WORKERS_H

#include <sys/types.h>

#include "server/server.h"

/* One place for a worker; its index is the worker's slot in the metrics. */
struct seat {
	pid_t pid;	  /* 0: empty */
	uint64_t born;	  /* nanoseconds, as all times here */
	uint64_t kill_at; /* when a worker that was told to leave is killed */
	bool retiring;	  /* was told to leave */
};

struct workers {
	struct server_options options; /* of each; the slot is filled in */
	unsigned wanted;
	struct seat *seats; /* two for each worker, so that a new one can start beside an old one */
	unsigned seat_count;
	unsigned short_lives; /* of workers that died at once, in a row */
	uint64_t respawn_at;
	bool forced; /* one had to be killed since the caller last cleared this */
};

/* False where there is no memory.  All of `options` stays borrowed. */
bool workers_init(struct workers *w, const struct server_options *options, unsigned wanted);
void workers_free(struct workers *w);

/* Start one more.  Its seat, or seat_count where none could be started. */
unsigned workers_spawn(struct workers *w);

/* Start those that are missing, unless the last ones died at once: then later. */
void workers_fill(struct workers *w);

/* Tell one to leave: SIGTERM or SIGUSR2, see server.h.  Killed one second after the drain timeout. */
void workers_retire(struct workers *w, unsigned seat, int signo);
void workers_kill_overdue(struct workers *w);

/* Collect all that ended.  True where one of them was not told to. */
bool workers_reap(struct workers *w);

/* That serve or are about to; those told to leave do not count. */
unsigned workers_active(const struct workers *w);
unsigned workers_alive(const struct workers *w);
bool workers_is_ready(const struct workers *w, unsigned seat);

/* When something has to be done next: a start that was put off, or a kill. */
uint64_t workers_next(const struct workers *w, bool may_start);

#endif
