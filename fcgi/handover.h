/*
 * Idle connections on their way from one process to another (unix(7), SCM_RIGHTS).
 */
#ifndef MARKBOOK_HANDOVER_H
#define MARKBOOK_HANDOVER_H

#include <stdbool.h>

/* Make the pair: [0] receives and never blocks, [1] sends and waits at most for `seconds`. */
bool handover_pair(int pair[2], unsigned seconds);

/* The caller closes its own copy afterwards; false: it was not sent. */
bool handover_send(int to, int fd);

/* A descriptor that is the caller's now, or -1. */
int handover_receive(int from);

#endif
