/*
 * The names in objects: decode their escapes, and find duplicates.
 *
 * The names of the open objects lie on a stack, those of an inner object above
 * those of the outer one.  When an object ends, its names are compared and
 * removed.  n names cost O(n) expected time, whatever the names are, because
 * the hash has a random key.  Memory is taken only for open objects, not for
 * the whole text.
 */
#ifndef MARKBOOK_JSON_NAMES_H
#define MARKBOOK_JSON_NAMES_H

#include "base/buf.h"
#include "base/status.h"

struct json_names {
	struct buf open;  /* struct slice[]: the names of all open objects */
	struct buf table; /* uint32_t[]: the hash chains of one comparison */
	uint64_t key;	  /* of the hash, random */
};

/* Returns false if the system has no random key. */
bool json_names_init(struct json_names *n);
void json_names_free(struct json_names *n);

/* Forget all names.  A buffer of more than `keep` bytes is freed. */
void json_names_reset(struct json_names *n, size_t keep);

/* Begin an object inside the open ones.  Returns a mark for json_names_end. */
size_t json_names_begin(const struct json_names *n);

/*
 * Add the name of a member of the innermost open object.  Its bytes are
 * borrowed until that object ends.  json_names_end reports a lack of memory.
 */
void json_names_add(struct json_names *n, struct slice name);

/*
 * End the innermost open object, which began at `mark`, and forget its names.
 * Returns ST_OK; ST_UNPROCESSABLE if a name occurs more than once, which is
 * then in *twice; or ST_NO_MEMORY, also if any json_names_add got none.
 */
enum status json_names_end(struct json_names *n, size_t mark, struct slice *twice);

/*
 * Decode the inside of a JSON string (RFC 8259, section 7), and append it as
 * UTF-8.  `inside` is valid; the result is never longer.  Returns false at an
 * unpaired surrogate, which has no UTF-8; what stands before it is appended.
 */
bool json_names_decode(struct buf *out, struct slice inside);

#endif
