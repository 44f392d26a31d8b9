/*
 * The program markbook: find the subcommand, parse its options and run it.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "config.h"
#include "content/transfer.h"
#include "content/verify.h"
#include "health.h"
#include "os/listen.h"
#include "os/memory.h"
#include "store/store.h"
#include "supervisor/supervisor.h"

#define EXIT_USAGE 2

struct subcommand {
	const char *name;
	enum command command;
	int (*run)(const struct config *config);
	const char *help;
};

static int
main_fail(const char *name, const struct problem *why)
{
	fprintf(stderr, "markbook %s: %s\n", name, why->detail);
	return EXIT_FAILURE;
}

/* Check the files that the options name, without creating any of them. */
static int
check_files(const struct config *config)
{
	struct problem why = {""};

	if (store_foresee(&config->store, &why) != ST_OK ||
	    listen_foresee(config->listen_fds, config->socket, &why) != ST_OK ||
	    (config->seed != NULL && transfer_seed(NULL, config->seed, &why) != ST_OK))
		return main_fail("serve", &why);
	return EXIT_SUCCESS;
}

static int
run_serve(const struct config *config)
{
	struct log log;

	if (config->check_config) {
		config_print(stdout, config, COMMAND_SERVE);
		return check_files(config);
	}
	log_init(&log, STDERR_FILENO, config->log_level);
	return supervisor_run(config, &log);
}

static int
run_health(const struct config *config)
{
	struct problem why = {""};
	enum status st = config->url != NULL
			     ? health_http(config->url, config->timeout, &why)
			     : health_fastcgi(config->socket, config->timeout, &why);

	if (st == ST_BAD_REQUEST) {
		main_fail("health", &why);
		return EXIT_USAGE;
	}
	return st == ST_OK ? EXIT_SUCCESS : main_fail("health", &why);
}

/* Check the store before it is opened: a damaged one could end the process. */
static enum status
open_existing(struct store **store, const struct config *config, struct problem *why)
{
	bool there;
	enum status st = store_verify(&config->store, &there, why);

	return st == ST_OK ? store_open(store, &config->store, why) : st;
}

static int
run_dump(const struct config *config)
{
	struct problem why = {""};
	struct store *store;
	enum status st = open_existing(&store, config, &why);

	if (st == ST_OK) {
		st = transfer_dump(store, stdout, &why);
		store_close(store);
	}
	return st == ST_OK ? EXIT_SUCCESS : main_fail("dump", &why);
}

/* Load into the existing store, which keeps its size, or into a new one. */
static int
run_load(const struct config *config)
{
	struct problem why = {""};
	bool there, fresh;
	int hold;
	enum status st = store_verify(&config->store, &there, &why);

	if (st == ST_OK && !there) {
		st = store_prepare(&config->store, &fresh, &hold, &why);
		close(hold);
	}
	if (st == ST_OK)
		st = transfer_load_file(&config->store, config->file, config->replace, &why);
	return st == ST_OK ? EXIT_SUCCESS : main_fail("load", &why);
}

static int
run_backup(const struct config *config)
{
	struct problem why = {""};
	struct store *store;
	enum status st = open_existing(&store, config, &why);

	if (st == ST_OK) {
		st = store_backup(store, config->file, &why);
		store_close(store);
	}
	return st == ST_OK ? EXIT_SUCCESS : main_fail("backup", &why);
}

static int
run_verify(const struct config *config)
{
	struct problem why = {""};
	struct store_stats counted;
	struct store *store;
	enum status st = open_existing(&store, config, &why);

	if (st == ST_OK) {
		st = verify_content(store, &counted, &why);
		store_close(store);
	}
	if (st != ST_OK)
		return main_fail("verify", &why);
	printf("store %s: sound; collections: %" PRIu64 ", records: %" PRIu64 ", revision: %" PRIu64
	       "\n",
	       config->store.path, counted.collections, counted.records, counted.revision);
	return EXIT_SUCCESS;
}

static int
run_version(const struct config *config)
{
	(void)config;
	printf("markbook %s\n", MARKBOOK_VERSION);
	return EXIT_SUCCESS;
}

static const struct subcommand subcommands[] = {
    {"serve", COMMAND_SERVE, run_serve, "serve collections over FastCGI"},
    {"health", COMMAND_HEALTH, run_health, "ask a running service whether it is ready"},
    {"dump", COMMAND_DUMP, run_dump, "write the whole store as JSON"},
    {"load", COMMAND_LOAD, run_load, "load JSON as dump writes it"},
    {"backup", COMMAND_BACKUP, run_backup, "copy the store to a file, while it is served"},
    {"verify", COMMAND_VERIFY, run_verify, "check a whole store, also while it is served"},
    {"version", COMMAND_VERSION, run_version, "show the version"},
};

static void
usage(FILE *f)
{
	fprintf(f, "Usage: markbook COMMAND [options]\n\n");
	for (size_t i = 0; i < sizeof(subcommands) / sizeof(subcommands[0]); i++)
		fprintf(f, "  %-10s%s\n", subcommands[i].name, subcommands[i].help);
	fprintf(f, "\nEach takes --help.\n");
}

/* Open the standard descriptors, so that no later file gets one of them. */
static void
fill_standard_descriptors(void)
{
	int fd;

	do {
		fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	} while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

int
main(int argc, char **argv)
{
	struct config config;
	struct slice name = slice_str(argc > 1 ? argv[1] : "");

	memory_init();
	fill_standard_descriptors();
	signal(SIGPIPE, SIG_IGN);
	if (slice_eq(name, SLICE("--help")) || slice_eq(name, SLICE("-h"))) {
		usage(stdout);
		return EXIT_SUCCESS;
	}
	if (slice_eq(name, SLICE("--version")))
		return run_version(NULL);
	for (size_t i = 0; i < sizeof(subcommands) / sizeof(subcommands[0]); i++) {
		const struct subcommand *s = &subcommands[i];

		if (!slice_eq(name, slice_str(s->name)))
			continue;
		if (!config_parse(&config, s->command, s->name, argc - 2, argv + 2))
			return EXIT_USAGE;
		if (config.help) {
			config_help(stdout, s->command, s->name);
			return EXIT_SUCCESS;
		}
		return s->run(&config);
	}
	if (argc > 1)
		fprintf(stderr, "markbook: unknown command %s; see markbook --help\n", argv[1]);
	else
		fprintf(stderr, "markbook: which command? See markbook --help\n");
	return EXIT_USAGE;
}
