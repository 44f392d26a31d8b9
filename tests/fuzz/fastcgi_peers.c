#include "fastcgi.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http/records.h"
#include "json/scan.h"
#include "os/handover.h"

#define ANSWER_WAIT_MS 3

void
peer_connect(struct peer *p, unsigned how, bool patient)
{
	int pair[2];

	if (how >= 2) {
		must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
		/* It fails while too many wait for the worker. */
		p->fd = handover_send(world.options.handover[1], pair[1], (char)(how != 3))
			    ? pair[0]
			    : -1;
		if (p->fd < 0)
			close(pair[0]);
		close(pair[1]);
		return;
	}
	p->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | (patient ? 0 : SOCK_NONBLOCK), 0);
	must(p->fd >= 0);
	/* Nobody listens while a worker drains. */
	if (TEMP_FAILURE_RETRY(connect(p->fd, (const struct sockaddr *)&world.address,
				       sizeof(world.address))) != 0) {
		must(world.leaving || (!patient && errno == EAGAIN));
		close(p->fd);
		p->fd = -1;
	}
}

void
peer_send(struct peer *p, struct slice bytes)
{
	p->waits = true;
	if (p->fd < 0)
		return;
	(void)send(p->fd, bytes.data, bytes.len, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* --- what the worker answers --- */

static void
check_json(struct slice body)
{
	struct json_scan sc;
	struct buf object = {0};

	buf_adds(&object, "{\"body\":");
	buf_add_slice(&object, body);
	buf_addc(&object, '}');
	must(json_scan_init(&sc));
	/* A value, in its record, its collection, the store. */
	must(json_scan_object(&sc, buf_slice(&object), JSON_MAX_DEPTH + 3, NULL) == ST_OK);
	json_scan_free(&sc);
	buf_free(&object);
}

/* One answer's standard output. */
static void
check_answer(struct slice out)
{
	static const char status[] = "Status: ", gap[] = "\r\n\r\n";
	const char *end;
	struct slice body;

	/*
	 * libfcgi ends a request of a role that it does not know without a
	 * word.
	 */
	if (out.len == 0)
		return;
	must(out.len > sizeof(status) && memcmp(out.data, status, sizeof(status) - 1) == 0);
	end = memmem(out.data, out.len, gap, sizeof(gap) - 1);
	must(end != NULL);
	body = (struct slice){end + 4, out.len - (size_t)(end + 4 - out.data)};
	if (body.len > 0 && memmem(out.data, (size_t)(end - out.data), "json\r\n", 6) != NULL)
		check_json(body);
}

static void
check_received(struct peer *p)
{
	struct slice rest = buf_slice(&p->received);
	struct buf out = {0};
	enum record_result result;
	struct record r;

	while ((result = record_take(&rest, &r)) == RECORD_WHOLE) {
		/* 7 is FCGI_STDERR; 10 and 11 answer management records. */
		must(r.type == RECORD_STDOUT || r.type == RECORD_END_REQUEST || r.type == 7 ||
		     r.type == 10 || r.type == 11);
		if (r.type == RECORD_STDOUT)
			buf_add_slice(&out, r.content);
		if (r.type == RECORD_END_REQUEST) {
			check_answer(buf_slice(&out));
			buf_reset(&out, SIZE_MAX);
		}
	}
	must(result == RECORD_PARTIAL);
	buf_free(&out);
}

ssize_t
peer_receive(struct peer *p)
{
	ssize_t n;

	must(buf_reserve(&p->received, 65536));
	n = recv(p->fd, p->received.data + p->received.len, 65536, MSG_DONTWAIT);
	p->received.len += n > 0 ? (size_t)n : 0;
	return n;
}

void
peer_await(struct peer *p)
{
	struct pollfd ready = {.fd = p->fd, .events = POLLIN};

	if (p->fd >= 0 && p->waits && poll(&ready, 1, ANSWER_WAIT_MS) == 1)
		peer_receive(p);
	p->waits = false;
}

void
peer_close(struct peer *p)
{
	while (p->fd >= 0 && peer_receive(p) > 0)
		;
	check_received(p);
	if (p->fd >= 0)
		close(p->fd);
	p->fd = -1;
	buf_reset(&p->received, 65536);
}
