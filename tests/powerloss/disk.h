/*
 * A disk that loses its power: what a recording did to it, and what may be left
 * of that.
 *
 * What was synced stays.  Of the rest, each write is kept, dropped, or kept in
 * part: of its sectors or pages any may be missing, whatever their order.  A
 * file that grew may have its new length, the old one, or what the kept writes
 * make it; what was never written reads as zeros.  Each new, removed or renamed
 * name is kept or dropped by itself until its directory is synced.  A single
 * sector of 512 bytes is never torn: disks promise that, and LMDB builds on it.
 */
#ifndef POWERLOSS_DISK_H
#define POWERLOSS_DISK_H

#include "record.h"

#include <stdbool.h>
#include <stddef.h>

struct disk;

/* How a crash chooses; each choice is drawn from `random`. */
enum crash_style {
	CRASH_NOTHING_KEPT,
	CRASH_ALL_KEPT,
	CRASH_SUBSET, /* of whole operations, those with a bit in `random` */
	CRASH_SOME,   /* of whole operations */
	CRASH_TORN_SECTORS,
	CRASH_TORN_PAGES,
	CRASH_ALL_BUT_ONE,
	CRASH_ALL_BUT_ONE_PAGE,
	CRASH_NONE_BUT_ONE,
	CRASH_STYLES,
};

struct crash {
	enum crash_style style;
	uint64_t random;
	size_t window; /* only so many of the last operations are at risk */
};

/* The next number of a sequence (splitmix64, public domain). */
uint64_t disk_random(uint64_t *state);

struct disk *disk_new(uint64_t root_inode);
void disk_free(struct disk *d);

/* A directory that was there before. */
void disk_add_directory(struct disk *d, uint64_t inode, const char *name);

bool disk_is_directory(struct disk *d, uint64_t inode);

/*
 * An operation has begun; its data must stay where they are.  A sync has ended.
 */
void disk_begin(struct disk *d, const struct record *r);
/* The same one has returned. */
void disk_end(struct disk *d, const struct record *r);

/* Operations that are not on the disk for sure. */
size_t disk_pending(const struct disk *d);
/* Let the oldest of them reach it, until no more than `most` are left. */
void disk_write_back(struct disk *d, size_t most);

/*
 * Make, in the empty directory `path`, what a crash leaves.  False with errno
 * set.
 */
bool disk_crash(struct disk *d, const struct crash *c, const char *path);

#endif
