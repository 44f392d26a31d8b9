/*
 * Paths of the store's files, and checks of which file lies at a path.
 *
 * LMDB keeps using an open file after it was removed or moved away.  Writes to
 * such a file are lost when the last process closes it.  Nor may a process open
 * another file in its place: it would share the lock file with the processes
 * that still have the old one open.
 */
#include "store/lmdb/engine.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * How much of a file to search for a first row.  Each commit writes that row to
 * another page, so that copies of it lie in the pages used first; and who
 * searches, the supervisor too, does nothing else meanwhile.
 */
#define SEARCH_BYTES ((off_t)256 << 20)

bool
file_path(char *out, size_t size, const char *dir, const char *file)
{
	int n = snprintf(out, size, "%s/%s", dir, file);

	return n > 0 && (size_t)n < size;
}

int
file_sync_directory(const char *path)
{
	int rc = 0, fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return errno;
	if (fsync(fd) != 0)
		rc = errno;
	close(fd);
	return rc;
}

int
file_check_lmdb(const char *file)
{
	/*
	 * LMDB 0.9: each of the first two pages has a header of 16 bytes, then
	 * this number in the byte order of the host.
	 */
	static const uint32_t lmdb_magic = 0xBEEFC0DE;
	const off_t pages[] = {0, (off_t)sysconf(_SC_PAGESIZE)};
	int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK), rc = MDB_INVALID;
	uint32_t word;
	ssize_t n;

	if (fd < 0)
		return errno;
	for (size_t i = 0; rc == MDB_INVALID && i < 2; i++) {
		n = pread(fd, &word, sizeof(word), pages[i] + 16);
		if (n < 0)
			rc = errno;
		else if (n == (ssize_t)sizeof(word) && word == lmdb_magic)
			rc = 0;
	}
	close(fd);
	return rc;
}

static bool
is_zero(const char *data, size_t len)
{
	return len == 0 || (data[0] == '\0' && memcmp(data, data + 1, len - 1) == 0);
}

bool
file_was_store(const char *path)
{
	char block[64 << 10]; /* whole pages, so no row crosses its end */
	const struct slice row = row_meta_start();
	bool found = false, zeros = true;
	char file[4096];
	off_t at = 0;
	ssize_t n;
	int fd;

	if (!file_path(file, sizeof(file), path, STORE_DATA_FILE))
		return false;
	fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	while (fd >= 0 && !found && at < SEARCH_BYTES &&
	       (n = pread(fd, block, sizeof(block), at)) > 0) {
		found = memmem(block, (size_t)n, row.data, row.len) != NULL;
		zeros = zeros && is_zero(block, (size_t)n);
		at += n;
	}
	if (fd >= 0)
		close(fd);
	return found || (zeros && at > 0);
}

static bool
is_file(const char *path, const struct store_file *file)
{
	struct stat sb;

	return stat(path, &sb) == 0 &&
	       (file->inode == 0 || (sb.st_dev == file->device && sb.st_ino == file->inode));
}

bool
file_is_there(const struct store_options *o)
{
	char path[4096];

	return file_path(path, sizeof(path), o->path, STORE_DATA_FILE) && is_file(path, &o->file);
}

void
store_identify(const struct store_options *o, struct store_file *out)
{
	char path[4096];
	struct stat sb;

	*out = (struct store_file){0};
	if (file_path(path, sizeof(path), o->path, STORE_DATA_FILE) && stat(path, &sb) == 0)
		*out = (struct store_file){.device = sb.st_dev, .inode = sb.st_ino};
}

int
file_note(struct store *s, const struct store_options *o)
{
	char path[4096];
	struct stat sb;
	int fd, rc;

	if (!file_path(path, sizeof(path), o->path, STORE_DATA_FILE))
		return ENAMETOOLONG;
	if ((s->data_file = strdup(path)) == NULL)
		return ENOMEM;
	if ((rc = mdb_env_get_fd(s->env, &fd)) != MDB_SUCCESS)
		return rc;
	if (fstat(fd, &sb) != 0)
		return errno;
	/* Another file may have come to the path after it was checked. */
	if (o->file.inode != 0 && (sb.st_dev != o->file.device || sb.st_ino != o->file.inode))
		return STORE_MOVED;
	s->file = (struct store_file){.device = sb.st_dev, .inode = sb.st_ino};
	return MDB_SUCCESS;
}

int
file_check(const struct store *s)
{
	return is_file(s->data_file, &s->file) ? MDB_SUCCESS : STORE_MOVED;
}
