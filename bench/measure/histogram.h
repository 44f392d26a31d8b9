/*
 * How often which latency occurs.
 */
#ifndef BENCH_HISTOGRAM_H
#define BENCH_HISTOGRAM_H

#include <stddef.h>
#include <stdint.h>

/* Counts of times in nanoseconds: 64 steps from a power of two to the next. */
#define STEP_BITS 6
#define STEPS ((size_t)1 << STEP_BITS)
struct histogram {
	uint64_t counts[64 * STEPS];
	uint64_t total, max;
};

void histogram_count(struct histogram *h, uint64_t ns);

/* The latency that `percent` of all do not exceed, in milliseconds. */
double histogram_percentile_ms(const struct histogram *h, double percent);

#endif
