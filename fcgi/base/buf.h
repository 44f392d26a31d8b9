/*
 * Byte strings: a borrowed slice and a growable buffer.
 *
 * A slice borrows its bytes; it is valid while their owner is.  It may hold
 * NUL bytes and is not terminated.  { NULL, 0 } means "not given", which is
 * not the same as an empty slice at a real address.
 *
 * A buffer owns its bytes.  A zeroed struct buf is an empty buffer.  An
 * append that cannot get memory sets `failed` and drops what was to be
 * appended; later appends do nothing, so that a caller may append freely and
 * look at `failed` once at the end.  buf_reset() clears it.
 */
#ifndef MARKBOOK_BASE_BUF_H
#define MARKBOOK_BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct slice {
	const char *data;
	size_t len;
};

struct buf {
	char *data; /* owned; NULL while nothing was ever appended */
	size_t len;
	size_t cap;
	bool failed; /* an append was dropped for want of memory */
};

/* A slice of a string literal. */
#define SLICE(literal) ((struct slice){(literal), sizeof(literal) - 1})

static inline struct slice
slice_str(const char *s)
{
	return (struct slice){s, s == NULL ? 0 : strlen(s)};
}

static inline bool
slice_eq(struct slice a, struct slice b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

/* The slice without its first n bytes; n is at most s.len. */
static inline struct slice
slice_skip(struct slice s, size_t n)
{
	return (struct slice){s.data + n, s.len - n};
}

/* Bytewise order, a shorter slice before one that continues it: <0, 0, >0. */
int slice_cmp(struct slice a, struct slice b);

/* ASCII letters compare without regard to case. */
bool slice_eq_nocase(struct slice a, struct slice b);

/* Without spaces and tabs at either end. */
struct slice slice_trim(struct slice s);

/* 2^64 - 1 has so many. */
#define U64_DIGITS_MAX 20

/* The decimal digits of n, without an end; returns how many. */
size_t buf_u64_digits(char out[U64_DIGITS_MAX], uint64_t n);

static inline struct slice
buf_slice(const struct buf *b)
{
	return (struct slice){b->data, b->len};
}

/* For buf_reserve. */
bool buf_grow(struct buf *b, size_t more);

/*
 * Make room for `more` further bytes: false, with `failed` set, where there is no memory.  After
 * true, `more` bytes may be written at data + len and len moved on.
 */
static inline bool
buf_reserve(struct buf *b, size_t more)
{
	return !b->failed && ((b->data != NULL && more <= b->cap - b->len) || buf_grow(b, more));
}

static inline void
buf_add(struct buf *b, const void *data, size_t len)
{
	if (len == 0 || !buf_reserve(b, len))
		return;
	memcpy(b->data + b->len, data, len);
	b->len += len;
}

static inline void
buf_addc(struct buf *b, char c)
{
	if (buf_reserve(b, 1))
		b->data[b->len++] = c;
}

static inline void
buf_adds(struct buf *b, const char *s)
{
	buf_add(b, s, strlen(s));
}

static inline void
buf_add_slice(struct buf *b, struct slice s)
{
	buf_add(b, s.data, s.len);
}

void buf_add_u64(struct buf *b, uint64_t n);
void buf_addf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Empty it for reuse; memory beyond `keep` bytes is given back. */
void buf_reset(struct buf *b, size_t keep);
void buf_free(struct buf *b);

#endif
