/*
 * FastCGI bytes on the socket: a worker's whole loop, server_run, runs in a thread, on a store of
 * its own, and the input is a script of what up to four peers send it, in which pieces, and when
 * they leave.  Afterwards the worker has to answer a good request and to have let go of all
 * connections; what it answers on the way has to be records, with a status, and JSON.
 */
#include "fuzz.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "http/records.h"
#include "json/scan.h"
#include "os/handover.h"
#include "server/server.h"

#define PEERS 4
#define ANSWER_WAIT_MS 3
#define LEAVE_WAIT_MS 20
#define LIFE_SECONDS 10

int LLVMFuzzerInitialize(int *argc, char ***argv);

struct peer {
	int fd;	    /* -1: not connected */
	bool waits; /* has sent something since the last answer */
	struct buf received;
};

static struct world {
	char dir[64];
	char path[80];
	struct sockaddr_un address;
	struct server_options options;
	struct log log;
	pthread_t worker;
	bool leaving;
	struct peer peers[PEERS];
} world;

/* --- the worker --- */

static int
remove_entry(const char *path, const struct stat *sb, int flag, struct FTW *ftw)
{
	(void)sb;
	(void)flag;
	(void)ftw;
	return remove(path);
}

static void
remove_directory(void)
{
	nftw(world.dir, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

static void
listen_anew(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	unlink(world.address.sun_path);
	must(fd >= 0);
	must(bind(fd, (const struct sockaddr *)&world.address, sizeof(world.address)) == 0);
	must(listen(fd, 64) == 0);
	world.options.listener = fd;
}

static void *
worker_main(void *unused)
{
	static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP};
	sigset_t set;

	/* libFuzzer's timers are not for this thread: in a worker no signal comes either. */
	sigfillset(&set);
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
		sigdelset(&set, faults[i]);
	pthread_sigmask(SIG_SETMASK, &set, NULL);
	must(server_run(&world.options) == EXIT_SUCCESS);
	return unused;
}

static void
start_worker(void)
{
	struct metrics_slot *slot = &world.options.metrics->slot[0];

	/* One that drained has closed it. */
	if (fcntl(world.options.listener, F_GETFD) < 0)
		listen_anew();
	atomic_store(&slot->state, WORKER_STARTING);
	must(pthread_create(&world.worker, NULL, worker_main, NULL) == 0);
	while (atomic_load(&slot->state) != WORKER_READY)
		sched_yield();
	world.leaving = false;
}

/* Wait for the end of a worker that was told to leave, and start the next one. */
static bool
replace_worker(unsigned ms)
{
	struct timespec deadline;
	long ns;

	clock_gettime(CLOCK_REALTIME, &deadline);
	ns = deadline.tv_nsec + (long)(ms % 1000) * 1000000;
	deadline.tv_sec += (time_t)(ms / 1000) + ns / 1000000000;
	deadline.tv_nsec = ns % 1000000000;
	if (pthread_timedjoin_np(world.worker, NULL, &deadline) != 0)
		return false;
	start_worker();
	return true;
}

/* To the thread: its signalfd reads it as it would read one to a worker process. */
static void
tell_worker(int signo)
{
	if (world.leaving)
		return;
	must(pthread_kill(world.worker, signo) == 0);
	world.leaving = true;
	/* What it has handed over waits for the next one; a peer that stalls may keep it. */
	if (signo == SIGUSR2)
		replace_worker(LEAVE_WAIT_MS);
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	const char *tmp = getenv("TMPDIR");
	struct problem why = {""};
	bool fresh;
	int hold;
	sigset_t set;

	(void)argc;
	(void)argv;
	/* By which a worker tells its supervisor that it is ready; libFuzzer would take it, too. */
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	if (tmp == NULL || strlen(tmp) > 30)
		tmp = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
	snprintf(world.dir, sizeof(world.dir), "%s/markbook-XXXXXX", tmp);
	must(mkdtemp(world.dir) != NULL);
	atexit(remove_directory);
	snprintf(world.path, sizeof(world.path), "%s/store", world.dir);
	world.address.sun_family = AF_UNIX;
	snprintf(world.address.sun_path, sizeof(world.address.sun_path), "%s/s", world.dir);
	log_init(&world.log, open("/dev/null", O_WRONLY | O_CLOEXEC), LOG_LEVEL_DEBUG);
	world.options = (struct server_options){
	    .parent = getpid(),
	    .listener = -1,
	    .metrics = metrics_create(1),
	    .log = &world.log,
	    .max_body = 16384,
	    /* No peer stalls for so long: each one leaves, and that is what ends its connection. */
	    .peer_timeout = 2 * LIFE_SECONDS,
	    .drain_timeout = LIFE_SECONDS,
	    .store = {.path = world.path, .size = (size_t)2 << 20, .max_snapshots = 8}};
	must(world.options.metrics != NULL && handover_pair(world.options.handover));
	must(store_prepare(&world.options.store, &fresh, &hold, &why) == ST_OK);
	for (size_t i = 0; i < PEERS; i++)
		world.peers[i].fd = -1;
	start_worker();
	return 0;
}

/* --- what peers send --- */

static void
connect_peer(struct peer *p, unsigned how, bool patient)
{
	int pair[2];

	if (how >= 2) {
		must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
		/* Not while the worker has too many to take. */
		p->fd = handover_send(world.options.handover[1], pair[1], (char)(how != 3))
			    ? pair[0]
			    : -1;
		if (p->fd < 0)
			close(pair[0]);
		close(pair[1]);
		return;
	}
	/* A peer of the script does not wait for a worker that another one keeps from its work. */
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

static void
send_bytes(struct peer *p, struct slice bytes)
{
	p->waits = true;
	if (p->fd < 0)
		return;
	(void)send(p->fd, bytes.data, bytes.len, MSG_NOSIGNAL | MSG_DONTWAIT);
}

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

/* A request as the front would send it: a method, then fields and values, then a body. */
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

	/* An end without one word is libfcgi's own: a role that it does not know. */
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

static ssize_t
receive(struct peer *p)
{
	ssize_t n;

	must(buf_reserve(&p->received, 65536));
	n = recv(p->fd, p->received.data + p->received.len, 65536, MSG_DONTWAIT);
	p->received.len += n > 0 ? (size_t)n : 0;
	return n;
}

static void
await_answer(struct peer *p)
{
	struct pollfd ready = {.fd = p->fd, .events = POLLIN};

	if (p->fd >= 0 && p->waits && poll(&ready, 1, ANSWER_WAIT_MS) == 1)
		receive(p);
	p->waits = false;
}

static void
close_peer(struct peer *p)
{
	while (p->fd >= 0 && receive(p) > 0)
		;
	check_received(p);
	if (p->fd >= 0)
		close(p->fd);
	p->fd = -1;
	buf_reset(&p->received, 65536);
}

/* A good request on a connection of its own is answered, and then no connection is left. */
static void
check_alive(void)
{
	const struct slice end = {"", 0};
	struct metrics_slot *slot = &world.options.metrics->slot[0];
	struct peer *p = &world.peers[0];
	struct timeval timeout = {.tv_sec = LIFE_SECONDS};
	struct buf request = {0}, params = {0};
	struct timespec now, start;

	connect_peer(p, 0, true);
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
	while (receive(p) > 0)
		;
	must(memmem(p->received.data, p->received.len, "Status: 200", 11) != NULL);
	close_peer(p);
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
		connect_peer(p, op >> 6, false);
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
		send_bytes(p, (struct slice){bytes.data, type});
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
		close_peer(p);
		break;
	case 8:
		shutdown(p->fd, SHUT_WR);
		break;
	case 9: /* seldom: it takes long */
		type = fuzz_byte(script);
		if (type == 'T' || type == 'U')
			tell_worker(type == 'T' ? SIGTERM : SIGUSR2);
		break;
	default:
		await_answer(p);
		break;
	}
	if (bytes.len > 0)
		send_bytes(p, buf_slice(&bytes));
	buf_free(&bytes);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice script = {(const char *)data, size};

	while (script.len > 0)
		step(&script);
	for (size_t i = 0; i < PEERS; i++)
		close_peer(&world.peers[i]);
	must(!world.leaving || replace_worker(LIFE_SECONDS * 1000));
	check_alive();
	for (size_t i = 0; i < PEERS; i++) {
		buf_free(&world.peers[i].received);
		world.peers[i].received = (struct buf){0};
	}
	return 0;
}
