/*
 * What a worker in its sandbox cannot do to processes, sockets and the kernel.
 */
#include "sandbox_fixture.h"

#include <linux/futex.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>

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
};

int
main(void)
{
	return cmocka_run_group_tests(tests, ignore_ready, NULL);
}
