#include "store/lmdb/engine.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/memory.h"

/* For a program that looks at a store which nobody serves and does not know how many will. */
#define DEFAULT_SNAPSHOTS 1024

/*
 * What is kept back from everything but removals (store_lmdb_room.c tells why): an eighth of the
 * store, and at least 128 pages.
 *
 * A removal of one record was seen to take some 8 pages (paths to three rows and to the list of
 * free pages), which come back two commits later where no snapshot holds them.  So the eighth is
 * for removals that come while one does: in a store of 32 MB, 1,024 pages were enough for 119 to
 * 134 of them, with records of up to 60 bytes, of up to 3,000, and of mixed lengths.  The least of
 * 128 is for small stores, and enough for twice ROOM_PAGES.
 */
#define HEADROOM_PART 8
#define HEADROOM_MIN 128

enum status
store_engine_status(struct store *s, int rc)
{
	if (rc == MDB_SUCCESS)
		return ST_OK;
	s->last_error = rc;
	switch (rc) {
	case MDB_MAP_FULL:
	case MDB_TXN_FULL:
	case ENOSPC:
	case EDQUOT:
	case EFBIG:
		return ST_FULL;
	case MDB_READERS_FULL:
		return ST_BUSY;
	case ENOMEM:
		return ST_NO_MEMORY;
	case STORE_MOVED:
	case EROFS:
	case EACCES:
	case EPERM:
		return ST_UNAVAILABLE;
	default:
		return ST_IO;
	}
}

const char *
store_last_error(const struct store *s)
{
	if (s->last_error == STORE_MOVED)
		return STORE_DATA_FILE
		    " was removed or replaced; put it back, or save GET /json, which has all of it,"
		    " and start the service again";
	return s->last_error == MDB_SUCCESS ? NULL : mdb_strerror(s->last_error);
}

enum status
store_damaged(const char *path, const char *what, struct problem *why)
{
	return problem_set(why, ST_STORE_DAMAGED,
			   "store %s: damaged (%s); restore a backup, or give --store an empty "
			   "directory for a new store",
			   path, what);
}

enum status
store_open_status(const char *path, int rc, struct problem *why)
{
	switch (rc) {
	case ENOENT:
		return problem_set(
		    why, ST_STORE_ACCESS,
		    "store %s: there is none; `markbook serve` or `markbook load` makes one", path);
	case ENOMEM:
		return problem_set(why, ST_NO_MEMORY, "store %s: out of memory", path);
	case STORE_MOVED:
		return problem_set(why, ST_STORE_ACCESS,
				   "store %s: its file was replaced while it was opened", path);
	case MDB_READERS_FULL:
		return problem_set(why, ST_BUSY, "store %s: too many processes read it", path);
	case MDB_INVALID:
	case MDB_VERSION_MISMATCH:
	case MDB_INCOMPATIBLE:
	case MDB_CORRUPTED:
	case MDB_PAGE_NOTFOUND:
	case MDB_CURSOR_FULL:
	case MDB_BAD_TXN:
		return store_damaged(path, mdb_strerror(rc), why);
	default:
		return problem_set(why, ST_STORE_ACCESS, "store %s: cannot open it: %s", path,
				   mdb_strerror(rc));
	}
}

enum status
store_meta_status(const char *path, enum status st, const struct meta *m, struct problem *why)
{
	switch (st) {
	case ST_OK:
		return ST_OK;
	case ST_STORE_FORMAT:
		return problem_set(
		    why, st,
		    "store %s: format %llu, this program knows %d; dump it with the version of "
		    "markbook that wrote it, and load that",
		    path, (unsigned long long)m->format, STORE_FORMAT);
	case ST_STORE_FOREIGN:
		return problem_set(why, st,
				   "store %s: " STORE_DATA_FILE
				   " is another program's; " STORE_GIVE_ANOTHER,
				   path);
	default:
		return store_damaged(path, "its first row is not whole", why);
	}
}

bool
store_path(char *out, size_t size, const char *dir, const char *file)
{
	int n = snprintf(out, size, "%s/%s", dir, file);

	return n > 0 && (size_t)n < size;
}

int
store_sync_directory(const char *path)
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
store_env_open(MDB_env **env, const struct store_options *o, size_t size, unsigned flags)
{
	unsigned readers = o->max_snapshots == 0 ? DEFAULT_SNAPSHOTS : o->max_snapshots;
	int fd, rc = mdb_env_create(env);

	if (rc != MDB_SUCCESS) {
		*env = NULL;
		return rc;
	}
	flags |= MDB_NOTLS;
	if (o->durability == STORE_VOLATILE)
		flags |= MDB_NOSYNC;
	rc = mdb_env_set_maxreaders(*env, readers);
	if (rc == MDB_SUCCESS && size > 0)
		rc = mdb_env_set_mapsize(*env, size);
	/* Its list of changed pages has 2 MB. */
	memory_lasting(true);
	if (rc == MDB_SUCCESS)
		rc = mdb_env_open(*env, o->path, flags, 0600);
	memory_lasting(false);
	/* LMDB leaves this one of its descriptors to programs that run others. */
	if (rc == MDB_SUCCESS && (rc = mdb_env_get_fd(*env, &fd)) == MDB_SUCCESS &&
	    fcntl(fd, F_SETFD, FD_CLOEXEC) != 0)
		rc = errno;
	if (rc != MDB_SUCCESS) {
		mdb_env_close(*env);
		*env = NULL;
	}
	return rc;
}

size_t
store_pages_used(MDB_txn *txn, MDB_dbi dbi)
{
	MDB_stat stat;

	if (mdb_stat(txn, dbi, &stat) != MDB_SUCCESS)
		return 0;
	return stat.ms_branch_pages + stat.ms_leaf_pages + stat.ms_overflow_pages;
}

/* The size in force is the one that was prepared, whatever this process was given. */
static int
adopt_size(struct store *s, uint64_t size)
{
	MDB_envinfo info;
	MDB_stat stat;
	int rc;

	if ((rc = mdb_env_info(s->env, &info)) != MDB_SUCCESS ||
	    (rc = mdb_env_stat(s->env, &stat)) != MDB_SUCCESS)
		return rc;
	if (info.me_mapsize != size && (rc = mdb_env_set_mapsize(s->env, size)) != MDB_SUCCESS)
		return rc;
	s->size = size;
	s->page = stat.ms_psize;
	s->pages = s->size / s->page;
	s->limit = s->pages / HEADROOM_PART;
	if (s->limit < HEADROOM_MIN)
		s->limit = HEADROOM_MIN;
	s->limit = s->limit < s->pages ? s->pages - s->limit : 0;
	return MDB_SUCCESS;
}

/* Made, but never used. */
static bool
is_empty(MDB_txn *txn, MDB_dbi dbi)
{
	MDB_stat stat;

	return mdb_stat(txn, dbi, &stat) == MDB_SUCCESS && stat.ms_entries == 0;
}

/* A snapshot; where all slots are taken, after those of processes that died were freed. */
static int
begin_snapshot(MDB_env *env, MDB_txn **txn)
{
	int dead, rc = mdb_txn_begin(env, NULL, MDB_RDONLY, txn);

	if (rc == MDB_READERS_FULL && mdb_reader_check(env, &dead) == MDB_SUCCESS && dead > 0)
		rc = mdb_txn_begin(env, NULL, MDB_RDONLY, txn);
	return rc;
}

static enum status
read_meta(struct store *s, const char *path, struct meta *meta, struct problem *why)
{
	MDB_val key = store_key_meta(), value;
	MDB_txn *txn;
	enum status st;
	int rc;

	if ((rc = begin_snapshot(s->env, &txn)) != MDB_SUCCESS)
		return store_open_status(path, rc, why);
	if ((rc = mdb_dbi_open(txn, NULL, 0, &s->dbi)) != MDB_SUCCESS ||
	    (rc = mdb_get(txn, s->dbi, &key, &value)) != MDB_SUCCESS)
		st = rc == MDB_NOTFOUND && !is_empty(txn, s->dbi)
			 ? store_meta_status(path, ST_STORE_FOREIGN, meta, why)
			 : store_open_status(path, rc == MDB_NOTFOUND ? ENOENT : rc, why);
	else
		st = store_meta_status(path, store_decode_meta(value, meta), meta, why);
	mdb_txn_abort(txn);
	return st;
}

enum status
store_open(struct store **out, const struct store_options *o, struct problem *why)
{
	char file[4096];
	struct stat sb;
	struct store *s;
	struct meta meta = {0};
	enum status st;
	int rc;

	*out = NULL;
	/* LMDB would make what is not there. */
	if (!store_path(file, sizeof(file), o->path, STORE_DATA_FILE))
		return store_open_status(o->path, ENAMETOOLONG, why);
	if (stat(file, &sb) != 0)
		return store_open_status(o->path, errno, why);
	if (sb.st_size == 0)
		return store_open_status(o->path, ENOENT, why);
	if (!store_is_lmdb(file))
		return store_meta_status(o->path, ST_STORE_FOREIGN, NULL, why);
	if (!store_is_there(o))
		return problem_set(
		    why, ST_STORE_ACCESS,
		    "store %s: " STORE_DATA_FILE
		    " is another file than at the start; put that one back, or start "
		    "the service again",
		    o->path);
	if ((s = calloc(1, sizeof(*s))) == NULL)
		return store_open_status(o->path, ENOMEM, why);
	if ((rc = store_env_open(&s->env, o, 0, 0)) != MDB_SUCCESS) {
		st = store_open_status(o->path, rc, why);
		goto fail;
	}
	if ((st = read_meta(s, o->path, &meta, why)) != ST_OK)
		goto fail;
	if ((rc = adopt_size(s, meta.size)) != MDB_SUCCESS ||
	    (rc = store_note_place(s, o)) != MDB_SUCCESS) {
		st = store_open_status(o->path, rc, why);
		goto fail;
	}
	s->id = meta.id;
	s->home = meta.home;
	s->snapshot.store = s;
	*out = s;
	return ST_OK;
fail:
	store_close(s);
	return st;
}

void
store_close(struct store *s)
{
	if (s == NULL)
		return;
	store_abort(s);
	if (s->snapshot.cursor != NULL)
		mdb_cursor_close(s->snapshot.cursor);
	if (s->snapshot.txn != NULL)
		mdb_txn_abort(s->snapshot.txn);
	if (s->env != NULL)
		mdb_env_close(s->env);
	free(s->data_file);
	free(s);
}

unsigned
store_upkeep(struct store *s)
{
	int dead = 0;

	if (mdb_reader_check(s->env, &dead) != MDB_SUCCESS || dead < 0)
		return 0;
	return (unsigned)dead;
}

uint64_t
store_id(const struct store *s)
{
	return s->id;
}

enum status
store_read(struct store *s, struct view **out)
{
	struct view *v = &s->snapshot;
	int rc = MDB_SUCCESS;

	*out = v;
	if (v->open)
		return ST_OK;
	if (v->txn == NULL)
		rc = begin_snapshot(s->env, &v->txn);
	else
		rc = mdb_txn_renew(v->txn);
	if (rc != MDB_SUCCESS) {
		*out = NULL;
		return store_engine_status(s, rc);
	}
	v->open = true;
	v->revision = 0;
	return ST_OK;
}

void
store_read_end(struct store *s)
{
	if (s->snapshot.open)
		mdb_txn_reset(s->snapshot.txn);
	s->snapshot.open = false;
}

bool
store_can_keep(const struct store *s)
{
	return s->kept < STORE_KEPT_MAX;
}

enum status
store_keep(struct store *s, struct view **out)
{
	*out = NULL;
	if (!store_can_keep(s))
		return ST_BUSY;
	if ((*out = malloc(sizeof(**out))) == NULL)
		return ST_NO_MEMORY;
	**out = s->snapshot;
	s->snapshot = (struct view){.store = s};
	s->kept++;
	return ST_OK;
}

void
store_release(struct view *v)
{
	if (v == NULL)
		return;
	if (v->cursor != NULL)
		mdb_cursor_close(v->cursor);
	mdb_txn_abort(v->txn);
	v->store->kept--;
	free(v);
}
