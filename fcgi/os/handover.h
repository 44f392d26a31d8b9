/*
 * Idle connections on their way from one process to another (unix(7), SCM_RIGHTS).
 */
#ifndef MARKBOOK_OS_HANDOVER_H
#define MARKBOOK_OS_HANDOVER_H

#include <stdbool.h>

/* Make the pair: [0] receives, [1] sends. */
bool handover_pair(int pair[2]);

/*
 * Never blocks.  The caller closes its own copy afterwards; false: it was not sent, and may be later.
 * `tag` goes with it.
 */
bool handover_send(int to, int fd, char tag);

/* A descriptor that is the caller's now, or -1. */
int handover_receive(int from, char *tag);

#endif
