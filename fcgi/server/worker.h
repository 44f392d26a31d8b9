/*
 * The state of one worker, and what the files of server/ offer each other.
 * Private to this folder.
 *
 * server.c runs the loop and knows how to leave.  turn.c reads requests and
 * commits the writes of a turn.  answer.c sends answers.  accept.c takes new
 * connections.  connection.c keeps one connection and ends its requests.
 */
#ifndef MARKBOOK_SERVER_WORKER_H
#define MARKBOOK_SERVER_WORKER_H

#include <fcgiapp.h>

#include "api/api.h"
#include "api/system.h"
#include "server/server.h"

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

/* --- connection.c: one connection, and the request under way in it --- */

/* Take over a connected socket; close it where that fails.  `owes`: see struct connection. */
void connection_add(struct server *s, int fd, bool owes);

/*
 * Whether a readable connection may be handed to libfcgi: it holds a whole
 * request, so that a peer which sends half of one does not stall the worker, and
 * nothing that libfcgi cannot take.  Closes a connection whose bytes cannot
 * become a request.
 */
bool connection_is_ready(struct server *s, struct connection *c);

/* Whether nothing waits in it that could still become a request. */
bool connection_is_idle(struct server *s, const struct connection *c);

/* Wait for these events of epoll(7) instead. */
bool connection_watch(struct server *s, struct connection *c, uint32_t events);

/* Put the request into metrics and log, once, as soon as its answer is made. */
void connection_note(struct server *s, struct connection *c);

/* The answer is sent: wait for the next request, or close the connection. */
void connection_finish(struct server *s, struct connection *c);

/* Close it, and drop an answer that is not sent whole. */
void connection_close(struct server *s, struct connection *c);

/* The same where libfcgi has closed the socket already. */
void connection_free(struct server *s, struct connection *c);

/* --- accept.c: new connections, and this worker's share of them --- */

/* Watch for new connections, or leave them to other workers. */
void accept_watch(struct server *s, bool on);

/* Take one new connection.  False: there is none to take now. */
bool accept_one(struct server *s);

/* Take several, up to this worker's share, so that they do not wait beside many busy ones. */
void accept_some(struct server *s);

/* Take one that another worker hands over.  False: there is none. */
bool accept_receive(struct server *s);

/*
 * Watch for new connections while this worker has no more than its share, or
 * while nobody else has taken them for a while.  Returns how long the next turn
 * may wait for events, in milliseconds; -1: for ever.
 */
int accept_share(struct server *s);

/* --- fault.c: what the worker knows of the store's health --- */

/* Whether the status means that the store failed, and not the request. */
bool fault_is(enum status st);

/* The store failed: log the first failure of a row. */
void fault_note(struct server *s, enum status st);

/* A batch ended so: log the first failure of a row, and its end, which only a commit proves. */
void fault_note_write(struct server *s, enum status st, bool committed);

/* --- answer.c: sending answers --- */

/*
 * The response, or its first piece, is made: send what the peer takes now, and
 * the rest in later turns.  The connection may be gone afterwards.
 */
void answer_send(struct server *s, struct connection *c);

/* Go on with a connection that is waiting or sending, or close it where its peer is gone. */
void answer_continue(struct server *s, struct connection *c);

/* Have turn_read_waiting run this call again.  False: that cannot be. */
bool answer_later(struct server *s, struct connection *c);

/* The connection that has waited longest for a snapshot; NULL: none waits. */
struct connection *answer_longest_waiting(const struct server *s);

/* --- turn.c: the requests of one turn of the loop --- */

/* A connection is readable: read its request, or close it. */
void turn_readable(struct server *s, struct connection *c, uint32_t events);

/* Answer the reads that waited for a snapshot, as far as there are snapshots. */
void turn_read_waiting(struct server *s);

/* Commit the writes of this turn and answer them. */
void turn_commit(struct server *s);

#endif
