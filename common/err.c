#include "common/err.h"

#include "common/str.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *name;
	int http_status;
	int exit_code;
	bool is_retryable;
} kinds[ERR_KIND_COUNT] = {
#define X(kind, name, http, exit, retry) [kind] = {name, http, exit, retry},
	ERR_KINDS(X)
#undef X
};

/* A text that did not fit is cut between two characters, or it could not be sent as JSON. */
static void end_text(struct err *err)
{
	err->text[str_whole_chars(str_of(err->text)).n] = 0;
}

__attribute__((format(printf, 2, 0))) static void set_text(struct err *err, const char *format, va_list args)
{
	if (vsnprintf(err->text, sizeof err->text, format, args) < 0)
		snprintf(err->text, sizeof err->text, "%s", format);
	end_text(err);
}

bool(err_set)(struct err *err, enum err_kind kind, const char *format, ...)
{
	if (!err)
		return false;
	va_list args;
	va_start(args, format);
	err->kind = kind;
	err->os = 0;
	set_text(err, format, args);
	va_end(args);
	return false;
}

bool(err_errno)(struct err *err, const char *format, ...)
{
	int os = errno;
	if (!err)
		return false;
	va_list args;
	va_start(args, format);
	err->kind = ERR_SYSTEM;
	err->os = os;
	set_text(err, format, args);
	va_end(args);
	size_t used = strlen(err->text);
	snprintf(err->text + used, sizeof err->text - used, ": %s", strerror(os));
	end_text(err);
	return false;
}

bool(err_wrap)(struct err *err, const char *format, ...)
{
	if (!err)
		return false;
	char inner[sizeof err->text];
	memcpy(inner, err->text, sizeof inner);
	va_list args;
	va_start(args, format);
	set_text(err, format, args);
	va_end(args);
	size_t used = strlen(err->text);
	snprintf(err->text + used, sizeof err->text - used, ": %s", inner);
	end_text(err);
	return false;
}

const char *err_kind_name(enum err_kind kind)
{
	return kinds[kind].name;
}

int err_http_status(enum err_kind kind)
{
	return kinds[kind].http_status;
}

int err_exit_code(enum err_kind kind)
{
	return kinds[kind].exit_code;
}

bool err_is_retryable(enum err_kind kind)
{
	return kinds[kind].is_retryable;
}

void err_bug(const char *file, int line, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	fprintf(stderr, "BUG at %s:%d: ", file, line);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
	abort();
}
