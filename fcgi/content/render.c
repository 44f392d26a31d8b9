#include "content/render.h"

#include "json/json.h"

static const struct slice none = {NULL, 0};

static void
add_member(struct buf *out, bool *first, struct slice name)
{
	if (!*first)
		buf_addc(out, ',');
	*first = false;
	json_add_string(out, name);
	buf_addc(out, ':');
}

enum status
render_store(struct render *r, struct view *view)
{
	*r = (struct render){.others = true, .first_member = true};
	return view_iterate(view, none, none, &r->it);
}

enum status
render_res(struct render *r, struct view *view, struct slice collection, struct slice after,
	   uint32_t limit)
{
	*r = (struct render){
	    .res = collection, .in_res = true, .first_member = true, .limit = limit};
	return view_iterate(view, collection, after, &r->it);
}

enum status
render_store_with_res(struct render *r, struct view *view, struct slice collection)
{
	enum status st = render_res(r, view, collection, none, 0);

	r->others = true;
	return st;
}

static void
begin_collection(struct render *r, struct buf *out, struct slice name)
{
	add_member(out, &r->first_member, name);
	buf_addc(out, '{');
	r->in_collection = r->first_record = true;
}

static void
render_collection_end(struct render *r, struct buf *out)
{
	if (r->in_collection)
		buf_addc(out, '}');
	r->in_collection = false;
}

static void
add_row(struct render *r, struct buf *out, const struct row *row)
{
	if (!row->is_collection) {
		/* The records of `res` were written first; skip them now. */
		if (!r->in_collection)
			return;
		add_member(out, &r->first_record, row->name);
		buf_add_slice(out, row->json);
		return;
	}
	render_collection_end(r, out);
	if (r->res.data == NULL || !slice_eq(row->name, r->res))
		begin_collection(r, out, row->name);
}

/* The iteration, over one collection or over all, has no more rows. */
static enum status
end_rows(struct render *r, struct buf *out)
{
	struct view *view = r->it.view;

	render_collection_end(r, out);
	if (r->in_res && r->others) {
		r->in_res = false;
		return view_iterate(view, none, none, &r->it);
	}
	buf_addc(out, '}');
	r->done = true;
	return ST_OK;
}

enum status
render_more(struct render *r, struct buf *out, size_t enough)
{
	enum status st = ST_OK;
	struct row row;

	if (!r->begun) {
		buf_addc(out, '{');
		if (r->in_res)
			begin_collection(r, out, SLICE("res"));
		r->begun = true;
	}
	while (st == ST_OK && !r->done && out->len < enough && !out->failed) {
		st = view_next(&r->it, &row);
		if (st == ST_OK && r->limit > 0 && r->count++ == r->limit) {
			r->more = true;
			st = ST_NOT_FOUND;
		}
		if (st == ST_OK) {
			add_row(r, out, &row);
			r->last = row.name;
		} else if (st == ST_NOT_FOUND) {
			st = end_rows(r, out);
		}
	}
	return st;
}

void
render_res_value(struct buf *out, struct slice json)
{
	buf_adds(out, "{\"res\":");
	buf_add_slice(out, json);
	buf_addc(out, '}');
}
