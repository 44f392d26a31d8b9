#include "control.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static struct control nothing = {.depth = -2};
struct control *inject_control = &nothing;
static int own_depth;
static pid_t own_pid;

void *(*inject_real_mmap)(void *, size_t, int, int, int, off_t);
int (*inject_real_open)(const char *, int, ...);

__attribute__((constructor)) static void
begin(void)
{
	const char *path = getenv("INJECT_CONTROL");
	void *at;
	int fd;

	*(void **)&inject_real_mmap = dlsym(RTLD_NEXT, "mmap");
	*(void **)&inject_real_open = dlsym(RTLD_NEXT, "open");
	own_pid = getpid();
	fd = path == NULL ? -1 : inject_real_open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return;
	at = inject_real_mmap(NULL, sizeof(*inject_control), PROT_READ | PROT_WRITE, MAP_SHARED, fd,
			      0);
	close(fd);
	if (at != MAP_FAILED)
		inject_control = at;
}

static bool
is_chosen(void)
{
	int32_t pid = inject_control->pid;

	return pid != 0 ? pid == own_pid
			: inject_control->depth == -1 || inject_control->depth == own_depth;
}

bool
inject_fails(enum kind kind, const void *caller)
{
	uint64_t n, at = inject_control->at;
	Dl_info info;

	if (!(inject_control->kinds & (1u << kind)) || !is_chosen())
		return false;
	if (kind == ALLOC && inject_is_spared() && inject_control->spare)
		return false;
	n = atomic_fetch_add(&inject_control->count, 1) + 1;
	if (at == 0 || n < at || n - at >= inject_control->row)
		return false;
	if (atomic_fetch_add(&inject_control->failed, 1) == 0 && dladdr(caller, &info) != 0) {
		const char *slash = strrchr(info.dli_fname, '/');

		snprintf(inject_control->where, sizeof(inject_control->where), "%.30s+0x%lx",
			 slash == NULL ? info.dli_fname : slash + 1,
			 (unsigned long)((uintptr_t)caller - (uintptr_t)info.dli_fbase));
	}
	errno = inject_control->error;
	return true;
}

bool
inject_is_target(void)
{
	return inject_control->pid == own_pid;
}

void
inject_forked(void)
{
	own_depth++;
	own_pid = getpid();
}
