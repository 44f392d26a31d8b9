/*
 * Preloaded into a program, the shim records what the program does to the files
 * below one directory (../record.h).  POWERLOSS_LOG names the log, which
 * powerloss_create makes.
 *
 * An operation that changes a file must not go unrecorded.  The checker finds
 * out: it compares the files that it rebuilds with the real ones.
 */
#ifndef POWERLOSS_SHIM_H
#define POWERLOSS_SHIM_H

#include "../record.h"

#include <dlfcn.h>
#include <stdbool.h>

/* The next definition of a function that this library defines. */
#define REAL(name) ((__typeof__(&(name)))dlsym(RTLD_NEXT, #name))

/* For the driver, which loads this library, too. */
int powerloss_create(const char *file, const char *root, uint64_t capacity);
void powerloss_note(const void *data, size_t len);

/* Nothing below may stand in for a function of the program. */
#pragma GCC visibility push(hidden)

/* NULL as long as nothing is recorded. */
extern struct record_log *shim_log;

/* Held over an operation and its record.  errno is kept. */
void shim_lock(void);
void shim_unlock(void);

/* With the lock held: a record, and r.length bytes of data. */
void shim_append(struct record r, const void *data);

/* With the lock held: something that cannot be recorded is done to a file. */
void shim_unknown(const char *what);

bool shim_is_below_root(const char *path);

/*
 * The directory of `path`, and the name in it.  False if that is not below the
 * root.
 */
bool shim_locate(const char *path, uint64_t *parent, char name[NAME_MAX + 1]);

/* 0 if there is none. */
uint64_t shim_inode_at(const char *path);
uint64_t shim_inode_of(int fd);

/*
 * Descriptors of files below the root are watched, `synced` if they were opened
 * with O_DSYNC.
 */
void shim_watch(int fd, int flags);
void shim_forget(int fd);
void shim_copy_watch(int from, int to);
bool shim_is_watched(int fd);
bool shim_is_synced(int fd);

#pragma GCC visibility pop

#endif
