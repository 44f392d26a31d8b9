/*
 * Turns the return codes of LMDB and of the system into a status, and into text
 * for people.
 */
#include "store/lmdb/engine.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

enum status
error_status(struct store *s, int rc)
{
	if (rc == MDB_SUCCESS)
		return ST_OK;
	s->last_error = rc;
	switch (rc) {
	case MDB_MAP_FULL:
	case MDB_TXN_FULL:
	case ENOSPC:
	case EDQUOT:
	case EFBIG:
		return ST_FULL;
	case MDB_READERS_FULL:
		return ST_BUSY;
	case ENOMEM:
		return ST_NO_MEMORY;
	case STORE_MOVED:
	case EROFS:
	case EACCES:
	case EPERM:
		return ST_UNAVAILABLE;
	default:
		return ST_IO;
	}
}

const char *
store_last_error(const struct store *s)
{
	if (s->last_error == STORE_MOVED)
		return STORE_DATA_FILE
		    " was removed or replaced; put it back, or save GET /json, which has all of it,"
		    " and start the service again";
	return s->last_error == MDB_SUCCESS ? NULL : mdb_strerror(s->last_error);
}

enum status
error_damaged_at(const char *path, uint64_t revision, const char *what, struct problem *why)
{
	char at[40] = "";

	if (revision > 0)
		snprintf(at, sizeof(at), " at revision %" PRIu64, revision);
	return problem_set(why, ST_STORE_DAMAGED,
			   "store %s: " STORE_DATA_FILE
			   " is damaged%s (%s); restore a backup, or move the files of this store "
			   "away to start with a new one",
			   path, at, what);
}

enum status
error_damaged(const char *path, const char *what, struct problem *why)
{
	return error_damaged_at(path, 0, what, why);
}

enum status
error_not_lmdb(const char *path, struct problem *why)
{
	if (file_was_store(path))
		return error_damaged(path, "its first pages are not whole", why);
	return problem_set(
	    why, ST_STORE_FOREIGN,
	    "store %s: " STORE_DATA_FILE " is not a Markbook file; " STORE_GIVE_ANOTHER, path);
}

enum status
error_opening(const char *path, int rc, struct problem *why)
{
	switch (rc) {
	case ENOENT:
		return problem_set(
		    why, ST_STORE_ACCESS,
		    "store %s: there is none; `markbook serve` or `markbook load` makes one", path);
	case ENOMEM:
		return problem_set(why, ST_NO_MEMORY, "store %s: out of memory", path);
	case STORE_MOVED:
		return problem_set(why, ST_STORE_ACCESS,
				   "store %s: its file was replaced while it was opened", path);
	case MDB_READERS_FULL:
		return problem_set(why, ST_BUSY, "store %s: too many processes read it", path);
	case MDB_INVALID:
		return error_damaged(path, "its first pages are not whole", why);
	case MDB_VERSION_MISMATCH:
	case MDB_INCOMPATIBLE:
	case MDB_CORRUPTED:
	case MDB_PAGE_NOTFOUND:
	case MDB_CURSOR_FULL:
	case MDB_BAD_TXN:
		return error_damaged(path, mdb_strerror(rc), why);
	default:
		return problem_set(why, ST_STORE_ACCESS, "store %s: cannot open it: %s", path,
				   mdb_strerror(rc));
	}
}

enum status
error_meta(const char *path, enum status st, const struct meta *m, struct problem *why)
{
	switch (st) {
	case ST_OK:
		return ST_OK;
	case ST_STORE_FORMAT:
		return problem_set(
		    why, st,
		    "store %s: format %llu, this program knows %d; dump it with the version of "
		    "markbook that wrote it, and load that",
		    path, (unsigned long long)m->format, STORE_FORMAT);
	case ST_STORE_FOREIGN:
		if (file_was_store(path))
			return error_damaged(path, "its first row is not whole", why);
		/*
		 * Power loss without syncs can leave pages that hold no first
		 * row, and then nothing tells whose they were.
		 */
		return problem_set(why, st,
				   "store %s: " STORE_DATA_FILE
				   " is another program's, or damaged beyond recognition; restore "
				   "a backup, or " STORE_GIVE_ANOTHER,
				   path);
	default:
		return error_damaged(path, "its first row is not whole", why);
	}
}

const char error_no_memory[] = "out of memory";

const char *
error_text(int rc)
{
	return rc == ENOMEM ? error_no_memory : mdb_strerror(rc);
}
