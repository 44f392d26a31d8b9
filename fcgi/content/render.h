/*
 * Writes the content of a view as compact JSON text, piece by piece.
 *
 * One function begins a text, and render_more appends its pieces.  A piece ends
 * between two tokens.  A struct render borrows the view and the names; they
 * must stay valid until `done`.
 */
#ifndef MARKBOOK_CONTENT_RENDER_H
#define MARKBOOK_CONTENT_RENDER_H

#include "base/buf.h"
#include "store/store.h"

struct render {
	/* After store_keep the caller sets it.view to the kept snapshot. */
	struct view_iter it;
	/* The collection that comes first, as "res"; { NULL, 0 }: none. */
	struct slice res;
	bool others; /* all other collections follow, under their names */
	bool in_res; /* the records of `res` are being written */
	bool begun, done;
	bool first_member;  /* no comma is due before the next collection */
	bool first_record;  /* no comma is due before the next record */
	bool in_collection; /* a collection's '}' is due */
	/* How many records the page may have (0: all), and has so far. */
	uint32_t limit, count;
	bool more;	   /* result: records follow beyond the limit */
	struct slice last; /* result, where `more`: the last name on the page */
};

/*
 * The functions below begin a text.  ST_OK; ST_NO_COLLECTION; ST_NO_MEMORY;
 * ST_IO.
 */

/* Begin {"collection": {"record": value, ...}, ...}. */
enum status render_store(struct render *r, struct view *view);

/*
 * Begin the text of render_store with one collection moved to the front, under
 * the name "res".  The others follow under their own names.
 */
enum status render_store_with_res(struct render *r, struct view *view, struct slice collection);

/*
 * Begin {"res": {"record": value, ...}} with at most `limit` records (0: all)
 * whose names come after `after` ({ NULL, 0 }: from the first one on).
 */
enum status render_res(struct render *r, struct view *view, struct slice collection,
		       struct slice after, uint32_t limit);

/*
 * Append to `out` until it holds at least `enough` bytes or the text is done.
 * ST_OK; ST_IO.  When memory runs out, out->failed is set.
 */
enum status render_more(struct render *r, struct buf *out, size_t enough);

/* Append all of {"res": value}. */
void render_res_value(struct buf *out, struct slice json);

#endif
