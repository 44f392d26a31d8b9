#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../guard.h"
#include "http/percent.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

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

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(encoding_keeps_unreserved_characters_and_escapes_the_rest),
	    cmocka_unit_test(decoding_reads_escapes_and_plus_signs),
	    cmocka_unit_test(decoding_refuses_a_percent_sign_without_two_hex_digits),
	    cmocka_unit_test(what_is_encoded_decodes_to_itself),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
