#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/buf.h"

#define assert_slice(s, text) assert_true(slice_eq((s), SLICE(text)))

static void
slices_order_bytewise_and_a_prefix_comes_first(void **state)
{
	(void)state;
	assert_int_equal(slice_cmp(SLICE("abc"), SLICE("abc")), 0);
	assert_true(slice_cmp(SLICE("ab"), SLICE("abc")) < 0);
	assert_true(slice_cmp(SLICE("abc"), SLICE("ab")) > 0);
	assert_true(slice_cmp(SLICE("b"), SLICE("abc")) > 0);
	assert_true(slice_cmp(SLICE("z"), SLICE("\xC3\xA9")) < 0);
	assert_true(slice_cmp(SLICE("a\0b"), SLICE("a\0c")) < 0);
	assert_int_equal(slice_cmp((struct slice){NULL, 0}, SLICE("")), 0);
	assert_true(slice_cmp((struct slice){NULL, 0}, SLICE("a")) < 0);
}

static void
equality_looks_at_every_byte_and_at_the_length(void **state)
{
	(void)state;
	assert_true(slice_eq(SLICE("a\0b"), SLICE("a\0b")));
	assert_false(slice_eq(SLICE("a\0b"), SLICE("a\0c")));
	assert_false(slice_eq(SLICE("a"), SLICE("ab")));
	assert_true(slice_eq(slice_str(NULL), SLICE("")));
	assert_slice(slice_str("ab"), "ab");
}

static void
only_ascii_letters_compare_without_case(void **state)
{
	(void)state;
	assert_true(slice_eq_nocase(SLICE("Content-TYPE"), SLICE("cONTENT-type")));
	assert_true(slice_eq_nocase(SLICE("azAZ"), SLICE("AZaz")));
	assert_false(slice_eq_nocase(SLICE("@"), SLICE("`")));
	assert_false(slice_eq_nocase(SLICE("["), SLICE("{")));
	assert_false(slice_eq_nocase(SLICE("\xC3\x89"), SLICE("\xC3\xA9")));
	assert_false(slice_eq_nocase(SLICE("a"), SLICE("ab")));
}

static void
trim_takes_spaces_and_tabs_from_the_ends_only(void **state)
{
	(void)state;
	assert_slice(slice_trim(SLICE(" \t a\t b \t")), "a\t b");
	assert_slice(slice_trim(SLICE("a\n")), "a\n");
	assert_slice(slice_trim(SLICE(" \t ")), "");
	assert_slice(slice_trim(SLICE("")), "");
}

static void
appends_of_every_kind_follow_each_other(void **state)
{
	struct buf b = {0};

	(void)state;
	buf_add(&b, "a\0b", 3);
	buf_addc(&b, '-');
	buf_adds(&b, "text");
	buf_add_slice(&b, SLICE("-slice"));
	buf_add_slice(&b, (struct slice){NULL, 0});
	buf_addf(&b, "-%s-%d", "f", -1);
	assert_slice(buf_slice(&b), "a\0b-text-slice-f--1");
	assert_false(b.failed);
	buf_free(&b);
}

static void
numbers_are_written_in_full(void **state)
{
	struct buf b = {0};

	(void)state;
	buf_add_u64(&b, 0);
	buf_addc(&b, ' ');
	buf_add_u64(&b, 10);
	buf_addc(&b, ' ');
	buf_add_u64(&b, UINT64_MAX);
	assert_slice(buf_slice(&b), "0 10 18446744073709551615");
	buf_free(&b);
}

static void
a_buffer_grows_without_losing_a_byte(void **state)
{
	struct buf b = {0};

	(void)state;
	for (unsigned i = 0; i < 100000; i++)
		buf_addf(&b, "%05u", i);
	assert_int_equal(b.len, 500000);
	for (unsigned i = 0; i < 100000; i++) {
		char digits[6] = {0};

		memcpy(digits, b.data + (size_t)i * 5, 5);
		assert_int_equal(strtoul(digits, NULL, 10), i);
	}
	buf_free(&b);
}

static void
formatted_text_of_every_length_has_room(void **state)
{
	(void)state;
	for (int len = 0; len < 200; len++) {
		struct buf b = {0};

		buf_addf(&b, "%*s", len, "");
		assert_int_equal(b.len, len);
		buf_free(&b);
	}
}

static void
reserved_room_is_there_to_be_written(void **state)
{
	struct buf b = {0};

	(void)state;
	buf_adds(&b, "x");
	assert_true(buf_reserve(&b, 1000));
	memset(b.data + b.len, 'y', 1000);
	b.len += 1000;
	assert_true(b.len <= b.cap);
	assert_true(buf_reserve(&b, 0));
	assert_int_equal(b.data[1000], 'y');
	buf_free(&b);
}

static void
an_append_without_memory_is_dropped_with_all_that_follow(void **state)
{
	struct buf b = {0};

	(void)state;
	buf_adds(&b, "kept");
	assert_false(buf_reserve(&b, SIZE_MAX));
	assert_true(b.failed);
	buf_adds(&b, "dropped");
	buf_addc(&b, 'd');
	buf_addf(&b, "%d", 1);
	buf_add_u64(&b, 1);
	assert_false(buf_reserve(&b, 1));
	assert_slice(buf_slice(&b), "kept");
	buf_reset(&b, 64);
	assert_false(b.failed);
	buf_adds(&b, "again");
	assert_slice(buf_slice(&b), "again");
	buf_free(&b);
}

static void
reset_keeps_small_memory_and_gives_large_memory_back(void **state)
{
	struct buf b = {0};
	char *before;

	(void)state;
	buf_adds(&b, "small");
	before = b.data;
	buf_reset(&b, 1024);
	assert_int_equal(b.len, 0);
	assert_ptr_equal(b.data, before);
	assert_true(buf_reserve(&b, 4096));
	buf_reset(&b, 1024);
	assert_true(b.cap <= 1024);
	buf_adds(&b, "usable");
	assert_slice(buf_slice(&b), "usable");
	buf_free(&b);
	assert_null(b.data);
	assert_int_equal(b.len, 0);
	assert_int_equal(b.cap, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(slices_order_bytewise_and_a_prefix_comes_first),
	    cmocka_unit_test(equality_looks_at_every_byte_and_at_the_length),
	    cmocka_unit_test(only_ascii_letters_compare_without_case),
	    cmocka_unit_test(trim_takes_spaces_and_tabs_from_the_ends_only),
	    cmocka_unit_test(appends_of_every_kind_follow_each_other),
	    cmocka_unit_test(numbers_are_written_in_full),
	    cmocka_unit_test(a_buffer_grows_without_losing_a_byte),
	    cmocka_unit_test(formatted_text_of_every_length_has_room),
	    cmocka_unit_test(reserved_room_is_there_to_be_written),
	    cmocka_unit_test(an_append_without_memory_is_dropped_with_all_that_follow),
	    cmocka_unit_test(reset_keeps_small_memory_and_gives_large_memory_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
