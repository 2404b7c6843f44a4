#include "server/engine/planning.h"

#include "common/json.h"
#include "common/policy_rules.h"
#include "server/engine/plan_env.h"
#include "server/engine/plan_policy.h"

/* Jobs of the file become jobs of the plan: one for each instance of their matrix, with defaults filled in. */

enum { NAME_BYTES_MAX = 80 };
#define TIMEOUT_DEFAULT_MS INT64_C(3600000)

static struct str_list policies_of(struct arena *arena, const struct pipeline_step *step)
{
	struct str_list names = {.items = arena_array(arena, struct str, step->policy.count)};
	for (; names.count < step->policy.count; names.count++)
		names.items[names.count] = str_of(policy_rule_names[step->policy.items[names.count].value]);
	return names;
}

static struct str step_name(const struct plan_scope *scope, const struct pipeline_step *step)
{
	struct arena *arena = scope->in->arena;
	if (LANG_IS_SET(step->name))
		return scope_text(scope, &step->name);
	struct str rest = step->run.text, line = {0};
	while (str_trim(line).n == 0 && str_cut(&rest, '\n', &line))
		;
	line = str_trim(line);
	struct str_list policies = policies_of(arena, step);
	if (policies.count)
		line = plan_policy_step_name(&policies, arena);
	if (LANG_IS_SET(step->gitops))
		line = arena_printf(arena, "gitops: %.*s", STR_ARG(scope_text(scope, &step->gitops.repo)));
	if (line.n == 0)
		return STR("step");
	if (line.n <= NAME_BYTES_MAX)
		return line;
	size_t n = NAME_BYTES_MAX;
	while (n && ((unsigned char)line.p[n] & 0xc0) == 0x80) /* not within a character */
		n--;
	return arena_printf(arena, "%.*s...", STR_ARG(str_brief(line, n)));
}

static json_t *json_list_of(const struct str_list *texts)
{
	json_t *json = json_array();
	for (size_t i = 0; i < texts->count; i++)
		json_array_append_new(json, json_of_str(texts->items[i]));
	return json;
}

static json_t *json_object_of(const struct pair_list *pairs)
{
	json_t *json = json_object();
	for (size_t i = 0; i < pairs->count; i++)
		json_object_setn_new(
			json, pairs->items[i].name.p, pairs->items[i].name.n, json_of_str(pairs->items[i].value));
	return json;
}
enum { READY_WAIT_MS = 5 * 60 * 1000 };

/* Where a change is to be live that does not say how to tell. */
static const char ready_by_url[] = "test -n \"$CI_TARGET_URL\" || { echo 'this target has no URL to ask'; exit 1; }\n"
				   "curl -fsS --max-time 10 -o /dev/null \"$CI_TARGET_URL\"\n";

static json_t *gitops_of(const struct plan_scope *scope, const struct pipeline_gitops *gitops)
{
	json_t *json = json_object();
	struct pair_list set = scope_pairs(scope, &gitops->set);
	json_object_set_new(json, "repo", json_of_str(scope_text(scope, &gitops->repo)));
	if (LANG_IS_SET(gitops->branch))
		json_object_set_new(json, "branch", json_of_str(scope_text(scope, &gitops->branch)));
	json_object_set_new(json, "file", json_of_str(scope_text(scope, &gitops->file)));
	json_object_set_new(json, "set", json_object_of(&set));
	if (LANG_IS_SET(gitops->message))
		json_object_set_new(json, "message", json_of_str(scope_text(scope, &gitops->message)));
	if (LANG_IS_SET(gitops->wait) && !LANG_IS_SET(gitops->ready) && scope->place && scope->place->target &&
		scope->place->target->url.n == 0)
		planning_refuse(scope->in,
			arena_printf(scope->in->arena,
				"the target \"%.*s\" has no `url` that the `wait` of a gitops step could ask; give it one in the "
				"configuration, or say `ready` beside `wait`",
				STR_ARG(scope->place->target->name)));
	if (LANG_IS_SET(gitops->ready) || LANG_IS_SET(gitops->wait)) {
		struct str ready = LANG_IS_SET(gitops->ready) ? gitops->ready.text : STR(ready_by_url);
		json_object_set_new(json, "ready", json_of_str(ready));
		json_object_set_new(
			json, "wait_ms", json_integer(LANG_IS_SET(gitops->wait) ? gitops->wait.ms : READY_WAIT_MS));
	}
	return planning_own(scope->in, json);
}

static struct str step_shell(const struct plan_scope *scope, const struct pipeline_step *step)
{
	const struct lang_text *preset = &scope->in->pipeline->defaults.shell;
	const struct lang_text *chosen = LANG_IS_SET(step->shell) ? &step->shell : preset;
	return LANG_IS_SET(*chosen) ? chosen->text : STR("sh");
}

/* False: its condition is false, so the job does without it. */
static bool plan_one_step(const struct plan_scope *scope, const struct pipeline_step *step, struct plan_step *ret)
{
	struct planned_condition condition = scope_condition(scope, &step->condition);
	struct plan_step made = {
		.name = step_name(scope, step),
		.kind = LANG_IS_SET(step->policy)   ? PLAN_STEP_POLICY
			: LANG_IS_SET(step->gitops) ? PLAN_STEP_GITOPS
						    : PLAN_STEP_RUN,
		.run = step->run.text,
		.env = scope_pairs(scope, &step->env),
		.condition = condition.condition,
		.is_always = step->always.value,
		.timeout_ms = step->timeout.ms,
		.policies = policies_of(scope->in->arena, step),
	};
	if (made.kind == PLAN_STEP_RUN)
		made.shell = step_shell(scope, step);
	if (made.kind == PLAN_STEP_GITOPS)
		made.gitops = gitops_of(scope, &step->gitops);
	*ret = made;
	return !condition.is_skipped;
}

struct plan_step *planning_steps(const struct plan_scope *scope, const struct pipeline_steps *steps, size_t *ret_count)
{
	struct plan_step *made = arena_array(scope->in->arena, struct plan_step, steps->count);
	size_t count = 0;
	for (size_t i = 0; i < steps->count; i++)
		if (plan_one_step(scope, &steps->items[i], &made[count]))
			count++;
	*ret_count = count;
	return made;
}

static struct plan_retry retry_of(const struct pipeline_retry *own, const struct pipeline_retry *preset)
{
	const struct pipeline_retry *chosen = LANG_IS_SET(*own) ? own : preset;
	struct plan_retry retry = {.max = 1};
	if (LANG_IS_SET(chosen->max))
		retry.max = (int32_t)chosen->max.value;
	/* A worker that is lost says nothing about the job: without a word about causes, that is what is tried again.
	 */
	retry.on_worker_lost = !LANG_IS_SET(chosen->on);
	for (size_t i = 0; i < chosen->on.count; i++) {
		switch ((enum pipeline_retry_on)chosen->on.items[i].value) {
		case PIPELINE_RETRY_WORKER_LOST:
			retry.on_worker_lost = true;
			break;
		case PIPELINE_RETRY_TIMEOUT:
			retry.on_timeout = true;
			break;
		case PIPELINE_RETRY_EXIT:
			retry.on_exit = true;
			break;
		}
	}
	return retry;
}

static struct plan_resources resources_of(const struct pipeline_resources *own, const struct pipeline_resources *preset)
{
#define PICK(member) (LANG_IS_SET(own->member) ? &own->member : &preset->member)
	return (struct plan_resources){
		.memory_bytes = PICK(memory)->bytes,
		.disk_bytes = PICK(disk)->bytes,
		.cpu_milli = (int32_t)PICK(cpus)->value,
		.processes = (int32_t)PICK(processes)->value,
	};
#undef PICK
}

struct str planning_environment(
	const struct plan_scope *scope, const struct lang_text *text, struct plan_environment *ret, bool *ret_is_known)
{
	struct planning *in = scope->in;
	struct str name = LANG_IS_SET(*text) ? scope_text_now(scope, text) : (struct str){0};
	struct err err = {0};
	*ret_is_known = false;
	struct str only = in->context->only_environment;
	if (name.n == 0 || !in->context->environment || (only.n && !str_eq(name, only)))
		return name;
	if (in->context->environment(
		    in->context->environment_arg, name, in->plan.pipeline, planning_ref(in), in->arena, ret, &err))
		*ret_is_known = true;
	else
		planning_refuse(in, str_of(arena_strdup(in->arena, err.text)));
	return name;
}

static json_t *cache_of(const struct plan_scope *scope, const struct pipeline_cache *cache)
{
	struct str_list paths = scope_texts(scope, &cache->paths), restore = scope_texts(scope, &cache->restore);
	return json_pack("{s:o, s:o, s:o, s:b}", "key", json_of_str(scope_text(scope, &cache->key)), "paths",
		json_list_of(&paths), "restore", json_list_of(&restore), "read_only", cache->read_only.value);
}

static json_t *service_of(const struct plan_scope *scope, const struct pipeline_service *service)
{
	struct pair_list env = scope_pairs(scope, &service->env);
	return json_pack("{s:o, s:o, s:o, s:o, s:I, s:o}", "name", json_of_str(service->name.text), "image",
		json_of_str(scope_text(scope, &service->image)), "run", json_of_str(service->run.text), "ready",
		json_of_str(service->ready.text), "timeout_ms", (json_int_t)service->timeout.ms, "env",
		json_object_of(&env));
}

static json_t *json_of_id_token(const struct plan_scope *scope, const struct pipeline_id_token *id_token)
{
	struct str_list audience = scope_texts(scope, &id_token->audience);
	struct str variable = LANG_IS_SET(id_token->variable) ? id_token->variable.text : STR("CI_ID_TOKEN");
	return json_pack("{s:o, s:o}", "audience", json_list_of(&audience), "variable", json_of_str(variable));
}

static void fill_json(const struct plan_scope *scope, const struct pipeline_job *job, struct plan_job *made)
{
	if (job->cache.count)
		made->cache = planning_own(scope->in, json_array());
	for (size_t i = 0; i < job->cache.count; i++)
		json_array_append_new(made->cache, cache_of(scope, &job->cache.items[i]));
	if (job->services.count)
		made->services = planning_own(scope->in, json_array());
	for (size_t i = 0; i < job->services.count; i++)
		json_array_append_new(made->services, service_of(scope, &job->services.items[i]));
	if (LANG_IS_SET(job->id_token))
		made->id_token = planning_own(scope->in, json_of_id_token(scope, &job->id_token));
}

static void fill_settings(const struct plan_scope *scope, const struct pipeline_job *job, struct plan_job *made)
{
	const struct pipeline_defaults *preset = &scope->in->pipeline->defaults;
	const struct lang_choice *network = LANG_IS_SET(job->network) ? &job->network : &preset->network;
	const struct lang_choice *sandbox = LANG_IS_SET(job->sandbox) ? &job->sandbox : &preset->sandbox;
	const struct lang_number *depth = LANG_IS_SET(job->fetch_depth) ? &job->fetch_depth : &preset->fetch_depth;
	const struct lang_duration *timeout = LANG_IS_SET(job->timeout) ? &job->timeout : &preset->timeout;
	made->labels = scope_texts_now(scope, LANG_IS_SET(job->labels) ? &job->labels : &preset->labels);
	made->network = network->value == PIPELINE_NETWORK_EGRESS ? PLAN_NETWORK_EGRESS : PLAN_NETWORK_NONE;
	if (LANG_IS_SET(*sandbox) && sandbox->value == PIPELINE_SANDBOX_FULL)
		made->profile = STR("full");
	made->fetch_depth = LANG_IS_SET(*depth) ? (int32_t)depth->value : 1;
	made->image = scope_text(scope, LANG_IS_SET(job->image) ? &job->image : &preset->image);
	made->timeout_ms = LANG_IS_SET(*timeout) ? timeout->ms : TIMEOUT_DEFAULT_MS;
	made->retry = retry_of(&job->retry, &preset->retry);
	made->resources = resources_of(&job->resources, &preset->resources);
	made->allow_failure = job->allow_failure.value;
	made->outputs = scope_texts(scope, &job->outputs);
	made->artifacts.paths = scope_texts(scope, &job->artifacts.paths);
	made->artifacts.keep_ms = job->artifacts.keep.ms;
	made->reports = scope_pairs(scope, &job->reports);
	made->secrets = scope_texts(scope, &job->secrets);
	fill_json(scope, job, made);
}

static struct pair_list copy_pairs(struct planning *in, const struct pair_list *pairs)
{
	struct pair_list made = {0};
	for (size_t i = 0; i < pairs->count; i++) {
		made.items = arena_grow(in->arena, made.items, sizeof *made.items, made.count);
		made.items[made.count++] = pairs->items[i];
	}
	return made;
}

/* "test/unit[shard=1]", "prod/deploy[target=eu-1]", "prod/load[wave=2]" */
static struct str key_of(struct planning *in, struct str stage, struct str name, const struct pair_list *matrix,
	const struct plan_place *place)
{
	struct arena *arena = in->arena;
	struct pair_list marks = copy_pairs(in, matrix);
	if (place && place->target)
		pair_set(&marks, arena, STR("target"), place->target->name);
	else if (place && place->wave)
		pair_set(&marks, arena, STR("wave"), arena_printf(arena, "%d", place->wave));
	struct str key = arena_printf(arena, "%.*s/%.*s", STR_ARG(stage), STR_ARG(name));
	for (size_t i = 0; i < marks.count; i++)
		key = arena_printf(arena, "%.*s%s%.*s=%.*s", STR_ARG(key), i ? "," : "[", STR_ARG(marks.items[i].name),
			STR_ARG(marks.items[i].value));
	return marks.count ? arena_printf(arena, "%.*s]", STR_ARG(key)) : key;
}

static struct plan_job plan_instance(struct planning *in, const struct plan_scope *stage_scope, struct str stage,
	const struct pipeline_job *job, const struct pair_list *matrix)
{
	struct plan_environment environment = {0};
	bool is_known;
	struct pair_list env = copy_pairs(in, stage_scope->env);
	struct plan_job made = {
		.key = key_of(in, stage, job->name.text, matrix, stage_scope->place),
		.name = job->name.text,
		.matrix = *matrix,
	};
	struct plan_scope scope = *stage_scope;
	scope.matrix = matrix;
	struct planned_condition condition = scope_condition(&scope, &job->condition);
	made.condition = condition.condition;
	made.is_skipped = condition.is_skipped;
	made.skip_reason = condition.reason;
	made.environment = planning_environment(&scope, &job->environment, &environment, &is_known);
	if (LANG_IS_SET(job->environment)) {
		scope.names_environment = true;
		scope.environment = is_known ? &environment : NULL;
		for (size_t i = 0; i < environment.variables.count; i++)
			pair_set(&env, in->arena, environment.variables.items[i].name,
				expr_template_quote(environment.variables.items[i].value, in->arena));
	}
	plan_env_of_job(&env, stage, job->name.text, matrix, in->arena);
	scope_env(&scope, &job->env, &env);
	scope.env = &env;
	fill_settings(&scope, job, &made);
	made.steps = planning_steps(&scope, &job->steps, &made.step_count);
	made.env = env;
	return made;
}

void planning_job(struct planning *in, const struct plan_scope *stage_scope, const struct pipeline_job *job,
	struct plan_stage *stage)
{
	size_t count = 0;
	const struct pair_list *matrix = planning_matrix(in, stage_scope, &job->matrix, &count);
	for (size_t i = 0; matrix && i < count; i++) {
		stage->jobs = arena_grow(in->arena, stage->jobs, sizeof *stage->jobs, stage->job_count);
		stage->jobs[stage->job_count++] = plan_instance(in, stage_scope, stage->name, job, &matrix[i]);
	}
}
