/*
 * The sandbox: it limits the harm that a worker can do if a request takes it
 * over.
 *
 * No process of the service gains privileges by running another program
 * (no_new_privs, prctl(2)), and none runs one.  A worker enters the sandbox
 * after it has opened all that it needs, and before it takes its first
 * connection.  From then on:
 *
 * - seccomp(2) checks each system call against a list.  The list allows what a
 *   worker needs, also through libc, libfcgi, LMDB and json-c, and where it
 *   matters only with certain arguments.  sandbox.c gives the reason for each
 *   group.  The first steps of an intruder end the process at once: running a
 *   program, making a process or a socket, looking into another process,
 *   namespaces, mounts, io_uring, bpf.  A sound worker never makes these calls,
 *   so this is an alarm and no risk: the supervisor logs a death by signal 31
 *   (SIGSYS).  Every other call fails with EPERM, which libraries handle.
 *   gmtime_r, for one, looks for /etc/localtime when it is first called, and
 *   goes on without it.
 * - Landlock (landlock(7)), if the kernel has it, lets the worker open, read,
 *   write and truncate files in the store's directory, so that it can open a
 *   failed store again.  It can open no other file, and can neither create nor
 *   remove one.  It cannot bind or connect a TCP socket (from version 4 of
 *   Landlock on), nor connect to an abstract unix socket (from version 6 on).
 * - Without Landlock, seccomp allows the worker to open no file at all.  A
 *   worker whose store failed then leaves, and the supervisor starts a new one.
 *
 * The sandbox costs about 30 ns for a system call whose verdict the kernel
 * caches, 60 ns for one whose arguments are checked (measured with getpid and
 * fcntl on Linux 6.18), and 0.5 ms when a worker starts.
 *
 * A worker that was taken over can still
 *
 * - write anything to the store;
 * - use its connections, and accept new ones;
 * - write lines to the log, and change the service's counters;
 * - send SIGUSR1 to the supervisor, which then only checks on its workers;
 * - find out whether a file exists (stat(2));
 * - use the processor time and memory that it is given.
 *
 * AddressSanitizer opens files of its own for a report before the process ends.
 * So a build with it leaves Landlock out and allows some more system calls.
 */
#ifndef MARKBOOK_OS_SANDBOX_H
#define MARKBOOK_OS_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/status.h"

#if defined(__SANITIZE_ADDRESS__)
#define SANDBOX_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANDBOX_SANITIZED 1
#endif
#endif
#ifndef SANDBOX_SANITIZED
#define SANDBOX_SANITIZED 0
#endif

/* What the kernel offers to confine a worker. */
struct sandbox {
	bool seccomp;
	int landlock;	    /* version of its interface; 0: none */
	int seccomp_errno;  /* why there is no seccomp */
	int landlock_errno; /* why no Landlock; 0: not used in this build */
};

/*
 * Find out what the kernel offers, before the first fork.  From then on neither
 * this process nor its children gain privileges.  Returns false with errno if
 * the kernel has no no_new_privs.
 */
bool sandbox_prepare(struct sandbox *out);

/*
 * Write one line of at most size - 1 bytes to `out`: what will be in force in a
 * worker, and why the rest will not.  Returns `out`.
 */
const char *sandbox_text(const struct sandbox *s, char *out, size_t size);

/*
 * Enter the sandbox for the rest of the process's life.  `directory` is the
 * store's, or NULL to open no files at all.  `supervisor` is the only process
 * that may be sent SIGUSR1.  Returns false with `why`, for the log, if anything
 * that sandbox_prepare found is not in force; the process should then end.
 */
bool sandbox_enter(const struct sandbox *s, const char *directory, pid_t supervisor,
		   struct problem *why);

#endif
