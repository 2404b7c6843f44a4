#include "common/lang/check.h"

/* The walk over all values of the pipeline, by the tables. */

static void walk(struct lang_checker *checker, const struct lang_block *block, const void *base);

static bool has_expression(struct str text)
{
	size_t at;
	return str_find(text, STR("${{"), &at);
}

static void check_syntax(struct lang_checker *checker, const struct lang_block *block, const struct lang_key *key,
	const struct lang_text *text)
{
	struct err err = {0};
	if (!lang_syntax_check(key->syntax, text->text, &err))
		lang_error_add(checker->errors, text->at, "\"%.*s\" as \"%s\" in %s: %s",
			STR_ARG(str_brief(text->text, 70)), key->name, block->title, err.text);
}

static void check_name(struct lang_checker *checker, const struct lang_block *block, const struct lang_key *key,
	const struct lang_text *name)
{
	struct err err = {0};
	if (!lang_syntax_check(key->name_syntax, name->text, &err))
		lang_error_add(checker->errors, name->at, "the name \"%.*s\" in \"%s\" of %s: %s",
			STR_ARG(str_brief(name->text, 70)), key->name, block->title, err.text);
}

static void check_text(struct lang_checker *checker, const struct lang_block *block, const struct lang_key *key,
	const struct lang_text *text)
{
	bool is_template = has_expression(text->text);
	if (text->text.n == 0 && !(key->flags & KEY_MAY_BE_EMPTY))
		return; /* could not be read */
	if (key->flags & KEY_CONDITION)
		lang_check_condition(checker, key, text);
	else if (is_template && (key->flags & KEY_TEMPLATE))
		lang_check_template(checker, key, text);
	else if (is_template && (key->flags & KEY_SCRIPT))
		lang_error_add(checker->errors, text->at,
			"\"${{ }}\" is refused in \"%s\": a value could become code. Give it to the script as a variable: "
			"env: { NAME: \"${{ ... }}\" }, and \"$NAME\" in the script",
			key->name);
	else if (is_template)
		lang_error_add(checker->errors, text->at, "\"${{ }}\" is not replaced in \"%s\" of %s", key->name,
			block->title);
	else
		check_syntax(checker, block, key, text);
}

static void check_pairs(struct lang_checker *checker, const struct lang_block *block, const struct lang_key *key,
	const struct lang_pairs *pairs)
{
	for (size_t i = 0; i < pairs->count; i++) {
		check_name(checker, block, key, &pairs->items[i].name);
		check_text(checker, block, key, &pairs->items[i].value);
	}
}

/* Jobs of a document that is no pipeline are checked as the tests of a stage that has nothing else. */
static void check_tests(const struct lang_checker *outer, const struct lang_block *block, const struct lang_key *key,
	const struct lang_items *list)
{
	struct pipeline_stage stage = {.at = list->at, .environment.at = list->at};
	struct pipeline pipeline = {.at = list->at, .stages = {list->at, &stage, 1}};
	struct lang_checker checker = {.pipeline = &pipeline, .arena = outer->arena, .errors = outer->errors};
	stage.tests.items = list->items;
	stage.tests.count = list->count;
	checker.stage = &stage;
	lang_index_jobs(&checker);
	for (size_t i = 0; i < stage.tests.count; i++) {
		check_name(&checker, block, key, &stage.tests.items[i].name);
		walk(&checker, &lang_test_block, &stage.tests.items[i]);
	}
	lang_check_jobs(&checker);
}

static void walk_items(struct lang_checker *checker, const struct lang_block *block, const struct lang_key *key,
	const struct lang_items *list)
{
	for (size_t i = 0; i < list->count; i++) {
		const void *item = (const char *)list->items + key->block->size * i;
		if (key->kind == LANG_NAMED) {
			/* Every struct that is read by name begins with its place and its name. */
			const struct lang_text *name = (const void *)((const char *)item + sizeof(struct lang_place));
			check_name(checker, block, key, name);
		}
		checker->stage_index = key->block == &lang_stage_block ? i : checker->stage_index;
		walk(checker, key->block, item);
	}
}

static void check_member(
	struct lang_checker *checker, const struct lang_block *block, const struct lang_key *key, const void *base)
{
	const void *member = lang_member(key, base);
	switch (key->kind) {
	case LANG_TEXT:
		check_text(checker, block, key, member);
		return;
	case LANG_TEXTS: {
		const struct lang_texts *texts = member;
		for (size_t i = 0; i < texts->count; i++)
			check_text(checker, block, key, &texts->items[i]);
		return;
	}
	case LANG_PAIRS:
		check_pairs(checker, block, key, member);
		return;
	case LANG_ROWS: {
		const struct lang_items *rows = member;
		for (size_t i = 0; i < rows->count; i++)
			check_pairs(checker, block, key, (const struct lang_pairs *)rows->items + i);
		return;
	}
	case LANG_BLOCK:
		walk(checker, key->block, member);
		return;
	case LANG_BLOCKS:
	case LANG_NAMED:
		if (key->block == &lang_test_block && !checker->pipeline)
			check_tests(checker, block, key, member);
		else
			walk_items(checker, block, key, member);
		return;
	case LANG_NUMBER:
	case LANG_THOUSANDTHS:
	case LANG_REAL:
	case LANG_FLAG:
	case LANG_DURATION:
	case LANG_SIZE:
	case LANG_CHOICE:
	case LANG_CHOICES:
		return; /* their reader has seen all there is */
	}
}

static void check_one_of(struct lang_checker *checker, const struct lang_block *block, const void *base)
{
	const struct lang_key *first = NULL;
	struct str all = {NULL, 0};
	for (const char *const *name = block->one_of; *name; name++) {
		const struct lang_key *key = lang_find_key(block, str_of(*name));
		all = arena_printf(checker->arena, "%.*s%s\"%s\"", STR_ARG(all), all.n ? ", " : "", *name);
		if (!lang_is_set(key, base))
			continue;
		if (first)
			lang_error_add(checker->errors, *(const struct lang_place *)lang_member(key, base),
				"%s has \"%s\" or \"%s\", not both", block->title, first->name, key->name);
		first = first ? first : key;
	}
	if (!first && !checker->is_partial)
		lang_error_add(checker->errors, *(const struct lang_place *)base, "%s needs one of %.*s", block->title,
			STR_ARG(all));
}

static void enter(struct lang_checker *checker, const struct lang_block *block, const void *base)
{
	switch (block->scope) {
	case LANG_SCOPE_SAME:
		return;
	case LANG_SCOPE_STAGE:
		checker->stage = base;
		return;
	case LANG_SCOPE_JOB:
		checker->job = base;
		checker->is_test = block == &lang_test_block;
		return;
	case LANG_SCOPE_STEP:
		checker->is_step = true;
		return;
	case LANG_SCOPE_DEPLOY:
		checker->is_deploy = true;
		return;
	}
}

static void walk(struct lang_checker *checker, const struct lang_block *block, const void *base)
{
	const struct lang_checker before = *checker;
	enter(checker, block, base);
	for (const struct lang_key *key = block->keys; key->name; key++) {
		bool is_set = lang_is_set(key, base);
		bool is_missing = (key->flags & KEY_REQUIRED) && !(key->flags & KEY_IDENTIFIES) && !checker->is_partial;
		if (is_set)
			check_member(checker, block, key, base);
		else if (is_missing)
			lang_error_add(checker->errors, *(const struct lang_place *)base, "%s needs \"%s\"",
				block->title, key->name);
	}
	if (block->rest && lang_is_set(block->rest, base))
		check_member(checker, block, block->rest, base);
	if (block->one_of)
		check_one_of(checker, block, base);
	*checker = before;
}

/* Near names are looked for only as long as somebody will read of them: a file may hold thousands of unknown ones. */
static const char *suggest(struct lang_errors *errors, struct str name, const char *const *names)
{
	const char *nearest = str_nearest(name, names);
	return nearest ? arena_printf(errors->arena, "; did you mean \"%s\"?", nearest).p : "";
}

const char *lang_suggest_job(const struct lang_checker *checker, struct str name)
{
	struct lang_errors *errors = checker->errors;
	if (errors->count == LANG_ERRORS_MAX)
		return "";
	const char **names = arena_array(errors->arena, const char *, checker->job_count + 1);
	for (size_t i = 0; i < checker->job_count; i++)
		names[i] = arena_str(errors->arena, checker->jobs[i].job->name.text).p;
	return suggest(errors, name, names);
}

const char *lang_suggest(
	struct lang_errors *errors, struct str name, const struct lang_items *list, size_t size, size_t offset)
{
	if (errors->count == LANG_ERRORS_MAX)
		return "";
	const char **names = arena_array(errors->arena, const char *, list->count + 1);
	for (size_t i = 0; i < list->count; i++) {
		const struct lang_text *text = (const void *)((const char *)list->items + size * i + offset);
		names[i] = arena_str(errors->arena, text->text).p;
	}
	return suggest(errors, name, names);
}

void lang_check_document(
	const struct lang_block *block, const void *document, struct arena *arena, struct lang_errors *errors)
{
	walk(&(struct lang_checker){.arena = arena, .errors = errors}, block, document);
}

void lang_check(const struct pipeline *pipeline, bool is_partial, struct arena *arena, struct lang_errors *errors)
{
	struct lang_checker checker = {
		.pipeline = pipeline, .arena = arena, .errors = errors, .is_partial = is_partial};
	lang_index_jobs(&checker);
	walk(&checker, &lang_pipeline_block, pipeline);
	lang_check_inputs(&checker);
	if (is_partial)
		return;
	lang_check_jobs(&checker);
	lang_check_stages(&checker);
}
