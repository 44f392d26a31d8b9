/*
 * Reserves room for removals.
 *
 * LMDB never overwrites a page that the last commit or an older snapshot uses.
 * So a removal takes new pages before it frees any.  The pages that a commit
 * frees are not available to the next commit, but to the second one after it.
 * Three rules keep enough pages available:
 *
 * - A change that sets something must not raise the pages in use above
 *   store.limit.
 * - A batch, other than a single removal, must leave ROOM_PAGES that the very
 *   next batch can take.  After a batch that took the last page, nothing could
 *   be committed any more.
 * - A commit writes the list of the pages that it freed as one value.  For a
 *   removed collection of 20 MB this value takes ten pages in a row.  In a
 *   store fragmented by long rewriting of values of many sizes, there may be no
 *   ten free pages in a row.  So, before the file reaches its maximum length, a
 *   batch makes a spare row, long enough for a list of all pages.  The row has
 *   no other use than to be removed when a removal finds no room.
 *
 * The last two rules apply only when the file is near its maximum length.
 * Until then there is room at its end.
 */
#include "store/lmdb/engine.h"

#define ROOM_PAGES ((size_t)64)

/*
 * The headroom, reserved for removals: an eighth of the store, and at least 128
 * pages.
 *
 * A removal of one record was measured to take about 8 pages: the paths to
 * three rows and to the list of free pages.  They come back two commits later,
 * unless a snapshot holds them.  The eighth is for removals while a snapshot is
 * open.  In a store of 32 MB, 1,024 pages were enough for 119 to 134 removals,
 * with records of up to 60 bytes, of up to 3,000 bytes, and of mixed lengths.
 * The minimum of 128 pages is for small stores, and is twice ROOM_PAGES.
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

/* The size of the spare row: room for a list of all pages, 8 bytes each. */
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

/* Try to allocate ROOM_PAGES in a nested transaction, and abort it. */
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

/*
 * Make the spare row if there is room.  The nested transaction lets the batch
 * go on where there is none.
 */
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

	/*
	 * Commit twice: only the commit after the second one can use the pages
	 * that the first one frees.
	 */
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
