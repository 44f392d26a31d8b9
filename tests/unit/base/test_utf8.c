#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../guard.h"
#include "base/utf8.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
/*
 * SLICE for static tables, whose initialisers have to be constant.  Versions of
 * clang-format differ in how they break these braces.
 */
/* clang-format off */
#define TEXT(literal) {(literal), sizeof(literal) - 1}
/* clang-format on */

static const struct slice malformed[] = {
    TEXT("\x80"),	      /* continuation alone */
    TEXT("\xBF"),	      /* the last continuation alone */
    TEXT("\xC3"),	      /* cut short */
    TEXT("\xC3("),	      /* no continuation */
    TEXT("\xC0\x80"),	      /* overlong U+0000 */
    TEXT("\xC1\xBF"),	      /* overlong U+007F */
    TEXT("\xE0\x9F\xBF"),     /* overlong U+07FF */
    TEXT("\xED\xA0\x80"),     /* U+D800 */
    TEXT("\xED\xBF\xBF"),     /* U+DFFF */
    TEXT("\xE2\x82"),	      /* cut short */
    TEXT("\xE2\x82("),	      /* third byte is no continuation */
    TEXT("\xF0\x8F\xBF\xBF"), /* overlong U+FFFF */
    TEXT("\xF0\x9F\x98"),     /* cut short */
    TEXT("\xF0\x9F\x98("),    /* fourth byte is no continuation */
    TEXT("\xF4\x90\x80\x80"), /* U+110000 */
    TEXT("\xF5\x80\x80\x80"), /* no such first byte */
    TEXT("\xFE"),	      /* never in UTF-8 */
    TEXT("\xFF"),	      /* never in UTF-8 */
};

/* The first and last character of each length, and those next to surrogates. */
static const struct slice characters[] = {
    TEXT("\0"),
    TEXT("\x7F"),
    TEXT("\xC2\x80"),
    TEXT("\xDF\xBF"),
    TEXT("\xE0\xA0\x80"),
    TEXT("\xED\x9F\xBF"),
    TEXT("\xEE\x80\x80"),
    TEXT("\xEF\xBF\xBF"),
    TEXT("\xF0\x90\x80\x80"),
    TEXT("\xF3\xBF\xBF\xBF"),
    TEXT("\xF4\x8F\xBF\xBF"),
};

static void
every_well_formed_character_is_utf8(void **state)
{
	struct guard g = guard_new(16);

	(void)state;
	for (size_t i = 0; i < COUNT(characters); i++) {
		struct slice c = guard_copy(&g, characters[i]);

		assert_int_equal(utf8_first(c), characters[i].len);
		assert_true(utf8_valid(c));
	}
	assert_true(utf8_valid(SLICE("")));
	assert_true(utf8_valid(SLICE("a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80z")));
	guard_free(&g);
}

static void
every_malformed_sequence_is_no_utf8(void **state)
{
	struct guard g = guard_new(16);

	(void)state;
	for (size_t i = 0; i < COUNT(malformed); i++) {
		char within[8] = {'a'};

		assert_int_equal(utf8_first(guard_copy(&g, malformed[i])), 0);
		memcpy(within + 1, malformed[i].data, malformed[i].len);
		assert_false(
		    utf8_valid(guard_copy(&g, (struct slice){within, 1 + malformed[i].len})));
	}
	assert_int_equal(utf8_first(SLICE("")), 0);
	guard_free(&g);
}

static void
shown_text_is_cut_at_a_character_with_dots(void **state)
{
	static const struct {
		size_t size;
		const char *text, *shown;
	} cases[] = {
	    {8, "1234567", "1234567"},
	    {8, "12345678", "1234..."},
	    {8,
	     "123\xC3\xA9"
	     "78",
	     "123\xC3\xA9"
	     "78"},
	    {8,
	     "123\xC3\xA9"
	     "789",
	     "123..."},
	    {8, "1234\xF0\x9F\x98\x80", "1234..."},
	    {8, "\xF0\x9F\x98\x80\xF0\x9F\x98\x80", "\xF0\x9F\x98\x80..."},
	    {4, "1234", "..."},
	    {3, "1234", ".."},
	    {2, "12", "."},
	    {1, "1", ""},
	    {8, "", ""},
	    {8, "a\nb\x7F\xC2\x85", "a?b??"},
	    {8, "\xFF\xC3", "??"},
	};
	struct guard g = guard_new(32);

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char out[16];

		memset(out, '#', sizeof(out));
		utf8_printable(out, cases[i].size, guard_copy(&g, slice_str(cases[i].text)));
		assert_string_equal(out, cases[i].shown);
		assert_int_equal(out[cases[i].size], '#');
	}
	utf8_printable(NULL, 0, SLICE("x"));
	guard_free(&g);
}

static void
shown_text_is_well_formed_whatever_the_bytes_were(void **state)
{
	unsigned random = 1;

	(void)state;
	for (int round = 0; round < 20000; round++) {
		char bytes[24], out[24];
		size_t len = (size_t)round % (sizeof(bytes) + 1);
		size_t size = 1 + (size_t)round % 7 * 3;

		for (size_t i = 0; i < len; i++) {
			random = random * 1103515245U + 12345U;
			bytes[i] = (char)(random >> 16 & 8 ? 0xC0 + (random >> 20) % 64
							   : 0x80 + (random >> 20) % 64);
		}
		utf8_printable(out, size, (struct slice){bytes, len});
		assert_true(strlen(out) < size);
		assert_true(utf8_valid(slice_str(out)));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_well_formed_character_is_utf8),
	    cmocka_unit_test(every_malformed_sequence_is_no_utf8),
	    cmocka_unit_test(shown_text_is_cut_at_a_character_with_dots),
	    cmocka_unit_test(shown_text_is_well_formed_whatever_the_bytes_were),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
