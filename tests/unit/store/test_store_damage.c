/* What a reset of the machine, or a fault of the disk, can leave of a store. */
#include "prepare_fixture.h"

/* --- what a reset of the machine can leave --- */

static void
a_store_without_its_first_pages_is_damaged(void **state)
{
	struct fixture *f = *state;
	size_t size, page = (size_t)sysconf(_SC_PAGESIZE);
	char *data;

	make_store(f);
	data = read_file(f->data, &size);
	memset(data + page, 0, page);
	write_file(f->data, data, size);
	assert_refused(f, ST_STORE_DAMAGED, "damaged (its first pages are not whole); restore");
	memset(data, 0, page);
	write_file(f->data, data, size);
	assert_refused(f, ST_STORE_DAMAGED, "damaged (its first pages are not whole); restore");
	assert_int_equal(store_open(&f->s, &f->o, &f->why), ST_STORE_DAMAGED);
	free(data);
}

static void
a_file_of_zeros_is_damaged(void **state)
{
	struct fixture *f = *state;
	char *zeros = calloc(1, MIB);

	assert_non_null(zeros);
	make_store(f);
	write_file(f->data, zeros, MIB);
	assert_refused(f, ST_STORE_DAMAGED, "data.mdb is damaged");
	write_file(f->data, zeros, 0);
	assert_refused(f, ST_STORE_DAMAGED, "data.mdb is damaged (it is empty)");
	assert_int_equal(store_open(&f->s, &f->o, &f->why), ST_STORE_DAMAGED);
	free(zeros);
}

/*
 * A start, and a service that looks at its file, do not read a terabyte of
 * another program's.
 */
static void
a_large_file_is_not_searched_to_its_end(void **state)
{
	struct fixture *f = *state;
	const struct slice row = SLICE("\0metamarkbook");
	const off_t near = (off_t)64 << 20, far = (off_t)1 << 30;
	FILE *file;

	make_store(f);
	store_identify(&f->o, &f->o.file);
	write_file(f->data, "another program's", 17);
	file = fopen(f->data, "r+");
	assert_non_null(file);
	assert_int_equal(fseeko(file, far, SEEK_SET), 0);
	assert_int_equal(fwrite(row.data, 1, row.len, file), row.len);
	assert_int_equal(fflush(file), 0);
	assert_int_equal(prepare(f), ST_STORE_FOREIGN);
	assert_int_equal(store_open(&f->s, &f->o, &f->why), ST_STORE_FOREIGN);
	assert_int_equal(fseeko(file, near, SEEK_SET), 0);
	assert_int_equal(fwrite(row.data, 1, row.len, file), row.len);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(prepare(f), ST_STORE_DAMAGED);
	assert_int_equal(store_open(&f->s, &f->o, &f->why), ST_STORE_DAMAGED);
}

/* Whoever put it there is told so, whatever it holds. */
static void
another_file_in_its_place_is_not_called_damaged(void **state)
{
	struct fixture *f = *state;
	char other[sizeof(f->data) + 8];

	make_store(f);
	store_identify(&f->o, &f->o.file);
	snprintf(other, sizeof(other), "%s.other", f->data);
	for (size_t len = 0; len <= 17; len += 17) {
		write_file(other, "another program's", len);
		assert_int_equal(rename(other, f->data), 0);
		assert_int_equal(store_open(&f->s, &f->o, &f->why), ST_STORE_ACCESS);
		assert_non_null(strstr(f->why.detail, "is another file than at the start"));
	}
}

/* A page that was never written, or has what it had before. */
static void
a_page_that_is_lost_is_damage_or_was_free(void **state)
{
	struct fixture *f = *state;
	size_t size, page = (size_t)sysconf(_SC_PAGESIZE), first_row = 0, others = 0;
	char *data, *lost;

	make_store(f);
	data = read_file(f->data, &size);
	lost = malloc(size);
	assert_non_null(lost);
	for (size_t at = 2 * page; at + page < size; at += page) {
		for (int old = 0; old < 2; old++) {
			enum status st;

			memcpy(lost, data, size);
			memset(lost + at, 0, page);
			/* Behind its number. */
			if (old)
				memcpy(lost + at + 8, data + at + page + 8, page - 8);
			write_file(f->data, lost, size);
			st = prepare(f);
			assert_true(st == ST_OK || st == ST_STORE_DAMAGED);
			if (st == ST_OK)
				continue;
			if (strstr(f->why.detail, "its first row is not whole") != NULL)
				first_row++;
			else
				others++;
		}
	}
	assert_true(first_row > 0 && others > 0);
	free(data);
	free(lost);
}

static void
any_lock_file_does(void **state)
{
	struct fixture *f = *state;
	char lock[120], *bytes = calloc(1, MIB);
	struct buf before = {0}, after = {0};

	assert_non_null(bytes);
	make_store(f);
	read_all(f, &before);
	snprintf(lock, sizeof(lock), "%s/lock.mdb", f->path);
	for (size_t len = 0; len <= MIB; len = len == 0 ? 1 : len * 32) {
		for (int c = 0; c <= 0xff; c += 0xff) {
			memset(bytes, c, MIB);
			write_file(lock, bytes, len);
			assert_ok(prepare(f));
			read_all(f, &after);
			assert_true(slice_eq(buf_slice(&before), buf_slice(&after)));
			buf_reset(&after, MIB);
		}
	}
	buf_free(&before);
	buf_free(&after);
	free(bytes);
}

/*
 * Power loss may keep an old page that looks as good as the new one: only the
 * sums can tell.
 */
static void
values_that_were_not_written_last_are_refused(void **state)
{
	struct fixture *f = *state;

	fixture_prepare_and_open(f);
	assert_ok(put(f->s, SLICE("marks"), SLICE("one"), SLICE("\"passed\"")));
	store_close(f->s);
	f->s = NULL;
	patch(f, "\"passed\"", "\"failed\"", 8);
	assert_refused(f, ST_STORE_DAMAGED,
		       "collection \"marks\": its records are not those last written");
}

/* --- damage anywhere --- */

static void
rows_that_contradict_each_other_are_refused(void **state)
{
	struct fixture *f = *state;

	make_store(f);
	/*
	 * A record's name goes out of order; the engine by itself does not
	 * notice.
	 */
	patch(f, "record 499", "record 999", 10);
	assert_refused(f, ST_STORE_DAMAGED,
		       "data.mdb is damaged at revision 1501 (collection \"c1\": ");
	assert_refused(f, ST_STORE_DAMAGED, "rows are out of order); restore a backup");
}

static void
damage_outside_of_collections_is_told_without_one(void **state)
{
	struct fixture *f = *state;

	make_store(f);
	/* In order, but there is no c7. */
	patch(f, "c6\0record", "c7\0record", 9);
	assert_refused(f, ST_STORE_DAMAGED,
		       "damaged at revision 1501 (a record is in no collection)");
}

static void
a_file_cut_short_is_refused_or_whole(void **state)
{
	struct fixture *f = *state;
	struct buf all = {NULL, 0, 0, false}, rest = {NULL, 0, 0, false};
	size_t size, page = (size_t)sysconf(_SC_PAGESIZE), damaged = 0;
	char *data;

	make_store(f);
	read_all(f, &all);
	data = read_file(f->data, &size);
	for (size_t len = 1; len < size; len += len < 4 * page ? 511 : 4999) {
		write_file(f->data, data, len);
		if (prepare(f) == ST_OK) {
			/* What was cut off was free. */
			read_all(f, &rest);
			assert_true(slice_eq(buf_slice(&all), buf_slice(&rest)));
			continue;
		}
		damaged++;
		assert_true(strstr(f->why.detail, "damaged") != NULL || len < 20);
	}
	assert_true(damaged > 50);
	write_file(f->data, data, size / 2);
	assert_refused(f, ST_STORE_DAMAGED, "its file is cut short");
	free(data);
	buf_free(&all);
	buf_free(&rest);
}

static void
flipped_bits_never_kill_who_opens_the_store(void **state)
{
	struct fixture *f = *state;
	struct buf rest = {NULL, 0, 0, false};
	size_t size, damaged = 0;
	unsigned seed = 1;
	char *data;

	make_store(f);
	data = read_file(f->data, &size);
	for (int i = 0; i < 300; i++) {
		size_t at = ((size_t)rand_r(&seed) << 8 ^ (size_t)rand_r(&seed)) % size;
		char old = data[at];

		data[at] = (char)(old ^ 1 << rand_r(&seed) % 8);
		write_file(f->data, data, size);
		data[at] = old;
		if (prepare(f) == ST_OK)
			read_all(f, &rest);
		else
			damaged++;
	}
	/* Not all: the check cannot know which digits a value had. */
	assert_true(damaged > 30);
	free(data);
	buf_free(&rest);
}

static void
verifying_says_the_same_and_changes_nothing(void **state)
{
	struct fixture *f = *state;
	bool there = true;

	assert_ok(store_verify(&f->o, &there, &f->why));
	assert_false(there);
	assert_int_equal(entries(f->dir), 0);
	make_store(f);
	/* While it is in use too. */
	fixture_open(f);
	assert_ok(put(f->s, SLICE("a"), SLICE("x"), SLICE("1")));
	assert_ok(store_verify(&f->o, &there, &f->why));
	assert_true(there);
	assert_ok(put(f->s, SLICE("a"), SLICE("x"), SLICE("2")));
	store_close(f->s);
	f->s = NULL;
	patch(f, "record 499", "record 999", 10);
	assert_int_equal(store_verify(&f->o, &there, &f->why), ST_STORE_DAMAGED);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    BARE_TEST(a_store_without_its_first_pages_is_damaged),
	    BARE_TEST(a_file_of_zeros_is_damaged),
	    BARE_TEST(a_large_file_is_not_searched_to_its_end),
	    BARE_TEST(another_file_in_its_place_is_not_called_damaged),
	    BARE_TEST(a_page_that_is_lost_is_damage_or_was_free),
	    BARE_TEST(any_lock_file_does),
	    BARE_TEST(values_that_were_not_written_last_are_refused),
	    BARE_TEST(rows_that_contradict_each_other_are_refused),
	    BARE_TEST(damage_outside_of_collections_is_told_without_one),
	    BARE_TEST(a_file_cut_short_is_refused_or_whole),
	    BARE_TEST(flipped_bits_never_kill_who_opens_the_store),
	    BARE_TEST(verifying_says_the_same_and_changes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
