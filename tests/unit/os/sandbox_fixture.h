/*
 * A worker about to enter its sandbox, and what it tries from inside, one thing
 * a test.
 *
 * Each forbidden thing is also tried without the sandbox, where it must not
 * fail in the same way: otherwise the test would prove nothing.
 */
#ifndef MARKBOOK_TESTS_SANDBOX_FIXTURE_H
#define MARKBOOK_TESTS_SANDBOX_FIXTURE_H

#include "../store/store_fixture.h"

#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "os/handover.h"
#include "os/sandbox.h"

/* What a worker has when it enters; f's store is open. */
struct worker {
	struct fixture *f;
	pid_t supervisor;
	struct sandbox sandbox;
	int listener; /* with a connection in its queue */
	int peer;     /* the other end of that one */
	int pair[2];  /* for handover */
	int memfd;
	char outside[100]; /* a file beside the store */
	char link[100];	   /* in the store, symbolic, to that file */
	char up[100];	   /* the same file by way of the store */
};

typedef int attempt(struct worker *w); /* -1 and errno, or anything else */

static inline void
make_file(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	close(fd);
}

static inline void
listen_and_connect(struct worker *w)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};

	snprintf(a.sun_path, sizeof(a.sun_path), "%s/socket", w->f->dir);
	w->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	w->peer = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(w->listener, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(w->listener, 8), 0);
	assert_int_equal(connect(w->peer, (struct sockaddr *)&a, sizeof(a)), 0);
}

static inline struct worker
make_worker(struct fixture *f)
{
	struct worker w = {.f = f, .supervisor = getpid()};

	snprintf(w.outside, sizeof(w.outside), "%s/outside", f->dir);
	snprintf(w.link, sizeof(w.link), "%s/link", f->path);
	snprintf(w.up, sizeof(w.up), "%s/../outside", f->path);
	make_file(w.outside);
	assert_int_equal(symlink(w.outside, w.link), 0);
	listen_and_connect(&w);
	assert_true(handover_pair(w.pair));
	w.memfd = memfd_create("test", MFD_CLOEXEC);
	assert_true(w.memfd >= 0);
	return w;
}

static inline void
free_worker(const struct worker *w)
{
	close(w->listener);
	close(w->peer);
	close(w->pair[0]);
	close(w->pair[1]);
	close(w->memfd);
}

/*
 * How a child ends that tries it: waitpid's status; the exit status is errno, 0
 * where it could.
 */
static inline int
run_child(struct worker *w, attempt *try, bool confined)
{
	pid_t pid = fork();
	struct problem why = {""};
	int status = 0;

	assert_true(pid >= 0);
	if (pid == 0) {
		static const struct rlimit no_core = {0, 0};

		setrlimit(RLIMIT_CORE, &no_core);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (confined && (!sandbox_prepare(&w->sandbox) ||
				 store_open(&w->f->s, &w->f->o, &why) != ST_OK ||
				 !sandbox_enter(&w->sandbox, w->f->path, w->supervisor, &why))) {
			fprintf(stderr, "%s\n", why.detail);
			_exit(255);
		}
		_exit(try(w) == -1 ? errno : 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static inline bool
is_refused(int status)
{
	return WIFEXITED(status) && (WEXITSTATUS(status) == EPERM || WEXITSTATUS(status) == EACCES);
}

static inline bool
is_deadly(int status)
{
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS;
}

/* In a store and a directory of its own. */
static inline int
outcome(attempt *try, bool confined)
{
	struct fixture *f;
	struct worker w;
	void *state;
	int status;

	fixture_up(&state);
	f = state;
	/* The child opens its own. */
	store_close(f->s);
	f->s = NULL;
	w = make_worker(f);
	status = run_child(&w, try, confined);
	free_worker(&w);
	fixture_down(&state);
	return status;
}

static inline void
need_seccomp(void)
{
	struct sandbox has;

	assert_true(sandbox_prepare(&has));
	if (!has.seccomp)
		skip();
}

static inline void
test_refused(void **state)
{
	need_seccomp();
	assert_true(is_refused(outcome((attempt *)*state, true)));
	/*
	 * Then it proves nothing.  A container has a filter of its own, which
	 * refuses some calls to this test as well.
	 */
	if (is_refused(outcome((attempt *)*state, false))) {
		print_message("refused without the sandbox, too\n");
		skip();
	}
}

static inline void
test_deadly(void **state)
{
	need_seccomp();
	assert_false(is_deadly(outcome((attempt *)*state, false)));
	assert_true(is_deadly(outcome((attempt *)*state, true)));
}

static inline void
test_goes_on(void **state)
{
	int inside;

	need_seccomp();
	inside = outcome((attempt *)*state, true);
	assert_true(WIFEXITED(inside));
	assert_int_equal(WEXITSTATUS(inside), 0);
}

/* A child signals that it is ready, which is of no use here. */
static inline int
ignore_ready(void **state)
{
	(void)state;
	signal(SIGUSR1, SIG_IGN);
	return 0;
}

/* Their names are the sentences: "a worker cannot NAME". */
#define REFUSED(name)                                                                              \
	{                                                                                          \
		"a worker cannot " #name, test_refused, NULL, NULL, (void *)(name)                 \
	}
#define DEADLY(name)                                                                               \
	{                                                                                          \
		"a worker dies that tries to " #name, test_deadly, NULL, NULL, (void *)(name)      \
	}
#define GOES_ON(name)                                                                              \
	{                                                                                          \
#name, test_goes_on, NULL, NULL, (void *)(name)                                    \
	}

#endif
