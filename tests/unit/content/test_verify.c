#include "../store/store_fixture.h"

#include "content/verify.h"

static enum status
verify(struct fixture *f, struct store_stats *counted)
{
	f->why.detail[0] = '\0';
	return verify_content(f->s, counted, &f->why);
}

static void
assert_damaged(struct fixture *f, const char *what)
{
	struct store_stats counted;

	assert_int_equal(verify(f, &counted), ST_STORE_DAMAGED);
	if (strcmp(f->why.detail, what) != 0)
		fail_msg("%s", f->why.detail);
}

static void
a_sound_store_is_counted(void **state)
{
	struct fixture *f = *state;
	struct store_stats counted;

	assert_ok(put(f->s, SLICE("a"), SLICE("1"), SLICE("{\"x\":[1.10,\"\\u0000\"]}")));
	assert_ok(put(f->s, SLICE("a"), SLICE("2"), SLICE("null")));
	assert_ok(put(f->s, SLICE("b"), SLICE("1"), SLICE("\"\"")));
	assert_ok(verify(f, &counted));
	assert_int_equal(counted.collections, 2);
	assert_int_equal(counted.records, 3);
	assert_int_equal(counted.revision, 3);
}

/* The store does not check values, so a faulty caller could store these. */

static void
a_value_that_is_not_json_is_found(void **state)
{
	static const char *const bad[] = {"nonsense", "1 ",	   "[1, 2]",  "{\"a\":1,\"a\":2}",
					  "1}{",      "1,\"b\":2", "\"\xff\""};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_ok(put(f->s, SLICE("marks"), SLICE("one"), slice_str(bad[i])));
		assert_damaged(f, "collection \"marks\", record \"one\": its value is not JSON");
	}
}

static void
a_name_that_is_none_is_found(void **state)
{
	struct fixture *f = *state;

	assert_ok(put(f->s, SLICE("marks"), SLICE("a/b"), SLICE("1")));
	assert_damaged(f, "collection \"marks\", record \"a/b\": is no name");
	assert_ok(drop(f->s, SLICE("marks")));
	assert_ok(put(f->s, SLICE("res"), SLICE("one"), SLICE("1")));
	assert_damaged(f, "collection \"res\": is no name");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    STORE_TEST(a_sound_store_is_counted),
	    STORE_TEST(a_value_that_is_not_json_is_found),
	    STORE_TEST(a_name_that_is_none_is_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
