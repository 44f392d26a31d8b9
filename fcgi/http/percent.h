/*
 * Percent-encoding (RFC 3986, section 2.1).
 */
#ifndef MARKBOOK_HTTP_PERCENT_H
#define MARKBOOK_HTTP_PERCENT_H

#include "base/buf.h"

/*
 * Append a name to `out`, encoded as a path segment of a URL or a value of its
 * query.  Unreserved characters (RFC 3986, section 2.3) stay as they are.  All
 * other bytes are encoded, so percent_decode gives the name back.
 */
void percent_encode(struct buf *out, struct slice name);

/*
 * Decode s, a value of a query, and append the result to `out`.  A %XX
 * sequence becomes a byte.  A '+' becomes a space, because browsers send
 * spaces that way.  Returns false where two hex digits do not follow a '%';
 * the bytes decoded before it stay in `out`.
 */
bool percent_decode(struct buf *out, struct slice s);

#endif
