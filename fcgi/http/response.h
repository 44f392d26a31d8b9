/*
 * One response: its status, header fields and body.  Only this module knows
 * HTTP status codes and CGI header fields (RFC 3875, section 6).
 */
#ifndef MARKBOOK_HTTP_RESPONSE_H
#define MARKBOOK_HTTP_RESPONSE_H

#include "base/buf.h"
#include "base/status.h"
#include "http/etag.h"

/*
 * A zeroed struct is ready for use.  The struct owns its buffers; its strings
 * are static.  A field that is empty or NULL is not sent.
 */
struct response {
	unsigned code;		     /* HTTP status */
	const char *title;	     /* reason phrase of `code` */
	const char *type;	     /* media type of the body */
	struct buf body;	     /* not sent with 204 and 304, nor to HEAD */
	struct etag etag;	     /* ETag */
	struct buf location;	     /* Location */
	struct buf link;	     /* Link */
	const char *allow;	     /* Allow */
	const char *accept_patch;    /* Accept-Patch */
	const char *accept_encoding; /* Accept-Encoding */
	bool minimal;		     /* Prefer: return=minimal was honoured */
	bool head;		     /* the request was HEAD */
	bool unfinished;	     /* `body` is a piece: send no length */
};

/* Make the response empty.  Its buffers keep up to 64 KiB each for reuse. */
void response_reset(struct response *res);

/*
 * Set code, title and type for ST_OK, ST_CREATED or ST_NOT_MODIFIED.  The
 * caller fills the body.
 */
void response_ok(struct response *res, enum status st);

/*
 * Drop the body.  A 200 becomes 204; a 201 stays what it is, without content.
 */
void response_no_content(struct response *res);

/*
 * Make the response a problem document (RFC 9457) for the failure `st`.  Its
 * `detail` is that of `why`, or status_text(st) where `why` is NULL or empty.
 * Its `error` is always status_text(st).  Entity tag, location and link are
 * dropped.  A status without an HTTP code of its own is sent as 500.
 */
void response_problem(struct response *res, enum status st, const struct problem *why);

/*
 * Append the CGI header, with the empty line that ends it.  Where a buffer of
 * the response has failed for want of memory, the response becomes a problem
 * document (503) first.  Where there is no memory for that either, out->failed
 * is set.
 */
void response_add_head(struct response *res, struct buf *out);

/* Whether a body follows the header: not to HEAD, nor with 204 and 304. */
bool response_has_body(const struct response *res);

void response_free(struct response *res);

#endif
