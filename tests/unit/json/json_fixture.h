/*
 * What the tests of json.h share: a document, and texts that end where readable
 * memory ends.  Include after <cmocka.h>.
 */
#ifndef MARKBOOK_TESTS_JSON_FIXTURE_H
#define MARKBOOK_TESTS_JSON_FIXTURE_H

#include <stdlib.h>

#include "../guard.h"
#include "json/json.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
/* SLICE for static tables, whose initialisers have to be constant. */
#define TEXT(literal)                                                                              \
	{                                                                                          \
		(literal), sizeof(literal) - 1                                                     \
	}
#define LARGEST_TEXT (4 << 20)

struct fixture {
	struct json_object_doc *doc;
	struct guard guard;
	struct problem why;
	struct buf out;
};

static inline int
set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->doc = json_doc_new();
	assert_non_null(f->doc);
	f->guard = guard_new(LARGEST_TEXT);
	*state = f;
	return 0;
}

static inline int
tear_down(void **state)
{
	struct fixture *f = *state;

	json_doc_free(f->doc);
	guard_free(&f->guard);
	buf_free(&f->out);
	free(f);
	return 0;
}

/*
 * Parse a copy of the text that ends at unreadable memory.  The copy is
 * overwritten afterwards, because the document must not refer to it.
 */
static inline enum status
parse(struct fixture *f, struct slice text)
{
	struct slice copy = guard_copy(&f->guard, text);
	enum status st;

	f->why.detail[0] = '\0';
	st = json_parse_object(f->doc, copy, JSON_MAX_DEPTH, &f->why);
	memset(f->guard.pages + f->guard.readable - copy.len, '#', copy.len);
	return st;
}

/* Parse a valid object of `expected` members, and return them. */
static inline const struct json_member *
members(struct fixture *f, struct slice text, size_t expected)
{
	size_t count;
	const struct json_member *m;

	if (parse(f, text) != ST_OK)
		fail_msg("%.*s: %s", (int)text.len, text.data, f->why.detail);
	m = json_members(f->doc, &count);
	assert_int_equal(count, expected);
	return m;
}

static inline void
assert_text(struct slice s, const char *expected)
{
	if (!slice_eq(s, slice_str(expected)))
		fail_msg("is %.*s, not %s", (int)s.len, s.data, expected);
}

/* An object whose only member has this value; valid until the next call. */
static inline struct slice
wrapped(struct fixture *f, struct slice value)
{
	buf_reset(&f->out, SIZE_MAX);
	buf_adds(&f->out, "{\"a\":");
	buf_add_slice(&f->out, value);
	buf_addc(&f->out, '}');
	return buf_slice(&f->out);
}

/* The parse fails with `expected` and a reason, and leaves no members. */
static inline void
assert_refused(struct fixture *f, struct slice text, enum status expected)
{
	size_t count;

	if (parse(f, text) != expected)
		fail_msg("%.*s: not refused with %d, %s", (int)text.len, text.data, expected,
			 f->why.detail);
	assert_true(f->why.detail[0] != '\0');
	json_members(f->doc, &count);
	assert_int_equal(count, 0);
}

#endif
