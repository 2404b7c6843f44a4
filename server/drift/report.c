#include "server/drift/report.h"

#include "common/buf.h"
#include "common/expr.h"
#include "common/json.h"

static void unknown(struct report *ret, struct str problem)
{
	*ret = (struct report){.version = STR(""), .problem = problem};
}

static bool body_of(void *arg, struct str name, struct arena *arena, struct expr_value *ret, struct err *err)
{
	if (!str_is(name, "body"))
		return err_set(err, ERR_INVALID, "unknown name \"%.*s\"", STR_ARG(name));
	*ret = expr_of_json(arg, arena);
	return true;
}

static bool evaluate(struct str expression, json_t *body, struct str *ret, struct arena *arena, struct err *err)
{
	const struct expr_scope scope = {.arg = body, .name = body_of};
	const struct expr *expr;
	struct expr_value value;
	size_t at;
	if (!expr_parse(expression, arena, &expr, &at, err) || !expr_eval(expr, &scope, arena, &value, err))
		return false;
	*ret = expr_to_text(&value, arena);
	return true;
}

/* A name that a version can have: it is shown, and compared byte for byte. */
static bool is_sound(struct str version)
{
	for (size_t i = 0; i < version.n; i++)
		if ((unsigned char)version.p[i] < ' ' || version.p[i] == 0x7f)
			return false;
	return version.n <= REPORT_VERSION_BYTES_MAX && str_is_utf8(version);
}

void report_read(struct str expression, int status, struct str body, struct report *ret, struct arena *arena)
{
	struct str version = body;
	struct err err = {0};
	if (status < 200 || status > 299) {
		unknown(ret, arena_printf(arena, "it answers with %d", status));
		return;
	}
	if (expression.n) {
		json_t *json = json_loadb(body.p ? body.p : "", body.n, JSON_DECODE_ANY, NULL);
		bool ok = json && evaluate(expression, json, &version, arena, &err);
		if (!ok)
			unknown(ret, json ? arena_printf(arena, "\"version\" fails on its answer: %s", err.text)
					  : STR("its answer is no JSON"));
		json_decref(json);
		if (!ok)
			return;
	}
	version = str_trim(version);
	if (version.n == 0)
		unknown(ret, STR("its answer names no version"));
	else if (!is_sound(version))
		unknown(ret, STR("its answer is no name of a version: more than one line, or too long"));
	else
		*ret = (struct report){.version = arena_str(arena, version), .problem = STR("")};
}

struct str report_address(struct str url, struct str service, struct arena *arena)
{
	static const char hex[] = "0123456789ABCDEF";
	static const struct str mark = {"{service}", 9};
	auto_buf to = BUF_INIT(64 * 1024);
	size_t at;
	while (str_find(url, mark, &at)) {
		buf_add_str(&to, str_head(url, at));
		for (size_t i = 0; i < service.n; i++) {
			unsigned char c = (unsigned char)service.p[i];
			bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
					c == '-' || c == '_' || c == '.';
			if (is_plain)
				buf_add_char(&to, (char)c);
			else
				buf_addf(&to, "%%%c%c", hex[c >> 4], hex[c & 15]);
		}
		url = str_skip(url, at + mark.n);
	}
	buf_add_str(&to, url);
	return arena_str(arena, buf_str(&to));
}
