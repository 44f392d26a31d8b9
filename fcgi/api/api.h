/*
 * The HTTP contract of /json: what each method does to each resource.
 *
 * A call has two steps.  api_prepare checks everything that does not need the
 * store: path, query, header fields and body.  api_run then does the work in a
 * view: a snapshot for a read, a batch for a write.  When a batch could not be
 * committed, api_run may run the same call again in another batch; it then
 * starts from the beginning.
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

/*
 * A zeroed struct is ready for use.  It may be used for one call after another,
 * and keeps memory between them.  The caller empties `why` before each call.
 */
struct api_call {
	const struct request *req;
	struct response *res;
	const struct api_endpoint *endpoint; /* NULL: OPTIONS, or none found */
	struct route route;
	struct query query;
	uint64_t store_id;
	bool minimal;	    /* Prefer: return=minimal */
	struct problem why; /* details of a failure, for the client */
	struct edits edits; /* what a write does to its collection */
	struct render render;
	struct json_indent indent; /* where ?pretty has got to */
	struct buf scratch;	   /* the compact text of a pretty body */
};

/* What a call needs of the store: nothing, a snapshot or a batch. */
enum api_need { API_NEEDS_NOTHING, API_NEEDS_READ, API_NEEDS_WRITE };

/* Whether the path is /json or below it. */
bool api_owns(struct slice path);

/*
 * First step.  `req` is as request_read leaves it.  `store_id` goes into entity
 * tags; it is not used before api_run.  After API_NEEDS_NOTHING the response is
 * complete; else the caller calls api_run with such a view.  The call borrows
 * `req` and `res` until api_trim.
 */
enum api_need api_prepare(struct api_call *call, const struct request *req, struct response *res,
			  uint64_t store_id);

/*
 * Second step.  Returns ST_OK when the response is made, be it a success or a
 * problem such as 404.  It must not be sent before the batch is committed.  A
 * read may leave res->unfinished set; then the body is its first piece.
 * *changed becomes true where the call has changed the batch, and stays as it
 * was where it has not.
 *
 * After ST_FULL, ST_IO, ST_UNAVAILABLE or ST_NO_MEMORY there is no response.
 * The caller aborts the batch, and runs the call again or calls api_fail.
 */
enum status api_run(struct api_call *call, struct view *view, bool *changed);

/*
 * Let `view` supply the rest of a read that api_run left unfinished.  It is the
 * snapshot of that api_run, which the caller has kept by store_keep.
 */
void api_keep(struct api_call *call, struct view *view);

/*
 * Replace res->body by the next piece; res->unfinished tells whether more
 * follow.  ST_OK; after ST_IO or ST_NO_MEMORY the response cannot be finished.
 */
enum status api_more(struct api_call *call);

/* Make the response a problem document for `st`, with details of call->why. */
void api_fail(struct api_call *call, enum status st);

/*
 * End the call and free the memory of a large one.  Call it before
 * request_trim, because it looks at the size of the request's body.
 */
void api_trim(struct api_call *call);

void api_free(struct api_call *call);

#endif
