/*
 * Rebuilds what power loss leaves at many points of a recording, and starts with each:
 *
 *	check [-n STATES] [-t SECONDS] [-s SEED] [-o STATE] [-j JOBS] [-x KIND]
 *		LOG none|commit SIZE DIR
 *
 * DIR is where states are put; -o makes the one state that a failure named, and leaves it there.
 * With -x the disk lies: it takes syncs of `files`, of `directories`, or writes that are to be
 * `synced` by themselves, and does nothing for them.  That has to be found.
 *
 * With `commit` every state has to be taken, and to hold exactly what the store held at one revision
 * that is no older than any that was told to a client.  With `none` a state may be refused, with
 * advice; one that is taken has to hold exactly what the store held at some revision.
 */
#include "disk.h"
#include "judge.h"
#include "model.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define JOBS_MAX 16
#define HOT_WEIGHT 16 /* of points where names change, and of the first start */
#define HOT_REACH 6   /* records around such a one */
#define RISK_MAX 3000 /* operations; older ones have reached the disk by themselves */
#define FAULTS_SHOWN 10
#define BACKUPS_MAX 16

static const char *const style_names[] = {
    "nothing kept", "all kept",		"a subset kept",	 "some kept",	 "sectors torn",
    "pages torn",   "all but one kept", "all but one page kept", "only one kept"};

struct counters {
	uint64_t states, sound, fresh, refused, marked, backups, faults;
	uint64_t lost, lost_most, lost_states; /* acknowledged changes */
	size_t pending_most;
};

struct plan {
	const struct record_log *log;
	struct model model;
	bool durable;
	size_t size;
	const char *dir;
	uint64_t states, seed;
	int64_t only;	 /* -1: all */
	const char *lie; /* about which kind; empty: none */
	unsigned jobs;
	double seconds;
	size_t points;
	uint64_t *weights; /* of the points up to and with this one */
};

/* Where a walk through the recording is. */
struct position {
	struct disk *disk;
	uint64_t told; /* the last revision that a client knows of */
	size_t point;
	char backups[BACKUPS_MAX][32]; /* that were reported done */
	size_t backups_done;
};

/* One crash state. */
struct state {
	uint64_t number;
	struct crash crash;
	char dir[PATH_MAX];
};

/* --- the recording --- */

static const struct record_log *
open_log(const char *file)
{
	struct stat sb;
	int fd = open(file, O_RDONLY | O_CLOEXEC);
	const struct record_log *log = MAP_FAILED;

	if (fd >= 0 && fstat(fd, &sb) == 0)
		log = mmap(NULL, (size_t)sb.st_size, PROT_READ, MAP_SHARED, fd, 0);
	if (log == MAP_FAILED || log->magic != RECORD_MAGIC) {
		fprintf(stderr, "powerloss: %s is no recording\n", file);
		exit(2);
	}
	close(fd);
	return log;
}

static bool
changes_names(const struct record *r)
{
	return r->kind >= RECORD_CREATE && r->kind <= RECORD_LINK;
}

static bool
says(const struct record *r, const char *words)
{
	return r->kind == RECORD_NOTE && r->length >= strlen(words) &&
	       memcmp(r + 1, words, strlen(words)) == 0;
}

static void
weigh_points(struct plan *p)
{
	const struct record *r;
	uint64_t first_start = HOT_WEIGHT;
	uint64_t sum = 0;
	size_t i;

	for (r = record_next(p->log, NULL); r != NULL; r = record_next(p->log, r))
		p->points++;
	p->weights = calloc(p->points + 1, sizeof(*p->weights));
	for (i = 0, r = record_next(p->log, NULL); r != NULL; r = record_next(p->log, r), i++) {
		if (r->kind != RECORD_NOTE)
			p->weights[i] += 1 + first_start;
		if (says(r, "ready"))
			first_start = 0;
		for (size_t j = i < HOT_REACH ? 0 : i - HOT_REACH;
		     changes_names(r) && j < i + HOT_REACH && j < p->points; j++)
			p->weights[j] = HOT_WEIGHT;
	}
	for (i = 0; i < p->points; i++)
		sum = p->weights[i] += sum;
}

/* The revision in the answer's ETag, 0 where it has none. */
static uint64_t
told_by(const struct record *r)
{
	static const char field[] = "ETag: \"";
	const char *text = (const char *)(r + 1), *at;
	const char *tag = memmem(text, r->length, field, sizeof(field) - 1);

	if (tag == NULL || (at = memchr(tag, '-', r->length - (size_t)(tag - text))) == NULL ||
	    memchr(tag + sizeof(field) - 1, '"', (size_t)(at - tag) - sizeof(field) + 1) != NULL)
		return 0;
	/* A later tag may be cut at the record's end; this one has its quote. */
	if (memchr(at, '"', r->length - (size_t)(at - text)) == NULL)
		return 0;
	return strtoull(at + 1, NULL, 10);
}

/* What the world knows once this record was written. */
static void
learn(struct position *at, const struct record *r)
{
	uint64_t told = r->kind == RECORD_SENT ? told_by(r) : model_revision_of(r);
	unsigned long long inode;
	char name[32] = "";
	char text[64] = "";

	if (told > at->told)
		at->told = told;
	if (r->kind == RECORD_UNKNOWN) {
		fprintf(stderr, "powerloss: not recorded: %.*s\n", (int)r->length,
			(const char *)(r + 1));
		exit(2);
	}
	if (r->kind != RECORD_NOTE || r->length >= sizeof(text))
		return;
	memcpy(text, r + 1, r->length);
	/* Of the driver's making, so its numbers are some. */
	// NOLINTNEXTLINE(cert-err34-c)
	if (sscanf(text, "directory %llu %31s", &inode, name) == 2)
		disk_add_directory(at->disk, inode, name);
	else if (sscanf(text, "backup %31s", name) == 1 && at->backups_done < BACKUPS_MAX)
		strcpy(at->backups[at->backups_done++], name);
}

/* --- files --- */

static int
remove_one(const char *path, const struct stat *sb, int kind, struct FTW *where)
{
	(void)sb;
	(void)kind;
	return where->level > 0 ? remove(path) : 0;
}

static void
empty(const char *dir)
{
	if (nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS) != 0)
		perror(dir);
}

static void
join(char out[PATH_MAX], const char *dir, const char *name)
{
	if (snprintf(out, PATH_MAX, "%s/%s", dir, name) >= PATH_MAX)
		abort();
}

/*
 * The mark of a clean end holds for one inode and time of change.  After power loss the inode is the
 * same one, and so may be the time, which fdatasync does not bring to the disk: give the mark those
 * of the file that was rebuilt.  Returns whether there is a mark.
 */
static bool
renew_mark(const char *store)
{
	char data[PATH_MAX], mark[PATH_MAX], text[256] = "", renewed[300];
	uintmax_t inode;
	intmax_t seconds;
	long nanoseconds;
	uint64_t commit;
	struct stat sb;
	long long length;
	FILE *f;

	join(data, store, "data.mdb");
	join(mark, store, "settled");
	if (stat(data, &sb) != 0 || (f = fopen(mark, "r+")) == NULL)
		return false;
	/* Torn or not, what is read is what is written again. */
	// NOLINTBEGIN(cert-err34-c)
	if (fgets(text, sizeof(text), f) == NULL ||
	    sscanf(text, "markbook settled: inode %ju length %lld changed %jd.%ld commit %" SCNu64,
		   &inode, &length, &seconds, &nanoseconds, &commit) != 5 ||
	    strchr(text, '\n') == NULL) {
		fclose(f);
		return false;
	}
	// NOLINTEND(cert-err34-c)
	snprintf(renewed, sizeof(renewed),
		 "markbook settled: inode %ju length %lld changed %jd.%09ld commit %" PRIu64 "\n",
		 (uintmax_t)sb.st_ino, length, (intmax_t)sb.st_mtim.tv_sec, sb.st_mtim.tv_nsec,
		 commit);
	rewind(f);
	fputs(renewed, f);
	if (ftruncate(fileno(f), (off_t)strlen(renewed)) != 0)
		abort();
	fclose(f);
	return true;
}

/* --- one state --- */

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

	join(dir, s->dir, "backups");
	join(from, dir, name);
	join(dir, s->dir, "restored");
	join(to, dir, "data.mdb");
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
	empty(dir);
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
		join(file, s->dir, name);
		for (size_t j = 0; j < at->backups_done; j++)
			done = done || strcmp(at->backups[j], name + strlen("backups/")) == 0;
		/* One that was done stays as it was: now and then is enough. */
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

	if (strstr(v->why.detail, "give --store") == NULL) {
		snprintf(what, sizeof(what), "refused without advice: %s", v->why.detail);
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

static void
check_state(const struct plan *p, const struct position *at, const struct state *s,
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
	join(store, s->dir, "store");
	c->states++;
	c->marked += renew_mark(store);
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
	empty(s->dir);
}

/* --- all of them --- */

static struct crash
choose_crash(const struct plan *p, const struct disk *d, uint64_t number)
{
	uint64_t random = p->seed * UINT64_C(0x100000001b3) + number;
	struct crash c = {.window = disk_pending(d)};

	/* Most crashes of a store that is never synced hit the last moments; some go far back. */
	if (c.window > 8 && disk_random(&random) % 4 != 0)
		c.window = 1 + disk_random(&random) % ((size_t)1 << disk_random(&random) % 12);
	c.style = c.window <= 4 ? CRASH_SUBSET : disk_random(&random) % CRASH_STYLES;
	/* Few operations can be torn, too. */
	if (c.style == CRASH_SUBSET && disk_random(&random) % 2 == 0)
		c.style = CRASH_TORN_SECTORS;
	c.random = disk_random(&random);
	if (c.window > disk_pending(d))
		c.window = disk_pending(d);
	return c;
}

/* The states of one point: from *number on, as long as they belong to it. */
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
		check_state(p, at, &s, c);
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
		learn(&at, r);
		/* While it runs: a sync has not ended yet. */
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

/* Everything kept is, byte for byte, what the recorded processes left: nothing went unseen. */
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
		learn(&at, r);
		answers += r->kind == RECORD_SENT && told_by(r) > 0;
		disk_write_back(at.disk, RISK_MAX);
	}
	/* Of the changes, the seed's alone have none. */
	if (answers < p->model.last / 2) {
		fprintf(stderr, "powerloss: %" PRIu64 " answers recorded of %" PRIu64 " changes\n",
			answers, p->model.last);
		return false;
	}
	join(dir, p->dir, "whole");
	same = mkdir(dir, 0700) == 0 && disk_crash(at.disk, &all_kept, dir);
	snprintf(command, sizeof(command), "diff -r --exclude=lock.mdb '%s' '%s'", dir,
		 p->log->root);
	// NOLINTNEXTLINE(cert-env33-c): both names are of directories that the caller made
	same = same && system(command) == 0;
	empty(dir);
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
		printf("%" PRIu64 " refused with advice, %" PRIu64
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
	p->log = open_log(argv[optind]);
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
	weigh_points(&p);
	good = model_read(&p.model, p.log) && recording_is_whole(&p) && run_jobs(&p, &sum);
	tell(&p, &sum);
	model_free(&p.model);
	free(p.weights);
	return good && sum.faults == 0 ? 0 : 1;
}
