#include "shim.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* With the lock held: a descriptor is open now. */
static void
opened(int fd, const char *path, int flags, bool was_there)
{
	char name[NAME_MAX + 1];
	uint64_t parent;

	if (!shim_is_below_root(path))
		return;
	shim_watch(fd, flags);
	if (!was_there && shim_locate(path, &parent, name))
		shim_append((struct record){.kind = RECORD_CREATE,
					    .inode = shim_inode_of(fd),
					    .parent = parent,
					    .length = strlen(name)},
			    name);
	else if ((flags & O_TRUNC) != 0)
		shim_append((struct record){.kind = RECORD_TRUNCATE, .inode = shim_inode_of(fd)},
			    NULL);
}

static int
open_it(int (*real)(const char *, int, ...), const char *path, int flags, mode_t mode)
{
	bool was_there;
	int fd, error;

	if (shim_log == NULL)
		return real(path, flags, mode);
	shim_lock();
	was_there = shim_inode_at(path) != 0;
	fd = real(path, flags, mode);
	error = errno;
	if (fd >= 0)
		opened(fd, path, flags, was_there);
	shim_unlock();
	errno = error;
	return fd;
}

static mode_t
mode_of(int flags, va_list more)
{
	return (flags & O_CREAT) != 0 ? (mode_t)va_arg(more, int) : 0;
}

int
open(const char *path, int flags, ...)
{
	va_list more;
	mode_t mode;

	va_start(more, flags);
	mode = mode_of(flags, more);
	va_end(more);
	return open_it(REAL(open), path, flags, mode);
}

int
open64(const char *path, int flags, ...)
{
	va_list more;
	mode_t mode;

	va_start(more, flags);
	mode = mode_of(flags, more);
	va_end(more);
	return open_it(REAL(open64), path, flags, mode);
}

int
mkostemp(char *path, int flags)
{
	int fd, error;

	if (shim_log == NULL)
		return REAL(mkostemp)(path, flags);
	shim_lock();
	fd = REAL(mkostemp)(path, flags);
	error = errno;
	if (fd >= 0)
		opened(fd, path, flags, false);
	shim_unlock();
	errno = error;
	return fd;
}

int
close(int fd)
{
	shim_forget(fd);
	return REAL(close)(fd);
}

int
dup2(int from, int to)
{
	shim_copy_watch(from, to);
	return REAL(dup2)(from, to);
}

/* --- directories --- */

int
mkdir(const char *path, mode_t mode)
{
	struct record r = {.kind = RECORD_MKDIR};
	char name[NAME_MAX + 1];
	int rc;

	if (!shim_locate(path, &r.parent, name))
		return REAL(mkdir)(path, mode);
	shim_lock();
	if ((rc = REAL(mkdir)(path, mode)) == 0) {
		r.inode = shim_inode_at(path);
		r.length = strlen(name);
		shim_append(r, name);
	}
	shim_unlock();
	return rc;
}

int
unlink(const char *path)
{
	struct record r = {.kind = RECORD_UNLINK};
	char name[NAME_MAX + 1];
	int rc;

	if (!shim_locate(path, &r.parent, name))
		return REAL(unlink)(path);
	shim_lock();
	if ((rc = REAL(unlink)(path)) == 0) {
		r.length = strlen(name);
		shim_append(r, name);
	}
	shim_unlock();
	return rc;
}

int
link(const char *from, const char *to)
{
	struct record r = {.kind = RECORD_LINK};
	char name[NAME_MAX + 1];
	int rc;

	if (!shim_locate(to, &r.parent, name))
		return REAL(link)(from, to);
	shim_lock();
	if ((rc = REAL(link)(from, to)) == 0) {
		r.inode = shim_inode_at(to);
		r.length = strlen(name);
		shim_append(r, name);
	}
	shim_unlock();
	return rc;
}

int
rename(const char *from, const char *to)
{
	struct record r = {.kind = RECORD_RENAME};
	char names[2 * (NAME_MAX + 1)], name[NAME_MAX + 1];
	int rc;

	if (!shim_locate(from, &r.parent, names) || !shim_locate(to, &r.offset, name))
		return REAL(rename)(from, to);
	shim_lock();
	if ((rc = REAL(rename)(from, to)) == 0) {
		r.length = strlen(names) + 1 + strlen(name);
		strcpy(names + strlen(names) + 1, name);
		shim_append(r, names);
	}
	shim_unlock();
	return rc;
}
