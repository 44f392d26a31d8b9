/*
 * FastCGI records in a buffer (FastCGI Specification 1.0, sections 3.3 and 8).
 * Nothing here reads from a connection.
 *
 * libfcgi reads a request with blocking reads, and some malformed requests
 * make it end the process.  Therefore the worker peeks at the bytes of a
 * connection, and calls libfcgi only when records_look has accepted them.
 */
#ifndef MARKBOOK_HTTP_RECORDS_H
#define MARKBOOK_HTTP_RECORDS_H

#include <stdbool.h>

#include "base/buf.h"

#define RECORD_HEADER_BYTES 8

/* The types that this program reads or writes (section 8). */
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
	RECORD_WHOLE,	/* complete and well-formed */
	RECORD_PARTIAL, /* more bytes are needed */
	RECORD_BAD	/* no further bytes can make it valid */
};

/*
 * Take one record, with its padding, off the front of `bytes`.  Returns
 *   RECORD_WHOLE    *out is the record; its content borrows from `bytes`;
 *   RECORD_PARTIAL  `bytes` ends within the record;
 *   RECORD_BAD      the record is not of version 1.
 * `bytes` and *out change only with RECORD_WHOLE.
 */
enum record_result record_take(struct slice *bytes, struct record *out);

/* The most bytes of content that one record can have (section 3.3). */
#define RECORD_CONTENT_MAX 65535

/*
 * Append one record without padding.  `content` is at most RECORD_CONTENT_MAX
 * bytes, `id` is 0 to 65535.  Where there is no memory, out->failed is set.
 */
void record_add(struct buf *out, enum record_type type, unsigned id, struct slice content);

/*
 * Append one record in steps: record_open appends its header and returns the
 * offset of the record, the caller appends the content, and record_close fills
 * in the length.  The limits of record_add apply.
 */
size_t record_open(struct buf *out, enum record_type type, unsigned id);
void record_close(struct buf *out, size_t at);

/*
 * Check whether `bytes` begins with one whole request that libfcgi can read.
 * Returns
 *   RECORD_WHOLE    the request is complete, from its BEGIN_REQUEST to the
 *                   empty record that ends its STDIN;
 *   RECORD_PARTIAL  the bytes begin such a request;
 *   RECORD_BAD      anything else: also a management record, ABORT_REQUEST, a
 *                   record of another request, and a parameter whose name and
 *                   value have more than 65,535 bytes together.
 * *params_ended says whether the parameters are complete, so that only body is
 * missing.
 */
enum record_result records_look(struct slice bytes, bool *params_ended);

#endif
