#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "http/records.h"

static const char begin[8] = {0, 1, 1, 0, 0, 0, 0, 0};
static const char params[] =
    "\x03\x05KEYvalue\x01\x80\x00\x00\xc8N"; /* a value of 200 bytes follows */
static const struct slice empty = {"", 0};

/*
 * Append a whole request.  Its parameters, 216 bytes, are split after `split`
 * bytes into two records; 216 makes it one.
 */
static void
add_request(struct buf *b, size_t split)
{
	char pairs[sizeof(params) - 1 + 200];

	memset(pairs, 'v', sizeof(pairs));
	memcpy(pairs, params, sizeof(params) - 1);
	record_add(b, RECORD_BEGIN_REQUEST, 1, (struct slice){begin, sizeof(begin)});
	record_add(b, RECORD_PARAMS, 1, (struct slice){pairs, split});
	if (split < sizeof(pairs))
		record_add(b, RECORD_PARAMS, 1,
			   (struct slice){pairs + split, sizeof(pairs) - split});
	record_add(b, RECORD_PARAMS, 1, empty);
	record_add(b, RECORD_STDIN, 1, SLICE("{\"new\": 1}"));
	record_add(b, RECORD_STDIN, 1, empty);
}

/*
 * Look at the first `len` bytes, copied to the end of a block of their own.
 * There the sanitizer catches a read beyond the end.
 */
static enum record_result
look(const struct buf *b, size_t len)
{
	char *copy = malloc(len + 1);
	enum record_result result;
	bool params_ended;

	assert_non_null(copy);
	memcpy(copy + 1, b->data, len);
	result = records_look((struct slice){copy + 1, len}, &params_ended);
	free(copy);
	return result;
}

static void
a_whole_request_is_whole_and_any_part_of_it_is_partial(void **state)
{
	struct buf b = {0};

	(void)state;
	add_request(&b, 16 + 200);
	for (size_t len = 0; len < b.len; len++) {
		bool params_ended;

		assert_int_equal(look(&b, len), RECORD_PARTIAL);
		records_look((struct slice){b.data, len}, &params_ended);
		/* Ten bytes of body and the headers of two records follow. */
		assert_int_equal(params_ended, b.len - len <= 10 + 16);
	}
	assert_int_equal(look(&b, b.len), RECORD_WHOLE);
	buf_free(&b);
}

static void
a_value_may_go_on_in_the_next_record(void **state)
{
	struct buf b = {0};

	(void)state;
	add_request(&b, 100);
	assert_int_equal(look(&b, b.len), RECORD_WHOLE);
	buf_free(&b);
}

/* Look at a good request in which the byte at `at` has become `to`. */
static enum record_result
altered(size_t at, int to)
{
	struct buf b = {0};
	enum record_result result;

	add_request(&b, 16 + 200);
	b.data[at] = (char)to;
	result = look(&b, b.len);
	buf_free(&b);
	return result;
}

static void
what_libfcgi_could_not_take_is_bad(void **state)
{
	enum { PARAMS_AT = 16, FIRST_LENGTH = 24 };

	(void)state;
	assert_int_equal(altered(0, 2), RECORD_BAD);			/* version */
	assert_int_equal(altered(1, 9), RECORD_BAD);			/* GET_VALUES */
	assert_int_equal(altered(3, 0), RECORD_BAD);			/* request 0 */
	assert_int_equal(altered(PARAMS_AT, 0), RECORD_BAD);		/* version, later */
	assert_int_equal(altered(PARAMS_AT + 1, 5), RECORD_BAD);	/* STDIN before PARAMS */
	assert_int_equal(altered(PARAMS_AT + 1, 2), RECORD_BAD);	/* ABORT_REQUEST */
	assert_int_equal(altered(PARAMS_AT + 3, 7), RECORD_BAD);	/* another request */
	assert_int_equal(altered(FIRST_LENGTH, 0xff), RECORD_BAD);	/* a name of 2 GB */
	assert_int_equal(altered(FIRST_LENGTH + 11, 0xff), RECORD_BAD); /* a value of 2 GB */
}

static void
parameters_that_end_too_early_are_bad(void **state)
{
	struct buf b = {0};

	(void)state;
	record_add(&b, RECORD_BEGIN_REQUEST, 1, (struct slice){begin, sizeof(begin)});
	record_add(&b, RECORD_PARAMS, 1, SLICE("\x03\x05KEY"));
	record_add(&b, RECORD_PARAMS, 1, empty);
	assert_int_equal(look(&b, b.len), RECORD_BAD);
	buf_free(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_whole_request_is_whole_and_any_part_of_it_is_partial),
	    cmocka_unit_test(a_value_may_go_on_in_the_next_record),
	    cmocka_unit_test(what_libfcgi_could_not_take_is_bad),
	    cmocka_unit_test(parameters_that_end_too_early_are_bad),
	};

	return cmocka_run_group_tests_name("records", tests, NULL, NULL);
}
