/*
 * What of a view goes into answers, as compact JSON text, piece by piece.
 *
 * A text is begun, and then made by render_more; a piece ends between two
 * tokens.  What a struct render borrows (names, the view) has to stay until it is done.
 */
#ifndef MARKBOOK_CONTENT_RENDER_H
#define MARKBOOK_CONTENT_RENDER_H

#include "base/buf.h"
#include "store/store.h"

struct render {
	struct view_iter it; /* it.view may be exchanged for the same snapshot: see store_keep */
	struct slice res;    /* the collection that comes first, as "res"; { NULL, 0 }: none */
	bool others;	     /* all other collections follow, under their names */
	bool in_res;	     /* the records of `res` are under way */
	bool begun, done;
	bool first_member;     /* of the whole */
	bool first_record;     /* of the collection */
	bool in_collection;    /* whose '}' is still to come */
	uint32_t limit, count; /* records of a page, and how many of them there are so far */
	bool more;	       /* out: there are records beyond the limit */
	struct slice last;     /* out, where there are more: the last name on the page */
};

/* {"collection": {"record": value, ...}, ...} */
enum status render_store(struct render *r, struct view *view);

/* The same with one collection first, under the name "res", and the others under their own. */
enum status render_store_with_res(struct render *r, struct view *view, struct slice collection);

/*
 * {"res": {"record": value, ...}} of at most `limit` records (0: all) after the name `after`
 * ({ NULL, 0 }: from the first).
 */
enum status render_res(struct render *r, struct view *view, struct slice collection,
		       struct slice after, uint32_t limit);

/* All of the above: ST_OK, ST_NO_COLLECTION or ST_IO. */

/*
 * Append to `out` until it holds `enough` bytes or all is done.  ST_OK or ST_IO; want of memory shows in
 * the buffer.
 */
enum status render_more(struct render *r, struct buf *out, size_t enough);

/* {"res": value}, at once. */
void render_res_value(struct buf *out, struct slice json);

#endif
