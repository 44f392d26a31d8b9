/*
 * The one status enumeration of the responder.
 *
 * Functions that can fail return a member of it.  Each has one short
 * sentence for people (status_text) and, in response.c and nowhere else, one
 * HTTP status.  What is particular to the case at hand (which name, which
 * byte, which limit) is written to a struct problem by whoever detects it;
 * it must never hold a path of this machine or a library's own message when
 * it is meant for an HTTP client.
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
	ST_UNPROCESSABLE, /* JSON, but not what this request takes */
	ST_NO_NEW,	  /* PUT of a record without a "new" member */
	ST_RESERVED_NAME, /* a collection may not have this name */

	/* The service is at fault, or at its limits. */
	ST_FULL,	/* no room in the store for this write */
	ST_NO_MEMORY,	/* out of memory */
	ST_BUSY,	/* cannot serve now, may later */
	ST_IO,		/* the store failed: see the log */
	ST_UNAVAILABLE, /* the store cannot be written as it is, and nothing was: see the log */

	/* Opening a store; but for the last one never sent over HTTP. */
	ST_STORE_FOREIGN, /* the directory or file is another program's */
	ST_STORE_DAMAGED, /* a Markbook store, but not whole */
	ST_STORE_FORMAT,  /* written by a version of this program with other rows */
	ST_STORE_SPACE,	  /* its file system cannot hold the size asked for */
	ST_STORE_ACCESS,  /* cannot make, open or write it */

	ST_COUNT
};

/* Long enough for a name of 255 bytes and a sentence around it. */
struct problem {
	char detail[512];
};

/* One short sentence, no full stop, for example "Collection not found". */
const char *status_text(enum status s);

/* Set p->detail (p may be NULL); truncated to fit at a UTF-8 boundary.  Returns s. */
enum status problem_set(struct problem *p, enum status s, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#endif
