#ifndef COMMON_CONFIG_H
#define COMMON_CONFIG_H

/*
 * The settings of a program from one table: defaults, then the file of --config, then the environment, then flags, each
 * over the one before. The table also makes --help and the tables of docs/configuration.md. Pure but for reading the
 * file. What is read lives in the given arena and holds still from then on.
 *
 * In the file: lines "key = value", blank lines, and lines that begin with "#". The value is the rest of the line
 * without the blanks around it, so that a "#" inside of a password belongs to it. An unknown or repeated key is an
 * error that says file and line, and suggests. In the environment: the prefix and the key in capitals (unknown ones are
 * passed over: container systems make up their own), or what the row says. As a flag: --key-with-dashes VALUE or
 * --key=VALUE; a CONFIG_BOOL also without a value, and as --no-key.
 *
 *     static const struct config_row rows[] = {
 *             CONFIG(struct settings, listen_port, CONFIG_NUMBER, "7070", "the port of the web UI and the API",
 *                     .min = 0, .max = 65535),
 *             CONFIG_END,
 *     };
 */

#include "common/arena.h"
#include "common/buf.h"
#include "common/err.h"

enum config_kind {
	CONFIG_TEXT,     /* struct str */
	CONFIG_NUMBER,   /* int64_t, from min to max when they differ */
	CONFIG_BOOL,     /* bool: true, false, yes, no, on, off */
	CONFIG_DURATION, /* int64_t milliseconds, "90s"; min and max as in CONFIG_NUMBER */
	CONFIG_SIZE,     /* int64_t bytes, "512MiB"; min and max as in CONFIG_NUMBER */
	CONFIG_CHOICE,   /* an enum; `choices` maps its values, NULL-terminated */
	CONFIG_LIST,     /* struct str_list, separated by commas; empty parts are left out */
};

enum {
	CONFIG_REQUIRED = 1, /* an error when it is set nowhere */
	CONFIG_SECRET = 2,   /* refused as a flag, which every account can read; never quoted in an error */
};

struct config_row {
	const char *name; /* "listen_port" */
	enum config_kind kind;
	size_t offset;
	const char *fallback;    /* as text; NULL leaves the field as config_load() found it */
	const char *help;        /* one sentence, without a full stop */
	const char *environment; /* when it is not the prefix and the name: "DATABASE_URL" */
	const char *const *choices;
	int64_t min, max;
	unsigned flags;
};

#define CONFIG(type, member, kind_, fallback_, help_, ...)                                                             \
	{                                                                                                              \
		.name = #member, .kind = (kind_), .offset = offsetof(type, member), .fallback = (fallback_),           \
		.help = (help_), __VA_ARGS__                                                                           \
	}
#define CONFIG_END                                                                                                     \
	{                                                                                                              \
		.name = NULL                                                                                           \
	}

struct config {
	const char *program; /* "penstock-server" */
	const char *summary; /* one sentence, for --help */
	const char *prefix;  /* "PENSTOCK_SERVER_" */
	const struct config_row *rows;
};

/* argv as main got it; environment as environ. */
struct config_sources {
	const char *const *argv;
	const char *const *environment;
};

enum config_wish { CONFIG_RUN, CONFIG_SHOW_HELP, CONFIG_SHOW_VERSION };

/* Fills *out. With --help or --version nothing else is looked at. Errors are ERR_INVALID, or ERR_NOT_FOUND for a file
 * that is missing. *out may be partly filled on failure. */
bool config_load(const struct config *config, const struct config_sources *sources, void *out, struct arena *arena,
	enum config_wish *ret_wish, struct err *err);

void config_write_help(const struct config *config, struct buf *to);
/* A Markdown table: key, environment, default, meaning. */
void config_write_markdown(const struct config *config, struct buf *to);

#endif
