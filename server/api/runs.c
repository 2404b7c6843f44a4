/* Runs: lists, one, and what people do with them. */
#include "server/api/runs.h"

#include "common/clock.h"
#include "common/json.h"
#include "server/api/handler.h"
#include "server/api/run_steps.h"
#include "server/ingest/ingest.h"
#include "server/runs/run_find.h"
#include "server/runs/run_view.h"
#include "server/shell/shell.h"
#include "server/store/run_store.h"

#include <stdlib.h>

/* --- the list --- */

static struct str query_or_empty(struct api_request *request, const char *name)
{
	struct str value = {0};
	http_query(request->exchange, name, &value);
	return value;
}

struct list_request {
	struct api_request api;
	int64_t limit;
};

static enum flow_next list_query(struct flow *flow)
{
	struct list_request *list = (struct list_request *)flow;
	int64_t before;
	if (!api_page(&list->api, &list->limit, &before, &flow->err))
		return FLOW_FAIL;
	struct str state = query_or_empty(&list->api, "state");
	int ignored;
	if (state.n && !enum_from_name(run_state_names, state, &ignored)) {
		const char *nearest = str_nearest(state, run_state_names);
		err_set(&flow->err, ERR_INVALID, "state: there is no state \"%.*s\"%s%s%s", STR_ARG(state),
			nearest ? "; did you mean \"" : "", nearest ? nearest : "", nearest ? "\"?" : "");
		return FLOW_FAIL;
	}
	struct db_batch *batch = db_batch_new(list->api.server->db);
	db_add(batch, QUERY_RUNS_LIST, DB_TEXT_OR_NULL(query_or_empty(&list->api, "repository")),
		DB_TEXT_OR_NULL(query_or_empty(&list->api, "pipeline")),
		DB_TEXT_OR_NULL(query_or_empty(&list->api, "branch")), DB_TEXT_OR_NULL(state), DB_I64(before),
		DB_I64(list->limit));
	return db_await(flow, batch);
}

static enum flow_next list_answer(struct flow *flow)
{
	struct list_request *list = (struct list_request *)flow;
	list->api.answer = api_list(db_reply_of(flow), 0, "runs", run_summary_fields, sizeof(struct run_summary),
		list->limit, &flow->arena, &flow->err);
	return list->api.answer ? FLOW_DONE : FLOW_FAIL;
}

void runs_list(struct http_exchange *exchange, void *context)
{
	static flow_step *const steps[] = {list_query, list_answer, NULL};
	api_start(exchange, context, sizeof(struct list_request), steps, false);
}

/* --- which run --- */

enum flow_next run_find(struct flow *flow)
{
	struct api_request *request = api_request_of(flow);
	struct db_batch *batch = db_batch_new(request->server->db);
	if (run_find_add(batch, http_param(request->exchange, "run"), &flow->err))
		return db_await(flow, batch);
	db_batch_free(batch);
	return FLOW_FAIL;
}

enum flow_next run_take(struct flow *flow)
{
	struct api_request *request = api_request_of(flow);
	struct str name = http_param(request->exchange, "run");
	return run_find_take(db_reply_of(flow), 0, name, &request->id, &flow->err) ? FLOW_CONTINUE : FLOW_FAIL;
}

/* --- one --- */

static enum flow_next view_query(struct flow *flow)
{
	struct api_request *request = api_request_of(flow);
	struct db_batch *batch = db_batch_new(request->server->db);
	run_view_add(batch, request->server->plans, request->id, STR(""));
	return db_await(flow, batch);
}

static enum flow_next view_answer(struct flow *flow)
{
	struct api_request *request = api_request_of(flow);
	request->answer = run_view_snapshot(
		db_reply_of(flow), request->server->plans, auth_caller(request->exchange), &flow->arena, &flow->err);
	return request->answer ? FLOW_DONE : FLOW_FAIL;
}

void runs_get(struct http_exchange *exchange, void *context)
{
	static flow_step *const steps[] = {run_find, run_take, view_query, view_answer, NULL};
	api_start(exchange, context, sizeof(struct api_request), steps, false);
}

static enum flow_next plan_query(struct flow *flow)
{
	struct api_request *request = api_request_of(flow);
	struct db_batch *batch = db_batch_new(request->server->db);
	db_add(batch, QUERY_VIEW_DETAILS, DB_I64(request->id), DB_TEXTS(NULL, 0), DB_TEXT(STR("")));
	return db_await(flow, batch);
}

static enum flow_next plan_answer(struct flow *flow)
{
	struct api_request *request = api_request_of(flow);
	struct str text = db_text(db_reply_of(flow), 0, 0, 3);
	if (text.n == 0) {
		err_set(&flow->err, ERR_NOT_FOUND, "the run has no plan: its pipeline file could not be used");
		return FLOW_FAIL;
	}
	request->answer = json_loadb(text.p, text.n, 0, NULL);
	return FLOW_DONE;
}

void runs_plan(struct http_exchange *exchange, void *context)
{
	static flow_step *const steps[] = {run_find, run_take, plan_query, plan_answer, NULL};
	api_start(exchange, context, sizeof(struct api_request), steps, false);
}

/* --- summaries as answers --- */

enum flow_next run_summary_query(struct flow *flow)
{
	struct api_request *request = api_request_of(flow);
	struct db_batch *batch = db_batch_new(request->server->db);
	db_add(batch, QUERY_VIEW_SUMMARY, DB_I64(request->id));
	return db_await(flow, batch);
}

enum flow_next run_summary_answer(struct flow *flow)
{
	struct api_request *request = api_request_of(flow);
	struct run_summary summary = {0};
	if (!db_read_row(db_reply_of(flow), 0, 0, run_summary_fields, &summary, &flow->arena, &flow->err))
		return FLOW_FAIL;
	request->answer = fields_write(run_summary_fields, &summary);
	return FLOW_DONE;
}

/* --- cancel and retry --- */

void run_applied(void *arg, const struct err *err)
{
	struct flow *flow = arg;
	if (err)
		flow_fail(flow, err);
	else
		flow_resume(flow);
}

static enum flow_next apply_event(struct flow *flow, enum engine_event_kind kind, const char *field)
{
	struct api_request *request = api_request_of(flow);
	const char *const names[] = {field, NULL};
	struct engine_event event = {.kind = kind, .person = &auth_caller(request->exchange)->person};
	if (!api_only(request, names, &flow->err) || !api_text(request, field, false, &event.text, &flow->err))
		return FLOW_FAIL;
	shell_apply(request->server->shell, request->id, &event, run_applied, flow);
	return FLOW_WAIT;
}

static enum flow_next cancel(struct flow *flow)
{
	return apply_event(flow, ENGINE_CANCEL, "reason");
}

static enum flow_next find_gone(struct flow *flow)
{
	struct db_batch *batch = db_batch_new(api_request_of(flow)->server->db);
	db_add(batch, QUERY_RUN_ARTIFACTS_GONE, DB_I64(api_request_of(flow)->id));
	return db_await(flow, batch);
}

static enum flow_next retry(struct flow *flow)
{
	const struct db_reply *reply = db_reply_of(flow);
	if (db_row_count(reply, 0)) {
		err_set(&flow->err, ERR_CONFLICT,
			"artifact \"%.*s\" of this run was removed, since its time to be kept was over: run it again instead",
			STR_ARG(db_text(reply, 0, 0, 0)));
		return FLOW_FAIL;
	}
	return apply_event(flow, ENGINE_RETRY, "job");
}

void runs_cancel(struct http_exchange *exchange, void *context)
{
	static flow_step *const steps[] = {run_find, run_take, cancel, run_summary_query, run_summary_answer, NULL};
	api_start(exchange, context, sizeof(struct api_request), steps, true);
}

void runs_retry(struct http_exchange *exchange, void *context)
{
	static flow_step *const steps[] = {
		run_find, run_take, find_gone, retry, run_summary_query, run_summary_answer, NULL};
	api_start(exchange, context, sizeof(struct api_request), steps, true);
}

/* --- starting --- */

void run_started(void *arg, const struct ingest_outcome *outcome, const struct err *err)
{
	struct flow *flow = arg;
	struct api_request *request = api_request_of(flow);
	if (err && outcome->errors)
		request->details = json_deep_copy(outcome->errors);
	request->id = outcome->run;
	request->status = 201;
	if (err)
		flow_fail(flow, err);
	else
		flow_resume(flow);
}

static void set_person(struct ingest_manual *manual, const struct caller *caller)
{
	manual->actor = caller->person.name;
	manual->account = caller->person.account;
	manual->groups = caller->person.groups;
	manual->is_admin = str_is(caller->person.role, "admin");
}

static enum flow_next find_repository(struct flow *flow)
{
	static const char *const names[] = {"repository", "pipeline", "ref", "inputs", NULL};
	struct api_request *request = api_request_of(flow);
	struct str name;
	if (!api_only(request, names, &flow->err) || !api_text(request, "repository", true, &name, &flow->err))
		return FLOW_FAIL;
	struct db_batch *batch = db_batch_new(request->server->db);
	db_add(batch, QUERY_REPOSITORY_BY_NAME, DB_TEXT(name));
	return db_await(flow, batch);
}

static bool read_inputs(struct api_request *request, struct pair_list *ret, struct err *err)
{
	const char *name;
	json_t *value, *inputs = json_object_get(request->body, "inputs");
	if (inputs && !json_is_object(inputs))
		return err_set(err, ERR_INVALID, "\"inputs\" is no object of texts");
	json_object_foreach(inputs, name, value)
	{
		if (!json_is_string(value))
			return err_set(err, ERR_INVALID, "input \"%s\" is no text: write it in quotes", name);
		pair_set(ret, &request->flow.arena, str_of(name),
			(struct str){json_string_value(value), json_string_length(value)});
	}
	return true;
}

static enum flow_next start_run(struct flow *flow)
{
	struct api_request *request = api_request_of(flow);
	struct ingest_manual manual = {.event = STR("manual")};
	struct str name;
	if (!api_text(request, "repository", true, &name, &flow->err) ||
		!api_text(request, "pipeline", true, &manual.pipeline, &flow->err) ||
		!api_text(request, "ref", false, &manual.ref, &flow->err) ||
		!read_inputs(request, &manual.inputs, &flow->err))
		return FLOW_FAIL;
	if (db_row_count(db_reply_of(flow), 0) == 0) {
		err_set(&flow->err, ERR_NOT_FOUND, "there is no repository \"%.*s\"", STR_ARG(name));
		return FLOW_FAIL;
	}
	manual.repository = db_i64(db_reply_of(flow), 0, 0, 0);
	set_person(&manual, auth_caller(request->exchange));
	ingest_start_run(request->server->ingest, &manual, run_started, flow);
	return FLOW_WAIT;
}

void runs_create(struct http_exchange *exchange, void *context)
{
	static flow_step *const steps[] = {find_repository, start_run, run_summary_query, run_summary_answer, NULL};
	api_start(exchange, context, sizeof(struct api_request), steps, true);
}

struct again_row {
	int64_t repository_id, pull_request;
	struct str event, pipeline, ref, before, commit;
	struct pair_list inputs;
};

static const struct field again_fields[] = {
	FIELD(struct again_row, repository_id, FIELD_I64, 0),
	FIELD(struct again_row, event, FIELD_STR, 0),
	FIELD(struct again_row, pipeline, FIELD_STR, 0),
	FIELD(struct again_row, ref, FIELD_STR, 0),
	FIELD(struct again_row, before, FIELD_STR, 0),
	FIELD(struct again_row, commit, FIELD_STR, 0),
	FIELD(struct again_row, inputs, FIELD_PAIRS, 0),
	FIELD(struct again_row, pull_request, FIELD_I64, 0),
	FIELD_END,
};

static enum flow_next again_query(struct flow *flow)
{
	struct api_request *request = api_request_of(flow);
	struct db_batch *batch = db_batch_new(request->server->db);
	db_add(batch, QUERY_RUN_AGAIN, DB_I64(request->id));
	return db_await(flow, batch);
}

static enum flow_next start_again(struct flow *flow)
{
	struct api_request *request = api_request_of(flow);
	struct again_row row = {0};
	if (!db_read_row(db_reply_of(flow), 0, 0, again_fields, &row, &flow->arena, &flow->err))
		return FLOW_FAIL;
	struct ingest_manual manual = {
		.repository = row.repository_id,
		.event = row.event,
		.pipeline = row.pipeline,
		.ref = row.ref,
		.before = row.before,
		.commit = row.commit,
		.inputs = row.inputs,
		.rerun_of = request->id,
		.pull_request = row.pull_request,
	};
	set_person(&manual, auth_caller(request->exchange));
	ingest_start_run(request->server->ingest, &manual, run_started, flow);
	return FLOW_WAIT;
}

void runs_again(struct http_exchange *exchange, void *context)
{
	static flow_step *const steps[] = {
		run_find, run_take, again_query, start_again, run_summary_query, run_summary_answer, NULL};
	api_start(exchange, context, sizeof(struct api_request), steps, true);
}

/* --- artifacts --- */

struct artifact_row {
	int64_t id, size_bytes, created_at, expires_at, removed_at;
	struct str job, path, report, sha256;
};

static const struct field artifact_fields[] = {
	FIELD(struct artifact_row, id, FIELD_I64, 0),
	FIELD(struct artifact_row, job, FIELD_STR, 0),
	FIELD(struct artifact_row, path, FIELD_STR, 0),
	FIELD(struct artifact_row, report, FIELD_STR, 0),
	FIELD(struct artifact_row, size_bytes, FIELD_I64, 0),
	FIELD(struct artifact_row, sha256, FIELD_STR, 0),
	FIELD(struct artifact_row, created_at, FIELD_TIME, 0),
	FIELD(struct artifact_row, expires_at, FIELD_TIME, 0),
	FIELD(struct artifact_row, removed_at, FIELD_TIME, 0),
	FIELD_END,
};

static enum flow_next artifacts_query(struct flow *flow)
{
	struct api_request *request = api_request_of(flow);
	struct db_batch *batch = db_batch_new(request->server->db);
	db_add(batch, QUERY_ARTIFACTS_LIST, DB_I64(request->id));
	return db_await(flow, batch);
}

static enum flow_next artifacts_answer(struct flow *flow)
{
	struct api_request *request = api_request_of(flow);
	request->answer = api_list(db_reply_of(flow), 0, "artifacts", artifact_fields, sizeof(struct artifact_row), 0,
		&flow->arena, &flow->err);
	return request->answer ? FLOW_DONE : FLOW_FAIL;
}

void artifacts_list(struct http_exchange *exchange, void *context)
{
	static flow_step *const steps[] = {run_find, run_take, artifacts_query, artifacts_answer, NULL};
	api_start(exchange, context, sizeof(struct api_request), steps, false);
}

/* --- gates --- */

static enum flow_next find_gate(struct flow *flow)
{
	struct api_request *request = api_request_of(flow);
	int64_t gate;
	if (!str_to_i64(http_param(request->exchange, "gate"), &gate)) {
		err_set(&flow->err, ERR_INVALID, "a gate is named by its id");
		return FLOW_FAIL;
	}
	struct db_batch *batch = db_batch_new(request->server->db);
	db_add(batch, QUERY_GATE_RUN, DB_I64(gate));
	return db_await(flow, batch);
}

static bool read_not_before(struct api_request *request, int64_t *ret, struct err *err)
{
	struct str text;
	if (!api_text(request, "not_before", false, &text, err))
		return false;
	return text.n == 0 || clock_parse(text, ret) ||
	       err_set(err, ERR_INVALID, "\"%.*s\" is not a time; write it like 2026-01-31T09:00:00Z",
		       STR_ARG(str_brief(text, 80)));
}

static enum flow_next decide(struct flow *flow, bool is_approval)
{
	static const char *const refusal[] = {"comment", NULL}, *const approval[] = {"comment", "not_before", NULL};
	struct api_request *request = api_request_of(flow);
	struct engine_event event = {
		.kind = ENGINE_DECIDED, .person = &auth_caller(request->exchange)->person, .is_approval = is_approval};
	if (db_row_count(db_reply_of(flow), 0) == 0) {
		err_set(&flow->err, ERR_NOT_FOUND, "there is no such gate");
		return FLOW_FAIL;
	}
	request->id = db_i64(db_reply_of(flow), 0, 0, 0);
	str_to_i64(http_param(request->exchange, "gate"), &event.gate);
	if (!api_only(request, is_approval ? approval : refusal, &flow->err) ||
		!api_text(request, "comment", false, &event.text, &flow->err) ||
		!read_not_before(request, &event.not_before, &flow->err))
		return FLOW_FAIL;
	shell_apply(request->server->shell, request->id, &event, run_applied, flow);
	return FLOW_WAIT;
}

static enum flow_next approve(struct flow *flow)
{
	return decide(flow, true);
}

static enum flow_next reject(struct flow *flow)
{
	return decide(flow, false);
}

static enum flow_next gate_answer(struct flow *flow)
{
	struct api_request *request = api_request_of(flow);
	json_t *run = run_view_snapshot(
		db_reply_of(flow), request->server->plans, auth_caller(request->exchange), &flow->arena, &flow->err);
	int64_t id = 0;
	size_t index;
	json_t *stage;
	if (!run)
		return FLOW_FAIL;
	str_to_i64(http_param(request->exchange, "gate"), &id);
	json_array_foreach(json_object_get(run, "stages"), index, stage)
	{
		json_t *gate = json_object_get(stage, "gate");
		if (json_integer_value(json_object_get(gate, "id")) == id)
			request->answer = json_incref(gate);
	}
	json_decref(run);
	return FLOW_DONE;
}

void gates_approve(struct http_exchange *exchange, void *context)
{
	static flow_step *const steps[] = {find_gate, approve, view_query, gate_answer, NULL};
	api_start(exchange, context, sizeof(struct api_request), steps, true);
}

void gates_reject(struct http_exchange *exchange, void *context)
{
	static flow_step *const steps[] = {find_gate, reject, view_query, gate_answer, NULL};
	api_start(exchange, context, sizeof(struct api_request), steps, true);
}
