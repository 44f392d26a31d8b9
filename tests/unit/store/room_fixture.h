/*
 * A store that is filled to the brim with values of several kinds.
 */
#ifndef MARKBOOK_TESTS_ROOM_FIXTURE_H
#define MARKBOOK_TESTS_ROOM_FIXTURE_H

#include "store_fixture.h"

#define LARGEST 100000

static char text[LARGEST];

/* How long the value of record `i` is. */
typedef size_t length(unsigned i);

static inline size_t
small(unsigned i)
{
	return i % 60 + 5;
}

static inline size_t
medium(unsigned i)
{
	return i * 7919 % 3000 + 200;
}

static inline size_t
large(unsigned i)
{
	(void)i;
	return LARGEST;
}

static inline size_t
mixed(unsigned i)
{
	return i % 20 == 0 ? i * 7919 % LARGEST + 1 : medium(i);
}

/* Spread over the whole of the collections, not in the order of i. */
static inline struct slice
record_name(char buf[16], unsigned i)
{
	return (struct slice){buf, (size_t)snprintf(buf, 16, "r%07u", i * 2654435761u % 10000000u)};
}

static inline struct slice
collection_name(char buf[8], unsigned i)
{
	return (struct slice){buf, (size_t)snprintf(buf, 8, "c%u", i % 3)};
}

static inline enum status
set(struct fixture *f, unsigned i, size_t len)
{
	char c[8], r[16];

	return put(f->s, collection_name(c, i), record_name(r, i), (struct slice){text, len});
}

static inline enum status
unset(struct fixture *f, unsigned i)
{
	char c[8], r[16];
	const struct edit edit = {record_name(r, i), NONE};

	return apply(f->s, collection_name(c, i), &edit, 1, 0);
}

/* As a client of the store does by its contract. */
static inline enum status
drop_in_two_tries(struct fixture *f, struct slice name)
{
	enum status st = drop(f->s, name);

	return st == ST_FULL ? drop(f->s, name) : st;
}

/* Returns how many records went in. */
static inline unsigned
fill(struct fixture *f, length *len)
{
	enum status st;
	unsigned n = 0;

	memset(text, '7', sizeof(text));
	while ((st = set(f, n, len(n))) == ST_OK)
		n++;
	assert_int_equal(st, ST_FULL);
	return n;
}

/*
 * Write records over in batches, with values of other lengths; what is refused
 * is refused.
 */
static inline void
churn(struct fixture *f, length *len, unsigned n, unsigned batches, unsigned changes)
{
	unsigned seed = 1;

	for (unsigned b = 0; b < batches; b++) {
		struct view *v = begin(f->s);
		enum status st = ST_OK;

		for (unsigned k = 0; k < changes && st == ST_OK; k++) {
			unsigned i = (unsigned)rand_r(&seed) % n;
			char c[8], r[16];
			const struct edit edit = {record_name(r, i),
						  {text, len((unsigned)rand_r(&seed))}};

			st = store_apply(v, collection_name(c, i), &edit, 1, 0);
		}
		if (st == ST_OK)
			st = store_commit(f->s);
		else
			store_abort(f->s);
		assert_true(st == ST_OK || st == ST_FULL);
	}
}

static inline void
assert_each_record_can_be_removed(struct fixture *f, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		assert_ok(unset(f, i));
	assert_int_equal(stats(f->s).records, 0);
	assert_ok(set(f, 0, LARGEST));
}

static inline void
assert_each_collection_can_be_dropped(struct fixture *f)
{
	assert_ok(drop_in_two_tries(f, SLICE("c1")));
	assert_ok(drop_in_two_tries(f, SLICE("c0")));
	assert_ok(drop_in_two_tries(f, SLICE("c2")));
	assert_int_equal(stats(f->s).collections, 0);
	assert_ok(set(f, 0, LARGEST));
}

static length *const lengths[] = {small, medium, large, mixed};

/* With each kind of record in a new store: `body` gets how many there are. */
static inline void
for_each_kind(struct fixture *f, void (*body)(struct fixture *, length *, unsigned))
{
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		snprintf(f->path, sizeof(f->path), "%s/s%d", f->dir, (int)i);
		fixture_prepare_and_open(f);
		body(f, lengths[i], fill(f, lengths[i]));
		store_close(f->s);
		/* Includes the check of all that is left. */
		fixture_prepare_and_open(f);
		store_close(f->s);
		f->s = NULL;
	}
}

#endif
