/* json_parse_object: which texts are JSON, and how others are refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "json_fixture.h"

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
	    *state, SLICE(" { \"a b\" :\t[ 1 ,\r\n{ \"c d\" : \" e \" } , [ ] ]\n, \"f\":  0 } "),
	    2);

	assert_text(m[0].name, "a b");
	assert_text(m[0].json, "[1,{\"c d\":\" e \"},[]]");
	assert_text(m[1].name, "f");
	assert_text(m[1].json, "0");
}

/* clang-format off */
static const char *const spellings[] = {
	"0", "-0", "-1", "10", "1.10", "0.0", "-0.00e-0", "1e400", "-1E+400", "1e-400", "2E7",
	"18446744073709551616", "123456789012345678901234567890", "3.14159265358979323846264338",
	"true", "false", "null", "\"\"", "\"100%\"", "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"/\"",
	"\"\\u0000\"", "\"a\\u0000b\"", "\"\\u00e9\\u00E9\"", "\"\\ud83d\\ude00\"",
	"\"\\ud800\"", "\"\\udc00\\ud800\"", "\"\\ud800x\"", "\"\\ud800\\n\"", "\"\x7F\"",
	"\"\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\"", "\"\xEF\xBF\xBF\xF4\x8F\xBF\xBF\"", "[]",
	"{}", "[[],{},[{}]]", "{\"a\":{\"a\":1},\"b\":{\"a\":1}}", "[{\"a\":1},{\"a\":1}]",
	"{\"\\u0061\":1}", "\"}],:{[\"", "{\"\\\"}\":\"\\\\\"}",
};

static const struct slice no_numbers[] = {
	TEXT("-"), TEXT("+1"), TEXT("01"), TEXT("-01"), TEXT("00"), TEXT("1."), TEXT(".5"),
	TEXT("-.5"), TEXT("1.e1"), TEXT("1e"), TEXT("1e+"), TEXT("1.5e-"), TEXT("0x10"),
};

static const struct slice no_strings[] = {
	TEXT("\""), TEXT("\"a"), TEXT("\"\\\""), TEXT("\"\\x\""), TEXT("\"\\\0\""),
	TEXT("\"\\'\""), TEXT("\"\\u\""), TEXT("\"\\u123\""), TEXT("\"\\u12g4\""),
	TEXT("\"\\U0041\""), TEXT("\"\n\""), TEXT("\"\t\""), TEXT("\"\0\""), TEXT("\"\x1F\""),
	TEXT("\"\x80\""), TEXT("\"\xC0\x80\""), TEXT("\"\xC3\""), TEXT("\"\xE0\x9F\xBF\""),
	TEXT("\"\xED\xA0\x80\""), TEXT("\"\xF4\x90\x80\x80\""), TEXT("\"\xFF\""),
};

static const struct slice no_structures[] = {
	TEXT("1 2"), TEXT("1,"), TEXT(",1"), TEXT("["), TEXT("]"), TEXT("[1"), TEXT("[1,"),
	TEXT("[1,]"), TEXT("[,1]"), TEXT("[,]"), TEXT("[1 2]"), TEXT("[1}"), TEXT("{"),
	TEXT("}"), TEXT("{]"), TEXT("{,}"), TEXT("{\"a\"}"), TEXT("{\"a\":}"),
	TEXT("{\"a\":1,}"), TEXT("{\"a\" 1}"), TEXT("{\"a\":1 \"b\":2}"), TEXT("{a:1}"),
	TEXT("{1:1}"), TEXT("{\"a\n\":1}"), TEXT("{\"\\u00\":1}"), TEXT("{\"\xC0\x80\":1}"),
	TEXT("{:1}"),
};

static const struct slice no_tokens[] = {
	TEXT(""), TEXT("NaN"), TEXT("nan"), TEXT("Infinity"), TEXT("-Infinity"), TEXT("True"),
	TEXT("nul"), TEXT("nulll"), TEXT("undefined"), TEXT("'a'"), TEXT("a"), TEXT("/**/1"),
	TEXT("1//"), TEXT("#\n1"), TEXT("\xEF\xBB\xBF" "1"), TEXT("\f1"), TEXT("\v1"),
	TEXT("\xC2\xA0" "1"), TEXT("1\0"), TEXT("\0"), TEXT("\xFF"),
};
/* clang-format on */

static void
every_value_comes_back_as_it_was_spelt(void **state)
{
	for (size_t i = 0; i < COUNT(spellings); i++) {
		struct slice text = wrapped(*state, slice_str(spellings[i]));

		assert_text(members(*state, text, 1)[0].json, spellings[i]);
	}
}

/*
 * The scanner reads strings by machine words.  Therefore a character that ends
 * a string, or may not be in one, is tried at each place of strings of each
 * length up to a few words.
 */
static void
a_string_is_looked_at_wherever_it_matters(void **state)
{
	static const struct {
		const char *in;
		enum status st;
	} cases[] = {{"~", ST_OK},	    {" ", ST_OK},	   {"\x7F", ST_OK},
		     {"\\n", ST_OK},	    {"\xC3\xA9", ST_OK},   {"\x1F", ST_BAD_JSON},
		     {"\n", ST_BAD_JSON},   {"\x01", ST_BAD_JSON}, {"\x80", ST_BAD_JSON},
		     {"\xFF", ST_BAD_JSON}, {"\\a", ST_BAD_JSON},  {"\"", ST_BAD_JSON}};
	static const char many[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaa";
	struct fixture *f = *state;
	struct buf text = {0};

	for (size_t k = 0; k < COUNT(cases); k++) {
		for (int len = 0; len < 26; len++) {
			for (int at = 0; at <= len; at++) {
				buf_reset(&text, 64);
				buf_addf(&text, "{\"a\":\"%.*s%s%.*s\"}", at, many, cases[k].in,
					 len - at, many);
				assert_int_equal(parse(f, buf_slice(&text)), cases[k].st);
			}
		}
	}
	buf_free(&text);
}

static void
assert_none_is_json(struct fixture *f, const struct slice *values, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		assert_refused(f, wrapped(f, values[i]), ST_BAD_JSON);
		assert_refused(f, values[i], ST_BAD_JSON);
	}
}

static void
a_number_json_does_not_have_is_refused(void **state)
{
	assert_none_is_json(*state, no_numbers, COUNT(no_numbers));
}

static void
a_string_json_does_not_have_is_refused(void **state)
{
	assert_none_is_json(*state, no_strings, COUNT(no_strings));
}

static void
brackets_commas_and_colons_out_of_place_are_refused(void **state)
{
	assert_none_is_json(*state, no_structures, COUNT(no_structures));
}

static void
what_begins_or_ends_no_token_is_refused(void **state)
{
	assert_none_is_json(*state, no_tokens, COUNT(no_tokens));
}

static void
every_text_cut_short_is_refused(void **state)
{
	struct slice text =
	    SLICE("{\"a\\u00e9\xE2\x82\xAC\":[1.5e+3,true,{\"b\":null}],\"c\":\"\\n\"}");

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
	    {TEXT("{\"a\""), "Body is not JSON: unexpected end at byte 4"},
	    {TEXT("x"), "Body is not JSON: unexpected character at byte 0"},
	    {TEXT("{\"a\":tru3}"), "Body is not JSON: unexpected character at byte 8"},
	    {TEXT("{\"a\":1} x"), "Body is not JSON: unexpected character at byte 8"},
	    {TEXT("{ \"a\" : 01 }"), "Body is not JSON: unexpected character at byte 9"},
	    {TEXT("{\"a\":\"b\nc\"}"), "Body is not JSON: unexpected control character at byte 7"},
	    {TEXT("{\"a\":\"b\xC0\x80\"}"), "Body is not JSON: malformed UTF-8 at byte 7"},
	    {TEXT("{\"a\":\"b\xE2\x82"), "Body is not JSON: malformed UTF-8 at byte 7"},
	    {TEXT("[1]"), "Body is not a JSON object"},
	    {TEXT("{\"a\\n\":1,\"a\\n\":2}"), "The name \"a?\" occurs twice in one object"},
	    {TEXT("{\"\\ud800\":1}"), "The name \"\\ud800\" holds an unpaired surrogate"},
	    {TEXT("{\"\\ud800\":1,\"a\":{\"b\":1,\"b\":1}}"),
	     "The name \"\\ud800\" holds an unpaired surrogate"},
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
	static const char *const texts[] = {"[]", "[{\"a\":1}]", " \"a\" ", "1",
					    "-0", "null",	 "true"};

	for (size_t i = 0; i < COUNT(texts); i++)
		assert_refused(*state, slice_str(texts[i]), ST_UNPROCESSABLE);
}

static void
text_that_is_no_json_is_refused_as_that_whatever_else_is_wrong(void **state)
{
	assert_refused(*state, SLICE("[1] x"), ST_BAD_JSON);
	assert_refused(*state, SLICE("{\"a\":1,\"a\":2"), ST_BAD_JSON);
	assert_refused(*state, SLICE("{\"b\":{\"a\":1,\"a\":2}} x"), ST_BAD_JSON);
	assert_refused(*state, SLICE("{\"\\ud800\":1,}"), ST_BAD_JSON);
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
	    cmocka_unit_test(a_string_is_looked_at_wherever_it_matters),
	    cmocka_unit_test(a_number_json_does_not_have_is_refused),
	    cmocka_unit_test(a_string_json_does_not_have_is_refused),
	    cmocka_unit_test(brackets_commas_and_colons_out_of_place_are_refused),
	    cmocka_unit_test(what_begins_or_ends_no_token_is_refused),
	    cmocka_unit_test(every_text_cut_short_is_refused),
	    cmocka_unit_test(the_reason_tells_what_is_wrong_and_at_which_byte),
	    cmocka_unit_test(json_that_is_no_object_is_unprocessable),
	    cmocka_unit_test(text_that_is_no_json_is_refused_as_that_whatever_else_is_wrong),
	    cmocka_unit_test(nobody_has_to_want_the_reason),
	    cmocka_unit_test(a_value_is_told_by_its_first_byte),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
