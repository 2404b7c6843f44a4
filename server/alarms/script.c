/* A script alarm: a run of one job, made from the default branch or another ref as any run is, and done by whichever
 * worker takes it. Its outcome is read when it is over, by whichever server finds it first. */
#include "common/clock.h"
#include "common/io/work.h"
#include "common/json.h"
#include "common/lang/lang.h"
#include "common/log.h"
#include "server/alarms/alarms_internal.h"
#include "server/engine/planner.h"
#include "server/git/git_read.h"
#include "server/git/mirrors.h"
#include "server/shell/shell.h"
#include "server/store/run_store.h"

#include <stdlib.h>

struct script {
	struct flow flow;
	struct alarms *alarms;
	struct alarm_spec spec;
	int64_t begun_at_us, repository;
	struct str default_branch, commit, ref;
	char *mirror_path;
	struct git_commit_facts facts;
	struct plan plan;
	bool is_planned;
	size_t created; /* statement */
	struct err err; /* of the pool */
	void (*done)(void *arg, const struct alarm_reading *reading, const struct err *err);
	void *arg;
};

static struct script *script_of(struct flow *flow)
{
	return (struct script *)flow;
}

static enum flow_next find_repository(struct flow *flow)
{
	struct script *script = script_of(flow);
	struct db_batch *batch = db_batch_new(script->alarms->server->db);
	db_add(batch, QUERY_ALARM_REPOSITORY, DB_TEXT(script->spec.repository));
	return db_await(flow, batch);
}

/* --- its plan --- */

static json_t *texts_json(const struct str_list *texts)
{
	json_t *list = json_array();
	for (size_t i = 0; i < texts->count; i++)
		json_array_append_new(list, json_of_str(texts->items[i]));
	return list;
}

/* A pipeline like those of files: JSON is YAML. */
static struct str pipeline_text(const struct alarm_spec *spec, struct arena *arena)
{
	json_t *env = json_object();
	for (size_t i = 0; i < spec->env.count; i++)
		json_object_setn_new(env, spec->env.items[i].name.p, spec->env.items[i].name.n,
			json_of_str(spec->env.items[i].value));
	json_t *job = json_pack("{s:o, s:o, s:o, s:[{s:o}]}", "network", json_of_str(spec->network), "timeout",
		json_of_str(duration_format(arena, spec->timeout_ms)), "env", env, "steps", "run",
		json_of_str(spec->run));
	if (spec->worker_labels.count)
		json_object_set_new(job, "labels", texts_json(&spec->worker_labels));
	json_t *pipeline = json_pack("{s:o, s:{s:{}}, s:[{s:s, s:{s:o}}]}", "name", json_of_str(spec->name), "on",
		"manual", "stages", "name", "alarm", "jobs", "script", job);
	struct str text = json_text(pipeline, arena);
	json_decref(pipeline);
	return text;
}

static bool plan_script(struct script *script, struct err *err)
{
	struct arena *arena = &script->flow.arena;
	const struct pipeline *pipeline;
	struct lang_errors errors = {.arena = arena};
	struct plan_context context = {
		.event = PLAN_EVENT_MANUAL,
		.ref = script->ref,
		.branch = str_starts(script->ref, STR("refs/heads/")) ? str_skip(script->ref, 11) : STR(""),
		.tag = str_starts(script->ref, STR("refs/tags/")) ? str_skip(script->ref, 10) : STR(""),
		.commit = script->commit,
		.message = script->facts.message,
		.author_name = script->facts.author,
		.author_email = script->facts.author_email,
		.actor = STR("alarm"),
		.repository = script->spec.repository,
		.default_branch = script->default_branch,
		.file = "the script of an alarm",
	};
	if (!lang_load(
		    pipeline_text(&script->spec, arena), "the script of an alarm", NULL, arena, &pipeline, &errors) ||
		!plan_make(pipeline, &context, arena, &script->plan, &errors))
		return err_set(err, ERR_INVALID, "%.*s",
			STR_ARG(errors.count ? errors.items[0].message : STR("it cannot be planned")));
	script->is_planned = true;
	return script->plan.refusals.count == 0 ||
	       err_set(err, ERR_UNSUPPORTED, "%.*s", STR_ARG(script->plan.refusals.items[0]));
}

static void plan_on_pool(void *arg)
{
	struct script *script = arg;
	struct arena *arena = &script->flow.arena;
	struct str name = script->spec.ref.n ? script->spec.ref : script->default_branch;
	struct git_mirror *mirror;
	if (!git_mirror_open(script->mirror_path, &mirror, &script->err))
		return;
	if (git_resolve(mirror, name, &script->commit, &script->ref, arena, &script->err) &&
		git_commit_read(mirror, script->commit, &script->facts, arena, &script->err))
		plan_script(script, &script->err);
	git_mirror_close(mirror);
}

static void planned(void *arg, bool is_cancelled)
{
	struct script *script = arg;
	if (is_cancelled)
		err_set(&script->err, ERR_BUSY, "the server is stopping");
	if (script->err.kind != ERR_NONE)
		flow_fail(&script->flow, &script->err);
	else
		flow_resume(&script->flow);
}

static enum flow_next plan(struct flow *flow)
{
	struct script *script = script_of(flow);
	struct server *server = script->alarms->server;
	const struct db_reply *reply = db_reply_of(flow);
	if (db_row_count(reply, 0) == 0) {
		err_set(&flow->err, ERR_NOT_FOUND, "there is no repository \"%.*s\"", STR_ARG(script->spec.repository));
		return FLOW_FAIL;
	}
	script->repository = db_i64(reply, 0, 0, 0);
	script->default_branch = arena_str(&flow->arena, db_text(reply, 0, 0, 1));
	script->mirror_path = mirrors_path(server->mirrors, script->repository);
	work_submit(server->loop, plan_on_pool, planned, script);
	return FLOW_WAIT;
}

/* --- its run --- */

static enum flow_next store(struct flow *flow)
{
	struct script *script = script_of(flow);
	const struct alarm_spec *spec = &script->spec;
	struct run_new run = {
		.repository = script->repository,
		.pipeline = spec->name,
		.event = STR("alarm"),
		.ref = str_or_empty(script->ref),
		.branch = str_starts(script->ref, STR("refs/heads/")) ? str_skip(script->ref, 11) : STR(""),
		.tag = str_starts(script->ref, STR("refs/tags/")) ? str_skip(script->ref, 10) : STR(""),
		.commit = script->commit,
		.before = STR(""),
		.title = arena_printf(&flow->arena, "Alarm %.*s", STR_ARG(spec->name)),
		.author = STR(""),
		.actor = STR("alarm"),
		.plan = &script->plan,
		.reason = STR(""),
	};
	struct db_batch *batch = db_batch_new(script->alarms->server->db);
	script->created = run_store_create(batch, 0, &run, &flow->arena);
	db_add(batch, QUERY_ALARM_RUN_BEGIN, DB_TEXT(spec->name), DB_I64(script->repository));
	db_add(batch, QUERY_ALARM_DUE, DB_TEXT(spec->name), DB_TIME(script->begun_at_us),
		DB_I64(spec->rules.interval_us / US_PER_MS));
	return db_await(flow, batch);
}

static enum flow_next wake(struct flow *flow)
{
	struct script *script = script_of(flow);
	struct run_created created;
	if (!run_store_read_created(db_reply_of(flow), script->created, &created, &flow->err))
		return FLOW_FAIL;
	shell_look(script->alarms->server->shell, created.id);
	return FLOW_DONE;
}

static flow_step *const steps[] = {find_repository, plan, store, wake, NULL};

/* What is no fault of the alarm's passes without a sample: the next one comes soon. */
static void script_ended(struct flow *flow)
{
	struct script *script = script_of(flow);
	struct alarms *alarms = script->alarms;
	struct alarm_reading reading;
	enum err_kind kind = flow->err.kind;
	bool is_said = kind != ERR_NONE && kind != ERR_BUSY && kind != ERR_CONFLICT;
	if (is_said)
		alarm_read_error(&reading, arena_printf(&flow->arena, "the script is not run: %s", flow->err.text),
			&flow->arena);
	script->done(script->arg, is_said ? &reading : NULL, kind == ERR_NONE ? NULL : &flow->err);
	if (script->is_planned)
		plan_done(&script->plan);
	free(script->mirror_path);
	flow_free(flow);
	alarms_ended(alarms);
}

void alarm_script_begin(struct alarms *alarms, const struct alarm_spec *spec, int64_t begun_at_us,
	void (*done)(void *arg, const struct alarm_reading *reading, const struct err *err), void *arg)
{
	struct script *script = flow_new(sizeof *script, steps, script_ended);
	script->alarms = alarms;
	alarm_spec_copy(&script->spec, spec, &script->flow.arena);
	script->begun_at_us = begun_at_us;
	script->done = done;
	script->arg = arg;
	alarms->active++;
	flow_start(&script->flow);
}

/* --- its outcome --- */

struct ended_row {
	struct str alarm, run, state, reason, message;
	int64_t begun_at;
	int32_t exit_code;
};

static const struct field ended_fields[] = {
	FIELD(struct ended_row, alarm, FIELD_STR, 0),
	FIELD(struct ended_row, begun_at, FIELD_TIME, 0),
	FIELD(struct ended_row, run, FIELD_STR, 0),
	FIELD(struct ended_row, state, FIELD_STR, 0),
	FIELD(struct ended_row, reason, FIELD_STR, 0),
	FIELD(struct ended_row, exit_code, FIELD_I32, 0),
	FIELD(struct ended_row, message, FIELD_STR, 0),
	FIELD_END,
};

/* Only the script's own word is a breach: a worker that was lost, a limit that was reached and the like are the
 * monitor's. */
static void judge(const struct ended_row *row, struct alarm_reading *ret, struct arena *arena)
{
	bool is_fine = str_is(row->state, "succeeded"), has_said = str_is(row->reason, "exit");
	struct str text = arena_printf(arena, "it ended with %d (run %.*s)", (int)row->exit_code, STR_ARG(row->run));
	if (!is_fine && !has_said)
		text = arena_printf(arena, "the script could not say: %.*s%s%.*s (run %.*s)",
			STR_ARG(row->reason.n ? row->reason : row->state), row->message.n ? ", " : "",
			STR_ARG(row->message), STR_ARG(row->run));
	*ret = (struct alarm_reading){
		.outcome = is_fine    ? ALARM_FINE
			   : has_said ? ALARM_BREACH
				      : ALARM_ERROR,
		.has_value = is_fine || has_said,
		.value = row->exit_code,
		.text = alarm_words(text, arena),
	};
}

void alarm_scripts_take(struct alarms *alarms, const struct db_reply *reply, size_t statement,
	const struct alarm_spec *specs, size_t count)
{
	auto_arena arena = {0};
	struct err err = {0};
	for (size_t i = 0; i < db_row_count(reply, statement); i++) {
		struct ended_row row = {0};
		struct alarm_reading reading;
		if (!db_read_row(reply, statement, i, ended_fields, &row, &arena, &err)) {
			log_error("alarms.scripts", F("err", &err));
			return;
		}
		for (size_t j = 0; j < count; j++) {
			if (!str_eq(specs[j].name, row.alarm))
				continue;
			judge(&row, &reading, &arena);
			alarm_put(alarms,
				&(struct alarm_record){.kind = ALARM_RECORD_READING,
					.spec = &specs[j],
					.reading = &reading,
					.begun_at_us = row.begun_at},
				NULL, NULL);
		}
	}
}
