#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

#include "os/address.h"

/* Snapshots for the other subcommands, besides those of the workers. */
#define SPARE_SNAPSHOTS 16

enum kind { KIND_STRING, KIND_NUMBER, KIND_SIZE, KIND_OCTAL, KIND_CHOICE, KIND_FLAG };

struct option {
	const char *flag;     /* without the dashes */
	const char *variable; /* NULL: none */
	enum kind kind;
	unsigned commands; /* a set of enum command */
	size_t offset;	   /* in struct config */
	const char *value; /* default; NULL: none */
	uint64_t min, max; /* of the value, or of a string's length */
	const char *const *choices;
	const char *argument; /* its name in the help */
	const char *help;
};

static const char *const durabilities[] = {"none", "commit", NULL};
static const char *const levels[] = {"error", "warn", "info", "debug", NULL};
static const char *const switches[] = {"off", "on", NULL};
_Static_assert(STORE_VOLATILE == 0 && STORE_DURABLE == 1, "indexes of durabilities");
_Static_assert(LOG_LEVEL_ERROR == 0 && LOG_LEVEL_DEBUG == 3, "indexes of levels");
_Static_assert(SANDBOX_OFF == 0 && SANDBOX_ON == 1, "indexes of switches");

#define AT(member) offsetof(struct config, member)
#define STORE_COMMANDS                                                                             \
	(COMMAND_SERVE | COMMAND_DUMP | COMMAND_LOAD | COMMAND_BACKUP | COMMAND_VERIFY)

static const struct option options[] = {
    {"socket", "MARKBOOK_SOCKET", KIND_STRING, COMMAND_SERVE | COMMAND_HEALTH, AT(socket),
     "/run/markbook/markbook.sock", 1, 4096, NULL, "PATH|HOST:PORT",
     "FastCGI socket; serve prefers one that systemd or spawn-fcgi hands over"},
    {"socket-mode", "MARKBOOK_SOCKET_MODE", KIND_OCTAL, COMMAND_SERVE, AT(socket_mode), "0660", 0,
     0777, NULL, "OCTAL", "permissions of a unix socket"},
    {"workers", "MARKBOOK_WORKERS", KIND_NUMBER, COMMAND_SERVE, AT(workers), NULL, 1, 256, NULL,
     "N", "worker processes; without it, one for each processor"},
    {"store", "MARKBOOK_STORE", KIND_STRING, STORE_COMMANDS, AT(store.path), "/dev/shm/markbook", 1,
     3000, NULL, "DIR", "directory of the store"},
    {"store-size", "MARKBOOK_STORE_SIZE", KIND_SIZE, COMMAND_SERVE | COMMAND_LOAD, AT(store.size),
     "32M", (uint64_t)1 << 20, (uint64_t)1 << 40, NULL, "SIZE", "how large the store may get"},
    {"durability", "MARKBOOK_DURABILITY", KIND_CHOICE, COMMAND_SERVE | COMMAND_LOAD,
     AT(store.durability), "none", 0, 0, durabilities, "none|commit",
     "none: a write outlives any process; commit: power loss, too"},
    {"seed", "MARKBOOK_SEED", KIND_STRING, COMMAND_SERVE, AT(seed), NULL, 1, 4096, NULL, "FILE",
     "JSON file that fills a store which never held anything"},
    {"max-body", "MARKBOOK_MAX_BODY", KIND_SIZE, COMMAND_SERVE, AT(max_body), "1M", 1024, 64 << 20,
     NULL, "SIZE", "longest request body"},
    {"drain-timeout", "MARKBOOK_DRAIN_TIMEOUT", KIND_NUMBER, COMMAND_SERVE, AT(drain_timeout), "10",
     1, 300, NULL, "SECONDS", "how long requests under way may take at the end"},
    {"peer-timeout", "MARKBOOK_PEER_TIMEOUT", KIND_NUMBER, COMMAND_SERVE, AT(peer_timeout), "5", 1,
     300, NULL, "SECONDS", "how long a FastCGI peer may stall within a request"},
    {"log-level", "MARKBOOK_LOG_LEVEL", KIND_CHOICE, COMMAND_SERVE, AT(log_level), "info", 0, 0,
     levels, "LEVEL", "error, warn, info (a line for each request) or debug"},
    {"sandbox", "MARKBOOK_SANDBOX", KIND_CHOICE, COMMAND_SERVE, AT(sandbox), "on", 0, 0, switches,
     "on|off", "confine workers to what they need, as far as the kernel supports it"},
    {"no-sandbox", NULL, KIND_FLAG, COMMAND_SERVE, AT(no_sandbox), NULL, 0, 0, NULL, NULL,
     "--sandbox=off, for debugging"},
    {"check-config", NULL, KIND_FLAG, COMMAND_SERVE, AT(check_config), NULL, 0, 0, NULL, NULL,
     "check options and the files they name, print the values in force, exit"},
    {"http", NULL, KIND_STRING, COMMAND_HEALTH, AT(url), NULL, 1, 4096, NULL, "URL",
     "ask over HTTP; a URL without a path means /readyz"},
    {"timeout", NULL, KIND_NUMBER, COMMAND_HEALTH, AT(timeout), "3", 1, 60, NULL, "SECONDS",
     "how long to wait for the answer"},
    {"replace", NULL, KIND_FLAG, COMMAND_LOAD, AT(replace), NULL, 0, 0, NULL, NULL,
     "replace collections that exist already"},
    {"help", NULL, KIND_FLAG, ~0u, AT(help), NULL, 0, 0, NULL, NULL, "show this text"},
};

#define OPTION_COUNT (sizeof(options) / sizeof(options[0]))

/* Parse all of the text as a number in base 8 or 10, within bounds. */
static bool
parse_number(const char *text, int base, uint64_t min, uint64_t max, uint64_t *out)
{
	char *end;

	if (text[0] < '0' || text[0] > '9')
		return false;
	errno = 0;
	*out = strtoull(text, &end, base);
	return errno == 0 && *end == '\0' && *out >= min && *out <= max;
}

static bool
parse_size(const char *text, uint64_t min, uint64_t max, uint64_t *out)
{
	static const char suffixes[] = "KMGT";
	size_t len = strlen(text);
	char digits[24];
	const char *suffix = len > 1 ? strchr(suffixes, text[len - 1]) : NULL;
	unsigned shift = suffix == NULL ? 0 : 10 * (unsigned)(suffix - suffixes + 1);

	if (suffix != NULL)
		len--;
	if (len >= sizeof(digits))
		return false;
	memcpy(digits, text, len);
	digits[len] = '\0';
	if (!parse_number(digits, 10, 0, UINT64_MAX >> shift, out))
		return false;
	*out <<= shift;
	return *out >= min && *out <= max;
}

static bool
parse_choice(const char *text, const char *const *choices, unsigned *out)
{
	for (*out = 0; choices[*out] != NULL; (*out)++) {
		if (strcmp(text, choices[*out]) == 0)
			return true;
	}
	return false;
}

/*
 * Write a size with the largest unit that divides it.  The bounds in the table
 * are whole multiples of such a unit.
 */
static const char *
size_text(char *out, size_t size, uint64_t n)
{
	static const char units[] = "\0KMGT";
	unsigned unit = 0;

	while (n % 1024 == 0 && unit < sizeof(units) - 2) {
		n /= 1024;
		unit++;
	}
	snprintf(out, size, "%" PRIu64 "%.1s", n, &units[unit]);
	return out;
}

/*
 * Write "MIN to MAX" in the form of the option's values.  Returns false if the
 * option has no such bounds.
 */
static bool
range_text(char *out, size_t size, const struct option *o)
{
	char min[24], max[24];

	switch (o->kind) {
	case KIND_NUMBER:
		snprintf(out, size, "%" PRIu64 " to %" PRIu64, o->min, o->max);
		return true;
	case KIND_SIZE:
		snprintf(out, size, "%s to %s", size_text(min, sizeof(min), o->min),
			 size_text(max, sizeof(max), o->max));
		return true;
	case KIND_OCTAL:
		snprintf(out, size, "%" PRIo64 " to %" PRIo64, o->min, o->max);
		return true;
	default:
		return false;
	}
}

static void
say_allowed(const struct option *o)
{
	char range[64] = "";

	range_text(range, sizeof(range), o);
	switch (o->kind) {
	case KIND_NUMBER:
		fprintf(stderr, "a whole number from %s\n", range);
		break;
	case KIND_SIZE:
		fprintf(stderr, "a size from %s (bytes, or with K, M, G or T)\n", range);
		break;
	case KIND_OCTAL:
		fprintf(stderr, "an octal number from %s\n", range);
		break;
	case KIND_CHOICE:
		for (size_t i = 0; o->choices[i] != NULL; i++)
			fprintf(stderr, "%s%s", i == 0 ? "one of " : ", ", o->choices[i]);
		fprintf(stderr, "\n");
		break;
	default:
		fprintf(stderr, "a text of %" PRIu64 " to %" PRIu64 " bytes\n", o->min, o->max);
	}
}

/*
 * Set one option from text.  Returns false after a line on stderr, which names
 * the flag or variable: `source`, with `dashes` before it.
 */
static bool
set(struct config *c, const struct option *o, const char *name, const char *dashes,
    const char *source, const char *text)
{
	char *at = (char *)c + o->offset;
	uint64_t n = 0;
	unsigned choice = 0;
	bool good = false;

	switch (o->kind) {
	case KIND_STRING:
		good = strlen(text) >= o->min && strlen(text) <= o->max;
		memcpy(at, &text, sizeof(text));
		break;
	case KIND_NUMBER:
		good = parse_number(text, 10, o->min, o->max, &n);
		memcpy(at, &(unsigned){(unsigned)n}, sizeof(unsigned));
		break;
	case KIND_OCTAL:
		good = parse_number(text, 8, o->min, o->max, &n);
		memcpy(at, &(mode_t){(mode_t)n}, sizeof(mode_t));
		break;
	case KIND_SIZE:
		good = parse_size(text, o->min, o->max, &n);
		memcpy(at, &(size_t){(size_t)n}, sizeof(size_t));
		break;
	case KIND_CHOICE:
		good = parse_choice(text, o->choices, &choice);
		memcpy(at, &choice, sizeof(choice));
		break;
	case KIND_FLAG:
		good = true;
		memcpy(at, &(bool){true}, sizeof(bool));
		break;
	}
	if (!good) {
		fprintf(stderr, "markbook %s: %s%s: \"%s\" is not ", name, dashes, source, text);
		say_allowed(o);
	}
	return good;
}
_Static_assert(sizeof(enum log_level) == sizeof(unsigned), "choices are stored as unsigned");
_Static_assert(sizeof(enum store_durability) == sizeof(unsigned), "choices are stored as unsigned");
_Static_assert(sizeof(enum config_sandbox) == sizeof(unsigned), "choices are stored as unsigned");

static const struct option *
find_option(enum command command, const char *flag, size_t len)
{
	for (size_t i = 0; i < OPTION_COUNT; i++) {
		if ((options[i].commands & command) != 0 && strlen(options[i].flag) == len &&
		    memcmp(options[i].flag, flag, len) == 0)
			return &options[i];
	}
	return NULL;
}

/*
 * Parse --flag=value, --flag value, or a flag that takes no value.  Returns the
 * number of arguments used, or 0 after a line on stderr.
 */
static int
parse_flag(struct config *c, enum command command, const char *name, int left, char **argv)
{
	const char *flag = argv[0] + 2, *eq = strchr(flag, '=');
	size_t len = eq == NULL ? strlen(flag) : (size_t)(eq - flag);
	const struct option *o = find_option(command, flag, len);

	if (o == NULL) {
		fprintf(stderr, "markbook %s: unknown option %s; see markbook %s --help\n", name,
			argv[0], name);
		return 0;
	}
	if (o->kind == KIND_FLAG && eq != NULL) {
		fprintf(stderr, "markbook %s: --%s takes no value\n", name, o->flag);
		return 0;
	}
	if (o->kind == KIND_FLAG)
		return set(c, o, name, "--", o->flag, "") ? 1 : 0;
	if (eq == NULL && left < 2) {
		fprintf(stderr, "markbook %s: --%s takes a value: %s\n", name, o->flag,
			o->argument);
		return 0;
	}
	if (!set(c, o, name, "--", o->flag, eq != NULL ? eq + 1 : argv[1]))
		return 0;
	return eq != NULL ? 1 : 2;
}

static bool
parse_arguments(struct config *c, enum command command, const char *name, int argc, char **argv)
{
	bool takes_file = (command & (COMMAND_LOAD | COMMAND_BACKUP)) != 0;
	bool flags = true;

	for (int i = 0; i < argc;) {
		if (flags && strcmp(argv[i], "--") == 0) {
			flags = false;
			i++;
		} else if (flags && strcmp(argv[i], "-h") == 0) {
			c->help = true;
			i++;
		} else if (flags && argv[i][0] == '-' && argv[i][1] == '-') {
			int took = parse_flag(c, command, name, argc - i, argv + i);

			if (took == 0)
				return false;
			i += took;
		} else if (flags && argv[i][0] == '-' && argv[i][1] != '\0') {
			fprintf(stderr, "markbook %s: unknown option %s; see markbook %s --help\n",
				name, argv[i], name);
			return false;
		} else if (takes_file && c->file == NULL) {
			c->file = argv[i++];
		} else {
			fprintf(stderr,
				"markbook %s: unexpected argument %s; see markbook %s --help\n",
				name, argv[i], name);
			return false;
		}
	}
	if (takes_file && c->file == NULL && !c->help) {
		fprintf(stderr, "markbook %s: which file? See markbook %s --help\n", name, name);
		return false;
	}
	return true;
}

/* Returns how many sockets systemd passed to this process, sd_listen_fds(3). */
static int
inherited_sockets(void)
{
	const char *pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS");
	uint64_t n = 0;

	if (pid == NULL || fds == NULL || !parse_number(pid, 10, 1, INT32_MAX, &n) ||
	    n != (uint64_t)getpid() || !parse_number(fds, 10, 0, 1024, &n))
		return 0;
	return (int)n;
}

/*
 * Warn of a variable that may be misspelt.  It is no error, because the
 * environment may hold variables for other programs.
 */
static void
tell_unknown_variables(const char *name)
{
	static const char prefix[] = "MARKBOOK_";

	for (char **v = environ; *v != NULL; v++) {
		size_t len = strcspn(*v, "="), i = 0;

		if (strncmp(*v, prefix, sizeof(prefix) - 1) != 0)
			continue;
		while (i < OPTION_COUNT &&
		       (options[i].variable == NULL || strlen(options[i].variable) != len ||
			memcmp(options[i].variable, *v, len) != 0))
			i++;
		if (i == OPTION_COUNT)
			fprintf(stderr,
				"markbook %s: %.*s is none of its variables; see markbook %s "
				"--help\n",
				name, (int)len, *v, name);
	}
}

bool
config_parse(struct config *out, enum command command, const char *name, int argc, char **argv)
{
	long processors = sysconf(_SC_NPROCESSORS_ONLN);

	*out = (struct config){.workers = processors < 1     ? 1
					  : processors > 256 ? 256
							     : (unsigned)processors,
			       .listen_fds = inherited_sockets()};
	for (size_t i = 0; i < OPTION_COUNT; i++) {
		const struct option *o = &options[i];
		const char *value = o->variable == NULL ? NULL : getenv(o->variable);

		if ((o->commands & command) == 0)
			continue;
		if (o->value != NULL && !set(out, o, name, "--", o->flag, o->value))
			return false;
		if (value != NULL && !set(out, o, name, "", o->variable, value))
			return false;
	}
	if (!parse_arguments(out, command, name, argc, argv))
		return false;
	if (command == COMMAND_SERVE)
		tell_unknown_variables(name);
	if (out->no_sandbox)
		out->sandbox = SANDBOX_OFF;
	if (out->socket != NULL && !address_is_valid(out->socket)) {
		fprintf(
		    stderr,
		    "markbook %s: --socket: \"%s\" is not a path of at most 107 bytes or HOST:PORT "
		    "with a port from 1 to 65535\n",
		    name, out->socket);
		return false;
	}
	/* A worker and its replacement run at the same time. */
	out->store.max_snapshots = 2 * out->workers * (1 + STORE_KEPT_MAX) + SPARE_SNAPSHOTS;
	return true;
}

static const char *
operands(enum command command)
{
	return command == COMMAND_LOAD ? " FILE|-" : command == COMMAND_BACKUP ? " FILE" : "";
}

/* Write the bounds, default and variable of an option as one line of help. */
static void
help_value(FILE *f, const struct option *o)
{
	char range[64] = "";
	const char *between = range_text(range, sizeof(range), o) ? "; " : "";

	if (range[0] == '\0' && o->value == NULL && o->variable == NULL)
		return;
	fprintf(f, "  %-28s  %s", "", range);
	if (o->value != NULL) {
		fprintf(f, "%sdefault: %s", between, o->value);
		between = "; ";
	}
	if (o->variable != NULL)
		fprintf(f, "%senvironment: %s", between, o->variable);
	fprintf(f, "\n");
}

void
config_help(FILE *f, enum command command, const char *name)
{
	fprintf(f, "Usage: markbook %s [options]%s\n\n", name, operands(command));
	for (size_t i = 0; i < OPTION_COUNT; i++) {
		const struct option *o = &options[i];
		char left[64];

		if ((o->commands & command) == 0)
			continue;
		snprintf(left, sizeof(left), "--%s%s%s", o->flag, o->argument == NULL ? "" : "=",
			 o->argument == NULL ? "" : o->argument);
		fprintf(f, "  %-28s  %s\n", left, o->help);
		help_value(f, o);
	}
}

void
config_print(FILE *f, const struct config *config, enum command command)
{
	for (size_t i = 0; i < OPTION_COUNT; i++) {
		const struct option *o = &options[i];
		const char *at = (const char *)config + o->offset, *text;
		unsigned n;
		size_t size;

		if ((o->commands & command) == 0 || o->kind == KIND_FLAG)
			continue;
		memcpy(&n, at, sizeof(n));
		memcpy(&size, at, o->kind == KIND_SIZE ? sizeof(size) : 0);
		memcpy(&text, at, o->kind == KIND_STRING ? sizeof(text) : 0);
		fprintf(f, "%s=", o->flag);
		if (o->kind == KIND_STRING)
			fprintf(f, "%s\n", text == NULL ? "" : text);
		else if (o->kind == KIND_SIZE)
			fprintf(f, "%zu\n", size);
		else if (o->kind == KIND_OCTAL)
			fprintf(f, "%04o\n", n);
		else if (o->kind == KIND_CHOICE)
			fprintf(f, "%s\n", o->choices[n]);
		else
			fprintf(f, "%u\n", n);
	}
}
