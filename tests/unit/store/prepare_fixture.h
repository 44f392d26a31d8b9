/*
 * A store on the disk, before anything opens it; for the tests of
 * store_prepare.
 */
#ifndef MARKBOOK_TESTS_PREPARE_FIXTURE_H
#define MARKBOOK_TESTS_PREPARE_FIXTURE_H

#include "store_fixture.h"

#include <dirent.h>

static inline enum status
prepare(struct fixture *f)
{
	bool fresh;

	f->why.detail[0] = '\0';
	return fixture_prepare_store(&f->o, &fresh, &f->why);
}

static inline void
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

static inline int
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

/*
 * A closed store with some thousand records of several sizes, and pages that
 * were freed.
 */
static inline void
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
static inline void
read_all(struct fixture *f, struct buf *out)
{
	fixture_open(f);
	list(snapshot(f->s), NONE, NONE, out);
	store_close(f->s);
	f->s = NULL;
}

/*
 * Overwrite each place in the data file that holds `from` by `to`, of the same
 * length.
 */
static inline void
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

/*
 * A refusal has the status and words, and leaves data file and directory as
 * they were.
 */
static inline void
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

#endif
