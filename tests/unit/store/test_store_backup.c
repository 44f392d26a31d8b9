/* Backups, whole or not there. */
#include "prepare_fixture.h"

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

		/*
		 * Full for as long as a backup takes: this is a small store and
		 * a fast writer.
		 */
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
	    BARE_TEST(a_backup_taken_while_others_write_is_one_state),
	    BARE_TEST(a_backup_that_fails_leaves_nothing),
	    BARE_TEST(a_backup_without_room_leaves_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
