#include "server/engine/redeploy.h"

#include "common/digest.h"
#include "common/expr.h"
#include "common/mem.h"

#include <string.h>

/* One stored plan that jobs are taken from. */
struct source {
	const struct redeploy *redeploy;
	const struct plan *plan;
	int64_t run, run_number;
	struct str commit, version;
	struct arena *arena;
};

static bool outputs_of(void *arg, struct str key, struct pair_list *ret)
{
	const struct source *source = arg;
	return source->redeploy->outputs(source->redeploy->arg, source->run, key, ret);
}

static struct plan_facts facts_of(struct source *source)
{
	return (struct plan_facts){
		.plan = source->plan,
		.run_number = source->run_number,
		.outputs = outputs_of,
		.outputs_arg = source,
		.is_success = true,
	};
}

static bool copy_steps(struct source *source, struct plan_job *job, struct err *err)
{
	struct plan_facts facts = facts_of(source);
	struct plan_step *steps = arena_array(source->arena, struct plan_step, job->step_count);
	for (size_t i = 0; i < job->step_count; i++) {
		struct pair_list env;
		steps[i] = job->steps[i];
		if (!plan_reduce_pairs(&facts, &steps[i].env, source->arena, &env, err))
			return err_wrap(err, "step \"%.*s\"", STR_ARG(steps[i].name));
		steps[i].env = env;
	}
	job->steps = steps;
	return true;
}

static const struct plan_target *target_of(const struct plan_environment *environment, struct str name)
{
	for (size_t i = 0; i < environment->target_count; i++)
		if (str_eq(environment->targets[i].name, name))
			return &environment->targets[i];
	return NULL;
}

/* What the configuration gave then it gives again, as far as it still does. */
static void set_variables(const struct source *source, const struct plan_job *from, struct pair_list *env)
{
	const struct plan_environment *now = source->redeploy->now;
	const struct plan_target *target = now ? target_of(now, from->target) : NULL;
	for (size_t i = 0; now && i < from->configured.count; i++) {
		struct str name = from->configured.items[i], value;
		if ((target && pair_find(&target->variables, name, &value)) || pair_find(&now->variables, name, &value))
			pair_set(env, source->arena, name, expr_template_quote(value, source->arena));
	}
	if (target)
		pair_set(env, source->arena, STR("CI_TARGET_URL"), expr_template_quote(target->url, source->arena));
}

/* The job as it ran then, bound to the run that it is taken from. */
static bool copy_job(struct source *source, const struct plan_job *from, struct plan_job *ret, struct err *err)
{
	struct plan_facts facts = facts_of(source);
	struct plan_job job = *from;
	struct pair_list env;
	if (!plan_reduce_env(&facts, from, source->arena, &env, err))
		return err_wrap(err, "job \"%.*s\"", STR_ARG(from->key));
	job.env = env;
	set_variables(source, from, &job.env);
	pair_set(&job.env, source->arena, STR("CI_PIPELINE_NUMBER"), STR("${{ run.number }}"));
	pair_set(&job.env, source->arena, STR("CI_VERSION"), expr_template_quote(source->version, source->arena));
	job.version = from->part == PLAN_PART_DEPLOY ? source->version : (struct str){0};
	job.commit = source->commit;
	job.condition = (struct str){0};
	if (job.origin == 0) {
		job.origin = source->run;
		job.origin_jobs = from->needs;
	}
	job.needs = (struct str_list){0};
	if (!copy_steps(source, &job, err))
		return false;
	*ret = job;
	return true;
}

static void add_job(struct arena *arena, struct plan_stage *stage, struct plan_job job)
{
	stage->jobs = arena_grow(arena, stage->jobs, sizeof *stage->jobs, stage->job_count);
	stage->jobs[stage->job_count++] = job;
}

static const struct plan_job *teardown_of(const struct plan_stage *stage, struct str target)
{
	const struct plan_delivery *delivery = stage->delivery;
	for (size_t i = 0; delivery && i < delivery->teardown_count; i++)
		if (str_eq(delivery->teardown[i].target, target))
			return &delivery->teardown[i];
	return NULL;
}

/* Whoever deploys it again can take it down as well. */
static bool keep_teardown(struct source *source, const struct plan_stage *from, struct str target,
	struct plan_delivery *to, struct err *err)
{
	const struct plan_job *teardown = teardown_of(from, target);
	if (!teardown)
		return true;
	to->teardown = arena_grow(source->arena, to->teardown, sizeof *to->teardown, to->teardown_count);
	return copy_job(source, teardown, &to->teardown[to->teardown_count++], err);
}

static struct plan one_stage(const struct redeploy *redeploy, struct plan_stage *stage, struct str version)
{
	return (struct plan){.pipeline = redeploy->pipeline, .stages = stage, .stage_count = 1, .version = version};
}

static struct plan_stage *new_stage(const struct redeploy *redeploy, int32_t priority, struct arena *arena)
{
	struct plan_stage *stage = arena_new(arena, struct plan_stage);
	struct plan_delivery *delivery = arena_new(arena, struct plan_delivery);
	*delivery = (struct plan_delivery){
		.service = redeploy->service,
		.on_alarm = PLAN_REACTION_STOP,
		.on_failure = PLAN_REACTION_STOP,
		.priority = priority,
	};
	*stage = (struct plan_stage){
		.name = redeploy->environment,
		.kind = PLAN_STAGE_ENVIRONMENT,
		.environment = redeploy->environment,
		.delivery = delivery,
	};
	return stage;
}

/* --- back --- */

/* Deployment and verification of one target, as the given wave. */
static bool add_target(const struct redeploy *redeploy, const struct redeploy_target *target, int32_t wave,
	struct plan_stage *stage, struct arena *arena, struct err *err)
{
	struct source source = {
		redeploy, target->plan, target->run, target->run_number, target->commit, target->version, arena};
	size_t from;
	const struct plan_job *deploy = plan_find_job(target->plan, target->job, &from);
	struct plan_job job;
	if (!deploy)
		return err_set(err, ERR_BUG, "the plan that deployed %.*s has no job %.*s",
			STR_ARG(digest_brief(target->version)), STR_ARG(target->job));
	if (!copy_job(&source, deploy, &job, err))
		return false;
	struct str key = job.key =
		arena_printf(arena, "%.*s/deploy[target=%.*s]", STR_ARG(stage->name), STR_ARG(target->target));
	job.wave = wave;
	add_job(arena, stage, job);
	if (!keep_teardown(&source, &target->plan->stages[from], target->target, stage->delivery, err))
		return false;
	for (size_t i = 0; i < target->plan->stages[from].job_count; i++) {
		const struct plan_job *verify = &target->plan->stages[from].jobs[i];
		if (verify->part != PLAN_PART_VERIFY || !str_eq(verify->target, target->target))
			continue;
		if (!copy_job(&source, verify, &job, err))
			return false;
		job.key =
			arena_printf(arena, "%.*s/verify[target=%.*s]", STR_ARG(stage->name), STR_ARG(target->target));
		job.wave = wave;
		str_list_add(&job.needs, arena, key);
		add_job(arena, stage, job);
	}
	return true;
}

static int32_t next_wave(const struct redeploy *redeploy, int32_t below)
{
	int32_t best = -1;
	for (size_t i = 0; i < redeploy->target_count; i++)
		if (redeploy->targets[i].wave < below && redeploy->targets[i].wave > best)
			best = redeploy->targets[i].wave;
	return best;
}

static struct str joined_versions(const struct redeploy *redeploy, struct arena *arena)
{
	struct str_list list = {0};
	for (size_t i = 0; i < redeploy->target_count; i++)
		if (!str_list_has(&list, redeploy->targets[i].version))
			str_list_add(&list, arena, redeploy->targets[i].version);
	return str_list_join(&list, ", ", arena);
}

bool redeploy_back(const struct redeploy *redeploy, struct arena *arena, struct plan *ret, struct err *err)
{
	struct plan_stage *stage = new_stage(redeploy, PLAN_PRIORITY_ROLLBACK, arena);
	struct plan_delivery *delivery = stage->delivery;
	for (int32_t wave = next_wave(redeploy, INT32_MAX); wave >= 0; wave = next_wave(redeploy, wave)) {
		delivery->waves = arena_grow(arena, delivery->waves, sizeof *delivery->waves, delivery->wave_count);
		struct plan_wave *made = &delivery->waves[delivery->wave_count++];
		*made = (struct plan_wave){0};
		for (size_t i = 0; i < redeploy->target_count; i++) {
			const struct redeploy_target *target = &redeploy->targets[i];
			if (target->wave != wave)
				continue;
			str_list_add(&made->targets, arena, target->target);
			if (!add_target(redeploy, target, (int32_t)delivery->wave_count, stage, arena, err))
				return false;
		}
		made->parallel = (int32_t)made->targets.count;
	}
	*ret = one_stage(redeploy, stage, joined_versions(redeploy, arena));
	return true;
}

/* --- down --- */

bool redeploy_down(const struct redeploy *redeploy, struct arena *arena, struct plan *ret, struct err *err)
{
	struct plan_stage *stage = new_stage(redeploy, PLAN_PRIORITY_TEARDOWN, arena);
	struct plan_wave *wave = arena_new(arena, struct plan_wave);
	*wave = (struct plan_wave){.parallel = (int32_t)redeploy->target_count};
	stage->delivery->waves = wave;
	stage->delivery->wave_count = 1;
	for (size_t i = 0; i < redeploy->target_count; i++) {
		const struct redeploy_target *target = &redeploy->targets[i];
		struct source source = {redeploy, target->plan, target->run, target->run_number, target->commit,
			target->version, arena};
		size_t at;
		const struct plan_job *from = plan_find_job(target->plan, target->job, &at)
						      ? teardown_of(&target->plan->stages[at], target->target)
						      : NULL;
		struct plan_job job;
		if (!from)
			return err_set(err, ERR_INVALID,
				"the pipeline \"%.*s\" that deployed %.*s to %.*s does not say how it is taken down: it has no "
				"`teardown` steps",
				STR_ARG(target->plan->pipeline), STR_ARG(digest_brief(target->version)),
				STR_ARG(target->target));
		if (!copy_job(&source, from, &job, err))
			return false;
		job.key = arena_printf(
			arena, "%.*s/teardown[target=%.*s]", STR_ARG(stage->name), STR_ARG(target->target));
		str_list_add(&wave->targets, arena, target->target);
		add_job(arena, stage, job);
	}
	*ret = one_stage(redeploy, stage, joined_versions(redeploy, arena));
	return true;
}

/* --- forward --- */

/* Needs within the stage stay; those of other stages are what the artifacts came from. */
static void keep_needs(
	const struct plan_stage *stage, const struct plan_job *from, struct plan_job *job, struct arena *arena)
{
	for (size_t i = 0; i < from->needs.count; i++)
		for (size_t j = 0; j < stage->job_count; j++)
			if (str_eq(stage->jobs[j].key, from->needs.items[i]))
				str_list_add(&job->needs, arena, from->needs.items[i]);
}

bool redeploy_forward(const struct plan *plan, int64_t run, int64_t run_number, struct str commit, struct str version,
	const struct redeploy *redeploy, struct arena *arena, struct plan *ret, struct err *err)
{
	struct source source = {redeploy, plan, run, run_number, commit, version, arena};
	const struct plan_stage *from = NULL;
	for (size_t i = 0; i < plan->stage_count; i++)
		if (plan->stages[i].delivery && str_eq(plan->stages[i].environment, redeploy->environment))
			from = &plan->stages[i];
	if (!from || from->job_count == 0)
		return err_set(err, ERR_INVALID,
			"the pipeline \"%.*s\" that made %.*s has no stage for %.*s, so nobody said how it is deployed there",
			STR_ARG(plan->pipeline), STR_ARG(digest_brief(version)), STR_ARG(redeploy->environment));
	struct plan_stage *stage = arena_new(arena, struct plan_stage);
	*stage = *from;
	stage->condition = (struct str){0};
	stage->is_skipped = false;
	stage->skip_reason = (struct str){0};
	stage->jobs = arena_array(arena, struct plan_job, from->job_count);
	for (size_t i = 0; i < from->job_count; i++) {
		if (!copy_job(&source, &from->jobs[i], &stage->jobs[i], err))
			return false;
		keep_needs(from, &from->jobs[i], &stage->jobs[i], arena);
	}
	stage->delivery = arena_new(arena, struct plan_delivery);
	*stage->delivery = *from->delivery;
	stage->delivery->may_go_back = true;
	stage->delivery->teardown = NULL;
	stage->delivery->teardown_count = 0;
	for (size_t i = 0; i < from->delivery->teardown_count; i++)
		if (!keep_teardown(&source, from, from->delivery->teardown[i].target, stage->delivery, err))
			return false;
	*ret = one_stage(redeploy, stage, expr_template_quote(version, arena));
	return true;
}
