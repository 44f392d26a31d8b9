/*
 * Reading: snapshots, rows and iterations.
 */
#include "store/lmdb/engine.h"

#include <stdlib.h>

#define CACHE_LINE_BYTES ((size_t)64)

enum status
store_read(struct store *s, struct view **out)
{
	struct view *v = &s->snapshot;
	int rc = MDB_SUCCESS;

	*out = v;
	if (v->open)
		return ST_OK;
	if (v->txn == NULL)
		rc = env_begin_snapshot(s->env, &v->txn);
	else
		rc = mdb_txn_renew(v->txn);
	if (rc != MDB_SUCCESS) {
		*out = NULL;
		return error_status(s, rc);
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

static enum status
broken(struct view *v)
{
	return error_status(v->store, MDB_CORRUPTED);
}

uint64_t
view_revision(struct view *v)
{
	MDB_val key = row_key_meta(), value;
	struct meta meta;

	/*
	 * A snapshot reads its revision at the first call.  Revision 0, of a
	 * store that never changed, is read again at each call.
	 */
	if (v->revision == 0 && mdb_get(v->txn, v->store->dbi, &key, &value) == MDB_SUCCESS &&
	    row_decode_meta(value, &meta) == ST_OK)
		v->revision = meta.revision;
	return v->revision;
}

enum status
view_collection(struct view *v, struct slice collection, struct collection *out)
{
	MDB_val key = row_key_collection(collection), value;
	int rc = mdb_get(v->txn, v->store->dbi, &key, &value);

	if (rc == MDB_NOTFOUND)
		return ST_NO_COLLECTION;
	if (rc != MDB_SUCCESS)
		return error_status(v->store, rc);
	return row_decode_collection(value, out) ? ST_OK : broken(v);
}

int
view_cursor(struct view *v)
{
	if (v->cursor == NULL)
		return mdb_cursor_open(v->txn, v->store->dbi, &v->cursor);
	return v->writable ? MDB_SUCCESS : mdb_cursor_renew(v->txn, v->cursor);
}

int
view_find(struct view *v, MDB_val *key, MDB_val *value)
{
	int rc;

	if (!v->writable)
		return mdb_get(v->txn, v->store->dbi, key, value);
	rc = view_cursor(v);
	return rc == MDB_SUCCESS ? mdb_cursor_get(v->cursor, key, value, MDB_SET) : rc;
}

enum status
view_record(struct view *v, struct slice collection, struct slice record, struct row *out)
{
	char buf[STORE_KEY_MAX];
	struct collection c;
	struct row row = {.name = record};
	MDB_val key, value;
	enum status st;
	int rc = MDB_NOTFOUND;

	if (row_key_record(buf, &key, collection, record))
		rc = view_find(v, &key, &value);
	if (rc == MDB_NOTFOUND) {
		st = view_collection(v, collection, &c);
		return st == ST_OK ? ST_NOT_FOUND : st;
	}
	if (rc != MDB_SUCCESS)
		return error_status(v->store, rc);
	if (!row_decode_record(value, &row.revision, &row.json))
		return broken(v);
	if (out != NULL)
		*out = row;
	return ST_OK;
}

enum status
view_iterate(struct view *v, struct slice collection, struct slice after, struct view_iter *it)
{
	/* '\1' sorts after the meta and spare rows, and before every name. */
	char buf[STORE_KEY_MAX] = {'\1'};
	MDB_val key = {.mv_size = 1, .mv_data = buf}, found, value;
	struct collection c;
	enum status st;
	int rc;

	*it = (struct view_iter){.view = v, .collection = collection, .name_len = collection.len};
	/*
	 * Names have at most this length, so none lies between the truncated
	 * name and the whole one.
	 */
	if (after.len > NAME_MAX_BYTES)
		after.len = NAME_MAX_BYTES;
	if (collection.data != NULL) {
		if ((st = view_collection(v, collection, &c)) != ST_OK)
			return st;
		if (!row_key_record(buf, &key, collection, after))
			return ST_NO_COLLECTION;
	}
	if ((rc = view_cursor(v)) != MDB_SUCCESS)
		return error_status(v->store, rc);
	found = key;
	rc = mdb_cursor_get(v->cursor, &found, &value, MDB_SET_RANGE);
	if (rc == MDB_SUCCESS && collection.data != NULL && after.data != NULL &&
	    slice_eq(row_slice(found), row_slice(key)))
		rc = mdb_cursor_get(v->cursor, &found, &value, MDB_NEXT);
	it->done = rc == MDB_NOTFOUND;
	return rc == MDB_NOTFOUND ? ST_OK : error_status(v->store, rc);
}

/*
 * Decode the row at the cursor.  ST_NOT_FOUND where it lies beyond the
 * collection of the iteration.
 */
static enum status
decode_row(struct view_iter *it, MDB_val key, MDB_val value, struct row *out)
{
	const char *data = key.mv_data;
	/*
	 * A NUL after a name of that length means a record of the collection
	 * that the row before was or is in: rows are sorted, and no name holds
	 * a NUL.
	 */
	bool is_record = key.mv_size > it->name_len && data[it->name_len] == '\0';
	struct row row = {.is_collection = !is_record, .name = row_slice(key)};
	bool whole;

	if (it->collection.data != NULL && !row_is_record_of(key, it->collection))
		return ST_NOT_FOUND;
	if (row.is_collection) {
		it->name_len = key.mv_size;
		whole = row_decode_collection(value, &row.collection);
		row.revision = row.collection.revision;
	} else {
		row.name.data += it->name_len + 1;
		row.name.len -= it->name_len + 1;
		whole = row_decode_record(value, &row.revision, &row.json);
	}
	*out = row;
	return whole ? ST_OK : broken(it->view);
}

/*
 * Prefetch the row that the iteration reaches two pages later.  Rows that were
 * loaded in order fill consecutive pages, at about the same offsets; where they
 * do not, the prefetch costs nothing.  Two pages are a few microseconds ahead,
 * twice the time that memory needs.
 */
static void
fetch_ahead(const struct store *s, const char *row)
{
	const char *ahead = row + 2 * s->page;

	__builtin_prefetch(ahead);
	__builtin_prefetch(ahead + CACHE_LINE_BYTES);
	__builtin_prefetch(ahead + 2 * CACHE_LINE_BYTES);
}

enum status
view_next(struct view_iter *it, struct row *out)
{
	struct view *v = it->view;
	MDB_val key, value;
	enum status st;
	int rc;

	if (it->done)
		return ST_NOT_FOUND;
	rc = mdb_cursor_get(v->cursor, &key, &value, it->started ? MDB_NEXT : MDB_GET_CURRENT);
	it->started = true;
	if (rc == MDB_SUCCESS) {
		fetch_ahead(v->store, key.mv_data);
		st = decode_row(it, key, value, out);
	} else {
		st = rc == MDB_NOTFOUND ? ST_NOT_FOUND : error_status(v->store, rc);
	}
	it->done = st != ST_OK;
	return st;
}
