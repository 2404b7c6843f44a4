#include "common/lang/extend.h"

#include "common/lang/input.h"
#include "common/lang/read.h"

#include <string.h>

struct pipeline *lang_read_file(struct lang_loading *loading, struct str text, const char *file)
{
	struct lang_reader reader = {.file = file, .arena = loading->arena, .errors = loading->errors};
	const struct yaml_node *root;
	if (!lang_read_yaml(&reader, text, &root))
		return NULL;
	struct lang_place start = {file, 1, 1};
	if (!root || root->kind != YAML_MAP) {
		lang_error_add(loading->errors, start, root ? "a pipeline must be a mapping" : "the file is empty");
		return NULL;
	}
	struct pipeline *pipeline = arena_new(loading->arena, struct pipeline);
	lang_read_block(&reader, &lang_pipeline_block, root, pipeline);
	return pipeline;
}

static bool check_chain(struct lang_loading *loading, const char *file, struct lang_place at)
{
	struct arena *arena = loading->arena;
	for (size_t i = 0; i < loading->depth; i++) {
		if (strcmp(loading->files[i], file) != 0)
			continue;
		struct str circle = str_of(loading->files[i]);
		for (size_t j = i + 1; j < loading->depth; j++)
			circle = arena_printf(arena, "%.*s -> %s", STR_ARG(circle), loading->files[j]);
		return lang_error_add(loading->errors, at,
			"a pipeline cannot build on itself: %.*s -> %s; a template that "
			"ships is named by \"use: NAME@VERSION\"",
			STR_ARG(circle), file);
	}
	if (loading->depth == LANG_EXTENDS_MAX)
		return lang_error_add(loading->errors, at, "more than %d files build on one another", LANG_EXTENDS_MAX);
	return true;
}

/* The finished pipeline that `extends` or `use` names, or NULL and an error. */
static struct pipeline *load_base(struct lang_loading *loading, const struct pipeline *over)
{
	const struct lang_text *wanted = LANG_IS_SET(over->extends) ? &over->extends : &over->use;
	enum lang_syntax syntax = LANG_IS_SET(over->extends) ? SYNTAX_NAME : SYNTAX_VERSIONED;
	/* What does not look right is reported with all other values. */
	if (!lang_syntax_check(syntax, wanted->text, NULL))
		return NULL;
	if (!loading->loader) {
		lang_error_add(loading->errors, wanted->at, "no other pipelines can be read here");
		return NULL;
	}
	size_t at = wanted->text.n;
	str_find_char(wanted->text, '@', &at);
	struct str text;
	const char *file;
	struct err err = {0};
	if (!loading->loader->load(loading->loader->arg, str_head(wanted->text, at), str_skip(wanted->text, at + 1),
		    loading->arena, &text, &file, &err)) {
		lang_error_add(loading->errors, wanted->at, "%s", err.text);
		return NULL;
	}
	if (!check_chain(loading, file, wanted->at))
		return NULL;
	loading->files[loading->depth++] = file;
	struct pipeline *base = lang_read_file(loading, text, file);
	bool is_good = base && lang_extend(loading, &base);
	loading->depth--;
	return is_good ? base : NULL;
}

static const char *nearest_stage(const struct pipeline *pipeline, struct str name, struct arena *arena)
{
	const char **names = arena_array(arena, const char *, pipeline->stages.count + 1);
	for (size_t i = 0; i < pipeline->stages.count; i++)
		names[i] = arena_str(arena, pipeline->stages.items[i].name.text).p;
	return str_nearest(name, names);
}

static void skip_stages(struct lang_loading *loading, struct pipeline *base, const struct pipeline *over)
{
	for (size_t i = 0; i < over->skip.count; i++) {
		const struct lang_text *name = &over->skip.items[i];
		size_t kept = 0, count = base->stages.count;
		for (size_t j = 0; j < count; j++)
			if (!str_eq(base->stages.items[j].name.text, name->text))
				base->stages.items[kept++] = base->stages.items[j];
		base->stages.count = kept;
		if (kept < count)
			continue;
		const char *nearest = nearest_stage(base, name->text, loading->arena);
		if (nearest)
			lang_error_add(loading->errors, name->at, "no stage \"%.*s\" to skip; did you mean \"%s\"?",
				STR_ARG(name->text), nearest);
		else
			lang_error_add(loading->errors, name->at, "no stage \"%.*s\" to skip in %s",
				STR_ARG(name->text), base->at.file);
	}
}

static void give_input(struct lang_loading *loading, struct pipeline *base, const struct lang_pair *with)
{
	struct pipeline_input *input = NULL;
	const char **names = arena_array(loading->arena, const char *, base->inputs.count + 1);
	for (size_t i = 0; i < base->inputs.count; i++) {
		names[i] = arena_str(loading->arena, base->inputs.items[i].name.text).p;
		if (str_eq(base->inputs.items[i].name.text, with->name.text))
			input = &base->inputs.items[i];
	}
	struct err err = {0};
	const char *nearest = str_nearest(with->name.text, names);
	if (!input && nearest)
		lang_error_add(loading->errors, with->name.at, "no input \"%.*s\" to fix; did you mean \"%s\"?",
			STR_ARG(with->name.text), nearest);
	else if (!input)
		lang_error_add(loading->errors, with->name.at, "no input \"%.*s\" to fix in %s",
			STR_ARG(with->name.text), base->at.file);
	else if (LANG_IS_SET(input->given))
		lang_error_add(loading->errors, with->name.at, "the input \"%.*s\" is fixed already, by %s:%d",
			STR_ARG(with->name.text), input->given.at.file, (int)input->given.at.line);
	else if (!lang_input_check(input, with->value.text, &err))
		lang_error_add(loading->errors, with->value.at, "%s", err.text);
	else
		input->given = with->value;
}

bool lang_extend(struct lang_loading *loading, struct pipeline **pipeline)
{
	const struct pipeline *over = *pipeline;
	if (LANG_IS_SET(over->extends) && LANG_IS_SET(over->use))
		return lang_error_add(loading->errors, over->use.at, "a pipeline has \"extends\" or \"use\", not both");
	if (!LANG_IS_SET(over->extends) && !LANG_IS_SET(over->use)) {
		if (LANG_IS_SET(over->with))
			lang_error_add(loading->errors, over->with.at, "\"with\" needs \"extends\" or \"use\"");
		if (LANG_IS_SET(over->skip))
			lang_error_add(loading->errors, over->skip.at, "\"skip\" needs \"extends\" or \"use\"");
		return true;
	}
	struct pipeline *base = load_base(loading, over);
	if (!base)
		return false;
	skip_stages(loading, base, over);
	for (size_t i = 0; i < over->with.count; i++)
		give_input(loading, base, &over->with.items[i]);
	lang_merge(&lang_pipeline_block, base, over, loading->arena);
	base->extends = over->extends;
	base->use = over->use;
	base->with = over->with;
	base->skip = over->skip;
	*pipeline = base;
	return true;
}
