/*
 * The resources for operators and load balancers: /healthz, /readyz and
 * /metrics.
 */
#ifndef MARKBOOK_API_SYSTEM_H
#define MARKBOOK_API_SYSTEM_H

#include "base/metrics.h"
#include "http/request.h"
#include "http/response.h"
#include "store/store.h"

/*
 * The last answer of /readyz, kept from one request to the next.  A zeroed
 * struct has none.
 */
struct system_readiness {
	uint64_t until;	    /* `answer` is reused before this time; 0: never */
	enum status answer; /* ST_OK: ready */
	enum status failed; /* of the store, at this request; see below */
};

/* All members are borrowed for the call; times are in nanoseconds. */
struct system_context {
	const struct metrics *metrics;
	struct store *store; /* NULL: it cannot be opened */
	struct system_readiness *readiness;
	uint64_t now; /* of a clock that never goes back */
};

/*
 * Make the response to a request for which api_owns is false.  The three paths
 * have GET and HEAD, and 405 for other methods.  All other paths are 404.
 *
 * /healthz  200: this process answers.
 * /readyz   200: the store can be read, and a commit succeeds or fails only
 *           because the store is full.  Else 503.  Each worker asks its store
 *           at most once a second.
 * /metrics  200: the metrics of all processes in the Prometheus text format;
 *           503 where the store cannot be read.
 *
 * Where /readyz finds that the store has failed, readiness->failed becomes the
 * store's status.  The caller notes the fault and sets it back to ST_OK.
 */
void system_answer(const struct system_context *sys, const struct request *req,
		   struct response *res);

#endif
