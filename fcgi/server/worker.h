/*
 * The state of one worker, and the functions that the files of server/ offer
 * each other.  Private to this folder.
 *
 * server.c runs the loop and handles leaving.  turn.c reads requests and
 * commits the writes of a turn.  answer.c sends answers.  accept.c takes new
 * connections.  connection.c holds a connection and ends its requests.  fault.c
 * tracks failures of the store.
 */
#ifndef MARKBOOK_SERVER_WORKER_H
#define MARKBOOK_SERVER_WORKER_H

#include <fcgiapp.h>

#include "api/api.h"
#include "api/system.h"
#include "server/server.h"

/*
 * The most requests of one turn, and thereby the most writes of one commit.
 * bench/ makes a build with 1.
 */
#ifndef TURN_MAX
#define TURN_MAX 256
#endif

enum connection_state {
	CONNECTION_OPEN,    /* idle, or with a request of this turn */
	CONNECTION_WAITING, /* its long answer waits for a free snapshot */
	CONNECTION_SENDING  /* part of its answer is still to be sent */
};

/*
 * The events that an idle connection waits for.  They are edge-triggered, so
 * that a partial request does not wake the worker again and again.
 */
#define CONNECTION_EVENTS (EPOLLIN | EPOLLRDHUP | EPOLLET)

/*
 * How many bytes of a request to peek at.  Only a large body makes a request
 * longer.
 */
#define LOOK_BYTES 65536

struct connection {
	struct FCGX_Request fcgi;
	struct request req;
	struct response res;
	struct api_call call;
	struct connection *prev, *next; /* in server.connections */
	int fd;
	/*
	 * The peer owes a request: it has sent only a part of one, or the
	 * connection is new.  It is closed if the rest does not come in time.
	 */
	bool owes;
	bool over;	  /* the peer sends no more; epoll says so once */
	size_t looked_at; /* bytes of the partial request at the last peek */
	uint64_t since;	  /* start of the request, or end of the last answer */

	/*
	 * The answer under way.  The members after `answering` mean nothing
	 * while that is false.
	 */
	enum connection_state state;
	bool answering;
	/*
	 * The header is in a piece; the end of the request is in a piece; the
	 * request is counted and logged.
	 */
	bool head_sent, ended, noted;
	bool last;	   /* the peer was told not to reuse the connection */
	size_t body_sent;  /* bytes of res.body put into pieces */
	uint64_t bytes;	   /* bytes of the whole body put into pieces */
	struct buf out;	   /* the piece that is not sent whole */
	size_t sent;	   /* bytes of `out` that are sent */
	uint64_t progress; /* when the peer last took bytes */
	struct view *kept; /* the snapshot for the rest; NULL: none needed */
};

struct server {
	const struct server_options *o;
	struct metrics_slot *slot;
	struct log *log;
	struct store *store;   /* NULL: it could not be opened */
	uint64_t stand_in_end; /* when to leave, if there is no store */
	int epoll;
	bool listening;	  /* the listener is watched */
	int signals;	  /* signalfd(2), which no load of requests can delay */
	int leave_signal; /* 0, SIGTERM or SIGUSR2 */
	bool draining;
	bool failed;	       /* leaves because it cannot go on */
	bool reopen_store;     /* after this turn */
	bool exhausted;	       /* no descriptors for more connections */
	uint64_t exhausted_at; /* when accept last failed for that; 0: never */
	bool retiring;	       /* hands its connections over */
	uint64_t unfair_since; /* since when over its share; 0: it is not */
	struct system_readiness readiness;
	bool store_broken;  /* the present failure of the store is logged */
	uint64_t full_at;   /* when a write last found no room; 0: never */
	uint64_t drain_end; /* when to close what is left */
	struct connection *connections;
	unsigned connection_count;
	uint64_t stalled_at;		     /* next look for stalls */
	unsigned owing;			     /* connections that owe */
	struct connection *writes[TURN_MAX]; /* the writes of this turn */
	size_t write_count;
	char look[LOOK_BYTES]; /* bytes that were peeked at */
	struct buf out;	       /* the piece that is being sent */
	unsigned busy;	       /* connections that are waiting or sending */
	bool waiting;	       /* some may be waiting; false: none is */
};

/* --- connection.c: one connection, and the request under way in it --- */

/*
 * Take ownership of a connected socket, and add it to the connections of the
 * worker.  Closes the socket and logs the reason where that fails.  For `owes`
 * see struct connection.
 */
void connection_add(struct server *s, int fd, bool owes);

/*
 * Whether libfcgi may read a request from a readable connection.  The request
 * has to be whole, so that a slow peer does not stall the worker, and free of
 * what libfcgi cannot take (see http/records.h).  Of a body beyond LOOK_BYTES
 * the rest may still be on its way.  Closes the connection, and returns false,
 * if its bytes cannot become a request.
 */
bool connection_is_ready(struct server *s, struct connection *c);

/* Whether the connection has received nothing since it was last peeked at. */
bool connection_is_idle(struct server *s, const struct connection *c);

/*
 * Replace the events of epoll(7) that the connection waits for.  Returns false
 * where that fails.
 */
bool connection_watch(struct server *s, struct connection *c, uint32_t events);

/*
 * Put the request into metrics and log.  Called once for each request, as soon
 * as its answer is made.
 */
void connection_note(struct server *s, struct connection *c);

/*
 * End a request whose answer is sent.  Waits for the next request, or closes
 * and frees the connection if it has served its last one.
 */
void connection_finish(struct server *s, struct connection *c);

/*
 * Close and free the connection.  An answer that is not sent whole is dropped
 * and counted.
 */
void connection_close(struct server *s, struct connection *c);

/* Free a connection whose socket libfcgi has closed already. */
void connection_free(struct server *s, struct connection *c);

/* --- accept.c: new connections, and this worker's share of them --- */

/* Start or stop to watch the listener.  Other workers watch it, too. */
void accept_watch(struct server *s, bool on);

/*
 * Accept one new connection.  Returns false where none is in the queue, or
 * descriptors or memory have run out.
 */
bool accept_one(struct server *s);

/*
 * Accept several connections, but no more than this worker's share.  One for
 * each turn would make new connections wait while many others are busy.
 */
void accept_some(struct server *s);

/* Receive one connection from a retiring worker.  False: there is none. */
bool accept_receive(struct server *s);

/*
 * Watch the listener if this worker has no more than its share of connections,
 * or if no other worker has accepted any for a while.  Returns how long the
 * next turn may wait for events, in milliseconds; -1 means without limit.
 */
int accept_share(struct server *s);

/* --- fault.c: failures of the store --- */

/* Whether `st` says that the store is at fault, not the request. */
bool fault_is(enum status st);

/*
 * Note that the store failed with `st`.  Only the first failure is logged until
 * the store works again.  After ST_IO the store is reopened between two turns.
 */
void fault_note(struct server *s, enum status st);

/*
 * Note that a batch ended with `st`.  `committed` says whether it was written;
 * only that proves that the store works again, which is then logged.
 */
void fault_note_write(struct server *s, enum status st, bool committed);

/* --- answer.c: sending answers --- */

/*
 * Send a response that is made, or whose first piece is.  What the peer does
 * not take now is sent in later turns.  The connection may be closed and freed
 * on return.
 */
void answer_send(struct server *s, struct connection *c);

/*
 * Handle an event of a connection that is waiting or sending: send more of its
 * answer, or close and free it where the peer is gone.
 */
void answer_continue(struct server *s, struct connection *c);

/*
 * Let the connection wait for a snapshot.  turn_read_waiting runs its call
 * again.  Returns false where epoll cannot be told.
 */
bool answer_later(struct server *s, struct connection *c);

/* The connection that has waited longest for a snapshot; NULL: none waits. */
struct connection *answer_longest_waiting(const struct server *s);

/* --- turn.c: the requests of one turn of the loop --- */

/*
 * Handle the events of a connection.  One that sends goes on; else a request
 * that is ready is read.  A read is answered, a write is queued for
 * turn_commit.  The connection may be closed and freed on return.
 */
void turn_readable(struct server *s, struct connection *c, uint32_t events);

/* Answer the reads that wait for a snapshot, while there are free ones. */
void turn_read_waiting(struct server *s);

/* Commit the writes of this turn, and answer them. */
void turn_commit(struct server *s);

#endif
