/*
 * The endpoints of the interface: a handler for each method of each resource.  Private to api*.c.
 */
#ifndef MARKBOOK_API_ENDPOINTS_H
#define MARKBOOK_API_ENDPOINTS_H

#include "api/api.h"

/* An answer that takes more is sent while it is being made. */
#define API_PIECE_BYTES ((size_t)256 << 10)

enum body_kind {
	BODY_NONE,    /* ignored */
	BODY_RECORDS, /* an object of records */
	BODY_PATCH,   /* a merge patch of records */
	BODY_NEW      /* {"new": value} */
};

struct api_endpoint {
	enum route_kind route;
	enum method method;
	enum api_need need;
	enum body_kind body;
	/* ST_OK, ST_CREATED, ST_NOT_MODIFIED with the response's body and tag made, or a failure. */
	enum status (*handle)(struct api_call *call, struct view *view, bool *changed);
};

/* NULL: this resource has no such method. */
const struct api_endpoint *endpoints_find(enum route_kind route, enum method method);

#endif
