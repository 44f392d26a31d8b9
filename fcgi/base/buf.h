/*
 * Byte strings: a borrowed slice and a growable buffer.
 *
 * A slice borrows its bytes and is valid as long as their owner keeps them.  It
 * may hold NUL bytes and has no terminator.  { NULL, 0 } means "not given",
 * which differs from an empty slice at a real address.
 *
 * A buffer owns its bytes.  A zeroed struct buf is an empty buffer.  An append
 * that cannot get memory sets `failed` and appends nothing.  All later appends
 * do nothing, so a caller may append freely and check `failed` once at the end.
 * buf_reset() and buf_free() clear it.
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
	char *data;  /* owned; NULL until the first append */
	size_t len;  /* bytes in use */
	size_t cap;  /* bytes allocated */
	bool failed; /* memory ran out, and an append was dropped */
};

/* A slice of a string literal. */
#define SLICE(literal) ((struct slice){(literal), sizeof(literal) - 1})

/* A slice of the string s without its NUL; NULL gives { NULL, 0 }. */
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

/* Returns s without its first n bytes; n is at most s.len. */
static inline struct slice
slice_skip(struct slice s, size_t n)
{
	return (struct slice){s.data + n, s.len - n};
}

/*
 * Compare bytewise; a slice comes before a longer one that begins with it.
 * Returns less than, equal to or greater than 0, like memcmp.
 */
int slice_cmp(struct slice a, struct slice b);

/* Whether both are equal, regardless of the case of ASCII letters. */
bool slice_eq_nocase(struct slice a, struct slice b);

/* Returns s without the spaces and tabs at its ends. */
struct slice slice_trim(struct slice s);

/* The number of decimal digits of 2^64 - 1. */
#define U64_DIGITS_MAX 20

/* Write the decimal digits of n, without a NUL.  Returns their number. */
size_t buf_u64_digits(char out[U64_DIGITS_MAX], uint64_t n);

static inline struct slice
buf_slice(const struct buf *b)
{
	return (struct slice){b->data, b->len};
}

/* The slow path of buf_reserve; call buf_reserve instead. */
bool buf_grow(struct buf *b, size_t more);

/*
 * Make room for `more` further bytes.  Returns false, with `failed` set, if
 * there is no memory or an earlier append failed; the contents stay as they
 * are.  After true, the caller may write up to `more` bytes at data + len and
 * add their number to len.
 */
static inline bool
buf_reserve(struct buf *b, size_t more)
{
	return !b->failed && ((b->data != NULL && more <= b->cap - b->len) || buf_grow(b, more));
}

/*
 * The appends copy what they are given.  It must not lie in b itself, whose
 * bytes may move.
 */
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

/* Append the decimal digits of n. */
void buf_add_u64(struct buf *b, uint64_t n);

/* Append text as printf(3) formats it, without its NUL. */
void buf_addf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Empty b for reuse.  A buffer of more than `keep` bytes is freed. */
void buf_reset(struct buf *b, size_t keep);

/* Free the bytes; b is an empty buffer again. */
void buf_free(struct buf *b);

#endif
