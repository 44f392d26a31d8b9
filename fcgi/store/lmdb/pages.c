/*
 * Checks that each page of the file is used once.
 *
 * LMDB trusts its list of free pages.  After power loss the list may be older
 * than the tree, or it may hold a page twice.  Then the next writes overwrite
 * rows or end the process.  LMDB's interface does not show page numbers.  So
 * this file reads them as LMDB 0.9 lays them out on a 64-bit host (mdb.c:
 * MDB_page, MDB_node, MDB_db, MDB_meta).
 */
#include "store/lmdb/engine.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define FIRST_PAGE 2 /* the two meta pages come before */
#define NO_PAGE UINT64_MAX

/* Offsets, flags and limits of a page. */
#define AT_FLAGS 10
#define AT_LOWER 12
#define AT_PAGES 12
#define FLAG_BRANCH 0x01
#define FLAG_LEAF 0x02
#define FLAG_OVERFLOW 0x04
#define DEPTH_MAX 32

/* A node: an entry of a branch or leaf page. */
#define NODE_HEAD_BYTES 8
#define NODE_ELSEWHERE 0x01 /* its value is in overflow pages */

/*
 * Offsets in a meta page: the roots of the tree of free pages and of the tree
 * of rows, and the number of the commit.
 */
#define AT_FREE_ROOT 80
#define AT_ROOT 128
#define AT_COMMIT 144

/*
 * How often to read the meta page of a snapshot.  LMDB uses its two meta pages
 * in turn, so two commits after the snapshot overwrite the page.  The retry
 * uses a new snapshot.
 */
#define TRIES 100

struct pages {
	const char *map;
	size_t size; /* of a page */
	size_t last;
	unsigned char *seen; /* by page number: 1 once it was met */
};

static uint64_t
number(const char *at, size_t bytes)
{
	unsigned char b[sizeof(uint64_t)];
	uint64_t n = 0;

	/* LMDB writes numbers in the byte order of the host. */
	memcpy(b, at, bytes);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	for (size_t i = bytes; i > 0; i--)
		n = n << 8 | b[i - 1];
#else
	for (size_t i = 0; i < bytes; i++)
		n = n << 8 | b[i];
#endif
	return n;
}

/* Note a page as seen.  False: it does not exist, or was seen before. */
static bool
see(struct pages *p, uint64_t page)
{
	if (page < FIRST_PAGE || page > p->last || p->seen[page])
		return false;
	p->seen[page] = 1;
	return true;
}

/*
 * Note a page as seen and return its address.  NULL where see() is false or the
 * page does not hold its own number.
 */
static const char *
page_at(struct pages *p, uint64_t page)
{
	const char *at;

	if (!see(p, page))
		return NULL;
	at = p->map + page * p->size;
	return number(at, sizeof(page)) == page ? at : NULL;
}

static bool
see_overflow(struct pages *p, uint64_t page)
{
	const char *at = page_at(p, page);
	uint64_t n;

	if (at == NULL || number(at + AT_FLAGS, 2) != FLAG_OVERFLOW)
		return false;
	n = number(at + AT_PAGES, 4);
	for (uint64_t i = 1; i < n; i++)
		if (!see(p, page + i))
			return false;
	return n > 0;
}

static bool see_tree(struct pages *p, uint64_t page, unsigned depth);

static bool
see_node(struct pages *p, const char *page, size_t at, bool branch, unsigned depth)
{
	const char *node = page + at;
	uint64_t key;

	if (at + NODE_HEAD_BYTES > p->size)
		return false;
	if (branch)
		return see_tree(p, number(node, 6), depth + 1);
	if ((number(node + 4, 2) & NODE_ELSEWHERE) == 0)
		return true;
	key = number(node + 6, 2);
	return at + NODE_HEAD_BYTES + key + sizeof(uint64_t) <= p->size &&
	       see_overflow(p, number(node + NODE_HEAD_BYTES + key, sizeof(uint64_t)));
}

/*
 * Note this page of a tree and all below it as seen.  False: one of them is
 * damaged, or was seen before.
 */
static bool
see_tree(struct pages *p, uint64_t page, unsigned depth)
{
	const char *at = page_at(p, page);
	uint64_t flags, lower;

	if (at == NULL || depth > DEPTH_MAX)
		return false;
	flags = number(at + AT_FLAGS, 2);
	lower = number(at + AT_LOWER, 2);
	if ((flags != FLAG_BRANCH && flags != FLAG_LEAF) || lower < STORE_PAGE_HEAD_BYTES ||
	    lower > p->size)
		return false;
	for (size_t i = STORE_PAGE_HEAD_BYTES; i < lower; i += 2)
		if (!see_node(p, at, number(at + i, 2), flags == FLAG_BRANCH, depth))
			return false;
	return true;
}

/*
 * Note as seen the pages of one entry of the list of free pages: a count, and
 * as many page numbers in descending order.
 */
static bool
see_list(struct pages *p, MDB_val value)
{
	const char *data = value.mv_data;
	uint64_t n;

	if (value.mv_size < sizeof(n))
		return false;
	n = number(data, sizeof(n));
	if (n > value.mv_size / sizeof(n) - 1)
		return false;
	for (uint64_t i = 1, page, before = NO_PAGE; i <= n; i++, before = page) {
		page = number(data + i * sizeof(page), sizeof(page));
		if (page >= before || !see(p, page))
			return false;
	}
	return true;
}

/*
 * Note as seen all pages of the list of free pages.  The list is LMDB's
 * database 0.  Its keys are the numbers of the commits that freed the pages.
 */
static const char *
see_free_pages(struct pages *p, MDB_txn *txn)
{
	MDB_cursor *cursor;
	MDB_val key, value;
	bool whole = true;
	int rc = mdb_cursor_open(txn, 0, &cursor);

	if (rc != MDB_SUCCESS)
		return error_text(rc);
	while (whole && (rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == MDB_SUCCESS)
		whole = key.mv_size == sizeof(size_t) && see_list(p, value);
	mdb_cursor_close(cursor);
	if (rc != MDB_SUCCESS && rc != MDB_NOTFOUND)
		return error_text(rc);
	return whole ? NULL : "the list of free pages is wrong";
}

int
pages_find_roots(MDB_txn *txn, size_t page, uint64_t roots[2])
{
	char meta[AT_COMMIT + sizeof(uint64_t)];
	int fd, rc = mdb_env_get_fd(mdb_txn_env(txn), &fd);

	for (int tries = 0; rc == MDB_SUCCESS && tries < TRIES; tries++) {
		uint64_t commit = mdb_txn_id(txn);
		ssize_t n = pread(fd, meta, sizeof(meta), (off_t)(commit % 2 * page));

		if (n != (ssize_t)sizeof(meta))
			return n < 0 ? errno : MDB_CORRUPTED;
		if (number(meta + AT_COMMIT, sizeof(commit)) == commit) {
			roots[0] = number(meta + AT_FREE_ROOT, sizeof(commit));
			roots[1] = number(meta + AT_ROOT, sizeof(commit));
			return MDB_SUCCESS;
		}
		mdb_txn_reset(txn);
		rc = mdb_txn_renew(txn);
	}
	return rc == MDB_SUCCESS ? MDB_CORRUPTED : rc;
}

const char *
pages_check(MDB_txn *txn, size_t page, size_t last, const uint64_t roots[2])
{
	struct pages p = {.size = page, .last = last};
	const char *wrong = NULL;
	void *map;
	int fd, rc = mdb_env_get_fd(mdb_txn_env(txn), &fd);

	if (rc != MDB_SUCCESS)
		return error_text(rc);
	p.seen = calloc(last + 1, 1);
	map = mmap(NULL, (last + 1) * page, PROT_READ, MAP_SHARED, fd, 0);
	if (p.seen == NULL || map == MAP_FAILED) {
		wrong = error_no_memory;
	} else {
		p.map = map;
		for (int i = 0; i < 2 && wrong == NULL; i++)
			if (roots[i] != NO_PAGE && !see_tree(&p, roots[i], 0))
				wrong = "its pages do not belong together";
		if (wrong == NULL)
			wrong = see_free_pages(&p, txn);
	}
	if (map != MAP_FAILED)
		munmap(map, (last + 1) * page);
	free(p.seen);
	return wrong;
}
