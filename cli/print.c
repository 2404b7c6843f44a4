#include "cli/print.h"

#include "common/clock.h"

#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

enum { MINUTE_S = 60, HOUR_S = 3600, DAY_S = 86400 };

void print_json(const json_t *json)
{
	json_dumpf(json, stdout, JSON_INDENT(2));
	putchar('\n');
}

const char *print_colour(const struct cli *cli, const char *state)
{
	static const struct {
		const char *state, *colour;
	} colours[] = {{"succeeded", "\033[32m"}, {"failed", "\033[31m"}, {"lost", "\033[31m"}, {"running", "\033[34m"},
		{"leased", "\033[34m"}, {"waiting", "\033[33m"}, {"gated", "\033[33m"}, {"cancelled", "\033[35m"},
		{"with warnings", "\033[33m"}};
	for (size_t i = 0; cli->has_color && i < COUNT_OF(colours); i++)
		if (strcmp(colours[i].state, state) == 0)
			return colours[i].colour;
	return "";
}

const char *print_plain(const struct cli *cli)
{
	return cli->has_color ? "\033[0m" : "";
}

const char *print_text(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));
	return text ? text : "";
}

const char *print_run_state(const json_t *run)
{
	const char *state = print_text(run, "state");
	bool is_plain = strcmp(state, "succeeded") != 0 || !json_is_true(json_object_get(run, "has_warnings"));
	return is_plain ? state : "with warnings";
}

int64_t print_number(const json_t *object, const char *name)
{
	return json_integer_value(json_object_get(object, name));
}

/* 0 where there is none. */
static int64_t time_of(const json_t *object, const char *name)
{
	int64_t when_us = 0;
	clock_parse(str_of(print_text(object, name)), &when_us);
	return when_us;
}

void print_ago(char to[static PRINT_TIME_BYTES], const json_t *object, const char *name)
{
	int64_t when_us = time_of(object, name);
	int64_t seconds = (clock_wall_us() - when_us) / US_PER_SECOND;
	long long shown = seconds > 0 ? seconds : 0; /* the server's clock may be ahead */
	if (when_us == 0)
		snprintf(to, PRINT_TIME_BYTES, "-");
	else if (shown < MINUTE_S)
		snprintf(to, PRINT_TIME_BYTES, "%llds ago", shown);
	else if (shown < HOUR_S)
		snprintf(to, PRINT_TIME_BYTES, "%lldm ago", shown / MINUTE_S);
	else if (shown < DAY_S)
		snprintf(to, PRINT_TIME_BYTES, "%lldh ago", shown / HOUR_S);
	else
		snprintf(to, PRINT_TIME_BYTES, "%lldd ago", shown / DAY_S);
}

bool print_moment(char to[static PRINT_TIME_BYTES], const json_t *object, const char *name)
{
	_Static_assert((int)PRINT_TIME_BYTES >= (int)CLOCK_TEXT_BYTES, "clock_say() writes into it");
	int64_t when_us = time_of(object, name);
	if (when_us)
		clock_say(when_us, to);
	else
		snprintf(to, PRINT_TIME_BYTES, "-");
	return when_us != 0;
}

void print_took(char to[static PRINT_TIME_BYTES], const json_t *object)
{
	int64_t start_us = time_of(object, "started_at"), end_us = time_of(object, "ended_at");
	int64_t took_us = (end_us ? end_us : clock_wall_us()) - start_us;
	long long seconds = took_us > 0 ? took_us / US_PER_SECOND : 0;
	if (start_us == 0)
		snprintf(to, PRINT_TIME_BYTES, "-");
	else if (seconds < MINUTE_S)
		snprintf(to, PRINT_TIME_BYTES, "%.1fs", took_us > 0 ? (double)took_us / US_PER_SECOND : 0.0);
	else if (seconds < HOUR_S)
		snprintf(to, PRINT_TIME_BYTES, "%lldm%02llds", seconds / MINUTE_S, seconds % MINUTE_S);
	else
		snprintf(to, PRINT_TIME_BYTES, "%lldh%02lldm", seconds / HOUR_S, seconds % HOUR_S / MINUTE_S);
}

/* The next character of a text, or the whole of a colour sequence, which is of no width. */
static struct str next_glyph(struct str *rest, size_t *ret_width)
{
	struct str before = *rest;
	size_t end;
	*ret_width = 0;
	if (before.p[0] == '\033' && str_find_char(before, 'm', &end)) {
		*rest = str_skip(before, end + 1);
	} else {
		int width = wcwidth((wchar_t)str_next_char(rest));
		*ret_width = width < 0 ? 1 : (size_t)width;
	}
	return str_head(before, before.n - rest->n);
}

size_t print_width(struct str text)
{
	size_t sum = 0, width;
	for (; text.n; sum += width)
		next_glyph(&text, &width);
	return sum;
}

void print_cut(struct buf *to, struct str line, size_t columns)
{
	size_t used = 0, width;
	bool is_cut = columns && print_width(line) > columns;
	while (line.n) {
		struct str glyph = next_glyph(&line, &width);
		/* Colours behind the cut still count, or the last one would stay on. */
		if (!is_cut || width == 0 || used + width < columns)
			buf_add_str(to, glyph);
		used += width;
	}
	if (is_cut)
		buf_add_c(to, "…");
}

void print_terminal(size_t *ret_columns, size_t *ret_rows)
{
	struct winsize size = {0};
	bool is_terminal = isatty(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0;
	*ret_columns = is_terminal ? size.ws_col : 0;
	*ret_rows = is_terminal ? size.ws_row : 0;
}
