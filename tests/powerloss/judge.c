#include "judge.h"

#include "content/verify.h"
#include "model.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define SECONDS_MAX 60
#define ROUNDS 6
#define EDITS 8
#define VALUE_MAX 9000

static const struct slice none = {NULL, 0};

static void
fault(struct verdict *v, const char *what, enum status st, const struct problem *why)
{
	snprintf(v->fault, sizeof(v->fault), "%s: %s", what,
		 why->detail[0] != '\0' ? why->detail : status_text(st));
}

/* The digest of all that a view shows, without one collection. */
static enum status
digest(struct store *store, struct slice without, uint64_t *out)
{
	struct slice collection = none;
	struct view_iter it;
	struct view *view;
	struct row row;
	enum status st = store_read(store, &view);

	*out = 0;
	if (st == ST_OK)
		st = view_iterate(view, none, none, &it);
	while (st == ST_OK && (st = view_next(&it, &row)) == ST_OK) {
		if (row.is_collection)
			collection = row.name;
		if (!slice_eq(collection, without))
			*out += model_digest(collection, row.is_collection ? none : row.name,
					     row.revision, row.json);
	}
	store_read_end(store);
	return st == ST_NOT_FOUND ? ST_OK : st;
}

/* Changes to a collection of their own; a full store takes only some. */
static enum status
go_on(struct store *store, struct slice collection)
{
	static char value[VALUE_MAX];
	char names[EDITS][8];
	struct edit edits[EDITS];
	enum status st = ST_OK;
	struct view *view;

	memset(value, '7', sizeof(value));
	for (unsigned round = 0; round < ROUNDS && (st == ST_OK || st == ST_FULL); round++) {
		if ((st = store_write(store, &view)) != ST_OK)
			return st;
		for (unsigned i = 0; i < EDITS; i++) {
			int n = snprintf(names[i], sizeof(names[i]), "n%u", (round * 3 + i) % 20);
			edits[i] =
			    (struct edit){{names[i], (size_t)n}, {value, 1 + i * round * 190}};
		}
		st = round + 1 == ROUNDS
			 ? store_drop(view, collection)
			 : store_apply(view, collection, edits, EDITS, STORE_CREATE);
		if (st == ST_OK)
			st = store_commit(store);
		else
			store_abort(store);
	}
	return st == ST_FULL || st == ST_NO_COLLECTION ? ST_OK : st;
}

static void
look(const struct store_options *o, const char *when, struct verdict *v)
{
	bool there;
	struct problem why = {""};
	enum status st = store_verify(o, &there, &why);

	if (st != ST_OK)
		fault(v, when, st, &why);
	else if (!there)
		snprintf(v->fault, sizeof(v->fault), "%s: there is none", when);
}

static void
write_and_look_again(const struct store_options *o, struct store *store, struct verdict *v)
{
	const struct slice own = SLICE("after the crash");
	struct problem why = {""};
	uint64_t after;
	enum status st = go_on(store, own);

	if (st != ST_OK)
		snprintf(v->fault, sizeof(v->fault), "a write after the start: %s (%s)",
			 status_text(st), store_last_error(store));
	else
		look(o, "taken at the start, damaged by the first writes", v);
	if (v->fault[0] != '\0')
		return;
	if ((st = digest(store, own, &after)) != ST_OK)
		fault(v, "reading after the first writes", st, &why);
	else if (after != v->digest)
		snprintf(v->fault, sizeof(v->fault), "the first writes changed other records");
}

static void
read_all(const struct store_options *o, bool writes, struct verdict *v)
{
	struct problem why = {""};
	struct store_stats counted;
	struct store *store;
	enum status st = store_open(&store, o, &why);

	if (st != ST_OK) {
		fault(v, "taken at the start, cannot be opened", st, &why);
		return;
	}
	if ((st = verify_content(store, &counted, &why)) != ST_OK ||
	    (st = digest(store, none, &v->digest)) != ST_OK)
		fault(v, "taken at the start", st, &why);
	v->revision = counted.revision;
	if (v->fault[0] == '\0' && writes)
		write_and_look_again(o, store, v);
	store_close(store);
}

static void
judge_as_service(const struct store_options *o, struct verdict *v)
{
	int hold;

	v->status = store_prepare(o, &v->fresh, &hold, &v->why);
	if (v->status != ST_OK)
		return;
	look(o, "taken at the start", v);
	if (v->fault[0] == '\0')
		read_all(o, true, v);
}

static void
judge_as_reader(const struct store_options *o, struct verdict *v)
{
	look(o, "a backup", v);
	if (v->fault[0] == '\0')
		read_all(o, false, v);
}

static void
in_child(void (*judge)(const struct store_options *, struct verdict *),
	 const struct store_options *o, struct verdict *out)
{
	struct verdict *shared =
	    mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int status = 0;
	pid_t pid;

	if (shared == MAP_FAILED || (pid = fork()) < 0) {
		perror("powerloss");
		exit(2);
	}
	if (pid == 0) {
		alarm(SECONDS_MAX);
		judge(o, shared);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	*out = *shared;
	munmap(shared, sizeof(*shared));
	if (status != 0 && out->fault[0] == '\0')
		snprintf(out->fault, sizeof(out->fault),
			 "taken at the start, then ended by signal %d", WTERMSIG(status));
}

void
judge_store(const struct store_options *o, struct verdict *out)
{
	in_child(judge_as_service, o, out);
}

void
judge_backup(const struct store_options *o, struct verdict *out)
{
	in_child(judge_as_reader, o, out);
}
