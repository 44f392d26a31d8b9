/* Making, checking, refusing and opening what is on the disk; backups of it. */
#include "store_fixture.h"

#include <dirent.h>
#include <sys/statvfs.h>

/* --- helpers --- */

static enum status
prepare(struct fixture *f)
{
	bool fresh;

	f->why.detail[0] = '\0';
	return fixture_prepare_store(&f->o, &fresh, &f->why);
}

static void
write_file(const char *path, const void *data, size_t len)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(data, 1, len, file), len);
	assert_int_equal(fclose(file), 0);
}

static char *
read_file(const char *path, size_t *len)
{
	FILE *file = fopen(path, "r");
	char *data = malloc(16 * MIB);

	assert_non_null(file);
	assert_non_null(data);
	*len = fread(data, 1, 16 * MIB, file);
	fclose(file);
	return data;
}

static int
entries(const char *path)
{
	DIR *dir = opendir(path);
	int n = 0;

	assert_non_null(dir);
	while (readdir(dir) != NULL)
		n++;
	closedir(dir);
	return n - 2;
}

/* A closed store with some thousand records of several sizes, and pages that were freed. */
static void
make_store(struct fixture *f)
{
	char c[8], r[16], *json = malloc(20000);

	assert_non_null(json);
	memset(json, '7', 20000);
	fixture_prepare_and_open(f);
	for (int i = 0; i < 1500; i++) {
		int clen = snprintf(c, sizeof(c), "c%d", i % 7);
		int rlen = snprintf(r, sizeof(r), "record %d", i % 1000);

		assert_ok(put(f->s, (struct slice){c, (size_t)clen},
			      (struct slice){r, (size_t)rlen},
			      (struct slice){json, i % 50 == 0 ? 20000 : (size_t)(i % 300 + 1)}));
	}
	assert_ok(drop(f->s, SLICE("c3")));
	store_close(f->s);
	f->s = NULL;
	free(json);
}

/* Read all that a prepared store shows. */
static void
read_all(struct fixture *f, struct buf *out)
{
	fixture_open(f);
	list(snapshot(f->s), NONE, NONE, out);
	store_close(f->s);
	f->s = NULL;
}

/* Overwrite each place in the data file that holds `from` by `to`, of the same length. */
static void
patch(struct fixture *f, const char *from, const char *to, size_t len)
{
	size_t size, found = 0;
	char *data = read_file(f->data, &size);

	for (size_t i = 0; i + len <= size; i++) {
		if (memcmp(data + i, from, len) == 0) {
			memcpy(data + i, to, len);
			found++;
		}
	}
	assert_true(found > 0);
	write_file(f->data, data, size);
	free(data);
}

/* A refusal has the status and words, and leaves data file and directory as they were. */
static void
assert_refused(struct fixture *f, enum status expected, const char *words)
{
	int n = entries(f->path);
	size_t before, after;
	char *old = read_file(f->data, &before), *new;

	assert_int_equal(prepare(f), expected);
	assert_non_null(strstr(f->why.detail, f->path));
	if (strstr(f->why.detail, words) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", f->why.detail, words);
	assert_null(strchr(f->why.detail, '\n'));
	assert_int_equal(entries(f->path), n);
	new = read_file(f->data, &after);
	assert_int_equal(after, before);
	assert_memory_equal(old, new, before);
	free(old);
	free(new);
}

/* --- making --- */

static void
a_store_is_made_for_its_owner_only_and_then_kept(void **state)
{
	struct fixture *f = *state;
	struct stat sb;
	bool fresh = false;
	uint64_t id;

	assert_ok(fixture_prepare_store(&f->o, &fresh, &f->why));
	assert_true(fresh);
	assert_int_equal(stat(f->path, &sb), 0);
	assert_int_equal(sb.st_mode & 07777, 0700);
	assert_int_equal(stat(f->data, &sb), 0);
	assert_int_equal(sb.st_mode & 07777, 0600);
	fixture_open(f);
	id = store_id(f->s);
	assert_true(id != 0);
	store_close(f->s);
	f->s = NULL;
	fresh = false;
	assert_ok(fixture_prepare_store(&f->o, &fresh, &f->why));
	assert_true(fresh);
	fixture_open(f);
	assert_true(store_id(f->s) == id);
	assert_ok(put(f->s, SLICE("a"), SLICE("x"), SLICE("1")));
	assert_ok(drop(f->s, SLICE("a")));
	store_close(f->s);
	f->s = NULL;
	/* It held something once: a seed is not for it. */
	assert_ok(fixture_prepare_store(&f->o, &fresh, &f->why));
	assert_false(fresh);
}

static void
a_store_comes_back_whatever_its_durability_was(void **state)
{
	struct fixture *f = *state;

	f->o.durability = STORE_DURABLE;
	fixture_prepare_and_open(f);
	assert_ok(put(f->s, SLICE("a"), SLICE("x"), SLICE("1")));
	store_close(f->s);
	f->o.durability = STORE_VOLATILE;
	fixture_prepare_and_open(f);
	assert_ok(put(f->s, SLICE("a"), SLICE("y"), SLICE("2")));
	store_close(f->s);
	f->o.durability = STORE_DURABLE;
	fixture_prepare_and_open(f);
	assert_list(snapshot(f->s), NONE, NONE, "a:2 x=1 y=2 ");
}

static void
a_start_that_was_cut_off_is_made_good(void **state)
{
	struct fixture *f = *state;
	bool fresh = false;
	size_t size, page = (size_t)sysconf(_SC_PAGESIZE);
	char *data;

	assert_int_equal(mkdir(f->path, 0700), 0);
	assert_ok(fixture_prepare_store(&f->o, &fresh, &f->why));
	assert_true(fresh);
	/* As the engine leaves it before the first row: its first page, twice (numbered). */
	data = read_file(f->data, &size);
	assert_true(size >= 2 * page);
	memcpy(data + page, data, page);
	data[page] = 1;
	write_file(f->data, data, 2 * page);
	free(data);
	fresh = false;
	assert_ok(fixture_prepare_store(&f->o, &fresh, &f->why));
	assert_true(fresh);
	fixture_open(f);
	assert_ok(put(f->s, SLICE("a"), SLICE("x"), SLICE("1")));
}

static void
the_check_leaves_no_process_and_no_descriptor(void **state)
{
	struct fixture *f = *state;
	int before;

	make_store(f);
	before = entries("/proc/self/fd");
	assert_ok(prepare(f));
	assert_int_equal(entries("/proc/self/fd"), before);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

/* --- refusing --- */

static void
a_path_that_cannot_be_a_store_is_refused(void **state)
{
	struct fixture *f = *state;

	write_file(f->path, "text", 4);
	assert_int_equal(prepare(f), ST_STORE_FOREIGN);
	assert_non_null(strstr(f->why.detail, "is not a directory"));
	f->o.path = "/nonexistent/store";
	assert_int_equal(prepare(f), ST_STORE_ACCESS);
	assert_non_null(strstr(f->why.detail, "/nonexistent/store: cannot make"));
}

static void
a_directory_with_other_files_is_refused(void **state)
{
	struct fixture *f = *state;
	char path[120];

	assert_int_equal(mkdir(f->path, 0700), 0);
	snprintf(path, sizeof(path), "%s/notes.txt", f->path);
	write_file(path, "mine", 4);
	assert_int_equal(prepare(f), ST_STORE_FOREIGN);
	assert_non_null(strstr(f->why.detail, "notes.txt is not a Markbook file; give --store"));
	assert_int_equal(entries(f->path), 1);
}

static void
a_file_of_another_kind_is_refused(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(mkdir(f->path, 0700), 0);
	write_file(f->data, "some text\n", 10);
	assert_refused(f, ST_STORE_FOREIGN, "data.mdb is not a Markbook file");
	assert_int_equal(store_open(&f->s, &f->o, &f->why), ST_STORE_FOREIGN);
	assert_null(f->s);
	assert_int_equal(entries(f->path), 1);
	assert_int_equal(unlink(f->data), 0);
	assert_int_equal(mkdir(f->data, 0700), 0);
	assert_int_equal(prepare(f), ST_STORE_FOREIGN);
}

static void
another_programs_database_is_refused(void **state)
{
	struct fixture *f = *state;

	char lock[120];

	make_store(f);
	snprintf(lock, sizeof(lock), "%s/lock.mdb", f->path);
	assert_int_equal(unlink(lock), 0);
	patch(f, "markbook", "somebody", 8);
	assert_refused(f, ST_STORE_FOREIGN, "another program's; give --store");
	assert_int_equal(store_open(&f->s, &f->o, &f->why), ST_STORE_FOREIGN);
}

static void
a_later_format_is_refused(void **state)
{
	struct fixture *f = *state;

	make_store(f);
	patch(f, "markbook\2", "markbook\3", 9);
	assert_refused(f, ST_STORE_FORMAT, "format 3, this program knows 2");
	assert_int_equal(store_open(&f->s, &f->o, &f->why), ST_STORE_FORMAT);
}

static void
an_earlier_format_is_refused(void **state)
{
	struct fixture *f = *state;

	make_store(f);
	patch(f, "markbook\2", "markbook\1", 9);
	assert_refused(f, ST_STORE_FORMAT, "format 1, this program knows 2; dump it with");
}

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

/* Power loss may keep an old page that looks as good as the new one: only the sums can tell. */
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

/* --- the mark of a settled store --- */

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

/* What is written to it from now on has revisions that the other one has, too. */
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

static void
rows_that_contradict_each_other_are_refused(void **state)
{
	struct fixture *f = *state;

	make_store(f);
	/* A record's name goes out of order; the engine by itself does not notice. */
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

/* --- size --- */

static void
a_size_that_the_file_system_cannot_hold_is_refused(void **state)
{
	struct fixture *f = *state;
	struct statvfs fs;

	assert_int_equal(statvfs(f->dir, &fs), 0);
	f->o.size = 2 * fs.f_bavail * fs.f_frsize;
	assert_int_equal(prepare(f), ST_STORE_SPACE);
	assert_non_null(strstr(f->why.detail, "smaller --store-size"));
	assert_int_equal(entries(f->dir), 0);
}

static void
a_size_below_what_is_in_use_is_refused_and_any_other_taken(void **state)
{
	struct fixture *f = *state;
	char *json = calloc(1, MIB);

	assert_non_null(json);
	memset(json, '1', MIB);
	fixture_prepare_and_open(f);
	assert_ok(put(f->s, SLICE("a"), SLICE("x"), (struct slice){json, MIB}));
	free(json);
	store_close(f->s);
	f->s = NULL;
	f->o.size = MIB;
	assert_refused(f, ST_STORE_SPACE, "more than --store-size 1048576");
	f->o.size = 2 * MIB;
	fixture_prepare_and_open(f);
	assert_int_equal(stats(f->s).size_bytes, 2 * MIB);
	store_close(f->s);
	f->o.size = 8 * MIB;
	fixture_prepare_and_open(f);
	store_close(f->s);
	/* Who opens it takes the size that it has. */
	f->o.size = 0;
	fixture_open(f);
	assert_int_equal(stats(f->s).size_bytes, 8 * MIB);
	assert_int_equal(stats(f->s).records, 1);
}

static void
opening_what_is_not_there_makes_nothing(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(store_open(&f->s, &f->o, &f->why), ST_STORE_ACCESS);
	assert_non_null(strstr(f->why.detail, "there is none"));
	assert_int_equal(entries(f->dir), 0);
	assert_int_equal(mkdir(f->path, 0700), 0);
	assert_int_equal(store_open(&f->s, &f->o, &f->why), ST_STORE_ACCESS);
	assert_int_equal(entries(f->path), 0);
}

/* --- backup --- */

/* Give both records of a collection the same value, again and again. */
static bool
write_pairs(struct fixture *f, int fd)
{
	char json[2000];

	if (store_open(&f->s, &f->o, &f->why) != ST_OK)
		return false;
	for (int i = 0;; i++) {
		int len = snprintf(json, sizeof(json), "%0*d", i % 1500 + 10, i);
		const struct slice value = {json, (size_t)len};
		const struct edit edits[] = {{SLICE("x"), value}, {SLICE("y"), value}};
		enum status st = apply(f->s, SLICE("a"), edits, 2, STORE_CREATE);

		/* Full for as long as a backup takes: this is a small store and a fast writer. */
		if (st != ST_OK && st != ST_FULL)
			return false;
		if (i == 100 && write(fd, "r", 1) != 1)
			return false;
	}
}

static void
a_backup_taken_while_others_write_is_one_state(void **state)
{
	struct fixture *f = *state;
	char file[128], restored[160];
	struct row x, y;
	uint64_t id;
	pid_t writer;

	fixture_prepare_and_open(f);
	store_close(f->s);
	f->s = NULL;
	writer = ready_child(write_pairs, f);
	fixture_open(f);
	id = store_id(f->s);
	for (int i = 0; i < 10; i++) {
		snprintf(file, sizeof(file), "%s/backup%d", f->dir, i);
		assert_ok(store_backup(f->s, file, &f->why));
	}
	assert_int_equal(store_backup(f->s, file, &f->why), ST_EXISTS);
	kill_child(writer);
	assert_int_equal(entries(f->dir), 11);
	store_close(f->s);
	f->s = NULL;
	for (int i = 0; i < 10; i++) {
		snprintf(f->path, sizeof(f->path), "%s/r%d", f->dir, i);
		snprintf(restored, sizeof(restored), "%s/data.mdb", f->path);
		snprintf(file, sizeof(file), "%s/backup%d", f->dir, i);
		assert_int_equal(mkdir(f->path, 0700), 0);
		assert_int_equal(rename(file, restored), 0);
		fixture_prepare_and_open(f);
		assert_true(store_id(f->s) != id);
		assert_ok(view_record(snapshot(f->s), SLICE("a"), SLICE("x"), &x));
		assert_ok(view_record(snapshot(f->s), SLICE("a"), SLICE("y"), &y));
		assert_true(slice_eq(x.json, y.json));
		assert_int_equal(view_revision(snapshot(f->s)), x.revision);
		store_read_end(f->s);
		assert_ok(put(f->s, SLICE("a"), SLICE("x"), SLICE("1")));
		store_close(f->s);
		f->s = NULL;
	}
}

static void
a_backup_that_fails_leaves_nothing(void **state)
{
	struct fixture *f = *state;
	char file[128];

	make_store(f);
	fixture_open(f);
	snprintf(file, sizeof(file), "%s/none/backup", f->dir);
	assert_int_equal(store_backup(f->s, file, &f->why), ST_IO);
	assert_non_null(strstr(f->why.detail, file));
	snprintf(file, sizeof(file), "%s/backup", f->path);
	assert_int_equal(store_backup(f->s, file, &f->why), ST_STORE_ACCESS);
	assert_int_equal(store_backup(f->s, f->dir, &f->why), ST_EXISTS);
	assert_int_equal(entries(f->dir), 1);
	assert_int_equal(entries(f->path), 2);
}

static bool
back_up_without_room(struct fixture *f, int fd)
{
	const struct rlimit limit = {40000, 40000};
	char file[128];
	enum status st;

	(void)fd;
	snprintf(file, sizeof(file), "%s/backup", f->dir);
	signal(SIGXFSZ, SIG_IGN);
	if (store_open(&f->s, &f->o, &f->why) != ST_OK || setrlimit(RLIMIT_FSIZE, &limit) != 0)
		return false;
	st = store_backup(f->s, file, &f->why);
	return st == ST_IO && entries(f->dir) == 1;
}

static void
a_backup_without_room_leaves_nothing(void **state)
{
	struct fixture *f = *state;

	make_store(f);
	await_success(child(back_up_without_room, f, -1));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    BARE_TEST(a_store_is_made_for_its_owner_only_and_then_kept),
	    BARE_TEST(a_store_comes_back_whatever_its_durability_was),
	    BARE_TEST(a_start_that_was_cut_off_is_made_good),
	    BARE_TEST(the_check_leaves_no_process_and_no_descriptor),
	    BARE_TEST(a_path_that_cannot_be_a_store_is_refused),
	    BARE_TEST(a_directory_with_other_files_is_refused),
	    BARE_TEST(a_file_of_another_kind_is_refused),
	    BARE_TEST(another_programs_database_is_refused),
	    BARE_TEST(a_later_format_is_refused),
	    BARE_TEST(an_earlier_format_is_refused),
	    BARE_TEST(a_store_without_its_first_pages_is_damaged),
	    BARE_TEST(a_file_of_zeros_is_damaged),
	    BARE_TEST(a_page_that_is_lost_is_damage_or_was_free),
	    BARE_TEST(any_lock_file_does),
	    BARE_TEST(values_that_were_not_written_last_are_refused),
	    BARE_TEST(a_settled_store_is_not_looked_through_again),
	    BARE_TEST(a_settled_store_that_was_touched_is_looked_through),
	    BARE_TEST(a_settled_store_is_whole),
	    BARE_TEST(a_damaged_store_is_not_settled),
	    BARE_TEST(a_settled_store_without_its_file_is_refused),
	    BARE_TEST(a_copy_gets_an_identity_of_its_own),
	    BARE_TEST(a_mark_that_is_none_is_no_mark),
	    BARE_TEST(rows_that_contradict_each_other_are_refused),
	    BARE_TEST(damage_outside_of_collections_is_told_without_one),
	    BARE_TEST(a_file_cut_short_is_refused_or_whole),
	    BARE_TEST(flipped_bits_never_kill_who_opens_the_store),
	    BARE_TEST(verifying_says_the_same_and_changes_nothing),
	    BARE_TEST(a_size_that_the_file_system_cannot_hold_is_refused),
	    BARE_TEST(a_size_below_what_is_in_use_is_refused_and_any_other_taken),
	    BARE_TEST(opening_what_is_not_there_makes_nothing),
	    BARE_TEST(a_backup_taken_while_others_write_is_one_state),
	    BARE_TEST(a_backup_that_fails_leaves_nothing),
	    BARE_TEST(a_backup_without_room_leaves_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
