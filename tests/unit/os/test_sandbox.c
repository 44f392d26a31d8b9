/*
 * What a worker in its sandbox has to go on doing, and the sandbox itself.
 */
#include "sandbox_fixture.h"

#include <poll.h>

#include "base/log.h"

/* --- what has to go on --- */

/* errno tells which line it was that failed. */
static int
no(int line)
{
	fprintf(stderr, "line %d: %s\n", line, strerror(errno));
	errno = ENOTRECOVERABLE;
	return -1;
}
#define NEED(condition)                                                                            \
	do {                                                                                       \
		if (!(condition))                                                                  \
			return no(__LINE__);                                                       \
	} while (0)

static int
the_store_is_read_and_written(struct worker *w)
{
	struct view *v;
	struct row row;

	NEED(put(w->f->s, SLICE("a"), SLICE("b"), SLICE("1")) == ST_OK);
	NEED(store_read(w->f->s, &v) == ST_OK);
	NEED(view_record(v, SLICE("a"), SLICE("b"), &row) == ST_OK);
	store_read_end(w->f->s);
	return 0;
}

static int
a_store_that_syncs_is_written(struct worker *w)
{
	w->f->o.durability = STORE_DURABLE;
	if (w->sandbox.landlock == 0 && !SANDBOX_SANITIZED)
		return 0;
	store_close(w->f->s);
	NEED(store_open(&w->f->s, &w->f->o, &w->f->why) == ST_OK);
	return the_store_is_read_and_written(w);
}

/* Without Landlock it is the supervisor's next worker that does. */
static int
the_store_is_opened_again(struct worker *w)
{
	enum status st;

	store_close(w->f->s);
	st = store_open(&w->f->s, &w->f->o, &w->f->why);
	NEED((st == ST_OK) == (w->sandbox.landlock > 0 || SANDBOX_SANITIZED));
	return st == ST_OK ? the_store_is_read_and_written(w) : 0;
}

static int
a_connection_is_taken_and_handed_over(struct worker *w)
{
	struct timeval timeout = {.tv_sec = 1};
	int fd = accept4(w->listener, NULL, NULL, SOCK_CLOEXEC), other;
	char tag = 0, byte;

	NEED(fd >= 0);
	NEED(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)) == 0);
	NEED(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout)) == 0);
	NEED(handover_send(w->pair[1], fd, 1));
	close(fd);
	other = handover_receive(w->pair[0], &tag);
	NEED(other >= 0 && tag == 1);
	NEED(write(w->peer, "x", 1) == 1 && recv(other, &byte, 1, MSG_PEEK) == 1);
	NEED(shutdown(other, SHUT_WR) == 0 && close(other) == 0);
	return 0;
}

static int
the_supervisor_hears_that_it_is_ready(struct worker *w)
{
	return kill(w->supervisor, SIGUSR1);
}

static int
memory_comes_and_goes(struct worker *w)
{
	char *p = malloc(MIB);

	(void)w;
	for (size_t n = MIB; p != NULL && n < 64 * MIB; n *= 2) {
		char *larger = realloc(p, n);

		if (larger == NULL)
			free(p);
		else
			memset(larger, 1, n);
		p = larger;
	}
	NEED(p != NULL);
	free(p);
	return 0;
}

/* The first use of gmtime_r looks for /etc/localtime. */
static int
the_log_is_written(struct worker *w)
{
	static struct log log;
	char line[256];

	log_init(&log, w->peer, LOG_LEVEL_INFO);
	log_event(&log, LOG_LEVEL_WARN, "test", "hello");
	w->peer = accept4(w->listener, NULL, NULL, SOCK_CLOEXEC);
	NEED(read(w->peer, line, sizeof(line)) > 40 && strstr(line, "Z\",\"level\"") != NULL);
	return 0;
}

static void
test_abort(void **state)
{
	int inside;

	need_seccomp();
	inside = outcome((attempt *)*state, true);
	assert_true(WIFSIGNALED(inside));
	assert_int_equal(WTERMSIG(inside), SIGABRT);
}

static int
abort_ends_it(struct worker *w)
{
	(void)w;
	abort();
}

/*
 * The lock is held by another process: the sandboxed one waits, on a futex, and
 * gets it.
 */
static bool
count_in_sandbox(struct fixture *f, int fd)
{
	struct sandbox s;

	if (!sandbox_prepare(&s) || store_open(&f->s, &f->o, &f->why) != ST_OK ||
	    !sandbox_enter(&s, f->path, getppid(), &f->why) || write(fd, "r", 1) != 1)
		return false;
	return put(f->s, SLICE("a"), SLICE("b"), SLICE("2")) == ST_OK;
}

static void
test_write_lock_is_waited_for(void **state)
{
	struct fixture *f = *state;
	struct pollfd late = {.events = POLLIN};
	struct view *v = begin(f->s);
	int ends[2];
	pid_t pid;

	assert_int_equal(pipe(ends), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		close(ends[0]);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		_exit(count_in_sandbox(f, ends[1]) ? 0 : 1);
	}
	close(ends[1]);
	/*
	 * Its byte, and then its end, which must not come while the lock is
	 * held.
	 */
	assert_int_equal(read(ends[0], &(char){0}, 1), 1);
	late.fd = ends[0];
	assert_int_equal(poll(&late, 1, 100), 0);
	assert_ok(
	    store_apply(v, SLICE("a"), &(struct edit){SLICE("b"), SLICE("1")}, 1, STORE_CREATE));
	assert_ok(store_commit(f->s));
	await_success(pid);
	close(ends[0]);
	assert_ok(view_record(snapshot(f->s), SLICE("a"), SLICE("b"), &(struct row){0}));
}

static void
test_no_new_privileges(void **state)
{
	struct sandbox s;

	(void)state;
	assert_true(sandbox_prepare(&s));
	assert_int_equal(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), 1);
}

static void
test_text(void **state)
{
	const struct sandbox all = {.seccomp = true, .landlock = 7};
	const struct sandbox none = {.seccomp_errno = EINVAL, .landlock_errno = ENOSYS};
	char text[256];

	(void)state;
	assert_string_equal(sandbox_text(&all, text, sizeof(text)),
			    "no-new-privs, seccomp, landlock (abi 7)");
	sandbox_text(&none, text, sizeof(text));
	assert_non_null(strstr(text, "no-new-privs, no seccomp (Invalid argument), no landlock ("));
}

/*
 * A child to be confined by *s; 0 in the child, -1 where the kernel has no
 * Landlock.
 */
static pid_t
fork_for_landlock(struct sandbox *s)
{
	pid_t pid;

	assert_true(sandbox_prepare(s));
	if (s->landlock == 0)
		return -1;
	pid = fork();
	assert_true(pid >= 0);
	return pid;
}

static void
test_missing_directory(void **state)
{
	struct problem why = {""};
	struct sandbox s;
	pid_t pid = fork_for_landlock(&s);

	(void)state;
	if (pid == 0)
		_exit(!sandbox_enter(&s, "/nonexistent", getppid(), &why) &&
			      strstr(why.detail, "landlock: No such file") != NULL
			  ? 0
			  : 1);
	if (pid > 0)
		await_success(pid);
}

static void
test_no_directory(void **state)
{
	struct problem why = {""};
	struct fixture *f = *state;
	struct sandbox s;
	pid_t pid = fork_for_landlock(&s);

	if (pid == 0)
		_exit(sandbox_enter(&s, NULL, getppid(), &why) &&
			      open(f->path, O_RDONLY | O_DIRECTORY) < 0 && errno == EACCES &&
			      store_open(&f->s, &f->o, &f->why) != ST_OK
			  ? 0
			  : 1);
	if (pid > 0)
		await_success(pid);
}

static const struct CMUnitTest tests[] = {
    GOES_ON(the_store_is_read_and_written),
    GOES_ON(a_store_that_syncs_is_written),
    GOES_ON(the_store_is_opened_again),
    GOES_ON(a_connection_is_taken_and_handed_over),
    GOES_ON(the_supervisor_hears_that_it_is_ready),
    GOES_ON(memory_comes_and_goes),
    GOES_ON(the_log_is_written),
    {"abort_ends_it", test_abort, NULL, NULL, (void *)abort_ends_it},
    STORE_TEST(test_write_lock_is_waited_for),
    cmocka_unit_test(test_no_new_privileges),
    cmocka_unit_test(test_text),
    cmocka_unit_test(test_missing_directory),
    STORE_TEST(test_no_directory),
};

int
main(void)
{
	return cmocka_run_group_tests(tests, ignore_ready, NULL);
}
