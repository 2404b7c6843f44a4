#include "common/config.h"

#include "common/clock.h"
#include "common/mem.h"
#include "common/size.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { ROWS_MAX = 128, NAME_BYTES = 96, FILE_MAX_BYTES = 256 * 1024 };

struct loading {
	const struct config *config;
	const struct config_sources *sources;
	void *out;
	struct arena *arena;
	const char *file; /* NULL: none */
	bool is_set[ROWS_MAX];
};

static size_t count_rows(const struct config *config)
{
	size_t count = 0;
	while (config->rows[count].name)
		count++;
	BUG_ON(count > ROWS_MAX);
	return count;
}

static void flag_name(const struct config_row *row, char to[static NAME_BYTES])
{
	size_t n = (size_t)snprintf(to, NAME_BYTES, "--%s", row->name);
	for (size_t i = 0; i < n && i < NAME_BYTES; i++)
		if (to[i] == '_')
			to[i] = '-';
}

static void environment_name(const struct config *config, const struct config_row *row, char to[static NAME_BYTES])
{
	if (row->environment) {
		snprintf(to, NAME_BYTES, "%s", row->environment);
		return;
	}
	snprintf(to, NAME_BYTES, "%s%s", config->prefix, row->name);
	for (char *c = to + strlen(config->prefix); *c; c++)
		if (*c >= 'a' && *c <= 'z')
			*c = (char)(*c - ('a' - 'A'));
}

static const struct config_row *find_row(const struct config *config, struct str name)
{
	for (const struct config_row *row = config->rows; row->name; row++)
		if (str_is(name, row->name))
			return row;
	return NULL;
}

/* "; did you mean "x"?", or nothing. */
static const char *suggest(const struct config *config, struct str name, char *to, size_t size)
{
	const char *names[ROWS_MAX + 1] = {0};
	size_t count = count_rows(config);
	for (size_t i = 0; i < count; i++)
		names[i] = config->rows[i].name;
	const char *nearest = str_nearest(name, names);
	to[0] = 0;
	if (nearest)
		snprintf(to, size, "; did you mean \"%s\"?", nearest);
	return to;
}

static bool parse_bool(struct str text, bool *ret)
{
	static const char *const yes[] = {"true", "yes", "on", NULL}, *const no[] = {"false", "no", "off", NULL};
	for (int i = 0; yes[i]; i++) {
		if (!str_is(text, yes[i]) && !str_is(text, no[i]))
			continue;
		*ret = str_is(text, yes[i]);
		return true;
	}
	return false;
}

static bool check_range(const struct config_row *row, int64_t value, struct err *err)
{
	if (row->min == row->max || (value >= row->min && value <= row->max))
		return true;
	auto_arena arena = {0};
	struct str low, high;
	if (row->kind == CONFIG_DURATION) {
		low = duration_format(&arena, row->min);
		high = duration_format(&arena, row->max);
	} else if (row->kind == CONFIG_SIZE) {
		low = size_format(&arena, row->min);
		high = size_format(&arena, row->max);
	} else {
		low = arena_printf(&arena, "%lld", (long long)row->min);
		high = arena_printf(&arena, "%lld", (long long)row->max);
	}
	return err_set(err, ERR_INVALID, "must be from %.*s to %.*s", STR_ARG(low), STR_ARG(high));
}

static bool parse_choice(const struct config_row *row, struct str text, int *ret, struct err *err)
{
	char known[256];
	size_t used = 0;
	known[0] = 0;
	for (int i = 0; row->choices[i]; i++) {
		if (str_is(text, row->choices[i])) {
			*ret = i;
			return true;
		}
		int n = snprintf(known + used, sizeof known - used, "%s%s", i ? ", " : "", row->choices[i]);
		used = n > 0 && used + (size_t)n < sizeof known ? used + (size_t)n : used;
	}
	return err_set(err, ERR_INVALID, "must be one of %s", known);
}

static struct str_list parse_list(struct arena *arena, struct str text)
{
	struct str_list list = {0};
	struct str part;
	while (str_cut(&text, ',', &part)) {
		part = str_trim(part);
		if (part.n == 0)
			continue;
		list.items = arena_grow(arena, list.items, sizeof *list.items, list.count);
		list.items[list.count++] = arena_str(arena, part);
	}
	return list;
}

static bool set_value(struct loading *loading, const struct config_row *row, struct str text, struct err *err)
{
	void *at = (char *)loading->out + row->offset;
	int64_t number;
	switch (row->kind) {
	case CONFIG_TEXT:
		*(struct str *)at = arena_str(loading->arena, text);
		return true;
	case CONFIG_BOOL:
		return parse_bool(text, at) || err_set(err, ERR_INVALID, "must be true or false");
	case CONFIG_CHOICE:
		return parse_choice(row, text, at, err);
	case CONFIG_LIST:
		*(struct str_list *)at = parse_list(loading->arena, text);
		return true;
	case CONFIG_NUMBER:
		if (!str_to_i64(text, &number))
			return err_set(err, ERR_INVALID, "must be a number");
		break;
	case CONFIG_DURATION:
		if (!duration_parse(text, &number, err))
			return false;
		break;
	case CONFIG_SIZE:
		if (!size_parse(text, &number, err))
			return false;
		break;
	}
	if (!check_range(row, number, err))
		return false;
	*(int64_t *)at = number;
	return true;
}

static bool set_row(struct loading *loading, const struct config_row *row, struct str text, struct err *err)
{
	if (!set_value(loading, row, text, err)) {
		if (!(row->flags & CONFIG_SECRET))
			err_wrap(err, "\"%.*s\"", STR_ARG(text));
		return false;
	}
	loading->is_set[row - loading->config->rows] = true;
	return true;
}

static bool read_file(const char *path, struct buf *to, struct err *err)
{
	auto_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		err_errno(err, "%s", path);
		if (err && errno == ENOENT)
			err->kind = ERR_NOT_FOUND;
		return false;
	}
	for (;;) {
		char bytes[4096];
		ssize_t n = read(fd, bytes, sizeof bytes);
		if (n < 0)
			return err_errno(err, "%s", path);
		if (n == 0)
			return true;
		if (!buf_add(to, bytes, (size_t)n))
			return err_set(err, ERR_TOO_LARGE, "%s is larger than %d KiB", path, FILE_MAX_BYTES / 1024);
	}
}

static bool load_line(struct loading *loading, struct str line, int number, int *lines, struct err *err)
{
	char suggestion[NAME_BYTES + 32];
	size_t equals;
	if (!str_find_char(line, '=', &equals))
		return err_set(err, ERR_INVALID, "%s:%d: expected \"key = value\"", loading->file, number);
	struct str key = str_trim(str_head(line, equals)), value = str_trim(str_skip(line, equals + 1));
	const struct config_row *row = find_row(loading->config, key);
	if (!row)
		return err_set(err, ERR_INVALID, "%s:%d: unknown key \"%.*s\"%s", loading->file, number, STR_ARG(key),
			suggest(loading->config, key, suggestion, sizeof suggestion));
	int *first = &lines[row - loading->config->rows];
	if (*first)
		return err_set(err, ERR_INVALID, "%s:%d: \"%s\" is set in line %d already", loading->file, number,
			row->name, *first);
	*first = number;
	return set_row(loading, row, value, err) || err_wrap(err, "%s:%d: %s", loading->file, number, row->name);
}

static bool load_file(struct loading *loading, struct err *err)
{
	auto_buf text = BUF_INIT(FILE_MAX_BYTES);
	int lines[ROWS_MAX] = {0};
	if (!loading->file)
		return true;
	if (!read_file(loading->file, &text, err))
		return false;
	if (!str_is_utf8(buf_str(&text)))
		return err_set(err, ERR_INVALID, "%s is not UTF-8", loading->file);
	struct str rest = buf_str(&text), line;
	for (int number = 1; str_cut(&rest, '\n', &line); number++) {
		line = str_trim(line);
		if (line.n > 0 && line.p[0] != '#' && !load_line(loading, line, number, lines, err))
			return false;
	}
	return true;
}

static bool load_environment(struct loading *loading, struct err *err)
{
	char name[NAME_BYTES];
	for (const struct config_row *row = loading->config->rows; row->name; row++) {
		environment_name(loading->config, row, name);
		size_t n = strlen(name);
		for (const char *const *entry = loading->sources->environment; entry && *entry; entry++) {
			if (strncmp(*entry, name, n) != 0 || (*entry)[n] != '=')
				continue;
			if (!set_row(loading, row, str_of(*entry + n + 1), err))
				return err_wrap(err, "%s", name);
		}
	}
	return true;
}

struct flag {
	struct str name; /* with underscores, without dashes at the front */
	struct str value;
	bool has_value;
};

static struct flag parse_flag(struct arena *arena, const char *word)
{
	struct flag flag = {.name = arena_str(arena, str_of(word + 2))};
	size_t equals;
	if (str_find_char(flag.name, '=', &equals)) {
		flag.value = str_skip(flag.name, equals + 1);
		flag.name = str_head(flag.name, equals);
		flag.has_value = true;
	}
	char *name = (char *)(uintptr_t)flag.name.p;
	for (size_t i = 0; i < flag.name.n; i++)
		if (name[i] == '-')
			name[i] = '_';
	return flag;
}

static bool refuse_flag(struct loading *loading, const char *word, struct str name, struct err *err)
{
	char suggestion[NAME_BYTES + 32];
	suggest(loading->config, name, suggestion, sizeof suggestion);
	for (char *c = suggestion; *c; c++)
		if (*c == '_')
			*c = '-';
	return err_set(err, ERR_INVALID, "%s: unknown flag%s%s", word, suggestion,
		suggestion[0] ? "" : "; --help lists all of them");
}

static bool load_flag(struct loading *loading, const char *const **at, struct err *err)
{
	const char *word = **at;
	char environment[NAME_BYTES];
	struct flag flag = parse_flag(loading->arena, word);
	const struct config_row *row = find_row(loading->config, flag.name);
	bool is_no = false;
	if (!row && str_starts(flag.name, STR("no_")) && !flag.has_value) {
		row = find_row(loading->config, str_skip(flag.name, strlen("no_")));
		is_no = true;
	}
	if (!row || (is_no && row->kind != CONFIG_BOOL))
		return refuse_flag(loading, word, flag.name, err);
	environment_name(loading->config, row, environment);
	if (row->flags & CONFIG_SECRET)
		return err_set(err, ERR_INVALID,
			"--%.*s: every account of this machine could read it here; use %s or the file of --config",
			(int)strcspn(word + 2, "="), word + 2, environment);
	if (row->kind == CONFIG_BOOL && !flag.has_value) {
		flag.value = is_no ? STR("false") : STR("true");
	} else if (!flag.has_value) {
		if (!(*at)[1])
			return err_set(err, ERR_INVALID, "%s needs a value", word);
		flag.value = str_of(*++*at);
	}
	return set_row(loading, row, flag.value, err) || err_wrap(err, "%.*s", (int)strcspn(word, "="), word);
}

/* Only --config, --help and --version: they decide what the others mean. */
static bool look_ahead(struct loading *loading, enum config_wish *wish, struct err *err)
{
	for (const char *const *at = loading->sources->argv; at && *at && at[1]; at++) {
		const char *word = at[1];
		if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0)
			*wish = CONFIG_SHOW_HELP;
		else if (strcmp(word, "--version") == 0)
			*wish = CONFIG_SHOW_VERSION;
		else if (strncmp(word, "--config=", strlen("--config=")) == 0)
			loading->file = word + strlen("--config=");
		else if (strcmp(word, "--config") == 0 && !at[2])
			return err_set(err, ERR_INVALID, "--config needs a file");
		else if (strcmp(word, "--config") == 0)
			loading->file = at[2];
	}
	return true;
}

static bool load_flags(struct loading *loading, struct err *err)
{
	const char *const *argv = loading->sources->argv;
	if (!argv || !*argv)
		return true;
	for (const char *const *at = argv + 1; *at; at++) {
		if (strcmp(*at, "--config") == 0)
			at++;
		else if (strncmp(*at, "--config=", strlen("--config=")) == 0)
			continue;
		else if (strncmp(*at, "--", 2) != 0)
			return err_set(err, ERR_INVALID, "\"%s\": expected a flag; --help lists them", *at);
		else if (!load_flag(loading, &at, err))
			return false;
	}
	return true;
}

static bool check_required(const struct loading *loading, struct err *err)
{
	char flag[NAME_BYTES], environment[NAME_BYTES];
	for (const struct config_row *row = loading->config->rows; row->name; row++) {
		if (!(row->flags & CONFIG_REQUIRED) || loading->is_set[row - loading->config->rows])
			continue;
		flag_name(row, flag);
		environment_name(loading->config, row, environment);
		bool is_secret = row->flags & CONFIG_SECRET;
		return err_set(err, ERR_INVALID,
			"%s (%s) is not set: use %s%s%s, or a line \"%s = ...\" in the file of --config", row->name,
			row->help, environment, is_secret ? "" : ", ", is_secret ? "" : flag, row->name);
	}
	return true;
}

bool config_load(const struct config *config, const struct config_sources *sources, void *out, struct arena *arena,
	enum config_wish *ret_wish, struct err *err)
{
	struct loading loading = {.config = config, .sources = sources, .out = out, .arena = arena};
	enum config_wish wish = CONFIG_RUN;
	count_rows(config);
	if (!look_ahead(&loading, &wish, err))
		return false;
	if (wish == CONFIG_RUN) {
		for (const struct config_row *row = config->rows; row->name; row++)
			if (row->fallback && !set_value(&loading, row, str_of(row->fallback), err))
				BUG("default of %s: %s", row->name, err ? err->text : "");
		if (!load_file(&loading, err) || !load_environment(&loading, err) || !load_flags(&loading, err) ||
			!check_required(&loading, err))
			return false;
	}
	*ret_wish = wish;
	return true;
}

static const char *kind_word(enum config_kind kind)
{
	switch (kind) {
	case CONFIG_TEXT:
		return "TEXT";
	case CONFIG_NUMBER:
		return "NUMBER";
	case CONFIG_BOOL:
		return "";
	case CONFIG_DURATION:
		return "DURATION";
	case CONFIG_SIZE:
		return "SIZE";
	case CONFIG_CHOICE:
		return "WORD";
	case CONFIG_LIST:
		return "A,B,...";
	}
	BUG("kind %d", kind);
}

static void write_choices(const struct config_row *row, struct buf *to)
{
	for (int i = 0; row->kind == CONFIG_CHOICE && row->choices[i]; i++)
		buf_addf(to, "%s%s", i ? ", " : ": ", row->choices[i]);
}

void config_write_help(const struct config *config, struct buf *to)
{
	char flag[NAME_BYTES], environment[NAME_BYTES];
	buf_addf(to, "%s: %s\n\nUsage: %s [--config FILE] [flags]\n\n", config->program, config->summary,
		config->program);
	buf_addf(to,
		"Each setting may stand in the file (\"key = value\"), in the environment, or as a flag; the later wins.\n\n");
	for (const struct config_row *row = config->rows; row->name; row++) {
		flag_name(row, flag);
		environment_name(config, row, environment);
		if (row->flags & CONFIG_SECRET)
			buf_addf(to, "  %s (file or environment only)\n", row->name);
		else
			buf_addf(to, "  %s %s\n", flag, kind_word(row->kind));
		buf_addf(to, "      %s", row->help);
		write_choices(row, to);
		if (row->flags & CONFIG_REQUIRED)
			buf_add_c(to, " (required)");
		else if (row->fallback && row->fallback[0])
			buf_addf(to, " (default %s)", row->fallback);
		buf_addf(to, "\n      environment: %s\n", environment);
	}
	buf_add_c(to, "  --help\n  --version\n");
}

void config_write_markdown(const struct config *config, struct buf *to)
{
	char environment[NAME_BYTES];
	buf_add_c(to, "| key | environment | default | meaning |\n| --- | --- | --- | --- |\n");
	for (const struct config_row *row = config->rows; row->name; row++) {
		environment_name(config, row, environment);
		buf_addf(to, "| `%s` | `%s` | ", row->name, environment);
		if (row->flags & CONFIG_REQUIRED)
			buf_add_c(to, "required");
		else if (row->fallback && row->fallback[0])
			buf_addf(to, "`%s`", row->fallback);
		buf_addf(to, " | %s", row->help);
		write_choices(row, to);
		buf_addf(to, "%s |\n", row->flags & CONFIG_SECRET ? " (not as a flag)" : "");
	}
}
