/*
 * Entity tags and preconditions (RFC 9110, sections 8.8.3 and 13).
 *
 * The tag of a resource is strong and made of the store's identity and the
 * resource's revision: "5f3a9c1e-12".  It never stands for two states, not
 * even in two stores one after another at the same place; but a backup that is
 * restored goes on with the revisions of its time.
 */
#ifndef MARKBOOK_HTTP_ETAG_H
#define MARKBOOK_HTTP_ETAG_H

#include "base/buf.h"
#include "base/status.h"

#define ETAG_BYTES 40

struct etag {
	char text[ETAG_BYTES]; /* with its quotes; empty where there is none */
};

void etag_make(struct etag *out, uint64_t store_id, uint64_t revision);

/*
 * Check the syntax of a field value of If-Match or If-None-Match: "*" or a
 * list of entity tags (RFC 9110, sections 13.1.1 and 5.6.1: empty elements
 * are allowed, an empty list is not).  ST_OK or ST_BAD_REQUEST; a field that was
 * not given is ST_OK.
 */
enum status etag_check_list(struct slice field, const char *field_name, struct problem *why);

/*
 * Evaluate both fields, syntax checked, against the target's tag; `current` is NULL
 * where the target does not exist (RFC 9110, section 13.2.2, steps 1 and 3).
 * ST_OK: go on.  ST_PRECONDITION.  ST_NOT_MODIFIED: If-None-Match matched
 * on a read.
 */
enum status etag_evaluate(struct slice if_match, struct slice if_none_match,
			  const struct etag *current, bool is_read);

#endif
