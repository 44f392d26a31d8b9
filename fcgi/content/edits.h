/*
 * What a request's body does to the records of one collection: a list of
 * edits for store_apply, made from the body's JSON.
 */
#ifndef MARKBOOK_CONTENT_EDITS_H
#define MARKBOOK_CONTENT_EDITS_H

#include "json/json.h"
#include "store/store.h"

/*
 * A list of edits.  A zeroed struct is an empty list.  It keeps its memory from
 * one use to the next, until edits_free.  The edits borrow from `doc`, `merged`
 * and the names that the caller passed.
 */
struct edits {
	struct edit *list;
	size_t count;
	size_t cap;
	struct json_object_doc *doc;
	struct buf merged;
};

/*
 * The functions below replace the list by a new one.  The caller need not keep
 * `text` after the call.  ST_OK; ST_BAD_JSON, ST_UNPROCESSABLE or ST_NO_NEW,
 * with `why`; ST_NO_MEMORY.
 */

/* Set each record of {"record": value, ...}. */
enum status edits_from_records(struct edits *e, struct slice text, struct problem *why);

/*
 * Take the same text as a merge patch of the collection (RFC 7396): a null
 * removes the record, any other value sets it.  See edits_merge for objects.
 */
enum status edits_from_patch(struct edits *e, struct slice text, struct problem *why);

/* Set one record to the value of {"new": value}. */
enum status edits_from_new(struct edits *e, struct slice text, struct slice record,
			   struct problem *why);

/* Remove one record.  ST_OK; ST_NO_MEMORY. */
enum status edits_removal(struct edits *e, struct slice record);

/*
 * Complete the list of edits_from_patch: where the patch holds an object, merge
 * that object into the record's value in this view, and make the result the
 * value of the edit.  The caller may repeat this with another view.  ST_OK;
 * ST_NO_COLLECTION; ST_IO; ST_NO_MEMORY.
 */
enum status edits_merge(struct edits *e, struct view *view, struct slice collection);

void edits_free(struct edits *e);

#endif
