#ifndef SERVER_ENGINE_PLAN_RENDER_H
#define SERVER_ENGINE_PLAN_RENDER_H

/*
 * Finishes, while the run goes on, what its plan had to leave open: conditions and texts with ${{ }} that need outputs
 * of jobs, success() or the run's number. The engine decides with it whether a job or stage runs, dispatch makes a
 * job's final environment with it. Pure.
 */

#include "server/engine/plan.h"

/* What the run knows by now. */
struct plan_facts {
	const struct plan *plan;
	int64_t run_number; /* 0: not asked for */
	/* Outputs of the job with this key; false: it has not finished or wrote none. NULL: nobody has. */
	bool (*outputs)(void *arg, struct str key, struct pair_list *ret);
	void *outputs_arg;
	/* What deployments of another service put out in this environment last; false: nothing. NULL: nobody knows. */
	bool (*service)(void *arg, struct str service, struct pair_list *ret);
	void *service_arg;
	bool is_success; /* what success() says here */
	bool is_failure;
};

/*
 * `jobs.X.outputs.Y`: a declared output that was not written is "". Of a job with a matrix the last instance that wrote
 * outputs counts.
 */
bool plan_render(
	const struct plan_facts *facts, struct str text, struct arena *arena, struct str *ret, struct err *err);
bool plan_render_pairs(const struct plan_facts *facts, const struct pair_list *pairs, struct arena *arena,
	struct pair_list *ret, struct err *err);
/* What the steps of a job see: the plan's variables, over them the job's. The worker adds those of the attempt. */
bool plan_render_env(const struct plan_facts *facts, const struct plan_job *job, struct arena *arena,
	struct pair_list *ret, struct err *err);

/* The same as templates, for another plan: what this run knows is filled in, and can be no part of an expression;
 * outputs of other services stay open. */
bool plan_reduce_pairs(const struct plan_facts *facts, const struct pair_list *pairs, struct arena *arena,
	struct pair_list *ret, struct err *err);
bool plan_reduce_env(const struct plan_facts *facts, const struct plan_job *job, struct arena *arena,
	struct pair_list *ret, struct err *err);

/* Of a stage or job; "" is success(). */
bool plan_condition(
	const struct plan_facts *facts, struct str condition, struct arena *arena, bool *ret, struct err *err);

/* Of a step: its success() and failure() speak of the steps before it, so the worker decides, by one of these words. */
enum plan_step_when { PLAN_STEP_ON_SUCCESS, PLAN_STEP_ON_FAILURE, PLAN_STEP_ALWAYS, PLAN_STEP_NEVER };
extern const char *const plan_step_when_names[]; /* "", "failure", "always", "never" */
bool plan_step_when(const struct plan_facts *facts, const struct plan_step *step, struct arena *arena,
	enum plan_step_when *ret, struct err *err);

#endif
