#include "shim.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct record_log *shim_log;

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
	shim_log = map;
}

__attribute__((constructor)) static void
start(void)
{
	const char *file = getenv("POWERLOSS_LOG");

	if (file != NULL)
		attach(file);
}

void
shim_lock(void)
{
	if (pthread_mutex_lock(&shim_log->lock) == EOWNERDEAD)
		pthread_mutex_consistent(&shim_log->lock);
}

void
shim_unlock(void)
{
	pthread_mutex_unlock(&shim_log->lock);
}

void
shim_append(struct record r, const void *data)
{
	size_t bytes = (sizeof(r) + r.length + 7) & ~(size_t)7;
	char *to = (char *)shim_log + shim_log->used;

	if (shim_log->used + bytes > shim_log->capacity) {
		fprintf(stderr, "powerloss: the log is full\n");
		abort();
	}
	memcpy(to, &r, sizeof(r));
	if (r.length > 0)
		memcpy(to + sizeof(r), data, r.length);
	shim_log->used += bytes;
}

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
	shim_log->magic = RECORD_MAGIC;
	shim_log->capacity = capacity;
	shim_log->used = RECORD_HEAD_BYTES_OF_LOG;
	shim_log->root_inode = sb.st_ino;
	if (realpath(root, shim_log->root) == NULL)
		return -1;
	pthread_mutexattr_init(&attributes);
	pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
	pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
	return pthread_mutex_init(&shim_log->lock, &attributes);
}

void
shim_unknown(const char *what)
{
	shim_append((struct record){.kind = RECORD_UNKNOWN, .length = strlen(what)}, what);
}

void
powerloss_note(const void *data, size_t len)
{
	shim_lock();
	shim_append((struct record){.kind = RECORD_NOTE, .length = len}, data);
	shim_unlock();
}
