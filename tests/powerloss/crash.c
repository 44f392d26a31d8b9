#include "disk_inside.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECTOR 512u
#define PAGE 4096u
#define LOCK_FILE "lock.mdb"

/* What is chosen once for all operations. */
struct choice {
	const struct crash *crash;
	uint64_t random; /* state of the sequence */
	size_t first;	 /* operations before it are kept */
	size_t one;	 /* the one that is kept, or not */
	unsigned percent;
	unsigned length; /* of files that grew: 0, as kept; 1, the new one; 2, the old one */
};

static struct choice
choose(const struct disk *d, const struct crash *c)
{
	static const unsigned percents[] = {50, 50, 5, 95};
	struct choice k = {.crash = c, .random = c->random};
	size_t at_risk = c->window < d->n ? c->window : d->n;

	k.first = d->n - at_risk;
	k.one = at_risk == 0 ? 0 : k.first + disk_random(&k.random) % at_risk;
	k.percent = percents[disk_random(&k.random) % 4];
	k.length = (unsigned)(disk_random(&k.random) % 3);
	return k;
}

static bool
by_chance(struct choice *k)
{
	return disk_random(&k->random) % 100 < k->percent;
}

static bool
keeps_whole(const struct disk *d, struct choice *k, size_t op)
{
	if (op < k->first || d->pending[op].forced)
		return true;
	switch (k->crash->style) {
	case CRASH_NOTHING_KEPT:
		return false;
	case CRASH_SUBSET:
		return k->crash->random >> ((op - k->first) % 64) & 1;
	case CRASH_ALL_BUT_ONE:
		return op != k->one;
	case CRASH_NONE_BUT_ONE:
		return op == k->one;
	case CRASH_SOME:
		return by_chance(k);
	default:
		return true;
	}
}

/*
 * The size of the parts that a crash keeps or drops; 0: it does not tear this
 * one.
 */
static size_t
granule(const struct disk *d, const struct choice *k, size_t op)
{
	if (op < k->first || d->pending[op].forced)
		return 0;
	switch (k->crash->style) {
	case CRASH_TORN_SECTORS:
		return SECTOR;
	case CRASH_TORN_PAGES:
		return PAGE;
	case CRASH_ALL_BUT_ONE_PAGE:
		return op == k->one ? PAGE : 0;
	default:
		return 0;
	}
}

static bool
keeps_part(struct choice *k, size_t part, size_t lost)
{
	return k->crash->style == CRASH_ALL_BUT_ONE_PAGE ? part != lost : by_chance(k);
}

/* Returns the length that the kept parts give the file. */
static size_t
keep_parts(char *image, const struct record *r, size_t size, struct choice *k)
{
	size_t end = r->offset + r->length, parts = (r->length + size - 1) / size, kept = 0;
	size_t lost = disk_random(&k->random) % parts;

	for (size_t at = r->offset, part = 0; at < end; part++) {
		size_t next = (at / size + 1) * size < end ? (at / size + 1) * size : end;

		if (keeps_part(k, part, lost)) {
			memcpy(image + at, disk_data_of(r) + (at - r->offset), next - at);
			kept = next;
		}
		at = next;
	}
	return kept;
}

static size_t
larger(size_t a, size_t b)
{
	return a > b ? a : b;
}

/* The file's content after the crash, in d->image; returns its length. */
static size_t
crash_file(struct disk *d, const struct inode *file, struct choice *k)
{
	size_t all = 0, len = file->len, newest = file->len, oldest = file->len;

	for (size_t i = 0; i < d->n; i++)
		if (d->pending[i].inode == file && disk_is_content(&d->pending[i]))
			newest = larger(newest, d->pending[i].record->offset +
						    d->pending[i].record->length);
	disk_resize(&d->image, &all, &d->image_cap, newest);
	if (file->len > 0)
		memcpy(d->image, file->data, file->len);
	for (size_t i = 0; i < d->n; i++) {
		const struct operation *op = &d->pending[i];
		const struct record *r = op->record;
		size_t size = granule(d, k, i), end = r->offset + r->length;
		bool kept = keeps_whole(d, k, i);

		if (op->inode != file || !disk_is_content(op) || !kept)
			continue;
		if (r->kind == RECORD_TRUNCATE) {
			memset(d->image + r->offset, 0, newest - r->offset);
			len = oldest = r->offset;
		} else if (r->kind == RECORD_WRITE && size > 0) {
			len = larger(len, keep_parts(d->image, r, size, k));
		} else if (r->kind == RECORD_WRITE) {
			memcpy(d->image + r->offset, disk_data_of(r), r->length);
			len = larger(len, end);
			if (i < k->first || op->forced)
				oldest = larger(oldest, end);
		}
	}
	if (k->crash->style == CRASH_ALL_KEPT)
		return len;
	return k->length == 0 ? len : k->length == 1 ? newest : oldest;
}

/* Nobody syncs or reads the lock file: it may hold anything, or be missing. */
static size_t
crash_lock_file(struct disk *d, struct choice *k)
{
	size_t len = 0;

	disk_resize(&d->image, &len, &d->image_cap, 8192);
	if (disk_random(&k->random) % 2 == 0)
		for (size_t i = 0; i < len; i++)
			d->image[i] = (char)disk_random(&k->random);
	return len;
}

static bool
write_file(const char *path, const char *data, size_t len)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	bool good = fd >= 0 && (len == 0 || write(fd, data, len) == (ssize_t)len);

	if (fd >= 0)
		close(fd);
	return good;
}

static bool
write_out(struct disk *d, const struct entries *all, uint64_t directory, struct choice *k,
	  const char *path)
{
	for (size_t i = 0; i < all->n; i++) {
		const struct entry *e = &all->entry[i];
		char below[PATH_MAX];
		size_t len;
		bool good;

		if (e->parent != directory)
			continue;
		if (snprintf(below, sizeof(below), "%s/%s", path, e->name) >= (int)sizeof(below)) {
			errno = ENAMETOOLONG;
			return false;
		}
		if (e->inode->is_directory) {
			good = mkdir(below, 0700) == 0 &&
			       write_out(d, all, e->inode->number, k, below);
		} else {
			len = strcmp(e->name, LOCK_FILE) == 0 ? crash_lock_file(d, k)
							      : crash_file(d, e->inode, k);
			good = write_file(below, d->image, len);
		}
		if (!good)
			return false;
	}
	return true;
}

bool
disk_crash(struct disk *d, const struct crash *c, const char *path)
{
	struct choice k = choose(d, c);
	struct entries all = d->entries;

	for (size_t i = 0; i < d->n; i++) {
		if (!disk_is_content(&d->pending[i]) && keeps_whole(d, &k, i))
			disk_apply_name(&all, &d->pending[i]);
	}
	return write_out(d, &all, d->root, &k, path);
}
