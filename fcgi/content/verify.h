/*
 * Checks in an open store what its engine does not know: names and JSON.
 */
#ifndef MARKBOOK_CONTENT_VERIFY_H
#define MARKBOOK_CONTENT_VERIFY_H

#include "store/store.h"

/*
 * Walk over the last commit and check that
 * - every name is valid;
 * - every value is JSON that a request could have stored;
 * - every collection has as many records and bytes as its row says;
 * - no record's revision is later than its collection's, and no collection's
 *   later than the store's.
 *
 * Call store_verify first: it checks the engine's own structure and sums.
 *
 * ST_OK, with the id, the revision and the numbers of collections and records
 * in *counted; ST_STORE_DAMAGED, with `why` naming the collection and record;
 * ST_BUSY (too many snapshots); ST_IO; ST_NO_MEMORY.
 */
enum status verify_content(struct store *store, struct store_stats *counted, struct problem *why);

#endif
