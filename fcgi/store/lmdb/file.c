/*
 * Whether the store that is open is still the one at its path.
 *
 * LMDB goes on with a file that was removed, or moved away: its writes would be lost with the last
 * process that has it open.  Another file in its place must not be taken either, since processes that
 * open it share a lock file with those that have the old one.
 */
#include "store/lmdb/engine.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static bool
is_file(const char *path, const struct store_file *file)
{
	struct stat sb;

	return stat(path, &sb) == 0 &&
	       (file->inode == 0 || (sb.st_dev == file->device && sb.st_ino == file->inode));
}

bool
store_is_there(const struct store_options *o)
{
	char path[4096];

	return store_path(path, sizeof(path), o->path, STORE_DATA_FILE) && is_file(path, &o->file);
}

void
store_identify(const struct store_options *o, struct store_file *out)
{
	char path[4096];
	struct stat sb;

	*out = (struct store_file){0};
	if (store_path(path, sizeof(path), o->path, STORE_DATA_FILE) && stat(path, &sb) == 0)
		*out = (struct store_file){.device = sb.st_dev, .inode = sb.st_ino};
}

int
store_note_place(struct store *s, const struct store_options *o)
{
	char path[4096];
	struct stat sb;
	int fd, rc;

	if (!store_path(path, sizeof(path), o->path, STORE_DATA_FILE))
		return ENAMETOOLONG;
	if ((s->data_file = strdup(path)) == NULL)
		return ENOMEM;
	if ((rc = mdb_env_get_fd(s->env, &fd)) != MDB_SUCCESS)
		return rc;
	if (fstat(fd, &sb) != 0)
		return errno;
	/* Between the look at the path and the opening of it another may have come. */
	if (o->file.inode != 0 && (sb.st_dev != o->file.device || sb.st_ino != o->file.inode))
		return STORE_MOVED;
	s->file = (struct store_file){.device = sb.st_dev, .inode = sb.st_ino};
	return MDB_SUCCESS;
}

int
store_check_place(const struct store *s)
{
	return is_file(s->data_file, &s->file) ? MDB_SUCCESS : STORE_MOVED;
}
