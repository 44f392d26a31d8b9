#include <sys/mman.h>
#include <unistd.h>

#include "server_worker.h"
#include "system.h"

/* Answers of writes that wait for one commit, in bytes; one may go beyond. */
#define ANSWERS_MAX ((size_t)8 << 20)

/* --- one request --- */

static void
log_request(struct server *s, const struct connection *c, uint64_t ns)
{
	const struct request *r = &c->req;

	if (!log_begin(s->log, LOG_LEVEL_INFO, "request"))
		return;
	log_str(s->log, "request_id", r->request_id);
	log_str(s->log, "method", slice_str(method_names[r->method]));
	log_str(s->log, "path", r->path);
	log_u64(s->log, "status", c->res.code);
	log_u64(s->log, "bytes", c->res.body.len);
	log_u64(s->log, "us", ns / 1000);
	log_end(s->log);
}

/*
 * A record that means nothing (FastCGI Specification 1.0, section 4.2).  Where it follows the end of
 * an answer at once, nginx does not use the connection again; closing it afterwards comes too
 * late for a request that nginx sends on it in between.
 */
static const char not_again[16] = {1, 11, 0, 0, 0, 8};

/* Send what libfcgi has written to `spool`, and the above, in one go. */
static void
send_last_answer(const struct connection *c, int spool)
{
	struct buf bytes = {0};
	off_t len = lseek(spool, 0, SEEK_CUR);
	size_t sent = 0;
	ssize_t n = 1;

	if (len > 0 && buf_reserve(&bytes, (size_t)len) &&
	    pread(spool, bytes.data, (size_t)len, 0) == len) {
		bytes.len = (size_t)len;
		buf_add(&bytes, not_again, sizeof(not_again));
	}
	while (sent < bytes.len && n > 0) {
		n = write(c->fd, bytes.data + sent, bytes.len - sent);
		sent += n > 0 ? (size_t)n : 0;
	}
	buf_free(&bytes);
}

/* The response is complete: send it, and let the connection wait for the next request. */
static void
answer(struct server *s, struct connection *c)
{
	int spool = s->draining ? memfd_create("answer", MFD_CLOEXEC) : -1;
	uint64_t now, ns;

	if (spool >= 0)
		c->fcgi.ipcFd = spool;
	else if (s->draining)
		c->fcgi.keepConnection = 0;
	response_send(&c->res, &c->fcgi, &s->head);
	now = now_ns();
	ns = now - c->since;
	/* Before the request is finished: what it borrows goes with it. */
	metrics_request(s->slot, c->req.method, c->res.code, ns);
	log_request(s, c, ns);
	FCGX_Finish_r(&c->fcgi);
	c->since = now;
	/* A connection may be idle for long: it keeps little. */
	api_trim(&c->call);
	request_trim(&c->req);
	response_reset(&c->res);
	if (spool >= 0) {
		if (c->fcgi.ipcFd == spool) {
			send_last_answer(c, spool);
			close(spool);
		}
		connection_close(s, c);
	} else if (c->fcgi.ipcFd < 0) {
		connection_free(s, c);
	}
}

/* Log the first failure of a row, and its end, and have the store opened again after each. */
static void
note_failure(struct server *s, enum status st)
{
	if (!s->store_broken)
		log_event(s->log, LOG_LEVEL_ERROR, "store", "%s: %s", status_text(st),
			  store_last_error(s->store));
	s->store_broken = s->reopen_store = true;
}

static void
note_write(struct server *s, enum status st)
{
	if (st == ST_IO || st == ST_BUSY) {
		note_failure(s, st);
	} else if (s->store_broken) {
		log_event(s->log, LOG_LEVEL_WARN, "store", "the store works again");
		s->store_broken = false;
	}
}

static void
answer_read(struct server *s, struct connection *c)
{
	struct view *view;
	bool changed = false;
	enum status st = store_read(s->store, &view);

	if (st == ST_OK)
		st = api_run(&c->call, view, &changed);
	/* Not held while a peer takes its time to read: that would keep old pages from being used. */
	store_read_end(s->store);
	if (st == ST_IO || st == ST_BUSY)
		note_failure(s, st);
	if (st != ST_OK)
		api_fail(&c->call, st);
	answer(s, c);
}

void
on_readable(struct server *s, struct connection *c)
{
	const struct system_context sys = {s->o->metrics, s->store, &s->readiness, now_ns()};
	enum status body = ST_OK;

	if (!connection_is_ready(s, c))
		return;
	c->since = now_ns();
	/*
	 * libfcgi reads one request from this descriptor and never accepts: with these
	 * four it neither closes the connection first, nor waits for one of its own, nor waits
	 * for the peer when it closes.
	 */
	c->fcgi.ipcFd = c->fd;
	c->fcgi.keepConnection = 1;
	c->fcgi.detached = 1;
	c->fcgi.listen_sock = -1;
	if (FCGX_Accept_r(&c->fcgi) != 0) {
		connection_free(s, c);
		return;
	}
	c->call.why.detail[0] = '\0';
	if (request_read(&c->req, &c->fcgi, s->o->max_body, &body, &c->call.why) == REQUEST_LOST) {
		metrics_add(&s->slot->dropped, 1);
		FCGX_Free(&c->fcgi, 1);
		connection_free(s, c);
		return;
	}
	if (!api_owns(c->req.path)) {
		system_answer(&sys, &c->req, &c->res);
		answer(s, c);
		return;
	}
	switch (api_prepare(&c->call, &c->req, &c->res, body, store_id(s->store))) {
	case API_NEEDS_NOTHING:
		answer(s, c);
		break;
	case API_NEEDS_READ:
		answer_read(s, c);
		break;
	case API_NEEDS_WRITE:
		s->writes[s->write_count++] = c;
		break;
	}
}

/*
 * Apply writes in one batch, up to `n` of them and until their answers take ANSWERS_MAX, and commit
 * it; *done is how many.  Anything but ST_OK: none of them happened.
 */
static enum status
commit_writes(struct server *s, struct connection **c, size_t n, size_t *done)
{
	struct view *view;
	uint64_t changes = 0;
	size_t bytes = 0, i = 0;
	enum status st = store_write(s->store, &view);

	while (i < n && st == ST_OK && bytes < ANSWERS_MAX) {
		bool changed = false;

		st = api_run(&c[i]->call, view, &changed);
		changes += changed;
		bytes += c[i]->res.body.len;
		i++;
	}
	*done = i;
	if (st == ST_OK && changes > 0) {
		st = store_commit(s->store);
		if (st == ST_OK) {
			metrics_add(&s->slot->commits, 1);
			metrics_add(&s->slot->writes, changes);
		}
	} else {
		store_abort(s->store);
	}
	if (st != ST_OK)
		metrics_add(&s->slot->commit_failures, 1);
	note_write(s, st);
	return st;
}

/* Where writes cannot be committed together, each one gets its own answer. */
static void
answer_writes_alone(struct server *s, struct connection **c, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		size_t one;
		enum status st = commit_writes(s, &c[i], 1, &one);

		/* A removal that found no room has it now: see store.h. */
		if (st == ST_FULL)
			st = commit_writes(s, &c[i], 1, &one);
		if (st != ST_OK)
			api_fail(&c[i]->call, st);
		answer(s, c[i]);
	}
}

void
answer_writes(struct server *s)
{
	struct connection **c = s->writes;
	size_t left = s->write_count, done;

	s->write_count = 0;
	for (; left > 0; c += done, left -= done) {
		if (commit_writes(s, c, left, &done) != ST_OK) {
			answer_writes_alone(s, c, done);
			continue;
		}
		for (size_t i = 0; i < done; i++)
			answer(s, c[i]);
	}
}
