#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../guard.h"
#include "store/name.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
/*
 * SLICE for static tables, whose initialisers have to be constant.  Versions of
 * clang-format differ in how they break these braces.
 */
/* clang-format off */
#define TEXT(literal) {(literal), sizeof(literal) - 1}
/* clang-format on */

static void
names_of_1_to_255_bytes_are_taken(void **state)
{
	char name[256];

	(void)state;
	memset(name, 'n', sizeof(name));
	assert_int_equal(name_check((struct slice){name, 1}, ST_BAD_NAME, NULL), ST_OK);
	assert_int_equal(name_check((struct slice){name, 255}, ST_BAD_NAME, NULL), ST_OK);
	assert_int_equal(name_check((struct slice){name, 256}, ST_BAD_NAME, NULL), ST_BAD_NAME);
	assert_int_equal(name_check((struct slice){name, 0}, ST_BAD_NAME, NULL), ST_BAD_NAME);
}

static void
unusual_but_harmless_names_are_taken(void **state)
{
	static const char *const names[] = {
	    "Assignment 1",
	    "...",
	    ".a",
	    "a.",
	    " ",
	    "%2F",
	    "a\\b",
	    "?",
	    "#",
	    "\"",
	    "\xC2\xA0",
	    "\xC3\xA9",
	    "\xEF\xBF\xBF",
	    "\xF4\x8F\xBF\xBF",
	    "res",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(names); i++)
		assert_int_equal(name_check(slice_str(names[i]), ST_BAD_NAME, NULL), ST_OK);
}

static void
what_a_url_cannot_address_is_refused_with_the_reason(void **state)
{
	static const struct {
		struct slice name;
		const char *detail;
	} cases[] = {
	    {TEXT(""), "A name is empty"},
	    {TEXT("."), "The name \".\" cannot stand in a URL"},
	    {TEXT(".."), "The name \"..\" cannot stand in a URL"},
	    {TEXT("a/b"), "The name \"a/b\" holds a slash"},
	    {TEXT("a\0b"), "The name \"a?b\" holds a control character"},
	    {TEXT("\x1F"), "The name \"?\" holds a control character"},
	    {TEXT("a\x7F"), "The name \"a?\" holds a control character"},
	    {TEXT("\xC2\x80"), "The name \"?\" holds a control character"},
	    {TEXT("\xC2\x9F"), "The name \"?\" holds a control character"},
	    {TEXT("a\xED\xA0\x80"), "The name \"a???\" is not UTF-8"},
	};
	struct guard g = guard_new(16);

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct problem why = {""};
		struct slice name = guard_copy(&g, cases[i].name);

		assert_int_equal(name_check(name, ST_BAD_NAME, &why), ST_BAD_NAME);
		assert_string_equal(why.detail, cases[i].detail);
		assert_int_equal(name_check(name, ST_UNPROCESSABLE, NULL), ST_UNPROCESSABLE);
		assert_int_equal(name_check_collection(name, ST_BAD_NAME, NULL), ST_BAD_NAME);
	}
	guard_free(&g);
}

static void
a_name_that_is_too_long_is_shown_in_the_reason(void **state)
{
	struct problem why = {""};
	char name[300], shown[256];

	(void)state;
	memset(name, 'n', sizeof(name));
	memset(shown, 'n', 252);
	memcpy(shown + 252, "...", 4);
	assert_int_equal(name_check((struct slice){name, 300}, ST_BAD_NAME, &why), ST_BAD_NAME);
	assert_memory_equal(why.detail, "The name \"", 10);
	assert_memory_equal(why.detail + 10, shown, 255);
	assert_string_equal(why.detail + 265, "\" is longer than 255 bytes");
}

static void
res_is_reserved_among_collections_only(void **state)
{
	(void)state;
	assert_int_equal(name_check_collection(SLICE("res"), ST_BAD_NAME, NULL), ST_RESERVED_NAME);
	assert_int_equal(name_check_collection(SLICE("Res"), ST_BAD_NAME, NULL), ST_OK);
	assert_int_equal(name_check_collection(SLICE("res "), ST_BAD_NAME, NULL), ST_OK);
	assert_int_equal(name_check(SLICE("res"), ST_BAD_NAME, NULL), ST_OK);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(names_of_1_to_255_bytes_are_taken),
	    cmocka_unit_test(unusual_but_harmless_names_are_taken),
	    cmocka_unit_test(what_a_url_cannot_address_is_refused_with_the_reason),
	    cmocka_unit_test(a_name_that_is_too_long_is_shown_in_the_reason),
	    cmocka_unit_test(res_is_reserved_among_collections_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
