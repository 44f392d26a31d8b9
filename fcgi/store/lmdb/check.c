/*
 * Checks a store row by row, in a child process that a damaged file may kill.
 */
#include "store/lmdb/engine.h"

#include "base/utf8.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/*
 * The time limit of a check: this many seconds, and one more for each 16 MiB,
 * which a slow disk reads in a second.
 */
#define CHECK_SECONDS 60
#define CHECK_BYTES_A_SECOND (16u << 20)

/* The longest message about a row, with its NUL. */
#define FOUND_MAX 200

/* A row in LMDB's map, and the page it is in. */
struct place {
	uintptr_t page;
	MDB_val key, value; /* the key is empty before the first row */
};

/* What the walk has seen so far. */
struct walk {
	const struct meta *meta;
	uint64_t rows;
	struct slice collection; /* the current one; data is NULL before any */
	struct collection row, seen;
	uint64_t sum; /* of the collections' rows */
	char last[STORE_KEY_MAX];
	size_t last_len;
	size_t page_size;
	struct place at; /* the last row */
};

/*
 * The functions below that return a string return NULL where all is well, and
 * what is wrong otherwise.
 */

static const char *
check_collection_end(const struct walk *w)
{
	if (w->collection.data == NULL)
		return NULL;
	if (w->seen.count != w->row.count)
		return "it has another number of records than its row tells";
	if (w->seen.bytes != w->row.bytes)
		return "its records have another size than its row tells";
	return w->seen.sum == w->row.sum ? NULL : "its records are not those last written";
}

static bool
is_name(struct slice s)
{
	return s.len > 0 && s.len <= NAME_MAX_BYTES && utf8_valid(s);
}

static const char *
check_collection(struct walk *w, MDB_val key, MDB_val value)
{
	const char *wrong = check_collection_end(w);

	if (wrong != NULL)
		return wrong;
	w->collection = row_slice(key);
	w->seen = (struct collection){0};
	if (!is_name(w->collection))
		return "its name is none";
	if (!row_decode_collection(value, &w->row))
		return "its row has a wrong length";
	if (w->row.revision == 0 || w->row.revision > w->meta->revision)
		return "its revision is later than the store's";
	w->sum += row_hash(key, value);
	return NULL;
}

static const char *
check_record(struct walk *w, MDB_val key, MDB_val value)
{
	struct slice name, json;
	uint64_t revision;

	if (w->collection.data == NULL || !row_is_record_of(key, w->collection)) {
		/* The message must not name the collection before. */
		w->collection = (struct slice){NULL, 0};
		return "a record is in no collection";
	}
	name = row_slice(key);
	name.data += w->collection.len + 1;
	name.len -= w->collection.len + 1;
	if (!is_name(name))
		return "a record's name is none";
	if (!row_decode_record(value, &revision, &json))
		return "a record has no value";
	if (revision == 0 || revision > w->row.revision)
		return "a record's revision is later than its collection's";
	if (memchr(json.data, '\0', json.len) != NULL || !utf8_valid(json))
		return "a record's value is no text";
	w->seen.count++;
	w->seen.bytes += name.len + json.len;
	w->seen.sum += row_hash(key, value);
	return NULL;
}

static const char *
check_row(struct walk *w, MDB_val key, MDB_val value)
{
	struct slice last = {w->last, w->last_len}, now = row_slice(key), meta;

	if (now.len == 0 || now.len > STORE_KEY_MAX)
		return "a row's key has a wrong length";
	if (w->rows > 0 && slice_cmp(last, now) >= 0)
		return "rows are out of order";
	memcpy(w->last, now.data, now.len);
	w->last_len = now.len;
	if (w->rows++ == 0) {
		meta = row_slice(row_key_meta());
		return slice_eq(now, meta) ? NULL : "the first row is another";
	}
	if (w->rows == 2 && slice_eq(now, row_slice(row_key_spare())))
		return NULL;
	if (memchr(now.data, '\0', now.len) == NULL)
		return check_collection(w, key, value);
	return check_record(w, key, value);
}

static bool
is_found(MDB_txn *txn, MDB_dbi dbi, const struct place *at)
{
	MDB_val key = at->key, found;

	return key.mv_size == 0 || (mdb_get(txn, dbi, &key, &found) == MDB_SUCCESS &&
				    found.mv_data == at->value.mv_data);
}

/*
 * Check that a search finds the rows at the boundary of two pages.  The walk
 * visits leaves only, and the branch pages above them may still be wrong.  Then
 * a search misses the first row of a page, or the last row of the page before.
 */
static bool
check_way(struct walk *w, MDB_txn *txn, MDB_dbi dbi, MDB_val key, MDB_val value)
{
	struct place before = w->at;

	w->at = (struct place){(uintptr_t)key.mv_data / w->page_size, key, value};
	return w->at.page == before.page ||
	       (is_found(txn, dbi, &before) && is_found(txn, dbi, &w->at));
}

/*
 * Prefix a message with the name of the current collection.  The result may be
 * in `out`, of FOUND_MAX bytes.
 */
static const char *
in_collection(const struct walk *w, const char *wrong, char *out)
{
	char shown[80];

	if (wrong == NULL || w->collection.data == NULL)
		return wrong;
	utf8_printable(shown, sizeof(shown), w->collection);
	snprintf(out, FOUND_MAX, "collection \"%s\": %s", shown, wrong);
	return out;
}

/* The message may be composed in `found`, of FOUND_MAX bytes. */
static const char *
check_rows(MDB_txn *txn, MDB_dbi dbi, const struct meta *meta, char *found)
{
	struct walk w = {.meta = meta};
	/*
	 * A search misses a row that is out of order, too.  So `lost` is
	 * reported only where nothing else is wrong.
	 */
	const char *wrong = NULL, *lost = NULL;
	MDB_cursor *cursor;
	MDB_val key, value;
	MDB_stat stat;
	int rc;

	if ((rc = mdb_stat(txn, dbi, &stat)) != MDB_SUCCESS ||
	    (rc = mdb_cursor_open(txn, dbi, &cursor)) != MDB_SUCCESS)
		return error_text(rc);
	w.page_size = stat.ms_psize;
	while (wrong == NULL &&
	       (rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == MDB_SUCCESS) {
		wrong = in_collection(&w, check_row(&w, key, value), found);
		if (wrong == NULL && lost == NULL)
			lost = check_way(&w, txn, dbi, key, value)
				   ? NULL
				   : "a row is not found where it is";
	}
	mdb_cursor_close(cursor);
	if (wrong == NULL && rc != MDB_NOTFOUND)
		wrong = mdb_strerror(rc);
	if (wrong == NULL && w.rows != stat.ms_entries)
		wrong = "rows are missing";
	if (wrong == NULL)
		wrong = in_collection(&w, check_collection_end(&w), found);
	if (wrong == NULL && w.sum != meta->sum)
		wrong = "the collections are not those last written";
	return wrong == NULL ? lost : wrong;
}

static void
check_view(const char *path, MDB_env *env, MDB_txn *txn, bool all, struct check_verdict *v)
{
	MDB_val key = row_key_meta(), value;
	const char *wrong = NULL;
	char found[FOUND_MAX];
	uint64_t roots[2];
	MDB_envinfo info;
	MDB_stat stat;
	MDB_dbi dbi;
	int rc;

	if ((rc = mdb_stat(txn, 0, &stat)) == MDB_SUCCESS && all)
		rc = pages_find_roots(txn, stat.ms_psize, roots);
	if (rc != MDB_SUCCESS || (rc = mdb_env_info(env, &info)) != MDB_SUCCESS ||
	    (rc = mdb_dbi_open(txn, NULL, 0, &dbi)) != MDB_SUCCESS) {
		v->status = error_opening(path, rc, &v->why);
		return;
	}
	v->extent = (info.me_last_pgno + 1) * stat.ms_psize;
	v->txnid = info.me_last_txnid;
	rc = mdb_get(txn, dbi, &key, &value);
	if (rc == MDB_NOTFOUND && mdb_stat(txn, dbi, &stat) == MDB_SUCCESS &&
	    stat.ms_entries == 0) {
		v->status = ST_OK;
		return;
	}
	v->has_meta = true;
	v->status = rc == MDB_NOTFOUND	? ST_STORE_FOREIGN
		    : rc == MDB_SUCCESS ? row_decode_meta(value, &v->meta)
					: ST_STORE_DAMAGED;
	v->status = error_meta(path, v->status, &v->meta, &v->why);
	if (v->status != ST_OK)
		return;
	if (all && (wrong = check_rows(txn, dbi, &v->meta, found)) == NULL)
		wrong = pages_check(txn, stat.ms_psize, info.me_last_pgno, roots);
	if (wrong == error_no_memory)
		v->status = error_opening(path, ENOMEM, &v->why);
	else if (wrong != NULL)
		v->status = error_damaged_at(path, v->meta.revision, wrong, &v->why);
}

static void
open_and_check(const char *path, bool all, struct check_verdict *v)
{
	const struct store_options o = {.path = path, .durability = STORE_DURABLE};
	unsigned flags = MDB_RDONLY;
	char lock[4096];
	MDB_env *env;
	MDB_txn *txn;
	int rc;

	/*
	 * Without a lock file no process has the store open.  MDB_NOLOCK then
	 * keeps LMDB from making one.
	 */
	if (!file_path(lock, sizeof(lock), path, STORE_LOCK_FILE) || access(lock, F_OK) != 0)
		flags |= MDB_NOLOCK;
	rc = env_open(&env, &o, 0, flags);
	if (rc == MDB_SUCCESS)
		rc = mdb_txn_begin(env, NULL, MDB_RDONLY, &txn);
	if (rc == MDB_SUCCESS) {
		check_view(path, env, txn, all, v);
		mdb_txn_abort(txn);
	} else {
		v->status = error_opening(path, rc, &v->why);
	}
	mdb_env_close(env);
}

/*
 * Prepare this process to be killed by a damaged store: silently, within the
 * time limit and without a core file, by the default action of each signal.  It
 * also ends with its parent.
 */
static void
become_checker(off_t bytes)
{
	static const int fatal[] = {SIGALRM, SIGBUS, SIGSEGV, SIGABRT, SIGFPE, SIGILL};
	static const struct rlimit no_core = {0, 0};
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	sigset_t none;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	setrlimit(RLIMIT_CORE, &no_core);
	for (size_t i = 0; i < sizeof(fatal) / sizeof(fatal[0]); i++)
		signal(fatal[i], SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	/* LMDB writes a failed assertion to standard error. */
	if (null >= 0)
		dup2(null, STDERR_FILENO);
	alarm(CHECK_SECONDS + (unsigned)(bytes / CHECK_BYTES_A_SECOND));
}

static const char *
cause_of_death(int status)
{
	switch (WTERMSIG(status)) {
	case SIGBUS:
		return "its file is cut short";
	case SIGALRM:
		return "the check came to no end";
	default:
		return "the check crashed";
	}
}

void
check_in_child(const char *path, off_t bytes, struct check_verdict *out)
{
	int ends[2], status = 0;
	ssize_t n;
	pid_t pid;

	*out = (struct check_verdict){.status = ST_STORE_DAMAGED};
	if (pipe2(ends, O_CLOEXEC) != 0) {
		out->status = error_opening(path, errno, &out->why);
		return;
	}
	pid = fork();
	if (pid == 0) {
		become_checker(bytes);
		open_and_check(path, true, out);
		/* One write suffices: the verdict is shorter than PIPE_BUF. */
		n = write(ends[1], out, sizeof(*out));
		_exit(n == (ssize_t)sizeof(*out) ? 0 : 1);
	}
	close(ends[1]);
	if (pid < 0) {
		out->status = error_opening(path, errno, &out->why);
		close(ends[0]);
		return;
	}
	while ((n = read(ends[0], out, sizeof(*out))) < 0 && errno == EINTR)
		;
	close(ends[0]);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (n != (ssize_t)sizeof(*out)) {
		*out = (struct check_verdict){.status = ST_STORE_DAMAGED};
		if (WIFSIGNALED(status))
			error_damaged(path, cause_of_death(status), &out->why);
		else
			out->status = error_opening(path, EIO, &out->why);
	}
}

void
check_glance(const char *path, struct check_verdict *out)
{
	*out = (struct check_verdict){.status = ST_STORE_DAMAGED};
	open_and_check(path, false, out);
}
