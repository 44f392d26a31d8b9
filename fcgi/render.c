#include "render.h"

#include "json.h"

static void
add_member(struct buf *out, bool *first, struct slice name)
{
	if (!*first)
		buf_addc(out, ',');
	*first = false;
	json_add_string(out, name);
	buf_addc(out, ':');
}

/* The records of one collection, as an object. */
static enum status
add_records(struct buf *out, struct view *view, struct slice collection, struct render_page *page)
{
	struct view_iter it;
	struct row row;
	uint32_t n = 0;
	bool first = true;
	enum status st = view_iterate(view, collection, page->after, &it);

	buf_addc(out, '{');
	while (st == ST_OK && (st = view_next(&it, &row)) == ST_OK) {
		if (page->limit > 0 && n++ == page->limit) {
			page->more = true;
			break;
		}
		add_member(out, &first, row.name);
		buf_add_slice(out, row.json);
		page->last = row.name;
	}
	buf_addc(out, '}');
	return st == ST_NOT_FOUND ? ST_OK : st;
}

/* Every collection but `skip` as a member of an object that is open already. */
static enum status
add_collections(struct buf *out, struct view *view, struct slice skip, bool first)
{
	const struct slice all = {NULL, 0};
	struct view_iter it;
	struct row row;
	bool open = false, first_record = true, skipping = false;
	enum status st = view_iterate(view, all, all, &it);

	while (st == ST_OK && (st = view_next(&it, &row)) == ST_OK) {
		if (row.is_collection) {
			if (open)
				buf_addc(out, '}');
			open = first_record = true;
			skipping = skip.data != NULL && slice_eq(row.name, skip);
			if (skipping) {
				open = false;
				continue;
			}
			add_member(out, &first, row.name);
			buf_addc(out, '{');
		} else if (!skipping) {
			add_member(out, &first_record, row.name);
			buf_add_slice(out, row.json);
		}
	}
	if (open)
		buf_addc(out, '}');
	return st == ST_NOT_FOUND ? ST_OK : st;
}

enum status
render_store(struct buf *out, struct view *view)
{
	enum status st;

	buf_addc(out, '{');
	st = add_collections(out, view, (struct slice){NULL, 0}, true);
	buf_addc(out, '}');
	return st;
}

enum status
render_store_with_res(struct buf *out, struct view *view, struct slice collection)
{
	struct render_page all = {.limit = 0};
	enum status st;

	buf_adds(out, "{\"res\":");
	st = add_records(out, view, collection, &all);
	if (st == ST_OK)
		st = add_collections(out, view, collection, false);
	buf_addc(out, '}');
	return st;
}

enum status
render_res_page(struct buf *out, struct view *view, struct slice collection,
		struct render_page *page)
{
	enum status st;

	buf_adds(out, "{\"res\":");
	st = add_records(out, view, collection, page);
	buf_addc(out, '}');
	return st;
}

void
render_res_value(struct buf *out, struct slice json)
{
	buf_adds(out, "{\"res\":");
	buf_add_slice(out, json);
	buf_addc(out, '}');
}
