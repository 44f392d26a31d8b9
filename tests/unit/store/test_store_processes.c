/* Processes that share a store, and processes that die at work. */
#include "store_fixture.h"

#define WRITES 1000

static bool
say_ready(int fd)
{
	return write(fd, "r", 1) == 1;
}

static void
wait_to_be_killed(void)
{
	for (;;)
		pause();
}

/*
 * Make a store with records r0 to r199 of 1,000 bytes each.  It is left closed,
 * so that each child opens it for itself.
 */
static void
make_records(struct fixture *f)
{
	char name[16], json[1000];

	memset(json, '1', sizeof(json));
	fixture_prepare_and_open(f);
	for (int i = 0; i < 200; i++) {
		int len = snprintf(name, sizeof(name), "r%d", i);

		assert_ok(put(f->s, SLICE("a"), (struct slice){name, (size_t)len},
			      (struct slice){json, sizeof(json)}));
	}
	store_close(f->s);
	f->s = NULL;
}

/* Read a number and write the next one, so that a lost update shows. */
static bool
count_up(struct fixture *f, int fd)
{
	char json[32];

	(void)fd;
	if (store_open(&f->s, &f->o, &f->why) != ST_OK)
		return false;
	for (int i = 0; i < WRITES; i++) {
		struct edit edit = {.name = SLICE("n")};
		struct view *v;
		struct row row;
		long n = 0;

		if (store_write(f->s, &v) != ST_OK)
			return false;
		if (view_record(v, SLICE("a"), SLICE("n"), &row) == ST_OK) {
			snprintf(json, sizeof(json), "%.*s", (int)row.json.len, row.json.data);
			n = strtol(json, NULL, 10);
		}
		edit.json.len = (size_t)snprintf(json, sizeof(json), "%ld", n + 1);
		edit.json.data = json;
		if (store_apply(v, SLICE("a"), &edit, 1, STORE_CREATE) != ST_OK ||
		    store_commit(f->s) != ST_OK)
			return false;
	}
	store_close(f->s);
	return true;
}

static void
no_change_of_two_writers_is_lost(void **state)
{
	struct fixture *f = *state;
	pid_t one, two;
	char expected[32];
	struct row row;

	fixture_prepare_and_open(f);
	store_close(f->s);
	f->s = NULL;
	one = child(count_up, f, -1);
	two = child(count_up, f, -1);
	await_success(one);
	await_success(two);
	fixture_open(f);
	assert_ok(view_record(snapshot(f->s), SLICE("a"), SLICE("n"), &row));
	snprintf(expected, sizeof(expected), "%d", 2 * WRITES);
	assert_true(slice_eq(row.json, slice_str(expected)));
	assert_int_equal(view_revision(snapshot(f->s)), 2 * WRITES);
}

static bool
hold_a_batch(struct fixture *f, int fd)
{
	const struct edit edit = {SLICE("x"), SLICE("2")};
	struct view *v;

	if (store_open(&f->s, &f->o, &f->why) != ST_OK || store_write(f->s, &v) != ST_OK ||
	    store_apply(v, SLICE("a"), &edit, 1, 0) != ST_OK || store_drop(v, SLICE("b")) != ST_OK)
		return false;
	if (say_ready(fd))
		wait_to_be_killed();
	return false;
}

static void
a_writer_killed_in_a_batch_leaves_no_trace(void **state)
{
	struct fixture *f = *state;

	fixture_prepare_and_open(f);
	assert_ok(put(f->s, SLICE("a"), SLICE("x"), SLICE("1")));
	assert_ok(put(f->s, SLICE("b"), SLICE("x"), SLICE("1")));
	store_close(f->s);
	f->s = NULL;
	for (int i = 0; i < 20; i++) {
		pid_t pid = ready_child(hold_a_batch, f);

		fixture_open(f);
		/* Its batch does not block a reader. */
		assert_list(snapshot(f->s), SLICE("b"), NONE, "x=1 ");
		store_read_end(f->s);
		kill_child(pid);
		assert_ok(put(f->s, SLICE("c"), SLICE("x"), SLICE("3")));
		assert_list(snapshot(f->s), NONE, NONE, "a:1 x=1 b:1 x=1 c:1 x=3 ");
		assert_int_equal(view_revision(snapshot(f->s)), 3 + i);
		store_close(f->s);
		f->s = NULL;
	}
	fixture_prepare_and_open(f);
}

static bool
write_for_ever(struct fixture *f, int fd)
{
	char json[3000];

	memset(json, '5', sizeof(json));
	if (store_open(&f->s, &f->o, &f->why) != ST_OK)
		return false;
	for (size_t i = 0;; i++) {
		const struct slice value = {json, i % sizeof(json) + 1};
		const struct edit edits[] = {{SLICE("r7"), value}, {SLICE("r150"), value}};

		if (apply(f->s, SLICE("a"), edits, 2, 0) != ST_OK || (i == 10 && !say_ready(fd)))
			return false;
	}
}

static void
a_writer_killed_at_any_instant_leaves_the_last_commit(void **state)
{
	struct fixture *f = *state;
	struct row one, two;

	make_records(f);
	for (int i = 0; i < 50; i++) {
		kill_child(ready_child(write_for_ever, f));
		/* Preparing checks all rows. */
		fixture_prepare_and_open(f);
		assert_ok(view_record(snapshot(f->s), SLICE("a"), SLICE("r7"), &one));
		assert_ok(view_record(snapshot(f->s), SLICE("a"), SLICE("r150"), &two));
		assert_true(slice_eq(one.json, two.json));
		assert_int_equal(one.revision, view_revision(snapshot(f->s)));
		store_close(f->s);
		f->s = NULL;
	}
}

static bool
hold_a_snapshot(struct fixture *f, int fd)
{
	struct view *v;

	if (store_open(&f->s, &f->o, &f->why) != ST_OK || store_read(f->s, &v) != ST_OK)
		return false;
	if (say_ready(fd))
		wait_to_be_killed();
	return false;
}

/* Overwrite every tenth record.  True if there was room. */
static bool
overwrite(struct fixture *f)
{
	char name[16], json[1000];

	memset(json, '2', sizeof(json));
	for (int i = 0; i < 200; i += 10) {
		int len = snprintf(name, sizeof(name), "r%d", i);

		if (put(f->s, SLICE("a"), (struct slice){name, (size_t)len},
			(struct slice){json, sizeof(json)}) != ST_OK)
			return false;
	}
	return true;
}

static bool
hold_nothing(struct fixture *f, int fd)
{
	if (store_open(&f->s, &f->o, &f->why) != ST_OK)
		return false;
	if (say_ready(fd))
		wait_to_be_killed();
	return false;
}

static void
what_killed_readers_held_is_freed_by_upkeep(void **state)
{
	struct fixture *f = *state;
	struct store_stats first = {0}, st;
	pid_t other;

	make_records(f);
	/* It keeps the store open: the first to open it resets the readers. */
	other = ready_child(hold_nothing, f);
	for (int i = 0; i < 300; i++) {
		kill_child(ready_child(hold_a_snapshot, f));
		fixture_open(f);
		assert_int_equal(stats(f->s).readers, 2);
		assert_int_equal(store_upkeep(f->s), 1);
		assert_int_equal(stats(f->s).readers, 1);
		assert_int_equal(store_upkeep(f->s), 0);
		assert_true(overwrite(f));
		st = stats(f->s);
		if (i == 0)
			first = st;
		assert_true(st.used_bytes <= first.used_bytes);
		assert_true(st.file_bytes <= first.file_bytes + 65536);
		store_close(f->s);
		f->s = NULL;
	}
	kill_child(other);
}

static void
what_a_killed_reader_held_is_freed_before_a_write_is_refused(void **state)
{
	struct fixture *f = *state;

	pid_t other;

	make_records(f);
	other = ready_child(hold_nothing, f);
	kill_child(ready_child(hold_a_snapshot, f));
	fixture_open(f);
	assert_int_equal(stats(f->s).readers, 2);
	/* About 20 * 100 * 6 pages are written to a store of 1,024 pages. */
	for (int i = 0; i < 100; i++)
		assert_true(overwrite(f));
	assert_int_equal(stats(f->s).readers, 1);
	kill_child(other);
}

static bool
overwrite_until_full(struct fixture *f, int fd)
{
	char json[1000];
	enum status st;

	(void)fd;
	memset(json, '3', sizeof(json));
	if (store_open(&f->s, &f->o, &f->why) != ST_OK)
		return false;
	do
		st = put(f->s, SLICE("a"), SLICE("r5"), (struct slice){json, sizeof(json)});
	while (st == ST_OK);
	return st == ST_FULL;
}

static void
a_snapshot_held_for_long_is_paid_by_writers_and_not_by_its_reader(void **state)
{
	struct fixture *f = *state;
	struct row row;
	struct view *v;

	make_records(f);
	fixture_open(f);
	v = snapshot(f->s);
	await_success(child(overwrite_until_full, f, -1));
	assert_ok(view_record(v, SLICE("a"), SLICE("r5"), &row));
	assert_int_equal(row.json.data[0], '1');
	store_read_end(f->s);
	assert_true(overwrite(f));
}

static void
more_snapshots_than_announced_are_told_so(void **state)
{
	struct fixture *f = *state;
	struct view *v;
	pid_t pid;

	f->o.max_snapshots = 1;
	fixture_prepare_and_open(f);
	store_close(f->s);
	f->s = NULL;
	pid = ready_child(hold_a_snapshot, f);
	assert_int_equal(store_open(&f->s, &f->o, &f->why), ST_BUSY);
	kill_child(pid);
	f->o.max_snapshots = 2;
	fixture_open(f);
	assert_ok(store_read(f->s, &v));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    BARE_TEST(no_change_of_two_writers_is_lost),
	    BARE_TEST(a_writer_killed_in_a_batch_leaves_no_trace),
	    BARE_TEST(a_writer_killed_at_any_instant_leaves_the_last_commit),
	    BARE_TEST(what_killed_readers_held_is_freed_by_upkeep),
	    BARE_TEST(what_a_killed_reader_held_is_freed_before_a_write_is_refused),
	    BARE_TEST(a_snapshot_held_for_long_is_paid_by_writers_and_not_by_its_reader),
	    BARE_TEST(more_snapshots_than_announced_are_told_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
