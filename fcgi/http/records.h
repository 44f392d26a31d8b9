/*
 * FastCGI records as they lie in a buffer (FastCGI Specification 1.0,
 * sections 3.3 and 8), without reading them off a connection.
 *
 * libfcgi reads a request with blocking reads, and ends the process on some
 * malformed ones.  So a peer has to show one whole request before it is
 * handed to libfcgi.
 */
#ifndef MARKBOOK_HTTP_RECORDS_H
#define MARKBOOK_HTTP_RECORDS_H

#include <stdbool.h>

#include "base/buf.h"

#define RECORD_HEADER_BYTES 8

enum record_type {
	RECORD_BEGIN_REQUEST = 1,
	RECORD_END_REQUEST = 3,
	RECORD_PARAMS = 4,
	RECORD_STDIN = 5,
	RECORD_STDOUT = 6,
	RECORD_UNKNOWN_TYPE = 11
};

struct record {
	unsigned type;
	unsigned id;
	struct slice content;
};

enum record_result {
	RECORD_WHOLE,	/* taken off the front of the buffer */
	RECORD_PARTIAL, /* more bytes are needed */
	RECORD_BAD	/* not version 1 */
};

enum record_result record_take(struct slice *bytes, struct record *out);

/* What one record holds at most. */
#define RECORD_CONTENT_MAX 65535

/* Append one record; content is at most RECORD_CONTENT_MAX bytes, id 0 to 65535. */
void record_add(struct buf *out, enum record_type type, unsigned id, struct slice content);

/* The same with the content still to come: append it, then close the record that was opened at `at`. */
size_t record_open(struct buf *out, enum record_type type, unsigned id);
void record_close(struct buf *out, size_t at);

/*
 * Whether the bytes hold a request from its BEGIN_REQUEST to the end of its
 * STDIN, with parameters that libfcgi can take: RECORD_WHOLE.  RECORD_PARTIAL: so far, so good; *params_ended tells whether only
 * the body is still to come.  RECORD_BAD: anything
 * else, management records included.
 */
enum record_result records_look(struct slice bytes, bool *params_ended);

#endif
