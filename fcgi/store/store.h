/*
 * The store: collections of records, shared by all processes that open it.
 *
 * This is the contract; it shows nothing of the engine behind it.
 *
 * A collection is a name and a set of records; a record is a name and a JSON
 * text, kept as given.  Names are valid by name.h and the JSON by json.h: the
 * caller has checked both.  Everything is sorted by name, bytewise.
 *
 * Every change (store_apply, store_drop) takes the next revision of the store,
 * from 1 up, never reused within one store, and gives it to each record that it
 * sets, to its collection and to the store.  A store has an identity, a
 * random number made with it, and with each copy of it, so that revisions of two stores can be told
 * apart.
 *
 * A view is a consistent state to read from: either a snapshot (store_read)
 * or a batch of changes under way (store_write), in which the changes made so
 * far show.  Slices that a view hands out are valid until the next change in the
 * batch, or the end of the view.  One process has at most one of each open, and STORE_KEPT_MAX
 * snapshots more that it keeps.
 * Snapshots never block and are never blocked.  Batches of all processes take
 * turns.  A process that dies in a batch leaves no trace of it.
 *
 * Durability: with STORE_VOLATILE a committed change outlives the death of any
 * process; with STORE_DURABLE it is on the disk before store_commit returns.
 *
 * When a change or commit fails with ST_FULL, ST_IO or ST_NO_MEMORY the batch
 * as a whole can only be aborted.  Room is kept back so that removals succeed in
 * a full store: a batch of one change that only removes, if it fails with ST_FULL,
 * has made room by that, and succeeds when it is tried once more.  (Not while a
 * snapshot is held open over hundreds of changes.)
 */
#ifndef MARKBOOK_STORE_STORE_H
#define MARKBOOK_STORE_STORE_H

#include "base/buf.h"
#include "base/status.h"

enum store_durability { STORE_VOLATILE, STORE_DURABLE };

/* A file, whatever its path. */
struct store_file {
	uint64_t device;
	uint64_t inode; /* 0: any */
};

struct store_options {
	const char *path; /* a directory; its parent exists */
	size_t size; /* for store_prepare: bytes, the whole store with its headroom; fixed while any
			     process has it open, which takes it from the store */
	enum store_durability durability;
	unsigned max_snapshots; /* how many all processes together may hold */
	struct store_file file; /* the only one that store_open takes at `path` */
};

struct store;
struct view;

/* What a collection's row tells. */
struct collection {
	uint64_t revision;
	uint64_t count; /* records */
	uint64_t bytes; /* of their names and JSON */
	uint64_t sum;	/* the engine's checksum of them */
};

/* A record, or in an iteration of the whole store a collection. */
struct row {
	bool is_collection;
	struct slice name;
	struct slice json; /* of a record */
	uint64_t revision;
	struct collection collection; /* of a collection */
};

/* One change of one record: json.data == NULL removes it (no error where there is none). */
struct edit {
	struct slice name;
	struct slice json;
};

struct store_stats {
	uint64_t id;
	uint64_t revision;
	uint64_t collections; /* counted by a walk over the collections */
	uint64_t records;
	uint64_t size_bytes;  /* as given at open */
	uint64_t limit_bytes; /* writes other than removals are refused beyond this */
	uint64_t used_bytes;  /* in use by the current state */
	uint64_t file_bytes;  /* that the store's file ever grew to */
	unsigned readers;     /* snapshot slots in use, stale ones included */
};

/*
 * Before the first store_open, by one process: make the directory (0700) and
 * the store where there is none, or check the one that is there, in a child
 * process where a damaged file could kill the checker.  One that was settled and not touched since is not
 * looked through again.  Nothing that is there is ever overwritten; what a process that died while it made the
 * store has left, is made anew, also after power loss (STORE_DURABLE).  *fresh tells whether it holds no collection and
 * never did (revision 0).  *hold is a descriptor, close-on-exec: while it is open, here or in a
 * child, nobody else can prepare this store; it is -1 after failure.  ST_OK; ST_STORE_*, ST_NO_MEMORY with `why` for the
 * operator: what is wrong with which path, and what to do.
 */
enum status store_prepare(const struct store_options *o, bool *fresh, int *hold,
			  struct problem *why);

/*
 * Whether there is what store_prepare needs, as far as it can be seen from outside; changes nothing and
 * opens no store.  As above.
 */
enum status store_foresee(const struct store_options *o, struct problem *why);

/*
 * Which file the store at o->path is now.  A service takes no other one later: it could not tell its
 * processes' revisions apart.
 */
void store_identify(const struct store_options *o, struct store_file *out);

/*
 * By whoever prepared the store, once all others have closed it: look through it once more, and note in it
 * that it is whole, so that the next store_prepare need not.  Nothing where it is not o->file any more.
 * ST_OK, also where it could not be noted; then the next start takes longer.  ST_STORE_*: what is wrong, as
 * store_prepare will say it.
 */
enum status store_settle(const struct store_options *o, struct problem *why);

/*
 * Before a store is written to that this process has not prepared: it is settled no longer.  ST_OK, ST_STORE_ACCESS.
 */
enum status store_unsettle(const struct store_options *o, struct problem *why);

/*
 * Check every row of a store, and change nothing.  *there is false, and all
 * well, where there is none yet.
 */
enum status store_verify(const struct store_options *o, bool *there, struct problem *why);

/* Open a prepared store, once a process, after any fork.  As above. */
enum status store_open(struct store **out, const struct store_options *o, struct problem *why);

/* Ends what is open in it.  NULL is fine. */
void store_close(struct store *s);

/* Free what processes that died had reserved.  Returns how many snapshots that were. */
unsigned store_upkeep(struct store *s);

/*
 * A snapshot of the last commit.  ST_OK, ST_BUSY (too many snapshots), ST_NO_MEMORY, ST_IO.  Calling it while one is open returns
 * that one, unchanged.
 */
enum status store_read(struct store *s, struct view **out);
void store_read_end(struct store *s);

#define STORE_KEPT_MAX 16

/*
 * Keep the open snapshot: it is the caller's from now on, to be given back by store_release before
 * store_close, and the next store_read begins another.  Its slices stay valid; an iteration goes on
 * once it.view is *out.  ST_OK; ST_BUSY: STORE_KEPT_MAX are kept already; ST_NO_MEMORY.
 */
enum status store_keep(struct store *s, struct view **out);
/* Whether that would not be ST_BUSY. */
bool store_can_keep(const struct store *s);
void store_release(struct view *v);

/*
 * Begin a batch: waits for those of other processes.  ST_OK, ST_IO, ST_FULL, ST_NO_MEMORY;
 * ST_UNAVAILABLE where the store's file was removed or moved, or another one is in its place.
 */
enum status store_write(struct store *s, struct view **out);
/* Either way the batch is over.  ST_OK, or nothing of it happened: ST_FULL, ST_IO,
   ST_UNAVAILABLE, ST_NO_MEMORY. */
enum status store_commit(struct store *s);
void store_abort(struct store *s);

/* Whether a batch could be committed now; ST_FULL is a store that works. */
enum status store_probe(struct store *s);

/* The store's identity and its last revision in this view. */
uint64_t store_id(const struct store *s);
uint64_t view_revision(struct view *v);

/* ST_OK; ST_NO_COLLECTION; ST_IO. */
enum status view_collection(struct view *v, struct slice collection, struct collection *out);
/* ST_OK; ST_NO_COLLECTION; ST_NOT_FOUND; ST_IO.  `out` may be NULL. */
enum status view_record(struct view *v, struct slice collection, struct slice record,
			struct row *out);

/*
 * Iterate.  With a collection: its records, those after the name `after` where
 * after.data is given.  With { NULL, 0 }: each collection (is_collection set),
 * followed by its records.  One iteration at a time in a view; no change in
 * between.  view_next: ST_OK; ST_NOT_FOUND at the end; ST_IO.
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
	STORE_CREATE = 1, /* make the collection where there is none */
	STORE_CLEAR = 2,  /* remove all its records first */
};

/*
 * Apply `n` edits to one collection as one change, in a batch.  ST_OK, or
 * ST_NO_COLLECTION with nothing done; ST_FULL, ST_IO, ST_NO_MEMORY (abort).
 */
enum status store_apply(struct view *v, struct slice collection, const struct edit *edits, size_t n,
			unsigned flags);
/* Remove a collection with its records.  As store_apply. */
enum status store_drop(struct view *v, struct slice collection);

/* The engine's own words on the last failure, for the log; NULL where there was none. */
const char *store_last_error(const struct store *s);

enum status store_stat(struct store *s, struct store_stats *out);

/*
 * Write a compact, consistent copy to a new file at `path` while others read
 * and write: synced, then renamed into place, so that it is whole or not there.
 * An existing file is not overwritten.  To restore, put it as data.mdb into an empty directory.
 */
enum status store_backup(struct store *s, const char *path, struct problem *why);

#endif
