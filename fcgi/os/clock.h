/*
 * Monotonic time, in nanoseconds.
 */
#ifndef MARKBOOK_OS_CLOCK_H
#define MARKBOOK_OS_CLOCK_H

#include <stdint.h>

#define CLOCK_SECOND UINT64_C(1000000000)
#define CLOCK_MILLISECOND UINT64_C(1000000)
/* A time that never comes. */
#define CLOCK_NEVER UINT64_MAX

/* Now; it never goes back, whatever is done to the time of day. */
uint64_t clock_now(void);

#endif
