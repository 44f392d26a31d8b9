/*
 * Memory for libraries that do not bear the lack of it: libfcgi ends the process by an assert, and
 * json-c by a null pointer.  Before either is called, as much as it will need is taken and given back
 * here: after that malloc has it without asking the system.  For a process of one thread, with glibc.
 */
#ifndef MARKBOOK_OS_MEMORY_H
#define MARKBOOK_OS_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

/* What memory_ready can promise at most. */
#define MEMORY_READY_MAX ((size_t)12 << 20)

/* Once, first of all: have malloc keep what was given back. */
void memory_init(void);

/*
 * Around what takes large blocks, uses little of them and keeps them: they come from the system meanwhile, as
 * zeros that take no memory until they are used.  From the heap calloc would fill them, used or not.
 */
void memory_lasting(bool begins);

/* Whether allocations of so many bytes together, their overhead included, will succeed now. */
bool memory_ready(size_t bytes);

#endif
