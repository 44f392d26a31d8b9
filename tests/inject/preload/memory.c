/*
 * Allocations that fail, except within libraries that do not survive that.
 *
 * What libfcgi and json-c allocate while they read a request neither counts nor
 * fails, because the program secures it before (fcgi/os/memory.h): the last
 * block that it frees before has to be as large as all that they then allocate.
 * `overdrawn` shows where it was not.
 */
#include "control.h"

#include <errno.h>
#include <stdlib.h>

static _Atomic int64_t blocks;
static bool spared;		/* within one of these libraries */
static void *last;		/* the last block from malloc outside of them */
static size_t last_size, given; /* its length; the same once it is freed */
static size_t taken;		/* how much of that they have taken */

/* dlsym itself may allocate. */
static _Alignas(16) char early[4096];
static size_t early_used;

/* Count with the most that malloc adds. */
static void
spend(size_t size)
{
	size_t bytes = (size + 8 + 15) & ~(size_t)15;

	if (!spared)
		return;
	taken += bytes < 32 ? 32 : bytes;
	if (taken > given && taken - given > inject_control->overdrawn)
		inject_control->overdrawn = taken - given;
}

static void
note(void *p, size_t size)
{
	if (spared)
		return;
	last = p;
	last_size = size;
	given = 0;
}

static void
enter(void)
{
	spared = true;
	taken = 0;
}

bool
inject_is_spared(void)
{
	return spared;
}

int64_t
inject_blocks(void)
{
	return blocks;
}

void *
malloc(size_t size)
{
	void *p;

	REAL(malloc, void *, size_t);
	if (FAILS(ALLOC))
		return NULL;
	spend(size);
	if ((p = real(size)) != NULL)
		blocks++;
	note(p, size);
	return p;
}

void *
calloc(size_t n, size_t size)
{
	static void *(*real)(size_t, size_t);
	static bool looking;
	void *p;

	if (real == NULL) {
		if (looking) {
			p = early + early_used;
			early_used += (n * size + 15) & ~(size_t)15;
			if (early_used > sizeof(early))
				abort();
			return p;
		}
		looking = true;
		*(void **)&real = dlsym(RTLD_NEXT, "calloc");
	}
	if (FAILS(ALLOC))
		return NULL;
	spend(n * size);
	if ((p = real(n, size)) != NULL)
		blocks++;
	note(NULL, 0);
	return p;
}

void *
realloc(void *old, size_t size)
{
	void *p;

	REAL(realloc, void *, void *, size_t);
	if (FAILS(ALLOC))
		return NULL;
	spend(size);
	if ((p = real(old, size)) != NULL && old == NULL)
		blocks++;
	note(NULL, 0);
	return p;
}

int
posix_memalign(void **out, size_t alignment, size_t size)
{
	int saved = errno, rc;

	REAL(posix_memalign, int, void **, size_t, size_t);
	if (FAILS(ALLOC)) {
		rc = errno;
		errno = saved;
		return rc;
	}
	if ((rc = real(out, alignment, size)) == 0)
		blocks++;
	return rc;
}

void
free(void *p)
{
	REAL(free, void, void *);
	if (p == NULL || ((char *)p >= early && (char *)p < early + sizeof(early)))
		return;
	blocks--;
	if (!spared && p == last)
		given = last_size;
	real(p);
}

/* --- libraries that do not survive a lack of memory --- */

void *seccomp_init(uint32_t action);
void seccomp_release(void *filter);

/* The library makes a filter between these two calls. */
void *
seccomp_init(uint32_t action)
{
	REAL(seccomp_init, void *, uint32_t);
	enter();
	return real(action);
}

void
seccomp_release(void *filter)
{
	REAL(seccomp_release, void, void *);
	real(filter);
	spared = false;
}

struct FCGX_Request;
int FCGX_Accept_r(struct FCGX_Request *r);
int
FCGX_Accept_r(struct FCGX_Request *r)
{
	int rc;

	REAL(FCGX_Accept_r, int, struct FCGX_Request *);
	enter();
	rc = real(r);
	spared = false;
	return rc;
}

struct json_object;
struct json_tokener;
struct json_object *json_tokener_parse_ex(struct json_tokener *t, const char *text, int len);
struct json_object *
json_tokener_parse_ex(struct json_tokener *t, const char *text, int len)
{
	struct json_object *tree;

	REAL(json_tokener_parse_ex, struct json_object *, struct json_tokener *, const char *, int);
	enter();
	tree = real(t, text, len);
	spared = false;
	return tree;
}
