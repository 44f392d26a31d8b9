/*
 * The process above the workers: it prepares the store, listens, keeps the
 * workers running, and takes part in no request.  It can be process 1.
 *
 * SIGTERM, SIGINT: have the workers finish what they have, and leave; what still runs one second after
 * the drain timeout is killed.  SIGHUP: replace the workers one after
 * another, each handing its connections over, without a lost request.
 */
#ifndef MARKBOOK_SUPERVISOR_SUPERVISOR_H
#define MARKBOOK_SUPERVISOR_SUPERVISOR_H

#include "base/log.h"
#include "config.h"

/* Serve until told to leave.  Returns the exit status: 0 where all left in time. */
int supervisor_run(const struct config *config, struct log *log);

#endif
