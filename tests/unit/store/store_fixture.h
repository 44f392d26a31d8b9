/*
 * A fixture that gives each test a store of its own, if possible in memory, and
 * short functions for what tests do with it.
 */
#ifndef STORE_FIXTURE_H
#define STORE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store/store.h"

#define MIB ((size_t)1 << 20)
#define NONE ((struct slice){NULL, 0})
#define assert_ok(expression) assert_int_equal((expression), ST_OK)
#define assert_slice(s, text) assert_true(slice_eq((s), SLICE(text)))

struct fixture {
	char dir[64];	/* removed with its contents after the test */
	char path[80];	/* the store's directory, within `dir` */
	char data[100]; /* the store's data file */
	struct store_options o;
	struct store *s;
	struct problem why;
};

static inline void
fixture_open(struct fixture *f)
{
	assert_ok(store_open(&f->s, &f->o, &f->why));
}

/* Prepare a store and let go of it, so that it can be prepared again. */
static inline enum status
fixture_prepare_store(const struct store_options *o, bool *fresh, struct problem *why)
{
	int hold;
	enum status st = store_prepare(o, fresh, &hold, why);

	if (hold >= 0)
		close(hold);
	return st;
}

static inline void
fixture_prepare_and_open(struct fixture *f)
{
	bool fresh;

	assert_ok(fixture_prepare_store(&f->o, &fresh, &f->why));
	fixture_open(f);
}

/* Set up a directory without a store. */
static inline int
fixture_make(void **state)
{
	const char *tmp = getenv("TMPDIR");
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	if (tmp == NULL || strlen(tmp) > 30)
		tmp = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
	snprintf(f->dir, sizeof(f->dir), "%s/markbook-XXXXXX", tmp);
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->path, sizeof(f->path), "%s/store", f->dir);
	snprintf(f->data, sizeof(f->data), "%s/data.mdb", f->path);
	f->o = (struct store_options){.path = f->path, .size = 4 * MIB, .max_snapshots = 8};
	*state = f;
	return 0;
}

/* Set up an open, empty store of 4 MiB. */
static inline int
fixture_up(void **state)
{
	fixture_make(state);
	fixture_prepare_and_open(*state);
	return 0;
}

static inline int
fixture_remove(const char *path, const struct stat *sb, int flag, struct FTW *ftw)
{
	(void)sb;
	(void)flag;
	(void)ftw;
	return remove(path);
}

static inline int
fixture_down(void **state)
{
	struct fixture *f = *state;

	store_close(f->s);
	nftw(f->dir, fixture_remove, 8, FTW_DEPTH | FTW_PHYS);
	free(f);
	return 0;
}

static inline struct view *
begin(struct store *s)
{
	struct view *v = NULL;

	assert_ok(store_write(s, &v));
	return v;
}

static inline struct view *
snapshot(struct store *s)
{
	struct view *v = NULL;

	assert_ok(store_read(s, &v));
	return v;
}

/* Apply one change in a batch of its own. */
static inline enum status
apply(struct store *s, struct slice collection, const struct edit *edits, size_t n, unsigned flags)
{
	struct view *v;
	enum status st = store_write(s, &v);

	if (st != ST_OK)
		return st;
	if ((st = store_apply(v, collection, edits, n, flags)) != ST_OK) {
		store_abort(s);
		return st;
	}
	return store_commit(s);
}

static inline enum status
put(struct store *s, struct slice collection, struct slice record, struct slice json)
{
	const struct edit e = {record, json};

	return apply(s, collection, &e, 1, STORE_CREATE);
}

static inline enum status
drop(struct store *s, struct slice collection)
{
	struct view *v;
	enum status st = store_write(s, &v);

	if (st != ST_OK)
		return st;
	if ((st = store_drop(v, collection)) != ST_OK) {
		store_abort(s);
		return st;
	}
	return store_commit(s);
}

static inline struct store_stats
stats(struct store *s)
{
	struct store_stats out;

	assert_ok(store_stat(s, &out));
	return out;
}

/*
 * Write the view's rows as text: "a:2 x=1 y=2 b:0 ".  A collection is shown
 * with the count of its records.
 */
static inline void
list(struct view *v, struct slice collection, struct slice after, struct buf *out)
{
	struct view_iter it;
	struct row row;
	enum status st = view_iterate(v, collection, after, &it);

	buf_reset(out, 0);
	while (st == ST_OK && (st = view_next(&it, &row)) == ST_OK) {
		buf_add_slice(out, row.name);
		if (row.is_collection) {
			buf_addf(out, ":%d ", (int)row.collection.count);
		} else {
			buf_addc(out, '=');
			buf_add_slice(out, row.json);
			buf_addc(out, ' ');
		}
	}
	assert_int_equal(st, ST_NOT_FOUND);
	assert_int_equal(view_next(&it, &row), ST_NOT_FOUND);
}

#define assert_list(v, collection, after, text)                                                    \
	do {                                                                                       \
		struct buf listed = {NULL, 0, 0, false};                                           \
		list((v), (collection), (after), &listed);                                         \
		buf_addc(&listed, '\0');                                                           \
		assert_string_equal(listed.data, (text));                                          \
		buf_free(&listed);                                                                 \
	} while (0)

/* Run `body` in a child process, which succeeds if it returns true. */
static inline pid_t
child(bool (*body)(struct fixture *, int), struct fixture *f, int fd)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		/* A failed test does not get as far as killing it. */
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		_exit(body(f, fd) ? 0 : 1);
	}
	return pid;
}

static inline void
await_success(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

/*
 * Start a child that waits to be killed, and wait until it is ready.  It says
 * so by writing a byte to its `fd`.
 */
static inline pid_t
ready_child(bool (*body)(struct fixture *, int), struct fixture *f)
{
	int ends[2];
	char byte;
	pid_t pid;

	assert_int_equal(pipe(ends), 0);
	pid = child(body, f, ends[1]);
	close(ends[1]);
	assert_int_equal(read(ends[0], &byte, 1), 1);
	close(ends[0]);
	return pid;
}

static inline void
kill_child(pid_t pid)
{
	int status;

	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
}

#define STORE_TEST(test) cmocka_unit_test_setup_teardown(test, fixture_up, fixture_down)
#define BARE_TEST(test) cmocka_unit_test_setup_teardown(test, fixture_make, fixture_down)

#endif
