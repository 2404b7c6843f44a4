#ifndef COMMON_ERR_H
#define COMMON_ERR_H

/*
 * The one way a function fails. Every fallible function ends in a `struct err *`, returns false and leaves its outputs
 * untouched when it fails; `err` then says what, where and the way out. Outer layers add context with err_wrap(), so a
 * message reads from the outside in: "lease 42: renew: timed out". A NULL err is allowed and means "I only want to
 * know whether it worked".
 */

#include <stdbool.h>
#include <stddef.h>

/* kind, name, HTTP status, exit code, retryable. The only place where a status or an exit code is picked. */
#define ERR_KINDS(X)                                                                                                   \
	X(ERR_NONE, "none", 200, 0, false)                                                                             \
	X(ERR_INVALID, "invalid", 400, 2, false)                                                                       \
	X(ERR_UNAUTHENTICATED, "unauthenticated", 401, 3, false)                                                       \
	X(ERR_DENIED, "denied", 403, 3, false)                                                                         \
	X(ERR_NOT_FOUND, "not_found", 404, 2, false)                                                                   \
	X(ERR_CONFLICT, "conflict", 409, 1, true)                                                                      \
	X(ERR_TOO_LARGE, "too_large", 413, 2, false)                                                                   \
	X(ERR_UNSUPPORTED, "unsupported", 422, 2, false)                                                               \
	X(ERR_LIMITED, "limited", 429, 3, true)                                                                        \
	X(ERR_BUSY, "busy", 503, 5, true)                                                                              \
	X(ERR_TIMEOUT, "timeout", 504, 5, true)                                                                        \
	X(ERR_UPSTREAM, "upstream", 502, 5, true)                                                                      \
	X(ERR_SYSTEM, "system", 500, 1, false)                                                                         \
	X(ERR_BUG, "bug", 500, 1, false)

enum err_kind {
#define X(kind, name, http, exit, retry) kind,
	ERR_KINDS(X)
#undef X
		ERR_KIND_COUNT
};

struct err {
	enum err_kind kind;
	int os; /* errno, or 0 */
	char text[480];
};

/* Each of these sets *err and returns false, so that a caller can write `return err_set(err, ...)`. */
bool err_set(struct err *err, enum err_kind kind, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* Kind ERR_SYSTEM, with errno's text appended. */
bool err_errno(struct err *err, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Puts "context: " in front of the text, keeps the kind. */
bool err_wrap(struct err *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The same three, saying in each caller that the value is false: a compiler that cannot look into err.c would otherwise
 * take what follows a failure for a use of outputs that nobody set. */
static inline bool err_false(bool always)
{
	(void)always;
	return false;
}
#define err_set(...)   err_false((err_set)(__VA_ARGS__))
#define err_errno(...) err_false((err_errno)(__VA_ARGS__))
#define err_wrap(...)  err_false((err_wrap)(__VA_ARGS__))

const char *err_kind_name(enum err_kind kind);
int err_http_status(enum err_kind kind);
int err_exit_code(enum err_kind kind);
bool err_is_retryable(enum err_kind kind);

/* A broken invariant: prints the place and aborts, in release builds too. */
#define BUG(...) err_bug(__FILE__, __LINE__, __VA_ARGS__)
#define BUG_ON(condition)                                                                                              \
	do {                                                                                                           \
		if (condition)                                                                                         \
			BUG("%s", #condition);                                                                         \
	} while (0)
_Noreturn void err_bug(const char *file, int line, const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif
