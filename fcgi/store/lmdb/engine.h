/*
 * What the files of the LMDB engine share; nothing else includes this.
 *
 * All rows are in LMDB's main database, in this order:
 *
 *	"\0meta"			what the store is, see struct meta
 *	"\0spare"			room for removals, where it was made
 *	collection			its revision, count, bytes and sum
 *	collection "\0" record		its revision, then its JSON
 *
 * Names hold no control characters, so a walk meets each collection's row and
 * then its records, sorted.  Numbers are 8 bytes, little endian.
 *
 * LMDB has no checksums, and a page that power loss left as it was before may look whole.  So a
 * collection's row has the sum of the hashes of its records' rows, and the meta row that of the
 * collections' rows; a change takes the old row's hash away and adds the new one's.
 *
 * A reader's slot, a lock and the mapping belong to the process that opened
 * the environment: nothing here may be used across fork().
 */
#ifndef MARKBOOK_STORE_LMDB_H
#define MARKBOOK_STORE_LMDB_H

#include "store/name.h"
#include "store/store.h"

#include <lmdb.h>
#include <sys/stat.h>
#include <sys/types.h>

#define STORE_FORMAT 2 /* of the rows */
#define STORE_DATA_FILE "data.mdb"
#define STORE_DATA_NEW_FILE "data.mdb.new" /* while it is made */
#define STORE_LOCK_FILE "lock.mdb"
#define STORE_MARK_FILE "settled"
#define STORE_MARK_NEW_FILE "settled.new" /* while it is written */

/* Advice for those that make a store and those that only read one. */
#define STORE_GIVE_ANOTHER                                                                         \
	"give --store a directory that holds a store, or an empty one for a new store"

/* LMDB's own limit on keys is 511, which two names and a NUL just reach. */
#define STORE_KEY_MAX (NAME_MAX_BYTES + 1 + NAME_MAX_BYTES)

/* A page without its header takes a value of page - 16 bytes. */
#define STORE_PAGE_HEAD_BYTES 16

#define META_BYTES 56
#define COLLECTION_BYTES 32
#define RECORD_HEAD_BYTES 8

struct meta {
	uint64_t format;
	uint64_t id;
	uint64_t revision;
	uint64_t size; /* of the store, as given when it was last prepared */
	uint64_t sum;  /* of the collections' rows */
	uint64_t home; /* the file that it was made in, by store_lmdb_prepare.c */
};

/* A snapshot, or a batch, of which the members from `revision` on are. */
struct view {
	struct store *store;
	MDB_txn *txn;	    /* of a snapshot: kept, and reset between snapshots */
	MDB_cursor *cursor; /* NULL until the first iteration; kept like the txn */
	bool open;
	bool writable;
	uint64_t revision;
	uint64_t sum; /* of the collections' rows */
	size_t changes;
	bool sets;	    /* a change set something */
	size_t reach;	    /* pages that the changes may have allocated, a generous guess */
	enum status failed; /* the batch can only be aborted */
};

struct store {
	MDB_env *env;
	uint64_t home;
	MDB_dbi dbi;
	uint64_t id;
	size_t size;
	size_t page;
	size_t pages;		/* that the store may have */
	size_t limit;		/* pages in use beyond which only removals succeed */
	char *data_file;	/* its path */
	struct store_file file; /* that is open */
	struct view snapshot;
	unsigned kept; /* snapshots that store_keep gave away */
	struct view batch;
	int last_error;
};

/* --- store_lmdb_row.c: keys and rows --- */

MDB_val store_key_meta(void);
MDB_val store_key_collection(struct slice name);
/* In `buf` of STORE_KEY_MAX bytes.  False: no record can have these names. */
bool store_key_record(char *buf, MDB_val *key, struct slice collection, struct slice record);
bool store_key_is_record_of(MDB_val key, struct slice collection);
struct slice store_slice(MDB_val v);

void store_encode_u64(char *out, uint64_t n);
void store_encode_collection(char out[COLLECTION_BYTES], const struct collection *c);
/* False: the row is not what it should be. */
bool store_decode_collection(MDB_val v, struct collection *out);
bool store_decode_record(MDB_val v, uint64_t *revision, struct slice *json);
void store_encode_meta(char out[META_BYTES], const struct meta *m);
/* The hash of one row; see the top. */
uint64_t store_row_hash(MDB_val key, MDB_val value);

/* ST_OK; ST_STORE_FOREIGN; ST_STORE_FORMAT; ST_STORE_DAMAGED. */
enum status store_decode_meta(MDB_val v, struct meta *out);

/* --- store_lmdb_view.c --- */

/* The view's cursor, for use in its present state.  LMDB's rc. */
int store_view_cursor(struct view *v);
/* The row of this key; in a batch by the cursor, which need not go down the tree again to change it.  LMDB's rc. */
int store_view_find(struct view *v, MDB_val *key, MDB_val *value);

/* --- store_lmdb.c --- */

/* The status of an LMDB or errno value, which is kept for store_last_error. */
enum status store_engine_status(struct store *s, int rc);
/* ST_STORE_DAMAGED, and what to do. */
enum status store_damaged(const char *path, const char *what, struct problem *why);
/* The status of an LMDB or errno value met when opening, and what to do. */
enum status store_open_status(const char *path, int rc, struct problem *why);
/* Says what store_decode_meta found; ST_OK is fine. */
enum status store_meta_status(const char *path, enum status st, const struct meta *m,
			      struct problem *why);
/* LMDB's rc; *env is NULL after failure. */
int store_env_open(MDB_env **env, const struct store_options *o, size_t size, unsigned flags);
/* Pages of the tree that holds the rows. */
size_t store_pages_used(MDB_txn *txn, MDB_dbi dbi);
/* "DIR/file" in a buffer of `size`: false if it does not fit. */
bool store_path(char *out, size_t size, const char *dir, const char *file);
/* 0 or errno. */
int store_sync_directory(const char *path);

/* --- store_lmdb_place.c --- */

/* Beside LMDB's codes, which are far below, and those of errno. */
#define STORE_MOVED (-1)

/* Whether the file at o->path is o->file. */
bool store_is_there(const struct store_options *o);
/* After its environment was opened: LMDB's rc. */
int store_note_place(struct store *s, const struct store_options *o);
/* MDB_SUCCESS or STORE_MOVED. */
int store_check_place(const struct store *s);

/* --- store_lmdb_room.c --- */

MDB_val store_key_spare(void);
/* The file is so long that `reach` pages more might not find a place at its end. */
bool store_near_end(const struct store *s, size_t reach);
/* At the end of a batch: LMDB's rc, MDB_MAP_FULL where it leaves too little for a removal. */
int store_keep_room(struct view *v);
/* After a batch that only removes found no room; the same one has it then. */
void store_release_spare(struct store *s);

/* --- store_lmdb_check.c --- */

/* Whether the file starts as LMDB's do, without opening it as one. */
bool store_is_lmdb(const char *file);

/* What the checker found in the store that is there. */
struct store_verdict {
	enum status status;
	bool has_meta;	 /* false: made, but never used */
	uint64_t extent; /* bytes that the file needs */
	uint64_t txnid;	 /* LMDB's number of the last commit */
	struct meta meta;
	struct problem why;
};

/*
 * Look at the whole store in a child process, which a damaged one may kill.  `bytes` is how long
 * its file is.  Writes nothing but to a lock file that is there.
 */
void store_check(const char *path, off_t bytes, struct store_verdict *out);

/* The same of the first row alone, and in this process: for a store that is known to be whole. */
void store_glance(const char *path, struct store_verdict *out);

/* --- store_lmdb_pages.c --- */

/*
 * Where the tree of free pages and that of the rows begin, in the state that a snapshot shows, which
 * may be a later one after this.  LMDB's rc, or errno; MDB_CORRUPTED where the file does not tell.
 */
int store_find_roots(MDB_txn *txn, size_t page, uint64_t roots[2]);

/* What a check says that had no memory to find out: this one, not another with the same words. */
extern const char store_check_no_memory[];
/* What a check says where LMDB returned this. */
const char *store_check_failed(int rc);

/*
 * Look at every page of both trees and at the list of free ones: each is in one place only.  `page`
 * is the size of one, `last` the number of the last.  NULL, or what is wrong.  A damaged file may end
 * the process.
 */
const char *store_check_pages(MDB_txn *txn, size_t page, size_t last, const uint64_t roots[2]);

/* --- store_lmdb_mark.c --- */

/*
 * Whether the store was settled (store.h) and its file, which is `data`, is still as it was then;
 * if so *out is what store_glance says of it.
 */
bool store_is_settled(const char *path, const struct stat *data, struct store_verdict *out);

/* It is about to be written to.  0 or errno. */
int store_remove_mark(const char *path);

#endif
