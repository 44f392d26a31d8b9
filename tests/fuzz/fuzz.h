/*
 * What the fuzz targets have in common.  A target is one function that gets
 * bytes and asks of the code what has to hold whatever the bytes are; an answer
 * that does not hold ends the process, as a report of a sanitizer does.
 */
#ifndef MARKBOOK_TESTS_FUZZ_H
#define MARKBOOK_TESTS_FUZZ_H

#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/status.h"
#include "store/name.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define must(expression) ((expression) ? (void)0 : fuzz_failed(__FILE__, __LINE__, #expression))

static inline _Noreturn void
fuzz_failed(const char *file, int line, const char *expression)
{
	fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, expression);
	abort();
}

/* Take `n` bytes, or as many as there are, off the front. */
static inline struct slice
fuzz_take(struct slice *rest, size_t n)
{
	struct slice taken = {rest->data, n < rest->len ? n : rest->len};

	*rest = (struct slice){rest->data + taken.len, rest->len - taken.len};
	return taken;
}

/* One byte off the front; 0 where there is none. */
static inline unsigned
fuzz_byte(struct slice *rest)
{
	struct slice taken = fuzz_take(rest, 1);

	return taken.len == 0 ? 0 : (unsigned char)taken.data[0];
}

/* Two bytes, the higher one first. */
static inline unsigned
fuzz_word(struct slice *rest)
{
	unsigned high = fuzz_byte(rest);

	return high << 8 | fuzz_byte(rest);
}

/*
 * In memory of exactly this size, so that a read beyond its end shows.  For
 * free().
 */
static inline char *
fuzz_copy(struct slice s)
{
	char *copy = malloc(s.len + (s.len == 0));

	must(copy != NULL);
	if (s.len > 0)
		memcpy(copy, s.data, s.len);
	return copy;
}

/*
 * Whether a text is UTF-8 without control characters, found out in another way
 * than name.c's: by putting each character together and looking at its number.
 */
static inline bool
fuzz_is_printable(struct slice s)
{
	static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};

	for (size_t i = 0; i < s.len;) {
		unsigned char first = (unsigned char)s.data[i++];
		size_t more = first < 0x80 ? 0 : first < 0xE0 ? 1 : first < 0xF0 ? 2 : 3;
		uint32_t c = more == 0 ? first : first & (0x3Fu >> more);

		if ((first >= 0x80 && first < 0xC0) || first >= 0xF8 || more > s.len - i)
			return false;
		for (size_t end = i + more; i < end; i++) {
			if (((unsigned char)s.data[i] & 0xC0) != 0x80)
				return false;
			c = c << 6 | ((unsigned char)s.data[i] & 0x3F);
		}
		if (c < least[more] || c > 0x10FFFF || (c >= 0xD800 && c < 0xE000) || c < 0x20 ||
		    (c >= 0x7F && c < 0xA0))
			return false;
	}
	return true;
}

/* A problem has something to say, in words that can be shown. */
static inline void
fuzz_check_problem(const struct problem *why)
{
	must(why->detail[0] != '\0');
	must(fuzz_is_printable(slice_str(why->detail)));
}

#endif
