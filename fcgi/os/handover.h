/*
 * A channel that passes idle connections from one process to another
 * (SCM_RIGHTS, unix(7)).
 */
#ifndef MARKBOOK_OS_HANDOVER_H
#define MARKBOOK_OS_HANDOVER_H

#include <stdbool.h>

/*
 * Create the channel: pair[0] receives, pair[1] sends.  Both are non-blocking
 * and close-on-exec, and the caller closes them.  Returns false with errno.
 */
bool handover_pair(int pair[2]);

/*
 * Send a duplicate of fd, and `tag` with it, without blocking.  fd stays open:
 * the caller closes it after true.  After false nothing was sent, and the
 * caller may try again later.
 */
bool handover_send(int to, int fd, char tag);

/*
 * Receive one descriptor and its tag, without blocking.  Returns a
 * close-on-exec descriptor that the caller now owns, or -1 if none came.
 */
int handover_receive(int from, char *tag);

#endif
