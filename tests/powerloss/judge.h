/*
 * What a start of the service makes of a store that a crash left.
 */
#ifndef POWERLOSS_JUDGE_H
#define POWERLOSS_JUDGE_H

#include "store/store.h"

#define FAULT_MAX 700

struct verdict {
	enum status status; /* of the start: ST_OK, or refused */
	struct problem why; /* with which advice */
	bool fresh;	    /* there was none */
	uint64_t revision;
	uint64_t digest;       /* of what it holds, see model.h */
	char fault[FAULT_MAX]; /* what should never be, or empty */
};

/*
 * Start with this store as `serve` does; where it is taken, look through all of
 * it, read all of it, and then write to it and look through it again.  In a
 * process of its own, whose death is a fault.
 */
void judge_store(const struct store_options *o, struct verdict *out);

/*
 * The same of a copy that backup made, put into a directory: not started with,
 * only looked through.
 */
void judge_backup(const struct store_options *o, struct verdict *out);

#endif
