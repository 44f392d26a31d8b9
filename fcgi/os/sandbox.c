#include "os/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <seccomp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "os/memory.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
/* libseccomp was seen to take some 300 KB. */
#define LIBSECCOMP_BYTES ((size_t)1 << 20)

/* --- seccomp: which system calls --- */

/*
 * Allowed with any arguments.  The kernel caches such verdicts since 5.11, and
 * then does not run the filter.
 */
static const int allowed[] = {
    /* The event loop. */
    SCMP_SYS(epoll_wait),
    SCMP_SYS(epoll_pwait),
    SCMP_SYS(epoll_ctl),
    /* Connections: accept, peek, read, answer, hand over, close. */
    SCMP_SYS(accept4),
    SCMP_SYS(accept),
    SCMP_SYS(recvfrom),
    SCMP_SYS(recvmsg),
    SCMP_SYS(sendto),
    SCMP_SYS(sendmsg),
    SCMP_SYS(shutdown),
    SCMP_SYS(close),
    /* Descriptors that are open: connections, store, log and signalfd. */
    SCMP_SYS(read),
    SCMP_SYS(readv),
    SCMP_SYS(write),
    SCMP_SYS(writev),
    SCMP_SYS(lseek),
    SCMP_SYS(poll),
    SCMP_SYS(ppoll),
    /* LMDB writes pages at a position, alone or several at once, and syncs. */
    SCMP_SYS(pread64),
    SCMP_SYS(preadv),
    SCMP_SYS(pwrite64),
    SCMP_SYS(pwritev),
    SCMP_SYS(fsync),
    SCMP_SYS(fdatasync),
    SCMP_SYS(msync),
    SCMP_SYS(ftruncate),
    /* LMDB opens its files again: it looks at the files and the kernel. */
    SCMP_SYS(fstat),
    SCMP_SYS(stat),
    SCMP_SYS(newfstatat),
    SCMP_SYS(statx),
    SCMP_SYS(fstatfs),
    SCMP_SYS(uname),
    /* malloc and LMDB's map.  Calls that make memory executable are below. */
    SCMP_SYS(brk),
    SCMP_SYS(munmap),
    SCMP_SYS(mremap),
    SCMP_SYS(madvise),
    /*
     * The time, if the vdso does not know it; the pid in the log; the random
     * seeds of json-c and malloc; sysinfo for qsort.
     */
    SCMP_SYS(clock_gettime),
    SCMP_SYS(clock_getres),
    SCMP_SYS(gettimeofday),
    SCMP_SYS(time),
    SCMP_SYS(getpid),
    SCMP_SYS(gettid),
    SCMP_SYS(getrandom),
    SCMP_SYS(sysinfo),
    /* Signal handlers, restarted calls, and the end by exit or abort. */
    SCMP_SYS(rt_sigaction),
    SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(rt_sigreturn),
    SCMP_SYS(restart_syscall),
    SCMP_SYS(exit),
    SCMP_SYS(exit_group),
#if SANDBOX_SANITIZED
    /* AddressSanitizer: its report, the memory map in it, and its stack. */
    SCMP_SYS(openat),
    SCMP_SYS(readlink),
    SCMP_SYS(readlinkat),
    SCMP_SYS(getcwd),
    SCMP_SYS(sigaltstack),
    SCMP_SYS(sched_yield),
    SCMP_SYS(pipe),
    SCMP_SYS(pipe2),
    SCMP_SYS(dup),
    SCMP_SYS(prctl),
    SCMP_SYS(prlimit64),
    SCMP_SYS(getrlimit),
    SCMP_SYS(mincore),
    SCMP_SYS(ioctl),
#endif
};

/* Each of these calls kills the process. */
static const int deadly[] = {
    /* Running another program or process. */
    SCMP_SYS(execve), SCMP_SYS(execveat), SCMP_SYS(fork), SCMP_SYS(vfork), SCMP_SYS(clone),
    SCMP_SYS(clone3),
    /* The memory and the descriptors of another process. */
    SCMP_SYS(ptrace), SCMP_SYS(process_vm_readv), SCMP_SYS(process_vm_writev), SCMP_SYS(pidfd_open),
    SCMP_SYS(pidfd_getfd), SCMP_SYS(kcmp),
    /* Sockets other than those that the listener accepts. */
    SCMP_SYS(socket), SCMP_SYS(socketpair), SCMP_SYS(connect), SCMP_SYS(bind), SCMP_SYS(listen),
    /* Files by handle instead of path; another root or view of the system. */
    SCMP_SYS(open_by_handle_at), SCMP_SYS(chroot), SCMP_SYS(pivot_root), SCMP_SYS(mount),
    SCMP_SYS(umount2), SCMP_SYS(move_mount), SCMP_SYS(open_tree), SCMP_SYS(fsopen),
    SCMP_SYS(fspick), SCMP_SYS(mount_setattr), SCMP_SYS(unshare), SCMP_SYS(setns),
    /* Parts of the kernel with many past holes that need no privilege. */
    SCMP_SYS(io_uring_setup), SCMP_SYS(io_uring_enter), SCMP_SYS(io_uring_register), SCMP_SYS(bpf),
    SCMP_SYS(perf_event_open), SCMP_SYS(userfaultfd), SCMP_SYS(keyctl), SCMP_SYS(add_key),
    SCMP_SYS(request_key), SCMP_SYS(personality), SCMP_SYS(modify_ldt),
    /* The kernel itself. */
    SCMP_SYS(init_module), SCMP_SYS(finit_module), SCMP_SYS(delete_module), SCMP_SYS(kexec_load),
    SCMP_SYS(kexec_file_load), SCMP_SYS(reboot)};

/* The kernel reads an int from the lower half of its register only. */
#define IS(n, value)                                                                               \
	{                                                                                          \
		.arg = (n), .op = SCMP_CMP_MASKED_EQ, .datum_a = UINT32_MAX,                       \
		.datum_b = (uint32_t)(value)                                                       \
	}
#define HAS(n, mask, value)                                                                        \
	{                                                                                          \
		.arg = (n), .op = SCMP_CMP_MASKED_EQ, .datum_a = (uint32_t)(mask),                 \
		.datum_b = (value)                                                                 \
	}
/* The mask ignores the flags: private or shared futex, and which clock. */
#define FUTEX_IS(operation) HAS(1, FUTEX_CMD_MASK, operation)
#define NOT_EXECUTABLE(n) HAS(n, PROT_EXEC, 0)

struct rule {
	int call;
	unsigned conditions;
	struct scmp_arg_cmp when[3];
};

static bool
allow_with_arguments(scmp_filter_ctx filter, pid_t supervisor)
{
	const struct rule rules[] = {
	    /* A worker tells that it is ready; abort ends the process. */
	    {SCMP_SYS(kill), 2, {IS(0, supervisor), IS(1, SIGUSR1)}},
	    {SCMP_SYS(tgkill), 2, {IS(0, getpid()), IS(2, SIGABRT)}},
	    /* Data must not become code. */
	    {SCMP_SYS(mmap), 1, {NOT_EXECUTABLE(2)}},
	    {SCMP_SYS(mprotect), 1, {NOT_EXECUTABLE(2)}},
	    /* LMDB's mutexes need these; other operations have had holes. */
	    {SCMP_SYS(futex), 1, {FUTEX_IS(FUTEX_WAIT)}},
	    {SCMP_SYS(futex), 1, {FUTEX_IS(FUTEX_WAKE)}},
	    {SCMP_SYS(futex), 1, {FUTEX_IS(FUTEX_WAIT_BITSET)}},
	    /* LMDB's locks and close-on-exec; F_SETOWN would cause signals. */
	    {SCMP_SYS(fcntl), 1, {IS(1, F_SETLK)}},
	    {SCMP_SYS(fcntl), 1, {IS(1, F_SETLKW)}},
	    {SCMP_SYS(fcntl), 1, {IS(1, F_GETLK)}},
	    {SCMP_SYS(fcntl), 1, {IS(1, F_GETFD)}},
	    {SCMP_SYS(fcntl), 1, {IS(1, F_SETFD)}},
	    /* A connection's timeouts, and answers without delay. */
	    {SCMP_SYS(setsockopt), 2, {IS(1, SOL_SOCKET), IS(2, SO_RCVTIMEO)}},
	    {SCMP_SYS(setsockopt), 2, {IS(1, SOL_SOCKET), IS(2, SO_SNDTIMEO)}},
	    {SCMP_SYS(setsockopt), 2, {IS(1, IPPROTO_TCP), IS(2, TCP_NODELAY)}},
	};

	for (size_t i = 0; i < COUNT(rules); i++) {
		if (seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, rules[i].call,
					   rules[i].conditions, rules[i].when) != 0)
			return false;
	}
	return true;
}

static bool
sandbox_add(scmp_filter_ctx filter, uint32_t action, const int *calls, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (seccomp_rule_add(filter, action, calls[i], 0) != 0)
			return false;
	}
	return true;
}

/* Load the filter.  Returns 0, or a negated errno. */
static int
filter_calls(bool may_open, pid_t supervisor)
{
	static const int opening[] = {SCMP_SYS(openat)};
	/* Out of memory, libseccomp may load a filter that lacks rules. */
	scmp_filter_ctx filter =
	    memory_ready(LIBSECCOMP_BYTES) ? seccomp_init(SCMP_ACT_ERRNO(EPERM)) : NULL;
	int rc = -ENOMEM;

	if (filter == NULL)
		return rc;
	/* On another architecture the same numbers mean other system calls. */
	seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
	/* A binary search helps kernels that do not cache verdicts. */
	seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	/*
	 * No mitigation of Speculative Store Bypass, which kernels before 5.16
	 * would switch on and which costs speed: a worker runs no foreign code.
	 */
	seccomp_attr_set(filter, SCMP_FLTATR_CTL_SSB, 1);
	if (sandbox_add(filter, SCMP_ACT_ALLOW, allowed, COUNT(allowed)) &&
	    sandbox_add(filter, SCMP_ACT_ALLOW, opening, may_open ? COUNT(opening) : 0) &&
	    sandbox_add(filter, SCMP_ACT_KILL_PROCESS, deadly, COUNT(deadly)) &&
	    allow_with_arguments(filter, supervisor))
		rc = seccomp_load(filter);
	seccomp_release(filter);
	return rc;
}

/* --- Landlock: which files --- */

/*
 * <linux/landlock.h> of Debian 12 knows only versions 1 and 2 of Landlock.  The
 * number behind each right is the version that added it.  Version 6 can also
 * confine signals.  That is left out: it would bar signals to the supervisor.
 */
#define FS_VERSION_1 ((UINT64_C(1) << 13) - 1)
#define FS_REFER (UINT64_C(1) << 13)	 /* 2 */
#define FS_TRUNCATE (UINT64_C(1) << 14)	 /* 3 */
#define FS_IOCTL_DEV (UINT64_C(1) << 15) /* 5 */
#define NET_TCP UINT64_C(3)		 /* 4: to bind, and to connect */
#define SCOPE_ABSTRACT_UNIX UINT64_C(1)	 /* 6 */

/*
 * struct landlock_ruleset_attr with the members of all versions.  A kernel
 * accepts members that it does not know if they are 0.
 */
struct ruleset {
	uint64_t fs;
	uint64_t net;
	uint64_t scoped;
};

static int
landlock_version(void)
{
	return (int)syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
}

static bool
confine_files(int version, const char *directory)
{
	const struct ruleset r = {
	    .fs = FS_VERSION_1 | (version >= 2 ? FS_REFER : 0) | (version >= 3 ? FS_TRUNCATE : 0) |
		  (version >= 5 ? FS_IOCTL_DEV : 0),
	    .net = version >= 4 ? NET_TCP : 0,
	    .scoped = version >= 6 ? SCOPE_ABSTRACT_UNIX : 0,
	};
	struct landlock_path_beneath_attr beneath = {
	    .allowed_access =
		r.fs & (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | FS_TRUNCATE),
	    .parent_fd = directory == NULL ? -1 : open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC),
	};
	int rules = (int)syscall(SYS_landlock_create_ruleset, &r, sizeof(r), 0), error;
	bool done =
	    rules >= 0 &&
	    (directory == NULL ||
	     (beneath.parent_fd >= 0 && syscall(SYS_landlock_add_rule, rules,
						LANDLOCK_RULE_PATH_BENEATH, &beneath, 0) == 0)) &&
	    syscall(SYS_landlock_restrict_self, rules, 0) == 0;

	error = errno;
	if (beneath.parent_fd >= 0)
		close(beneath.parent_fd);
	if (rules >= 0)
		close(rules);
	errno = error;
	return done;
}

/* --- both --- */

bool
sandbox_prepare(struct sandbox *out)
{
	const uint32_t action = SECCOMP_RET_KILL_PROCESS;

	*out = (struct sandbox){0};
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return false;
	out->seccomp = syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0;
	if (!out->seccomp)
		out->seccomp_errno = errno;
	if (SANDBOX_SANITIZED)
		return true;
	out->landlock = landlock_version();
	if (out->landlock < 0) {
		out->landlock_errno = errno;
		out->landlock = 0;
	}
	return true;
}

const char *
sandbox_text(const struct sandbox *s, char *out, size_t size)
{
	char calls[96] = "seccomp", files[96];

	if (!s->seccomp)
		snprintf(calls, sizeof(calls), "no seccomp (%s)", strerror(s->seccomp_errno));
	if (s->landlock > 0)
		snprintf(files, sizeof(files), "landlock (abi %d)", s->landlock);
	else
		snprintf(files, sizeof(files), "no landlock (%s)",
			 SANDBOX_SANITIZED ? "sanitized build" : strerror(s->landlock_errno));
	snprintf(out, size, "no-new-privs, %s, %s", calls, files);
	return out;
}

bool
sandbox_enter(const struct sandbox *s, const char *directory, pid_t supervisor, struct problem *why)
{
	int rc;

	if (s->landlock > 0 && !confine_files(s->landlock, directory)) {
		problem_set(why, ST_IO, "landlock: %s; --no-sandbox serves without it",
			    strerror(errno));
		return false;
	}
	if (s->seccomp && (rc = filter_calls(s->landlock > 0, supervisor)) != 0) {
		problem_set(why, ST_IO, "seccomp: %s; --no-sandbox serves without it",
			    strerror(-rc));
		return false;
	}
	return true;
}
