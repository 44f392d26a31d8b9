#include "fastcgi.h"

#include <fcntl.h>
#include <ftw.h>
#include <sched.h>
#include <signal.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "os/handover.h"

#define LEAVE_WAIT_MS 20

struct world world;

static int
remove_entry(const char *path, const struct stat *sb, int flag, struct FTW *ftw)
{
	(void)sb;
	(void)flag;
	(void)ftw;
	return remove(path);
}

static void
remove_directory(void)
{
	nftw(world.dir, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

static void
listen_anew(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	unlink(world.address.sun_path);
	must(fd >= 0);
	must(bind(fd, (const struct sockaddr *)&world.address, sizeof(world.address)) == 0);
	must(listen(fd, 64) == 0);
	world.options.listener = fd;
}

static void *
worker_main(void *unused)
{
	static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP};
	sigset_t set;

	/*
	 * The timers of libFuzzer must not interrupt this thread: no signal
	 * interrupts a worker.
	 */
	sigfillset(&set);
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
		sigdelset(&set, faults[i]);
	pthread_sigmask(SIG_SETMASK, &set, NULL);
	must(server_run(&world.options) == EXIT_SUCCESS);
	return unused;
}

static void
start_worker(void)
{
	struct metrics_slot *slot = &world.options.metrics->slot[0];

	/* A worker that drains closes it. */
	if (fcntl(world.options.listener, F_GETFD) < 0)
		listen_anew();
	atomic_store(&slot->state, WORKER_STARTING);
	must(pthread_create(&world.worker, NULL, worker_main, NULL) == 0);
	while (atomic_load(&slot->state) != WORKER_READY)
		sched_yield();
	world.leaving = false;
}

bool
worker_replace(unsigned ms)
{
	struct timespec deadline;
	long ns;

	clock_gettime(CLOCK_REALTIME, &deadline);
	ns = deadline.tv_nsec + (long)(ms % 1000) * 1000000;
	deadline.tv_sec += (time_t)(ms / 1000) + ns / 1000000000;
	deadline.tv_nsec = ns % 1000000000;
	if (pthread_timedjoin_np(world.worker, NULL, &deadline) != 0)
		return false;
	start_worker();
	return true;
}

/* The signalfd of the thread reads it as it reads one to a worker process. */
void
worker_tell(int signo)
{
	if (world.leaving)
		return;
	must(pthread_kill(world.worker, signo) == 0);
	world.leaving = true;
	/*
	 * The next worker takes what this one has handed over.  A peer that
	 * stalls may keep it.
	 */
	if (signo == SIGUSR2)
		worker_replace(LEAVE_WAIT_MS);
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	const char *tmp = getenv("TMPDIR");
	struct problem why = {""};
	bool fresh;
	int hold;
	sigset_t set;

	(void)argc;
	(void)argv;
	/*
	 * A worker tells its supervisor with it that it is ready; libFuzzer
	 * uses it, too.
	 */
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	if (tmp == NULL || strlen(tmp) > 30)
		tmp = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
	snprintf(world.dir, sizeof(world.dir), "%s/markbook-XXXXXX", tmp);
	must(mkdtemp(world.dir) != NULL);
	atexit(remove_directory);
	snprintf(world.path, sizeof(world.path), "%s/store", world.dir);
	world.address.sun_family = AF_UNIX;
	snprintf(world.address.sun_path, sizeof(world.address.sun_path), "%s/s", world.dir);
	log_init(&world.log, open("/dev/null", O_WRONLY | O_CLOEXEC), LOG_LEVEL_DEBUG);
	world.options = (struct server_options){
	    .parent = getpid(),
	    .listener = -1,
	    .metrics = metrics_create(1),
	    .log = &world.log,
	    .max_body = 16384,
	    /*
	     * No peer stalls for so long: only its leaving ends its connection.
	     */
	    .peer_timeout = 2 * LIFE_SECONDS,
	    .drain_timeout = LIFE_SECONDS,
	    .store = {.path = world.path, .size = (size_t)2 << 20, .max_snapshots = 8}};
	must(world.options.metrics != NULL && handover_pair(world.options.handover));
	must(store_prepare(&world.options.store, &fresh, &hold, &why) == ST_OK);
	for (size_t i = 0; i < PEERS; i++)
		world.peers[i].fd = -1;
	start_worker();
	return 0;
}
