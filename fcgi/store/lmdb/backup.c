/*
 * Writes a copy of the open store to a new file.
 */
#include "store/lmdb/engine.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static enum status
failed(const char *path, int rc, struct problem *why)
{
	if (rc == EEXIST)
		return problem_set(why, ST_EXISTS,
				   "%s: this file exists; give the name of a new one", path);
	return problem_set(why, rc == ENOSPC ? ST_FULL : ST_IO, "%s: %s", path, mdb_strerror(rc));
}

/* Whether `dir` is the store's own directory, which allows no foreign files. */
static bool
is_own_directory(struct store *s, const char *dir)
{
	struct stat own, there;
	const char *path;

	return mdb_env_get_path(s->env, &path) == MDB_SUCCESS && stat(path, &own) == 0 &&
	       stat(dir, &there) == 0 && own.st_dev == there.st_dev && own.st_ino == there.st_ino;
}

static int
copy_to(struct store *s, int fd)
{
	int rc = mdb_env_copyfd2(s->env, fd, MDB_CP_COMPACT);

	/* LMDB cannot compact a store with a lost page; copy it as it is. */
	if (rc != MDB_SUCCESS && rc != ENOSPC) {
		if (lseek(fd, 0, SEEK_SET) != 0 || ftruncate(fd, 0) != 0)
			return errno;
		rc = mdb_env_copyfd2(s->env, fd, 0);
	}
	if (rc == MDB_SUCCESS && fsync(fd) != 0)
		rc = errno;
	return rc;
}

enum status
store_backup(struct store *s, const char *path, struct problem *why)
{
	char temporary[4096], copy[4096];
	struct stat sb;
	const char *dir;
	int fd, rc, n = snprintf(temporary, sizeof(temporary), "%s.XXXXXX", path);

	/*
	 * "-" usually means standard output.  That does not work here: copy_to
	 * may have to rewind and truncate the file.
	 */
	if (strcmp(path, "-") == 0)
		return problem_set(why, ST_STORE_ACCESS, "give the name of a file; ./- is one");
	if (n < 0 || (size_t)n >= sizeof(temporary))
		return failed(path, ENAMETOOLONG, why);
	dir = dirname(strcpy(copy, path));
	if (is_own_directory(s, dir))
		return problem_set(why, ST_STORE_ACCESS,
				   "%s: this is the store's own directory; give another", path);
	if (lstat(path, &sb) == 0)
		return failed(path, EEXIST, why);
	if ((fd = mkostemp(temporary, O_CLOEXEC)) < 0)
		return failed(path, errno, why);
	rc = copy_to(s, fd);
	if (close(fd) != 0 && rc == 0)
		rc = errno;
	/* Unlike rename(2), link(2) never overwrites a new file at the path. */
	if (rc == 0 && link(temporary, path) != 0)
		rc = errno;
	unlink(temporary);
	if (rc == 0)
		rc = file_sync_directory(dir);
	return rc == 0 ? ST_OK : failed(path, rc, why);
}
