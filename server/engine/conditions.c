#include "server/engine/conditions.h"

#include "server/engine/plan_render.h"
#include "server/engine/run_name.h"

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

static bool outputs_of(void *arg, struct str key, struct pair_list *ret)
{
	const struct graph_job *job = graph_job_by_key(arg, key);
	if (job)
		*ret = job->outputs;
	return job != NULL;
}

static int64_t number_of(struct str name)
{
	struct run_name run = {0};
	run_name_parse(name, &run, NULL);
	return run.number;
}

static bool holds(const struct view *view, struct str condition, struct str *ret_why)
{
	struct arena *arena = view->graph->arena;
	const struct plan_facts facts = {
		.plan = view->graph->plan,
		.run_number = number_of(view->graph->name),
		.outputs = outputs_of,
		.outputs_arg = (void *)(uintptr_t)view->graph,
		.is_success = is_success(view),
		.is_failure = is_failure(view),
	};
	struct err err = {0};
	bool truth = false;
	if (!plan_condition(&facts, condition, arena, &truth, &err))
		*ret_why = arena_printf(arena, "its condition could not be evaluated: %s", err.text);
	else if (!truth)
		*ret_why = arena_printf(arena, "its condition is false: %.*s", STR_ARG(condition));
	return truth;
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

bool condition_render(const struct run_graph *graph, struct str text, struct str *ret, struct err *err)
{
	const struct plan_facts facts = {
		.plan = graph->plan,
		.run_number = number_of(graph->name),
		.outputs = outputs_of,
		.outputs_arg = (void *)(uintptr_t)graph,
	};
	return plan_render(&facts, text, graph->arena, ret, err);
}
