/*
 * The log: one JSON object a line, written to one descriptor.
 *
 * log_begin starts a line, any number of log_str and log_u64 add members to it,
 * and log_end finishes it.  log_begin returns false if the level is not logged;
 * the caller then leaves out the other calls.  A string value is escaped and
 * cut after LOG_STRING_BYTES.  Keys and events are written as they are, so they
 * must need no escaping.  A member that would make the line longer than
 * LOG_LINE_BYTES is left out.
 *
 * Finished lines are queued and written together, at most PIPE_BUF bytes at a
 * time: the lines of several processes in one pipe then never mix (pipe(7)).
 * log_flush, a line of level warn or error, and a line that no longer fits
 * flush the queue.  Lines that nobody reads within LOG_WAIT_MS are dropped, and
 * a later line tells their number: logging never stops the service.
 */
#ifndef MARKBOOK_BASE_LOG_H
#define MARKBOOK_BASE_LOG_H

#include <limits.h>
#include <time.h>

#include "base/buf.h"

#define LOG_STRING_BYTES 512
#define LOG_LINE_BYTES 2048
#define LOG_WAIT_MS 50

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

struct log {
	int fd;
	enum log_level level; /* the least severe level that is logged */
	time_t second;	      /* the time that `stamp` shows */
	char stamp[24];
	enum log_level line_level; /* of the line being built */
	size_t line_len;
	char line[LOG_LINE_BYTES];
	bool stuck;	  /* the last flush was given up */
	uint64_t dropped; /* lines dropped and not reported yet */
	size_t len;
	char data[PIPE_BUF]; /* finished lines */
};

/* Set up an empty log on fd, which stays the caller's. */
void log_init(struct log *log, int fd, enum log_level level);

/* Start a line with its time, level, event and pid, unless it is not logged. */
bool log_begin(struct log *log, enum log_level level, const char *event);
void log_str(struct log *log, const char *key, struct slice value);
void log_u64(struct log *log, const char *key, uint64_t value);
void log_end(struct log *log);
void log_flush(struct log *log);

/* Log one line whose only member is a message, formatted as by printf(3). */
void log_event(struct log *log, enum log_level level, const char *event, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

#endif
