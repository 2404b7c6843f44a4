#include "server/engine/planning.h"

/*
 * What a pull request from a fork may have: somebody whom nobody here knows wrote what the jobs run. It gets no secret
 * and no identity, keeps caches of its own, deploys nothing, and waits for a maintainer before any of it runs. The
 * consent is a gate, so it is bound to the commit: a newer commit is another run with a gate of its own. Its definition
 * is that of the base branch, which is for the planner's caller to see to.
 */

/* A job stage without jobs: unlike a stage that is only a gate, it keeps the concurrency group. */
static struct plan_stage consent(struct planning *in)
{
	struct plan_gate *gate = arena_new(in->arena, struct plan_gate);
	gate->approvals = 1;
	gate->role = STR("operator");
	return (struct plan_stage){.name = STR(PLAN_CONSENT_STAGE), .kind = PLAN_STAGE_JOBS, .gate = gate};
}

static void limit_job(struct planning *in, struct plan_job *job)
{
	if (job->secrets.count)
		planning_add(in, &in->plan.warnings,
			arena_printf(in->arena, "job \"%.*s\" gets no secret: the pull request comes from a fork",
				STR_ARG(job->key)));
	job->secrets = (struct str_list){0};
	job->id_token = NULL;
	if (!job->cache)
		return;
	struct str scope = arena_printf(in->arena, "pull-request/%lld", (long long)in->context->pr.number);
	job->cache = planning_own(in, json_deep_copy(job->cache));
	for (size_t i = 0; i < json_array_size(job->cache); i++)
		json_object_set_new(json_array_get(job->cache, i), "scope", json_stringn(scope.p, scope.n));
}

static void limit_stage(struct planning *in, struct plan_stage *stage)
{
	if (stage->kind == PLAN_STAGE_ENVIRONMENT && !stage->is_skipped) {
		stage->is_skipped = true;
		stage->skip_reason = STR("a pull request from a fork deploys nothing");
	}
	for (size_t i = 0; i < stage->job_count; i++)
		limit_job(in, &stage->jobs[i]);
}

void planning_fork(struct planning *in)
{
	struct plan *plan = &in->plan;
	struct plan_stage *stages = arena_array(in->arena, struct plan_stage, plan->stage_count + 1);
	stages[0] = consent(in);
	for (size_t i = 0; i < plan->stage_count; i++) {
		limit_stage(in, &plan->stages[i]);
		stages[i + 1] = plan->stages[i];
	}
	plan->stages = stages;
	plan->stage_count++;
	plan->is_fork = true;
}
