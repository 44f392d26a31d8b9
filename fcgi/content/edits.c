#include "content/edits.h"

#include <stdlib.h>

#include "store/name.h"

/* Bounds of the list and of the merged text that are kept for the next use. */
#define KEEP_EDITS 1024
#define KEEP_BYTES 65536

static enum status
reserve(struct edits *e, size_t n)
{
	struct edit *list;

	e->count = 0;
	if (n <= e->cap && (e->cap <= KEEP_EDITS || n > KEEP_EDITS))
		return ST_OK;
	list = realloc(e->list, (n + 1) * sizeof(*list));
	if (list == NULL)
		return n <= e->cap ? ST_OK : ST_NO_MEMORY;
	e->list = list;
	e->cap = n + 1;
	return ST_OK;
}

static enum status
parse(struct edits *e, struct slice text, struct problem *why)
{
	if (e->doc == NULL && (e->doc = json_doc_new()) == NULL)
		return ST_NO_MEMORY;
	return json_parse_object(e->doc, text, JSON_MAX_DEPTH, why);
}

enum status
edits_from_records(struct edits *e, struct slice text, struct problem *why)
{
	const struct json_member *m;
	size_t n = 0;
	enum status st = parse(e, text, why);

	m = st == ST_OK ? json_members(e->doc, &n) : NULL;
	if (st == ST_OK)
		st = reserve(e, n);
	for (size_t i = 0; i < n && st == ST_OK; i++) {
		st = name_check(m[i].name, ST_UNPROCESSABLE, why);
		e->list[i] = (struct edit){m[i].name, m[i].json};
	}
	if (st == ST_OK)
		e->count = n;
	return st;
}

enum status
edits_from_patch(struct edits *e, struct slice text, struct problem *why)
{
	enum status st = edits_from_records(e, text, why);

	for (size_t i = 0; st == ST_OK && i < e->count; i++) {
		if (json_is_null(e->list[i].json))
			e->list[i].json = (struct slice){NULL, 0};
	}
	return st;
}

enum status
edits_from_new(struct edits *e, struct slice text, struct slice record, struct problem *why)
{
	const struct json_member *m, *value = NULL;
	size_t n = 0;
	enum status st = parse(e, text, why);

	if (st == ST_OK)
		st = reserve(e, 1);
	if (st != ST_OK)
		return st;
	m = json_members(e->doc, &n);
	for (size_t i = 0; i < n; i++) {
		if (slice_eq(m[i].name, SLICE("new")))
			value = &m[i];
	}
	if (value == NULL)
		return problem_set(why, ST_NO_NEW,
				   "The body has to be an object with a member \"new\"");
	if (n > 1)
		return problem_set(why, ST_UNPROCESSABLE,
				   "The body may have no other member than \"new\"");
	e->list[0] = (struct edit){record, value->json};
	e->count = 1;
	return ST_OK;
}

enum status
edits_removal(struct edits *e, struct slice record)
{
	enum status st = reserve(e, 1);

	if (st == ST_OK) {
		e->list[0] = (struct edit){record, {NULL, 0}};
		e->count = 1;
	}
	return st;
}

enum status
edits_merge(struct edits *e, struct view *view, struct slice collection)
{
	size_t n, at = 0;
	const struct json_member *patch = json_members(e->doc, &n);

	buf_reset(&e->merged, KEEP_BYTES);
	for (size_t i = 0; i < n; i++) {
		struct row row = {.json = {NULL, 0}};
		size_t start = e->merged.len;
		enum status st;

		if (!json_is_object(patch[i].json))
			continue;
		st = view_record(view, collection, patch[i].name, &row);
		if (st == ST_OK || st == ST_NOT_FOUND)
			st = json_merge(&e->merged, row.json, patch[i].json);
		if (st != ST_OK)
			return st;
		e->list[i].json.len = e->merged.len - start;
	}
	/* The buffer has its final address only after the last append. */
	for (size_t i = 0; i < n; i++) {
		if (json_is_object(patch[i].json)) {
			e->list[i].json.data = e->merged.data + at;
			at += e->list[i].json.len;
		}
	}
	return e->merged.failed ? ST_NO_MEMORY : ST_OK;
}

void
edits_free(struct edits *e)
{
	json_doc_free(e->doc);
	buf_free(&e->merged);
	free(e->list);
}
