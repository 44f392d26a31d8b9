#include "os/memory.h"

#include <malloc.h>
#include <stdlib.h>

/* malloc maps blocks from this size on, and unmaps them when they are freed. */
#define HEAP_MAX (16 << 20)
/* glibc's default for that size. */
#define MAPPED_FROM (128 << 10)

_Static_assert(MEMORY_READY_MAX < HEAP_MAX, "what is promised has to come from the heap");

void
memory_init(void)
{
	(void)mallopt(M_MMAP_THRESHOLD, HEAP_MAX);
	(void)mallopt(M_TRIM_THRESHOLD, HEAP_MAX);
}

void
memory_lasting(bool begins)
{
	(void)mallopt(M_MMAP_THRESHOLD, begins ? MAPPED_FROM : HEAP_MAX);
}

bool
memory_ready(size_t bytes)
{
	/* Without volatile the compiler removes the unused allocation. */
	void *volatile block = bytes > MEMORY_READY_MAX ? NULL : malloc(bytes);
	bool ready = block != NULL;

	free(block);
	return ready;
}
