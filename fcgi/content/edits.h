/*
 * What a request's body does to the records of one collection: a list of
 * edits for store_apply, made from the body's JSON.
 */
#ifndef MARKBOOK_CONTENT_EDITS_H
#define MARKBOOK_CONTENT_EDITS_H

#include "json/json.h"
#include "store/store.h"

/*
 * A zeroed struct is ready for use; memory is kept from one use to the next.
 * Edits borrow from `doc`, `merged` and the names handed in.
 */
struct edits {
	struct edit *list;
	size_t count;
	size_t cap;
	struct json_object_doc *doc;
	struct buf merged;
};

/*
 * Each makes a new list.  ST_OK; ST_BAD_JSON, ST_UNPROCESSABLE or ST_NO_NEW
 * with `why`; ST_NO_MEMORY.  `text` is not needed afterwards.
 */

/* {"record": value, ...} */
enum status edits_from_records(struct edits *e, struct slice text, struct problem *why);

/* The same as a merge patch of the collection (RFC 7396): a null removes the record. */
enum status edits_from_patch(struct edits *e, struct slice text, struct problem *why);

/* {"new": value} for one record */
enum status edits_from_new(struct edits *e, struct slice text, struct slice record,
			   struct problem *why);

/* The removal of one record; ST_OK or ST_NO_MEMORY. */
enum status edits_removal(struct edits *e, struct slice record);

/*
 * After edits_from_patch: where the patch holds an object, make the edit's
 * value that object merged into what the record holds in this view.  May be
 * called again for another view.  ST_OK, ST_IO, ST_NO_MEMORY.
 */
enum status edits_merge(struct edits *e, struct view *view, struct slice collection);

void edits_free(struct edits *e);

#endif
