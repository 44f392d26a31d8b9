#include "shim.h"

#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define DESCRIPTORS 4096

enum watched { NOT_WATCHED, WATCHED, WATCHED_SYNCED };

static unsigned char watched[DESCRIPTORS];

bool
shim_is_below_root(const char *path)
{
	char whole[PATH_MAX];
	size_t n = strlen(shim_log->root);

	return realpath(path, whole) != NULL && strncmp(whole, shim_log->root, n) == 0 &&
	       (whole[n] == '/' || whole[n] == '\0');
}

bool
shim_locate(const char *path, uint64_t *parent, char name[NAME_MAX + 1])
{
	char copy[PATH_MAX];
	struct stat sb;
	const char *dir;

	if (shim_log == NULL || strlen(path) >= sizeof(copy))
		return false;
	snprintf(name, NAME_MAX + 1, "%s", basename(strcpy(copy, path)));
	dir = dirname(strcpy(copy, path));
	if (!shim_is_below_root(dir) || stat(dir, &sb) != 0)
		return false;
	*parent = sb.st_ino;
	return true;
}

uint64_t
shim_inode_at(const char *path)
{
	struct stat sb;

	return lstat(path, &sb) == 0 ? sb.st_ino : 0;
}

uint64_t
shim_inode_of(int fd)
{
	struct stat sb;

	return fstat(fd, &sb) == 0 ? sb.st_ino : 0;
}

bool
shim_is_watched(int fd)
{
	return shim_log != NULL && fd >= 0 && fd < DESCRIPTORS && watched[fd] != NOT_WATCHED;
}

void
shim_watch(int fd, int flags)
{
	if (fd < DESCRIPTORS)
		watched[fd] = (flags & (O_DSYNC | O_SYNC)) != 0 ? WATCHED_SYNCED : WATCHED;
	else
		abort();
}

void
shim_forget(int fd)
{
	if (fd >= 0 && fd < DESCRIPTORS)
		watched[fd] = NOT_WATCHED;
}

void
shim_copy_watch(int from, int to)
{
	if (from >= 0 && from < DESCRIPTORS && to >= 0 && to < DESCRIPTORS)
		watched[to] = watched[from];
}

bool
shim_is_synced(int fd)
{
	return watched[fd] == WATCHED_SYNCED;
}
