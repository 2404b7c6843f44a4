#include "common/lang/check.h"

#include "common/expr.h"
#include "common/fields.h"
#include "common/lang/roots.h"

/* Expressions: whether they parse, and whether what they name exists where they stand. */

struct use {
	struct lang_checker *checker;
	const struct lang_key *key;
	const struct lang_text *text;
	bool is_condition;
};

/* Of the expression language itself; common/expr.h names them. */
static const char *const builtin_names[] = {"has", "size", "int", "double", "string", "startsWith", "endsWith",
	"contains", "matches", "lowerAscii", "upperAscii", NULL};

enum { NAMES_MAX = 32 };

static const char *nearest_of(const struct lang_root *roots, struct str name)
{
	const char *names[NAMES_MAX];
	size_t count = 0;
	for (; roots->name; roots++) {
		BUG_ON(count + 1 == NAMES_MAX);
		names[count++] = roots->name;
	}
	names[count] = NULL;
	return str_nearest(name, names);
}

static bool is_builtin(struct str name)
{
	int ignored;
	return enum_from_name(builtin_names, name, &ignored);
}

/* Expressions do not say where their names stand: the first place where the word occurs is right nearly always. */
static struct lang_place place_of(const struct use *use, struct str word)
{
	size_t at = 0;
	str_find(use->text->text, word, &at);
	return lang_text_place(use->text, at);
}

static void see_call(const struct use *use, struct str name)
{
	struct lang_errors *errors = use->checker->errors;
	if (is_builtin(name))
		return;
	if (lang_find_root(lang_functions, name)) {
		if (!(use->key->flags & KEY_CONDITION))
			lang_error_add(errors, place_of(use, name), "%.*s() is known only in \"if\"", STR_ARG(name));
		return;
	}
	const char *nearest = nearest_of(lang_functions, name);
	if (!nearest)
		nearest = str_nearest(name, builtin_names);
	if (nearest)
		lang_error_add(errors, place_of(use, name), "unknown function \"%.*s\"; did you mean \"%s\"?",
			STR_ARG(name), nearest);
	else
		lang_error_add(errors, place_of(use, name), "unknown function \"%.*s\"", STR_ARG(name));
}

static struct str join(struct arena *arena, const char *const *names)
{
	struct str all = {NULL, 0};
	for (; *names; names++)
		all = arena_printf(arena, "%.*s%s%s", STR_ARG(all), all.n ? ", " : "", *names);
	return all;
}

/* event.NAME and the like, where the names are always the same. */
static void see_field(const struct use *use, const struct lang_root *root, struct str name)
{
	int ignored;
	if (enum_from_name(root->fields, name, &ignored))
		return;
	const char *nearest = str_nearest(name, root->fields);
	if (nearest)
		lang_error_add(use->checker->errors, place_of(use, name),
			"\"%s\" has no \"%.*s\"; did you mean \"%s\"?", root->name, STR_ARG(name), nearest);
	else
		lang_error_add(use->checker->errors, place_of(use, name), "\"%s\" has no \"%.*s\"; it has %.*s",
			root->name, STR_ARG(name), STR_ARG(join(use->checker->arena, root->fields)));
}

static void see_input(const struct use *use, struct str name)
{
	const struct lang_checker *checker = use->checker;
	for (size_t i = 0; i < checker->pipeline->inputs.count; i++)
		if (str_eq(checker->pipeline->inputs.items[i].name.text, name))
			return;
	lang_error_add(checker->errors, place_of(use, name), "unknown input \"%.*s\"%s", STR_ARG(name),
		LANG_SUGGEST(checker->errors, name, &checker->pipeline->inputs, name));
}

static bool rows_name(const struct lang_pairs *rows, size_t count, struct str name)
{
	for (size_t i = 0; i < count; i++)
		for (size_t j = 0; j < rows[i].count; j++)
			if (str_eq(rows[i].items[j].name.text, name))
				return true;
	return false;
}

static void see_axis(const struct use *use, struct str name)
{
	const struct pipeline_matrix *matrix = &use->checker->job->matrix;
	for (size_t i = 0; i < matrix->axes.count; i++)
		if (str_eq(matrix->axes.items[i].name.text, name))
			return;
	if (!rows_name(matrix->include.items, matrix->include.count, name))
		lang_error_add(use->checker->errors, place_of(use, name), "unknown matrix axis \"%.*s\"%s",
			STR_ARG(name), LANG_SUGGEST(use->checker->errors, name, &matrix->axes, name));
}

/* Whether the job where the walk is waits for the one of this name in the same group. */
static bool waits_for(const struct lang_checker *checker, const struct lang_group *group, struct str name)
{
	size_t at;
	return lang_group_find(group, name, &at) && lang_group_waits(group, (size_t)(checker->job - group->jobs), at);
}

/* Where the outputs of this job are known: behind its stage, and in its stage to the jobs that wait for it. */
static void check_order(const struct use *use, const struct lang_job_ref *found)
{
	const struct lang_checker *checker = use->checker;
	struct str name = found->job->name.text;
	struct lang_place at = place_of(use, name);
	const struct pipeline *pipeline = checker->pipeline;
	if (checker->is_deploy) {
		for (size_t i = 0; i < found->stage; i++)
			if (LANG_IS_SET(pipeline->stages.items[i].environment))
				lang_error_add(checker->errors, at,
					"the job \"%.*s\" runs after the stage \"%.*s\", which needs its output already",
					STR_ARG(name), STR_ARG(pipeline->stages.items[i].name.text));
	} else if (found->stage > checker->stage_index) {
		lang_error_add(checker->errors, at, "the job \"%.*s\" runs later, in the stage \"%.*s\"", STR_ARG(name),
			STR_ARG(pipeline->stages.items[found->stage].name.text));
	} else if (found->stage == checker->stage_index && !checker->job) {
		lang_error_add(checker->errors, at,
			"the job \"%.*s\" is in this stage; its outputs come too late for it", STR_ARG(name));
	} else if (found->stage == checker->stage_index) {
		if (!waits_for(checker, checker->job_groups[checker->stage_index], name))
			lang_error_add(checker->errors, at, "the job \"%.*s\" is not among the \"needs\" of \"%.*s\"",
				STR_ARG(name), STR_ARG(checker->job->name.text));
	}
}

/* The test of this stage of that name, or NULL. */
static const struct pipeline_job *find_test(const struct use *use, struct str name)
{
	const struct lang_checker *checker = use->checker;
	size_t at;
	if (!checker->is_test || !lang_group_find(checker->test_groups[checker->stage_index], name, &at))
		return NULL;
	if (!waits_for(checker, checker->test_groups[checker->stage_index], name))
		lang_error_add(checker->errors, place_of(use, name),
			"the test \"%.*s\" is not among the \"needs\" of \"%.*s\"", STR_ARG(name),
			STR_ARG(checker->job->name.text));
	return &checker->stage->tests.items[at];
}

/* jobs.NAME.outputs.OUTPUT */
static void see_job(const struct use *use, const struct str *path, size_t count)
{
	const struct lang_checker *checker = use->checker;
	const struct pipeline_job *job = find_test(use, path[1]);
	const struct lang_job_ref *found = job ? NULL : lang_find_job(checker, path[1]);
	if (!job && !found) {
		lang_error_add(checker->errors, place_of(use, path[1]), "unknown job \"%.*s\"%s", STR_ARG(path[1]),
			lang_suggest_job(checker, path[1]));
		return;
	}
	if (found) {
		check_order(use, found);
		job = found->job;
	}
	if (count > 2 && !str_is(path[2], "outputs")) {
		lang_error_add(checker->errors, place_of(use, path[2]),
			"a job has \"outputs\" and nothing else that can be asked for, not \"%.*s\"", STR_ARG(path[2]));
		return;
	}
	for (size_t i = 0; count > 3 && i < job->outputs.count; i++)
		if (str_eq(job->outputs.items[i].text, path[3]))
			return;
	if (count <= 3)
		return;
	const char *hint = lang_suggest(checker->errors, path[3],
		&(struct lang_items){.items = job->outputs.items, .count = job->outputs.count},
		sizeof *job->outputs.items, 0);
	lang_error_add(checker->errors, place_of(use, path[3]), "the job \"%.*s\" has no output \"%.*s\"%s",
		STR_ARG(path[1]), STR_ARG(path[3]), *hint ? hint : "; its \"outputs\" must list it");
}

/* Why this name has no value here; NULL: it has one. */
static const char *refuse_root(const struct use *use, struct str root)
{
	const struct lang_checker *checker = use->checker;
	bool is_delivery = checker->is_deploy || checker->is_test;
	/* The version is worked out once, before any target. */
	bool is_once = checker->is_deploy && (use->key->flags & KEY_ONCE);
	if (str_is(root, "matrix") && !(checker->job && LANG_IS_SET(checker->job->matrix)))
		return "known only in a job that has a matrix";
	if (str_is(root, "env") && !checker->job && !checker->is_deploy)
		return "known only in jobs and in the deploy block";
	if ((str_is(root, "target") || str_is(root, "version")) && (!is_delivery || is_once))
		return "known only in the deploy block and in tests";
	if (str_is(root, "services") && (!is_delivery || is_once || use->is_condition))
		return "known only in texts of the deploy block and of tests, not in conditions";
	if (str_is(root, "environment") &&
		(is_once || !(is_delivery || (checker->job && LANG_IS_SET(checker->job->environment)))))
		return "known only in the deploy block, in tests, and in a job that has an environment";
	if (str_is(root, "environment") && checker->job && use->text == &checker->job->environment)
		return "not known in itself";
	if ((str_is(root, "jobs") || str_is(root, "run")) && (use->key->flags & KEY_PLANNED))
		return "known too late: this is settled when the run is planned";
	if (str_is(root, "jobs") && !checker->stage && !checker->is_deploy)
		return "known only in stages and in the deploy block";
	return NULL;
}

static void see(void *arg, const struct str *path, size_t count, bool is_call)
{
	const struct use *use = arg;
	const struct lang_checker *checker = use->checker;
	if (is_call) {
		see_call(use, path[0]);
		return;
	}
	const struct lang_root *root = lang_find_root(lang_roots, path[0]);
	if (!root) {
		const char *nearest = nearest_of(lang_roots, path[0]);
		lang_error_add(checker->errors, place_of(use, path[0]), "unknown name \"%.*s\" in an expression%s%s%s",
			STR_ARG(path[0]), nearest ? "; did you mean \"" : "", nearest ? nearest : "",
			nearest ? "\"?" : "");
		return;
	}
	const char *reason = refuse_root(use, path[0]);
	if (reason)
		lang_error_add(checker->errors, place_of(use, path[0]), "\"%.*s\" is %s", STR_ARG(path[0]), reason);
	if (reason || count < 2 || checker->is_partial)
		return;
	if (root->fields)
		see_field(use, root, path[1]);
	else if (str_is(path[0], "inputs"))
		see_input(use, path[1]);
	else if (str_is(path[0], "matrix"))
		see_axis(use, path[1]);
	else if (str_is(path[0], "jobs"))
		see_job(use, path, count);
	else if (str_is(path[0], "services") && (count != 4 || !str_is(path[2], "outputs")))
		lang_error_add(checker->errors, place_of(use, path[1]),
			"of a service there is \"services.NAME.outputs.OUTPUT\" and nothing else");
}

void lang_check_condition(struct lang_checker *checker, const struct lang_key *key, const struct lang_text *text)
{
	struct use use = {checker, key, text, true};
	const struct expr *expr;
	struct err err = {0};
	size_t at = 0;
	if (str_find(text->text, STR("${{"), &at))
		lang_error_add(checker->errors, lang_text_place(text, at),
			"\"%s\" is an expression already; write it without "
			"\"${{ }}\"",
			key->name);
	else if (!expr_parse(text->text, checker->arena, &expr, &at, &err))
		lang_error_add(checker->errors, lang_text_place(text, at), "%s", err.text);
	else
		expr_walk(expr, see, &use);
}

void lang_check_template(struct lang_checker *checker, const struct lang_key *key, const struct lang_text *text)
{
	struct use use = {checker, key, text, false};
	const struct expr_template *template;
	struct err err = {0};
	size_t at = 0;
	if (expr_template_parse(text->text, checker->arena, &template, &at, &err))
		expr_template_walk(template, see, &use);
	else
		lang_error_add(checker->errors, lang_text_place(text, at), "%s", err.text);
}
