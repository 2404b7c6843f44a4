#include "server/engine/plan.h"

#include "common/digest.h"

#include <stdlib.h>

const char *const plan_stage_kind_names[] = {"jobs", "environment", "gate", NULL};
const char *const plan_step_kind_names[] = {"run", "policy", "gitops", NULL};
const char *const plan_network_names[] = {"none", "egress", NULL};
const char *const plan_author_names[] = {"allow", "deny", NULL};
const char *const plan_reaction_names[] = {"stop", "rollback", NULL};
const char *const plan_part_names[] = {"", "preview", "deploy", "verify", "test", "diagnose", NULL};

const struct field plan_step_fields[] = {
	FIELD(struct plan_step, name, FIELD_STR, FIELD_REQUIRED),
	FIELD_ENUM(struct plan_step, kind, plan_step_kind_names, 0),
	FIELD(struct plan_step, run, FIELD_STR, FIELD_OMIT_EMPTY),
	FIELD(struct plan_step, shell, FIELD_STR, FIELD_OMIT_EMPTY),
	FIELD(struct plan_step, env, FIELD_PAIRS, FIELD_OMIT_EMPTY),
	FIELD_AS(struct plan_step, condition, "if", FIELD_STR, FIELD_OMIT_EMPTY),
	FIELD_AS(struct plan_step, is_always, "always", FIELD_BOOL, FIELD_OMIT_EMPTY),
	FIELD(struct plan_step, timeout_ms, FIELD_I64, FIELD_OMIT_EMPTY),
	FIELD(struct plan_step, policies, FIELD_STRS, FIELD_OMIT_EMPTY),
	FIELD(struct plan_step, gitops, FIELD_JSON, FIELD_OMIT_EMPTY),
	FIELD_END,
};

static const struct field retry_fields[] = {
	FIELD(struct plan_retry, max, FIELD_I32, FIELD_OMIT_EMPTY),
	FIELD_AS(struct plan_retry, on_worker_lost, "worker_lost", FIELD_BOOL, FIELD_OMIT_EMPTY),
	FIELD_AS(struct plan_retry, on_timeout, "timeout", FIELD_BOOL, FIELD_OMIT_EMPTY),
	FIELD_AS(struct plan_retry, on_exit, "exit", FIELD_BOOL, FIELD_OMIT_EMPTY),
	FIELD_END,
};

static const struct field resource_fields[] = {
	FIELD(struct plan_resources, memory_bytes, FIELD_I64, FIELD_OMIT_EMPTY),
	FIELD(struct plan_resources, disk_bytes, FIELD_I64, FIELD_OMIT_EMPTY),
	FIELD(struct plan_resources, cpu_milli, FIELD_I32, FIELD_OMIT_EMPTY),
	FIELD(struct plan_resources, processes, FIELD_I32, FIELD_OMIT_EMPTY),
	FIELD_END,
};

static const struct field artifact_fields[] = {
	FIELD(struct plan_artifacts, paths, FIELD_STRS, FIELD_OMIT_EMPTY),
	FIELD(struct plan_artifacts, keep_ms, FIELD_I64, FIELD_OMIT_EMPTY),
	FIELD_END,
};

const struct field plan_job_fields[] = {
	FIELD(struct plan_job, key, FIELD_STR, FIELD_REQUIRED),
	FIELD(struct plan_job, name, FIELD_STR, FIELD_REQUIRED),
	FIELD(struct plan_job, matrix, FIELD_PAIRS, FIELD_OMIT_EMPTY),
	FIELD(struct plan_job, needs, FIELD_STRS, FIELD_OMIT_EMPTY),
	FIELD_AS(struct plan_job, condition, "if", FIELD_STR, FIELD_OMIT_EMPTY),
	FIELD_AS(struct plan_job, is_skipped, "skipped", FIELD_BOOL, FIELD_OMIT_EMPTY),
	FIELD(struct plan_job, skip_reason, FIELD_STR, FIELD_OMIT_EMPTY),
	FIELD(struct plan_job, env, FIELD_PAIRS, FIELD_OMIT_EMPTY),
	FIELD(struct plan_job, configured, FIELD_STRS, FIELD_OMIT_EMPTY),
	FIELD(struct plan_job, labels, FIELD_STRS, FIELD_OMIT_EMPTY),
	FIELD_ENUM(struct plan_job, network, plan_network_names, 0),
	FIELD(struct plan_job, profile, FIELD_STR, FIELD_OMIT_EMPTY),
	FIELD(struct plan_job, image, FIELD_STR, FIELD_OMIT_EMPTY),
	FIELD(struct plan_job, timeout_ms, FIELD_I64, FIELD_OMIT_EMPTY),
	FIELD_STRUCT(struct plan_job, retry, FIELD_OBJECT, retry_fields, FIELD_OMIT_EMPTY),
	FIELD_STRUCT(struct plan_job, resources, FIELD_OBJECT, resource_fields, FIELD_OMIT_EMPTY),
	FIELD(struct plan_job, allow_failure, FIELD_BOOL, FIELD_OMIT_EMPTY),
	FIELD(struct plan_job, outputs, FIELD_STRS, FIELD_OMIT_EMPTY),
	FIELD_STRUCT(struct plan_job, artifacts, FIELD_OBJECT, artifact_fields, FIELD_OMIT_EMPTY),
	FIELD(struct plan_job, reports, FIELD_PAIRS, FIELD_OMIT_EMPTY),
	FIELD(struct plan_job, secrets, FIELD_STRS, FIELD_OMIT_EMPTY),
	FIELD(struct plan_job, environment, FIELD_STR, FIELD_OMIT_EMPTY),
	FIELD(struct plan_job, fetch_depth, FIELD_I32, 0),
	FIELD(struct plan_job, cache, FIELD_JSON, FIELD_OMIT_EMPTY),
	FIELD(struct plan_job, services, FIELD_JSON, FIELD_OMIT_EMPTY),
	FIELD(struct plan_job, id_token, FIELD_JSON, FIELD_OMIT_EMPTY),
	FIELD_ENUM(struct plan_job, part, plan_part_names, FIELD_OMIT_EMPTY),
	FIELD(struct plan_job, wave, FIELD_I32, FIELD_OMIT_EMPTY),
	FIELD(struct plan_job, target, FIELD_STR, FIELD_OMIT_EMPTY),
	FIELD(struct plan_job, version, FIELD_STR, FIELD_OMIT_EMPTY),
	FIELD(struct plan_job, commit, FIELD_STR, FIELD_OMIT_EMPTY),
	FIELD(struct plan_job, origin, FIELD_I64, FIELD_OMIT_EMPTY),
	FIELD(struct plan_job, origin_jobs, FIELD_STRS, FIELD_OMIT_EMPTY),
	FIELD_LIST_OF(struct plan_job, steps, step_count, struct plan_step, plan_step_fields, 0),
	FIELD_END,
};

const struct field plan_gate_fields[] = {
	FIELD(struct plan_gate, approvals, FIELD_I32, FIELD_REQUIRED),
	FIELD(struct plan_gate, groups, FIELD_STRS, FIELD_OMIT_EMPTY),
	FIELD(struct plan_gate, require, FIELD_PAIRS, FIELD_OMIT_EMPTY),
	FIELD(struct plan_gate, role, FIELD_STR, FIELD_OMIT_EMPTY),
	FIELD_ENUM(struct plan_gate, author, plan_author_names, 0),
	FIELD_AS(struct plan_gate, is_comment_required, "comment_required", FIELD_BOOL, FIELD_OMIT_EMPTY),
	FIELD(struct plan_gate, timeout_ms, FIELD_I64, FIELD_OMIT_EMPTY),
	FIELD(struct plan_gate, not_before, FIELD_TIME, FIELD_OMIT_EMPTY),
	FIELD_END,
};

static const struct field wave_fields[] = {
	FIELD(struct plan_wave, name, FIELD_STR, FIELD_OMIT_EMPTY),
	FIELD(struct plan_wave, targets, FIELD_STRS, 0),
	FIELD(struct plan_wave, parallel, FIELD_I32, 0),
	FIELD(struct plan_wave, bake_ms, FIELD_I64, FIELD_OMIT_EMPTY),
	FIELD(struct plan_wave, min_points, FIELD_I32, FIELD_OMIT_EMPTY),
	FIELD_END,
};

static const struct field delivery_fields[] = {
	FIELD(struct plan_delivery, service, FIELD_STR, 0),
	FIELD_LIST_OF(struct plan_delivery, waves, wave_count, struct plan_wave, wave_fields, FIELD_OMIT_EMPTY),
	FIELD(struct plan_delivery, alarms, FIELD_STRS, FIELD_OMIT_EMPTY),
	FIELD(struct plan_delivery, rules, FIELD_PAIRS, FIELD_OMIT_EMPTY),
	FIELD_ENUM(struct plan_delivery, on_alarm, plan_reaction_names, 0),
	FIELD_ENUM(struct plan_delivery, on_failure, plan_reaction_names, 0),
	FIELD_AS(struct plan_delivery, is_fifo, "fifo", FIELD_BOOL, FIELD_OMIT_EMPTY),
	FIELD_AS(struct plan_delivery, is_idempotent, "idempotent", FIELD_BOOL, FIELD_OMIT_EMPTY),
	FIELD_AS(struct plan_delivery, is_final, "final", FIELD_BOOL, FIELD_OMIT_EMPTY),
	FIELD(struct plan_delivery, overrides_alarms, FIELD_BOOL, FIELD_OMIT_EMPTY),
	FIELD(struct plan_delivery, floor_window, FIELD_STR, FIELD_OMIT_EMPTY),
	FIELD(struct plan_delivery, may_go_back, FIELD_BOOL, FIELD_OMIT_EMPTY),
	FIELD(struct plan_delivery, priority, FIELD_I32, FIELD_OMIT_EMPTY),
	FIELD(struct plan_delivery, expires_ms, FIELD_I64, FIELD_OMIT_EMPTY),
	FIELD_LIST_OF(
		struct plan_delivery, teardown, teardown_count, struct plan_job, plan_job_fields, FIELD_OMIT_EMPTY),
	FIELD_END,
};

static const struct field stage_fields[] = {
	FIELD(struct plan_stage, name, FIELD_STR, FIELD_REQUIRED),
	FIELD_ENUM(struct plan_stage, kind, plan_stage_kind_names, FIELD_REQUIRED),
	FIELD_AS(struct plan_stage, condition, "if", FIELD_STR, FIELD_OMIT_EMPTY),
	FIELD_AS(struct plan_stage, is_skipped, "skipped", FIELD_BOOL, FIELD_OMIT_EMPTY),
	FIELD(struct plan_stage, skip_reason, FIELD_STR, FIELD_OMIT_EMPTY),
	FIELD_POINTER_TO(struct plan_stage, gate, struct plan_gate, plan_gate_fields, FIELD_OMIT_EMPTY),
	FIELD_LIST_OF(struct plan_stage, jobs, job_count, struct plan_job, plan_job_fields, FIELD_OMIT_EMPTY),
	FIELD(struct plan_stage, environment, FIELD_STR, FIELD_OMIT_EMPTY),
	FIELD(struct plan_stage, window, FIELD_STR, FIELD_OMIT_EMPTY),
	FIELD_POINTER_TO(struct plan_stage, delivery, struct plan_delivery, delivery_fields, FIELD_OMIT_EMPTY),
	FIELD_END,
};

static const struct field concurrency_fields[] = {
	FIELD(struct plan_concurrency, group, FIELD_STR, FIELD_OMIT_EMPTY),
	FIELD(struct plan_concurrency, cancel, FIELD_BOOL, FIELD_OMIT_EMPTY),
	FIELD_END,
};

const struct field plan_fields[] = {
	FIELD(struct plan, pipeline, FIELD_STR, FIELD_REQUIRED),
	FIELD(struct plan, file, FIELD_STR, FIELD_OMIT_EMPTY),
	FIELD(struct plan, inputs, FIELD_PAIRS, FIELD_OMIT_EMPTY),
	FIELD(struct plan, env, FIELD_PAIRS, FIELD_OMIT_EMPTY),
	FIELD_STRUCT(struct plan, concurrency, FIELD_OBJECT, concurrency_fields, FIELD_OMIT_EMPTY),
	FIELD_AS(struct plan, is_fork, "fork", FIELD_BOOL, FIELD_OMIT_EMPTY),
	FIELD_LIST_OF(struct plan, stages, stage_count, struct plan_stage, stage_fields, FIELD_REQUIRED),
	FIELD(struct plan, version, FIELD_STR, FIELD_OMIT_EMPTY),
	FIELD(struct plan, refusals, FIELD_STRS, FIELD_OMIT_EMPTY),
	FIELD(struct plan, warnings, FIELD_STRS, FIELD_OMIT_EMPTY),
	FIELD_END,
};

/* Steals the reference. */
static struct str canonical(json_t *json, struct arena *arena)
{
	/* As one text: a digest that is fed token by token takes several times as long. */
	char *text = json_dumps(json, JSON_SORT_KEYS | JSON_COMPACT);
	if (!text)
		BUG("a plan that is no JSON");
	struct str copy = arena_str(arena, str_of(text));
	free(text);
	json_decref(json);
	return copy;
}

static struct str hash_text(struct str text, struct arena *arena)
{
	char *hex = arena_alloc(arena, DIGEST_TEXT_BYTES);
	digest_text_of(text, hex);
	return (struct str){hex, DIGEST_TEXT_BYTES - 1};
}

struct plan_text plan_text(const struct plan *plan, struct arena *arena)
{
	struct str json = canonical(plan_write(plan), arena);
	return (struct plan_text){json, hash_text(json, arena)};
}

struct str plan_stage_hash(const struct plan_stage *stage, struct arena *arena)
{
	return hash_text(canonical(fields_write(stage_fields, stage), arena), arena);
}

bool plan_read(const json_t *json, struct plan *ret, struct arena *arena, struct err *err)
{
	struct plan plan = {0};
	if (!fields_read(plan_fields, json, &plan, arena, err))
		return err_wrap(err, "plan");
	*ret = plan;
	return true;
}

json_t *plan_write(const struct plan *plan)
{
	return fields_write(plan_fields, plan);
}

void plan_done(struct plan *plan)
{
	json_decref(plan->owned);
	plan->owned = NULL;
}

const struct plan_job *plan_find_job(const struct plan *plan, struct str key, size_t *ret_stage)
{
	for (size_t i = 0; i < plan->stage_count; i++) {
		const struct plan_stage *stage = &plan->stages[i];
		for (size_t j = 0; j < stage->job_count; j++) {
			if (!str_eq(stage->jobs[j].key, key))
				continue;
			if (ret_stage)
				*ret_stage = i;
			return &stage->jobs[j];
		}
	}
	return NULL;
}

bool plan_needs_run(struct str text)
{
	size_t at;
	return str_find(text, STR("${{"), &at);
}
