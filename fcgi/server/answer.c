/*
 * Sending answers.
 *
 * The streams of libfcgi could write an answer, but they block: a slow peer
 * would hold up the whole worker.  Therefore this file makes the records and
 * sends what the socket takes.  The rest of a piece stays queued until the loop
 * reports room for it.
 */
#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "http/records.h"
#include "os/clock.h"
#include "server/worker.h"

/* The most pieces of one answer in one turn, so that others get theirs. */
#define PIECES_A_TURN 4
/* Bytes of memory that the scratch buffer of a worker keeps. */
#define OUT_KEEP 131072

/* --- pieces --- */

/*
 * Append the end of stdout and of the request.
 *
 * On the last answer of a connection a record without meaning follows
 * (UNKNOWN_TYPE; FastCGI Specification 1.0, section 4.2).  nginx does not reuse
 * a connection on which such a record comes with the end of an answer.  Closing
 * the connection alone would lose a request that nginx sends before it notices.
 */
static void
add_end(const struct server *s, struct connection *c, struct buf *out)
{
	static const char zeros[8];
	unsigned id = (unsigned)c->fcgi.requestId;

	record_add(out, RECORD_STDOUT, id, SLICE(""));
	record_add(out, RECORD_END_REQUEST, id, (struct slice){zeros, sizeof(zeros)});
	c->last = s->draining;
	if (c->last)
		record_add(out, RECORD_UNKNOWN_TYPE, 0, (struct slice){zeros, sizeof(zeros)});
}

/*
 * Put the next piece into s->out.  Returns false where there is none: the
 * answer has ended, or cannot be finished.
 */
static bool
next_piece(struct server *s, struct connection *c)
{
	struct response *res = &c->res;
	struct buf *out = &s->out;
	struct slice body = {NULL, 0};
	size_t at, room;

	buf_reset(out, OUT_KEEP);
	if (c->ended)
		return false;
	if (c->body_sent == res->body.len && c->body_sent > 0 && res->unfinished) {
		enum status st = api_more(&c->call);

		if (st == ST_IO)
			fault_note(s, st);
		if (st != ST_OK)
			return false;
		c->body_sent = 0;
	}
	at = record_open(out, RECORD_STDOUT, (unsigned)c->fcgi.requestId);
	if (!c->head_sent)
		response_add_head(res, out);
	c->head_sent = true;
	room = RECORD_CONTENT_MAX - (out->len - at - RECORD_HEADER_BYTES);
	if (response_has_body(res) && res->body.len > c->body_sent)
		body = (struct slice){res->body.data + c->body_sent, res->body.len - c->body_sent};
	if (body.len > room)
		body.len = room;
	buf_add_slice(out, body);
	record_close(out, at);
	c->body_sent += body.len;
	c->bytes += body.len;
	if (!response_has_body(res) || (c->body_sent == res->body.len && !res->unfinished)) {
		add_end(s, c, out);
		c->ended = true;
		/* Count it first: who has the answer finds it in /metrics. */
		connection_note(s, c);
	}
	return !out->failed;
}

/*
 * Send `out` from *sent on, as far as the socket takes it, and advance *sent.
 * Returns false where the peer is gone.
 */
static bool
send_some(const struct connection *c, const struct buf *out, size_t *sent)
{
	while (*sent < out->len) {
		ssize_t n =
		    send(c->fd, out->data + *sent, out->len - *sent, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return true;
		if (n < 0 && errno != EINTR)
			return false;
		*sent += n > 0 ? (size_t)n : 0;
	}
	return true;
}

/*
 * Keep the rest of the answer for later turns: of s->out the bytes from `sent`
 * on, and the pieces that are still to be made.
 */
static void
send_later(struct server *s, struct connection *c, size_t sent)
{
	if (sent < s->out.len) {
		c->out = s->out;
		c->sent = sent;
		s->out = (struct buf){0};
	}
	if (c->state == CONNECTION_SENDING)
		return;
	s->busy += c->state == CONNECTION_OPEN;
	c->state = CONNECTION_SENDING;
	if (!connection_watch(s, c, EPOLLOUT))
		connection_close(s, c);
}

static void
send_pieces(struct server *s, struct connection *c)
{
	for (unsigned i = 0; i < PIECES_A_TURN && next_piece(s, c); i++) {
		size_t sent = 0;

		c->progress = clock_now();
		if (!send_some(c, &s->out, &sent)) {
			connection_close(s, c);
			return;
		}
		if (sent < s->out.len || (i + 1 == PIECES_A_TURN && !c->ended)) {
			send_later(s, c, sent);
			return;
		}
	}
	/* A close shows the peer that an answer is incomplete. */
	if (c->ended && !s->out.failed)
		connection_finish(s, c);
	else
		connection_close(s, c);
}

void
answer_send(struct server *s, struct connection *c)
{
	c->head_sent = c->ended = c->noted = c->last = false;
	c->answering = true;
	c->body_sent = 0;
	c->bytes = 0;
	send_pieces(s, c);
}

static void
go_on_sending(struct server *s, struct connection *c)
{
	size_t before = c->sent;

	if (!send_some(c, &c->out, &c->sent)) {
		connection_close(s, c);
		return;
	}
	if (c->sent > before)
		c->progress = clock_now();
	if (c->sent < c->out.len)
		return;
	buf_free(&c->out);
	c->sent = 0;
	send_pieces(s, c);
}

/* --- answers that wait for their turn --- */

bool
answer_later(struct server *s, struct connection *c)
{
	if (c->state == CONNECTION_OPEN && !connection_watch(s, c, 0))
		return false;
	response_reset(&c->res);
	s->busy += c->state == CONNECTION_OPEN;
	c->state = CONNECTION_WAITING;
	c->answering = true;
	/* If the peer leaves while it waits, there is nothing to log. */
	c->noted = true;
	s->waiting = true;
	return true;
}

struct connection *
answer_longest_waiting(const struct server *s)
{
	struct connection *found = NULL;

	if (!s->waiting)
		return NULL;
	for (struct connection *c = s->connections; c != NULL; c = c->next) {
		if (c->state == CONNECTION_WAITING && (found == NULL || c->since < found->since))
			found = c;
	}
	return found;
}

void
answer_continue(struct server *s, struct connection *c)
{
	/* A waiting connection gets no event but the end of its peer. */
	if (c->state == CONNECTION_WAITING)
		connection_close(s, c);
	else
		go_on_sending(s, c);
}
