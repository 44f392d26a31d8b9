/* JSON Merge Patch (RFC 7396) on compact text that a parse has accepted. */
#include <stdlib.h>

#include "json/json.h"
#include "json/scan.h"

/* A member of an object, as its text spells it. */
struct member {
	struct slice spelt; /* the name with quotes and escapes */
	struct slice json;
};

/* A member of a patch. */
struct change {
	struct member member;
	struct slice name; /* decoded */
	bool done;	   /* the target has a member of this name */
};

struct patch {
	struct buf changes; /* struct change[], in the order of the text */
	struct buf sorted;  /* struct change *[], by name */
	struct buf decoded; /* the decoded names that have escapes */
};

/* Returns the end of an object's member value that begins at p. */
static const char *
value_end(const char *p)
{
	size_t depth = 0;

	for (;;) {
		if (*p == '"') {
			p = json_scan_string_end(p);
		} else if (*p == '{' || *p == '[') {
			depth++;
			p++;
		} else if (depth > 0 && (*p == '}' || *p == ']')) {
			depth--;
			p++;
		} else {
			p++;
		}
		if (depth == 0 && (*p == ',' || *p == '}'))
			return p;
	}
}

/*
 * Step to the next member of an object, and return false if there is none.  *at
 * points to the opening brace at first, then to the ',' or '}' that ends the
 * previous member.
 */
static bool
next_member(const char **at, struct member *m)
{
	const char *name = *at + 1, *name_end, *end;

	if (**at == '}' || *name == '}')
		return false;
	name_end = json_scan_string_end(name);
	end = value_end(name_end + 1);
	m->spelt = (struct slice){name, (size_t)(name_end - name)};
	m->json = (struct slice){name_end + 1, (size_t)(end - name_end) - 1};
	*at = end;
	return true;
}

/*
 * Returns the decoded name of m.  A name without escapes lies in the text; any
 * other one is appended to `decoded`, which has reserved room for it.
 */
static struct slice
member_name(const struct member *m, struct buf *decoded)
{
	struct slice inside = {m->spelt.data + 1, m->spelt.len - 2};
	size_t from = decoded->len;

	if (memchr(inside.data, '\\', inside.len) == NULL)
		return inside;
	json_names_decode(decoded, inside);
	return (struct slice){decoded->data + from, decoded->len - from};
}

static int
compare_changes(const void *a, const void *b)
{
	const struct change *const *left = a, *const *right = b;

	return slice_cmp((*left)->name, (*right)->name);
}

static int
compare_name(const void *name, const void *change)
{
	const struct slice *wanted = name;
	const struct change *const *c = change;

	return slice_cmp(*wanted, (*c)->name);
}

static void
patch_free(struct patch *p)
{
	buf_free(&p->changes);
	buf_free(&p->sorted);
	buf_free(&p->decoded);
}

static size_t
patch_count(const struct patch *p)
{
	return p->changes.len / sizeof(struct change);
}

static struct change *
patch_changes(const struct patch *p)
{
	return (struct change *)(void *)p->changes.data;
}

/*
 * Read the members of a patch and sort them by name.  Returns false if there is
 * no memory.  The caller calls patch_free in either case.
 */
static bool
patch_read(struct patch *p, struct slice object)
{
	const char *at = object.data;
	struct change c = {0};

	*p = (struct patch){0};
	if (!buf_reserve(&p->decoded, object.len))
		return false;
	while (next_member(&at, &c.member)) {
		c.name = member_name(&c.member, &p->decoded);
		buf_add(&p->changes, &c, sizeof(c));
	}
	if (p->changes.failed)
		return false;
	for (size_t i = 0; i < patch_count(p); i++) {
		struct change *change = &patch_changes(p)[i];

		buf_add(&p->sorted, &change, sizeof(change));
	}
	if (p->sorted.failed)
		return false;
	if (patch_count(p) > 1)
		qsort(p->sorted.data, patch_count(p), sizeof(struct change *), compare_changes);
	return true;
}

static struct change *
patch_find(const struct patch *p, struct slice name)
{
	struct change **found = NULL;

	if (patch_count(p) > 0)
		found =
		    bsearch(&name, p->sorted.data, patch_count(p), sizeof(*found), compare_name);
	return found == NULL ? NULL : *found;
}

static void
add_name(struct buf *out, const struct member *m)
{
	if (out->len > 0 && out->data[out->len - 1] != '{')
		buf_addc(out, ',');
	buf_add_slice(out, m->spelt);
	buf_addc(out, ':');
}

/* Append the members of `target`, as changed by `p`. */
static enum status
merge_members(struct buf *out, struct slice target, const struct patch *p)
{
	const char *at = target.data;
	struct buf decoded = {0};
	struct member m;
	enum status st = ST_OK;

	if (!buf_reserve(&decoded, target.len))
		return ST_NO_MEMORY;
	while (st == ST_OK && next_member(&at, &m)) {
		struct change *c = patch_find(p, member_name(&m, &decoded));

		if (c != NULL)
			c->done = true;
		if (c != NULL && json_is_null(c->member.json))
			continue;
		add_name(out, &m);
		if (c == NULL)
			buf_add_slice(out, m.json);
		else
			st = json_merge(out, m.json, c->member.json);
	}
	buf_free(&decoded);
	return st;
}

/* Append the members of the patch that the target does not have. */
static enum status
add_new_members(struct buf *out, const struct patch *p)
{
	enum status st = ST_OK;

	for (size_t i = 0; st == ST_OK && i < patch_count(p); i++) {
		const struct change *c = &patch_changes(p)[i];

		if (c->done || json_is_null(c->member.json))
			continue;
		add_name(out, &c->member);
		st = json_merge(out, (struct slice){NULL, 0}, c->member.json);
	}
	return st;
}

/* The recursion is as deep as the patch, whose depth the parse has limited. */
enum status
json_merge(struct buf *out, struct slice target, struct slice patch)
{
	struct patch p;
	enum status st = ST_OK;

	if (!json_is_object(patch)) {
		buf_add_slice(out, patch);
		return out->failed ? ST_NO_MEMORY : ST_OK;
	}
	if (!patch_read(&p, patch)) {
		patch_free(&p);
		return ST_NO_MEMORY;
	}
	buf_addc(out, '{');
	if (json_is_object(target))
		st = merge_members(out, target, &p);
	if (st == ST_OK)
		st = add_new_members(out, &p);
	buf_addc(out, '}');
	patch_free(&p);
	return st == ST_OK && out->failed ? ST_NO_MEMORY : st;
}
