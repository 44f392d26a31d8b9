/*
 * Entity tags and preconditions (RFC 9110, sections 8.8.3 and 13).
 *
 * The tag of a resource is strong.  It consists of the store's identity,
 * folded to 32 bits, and the resource's revision: "5f3a9c1e-12".  A store never
 * reuses a revision, so one tag never stands for two states of a resource.  The
 * identity tells stores apart that lie at the same place one after another.  A
 * restored backup gets a new identity, because it goes on counting from the
 * revision of the backup (see store.h).
 */
#ifndef MARKBOOK_HTTP_ETAG_H
#define MARKBOOK_HTTP_ETAG_H

#include "base/buf.h"
#include "base/status.h"

/* Room for the longest tag and its terminating NUL. */
#define ETAG_BYTES 40

struct etag {
	char text[ETAG_BYTES]; /* quoted; the empty string means no tag */
};

/* Write the tag of a resource at `revision` of the store to `out`. */
void etag_make(struct etag *out, uint64_t store_id, uint64_t revision);

/*
 * Check the syntax of the value of If-Match or If-None-Match: "*" or a list of
 * entity tags (RFC 9110, section 13.1.1).  The list may have empty elements,
 * but not be empty (section 5.6.1).  Returns ST_OK, also where the field was
 * not given; else ST_BAD_REQUEST, and `why`, which may be NULL, says so with
 * `field_name`.
 */
enum status etag_check_list(struct slice field, const char *field_name, struct problem *why);

/*
 * Evaluate both fields against the target's tag (RFC 9110, section 13.2.2,
 * steps 1 and 3).  etag_check_list has accepted both.  `current` is NULL where
 * the target does not exist.  Returns
 *   ST_OK            perform the request;
 *   ST_PRECONDITION  a condition does not hold;
 *   ST_NOT_MODIFIED  only for a read: If-None-Match matches.
 */
enum status etag_evaluate(struct slice if_match, struct slice if_none_match,
			  const struct etag *current, bool is_read);

#endif
