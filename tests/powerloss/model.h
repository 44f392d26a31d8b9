/*
 * What the store held at each revision, from what the clients noted of their
 * acknowledged changes.
 */
#ifndef POWERLOSS_MODEL_H
#define POWERLOSS_MODEL_H

#include "record.h"
#include "store/store.h"

struct model {
	uint64_t last;	   /* revision */
	uint64_t *digests; /* of what the store held, by revision from 0 on */
};

/*
 * The revision of the change that this note tells of; 0 for another kind of
 * note.
 */
uint64_t model_revision_of(const struct record *r);

/* False where a revision is missing or there twice, after saying so. */
bool model_read(struct model *m, const struct record_log *log);
void model_free(struct model *m);

/*
 * What one row of a store adds to the digest of it.  `name` has no bytes for
 * the collection's own row, and `json` none.
 */
uint64_t model_digest(struct slice collection, struct slice name, uint64_t revision,
		      struct slice json);

#endif
