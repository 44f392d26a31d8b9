/*
 * What of a view goes into answers, as compact JSON text.
 */
#ifndef MARKBOOK_RENDER_H
#define MARKBOOK_RENDER_H

#include "buf.h"
#include "store.h"

/* All return ST_OK or ST_IO; want of memory shows in the buffer. */

/* {"collection": {"record": value, ...}, ...} */
enum status render_store(struct buf *out, struct view *view);

/* The same with one collection first, under the name "res", and the others under their own. */
enum status render_store_with_res(struct buf *out, struct view *view, struct slice collection);

struct render_page {
	uint32_t limit;	    /* records at most; 0: all */
	struct slice after; /* records after this name; { NULL, 0 }: from the first */
	bool more;	    /* out: there are records beyond the limit */
	struct slice last;  /* out, where there are more: the last name given */
};

/* {"res": {"record": value, ...}} */
enum status render_res_page(struct buf *out, struct view *view, struct slice collection,
			    struct render_page *page);

/* {"res": value} */
void render_res_value(struct buf *out, struct slice json);

#endif
