/*
 * The store: collections of records, shared by all processes that open it.
 *
 * This header is the contract.  It shows nothing of the engine behind it.
 *
 * A collection is a name and a set of records.  A record is a name and a JSON
 * text, which the store keeps as given.  The caller checks names (name.h) and
 * JSON (json.h) first; the store does not.  Everything is sorted by name,
 * bytewise.
 *
 * Every change (store_apply, store_drop) takes the next revision of the store.
 * Revisions count from 1 and are never reused within one store.  A change gives
 * its revision to each record that it sets, to the collection and to the store.
 * Each store has an identity, a random number.  A copy of a store gets another
 * identity when it is prepared, so that its revisions are not taken for those
 * of the original.
 *
 * A view is a consistent state to read from: a snapshot (store_read), or an
 * open batch of changes (store_write), which shows its own changes so far.  A
 * slice from a view is borrowed: it is valid until the next change in the batch
 * or the end of the view.  A process has at most one open snapshot, one open
 * batch, and STORE_KEPT_MAX kept snapshots (store_keep).  Snapshots never block
 * and are never blocked.  The batches of all processes take turns.  A process
 * that dies in a batch leaves no trace of that batch.
 *
 * Durability: with STORE_VOLATILE a committed change survives the death of any
 * process.  With STORE_DURABLE it is on the disk before store_commit returns.
 *
 * After a change or a commit fails with ST_FULL, ST_IO or ST_NO_MEMORY, the
 * whole batch can only be aborted.  The store reserves room so that removals
 * succeed when it is full.  A batch of one change that only removes may still
 * fail with ST_FULL; that failure frees room, and the caller's retry succeeds.
 * (This does not hold while a snapshot stays open over hundreds of changes.)
 */
#ifndef MARKBOOK_STORE_STORE_H
#define MARKBOOK_STORE_STORE_H

#include "base/buf.h"
#include "base/status.h"

enum store_durability { STORE_VOLATILE, STORE_DURABLE };

/* Identifies a file independently of its path. */
struct store_file {
	uint64_t device;
	uint64_t inode; /* 0: any file */
};

struct store_options {
	const char *path; /* a directory; its parent exists */
	/*
	 * In bytes, for store_prepare: the whole store with its headroom.  The
	 * store records it.  store_open takes it from there, and it stays fixed
	 * while any process has the store open.
	 */
	size_t size;
	enum store_durability durability;
	/* How many snapshots all processes together may hold; 0: 1,024. */
	unsigned max_snapshots;
	/* The only data file that store_open accepts at `path`. */
	struct store_file file;
};

struct store;
struct view;

/* What the store records about a collection. */
struct collection {
	uint64_t revision;
	uint64_t count; /* number of records */
	uint64_t bytes; /* length of their names and JSON together */
	uint64_t sum;	/* the engine's checksum of the records */
};

/* A record; or a collection, in an iteration over the whole store. */
struct row {
	bool is_collection;
	struct slice name;
	struct slice json; /* records only */
	uint64_t revision;
	struct collection collection; /* collections only */
};

/*
 * A change of one record: set its JSON, or remove the record where json.data is
 * NULL.  Removing a record that does not exist is no error.
 */
struct edit {
	struct slice name;
	struct slice json;
};

struct store_stats {
	uint64_t id;
	uint64_t revision;
	uint64_t collections; /* counted by a walk over the collections */
	uint64_t records;
	uint64_t size_bytes;  /* the size that was prepared */
	uint64_t limit_bytes; /* above this, only removals succeed */
	uint64_t used_bytes;  /* in use by the current state */
	uint64_t file_bytes;  /* length of the file, which never shrinks */
	unsigned readers;     /* snapshot slots in use, stale ones included */
};

/*
 * Prepare the store before its first store_open.  One process does this.  It
 * makes the directory (mode 0700) and the store where there is none; it checks
 * an existing store in a child process, because a damaged file could kill the
 * checker.  It skips the full check for a store that was settled and not
 * touched since.  It never overwrites existing data.  If a process died while
 * it made the store, the next call makes the store anew, also after power loss
 * (STORE_DURABLE).
 *
 * *fresh tells whether the store holds no collection and never did (revision
 * 0).  *hold is a close-on-exec descriptor, or -1 after failure.  While it is
 * open, here or in a child, no other process can prepare this store.
 *
 * ST_OK; ST_STORE_* or ST_NO_MEMORY, and then `why` tells the operator what is
 * wrong with which path, and what to do.
 */
enum status store_prepare(const struct store_options *o, bool *fresh, int *hold,
			  struct problem *why);

/*
 * Check from outside whether store_prepare can succeed.  This opens no store
 * and changes nothing.  The result and `why` are those of store_prepare.
 */
enum status store_foresee(const struct store_options *o, struct problem *why);

/*
 * Store in *out which file the store at o->path is now; all zero where there is
 * none.  A service refuses any other file later, because its processes could
 * not tell the revisions of two files apart.
 */
void store_identify(const struct store_options *o, struct store_file *out);

/*
 * Check the store once more and mark it as whole, so that the next
 * store_prepare need not check it.  The process that prepared the store calls
 * this after all others have closed it.  Where o->path no longer holds o->file,
 * it does nothing.
 *
 * ST_OK, also where the mark could not be written: the next start then takes
 * longer.  ST_STORE_* or ST_NO_MEMORY with the same `why` that store_prepare
 * would give.
 */
enum status store_settle(const struct store_options *o, struct problem *why);

/*
 * Remove the mark of store_settle.  A process that did not prepare the store
 * calls this before it writes to it.  ST_OK; ST_STORE_ACCESS.
 */
enum status store_unsettle(const struct store_options *o, struct problem *why);

/*
 * Check every row of a store, and change nothing.  Where there is no store yet,
 * *there is false and the result is ST_OK.  Errors are those of store_prepare.
 */
enum status store_verify(const struct store_options *o, bool *there, struct problem *why);

/*
 * Open a prepared store: once a process, after any fork.  The caller owns *out
 * and ends it with store_close; it is NULL after failure.  ST_OK; ST_STORE_*,
 * ST_NO_MEMORY, or ST_BUSY (too many snapshots), with `why` for the operator.
 */
enum status store_open(struct store **out, const struct store_options *o, struct problem *why);

/*
 * Close the store.  An open batch is aborted and an open snapshot ends; kept
 * snapshots must be released before.  NULL is allowed.
 */
void store_close(struct store *s);

/* Free the snapshots of processes that died.  Returns how many there were. */
unsigned store_upkeep(struct store *s);

/*
 * Open a snapshot of the last commit.  While one is open, this returns that one
 * unchanged.  The store owns it; store_read_end ends it.  *out is NULL after
 * failure.  ST_OK; ST_BUSY (too many snapshots); ST_NO_MEMORY; ST_IO.
 */
enum status store_read(struct store *s, struct view **out);
void store_read_end(struct store *s);

#define STORE_KEPT_MAX 16

/*
 * Take the open snapshot away from the store.  The caller owns it from now on,
 * and gives it back by store_release before store_close.  The next store_read
 * opens another.  Slices from the snapshot stay valid.  An iteration goes on
 * after the caller sets its `view` to *out.  ST_OK; ST_BUSY (STORE_KEPT_MAX are
 * kept already); ST_NO_MEMORY.  After failure the snapshot stays the store's.
 */
enum status store_keep(struct store *s, struct view **out);
/* Whether fewer than STORE_KEPT_MAX snapshots are kept. */
bool store_can_keep(const struct store *s);
/* End a kept snapshot.  NULL is allowed. */
void store_release(struct view *v);

/*
 * Begin a batch, after waiting for the batches of other processes.  The store
 * owns it; store_commit or store_abort ends it.  *out is NULL after failure.
 * ST_OK; ST_IO; ST_FULL; ST_NO_MEMORY; ST_UNAVAILABLE (the store's file was
 * removed, moved, replaced, or is not writable).
 */
enum status store_write(struct store *s, struct view **out);
/*
 * Commit the batch.  The batch ends, whatever the result.  After failure none
 * of its changes took place.  ST_OK; ST_FULL; ST_IO; ST_UNAVAILABLE;
 * ST_NO_MEMORY.
 */
enum status store_commit(struct store *s);
/* End the batch without its changes.  Does nothing where none is open. */
void store_abort(struct store *s);

/*
 * Try whether a batch could be committed now, by committing one that changes
 * nothing.  Results are those of store_write and store_commit.  ST_FULL means a
 * full store that still works.
 */
enum status store_probe(struct store *s);

/* The store's identity. */
uint64_t store_id(const struct store *s);
/* The last revision of the store in this view; 0 before the first change. */
uint64_t view_revision(struct view *v);

/* ST_OK; ST_NO_COLLECTION; ST_IO. */
enum status view_collection(struct view *v, struct slice collection, struct collection *out);
/* ST_OK; ST_NO_COLLECTION; ST_NOT_FOUND; ST_IO.  `out` may be NULL. */
enum status view_record(struct view *v, struct slice collection, struct slice record,
			struct row *out);

/*
 * An iteration over the rows of a view, in order.  With a collection it gives
 * that collection's records; where after.data is not NULL, only those after the
 * name `after`.  With the collection { NULL, 0 } it gives each collection
 * (is_collection is set), followed by its records.  A view has one iteration at
 * a time, and no change takes place during it.
 *
 * view_iterate: ST_OK; ST_NO_COLLECTION; ST_NO_MEMORY; ST_IO.
 * view_next: ST_OK; ST_NOT_FOUND at the end; ST_IO.
 */
struct view_iter {
	struct view *view;
	struct slice collection;
	size_t name_len; /* of the collection that the last row was or is in */
	bool started;
	bool done;
};
enum status view_iterate(struct view *v, struct slice collection, struct slice after,
			 struct view_iter *it);
enum status view_next(struct view_iter *it, struct row *out);

enum store_apply_flags {
	STORE_CREATE = 1, /* make the collection if it does not exist */
	STORE_CLEAR = 2,  /* remove all its records first */
};

/*
 * Apply `n` edits to one collection as one change of a batch.  The edits and
 * their bytes are read during the call only.  ST_OK; ST_NO_COLLECTION (nothing
 * was done, and the batch goes on); ST_FULL, ST_IO or ST_NO_MEMORY (the batch
 * can only be aborted).
 */
enum status store_apply(struct view *v, struct slice collection, const struct edit *edits, size_t n,
			unsigned flags);
/* Remove a collection and its records as one change.  Results: store_apply. */
enum status store_drop(struct view *v, struct slice collection);

/*
 * The engine's message for the last failure, for the log; NULL where nothing
 * has failed.
 */
const char *store_last_error(const struct store *s);

/*
 * Describe the state of the open snapshot, or of the last commit where none is
 * open.  ST_OK; the errors of store_read.
 */
enum status store_stat(struct store *s, struct store_stats *out);

/*
 * Write a compact, consistent copy to a new file at `path` while others read
 * and write.  The copy is made under a temporary name beside `path`, synced and
 * then linked into place, so that the file at `path` is whole or absent.  An
 * existing file is not overwritten.  To restore a copy, put it into an empty
 * directory as data.mdb.
 *
 * ST_OK; ST_EXISTS; ST_FULL; ST_STORE_ACCESS (`path` is "-" or lies in the
 * store's own directory); ST_IO.  `why` tells the operator what is wrong.
 */
enum status store_backup(struct store *s, const char *path, struct problem *why);

#endif
