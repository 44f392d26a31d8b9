/*
 * Monotonic time, in nanoseconds.
 */
#ifndef MARKBOOK_OS_CLOCK_H
#define MARKBOOK_OS_CLOCK_H

#include <stdint.h>

#define CLOCK_SECOND UINT64_C(1000000000)
#define CLOCK_MILLISECOND UINT64_C(1000000)
/* A time that is never reached. */
#define CLOCK_NEVER UINT64_MAX

/* The current time.  It never goes back, even if the time of day is set. */
uint64_t clock_now(void);

#endif
