/*
 * What a worker in its sandbox cannot do to files and to code.
 */
#include "sandbox_fixture.h"

#include <sys/personality.h>
#include <sys/shm.h>
#include <sys/syscall.h>

/* --- files --- */

#if !SANDBOX_SANITIZED
/* Without Landlock seccomp refuses it, as all opening. */
static int
opened(const char *path, int flags)
{
	return open(path, flags | O_CLOEXEC, 0600);
}

static int
read_etc_passwd(struct worker *w)
{
	(void)w;
	return opened("/etc/passwd", O_RDONLY);
}

static int
write_outside(struct worker *w)
{
	return opened(w->outside, O_WRONLY);
}

static int
truncate_outside(struct worker *w)
{
	return opened(w->outside, O_WRONLY | O_TRUNC);
}

static int
leave_by_dots(struct worker *w)
{
	return opened(w->up, O_RDONLY);
}

static int
leave_by_a_link(struct worker *w)
{
	return opened(w->link, O_RDONLY);
}

static int
leave_by_proc(struct worker *w)
{
	(void)w;
	return opened("/proc/self/mem", O_RDWR);
}

static int
make_a_file_in_tmp(struct worker *w)
{
	(void)w;
	return opened("/tmp", O_WRONLY | O_TMPFILE);
}

static int
make_a_file_in_the_store(struct worker *w)
{
	char path[100];

	snprintf(path, sizeof(path), "%s/new", w->f->path);
	return opened(path, O_WRONLY | O_CREAT);
}

static int
list_the_store(struct worker *w)
{
	return opened(w->f->path, O_RDONLY | O_DIRECTORY);
}

static int
change_how_it_is_traced(struct worker *w)
{
	(void)w;
	return prctl(PR_SET_DUMPABLE, 1);
}

static int
outlive_the_supervisor(struct worker *w)
{
	(void)w;
	return prctl(PR_SET_PDEATHSIG, 0);
}

static int
raise_its_limits(struct worker *w)
{
	struct rlimit limit;

	(void)w;
	return (int)syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, NULL, &limit);
}

static int
control_a_device(struct worker *w)
{
	int n;

	return (int)syscall(SYS_ioctl, w->peer, 0x541B /* FIONREAD */, &n);
}
#endif

static int
remove_the_store(struct worker *w)
{
	return unlink(w->f->data);
}

static int
rename_the_store(struct worker *w)
{
	return rename(w->f->data, w->outside);
}

static int
link_the_store(struct worker *w)
{
	char path[120];

	snprintf(path, sizeof(path), "%s.link", w->outside);
	unlink(path);
	return link(w->f->data, path);
}

static int
make_a_directory(struct worker *w)
{
	char path[120];

	snprintf(path, sizeof(path), "%s.d", w->outside);
	return mkdir(path, 0700);
}

static int
truncate_by_path(struct worker *w)
{
	return truncate(w->outside, 0);
}

static int
change_permissions(struct worker *w)
{
	return chmod(w->f->data, 0600);
}

static int
change_directory(struct worker *w)
{
	(void)w;
	return chdir("/");
}

static int
change_root(struct worker *w)
{
	(void)w;
	return chroot("/");
}

static int
open_by_handle(struct worker *w)
{
	(void)w;
	return (int)syscall(SYS_open_by_handle_at, -1, NULL, O_RDONLY);
}

static int
share_memory(struct worker *w)
{
	int id = shmget(IPC_PRIVATE, 4096, 0600);

	(void)w;
	if (id >= 0)
		shmctl(id, IPC_RMID, NULL);
	return id;
}

static int
make_a_file_in_memory(struct worker *w)
{
	(void)w;
	return memfd_create("new", MFD_CLOEXEC);
}

/* --- code --- */

static int
map(int fd, int prot)
{
	int flags = fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_PRIVATE;

	return mmap(NULL, 4096, prot, flags, fd, 0) == MAP_FAILED ? -1 : 0;
}

static int
map_memory_as_code(struct worker *w)
{
	(void)w;
	return map(-1, PROT_READ | PROT_EXEC);
}

static int
map_writable_code(struct worker *w)
{
	(void)w;
	return map(-1, PROT_READ | PROT_WRITE | PROT_EXEC);
}

static int
map_a_file_as_code(struct worker *w)
{
	return map(w->memfd, PROT_READ | PROT_EXEC);
}

static int
make_data_code(struct worker *w)
{
	void *data = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)w;
	return mprotect(data, 4096, PROT_READ | PROT_EXEC);
}

static int
make_data_code_by_another_call(struct worker *w)
{
	void *data = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)w;
	return (int)syscall(SYS_pkey_mprotect, data, 4096, PROT_READ | PROT_EXEC, -1);
}

static int
make_all_data_code(struct worker *w)
{
	(void)w;
	return personality(0xffffffff);
}

static const struct CMUnitTest tests[] = {
#if !SANDBOX_SANITIZED
    REFUSED(read_etc_passwd),	     REFUSED(write_outside),
    REFUSED(truncate_outside),	     REFUSED(leave_by_dots),
    REFUSED(leave_by_a_link),	     REFUSED(leave_by_proc),
    REFUSED(make_a_file_in_tmp),     REFUSED(make_a_file_in_the_store),
    REFUSED(list_the_store),	     REFUSED(change_how_it_is_traced),
    REFUSED(outlive_the_supervisor), REFUSED(raise_its_limits),
    REFUSED(control_a_device),
#endif
    REFUSED(remove_the_store),	     REFUSED(rename_the_store),
    REFUSED(link_the_store),	     REFUSED(make_a_directory),
    REFUSED(truncate_by_path),	     REFUSED(change_permissions),
    REFUSED(change_directory),	     DEADLY(change_root),
    DEADLY(open_by_handle),	     REFUSED(share_memory),
    REFUSED(make_a_file_in_memory),  REFUSED(map_memory_as_code),
    REFUSED(map_writable_code),	     REFUSED(map_a_file_as_code),
    REFUSED(make_data_code),	     REFUSED(make_data_code_by_another_call),
    DEADLY(make_all_data_code),
};

int
main(void)
{
	return cmocka_run_group_tests(tests, ignore_ready, NULL);
}
