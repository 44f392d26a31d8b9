/*
 * The mark of a settled store: a file beside the data file that tells which
 * state was checked and whole.
 *
 * The mark is valid while the data file has the same inode, length,
 * modification time and last commit.  It is removed, on the disk too, before
 * the store is served or loaded into again.  So a crash during service, power
 * loss or a change by another program leads to a full check.
 */
#include "store/lmdb/engine.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#define MARK_MAX 256

/* The text of the mark: attributes of the data file, and its last commit. */
static void
mark_text(struct buf *out, const struct stat *data, uint64_t txnid)
{
	buf_addf(out, "markbook settled: inode %ju length %jd changed %jd.%09ld",
		 (uintmax_t)data->st_ino, (intmax_t)data->st_size, (intmax_t)data->st_mtim.tv_sec,
		 data->st_mtim.tv_nsec);
	buf_addf(out, " commit %" PRIu64 "\n", txnid);
}

/* Read the mark.  False where there is none, or it cannot be read. */
static bool
read_mark(const char *path, struct buf *out)
{
	char file[4096];
	ssize_t n = -1;
	int fd;

	if (!file_path(file, sizeof(file), path, STORE_MARK_FILE))
		return false;
	fd = open(file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return false;
	if (buf_reserve(out, MARK_MAX))
		n = read(fd, out->data, MARK_MAX);
	close(fd);
	out->len = n > 0 ? (size_t)n : 0;
	return n > 0;
}

bool
mark_holds(const char *path, const struct stat *data, struct check_verdict *out)
{
	struct buf found = {0}, wanted = {0};
	size_t outside;
	bool settled;

	mark_text(&wanted, data, 0);
	outside = wanted.len - strlen("0\n");
	settled = !wanted.failed && read_mark(path, &found) && found.len > outside &&
		  memcmp(found.data, wanted.data, outside) == 0;
	/*
	 * Look into the file only now that its length is right: reading from a
	 * truncated one could kill this process.
	 */
	if (settled) {
		check_glance(path, out);
		buf_reset(&wanted, MARK_MAX);
		mark_text(&wanted, data, out->txnid);
		settled = out->status == ST_OK && slice_eq(buf_slice(&wanted), buf_slice(&found));
	}
	buf_free(&wanted);
	buf_free(&found);
	return settled;
}

int
mark_remove(const char *path)
{
	char file[4096];

	if (!file_path(file, sizeof(file), path, STORE_MARK_FILE))
		return ENAMETOOLONG;
	if (unlink(file) != 0)
		return errno == ENOENT ? 0 : errno;
	return file_sync_directory(path);
}

enum status
store_unsettle(const struct store_options *o, struct problem *why)
{
	int rc = mark_remove(o->path);

	return rc == 0 ? ST_OK : error_opening(o->path, rc, why);
}

/* Sync the data to the disk.  LMDB's rc. */
static int
sync_data(const struct store_options *o, uint64_t *txnid)
{
	MDB_envinfo info;
	MDB_env *env;
	int rc = env_open(&env, o, 0, 0);

	if (rc != MDB_SUCCESS)
		return rc;
	rc = mdb_env_sync(env, 1);
	if (rc == MDB_SUCCESS && (rc = mdb_env_info(env, &info)) == MDB_SUCCESS)
		*txnid = info.me_last_txnid;
	mdb_env_close(env);
	return rc;
}

static bool
write_file(const char *file, struct slice text)
{
	int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	bool good;

	if (fd < 0)
		return false;
	good = write(fd, text.data, text.len) == (ssize_t)text.len && fsync(fd) == 0;
	return close(fd) == 0 && good;
}

enum status
store_settle(const struct store_options *o, struct problem *why)
{
	char data[4096], file[4096], temporary[4096];
	struct check_verdict verdict;
	struct buf text = {0};
	struct stat sb;
	uint64_t txnid;

	if (!file_path(data, sizeof(data), o->path, STORE_DATA_FILE) ||
	    !file_path(file, sizeof(file), o->path, STORE_MARK_FILE) ||
	    !file_path(temporary, sizeof(temporary), o->path, STORE_MARK_NEW_FILE) ||
	    !file_is_there(o) || stat(data, &sb) != 0)
		return ST_OK;
	check_in_child(o->path, sb.st_size, &verdict);
	if (verdict.status != ST_OK) {
		*why = verdict.why;
		return verdict.status;
	}
	if (sync_data(o, &txnid) != MDB_SUCCESS || stat(data, &sb) != 0)
		return ST_OK;
	mark_text(&text, &sb, txnid);
	if (text.failed || !write_file(temporary, buf_slice(&text)) || rename(temporary, file) != 0)
		(void)unlink(temporary);
	buf_free(&text);
	(void)file_sync_directory(o->path);
	return ST_OK;
}
