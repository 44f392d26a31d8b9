/*
 * The contract of store.h within one process: snapshots, batches, and what is
 * open.
 */
#include "store_fixture.h"

#include <malloc.h>

static void
everything_comes_sorted_bytewise(void **state)
{
	struct fixture *f = *state;
	static const char *const names[] = {"b", "\xC3\xA9", "B", "10", "1", "~", " ", "aa", "a"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		assert_ok(put(f->s, SLICE("z"), slice_str(names[i]), SLICE("0")));
		assert_ok(apply(f->s, slice_str(names[i]), NULL, 0, STORE_CREATE));
	}
	assert_list(snapshot(f->s), SLICE("z"), NONE,
		    " =0 1=0 10=0 B=0 a=0 aa=0 b=0 ~=0 \xC3\xA9=0 ");
	assert_list(snapshot(f->s), NONE, NONE,
		    " :0 1:0 10:0 B:0 a:0 aa:0 b:0 z:9  =0 1=0 10=0 B=0 a=0 aa=0 b=0 ~=0 "
		    "\xC3\xA9=0 ~:0 \xC3\xA9:0 ");
}

static void
iteration_goes_on_after_a_name_whether_it_is_there_or_not(void **state)
{
	struct fixture *f = *state;
	const struct edit edits[] = {
	    {SLICE("b"), SLICE("1")}, {SLICE("bb"), SLICE("2")}, {SLICE("d"), SLICE("3")}};
	char name[300];
	struct view *v;

	memset(name, 'b', sizeof(name));
	assert_ok(apply(f->s, SLICE("m"), edits, 3, STORE_CREATE));
	assert_ok(put(f->s, SLICE("n"), SLICE("x"), SLICE("9")));
	v = snapshot(f->s);
	assert_list(v, SLICE("m"), SLICE(""), "b=1 bb=2 d=3 ");
	assert_list(v, SLICE("m"), SLICE("a"), "b=1 bb=2 d=3 ");
	assert_list(v, SLICE("m"), SLICE("b"), "bb=2 d=3 ");
	assert_list(v, SLICE("m"), SLICE("c"), "d=3 ");
	assert_list(v, SLICE("m"), SLICE("d"), "");
	assert_list(v, SLICE("m"), SLICE("z"), "");
	assert_list(v, SLICE("m"), ((struct slice){name, sizeof(name)}), "d=3 ");
	/* The last record of the last collection, and what follows it. */
	assert_list(v, SLICE("n"), NONE, "x=9 ");
	assert_list(v, SLICE("n"), SLICE("x"), "");
}

static void
iteration_of_an_empty_and_of_a_missing_collection(void **state)
{
	struct fixture *f = *state;
	struct view_iter it;
	struct view *v;

	assert_ok(apply(f->s, SLICE("a"), NULL, 0, STORE_CREATE));
	assert_ok(put(f->s, SLICE("b"), SLICE("x"), SLICE("1")));
	assert_ok(apply(f->s, SLICE("z"), NULL, 0, STORE_CREATE));
	v = snapshot(f->s);
	assert_list(v, SLICE("a"), NONE, "");
	assert_list(v, SLICE("a"), SLICE("x"), "");
	assert_list(v, SLICE("z"), NONE, "");
	assert_int_equal(view_iterate(v, SLICE("c"), NONE, &it), ST_NO_COLLECTION);
}

static void
a_snapshot_stays_as_it_was(void **state)
{
	struct fixture *f = *state;
	struct view *v, *again;
	struct row row;

	assert_ok(put(f->s, SLICE("a"), SLICE("x"), SLICE("1")));
	v = snapshot(f->s);
	assert_ok(view_record(v, SLICE("a"), SLICE("x"), &row));
	assert_ok(put(f->s, SLICE("a"), SLICE("x"), SLICE("2")));
	assert_ok(put(f->s, SLICE("b"), SLICE("x"), SLICE("3")));
	assert_slice(row.json, "1");
	assert_ok(store_read(f->s, &again));
	assert_ptr_equal(again, v);
	assert_list(v, NONE, NONE, "a:1 x=1 ");
	assert_int_equal(view_revision(v), 1);
	store_read_end(f->s);
	v = snapshot(f->s);
	assert_list(v, NONE, NONE, "a:1 x=2 b:1 x=3 ");
	assert_int_equal(view_revision(v), 3);
	store_read_end(f->s);
	store_read_end(f->s);
}

static void
a_batch_shows_its_changes_to_itself_only(void **state)
{
	struct fixture *f = *state;
	const struct edit one = {SLICE("x"), SLICE("1")}, two = {SLICE("y"), SLICE("2")};
	struct view *v = begin(f->s);

	assert_ok(store_apply(v, SLICE("a"), &one, 1, STORE_CREATE));
	assert_list(v, NONE, NONE, "a:1 x=1 ");
	assert_ok(store_apply(v, SLICE("a"), &two, 1, 0));
	assert_list(v, SLICE("a"), SLICE("x"), "y=2 ");
	assert_int_equal(view_revision(v), 2);
	assert_list(snapshot(f->s), NONE, NONE, "");
	assert_int_equal(view_revision(snapshot(f->s)), 0);
	store_read_end(f->s);
	assert_ok(store_commit(f->s));
	assert_list(snapshot(f->s), NONE, NONE, "a:2 x=1 y=2 ");
	assert_int_equal(view_revision(snapshot(f->s)), 2);
}

static void
an_aborted_batch_leaves_no_trace(void **state)
{
	struct fixture *f = *state;
	const struct edit edit = {SLICE("y"), SLICE("2")};
	struct view *v;

	assert_ok(put(f->s, SLICE("a"), SLICE("x"), SLICE("1")));
	v = begin(f->s);
	assert_ok(store_apply(v, SLICE("a"), &edit, 1, 0));
	assert_ok(store_drop(v, SLICE("a")));
	assert_list(v, NONE, NONE, "");
	store_abort(f->s);
	store_abort(f->s);
	assert_list(snapshot(f->s), NONE, NONE, "a:1 x=1 ");
	store_read_end(f->s);
	assert_ok(put(f->s, SLICE("a"), SLICE("x"), SLICE("3")));
	assert_int_equal(stats(f->s).revision, 2);
}

static void
an_empty_batch_changes_nothing(void **state)
{
	struct fixture *f = *state;

	begin(f->s);
	assert_ok(store_commit(f->s));
	assert_int_equal(stats(f->s).revision, 0);
}

static void
a_probe_changes_nothing(void **state)
{
	struct fixture *f = *state;

	assert_ok(put(f->s, SLICE("a"), SLICE("x"), SLICE("1")));
	assert_ok(store_probe(f->s));
	assert_int_equal(stats(f->s).revision, 1);
	assert_list(snapshot(f->s), NONE, NONE, "a:1 x=1 ");
}

static void
a_second_batch_within_one_is_an_error_and_no_deadlock(void **state)
{
	struct fixture *f = *state;
	struct view *v;

	begin(f->s);
	assert_int_equal(store_write(f->s, &v), ST_IO);
	assert_non_null(store_last_error(f->s));
	assert_ok(store_commit(f->s));
}

static void
revisions_are_not_given_twice_after_a_drop(void **state)
{
	struct fixture *f = *state;
	struct collection c;

	assert_ok(put(f->s, SLICE("a"), SLICE("x"), SLICE("1")));
	assert_ok(drop(f->s, SLICE("a")));
	assert_ok(put(f->s, SLICE("a"), SLICE("x"), SLICE("1")));
	assert_ok(view_collection(snapshot(f->s), SLICE("a"), &c));
	assert_int_equal(c.revision, 3);
}

static void
long_values_come_back_whole(void **state)
{
	struct fixture *f = *state;
	size_t len = MIB;
	char *text = malloc(len);
	struct row row;

	assert_non_null(text);
	for (size_t i = 0; i < len; i++)
		text[i] = (char)('0' + i * i % 10);
	assert_ok(put(f->s, SLICE("a"), SLICE("x"), (struct slice){text, len}));
	assert_ok(view_record(snapshot(f->s), SLICE("a"), SLICE("x"), &row));
	assert_true(slice_eq(row.json, (struct slice){text, len}));
	free(text);
}

static void
stat_counts_collections_and_records(void **state)
{
	struct fixture *f = *state;
	char name[16];
	struct view *v;
	struct view_iter it;
	struct row row;

	for (int i = 0; i < 300; i++) {
		int len = snprintf(name, sizeof(name), "%d", i);

		assert_ok(put(f->s, (struct slice){name, (size_t)len - (i > 99)},
			      (struct slice){name, (size_t)len}, SLICE("1")));
	}
	assert_int_equal(stats(f->s).collections, 100);
	assert_int_equal(stats(f->s).records, 300);
	assert_int_equal(stats(f->s).revision, 300);
	/* It does not disturb an iteration. */
	v = snapshot(f->s);
	assert_ok(view_iterate(v, SLICE("10"), NONE, &it));
	assert_ok(view_next(&it, &row));
	assert_int_equal(stats(f->s).records, 300);
	assert_ok(view_next(&it, &row));
	assert_slice(row.name, "100");
}

static void
a_read_allocates_nothing(void **state)
{
	struct fixture *f = *state;
	struct view_iter it;
	struct row row;
	size_t before = 0;

	assert_ok(put(f->s, SLICE("a"), SLICE("x"), SLICE("1")));
	for (int i = 0; i < 100; i++) {
		struct view *v = snapshot(f->s);

		assert_ok(view_record(v, SLICE("a"), SLICE("x"), &row));
		assert_ok(view_iterate(v, NONE, NONE, &it));
		assert_ok(view_next(&it, &row));
		store_read_end(f->s);
		if (i == 0)
			before = mallinfo2().uordblks;
	}
	assert_int_equal(mallinfo2().uordblks, before);
}

static void
closing_ends_what_is_open(void **state)
{
	struct fixture *f = *state;
	const struct edit edit = {SLICE("x"), SLICE("1")};
	struct view *v = begin(f->s);

	assert_ok(store_apply(v, SLICE("a"), &edit, 1, STORE_CREATE));
	assert_list(v, NONE, NONE, "a:1 x=1 ");
	assert_list(snapshot(f->s), NONE, NONE, "");
	store_close(f->s);
	store_close(NULL);
	fixture_open(f);
	assert_int_equal(stats(f->s).revision, 0);
	assert_ok(put(f->s, SLICE("a"), SLICE("x"), SLICE("1")));
}

static void
its_files_are_closed_on_exec(void **state)
{
	char link[64], target[200];

	(void)state;
	for (int fd = 3; fd < 64; fd++) {
		ssize_t n;

		snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
		if ((n = readlink(link, target, sizeof(target) - 1)) < 0)
			continue;
		target[n] = '\0';
		if (strstr(target, ".mdb") != NULL)
			assert_int_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    STORE_TEST(everything_comes_sorted_bytewise),
	    STORE_TEST(iteration_goes_on_after_a_name_whether_it_is_there_or_not),
	    STORE_TEST(iteration_of_an_empty_and_of_a_missing_collection),
	    STORE_TEST(a_snapshot_stays_as_it_was),
	    STORE_TEST(a_batch_shows_its_changes_to_itself_only),
	    STORE_TEST(an_aborted_batch_leaves_no_trace),
	    STORE_TEST(an_empty_batch_changes_nothing),
	    STORE_TEST(a_probe_changes_nothing),
	    STORE_TEST(a_second_batch_within_one_is_an_error_and_no_deadlock),
	    STORE_TEST(revisions_are_not_given_twice_after_a_drop),
	    STORE_TEST(long_values_come_back_whole),
	    STORE_TEST(stat_counts_collections_and_records),
	    STORE_TEST(a_read_allocates_nothing),
	    STORE_TEST(closing_ends_what_is_open),
	    STORE_TEST(its_files_are_closed_on_exec),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
