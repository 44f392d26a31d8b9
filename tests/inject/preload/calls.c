/*
 * All other calls that can fail, and the clock.
 */
#include "control.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CALL(kind, name, params, args, ...)                                                        \
	int name params                                                                            \
	{                                                                                          \
		REAL(name, int, __VA_ARGS__);                                                      \
		return FAILS(kind) ? -1 : real args;                                               \
	}

CALL(SYNC, fsync, (int fd), (fd), int)
CALL(SYNC, fdatasync, (int fd), (fd), int)
CALL(SYNC, ftruncate, (int fd, off_t len), (fd, len), int, off_t)
CALL(SYNC, msync, (void *p, size_t len, int flags), (p, len, flags), void *, size_t, int)
CALL(OPEN, mkostemp, (char *name, int flags), (name, flags), char *, int)
CALL(SOCKET, socket, (int d, int t, int p), (d, t, p), int, int, int)
CALL(SOCKET, socketpair, (int d, int t, int p, int v[2]), (d, t, p, v), int, int, int, int *)
CALL(SOCKET, pipe2, (int v[2], int flags), (v, flags), int *, int)
CALL(SOCKET, signalfd, (int fd, const sigset_t *s, int f), (fd, s, f), int, const sigset_t *, int)
CALL(SOCKET, epoll_create1, (int flags), (flags), int)
CALL(SOCKET, memfd_create, (const char *name, unsigned flags), (name, flags), const char *,
     unsigned)
CALL(OPTION, bind, (int fd, const struct sockaddr *a, socklen_t l), (fd, a, l), int,
     const struct sockaddr *, socklen_t)
CALL(OPTION, listen, (int fd, int n), (fd, n), int, int)
CALL(OPTION, connect, (int fd, const struct sockaddr *a, socklen_t l), (fd, a, l), int,
     const struct sockaddr *, socklen_t)
CALL(OPTION, setsockopt, (int fd, int l, int o, const void *v, socklen_t n), (fd, l, o, v, n), int,
     int, int, const void *, socklen_t)
CALL(OPTION, getsockopt, (int fd, int l, int o, void *v, socklen_t *n), (fd, l, o, v, n), int, int,
     int, void *, socklen_t *)
CALL(FILES, stat, (const char *path, struct stat *sb), (path, sb), const char *, struct stat *)
CALL(FILES, lstat, (const char *path, struct stat *sb), (path, sb), const char *, struct stat *)
CALL(FILES, fstat, (int fd, struct stat *sb), (fd, sb), int, struct stat *)
CALL(FILES, statvfs, (const char *path, struct statvfs *fs), (path, fs), const char *,
     struct statvfs *)
CALL(FILES, fstatvfs, (int fd, struct statvfs *fs), (fd, fs), int, struct statvfs *)
CALL(FILES, mkdir, (const char *path, mode_t mode), (path, mode), const char *, mode_t)
CALL(FILES, chmod, (const char *path, mode_t mode), (path, mode), const char *, mode_t)
CALL(FILES, access, (const char *path, int mode), (path, mode), const char *, int)
CALL(FILES, link, (const char *a, const char *b), (a, b), const char *, const char *)
CALL(FILES, rename, (const char *a, const char *b), (a, b), const char *, const char *)
CALL(REMOVE, unlink, (const char *path), (path), const char *)
CALL(FILES, flock, (int fd, int how), (fd, how), int, int)
CALL(WAIT, poll, (struct pollfd * p, nfds_t n, int ms), (p, n, ms), struct pollfd *, nfds_t, int)

/* EPOLL_CTL_DEL takes nothing from the kernel, so it does not fail. */
int
epoll_ctl(int epoll, int op, int fd, struct epoll_event *ev)
{
	REAL(epoll_ctl, int, int, int, int, struct epoll_event *);
	if (op != EPOLL_CTL_DEL && FAILS(EPOLL))
		return -1;
	return real(epoll, op, fd, ev);
}

int
accept4(int fd, struct sockaddr *a, socklen_t *len, int flags)
{
	REAL(accept4, int, int, struct sockaddr *, socklen_t *, int);
	return FAILS(SOCKET) ? -1 : real(fd, a, len, flags);
}

pid_t
waitpid(pid_t pid, int *status, int flags)
{
	REAL(waitpid, pid_t, pid_t, int *, int);
	return FAILS(WAIT) ? -1 : real(pid, status, flags);
}

ssize_t
getrandom(void *to, size_t len, unsigned flags)
{
	REAL(getrandom, ssize_t, void *, size_t, unsigned);
	return FAILS(RANDOM) ? -1 : real(to, len, flags);
}

int
open(const char *path, int flags, ...)
{
	mode_t mode = 0;
	va_list ap;

	va_start(ap, flags);
	if (flags & O_CREAT)
		mode = va_arg(ap, mode_t);
	va_end(ap);
	return FAILS(OPEN) ? -1 : inject_real_open(path, flags, mode);
}

DIR *
opendir(const char *path)
{
	REAL(opendir, DIR *, const char *);
	return FAILS(OPEN) ? NULL : real(path);
}

int
fcntl(int fd, int op, ...)
{
	va_list ap;
	void *arg;

	REAL(fcntl, int, int, int, ...);
	va_start(ap, op);
	arg = va_arg(ap, void *);
	va_end(ap);
	return FAILS(OPTION) ? -1 : real(fd, op, arg);
}

void *
mmap(void *at, size_t len, int prot, int flags, int fd, off_t off)
{
	if (FAILS(MAP))
		return MAP_FAILED;
	return inject_real_mmap(at, len, prot, flags, fd, off);
}

/* --- processes and time --- */

pid_t
fork(void)
{
	pid_t pid;

	REAL(fork, pid_t, void);
	if (FAILS(FORK))
		return -1;
	pid = real();
	if (pid == 0)
		inject_forked();
	return pid;
}

int
pthread_create(pthread_t *t, const pthread_attr_t *a, void *(*f)(void *), void *arg)
{
	REAL(pthread_create, int, pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
	return FAILS(FORK) ? errno : real(t, a, f, arg);
}

int
epoll_wait(int epoll, struct epoll_event *events, int max, int timeout)
{
	int n;

	REAL(epoll_wait, int, int, struct epoll_event *, int, int);
	if (FAILS(WAIT))
		return -1;
	if (inject_is_target()) {
		inject_control->live = inject_blocks();
		inject_control->idle = 1;
	}
	n = real(epoll, events, max, timeout);
	if (inject_is_target())
		inject_control->idle = 0;
	return n;
}

int
clock_gettime(clockid_t clock, struct timespec *t)
{
	int rc;

	REAL(clock_gettime, int, clockid_t, struct timespec *);
	rc = real(clock, t);
	if (rc == 0 && clock == CLOCK_MONOTONIC) {
		int64_t ns = t->tv_nsec + inject_control->clock_add;

		t->tv_sec += ns / 1000000000;
		t->tv_nsec = ns % 1000000000;
	}
	return rc;
}
