/*
 * What a process of the service may still do once it deals with other people's bytes.
 *
 * No process of the service gains privileges by running another program
 * (no_new_privs, prctl(2)); none runs one.  A worker enters the sandbox when all
 * that it needs is open, before it takes its first connection.  From then on
 *
 * - seccomp(2) has the kernel answer its system calls by a list.  What a worker,
 *   or libc, libfcgi, LMDB or json-c on its behalf, does is allowed, where it matters
 *   for certain arguments only: the list in sandbox.c gives the reason for each
 *   group.  What would be the first steps of an intruder (running a program, making a
 *   process or a socket, looking into another process, namespaces, mounts, io_uring,
 *   bpf) ends the process at once, and the supervisor logs a death by signal 31
 *   (SIGSYS): nothing in a worker ever asks for these, so it is an alarm and no
 *   risk.  All else fails with EPERM, which libraries know how to take: gmtime_r, for
 *   one, looks for /etc/localtime when it is first called, and goes on without it.
 * - Landlock (landlock(7)), where the kernel has it, lets it open, read, write and
 *   truncate files in the store's directory, so that a store that failed can be opened
 *   again, and nothing else anywhere: it can neither make nor remove a file, nor bind or
 *   connect a TCP socket or an abstract unix one.
 * - Where the kernel has no Landlock, seccomp allows no opening of files at all.  A worker
 *   whose store failed then leaves, and the supervisor starts another one.
 *
 * It costs some 30 ns a system call where the kernel caches the verdict, 60 ns where arguments are looked
 * at (measured with getpid and fcntl on Linux 6.18), and 0.5 ms when a worker starts.
 *
 * What is left to a worker that was taken over: the store, in which it can write what
 * it likes; connections it has and those it accepts; lines in the log; the service's
 * counters; SIGUSR1 to the supervisor, which only has it look at its workers;
 * asking whether a file exists (stat(2)); as much processor time and memory as it is given.
 *
 * A program built with AddressSanitizer opens files of its own, in which it writes its reports,
 * when a process is about to end.  So in such a build Landlock is left out and some more
 * system calls are allowed.
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

/* What the kernel has, of what a worker can be confined with. */
struct sandbox {
	bool seccomp;
	int landlock;	    /* version of its interface; 0: none */
	int seccomp_errno;  /* why not */
	int landlock_errno; /* likewise; 0: not wanted in this build */
};

/*
 * Before the first fork: from here on neither this process nor those that it forks gain
 * privileges.  Finds out what the kernel has.  False: errno.
 */
bool sandbox_prepare(struct sandbox *out);

/* What will be in force in a worker, and why not the rest, in one line. */
const char *sandbox_text(const struct sandbox *s, char *out, size_t size);

/*
 * Enter it, for ever.  `directory` is the store's, NULL for no files at all; `supervisor` the process that may be sent SIGUSR1.
 * False: not all that sandbox_prepare found is in force, and the process had better end; `why` is for the
 * log.
 */
bool sandbox_enter(const struct sandbox *s, const char *directory, pid_t supervisor,
		   struct problem *why);

#endif
