#include "histogram.h"

static size_t
step_of(uint64_t ns)
{
	unsigned shift = 0;

	while (ns >> shift >= 2 * STEPS)
		shift++;
	return (size_t)shift * STEPS + (size_t)(ns >> shift);
}

/* The middle of a step. */
static uint64_t
time_of(size_t step)
{
	size_t shift = step < 2 * STEPS ? 0 : step / STEPS - 1;

	return ((uint64_t)(step - shift * STEPS) << shift) + ((uint64_t)1 << shift) / 2;
}

void
histogram_count(struct histogram *h, uint64_t ns)
{
	h->counts[step_of(ns)]++;
	h->total++;
	if (ns > h->max)
		h->max = ns;
}

double
histogram_percentile_ms(const struct histogram *h, double percent)
{
	double below = (double)h->total * percent / 100;
	uint64_t seen = 0;

	for (size_t i = 0; i < sizeof(h->counts) / sizeof(h->counts[0]); i++) {
		seen += h->counts[i];
		if (seen > 0 && (double)seen >= below)
			return (double)(time_of(i) < h->max ? time_of(i) : h->max) / 1e6;
	}
	return 0;
}
