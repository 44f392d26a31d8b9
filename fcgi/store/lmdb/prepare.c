/*
 * Prepares a store: looks at what is there, makes what is missing, and keeps
 * the directory for one service.
 */
#include "store/lmdb/engine.h"

#include "base/utf8.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <poll.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* How long to wait for the directory: two seconds in all. */
#define HOLD_TRIES 20
#define HOLD_WAIT_MS 100

/* The state of one preparation. */
struct preparation {
	const struct store_options *o;
	struct problem *why;
	char file[4096];  /* the path of the data file */
	bool exists;	  /* whether the directory does */
	struct stat data; /* of the data file; st_size is 0 if it is missing */
	struct check_verdict verdict;
};

static enum status
foreign(const struct preparation *p, const char *what)
{
	char shown[128];

	utf8_printable(shown, sizeof(shown), slice_str(what));
	return problem_set(p->why, ST_STORE_FOREIGN,
			   "store %s: %s is not a Markbook file; " STORE_GIVE_ANOTHER, p->o->path,
			   shown);
}

static enum status
look_at_path(struct preparation *p)
{
	const char *path = p->o->path;
	struct stat sb;

	p->exists = stat(path, &sb) == 0;
	if (!p->exists)
		return errno == ENOENT ? ST_OK : error_opening(path, errno, p->why);
	if (!S_ISDIR(sb.st_mode))
		return problem_set(p->why, ST_STORE_FOREIGN,
				   "store %s: is not a directory; " STORE_GIVE_ANOTHER, path);
	return ST_OK;
}

static enum status
make_directory(const struct preparation *p)
{
	if (!p->exists && mkdir(p->o->path, 0700) != 0)
		return problem_set(p->why, ST_STORE_ACCESS,
				   "store %s: cannot make this directory: %s; give --store another",
				   p->o->path, strerror(errno));
	return ST_OK;
}

static enum status
look_through_directory(const struct preparation *p)
{
	static const char *const ours[] = {".",
					   "..",
					   STORE_DATA_FILE,
					   STORE_DATA_NEW_FILE,
					   STORE_LOCK_FILE,
					   STORE_MARK_FILE,
					   STORE_MARK_NEW_FILE};
	DIR *dir;
	enum status st = ST_OK;
	struct dirent *entry;

	if (!p->exists)
		return ST_OK;
	dir = opendir(p->o->path);
	if (dir == NULL)
		return error_opening(p->o->path, errno, p->why);
	while (st == ST_OK && (entry = readdir(dir)) != NULL) {
		size_t i = 0;

		while (i < sizeof(ours) / sizeof(ours[0]) && strcmp(entry->d_name, ours[i]) != 0)
			i++;
		if (i == sizeof(ours) / sizeof(ours[0]))
			st = foreign(p, entry->d_name);
	}
	closedir(dir);
	return st;
}

/*
 * Decide what a missing data file means: with a mark the store has lost it,
 * without one there never was a store.
 */
static enum status
look_for_mark(const struct preparation *p)
{
	char file[4096];
	struct stat sb;

	if (!file_path(file, sizeof(file), p->o->path, STORE_MARK_FILE) || stat(file, &sb) != 0)
		return ST_OK;
	return error_damaged(p->o->path, "it is gone", p->why);
}

/*
 * Look at the data file from outside.  With ST_OK, there is a file to check
 * where its size is not 0, and none otherwise.  An empty file is damage, since
 * make_data_file never leaves one.
 */
static enum status
look_at_file(struct preparation *p)
{
	int rc;

	if (!file_path(p->file, sizeof(p->file), p->o->path, STORE_DATA_FILE))
		return error_opening(p->o->path, ENAMETOOLONG, p->why);
	if (stat(p->file, &p->data) != 0) {
		p->data = (struct stat){0};
		return errno == ENOENT ? look_for_mark(p)
				       : error_opening(p->o->path, errno, p->why);
	}
	if (!S_ISREG(p->data.st_mode))
		return foreign(p, STORE_DATA_FILE);
	if (p->data.st_size == 0)
		return error_damaged(p->o->path, "it is empty", p->why);
	if (access(p->file, R_OK | W_OK) != 0)
		return error_opening(p->o->path, errno, p->why);
	rc = file_check_lmdb(p->file);
	if (rc == MDB_INVALID)
		return error_not_lmdb(p->o->path, p->why);
	return rc == 0 ? ST_OK : error_opening(p->o->path, rc, p->why);
}

static enum status
look_at_data(struct preparation *p, bool trust_mark)
{
	enum status st = look_at_file(p);

	if (st != ST_OK || p->data.st_size == 0)
		return st;
	if (trust_mark && mark_holds(p->o->path, &p->data, &p->verdict))
		return ST_OK;
	check_in_child(p->o->path, p->data.st_size, &p->verdict);
	if (p->verdict.status != ST_OK && p->why != NULL)
		*p->why = p->verdict.why;
	return p->verdict.status;
}

static bool
parent_statvfs(const char *path, struct statvfs *fs)
{
	char copy[4096];

	return strlen(path) < sizeof(copy) && statvfs(dirname(strcpy(copy, path)), fs) == 0;
}

static enum status
look_for_space(const struct preparation *p)
{
	unsigned long long want = p->o->size, have;
	const char *path = p->o->path;
	struct statvfs fs;

	if (p->verdict.extent > want)
		return problem_set(p->why, ST_STORE_SPACE,
				   "store %s: its file takes %llu bytes, more than --store-size "
				   "%llu; give at least as many",
				   path, (unsigned long long)p->verdict.extent, want);
	if (statvfs(path, &fs) != 0) {
		if (errno != ENOENT)
			return error_opening(path, errno, p->why);
		/* Without a parent, make_directory will report the error. */
		if (!parent_statvfs(path, &fs))
			return ST_OK;
	}
	have = (unsigned long long)fs.f_bavail * fs.f_frsize +
	       (unsigned long long)p->data.st_blocks * 512;
	/* A tmpfs without a size limit reports 0 blocks. */
	if (fs.f_blocks > 0 && have < want)
		return problem_set(p->why, ST_STORE_SPACE,
				   "store %s: --store-size is %llu bytes, its file system has %llu "
				   "for it; make it larger or give a smaller --store-size",
				   path, want, have);
	return ST_OK;
}

/*
 * Sync the directory and its parent: a new file survives power loss only when
 * its directory entries are on the disk, too.
 */
static int
sync_directories(const char *path)
{
	char copy[4096];
	int rc = file_sync_directory(path);

	if (rc == 0 && !file_path(copy, sizeof(copy), path, ".."))
		rc = ENAMETOOLONG;
	return rc == 0 ? file_sync_directory(copy) : rc;
}

/*
 * Compute a number for this file that a copy of it does not share, from the
 * inode number and the time of birth.  The inode number alone may recur on a
 * new file system.  Some file systems do not record the time of birth.
 */
static int
find_home(MDB_env *env, uint64_t *home)
{
	struct statx sx;
	uint64_t seen[3] = {0};
	int fd, rc = mdb_env_get_fd(env, &fd);
	MDB_val val = {.mv_size = sizeof(seen), .mv_data = seen};

	if (rc != MDB_SUCCESS)
		return rc;
	if (statx(fd, "", AT_EMPTY_PATH, STATX_INO | STATX_BTIME, &sx) != 0)
		return errno;
	seen[0] = sx.stx_ino;
	if ((sx.stx_mask & STATX_BTIME) != 0) {
		seen[1] = (uint64_t)sx.stx_btime.tv_sec;
		seen[2] = sx.stx_btime.tv_nsec;
	}
	*home = row_hash(val, val);
	return MDB_SUCCESS;
}

static int
make_identity(struct meta *meta)
{
	return getrandom(&meta->id, sizeof(meta->id), 0) == (ssize_t)sizeof(meta->id) ? MDB_SUCCESS
										      : EIO;
}

/*
 * Write the meta row, or update it: with the new size, and with a new identity
 * where the file is a copy, such as a restored backup.  Otherwise different
 * later changes of the copy and of the original would have the same identity
 * and revision.
 */
static int
prepare_meta(MDB_env *env, uint64_t size, uint64_t home, struct meta *meta)
{
	char bytes[META_BYTES];
	MDB_val key = row_key_meta(), value;
	MDB_txn *txn;
	MDB_dbi dbi;
	int rc = mdb_txn_begin(env, NULL, 0, &txn);

	if (rc != MDB_SUCCESS)
		return rc;
	if ((rc = mdb_dbi_open(txn, NULL, 0, &dbi)) != MDB_SUCCESS)
		goto abort;
	rc = mdb_get(txn, dbi, &key, &value);
	if (rc == MDB_NOTFOUND) {
		*meta = (struct meta){.format = STORE_FORMAT};
		rc = MDB_SUCCESS;
	} else if (rc == MDB_SUCCESS && row_decode_meta(value, meta) != ST_OK) {
		rc = MDB_CORRUPTED;
	}
	if (rc != MDB_SUCCESS || (meta->size == size && meta->home == home))
		goto abort;
	if (meta->home != home && (rc = make_identity(meta)) != MDB_SUCCESS)
		goto abort;
	meta->size = size;
	meta->home = home;
	row_encode_meta(bytes, meta);
	value = (MDB_val){.mv_size = sizeof(bytes), .mv_data = bytes};
	if ((rc = mdb_put(txn, dbi, &key, &value, 0)) == MDB_SUCCESS)
		return mdb_txn_commit(txn);
abort:
	mdb_txn_abort(txn);
	return rc;
}

/* Open the environment and prepare its meta row, which *meta receives. */
static int
put_first_row(const struct store_options *o, size_t size, unsigned flags, struct meta *meta)
{
	uint64_t home = 0;
	MDB_env *env;
	int rc = env_open(&env, o, size, flags);

	if (rc != MDB_SUCCESS)
		return rc;
	if ((rc = find_home(env, &home)) == MDB_SUCCESS)
		rc = prepare_meta(env, size, home, meta);
	mdb_env_close(env);
	return rc;
}

/*
 * Make the data file under a temporary name, on the disk, and then rename it
 * into place.  So a file in that place always was a whole store once.  A
 * temporary file that a failed start left behind holds no data, and is removed.
 */
static int
make_data_file(const struct preparation *p)
{
	char made[4096];
	/* No other process opens this file, so it needs no lock file. */
	const struct store_options o = {.path = made, .durability = STORE_DURABLE};
	struct meta meta;
	int rc;

	if (!file_path(made, sizeof(made), p->o->path, STORE_DATA_NEW_FILE))
		return ENAMETOOLONG;
	if (unlink(made) != 0 && errno != ENOENT)
		return errno;
	rc = put_first_row(&o, p->o->size, MDB_NOSUBDIR | MDB_NOLOCK, &meta);
	if (rc == MDB_SUCCESS && rename(made, p->file) != 0)
		rc = errno;
	if (rc != MDB_SUCCESS)
		(void)unlink(made);
	return rc;
}

static enum status
make_store(struct preparation *p)
{
	const struct store_options *o = p->o;
	struct stat sb;
	int rc = mark_remove(o->path);

	/*
	 * Look again: another service may have made the file before this one
	 * locked the directory.
	 */
	if (rc == 0 && stat(p->file, &sb) != 0 && errno == ENOENT)
		rc = make_data_file(p);
	if (rc == 0)
		rc = put_first_row(o, o->size, 0, &p->verdict.meta);
	if (rc == MDB_SUCCESS && o->durability == STORE_DURABLE)
		rc = sync_directories(o->path);
	return rc == MDB_SUCCESS ? ST_OK : error_opening(o->path, rc, p->why);
}

static enum status
look(struct preparation *p, bool trust_mark)
{
	enum status st;

	if ((st = look_at_path(p)) != ST_OK || (st = look_through_directory(p)) != ST_OK)
		return st;
	return look_at_data(p, trust_mark);
}

/*
 * Lock the directory against a second service, which might be configured with
 * another size.  Wait for a while, because the first service may be stopping.
 */
static enum status
hold_directory(const struct preparation *p, int *hold)
{
	*hold = open(p->o->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (*hold < 0)
		return error_opening(p->o->path, errno, p->why);
	for (int tries = 0; flock(*hold, LOCK_EX | LOCK_NB) != 0; tries++) {
		if (tries == HOLD_TRIES) {
			close(*hold);
			*hold = -1;
			return problem_set(
			    p->why, ST_STORE_ACCESS,
			    "store %s: another service has it; stop that one, or give "
			    "another --store",
			    p->o->path);
		}
		poll(NULL, 0, HOLD_WAIT_MS);
	}
	return ST_OK;
}

enum status
store_prepare(const struct store_options *o, bool *fresh, int *hold, struct problem *why)
{
	struct preparation p = {.o = o, .why = why};
	enum status st;

	*hold = -1;
	if ((st = look(&p, true)) != ST_OK || (st = look_for_space(&p)) != ST_OK ||
	    (st = make_directory(&p)) != ST_OK || (st = hold_directory(&p, hold)) != ST_OK)
		return st;
	st = make_store(&p);
	if (st != ST_OK) {
		close(*hold);
		*hold = -1;
		return st;
	}
	*fresh = p.verdict.meta.revision == 0;
	return ST_OK;
}

enum status
store_foresee(const struct store_options *o, struct problem *why)
{
	struct preparation p = {.o = o, .why = why};
	char parent[4096];
	enum status st = look_at_path(&p);

	if (st != ST_OK || (st = look_through_directory(&p)) != ST_OK ||
	    (st = look_at_file(&p)) != ST_OK)
		return st;
	if (!file_path(parent, sizeof(parent), o->path, ""))
		return error_opening(o->path, ENAMETOOLONG, why);
	if (access(p.exists ? o->path : dirname(parent), W_OK | X_OK) != 0)
		return problem_set(why, ST_STORE_ACCESS,
				   "store %s: cannot %s this directory: %s; give --store another",
				   o->path, p.exists ? "write to" : "make", strerror(errno));
	return look_for_space(&p);
}

enum status
store_verify(const struct store_options *o, bool *there, struct problem *why)
{
	struct preparation p = {.o = o, .why = why};
	enum status st = look(&p, false);

	/*
	 * Without a meta row there is no store yet: an earlier start failed
	 * while it made one.  The next store_prepare completes it.
	 */
	*there = p.verdict.has_meta;
	return st;
}
