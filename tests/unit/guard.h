/*
 * Text that ends where readable memory ends.  A parser that reads one byte too
 * far is killed.  Include after <cmocka.h>.
 */
#ifndef MARKBOOK_TESTS_GUARD_H
#define MARKBOOK_TESTS_GUARD_H

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/buf.h"

struct guard {
	char *pages;
	size_t readable; /* bytes before the unreadable page */
};

static inline struct guard
guard_new(size_t size)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	struct guard g = {.readable = (size + page - 1) / page * page};

	g.pages = mmap(NULL, g.readable + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		       -1, 0);
	assert_true(g.pages != MAP_FAILED);
	assert_int_equal(mprotect(g.pages + g.readable, page, PROT_NONE), 0);
	return g;
}

static inline void
guard_free(struct guard *g)
{
	munmap(g->pages, g->readable + (size_t)sysconf(_SC_PAGESIZE));
}

/* Copy s to the end of the readable memory.  The next call overwrites it. */
static inline struct slice
guard_copy(struct guard *g, struct slice s)
{
	char *at = g->pages + g->readable - s.len;

	assert_true(s.len <= g->readable);
	if (s.len > 0)
		memcpy(at, s.data, s.len);
	return (struct slice){at, s.len};
}

#endif
