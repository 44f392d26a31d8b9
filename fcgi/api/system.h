/*
 * What operators and load balancers ask: /healthz, /readyz, /metrics.
 */
#ifndef MARKBOOK_API_SYSTEM_H
#define MARKBOOK_API_SYSTEM_H

#include "base/metrics.h"
#include "http/request.h"
#include "http/response.h"
#include "store/store.h"

/* The last result of asking the store; a zeroed struct is none. */
struct system_readiness {
	uint64_t until;	    /* nanoseconds of the caller's clock */
	enum status answer; /* ST_OK: ready */
	enum status failed; /* of the store, just now; for the caller to take note of and clear */
};

struct system_context {
	const struct metrics *metrics;
	struct store *store; /* NULL: it cannot be opened */
	struct system_readiness *readiness;
	uint64_t now; /* nanoseconds */
};

/*
 * Answer any request that is not the interface's own: the three paths, GET and
 * HEAD only, or 404.
 *
 * /healthz  200: this process answers.
 * /readyz   200: the store can be read, and a commit succeeds; else 503.  Asked of the store once a
 *           second at most.
 * /metrics  200: the Prometheus text format, over all processes.
 */
void system_answer(const struct system_context *sys, const struct request *req,
		   struct response *res);

#endif
