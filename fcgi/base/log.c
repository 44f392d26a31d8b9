#include "base/log.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "base/utf8.h"

/* The end of every line; log_add keeps room for it. */
#define LINE_END "}\n"

static const char *const level_names[] = {"error", "warn", "info", "debug"};

void
log_init(struct log *log, int fd, enum log_level level)
{
	log->fd = fd;
	log->level = level;
	log->len = log->line_len = 0;
	log->stuck = false;
	log->dropped = 0;
	log->second = (time_t)-1;
}

/* Add all of data or nothing, so that no escape sequence is ever cut. */
static void
log_add(struct log *log, const char *data, size_t len)
{
	if (len > sizeof(log->line) - sizeof(LINE_END) - log->line_len)
		return;
	memcpy(log->line + log->line_len, data, len);
	log->line_len += len;
}

static void
add_str(struct log *log, const char *s)
{
	log_add(log, s, strlen(s));
}

static void
add_escaped(struct log *log, struct slice s)
{
	size_t start = log->line_len;
	bool utf8 = utf8_valid(s);

	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.data[i];
		char escape[8];

		/* Cut UTF-8 between two characters, other bytes anywhere. */
		if (log->line_len - start >= LOG_STRING_BYTES && (!utf8 || (c & 0xc0) != 0x80)) {
			add_str(log, "...");
			return;
		}
		if (c == '"' || c == '\\') {
			log_add(log, (char[]){'\\', (char)c}, 2);
		} else if (c < 0x20 || c == 0x7f) {
			snprintf(escape, sizeof(escape), "\\u%04x", c);
			add_str(log, escape);
		} else if (c >= 0x80 && !utf8) {
			log_add(log, "?", 1);
		} else {
			log_add(log, s.data + i, 1);
		}
	}
}

static void
add_time(struct log *log)
{
	struct timespec now;
	struct tm tm;
	char ms[8];

	clock_gettime(CLOCK_REALTIME, &now);
	if (now.tv_sec != log->second) {
		gmtime_r(&now.tv_sec, &tm);
		strftime(log->stamp, sizeof(log->stamp), "%Y-%m-%dT%H:%M:%S", &tm);
		log->second = now.tv_sec;
	}
	add_str(log, log->stamp);
	snprintf(ms, sizeof(ms), ".%03uZ", (unsigned)(now.tv_nsec / 1000000) % 1000);
	add_str(log, ms);
}

bool
log_begin(struct log *log, enum log_level level, const char *event)
{
	if (level > log->level)
		return false;
	log->line_level = level;
	log->line_len = 0;
	add_str(log, "{\"time\":\"");
	add_time(log);
	add_str(log, "\",\"level\":\"");
	add_str(log, level_names[level]);
	add_str(log, "\",\"event\":\"");
	add_str(log, event);
	add_str(log, "\"");
	log_u64(log, "pid", (uint64_t)getpid());
	return true;
}

void
log_str(struct log *log, const char *key, struct slice value)
{
	/*
	 * The 64 bytes hold the key, the quotes, three dots, and the up to six
	 * bytes of an escape that crosses the limit.
	 */
	if (sizeof(log->line) - log->line_len < LOG_STRING_BYTES + 64)
		return;
	add_str(log, ",\"");
	add_str(log, key);
	add_str(log, "\":\"");
	add_escaped(log, value);
	add_str(log, "\"");
}

void
log_u64(struct log *log, const char *key, uint64_t value)
{
	char digits[U64_DIGITS_MAX];
	size_t len = buf_u64_digits(digits, value);

	/* Add the whole member or nothing. */
	if (sizeof(log->line) - sizeof(LINE_END) - log->line_len <
	    strlen(key) + sizeof(digits) + sizeof(",\"\":"))
		return;
	add_str(log, ",\"");
	add_str(log, key);
	add_str(log, "\":");
	log_add(log, digits, len);
}

/*
 * Whether the descriptor takes PIPE_BUF bytes.  Wait up to LOG_WAIT_MS for it,
 * but not at all if the last flush was given up.
 */
static bool
is_writable(const struct log *log)
{
	struct pollfd p = {.fd = log->fd, .events = POLLOUT};

	return poll(&p, 1, log->stuck ? 0 : LOG_WAIT_MS) == 1 && (p.revents & POLLOUT) != 0;
}

/* Write the finished lines, or drop and count them. */
static void
log_write_lines(struct log *log)
{
	size_t done = 0;
	ssize_t n = 0;

	log->stuck = !is_writable(log);
	while (!log->stuck && done < log->len && (n >= 0 || errno == EINTR)) {
		n = write(log->fd, log->data + done, log->len - done);
		done += n > 0 ? (size_t)n : 0;
	}
	/*
	 * The rest is lost whatever the reason: nobody reads, the disk is full.
	 */
	for (; done < log->len; done++)
		log->dropped += log->data[done] == '\n';
	log->len = 0;
}

/*
 * Move the line that was built to the finished ones.  False: there is no room
 * for it.
 */
static bool
log_keep_line(struct log *log)
{
	memcpy(log->line + log->line_len, LINE_END, sizeof(LINE_END) - 1);
	if (log->line_len + sizeof(LINE_END) - 1 > sizeof(log->data) - log->len)
		return false;
	log->line_len += sizeof(LINE_END) - 1;
	memcpy(log->data + log->len, log->line, log->line_len);
	log->len += log->line_len;
	return true;
}

/* Say how many lines were dropped, in the same write as the lines that wait. */
static bool
log_add_dropped(struct log *log)
{
	if (log->dropped == 0 || !log_begin(log, LOG_LEVEL_WARN, "log"))
		return false;
	log_str(log, "message", SLICE("lines were dropped, as nobody took them"));
	log_u64(log, "lines", log->dropped);
	return log_keep_line(log);
}

void
log_end(struct log *log)
{
	if (!log_keep_line(log)) {
		/*
		 * Not log_flush, which would build a line of its own over this
		 * one.
		 */
		log_write_lines(log);
		(void)log_keep_line(log);
	}
	if (log->line_level <= LOG_LEVEL_WARN)
		log_flush(log);
}

void
log_flush(struct log *log)
{
	uint64_t dropped = log->dropped;
	bool said;

	if (log->len == 0)
		return;
	said = log_add_dropped(log);
	log_write_lines(log);
	/*
	 * Said, and none lost since; or the line that says so is lost, which
	 * does not count.
	 */
	if (said)
		log->dropped -= log->dropped == dropped ? dropped : 1;
}

void
log_event(struct log *log, enum log_level level, const char *event, const char *fmt, ...)
{
	char text[LOG_STRING_BYTES];
	va_list ap;

	if (!log_begin(log, level, event))
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	log_str(log, "message", slice_str(text));
	log_end(log);
}
