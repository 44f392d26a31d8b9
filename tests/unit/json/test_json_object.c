/* json_parse_object: names, nesting, large objects, and reuse of a document. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "json_fixture.h"

static void
names_are_decoded(void **state)
{
	const struct json_member *m = members(
	    *state,
	    SLICE("{\"\\\"\\\\\\/\\b\\f\\n\\r\\t\":0,\"x\\u00e9\\u20AC\\uD83D\\uDE00y\":1,"
		  "\"a\\u0000b\":2,\"\\u007f\\u0080\\u07ff\\u0800\\uffff\":3,\"\xC3\xA9\":4}"),
	    5);

	assert_text(m[0].name, "\"\\/\b\f\n\r\t");
	assert_text(m[1].name, "x\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80y");
	assert_true(slice_eq(m[2].name, SLICE("a\0b")));
	assert_text(m[3].name, "\x7F\xC2\x80\xDF\xBF\xE0\xA0\x80\xEF\xBF\xBF");
	assert_text(m[4].name, "\xC3\xA9");
}

static void
the_same_name_twice_is_unprocessable_at_every_level(void **state)
{
	static const char *const texts[] = {
	    "{\"a\":1,\"a\":1}",
	    "{\"a\":1,\"b\":2,\"a\":3}",
	    "{\"\":1,\"\":2}",
	    "{\"a\":1,\"\\u0061\":2}",
	    "{\"\\u00e9\":1,\"\xC3\xA9\":2}",
	    "{\"\\ud83d\\ude00\":1,\"\xF0\x9F\x98\x80\":2}",
	    "{\"a\\u0000\":1,\"a\\u0000\":2}",
	    "{\"x\":{\"a\":1,\"a\":2}}",
	    "{\"x\":[[{\"y\":{\"a\":1,\"b\":{\"a\":1},\"a\":2}}]]}",
	    "{\"a\":{\"b\":1},\"a\":2}",
	    "{\"1\":0,\"2\":0,\"3\":0,\"4\":0,\"5\":0,\"6\":0,\"7\":0,\"8\":0,\"1\":0}",
	    "{\"x\":{\"1\":0,\"2\":0,\"3\":0,\"4\":0,\"5\":0,\"6\":0,\"7\":0,\"8\":0,\"8\":0}}",
	};

	for (size_t i = 0; i < COUNT(texts); i++)
		assert_refused(*state, slice_str(texts[i]), ST_UNPROCESSABLE);
}

static void
names_that_only_look_alike_are_no_duplicates(void **state)
{
	members(*state, SLICE("{\"a\":1,\"A\":2,\"a \":3,\"\":4,\"aa\":5}"), 5);
	members(*state, SLICE("{\"a\\u0000b\":1,\"a\\u0000c\":2,\"a\":3,\"a\\u0000\":4}"), 4);
	members(*state, SLICE("{\"\xC3\xA9\":1,\"e\xCC\x81\":2}"), 2);
	members(*state, SLICE("{\"a\":{\"a\":{\"a\":1}},\"b\":{\"a\":1}}"), 2);
	members(*state,
		SLICE("{\"0\":0,\"00\":0,\"000\":0,\"0000\":0,\"00000\":0,\"000000\":0,"
		      "\"0000000\":0,\"00000000\":0,\"00000000\\u0000\":0,\"000000\\u0000\":0}"),
		10);
}

static void
a_name_with_an_unpaired_surrogate_is_unprocessable(void **state)
{
	static const char *const names[] = {
	    "\\ud800",	      "\\udbff",
	    "\\udc00",	      "\\udfff",
	    "\\ud800x",	      "\\ud800\\n",
	    "\\ud800\\u0041", "\\ud800\\ud800",
	    "\\udc00\\ud800", "ok\\uD83D\\uDE00\\uD83D",
	    "\\ud800\\ue000", "\\udc00\\udc00",
	};
	char text[64];

	for (size_t i = 0; i < COUNT(names); i++) {
		snprintf(text, sizeof(text), "{\"%s\":1}", names[i]);
		assert_refused(*state, slice_str(text), ST_UNPROCESSABLE);
		snprintf(text, sizeof(text), "{\"a\":[{\"%s\":1}]}", names[i]);
		assert_refused(*state, slice_str(text), ST_UNPROCESSABLE);
	}
}

/* Append `depth` nested arrays and objects in turn; the innermost holds 0. */
static void
add_nested(struct buf *b, unsigned depth)
{
	for (unsigned i = 0; i < depth; i++)
		buf_adds(b, i % 2 == 0 ? "[" : "{\"n\":");
	buf_adds(b, "0");
	for (unsigned i = depth; i > 0; i--)
		buf_adds(b, i % 2 == 1 ? "]" : "}");
}

static enum status
parse_nested(struct fixture *f, unsigned nested, unsigned depth)
{
	struct buf value = {0};
	enum status st;

	add_nested(&value, nested);
	st = json_parse_object(f->doc, wrapped(f, buf_slice(&value)), depth, &f->why);
	buf_free(&value);
	return st;
}

static void
nesting_is_counted_within_one_value(void **state)
{
	struct fixture *f = *state;

	for (unsigned depth = 0; depth <= JSON_MAX_DEPTH + 1; depth++) {
		assert_int_equal(parse_nested(f, depth, depth), ST_OK);
		assert_int_equal(parse_nested(f, depth + 1, depth), ST_UNPROCESSABLE);
	}
	assert_int_equal(parse(f, SLICE("{\"a\":[[[]]],\"b\":[[[]]],\"c\":[[[]],[[]]]}")), ST_OK);
	assert_int_equal(parse_nested(f, 33, JSON_MAX_DEPTH), ST_UNPROCESSABLE);
	assert_string_equal(f->why.detail, "A value is nested more than 32 deep, at byte 101");
}

static void
a_million_open_brackets_are_refused(void **state)
{
	struct fixture *f = *state;
	char *text = malloc(1000000);

	assert_non_null(text);
	memset(text, '[', 1000000);
	assert_refused(f, (struct slice){text, 1000000}, ST_UNPROCESSABLE);
	free(text);
}

/* Append {"name-0":0,...} with `count` such members, and `last` as one more. */
static struct slice
many_members(struct buf *b, unsigned count, const char *last)
{
	buf_addc(b, '{');
	for (unsigned i = 0; i < count; i++)
		buf_addf(b, "\"name-%u\":%u,", i, i);
	buf_addf(b, "\"%s\":-1}", last);
	return buf_slice(b);
}

static void
an_object_of_100000_members_is_read_whole(void **state)
{
	const struct json_member *m;
	struct buf text = {0}, expected = {0};

	m = members(*state, many_members(&text, 100000, "last"), 100001);
	for (unsigned i = 0; i < 100000; i += 997) {
		buf_reset(&expected, 64);
		buf_addf(&expected, "name-%u", i);
		assert_true(slice_eq(m[i].name, buf_slice(&expected)));
		assert_true(
		    slice_eq(m[i].json, (struct slice){expected.data + 5, expected.len - 5}));
	}
	assert_text(m[100000].name, "last");
	buf_free(&text);
	buf_free(&expected);
}

static void
objects_of_every_small_size_are_checked_for_duplicates(void **state)
{
	for (unsigned count = 1; count < 70; count++) {
		struct buf text = {0};

		members(*state, many_members(&text, count, "last"), count + 1);
		buf_reset(&text, SIZE_MAX);
		assert_refused(*state, many_members(&text, count, "name-0"), ST_UNPROCESSABLE);
		buf_free(&text);
	}
}

static void
many_decoded_names_stay_where_they_are(void **state)
{
	const struct json_member *m;
	struct buf text = {0}, name = {0};

	buf_addc(&text, '{');
	for (unsigned i = 0; i < 1000; i++)
		buf_addf(&text, "%s\"line\\n%u\":%u", i == 0 ? "" : ",", i, i);
	buf_addc(&text, '}');
	m = members(*state, buf_slice(&text), 1000);
	for (unsigned i = 0; i < 1000; i++) {
		buf_reset(&name, SIZE_MAX);
		buf_addf(&name, "line\n%u", i);
		assert_true(slice_eq(m[i].name, buf_slice(&name)));
	}
	buf_free(&text);
	buf_free(&name);
}

static void
a_duplicate_among_100000_names_is_found(void **state)
{
	struct buf text = {0};

	assert_refused(*state, many_members(&text, 100000, "name-0"), ST_UNPROCESSABLE);
	buf_reset(&text, SIZE_MAX);
	assert_refused(*state, many_members(&text, 100000, "name\\u002d99999"), ST_UNPROCESSABLE);
	buf_free(&text);
}

static void
more_values_than_json_c_is_given_are_checked_as_strictly(void **state)
{
	struct fixture *f = *state;
	struct buf text = {0};

	many_members(&text, 5000, "\xC0\x80");
	assert_refused(f, buf_slice(&text), ST_BAD_JSON);
	buf_reset(&text, SIZE_MAX);
	many_members(&text, 5000, "a\tb");
	assert_refused(f, buf_slice(&text), ST_BAD_JSON);
	buf_free(&text);
}

static void
a_document_is_used_again_after_success_and_failure(void **state)
{
	struct fixture *f = *state;
	struct buf text = {0};

	many_members(&text, 20000, "escaped\\n");
	for (int i = 0; i < 3; i++) {
		assert_text(members(f, SLICE("{\"new\":\"100%\"}"), 1)[0].json, "\"100%\"");
		assert_refused(f, SLICE("{\"new\":"), ST_BAD_JSON);
		members(f, buf_slice(&text), 20001);
		assert_refused(f, SLICE("{\"a\":{\"b\":1,\"b\":2}}"), ST_UNPROCESSABLE);
		assert_text(members(f, SLICE("{\"\\u006eew\":0}"), 1)[0].name, "new");
	}
	buf_free(&text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(names_are_decoded),
	    cmocka_unit_test(the_same_name_twice_is_unprocessable_at_every_level),
	    cmocka_unit_test(names_that_only_look_alike_are_no_duplicates),
	    cmocka_unit_test(a_name_with_an_unpaired_surrogate_is_unprocessable),
	    cmocka_unit_test(nesting_is_counted_within_one_value),
	    cmocka_unit_test(a_million_open_brackets_are_refused),
	    cmocka_unit_test(an_object_of_100000_members_is_read_whole),
	    cmocka_unit_test(objects_of_every_small_size_are_checked_for_duplicates),
	    cmocka_unit_test(many_decoded_names_stay_where_they_are),
	    cmocka_unit_test(a_duplicate_among_100000_names_is_found),
	    cmocka_unit_test(more_values_than_json_c_is_given_are_checked_as_strictly),
	    cmocka_unit_test(a_document_is_used_again_after_success_and_failure),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
