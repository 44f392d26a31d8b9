/*
 * Configuration: one table of options for all subcommands.
 *
 * Each option has a flag, and most have an environment variable, a default and
 * bounds.  The flag takes precedence over the variable, and the variable over
 * the default.  A value out of bounds is reported with the name of the flag or
 * variable, the value, and what is allowed.  Nothing else in the program reads
 * the environment.
 */
#ifndef MARKBOOK_CONFIG_H
#define MARKBOOK_CONFIG_H

#include <stdio.h>
#include <sys/types.h>

#include "base/log.h"
#include "store/store.h"

enum command {
	COMMAND_SERVE = 1,
	COMMAND_HEALTH = 2,
	COMMAND_DUMP = 4,
	COMMAND_LOAD = 8,
	COMMAND_BACKUP = 16,
	COMMAND_VERSION = 32,
	COMMAND_VERIFY = 64
};

enum config_sandbox { SANDBOX_OFF, SANDBOX_ON };

struct config {
	const char *socket; /* a path, or HOST:PORT */
	mode_t socket_mode;
	unsigned workers;
	struct store_options store;
	const char *seed;	/* NULL: none */
	size_t max_body;	/* bytes */
	unsigned drain_timeout; /* seconds */
	unsigned peer_timeout;	/* seconds */
	enum log_level log_level;
	enum config_sandbox sandbox;
	const char *url;  /* for health; NULL: ask the socket */
	unsigned timeout; /* seconds */
	const char *file; /* the operand of load and backup */
	bool replace;
	bool check_config;
	bool no_sandbox; /* sets sandbox to SANDBOX_OFF */
	bool help;
	int listen_fds; /* how many systemd passed, sd_listen_fds(3) */
};

/*
 * Fill `out` from the table, the environment, and the arguments after the
 * subcommand.  `name` is the subcommand's, for messages.  Returns false after
 * one line on stderr; the exit status should then be 2.  The strings in `out`
 * are borrowed from argv and the environment.
 */
bool config_parse(struct config *out, enum command command, const char *name, int argc,
		  char **argv);

/* Write the help text of one subcommand: its usage and its options. */
void config_help(FILE *f, enum command command, const char *name);

/* Write the values in force, one option=value a line; flags are left out. */
void config_print(FILE *f, const struct config *config, enum command command);

#endif
