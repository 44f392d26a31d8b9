/*
 * The HTTP contract of /json: what each method does to each resource.
 *
 * A call goes through two steps.  api_prepare looks at everything that does
 * not need the store: path, query, header fields, body.  api_run then does
 * the work in a view: a snapshot for a read, a batch for a write.  api_run may be called again for
 * the same call in another batch, when the first one could not be
 * committed: it starts afresh.
 */
#ifndef MARKBOOK_API_API_H
#define MARKBOOK_API_API_H

#include "content/edits.h"
#include "content/render.h"
#include "http/request.h"
#include "http/response.h"
#include "http/route.h"
#include "json/json.h"
#include "store/store.h"

struct api_endpoint;

/* A zeroed struct is ready for use; memory is kept from one call to the next. */
struct api_call {
	const struct request *req;
	struct response *res;
	const struct api_endpoint *endpoint;
	struct route route;
	struct query query;
	uint64_t store_id;
	bool minimal;	    /* Prefer: return=minimal */
	struct problem why; /* of a failure */
	struct edits edits;
	struct render render;
	struct json_indent indent; /* of ?pretty */
	struct buf scratch;
};

enum api_need { API_NEEDS_NOTHING, API_NEEDS_READ, API_NEEDS_WRITE };

/* Whether the path belongs to this interface. */
bool api_owns(struct slice path);

/*
 * First step.  `body` is what request_read said of the body, call->why its problem.  API_NEEDS_NOTHING:
 * the response is complete.  `req` and `res` must stay until the call is over.
 */
enum api_need api_prepare(struct api_call *call, const struct request *req, struct response *res,
			  enum status body, uint64_t store_id);

/*
 * Second step.  ST_OK: the response is complete, or for a read has its first piece, and holds once the batch is
 * committed; *changed tells whether the batch has changed.  ST_FULL, ST_IO, ST_UNAVAILABLE,
 * ST_NO_MEMORY: abort the batch; there is no response yet.
 */
enum status api_run(struct api_call *call, struct view *view, bool *changed);

/*
 * After api_run of a read left res->unfinished: the rest comes from `view`, which is the same
 * snapshot, kept (store_keep).
 */
void api_keep(struct api_call *call, struct view *view);

/*
 * Put the next piece into res->body, in place of the one before.  ST_OK; ST_IO, ST_NO_MEMORY: the answer cannot
 * be finished.
 */
enum status api_more(struct api_call *call);

/* The response for a call whose batch failed. */
void api_fail(struct api_call *call, enum status st);

/* After the call, before the request is trimmed: give back what a large one took. */
void api_trim(struct api_call *call);

void api_free(struct api_call *call);

#endif
