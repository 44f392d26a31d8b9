/*
 * A whole store as JSON text, in and out: the shape of GET /json.
 */
#ifndef MARKBOOK_CONTENT_TRANSFER_H
#define MARKBOOK_CONTENT_TRANSFER_H

#include <stdio.h>

#include "store/store.h"

/* Longest text that is loaded, in bytes. */
#define TRANSFER_MAX ((size_t)1 << 30)

/*
 * Load a file ("-": standard input) into a prepared store, in one batch: all
 * of it or nothing.  A collection that exists already is replaced with `replace`, and ST_EXISTS
 * without; others stay.  `why` tells the operator what is wrong.  Without options (NULL) it only
 * looks whether an empty store with enough room would take it.
 */
enum status transfer_load_file(const struct store_options *o, const char *file, bool replace,
			       struct problem *why);

/* The same of the seed of a store that is new: `why` names the option. */
enum status transfer_seed(const struct store_options *o, const char *file, struct problem *why);

/* Write the last commit, indented, to `out`.  ST_OK, ST_IO (also of `out`), ST_NO_MEMORY. */
enum status transfer_dump(struct store *store, FILE *out, struct problem *why);

#endif
