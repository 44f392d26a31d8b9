/*
 * One worker: a single-threaded event loop over FastCGI connections.
 *
 * Each turn reads the requests that are ready, answers the reads from one
 * snapshot, applies the writes of all of them in one batch, commits once,
 * and only then answers the writes.  If the batch cannot be committed, each
 * write is tried alone.
 *
 * Between two turns no request is under way, but for long answers that a peer has not taken whole
 * yet: those are made and sent piece by piece.  That is what makes leaving simple: a
 * retiring worker hands all other connections to another one through a socket, with whatever request
 * may already wait in them.
 */
#ifndef MARKBOOK_SERVER_SERVER_H
#define MARKBOOK_SERVER_SERVER_H

#include <signal.h>
#include <sys/types.h>

#include "base/log.h"
#include "base/metrics.h"
#include "os/sandbox.h"
#include "store/store.h"

struct server_options {
	pid_t parent;	 /* gets SIGUSR1 when this worker is ready */
	int listener;	 /* non-blocking */
	int handover[2]; /* [0] connections come in, [1] they go out; a SOCK_SEQPACKET pair */
	unsigned slot;	 /* this worker's slot in metrics */
	struct metrics *metrics;
	struct log *log;
	size_t max_body;
	unsigned peer_timeout;	/* seconds that a peer may stall within a request */
	unsigned drain_timeout; /* seconds from a leave signal to the end */
	struct store_options store;
	const struct sandbox *sandbox; /* NULL: none */
};

/*
 * Serve until told to leave; SIGTERM and SIGUSR2 have to be blocked on entry.
 * SIGTERM: take no more connections but those in the listener's queue, close each
 * after its next answer or when it was idle for a while, leave when none is left.
 * SIGUSR2: hand all connections over, serving them meanwhile, then leave.  Returns the exit status.
 *
 * Where the store cannot be opened it leaves at once, or stands in where nobody else serves: it answers 503 for
 * a few seconds, then leaves to the next one what connections it has.
 */
int server_run(const struct server_options *o);

#endif
