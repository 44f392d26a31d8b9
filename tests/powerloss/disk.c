#include "disk_inside.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

const char *
disk_data_of(const struct record *r)
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

void
disk_apply_name(struct entries *all, const struct operation *op)
{
	const struct record *r = op->record;
	const char *name = disk_data_of(r);
	size_t len = strnlen(name, r->length);
	struct inode *moved;

	switch (r->kind) {
	case RECORD_UNLINK:
		remove_entry(all, r->parent, name, len);
		break;
	case RECORD_RENAME:
		/* A name that a crash dropped cannot be renamed. */
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

void
disk_resize(char **data, size_t *len, size_t *cap, size_t to)
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
		disk_resize(&i->data, &i->len, &i->cap, r->offset);
	} else if (r->kind == RECORD_WRITE) {
		if (r->offset + r->length > i->len)
			disk_resize(&i->data, &i->len, &i->cap, r->offset + r->length);
		memcpy(i->data + r->offset, disk_data_of(r), r->length);
	} else {
		disk_apply_name(&d->entries, op);
	}
}

bool
disk_is_content(const struct operation *op)
{
	return op->record->kind == RECORD_WRITE || op->record->kind == RECORD_TRUNCATE;
}

/* Whether a sync of this inode brings the operation to the disk. */
static bool
is_synced_by(const struct operation *op, uint64_t inode)
{
	const struct record *r = op->record;

	if (disk_is_content(op))
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
