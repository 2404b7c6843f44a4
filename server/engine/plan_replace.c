#include "server/engine/plan_replace.h"

#include "common/clock.h"
#include "common/mem.h"
#include "server/engine/plan_policy.h"

enum { TOLD_MAX = 6, SHOWN_MAX = 60 };

/* --- the stage as it will stand in the plan --- */

static const struct plan_job *job_of(const struct plan_stage *stage, struct str key)
{
	for (size_t i = 0; i < stage->job_count; i++)
		if (str_eq(stage->jobs[i].key, key))
			return &stage->jobs[i];
	return NULL;
}

static struct plan_job *add_job(struct plan_stage *stage, struct plan_job job, struct arena *arena)
{
	stage->jobs = arena_grow(arena, stage->jobs, sizeof *stage->jobs, stage->job_count);
	stage->jobs[stage->job_count] = job;
	return &stage->jobs[stage->job_count++];
}

static void keep_previews(const struct plan_stage *old, struct plan_stage *made, struct arena *arena)
{
	for (size_t i = 0; i < old->job_count; i++) {
		if (old->jobs[i].part != PLAN_PART_PREVIEW || job_of(made, old->jobs[i].key))
			continue;
		struct plan_job *kept = add_job(made, old->jobs[i], arena);
		kept->is_skipped = true;
		kept->skip_reason = STR("it previews what will not be done any more");
	}
}

static bool checks(const struct plan_stage *stage, struct str policy)
{
	for (size_t i = 0; i < stage->job_count; i++)
		for (size_t s = 0; s < stage->jobs[i].step_count; s++)
			if (str_list_has(&stage->jobs[i].steps[s].policies, policy))
				return true;
	return false;
}

static bool was_checked(const struct plan *old, size_t index, struct str policy)
{
	for (size_t i = 0; i <= index; i++)
		if (checks(&old->stages[i], policy))
			return true;
	return false;
}

/* Policies that came with a newer configuration, in an environment stage. */
static bool is_added(const struct plan_job *job)
{
	return job->part == PLAN_PART_PREVIEW && job->step_count && job->steps->kind == PLAN_STEP_POLICY;
}

/* The planner puts what is demanded into a job stage of its own, right before the stage. */
static void add_policies(
	const struct plan *old, size_t index, const struct plan *fresh, struct plan_stage *made, struct arena *arena)
{
	const struct plan_stage *before = fresh->stage_count > 1 ? &fresh->stages[fresh->stage_count - 2] : NULL;
	struct str_list missing = {0};
	size_t known = 0;
	for (size_t i = 0; i < old->stages[index].job_count; i++)
		if (is_added(&old->stages[index].jobs[i])) {
			add_job(made, old->stages[index].jobs[i], arena);
			known++;
		}
	if (!before || before->kind != PLAN_STAGE_JOBS || before->job_count != 1 || before->jobs->step_count != 1 ||
		before->jobs->steps->kind != PLAN_STEP_POLICY)
		return;
	const struct str_list *demanded = &before->jobs->steps->policies;
	for (size_t i = 0; i < demanded->count; i++)
		if (!was_checked(old, index, demanded->items[i]))
			str_list_add(&missing, arena, demanded->items[i]);
	if (missing.count == 0)
		return;
	struct plan_job *job = add_job(made, *before->jobs, arena);
	job->key = known ? arena_printf(arena, "%.*s/policy[added=%zu]", STR_ARG(made->name), known + 1)
			 : arena_printf(arena, "%.*s/policy[added]", STR_ARG(made->name));
	job->part = PLAN_PART_PREVIEW;
	job->is_skipped = false;
	job->steps = arena_new(arena, struct plan_step);
	*job->steps = *before->jobs->steps;
	job->steps->policies = missing;
	job->steps->name = plan_policy_step_name(&missing, arena);
}

/* --- what is different --- */

struct telling {
	const struct plan_stage *old, *made;
	struct str_list sentences;
	struct arena *arena;
};

#define TELL(telling, ...)                                                                                             \
	str_list_add(&(telling)->sentences, (telling)->arena, arena_printf((telling)->arena, __VA_ARGS__))

static int32_t wave_of(const struct plan_stage *stage, struct str target)
{
	for (size_t i = 0; i < stage->delivery->wave_count; i++)
		if (str_list_has(&stage->delivery->waves[i].targets, target))
			return (int32_t)i + 1;
	return 0;
}

static void tell_targets(struct telling *in)
{
	for (size_t i = 0; i < in->made->delivery->wave_count; i++) {
		const struct str_list *targets = &in->made->delivery->waves[i].targets;
		for (size_t t = 0; t < targets->count; t++) {
			int32_t before = wave_of(in->old, targets->items[t]);
			if (before == 0)
				TELL(in, "target %.*s is new, in wave %zu", STR_ARG(targets->items[t]), i + 1);
			else if (before != (int32_t)i + 1)
				TELL(in, "target %.*s is in wave %zu, not %d", STR_ARG(targets->items[t]), i + 1,
					before);
		}
	}
	for (size_t i = 0; i < in->old->delivery->wave_count; i++) {
		const struct str_list *targets = &in->old->delivery->waves[i].targets;
		for (size_t t = 0; t < targets->count; t++)
			if (wave_of(in->made, targets->items[t]) == 0)
				TELL(in, "target %.*s is gone", STR_ARG(targets->items[t]));
	}
}

static struct str shown(struct telling *in, struct str value)
{
	if (value.n <= SHOWN_MAX)
		return arena_printf(in->arena, "\"%.*s\"", STR_ARG(value));
	return arena_printf(in->arena, "\"%.*s...\"", SHOWN_MAX, value.p);
}

static void tell_variables(struct telling *in, const struct plan_job *old, const struct plan_job *made)
{
	struct str before;
	for (size_t i = 0; i < made->env.count; i++) {
		const struct pair *now = &made->env.items[i];
		if (!pair_find(&old->env, now->name, &before))
			TELL(in, "%.*s of %.*s is new", STR_ARG(now->name), STR_ARG(made->target));
		else if (!str_eq(before, now->value))
			TELL(in, "%.*s of %.*s is now %.*s, not %.*s", STR_ARG(now->name), STR_ARG(made->target),
				STR_ARG(shown(in, now->value)), STR_ARG(shown(in, before)));
	}
	for (size_t i = 0; i < old->env.count; i++)
		if (!pair_find(&made->env, old->env.items[i].name, &before))
			TELL(in, "%.*s of %.*s is gone", STR_ARG(old->env.items[i].name), STR_ARG(made->target));
}

static void tell_jobs(struct telling *in)
{
	for (size_t i = 0; i < in->made->job_count; i++) {
		const struct plan_job *made = &in->made->jobs[i], *old = job_of(in->old, made->key);
		if (old && made->part == PLAN_PART_DEPLOY)
			tell_variables(in, old, made);
	}
	for (size_t i = 0; i < in->old->job_count; i++) {
		const struct plan_job *old = &in->old->jobs[i];
		bool is_of_target = old->target.n && wave_of(in->made, old->target) == 0;
		if (!job_of(in->made, old->key) && old->part == PLAN_PART_TEST && !is_of_target)
			TELL(in, "the check %.*s is gone", STR_ARG(old->key));
	}
}

static void tell_alarms(struct telling *in)
{
	const struct plan_delivery *old = in->old->delivery, *made = in->made->delivery;
	for (size_t i = 0; i < made->alarms.count; i++) {
		struct str name = made->alarms.items[i], before, now;
		if (!str_list_has(&old->alarms, name))
			TELL(in, "the alarm %.*s is watched too", STR_ARG(name));
		else if (pair_find(&old->rules, name, &before) && pair_find(&made->rules, name, &now) &&
			 !str_eq(before, now))
			TELL(in, "the alarm %.*s is defined differently", STR_ARG(name));
	}
	for (size_t i = 0; i < old->alarms.count; i++)
		if (!str_list_has(&made->alarms, old->alarms.items[i]))
			TELL(in, "the alarm %.*s is not watched any more", STR_ARG(old->alarms.items[i]));
}

static void tell_waves(struct telling *in)
{
	const struct plan_delivery *old = in->old->delivery, *made = in->made->delivery;
	for (size_t i = 0; i < made->wave_count && i < old->wave_count; i++)
		if (made->waves[i].bake_ms != old->waves[i].bake_ms)
			TELL(in, "wave %zu bakes for %.*s, not %.*s", i + 1,
				STR_ARG(duration_format(in->arena, made->waves[i].bake_ms)),
				STR_ARG(duration_format(in->arena, old->waves[i].bake_ms)));
}

static bool is_gate_same(struct plan_gate *a, struct plan_gate *b, struct arena *arena)
{
	const struct plan_stage one = {.gate = a}, other = {.gate = b};
	return str_eq(plan_stage_hash(&one, arena), plan_stage_hash(&other, arena));
}

static struct str difference_of(const struct plan_stage *old, const struct plan_stage *made, struct arena *arena)
{
	struct telling in = {.old = old, .made = made, .arena = arena};
	tell_targets(&in);
	tell_jobs(&in);
	tell_alarms(&in);
	tell_waves(&in);
	if (!is_gate_same(old->gate, made->gate, arena))
		TELL(&in, "who has to approve is different");
	if (!str_eq(old->window, made->window) || !str_eq(old->delivery->floor_window, made->delivery->floor_window))
		TELL(&in, "when it may begin is different");
	if (in.sentences.count == 0)
		TELL(&in, "its settings are different");
	if (in.sentences.count > TOLD_MAX) {
		size_t more = in.sentences.count - TOLD_MAX;
		in.sentences.count = TOLD_MAX;
		TELL(&in, "and %zu more", more);
	}
	return str_list_join(&in.sentences, "; ", arena);
}

/* The stage without what nobody is asked about: checks of the environment that were added, and what an older plan does
 * not say: how an alarm is defined, and where values come from. */
static struct plan_stage approved(const struct plan_stage *made, const struct plan_stage *old, struct arena *arena)
{
	struct plan_stage part = *made;
	struct plan_delivery *delivery = arena_new(arena, struct plan_delivery);
	struct str before;
	part.jobs = NULL;
	part.job_count = 0;
	for (size_t i = 0; i < made->job_count; i++)
		if (!is_added(&made->jobs[i]) &&
			(made->jobs[i].part != PLAN_PART_TEST || job_of(old, made->jobs[i].key)))
			add_job(&part, made->jobs[i], arena)->configured = (struct str_list){0};
	*delivery = *made->delivery;
	delivery->rules = (struct pair_list){0};
	for (size_t i = 0; i < made->delivery->rules.count; i++) {
		const struct pair *rule = &made->delivery->rules.items[i];
		if (pair_find(&old->delivery->rules, rule->name, &before))
			pair_set(&delivery->rules, arena, rule->name, rule->value);
	}
	part.delivery = delivery;
	return part;
}

void plan_replace_stage(
	const struct plan *old, size_t index, const struct plan *fresh, struct arena *arena, struct plan_replaced *ret)
{
	BUG_ON(index >= old->stage_count || fresh->stage_count == 0);
	const struct plan_stage *before = &old->stages[index];
	struct plan_stage made = fresh->stages[fresh->stage_count - 1];
	const struct plan_job *jobs = made.jobs;
	size_t count = made.job_count;
	made.jobs = NULL;
	made.job_count = 0;
	for (size_t i = 0; i < count; i++)
		add_job(&made, jobs[i], arena);
	add_policies(old, index, fresh, &made, arena);
	keep_previews(before, &made, arena);
	struct plan_stage asked = approved(before, before, arena), asked_now = approved(&made, before, arena);
	*ret = (struct plan_replaced){
		.plan = *old, .is_same = str_eq(plan_stage_hash(before, arena), plan_stage_hash(&made, arena))};
	if (!str_eq(plan_stage_hash(&asked, arena), plan_stage_hash(&asked_now, arena)))
		ret->difference = difference_of(before, &made, arena);
	ret->plan.stages = arena_array(arena, struct plan_stage, old->stage_count);
	for (size_t i = 0; i < old->stage_count; i++)
		ret->plan.stages[i] = i == index ? made : old->stages[i];
	ret->plan.owned = NULL;
}
