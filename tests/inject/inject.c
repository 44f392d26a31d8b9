/*
 * Makes the Nth call of a kind fail, in a process of choice: a library for LD_PRELOAD, for tests only.
 *
 * INJECT_CONTROL names a file of one struct control, which is mapped and shared by all processes
 * that have this loaded, and by the driver (run.py), which sets and reads it while they run.
 *
 * What libfcgi and json-c ask for while they read a request neither counts nor fails, since the program
 * sees to it before that they will have it (fcgi/os/memory.h): the last block that it gave back before has to be
 * as large as all that they ask for then.  `overdrawn` tells where it was not.
 */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* In the order of KINDS in run.py. */
enum kind {
	ALLOC,
	READ,
	RECV,
	PREAD,
	WRITE,
	SEND,
	PWRITE,
	MAP,
	SYNC,
	FORK,
	OPEN,
	SOCKET,
	EPOLL,
	OPTION,
	FILES,
	WAIT,
	STDIO,
	RANDOM,
	REMOVE
};

/* As class Control in run.py. */
struct control {
	_Atomic int32_t pid;	    /* the process whose calls count; 0: those of `depth` */
	_Atomic int32_t depth;	    /* that so many forks made; -1: all */
	_Atomic uint32_t kinds;	    /* bits: what counts */
	_Atomic int32_t error;	    /* errno of a failure; 0: half of what was asked for is done */
	_Atomic uint64_t at;	    /* the first that fails, from 1 on; 0: none */
	_Atomic uint64_t row;	    /* how many fail from there on */
	_Atomic uint64_t count;	    /* calls so far */
	_Atomic uint64_t failed;    /* of them, made to fail */
	_Atomic uint32_t spare;	    /* see the top */
	_Atomic uint32_t idle;	    /* the process `pid` is in epoll_wait */
	_Atomic int64_t live;	    /* blocks that it has from malloc, as of then */
	_Atomic uint64_t overdrawn; /* bytes that libraries took and nobody had made sure of */
	_Atomic int64_t clock_add;  /* nanoseconds that the monotonic clock is ahead */
	char where[64];		    /* what the first failed call returns to */
};

static struct control nothing = {.depth = -2};
static struct control *control = &nothing;
static int own_depth;
static pid_t own_pid;
static _Atomic int64_t blocks;
static bool spared; /* within libfcgi or json-c; see the top */

static void *last;		/* the last block from malloc outside of them */
static size_t last_size, given; /* its length; the same once it is given back */
static size_t taken;		/* of that, by now */

/* dlsym itself may ask for memory. */
static _Alignas(16) char early[4096];
static size_t early_used;

#define REAL(name, type, ...)                                                                      \
	static type (*real)(__VA_ARGS__);                                                          \
	if (real == NULL)                                                                          \
	*(void **)&real = dlsym(RTLD_NEXT, #name)

static void *(*real_mmap)(void *, size_t, int, int, int, off_t);
static int (*real_open)(const char *, int, ...);

__attribute__((constructor)) static void
begin(void)
{
	const char *path = getenv("INJECT_CONTROL");
	void *at;
	int fd;

	*(void **)&real_mmap = dlsym(RTLD_NEXT, "mmap");
	*(void **)&real_open = dlsym(RTLD_NEXT, "open");
	own_pid = getpid();
	fd = path == NULL ? -1 : real_open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return;
	at = real_mmap(NULL, sizeof(*control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (at != MAP_FAILED)
		control = at;
}

static bool
is_chosen(void)
{
	int32_t pid = control->pid;

	return pid != 0 ? pid == own_pid : control->depth == -1 || control->depth == own_depth;
}

/* Whether this call is to fail, with errno set. */
static bool
fails(enum kind kind, const void *caller)
{
	uint64_t n, at = control->at;
	Dl_info info;

	if (!(control->kinds & (1u << kind)) || !is_chosen())
		return false;
	if (kind == ALLOC && spared && control->spare)
		return false;
	n = atomic_fetch_add(&control->count, 1) + 1;
	if (at == 0 || n < at || n - at >= control->row)
		return false;
	if (atomic_fetch_add(&control->failed, 1) == 0 && dladdr(caller, &info) != 0) {
		const char *slash = strrchr(info.dli_fname, '/');

		snprintf(control->where, sizeof(control->where), "%.30s+0x%lx",
			 slash == NULL ? info.dli_fname : slash + 1,
			 (unsigned long)((uintptr_t)caller - (uintptr_t)info.dli_fbase));
	}
	errno = control->error;
	return true;
}

/* With the most that malloc adds. */
static void
spend(size_t size)
{
	size_t bytes = (size + 8 + 15) & ~(size_t)15;

	if (!spared)
		return;
	taken += bytes < 32 ? 32 : bytes;
	if (taken > given && taken - given > control->overdrawn)
		control->overdrawn = taken - given;
}

static void
note(void *p, size_t size)
{
	if (spared)
		return;
	last = p;
	last_size = size;
	given = 0;
}

static void
enter(void)
{
	spared = true;
	taken = 0;
}

#define FAILS(kind) fails(kind, __builtin_return_address(0))

/* --- memory --- */

void *
malloc(size_t size)
{
	void *p;

	REAL(malloc, void *, size_t);
	if (FAILS(ALLOC))
		return NULL;
	spend(size);
	if ((p = real(size)) != NULL)
		blocks++;
	note(p, size);
	return p;
}

void *
calloc(size_t n, size_t size)
{
	static void *(*real)(size_t, size_t);
	static bool looking;
	void *p;

	if (real == NULL) {
		if (looking) {
			p = early + early_used;
			early_used += (n * size + 15) & ~(size_t)15;
			if (early_used > sizeof(early))
				abort();
			return p;
		}
		looking = true;
		*(void **)&real = dlsym(RTLD_NEXT, "calloc");
	}
	if (FAILS(ALLOC))
		return NULL;
	spend(n * size);
	if ((p = real(n, size)) != NULL)
		blocks++;
	note(NULL, 0);
	return p;
}

void *
realloc(void *old, size_t size)
{
	void *p;

	REAL(realloc, void *, void *, size_t);
	if (FAILS(ALLOC))
		return NULL;
	spend(size);
	if ((p = real(old, size)) != NULL && old == NULL)
		blocks++;
	note(NULL, 0);
	return p;
}

int
posix_memalign(void **out, size_t alignment, size_t size)
{
	int saved = errno, rc;

	REAL(posix_memalign, int, void **, size_t, size_t);
	if (FAILS(ALLOC)) {
		rc = errno;
		errno = saved;
		return rc;
	}
	if ((rc = real(out, alignment, size)) == 0)
		blocks++;
	return rc;
}

void
free(void *p)
{
	REAL(free, void, void *);
	if (p == NULL || ((char *)p >= early && (char *)p < early + sizeof(early)))
		return;
	blocks--;
	if (!spared && p == last)
		given = last_size;
	real(p);
}

/* --- input and output; `error` 0 halves what is asked for --- */

#define SHORTENED(kind, len)                                                                       \
	if (FAILS(kind)) {                                                                         \
		if (errno != 0 || (len) < 2)                                                       \
			return -1;                                                                 \
		(len) /= 2;                                                                        \
	}

ssize_t
read(int fd, void *to, size_t len)
{
	REAL(read, ssize_t, int, void *, size_t);
	SHORTENED(READ, len);
	return real(fd, to, len);
}

ssize_t
pread(int fd, void *to, size_t len, off_t at)
{
	REAL(pread, ssize_t, int, void *, size_t, off_t);
	SHORTENED(PREAD, len);
	return real(fd, to, len, at);
}

ssize_t
recv(int fd, void *to, size_t len, int flags)
{
	REAL(recv, ssize_t, int, void *, size_t, int);
	SHORTENED(RECV, len);
	return real(fd, to, len, flags);
}

ssize_t
recvmsg(int fd, struct msghdr *msg, int flags)
{
	REAL(recvmsg, ssize_t, int, struct msghdr *, int);
	if (FAILS(RECV))
		return -1;
	return real(fd, msg, flags);
}

ssize_t
write(int fd, const void *from, size_t len)
{
	REAL(write, ssize_t, int, const void *, size_t);
	SHORTENED(WRITE, len);
	return real(fd, from, len);
}

ssize_t
pwrite(int fd, const void *from, size_t len, off_t at)
{
	REAL(pwrite, ssize_t, int, const void *, size_t, off_t);
	SHORTENED(PWRITE, len);
	return real(fd, from, len, at);
}

ssize_t
writev(int fd, const struct iovec *v, int n)
{
	struct iovec half;

	REAL(writev, ssize_t, int, const struct iovec *, int);
	if (FAILS(PWRITE)) {
		if (errno != 0)
			return -1;
		half = (struct iovec){v->iov_base, v->iov_len / 2};
		return real(fd, &half, 1);
	}
	return real(fd, v, n);
}

ssize_t
send(int fd, const void *from, size_t len, int flags)
{
	REAL(send, ssize_t, int, const void *, size_t, int);
	SHORTENED(SEND, len);
	return real(fd, from, len, flags);
}

ssize_t
sendmsg(int fd, const struct msghdr *msg, int flags)
{
	REAL(sendmsg, ssize_t, int, const struct msghdr *, int);
	if (FAILS(SEND))
		return -1;
	return real(fd, msg, flags);
}

/* --- all that return -1 --- */

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

/* Taking a descriptor out costs the kernel nothing: that does not fail. */
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
	return FAILS(OPEN) ? -1 : real_open(path, flags, mode);
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
	return real_mmap(at, len, prot, flags, fd, off);
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
	if (pid == 0) {
		own_depth++;
		own_pid = getpid();
	}
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
	if (control->pid == own_pid) {
		control->live = blocks;
		control->idle = 1;
	}
	n = real(epoll, events, max, timeout);
	if (control->pid == own_pid)
		control->idle = 0;
	return n;
}

int
clock_gettime(clockid_t clock, struct timespec *t)
{
	int rc;

	REAL(clock_gettime, int, clockid_t, struct timespec *);
	rc = real(clock, t);
	if (rc == 0 && clock == CLOCK_MONOTONIC) {
		int64_t ns = t->tv_nsec + control->clock_add;

		t->tv_sec += ns / 1000000000;
		t->tv_nsec = ns % 1000000000;
	}
	return rc;
}

/* --- stdio, whose own calls of write(2) nothing can come between --- */

size_t
fwrite(const void *from, size_t size, size_t n, FILE *f)
{
	REAL(fwrite, size_t, const void *, size_t, size_t, FILE *);
	return f != stderr && FAILS(STDIO) ? 0 : real(from, size, n, f);
}

int
fflush(FILE *f)
{
	REAL(fflush, int, FILE *);
	return FAILS(STDIO) ? EOF : real(f);
}

/* --- libraries that do not bear the lack of memory --- */

void *seccomp_init(uint32_t action);
void seccomp_release(void *filter);

/* Between these two a filter is made. */
void *
seccomp_init(uint32_t action)
{
	REAL(seccomp_init, void *, uint32_t);
	enter();
	return real(action);
}

void
seccomp_release(void *filter)
{
	REAL(seccomp_release, void, void *);
	real(filter);
	spared = false;
}

struct FCGX_Request;
int FCGX_Accept_r(struct FCGX_Request *r);
int
FCGX_Accept_r(struct FCGX_Request *r)
{
	int rc;

	REAL(FCGX_Accept_r, int, struct FCGX_Request *);
	enter();
	rc = real(r);
	spared = false;
	return rc;
}

struct json_object;
struct json_tokener;
struct json_object *json_tokener_parse_ex(struct json_tokener *t, const char *text, int len);
struct json_object *
json_tokener_parse_ex(struct json_tokener *t, const char *text, int len)
{
	struct json_object *tree;

	REAL(json_tokener_parse_ex, struct json_object *, struct json_tokener *, const char *, int);
	enter();
	tree = real(t, text, len);
	spared = false;
	return tree;
}
