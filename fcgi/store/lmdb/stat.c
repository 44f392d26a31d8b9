/*
 * Counts what is in the store.
 */
#include "store/lmdb/engine.h"

#include <sys/stat.h>

/* LMDB lists its readers one a line, below a heading. */
static int
count_line(const char *line, void *count)
{
	(void)line;
	++*(unsigned *)count;
	return 0;
}

static unsigned
readers(struct store *s)
{
	unsigned lines = 0;

	if (mdb_reader_list(s->env, count_line, &lines) < 0 || lines == 0)
		return 0;
	return lines - 1;
}

/* Go from collection to collection, and skip their records. */
static int
count_rows(MDB_cursor *cursor, struct store_stats *out)
{
	/* '\1' sorts after the meta and spare rows, and before every name. */
	char buf[NAME_MAX_BYTES + 1] = {'\1'};
	MDB_val key = {.mv_size = 1, .mv_data = buf}, value;
	struct collection c;
	int rc;

	while ((rc = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE)) == MDB_SUCCESS) {
		if (key.mv_size > NAME_MAX_BYTES || !row_decode_collection(value, &c))
			return MDB_CORRUPTED;
		out->collections++;
		out->records += c.count;
		memcpy(buf, key.mv_data, key.mv_size);
		buf[key.mv_size] = '\1';
		key.mv_size++;
		key.mv_data = buf;
	}
	return rc == MDB_NOTFOUND ? MDB_SUCCESS : rc;
}

enum status
store_stat(struct store *s, struct store_stats *out)
{
	bool was_open = s->snapshot.open;
	MDB_cursor *cursor;
	struct view *v;
	struct stat sb;
	int fd, rc;
	enum status st = store_read(s, &v);

	if (st != ST_OK)
		return st;
	*out = (struct store_stats){
	    .id = s->id,
	    .revision = view_revision(v),
	    .size_bytes = s->size,
	    .limit_bytes = s->limit * s->page,
	    .used_bytes = env_pages_used(v->txn, s->dbi) * s->page,
	    .readers = readers(s),
	};
	/* An iteration may be using the view's cursor. */
	if ((rc = mdb_cursor_open(v->txn, s->dbi, &cursor)) == MDB_SUCCESS) {
		rc = count_rows(cursor, out);
		mdb_cursor_close(cursor);
	}
	if (rc == MDB_SUCCESS && (rc = mdb_env_get_fd(s->env, &fd)) == MDB_SUCCESS &&
	    fstat(fd, &sb) == 0)
		out->file_bytes = (uint64_t)sb.st_size;
	if (!was_open)
		store_read_end(s);
	return error_status(s, rc);
}
