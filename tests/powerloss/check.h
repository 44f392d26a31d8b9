/*
 * What the parts of the checker share: its plan, its place in the recording,
 * and what it counts.
 */
#ifndef POWERLOSS_CHECK_H
#define POWERLOSS_CHECK_H

#include "disk.h"
#include "model.h"

#define BACKUPS_MAX 16

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
	const char *lie; /* what the disk lies about; empty: nothing */
	unsigned jobs;
	double seconds;
	size_t points;
	uint64_t *weights; /* sums, up to and with each point */
};

/* A place on the way through the recording. */
struct position {
	struct disk *disk;
	uint64_t told; /* the last revision that a client knows of */
	size_t point;
	char backups[BACKUPS_MAX][32]; /* reported as done */
	size_t backups_done;
};

/* One crash state. */
struct state {
	uint64_t number;
	struct crash crash;
	char dir[PATH_MAX];
};

/* Map a recording; a file that is none ends the program. */
const struct record_log *recording_open(const char *file);

/*
 * Count the points of the recording and give each its weight.  free(p->weights)
 * afterwards.
 */
void recording_weigh(struct plan *p);

/* The revision in the ETag of an answer, 0 if it has none. */
uint64_t recording_told_by(const struct record *r);

/* Learn what the world knows once this record is written. */
void recording_learn(struct position *at, const struct record *r);

/*
 * Make the state in s->dir, start with it, and count what comes of it.  Faults
 * are printed.
 */
void state_check(const struct plan *p, const struct position *at, const struct state *s,
		 struct counters *c);

/* Remove everything below a directory. */
void files_empty(const char *dir);

/* dir/name, which has to fit. */
void files_join(char out[PATH_MAX], const char *dir, const char *name);

/*
 * The mark of a clean end holds for one inode and time of change.  Power loss
 * keeps the inode, and may keep the time, which fdatasync does not bring to the
 * disk.  A rebuilt file has neither, so give the mark those of the rebuilt
 * file.  Returns whether there is a mark.
 */
bool files_renew_mark(const char *store);

#endif
