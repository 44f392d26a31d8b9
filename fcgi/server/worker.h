/*
 * What the files of the server share: the state of one worker.  Private to server*.c.
 *
 * server.c runs the loop and knows how to leave; server_connection.c opens,
 * shares out and closes connections; server_request.c reads requests and commits the writes of a turn;
 * server_answer.c sends the answers.
 */
#ifndef MARKBOOK_SERVER_WORKER_H
#define MARKBOOK_SERVER_WORKER_H

#include <fcgiapp.h>

#include "api/api.h"
#include "server/server.h"
#include "api/system.h"

/* Requests of one turn at most, and so writes of one commit.  bench/ has a build with 1. */
#ifndef TURN_MAX
#define TURN_MAX 256
#endif

enum connection_state {
	CONNECTION_OPEN,    /* between two requests, or at one in this turn */
	CONNECTION_WAITING, /* with a request, until there is a snapshot for its long answer */
	CONNECTION_SENDING  /* with an answer that the peer has not taken whole */
};

/* Edges only: half a request must not wake the worker all the time. */
#define CONNECTION_EVENTS (EPOLLIN | EPOLLRDHUP | EPOLLET)

/* How much of a request is looked at; all of it unless its body is large. */
#define LOOK_BYTES 65536

struct connection {
	struct FCGX_Request fcgi;
	struct request req;
	struct response res;
	struct api_call call;
	struct connection *prev, *next; /* of all that are open */
	int fd;
	bool owes;	  /* a request, of which it sent a part, or as new as it is nothing yet */
	bool over;	  /* its peer sends nothing more, which is told once only */
	size_t looked_at; /* bytes of such a part */
	uint64_t since;	  /* of the request under way, or of the last answer */

	/* The answer under way; meaningless while not `answering`. */
	enum connection_state state;
	bool answering;
	bool head_sent, ended, noted; /* its header, its end; in metrics and log */
	bool last;		      /* the peer was told not to use the connection again */
	size_t body_sent;	      /* of res.body */
	uint64_t bytes;		      /* of the body in all */
	struct buf out;		      /* what the peer has not taken yet, and how far it came */
	size_t sent;
	uint64_t progress; /* when it last took something */
	struct view *kept; /* what the rest is made from; NULL: nothing */
};

struct server {
	const struct server_options *o;
	struct metrics_slot *slot;
	struct log *log;
	struct store *store;   /* NULL: it could not be opened */
	uint64_t stand_in_end; /* then: when to leave */
	int epoll;
	bool listening;	  /* the listener is watched */
	int signals;	  /* signalfd(2): unlike a handler it is heard under any load */
	int leave_signal; /* 0, SIGTERM or SIGUSR2 */
	bool draining;
	bool failed;	       /* leaves because it cannot go on */
	bool reopen_store;     /* after this turn */
	bool exhausted;	       /* no descriptors for more connections */
	uint64_t exhausted_at; /* when that was last so; 0: never */
	bool retiring;	       /* hands its connections over */
	uint64_t unfair_since; /* more than its share of connections; 0: not so */
	struct system_readiness readiness;
	bool store_broken; /* so that a failure is logged when it begins, not at each request */
	uint64_t full_at;  /* when a write last found no room; 0: never */
	uint64_t drain_end;
	struct connection *connections;
	unsigned connection_count;
	uint64_t stalled_at;		     /* when to look for connections that stall */
	unsigned owing;			     /* connections that owe a request */
	struct connection *writes[TURN_MAX]; /* of this turn */
	size_t write_count;
	char look[LOOK_BYTES];
	struct buf out; /* scratch for what is being sent */
	unsigned busy;	/* connections that are waiting or sending */
	bool waiting;	/* some may be waiting */
};

/* Monotonic time in nanoseconds. */
uint64_t now_ns(void);

/* --- server_connection.c --- */

/* Watch for new connections, or leave them to others. */
void watch(struct server *s, bool on);

/* Take one that waits; false where there is none to take now. */
bool accept_one(struct server *s);
/* In one turn: more than one, so that they do not wait long beside many busy ones; no more than its share. */
void accept_some(struct server *s);
bool receive_one(struct server *s);

/*
 * Watch for new connections while this worker has no more than its share, or where
 * nobody else takes them for a while.  Returns how long the next turn may wait for
 * events, in milliseconds; -1: for ever.
 */
int share_connections(struct server *s);

/*
 * Whether a readable connection may be handed to libfcgi: once a whole request waits in it, so that a
 * peer which sends half of one does not stall the worker, and nothing that libfcgi cannot take.
 * What cannot become a request is closed.
 */
bool connection_is_ready(struct server *s, struct connection *c);

/* Whether nothing waits in it that could still become a request. */
bool connection_is_idle(struct server *s, const struct connection *c);

void connection_close(struct server *s, struct connection *c);

/* The same where libfcgi has closed the socket already. */
void connection_free(struct server *s, struct connection *c);

/* --- server_request.c --- */

/* A connection is readable: a request, or its end. */
void on_readable(struct server *s, struct connection *c, uint32_t events);

/* The store failed, which is logged once for all of a row. */
void note_failure(struct server *s, enum status st);

/* Commit the writes of this turn and answer them. */
void answer_writes(struct server *s);

/* Run a prepared call that reads, and answer it.  False: it waits; see answer_later. */
bool answer_read(struct server *s, struct connection *c);

/* --- server_answer.c --- */

/*
 * The response, or its first piece, is made: send it as far as the peer takes it now, and the
 * rest in later turns.  The connection may be gone afterwards.
 */
void answer(struct server *s, struct connection *c);

/* A connection that is not open, in the sense of its state, can go on, or has ended. */
void go_on_answering(struct server *s, struct connection *c);

/* Have answer_waiting call answer_read again.  False: that cannot be. */
bool answer_later(struct server *s, struct connection *c);
void answer_waiting(struct server *s);
struct connection *longest_waiting(const struct server *s);

/* The connection is about to be closed, whatever there is still to send. */
void abandon_answer(struct server *s, struct connection *c);

#endif
