/*
 * FastCGI bytes on the socket.  The whole loop of a worker, server_run, runs in
 * a thread, on a store of its own.  The input is a script: what up to four
 * peers send, in which pieces, and when they leave.  Afterwards the worker has
 * to answer a good request and to have no connection left.  All that it answers
 * has to be records with a status and JSON.
 */
#include "fastcgi.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/socket.h>
#include <time.h>

#include "http/records.h"

/* --- requests --- */

static void
add_length(struct buf *out, size_t n)
{
	if (n < 128)
		buf_addc(out, (char)n);
	else
		buf_add(out, (char[]){(char)0x80, 0, (char)(n >> 8), (char)n}, 4);
}

static void
add_pair(struct buf *out, const char *name, struct slice value)
{
	add_length(out, strlen(name));
	add_length(out, value.len);
	buf_adds(out, name);
	buf_add_slice(out, value);
}

static const char *const names[] = {"REQUEST_METHOD",	  "PATH_INFO",	    "QUERY_STRING",
				    "CONTENT_TYPE",	  "CONTENT_LENGTH", "HTTP_IF_MATCH",
				    "HTTP_IF_NONE_MATCH", "HTTP_PREFER",    "HTTP_X_REQUEST_ID",
				    "HTTP_CONTENT_TYPE"};

#define NAMES (sizeof(names) / sizeof(names[0]))

/* A piece of the script behind its length. */
static struct slice
take_text(struct slice *script)
{
	return fuzz_take(script, fuzz_byte(script));
}

static void
add_begin(struct buf *out, unsigned flags)
{
	const char begin[8] = {0, 1, (char)flags, 0, 0, 0, 0, 0};

	record_add(out, RECORD_BEGIN_REQUEST, 1, (struct slice){begin, sizeof(begin)});
}

/*
 * A request as the front would send it: a method, then fields and values, then
 * a body.
 */
static void
add_request(struct buf *out, struct slice *script)
{
	static const char *const methods[] = {"GET", "HEAD",  "OPTIONS", "POST",
					      "PUT", "PATCH", "DELETE",	 "BREW"};
	const struct slice end = {"", 0};
	unsigned first = fuzz_byte(script), fields = fuzz_byte(script) % 5;
	struct buf params = {0};
	struct slice body;
	char length[24];

	add_pair(&params, "REQUEST_METHOD", slice_str(methods[first % 8]));
	add_pair(&params, "PATH_INFO", take_text(script));
	for (unsigned i = 0; i < fields; i++) {
		const char *name = names[fuzz_byte(script) % NAMES];

		add_pair(&params, name, take_text(script));
	}
	body = take_text(script);
	if (body.len > 0) {
		snprintf(length, sizeof(length), "%zu", body.len);
		add_pair(&params, "CONTENT_LENGTH", slice_str(length));
		add_pair(&params, "CONTENT_TYPE", SLICE("application/json"));
	}
	add_begin(out, first < 128);
	record_add(out, RECORD_PARAMS, 1, buf_slice(&params));
	record_add(out, RECORD_PARAMS, 1, end);
	if (body.len > 0)
		record_add(out, RECORD_STDIN, 1, body);
	record_add(out, RECORD_STDIN, 1, end);
	buf_free(&params);
}

static void
add_param(struct buf *out, struct slice *script)
{
	const char *name = names[fuzz_byte(script) % NAMES];
	struct buf pair = {0};

	add_pair(&pair, name, take_text(script));
	record_add(out, RECORD_PARAMS, 1, buf_slice(&pair));
	buf_free(&pair);
}

/*
 * A good request on a connection of its own is answered, and then no connection
 * is left.
 */
static void
check_alive(void)
{
	const struct slice end = {"", 0};
	struct metrics_slot *slot = &world.options.metrics->slot[0];
	struct peer *p = &world.peers[0];
	struct timeval timeout = {.tv_sec = LIFE_SECONDS};
	struct buf request = {0}, params = {0};
	struct timespec now, start;

	peer_connect(p, 0, true);
	must(setsockopt(p->fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)) == 0);
	add_pair(&params, "REQUEST_METHOD", SLICE("GET"));
	add_pair(&params, "PATH_INFO", SLICE("/readyz"));
	add_begin(&request, 0);
	record_add(&request, RECORD_PARAMS, 1, buf_slice(&params));
	record_add(&request, RECORD_PARAMS, 1, end);
	record_add(&request, RECORD_STDIN, 1, end);
	must(send(p->fd, request.data, request.len, 0) == (ssize_t)request.len);
	must(buf_reserve(&p->received, 4096));
	must(TEMP_FAILURE_RETRY(recv(p->fd, p->received.data, 1, MSG_PEEK)) == 1);
	while (peer_receive(p) > 0)
		;
	must(memmem(p->received.data, p->received.len, "Status: 200", 11) != NULL);
	peer_close(p);
	clock_gettime(CLOCK_MONOTONIC, &start);
	while (atomic_load(&slot->connections) != 0) {
		clock_gettime(CLOCK_MONOTONIC, &now);
		must(now.tv_sec - start.tv_sec < LIFE_SECONDS);
		sched_yield();
	}
	buf_free(&request);
	buf_free(&params);
}

/* --- the script --- */

static void
step(struct slice *script)
{
	unsigned op = fuzz_byte(script), type;
	struct peer *p = &world.peers[op >> 4 & 3];
	const struct slice end = {"", 0};
	struct buf bytes = {0};

	if (p->fd < 0)
		peer_connect(p, op >> 6, false);
	switch (op & 15) {
	case 0:
		buf_add_slice(&bytes, take_text(script));
		break;
	case 1:
		type = fuzz_byte(script);
		record_add(&bytes, (enum record_type)type, 1, take_text(script));
		break;
	case 2:
		add_request(&bytes, script);
		break;
	case 3: /* a request in two pieces */
		add_request(&bytes, script);
		type = fuzz_word(script) % (unsigned)bytes.len;
		peer_send(p, (struct slice){bytes.data, type});
		sched_yield();
		memmove(bytes.data, bytes.data + type, bytes.len - type);
		bytes.len -= type;
		break;
	case 4:
		add_begin(&bytes, fuzz_byte(script));
		break;
	case 5:
		add_param(&bytes, script);
		break;
	case 6:
		record_add(&bytes, RECORD_PARAMS, 1, end);
		record_add(&bytes, RECORD_STDIN, 1, take_text(script));
		record_add(&bytes, RECORD_STDIN, 1, end);
		break;
	case 7:
		peer_close(p);
		break;
	case 8:
		shutdown(p->fd, SHUT_WR);
		break;
	case 9: /* seldom: it takes long */
		type = fuzz_byte(script);
		if (type == 'T' || type == 'U')
			worker_tell(type == 'T' ? SIGTERM : SIGUSR2);
		break;
	default:
		peer_await(p);
		break;
	}
	if (bytes.len > 0)
		peer_send(p, buf_slice(&bytes));
	buf_free(&bytes);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice script = {(const char *)data, size};

	while (script.len > 0)
		step(&script);
	for (size_t i = 0; i < PEERS; i++)
		peer_close(&world.peers[i]);
	must(!world.leaving || worker_replace(LIFE_SECONDS * 1000));
	check_alive();
	for (size_t i = 0; i < PEERS; i++) {
		buf_free(&world.peers[i].received);
		world.peers[i].received = (struct buf){0};
	}
	return 0;
}
