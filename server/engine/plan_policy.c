#include "server/engine/plan_policy.h"

enum { TIMEOUT_MS = 30 * 60 * 1000 };

struct str plan_policy_step_name(const struct str_list *policies, struct arena *arena)
{
	struct str name = STR("policy:");
	for (size_t i = 0; i < policies->count; i++)
		name = arena_printf(arena, "%.*s%s %.*s", STR_ARG(name), i ? "," : "", STR_ARG(policies->items[i]));
	return name;
}

static bool has_stage(const struct plan *plan, struct str name)
{
	for (size_t i = 0; i < plan->stage_count; i++)
		if (str_eq(plan->stages[i].name, name))
			return true;
	return false;
}

/* A file may use any name: ours gives way. */
static struct str free_name(const struct plan *plan, struct str wanted, struct arena *arena)
{
	struct str name = wanted;
	for (int i = 2; has_stage(plan, name); i++)
		name = arena_printf(arena, "%.*s-%d", STR_ARG(wanted), i);
	return name;
}

static void add_need(struct plan_job *job, struct str key, struct arena *arena)
{
	job->needs.items = arena_grow(arena, job->needs.items, sizeof *job->needs.items, job->needs.count);
	job->needs.items[job->needs.count++] = key;
}

/* Whose artifacts it looks at: all that were made before. */
static void add_artifacts_before(struct plan_job *job, const struct plan *plan, size_t stage, struct arena *arena)
{
	for (size_t i = 0; i < stage; i++)
		for (size_t j = 0; j < plan->stages[i].job_count; j++) {
			const struct plan_job *made = &plan->stages[i].jobs[j];
			if (made->artifacts.paths.count && !made->is_skipped && !plan->stages[i].is_skipped)
				add_need(job, made->key, arena);
		}
}

static struct plan_job *policy_job(const struct plan *plan, size_t stage, struct str stage_name,
	const struct str_list *policies, struct arena *arena)
{
	struct plan_job *job = arena_new(arena, struct plan_job);
	*job = (struct plan_job){
		.key = arena_printf(arena, "%.*s/policy", STR_ARG(stage_name)),
		.name = STR("policy"),
		.timeout_ms = TIMEOUT_MS,
		.retry = {.max = 1, .on_worker_lost = true},
		.fetch_depth = 1,
		.steps = arena_new(arena, struct plan_step),
		.step_count = 1,
	};
	*job->steps = (struct plan_step){
		.name = plan_policy_step_name(policies, arena), .kind = PLAN_STEP_POLICY, .policies = *policies};
	pair_set(&job->env, arena, STR("CI_STAGE_NAME"), stage_name);
	pair_set(&job->env, arena, STR("CI_JOB_NAME"), job->name);
	add_artifacts_before(job, plan, stage, arena);
	return job;
}

/* An `if: always()` of the file's must not lead past the checks. */
static void demand_success(struct plan_stage *stage, struct arena *arena)
{
	if (stage->condition.n)
		stage->condition = arena_printf(arena, "success() && (%.*s)", STR_ARG(stage->condition));
}

void plan_require_policies(
	struct plan *plan, size_t stage, const struct str_list *policies, size_t *ret_stage, struct arena *arena)
{
	BUG_ON(stage >= plan->stage_count);
	*ret_stage = stage;
	if (!policies->count)
		return;
	struct plan_stage *stages = arena_array(arena, struct plan_stage, plan->stage_count + 1);
	for (size_t i = 0; i < plan->stage_count; i++)
		stages[i + (i >= stage)] = plan->stages[i];
	struct plan_stage *made = &stages[stage], *guarded = &stages[stage + 1];
	*made = (struct plan_stage){
		.name = free_name(plan, arena_printf(arena, "%.*s-policy", STR_ARG(guarded->name)), arena),
		.kind = PLAN_STAGE_JOBS,
		.condition = guarded->condition,
		.is_skipped = guarded->is_skipped,
		.skip_reason = guarded->skip_reason,
		.job_count = 1,
	};
	made->jobs = policy_job(plan, stage, made->name, policies, arena);
	made->jobs->is_skipped = made->is_skipped;
	made->jobs->skip_reason = made->skip_reason;
	demand_success(guarded, arena);
	plan->stages = stages;
	plan->stage_count++;
	*ret_stage = stage + 1;
}
