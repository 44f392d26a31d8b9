/* The mark of a settled store. */
#include "prepare_fixture.h"

static void
a_settled_store_is_not_looked_through_again(void **state)
{
	struct fixture *f = *state;
	struct timespec times[2];
	struct stat before;

	make_store(f);
	assert_ok(store_settle(&f->o, &f->why));
	assert_int_equal(stat(f->data, &before), 0);
	patch(f, "record 499", "record 999", 10);
	times[0] = before.st_atim;
	times[1] = before.st_mtim;
	assert_int_equal(utimensat(AT_FDCWD, f->data, times, 0), 0);
	assert_ok(prepare(f));
	/* Prepared, it is settled no longer. */
	assert_refused(f, ST_STORE_DAMAGED, "rows are out of order");
}

static void
a_settled_store_that_was_touched_is_looked_through(void **state)
{
	struct fixture *f = *state;
	/* A kernel's file times may stand still for some milliseconds. */
	const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = 1}};

	make_store(f);
	assert_ok(store_settle(&f->o, &f->why));
	patch(f, "record 499", "record 999", 10);
	assert_int_equal(utimensat(AT_FDCWD, f->data, times, 0), 0);
	assert_refused(f, ST_STORE_DAMAGED, "rows are out of order");
}

static void
a_settled_store_is_whole(void **state)
{
	struct fixture *f = *state;
	struct buf before = {0}, after = {0};

	make_store(f);
	read_all(f, &before);
	assert_ok(store_settle(&f->o, &f->why));
	assert_ok(prepare(f));
	read_all(f, &after);
	assert_true(slice_eq(buf_slice(&before), buf_slice(&after)));
	buf_free(&before);
	buf_free(&after);
}

static void
a_damaged_store_is_not_settled(void **state)
{
	struct fixture *f = *state;
	char mark[120];

	make_store(f);
	patch(f, "record 499", "record 999", 10);
	assert_int_equal(store_settle(&f->o, &f->why), ST_STORE_DAMAGED);
	assert_non_null(strstr(f->why.detail, "rows are out of order"));
	snprintf(mark, sizeof(mark), "%s/settled", f->path);
	assert_int_equal(access(mark, F_OK), -1);
}

static void
a_settled_store_without_its_file_is_refused(void **state)
{
	struct fixture *f = *state;

	make_store(f);
	assert_ok(store_settle(&f->o, &f->why));
	assert_int_equal(truncate(f->data, 0), 0);
	assert_int_equal(prepare(f), ST_STORE_DAMAGED);
	assert_non_null(strstr(f->why.detail, "data.mdb is damaged (it is empty)"));
	assert_int_equal(unlink(f->data), 0);
	assert_int_equal(prepare(f), ST_STORE_DAMAGED);
	assert_non_null(strstr(f->why.detail, "data.mdb is damaged (it is gone)"));
}

/*
 * What is written to it from now on has revisions that the other one has, too.
 */
static void
a_copy_gets_an_identity_of_its_own(void **state)
{
	struct fixture *f = *state;
	char copy[120], *bytes;
	size_t size;
	uint64_t id;

	make_store(f);
	fixture_open(f);
	id = store_id(f->s);
	snprintf(copy, sizeof(copy), "%s.copy", f->data);
	store_close(f->s);
	f->s = NULL;
	assert_ok(prepare(f));
	fixture_open(f);
	assert_int_equal(store_id(f->s), id);
	store_close(f->s);
	f->s = NULL;
	bytes = read_file(f->data, &size);
	write_file(copy, bytes, size);
	free(bytes);
	assert_int_equal(rename(copy, f->data), 0);
	assert_ok(prepare(f));
	fixture_open(f);
	assert_int_not_equal(store_id(f->s), id);
}

static void
a_mark_that_is_none_is_no_mark(void **state)
{
	struct fixture *f = *state;
	char mark[120];

	make_store(f);
	assert_ok(store_settle(&f->o, &f->why));
	snprintf(mark, sizeof(mark), "%s/settled", f->path);
	write_file(mark, "markbook settled", 16);
	patch(f, "record 499", "record 999", 10);
	assert_refused(f, ST_STORE_DAMAGED, "rows are out of order");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    BARE_TEST(a_settled_store_is_not_looked_through_again),
	    BARE_TEST(a_settled_store_that_was_touched_is_looked_through),
	    BARE_TEST(a_settled_store_is_whole),
	    BARE_TEST(a_damaged_store_is_not_settled),
	    BARE_TEST(a_settled_store_without_its_file_is_refused),
	    BARE_TEST(a_copy_gets_an_identity_of_its_own),
	    BARE_TEST(a_mark_that_is_none_is_no_mark),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
