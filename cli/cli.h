#ifndef CLI_CLI_H
#define CLI_CLI_H

/*
 * What every command of `penstock` is: a row of one table (commands.c), which makes dispatch, help, completion and
 * docs/cli.md, and a function that gets the parsed command line. A function returns an exit code, or CLI_FAILED with
 * err filled in; main then prints the sentence and picks the exit code of its kind.
 */

#include "common/arena.h"
#include "common/buf.h"
#include "common/err.h"
#include "common/mem.h"

enum cli_exit {
	CLI_FAILED = -1, /* err says why; never leaves the program as it is */
	CLI_OK = 0,
	CLI_RUN_FAILED = 1,
	CLI_USAGE = 2,
	CLI_DENIED = 3,
	CLI_WAITING = 4,
	CLI_UNREACHABLE = 5,
	CLI_INTERRUPTED = 130,
};

struct cli;

struct cli_flag {
	const char *name;  /* "wait" is --wait */
	const char *value; /* what stands behind it in help: "PORT"; NULL: a switch */
	const char *help;  /* one sentence, without a full stop */
	/* Separated by blanks: what completion offers. */
	const char *choices;
};

struct cli_command {
	const char *name;      /* "repo add": one or two words */
	const char *arguments; /* "NAME URL [PATH...]", "" for none: brackets are optional, dots may repeat */
	const char *help;      /* one sentence */
	const char *details;   /* further paragraphs, or NULL */
	const struct cli_flag *flags;
	int (*run)(struct cli *cli, struct err *err);
};

enum { CLI_FLAGS_MAX = 64, TEXT_MAX = 64 << 20 };

struct cli_value {
	const struct cli_flag *flag;
	const char *value; /* "" for a switch */
};

struct cli {
	const struct cli_command *command;
	const char **arguments; /* NULL-terminated */
	size_t argument_count;
	struct cli_value values[CLI_FLAGS_MAX];
	size_t value_count;
	bool is_json;
	bool has_color; /* of stdout */
	bool is_live;   /* stdout is a terminal whose lines can be drawn again, and for people */
	struct arena arena;
};

extern const struct cli_command cli_commands[]; /* ends with a NULL name */
extern const struct cli_flag cli_common_flags[];

/* NULL when it was not given; "" for a switch that was. The last one counts. */
const char *cli_flag(const struct cli *cli, const char *name);
bool cli_has(const struct cli *cli, const char *name);
/* All values of a flag that may be repeated, NULL-terminated. */
const char *const *cli_flag_all(struct cli *cli, const char *name);
bool cli_number(const struct cli *cli, const char *name, int64_t min, int64_t max, int64_t *io_value, struct err *err);
/* The n-th argument, or NULL. */
const char *cli_argument(const struct cli *cli, size_t n);

/* The absolute path of the running program. */
bool cli_self(struct arena *arena, const char **ret_path, struct err *err);

#endif
