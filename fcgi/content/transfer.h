/*
 * Loads and dumps a whole store as JSON text, in the shape of GET /json.
 */
#ifndef MARKBOOK_CONTENT_TRANSFER_H
#define MARKBOOK_CONTENT_TRANSFER_H

#include <stdio.h>

#include "store/store.h"

/* The longest text that can be loaded, in bytes. */
#define TRANSFER_MAX ((size_t)1 << 30)

/*
 * Load a file ("-": standard input) into a prepared store, in one batch: all of
 * it or nothing.  With `replace`, a collection of the file replaces the one of
 * that name in the store; without, such a collection is ST_EXISTS.  Other
 * collections stay.  If `o` is NULL, this only checks whether an empty store
 * with enough room would accept the file.
 *
 * ST_OK; ST_IO (the file or the store); ST_TOO_LARGE (beyond TRANSFER_MAX);
 * ST_BAD_JSON; ST_UNPROCESSABLE; ST_RESERVED_NAME; ST_EXISTS; ST_NO_MEMORY; the
 * errors of store_unsettle, store_open, store_write and store_commit.  `why`
 * tells the operator what is wrong.
 */
enum status transfer_load_file(const struct store_options *o, const char *file, bool replace,
			       struct problem *why);

/*
 * Load the seed of a new store: as transfer_load_file without `replace`, but
 * `why` names the option --seed.
 */
enum status transfer_seed(const struct store_options *o, const char *file, struct problem *why);

/*
 * Write the last commit to `out`, indented, with a line end.  ST_OK; ST_IO (the
 * store or `out`); ST_BUSY (too many snapshots); ST_NO_MEMORY.
 */
enum status transfer_dump(struct store *store, FILE *out, struct problem *why);

#endif
