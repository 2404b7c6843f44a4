#include "server/engine/planning.h"

#include "common/json.h"

/*
 * Environment stages and the `deploy` block: planned as JSON, since this version shows them and does not run them. What
 * depends on target and version keeps its ${{ }}.
 */

json_t *json_list_of(const struct str_list *texts)
{
	json_t *json = json_array();
	for (size_t i = 0; i < texts->count; i++)
		json_array_append_new(json, json_of_str(texts->items[i]));
	return json;
}

json_t *json_object_of(const struct pair_list *pairs)
{
	json_t *json = json_object();
	for (size_t i = 0; i < pairs->count; i++)
		json_object_setn_new(
			json, pairs->items[i].name.p, pairs->items[i].name.n, json_of_str(pairs->items[i].value));
	return json;
}

static void set_text(json_t *json, const char *name, const struct plan_scope *scope, const struct lang_text *text)
{
	if (LANG_IS_SET(*text))
		json_object_set_new(json, name, json_of_str(scope_text(scope, text)));
}

static void set_texts(json_t *json, const char *name, const struct plan_scope *scope, const struct lang_texts *texts)
{
	struct str_list list = scope_texts(scope, texts);
	if (LANG_IS_SET(*texts))
		json_object_set_new(json, name, json_list_of(&list));
}

static void set_choice(
	json_t *json, const char *name, const char *const *names, const struct lang_choice *choice, int absent)
{
	json_object_set_new(json, name, json_string(names[LANG_IS_SET(*choice) ? choice->value : absent]));
}

static json_t *wave_of(const struct plan_scope *scope, const struct pipeline_wave *wave)
{
	json_t *json = json_object();
	set_text(json, "name", scope, &wave->name);
	set_texts(json, "targets", scope, &wave->targets);
	json_object_set_new(json, "parallel", json_integer(LANG_IS_SET(wave->parallel) ? wave->parallel.value : 1));
	json_object_set_new(json, "bake_ms", json_integer(wave->bake.ms));
	json_object_set_new(json, "min_points", json_integer(wave->min_points.value));
	return json;
}

/* Tests are planned like jobs, each instance with its key. */
static json_t *tests_of(struct planning *in, const struct plan_scope *scope, const struct pipeline_stage *stage)
{
	struct plan_stage tests = {.name = stage->name.text};
	json_t *json = json_array();
	for (size_t i = 0; i < stage->tests.count; i++) {
		const struct pipeline_job *test = &stage->tests.items[i];
		size_t begin = tests.job_count;
		struct str_list needs = scope_texts(scope, &test->needs);
		planning_job(in, scope, test, &tests);
		for (size_t j = begin; j < tests.job_count; j++) {
			json_t *job = fields_write(plan_job_fields, &tests.jobs[j]);
			set_choice(job, "once", pipeline_once_names, &test->once, PIPELINE_ONCE_TARGET);
			if (needs.count)
				json_object_set_new(job, "needs", json_list_of(&needs));
			json_array_append_new(json, job);
		}
	}
	return json;
}

json_t *planning_delivery(struct planning *in, const struct plan_scope *scope, const struct pipeline_stage *stage)
{
	json_t *json = planning_own(in, json_object()), *waves = json_array();
	for (size_t i = 0; i < stage->waves.count; i++)
		json_array_append_new(waves, wave_of(scope, &stage->waves.items[i]));
	json_object_set_new(json, "waves", waves);
	set_texts(json, "alarms", scope, &stage->alarms);
	set_choice(json, "on_alarm", pipeline_reaction_names, &stage->on_alarm, PIPELINE_REACTION_ROLLBACK);
	set_choice(json, "on_failure", pipeline_reaction_names, &stage->on_failure, PIPELINE_REACTION_STOP);
	if (stage->tests.count)
		json_object_set_new(json, "tests", tests_of(in, scope, stage));
	set_text(json, "expires", scope, &stage->expires);
	return json;
}

static void set_steps(
	json_t *json, const char *name, const struct plan_scope *scope, const struct pipeline_steps *steps)
{
	size_t count = 0;
	struct plan_step *made = planning_steps(scope, steps, &count);
	if (!LANG_IS_SET(*steps))
		return;
	json_t *array = json_array();
	for (size_t i = 0; i < count; i++)
		json_array_append_new(array, fields_write(plan_step_fields, &made[i]));
	json_object_set_new(json, name, array);
}

static void set_resources(json_t *json, const struct pipeline_resources *resources)
{
	if (LANG_IS_SET(*resources))
		json_object_set_new(json, "resources",
			json_pack("{s:I, s:I, s:I, s:I}", "memory_bytes", (json_int_t)resources->memory.bytes,
				"disk_bytes", (json_int_t)resources->disk.bytes, "cpu_milli",
				(json_int_t)resources->cpus.value, "processes",
				(json_int_t)resources->processes.value));
}

json_t *planning_deploy(struct planning *in, const struct plan_scope *scope, const struct pipeline_deploy *deploy)
{
	json_t *json = planning_own(in, json_object());
	struct pair_list env = scope_pairs(scope, &deploy->env);
	set_text(json, "service", scope, &deploy->service);
	set_text(json, "version", scope, &deploy->version);
	set_steps(json, "steps", scope, &deploy->steps);
	set_steps(json, "verify", scope, &deploy->verify);
	set_steps(json, "preview", scope, &deploy->preview);
	set_steps(json, "teardown", scope, &deploy->teardown);
	set_steps(json, "diagnose", scope, &deploy->diagnose);
	set_texts(json, "outputs", scope, &deploy->outputs);
	set_choice(json, "network", pipeline_network_names, &deploy->network, PIPELINE_NETWORK_NONE);
	if (LANG_IS_SET(deploy->sandbox) && deploy->sandbox.value == PIPELINE_SANDBOX_FULL)
		json_object_set_new(json, "profile", json_string("full"));
	set_resources(json, &deploy->resources);
	set_texts(json, "labels", scope, &deploy->labels);
	if (env.count)
		json_object_set_new(json, "env", json_object_of(&env));
	set_texts(json, "secrets", scope, &deploy->secrets);
	if (LANG_IS_SET(deploy->id_token))
		json_object_set_new(json, "id_token", json_of_id_token(scope, &deploy->id_token));
	set_text(json, "image", scope, &deploy->image);
	if (LANG_IS_SET(deploy->timeout))
		json_object_set_new(json, "timeout_ms", json_integer(deploy->timeout.ms));
	json_object_set_new(json, "idempotent", json_boolean(deploy->idempotent.value));
	set_choice(json, "rollback", pipeline_rollback_names, &deploy->rollback, PIPELINE_ROLLBACK_PREVIOUS);
	return json;
}
