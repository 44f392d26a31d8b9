/*
 * Memory for libraries that crash when an allocation fails: libfcgi ends the
 * process by an assertion, json-c by a null pointer.  The caller first checks
 * with memory_ready that as much as the library needs can be allocated.  malloc
 * keeps that memory, so the library's own allocations then need nothing from
 * the system.  This holds for a process with one thread, and for glibc.
 */
#ifndef MARKBOOK_OS_MEMORY_H
#define MARKBOOK_OS_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

/* The most that memory_ready can promise, in bytes. */
#define MEMORY_READY_MAX ((size_t)12 << 20)

/* Make malloc keep freed memory.  Call it once, before anything else. */
void memory_init(void);

/*
 * Call it with true before, and with false after, a library allocates large
 * blocks that it keeps but hardly uses.  Meanwhile such blocks are mapped from
 * the system: their pages are zero, and take no memory until they are used.  In
 * the heap, calloc would fill them with zeros at once.
 */
void memory_lasting(bool begins);

/*
 * Whether allocations of `bytes` in total, malloc's overhead included, will
 * succeed now.  It is false for more than MEMORY_READY_MAX.
 */
bool memory_ready(size_t bytes);

#endif
