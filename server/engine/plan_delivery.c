#include "server/engine/planning.h"

#include "common/clock.h"
#include "common/glob.h"
#include "common/mem.h"
#include "server/engine/plan_env.h"

#include <stdlib.h>

/*
 * Environment stages: which target belongs to which wave, and the jobs that deploy, verify and test each. Where the
 * environment is not known (`penstock plan` without a server) the waves keep the globs of the file and have no jobs.
 */

enum { DIAGNOSE_MS = 5 * 60 * 1000 };

/* One stage in the making. */
struct stage_work {
	struct planning *in;
	const struct plan_scope *scope; /* of the stage */
	const struct pipeline_stage *source;
	const struct pipeline_deploy *deploy;
	const struct plan_environment *environment;
	struct plan_stage *made;
	struct str_list producers; /* keys of the jobs that the version comes from */
};

/* --- waves --- */

static struct plan_wave *add_wave(struct stage_work *work, const struct pipeline_wave *wave)
{
	struct plan_delivery *delivery = work->made->delivery;
	delivery->waves = arena_grow(work->in->arena, delivery->waves, sizeof *delivery->waves, delivery->wave_count);
	delivery->waves[delivery->wave_count] = (struct plan_wave){.parallel = 1};
	struct plan_wave *made = &delivery->waves[delivery->wave_count++];
	if (!wave)
		return made;
	made->name = scope_text(work->scope, &wave->name);
	made->parallel = LANG_IS_SET(wave->parallel) ? (int32_t)wave->parallel.value : 1;
	made->bake_ms = wave->bake.ms;
	made->min_points = (int32_t)wave->min_points.value;
	return made;
}

static bool takes(const struct stage_work *work, const struct pipeline_wave *wave, struct str target)
{
	struct str_list globs = scope_texts(work->scope, &wave->targets);
	return glob_list_match(&globs, target);
}

/* In the order of the file the first wave that matches takes the target. */
static void spread_over_waves(struct stage_work *work)
{
	const struct plan_environment *environment = work->environment;
	struct plan_delivery *delivery = work->made->delivery;
	for (size_t i = 0; i < work->source->waves.count; i++)
		add_wave(work, &work->source->waves.items[i]);
	for (size_t i = 0; i < environment->target_count; i++) {
		struct str target = environment->targets[i].name;
		size_t at = 0;
		while (at < delivery->wave_count && !takes(work, &work->source->waves.items[at], target))
			at++;
		if (at < delivery->wave_count)
			planning_add(work->in, &delivery->waves[at].targets, target);
		else
			planning_fail(work->in, work->source->waves.at,
				"no wave of stage \"%.*s\" takes the target \"%.*s\" of %.*s; add one that does, such as "
				"`targets: [\"*\"]`",
				STR_ARG(work->made->name), STR_ARG(target), STR_ARG(environment->name));
	}
}

static int compare_numbers(const void *a, const void *b)
{
	int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
	return (x > y) - (x < y);
}

/* Without waves in the file, those that the targets name themselves. */
static void spread_by_target(struct stage_work *work)
{
	const struct plan_environment *environment = work->environment;
	int32_t *numbers = arena_array(work->in->arena, int32_t, environment->target_count);
	for (size_t i = 0; i < environment->target_count; i++)
		numbers[i] = environment->targets[i].wave;
	if (environment->target_count)
		qsort(numbers, environment->target_count, sizeof *numbers, compare_numbers);
	for (size_t n = 0; n < environment->target_count; n++) {
		if (n && numbers[n] == numbers[n - 1])
			continue;
		struct plan_wave *wave = add_wave(work, NULL);
		for (size_t i = 0; i < environment->target_count; i++)
			if (environment->targets[i].wave == numbers[n])
				planning_add(work->in, &wave->targets, environment->targets[i].name);
	}
}

static void drop_empty_waves(struct stage_work *work)
{
	struct plan_delivery *delivery = work->made->delivery;
	size_t kept = 0;
	for (size_t i = 0; i < delivery->wave_count; i++) {
		if (delivery->waves[i].targets.count)
			delivery->waves[kept++] = delivery->waves[i];
		else
			planning_add(work->in, &work->in->plan.warnings,
				arena_printf(work->in->arena, "wave %zu of stage \"%.*s\" takes no target of %.*s",
					i + 1, STR_ARG(work->made->name), STR_ARG(work->environment->name)));
	}
	delivery->wave_count = kept;
}

static void make_waves(struct stage_work *work)
{
	if (!work->environment) {
		for (size_t i = 0; i < work->source->waves.count; i++)
			add_wave(work, &work->source->waves.items[i])->targets =
				scope_texts(work->scope, &work->source->waves.items[i].targets);
		return;
	}
	if (work->environment->target_count == 0)
		planning_refuse(work->in,
			arena_printf(work->in->arena,
				"the environment \"%.*s\" has no target to deploy to; add one to the configuration",
				STR_ARG(work->environment->name)));
	if (work->source->waves.count)
		spread_over_waves(work);
	else
		spread_by_target(work);
	drop_empty_waves(work);
}

/* --- jobs --- */

static void note_producer(void *arg, const struct str *path, size_t count, bool is_call)
{
	struct stage_work *work = arg;
	const struct plan *plan = &work->in->plan;
	if (is_call || count < 2 || !str_is(path[0], "jobs"))
		return;
	for (size_t i = 0; i < plan->stage_count; i++)
		for (size_t j = 0; j < plan->stages[i].job_count; j++)
			if (str_eq(plan->stages[i].jobs[j].name, path[1]))
				planning_add(work->in, &work->producers, plan->stages[i].jobs[j].key);
}

/* The stages before this one are planned. */
static void find_producers(struct stage_work *work)
{
	const struct expr_template *template;
	size_t at;
	struct str version = work->in->plan.version;
	if (plan_needs_run(version) && expr_template_parse(version, work->in->arena, &template, &at, NULL))
		expr_template_walk(template, note_producer, work);
}

static struct pipeline_job job_of(
	const struct pipeline_deploy *deploy, struct str name, const struct pipeline_steps *steps)
{
	return (struct pipeline_job){
		.at = deploy->at,
		.name = {.at = deploy->at, .text = name},
		.env = deploy->env,
		.labels = deploy->labels,
		.network = deploy->network,
		.sandbox = deploy->sandbox,
		.resources = deploy->resources,
		.image = deploy->image,
		.timeout = deploy->timeout,
		/* Who knows how far a deployment came when its worker went silent? A person, or `idempotent`. */
		.retry = {.at = deploy->at, .max = {.at = deploy->at, .value = deploy->idempotent.value}},
		.secrets = deploy->secrets,
		.id_token = deploy->id_token,
		.steps = *steps,
	};
}

static const struct plan_target *target_of(const struct stage_work *work, struct str name)
{
	for (size_t i = 0; i < work->environment->target_count; i++)
		if (str_eq(work->environment->targets[i].name, name))
			return &work->environment->targets[i];
	BUG("no target %.*s", STR_ARG(name));
}

static void set_quoted(struct pair_list *env, struct arena *arena, struct str name, struct str value)
{
	pair_set(env, arena, name, expr_template_quote(value, arena));
}

/* The configured variables stand over those of pipeline and stage; the job's own block over them. */
static struct pair_list env_at(const struct stage_work *work, const struct plan_target *target)
{
	struct arena *arena = work->in->arena;
	struct pair_list env = {0};
	const struct pair_list *levels[] = {&work->environment->variables, target ? &target->variables : NULL};
	for (size_t i = 0; i < work->scope->env->count; i++)
		pair_set(&env, arena, work->scope->env->items[i].name, work->scope->env->items[i].value);
	for (size_t level = 0; level < 2; level++)
		for (size_t i = 0; levels[level] && i < levels[level]->count; i++)
			set_quoted(&env, arena, levels[level]->items[i].name, levels[level]->items[i].value);
	set_quoted(&env, arena, STR("CI_ENVIRONMENT"), work->environment->name);
	set_quoted(&env, arena, STR("CI_SERVICE"), work->made->delivery->service);
	pair_set(&env, arena, STR("CI_VERSION"), work->in->plan.version);
	if (!target)
		return env;
	set_quoted(&env, arena, STR("CI_TARGET"), target->name);
	set_quoted(&env, arena, STR("CI_TARGET_URL"), target->url);
	return env;
}

static void add_all(struct stage_work *work, struct str_list *to, const struct str_list *from)
{
	struct str_list joined = {0};
	for (size_t i = 0; i < to->count; i++)
		planning_add(work->in, &joined, to->items[i]);
	for (size_t i = 0; i < from->count; i++)
		if (!str_list_has(&joined, from->items[i]))
			planning_add(work->in, &joined, from->items[i]);
	*to = joined;
}

/* What the job's own block does not say otherwise. */
static void note_configured(struct stage_work *work, const struct pair_list *variables, struct plan_job *made)
{
	for (size_t i = 0; i < variables->count; i++) {
		struct str name = variables->items[i].name, value;
		if (pair_find(&made->env, name, &value) && !str_list_has(&made->configured, name) &&
			str_eq(value, expr_template_quote(variables->items[i].value, work->in->arena)))
			planning_add(work->in, &made->configured, name);
	}
}

/* All instances of `job` at one place; the index of the first. */
static size_t add_jobs(struct stage_work *work, const struct pipeline_job *job, const struct plan_place *place)
{
	struct pair_list env = env_at(work, place->target);
	struct plan_scope scope = *work->scope;
	size_t first = work->made->job_count;
	scope.env = &env;
	scope.place = place;
	planning_job(work->in, &scope, job, work->made);
	for (size_t i = first; i < work->made->job_count; i++) {
		struct plan_job *made = &work->made->jobs[i];
		made->part = place->part;
		made->wave = place->wave;
		made->target = place->target ? place->target->name : (struct str){0};
		made->needs = (struct str_list){0};
		add_all(work, &made->needs, &work->producers);
		add_all(work, &made->labels, &work->environment->floor.labels);
		if (place->target) {
			add_all(work, &made->labels, &place->target->labels);
			note_configured(work, &place->target->variables, made);
		}
		note_configured(work, &work->environment->variables, made);
	}
	return first;
}

/* What it finds is for people: it decides nothing, and nobody waits for it for long. */
static void add_diagnosis(struct stage_work *work, int32_t wave, const struct plan_target *target)
{
	struct plan_place place = {.part = PLAN_PART_DIAGNOSE, .wave = wave, .target = target};
	struct pipeline_job job = job_of(work->deploy, STR("diagnose"), &work->deploy->diagnose);
	if (!LANG_IS_SET(work->deploy->diagnose))
		return;
	size_t at = add_jobs(work, &job, &place);
	struct plan_job *made = &work->made->jobs[at];
	made->allow_failure = true;
	made->condition = STR("always()");
	made->timeout_ms = made->timeout_ms < DIAGNOSE_MS ? made->timeout_ms : DIAGNOSE_MS;
}

static void add_deployment(struct stage_work *work, int32_t wave, const struct plan_target *target)
{
	struct plan_place place = {.part = PLAN_PART_DEPLOY, .wave = wave, .target = target};
	struct pipeline_job job = job_of(work->deploy, STR("deploy"), &work->deploy->steps);
	job.outputs = work->deploy->outputs;
	size_t at = add_jobs(work, &job, &place);
	work->made->jobs[at].version = work->in->plan.version;
	add_diagnosis(work, wave, target);
	if (!LANG_IS_SET(work->deploy->verify))
		return;
	struct str key = work->made->jobs[at].key;
	place.part = PLAN_PART_VERIFY;
	job = job_of(work->deploy, STR("verify"), &work->deploy->verify);
	at = add_jobs(work, &job, &place);
	planning_add(work->in, &work->made->jobs[at].needs, key);
}

/* Tests need each other at the same place. */
static void add_test_needs(struct stage_work *work, const struct pipeline_job *test, size_t first)
{
	struct plan_stage *made = work->made;
	for (size_t i = first; i < made->job_count; i++) {
		for (size_t n = 0; n < test->needs.count; n++)
			for (size_t j = 0; j < made->job_count; j++)
				if (str_eq(made->jobs[j].name, test->needs.items[n].text) &&
					made->jobs[j].wave == made->jobs[i].wave &&
					(made->jobs[j].target.n == 0 || made->jobs[i].target.n == 0 ||
						str_eq(made->jobs[j].target, made->jobs[i].target)))
					planning_add(work->in, &made->jobs[i].needs, made->jobs[j].key);
	}
}

static void add_test(
	struct stage_work *work, const struct pipeline_job *test, int32_t wave, const struct str_list *targets)
{
	bool is_once = LANG_IS_SET(test->once) && test->once.value == PIPELINE_ONCE_WAVE;
	struct plan_place place = {.part = PLAN_PART_TEST, .wave = wave};
	size_t first = work->made->job_count;
	for (size_t t = 0; t < (is_once ? 1 : targets->count); t++) {
		place.target = is_once ? NULL : target_of(work, targets->items[t]);
		add_jobs(work, test, &place);
	}
	add_test_needs(work, test, first);
}

static bool has_test(const struct stage_work *work, struct str name)
{
	for (size_t i = 0; i < work->source->tests.count; i++)
		if (str_eq(work->source->tests.items[i].name.text, name))
			return true;
	return false;
}

/* The stage's own, and those that the environment and its tier demand: a file cannot take them out. */
static void add_tests(struct stage_work *work, int32_t wave, const struct str_list *targets)
{
	const struct plan_environment *environment = work->environment;
	for (size_t i = 0; i < work->source->tests.count; i++)
		add_test(work, &work->source->tests.items[i], wave, targets);
	for (size_t level = 0; level < COUNT_OF(environment->checks); level++) {
		for (size_t i = 0; i < environment->check_counts[level]; i++) {
			struct pipeline_job check = environment->checks[level][i];
			if (has_test(work, check.name.text))
				check.name.text = arena_printf(work->in->arena, "%.*s-check", STR_ARG(check.name.text));
			add_test(work, &check, wave, targets);
		}
	}
}

static void add_previews(struct stage_work *work)
{
	struct pipeline_job job = job_of(work->deploy, STR("preview"), &work->deploy->preview);
	for (size_t i = 0; LANG_IS_SET(work->deploy->preview) && i < work->environment->target_count; i++) {
		struct plan_place place = {.part = PLAN_PART_PREVIEW, .target = &work->environment->targets[i]};
		add_jobs(work, &job, &place);
	}
}

/* In a stage that is none, since these are not jobs of this run. */
static void add_teardowns(struct stage_work *work)
{
	struct plan_stage *made = work->made, apart = {.name = made->name, .delivery = made->delivery};
	struct pipeline_job job = job_of(work->deploy, STR("teardown"), &work->deploy->teardown);
	if (!LANG_IS_SET(work->deploy->teardown))
		return;
	work->made = &apart;
	for (size_t i = 0; i < work->environment->target_count; i++) {
		struct plan_place place = {
			.part = PLAN_PART_DEPLOY, .wave = 1, .target = &work->environment->targets[i]};
		add_jobs(work, &job, &place);
	}
	work->made = made;
	made->delivery->teardown = apart.jobs;
	made->delivery->teardown_count = apart.job_count;
}

static void make_jobs(struct stage_work *work)
{
	const struct plan_delivery *delivery = work->made->delivery;
	find_producers(work);
	add_previews(work);
	for (size_t i = 0; i < delivery->wave_count; i++) {
		const struct str_list *targets = &delivery->waves[i].targets;
		for (size_t t = 0; t < targets->count; t++)
			add_deployment(work, (int32_t)i + 1, target_of(work, targets->items[t]));
		add_tests(work, (int32_t)i + 1, targets);
	}
	add_teardowns(work);
}

/* --- the stage --- */

static enum plan_reaction reaction_of(const struct lang_choice *choice, enum plan_reaction absent)
{
	if (!LANG_IS_SET(*choice))
		return absent;
	return choice->value == PIPELINE_REACTION_ROLLBACK ? PLAN_REACTION_ROLLBACK : PLAN_REACTION_STOP;
}

static int64_t expires_of(const struct stage_work *work)
{
	const struct lang_text *expires = &work->source->expires;
	struct err err = {0};
	int64_t ms = 0;
	struct str text = LANG_IS_SET(*expires) ? scope_text_now(work->scope, expires) : (struct str){0};
	bool was_told = text.n == 0 && work->in->errors->count > 0; /* that an input, or what stands here, is wrong */
	if (LANG_IS_SET(*expires) && !was_told && !duration_parse(text, &ms, &err))
		planning_fail(work->in, expires->at, "expires: %s", err.text);
	return ms;
}

static struct str service_of(struct planning *in, const struct plan_scope *scope)
{
	const struct plan_context *context = in->context;
	const struct lang_text *text = &in->pipeline->deploy.service;
	struct str service = LANG_IS_SET(*text) ? scope_text(scope, text) : context->service;
	if (service.n == 0 || str_eq(service, context->repository))
		return context->repository;
	if (context->knows_service && !context->knows_service(context->environment_arg, service))
		planning_refuse(in,
			arena_printf(in->arena,
				"there is no service \"%.*s\"; an admin adds it under `services` with \"penstock config apply\"",
				STR_ARG(service)));
	return service;
}

static void add_rules(struct stage_work *work)
{
	const struct plan_context *context = work->in->context;
	struct plan_delivery *delivery = work->made->delivery;
	for (size_t i = 0; context->alarm && i < delivery->alarms.count; i++) {
		struct str name = delivery->alarms.items[i];
		struct str rule = context->alarm(context->environment_arg, name, work->in->arena);
		if (rule.n)
			pair_set(&delivery->rules, work->in->arena, name, rule);
	}
}

void planning_delivery(struct planning *in, const struct plan_scope *scope, const struct pipeline_stage *stage,
	struct plan_stage *made)
{
	const struct pipeline_deploy *deploy = &in->pipeline->deploy;
	bool is_final = LANG_IS_SET(deploy->rollback) && deploy->rollback.value == PIPELINE_ROLLBACK_NONE;
	struct stage_work work = {
		.in = in,
		.scope = scope,
		.source = stage,
		.deploy = deploy,
		.environment = scope->environment,
		.made = made,
	};
	made->delivery = arena_new(in->arena, struct plan_delivery);
	in->service = service_of(in, scope);
	*made->delivery = (struct plan_delivery){
		.service = in->service,
		.alarms = scope_texts(scope, &stage->alarms),
		.on_alarm = reaction_of(&stage->on_alarm, is_final ? PLAN_REACTION_STOP : PLAN_REACTION_ROLLBACK),
		.on_failure = reaction_of(&stage->on_failure, PLAN_REACTION_STOP),
		.is_idempotent = deploy->idempotent.value,
		.is_final = is_final,
		.expires_ms = expires_of(&work),
	};
	make_waves(&work);
	if (!work.environment)
		return;
	made->delivery->is_fifo = work.environment->is_fifo;
	make_jobs(&work);
	planning_floor(in, work.environment, made);
	add_rules(&work);
}
