/*
 * The process above the workers.  It prepares the store, listens, and keeps the
 * workers running; it handles no request itself.  It can be process 1.
 *
 * SIGTERM, SIGINT: tell the workers to finish what they have and leave.  One
 * second after the drain timeout, kill those that still run.
 *
 * SIGHUP: replace the workers one after another (rolling restart).  Each hands
 * its connections over, so no request is lost.
 */
#ifndef MARKBOOK_SUPERVISOR_SUPERVISOR_H
#define MARKBOOK_SUPERVISOR_SUPERVISOR_H

#include "base/log.h"
#include "config.h"

/*
 * Serve until a signal ends the service.  A failure to start is reported on
 * stderr.  Returns the exit status: 0 if all workers left in time and the store
 * was then found whole.
 */
int supervisor_run(const struct config *config, struct log *log);

#endif
