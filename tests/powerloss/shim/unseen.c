/*
 * What would change a file without a record of what it does.
 */
#include "shim.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Nothing in LMDB's lock file has to outlive the processes. */
static bool
is_lock_file(int fd)
{
	char link_name[64], target[PATH_MAX];
	ssize_t n;

	snprintf(link_name, sizeof(link_name), "/proc/self/fd/%d", fd);
	n = readlink(link_name, target, sizeof(target) - 1);
	return n > 9 && memcmp(target + n - 9, "/lock.mdb", 9) == 0;
}

void *
mmap(void *at, size_t len, int protection, int flags, int fd, off_t offset)
{
	if (shim_is_watched(fd) && (protection & PROT_WRITE) != 0 && (flags & MAP_SHARED) != 0 &&
	    !is_lock_file(fd)) {
		shim_lock();
		shim_unknown("a writable mapping");
		shim_unlock();
	}
	return REAL(mmap)(at, len, protection, flags, fd, offset);
}

int
fallocate(int fd, int mode, off_t at, off_t len)
{
	if (shim_is_watched(fd)) {
		shim_lock();
		shim_unknown("fallocate");
		shim_unlock();
	}
	return REAL(fallocate)(fd, mode, at, len);
}

int
posix_fallocate(int fd, off_t at, off_t len)
{
	if (shim_is_watched(fd)) {
		shim_lock();
		shim_unknown("posix_fallocate");
		shim_unlock();
	}
	return REAL(posix_fallocate)(fd, at, len);
}
