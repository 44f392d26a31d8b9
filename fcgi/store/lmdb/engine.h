/*
 * What the files of the LMDB engine share; no other folder includes this.
 *
 * All rows are in LMDB's main database, in this order of keys:
 *
 *	"\0meta"			what the store is, see struct meta
 *	"\0spare"			room for removals, once it was made
 *	collection			its revision, count, bytes and sum
 *	collection "\0" record		its revision, then its JSON
 *
 * Names hold no control characters, so a walk meets each collection's row
 * before the collection's records, and all of them sorted.  Numbers take
 * 8 bytes, little endian.
 *
 * LMDB has no checksums, and a page that power loss left in its old state may
 * look whole.  So a collection's row holds the sum of the hashes of its
 * records' rows, and the meta row that of the collections' rows.  A change
 * subtracts the old row's hash and adds the new one's.
 *
 * A reader's slot, a lock and the mapping belong to the process that opened
 * the environment: nothing here may be used across fork().
 *
 * "LMDB's rc" below is MDB_SUCCESS, a negative code of LMDB, or an errno value.
 */
#ifndef MARKBOOK_STORE_LMDB_ENGINE_H
#define MARKBOOK_STORE_LMDB_ENGINE_H

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

/* Advice that fits whoever makes a store and whoever only reads one. */
#define STORE_GIVE_ANOTHER                                                                         \
	"give --store a directory that holds a store, or an empty one for a new store"

/* Two names and a NUL just reach LMDB's own limit on keys, 511 bytes. */
#define STORE_KEY_MAX (NAME_MAX_BYTES + 1 + NAME_MAX_BYTES)

/* A page holds a value of page - 16 bytes. */
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
	uint64_t home; /* the file that it was made in, see prepare.c */
};

/* A snapshot or a batch.  Only a batch uses the members from `sum` on. */
struct view {
	struct store *store;
	MDB_txn *txn;	    /* a snapshot's is reset and reused by the next */
	MDB_cursor *cursor; /* NULL before the first use; reused like `txn` */
	bool open;
	bool writable;
	uint64_t revision;
	uint64_t sum; /* of the collections' rows */
	size_t changes;
	bool sets;	    /* a change set something */
	size_t reach;	    /* upper bound of the pages that the changes took */
	enum status failed; /* the batch can only be aborted */
};

struct store {
	MDB_env *env;
	uint64_t home;
	MDB_dbi dbi;
	uint64_t id;
	size_t size;
	size_t page;
	size_t pages;		/* how many the store may have */
	size_t limit;		/* pages in use; above it, removals only */
	char *data_file;	/* its path */
	struct store_file file; /* the file that is open */
	struct view snapshot;
	unsigned kept; /* snapshots that store_keep gave away */
	struct view batch;
	int last_error;
};

/* --- row.c: keys and rows, as bytes --- */

MDB_val row_key_meta(void);
/* The bytes that a first row of any format begins with in a page. */
struct slice row_meta_start(void);
MDB_val row_key_spare(void);
MDB_val row_key_collection(struct slice name);
/*
 * Make a record's key in `buf`, of STORE_KEY_MAX bytes, from which *key
 * borrows.  False: a name is too long for any record.
 */
bool row_key_record(char *buf, MDB_val *key, struct slice collection, struct slice record);
bool row_is_record_of(MDB_val key, struct slice collection);
struct slice row_slice(MDB_val v);

void row_encode_u64(char *out, uint64_t n);
void row_encode_collection(char out[COLLECTION_BYTES], const struct collection *c);
void row_encode_meta(char out[META_BYTES], const struct meta *m);
/* False: the row does not have the length that it should. */
bool row_decode_collection(MDB_val v, struct collection *out);
bool row_decode_record(MDB_val v, uint64_t *revision, struct slice *json);
/* ST_OK; ST_STORE_FOREIGN; ST_STORE_FORMAT; ST_STORE_DAMAGED. */
enum status row_decode_meta(MDB_val v, struct meta *out);

/* The hash of one row, of which the sums at the top are made. */
uint64_t row_hash(MDB_val key, MDB_val value);

/* --- error.c: LMDB's rc as a status, and as words for people --- */

/*
 * An rc of our own: the store's file was moved, removed or replaced.  LMDB's
 * codes are far below this value, those of errno above.
 */
#define STORE_MOVED (-1)

/* The status of an rc met while serving; store_last_error tells of it later. */
enum status error_status(struct store *s, int rc);
/* The status of an rc met while opening; `why` says what to do. */
enum status error_opening(const char *path, int rc, struct problem *why);
/* ST_STORE_DAMAGED; `why` says what is damaged and what to do. */
enum status error_damaged(const char *path, const char *what, struct problem *why);
/* As error_damaged, for a store known to be at this revision. */
enum status error_damaged_at(const char *path, uint64_t revision, const char *what,
			     struct problem *why);
/*
 * The status of a data file that is not LMDB's: ST_STORE_DAMAGED if it was a
 * store (file_was_store), else ST_STORE_FOREIGN; `why` says what to do.
 */
enum status error_not_lmdb(const char *path, struct problem *why);
/*
 * The status of a data file for which row_decode_meta returned `st`; `why` says
 * what it means.  ST_STORE_FOREIGN becomes ST_STORE_DAMAGED if the file was a
 * store (file_was_store).
 */
enum status error_meta(const char *path, enum status st, const struct meta *m, struct problem *why);
/*
 * The text for an rc.  For ENOMEM it is error_no_memory, which callers compare
 * by address.
 */
extern const char error_no_memory[];
const char *error_text(int rc);

/* --- file.c: paths, and which file lies at one --- */

/* Write "DIR/file" to a buffer of `size` bytes.  False: it does not fit. */
bool file_path(char *out, size_t size, const char *dir, const char *file);
/* Sync a directory, so that its entries are on the disk.  0 or errno. */
int file_sync_directory(const char *path);
/*
 * Look whether a file begins like LMDB's, without LMDB.  0, MDB_INVALID if it
 * does not, or errno if it cannot be read.
 */
int file_check_lmdb(const char *file);
/*
 * Whether the data file in the directory `path` was a store, although it cannot
 * be read as one: some page still holds a first row, or the file is not empty
 * and all zeros, which is no other program's data.  Reads no more than the
 * first 256 MB.
 */
bool file_was_store(const char *path);
/* Whether the file at o->path is o->file. */
bool file_is_there(const struct store_options *o);
/* Remember which file s->env has opened.  LMDB's rc. */
int file_note(struct store *s, const struct store_options *o);
/* Whether that file still lies at its path: MDB_SUCCESS or STORE_MOVED. */
int file_check(const struct store *s);

/* --- env.c: LMDB's environment --- */

/*
 * Open the environment at o->path.  A `size` of 0 leaves the size of the map as
 * it is; `flags` are LMDB's.  The caller closes *env, which is NULL after
 * failure.  LMDB's rc.
 */
int env_open(MDB_env **env, const struct store_options *o, size_t size, unsigned flags);
/* Pages of the tree that holds the rows. */
size_t env_pages_used(MDB_txn *txn, MDB_dbi dbi);
/*
 * Begin a snapshot.  When all slots are taken, free those of dead processes and
 * retry once.  LMDB's rc.
 */
int env_begin_snapshot(MDB_env *env, MDB_txn **txn);

/* --- view.c: reading --- */

/* Make the view's cursor usable in its present state.  LMDB's rc. */
int view_cursor(struct view *v);
/*
 * Find the row of this key.  A batch finds it by the cursor, so that a change
 * of that row need not descend the tree again.  LMDB's rc.
 */
int view_find(struct view *v, MDB_val *key, MDB_val *value);

/* --- room.c: room for removals --- */

/* How many of `pages` may be in use before only removals succeed. */
size_t room_limit(size_t pages);
/* Whether the room at the file's end may be too small for `reach` pages. */
bool room_near_end(const struct store *s, size_t reach);
/*
 * Reserve room at the end of a batch.  LMDB's rc; MDB_MAP_FULL where the batch
 * leaves too little room for a removal.
 */
int room_keep(struct view *v);
/*
 * Free the reserve after a batch that only removes found no room.  A retry of
 * the batch then has room.
 */
void room_release_spare(struct store *s);

/* --- check.c: looking through a store --- */

/* What a check found. */
struct check_verdict {
	enum status status;
	bool has_meta;	 /* false: made, but never used */
	uint64_t extent; /* bytes that the file needs */
	uint64_t txnid;	 /* LMDB's number of the last commit */
	struct meta meta;
	struct problem why;
};

/*
 * Look through the whole store, in a child process, since a damaged store may
 * kill it.  `bytes` is the length of its file.  Writes nothing, except to a
 * lock file that is there.
 */
void check_in_child(const char *path, off_t bytes, struct check_verdict *out);

/*
 * Look at the first row only, in this process.  The store must be known to be
 * whole.
 */
void check_glance(const char *path, struct check_verdict *out);

/* --- pages.c: the pages below the rows --- */

/*
 * Find the roots of the tree of free pages and of the tree of rows, in the
 * state that the snapshot shows.  The snapshot may show a later state
 * afterwards.  LMDB's rc; MDB_CORRUPTED where the file does not tell.
 */
int pages_find_roots(MDB_txn *txn, size_t page, uint64_t roots[2]);

/*
 * Check that every page is in one place only: in one of the two trees or in the
 * list of free pages.  `page` is the size of a page, `last` the number of the
 * last one.  Returns NULL, or what is wrong.  A damaged file may end the
 * process.
 */
const char *pages_check(MDB_txn *txn, size_t page, size_t last, const uint64_t roots[2]);

/* --- mark.c: the mark of a settled store --- */

/*
 * Whether the store was settled (store.h) and its file, which is `data`, has
 * not changed since.  If so, *out is what check_glance says of it.
 */
bool mark_holds(const char *path, const struct stat *data, struct check_verdict *out);

/* Remove the mark before the store is written to.  0 or errno. */
int mark_remove(const char *path);

#endif
