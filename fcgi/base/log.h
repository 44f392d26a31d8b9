/*
 * The log: one JSON object a line, to one descriptor.
 *
 * A line is built with log_begin, any number of log_str and log_u64, and
 * log_end.  log_begin is false where the level is not logged: then the rest
 * must be left out.  A string is cut after LOG_STRING_BYTES, and what would
 * make a line longer than LOG_LINE_BYTES is left out.
 *
 * Lines are gathered, up to PIPE_BUF bytes so that lines of several processes
 * in one pipe never mix, until log_flush, a line of level warn or worse, or
 * one that does not fit.  Lines that nobody takes within LOG_WAIT_MS are
 * dropped, and counted in a line later: logging never stops the service.
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
	enum log_level level; /* lines above it are left out */
	time_t second;	      /* that `stamp` shows */
	char stamp[24];
	enum log_level line_level; /* of the line being built */
	size_t line_len;
	char line[LOG_LINE_BYTES];
	bool stuck;	  /* the last write had to be given up */
	uint64_t dropped; /* lines since */
	size_t lines;
	size_t len;
	char data[PIPE_BUF]; /* finished lines */
};

void log_init(struct log *log, int fd, enum log_level level);
bool log_begin(struct log *log, enum log_level level, const char *event);
void log_str(struct log *log, const char *key, struct slice value);
void log_u64(struct log *log, const char *key, uint64_t value);
void log_end(struct log *log);
void log_flush(struct log *log);

/* One line with one string: an event and what there is to say of it. */
void log_event(struct log *log, enum log_level level, const char *event, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

#endif
