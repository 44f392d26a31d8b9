/*
 * Preloaded into a program, records what it does to the files below one directory (record.h).
 *
 * POWERLOSS_LOG names the log, which powerloss_create made.  An operation that changes a file and
 * that is not recorded here would go unseen: the checker compares the files that it rebuilt with
 * the real ones to see that there was none.
 */
#include "record.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define DESCRIPTORS 4096
#define SENT_MAX 1024

enum watched { NOT_WATCHED, WATCHED, WATCHED_SYNCED };

static struct record_log *rec;
static unsigned char watched[DESCRIPTORS];

/* The next definition of a function that this library defines. */
#define REAL(name) ((__typeof__(&(name)))dlsym(RTLD_NEXT, #name))

static void
attach(const char *file)
{
	struct stat sb;
	int fd = open(file, O_RDWR | O_CLOEXEC);
	void *map = MAP_FAILED;

	if (fd >= 0 && fstat(fd, &sb) == 0)
		map = mmap(NULL, (size_t)sb.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED) {
		fprintf(stderr, "powerloss: %s: %s\n", file, strerror(errno));
		abort();
	}
	close(fd);
	rec = map;
}

__attribute__((constructor)) static void
start(void)
{
	const char *file = getenv("POWERLOSS_LOG");

	if (file != NULL)
		attach(file);
}

static void
lock(void)
{
	if (pthread_mutex_lock(&rec->lock) == EOWNERDEAD)
		pthread_mutex_consistent(&rec->lock);
}

static void
unlock(void)
{
	pthread_mutex_unlock(&rec->lock);
}

/* With the lock held.  errno is kept. */
static void
append(struct record r, const void *data)
{
	size_t bytes = (sizeof(r) + r.length + 7) & ~(size_t)7;
	char *to = (char *)rec + rec->used;

	if (rec->used + bytes > rec->capacity) {
		fprintf(stderr, "powerloss: the log is full\n");
		abort();
	}
	memcpy(to, &r, sizeof(r));
	if (r.length > 0)
		memcpy(to + sizeof(r), data, r.length);
	rec->used += bytes;
}

/* --- for the driver --- */

int powerloss_create(const char *file, const char *root, uint64_t capacity);
void powerloss_note(const void *data, size_t len);

int
powerloss_create(const char *file, const char *root, uint64_t capacity)
{
	pthread_mutexattr_t attributes;
	struct stat sb;
	int fd = open(file, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0 || ftruncate(fd, (off_t)capacity) != 0 || stat(root, &sb) != 0)
		return -1;
	close(fd);
	attach(file);
	rec->magic = RECORD_MAGIC;
	rec->capacity = capacity;
	rec->used = RECORD_HEAD_BYTES_OF_LOG;
	rec->root_inode = sb.st_ino;
	if (realpath(root, rec->root) == NULL)
		return -1;
	pthread_mutexattr_init(&attributes);
	pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
	pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
	return pthread_mutex_init(&rec->lock, &attributes);
}

void
powerloss_note(const void *data, size_t len)
{
	lock();
	append((struct record){.kind = RECORD_NOTE, .length = len}, data);
	unlock();
}

/* --- names --- */

static bool
is_below_root(const char *path)
{
	char whole[PATH_MAX];
	size_t n = strlen(rec->root);

	return realpath(path, whole) != NULL && strncmp(whole, rec->root, n) == 0 &&
	       (whole[n] == '/' || whole[n] == '\0');
}

/* The directory that holds `path`, and the name in it: false where that is not below the root. */
static bool
locate(const char *path, uint64_t *parent, char name[NAME_MAX + 1])
{
	char copy[PATH_MAX];
	struct stat sb;
	const char *dir;

	if (rec == NULL || strlen(path) >= sizeof(copy))
		return false;
	snprintf(name, NAME_MAX + 1, "%s", basename(strcpy(copy, path)));
	dir = dirname(strcpy(copy, path));
	if (!is_below_root(dir) || stat(dir, &sb) != 0)
		return false;
	*parent = sb.st_ino;
	return true;
}

static uint64_t
inode_at(const char *path)
{
	struct stat sb;

	return lstat(path, &sb) == 0 ? sb.st_ino : 0;
}

static uint64_t
inode_of(int fd)
{
	struct stat sb;

	return fstat(fd, &sb) == 0 ? sb.st_ino : 0;
}

static bool
is_watched(int fd)
{
	return rec != NULL && fd >= 0 && fd < DESCRIPTORS && watched[fd] != NOT_WATCHED;
}

static void
watch(int fd, int flags)
{
	if (fd < DESCRIPTORS)
		watched[fd] = (flags & (O_DSYNC | O_SYNC)) != 0 ? WATCHED_SYNCED : WATCHED;
	else
		abort();
}

static void
unknown(const char *what)
{
	append((struct record){.kind = RECORD_UNKNOWN, .length = strlen(what)}, what);
}

/* With the lock held, after a descriptor was opened. */
static void
opened(int fd, const char *path, int flags, bool was_there)
{
	char name[NAME_MAX + 1];
	uint64_t parent;

	if (!is_below_root(path))
		return;
	watch(fd, flags);
	if (!was_there && locate(path, &parent, name))
		append((struct record){.kind = RECORD_CREATE,
				       .inode = inode_of(fd),
				       .parent = parent,
				       .length = strlen(name)},
		       name);
	else if ((flags & O_TRUNC) != 0)
		append((struct record){.kind = RECORD_TRUNCATE, .inode = inode_of(fd)}, NULL);
}

/* The C library's headers have reserved names for what these take. */
// NOLINTBEGIN(readability-inconsistent-declaration-parameter-name)

static int
open_it(int (*real)(const char *, int, ...), const char *path, int flags, mode_t mode)
{
	bool was_there;
	int fd, error;

	if (rec == NULL)
		return real(path, flags, mode);
	lock();
	was_there = inode_at(path) != 0;
	fd = real(path, flags, mode);
	error = errno;
	if (fd >= 0)
		opened(fd, path, flags, was_there);
	unlock();
	errno = error;
	return fd;
}

static mode_t
mode_of(int flags, va_list more)
{
	return (flags & O_CREAT) != 0 ? (mode_t)va_arg(more, int) : 0;
}

int
open(const char *path, int flags, ...)
{
	va_list more;
	mode_t mode;

	va_start(more, flags);
	mode = mode_of(flags, more);
	va_end(more);
	return open_it(REAL(open), path, flags, mode);
}

int
open64(const char *path, int flags, ...)
{
	va_list more;
	mode_t mode;

	va_start(more, flags);
	mode = mode_of(flags, more);
	va_end(more);
	return open_it(REAL(open64), path, flags, mode);
}

int
mkostemp(char *path, int flags)
{
	int fd, error;

	if (rec == NULL)
		return REAL(mkostemp)(path, flags);
	lock();
	fd = REAL(mkostemp)(path, flags);
	error = errno;
	if (fd >= 0)
		opened(fd, path, flags, false);
	unlock();
	errno = error;
	return fd;
}

int
close(int fd)
{
	if (fd >= 0 && fd < DESCRIPTORS)
		watched[fd] = NOT_WATCHED;
	return REAL(close)(fd);
}

int
dup2(int from, int to)
{
	if (from >= 0 && from < DESCRIPTORS && to >= 0 && to < DESCRIPTORS)
		watched[to] = watched[from];
	return REAL(dup2)(from, to);
}

/* --- directories --- */

int
mkdir(const char *path, mode_t mode)
{
	struct record r = {.kind = RECORD_MKDIR};
	char name[NAME_MAX + 1];
	int rc;

	if (!locate(path, &r.parent, name))
		return REAL(mkdir)(path, mode);
	lock();
	if ((rc = REAL(mkdir)(path, mode)) == 0) {
		r.inode = inode_at(path);
		r.length = strlen(name);
		append(r, name);
	}
	unlock();
	return rc;
}

int
unlink(const char *path)
{
	struct record r = {.kind = RECORD_UNLINK};
	char name[NAME_MAX + 1];
	int rc;

	if (!locate(path, &r.parent, name))
		return REAL(unlink)(path);
	lock();
	if ((rc = REAL(unlink)(path)) == 0) {
		r.length = strlen(name);
		append(r, name);
	}
	unlock();
	return rc;
}

int
link(const char *from, const char *to)
{
	struct record r = {.kind = RECORD_LINK};
	char name[NAME_MAX + 1];
	int rc;

	if (!locate(to, &r.parent, name))
		return REAL(link)(from, to);
	lock();
	if ((rc = REAL(link)(from, to)) == 0) {
		r.inode = inode_at(to);
		r.length = strlen(name);
		append(r, name);
	}
	unlock();
	return rc;
}

int
rename(const char *from, const char *to)
{
	struct record r = {.kind = RECORD_RENAME};
	char names[2 * (NAME_MAX + 1)], name[NAME_MAX + 1];
	int rc;

	if (!locate(from, &r.parent, names) || !locate(to, &r.offset, name))
		return REAL(rename)(from, to);
	lock();
	if ((rc = REAL(rename)(from, to)) == 0) {
		r.length = strlen(names) + 1 + strlen(name);
		strcpy(names + strlen(names) + 1, name);
		append(r, names);
	}
	unlock();
	return rc;
}

/* --- content --- */

/* With the lock held, after `done` bytes of these pieces were written. */
static void
written(int fd, const struct iovec *v, int n, off_t at, ssize_t done)
{
	struct record r = {.kind = RECORD_WRITE,
			   .synced = watched[fd] == WATCHED_SYNCED,
			   .inode = inode_of(fd),
			   .offset = (uint64_t)at};

	/* The checker may keep any piece of a call and drop the others. */
	for (int i = 0; i < n && done > 0; i++, r.offset += r.length) {
		r.length = v[i].iov_len < (size_t)done ? v[i].iov_len : (size_t)done;
		done -= (ssize_t)r.length;
		append(r, v[i].iov_base);
	}
}

/* Where write(2) puts it. */
static off_t
position(int fd)
{
	struct stat sb;

	if ((fcntl(fd, F_GETFL) & O_APPEND) != 0 && fstat(fd, &sb) == 0)
		return sb.st_size;
	return lseek(fd, 0, SEEK_CUR);
}

static void
note_answer(int fd, const void *data, size_t len)
{
	static const char head[] = {1, 6}; /* FastCGI's version and FCGI_STDOUT */
	struct stat sb;

	if (rec == NULL || len < sizeof(head) || memcmp(data, head, sizeof(head)) != 0 ||
	    fstat(fd, &sb) != 0 || !S_ISSOCK(sb.st_mode))
		return;
	lock();
	append((struct record){.kind = RECORD_SENT, .length = len < SENT_MAX ? len : SENT_MAX},
	       data);
	unlock();
}

ssize_t
write(int fd, const void *data, size_t len)
{
	struct iovec v = {.iov_len = len};
	ssize_t n;
	off_t at;

	memcpy(&v.iov_base, &data, sizeof(data));
	if (!is_watched(fd)) {
		note_answer(fd, data, len);
		return REAL(write)(fd, data, len);
	}
	lock();
	at = position(fd);
	n = REAL(write)(fd, data, len);
	written(fd, &v, 1, at, n);
	unlock();
	return n;
}

ssize_t
writev(int fd, const struct iovec *v, int count)
{
	ssize_t n;
	off_t at;

	if (!is_watched(fd)) {
		if (count > 0)
			note_answer(fd, v[0].iov_base, v[0].iov_len);
		return REAL(writev)(fd, v, count);
	}
	lock();
	at = position(fd);
	n = REAL(writev)(fd, v, count);
	written(fd, v, count, at, n);
	unlock();
	return n;
}

ssize_t
send(int fd, const void *data, size_t len, int flags)
{
	note_answer(fd, data, len);
	return REAL(send)(fd, data, len, flags);
}

ssize_t
sendmsg(int fd, const struct msghdr *m, int flags)
{
	if (m->msg_iovlen > 0)
		note_answer(fd, m->msg_iov[0].iov_base, m->msg_iov[0].iov_len);
	return REAL(sendmsg)(fd, m, flags);
}

ssize_t
pwrite(int fd, const void *data, size_t len, off_t at)
{
	struct iovec v = {.iov_len = len};
	ssize_t n;

	if (!is_watched(fd))
		return REAL(pwrite)(fd, data, len, at);
	memcpy(&v.iov_base, &data, sizeof(data));
	lock();
	n = REAL(pwrite)(fd, data, len, at);
	written(fd, &v, 1, at, n);
	unlock();
	return n;
}

ssize_t
pwrite64(int fd, const void *data, size_t len, off_t at)
{
	return pwrite(fd, data, len, at);
}

ssize_t
pwritev(int fd, const struct iovec *v, int count, off_t at)
{
	ssize_t n;

	if (!is_watched(fd))
		return REAL(pwritev)(fd, v, count, at);
	lock();
	n = REAL(pwritev)(fd, v, count, at);
	written(fd, v, count, at, n);
	unlock();
	return n;
}

ssize_t
pwritev64(int fd, const struct iovec *v, int count, off_t at)
{
	return pwritev(fd, v, count, at);
}

int
ftruncate(int fd, off_t length)
{
	int rc;

	if (!is_watched(fd))
		return REAL(ftruncate)(fd, length);
	lock();
	if ((rc = REAL(ftruncate)(fd, length)) == 0)
		append((struct record){.kind = RECORD_TRUNCATE,
				       .inode = inode_of(fd),
				       .offset = (uint64_t)length},
		       NULL);
	unlock();
	return rc;
}

int
ftruncate64(int fd, off_t length)
{
	return ftruncate(fd, length);
}

static int
sync_it(int (*real)(int), int fd)
{
	int rc;

	if (!is_watched(fd))
		return real(fd);
	lock();
	if ((rc = real(fd)) == 0)
		append((struct record){.kind = RECORD_SYNC, .inode = inode_of(fd)}, NULL);
	unlock();
	return rc;
}

int
fsync(int fd)
{
	return sync_it(REAL(fsync), fd);
}

int
fdatasync(int fd)
{
	return sync_it(REAL(fdatasync), fd);
}

/* --- what would change a file unseen --- */

/* LMDB's lock file holds nothing that has to outlive the processes. */
static bool
is_lock_file(int fd)
{
	char link_name[64], target[PATH_MAX];
	ssize_t n;

	snprintf(link_name, sizeof(link_name), "/proc/self/fd/%d", fd);
	n = readlink(link_name, target, sizeof(target) - 1);
	return n > 9 && memcmp(target + n - 9, "/lock.mdb", 9) == 0;
}

void *
mmap(void *at, size_t len, int protection, int flags, int fd, off_t offset)
{
	if (is_watched(fd) && (protection & PROT_WRITE) != 0 && (flags & MAP_SHARED) != 0 &&
	    !is_lock_file(fd)) {
		lock();
		unknown("a writable mapping");
		unlock();
	}
	return REAL(mmap)(at, len, protection, flags, fd, offset);
}

int
fallocate(int fd, int mode, off_t at, off_t len)
{
	if (is_watched(fd)) {
		lock();
		unknown("fallocate");
		unlock();
	}
	return REAL(fallocate)(fd, mode, at, len);
}

int
posix_fallocate(int fd, off_t at, off_t len)
{
	if (is_watched(fd)) {
		lock();
		unknown("posix_fallocate");
		unlock();
	}
	return REAL(posix_fallocate)(fd, at, len);
}

// NOLINTEND(readability-inconsistent-declaration-parameter-name)
