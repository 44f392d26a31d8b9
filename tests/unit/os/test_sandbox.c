/*
 * What a worker in its sandbox cannot do, tried from inside, one thing a test;
 * and that what it has to do goes on.  Each forbidden thing is also tried without
 * the sandbox, where it must not fail in the same way: else the test would prove
 * nothing.
 */
#include "../store/store_fixture.h"

#include <dirent.h>
#include <linux/futex.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/ptrace.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>

#include "base/log.h"
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

static void
make_file(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	close(fd);
}

static void
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

static struct worker
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

static void
free_worker(const struct worker *w)
{
	close(w->listener);
	close(w->peer);
	close(w->pair[0]);
	close(w->pair[1]);
	close(w->memfd);
}

/* How a child ends that tries it: waitpid's status; the exit status is errno, 0 where it could. */
static int
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

static bool
is_refused(int status)
{
	return WIFEXITED(status) && (WEXITSTATUS(status) == EPERM || WEXITSTATUS(status) == EACCES);
}

static bool
is_deadly(int status)
{
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS;
}

/* In a store and a directory of its own. */
static int
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

static void
need_seccomp(void)
{
	struct sandbox has;

	assert_true(sandbox_prepare(&has));
	if (!has.seccomp)
		skip();
}

static void
test_refused(void **state)
{
	need_seccomp();
	assert_false(is_refused(outcome((attempt *)*state, false)));
	assert_true(is_refused(outcome((attempt *)*state, true)));
}

static void
test_deadly(void **state)
{
	need_seccomp();
	assert_false(is_deadly(outcome((attempt *)*state, false)));
	assert_true(is_deadly(outcome((attempt *)*state, true)));
}

static void
test_goes_on(void **state)
{
	int inside;

	need_seccomp();
	inside = outcome((attempt *)*state, true);
	assert_true(WIFEXITED(inside));
	assert_int_equal(WEXITSTATUS(inside), 0);
}

/* --- other programs and processes --- */

static int
run_a_program(struct worker *w)
{
	(void)w;
	return execl("/bin/true", "true", (char *)NULL);
}

static int
run_a_program_from_memory(struct worker *w)
{
	char *none[] = {NULL};

	return (int)syscall(SYS_execveat, w->memfd, "", none, none, AT_EMPTY_PATH);
}

static int
make_a_process(struct worker *w)
{
	pid_t pid = fork();

	(void)w;
	if (pid == 0)
		_exit(0);
	return pid;
}

static int
make_a_thread(struct worker *w)
{
	(void)w;
	return (int)syscall(SYS_clone3, NULL, 0);
}

static int
trace_a_process(struct worker *w)
{
	(void)w;
	return (int)ptrace(PTRACE_ATTACH, -1, NULL, NULL);
}

static int
be_traced(struct worker *w)
{
	(void)w;
	return (int)ptrace(PTRACE_TRACEME, 0, NULL, NULL);
}

static int
read_anothers_memory(struct worker *w)
{
	char byte;
	struct iovec here = {&byte, 1}, there = {w, 1};

	return (int)syscall(SYS_process_vm_readv, w->supervisor, &here, 1, &there, 1, 0);
}

static int
write_anothers_memory(struct worker *w)
{
	char byte = 0;
	struct iovec here = {&byte, 1}, there = {&byte, 1};

	(void)w;
	return (int)syscall(SYS_process_vm_writev, getpid(), &here, 1, &there, 1, 0);
}

static int
get_anothers_descriptor(struct worker *w)
{
	return (int)syscall(SYS_pidfd_open, w->supervisor, 0);
}

/* Harmless ones, should they arrive. */
static int
signal_the_supervisor_otherwise(struct worker *w)
{
	return kill(w->supervisor, SIGCONT);
}

static int
signal_itself(struct worker *w)
{
	(void)w;
	return kill(getpid(), SIGCONT);
}

static int
signal_everyone(struct worker *w)
{
	(void)w;
	return kill(-1, 0);
}

static int
signal_anothers_thread(struct worker *w)
{
	return (int)syscall(SYS_tgkill, w->supervisor, w->supervisor, SIGCONT);
}

static int
signal_by_a_queue(struct worker *w)
{
	siginfo_t info = {.si_code = SI_QUEUE};

	return (int)syscall(SYS_rt_sigqueueinfo, w->supervisor, SIGCONT, &info);
}

static int
signal_by_a_descriptor(struct worker *w)
{
	return fcntl(w->listener, F_SETOWN, w->supervisor);
}

/* --- sockets --- */

static int
make_an_internet_socket(struct worker *w)
{
	(void)w;
	return socket(AF_INET, SOCK_STREAM, 0);
}

static int
make_a_unix_socket(struct worker *w)
{
	(void)w;
	return socket(AF_UNIX, SOCK_STREAM, 0);
}

static int
make_a_netlink_socket(struct worker *w)
{
	(void)w;
	return socket(AF_NETLINK, SOCK_RAW, 0);
}

static int
make_a_pair_of_sockets(struct worker *w)
{
	int pair[2];

	(void)w;
	return socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
}

static int
connect_a_socket(struct worker *w)
{
	struct sockaddr a = {.sa_family = AF_UNSPEC};

	return connect(w->pair[0], &a, sizeof(a));
}

static int
bind_a_socket(struct worker *w)
{
	struct sockaddr a = {.sa_family = AF_UNIX};

	return bind(w->pair[0], &a, sizeof(a.sa_family));
}

static int
listen_on_a_socket(struct worker *w)
{
	return listen(w->listener, 1);
}

static int
set_another_socket_option(struct worker *w)
{
	int on = 1;

	return setsockopt(w->listener, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on));
}

/* --- files --- */

#if !SANDBOX_SANITIZED
/* Without Landlock seccomp refuses it, as all opening. */
static int
opened(const char *path, int flags)
{
	return open(path, flags | O_CLOEXEC, 0600);
}

static int
read_etc_passwd(struct worker *w)
{
	(void)w;
	return opened("/etc/passwd", O_RDONLY);
}

static int
write_outside(struct worker *w)
{
	return opened(w->outside, O_WRONLY);
}

static int
truncate_outside(struct worker *w)
{
	return opened(w->outside, O_WRONLY | O_TRUNC);
}

static int
leave_by_dots(struct worker *w)
{
	return opened(w->up, O_RDONLY);
}

static int
leave_by_a_link(struct worker *w)
{
	return opened(w->link, O_RDONLY);
}

static int
leave_by_proc(struct worker *w)
{
	(void)w;
	return opened("/proc/self/mem", O_RDWR);
}

static int
make_a_file_in_tmp(struct worker *w)
{
	(void)w;
	return opened("/tmp", O_WRONLY | O_TMPFILE);
}

static int
make_a_file_in_the_store(struct worker *w)
{
	char path[100];

	snprintf(path, sizeof(path), "%s/new", w->f->path);
	return opened(path, O_WRONLY | O_CREAT);
}

static int
list_the_store(struct worker *w)
{
	return opened(w->f->path, O_RDONLY | O_DIRECTORY);
}

static int
change_how_it_is_traced(struct worker *w)
{
	(void)w;
	return prctl(PR_SET_DUMPABLE, 1);
}

static int
outlive_the_supervisor(struct worker *w)
{
	(void)w;
	return prctl(PR_SET_PDEATHSIG, 0);
}

static int
raise_its_limits(struct worker *w)
{
	struct rlimit limit;

	(void)w;
	return (int)syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, NULL, &limit);
}

static int
control_a_device(struct worker *w)
{
	int n;

	return (int)syscall(SYS_ioctl, w->peer, 0x541B /* FIONREAD */, &n);
}
#endif

static int
remove_the_store(struct worker *w)
{
	return unlink(w->f->data);
}

static int
rename_the_store(struct worker *w)
{
	return rename(w->f->data, w->outside);
}

static int
link_the_store(struct worker *w)
{
	char path[120];

	snprintf(path, sizeof(path), "%s.link", w->outside);
	unlink(path);
	return link(w->f->data, path);
}

static int
make_a_directory(struct worker *w)
{
	char path[120];

	snprintf(path, sizeof(path), "%s.d", w->outside);
	return mkdir(path, 0700);
}

static int
truncate_by_path(struct worker *w)
{
	return truncate(w->outside, 0);
}

static int
change_permissions(struct worker *w)
{
	return chmod(w->f->data, 0600);
}

static int
change_directory(struct worker *w)
{
	(void)w;
	return chdir("/");
}

static int
change_root(struct worker *w)
{
	(void)w;
	return chroot("/");
}

static int
open_by_handle(struct worker *w)
{
	(void)w;
	return (int)syscall(SYS_open_by_handle_at, -1, NULL, O_RDONLY);
}

static int
share_memory(struct worker *w)
{
	int id = shmget(IPC_PRIVATE, 4096, 0600);

	(void)w;
	if (id >= 0)
		shmctl(id, IPC_RMID, NULL);
	return id;
}

static int
make_a_file_in_memory(struct worker *w)
{
	(void)w;
	return memfd_create("new", MFD_CLOEXEC);
}

/* --- code --- */

static int
map(int fd, int prot)
{
	int flags = fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_PRIVATE;

	return mmap(NULL, 4096, prot, flags, fd, 0) == MAP_FAILED ? -1 : 0;
}

static int
map_memory_as_code(struct worker *w)
{
	(void)w;
	return map(-1, PROT_READ | PROT_EXEC);
}

static int
map_writable_code(struct worker *w)
{
	(void)w;
	return map(-1, PROT_READ | PROT_WRITE | PROT_EXEC);
}

static int
map_a_file_as_code(struct worker *w)
{
	return map(w->memfd, PROT_READ | PROT_EXEC);
}

static int
make_data_code(struct worker *w)
{
	void *data = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)w;
	return mprotect(data, 4096, PROT_READ | PROT_EXEC);
}

static int
make_data_code_by_another_call(struct worker *w)
{
	void *data = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)w;
	return (int)syscall(SYS_pkey_mprotect, data, 4096, PROT_READ | PROT_EXEC, -1);
}

static int
make_all_data_code(struct worker *w)
{
	(void)w;
	return personality(0xffffffff);
}

/* --- the kernel --- */

static int
mount_a_file_system(struct worker *w)
{
	(void)w;
	return mount("none", "/nonexistent", "none", 0, NULL);
}

static int
leave_its_namespaces(struct worker *w)
{
	(void)w;
	return unshare(CLONE_NEWUSER);
}

static int
enter_a_namespace(struct worker *w)
{
	(void)w;
	return setns(-1, 0);
}

static int
load_a_filter_program(struct worker *w)
{
	(void)w;
	return (int)syscall(SYS_bpf, -1, NULL, 0);
}

static int
set_up_a_ring(struct worker *w)
{
	(void)w;
	return (int)syscall(SYS_io_uring_setup, 0, NULL);
}

static int
count_events(struct worker *w)
{
	(void)w;
	return (int)syscall(SYS_perf_event_open, NULL, 0, -1, -1, 0);
}

static int
handle_page_faults(struct worker *w)
{
	(void)w;
	return (int)syscall(SYS_userfaultfd, -1);
}

static int
use_the_keyring(struct worker *w)
{
	(void)w;
	return (int)syscall(SYS_keyctl, -1, 0, 0, 0, 0);
}

static int
load_a_module(struct worker *w)
{
	(void)w;
	return (int)syscall(SYS_init_module, NULL, 0, NULL);
}

static int
lock_with_another_futex(struct worker *w)
{
	int word = 0;

	(void)w;
	return (int)syscall(SYS_futex, &word, FUTEX_LOCK_PI, 0, NULL, NULL, 0);
}

static int
call_what_does_not_exist_yet(struct worker *w)
{
	(void)w;
	return (int)syscall(100000);
}

#ifdef __x86_64__
static int
call_by_the_32_bit_interface(struct worker *w)
{
	long rc;

	(void)w;
	/* 20: getpid there, writev here. */
	__asm__ volatile("int $0x80" : "=a"(rc) : "a"(20L) : "memory");
	return rc < 0 ? -1 : 0;
}

static int
call_by_the_x32_interface(struct worker *w)
{
	(void)w;
	return (int)syscall(0x40000000 | SYS_getpid);
}
#endif

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

/* The lock is held by another process: the sandboxed one waits, on a futex, and gets it. */
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
	/* Its byte, and then its end, which must not come while the lock is held. */
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

/* A child to be confined by *s; 0 in the child, -1 where the kernel has no Landlock. */
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

static const struct CMUnitTest tests[] = {
    DEADLY(run_a_program),
    DEADLY(run_a_program_from_memory),
    DEADLY(make_a_process),
    DEADLY(make_a_thread),
    DEADLY(trace_a_process),
    DEADLY(be_traced),
    DEADLY(read_anothers_memory),
    DEADLY(write_anothers_memory),
    DEADLY(get_anothers_descriptor),
    REFUSED(signal_the_supervisor_otherwise),
    REFUSED(signal_itself),
    REFUSED(signal_everyone),
    REFUSED(signal_anothers_thread),
    REFUSED(signal_by_a_queue),
    REFUSED(signal_by_a_descriptor),
    DEADLY(make_an_internet_socket),
    DEADLY(make_a_unix_socket),
    DEADLY(make_a_netlink_socket),
    DEADLY(make_a_pair_of_sockets),
    DEADLY(connect_a_socket),
    DEADLY(bind_a_socket),
    DEADLY(listen_on_a_socket),
    REFUSED(set_another_socket_option),
#if !SANDBOX_SANITIZED
    REFUSED(read_etc_passwd),
    REFUSED(write_outside),
    REFUSED(truncate_outside),
    REFUSED(leave_by_dots),
    REFUSED(leave_by_a_link),
    REFUSED(leave_by_proc),
    REFUSED(make_a_file_in_tmp),
    REFUSED(make_a_file_in_the_store),
    REFUSED(list_the_store),
    REFUSED(change_how_it_is_traced),
    REFUSED(outlive_the_supervisor),
    REFUSED(raise_its_limits),
    REFUSED(control_a_device),
#endif
    REFUSED(remove_the_store),
    REFUSED(rename_the_store),
    REFUSED(link_the_store),
    REFUSED(make_a_directory),
    REFUSED(truncate_by_path),
    REFUSED(change_permissions),
    REFUSED(change_directory),
    DEADLY(change_root),
    DEADLY(open_by_handle),
    REFUSED(share_memory),
    REFUSED(make_a_file_in_memory),
    REFUSED(map_memory_as_code),
    REFUSED(map_writable_code),
    REFUSED(map_a_file_as_code),
    REFUSED(make_data_code),
    REFUSED(make_data_code_by_another_call),
    DEADLY(make_all_data_code),
    DEADLY(mount_a_file_system),
    DEADLY(leave_its_namespaces),
    DEADLY(enter_a_namespace),
    DEADLY(load_a_filter_program),
    DEADLY(set_up_a_ring),
    DEADLY(count_events),
    DEADLY(handle_page_faults),
    DEADLY(use_the_keyring),
    DEADLY(load_a_module),
    REFUSED(lock_with_another_futex),
    REFUSED(call_what_does_not_exist_yet),
#ifdef __x86_64__
    DEADLY(call_by_the_32_bit_interface),
    DEADLY(call_by_the_x32_interface),
#endif
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
	/* Told of by a child, and of no use here. */
	signal(SIGUSR1, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
