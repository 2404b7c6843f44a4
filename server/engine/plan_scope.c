#include "server/engine/planning.h"

#include "common/glob.h"
#include "common/lang/roots.h"

/* What expressions see while a plan is made, and how texts and conditions of the file become those of the plan. */

static struct expr_value map_of(struct planning *in, const struct pair *texts, size_t count)
{
	struct expr_value *items = arena_array(in->arena, struct expr_value, 2 * count);
	for (size_t i = 0; i < count; i++) {
		items[2 * i] = expr_text(texts[i].name);
		items[2 * i + 1] = expr_text(texts[i].value);
	}
	return (struct expr_value){.kind = EXPR_MAP, .items = items, .count = count};
}

static struct expr_value pr_of(struct planning *in, const struct plan_pull_request *pr)
{
	if (pr->number == 0)
		return (struct expr_value){.kind = EXPR_NULL};
	const struct expr_value pairs[] = {
		expr_text(STR("number")),
		expr_int(pr->number),
		expr_text(STR("title")),
		expr_text(pr->title),
		expr_text(STR("base")),
		expr_text(pr->base),
		expr_text(STR("head")),
		expr_text(pr->head),
		expr_text(STR("author")),
		expr_text(pr->author),
		expr_text(STR("is_fork")),
		expr_bool(pr->is_fork),
	};
	enum { COUNT = sizeof pairs / sizeof pairs[0] };
	struct expr_value *items = arena_array(in->arena, struct expr_value, COUNT);
	for (size_t i = 0; i < COUNT; i++)
		items[i] = pairs[i];
	return (struct expr_value){.kind = EXPR_MAP, .items = items, .count = COUNT / 2};
}

void planning_roots(struct planning *in)
{
	const struct plan_context *context = in->context;
	const struct pair event[] = {
		{STR("kind"), str_of(plan_event_names[context->event])},
		{STR("ref"), context->ref},
		{STR("branch"), context->branch},
		{STR("tag"), context->tag},
		{STR("commit"), context->commit},
		{STR("before"), context->before},
		{STR("message"), context->message},
		{STR("author"), context->author_name},
		{STR("author_email"), context->author_email},
		{STR("actor"), context->actor},
	};
	const struct pair repo[] = {
		{STR("name"), context->repository},
		{STR("default_branch"), context->default_branch},
	};
	in->event = map_of(in, event, sizeof event / sizeof event[0]);
	in->repo = map_of(in, repo, sizeof repo / sizeof repo[0]);
	in->pr = pr_of(in, &context->pr);
}

static struct expr_value environment_of(struct planning *in, const struct plan_environment *environment)
{
	struct expr_value *items = arena_array(in->arena, struct expr_value, 6);
	items[0] = expr_text(STR("name"));
	items[1] = expr_text(environment->name);
	items[2] = expr_text(STR("tier"));
	items[3] = expr_text(environment->tier);
	items[4] = expr_text(STR("variables"));
	items[5] = expr_of_pairs(&environment->variables, in->arena);
	items[5].owner = arena_str(in->arena, environment->name).p;
	return (struct expr_value){.kind = EXPR_MAP, .items = items, .count = 3};
}

static struct expr_value target_of(struct planning *in, const struct plan_target *target)
{
	struct expr_value *items = arena_array(in->arena, struct expr_value, 6);
	items[0] = expr_text(STR("name"));
	items[1] = expr_text(target->name);
	items[2] = expr_text(STR("url"));
	items[3] = expr_text(target->url);
	items[4] = expr_text(STR("variables"));
	items[5] = expr_of_pairs(&target->variables, in->arena);
	items[5].owner = arena_str(in->arena, target->name).p;
	return (struct expr_value){.kind = EXPR_MAP, .items = items, .count = 3};
}

/* Values of the levels above are templates by now; one that is plain text once its quoting is undone has a value. */
static bool unquote(struct planning *in, struct str template_text, struct str *ret)
{
	static const struct expr_scope nothing;
	const struct expr_template *template;
	size_t at;
	if (!plan_needs_run(template_text)) {
		*ret = template_text;
		return true;
	}
	return expr_template_parse(template_text, in->arena, &template, &at, NULL) &&
	       expr_template_render(template, &nothing, in->arena, ret, NULL);
}

/* Variables that only the run completes are left out of the map: is_later() has reported whoever named one. */
static struct expr_value env_of(const struct plan_scope *scope)
{
	struct pair_list known = {0};
	struct str value;
	for (size_t i = 0; scope->env && i < scope->env->count; i++)
		if (unquote(scope->in, scope->env->items[i].value, &value))
			pair_set(&known, scope->in->arena, scope->env->items[i].name, value);
	return expr_of_pairs(&known, scope->in->arena);
}

static bool get_root(void *arg, struct str name, struct arena *arena, struct expr_value *ret, struct err *err)
{
	static const struct pair_list no_pairs;
	const struct plan_scope *scope = arg;
	struct planning *in = scope->in;
	if (str_is(name, "inputs"))
		*ret = in->inputs;
	else if (str_is(name, "event"))
		*ret = in->event;
	else if (str_is(name, "repo"))
		*ret = in->repo;
	else if (str_is(name, "pr"))
		*ret = in->pr;
	else if (str_is(name, "matrix"))
		*ret = expr_of_pairs(scope->matrix ? scope->matrix : &no_pairs, arena);
	else if (str_is(name, "env"))
		*ret = env_of(scope);
	else if (str_is(name, "environment") && scope->environment)
		*ret = environment_of(in, scope->environment);
	else if (str_is(name, "target") && scope->place && scope->place->target)
		*ret = target_of(in, scope->place->target);
	else if (lang_find_root(lang_roots, name))
		return err_set(err, ERR_INVALID, "\"%.*s\" has no value here", STR_ARG(name));
	else
		return err_set(err, ERR_NOT_FOUND, "unknown name \"%.*s\"", STR_ARG(name));
	return true;
}

static bool call_changed(
	struct planning *in, const struct expr_value *args, size_t count, struct expr_value *ret, struct err *err)
{
	struct str_list globs = {.items = arena_array(in->arena, struct str, count)};
	if (count == 0)
		return err_set(err, ERR_INVALID, "changed() takes globs of files, like changed(\"src/**\")");
	for (; globs.count < count; globs.count++) {
		if (args[globs.count].kind != EXPR_TEXT)
			return err_set(err, ERR_INVALID, "changed() takes globs of files, as texts");
		globs.items[globs.count] = args[globs.count].text;
		if (!glob_check(globs.items[globs.count], err))
			return err_wrap(err, "changed()");
	}
	bool is_changed = !in->context->has_paths;
	for (size_t i = 0; i < in->context->paths.count && !is_changed; i++)
		is_changed = glob_list_match(&globs, in->context->paths.items[i]);
	*ret = expr_bool(is_changed);
	return true;
}

static bool call(void *arg, struct str name, const struct expr_value *args, size_t count, struct arena *arena,
	struct expr_value *ret, struct err *err)
{
	(void)arena;
	const struct plan_scope *scope = arg;
	if (str_is(name, "changed"))
		return call_changed(scope->in, args, count, ret, err);
	if (lang_find_root(lang_functions, name))
		return err_set(err, ERR_INVALID, "%.*s() has no value here: only the run knows", STR_ARG(name));
	return err_set(err, ERR_NOT_FOUND, "unknown function %.*s()", STR_ARG(name));
}

/* Who reads whom is the admin's: services that read each other could never be deployed anew. */
static void check_read(struct planning *in, struct str other)
{
	const struct plan_context *context = in->context;
	if (context->may_read && !context->may_read(context->environment_arg, in->service, other))
		planning_refuse(in,
			arena_printf(in->arena,
				"the service \"%.*s\" may not read outputs of \"%.*s\"; an admin adds it to `reads` of the service "
				"with \"penstock config apply\"",
				STR_ARG(in->service), STR_ARG(other)));
}

static bool is_later(void *arg, const struct str *path, size_t count, bool is_call)
{
	const struct plan_scope *scope = arg;
	if (!is_call && count > 1 && str_is(path[0], "services"))
		check_read(scope->in, path[1]);
	const struct lang_root *root = lang_find_root(is_call ? lang_functions : lang_roots, path[0]);
	if (root && !is_call && str_is(path[0], "environment"))
		return scope->names_environment && !scope->environment;
	if (root && !is_call && str_is(path[0], "target") && scope->place && scope->place->target)
		return false;
	return root && root->known != LANG_KNOWN_AT_PLANNING;
}

static struct expr_scope expr_scope_of(const struct plan_scope *scope, bool has_later)
{
	return (struct expr_scope){
		.arg = (void *)(uintptr_t)scope,
		.name = get_root,
		.call = call,
		.is_later = has_later ? is_later : NULL,
	};
}

static struct str resolve(const struct plan_scope *scope, const struct lang_text *text, bool has_later)
{
	struct planning *in = scope->in;
	const struct expr_template *template;
	struct str resolved = {0};
	struct err err = {0};
	size_t at;
	if (!plan_needs_run(text->text))
		return text->text;
	if (!expr_template_parse(text->text, in->arena, &template, &at, &err)) {
		planning_fail(in, lang_text_place(text, at), "%s", err.text);
		return resolved;
	}
	const struct expr_scope values = expr_scope_of(scope, has_later);
	bool is_fine = has_later ? expr_template_reduce(template, &values, in->arena, &resolved, &err)
				 : expr_template_render(template, &values, in->arena, &resolved, &err);
	if (!is_fine)
		planning_fail(in, text->at, "%s", err.text);
	return resolved;
}

struct str scope_text(const struct plan_scope *scope, const struct lang_text *text)
{
	return resolve(scope, text, true);
}

struct str scope_text_now(const struct plan_scope *scope, const struct lang_text *text)
{
	return resolve(scope, text, false);
}

struct str_list scope_texts(const struct plan_scope *scope, const struct lang_texts *texts)
{
	struct str_list list = {.items = arena_array(scope->in->arena, struct str, texts->count)};
	for (; list.count < texts->count; list.count++)
		list.items[list.count] = scope_text(scope, &texts->items[list.count]);
	return list;
}

struct str_list scope_texts_now(const struct plan_scope *scope, const struct lang_texts *texts)
{
	struct str_list list = {.items = arena_array(scope->in->arena, struct str, texts->count)};
	for (; list.count < texts->count; list.count++)
		list.items[list.count] = scope_text_now(scope, &texts->items[list.count]);
	return list;
}

struct pair_list scope_pairs(const struct plan_scope *scope, const struct lang_pairs *pairs)
{
	struct pair_list list = {0};
	scope_env(scope, pairs, &list);
	return list;
}

void scope_env(const struct plan_scope *scope, const struct lang_pairs *pairs, struct pair_list *env)
{
	for (size_t i = 0; i < pairs->count; i++)
		pair_set(env, scope->in->arena, pairs->items[i].name.text, scope_text(scope, &pairs->items[i].value));
}

/* Conditions. */

struct uses {
	bool status; /* success(), failure() or always() */
};

static void note_use(void *arg, const struct str *path, size_t count, bool is_call)
{
	(void)count;
	struct uses *uses = arg;
	const struct lang_root *function = is_call ? lang_find_root(lang_functions, path[0]) : NULL;
	if (function && function->known == LANG_KNOWN_IN_RUN)
		uses->status = true;
}

static bool names_status(const struct expr *expr)
{
	struct uses uses = {0};
	expr_walk(expr, note_use, &uses);
	return uses.status;
}

/*
 * What a condition means when it names none of success(), failure(), always() is `success() && (it)`. That is said
 * here, where the whole condition is still in sight: what is left of it after reduction may have lost its always().
 */
static struct planned_condition decide(
	struct planning *in, const struct lang_text *text, const struct expr *whole, const struct expr *rest)
{
	struct planned_condition result = {0};
	struct expr_value value;
	struct err err = {0};
	bool truth, has_status = names_status(whole);
	size_t at;
	if (!expr_is_literal(rest, &value)) {
		result.condition = expr_print(rest, in->arena);
		if (!has_status)
			result.condition = arena_printf(in->arena, "success() && (%.*s)", STR_ARG(result.condition));
		if (!expr_parse(result.condition, in->arena, &rest, &at, &err))
			planning_fail(in, text->at, "%s", err.text);
		else
			result.condition = expr_print(rest, in->arena); /* without brackets that say nothing */
		return result;
	}
	if (!expr_is_true(&value, &truth, &err)) {
		planning_fail(in, text->at, "%s", err.text);
		return result;
	}
	if (truth && has_status)
		result.condition = STR("always()");
	result.is_skipped = !truth;
	if (!truth)
		result.reason = arena_printf(in->arena, "its condition is false: %.*s", STR_ARG(str_trim(text->text)));
	return result;
}

struct planned_condition scope_condition(const struct plan_scope *scope, const struct lang_text *condition)
{
	struct planning *in = scope->in;
	const struct expr_scope values = expr_scope_of(scope, true);
	const struct expr *expr, *rest;
	struct err err = {0};
	size_t at;
	if (!LANG_IS_SET(*condition))
		return (struct planned_condition){0};
	if (!expr_parse(condition->text, in->arena, &expr, &at, &err)) {
		planning_fail(in, lang_text_place(condition, at), "%s", err.text);
		return (struct planned_condition){0};
	}
	if (!expr_reduce(expr, &values, in->arena, &rest, &err)) {
		planning_fail(in, condition->at, "%s", err.text);
		return (struct planned_condition){0};
	}
	return decide(in, condition, expr, rest);
}
