#include "http/route.h"

#include "http/percent.h"
#include "store/name.h"

static const char *
find(struct slice s, char c)
{
	return s.len == 0 ? NULL : memchr(s.data, c, s.len);
}

/*
 * Split s at the first c: *head is what precedes it, *tail what follows it.
 * Returns false where s has no c; then *head is s and *tail is { NULL, 0 }.
 */
static bool
cut(struct slice s, char c, struct slice *head, struct slice *tail)
{
	const char *p = find(s, c);

	if (p == NULL) {
		*head = s;
		*tail = (struct slice){NULL, 0};
		return false;
	}
	*head = (struct slice){s.data, (size_t)(p - s.data)};
	*tail = (struct slice){p + 1, s.len - head->len - 1};
	return true;
}

enum status
route_parse(struct route *out, struct slice path, struct problem *why)
{
	static const char root[] = "/json";
	const size_t root_len = sizeof(root) - 1;
	struct slice rest;
	bool has_record;
	enum status st;

	*out = (struct route){.kind = ROUTE_STORE};
	if (path.len < root_len || memcmp(path.data, root, root_len) != 0)
		return ST_NOT_FOUND;
	if (path.len == root_len)
		return ST_OK;
	if (path.data[root_len] != '/')
		return ST_NOT_FOUND;
	rest = (struct slice){path.data + root_len + 1, path.len - root_len - 1};
	has_record = cut(rest, '/', &out->collection, &out->record);
	out->kind = has_record ? ROUTE_RECORD : ROUTE_COLLECTION;
	if (out->collection.len == 0 ||
	    (has_record && (out->record.len == 0 || find(out->record, '/') != NULL)))
		return problem_set(
		    why, ST_NOT_FOUND,
		    "A path is /json, /json/{collection} or /json/{collection}/{record}");
	st = name_check(out->collection, ST_BAD_NAME, why);
	if (st == ST_OK && has_record)
		st = name_check(out->record, ST_BAD_NAME, why);
	return st;
}

static enum status
parse_limit(struct query *out, struct slice value, struct problem *why)
{
	uint32_t n = 0;

	for (size_t i = 0; i < value.len; i++) {
		char c = value.data[i];

		n = n * 10 + (uint32_t)(c - '0');
		if (c < '0' || c > '9' || n > PAGE_LIMIT_MAX) {
			n = 0;
			break;
		}
	}
	if (n == 0)
		return problem_set(why, ST_BAD_REQUEST, "limit is a whole number from 1 to %d",
				   PAGE_LIMIT_MAX);
	out->limit = n;
	return ST_OK;
}

static enum status
parse_after(struct query *out, struct slice value, struct problem *why)
{
	out->has_after = true;
	if (!percent_decode(&out->after, value))
		return problem_set(why, ST_BAD_REQUEST,
				   "after is not percent-encoded as it should be");
	return out->after.failed ? ST_NO_MEMORY : ST_OK;
}

bool
route_query_is_pretty(struct slice text)
{
	struct slice part, name, value;
	bool pretty = false;

	while (text.len > 0) {
		cut(text, '&', &part, &text);
		cut(part, '=', &name, &value);
		if (slice_eq(name, SLICE("pretty")))
			pretty = !slice_eq(value, SLICE("0")) && !slice_eq(value, SLICE("false"));
	}
	return pretty;
}

enum status
route_query_parse(struct query *out, struct slice text, struct problem *why)
{
	struct slice part, name, value;
	enum status st = ST_OK;

	out->pretty = route_query_is_pretty(text);
	out->has_after = false;
	out->limit = 0;
	buf_reset(&out->after, SIZE_MAX);
	while (text.len > 0 && st == ST_OK) {
		cut(text, '&', &part, &text);
		cut(part, '=', &name, &value);
		if ((slice_eq(name, SLICE("limit")) && out->limit != 0) ||
		    (slice_eq(name, SLICE("after")) && out->has_after))
			st = problem_set(why, ST_BAD_REQUEST, "%.*s is given twice", (int)name.len,
					 name.data);
		else if (slice_eq(name, SLICE("limit")))
			st = parse_limit(out, value, why);
		else if (slice_eq(name, SLICE("after")))
			st = parse_after(out, value, why);
	}
	return st;
}
