/*
 * Which resource a request names: the parsing of PATH_INFO and QUERY_STRING
 * (RFC 3875, sections 4.1.5 and 4.1.7).
 */
#ifndef MARKBOOK_HTTP_ROUTE_H
#define MARKBOOK_HTTP_ROUTE_H

#include "base/buf.h"
#include "base/status.h"

/* The largest ?limit: records on one page. */
#define PAGE_LIMIT_MAX 100000

enum route_kind { ROUTE_STORE, ROUTE_COLLECTION, ROUTE_RECORD };

struct route {
	enum route_kind kind;
	struct slice collection; /* not for ROUTE_STORE */
	struct slice record;	 /* for ROUTE_RECORD only */
};

/*
 * Parse a path, which is percent-decoded already: "/json", "/json/C" or
 * "/json/C/R".  The names in *out borrow from `path`.  Returns
 *   ST_OK         *out is complete and its names follow the rules of name.h;
 *   ST_NOT_FOUND  any other path, also an empty segment or a trailing slash;
 *   ST_BAD_NAME   C or R cannot be a name; `why` says which and why.
 * `why` may be NULL, and is not set for every ST_NOT_FOUND.
 */
enum status route_parse(struct route *out, struct slice path, struct problem *why);

struct query {
	bool pretty;
	uint32_t limit;	  /* records on the page; 0: not given */
	struct buf after; /* decoded; set where has_after is */
	bool has_after;
};

/*
 * Parse a query.  Its components are separated by '&'.  Unknown names are
 * ignored.  Of `pretty` the last value counts; `limit` or `after` given twice
 * is an error.  `limit` is a number from 1 to PAGE_LIMIT_MAX; `after` is any
 * percent-encoded text.  Returns ST_OK; ST_BAD_REQUEST, and `why`, which may be
 * NULL, names the bad component; or ST_NO_MEMORY.
 *
 * *out is zeroed before its first use.  It owns `after`, and may be passed in
 * again to reuse that memory; the caller frees it at the end.
 */
enum status route_query_parse(struct query *out, struct slice text, struct problem *why);

/*
 * Whether a query asks for indented JSON: it has `pretty` with any value but
 * "0" and "false".  route_query_parse decides the same way.  The rest of the
 * query need not be valid.
 */
bool route_query_is_pretty(struct slice text);

#endif
