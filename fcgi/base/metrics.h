/*
 * Counters of all processes of one service, in memory that they share.
 *
 * The supervisor makes the table before it forks; each worker writes only its
 * own slot, with relaxed atomic operations, and any process reads all.
 * Counters of a slot go on when a new worker takes it over.  `connections` of
 * the slots is also what workers balance themselves by.
 */
#ifndef MARKBOOK_BASE_METRICS_H
#define MARKBOOK_BASE_METRICS_H

#include <stdatomic.h>

#include "base/buf.h"

#define METRICS_METHODS 8
#define METRICS_CODES 24
#define METRICS_BUCKETS 10

typedef _Atomic uint64_t counter;

enum worker_state { WORKER_NONE, WORKER_STARTING, WORKER_READY, WORKER_LEAVING };

struct metrics_slot {
	_Atomic int state;	      /* enum worker_state */
	_Atomic unsigned connections; /* open now */
	counter accepted;	      /* connections taken, handed-over ones included */
	counter dropped;	      /* connections closed in the middle of a request */
	counter commits;
	counter commit_failures;
	counter writes; /* that took part in commits */
	counter requests[METRICS_METHODS][METRICS_CODES];
	counter seconds[METRICS_BUCKETS + 1]; /* requests by duration; the last has no bound */
	counter nanoseconds;		      /* their sum */
};

struct metrics {
	size_t bytes; /* of the whole mapping */
	unsigned slots;
	_Atomic unsigned workers; /* that should run */
	counter worker_deaths;	  /* that were not asked for */
	counter stale_readers;	  /* store snapshots of dead processes cleared */
	_Atomic int64_t started;  /* Unix time, seconds */
	struct metrics_slot slot[];
};

/* NULL where there is no memory. */
struct metrics *metrics_create(unsigned slots);
void metrics_destroy(struct metrics *m);

/* Of a counter that only its own process writes. */
static inline void
metrics_add(counter *c, uint64_t n)
{
	atomic_store_explicit(c, atomic_load_explicit(c, memory_order_relaxed) + n,
			      memory_order_relaxed);
}

/* Count one answered request: method is an index below METRICS_METHODS, code an HTTP status. */
void metrics_request(struct metrics_slot *slot, unsigned method, unsigned code, uint64_t ns);

/* Whether any worker serves. */
bool metrics_any_ready(const struct metrics *m);

/* The lowest number of connections that a ready worker has; 0 where none is ready. */
unsigned metrics_least_connections(const struct metrics *m);

/*
 * Append all in the Prometheus text format (version 0.0.4); method_names has
 * METRICS_METHODS entries.
 */
void metrics_add_text(struct buf *out, const struct metrics *m, const char *const *method_names);

/* Append one value with its help and type lines; type is "gauge" or "counter". */
void metrics_add_value(struct buf *out, const char *name, const char *type, const char *help,
		       uint64_t value);

#endif
