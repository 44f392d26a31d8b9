/*
 * Percent-encoding (RFC 3986, section 2.1).
 */
#ifndef MARKBOOK_HTTP_PERCENT_H
#define MARKBOOK_HTTP_PERCENT_H

#include "base/buf.h"

/*
 * Append s as a path segment of a URL or as a value of its query.  Unreserved
 * characters (RFC 3986, section 2.3) stay as they are and all other bytes are
 * encoded, so that percent_decode gives s back.
 */
void percent_encode(struct buf *out, struct slice s);

/*
 * Append s, a value of a query, decoded: %XX sequences become bytes and '+'
 * becomes a space, as browsers send it.  Returns false where a '%' is not
 * followed by two hex digits; what was appended before that stays.
 */
bool percent_decode(struct buf *out, struct slice s);

#endif
