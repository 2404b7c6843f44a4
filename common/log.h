#ifndef COMMON_LOG_H
#define COMMON_LOG_H

/*
 * Diagnostics of our own programs: one line an event, a constant event name and typed fields. Text on a terminal, JSON
 * otherwise, always to stderr. Only the end of a flow and `main` log above debug level; library functions never log.
 * Never pass a secret or a token.
 *
 *     log_info("run.moved", F("run", id), F("to", name));
 */

#include "common/err.h"
#include "common/str.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

enum log_field_kind { LOG_FIELD_INT, LOG_FIELD_TEXT, LOG_FIELD_STR, LOG_FIELD_ERR, LOG_FIELD_BOOL };

struct log_field {
	const char *name;
	enum log_field_kind kind;
	union {
		long long number;
		const char *text;
		struct str str;
		const struct err *err;
	};
};

static inline struct log_field log_field_int(const char *name, long long number)
{
	return (struct log_field){.name = name, .kind = LOG_FIELD_INT, .number = number};
}
static inline struct log_field log_field_bool(const char *name, bool value)
{
	return (struct log_field){.name = name, .kind = LOG_FIELD_BOOL, .number = value};
}
static inline struct log_field log_field_text(const char *name, const char *text)
{
	return (struct log_field){.name = name, .kind = LOG_FIELD_TEXT, .text = text};
}
static inline struct log_field log_field_str(const char *name, struct str str)
{
	return (struct log_field){.name = name, .kind = LOG_FIELD_STR, .str = str};
}
static inline struct log_field log_field_err(const char *name, const struct err *err)
{
	return (struct log_field){.name = name, .kind = LOG_FIELD_ERR, .err = err};
}

#define F(name, value)                                                                                                 \
	_Generic((value),                                                                                              \
		char *: log_field_text,                                                                                \
		const char *: log_field_text,                                                                          \
		struct str: log_field_str,                                                                             \
		bool: log_field_bool,                                                                                  \
		struct err *: log_field_err,                                                                           \
		const struct err *: log_field_err,                                                                     \
		default: log_field_int)((name), (value))

#define log_at(level, event, ...) log_write((level), (event), (const struct log_field[]){__VA_ARGS__ __VA_OPT__(, ){0}})

#define log_debug(...)            log_at(LOG_DEBUG, __VA_ARGS__)
#define log_info(...)             log_at(LOG_INFO, __VA_ARGS__)
#define log_warn(...)             log_at(LOG_WARN, __VA_ARGS__)
#define log_error(...)            log_at(LOG_ERROR, __VA_ARGS__)

/* Lines below `level` are dropped. `program` stands in every line. Call once, from main. */
void log_init(const char *program, enum log_level level);
/* "debug", "info", "warn" or "error". */
bool log_level_parse(struct str name, enum log_level *ret);
void log_write(enum log_level level, const char *event, const struct log_field *fields);

#endif
