/*
 * Counters of all processes of one service, in shared memory.
 *
 * The supervisor creates the table before it forks.  Each worker writes only
 * its own slot, with relaxed atomic operations, and any process reads all
 * slots.  The supervisor sets the state of a slot when a worker starts, and
 * resets its state and connections when the worker ends.  The counters of a
 * slot continue when a new worker takes it over.  Workers also use
 * `connections` to balance the load among themselves.
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
	counter accepted;	      /* connections, also those handed over */
	counter dropped;	      /* connections closed within a request */
	counter commits;
	counter commit_failures;
	counter writes; /* changes that were committed */
	counter requests[METRICS_METHODS][METRICS_CODES];
	/* Requests by duration; the last bucket has no bound. */
	counter seconds[METRICS_BUCKETS + 1];
	counter nanoseconds; /* the sum of all durations */
};

struct metrics {
	size_t bytes; /* of the whole mapping */
	unsigned slots;
	_Atomic unsigned workers; /* how many should run */
	counter worker_deaths;	  /* of workers that were not told to leave */
	counter stale_readers;	  /* cleared snapshots of dead processes */
	_Atomic int64_t started;  /* Unix time, seconds */
	struct metrics_slot slot[];
};

/*
 * Returns a zeroed table of `slots` slots that child processes share, or NULL
 * if there is no memory.  The service's start time is set to now.
 */
struct metrics *metrics_create(unsigned slots);

/* Unmap the table from this process; m may be NULL. */
void metrics_destroy(struct metrics *m);

/*
 * Add n to a counter that only this process writes.  With a single writer, a
 * plain load and store lose no count.
 */
static inline void
metrics_add(counter *c, uint64_t n)
{
	atomic_store_explicit(c, atomic_load_explicit(c, memory_order_relaxed) + n,
			      memory_order_relaxed);
}

/*
 * Count one answered request.  `method` is an index below METRICS_METHODS,
 * `code` an HTTP status, `ns` the duration in nanoseconds.
 */
void metrics_request(struct metrics_slot *slot, unsigned method, unsigned code, uint64_t ns);

/* Whether any worker is in the state WORKER_READY. */
bool metrics_any_ready(const struct metrics *m);

/* The fewest connections that any ready worker has; 0 if none is ready. */
unsigned metrics_least_connections(const struct metrics *m);

/*
 * Append all metrics in the Prometheus text format (version 0.0.4).
 * method_names has METRICS_METHODS entries.
 */
void metrics_add_text(struct buf *out, const struct metrics *m, const char *const *method_names);

/*
 * Append one value with its help and type lines; `type` is "gauge" or
 * "counter".
 */
void metrics_add_value(struct buf *out, const char *name, const char *type, const char *help,
		       uint64_t value);

#endif
