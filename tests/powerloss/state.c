#include "check.h"

#include "judge.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FAULTS_SHOWN 10

static const char *const style_names[] = {
    "nothing kept", "all kept",		"a subset kept",	 "some kept",	 "sectors torn",
    "pages torn",   "all but one kept", "all but one page kept", "only one kept"};

static void
report(const struct plan *p, const struct position *at, const struct state *s, struct counters *c,
       const char *what)
{
	if (c->faults++ >= FAULTS_SHOWN)
		return;
	printf("# state %" PRIu64 " of seed %" PRIu64 ", record %zu of %zu, %s, %zu at risk, "
	       "revision %" PRIu64 " told: %s\n",
	       s->number, p->seed, at->point, p->points, style_names[s->crash.style],
	       s->crash.window, at->told, what);
	fflush(stdout);
}

static void
check_backup(const struct plan *p, const struct position *at, const struct state *s,
	     const char *name, struct counters *c)
{
	char from[PATH_MAX], to[PATH_MAX], dir[PATH_MAX], what[FAULT_MAX + 64] = "";
	const struct store_options o = {.path = dir, .size = p->size, .max_snapshots = 4};
	struct verdict v;

	files_join(dir, s->dir, "backups");
	files_join(from, dir, name);
	files_join(dir, s->dir, "restored");
	files_join(to, dir, "data.mdb");
	if (mkdir(dir, 0700) != 0 || rename(from, to) != 0)
		abort();
	judge_backup(&o, &v);
	c->backups++;
	if (v.fault[0] != '\0')
		snprintf(what, sizeof(what), "%s", v.fault);
	else if (v.revision > p->model.last || p->model.digests[v.revision] != v.digest)
		snprintf(what, sizeof(what), "holds what never was");
	if (what[0] != '\0')
		report(p, at, s, c, what);
	files_empty(dir);
	rmdir(dir);
}

static void
check_backups(const struct plan *p, const struct position *at, const struct state *s,
	      struct counters *c)
{
	char file[PATH_MAX], name[32], what[64];

	for (unsigned i = 0; i < 4; i++) {
		bool done = false;

		snprintf(name, sizeof(name), "backups/%u-%u", i / 2, i % 2);
		files_join(file, s->dir, name);
		for (size_t j = 0; j < at->backups_done; j++)
			done = done || strcmp(at->backups[j], name + strlen("backups/")) == 0;
		/*
		 * A backup that is done does not change: look at it now and
		 * then.
		 */
		if (access(file, F_OK) == 0) {
			if (!done || s->number % 8 == i)
				check_backup(p, at, s, name + strlen("backups/"), c);
		} else if (done) {
			snprintf(what, sizeof(what), "%s was done, and is not there", name);
			report(p, at, s, c, what);
		}
	}
}

static void
check_refusal(const struct plan *p, const struct position *at, const struct state *s,
	      const struct verdict *v, struct counters *c)
{
	char what[FAULT_MAX];

	/* Where no page holds a first row, nothing tells whose the file was. */
	bool told = v->status == ST_STORE_DAMAGED ||
		    (v->status == ST_STORE_FOREIGN &&
		     strstr(v->why.detail, "or damaged beyond recognition") != NULL);

	if (!told || strstr(v->why.detail, "restore a backup") == NULL) {
		snprintf(what, sizeof(what), "refused, not as damaged: %s", v->why.detail);
		report(p, at, s, c, what);
	} else if (p->durable) {
		snprintf(what, sizeof(what), "refused: %s", v->why.detail);
		report(p, at, s, c, what);
	} else {
		c->refused++;
	}
}

static void
check_taken(const struct plan *p, const struct position *at, const struct state *s,
	    const struct verdict *v, struct counters *c)
{
	uint64_t lost = at->told > v->revision ? at->told - v->revision : 0;
	char what[128];

	if (v->revision > p->model.last || p->model.digests[v->revision] != v->digest) {
		snprintf(what, sizeof(what), "holds what never was at its revision %" PRIu64,
			 v->revision);
		report(p, at, s, c, what);
		return;
	}
	if (lost > 0 && p->durable) {
		snprintf(what, sizeof(what), "has revision %" PRIu64 " only", v->revision);
		report(p, at, s, c, what);
		return;
	}
	c->sound++;
	c->fresh += v->fresh;
	c->lost += lost;
	c->lost_states += lost > 0;
	if (lost > c->lost_most)
		c->lost_most = lost;
}

void
state_check(const struct plan *p, const struct position *at, const struct state *s,
	    struct counters *c)
{
	char store[PATH_MAX];
	const struct store_options o = {
	    .path = store,
	    .size = p->size,
	    .durability = p->durable ? STORE_DURABLE : STORE_VOLATILE,
	    .max_snapshots = 4,
	};
	struct verdict v;

	if (!disk_crash(at->disk, &s->crash, s->dir)) {
		perror(s->dir);
		exit(2);
	}
	files_join(store, s->dir, "store");
	c->states++;
	c->marked += files_renew_mark(store);
	if (disk_pending(at->disk) > c->pending_most)
		c->pending_most = disk_pending(at->disk);
	if (p->only >= 0)
		return;
	judge_store(&o, &v);
	if (v.fault[0] != '\0')
		report(p, at, s, c, v.fault);
	else if (v.status != ST_OK)
		check_refusal(p, at, s, &v, c);
	else
		check_taken(p, at, s, &v, c);
	check_backups(p, at, s, c);
	files_empty(s->dir);
}
