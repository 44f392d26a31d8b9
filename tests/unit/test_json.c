#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "guard.h"
#include "json.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define LARGEST_TEXT (4 << 20)

struct fixture {
	struct json_object_doc *doc;
	struct guard guard;
	struct problem why;
	struct buf out;
};

static int
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

static int
tear_down(void **state)
{
	struct fixture *f = *state;

	json_doc_free(f->doc);
	guard_free(&f->guard);
	buf_free(&f->out);
	free(f);
	return 0;
}

/* Parse text that ends at unreadable memory and is overwritten afterwards. */
static enum status
parse(struct fixture *f, struct slice text)
{
	struct slice copy = guard_copy(&f->guard, text);
	enum status st;

	f->why.detail[0] = '\0';
	st = json_parse_object(f->doc, copy, JSON_MAX_DEPTH, &f->why);
	memset(f->guard.pages + f->guard.readable - copy.len, '#', copy.len);
	return st;
}

static const struct json_member *
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

static void
assert_text(struct slice s, const char *expected)
{
	if (!slice_eq(s, slice_str(expected)))
		fail_msg("is %.*s, not %s", (int)s.len, s.data, expected);
}

/* `value` as that of a member. */
static struct slice
wrapped(struct fixture *f, struct slice value)
{
	buf_reset(&f->out, SIZE_MAX);
	buf_adds(&f->out, "{\"a\":");
	buf_add_slice(&f->out, value);
	buf_addc(&f->out, '}');
	return buf_slice(&f->out);
}

static void
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

static void
members_come_in_the_order_of_the_text(void **state)
{
	const struct json_member *m =
	    members(*state, SLICE("{\"b\":\"100%\",\"a\":{\"x\":[1,2]},\"\":null}"), 3);

	assert_text(m[0].name, "b");
	assert_text(m[0].json, "\"100%\"");
	assert_text(m[1].name, "a");
	assert_text(m[1].json, "{\"x\":[1,2]}");
	assert_text(m[2].name, "");
	assert_text(m[2].json, "null");
}

static void
an_empty_object_has_no_members(void **state)
{
	members(*state, SLICE("{}"), 0);
	members(*state, SLICE(" \t\r\n{ \n } "), 0);
}

static void
white_space_between_tokens_goes_and_that_in_strings_stays(void **state)
{
	const struct json_member *m = members(
	    *state, SLICE(" { \"a b\" :\t[ 1 ,\r\n{ \"c d\" : \" e \" } , [ ] ]\n, \"f\":  0 } "), 2);

	assert_text(m[0].name, "a b");
	assert_text(m[0].json, "[1,{\"c d\":\" e \"},[]]");
	assert_text(m[1].name, "f");
	assert_text(m[1].json, "0");
}

static void
every_value_comes_back_as_it_was_spelt(void **state)
{
	static const char *const values[] = {
	    "0", "-0", "-1", "10", "1.10", "0.0", "-0.00e-0", "1e400", "-1E+400", "1e-400", "2E7",
	    "18446744073709551616", "123456789012345678901234567890", "3.14159265358979323846264338",
	    "true", "false", "null", "\"\"", "\"100%\"", "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"/\"",
	    "\"\\u0000\"", "\"a\\u0000b\"", "\"\\u00e9\\u00E9\"", "\"\\ud83d\\ude00\"",
	    "\"\\ud800\"", "\"\\udc00\\ud800\"", "\"\\ud800x\"", "\"\\ud800\\n\"", "\"\x7F\"",
	    "\"\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\"", "\"\xEF\xBF\xBF\xF4\x8F\xBF\xBF\"", "[]",
	    "{}", "[[],{},[{}]]", "{\"a\":{\"a\":1},\"b\":{\"a\":1}}", "[{\"a\":1},{\"a\":1}]",
	    "{\"\\u0061\":1}", "\"}],:{[\"", "{\"\\\"}\":\"\\\\\"}",
	};

	for (size_t i = 0; i < COUNT(values); i++) {
		struct slice text = wrapped(*state, slice_str(values[i]));

		assert_text(members(*state, text, 1)[0].json, values[i]);
	}
}

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
what_is_no_json_value_is_refused(void **state)
{
	static const struct slice values[] = {
	    {"", 0}, {"NaN", 3}, {"nan", 3}, {"Infinity", 8}, {"-Infinity", 9}, {"True", 4},
	    {"nul", 3}, {"nulll", 5}, {"undefined", 9}, {"'a'", 3}, {"a", 1}, {"-", 1}, {"+1", 2},
	    {"01", 2}, {"-01", 3}, {"00", 2}, {"1.", 2}, {".5", 2}, {"-.5", 3}, {"1.e1", 4},
	    {"1e", 2}, {"1e+", 3}, {"1.5e-", 5}, {"0x10", 4}, {"1 2", 3}, {"1,", 2}, {",1", 2},
	    {"\"", 1}, {"\"a", 2}, {"\"\\\"", 3}, {"\"\\x\"", 4}, {"\"\\\0\"", 4}, {"\"\\'\"", 4},
	    {"\"\\u\"", 4}, {"\"\\u123\"", 7}, {"\"\\u12g4\"", 8}, {"\"\\U0041\"", 8},
	    {"\"\n\"", 3}, {"\"\t\"", 3}, {"\"\0\"", 3}, {"\"\x1F\"", 3}, {"\"\x80\"", 3},
	    {"\"\xC0\x80\"", 4}, {"\"\xC3\"", 3}, {"\"\xE0\x9F\xBF\"", 5}, {"\"\xED\xA0\x80\"", 5},
	    {"\"\xF4\x90\x80\x80\"", 6}, {"\"\xFF\"", 3}, {"[", 1}, {"]", 1}, {"[1", 2}, {"[1,", 3},
	    {"[1,]", 4}, {"[,1]", 4}, {"[,]", 3}, {"[1 2]", 5}, {"[1}", 3}, {"{", 1}, {"}", 1},
	    {"{]", 2}, {"{,}", 3}, {"{\"a\"}", 5}, {"{\"a\":}", 6}, {"{\"a\":1,}", 8},
	    {"{\"a\" 1}", 7}, {"{\"a\":1 \"b\":2}", 14}, {"{a:1}", 5}, {"{1:1}", 5},
	    {"{\"a\n\":1}", 8}, {"{\"\\u00\":1}", 10}, {"{\"\xC0\x80\":1}", 8}, {"{:1}", 4},
	    {"/**/1", 5}, {"1//", 3}, {"#\n1", 3}, {"\xEF\xBB\xBF" "1", 4}, {"\f1", 2},
	    {"\v1", 2}, {"\xC2\xA0" "1", 3}, {"1\0", 2}, {"\0", 1}, {"\xFF", 1},
	};

	for (size_t i = 0; i < COUNT(values); i++) {
		assert_refused(*state, wrapped(*state, values[i]), ST_BAD_JSON);
		assert_refused(*state, values[i], ST_BAD_JSON);
	}
}

static void
every_text_cut_short_is_refused(void **state)
{
	struct slice text = SLICE("{\"a\\u00e9\xE2\x82\xAC\":[1.5e+3,true,{\"b\":null}],\"c\":\"\\n\"}");

	members(*state, text, 2);
	for (size_t len = 0; len < text.len; len++)
		assert_refused(*state, (struct slice){text.data, len}, ST_BAD_JSON);
}

static void
the_reason_tells_what_is_wrong_and_at_which_byte(void **state)
{
	static const struct {
		struct slice text;
		const char *detail;
	} cases[] = {
	    {{NULL, 0}, "Body is not JSON: unexpected end at byte 0"},
	    {{"{\"a\"", 4}, "Body is not JSON: unexpected end at byte 4"},
	    {{"x", 1}, "Body is not JSON: unexpected character at byte 0"},
	    {{"{\"a\":tru3}", 10}, "Body is not JSON: unexpected character at byte 8"},
	    {{"{\"a\":1} x", 9}, "Body is not JSON: unexpected character at byte 8"},
	    {{"{ \"a\" : 01 }", 12}, "Body is not JSON: unexpected character at byte 9"},
	    {{"{\"a\":\"b\nc\"}", 11}, "Body is not JSON: unexpected control character at byte 7"},
	    {{"{\"a\":\"b\xC0\x80\"}", 11}, "Body is not JSON: malformed UTF-8 at byte 7"},
	    {{"{\"a\":\"b\xE2\x82", 9}, "Body is not JSON: malformed UTF-8 at byte 7"},
	    {{"[1]", 3}, "Body is not a JSON object"},
	    {{"{\"a\\n\":1,\"a\\n\":2}", 17}, "The name \"a?\" occurs twice in one object"},
	    {{"{\"\\ud800\":1}", 12}, "The name \"\\ud800\" holds an unpaired surrogate"},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < COUNT(cases); i++) {
		assert_true(parse(f, cases[i].text) != ST_OK);
		assert_string_equal(f->why.detail, cases[i].detail);
	}
}

static void
json_that_is_no_object_is_unprocessable(void **state)
{
	static const char *const texts[] = {"[]", "[{\"a\":1}]", " \"a\" ", "1", "-0", "null", "true"};

	for (size_t i = 0; i < COUNT(texts); i++)
		assert_refused(*state, slice_str(texts[i]), ST_UNPROCESSABLE);
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
	    "{\"x\":{\"1\":0,\"2\":0,\"3\":0,\"4\":0,\"5\":0,\"6\":0,\"7\":0,\"8\":0,\"9\":0,\"9\":0}}",
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
	members(*state, SLICE("{\"0\":0,\"00\":0,\"000\":0,\"0000\":0,\"00000\":0,\"000000\":0,"
			      "\"0000000\":0,\"00000000\":0,\"00000000\\u0000\":0,\"000000\\u0000\":0}"),
		10);
}

static void
a_name_with_an_unpaired_surrogate_is_unprocessable(void **state)
{
	static const char *const names[] = {
	    "\\ud800", "\\udbff", "\\udc00", "\\udfff", "\\ud800x", "\\ud800\\n", "\\ud800\\u0041",
	    "\\ud800\\ud800", "\\udc00\\ud800", "ok\\uD83D\\uDE00\\uD83D",
	};
	char text[64];

	for (size_t i = 0; i < COUNT(names); i++) {
		snprintf(text, sizeof(text), "{\"%s\":1}", names[i]);
		assert_refused(*state, slice_str(text), ST_UNPROCESSABLE);
		snprintf(text, sizeof(text), "{\"a\":[{\"%s\":1}]}", names[i]);
		assert_refused(*state, slice_str(text), ST_UNPROCESSABLE);
	}
}

static void
text_that_is_no_json_is_refused_as_that_whatever_else_is_wrong(void **state)
{
	assert_refused(*state, SLICE("[1] x"), ST_BAD_JSON);
	assert_refused(*state, SLICE("{\"a\":1,\"a\":2"), ST_BAD_JSON);
	assert_refused(*state, SLICE("{\"b\":{\"a\":1,\"a\":2}} x"), ST_BAD_JSON);
	assert_refused(*state, SLICE("{\"\\ud800\":1,}"), ST_BAD_JSON);
}

/* `depth` arrays and objects in turn within each other. */
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

/* {"name-0":0,...} with `last` as one more name. */
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
		assert_true(slice_eq(m[i].json, (struct slice){expected.data + 5, expected.len - 5}));
	}
	assert_text(m[100000].name, "last");
	buf_free(&text);
	buf_free(&expected);
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

static void
nobody_has_to_want_the_reason(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(json_parse_object(f->doc, SLICE("{"), 32, NULL), ST_BAD_JSON);
	assert_int_equal(json_parse_object(f->doc, slice_str(NULL), 32, NULL), ST_BAD_JSON);
	assert_int_equal(json_parse_object(f->doc, SLICE("[[]]"), 0, NULL), ST_UNPROCESSABLE);
	json_doc_free(NULL);
}

static void
a_value_is_told_by_its_first_byte(void **state)
{
	(void)state;
	assert_true(json_is_object(SLICE("{}")));
	assert_false(json_is_object(SLICE("[{}]")));
	assert_false(json_is_object((struct slice){NULL, 0}));
	assert_true(json_is_null(SLICE("null")));
	assert_false(json_is_null(SLICE("\"null\"")));
	assert_false(json_is_null((struct slice){NULL, 0}));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(members_come_in_the_order_of_the_text),
	    cmocka_unit_test(an_empty_object_has_no_members),
	    cmocka_unit_test(white_space_between_tokens_goes_and_that_in_strings_stays),
	    cmocka_unit_test(every_value_comes_back_as_it_was_spelt),
	    cmocka_unit_test(names_are_decoded),
	    cmocka_unit_test(what_is_no_json_value_is_refused),
	    cmocka_unit_test(every_text_cut_short_is_refused),
	    cmocka_unit_test(the_reason_tells_what_is_wrong_and_at_which_byte),
	    cmocka_unit_test(json_that_is_no_object_is_unprocessable),
	    cmocka_unit_test(the_same_name_twice_is_unprocessable_at_every_level),
	    cmocka_unit_test(names_that_only_look_alike_are_no_duplicates),
	    cmocka_unit_test(a_name_with_an_unpaired_surrogate_is_unprocessable),
	    cmocka_unit_test(text_that_is_no_json_is_refused_as_that_whatever_else_is_wrong),
	    cmocka_unit_test(nesting_is_counted_within_one_value),
	    cmocka_unit_test(a_million_open_brackets_are_refused),
	    cmocka_unit_test(an_object_of_100000_members_is_read_whole),
	    cmocka_unit_test(a_duplicate_among_100000_names_is_found),
	    cmocka_unit_test(more_values_than_json_c_is_given_are_checked_as_strictly),
	    cmocka_unit_test(a_document_is_used_again_after_success_and_failure),
	    cmocka_unit_test(nobody_has_to_want_the_reason),
	    cmocka_unit_test(a_value_is_told_by_its_first_byte),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
