#include "shim.h"

#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define SENT_MAX 1024

/* With the lock held: `done` bytes of these pieces are written. */
static void
written(int fd, const struct iovec *v, int n, off_t at, ssize_t done)
{
	struct record r = {.kind = RECORD_WRITE,
			   .synced = shim_is_synced(fd),
			   .inode = shim_inode_of(fd),
			   .offset = (uint64_t)at};

	/*
	 * A record a piece: the checker may keep any of them and drop the
	 * others.
	 */
	for (int i = 0; i < n && done > 0; i++, r.offset += r.length) {
		r.length = v[i].iov_len < (size_t)done ? v[i].iov_len : (size_t)done;
		done -= (ssize_t)r.length;
		shim_append(r, v[i].iov_base);
	}
}

/* The place where write(2) puts its data. */
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

	if (shim_log == NULL || len < sizeof(head) || memcmp(data, head, sizeof(head)) != 0 ||
	    fstat(fd, &sb) != 0 || !S_ISSOCK(sb.st_mode))
		return;
	shim_lock();
	shim_append((struct record){.kind = RECORD_SENT, .length = len < SENT_MAX ? len : SENT_MAX},
		    data);
	shim_unlock();
}

ssize_t
write(int fd, const void *data, size_t len)
{
	struct iovec v = {.iov_len = len};
	ssize_t n;
	off_t at;

	memcpy(&v.iov_base, &data, sizeof(data));
	if (!shim_is_watched(fd)) {
		note_answer(fd, data, len);
		return REAL(write)(fd, data, len);
	}
	shim_lock();
	at = position(fd);
	n = REAL(write)(fd, data, len);
	written(fd, &v, 1, at, n);
	shim_unlock();
	return n;
}

ssize_t
writev(int fd, const struct iovec *v, int count)
{
	ssize_t n;
	off_t at;

	if (!shim_is_watched(fd)) {
		if (count > 0)
			note_answer(fd, v[0].iov_base, v[0].iov_len);
		return REAL(writev)(fd, v, count);
	}
	shim_lock();
	at = position(fd);
	n = REAL(writev)(fd, v, count);
	written(fd, v, count, at, n);
	shim_unlock();
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

	if (!shim_is_watched(fd))
		return REAL(pwrite)(fd, data, len, at);
	memcpy(&v.iov_base, &data, sizeof(data));
	shim_lock();
	n = REAL(pwrite)(fd, data, len, at);
	written(fd, &v, 1, at, n);
	shim_unlock();
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

	if (!shim_is_watched(fd))
		return REAL(pwritev)(fd, v, count, at);
	shim_lock();
	n = REAL(pwritev)(fd, v, count, at);
	written(fd, v, count, at, n);
	shim_unlock();
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

	if (!shim_is_watched(fd))
		return REAL(ftruncate)(fd, length);
	shim_lock();
	if ((rc = REAL(ftruncate)(fd, length)) == 0)
		shim_append((struct record){.kind = RECORD_TRUNCATE,
					    .inode = shim_inode_of(fd),
					    .offset = (uint64_t)length},
			    NULL);
	shim_unlock();
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

	if (!shim_is_watched(fd))
		return real(fd);
	shim_lock();
	if ((rc = real(fd)) == 0)
		shim_append((struct record){.kind = RECORD_SYNC, .inode = shim_inode_of(fd)}, NULL);
	shim_unlock();
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
