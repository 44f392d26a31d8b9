#include "base/metrics.h"

#include <inttypes.h>
#include <sys/mman.h>
#include <time.h>

/*
 * The codes that this service answers with.  All others are counted together,
 * under the code 0; the places after it are spare.
 */
static const unsigned codes[METRICS_CODES] = {200, 201, 204, 304, 400, 404, 405, 409,
					      412, 413, 415, 422, 500, 503, 507, 0};

/* Upper bounds of the histogram's buckets, in nanoseconds and in seconds. */
static const uint64_t bounds[METRICS_BUCKETS] = {10000,	  25000,   50000,    100000,	250000,
						 1000000, 5000000, 25000000, 100000000, 1000000000};
static const char *const bound_names[METRICS_BUCKETS] = {
    "0.00001", "0.000025", "0.00005", "0.0001", "0.00025", "0.001", "0.005", "0.025", "0.1", "1"};

struct metrics *
metrics_create(unsigned slots)
{
	size_t bytes = sizeof(struct metrics) + slots * sizeof(struct metrics_slot);
	struct metrics *m =
	    mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (m == MAP_FAILED)
		return NULL;
	m->bytes = bytes;
	m->slots = slots;
	atomic_store(&m->started, (int64_t)time(NULL));
	return m;
}

void
metrics_destroy(struct metrics *m)
{
	if (m != NULL)
		munmap(m, m->bytes);
}

void
metrics_request(struct metrics_slot *slot, unsigned method, unsigned code, uint64_t ns)
{
	size_t c = 0, b = 0;

	while (c < METRICS_CODES - 1 && codes[c] != 0 && codes[c] != code)
		c++;
	while (b < METRICS_BUCKETS && ns > bounds[b])
		b++;
	metrics_add(&slot->requests[method][c], 1);
	metrics_add(&slot->seconds[b], 1);
	metrics_add(&slot->nanoseconds, ns);
}

static bool
is_ready(const struct metrics_slot *s)
{
	return atomic_load_explicit(&s->state, memory_order_relaxed) == WORKER_READY;
}

bool
metrics_any_ready(const struct metrics *m)
{
	for (unsigned i = 0; i < m->slots; i++) {
		if (is_ready(&m->slot[i]))
			return true;
	}
	return false;
}

unsigned
metrics_least_connections(const struct metrics *m)
{
	unsigned least = UINT32_MAX;

	for (unsigned i = 0; i < m->slots; i++) {
		const struct metrics_slot *s = &m->slot[i];

		if (is_ready(s)) {
			unsigned n = atomic_load_explicit(&s->connections, memory_order_relaxed);

			if (n < least)
				least = n;
		}
	}
	return least == UINT32_MAX ? 0 : least;
}

/* The sum over all slots of the counter at byte `offset` of a slot. */
static uint64_t
sum(const struct metrics *m, size_t offset)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < m->slots; i++) {
		const char *slot = (const char *)&m->slot[i];

		n += atomic_load_explicit((const counter *)(const void *)(slot + offset),
					  memory_order_relaxed);
	}
	return n;
}

static void
metrics_add_head(struct buf *out, const char *name, const char *type, const char *help)
{
	buf_addf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

void
metrics_add_value(struct buf *out, const char *name, const char *type, const char *help,
		  uint64_t value)
{
	metrics_add_head(out, name, type, help);
	buf_addf(out, "%s %" PRIu64 "\n", name, value);
}

static void
add_requests(struct buf *out, const struct metrics *m, const char *const *method_names)
{
	metrics_add_head(out, "markbook_requests_total", "counter", "Requests answered.");
	for (size_t i = 0; i < METRICS_METHODS; i++) {
		for (size_t c = 0; c < METRICS_CODES; c++) {
			uint64_t n = sum(m, offsetof(struct metrics_slot, requests) +
						(i * METRICS_CODES + c) * sizeof(counter));

			if (n > 0)
				buf_addf(
				    out,
				    "markbook_requests_total{method=\"%s\",code=\"%u\"} %" PRIu64
				    "\n",
				    method_names[i], codes[c], n);
		}
	}
}

static void
add_histogram(struct buf *out, const struct metrics *m)
{
	static const char name[] = "markbook_request_seconds";
	uint64_t n = 0, ns = sum(m, offsetof(struct metrics_slot, nanoseconds));

	metrics_add_head(
	    out, name, "histogram",
	    "Time from a request's first byte being read to the end of its answer being made.");
	for (size_t b = 0; b <= METRICS_BUCKETS; b++) {
		n += sum(m, offsetof(struct metrics_slot, seconds) + b * sizeof(counter));
		buf_addf(out, "%s_bucket{le=\"%s\"} %" PRIu64 "\n", name,
			 b < METRICS_BUCKETS ? bound_names[b] : "+Inf", n);
	}
	buf_addf(out, "%s_sum %" PRIu64 ".%09" PRIu64 "\n%s_count %" PRIu64 "\n", name,
		 ns / 1000000000, ns % 1000000000, name, n);
}

void
metrics_add_text(struct buf *out, const struct metrics *m, const char *const *method_names)
{
	uint64_t ready = 0, connections = 0;

	for (unsigned i = 0; i < m->slots; i++) {
		ready += atomic_load(&m->slot[i].state) == WORKER_READY;
		connections += atomic_load(&m->slot[i].connections);
	}
	add_requests(out, m, method_names);
	add_histogram(out, m);
	metrics_add_value(out, "markbook_connections", "gauge", "FastCGI connections open.",
			  connections);
	metrics_add_value(out, "markbook_connections_accepted_total", "counter",
			  "FastCGI connections taken.",
			  sum(m, offsetof(struct metrics_slot, accepted)));
	metrics_add_value(out, "markbook_connections_dropped_total", "counter",
			  "FastCGI connections that failed within a request.",
			  sum(m, offsetof(struct metrics_slot, dropped)));
	metrics_add_value(out, "markbook_commits_total", "counter", "Commits of the store.",
			  sum(m, offsetof(struct metrics_slot, commits)));
	metrics_add_value(out, "markbook_commit_failures_total", "counter",
			  "Commits and changes that the store refused.",
			  sum(m, offsetof(struct metrics_slot, commit_failures)));
	metrics_add_value(out, "markbook_writes_total", "counter", "Changes that were committed.",
			  sum(m, offsetof(struct metrics_slot, writes)));
	metrics_add_value(out, "markbook_workers", "gauge", "Workers that should run.",
			  atomic_load(&m->workers));
	metrics_add_value(out, "markbook_workers_ready", "gauge", "Workers that serve.", ready);
	metrics_add_value(out, "markbook_worker_deaths_total", "counter", "Workers that died.",
			  atomic_load(&m->worker_deaths));
	metrics_add_value(out, "markbook_stale_readers_cleared_total", "counter",
			  "Store snapshots of dead processes that were freed.",
			  atomic_load(&m->stale_readers));
	metrics_add_value(out, "markbook_start_time_seconds", "gauge", "Start of the service.",
			  (uint64_t)atomic_load(&m->started));
}
