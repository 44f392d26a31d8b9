/*
 * A full check of a store that opened: what its engine cannot know of.
 */
#ifndef MARKBOOK_CONTENT_VERIFY_H
#define MARKBOOK_CONTENT_VERIFY_H

#include "store/store.h"

/*
 * Walk over the last commit: every name is one, every value is JSON as a request would have brought it
 * in, every collection has the records that its row tells, no revision is later than its
 * collection's, nor that than the store's.  Run it after store_verify, which has looked at the engine's own structure and sums.  ST_OK with what was counted;
 * ST_STORE_DAMAGED with `why` naming the collection and record; ST_IO; ST_NO_MEMORY.
 */
enum status verify_content(struct store *store, struct store_stats *counted, struct problem *why);

#endif
