/* The output of json.h: merged, escaped and indented text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "../guard.h"
#include "json/json.h"

static void
assert_text(struct slice s, const char *expected)
{
	if (!slice_eq(s, slice_str(expected)))
		fail_msg("is %.*s, not %s", (int)s.len, s.data, expected);
}

/* `patch` applied to `target` gives `expected`; a NULL target is absent. */
static void
assert_merges(const char *target, const char *patch, const char *expected)
{
	struct guard target_guard = guard_new(256), patch_guard = guard_new(256);
	struct slice old = {NULL, 0}, change = guard_copy(&patch_guard, slice_str(patch));
	struct buf out = {0};

	if (target != NULL)
		old = guard_copy(&target_guard, slice_str(target));
	buf_adds(&out, "{\"before\":");
	assert_int_equal(json_merge(&out, old, change), ST_OK);
	assert_text((struct slice){out.data + 10, out.len - 10}, expected);
	buf_free(&out);
	guard_free(&target_guard);
	guard_free(&patch_guard);
}

static void
merging_gives_the_results_of_rfc_7396_appendix_a(void **state)
{
	(void)state;
	assert_merges("{\"a\":\"b\"}", "{\"a\":\"c\"}", "{\"a\":\"c\"}");
	assert_merges("{\"a\":\"b\"}", "{\"b\":\"c\"}", "{\"a\":\"b\",\"b\":\"c\"}");
	assert_merges("{\"a\":\"b\"}", "{\"a\":null}", "{}");
	assert_merges("{\"a\":\"b\",\"b\":\"c\"}", "{\"a\":null}", "{\"b\":\"c\"}");
	assert_merges("{\"a\":[\"b\"]}", "{\"a\":\"c\"}", "{\"a\":\"c\"}");
	assert_merges("{\"a\":\"c\"}", "{\"a\":[\"b\"]}", "{\"a\":[\"b\"]}");
	assert_merges("{\"a\":{\"b\":\"c\"}}", "{\"a\":{\"b\":\"d\",\"c\":null}}",
		      "{\"a\":{\"b\":\"d\"}}");
	assert_merges("{\"a\":[{\"b\":\"c\"}]}", "{\"a\":[1]}", "{\"a\":[1]}");
	assert_merges("[\"a\",\"b\"]", "[\"c\",\"d\"]", "[\"c\",\"d\"]");
	assert_merges("{\"a\":\"b\"}", "[\"c\"]", "[\"c\"]");
	assert_merges("{\"a\":\"foo\"}", "\"bar\"", "\"bar\"");
	assert_merges("{\"e\":null}", "{\"a\":1}", "{\"e\":null,\"a\":1}");
	assert_merges("[1,2]", "{\"a\":\"b\",\"c\":null}", "{\"a\":\"b\"}");
	assert_merges("{}", "{\"a\":{\"bb\":{\"ccc\":null}}}", "{\"a\":{\"bb\":{}}}");
}

static void
merging_into_nothing_leaves_no_null_of_the_patch(void **state)
{
	(void)state;
	assert_merges(NULL, "{}", "{}");
	assert_merges(NULL, "1.10", "1.10");
	assert_merges(NULL, "{\"a\":null,\"b\":{\"c\":null,\"d\":[null]},\"e\":null}",
		      "{\"b\":{\"d\":[null]}}");
	assert_merges("null", "{\"a\":{\"b\":null}}", "{\"a\":{}}");
	assert_merges("\"{\"", "{\"a\":1}", "{\"a\":1}");
}

static void
merging_keeps_the_order_and_the_spelling_of_the_target(void **state)
{
	(void)state;
	assert_merges("{\"z\":1.10,\"y\":\"\\u00e9\",\"x\":[1e400,{\"}\":\"]\\\"\"}]}",
		      "{\"b\":-0,\"x2\":{},\"y\":2,\"a\":\"{\"}",
		      "{\"z\":1.10,\"y\":2,\"x\":[1e400,{\"}\":\"]\\\"\"}],\"b\":-0,\"x2\":{},"
		      "\"a\":\"{\"}");
	assert_merges("{\"a{\":\"{\",\"b\":1}", "{\"a{\":null}", "{\"b\":1}");
}

static void
merging_compares_names_after_decoding(void **state)
{
	(void)state;
	assert_merges("{\"\\u0061\":1,\"b\":{\"c\":1}}", "{\"a\":2,\"\\u0062\":{\"\\u0063\":null}}",
		      "{\"\\u0061\":2,\"b\":{}}");
	assert_merges("{\"a\\u0000\":1,\"a\":2}", "{\"a\\u0000b\":3,\"a\\u0000\":null}",
		      "{\"a\":2,\"a\\u0000b\":3}");
}

static void
merging_into_10000_members_changes_only_those_named(void **state)
{
	struct buf target = {0}, expected = {0}, out = {0};

	(void)state;
	buf_addc(&target, '{');
	for (unsigned i = 0; i < 10000; i++)
		buf_addf(&target, "\"name-%u\":%u,", i, i);
	buf_add_slice(&expected, buf_slice(&target));
	buf_adds(&target, "\"last\":-1}");
	buf_adds(&expected, "\"x\":-1}");
	assert_int_equal(json_merge(&out, buf_slice(&target), SLICE("{\"x\":-1,\"last\":null}")),
			 ST_OK);
	assert_true(slice_eq(buf_slice(&out), buf_slice(&expected)));
	out.len = 0;
	assert_int_equal(json_merge(&out, buf_slice(&target), buf_slice(&target)), ST_OK);
	assert_true(slice_eq(buf_slice(&out), buf_slice(&target)));
	buf_free(&target);
	buf_free(&expected);
	buf_free(&out);
}

static void
a_failed_buffer_makes_merging_fail(void **state)
{
	struct buf out = {.failed = true};

	(void)state;
	assert_int_equal(json_merge(&out, SLICE("{}"), SLICE("{\"a\":1}")), ST_NO_MEMORY);
	assert_int_equal(json_merge(&out, SLICE("{}"), SLICE("1")), ST_NO_MEMORY);
}

static void
strings_are_written_with_what_has_to_be_escaped(void **state)
{
	struct buf out = {0};

	(void)state;
	json_add_string(&out, SLICE("\"\\/\b\f\n\r\t\0\x01\x1F\x7F\xC3\xA9\xF0\x9F\x98\x80 end"));
	assert_text(buf_slice(&out), "\"\\\"\\\\/\\b\\f\\n\\r\\t\\u0000\\u0001\\u001f\x7F\xC3\xA9"
				     "\xF0\x9F\x98\x80 end\"");
	buf_reset(&out, 64);
	json_add_string(&out, SLICE(""));
	json_add_string(&out, (struct slice){NULL, 0});
	assert_text(buf_slice(&out), "\"\"\"\"");
	buf_free(&out);
}

/*
 * The scan goes by machine words.  Therefore each byte that matters is tried at
 * each place of strings of each length up to a few words.
 */
static void
strings_are_escaped_wherever_it_has_to_be(void **state)
{
	static const struct {
		char c;
		const char *text;
	} cases[] = {{'"', "\\\""},    {'\\', "\\\\"},	 {'\0', "\\u0000"}, {'\x1F', "\\u001f"},
		     {'\n', "\\n"},    {' ', " "},	 {'!', "!"},	    {'#', "#"},
		     {'[', "["},       {']', "]"},	 {'\x7F', "\x7F"},  {'\x80', "\x80"},
		     {'\xA2', "\xA2"}, {'\xDC', "\xDC"}, {'\xFF', "\xFF"}};
	struct guard g = guard_new(64);
	struct buf out = {0}, expected = {0};
	char text[32];

	(void)state;
	for (size_t k = 0; k < sizeof(cases) / sizeof(cases[0]); k++) {
		for (size_t len = 1; len < 27; len++) {
			for (size_t at = 0; at < len; at++) {
				memset(text, 'a', sizeof(text));
				text[at] = cases[k].c;
				buf_reset(&out, 64);
				json_add_string(&out, guard_copy(&g, (struct slice){text, len}));
				buf_reset(&expected, 64);
				buf_addf(&expected, "\"%.*s%s%.*s\"", (int)at,
					 "aaaaaaaaaaaaaaaaaaaaaaaaaaa", cases[k].text,
					 (int)(len - at - 1), "aaaaaaaaaaaaaaaaaaaaaaaaaaa");
				assert_true(slice_eq(buf_slice(&out), buf_slice(&expected)));
			}
		}
	}
	buf_free(&out);
	buf_free(&expected);
	guard_free(&g);
}

static void
add_pretty(struct buf *out, struct slice compact)
{
	struct json_indent at = {0};

	json_add_pretty(out, compact, &at);
	buf_addc(out, '\n');
}

static void
pretty_text_is_indented_by_two_spaces(void **state)
{
	struct guard g = guard_new(64);
	struct buf out = {0};

	(void)state;
	add_pretty(&out, guard_copy(&g, SLICE("{\"a\":{\"b, {c}\":[1.10,\"\\\"]\",[],{}]},"
					      "\"d\":null}")));
	assert_text(buf_slice(&out), "{\n"
				     "  \"a\": {\n"
				     "    \"b, {c}\": [\n"
				     "      1.10,\n"
				     "      \"\\\"]\",\n"
				     "      [],\n"
				     "      {}\n"
				     "    ]\n"
				     "  },\n"
				     "  \"d\": null\n"
				     "}\n");
	buf_reset(&out, 64);
	add_pretty(&out, guard_copy(&g, SLICE("{}")));
	add_pretty(&out, guard_copy(&g, SLICE("[[]]")));
	add_pretty(&out, guard_copy(&g, SLICE("-0")));
	assert_text(buf_slice(&out), "{}\n[\n  []\n]\n-0\n");
	buf_free(&out);
	guard_free(&g);
}

static void
pretty_text_in_pieces_is_the_same(void **state)
{
	static const char *const pieces[] = {"{", "\"a\"", ":", "{", "}",	  ",", "\"b\"", ":",
					     "[", "1",	   "]", ",", "\"c\":[[]", "]", "}"};
	struct json_indent at = {0};
	struct buf out = {0}, whole = {0}, once = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		json_add_pretty(&out, slice_str(pieces[i]), &at);
		buf_adds(&whole, pieces[i]);
	}
	buf_addc(&out, '\n');
	add_pretty(&once, buf_slice(&whole));
	assert_text(buf_slice(&out),
		    "{\n  \"a\": {},\n  \"b\": [\n    1\n  ],\n  \"c\": [\n    []\n  ]\n}\n");
	assert_true(slice_eq(buf_slice(&out), buf_slice(&once)));
	buf_free(&out);
	buf_free(&whole);
	buf_free(&once);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(merging_gives_the_results_of_rfc_7396_appendix_a),
	    cmocka_unit_test(merging_into_nothing_leaves_no_null_of_the_patch),
	    cmocka_unit_test(merging_keeps_the_order_and_the_spelling_of_the_target),
	    cmocka_unit_test(merging_compares_names_after_decoding),
	    cmocka_unit_test(merging_into_10000_members_changes_only_those_named),
	    cmocka_unit_test(a_failed_buffer_makes_merging_fail),
	    cmocka_unit_test(strings_are_written_with_what_has_to_be_escaped),
	    cmocka_unit_test(strings_are_escaped_wherever_it_has_to_be),
	    cmocka_unit_test(pretty_text_is_indented_by_two_spaces),
	    cmocka_unit_test(pretty_text_in_pieces_is_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
