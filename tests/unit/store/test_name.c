#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "../guard.h"
#include "base/status.h"
#include "base/utf8.h"
#include "http/percent.h"
#include "store/name.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
/* SLICE for the tables: initialisers have to be constant. */
/* Its versions do not agree on these braces. */
/* clang-format off */
#define TEXT(literal) {(literal), sizeof(literal) - 1}
/* clang-format on */

static const struct slice malformed[] = {
    TEXT("\x80"),	      /* continuation alone */
    TEXT("\xBF"),	      /* the same, at the end of its range */
    TEXT("\xC3"),	      /* cut short */
    TEXT("\xC3("),	      /* no continuation */
    TEXT("\xC0\x80"),	      /* overlong U+0000 */
    TEXT("\xC1\xBF"),	      /* overlong U+007F */
    TEXT("\xE0\x9F\xBF"),     /* overlong U+07FF */
    TEXT("\xED\xA0\x80"),     /* U+D800 */
    TEXT("\xED\xBF\xBF"),     /* U+DFFF */
    TEXT("\xE2\x82"),	      /* cut short */
    TEXT("\xE2\x82("),	      /* third byte is none */
    TEXT("\xF0\x8F\xBF\xBF"), /* overlong U+FFFF */
    TEXT("\xF0\x9F\x98"),     /* cut short */
    TEXT("\xF0\x9F\x98("),    /* fourth byte is none */
    TEXT("\xF4\x90\x80\x80"), /* U+110000 */
    TEXT("\xF5\x80\x80\x80"), /* no such first byte */
    TEXT("\xFE"),	      /* never in UTF-8 */
    TEXT("\xFF"),	      /* never in UTF-8 */
};

/* The first and last character of each length, and those around the surrogates. */
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

static void
encoding_keeps_unreserved_characters_and_escapes_the_rest(void **state)
{
	struct buf b = {0};

	(void)state;
	percent_encode(&b, SLICE("azAZ09-._~"));
	assert_true(slice_eq(buf_slice(&b), SLICE("azAZ09-._~")));
	buf_reset(&b, 64);
	percent_encode(&b, SLICE("a b/%?#&=+:\"\xC3\xA9"));
	assert_true(slice_eq(buf_slice(&b), SLICE("a%20b%2F%25%3F%23%26%3D%2B%3A%22%C3%A9")));
	buf_free(&b);
}

static void
decoding_reads_escapes_and_plus_signs(void **state)
{
	struct buf b = {0};

	(void)state;
	assert_true(percent_decode(&b, SLICE("a+b%20%c3%A9%00%2B%25")));
	assert_true(slice_eq(buf_slice(&b), SLICE("a b \xC3\xA9\0+%")));
	buf_free(&b);
}

static void
decoding_refuses_a_percent_sign_without_two_hex_digits(void **state)
{
	static const char *const texts[] = {"%", "a%", "%4", "%g0", "%0g", "%%41", "% 4", "%-1"};
	struct guard g = guard_new(16);
	struct buf b = {0};

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++)
		assert_false(percent_decode(&b, guard_copy(&g, slice_str(texts[i]))));
	buf_free(&b);
	guard_free(&g);
}

static void
what_is_encoded_decodes_to_itself(void **state)
{
	struct buf encoded = {0}, decoded = {0};
	char all[256];

	(void)state;
	for (size_t i = 0; i < sizeof(all); i++)
		all[i] = (char)i;
	percent_encode(&encoded, (struct slice){all, sizeof(all)});
	assert_true(percent_decode(&decoded, buf_slice(&encoded)));
	assert_int_equal(decoded.len, sizeof(all));
	assert_memory_equal(decoded.data, all, sizeof(all));
	buf_free(&encoded);
	buf_free(&decoded);
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

static void
every_status_has_a_short_sentence(void **state)
{
	(void)state;
	for (enum status s = ST_OK; s < ST_COUNT; s++) {
		const char *text = status_text(s);

		assert_non_null(text);
		assert_in_range(strlen(text), 2, 60);
		assert_true(text[strlen(text) - 1] != '.');
	}
	assert_string_equal(status_text(ST_NOT_FOUND), "Not found");
	assert_string_equal(status_text(ST_NO_COLLECTION), "Collection not found");
	assert_string_equal(status_text(ST_EXISTS), "Collection already exists");
}

static void
a_problem_takes_its_status_and_its_detail(void **state)
{
	struct problem p = {"before"};

	(void)state;
	assert_int_equal(problem_set(&p, ST_FULL, "%s is %d", "it", 7), ST_FULL);
	assert_string_equal(p.detail, "it is 7");
	assert_int_equal(problem_set(NULL, ST_IO, "nobody listens"), ST_IO);
}

static void
a_long_detail_is_cut_between_characters(void **state)
{
	static const char *const tails[] = {"xxxx", "\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9F\x98\x80"};
	struct problem p;

	(void)state;
	for (size_t i = 0; i < COUNT(tails); i++) {
		size_t width = strlen(tails[i]);

		for (size_t before = sizeof(p.detail) - 8; before < sizeof(p.detail); before++) {
			size_t fits = before + width < sizeof(p.detail);
			char text[sizeof(p.detail) + 8] = {0};

			memset(text, 'a', before);
			memcpy(text + before, tails[i], width);
			problem_set(&p, ST_IO, "%s", text);
			assert_true(utf8_valid(slice_str(p.detail)));
			if (i > 0)
				assert_int_equal(strlen(p.detail), before + (fits ? width : 0));
			else if (!fits)
				assert_int_equal(strlen(p.detail), sizeof(p.detail) - 1);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_well_formed_character_is_utf8),
	    cmocka_unit_test(every_malformed_sequence_is_no_utf8),
	    cmocka_unit_test(names_of_1_to_255_bytes_are_taken),
	    cmocka_unit_test(unusual_but_harmless_names_are_taken),
	    cmocka_unit_test(what_a_url_cannot_address_is_refused_with_the_reason),
	    cmocka_unit_test(a_name_that_is_too_long_is_shown_in_the_reason),
	    cmocka_unit_test(res_is_reserved_among_collections_only),
	    cmocka_unit_test(encoding_keeps_unreserved_characters_and_escapes_the_rest),
	    cmocka_unit_test(decoding_reads_escapes_and_plus_signs),
	    cmocka_unit_test(decoding_refuses_a_percent_sign_without_two_hex_digits),
	    cmocka_unit_test(what_is_encoded_decodes_to_itself),
	    cmocka_unit_test(shown_text_is_cut_at_a_character_with_dots),
	    cmocka_unit_test(shown_text_is_well_formed_whatever_the_bytes_were),
	    cmocka_unit_test(every_status_has_a_short_sentence),
	    cmocka_unit_test(a_problem_takes_its_status_and_its_detail),
	    cmocka_unit_test(a_long_detail_is_cut_between_characters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
