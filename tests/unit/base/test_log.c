#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/log.h"

#define LINES 400
#define FILLER 300

/*
 * A pipe that holds one page, as the log's descriptor, and all that is read
 * from it.
 */
struct sink {
	int read_end, write_end;
	size_t len;
	char text[LINES * 1024];
};

static struct sink sink;

static int
open_sink(void **state)
{
	int ends[2];

	(void)state;
	if (pipe2(ends, O_CLOEXEC) != 0 || fcntl(ends[1], F_SETPIPE_SZ, 4096) < 0 ||
	    fcntl(ends[0], F_SETFL, O_NONBLOCK) != 0)
		return -1;
	sink = (struct sink){.read_end = ends[0], .write_end = ends[1]};
	return 0;
}

static int
close_sink(void **state)
{
	(void)state;
	close(sink.read_end);
	close(sink.write_end);
	return 0;
}

static void
drain(void)
{
	ssize_t n;

	while ((n = read(sink.read_end, sink.text + sink.len, sizeof(sink.text) - 1 - sink.len)) >
	       0)
		sink.len += (size_t)n;
	sink.text[sink.len] = '\0';
}

static unsigned
count(const char *what)
{
	unsigned n = 0;

	for (const char *at = strstr(sink.text, what); at != NULL; at = strstr(at + 1, what))
		n++;
	return n;
}

static void
add_line(struct log *log, unsigned number)
{
	char filler[FILLER + 1];

	memset(filler, 'x', FILLER);
	filler[FILLER] = '\0';
	assert_true(log_begin(log, LOG_LEVEL_INFO, "test"));
	log_u64(log, "number", number);
	log_str(log, "filler", slice_str(filler));
	log_end(log);
}

/*
 * The lines that arrived and the lines that the log says it dropped are all
 * that were added.
 */
static void
every_line_arrives_once_or_is_counted_as_dropped(void **state)
{
	static struct log log;
	unsigned long dropped = 0;
	unsigned arrived = 0;

	(void)state;
	log_init(&log, sink.write_end, LOG_LEVEL_INFO);
	for (unsigned i = 0; i < LINES - 2; i++) {
		add_line(&log, i);
		/* Nobody reads for a while, again and again. */
		if (i % 64 == 63)
			drain();
	}
	/*
	 * The pipe is empty at each of these: the second one brings the count.
	 */
	for (unsigned i = LINES - 2; i < LINES; i++) {
		drain();
		log_flush(&log);
		drain();
		add_line(&log, i);
	}
	log_flush(&log);
	drain();
	for (unsigned i = 0; i < LINES; i++) {
		char mark[32];
		unsigned n;

		snprintf(mark, sizeof(mark), "\"number\":%u,", i);
		n = count(mark);
		assert_in_range(n, 0, 1);
		arrived += n;
	}
	for (const char *at = strstr(sink.text, "\"lines\":"); at != NULL;
	     at = strstr(at + 1, "\"lines\":"))
		dropped += strtoul(at + strlen("\"lines\":"), NULL, 10);
	assert_true(dropped > 0);
	assert_int_equal(arrived + dropped, LINES);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(every_line_arrives_once_or_is_counted_as_dropped,
					    open_sink, close_sink),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
