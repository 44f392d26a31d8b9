#include "../store/store_fixture.h"
#include "api/api.h"

static const struct edit one = {{"a", 1}, {"1", 1}};

static struct api_call call;
static struct response res;

static int
down(void **state)
{
	api_free(&call);
	response_free(&res);
	call = (struct api_call){0};
	res = (struct response){0};
	return fixture_down(state);
}

static bool
body_has(const char *text)
{
	return memmem(res.body.data, res.body.len, text, strlen(text)) != NULL;
}

/*
 * A batch that cannot be committed is run again, and meanwhile others may have
 * written.
 */
static void
a_second_try_does_not_bear_the_sentence_of_the_first(void **state)
{
	struct fixture *f = *state;
	const struct request req = {.method = METHOD_DELETE,
				    .path = SLICE("/json/c/a"),
				    .if_match = SLICE("\"00000000-9\"")};
	bool changed = false;

	assert_ok(apply(f->s, SLICE("c"), NULL, 0, STORE_CREATE));
	assert_int_equal(api_prepare(&call, &req, &res, store_id(f->s)), API_NEEDS_WRITE);
	assert_ok(api_run(&call, begin(f->s), &changed));
	assert_int_equal(res.code, 404);
	assert_true(body_has("has no record of this name"));
	store_abort(f->s);

	assert_ok(apply(f->s, SLICE("c"), &one, 1, 0));
	assert_ok(api_run(&call, begin(f->s), &changed));
	assert_int_equal(res.code, 412);
	assert_false(body_has("has no record of this name"));
	store_abort(f->s);
	assert_false(changed);
}

static void
what_is_wrong_with_a_body_is_not_told_where_none_is_read(void **state)
{
	struct fixture *f = *state;
	const struct request req = {.method = METHOD_DELETE,
				    .path = SLICE("/json/c"),
				    .fault = ST_TOO_LARGE,
				    .why = {"A body has at most 7 bytes here"}};
	bool changed = false;

	assert_int_equal(api_prepare(&call, &req, &res, store_id(f->s)), API_NEEDS_WRITE);
	assert_ok(api_run(&call, begin(f->s), &changed));
	assert_int_equal(res.code, 404);
	assert_false(body_has("A body has at most"));
	store_abort(f->s);
}

static void
what_is_wrong_with_a_body_that_is_needed_is_told(void **state)
{
	struct fixture *f = *state;
	const struct request req = {.method = METHOD_PUT,
				    .path = SLICE("/json/c"),
				    .content_type = SLICE("application/json"),
				    .fault = ST_TOO_LARGE,
				    .why = {"A body has at most 7 bytes here"}};

	assert_int_equal(api_prepare(&call, &req, &res, store_id(f->s)), API_NEEDS_NOTHING);
	assert_int_equal(res.code, 413);
	assert_true(body_has("A body has at most 7 bytes here"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(a_second_try_does_not_bear_the_sentence_of_the_first,
					    fixture_up, down),
	    cmocka_unit_test_setup_teardown(
		what_is_wrong_with_a_body_is_not_told_where_none_is_read, fixture_up, down),
	    cmocka_unit_test_setup_teardown(what_is_wrong_with_a_body_that_is_needed_is_told,
					    fixture_up, down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
