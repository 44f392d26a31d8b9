/*
 * The endpoints of the interface: a handler for each method of each resource.
 * Private to this folder.
 */
#ifndef MARKBOOK_API_ENDPOINTS_H
#define MARKBOOK_API_ENDPOINTS_H

#include "api/api.h"

/*
 * The size of a piece of an answer.  A read whose answer is longer is rendered
 * and sent piece by piece.
 */
#define API_PIECE_BYTES ((size_t)256 << 10)

/* What a request has to send as its body. */
enum body_kind {
	BODY_NONE,    /* nothing; a body is ignored */
	BODY_RECORDS, /* {"record": value, ...} */
	BODY_PATCH,   /* a merge patch of such an object (RFC 7396) */
	BODY_NEW      /* {"new": value} */
};

struct api_endpoint {
	enum route_kind route;
	enum method method;
	enum api_need need;
	enum body_kind body;
	/*
	 * Evaluate the preconditions, do the work in `view`, and fill in the
	 * response's body, tag, location and link.  Returns ST_OK, ST_CREATED,
	 * ST_NOT_MODIFIED or a failure; call->why may hold its details.
	 * *changed becomes true where the handler has changed the batch.
	 */
	enum status (*handle)(struct api_call *call, struct view *view, bool *changed);
};

/*
 * The endpoint of a method on a kind of resource; HEAD has that of GET.
 * Returns NULL where the resource does not have the method.
 */
const struct api_endpoint *endpoints_find(enum route_kind route, enum method method);

#endif
