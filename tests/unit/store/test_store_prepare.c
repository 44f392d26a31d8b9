/* Making a store, taking one, and refusing what is none. */
#include "prepare_fixture.h"

#include <sys/statvfs.h>

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
	/*
	 * As the engine leaves it before the first row: its first page, twice
	 * (numbered).
	 */
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
	assert_refused(f, ST_STORE_FOREIGN,
		       "another program's, or damaged beyond recognition; restore a backup");
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
	    BARE_TEST(a_size_that_the_file_system_cannot_hold_is_refused),
	    BARE_TEST(a_size_below_what_is_in_use_is_refused_and_any_other_taken),
	    BARE_TEST(opening_what_is_not_there_makes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
