/*
 * Input and output.  With `error` 0, a call that fails does half of what was
 * asked for.
 */
#include "control.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

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

/* --- stdio: its own calls of write(2) do not come by here --- */

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
