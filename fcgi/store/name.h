/*
 * Names of collections and records.
 *
 * A name is 1 to NAME_MAX_BYTES bytes of UTF-8 (RFC 3629: no overlong forms,
 * no surrogates) without control characters (U+0000 to U+001F, U+007F to
 * U+009F) and without '/'; "." and ".." are none, as URL normalisation
 * (RFC 3986, section 5.2.4) would take them away.  Names compare bytewise.
 */
#ifndef MARKBOOK_STORE_NAME_H
#define MARKBOOK_STORE_NAME_H

#include "base/buf.h"
#include "base/status.h"

#define NAME_MAX_BYTES 255

/*
 * ST_OK, or `bad` with `why` saying what is wrong with this name and naming
 * it (shortened, unprintable bytes shown as '?').
 */
enum status name_check(struct slice name, enum status bad, struct problem *why);

/* As name_check for a collection; the name `res` is ST_RESERVED_NAME. */
enum status name_check_collection(struct slice name, enum status bad, struct problem *why);

#endif
