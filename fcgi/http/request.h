/*
 * One request: its FastCGI parameters (RFC 3875, section 4.1) and its body.
 */
#ifndef MARKBOOK_HTTP_REQUEST_H
#define MARKBOOK_HTTP_REQUEST_H

#include "base/buf.h"
#include "base/status.h"

enum method {
	METHOD_GET,
	METHOD_HEAD,
	METHOD_OPTIONS,
	METHOD_POST,
	METHOD_PUT,
	METHOD_PATCH,
	METHOD_DELETE,
	METHOD_OTHER,
	METHOD_COUNT
};

/* The method's name, by enum method; METHOD_OTHER has "OTHER". */
extern const char *const request_method_names[METHOD_COUNT];

/*
 * A zeroed struct is ready for use.  A slice is { NULL, 0 } where its parameter
 * was not given.  It borrows from the FastCGI request or from `joined`, and is
 * valid until FCGX_Finish_r, FCGX_Free or the next request_read.  The struct
 * owns `body` and `joined`; request_read reuses their memory.
 */
struct request {
	enum method method;
	struct slice path; /* PATH_INFO, percent-decoded; any byte but NUL */
	struct slice query;
	struct slice content_type; /* HTTP_CONTENT_TYPE, else CONTENT_TYPE */
	struct slice if_match;
	struct slice if_none_match;
	struct slice prefer;
	struct slice content_range;
	struct slice content_encoding;
	struct slice request_id;
	struct buf body;
	enum status fault;    /* what is wrong with the request, see request_read */
	struct problem why;   /* the details of `fault` */
	struct buf joined[5]; /* values of fields that came on several lines */
};

struct FCGX_Request;

enum request_result {
	REQUEST_READ, /* the request was read to its end */
	REQUEST_LOST  /* the connection failed within it: nothing to answer */
};

/*
 * Read a request that FCGX_Accept_r has just begun: its parameters, and its
 * body to the end.  `max_body` is in bytes.  After REQUEST_READ, r->fault is
 *   ST_OK          the request is complete;
 *   ST_TOO_LARGE   the body is larger than max_body, and the rest of it was
 *                  read and dropped;
 *   ST_BAD_LENGTH  CONTENT_LENGTH is no number, or not the body's length;
 *   ST_NO_MEMORY   a header field or a part of the body was lost.
 * r->why gives the details of ST_TOO_LARGE and ST_BAD_LENGTH.  After any but
 * ST_OK the body is not usable.  After REQUEST_LOST neither is set.
 */
enum request_result request_read(struct request *r, struct FCGX_Request *fcgi, size_t max_body);

/*
 * Whether the body has a content coding (RFC 9110, section 8.4).  "identity"
 * is none.
 */
bool request_is_coded(const struct request *r);

/*
 * Whether Content-Type is a list, or was sent more than once.  Then it names
 * no media type.
 */
bool request_type_is_list(const struct request *r);

/*
 * Whether Content-Type names the media type `type`, regardless of its
 * parameters and of case (RFC 9110, section 8.3.1).
 */
bool request_type_is(const struct request *r, const char *type);

/* Whether the client asked for return=minimal (RFC 7240, section 4.2). */
bool request_prefers_minimal(const struct request *r);

/*
 * Drop the body and the joined fields, and free the memory of large ones.  Call
 * it between two requests.
 */
void request_trim(struct request *r);

void request_free(struct request *r);

#endif
