/*
 * A worker in a thread and its peers; for fuzz_fastcgi.c.
 */
#ifndef MARKBOOK_TESTS_FUZZ_FASTCGI_H
#define MARKBOOK_TESTS_FUZZ_FASTCGI_H

#include "fuzz.h"

#include <pthread.h>
#include <sys/un.h>

#include "server/server.h"

#define PEERS 4
#define LIFE_SECONDS 10

int LLVMFuzzerInitialize(int *argc, char ***argv);

struct peer {
	int fd;	    /* -1: not connected */
	bool waits; /* has sent something since the last answer */
	struct buf received;
};

/* All that outlives one input. */
struct world {
	char dir[64];
	char path[80];
	struct sockaddr_un address;
	struct server_options options;
	struct log log;
	pthread_t worker;
	bool leaving;
	struct peer peers[PEERS];
};

extern struct world world;

/* Send a signal to the worker's thread, unless it is leaving already. */
void worker_tell(int signo);

/*
 * Wait for the end of a worker that was told to leave, and start the next one.
 */
bool worker_replace(unsigned ms);

/*
 * Connect: 0 and 1 over the socket, 2 and 3 as a connection that another worker
 * hands over.  Only a patient peer waits for a worker that is busy.
 */
void peer_connect(struct peer *p, unsigned how, bool patient);

/* What does not fit into the socket is dropped. */
void peer_send(struct peer *p, struct slice bytes);

/* Receive what is there; returns as recv(2). */
ssize_t peer_receive(struct peer *p);

/* Wait a moment for an answer if one is due. */
void peer_await(struct peer *p);

/* Receive the rest, check all that was received, and close. */
void peer_close(struct peer *p);

#endif
