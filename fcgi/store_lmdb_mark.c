/*
 * The mark of a settled store: a file beside the data that tells which state was whole.
 *
 * It holds for the data file with the same inode, length, time of change and last commit, and is
 * removed, on the disk too, before the store is served again.  So whatever happens to the file later, be it a
 * crash in mid-service, power loss or a foreign hand, has every row looked at.
 */
#include "store_lmdb.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#define MARK_MAX 256

/* False where it does not fit. */
static bool
mark_text(char out[MARK_MAX], const struct stat *data, uint64_t txnid)
{
	int n = snprintf(out, MARK_MAX,
			 "markbook settled: inode %ju length %jd changed %jd.%09ld commit %" PRIu64
			 "\n",
			 (uintmax_t)data->st_ino, (intmax_t)data->st_size,
			 (intmax_t)data->st_mtim.tv_sec, data->st_mtim.tv_nsec, txnid);

	return n > 0 && n < MARK_MAX;
}

bool
store_is_settled(const char *path, const struct stat *data, struct store_verdict *out)
{
	char file[4096], wanted[MARK_MAX], found[MARK_MAX];
	ssize_t n;
	int fd;

	if (!store_path(file, sizeof(file), path, STORE_MARK_FILE))
		return false;
	fd = open(file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return false;
	n = read(fd, found, sizeof(found));
	close(fd);
	if (n <= 0)
		return false;
	store_glance(path, out);
	return out->status == ST_OK && mark_text(wanted, data, out->txnid) &&
	       slice_eq(slice_str(wanted), (struct slice){found, (size_t)n});
}

int
store_unsettle(const char *path)
{
	char file[4096];

	if (!store_path(file, sizeof(file), path, STORE_MARK_FILE))
		return ENAMETOOLONG;
	if (unlink(file) != 0)
		return errno == ENOENT ? 0 : errno;
	return store_sync_directory(path);
}

/* LMDB's rc; the data are on the disk after that. */
static int
sync_data(const struct store_options *o, uint64_t *txnid)
{
	MDB_envinfo info;
	MDB_env *env;
	int rc = store_env_open(&env, o, 0, 0);

	if (rc != MDB_SUCCESS)
		return rc;
	rc = mdb_env_sync(env, 1);
	if (rc == MDB_SUCCESS && (rc = mdb_env_info(env, &info)) == MDB_SUCCESS)
		*txnid = info.me_last_txnid;
	mdb_env_close(env);
	return rc;
}

static bool
write_file(const char *file, const char *text)
{
	int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	size_t len = strlen(text);
	bool good;

	if (fd < 0)
		return false;
	good = write(fd, text, len) == (ssize_t)len && fsync(fd) == 0;
	return close(fd) == 0 && good;
}

void
store_settle(const struct store_options *o)
{
	char data[4096], file[4096], temporary[4096], text[MARK_MAX];
	struct stat sb;
	uint64_t txnid;

	if (!store_path(data, sizeof(data), o->path, STORE_DATA_FILE) ||
	    !store_path(file, sizeof(file), o->path, STORE_MARK_FILE) ||
	    !store_path(temporary, sizeof(temporary), o->path, STORE_MARK_NEW_FILE) ||
	    sync_data(o, &txnid) != MDB_SUCCESS || stat(data, &sb) != 0 ||
	    !mark_text(text, &sb, txnid))
		return;
	if (!write_file(temporary, text) || rename(temporary, file) != 0)
		(void)unlink(temporary);
	(void)store_sync_directory(o->path);
}
