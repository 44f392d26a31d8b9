#include <sys/epoll.h>

#include "api/system.h"
#include "os/clock.h"
#include "os/memory.h"
#include "server/worker.h"

/*
 * A batch takes no more writes once their answers have so many bytes.  The last
 * answer may exceed it.
 */
#define ANSWERS_MAX ((size_t)8 << 20)
/*
 * The most memory that libfcgi takes for a request: three buffers of 8 KB, and
 * the parameters.  nginx accepts header fields of 32 KB in all.  In the worst
 * case each of them is of 11 bytes, and becomes a parameter that takes 48.
 */
#define LIBFCGI_BYTES ((size_t)256 << 10)

/*
 * Keep the open snapshot for the connection: the rest of a long answer comes
 * from the same snapshot as its first piece.
 */
static enum status
keep_snapshot(struct server *s, struct connection *c)
{
	enum status st = store_keep(s->store, &c->kept);

	if (st == ST_OK)
		api_keep(&c->call, c->kept);
	return st;
}

/*
 * Run a read and send its answer.  Returns false where the answer is long and
 * has to wait for a snapshot that it can keep.
 */
static bool
turn_read(struct server *s, struct connection *c)
{
	struct view *view;
	bool changed = false;
	enum status st = store_read(s->store, &view);

	if (st == ST_OK)
		st = api_run(&c->call, view, &changed);
	if (fault_is(st))
		fault_note(s, st);
	if (st == ST_OK && c->res.unfinished && !c->res.head) {
		/* A new read queues behind those that wait already. */
		st = c->state == CONNECTION_OPEN && answer_longest_waiting(s) != NULL
			 ? ST_BUSY
			 : keep_snapshot(s, c);
		if (st == ST_BUSY && answer_later(s, c))
			return false;
	}
	if (st != ST_OK)
		api_fail(&c->call, st);
	answer_send(s, c);
	return true;
}

void
turn_read_waiting(struct server *s)
{
	while (s->waiting && store_can_keep(s->store)) {
		struct connection *c = answer_longest_waiting(s);

		if (c == NULL)
			s->waiting = false;
		else if (!turn_read(s, c))
			return;
	}
}

void
turn_readable(struct server *s, struct connection *c, uint32_t events)
{
	const struct system_context sys = {s->o->metrics, s->store, &s->readiness, clock_now()};
	enum api_need need;

	if (c->state != CONNECTION_OPEN) {
		answer_continue(s, c);
		return;
	}
	c->over = c->over || (events & (EPOLLRDHUP | EPOLLHUP)) != 0;
	if (!connection_is_ready(s, c))
		return;
	if (!memory_ready(LIBFCGI_BYTES)) {
		connection_close(s, c);
		return;
	}
	c->since = clock_now();
	/*
	 * Have libfcgi read one request from this descriptor.  With these four
	 * members set it does not close the connection first, does not accept
	 * one itself, and does not wait for the peer when it closes.
	 */
	c->fcgi.ipcFd = c->fd;
	c->fcgi.keepConnection = 1;
	c->fcgi.detached = 1;
	c->fcgi.listen_sock = -1;
	if (FCGX_Accept_r(&c->fcgi) != 0) {
		connection_free(s, c);
		return;
	}
	if (request_read(&c->req, &c->fcgi, s->o->max_body) == REQUEST_LOST) {
		metrics_add(&s->slot->dropped, 1);
		FCGX_Free(&c->fcgi, 1);
		connection_free(s, c);
		return;
	}
	if (!api_owns(c->req.path)) {
		system_answer(&sys, &c->req, &c->res);
		if (s->readiness.failed != ST_OK)
			fault_note(s, s->readiness.failed);
		s->readiness.failed = ST_OK;
		answer_send(s, c);
		return;
	}
	need = api_prepare(&c->call, &c->req, &c->res, s->store == NULL ? 0 : store_id(s->store));
	if (need != API_NEEDS_NOTHING && s->store == NULL) {
		api_fail(&c->call, ST_STORE_ACCESS);
		need = API_NEEDS_NOTHING;
	}
	switch (need) {
	case API_NEEDS_NOTHING:
		answer_send(s, c);
		break;
	case API_NEEDS_READ:
		turn_read(s, c);
		break;
	case API_NEEDS_WRITE:
		s->writes[s->write_count++] = c;
		break;
	}
}

/*
 * Apply up to `n` writes in one batch, until their answers exceed ANSWERS_MAX,
 * and commit it.  *done becomes the number of writes in the batch.  After any
 * status but ST_OK none of them has changed the store.
 */
static enum status
commit_writes(struct server *s, struct connection **c, size_t n, size_t *done)
{
	struct view *view;
	uint64_t changes = 0;
	size_t bytes = 0, i = 0;
	bool committed = false;
	enum status st = store_write(s->store, &view);

	while (i < n && st == ST_OK && bytes < ANSWERS_MAX) {
		bool changed = false;

		st = api_run(&c[i]->call, view, &changed);
		changes += changed;
		bytes += c[i]->res.body.len;
		i++;
	}
	/* A batch that could not begin has failed for all writes. */
	*done = i > 0 ? i : n;
	if (st == ST_OK && changes > 0) {
		st = store_commit(s->store);
		committed = st == ST_OK;
		if (committed) {
			metrics_add(&s->slot->commits, 1);
			metrics_add(&s->slot->writes, changes);
		}
	} else {
		store_abort(s->store);
	}
	fault_note_write(s, st, committed);
	return st;
}

/* After a failed batch, try each of its writes in a batch of its own. */
static void
commit_each_alone(struct server *s, struct connection **c, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		size_t one;
		enum status st = commit_writes(s, &c[i], 1, &one);

		/* A removal without room has made some: see store.h. */
		if (st == ST_FULL)
			st = commit_writes(s, &c[i], 1, &one);
		if (st != ST_OK) {
			metrics_add(&s->slot->commit_failures, 1);
			api_fail(&c[i]->call, st);
		}
		answer_send(s, c[i]);
	}
}

void
turn_commit(struct server *s)
{
	struct connection **c = s->writes;
	size_t left = s->write_count, done;

	s->write_count = 0;
	for (; left > 0; c += done, left -= done) {
		if (commit_writes(s, c, left, &done) != ST_OK) {
			commit_each_alone(s, c, done);
			continue;
		}
		for (size_t i = 0; i < done; i++)
			answer_send(s, c[i]);
	}
}
