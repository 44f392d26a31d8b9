/*
 * The log of a recording: what reached the files below one directory, in the
 * order in which it did.
 *
 * A file that all processes map: this head, then records, each padded to 8
 * bytes.  The lock is held over an operation and its record, so that the order
 * of records is that of the operations.
 */
#ifndef POWERLOSS_RECORD_H
#define POWERLOSS_RECORD_H

#include <limits.h>
#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

#define RECORD_MAGIC UINT64_C(0x706f7765726c6f73)
#define RECORD_HEAD_BYTES_OF_LOG 8192 /* where the first record is */

enum record_kind {
	RECORD_WRITE,	 /* inode, offset; data */
	RECORD_TRUNCATE, /* inode, offset: the new length */
	RECORD_SYNC,	 /* inode, of a file or directory: all before is on the disk */
	RECORD_CREATE,	 /* inode, parent; data: name */
	RECORD_MKDIR,	 /* the same */
	RECORD_UNLINK,	 /* parent; data: name */
	RECORD_RENAME,	 /* parent, offset: the new parent; data: name NUL new name */
	RECORD_LINK,	 /* inode, parent; data: name */
	RECORD_NOTE,	 /* data: what a client or the driver says */
	RECORD_SENT,	 /* data: how an answer starts, before it is sent */
	RECORD_UNKNOWN,	 /* data: something that cannot be recorded was done to a file */
};

struct record {
	uint32_t kind;
	uint32_t synced; /* of a write: on the disk when it returned (O_DSYNC) */
	uint64_t inode;
	uint64_t parent;
	uint64_t offset;
	uint64_t length; /* of the data that follow */
};

struct record_log {
	uint64_t magic;
	uint64_t capacity;
	uint64_t used; /* with this head */
	uint64_t root_inode;
	char root[PATH_MAX]; /* canonical */
	pthread_mutex_t lock;
};

/* The record after `r`, the first one where that is NULL; NULL at the end. */
static inline const struct record *
record_next(const struct record_log *log, const struct record *r)
{
	const char *at = (const char *)log + RECORD_HEAD_BYTES_OF_LOG;

	if (r != NULL)
		at = (const char *)(r + 1) + ((r->length + 7) & ~UINT64_C(7));
	return at < (const char *)log + log->used ? (const struct record *)(const void *)at : NULL;
}

#endif
