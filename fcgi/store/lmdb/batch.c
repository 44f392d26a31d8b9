/*
 * Batches of changes: begin, change, commit, abort.
 */
#include "store/lmdb/engine.h"

#include <errno.h>
#include <sys/statvfs.h>

/*
 * An upper bound of the pages that one edit takes besides its value: the paths
 * to its rows, and split pages.
 */
#define EDIT_PAGES 8

/*
 * With less than this left, a file system may have been too full for a commit.
 */
#define FULL_BYTES (1u << 20)

/* A change in progress. */
struct change {
	struct view *view;
	struct slice collection;
	struct collection row;
	uint64_t old_hash; /* of the row before the change; 0: no row */
	bool sets;
	size_t used_before;
};

enum status
store_write(struct store *s, struct view **out)
{
	struct view *v = &s->batch;
	MDB_val key = row_key_meta(), value;
	struct meta meta;
	int rc;

	*out = NULL;
	if (v->open)
		return error_status(s, EBUSY);
	/* Never acknowledge a write to a file that was moved or removed. */
	if ((rc = file_check(s)) != MDB_SUCCESS)
		return error_status(s, rc);
	/*
	 * Dead readers hold pages that are needed now.  LMDB does not look for
	 * dead readers by itself.
	 */
	if (room_near_end(s, 0))
		store_upkeep(s);
	*v = (struct view){.store = s, .writable = true};
	if ((rc = mdb_txn_begin(s->env, NULL, 0, &v->txn)) != MDB_SUCCESS)
		return error_status(s, rc);
	v->open = true;
	rc = mdb_get(v->txn, s->dbi, &key, &value);
	if (rc == MDB_SUCCESS && row_decode_meta(value, &meta) != ST_OK)
		rc = MDB_CORRUPTED;
	if (rc != MDB_SUCCESS) {
		store_abort(s);
		return error_status(s, rc);
	}
	v->revision = meta.revision;
	v->sum = meta.sum;
	*out = v;
	return ST_OK;
}

static void
close_cursor(struct view *v)
{
	if (v->cursor != NULL)
		mdb_cursor_close(v->cursor);
	v->cursor = NULL;
}

/* Once a batch is enough, because no view shows this row itself. */
static int
batch_put_meta(struct view *v)
{
	struct store *s = v->store;
	struct meta meta = {.format = STORE_FORMAT,
			    .id = s->id,
			    .revision = v->revision,
			    .size = s->size,
			    .sum = v->sum,
			    .home = s->home};
	char bytes[META_BYTES];
	MDB_val key = row_key_meta(), value = {.mv_size = sizeof(bytes), .mv_data = bytes};

	row_encode_meta(bytes, &meta);
	return mdb_put(v->txn, s->dbi, &key, &value, 0);
}

/*
 * Whether LMDB refuses all further transactions, as it does after a failure to
 * write its meta page.
 */
static bool
panics(struct store *s)
{
	MDB_txn *txn;
	int rc = mdb_txn_begin(s->env, NULL, MDB_RDONLY, &txn);

	if (rc == MDB_SUCCESS)
		mdb_txn_abort(txn);
	return rc == MDB_PANIC;
}

/*
 * Refine the rc of a commit: MDB_PANIC where LMDB refuses all further
 * transactions, ENOSPC where the file system is full.  LMDB reports any short
 * write as EIO.  That includes a commit of which only the first pages fitted.
 */
static int
tell_full_from_broken(struct store *s, int rc)
{
	struct statvfs fs;
	int fd;

	if (rc != MDB_SUCCESS && panics(s))
		return MDB_PANIC;
	if (rc == EIO && mdb_env_get_fd(s->env, &fd) == MDB_SUCCESS && fstatvfs(fd, &fs) == 0 &&
	    fs.f_blocks > 0 && fs.f_bavail * fs.f_frsize < FULL_BYTES)
		return ENOSPC;
	return rc;
}

enum status
store_commit(struct store *s)
{
	struct view *v = &s->batch;
	int rc = MDB_SUCCESS;

	close_cursor(v);
	if (v->failed == ST_OK && v->changes > 0)
		rc = batch_put_meta(v);
	/* A single removal may use the last room, because it frees more. */
	if (v->failed == ST_OK && rc == MDB_SUCCESS && (v->sets || v->changes > 1))
		rc = room_keep(v);
	if (v->failed == ST_OK && rc == MDB_SUCCESS) {
		rc = tell_full_from_broken(s, mdb_txn_commit(v->txn));
		v->txn = NULL;
	}
	if (v->failed == ST_OK)
		v->failed = error_status(s, rc);
	store_abort(s);
	return v->failed;
}

enum status
store_probe(struct store *s)
{
	struct view *v;
	enum status st = store_write(s, &v);
	int rc;

	if (st != ST_OK)
		return st;
	/*
	 * Rewrite the meta row as it is.  This changes nothing, but takes every
	 * step of a commit.
	 */
	rc = batch_put_meta(&s->batch);
	if (rc != MDB_SUCCESS) {
		st = error_status(s, rc);
		store_abort(s);
		return st;
	}
	return store_commit(s);
}

void
store_abort(struct store *s)
{
	struct view *v = &s->batch;

	if (!v->open)
		return;
	close_cursor(v);
	if (v->txn != NULL)
		mdb_txn_abort(v->txn);
	v->open = false;
	if (v->failed != ST_FULL)
		return;
	/* Make room for the retry. */
	store_upkeep(s);
	if (!v->sets)
		room_release_spare(s);
}

static enum status
change_apply_edit(struct change *c, const struct edit *e)
{
	struct view *v = c->view;
	char buf[STORE_KEY_MAX];
	MDB_val key, value;
	int rc;

	if (!row_key_record(buf, &key, c->collection, e->name))
		return error_status(v->store, MDB_BAD_VALSIZE);
	rc = view_find(v, &key, &value);
	if (rc == MDB_SUCCESS) {
		c->row.count--;
		c->row.bytes -= e->name.len + value.mv_size - RECORD_HEAD_BYTES;
		c->row.sum -= row_hash(key, value);
	} else if (rc != MDB_NOTFOUND) {
		return error_status(v->store, rc);
	}
	v->reach += EDIT_PAGES + e->json.len / v->store->page;
	if (e->json.data == NULL) {
		if (rc == MDB_SUCCESS)
			rc = mdb_cursor_del(v->cursor, 0);
		return rc == MDB_NOTFOUND ? ST_OK : error_status(v->store, rc);
	}
	c->sets = true;
	value.mv_size = RECORD_HEAD_BYTES + e->json.len;
	if ((rc = mdb_cursor_put(v->cursor, &key, &value, MDB_RESERVE)) != MDB_SUCCESS)
		return error_status(v->store, rc);
	row_encode_u64(value.mv_data, v->revision);
	memcpy((char *)value.mv_data + RECORD_HEAD_BYTES, e->json.data, e->json.len);
	c->row.count++;
	c->row.bytes += e->name.len + e->json.len;
	c->row.sum += row_hash(key, value);
	return ST_OK;
}

static enum status
change_remove_records(struct change *c)
{
	struct view *v = c->view;
	char buf[STORE_KEY_MAX];
	MDB_val first, key, value;
	int rc = view_cursor(v);

	if (!row_key_record(buf, &first, c->collection, SLICE("")))
		rc = MDB_BAD_VALSIZE;
	v->reach += EDIT_PAGES + c->row.count;
	while (rc == MDB_SUCCESS) {
		key = first;
		rc = mdb_cursor_get(v->cursor, &key, &value, MDB_SET_RANGE);
		if (rc == MDB_SUCCESS && !row_is_record_of(key, c->collection))
			rc = MDB_NOTFOUND;
		if (rc == MDB_SUCCESS)
			rc = mdb_cursor_del(v->cursor, 0);
	}
	c->row.count = 0;
	c->row.bytes = 0;
	c->row.sum = 0;
	return rc == MDB_NOTFOUND ? ST_OK : error_status(v->store, rc);
}

/* Read the collection's row and its hash as they are before the change. */
static enum status
change_read_collection(struct change *c)
{
	char bytes[COLLECTION_BYTES];
	MDB_val row = {.mv_size = sizeof(bytes), .mv_data = bytes};
	enum status st = view_collection(c->view, c->collection, &c->row);

	if (st != ST_OK)
		return st;
	row_encode_collection(bytes, &c->row);
	c->old_hash = row_hash(row_key_collection(c->collection), row);
	return ST_OK;
}

static enum status
change_put_collection(struct change *c)
{
	struct view *v = c->view;
	char bytes[COLLECTION_BYTES];
	MDB_val key = row_key_collection(c->collection);
	MDB_val value = {.mv_size = sizeof(bytes), .mv_data = bytes};

	c->row.revision = v->revision;
	row_encode_collection(bytes, &c->row);
	v->sum += row_hash(key, value) - c->old_hash;
	return error_status(v->store, mdb_put(v->txn, v->store->dbi, &key, &value, 0));
}

/*
 * End a change: refuse it where it sets something and takes the store further
 * over its limit, and note in the view what it did.
 */
static enum status
change_end(struct change *c, enum status st)
{
	struct view *v = c->view;
	size_t used = env_pages_used(v->txn, v->store->dbi);

	if (st == ST_OK && c->sets && used > v->store->limit && used > c->used_before)
		st = ST_FULL;
	v->changes++;
	v->sets = v->sets || c->sets;
	v->failed = st;
	return st;
}

enum status
store_apply(struct view *v, struct slice collection, const struct edit *edits, size_t n,
	    unsigned flags)
{
	struct change c = {.view = v, .collection = collection};
	enum status st = v->failed;

	if (st == ST_OK)
		st = change_read_collection(&c);
	if (st == ST_NO_COLLECTION && (flags & STORE_CREATE)) {
		c.sets = true;
		st = ST_OK;
	}
	if (st != ST_OK)
		return st;
	c.used_before = env_pages_used(v->txn, v->store->dbi);
	v->revision++;
	if (flags & STORE_CLEAR)
		st = change_remove_records(&c);
	for (size_t i = 0; st == ST_OK && i < n; i++)
		st = change_apply_edit(&c, &edits[i]);
	if (st == ST_OK)
		st = change_put_collection(&c);
	return change_end(&c, st);
}

enum status
store_drop(struct view *v, struct slice collection)
{
	struct change c = {.view = v, .collection = collection};
	MDB_val key = row_key_collection(collection);
	enum status st = v->failed;

	if (st == ST_OK)
		st = change_read_collection(&c);
	if (st != ST_OK)
		return st;
	v->revision++;
	v->sum -= c.old_hash;
	st = change_remove_records(&c);
	if (st == ST_OK)
		st = error_status(v->store, mdb_del(v->txn, v->store->dbi, &key, NULL));
	return change_end(&c, st);
}
