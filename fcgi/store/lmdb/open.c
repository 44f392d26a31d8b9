/*
 * Opens and closes a prepared store.
 */
#include "store/lmdb/engine.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

/*
 * Use the size that was prepared.  The size in this process's options does not
 * count.
 */
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
	s->limit = room_limit(s->pages);
	return MDB_SUCCESS;
}

/* Whether there are no rows: the file was made, but never used. */
static bool
is_empty(MDB_txn *txn, MDB_dbi dbi)
{
	MDB_stat stat;

	return mdb_stat(txn, dbi, &stat) == MDB_SUCCESS && stat.ms_entries == 0;
}

static enum status
read_meta(struct store *s, const char *path, struct meta *meta, struct problem *why)
{
	MDB_val key = row_key_meta(), value;
	MDB_txn *txn;
	enum status st;
	int rc;

	if ((rc = env_begin_snapshot(s->env, &txn)) != MDB_SUCCESS)
		return error_opening(path, rc, why);
	if ((rc = mdb_dbi_open(txn, NULL, 0, &s->dbi)) != MDB_SUCCESS ||
	    (rc = mdb_get(txn, s->dbi, &key, &value)) != MDB_SUCCESS)
		st = rc == MDB_NOTFOUND && !is_empty(txn, s->dbi)
			 ? error_meta(path, ST_STORE_FOREIGN, meta, why)
			 : error_opening(path, rc == MDB_NOTFOUND ? ENOENT : rc, why);
	else
		st = error_meta(path, row_decode_meta(value, meta), meta, why);
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
	/* Check first: LMDB would make a file that is not there. */
	if (!file_path(file, sizeof(file), o->path, STORE_DATA_FILE))
		return error_opening(o->path, ENAMETOOLONG, why);
	if (stat(file, &sb) != 0)
		return error_opening(o->path, errno, why);
	/* What lies in another file is not this store's damage. */
	if (!file_is_there(o))
		return problem_set(
		    why, ST_STORE_ACCESS,
		    "store %s: " STORE_DATA_FILE
		    " is another file than at the start; put that one back, or start "
		    "the service again",
		    o->path);
	if (sb.st_size == 0)
		return error_damaged(o->path, "it is empty", why);
	rc = file_check_lmdb(file);
	if (rc == MDB_INVALID)
		return error_not_lmdb(o->path, why);
	if (rc != 0)
		return error_opening(o->path, rc, why);
	if ((s = calloc(1, sizeof(*s))) == NULL)
		return error_opening(o->path, ENOMEM, why);
	if ((rc = env_open(&s->env, o, 0, 0)) != MDB_SUCCESS) {
		st = error_opening(o->path, rc, why);
		goto fail;
	}
	if ((st = read_meta(s, o->path, &meta, why)) != ST_OK)
		goto fail;
	if ((rc = adopt_size(s, meta.size)) != MDB_SUCCESS ||
	    (rc = file_note(s, o)) != MDB_SUCCESS) {
		st = error_opening(o->path, rc, why);
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

uint64_t
store_id(const struct store *s)
{
	return s->id;
}
