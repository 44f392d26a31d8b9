/*
 * Names of collections and records.
 *
 * A name is 1 to NAME_MAX_BYTES bytes of UTF-8 (RFC 3629: no overlong forms, no
 * surrogates) without control characters (U+0000 to U+001F, U+007F to U+009F)
 * and without '/'.  "." and ".." are not names, because URL normalisation (RFC
 * 3986, section 5.2.4) removes them.  Names compare bytewise.
 */
#ifndef MARKBOOK_STORE_NAME_H
#define MARKBOOK_STORE_NAME_H

#include "base/buf.h"
#include "base/status.h"

#define NAME_MAX_BYTES 255

/*
 * Check a name.  ST_OK; `bad`, and then `why` (may be NULL) quotes the name,
 * shortened and with '?' for unprintable bytes, and says what is wrong with it.
 */
enum status name_check(struct slice name, enum status bad, struct problem *why);

/*
 * Check the name of a collection: as name_check, and ST_RESERVED_NAME for the
 * name "res".
 */
enum status name_check_collection(struct slice name, enum status bad, struct problem *why);

#endif
