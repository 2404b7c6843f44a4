#include "server/engine/plan_render.h"

#include "common/expr.h"

const char *const plan_step_when_names[] = {"", "failure", "always", "never", NULL};

/* One evaluation. Only the jobs that the text names are looked at: a run may have thousands. */
struct view {
	const struct plan_facts *facts;
	struct arena *arena;
	struct str_list wanted;
	bool wants_all;
	struct str_list services, outputs; /* side by side: services.NAME.outputs.OUTPUT that the text names */
};

static void note_name(void *arg, const struct str *path, size_t count, bool is_call)
{
	struct view *view = arg;
	if (!is_call && count == 4 && str_is(path[0], "services")) {
		str_list_add(&view->services, view->arena, path[1]);
		str_list_add(&view->outputs, view->arena, path[3]);
	}
	if (is_call || !str_is(path[0], "jobs"))
		return;
	if (count == 1) {
		view->wants_all = true;
		return;
	}
	view->wanted.items = arena_grow(view->arena, view->wanted.items, sizeof(struct str), view->wanted.count);
	view->wanted.items[view->wanted.count++] = path[1];
}

/* Declared outputs as texts; *ret_wrote tells whether the job wrote any. */
static struct expr_value outputs_of(const struct view *view, const struct plan_job *job, bool *ret_wrote)
{
	const struct plan_facts *facts = view->facts;
	struct pair_list written = {0}, outputs = {0};
	if (!facts->outputs || !facts->outputs(facts->outputs_arg, job->key, &written))
		written.count = 0;
	*ret_wrote = written.count > 0;
	for (size_t i = 0; i < job->outputs.count; i++)
		pair_set(&outputs, view->arena, job->outputs.items[i], pair_get(&written, job->outputs.items[i]));
	return expr_of_pairs(&outputs, view->arena);
}

static struct expr_value map_of_one(struct arena *arena, struct str name, struct expr_value value)
{
	struct expr_value *items = arena_array(arena, struct expr_value, 2);
	items[0] = expr_text(name);
	items[1] = value;
	return (struct expr_value){.kind = EXPR_MAP, .items = items, .count = 1};
}

struct entries {
	struct expr_value *items;
	size_t count; /* pairs */
};

/* A later instance of the same job takes the place of an earlier one, if it wrote anything. */
static void add_job(const struct view *view, const struct plan_job *job, struct entries *entries)
{
	bool has_written;
	struct expr_value outputs = outputs_of(view, job, &has_written);
	struct expr_value value = map_of_one(view->arena, STR("outputs"), outputs);
	for (size_t i = 0; i < entries->count; i++) {
		if (!str_eq(entries->items[2 * i].text, job->name))
			continue;
		if (has_written)
			entries->items[2 * i + 1] = value;
		return;
	}
	entries->items = arena_grow(view->arena, entries->items, 2 * sizeof *entries->items, entries->count);
	entries->items[2 * entries->count] = expr_text(job->name);
	entries->items[2 * entries->count + 1] = value;
	entries->count++;
}

static struct expr_value jobs_of(const struct view *view)
{
	const struct plan *plan = view->facts->plan;
	struct entries entries = {0};
	for (size_t i = 0; i < plan->stage_count; i++)
		for (size_t j = 0; j < plan->stages[i].job_count; j++)
			if (view->wants_all || str_list_has(&view->wanted, plan->stages[i].jobs[j].name))
				add_job(view, &plan->stages[i].jobs[j], &entries);
	return (struct expr_value){.kind = EXPR_MAP, .items = entries.items, .count = entries.count};
}

/* What a text names, and "" where that was not put out: it may come any day. */
static struct expr_value services_of(const struct view *view)
{
	struct expr_value *items = arena_array(view->arena, struct expr_value, 2 * view->services.count + 1);
	size_t count = 0;
	for (size_t i = 0; i < view->services.count; i++) {
		struct str name = view->services.items[i];
		struct pair_list all = {0}, named = {0};
		if (!view->facts->service(view->facts->service_arg, name, &all))
			all.count = 0;
		for (size_t j = 0; j < view->services.count; j++)
			if (str_eq(view->services.items[j], name))
				pair_set(&named, view->arena, view->outputs.items[j],
					pair_get(&all, view->outputs.items[j]));
		items[2 * count] = expr_text(name);
		items[2 * count++ + 1] = map_of_one(view->arena, STR("outputs"), expr_of_pairs(&named, view->arena));
	}
	return (struct expr_value){.kind = EXPR_MAP, .items = items, .count = count};
}

static bool get_root(void *arg, struct str name, struct arena *arena, struct expr_value *ret, struct err *err)
{
	const struct view *view = arg;
	if (str_is(name, "jobs")) {
		*ret = jobs_of(view);
		return true;
	}
	if (str_is(name, "services") && view->facts->service) {
		*ret = services_of(view);
		return true;
	}
	if (str_is(name, "version")) {
		struct str version;
		*ret = expr_text((struct str){0});
		if (!plan_render(view->facts, view->facts->plan->version, arena, &version, err))
			return false;
		*ret = expr_text(version);
		return true;
	}
	if (!str_is(name, "run"))
		return err_set(err, ERR_NOT_FOUND, "\"%.*s\" has no value in a run", STR_ARG(name));
	struct expr_value *items = arena_array(arena, struct expr_value, 4);
	items[0] = expr_text(STR("number"));
	items[1] = expr_int(view->facts->run_number);
	items[2] = expr_text(STR("pipeline"));
	items[3] = expr_text(view->facts->plan->pipeline);
	*ret = (struct expr_value){.kind = EXPR_MAP, .items = items, .count = 2};
	return true;
}

static bool call(void *arg, struct str name, const struct expr_value *args, size_t count, struct arena *arena,
	struct expr_value *ret, struct err *err)
{
	(void)args, (void)arena;
	const struct view *view = arg;
	bool truth = true;
	if (str_is(name, "success"))
		truth = view->facts->is_success;
	else if (str_is(name, "failure"))
		truth = view->facts->is_failure;
	else if (!str_is(name, "always"))
		return err_set(err, ERR_NOT_FOUND, "unknown function %.*s()", STR_ARG(name));
	if (count)
		return err_set(err, ERR_INVALID, "%.*s() takes nothing in its brackets", STR_ARG(name));
	*ret = expr_bool(truth);
	return true;
}

static bool is_later(void *arg, const struct str *path, size_t count, bool is_call)
{
	const struct view *view = arg;
	(void)count;
	return !is_call && !view->facts->service && str_is(path[0], "services");
}

/* As a value, or as a template that gives it, in which outputs of other services stay open. */
static bool render(const struct plan_facts *facts, struct str text, bool is_template, struct arena *arena,
	struct str *ret, struct err *err)
{
	struct view view = {.facts = facts, .arena = arena};
	struct expr_scope scope = {.arg = &view, .name = get_root, .call = call};
	const struct expr_template *template;
	size_t at;
	if (!plan_needs_run(text)) {
		*ret = text;
		return true;
	}
	if (!expr_template_parse(text, arena, &template, &at, err))
		return false;
	expr_template_walk(template, note_name, &view);
	if (!is_template)
		return expr_template_render(template, &scope, arena, ret, err);
	scope.is_later = is_later;
	return expr_template_reduce(template, &scope, arena, ret, err);
}

bool plan_render(const struct plan_facts *facts, struct str text, struct arena *arena, struct str *ret, struct err *err)
{
	return render(facts, text, false, arena, ret, err);
}

static bool render_pairs(const struct plan_facts *facts, const struct pair_list *pairs, bool is_template,
	struct arena *arena, struct pair_list *ret, struct err *err)
{
	struct pair_list made = {0};
	for (size_t i = 0; i < pairs->count; i++) {
		struct str value;
		if (!render(facts, pairs->items[i].value, is_template, arena, &value, err))
			return err_wrap(err, "%.*s", STR_ARG(pairs->items[i].name));
		pair_set(&made, arena, pairs->items[i].name, value);
	}
	*ret = made;
	return true;
}

bool plan_render_pairs(const struct plan_facts *facts, const struct pair_list *pairs, struct arena *arena,
	struct pair_list *ret, struct err *err)
{
	return render_pairs(facts, pairs, false, arena, ret, err);
}

bool plan_reduce_pairs(const struct plan_facts *facts, const struct pair_list *pairs, struct arena *arena,
	struct pair_list *ret, struct err *err)
{
	return render_pairs(facts, pairs, true, arena, ret, err);
}

static bool env_of(const struct plan_facts *facts, const struct plan_job *job, bool is_template, struct arena *arena,
	struct pair_list *ret, struct err *err)
{
	struct pair_list env, own;
	if (!render_pairs(facts, &facts->plan->env, is_template, arena, &env, err) ||
		!render_pairs(facts, &job->env, is_template, arena, &own, err))
		return false;
	for (size_t i = 0; i < own.count; i++)
		pair_set(&env, arena, own.items[i].name, own.items[i].value);
	*ret = env;
	return true;
}

bool plan_render_env(const struct plan_facts *facts, const struct plan_job *job, struct arena *arena,
	struct pair_list *ret, struct err *err)
{
	return env_of(facts, job, false, arena, ret, err);
}

bool plan_reduce_env(const struct plan_facts *facts, const struct plan_job *job, struct arena *arena,
	struct pair_list *ret, struct err *err)
{
	return env_of(facts, job, true, arena, ret, err);
}

bool plan_condition(
	const struct plan_facts *facts, struct str condition, struct arena *arena, bool *ret, struct err *err)
{
	struct view view = {.facts = facts, .arena = arena};
	const struct expr_scope scope = {.arg = &view, .name = get_root, .call = call};
	const struct expr *expr;
	struct expr_value value;
	size_t at;
	if (condition.n == 0) {
		*ret = facts->is_success;
		return true;
	}
	if (!expr_parse(condition, arena, &expr, &at, err))
		return false;
	expr_walk(expr, note_name, &view);
	return expr_eval(expr, &scope, arena, &value, err) && expr_is_true(&value, ret, err);
}

/* What success() and failure() will say is tried out both ways; nothing else in the condition is open any more. */
bool plan_step_when(const struct plan_facts *facts, const struct plan_step *step, struct arena *arena,
	enum plan_step_when *ret, struct err *err)
{
	struct plan_facts good = *facts, bad = *facts;
	bool on_success, on_failure;
	good.is_success = bad.is_failure = true;
	good.is_failure = bad.is_success = false;
	if (!plan_condition(&good, step->condition, arena, &on_success, err) ||
		!plan_condition(&bad, step->condition, arena, &on_failure, err))
		return err_wrap(err, "step \"%.*s\"", STR_ARG(step->name));
	/* `always: true` beside a condition: whatever happened before, if the rest of the condition holds. */
	if (step->is_always && (on_success || on_failure))
		on_success = on_failure = true;
	*ret = on_success && on_failure ? PLAN_STEP_ALWAYS
	       : on_success             ? PLAN_STEP_ON_SUCCESS
	       : on_failure             ? PLAN_STEP_ON_FAILURE
					: PLAN_STEP_NEVER;
	return true;
}
