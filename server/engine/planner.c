#include "server/engine/planning.h"

#include "common/buf.h"
#include "common/clock.h"
#include "common/mem.h"
#include "server/engine/plan_env.h"
#include "server/engine/plan_policy.h"
#include "server/engine/refusals.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

bool planning_fail(struct planning *in, struct lang_place at, const char *format, ...)
{
	char text[480];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	if (!at.file)
		at.file = in->context->file;
	in->has_failed = true;
	return lang_error_add(in->errors, at, "%s", text);
}

void planning_add(struct planning *in, struct str_list *list, struct str text)
{
	str_list_add(list, in->arena, text);
}

void planning_refuse(struct planning *in, struct str sentence)
{
	if (!str_list_has(&in->plan.refusals, sentence))
		planning_add(in, &in->plan.refusals, sentence);
}

json_t *planning_own(struct planning *in, json_t *json)
{
	if (!in->plan.owned)
		in->plan.owned = json_array();
	json_array_append_new(in->plan.owned, json);
	return json;
}

struct str planning_clean(struct planning *in, struct str text)
{
	if (str_is_utf8(text) && (text.n == 0 || !memchr(text.p, 0, text.n)))
		return text;
	auto_buf out = BUF_INIT(SIZE_MAX);
	while (text.n) {
		struct str rest = text;
		uint32_t c = str_next_char(&rest);
		struct str one = str_head(text, text.n - rest.n);
		buf_add_str(&out, c && str_is_utf8(one) ? one : STR("\xef\xbf\xbd"));
		text = rest;
	}
	return arena_str(in->arena, buf_str(&out));
}

/* What comes from a push or a payload is anybody's bytes. */
static struct plan_context clean_context(struct planning *in, const struct plan_context *context)
{
	struct plan_context clean = *context;
	struct str *const texts[] = {&clean.ref, &clean.branch, &clean.tag, &clean.commit, &clean.before,
		&clean.message, &clean.author_name, &clean.author_email, &clean.actor, &clean.repository,
		&clean.default_branch, &clean.pr.title, &clean.pr.base, &clean.pr.head, &clean.pr.author};
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
		*texts[i] = planning_clean(in, *texts[i]);
	return clean;
}

/* That enough people may decide for it to open at all, the language has checked. */
static struct plan_gate *gate_of(struct planning *in, const struct pipeline_gate *gate)
{
	struct plan_gate *made = plan_gate_of(gate, in->arena);
	if (made && LANG_IS_SET(gate->not_before) && !clock_parse(gate->not_before.text, &made->not_before))
		planning_fail(in, gate->not_before.at, "\"%.*s\" is not a time", STR_ARG(gate->not_before.text));
	return made;
}

static enum plan_stage_kind kind_of(enum pipeline_stage_kind kind)
{
	switch (kind) {
	case PIPELINE_STAGE_JOBS:
		return PLAN_STAGE_JOBS;
	case PIPELINE_STAGE_ENVIRONMENT:
		return PLAN_STAGE_ENVIRONMENT;
	case PIPELINE_STAGE_GATE:
		return PLAN_STAGE_GATE;
	}
	BUG("stage of kind %d", (int)kind);
}

static void plan_environment_stage(
	struct planning *in, struct plan_scope *scope, const struct pipeline_stage *stage, struct plan_stage *made)
{
	struct plan_environment *environment = arena_new(in->arena, struct plan_environment);
	bool is_known;
	made->environment = planning_environment(scope, &stage->environment, environment, &is_known);
	made->window = stage->window.text;
	scope->names_environment = true;
	scope->environment = is_known ? environment : NULL;
	planning_delivery(in, scope, stage, made);
	struct str_list *policies = &in->policies[in->plan.stage_count];
	for (size_t level = 0; is_known && level < COUNT_OF(environment->policies); level++)
		for (size_t i = 0; i < environment->policies[level].count; i++)
			if (!str_list_has(policies, environment->policies[level].items[i]))
				planning_add(in, policies, environment->policies[level].items[i]);
}

static struct plan_stage plan_stage(
	struct planning *in, const struct plan_scope *pipeline_scope, const struct pipeline_stage *stage)
{
	struct plan_scope scope = *pipeline_scope;
	struct pair_list env = {0};
	struct plan_stage made = {
		.name = stage->name.text,
		.kind = kind_of(stage->kind),
		.gate = gate_of(in, &stage->gate),
	};
	struct planned_condition condition = scope_condition(&scope, &stage->condition);
	made.condition = condition.condition;
	made.is_skipped = condition.is_skipped;
	made.skip_reason = condition.reason;
	for (size_t i = 0; i < pipeline_scope->env->count; i++)
		pair_set(&env, in->arena, pipeline_scope->env->items[i].name, pipeline_scope->env->items[i].value);
	scope_env(&scope, &stage->env, &env);
	scope.env = &env;
	if (made.kind == PLAN_STAGE_ENVIRONMENT)
		plan_environment_stage(in, &scope, stage, &made);
	for (size_t i = 0; i < stage->jobs.count; i++)
		planning_job(in, &scope, &stage->jobs.items[i], &made);
	for (size_t i = 0; made.is_skipped && i < made.job_count; i++) {
		made.jobs[i].is_skipped = true;
		made.jobs[i].skip_reason = arena_printf(in->arena, "stage \"%.*s\" is skipped", STR_ARG(made.name));
	}
	return made;
}

static void plan_concurrency(struct planning *in, const struct plan_scope *scope)
{
	const struct pipeline_concurrency *concurrency = &in->pipeline->concurrency;
	if (!LANG_IS_SET(*concurrency))
		return;
	in->plan.concurrency.group = scope_text_now(scope, &concurrency->group);
	in->plan.concurrency.cancel = concurrency->cancel.value;
	if (in->plan.concurrency.group.n == 0)
		planning_fail(in, concurrency->group.at, "the concurrency group is empty");
}

static void warn(struct planning *in)
{
	const struct plan *plan = &in->plan;
	bool has_work = false;
	for (size_t i = 0; i < plan->stage_count; i++) {
		const struct plan_stage *stage = &plan->stages[i];
		bool is_other = stage->kind != PLAN_STAGE_JOBS && !stage->is_skipped;
		for (size_t j = 0; j < stage->job_count && !has_work; j++)
			has_work = !stage->jobs[j].is_skipped;
		has_work = has_work || is_other;
	}
	if (!has_work)
		planning_add(in, &in->plan.warnings, STR("every job is skipped, so this run does nothing"));
}

/* Whoever is asked should be somebody. It is no fault: people come and go before the stage's turn. */
static void warn_of_gates(struct planning *in)
{
	const struct plan_context *context = in->context;
	for (size_t i = 0; context->people && i < in->plan.stage_count; i++) {
		const struct plan_stage *stage = &in->plan.stages[i];
		if (!stage->gate || stage->is_skipped)
			continue;
		struct str why =
			gate_why_never(stage->gate, context->people, context->actor, &context->authors, in->arena);
		if (why.n)
			planning_add(in, &in->plan.warnings,
				arena_printf(in->arena, "the gate of stage \"%.*s\": %.*s", STR_ARG(stage->name),
					STR_ARG(why)));
	}
}

static struct planning begin(const struct pipeline *pipeline, const struct plan_context *context, struct arena *arena,
	struct lang_errors *errors)
{
	struct planning in = {.pipeline = pipeline, .context = context, .arena = arena, .errors = errors};
	struct plan_context *clean = arena_new(arena, struct plan_context);
	*clean = clean_context(&in, context);
	in.context = clean;
	return in;
}

bool plan_inputs(const struct pipeline *pipeline, const struct plan_context *context, struct arena *arena,
	struct pair_list *ret, struct lang_errors *errors)
{
	struct planning in = begin(pipeline, context, arena, errors);
	planning_inputs(&in);
	if (in.has_failed)
		return false;
	*ret = in.plan.inputs;
	return true;
}

static void require_policies(struct planning *in)
{
	size_t at;
	for (size_t i = in->plan.stage_count; i > 0; i--)
		plan_require_policies(&in->plan, i - 1, &in->policies[i - 1], &at, in->arena);
}

bool plan_make(const struct pipeline *pipeline, const struct plan_context *context, struct arena *arena,
	struct plan *ret, struct lang_errors *errors)
{
	struct planning in = begin(pipeline, context, arena, errors);
	struct pair_list env = {0};
	struct plan_scope scope = {.in = &in, .env = &env};
	in.plan.pipeline = pipeline->name.text;
	in.plan.file = str_of(context->file);
	in.plan.env = plan_env_of_run(in.context, pipeline->name.text, arena);
	planning_roots(&in);
	planning_inputs(&in);
	scope_env(&(struct plan_scope){.in = &in}, &pipeline->env, &env);
	plan_concurrency(&in, &scope);
	if (LANG_IS_SET(pipeline->deploy))
		in.plan.version = scope_text(&scope, &pipeline->deploy.version);
	in.policies = arena_array(arena, struct str_list, pipeline->stages.count);
	in.plan.stages = arena_array(arena, struct plan_stage, pipeline->stages.count);
	for (; in.plan.stage_count < pipeline->stages.count; in.plan.stage_count++)
		in.plan.stages[in.plan.stage_count] =
			plan_stage(&in, &scope, &pipeline->stages.items[in.plan.stage_count]);
	planning_needs(&in);
	require_policies(&in);
	if (in.context->pr.is_fork)
		planning_fork(&in);
	refusals_add(&in.plan, arena);
	warn(&in);
	warn_of_gates(&in);
	if (in.has_failed) {
		plan_done(&in.plan);
		return false;
	}
	*ret = in.plan;
	return true;
}
