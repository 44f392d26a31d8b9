/*
 * Which resource a request means: PATH_INFO and QUERY_STRING (RFC 3875,
 * sections 4.1.5 and 4.1.7) taken apart.
 */
#ifndef MARKBOOK_HTTP_ROUTE_H
#define MARKBOOK_HTTP_ROUTE_H

#include "base/buf.h"
#include "base/status.h"

#define PAGE_LIMIT_MAX 100000

enum route_kind { ROUTE_STORE, ROUTE_COLLECTION, ROUTE_RECORD };

struct route {
	enum route_kind kind;
	struct slice collection; /* borrowed from the path; valid by name.h */
	struct slice record;
};

/*
 * `path` is decoded already: "/json", "/json/C" or "/json/C/R".  ST_OK;
 * ST_NOT_FOUND for anything else, an empty segment and a trailing slash included; ST_BAD_NAME.
 */
enum status route_parse(struct route *out, struct slice path, struct problem *why);

struct query {
	bool pretty;
	uint32_t limit;	  /* 0: not given */
	struct buf after; /* decoded; valid where has_after */
	bool has_after;
};

/*
 * Components are split at '&'; names that mean nothing here are passed
 * over; of one given twice the last counts.  ST_OK, ST_BAD_REQUEST, ST_NO_MEMORY.  The caller frees
 * out->after, and may hand the same struct in again.
 */
enum status route_query_parse(struct query *out, struct slice text, struct problem *why);

/* What route_query_parse says of `pretty` alone. */
bool route_query_is_pretty(struct slice text);

#endif
