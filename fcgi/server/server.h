/*
 * One worker: a single-threaded event loop over FastCGI connections.
 *
 * Each turn of the loop reads the requests that are ready and answers the reads
 * from one snapshot.  It then applies all writes in one batch, commits once,
 * and only then answers the writes.  If the batch cannot be committed, each
 * write is tried in a batch of its own.
 *
 * Between two turns no request is under way, except for long answers, which
 * are made and sent piece by piece, and reads that wait to begin one.  This
 * makes leaving simple: a retiring worker sends every other connection to
 * another worker through a socket.  A request that already waits in such a
 * connection goes with it.
 */
#ifndef MARKBOOK_SERVER_SERVER_H
#define MARKBOOK_SERVER_SERVER_H

#include <signal.h>
#include <sys/types.h>

#include "base/log.h"
#include "base/metrics.h"
#include "os/sandbox.h"
#include "store/store.h"

/* All pointers are borrowed until server_run returns. */
struct server_options {
	pid_t parent;	 /* gets SIGUSR1 when this worker is ready */
	int listener;	 /* a listening socket; non-blocking */
	int handover[2]; /* see os/handover.h: [0] receives, [1] sends */
	unsigned slot;	 /* the index of this worker's slot in `metrics` */
	struct metrics *metrics;
	struct log *log;
	size_t max_body;	/* largest body of a request, in bytes */
	unsigned peer_timeout;	/* seconds a peer may stall within a request */
	unsigned drain_timeout; /* seconds from a leave signal to the end */
	struct store_options store;
	const struct sandbox *sandbox; /* NULL: none */
};

/*
 * Serve until a signal asks the worker to leave.  The caller has blocked
 * SIGTERM and SIGUSR2.
 *
 * SIGTERM: drain.  Accept the connections that are in the listener's queue, and
 * no more.  Close each connection after its next answer, or after half a second
 * without a request.  Return when none is left.
 * SIGUSR2: retire.  Hand every connection over to another worker, and serve
 * those that are left meanwhile.  Return when none is left.
 * After drain_timeout seconds the connections that are left are closed.
 *
 * If the store cannot be opened and another worker is ready, the function
 * returns at once.  If no other worker is ready, this one stands in: it answers
 * what needs the store with 503, until another worker is ready, or for at most
 * 5 seconds.  It then hands its connections over and returns.
 *
 * Returns the exit status of the process: EXIT_SUCCESS after a signal, or
 * EXIT_FAILURE where the worker could not start or go on.
 */
int server_run(const struct server_options *o);

#endif
