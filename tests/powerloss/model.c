#include "model.h"

#include <stdio.h>
#include <stdlib.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#define COLLECTIONS_MAX 16
#define RECORDS_MAX 256
#define REMOVED UINT32_MAX

enum { FLAG_CREATE = 1, FLAG_CLEAR = 2, FLAG_DROP = 4 };

struct change {
	uint64_t revision;
	const char *data; /* from the flags on */
};

struct item {
	struct slice name;
	uint64_t digest;
};

struct held {
	struct slice name;
	uint64_t digest; /* of its own row; the collection is there while it has one */
	struct item items[RECORDS_MAX];
	size_t n;
};

struct contents {
	struct held held[COLLECTIONS_MAX];
	size_t n;
	uint64_t digest;
};

uint64_t
model_digest(struct slice collection, struct slice name, uint64_t revision, struct slice json)
{
	uint64_t h = XXH3_64bits_withSeed(collection.data, collection.len, revision);

	if (name.len == 0)
		return h;
	h = XXH3_64bits_withSeed(name.data, name.len, h);
	return XXH3_64bits_withSeed(json.data, json.len, h);
}

static uint64_t
number(const char **p, size_t bytes)
{
	uint64_t n = 0;

	memcpy(&n, *p, bytes);
	*p += bytes;
	return n;
}

static struct slice
text(const char **p, size_t len)
{
	struct slice s = {*p, len};

	*p += len;
	return s;
}

uint64_t
model_revision_of(const struct record *r)
{
	const char *p = (const char *)(r + 1);

	if (r->kind != RECORD_NOTE || r->length < 9 || *p++ != 'A')
		return 0;
	return number(&p, 8);
}

static struct held *
held_of(struct contents *c, struct slice name)
{
	for (size_t i = 0; i < c->n; i++)
		if (slice_eq(c->held[i].name, name))
			return &c->held[i];
	if (c->n == COLLECTIONS_MAX)
		abort();
	c->held[c->n] = (struct held){.name = name};
	return &c->held[c->n++];
}

static void
clear(struct contents *c, struct held *h)
{
	for (size_t i = 0; i < h->n; i++)
		c->digest -= h->items[i].digest;
	h->n = 0;
}

static void
edit(struct contents *c, struct held *h, struct slice name, uint64_t digest)
{
	size_t i = 0;

	while (i < h->n && !slice_eq(h->items[i].name, name))
		i++;
	if (i < h->n) {
		c->digest -= h->items[i].digest;
		h->items[i] = h->items[--h->n];
	}
	if (digest == 0)
		return;
	if (h->n == RECORDS_MAX)
		abort();
	h->items[h->n++] = (struct item){name, digest};
	c->digest += digest;
}

static void
apply(struct contents *c, const struct change *change)
{
	const char *p = change->data;
	uint64_t flags = number(&p, 1);
	struct slice collection = text(&p, number(&p, 2));
	struct held *h = held_of(c, collection);

	c->digest -= h->digest;
	h->digest = 0;
	if ((flags & (FLAG_CLEAR | FLAG_DROP)) != 0)
		clear(c, h);
	if ((flags & FLAG_DROP) != 0)
		return;
	for (uint64_t n = number(&p, 4); n > 0; n--) {
		size_t name_len = number(&p, 2), json_len = number(&p, 4);
		struct slice name = text(&p, name_len), json = {p, json_len};

		if (json_len == REMOVED) {
			edit(c, h, name, 0);
			continue;
		}
		p += json_len;
		edit(c, h, name, model_digest(collection, name, change->revision, json));
	}
	h->digest = model_digest(collection, (struct slice){NULL, 0}, change->revision,
				 (struct slice){NULL, 0});
	c->digest += h->digest;
}

static int
by_revision(const void *a, const void *b)
{
	const struct change *x = a, *y = b;

	return x->revision < y->revision ? -1 : x->revision > y->revision;
}

/* The changes in the order of their notes. */
static struct change *
collect(const struct record_log *log, size_t *n)
{
	struct change *all = NULL;
	size_t cap = 0;

	*n = 0;
	for (const struct record *r = record_next(log, NULL); r != NULL; r = record_next(log, r)) {
		uint64_t revision = model_revision_of(r);

		if (revision == 0)
			continue;
		if (*n == cap && (all = realloc(all, (cap = cap * 2 + 64) * sizeof(*all))) == NULL)
			abort();
		all[(*n)++] = (struct change){revision, (const char *)(r + 1) + 9};
	}
	return all;
}

bool
model_read(struct model *m, const struct record_log *log)
{
	struct contents *c = calloc(1, sizeof(*c));
	size_t n, i = 0;
	struct change *all = collect(log, &n);

	*m = (struct model){.last = n, .digests = calloc(n + 1, sizeof(uint64_t))};
	if (c == NULL || m->digests == NULL)
		abort();
	if (n > 0)
		qsort(all, n, sizeof(*all), by_revision);
	for (; i < n && all[i].revision == i + 1; i++) {
		apply(c, &all[i]);
		m->digests[i + 1] = c->digest;
	}
	if (i < n)
		fprintf(stderr, "powerloss: revision %zu was acknowledged to nobody, or twice\n",
			i + 1);
	free(all);
	free(c);
	return i == n;
}

void
model_free(struct model *m)
{
	free(m->digests);
}
