#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "http/route.h"

static enum status
route(struct route *r, const char *path)
{
	struct problem why;

	return route_parse(r, slice_str(path), &why);
}

static void
three_kinds_of_path_are_told_apart(void **state)
{
	struct route r;

	(void)state;
	assert_int_equal(route(&r, "/json"), ST_OK);
	assert_int_equal(r.kind, ROUTE_STORE);
	assert_int_equal(route(&r, "/json/exams"), ST_OK);
	assert_int_equal(r.kind, ROUTE_COLLECTION);
	assert_true(slice_eq(r.collection, SLICE("exams")));
	assert_int_equal(route(&r, "/json/assignments/Assignment 1"), ST_OK);
	assert_int_equal(r.kind, ROUTE_RECORD);
	assert_true(slice_eq(r.collection, SLICE("assignments")));
	assert_true(slice_eq(r.record, SLICE("Assignment 1")));
}

static void
other_paths_are_not_found(void **state)
{
	static const char *const bad[] = {
	    "",		"/",	    "/jso",	 "/jsonx",     "json",	      "/json/",	 "/json//",
	    "/json//a", "/json/a/", "/json/a//", "/json/a/b/", "/json/a/b/c", "/JSON/a", "//json"};
	struct route r;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (route(&r, bad[i]) != ST_NOT_FOUND)
			fail_msg("found: %s", bad[i]);
	}
}

static void
a_segment_that_cannot_be_a_name_is_refused(void **state)
{
	static const char *const bad[] = {"/json/.",	     "/json/..",     "/json/a/..",
					  "/json/a\n",	     "/json/a/\x7f", "/json/\xff",
					  "/json/a/\xc2\x80"};
	char path[300] = "/json/";
	struct route r;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (route(&r, bad[i]) != ST_BAD_NAME)
			fail_msg("accepted: %s", bad[i]);
	}
	memset(path + 6, 'x', 256);
	path[6 + 256] = '\0';
	assert_int_equal(route(&r, path), ST_BAD_NAME);
	path[6 + 255] = '\0';
	assert_int_equal(route(&r, path), ST_OK);
}

static void
a_query_is_taken_apart(void **state)
{
	struct query q = {0};

	(void)state;
	assert_int_equal(route_query_parse(&q, SLICE("limit=10&after=a%20b+c%2Bd&pretty"), NULL),
			 ST_OK);
	assert_int_equal(q.limit, 10);
	assert_true(q.pretty && q.has_after);
	assert_true(slice_eq(buf_slice(&q.after), SLICE("a b c+d")));
	assert_int_equal(route_query_parse(&q, SLICE("x=1&&=&limits=3&pretty=0"), NULL), ST_OK);
	assert_int_equal(q.limit, 0);
	assert_false(q.pretty || q.has_after);
	assert_int_equal(route_query_parse(&q, (struct slice){NULL, 0}, NULL), ST_OK);
	assert_int_equal(route_query_parse(&q, SLICE("limit=100000"), NULL), ST_OK);
	assert_int_equal(q.limit, PAGE_LIMIT_MAX);
	buf_free(&q.after);
}

static void
a_bad_query_is_refused(void **state)
{
	static const char *const bad[] = {
	    "limit",	       "limit=",	 "limit=0",
	    "limit=-1",	       "limit=1x",	 "limit=+1",
	    "limit=1.5",       "limit=100001",	 "limit=99999999999999999999",
	    "after=%",	       "after=%2",	 "after=%zz",
	    "limit=2&limit=3", "after=a&after=a"};
	struct query q = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (route_query_parse(&q, slice_str(bad[i]), NULL) != ST_BAD_REQUEST)
			fail_msg("accepted: %s", bad[i]);
	}
	buf_free(&q.after);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(three_kinds_of_path_are_told_apart),
	    cmocka_unit_test(other_paths_are_not_found),
	    cmocka_unit_test(a_segment_that_cannot_be_a_name_is_refused),
	    cmocka_unit_test(a_query_is_taken_apart),
	    cmocka_unit_test(a_bad_query_is_refused),
	};

	return cmocka_run_group_tests_name("route", tests, NULL, NULL);
}
