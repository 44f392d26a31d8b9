/*
 * How the disk keeps its files and names; for disk.c and crash.c only.
 */
#ifndef POWERLOSS_DISK_INSIDE_H
#define POWERLOSS_DISK_INSIDE_H

#include "disk.h"

#define ENTRIES_MAX 64

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

/* The data of a record. */
const char *disk_data_of(const struct record *r);

/* Set a length; what is new reads as zeros. */
void disk_resize(char **data, size_t *len, size_t *cap, size_t to);

/* Whether it changes a file's content, and not a name. */
bool disk_is_content(const struct operation *op);

/* Change names as this operation does. */
void disk_apply_name(struct entries *all, const struct operation *op);

#endif
