/*
 * The one status enumeration of the responder.
 *
 * Functions that can fail return a member of it.  status_text gives a short
 * sentence for each member.  http/response.c, and nothing else, gives its HTTP
 * status.  The code that detects a failure writes the particulars (which name,
 * which byte, which limit) to a struct problem.  A detail that is meant for an
 * HTTP client must never hold a path of this machine or a message of a library.
 */
#ifndef MARKBOOK_BASE_STATUS_H
#define MARKBOOK_BASE_STATUS_H

enum status {
	ST_OK = 0,
	ST_CREATED,	 /* done, and the target is new */
	ST_NOT_MODIFIED, /* If-None-Match holds for a read */

	/* The request is at fault. */
	ST_BAD_REQUEST,	  /* path, query or header field is malformed */
	ST_BAD_NAME,	  /* a path segment that cannot be a name */
	ST_BAD_JSON,	  /* body is not JSON text (RFC 8259) */
	ST_BAD_LENGTH,	  /* body is not as long as was announced */
	ST_NOT_FOUND,	  /* no such record or path */
	ST_NO_COLLECTION, /* no such collection */
	ST_BAD_METHOD,	  /* method not allowed here */
	ST_EXISTS,	  /* the collection exists already */
	ST_PRECONDITION,  /* If-Match or If-None-Match does not hold */
	ST_TOO_LARGE,	  /* body beyond the limit */
	ST_BAD_TYPE,	  /* Content-Type not supported */
	ST_BAD_CODING,	  /* Content-Encoding not supported */
	ST_UNPROCESSABLE, /* JSON, but not what this request takes */
	ST_NO_NEW,	  /* PUT of a record without a "new" member */
	ST_RESERVED_NAME, /* a collection may not have this name */

	/* The service is at fault, or at its limits. */
	ST_FULL,	/* the store has no room for this write */
	ST_NO_MEMORY,	/* out of memory */
	ST_BUSY,	/* the service cannot serve now, but may later */
	ST_IO,		/* the store failed: see the log */
	ST_UNAVAILABLE, /* store cannot be written, nothing was: see the log */

	/* Opening a store; only ST_STORE_ACCESS is ever sent over HTTP. */
	ST_STORE_FOREIGN, /* the directory or file is another program's */
	ST_STORE_DAMAGED, /* a Markbook store, but not whole */
	ST_STORE_FORMAT,  /* a version with other rows wrote it */
	ST_STORE_SPACE,	  /* its file system cannot hold its size */
	ST_STORE_ACCESS,  /* it cannot be made, opened or written */

	ST_COUNT
};

/* The detail has room for a name of 255 bytes and a sentence around it. */
struct problem {
	char detail[512];
};

/*
 * Returns one short sentence without a full stop, for example "Collection not
 * found".  It is a constant.
 */
const char *status_text(enum status s);

/*
 * Set p->detail as printf(3) formats it, and return s.  A detail that does not
 * fit is cut between two characters (UTF-8).  p may be NULL.
 */
enum status problem_set(struct problem *p, enum status s, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#endif
