/*
 * Room for removals.
 *
 * LMDB never writes over a page that the last commit or an older snapshot shows, so a removal has
 * to take pages before it gives any back, and pages that one commit frees can be taken by the
 * second commit after it, not by the next.  Three things see to it that there are some:
 *
 * - A change that sets something may not bring the pages in use over store.limit.
 * - A batch has to leave ROOM_PAGES behind that the very next one can take.  One that took the
 *   last page would leave a store in which nothing can be committed any more.
 * - A commit writes the list of pages that it freed in one piece, for a removed collection of 20 MB
 *   ten pages long, and where values of many sizes were written over for long there may be no ten
 *   free pages in a row.  So before the file reaches its greatest length a row of that many pages
 *   is made, for nothing but to be removed when a removal finds no room.
 *
 * All this is for the time when the file is near its greatest length; before, there is room at
 * its end.
 */
#include "store/lmdb/engine.h"

#define ROOM_PAGES ((size_t)64)

/*
 * What is kept back from everything but removals: an eighth of the store, and at
 * least 128 pages.
 *
 * A removal of one record was seen to take some 8 pages: the paths to three rows
 * and to the list of free pages.  They come back two commits later unless a
 * snapshot holds them, so the eighth is for removals that come while one does.
 * In a store of 32 MB, 1,024 pages were enough for 119 to 134 removals, with
 * records of up to 60 bytes, of up to 3,000, and of mixed lengths.  The minimum of
 * 128 is for small stores, and enough for twice ROOM_PAGES.
 */
#define HEADROOM_PART 8
#define HEADROOM_MIN 128

size_t
room_limit(size_t pages)
{
	size_t headroom = pages / HEADROOM_PART;

	if (headroom < HEADROOM_MIN)
		headroom = HEADROOM_MIN;
	return headroom < pages ? pages - headroom : 0;
}

/* For a list of all pages, 8 bytes each. */
static size_t
spare_pages(const struct store *s)
{
	return s->pages * sizeof(uint64_t) / s->page + 2;
}

bool
room_near_end(const struct store *s, size_t reach)
{
	MDB_envinfo info;

	return mdb_env_info(s->env, &info) != MDB_SUCCESS ||
	       info.me_last_pgno + reach + 2 * ROOM_PAGES + spare_pages(s) >= s->pages;
}

/* Try to take ROOM_PAGES in a nested transaction, and give them back. */
static int
try_room(struct view *v)
{
	struct store *s = v->store;
	char name[] = {'\0', 'r', 'o', 'o', 'm', '\0'};
	MDB_txn *trial;
	int rc = mdb_txn_begin(s->env, v->txn, 0, &trial);

	if (rc != MDB_SUCCESS)
		return rc;
	for (size_t i = 0; rc == MDB_SUCCESS && i < ROOM_PAGES; i++) {
		MDB_val key = {.mv_size = sizeof(name), .mv_data = name};
		MDB_val value = {.mv_size = s->page - STORE_PAGE_HEAD_BYTES};

		name[sizeof(name) - 1] = (char)i;
		rc = mdb_put(trial, s->dbi, &key, &value, MDB_RESERVE);
	}
	mdb_txn_abort(trial);
	return rc;
}

/* Nested, so that the batch goes on where there is no place for it. */
static void
make_spare(struct view *v)
{
	struct store *s = v->store;
	size_t size = spare_pages(s) * s->page - STORE_PAGE_HEAD_BYTES;
	MDB_val key = row_key_spare(), value;
	MDB_txn *nested;

	if (mdb_get(v->txn, s->dbi, &key, &value) == MDB_SUCCESS && value.mv_size == size)
		return;
	if (mdb_txn_begin(s->env, v->txn, 0, &nested) != MDB_SUCCESS)
		return;
	value.mv_size = size;
	if (mdb_put(nested, s->dbi, &key, &value, MDB_RESERVE) != MDB_SUCCESS) {
		mdb_txn_abort(nested);
		return;
	}
	memset(value.mv_data, 0, size);
	(void)mdb_txn_commit(nested);
}

int
room_keep(struct view *v)
{
	if (!room_near_end(v->store, v->reach))
		return MDB_SUCCESS;
	make_spare(v);
	return try_room(v);
}

void
room_release_spare(struct store *s)
{
	MDB_val spare = row_key_spare(), key = row_key_meta(), value;
	char bytes[META_BYTES];
	MDB_txn *txn;

	/* The second commit is there so that the one after it can take what the first freed. */
	for (int i = 0; i < 2; i++) {
		int rc = mdb_txn_begin(s->env, NULL, 0, &txn);

		if (rc != MDB_SUCCESS)
			return;
		if (i == 0) {
			rc = mdb_del(txn, s->dbi, &spare, NULL);
		} else if ((rc = mdb_get(txn, s->dbi, &key, &value)) == MDB_SUCCESS) {
			memcpy(bytes, value.mv_data, sizeof(bytes));
			value.mv_data = bytes;
			rc = mdb_put(txn, s->dbi, &key, &value, 0);
		}
		if (rc != MDB_SUCCESS) {
			mdb_txn_abort(txn);
			return;
		}
		if (mdb_txn_commit(txn) != MDB_SUCCESS)
			return;
	}
}
