/*
 * Rebuilds what power loss leaves at many points of a recording, and starts
 * with each of these states:
 *
 *	check [-n STATES] [-t SECONDS] [-s SEED] [-o STATE] [-j JOBS] [-x KIND]
 *		LOG none|commit SIZE DIR
 *
 * States are made below DIR.  -o makes only the state that a failure named, and
 * leaves it there.  With -x the disk lies: it ignores syncs of `files`, syncs
 * of `directories`, or the O_DSYNC of writes (`synced`).  The checker has to
 * find such a disk out.
 *
 * With `commit`, a start has to take every state, and the state has to hold
 * exactly what the store held at one revision, which is no older than any that
 * a client was told.  With `none`, a start may refuse a state as damaged; a
 * state that it takes has to hold exactly what the store held at some revision.
 */
#include "check.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define JOBS_MAX 16
#define RISK_MAX 3000 /* operations; older ones have reached the disk by themselves */

static struct crash
choose_crash(const struct plan *p, const struct disk *d, uint64_t number)
{
	uint64_t random = p->seed * UINT64_C(0x100000001b3) + number;
	struct crash c = {.window = disk_pending(d)};

	/*
	 * A store that is never synced has much at risk.  Let most crashes hit
	 * its last moments, and some go far back.
	 */
	if (c.window > 8 && disk_random(&random) % 4 != 0)
		c.window = 1 + disk_random(&random) % ((size_t)1 << disk_random(&random) % 12);
	c.style = c.window <= 4 ? CRASH_SUBSET : disk_random(&random) % CRASH_STYLES;
	/* A few operations can be torn as well as many. */
	if (c.style == CRASH_SUBSET && disk_random(&random) % 2 == 0)
		c.style = CRASH_TORN_SECTORS;
	c.random = disk_random(&random);
	if (c.window > disk_pending(d))
		c.window = disk_pending(d);
	return c;
}

/*
 * Check the states of one point, from *number on, as long as they belong to it.
 */
static void
check_point(const struct plan *p, const struct position *at, unsigned job, uint64_t *number,
	    struct counters *c)
{
	uint64_t all = p->weights[p->points - 1];
	struct state s;

	snprintf(s.dir, sizeof(s.dir), "%s/%u", p->dir, job);
	for (; *number < p->states; ++*number) {
		uint64_t random = p->seed + *number;
		double spread = (double)(disk_random(&random) % 1024) / 1024;

		if (((double)*number + spread) * (double)all / (double)p->states >=
		    (double)p->weights[at->point])
			return;
		if (p->only >= 0 ? (uint64_t)p->only != *number : *number % p->jobs != job)
			continue;
		s.number = *number;
		s.crash = choose_crash(p, at->disk, *number);
		state_check(p, at, &s, c);
	}
}

static bool
is_lied_about(const struct plan *p, struct disk *d, const struct record *r)
{
	if (r->kind == RECORD_WRITE)
		return strcmp(p->lie, "synced") == 0;
	if (r->kind != RECORD_SYNC)
		return false;
	return strcmp(p->lie, disk_is_directory(d, r->inode) ? "directories" : "files") == 0;
}

static void
walk(const struct plan *p, unsigned job, struct counters *c)
{
	struct position at = {.disk = disk_new(p->log->root_inode)};
	const struct record *r;
	uint64_t number = 0;

	for (r = record_next(p->log, NULL); r != NULL; r = record_next(p->log, r), at.point++) {
		if (r->kind != RECORD_SYNC)
			disk_begin(at.disk, r);
		recording_learn(&at, r);
		/* The crash comes while it runs: a sync has not ended yet. */
		check_point(p, &at, job, &number, c);
		if (!is_lied_about(p, at.disk, r)) {
			if (r->kind == RECORD_SYNC)
				disk_begin(at.disk, r);
			disk_end(at.disk, r);
		}
		disk_write_back(at.disk, RISK_MAX);
	}
	disk_free(at.disk);
}

/*
 * With everything kept, the disk has byte for byte what the recorded processes
 * left.  Otherwise the recording has missed something.
 */
static bool
recording_is_whole(const struct plan *p)
{
	struct position at = {.disk = disk_new(p->log->root_inode)};
	const struct crash all_kept = {.style = CRASH_ALL_KEPT};
	char dir[PATH_MAX], command[3 * PATH_MAX];
	uint64_t answers = 0;
	bool same;

	for (const struct record *r = record_next(p->log, NULL); r != NULL;
	     r = record_next(p->log, r)) {
		disk_begin(at.disk, r);
		recording_learn(&at, r);
		answers += r->kind == RECORD_SENT && recording_told_by(r) > 0;
		disk_write_back(at.disk, RISK_MAX);
	}
	/* Only the changes of the seed have no answer. */
	if (answers < p->model.last / 2) {
		fprintf(stderr, "powerloss: %" PRIu64 " answers recorded of %" PRIu64 " changes\n",
			answers, p->model.last);
		return false;
	}
	files_join(dir, p->dir, "whole");
	same = mkdir(dir, 0700) == 0 && disk_crash(at.disk, &all_kept, dir);
	snprintf(command, sizeof(command), "diff -r --exclude=lock.mdb '%s' '%s'", dir,
		 p->log->root);
	// NOLINTNEXTLINE(cert-env33-c): the caller made both directories
	same = same && system(command) == 0;
	files_empty(dir);
	rmdir(dir);
	disk_free(at.disk);
	return same;
}

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void
work(struct plan *p, unsigned job, struct counters *c)
{
	double end = now() + p->seconds;
	char dir[PATH_MAX];

	snprintf(dir, sizeof(dir), "%s/%u", p->dir, job);
	if (mkdir(dir, 0700) != 0 && errno != EEXIST) {
		perror(dir);
		exit(2);
	}
	do {
		walk(p, job, c);
		p->seed++;
	} while (now() < end && p->only < 0);
	if (p->only < 0)
		rmdir(dir);
}

static void
add(struct counters *sum, const struct counters *c)
{
	sum->states += c->states;
	sum->sound += c->sound;
	sum->fresh += c->fresh;
	sum->refused += c->refused;
	sum->marked += c->marked;
	sum->backups += c->backups;
	sum->faults += c->faults;
	sum->lost += c->lost;
	sum->lost_states += c->lost_states;
	if (c->lost_most > sum->lost_most)
		sum->lost_most = c->lost_most;
	if (c->pending_most > sum->pending_most)
		sum->pending_most = c->pending_most;
}

static bool
run_jobs(struct plan *p, struct counters *sum)
{
	struct counters *c = mmap(NULL, JOBS_MAX * sizeof(*c), PROT_READ | PROT_WRITE,
				  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	bool good = c != MAP_FAILED;
	int status;

	for (unsigned job = 0; good && job < p->jobs; job++) {
		pid_t pid = fork();

		if (pid == 0) {
			work(p, job, &c[job]);
			exit(0);
		}
		good = pid > 0;
	}
	while (wait(&status) > 0)
		good = good && status == 0;
	for (unsigned job = 0; c != MAP_FAILED && job < p->jobs; job++)
		add(sum, &c[job]);
	return good;
}

static void
tell(const struct plan *p, const struct counters *c)
{
	printf("# %s: %zu records, %" PRIu64 " changes; %" PRIu64
	       " crash states, up to %zu operations "
	       "at risk: %" PRIu64 " taken and as they were at a revision (%" PRIu64
	       " had no store yet), ",
	       p->durable ? "commit" : "none", p->points, p->model.last, c->states, c->pending_most,
	       c->sound, c->fresh);
	if (!p->durable)
		printf("%" PRIu64 " refused as damaged, %" PRIu64
		       " older than what was acknowledged (by %.1f changes, at most %" PRIu64 "), ",
		       c->refused, c->lost_states,
		       c->lost_states == 0 ? 0 : (double)c->lost / (double)c->lost_states,
		       c->lost_most);
	printf("%" PRIu64 " with a mark of a clean end; %" PRIu64 " backups; %" PRIu64 " faults\n",
	       c->marked, c->backups, c->faults);
}

static bool
parse(struct plan *p, int argc, char **argv)
{
	int option;

	while ((option = getopt(argc, argv, "n:t:s:o:j:x:")) != -1) {
		switch (option) {
		case 'n':
			p->states = strtoull(optarg, NULL, 10);
			break;
		case 't':
			p->seconds = strtod(optarg, NULL);
			break;
		case 's':
			p->seed = strtoull(optarg, NULL, 10);
			break;
		case 'o':
			p->only = strtoll(optarg, NULL, 10);
			p->jobs = 1;
			break;
		case 'j':
			p->jobs = (unsigned)strtoul(optarg, NULL, 10);
			break;
		case 'x':
			p->lie = optarg;
			break;
		default:
			return false;
		}
	}
	if (argc - optind != 4 || p->jobs == 0 || p->jobs > JOBS_MAX || p->states == 0)
		return false;
	p->log = recording_open(argv[optind]);
	p->durable = strcmp(argv[optind + 1], "commit") == 0;
	p->size = strtoull(argv[optind + 2], NULL, 10);
	p->dir = argv[optind + 3];
	return true;
}

int
main(int argc, char **argv)
{
	struct plan p = {.states = 4000, .seed = 1, .only = -1, .jobs = 2, .lie = ""};
	struct counters sum = {0};
	bool good;

	if (!parse(&p, argc, argv)) {
		fprintf(
		    stderr,
		    "usage: %s [-n STATES] [-t SECONDS] [-s SEED] [-o STATE] [-j JOBS] [-x KIND] "
		    "LOG none|commit SIZE DIR\n",
		    argv[0]);
		return 2;
	}
	recording_weigh(&p);
	good = model_read(&p.model, p.log) && recording_is_whole(&p) && run_jobs(&p, &sum);
	tell(&p, &sum);
	model_free(&p.model);
	free(p.weights);
	return good && sum.faults == 0 ? 0 : 1;
}
