#include "common/log.h"

#include "common/buf.h"
#include "common/clock.h"

#include <jansson.h>
#include <string.h>
#include <unistd.h>

static const char *const level_names[] = {"debug", "info", "warn", "error"};

static struct {
	const char *program;
	enum log_level level;
	bool is_text;
} settings = {.program = "penstock", .level = LOG_INFO, .is_text = true};

void log_init(const char *program, enum log_level level)
{
	settings.program = program;
	settings.level = level;
	settings.is_text = isatty(STDERR_FILENO) == 1;
}

bool log_level_parse(struct str name, enum log_level *ret)
{
	for (size_t i = 0; i < sizeof level_names / sizeof level_names[0]; i++) {
		if (str_is(name, level_names[i])) {
			*ret = (enum log_level)i;
			return true;
		}
	}
	return false;
}

static struct str field_text(const struct log_field *field)
{
	switch (field->kind) {
	case LOG_FIELD_TEXT:
		return str_of(field->text);
	case LOG_FIELD_STR:
		return field->str;
	case LOG_FIELD_ERR:
		return str_of(field->err->text);
	case LOG_FIELD_BOOL:
		return field->number ? STR("true") : STR("false");
	case LOG_FIELD_INT:
		break;
	}
	return (struct str){0};
}

static void add_text_line(struct buf *line, enum log_level level, const char *event, const struct log_field *field)
{
	char when[CLOCK_TEXT_BYTES];
	clock_format(clock_wall_us(), when);
	buf_addf(line, "%.8s %-5s %s", when + 11, level_names[level], event);
	for (; field->name; field++) {
		if (field->kind == LOG_FIELD_INT) {
			buf_addf(line, " %s=%lld", field->name, field->number);
			continue;
		}
		struct str text = field_text(field);
		bool is_plain = text.n && !memchr(text.p, ' ', text.n) && !memchr(text.p, '\n', text.n);
		buf_addf(line, is_plain ? " %s=%.*s" : " %s=\"%.*s\"", field->name, STR_ARG(text));
	}
	for (size_t i = 0; i < line->n; i++)
		if ((unsigned char)line->p[i] < 0x20)
			line->p[i] = ' ';
}

static void add_json_line(struct buf *line, enum log_level level, const char *event, const struct log_field *field)
{
	char when[CLOCK_TEXT_BYTES];
	clock_format(clock_wall_us(), when);
	json_t *object = json_pack("{s:s, s:s, s:s, s:s, s:i}", "at", when, "level", level_names[level], "program",
		settings.program, "event", event, "pid", (int)getpid());
	for (; field->name; field++) {
		struct str text = field_text(field);
		json_t *value = field->kind == LOG_FIELD_INT    ? json_integer(field->number)
				: field->kind == LOG_FIELD_BOOL ? json_boolean(field->number)
								: json_stringn(text.p ? text.p : "", text.n);
		json_object_set_new(object, field->name, value ? value : json_string("(not UTF-8)"));
	}
	char *text = json_dumps(object, JSON_COMPACT);
	buf_add_c(line, text ? text : "{}");
	free(text);
	json_decref(object);
}

void log_write(enum log_level level, const char *event, const struct log_field *fields)
{
	if (level < settings.level)
		return;
	auto_buf line = BUF_INIT(64 * 1024);
	if (settings.is_text)
		add_text_line(&line, level, event, fields);
	else
		add_json_line(&line, level, event, fields);
	buf_add_char(&line, '\n');
	/* One write a line, so that lines of several processes on one stream do not mix. */
	if (write(STDERR_FILENO, line.p, line.n) < 0)
		return;
}
