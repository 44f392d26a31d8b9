#include "content/verify.h"

#include "base/utf8.h"
#include "json/json.h"
#include "store/name.h"

#define SHOWN_MAX 80

/* A walk over the store.  `seen` counts the current collection's records. */
struct walk {
	struct json_object_doc *doc;
	struct buf text;
	char collection[SHOWN_MAX];
	struct collection row, seen;
	bool any;
	struct store_stats *counted;
	struct problem *why;
};

static enum status
damaged(const struct walk *w, struct slice record, const char *what)
{
	char shown[SHOWN_MAX];

	utf8_printable(shown, sizeof(shown), record);
	return problem_set(w->why, ST_STORE_DAMAGED, "collection \"%s\"%s%s%s: %s", w->collection,
			   record.data == NULL ? "" : ", record \"",
			   record.data == NULL ? "" : shown, record.data == NULL ? "" : "\"", what);
}

static enum status
verify_collection_end(const struct walk *w)
{
	const struct slice none = {NULL, 0};

	if (!w->any)
		return ST_OK;
	if (w->seen.count != w->row.count)
		return damaged(w, none, "has another number of records than its row tells");
	if (w->seen.bytes != w->row.bytes)
		return damaged(w, none, "its records have another size than its row tells");
	return ST_OK;
}

static enum status
verify_collection(struct walk *w, const struct row *row)
{
	enum status st = verify_collection_end(w);

	if (st != ST_OK)
		return st;
	utf8_printable(w->collection, sizeof(w->collection), row->name);
	w->any = true;
	w->row = row->collection;
	w->seen = (struct collection){0};
	w->counted->collections++;
	if (name_check_collection(row->name, ST_STORE_DAMAGED, NULL) != ST_OK)
		return damaged(w, (struct slice){NULL, 0}, "is no name");
	if (row->revision == 0 || row->revision > w->counted->revision)
		return damaged(w, (struct slice){NULL, 0},
			       "its revision is later than the store's");
	return ST_OK;
}

/* Check a value by the rules for the body of a request. */
static enum status
check_json(struct walk *w, struct slice json)
{
	const struct json_member *m;
	enum status st;
	size_t n;

	buf_reset(&w->text, w->text.cap);
	buf_adds(&w->text, "{\"new\":");
	buf_add_slice(&w->text, json);
	buf_addc(&w->text, '}');
	if (w->text.failed)
		return ST_NO_MEMORY;
	st = json_parse_object(w->doc, buf_slice(&w->text), JSON_MAX_DEPTH, NULL);
	if (st != ST_OK)
		return st;
	m = json_members(w->doc, &n);
	return n == 1 && slice_eq(m[0].json, json) ? ST_OK : ST_BAD_JSON;
}

static enum status
verify_record(struct walk *w, const struct row *row)
{
	enum status st;

	w->seen.count++;
	w->seen.bytes += row->name.len + row->json.len;
	w->counted->records++;
	if (!w->any || name_check(row->name, ST_STORE_DAMAGED, NULL) != ST_OK)
		return damaged(w, row->name, "is no name");
	if (row->revision == 0 || row->revision > w->row.revision)
		return damaged(w, row->name, "its revision is later than its collection's");
	st = check_json(w, row->json);
	return st == ST_OK || st == ST_NO_MEMORY ? st
						 : damaged(w, row->name, "its value is not JSON");
}

static enum status
walk(struct walk *w, struct view *view)
{
	const struct slice all = {NULL, 0};
	struct view_iter it;
	struct row row;
	enum status st = view_iterate(view, all, all, &it);

	while (st == ST_OK && (st = view_next(&it, &row)) == ST_OK)
		st = row.is_collection ? verify_collection(w, &row) : verify_record(w, &row);
	return st == ST_NOT_FOUND ? verify_collection_end(w) : st;
}

enum status
verify_content(struct store *store, struct store_stats *counted, struct problem *why)
{
	struct walk w = {.doc = json_doc_new(), .counted = counted, .why = why};
	struct view *view;
	enum status st = w.doc == NULL ? ST_NO_MEMORY : store_read(store, &view);

	*counted = (struct store_stats){0};
	if (st == ST_OK) {
		counted->id = store_id(store);
		counted->revision = view_revision(view);
		st = walk(&w, view);
		store_read_end(store);
	}
	if (st != ST_OK && st != ST_STORE_DAMAGED)
		problem_set(why, st, "%s", status_text(st));
	json_doc_free(w.doc);
	buf_free(&w.text);
	return st;
}
