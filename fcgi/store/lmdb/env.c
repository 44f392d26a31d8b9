/*
 * LMDB's environment: opening it, and the reader slots that all its processes
 * share.
 */
#include "store/lmdb/engine.h"

#include <errno.h>
#include <fcntl.h>

#include "os/memory.h"

/*
 * Used where the options give no number: by a check, for example, which cannot
 * know how many snapshots a service will need.
 */
#define DEFAULT_SNAPSHOTS 1024

int
env_open(MDB_env **env, const struct store_options *o, size_t size, unsigned flags)
{
	unsigned readers = o->max_snapshots == 0 ? DEFAULT_SNAPSHOTS : o->max_snapshots;
	int fd, rc = mdb_env_create(env);

	if (rc != MDB_SUCCESS) {
		*env = NULL;
		return rc;
	}
	flags |= MDB_NOTLS;
	if (o->durability == STORE_VOLATILE)
		flags |= MDB_NOSYNC;
	rc = mdb_env_set_maxreaders(*env, readers);
	if (rc == MDB_SUCCESS && size > 0)
		rc = mdb_env_set_mapsize(*env, size);
	/* LMDB allocates 2 MB for its list of changed pages. */
	memory_lasting(true);
	if (rc == MDB_SUCCESS)
		rc = mdb_env_open(*env, o->path, flags, 0600);
	memory_lasting(false);
	/* LMDB sets close-on-exec on its other descriptors, not on this one. */
	if (rc == MDB_SUCCESS && (rc = mdb_env_get_fd(*env, &fd)) == MDB_SUCCESS &&
	    fcntl(fd, F_SETFD, FD_CLOEXEC) != 0)
		rc = errno;
	if (rc != MDB_SUCCESS) {
		mdb_env_close(*env);
		*env = NULL;
	}
	return rc;
}

size_t
env_pages_used(MDB_txn *txn, MDB_dbi dbi)
{
	MDB_stat stat;

	if (mdb_stat(txn, dbi, &stat) != MDB_SUCCESS)
		return 0;
	return stat.ms_branch_pages + stat.ms_leaf_pages + stat.ms_overflow_pages;
}

int
env_begin_snapshot(MDB_env *env, MDB_txn **txn)
{
	int dead, rc = mdb_txn_begin(env, NULL, MDB_RDONLY, txn);

	if (rc == MDB_READERS_FULL && mdb_reader_check(env, &dead) == MDB_SUCCESS && dead > 0)
		rc = mdb_txn_begin(env, NULL, MDB_RDONLY, txn);
	return rc;
}

unsigned
store_upkeep(struct store *s)
{
	int dead = 0;

	if (mdb_reader_check(s->env, &dead) != MDB_SUCCESS || dead < 0)
		return 0;
	return (unsigned)dead;
}
