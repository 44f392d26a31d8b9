/*
 * One request: FastCGI parameters (RFC 3875, section 4.1) and body.
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

/* Indexed by enum method; that of METHOD_OTHER is "OTHER". */
extern const char *const request_method_names[METHOD_COUNT];

/*
 * Slices are { NULL, 0 } where the parameter was not given.  They borrow from
 * the FastCGI request and hold until it is finished; the body and `joined` are owned and are
 * reused by the next request_read.  A zeroed struct is ready for use.
 */
struct request {
	enum method method;
	struct slice path; /* PATH_INFO, decoded; may hold any byte but NUL */
	struct slice query;
	struct slice content_type; /* HTTP_CONTENT_TYPE, all fields; else CONTENT_TYPE */
	struct slice if_match;
	struct slice if_none_match;
	struct slice prefer;
	struct slice request_id;
	struct buf body;
	struct buf joined[4]; /* fields that came on several lines */
};

struct FCGX_Request;

enum request_result {
	REQUEST_READ, /* the request was read to its end */
	REQUEST_LOST  /* the connection failed in the middle: nothing to answer */
};

/*
 * Read the parameters, and the body to its end, of a request that
 * FCGX_Accept_r has just begun.  *st says what is wrong with a request
 * that was read: ST_OK, ST_TOO_LARGE (beyond max_body; the rest was read and
 * thrown away), ST_BAD_LENGTH (not CONTENT_LENGTH bytes), ST_NO_MEMORY.
 */
enum request_result request_read(struct request *r, struct FCGX_Request *fcgi, size_t max_body,
				 enum status *st, struct problem *why);

/* Whether Content-Type was sent more than once, or is a list, and so names no media type. */
bool request_type_is_list(const struct request *r);

/* Whether Content-Type names this media type, its parameters aside (RFC 9110, section 8.3.1). */
bool request_type_is(const struct request *r, const char *type);

/* Whether the client asked for return=minimal (RFC 7240, section 4.2). */
bool request_prefers_minimal(const struct request *r);

/* Between two requests: give back what a large one took. */
void request_trim(struct request *r);

void request_free(struct request *r);

#endif
