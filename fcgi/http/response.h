/*
 * One answer, and its way out: the one place that knows HTTP status codes and
 * CGI header fields (RFC 3875, section 6).
 */
#ifndef MARKBOOK_HTTP_RESPONSE_H
#define MARKBOOK_HTTP_RESPONSE_H

#include "base/buf.h"
#include "base/status.h"
#include "http/etag.h"

/* A zeroed struct is ready for use.  Buffers are owned, and kept for reuse by response_reset. */
struct response {
	unsigned code;		  /* HTTP status; set by the functions below */
	const char *title;	  /* its reason phrase */
	const char *type;	  /* of the body */
	struct buf body;	  /* not sent with 204, 304 and to HEAD */
	struct etag etag;	  /* empty: none */
	struct buf location;	  /* empty: none */
	struct buf link;	  /* empty: none */
	const char *allow;	  /* NULL: none */
	const char *accept_patch; /* NULL: none */
	bool minimal;		  /* Prefer: return=minimal was honoured */
	bool head;		  /* the request was HEAD */
	bool unfinished;	  /* the body is its first piece only: its length is not told */
};

void response_reset(struct response *res);

/* Success: ST_OK, ST_CREATED or ST_NOT_MODIFIED; the caller fills the body. */
void response_ok(struct response *res, enum status st);

/*
 * 204: no body.
 */
void response_no_content(struct response *res);

/*
 * Failure: the body becomes a problem document (RFC 9457) with the status's
 * code, `why` as its detail (or the status's sentence where that is empty or NULL) and the
 * sentence again as `error`.  Entity tag, location and link are dropped.
 */
void response_problem(struct response *res, enum status st, const struct problem *why);

/*
 * Append the CGI header.  A response that there was no memory for becomes a problem document first; where
 * there is none for that either, out->failed is set.
 */
void response_add_head(struct response *res, struct buf *out);

/* Whether a body follows the header. */
bool response_has_body(const struct response *res);

void response_free(struct response *res);

#endif
