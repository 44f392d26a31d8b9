/*
 * Names of collections and records.
 *
 * A name is 1 to NAME_MAX_BYTES bytes of UTF-8 (RFC 3629: no overlong forms,
 * no surrogates) without control characters (U+0000 to U+001F, U+007F to
 * U+009F) and without '/'; "." and ".." are none, as URL normalisation
 * (RFC 3986, section 5.2.4) would take them away.  Names compare bytewise.
 */
#ifndef MARKBOOK_NAME_H
#define MARKBOOK_NAME_H

#include "buf.h"
#include "status.h"

#define NAME_MAX_BYTES 255

/* Bytes of the first character of s; 0 where s is empty or does not begin with one. */
size_t utf8_first(struct slice s);

/* Whether s is well-formed UTF-8 (RFC 3629, section 4). */
bool utf8_valid(struct slice s);

/*
 * ST_OK, or `bad` with `why` saying what is wrong with this name and naming
 * it (shortened, unprintable bytes shown as '?').
 */
enum status name_check(struct slice name, enum status bad, struct problem *why);

/* As name_check for a collection; the name `res` is ST_RESERVED_NAME. */
enum status name_check_collection(struct slice name, enum status bad, struct problem *why);

/*
 * Append the name as a URL's path segment or a value of its query: unreserved characters (RFC
 * 3986, section 2.3) as they are, the rest percent-encoded; name_percent_decode gives it back.
 */
void name_percent_encode(struct buf *out, struct slice name);

/*
 * Append s, a value of a query, with %XX sequences decoded and '+' as a space (the form that
 * browsers send).  False where a '%' is not followed by two hex digits.
 */
bool name_percent_decode(struct buf *out, struct slice s);

/*
 * Copy s to `out` of `size` bytes for showing it to people in a message: at most size - 1 bytes,
 * cut at a UTF-8 boundary with "..." at the end where cut; bytes that are not UTF-8 and control
 * characters become '?'.
 */
void name_printable(char *out, size_t size, struct slice s);

#endif
