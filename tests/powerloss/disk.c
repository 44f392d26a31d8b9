#include "disk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECTOR 512u
#define PAGE 4096u
#define ENTRIES_MAX 64
#define LOCK_FILE "lock.mdb"

struct inode {
	uint64_t number;
	bool is_directory;
	char *data; /* what is on the disk for sure */
	size_t len, cap;
	struct inode *next; /* of all, newest first: a number can come again */
};

struct entry {
	uint64_t parent;
	struct inode *inode;
	char name[NAME_MAX + 1];
};

struct entries {
	struct entry entry[ENTRIES_MAX];
	size_t n;
};

struct operation {
	const struct record *record;
	struct inode *inode; /* of what has one */
	bool forced;	     /* on the disk, but over earlier ones that may not be */
};

struct disk {
	uint64_t root;
	struct inode *inodes;
	struct entries entries; /* on the disk for sure */
	struct operation *pending;
	size_t n, cap;
	char *image; /* scratch for one file */
	size_t image_cap;
};

static void *
grown(void *p, size_t bytes)
{
	void *more = realloc(p, bytes);

	if (more == NULL) {
		perror("powerloss");
		exit(2);
	}
	return more;
}

uint64_t
disk_random(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

static const char *
data_of(const struct record *r)
{
	return (const char *)(r + 1);
}

static struct inode *
add_inode(struct disk *d, uint64_t number, bool is_directory)
{
	struct inode *i = grown(NULL, sizeof(*i));

	*i = (struct inode){.number = number, .is_directory = is_directory, .next = d->inodes};
	d->inodes = i;
	return i;
}

static struct inode *
find_inode(struct disk *d, uint64_t number)
{
	struct inode *i = d->inodes;

	while (i != NULL && i->number != number)
		i = i->next;
	if (i == NULL) {
		fprintf(stderr, "powerloss: a file that was not there when the recording began\n");
		exit(2);
	}
	return i;
}

struct disk *
disk_new(uint64_t root_inode)
{
	struct disk *d = grown(NULL, sizeof(*d));

	*d = (struct disk){.root = root_inode};
	add_inode(d, root_inode, true);
	return d;
}

void
disk_free(struct disk *d)
{
	for (struct inode *i = d->inodes, *next; i != NULL; i = next) {
		next = i->next;
		free(i->data);
		free(i);
	}
	free(d->pending);
	free(d->image);
	free(d);
}

/* --- names --- */

static struct entry *
find_entry(struct entries *all, uint64_t parent, const char *name, size_t len)
{
	for (size_t i = 0; i < all->n; i++) {
		struct entry *e = &all->entry[i];

		if (e->parent == parent && strlen(e->name) == len &&
		    memcmp(e->name, name, len) == 0)
			return e;
	}
	return NULL;
}

static void
put_entry(struct entries *all, uint64_t parent, const char *name, size_t len, struct inode *inode)
{
	struct entry *e = find_entry(all, parent, name, len);

	if (e == NULL) {
		if (all->n == ENTRIES_MAX || len > NAME_MAX)
			abort();
		e = &all->entry[all->n++];
		e->parent = parent;
		memcpy(e->name, name, len);
		e->name[len] = '\0';
	}
	e->inode = inode;
}

static struct inode *
remove_entry(struct entries *all, uint64_t parent, const char *name, size_t len)
{
	struct entry *e = find_entry(all, parent, name, len);
	struct inode *inode;

	if (e == NULL)
		return NULL;
	inode = e->inode;
	*e = all->entry[--all->n];
	return inode;
}

static void
apply_name(struct entries *all, const struct operation *op)
{
	const struct record *r = op->record;
	const char *name = data_of(r);
	size_t len = strnlen(name, r->length);
	struct inode *moved;

	switch (r->kind) {
	case RECORD_UNLINK:
		remove_entry(all, r->parent, name, len);
		break;
	case RECORD_RENAME:
		/* Of a name that a crash dropped nothing is left to rename. */
		moved = remove_entry(all, r->parent, name, len);
		if (moved != NULL)
			put_entry(all, r->offset, name + len + 1, r->length - len - 1, moved);
		break;
	default:
		put_entry(all, r->parent, name, len, op->inode);
	}
}

void
disk_add_directory(struct disk *d, uint64_t inode, const char *name)
{
	put_entry(&d->entries, d->root, name, strlen(name), add_inode(d, inode, true));
}

bool
disk_is_directory(struct disk *d, uint64_t inode)
{
	return find_inode(d, inode)->is_directory;
}

/* --- content --- */

static void
resize(char **data, size_t *len, size_t *cap, size_t to)
{
	if (to > *cap) {
		*cap = to * 2;
		*data = grown(*data, *cap);
	}
	if (to > *len)
		memset(*data + *len, 0, to - *len);
	*len = to;
}

static void
apply(struct disk *d, const struct operation *op)
{
	const struct record *r = op->record;
	struct inode *i = op->inode;

	if (r->kind == RECORD_TRUNCATE) {
		resize(&i->data, &i->len, &i->cap, r->offset);
	} else if (r->kind == RECORD_WRITE) {
		if (r->offset + r->length > i->len)
			resize(&i->data, &i->len, &i->cap, r->offset + r->length);
		memcpy(i->data + r->offset, data_of(r), r->length);
	} else {
		apply_name(&d->entries, op);
	}
}

static bool
is_content(const struct operation *op)
{
	return op->record->kind == RECORD_WRITE || op->record->kind == RECORD_TRUNCATE;
}

/* Whether a sync of this inode brings the operation to the disk. */
static bool
is_synced_by(const struct operation *op, uint64_t inode)
{
	const struct record *r = op->record;

	if (is_content(op))
		return op->inode->number == inode;
	return r->parent == inode || (r->kind == RECORD_RENAME && r->offset == inode);
}

static void
sync_inode(struct disk *d, uint64_t inode)
{
	size_t left = 0;

	for (size_t i = 0; i < d->n; i++) {
		if (is_synced_by(&d->pending[i], inode))
			apply(d, &d->pending[i]);
		else
			d->pending[left++] = d->pending[i];
	}
	d->n = left;
}

void
disk_begin(struct disk *d, const struct record *r)
{
	struct operation op = {.record = r};

	switch (r->kind) {
	case RECORD_SYNC:
		sync_inode(d, r->inode);
		return;
	case RECORD_CREATE:
	case RECORD_MKDIR:
		op.inode = add_inode(d, r->inode, r->kind == RECORD_MKDIR);
		break;
	case RECORD_WRITE:
	case RECORD_TRUNCATE:
	case RECORD_LINK:
		op.inode = find_inode(d, r->inode);
		break;
	case RECORD_UNLINK:
	case RECORD_RENAME:
		break;
	default:
		return;
	}
	if (d->n == d->cap) {
		d->cap = d->cap * 2 + 64;
		d->pending = grown(d->pending, d->cap * sizeof(d->pending[0]));
	}
	d->pending[d->n++] = op;
}

void
disk_end(struct disk *d, const struct record *r)
{
	if (r->kind == RECORD_WRITE && r->synced)
		d->pending[d->n - 1].forced = true;
}

size_t
disk_pending(const struct disk *d)
{
	return d->n;
}

void
disk_write_back(struct disk *d, size_t most)
{
	size_t n = d->n > most ? d->n - most : 0;

	for (size_t i = 0; i < n; i++)
		apply(d, &d->pending[i]);
	if (n > 0)
		memmove(d->pending, d->pending + n, (d->n - n) * sizeof(d->pending[0]));
	d->n -= n;
}

/* --- a crash --- */

/* What was chosen once for all operations. */
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

/* How large the parts are that a crash may keep or drop; 0: the operation is not torn. */
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

/* Returns how long the kept parts make the file. */
static size_t
keep_parts(char *image, const struct record *r, size_t size, struct choice *k)
{
	size_t end = r->offset + r->length, parts = (r->length + size - 1) / size, kept = 0;
	size_t lost = disk_random(&k->random) % parts;

	for (size_t at = r->offset, part = 0; at < end; part++) {
		size_t next = (at / size + 1) * size < end ? (at / size + 1) * size : end;

		if (keeps_part(k, part, lost)) {
			memcpy(image + at, data_of(r) + (at - r->offset), next - at);
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
		if (d->pending[i].inode == file && is_content(&d->pending[i]))
			newest = larger(newest, d->pending[i].record->offset +
						    d->pending[i].record->length);
	resize(&d->image, &all, &d->image_cap, newest);
	if (file->len > 0)
		memcpy(d->image, file->data, file->len);
	for (size_t i = 0; i < d->n; i++) {
		const struct operation *op = &d->pending[i];
		const struct record *r = op->record;
		size_t size = granule(d, k, i), end = r->offset + r->length;
		bool kept = keeps_whole(d, k, i);

		if (op->inode != file || !is_content(op) || !kept)
			continue;
		if (r->kind == RECORD_TRUNCATE) {
			memset(d->image + r->offset, 0, newest - r->offset);
			len = oldest = r->offset;
		} else if (r->kind == RECORD_WRITE && size > 0) {
			len = larger(len, keep_parts(d->image, r, size, k));
		} else if (r->kind == RECORD_WRITE) {
			memcpy(d->image + r->offset, data_of(r), r->length);
			len = larger(len, end);
			if (i < k->first || op->forced)
				oldest = larger(oldest, end);
		}
	}
	if (k->crash->style == CRASH_ALL_KEPT)
		return len;
	return k->length == 0 ? len : k->length == 1 ? newest : oldest;
}

/* The lock file is not synced and not read again: anything may be in it, or it may be missing. */
static size_t
crash_lock_file(struct disk *d, struct choice *k)
{
	size_t len = 0;

	resize(&d->image, &len, &d->image_cap, 8192);
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
		if (!is_content(&d->pending[i]) && keeps_whole(d, &k, i))
			apply_name(&all, &d->pending[i]);
	}
	return write_out(d, &all, d->root, &k, path);
}
