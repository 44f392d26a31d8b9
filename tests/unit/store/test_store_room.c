/*
 * A store filled to the brim: what is refused, and what has to succeed all the
 * same.
 */
#include "room_fixture.h"

#include <sched.h>
#include <sys/mount.h>

static void
refuse_and_read(struct fixture *f, length *len, unsigned n)
{
	struct store_stats st = stats(f->s);
	struct row row;
	char c[8], r[16];

	assert_int_equal(st.records, n);
	assert_true(st.used_bytes <= st.limit_bytes);
	assert_true(st.used_bytes + LARGEST + 65536 > st.limit_bytes);
	assert_true(st.file_bytes <= st.size_bytes);
	assert_int_equal(set(f, n, LARGEST), ST_FULL);
	assert_int_equal(stats(f->s).revision, n);
	for (unsigned i = 0; i < n; i++) {
		assert_ok(
		    view_record(snapshot(f->s), collection_name(c, i), record_name(r, i), &row));
		assert_int_equal(row.json.len, len(i));
	}
	/* What takes no more room than there was is no matter of room. */
	store_read_end(f->s);
	assert_ok(set(f, n / 2, len(n / 2)));
	assert_ok(set(f, n / 2, 1));
}

static void
a_full_store_refuses_more_and_reads_what_it_has(void **state)
{
	for_each_kind(*state, refuse_and_read);
}

static void
remove_each(struct fixture *f, length *len, unsigned n)
{
	(void)len;
	assert_each_record_can_be_removed(f, n);
}

static void
each_record_of_a_full_store_can_be_removed(void **state)
{
	for_each_kind(*state, remove_each);
}

static void
drop_each(struct fixture *f, length *len, unsigned n)
{
	(void)len;
	(void)n;
	assert_each_collection_can_be_dropped(f);
}

static void
each_collection_of_a_full_store_can_be_dropped(void **state)
{
	for_each_kind(*state, drop_each);
}

static void
churn_and_remove_each(struct fixture *f, length *len, unsigned n)
{
	churn(f, len, n, 500, 20);
	assert_each_record_can_be_removed(f, n);
}

static void
each_record_can_be_removed_after_much_was_written_over(void **state)
{
	for_each_kind(*state, churn_and_remove_each);
}

static void
churn_and_drop_each(struct fixture *f, length *len, unsigned n)
{
	churn(f, len, n, 3000, 1);
	assert_each_collection_can_be_dropped(f);
}

static void
each_collection_can_be_dropped_after_much_was_written_over(void **state)
{
	for_each_kind(*state, churn_and_drop_each);
}

static void
one_edit_can_remove_many_records_of_a_full_store(void **state)
{
	struct fixture *f = *state;
	unsigned n = fill(f, medium);
	struct edit edits[300];
	char names[300][16], c[8];

	for (unsigned i = 0; i < 300; i++)
		edits[i] = (struct edit){record_name(names[i], 3 * i), NONE};
	assert_true(n > 900);
	assert_ok(apply(f->s, collection_name(c, 0), edits, 300, 0));
	assert_int_equal(stats(f->s).records, n - 300);
	assert_ok(apply(f->s, collection_name(c, 1), NULL, 0, STORE_CLEAR));
}

static void
records_of_a_full_store_can_be_removed_while_a_snapshot_is_held(void **state)
{
	struct fixture *f = *state;
	struct row row;
	struct view *v;
	char c[8], r[16];
	unsigned n;

	store_close(f->s);
	f->o.size = 32 * MIB;
	fixture_prepare_and_open(f);
	n = fill(f, mixed);
	v = snapshot(f->s);
	for (unsigned i = 0; i < 100; i++)
		assert_ok(unset(f, i));
	assert_ok(view_record(v, collection_name(c, 0), record_name(r, 0), &row));
	store_read_end(f->s);
	for (unsigned i = 100; i < n; i++)
		assert_ok(unset(f, i));
}

static void
a_failed_batch_can_only_be_aborted(void **state)
{
	struct fixture *f = *state;
	const struct edit edit = {SLICE("x"), SLICE("1")};
	unsigned n = fill(f, medium);
	struct view *v = begin(f->s);
	enum status st;

	do
		st = store_apply(v, SLICE("new"), &(struct edit){SLICE("y"), {text, LARGEST}}, 1,
				 STORE_CREATE);
	while (st == ST_OK);
	assert_int_equal(st, ST_FULL);
	assert_int_equal(store_apply(v, SLICE("c0"), &edit, 1, 0), ST_FULL);
	assert_int_equal(store_drop(v, SLICE("c0")), ST_FULL);
	assert_int_equal(store_commit(f->s), ST_FULL);
	assert_int_equal(stats(f->s).revision, n);
	assert_int_equal(stats(f->s).records, n);
	assert_ok(drop(f->s, SLICE("c0")));
}

/*
 * Batches of every length up to one that takes all pages; after each that the
 * store took, the very next change is to drop a collection.
 */
static void
no_batch_takes_the_room_of_the_removal_after_it(void **state)
{
	struct fixture *f = *state;
	struct view *v;
	unsigned n, i;
	enum status st = ST_OK;

	for (unsigned changes = 80; st == ST_OK; changes += 2) {
		store_close(f->s);
		snprintf(f->path, sizeof(f->path), "%s/s%u", f->dir, changes);
		fixture_prepare_and_open(f);
		n = fill(f, small);
		v = begin(f->s);
		for (i = 0; i < changes && st == ST_OK; i++) {
			char c[8], r[16];
			const struct edit edit = {record_name(r, i), {text, small(i)}};

			st = store_apply(v, collection_name(c, i), &edit, 1, 0);
		}
		assert_ok(st);
		st = store_commit(f->s);
		assert_int_equal(stats(f->s).records, n);
		assert_ok(drop(f->s, SLICE("c0")));
	}
	assert_int_equal(st, ST_FULL);
}

/* Single free pages all over the file, and hardly two of them in a row. */
static void
a_collection_can_be_dropped_where_free_pages_are_scattered(void **state)
{
	struct fixture *f = *state;
	enum status st;
	unsigned n = 0, seed = 1;

	store_close(f->s);
	f->o.size = 16 * MIB;
	fixture_prepare_and_open(f);
	memset(text, '7', sizeof(text));
	/* A page each. */
	while (set(f, n * 3, 3000) == ST_OK)
		n++;
	/* While a snapshot lasts the file grows to its end. */
	snapshot(f->s);
	for (unsigned i = 0; set(f, i % n * 3, 3000) == ST_OK; i += 2)
		;
	store_read_end(f->s);
	for (unsigned i = 0; i < 5000; i++)
		assert_ok(set(f, (unsigned)rand_r(&seed) % n * 3, 3000));
	/* What lies together is taken by values that have to lie together. */
	for (unsigned i = 0; i < n / 4; i++)
		assert_ok(unset(f, (unsigned)rand_r(&seed) % n * 3));
	for (unsigned pages = 24; pages > 2; pages--)
		for (st = ST_OK; st == ST_OK; n++)
			st = set(f, n * 3, pages * 4096 - 100);
	assert_int_equal(stats(f->s).collections, 1);
	assert_ok(drop_in_two_tries(f, SLICE("c0")));
	assert_int_equal(stats(f->s).records, 0);
}

/*
 * In a tmpfs of its own, which only this child sees.  True too where it may not
 * mount one.
 */
static bool
outgrow_the_file_system(struct fixture *f, int fd)
{
	char ballast[80];
	enum status st;
	unsigned n = 0;
	bool fresh;
	int file;

	(void)fd;
	if ((unshare(CLONE_NEWNS) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) ||
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
	    mount("none", f->dir, "tmpfs", 0, "size=4m") != 0) {
		print_message("this user may not mount a tmpfs: not tested\n");
		return true;
	}
	f->o.size = 3 * MIB;
	if (fixture_prepare_store(&f->o, &fresh, &f->why) != ST_OK ||
	    store_open(&f->s, &f->o, &f->why) != ST_OK)
		return false;
	/* Somebody else takes most of it meanwhile. */
	snprintf(ballast, sizeof(ballast), "%s/ballast", f->dir);
	if ((file = open(ballast, O_WRONLY | O_CREAT, 0600)) < 0 ||
	    posix_fallocate(file, 0, (off_t)(3 * MIB)) != 0)
		return false;
	while ((st = set(f, n, 30000)) == ST_OK)
		n++;
	if (st != ST_FULL || n < 10 || store_last_error(f->s) == NULL)
		return false;
	for (unsigned i = 0; i < n; i++)
		if (unset(f, i) != ST_OK)
			return false;
	return set(f, 0, 30000) == ST_OK;
}

static void
a_full_file_system_is_a_full_store(void **state)
{
	memset(text, '7', sizeof(text));
	await_success(child(outgrow_the_file_system, *state, -1));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    BARE_TEST(a_full_store_refuses_more_and_reads_what_it_has),
	    BARE_TEST(each_record_of_a_full_store_can_be_removed),
	    BARE_TEST(each_collection_of_a_full_store_can_be_dropped),
	    BARE_TEST(each_record_can_be_removed_after_much_was_written_over),
	    BARE_TEST(each_collection_can_be_dropped_after_much_was_written_over),
	    STORE_TEST(one_edit_can_remove_many_records_of_a_full_store),
	    STORE_TEST(records_of_a_full_store_can_be_removed_while_a_snapshot_is_held),
	    STORE_TEST(a_failed_batch_can_only_be_aborted),
	    STORE_TEST(no_batch_takes_the_room_of_the_removal_after_it),
	    STORE_TEST(a_collection_can_be_dropped_where_free_pages_are_scattered),
	    BARE_TEST(a_full_file_system_is_a_full_store),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
