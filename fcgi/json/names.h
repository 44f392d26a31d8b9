/*
 * The names in an object: escapes decoded, and none of them twice.
 *
 * Names are gathered while their objects are open, those of an inner object
 * behind those of the outer one, and are compared when their object ends: n
 * names cost O(n) however they were chosen (a hash with a random key), and
 * memory is taken for the objects that are open, not for the whole text.
 */
#ifndef MARKBOOK_JSON_NAMES_H
#define MARKBOOK_JSON_NAMES_H

#include "base/buf.h"
#include "base/status.h"

struct json_names {
	struct buf open;  /* struct slice[]: names of the objects that are open */
	struct buf table; /* uint32_t[]: hash chains, while an object's names are compared */
	uint64_t key;
};

/* False where the system gives no random key. */
bool json_names_init(struct json_names *n);
void json_names_free(struct json_names *n);

/* Forget all names; memory beyond `keep` bytes is given back. */
void json_names_reset(struct json_names *n, size_t keep);

/* An object begins: returns a mark for json_names_end. */
size_t json_names_begin(const struct json_names *n);

/* The innermost open object has a member of this name, which must stay where it is. */
void json_names_add(struct json_names *n, struct slice name);

/*
 * The innermost open object ends.  ST_OK; ST_UNPROCESSABLE and in *twice the name that it has
 * more than once; ST_NO_MEMORY, also for any json_names_add before.
 */
enum status json_names_end(struct json_names *n, size_t mark, struct slice *twice);

/*
 * Append what the inside of a JSON string stands for (RFC 8259, section 7) as UTF-8; `inside` is
 * valid, and the result is not longer.  False for an unpaired surrogate: no UTF-8 stands for it.
 */
bool json_names_decode(struct buf *out, struct slice inside);

#endif
