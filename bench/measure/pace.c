/*
 * Requests at a fixed rate over kept-alive connections, and how late their
 * answers come:
 *
 *	pace -c CONNECTIONS -r RATE -d SECONDS PORT FILE
 *
 * Request k is due k/RATE seconds after the start, whatever happens to those
 * before it.  Its latency counts from then, not from when it is sent.  So a
 * request that waits because a stall holds all connections is as late as it is
 * for its client.  (A generator that waits for an answer before it asks again
 * leaves just these out: "coordinated omission".)
 *
 * FILE has a request a line, in the format of wrk.lua: method, path and body,
 * separated by tabs.  They are sent in turn.  The result is one line of JSON.
 */
#include "histogram.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define SECOND_NS 1000000000u
/* The time to wait for answers after the last request is due. */
#define GRACE_NS (2u * (uint64_t)SECOND_NS)
/* A request that is sent later than this after it is due counts as late. */
#define LATE_NS 1000000u
#define HEAD_MAX 8192
#define EVENTS 256

struct text {
	char *data;
	size_t len;
};

struct connection {
	int fd;
	bool busy;
	uint64_t due;	     /* of the request under way */
	size_t have;	     /* bytes of the answer's head */
	long long body_left; /* -1: still in the head */
	int status;
	char head[HEAD_MAX];
};

struct run {
	struct text *requests;
	size_t request_count;
	struct connection *connections;
	size_t connection_count;
	size_t *idle; /* a ring, so that all connections are used in turn */
	size_t idle_at, idle_count;
	int epoll;
	uint16_t port;
	double rate;
	uint64_t start, wanted, sent, answered, errors, late;
	struct histogram latency, lateness;
};

static _Noreturn void
die(const char *what)
{
	fprintf(stderr, "pace: %s: %s\n", what, errno != 0 ? strerror(errno) : "bad");
	exit(EXIT_FAILURE);
}

static void *
allocate(size_t count, size_t size)
{
	void *p = calloc(count, size);

	if (p == NULL)
		die("memory");
	return p;
}

static uint64_t
now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * SECOND_NS + (uint64_t)t.tv_nsec;
}

/* --- requests --- */

static struct text
request_of(char *line)
{
	const char *method = strtok(line, "\t\n"), *path = strtok(NULL, "\t\n");
	const char *body = strtok(NULL, "\n");
	struct text t = {NULL, 0};
	char fields[128] = "";
	int len;

	errno = 0;
	if (method == NULL || path == NULL)
		die("a line of the requests");
	if (body != NULL)
		snprintf(fields, sizeof(fields),
			 "Content-Type: application/json\r\nPrefer: return=minimal\r\n"
			 "Content-Length: %zu\r\n",
			 strlen(body));
	len = asprintf(&t.data, "%s %s HTTP/1.1\r\nHost: 127.0.0.1\r\n%s\r\n%s", method, path,
		       fields, body != NULL ? body : "");
	if (len < 0)
		die("memory");
	t.len = (size_t)len;
	return t;
}

static void
read_requests(struct run *r, const char *file)
{
	FILE *f = fopen(file, "r");
	char *line = NULL;
	size_t size = 0, room = 0;

	if (f == NULL)
		die(file);
	while (getline(&line, &size, f) > 0) {
		if (r->request_count == room) {
			room = room == 0 ? 64 : 2 * room;
			r->requests = reallocarray(r->requests, room, sizeof(*r->requests));
			if (r->requests == NULL)
				die("memory");
		}
		r->requests[r->request_count++] = request_of(line);
	}
	free(line);
	fclose(f);
	errno = 0;
	if (r->request_count == 0)
		die(file);
}

/* --- connections --- */

static void
make_idle(struct run *r, struct connection *c)
{
	c->busy = false;
	r->idle[(r->idle_at + r->idle_count++) % r->connection_count] =
	    (size_t)(c - r->connections);
}

static void
open_connection(const struct run *r, struct connection *c)
{
	struct sockaddr_in to = {.sin_family = AF_INET,
				 .sin_port = htons(r->port),
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct epoll_event ev = {.events = EPOLLIN, .data.ptr = c};
	int on = 1;

	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&to, sizeof(to)) != 0)
		die("connect");
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (epoll_ctl(r->epoll, EPOLL_CTL_ADD, c->fd, &ev) != 0)
		die("epoll");
}

static void
send_request(struct run *r, uint64_t due, uint64_t now)
{
	struct connection *c = &r->connections[r->idle[r->idle_at]];
	const struct text *t = &r->requests[r->sent % r->request_count];
	size_t at = 0;

	r->idle_at = (r->idle_at + 1) % r->connection_count;
	r->idle_count--;
	r->sent++;
	c->busy = true;
	c->due = due;
	c->have = 0;
	c->body_left = -1;
	histogram_count(&r->lateness, now - due);
	r->late += now - due > LATE_NS;
	while (at < t->len) {
		ssize_t n = send(c->fd, t->data + at, t->len - at, MSG_NOSIGNAL);

		/* Reading will show that the connection is closed. */
		if (n < 0)
			return;
		at += (size_t)n;
	}
}

/* The head is whole: find out how much body follows. */
static void
read_head(struct connection *c, size_t head_len)
{
	const char *length = strcasestr(c->head, "\r\nContent-Length:");
	bool bodyless;

	c->status = (int)strtol(c->head + strcspn(c->head, " "), NULL, 10);
	bodyless = c->status == 204 || c->status == 304;
	errno = 0;
	if (length == NULL && !bodyless)
		die("an answer without Content-Length");
	c->body_left = bodyless ? 0 : strtoll(length + strlen("\r\nContent-Length:"), NULL, 10);
	c->body_left -= (long long)(c->have - head_len);
}

static void
finish(struct run *r, struct connection *c, bool ok)
{
	histogram_count(&r->latency, now_ns() - c->due);
	r->answered++;
	r->errors += !ok;
	make_idle(r, c);
}

static void
on_closed(struct run *r, struct connection *c)
{
	close(c->fd);
	open_connection(r, c);
	if (c->busy)
		finish(r, c, false);
}

static void
on_readable(struct run *r, struct connection *c)
{
	static char body[1 << 18];
	bool in_head = c->busy && c->body_left < 0;
	char *to = in_head ? c->head + c->have : body;
	size_t room = in_head ? HEAD_MAX - 1 - c->have : sizeof(body);
	ssize_t n = recv(c->fd, to, room, 0);
	const char *end;

	/* A server may close an idle connection, or one with many answers. */
	if (n <= 0 || !c->busy) {
		on_closed(r, c);
		return;
	}
	if (in_head) {
		c->have += (size_t)n;
		c->head[c->have] = '\0';
		end = strstr(c->head, "\r\n\r\n");
		errno = 0;
		if (end == NULL && c->have == HEAD_MAX - 1)
			die("an answer's head");
		if (end == NULL)
			return;
		read_head(c, (size_t)(end - c->head) + 4);
	} else {
		c->body_left -= n;
	}
	if (c->body_left <= 0)
		finish(r, c, c->status >= 200 && c->status < 400);
}

/* --- the run --- */

static uint64_t
due_of(const struct run *r, uint64_t k)
{
	return r->start + (uint64_t)((double)k * SECOND_NS / r->rate);
}

static void
turn(struct run *r, uint64_t end)
{
	struct epoll_event events[EVENTS];
	uint64_t now = now_ns(), until = end, due;
	struct timespec wait;
	int n;

	while (r->sent < r->wanted && r->idle_count > 0) {
		due = due_of(r, r->sent);
		if (due > now && due > (now = now_ns())) {
			until = due < end ? due : end;
			break;
		}
		send_request(r, due, now);
	}
	now = now_ns();
	until = until > now ? until - now : 0;
	wait = (struct timespec){.tv_sec = (time_t)(until / SECOND_NS),
				 .tv_nsec = (long)(until % SECOND_NS)};
	n = epoll_pwait2(r->epoll, events, EVENTS, &wait, NULL);
	if (n < 0 && errno != EINTR)
		die("epoll");
	for (int i = 0; i < n; i++)
		on_readable(r, events[i].data.ptr);
}

/* A request without an answer is at least as late as now. */
static void
count_unanswered(struct run *r)
{
	uint64_t now = now_ns();

	for (size_t i = 0; i < r->connection_count; i++) {
		if (r->connections[i].busy)
			histogram_count(&r->latency, now - r->connections[i].due);
	}
	for (uint64_t k = r->sent; k < r->wanted; k++)
		histogram_count(&r->latency, now - due_of(r, k));
}

static void
report(const struct run *r, double seconds)
{
	printf("{\"requests\":%" PRIu64 ",\"answered\":%" PRIu64 ",\"errors\":%" PRIu64
	       ",\"late\":%" PRIu64 ",\"seconds\":%.6f",
	       r->wanted, r->answered, r->errors + r->wanted - r->answered, r->late, seconds);
	printf(",\"p50_ms\":%.4f,\"p90_ms\":%.4f,\"p99_ms\":%.4f,\"p999_ms\":%.4f,\"max_ms\":%.4f",
	       histogram_percentile_ms(&r->latency, 50), histogram_percentile_ms(&r->latency, 90),
	       histogram_percentile_ms(&r->latency, 99), histogram_percentile_ms(&r->latency, 99.9),
	       (double)r->latency.max / 1e6);
	printf(",\"sent_late_p99_ms\":%.4f}\n", histogram_percentile_ms(&r->lateness, 99));
}

static void
run(struct run *r, double seconds)
{
	uint64_t end;

	/* The kernel must not round a wait up. */
	prctl(PR_SET_TIMERSLACK, 1);
	r->wanted = (uint64_t)(r->rate * seconds);
	r->connections = allocate(r->connection_count, sizeof(*r->connections));
	r->idle = allocate(r->connection_count, sizeof(*r->idle));
	r->epoll = epoll_create1(EPOLL_CLOEXEC);
	for (size_t i = 0; i < r->connection_count; i++) {
		open_connection(r, &r->connections[i]);
		make_idle(r, &r->connections[i]);
	}
	r->start = now_ns();
	end = due_of(r, r->wanted) + GRACE_NS;
	while (r->answered < r->wanted && now_ns() < end)
		turn(r, end);
	count_unanswered(r);
	report(r, (double)(now_ns() - r->start) / SECOND_NS);
}

int
main(int argc, char **argv)
{
	static struct run r;
	double seconds = 0;
	int option;

	while ((option = getopt(argc, argv, "c:r:d:")) != -1) {
		if (option == 'c')
			r.connection_count = strtoul(optarg, NULL, 10);
		else if (option == 'r')
			r.rate = strtod(optarg, NULL);
		else if (option == 'd')
			seconds = strtod(optarg, NULL);
	}
	if (argc - optind != 2 || r.connection_count == 0 || r.rate <= 0 || seconds <= 0) {
		fputs("usage: pace -c CONNECTIONS -r RATE -d SECONDS PORT FILE\n", stderr);
		return 2;
	}
	r.port = (uint16_t)strtoul(argv[optind], NULL, 10);
	read_requests(&r, argv[optind + 1]);
	run(&r, seconds);
	return EXIT_SUCCESS;
}
