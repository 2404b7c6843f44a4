#include "server/engine/conditions.h"

#include "common/expr.h"

struct view {
	const struct run_graph *graph;
	size_t stage;
	const struct graph_job *job; /* NULL: the condition of the stage itself */
};

static bool is_good(const struct graph_job *job)
{
	return job->state == JOB_SUCCEEDED ||
	       (job->allow_failure && (job->state == JOB_FAILED || job->state == JOB_LOST));
}

static bool is_bad(const struct graph_job *job)
{
	return !is_good(job) && (job->state == JOB_FAILED || job->state == JOB_LOST);
}

static const struct graph_stage *failed_stage(const struct run_graph *graph, size_t before)
{
	for (size_t i = 0; i < before; i++)
		if (graph->stages[i].state == STAGE_FAILED)
			return &graph->stages[i];
	return NULL;
}

static const struct graph_job *unmet_need(const struct view *view)
{
	for (size_t i = 0; i < view->job->need_count; i++)
		if (!is_good(&view->graph->jobs[view->job->needs[i]]))
			return &view->graph->jobs[view->job->needs[i]];
	return NULL;
}

static bool is_success(const struct view *view)
{
	return view->job ? !unmet_need(view) : !failed_stage(view->graph, view->stage);
}

static bool is_failure(const struct view *view)
{
	if (!view->job || view->job->need_count == 0)
		return failed_stage(view->graph, view->stage) != NULL;
	for (size_t i = 0; i < view->job->need_count; i++)
		if (is_bad(&view->graph->jobs[view->job->needs[i]]))
			return true;
	return false;
}

/* --- the scope --- */

static struct expr_value of_text(struct str text)
{
	return (struct expr_value){.kind = EXPR_TEXT, .text = text};
}

static struct expr_value of_map(const struct expr_value *items, size_t pairs)
{
	return (struct expr_value){.kind = EXPR_MAP, .items = items, .count = pairs};
}

static struct expr_value outputs_of(const struct graph_job *job, struct arena *arena)
{
	struct expr_value *items = arena_array(arena, struct expr_value, 2 * job->outputs.count);
	for (size_t i = 0; i < job->outputs.count; i++) {
		items[2 * i] = of_text(job->outputs.items[i].name);
		items[2 * i + 1] = of_text(job->outputs.items[i].value);
	}
	return of_map(items, job->outputs.count);
}

/* jobs.NAME.outputs: of several instances of a matrix the last one counts, so later entries come first. */
static struct expr_value jobs_value(const struct run_graph *graph, struct arena *arena)
{
	struct expr_value *items = arena_array(arena, struct expr_value, 2 * graph->job_count);
	for (size_t i = 0; i < graph->job_count; i++) {
		const struct graph_job *job = &graph->jobs[graph->job_count - 1 - i];
		struct expr_value *inner = arena_array(arena, struct expr_value, 2);
		inner[0] = of_text(STR("outputs"));
		inner[1] = outputs_of(job, arena);
		items[2 * i] = of_text(job->plan->name);
		items[2 * i + 1] = of_map(inner, 1);
	}
	return of_map(items, graph->job_count);
}

static bool find_name(void *arg, struct str name, struct arena *arena, struct expr_value *ret, struct err *err)
{
	const struct view *view = arg;
	if (!str_is(name, "jobs"))
		return err_set(err, ERR_INVALID, "unknown name \"%.*s\"", STR_ARG(name));
	*ret = jobs_value(view->graph, arena);
	return true;
}

static bool call(void *arg, struct str name, const struct expr_value *args, size_t count, struct arena *arena,
	struct expr_value *ret, struct err *err)
{
	(void)args;
	(void)arena;
	const struct view *view = arg;
	bool truth;
	if (str_is(name, "success"))
		truth = is_success(view);
	else if (str_is(name, "failure"))
		truth = is_failure(view);
	else if (str_is(name, "always"))
		truth = true;
	else
		return err_set(err, ERR_INVALID, "unknown function %.*s()", STR_ARG(name));
	if (count)
		return err_set(err, ERR_INVALID, "%.*s() takes no argument", STR_ARG(name));
	*ret = (struct expr_value){.kind = EXPR_BOOL, .truth = truth};
	return true;
}

/* --- the conditions --- */

static bool holds(const struct view *view, struct str condition, struct str *ret_why)
{
	struct arena *arena = view->graph->arena;
	struct expr_scope scope = {.arg = (void *)(uintptr_t)view, .name = find_name, .call = call};
	struct err err = {0};
	const struct expr *expr;
	struct expr_value value;
	size_t at;
	bool truth;
	bool ok = expr_parse(condition, arena, &expr, &at, &err) && expr_eval(expr, &scope, arena, &value, &err) &&
		  expr_is_true(&value, &truth, &err);
	if (!ok)
		*ret_why = arena_printf(arena, "its condition could not be evaluated: %s", err.text);
	else if (!truth)
		*ret_why = arena_printf(arena, "its condition is false: %.*s", STR_ARG(condition));
	return ok && truth;
}

bool condition_stage(const struct run_graph *graph, size_t stage, struct str *ret_why)
{
	struct view view = {.graph = graph, .stage = stage};
	struct str condition = graph->stages[stage].plan->condition;
	if (condition.n)
		return holds(&view, condition, ret_why);
	const struct graph_stage *failed = failed_stage(graph, stage);
	if (failed)
		*ret_why = arena_printf(graph->arena, "stage \"%.*s\" failed", STR_ARG(failed->plan->name));
	return !failed;
}

bool condition_job(const struct run_graph *graph, const struct graph_job *job, struct str *ret_why)
{
	struct view view = {.graph = graph, .stage = job->stage, .job = job};
	if (job->plan->condition.n)
		return holds(&view, job->plan->condition, ret_why);
	const struct graph_job *unmet = unmet_need(&view);
	if (unmet)
		*ret_why = arena_printf(graph->arena, "job \"%.*s\", which it needs, %s", STR_ARG(unmet->key),
			job_state_names[unmet->state]);
	return !unmet;
}
