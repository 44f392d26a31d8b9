#include "base/buf.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define FIRST_CAP 64

int
slice_cmp(struct slice a, struct slice b)
{
	size_t common = a.len < b.len ? a.len : b.len;
	int order = common == 0 ? 0 : memcmp(a.data, b.data, common);

	if (order != 0)
		return order;
	return (a.len > b.len) - (a.len < b.len);
}

/* tolower() would depend on the locale. */
static unsigned char
lower(char c)
{
	return (unsigned char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
}

bool
slice_eq_nocase(struct slice a, struct slice b)
{
	if (a.len != b.len)
		return false;
	for (size_t i = 0; i < a.len; i++)
		if (lower(a.data[i]) != lower(b.data[i]))
			return false;
	return true;
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

struct slice
slice_trim(struct slice s)
{
	while (s.len > 0 && is_blank(s.data[0])) {
		s.data++;
		s.len--;
	}
	while (s.len > 0 && is_blank(s.data[s.len - 1]))
		s.len--;
	return s;
}

bool
buf_grow(struct buf *b, size_t more)
{
	size_t cap = b->cap == 0 ? FIRST_CAP : b->cap;
	char *data;

	if (b->failed)
		return false;
	/* Below PTRDIFF_MAX, the largest object, doubling cannot overflow. */
	if (more > (size_t)PTRDIFF_MAX - b->len) {
		b->failed = true;
		return false;
	}
	while (cap < b->len + more)
		cap *= 2;
	data = realloc(b->data, cap);
	if (data == NULL) {
		b->failed = true;
		return false;
	}
	b->data = data;
	b->cap = cap;
	return true;
}

size_t
buf_u64_digits(char out[U64_DIGITS_MAX], uint64_t n)
{
	char digits[U64_DIGITS_MAX];
	size_t at = sizeof(digits), len;

	do {
		digits[--at] = (char)('0' + n % 10);
		n /= 10;
	} while (n > 0);
	len = sizeof(digits) - at;
	memcpy(out, digits + at, len);
	return len;
}

void
buf_add_u64(struct buf *b, uint64_t n)
{
	char digits[U64_DIGITS_MAX];
	size_t len = buf_u64_digits(digits, n);

	buf_add(b, digits, len);
}

void
buf_addf(struct buf *b, const char *fmt, ...)
{
	va_list args;
	int len;

	va_start(args, fmt);
	len = vsnprintf(NULL, 0, fmt, args);
	va_end(args);
	if (len < 0) {
		b->failed = true;
		return;
	}
	/* vsnprintf also writes a NUL, which it does not count. */
	if (!buf_reserve(b, (size_t)len + 1))
		return;
	va_start(args, fmt);
	vsnprintf(b->data + b->len, (size_t)len + 1, fmt, args);
	va_end(args);
	b->len += (size_t)len;
}

void
buf_reset(struct buf *b, size_t keep)
{
	b->len = 0;
	b->failed = false;
	if (b->cap > keep)
		buf_free(b);
}

void
buf_free(struct buf *b)
{
	free(b->data);
	*b = (struct buf){0};
}
