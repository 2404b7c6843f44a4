#include "worker/output_file.h"

static bool check_name(struct str name, const struct str_list *declared, size_t line, struct err *err)
{
	if (str_list_has(declared, name))
		return true;
	struct str nearest;
	if (declared->count && str_list_nearest(declared, name, &nearest))
		return err_set(err, ERR_INVALID,
			"$CI_OUTPUT line %zu: output \"%.*s\" is not declared; did you mean \"%.*s\"?", line,
			STR_ARG(str_brief(name, 60)), STR_ARG(nearest));
	return err_set(err, ERR_INVALID,
		"$CI_OUTPUT line %zu: output \"%.*s\" is not declared; add it to the job's `outputs`", line,
		STR_ARG(str_brief(name, 60)));
}

/* The lines up to the one that is `end`. */
static bool read_lines(struct str *rest, struct str end, size_t *line, struct str *ret, struct err *err)
{
	struct str text, from = *rest;
	size_t first = *line;
	while (str_cut(rest, '\n', &text)) {
		++*line;
		if (!str_eq(text, end))
			continue;
		size_t n = (size_t)(text.p - from.p);
		*ret = (struct str){from.p, n ? n - 1 : 0};
		return true;
	}
	return err_set(err, ERR_INVALID, "$CI_OUTPUT line %zu: no line \"%.*s\" ends this value", first,
		STR_ARG(str_brief(end, 60)));
}

bool output_file_read(
	struct str text, const struct str_list *declared, struct pair_list *ret, struct arena *arena, struct err *err)
{
	struct pair_list pairs = {0};
	struct str part;
	for (size_t line = 1; str_cut(&text, '\n', &part); line++) {
		size_t equals, heredoc, first = line;
		if (!str_trim(part).n)
			continue;
		bool has_equals = str_find_char(part, '=', &equals);
		bool is_long = str_find(part, STR("<<"), &heredoc) && (!has_equals || heredoc < equals);
		if (!has_equals && !is_long)
			return err_set(err, ERR_INVALID, "$CI_OUTPUT line %zu: expected name=value", line);
		struct str name = str_trim(str_head(part, is_long ? heredoc : equals)), value;
		if (!check_name(name, declared, line, err))
			return false;
		if (is_long) {
			struct str end = str_trim(str_skip(part, heredoc + 2));
			if (!end.n)
				return err_set(
					err, ERR_INVALID, "$CI_OUTPUT line %zu: expected a word behind <<", line);
			if (!read_lines(&text, end, &line, &value, err))
				return false;
		} else {
			value = str_skip(part, equals + 1);
		}
		if (value.n > OUTPUT_VALUE_MAX)
			return err_set(err, ERR_INVALID,
				"$CI_OUTPUT line %zu: output \"%.*s\" has %zu bytes; at most %d are kept, "
				"use an artifact for more",
				first, STR_ARG(name), value.n, OUTPUT_VALUE_MAX);
		if (!str_is_utf8(value) || (value.n && str_find_char(value, '\0', &equals)))
			return err_set(err, ERR_INVALID, "$CI_OUTPUT line %zu: output \"%.*s\" is not text", first,
				STR_ARG(name));
		pair_set(&pairs, arena, arena_str(arena, name), arena_str(arena, value));
	}
	*ret = pairs;
	return true;
}
