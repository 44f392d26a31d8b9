#include "os/memory.h"

#include <malloc.h>
#include <stdlib.h>

/* A block of this size or more would be mapped, and unmapped when it is given back. */
#define HEAP_MAX (16 << 20)
/* What glibc begins with. */
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
	/* Else the compiler knows that this block is not used, and leaves it out. */
	void *volatile block = bytes > MEMORY_READY_MAX ? NULL : malloc(bytes);
	bool ready = block != NULL;

	free(block);
	return ready;
}
