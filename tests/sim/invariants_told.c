/* What a job is told when somebody takes it: as dispatch makes its variables, by the plan of its run and what others
 * have put out by then. */
#include "server/engine/plan_render.h"
#include "tests/sim/sim.h"

struct view {
	const struct sim *sim;
	const struct run_graph *graph;
	struct str environment;
};

static bool find_outputs(void *arg, struct str key, struct pair_list *ret)
{
	const struct view *view = arg;
	const struct graph_job *job = graph_job_by_key(view->graph, key);
	if (!job || !job_is_over(job->state))
		return false;
	*ret = job->outputs;
	return true;
}

static bool find_service(void *arg, struct str service, struct pair_list *ret)
{
	const struct view *view = arg;
	*ret = rows_put_out(&view->sim->rows, service, view->environment);
	return ret->count > 0;
}

/* Of a deployment that says so: the output of the job that made its version, whichever run that was in, and what web
 * has there now, also where the plan is of long ago. */
static void check_variables(
	struct sim *sim, const struct view *view, const struct graph_job *job, const struct pair_list *env)
{
	struct str name = view->graph->name, version = {0}, made, web;
	struct pair_list out = rows_put_out(&sim->rows, STR("web"), view->environment);
	struct str wanted = arena_printf(&sim->arena, "<%.*s>", STR_ARG(pair_get(&out, STR("address"))));
	if (!pair_find(env, STR("MADE"), &made) || !pair_find(env, STR("WEB"), &web)) {
		sim_fail(sim, "%.*s: %.*s is not told what it asks for", STR_ARG(name), STR_ARG(job->key));
		return;
	}
	for (size_t i = 0; i < view->graph->deployment_count; i++)
		if (&view->graph->jobs[view->graph->deployments[i].job] == job)
			version = view->graph->deployments[i].version;
	if (!str_eq(made, version))
		sim_fail(sim, "%.*s: %.*s deploys %.*s, and is told of %.*s", STR_ARG(name), STR_ARG(job->key),
			STR_ARG(version), STR_ARG(made));
	if (!str_eq(web, wanted))
		sim_fail(sim, "%.*s: %.*s is told that web is at %.*s, and it is at %.*s", STR_ARG(name),
			STR_ARG(job->key), STR_ARG(web), STR_ARG(wanted));
}

void check_told(struct sim *sim, const struct row_attempt *attempt)
{
	const struct run_graph *graph = &rows_run(&sim->rows, attempt->run)->graph;
	const struct graph_job *job = graph_job_by_id(graph, attempt->job);
	const struct plan_stage *stage = graph->stages[job->stage].plan;
	struct view view = {sim, graph, stage->environment};
	const struct plan_facts facts = {.plan = graph->plan,
		.run_number = graph->id,
		.outputs = find_outputs,
		.outputs_arg = &view,
		.service = find_service,
		.service_arg = &view,
		.is_success = true};
	struct pair_list env;
	struct err err = {0};
	/* It takes its time, and the others ask for nothing that another run has to say. */
	if (!stage->delivery || job->plan->part != PLAN_PART_DEPLOY || !str_is(stage->delivery->service, "api"))
		return;
	if (!plan_render_env(&facts, job->plan, &sim->arena, &env, &err))
		sim_fail(sim, "%.*s: nobody can tell %.*s its variables: %s", STR_ARG(graph->name), STR_ARG(job->key),
			err.text);
	else
		check_variables(sim, &view, job, &env);
}
