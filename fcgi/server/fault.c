#include "os/clock.h"
#include "server/worker.h"

/* Log a full store again only after a quiet period. */
#define FULL_QUIET_NS (60 * CLOCK_SECOND)
void
fault_note(struct server *s, enum status st)
{
	if (!s->store_broken)
		log_event(s->log, LOG_LEVEL_ERROR, "store", "%s: %s", status_text(st),
			  store_last_error(s->store));
	s->store_broken = true;
	/*
	 * After an error of its medium the store may refuse everything until it
	 * is opened again.  A store that only cannot be written stays open: it
	 * can be read, and might not open again now.
	 */
	s->reopen_store = s->reopen_store || st == ST_IO;
}

static void
note_full(struct server *s)
{
	uint64_t now = clock_now();

	if (s->full_at == 0 || now - s->full_at > FULL_QUIET_NS)
		log_event(s->log, LOG_LEVEL_WARN, "store",
			  "the store, or its file system, is full: writes are refused with 507");
	s->full_at = now;
}

bool
fault_is(enum status st)
{
	return st == ST_IO || st == ST_UNAVAILABLE || st == ST_BUSY;
}

void
fault_note_write(struct server *s, enum status st, bool committed)
{
	if (st == ST_FULL)
		note_full(s);
	if (fault_is(st)) {
		fault_note(s, st);
		/* The next /readyz asks the store, not the last result. */
		s->readiness.until = 0;
	} else if (s->store_broken && committed) {
		log_event(s->log, LOG_LEVEL_WARN, "store", "the store works again");
		s->store_broken = false;
	}
}
