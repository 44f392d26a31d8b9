#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "http/etag.h"

static const struct slice absent = {NULL, 0};

static struct etag
current(void)
{
	struct etag e;

	etag_make(&e, 0x1234567800000001u, 42);
	return e;
}

static enum status
match(const char *field)
{
	struct etag e = current();

	return etag_evaluate(slice_str(field), absent, &e, false);
}

static enum status
none_match(const char *field, bool is_read)
{
	struct etag e = current();

	return etag_evaluate(absent, slice_str(field), &e, is_read);
}

static void
a_tag_is_identity_and_revision_in_quotes(void **state)
{
	struct etag e;

	(void)state;
	assert_string_equal(current().text, "\"12345679-42\"");
	etag_make(&e, UINT64_C(0x0000beef0000abcd), 0);
	assert_string_equal(e.text, "\"00001522-0\"");
	etag_make(&e, UINT64_MAX << 32, UINT64_MAX);
	assert_string_equal(e.text, "\"ffffffff-18446744073709551615\"");
}

static void
lists_of_tags_are_accepted(void **state)
{
	static const char *const good[] = {"*",
					   " * ",
					   "\"a\"",
					   "W/\"a\"",
					   "\"\"",
					   "\"a\",\"b\"",
					   "\"a\" , W/\"b\"",
					   ",, \"a\",,",
					   "\"a,b\"",
					   "\"!#~\x80\xff\""};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_int_equal(etag_check_list(slice_str(good[i]), "If-Match", NULL), ST_OK);
	assert_int_equal(etag_check_list(absent, "If-Match", NULL), ST_OK);
}

static void
anything_else_is_refused(void **state)
{
	static const char *const bad[] = {
	    "",		" ",	    ",",       "a",	   "\"a",	 "a\"",
	    "w/\"a\"",	"W/a",	    "W/",      "W/ \"a\"", "\"a\"\"b\"", "\"a\" \"b\"",
	    "*, \"a\"", "\"a\", *", "\"a b\"", "\"a\", b", "\"\x7f\""};
	struct problem why;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (etag_check_list(slice_str(bad[i]), "If-Match", &why) != ST_BAD_REQUEST)
			fail_msg("accepted: %s", bad[i]);
		assert_non_null(strstr(why.detail, "If-Match"));
	}
}

static void
if_match_compares_strongly(void **state)
{
	(void)state;
	assert_int_equal(match("\"12345679-42\""), ST_OK);
	assert_int_equal(match("\"x\", \"12345679-42\""), ST_OK);
	assert_int_equal(match("*"), ST_OK);
	assert_int_equal(match("W/\"12345679-42\""), ST_PRECONDITION);
	assert_int_equal(match("\"12345679-4\""), ST_PRECONDITION);
	assert_int_equal(match("\"12345679-420\""), ST_PRECONDITION);
	assert_int_equal(etag_evaluate(SLICE("*"), absent, NULL, false), ST_PRECONDITION);
	assert_int_equal(etag_evaluate(SLICE("\"x\""), absent, NULL, true), ST_PRECONDITION);
}

static void
if_none_match_compares_weakly(void **state)
{
	(void)state;
	assert_int_equal(none_match("\"12345679-42\"", true), ST_NOT_MODIFIED);
	assert_int_equal(none_match("\"12345679-42\"", false), ST_PRECONDITION);
	assert_int_equal(none_match("W/\"12345679-42\"", true), ST_NOT_MODIFIED);
	assert_int_equal(none_match("*", true), ST_NOT_MODIFIED);
	assert_int_equal(none_match("*", false), ST_PRECONDITION);
	assert_int_equal(none_match("\"x\"", true), ST_OK);
	assert_int_equal(etag_evaluate(absent, SLICE("*"), NULL, false), ST_OK);
}

static void
if_match_is_looked_at_first(void **state)
{
	struct etag e = current();

	(void)state;
	assert_int_equal(etag_evaluate(SLICE("\"x\""), SLICE("*"), &e, true), ST_PRECONDITION);
	assert_int_equal(etag_evaluate(SLICE("*"), SLICE("*"), &e, true), ST_NOT_MODIFIED);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_tag_is_identity_and_revision_in_quotes),
	    cmocka_unit_test(lists_of_tags_are_accepted),
	    cmocka_unit_test(anything_else_is_refused),
	    cmocka_unit_test(if_match_compares_strongly),
	    cmocka_unit_test(if_none_match_compares_weakly),
	    cmocka_unit_test(if_match_is_looked_at_first),
	};

	return cmocka_run_group_tests_name("etag", tests, NULL, NULL);
}
