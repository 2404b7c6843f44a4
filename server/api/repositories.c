/* Repositories, what came in from them, and the pool. */
#include "server/api/repositories.h"

#include "common/json.h"
#include "server/api/repository_row.h"
#include "server/ingest/ingest.h"

const struct field repository_fields[] = {
	FIELD(struct repository_row, id, FIELD_I64, 0),
	FIELD(struct repository_row, name, FIELD_STR, 0),
	FIELD(struct repository_row, forge, FIELD_STR, 0),
	FIELD(struct repository_row, url, FIELD_STR, 0),
	FIELD(struct repository_row, default_branch, FIELD_STR, 0),
	FIELD(struct repository_row, created_at, FIELD_TIME, 0),
	FIELD(struct repository_row, fetched_at, FIELD_TIME, 0),
	FIELD(struct repository_row, problem, FIELD_STR, 0),
	FIELD(struct repository_row, project, FIELD_STR, 0),
	FIELD(struct repository_row, api_url, FIELD_STR, 0),
	FIELD(struct repository_row, report_problem, FIELD_STR, 0),
	FIELD(struct repository_row, ask_problem, FIELD_STR, 0),
	FIELD(struct repository_row, has_token, FIELD_BOOL, 0),
	FIELD(struct repository_row, has_ssh_key, FIELD_BOOL, 0),
	FIELD(struct repository_row, ssh_host_keys, FIELD_STRS, 0),
	FIELD_END,
};

enum flow_next repository_submit(struct flow *flow, enum query query, struct str name)
{
	struct db_batch *batch = db_batch_new(api_request_of(flow)->server->db);
	db_add(batch, query, DB_TEXT(name));
	return db_await(flow, batch);
}

struct str repository_name_of(struct flow *flow)
{
	return http_param(api_request_of(flow)->exchange, "repository");
}

enum flow_next repository_fail_unknown(struct flow *flow, struct str name)
{
	err_set(&flow->err, ERR_NOT_FOUND, "there is no repository \"%.*s\"", STR_ARG(name));
	return FLOW_FAIL;
}

/* --- reading --- */

static enum flow_next list_query(struct flow *flow)
{
	struct db_batch *batch = db_batch_new(api_request_of(flow)->server->db);
	db_add(batch, QUERY_REPOSITORY_LIST);
	return db_await(flow, batch);
}

static enum flow_next list_answer(struct flow *flow)
{
	struct api_request *request = api_request_of(flow);
	request->answer = api_list(db_reply_of(flow), 0, "repositories", repository_fields,
		sizeof(struct repository_row), 0, &flow->arena, &flow->err);
	return request->answer ? FLOW_DONE : FLOW_FAIL;
}

void repositories_list(struct http_exchange *exchange, void *context)
{
	static flow_step *const steps[] = {list_query, list_answer, NULL};
	api_start(exchange, context, sizeof(struct api_request), steps, false);
}

enum flow_next repository_find(struct flow *flow)
{
	return repository_submit(flow, QUERY_REPOSITORY_BY_NAME, repository_name_of(flow));
}

enum flow_next repository_answer(struct flow *flow, struct str name)
{
	struct api_request *request = api_request_of(flow);
	struct repository_row row = {0};
	if (db_row_count(db_reply_of(flow), 0) == 0)
		return repository_fail_unknown(flow, name);
	if (!db_read_row(db_reply_of(flow), 0, 0, repository_fields, &row, &flow->arena, &flow->err))
		return FLOW_FAIL;
	request->answer = fields_write(repository_fields, &row);
	return FLOW_DONE;
}

static enum flow_next row_answer(struct flow *flow)
{
	return repository_answer(flow, repository_name_of(flow));
}

void repositories_get(struct http_exchange *exchange, void *context)
{
	static flow_step *const steps[] = {repository_find, row_answer, NULL};
	api_start(exchange, context, sizeof(struct api_request), steps, false);
}

/* --- changing --- */

static enum flow_next remove_row(struct flow *flow)
{
	return repository_submit(flow, QUERY_REPOSITORY_REMOVE, repository_name_of(flow));
}

static enum flow_next removed(struct flow *flow)
{
	return db_row_count(db_reply_of(flow), 0) ? FLOW_DONE : repository_fail_unknown(flow, repository_name_of(flow));
}

void repositories_remove(struct http_exchange *exchange, void *context)
{
	static flow_step *const steps[] = {remove_row, removed, NULL};
	api_start(exchange, context, sizeof(struct api_request), steps, false);
}

static void looked(void *arg, const struct ingest_found *found, const struct err *err)
{
	struct api_request *request = arg;
	if (err) {
		flow_fail(&request->flow, err);
		return;
	}
	request->answer = json_pack("{s:I, s:I, s:o}", "updates", (json_int_t)found->updates, "pull_requests",
		(json_int_t)found->pulls, "problem", json_of_str(found->problem));
	flow_resume(&request->flow);
}

static enum flow_next look(struct flow *flow)
{
	const struct db_reply *reply = db_reply_of(flow);
	if (db_row_count(reply, 0) == 0)
		return repository_fail_unknown(flow, repository_name_of(flow));
	ingest_look(api_request_of(flow)->server->ingest, db_i64(reply, 0, 0, 0), looked, flow);
	return FLOW_WAIT;
}

void repositories_poll(struct http_exchange *exchange, void *context)
{
	static flow_step *const steps[] = {repository_find, look, NULL};
	api_start(exchange, context, sizeof(struct api_request), steps, true);
}

/* --- triggers --- */

struct trigger_row {
	int64_t id, created_at;
	struct str repository, event, ref, commit, actor, state, reason;
	struct str_list runs;
};

static const struct field trigger_row_fields[] = {
	FIELD(struct trigger_row, id, FIELD_I64, 0),
	FIELD(struct trigger_row, repository, FIELD_STR, 0),
	FIELD(struct trigger_row, event, FIELD_STR, 0),
	FIELD(struct trigger_row, ref, FIELD_STR, 0),
	FIELD(struct trigger_row, commit, FIELD_STR, 0),
	FIELD(struct trigger_row, actor, FIELD_STR, 0),
	FIELD(struct trigger_row, state, FIELD_STR, 0),
	FIELD(struct trigger_row, reason, FIELD_STR, 0),
	FIELD(struct trigger_row, runs, FIELD_STRS, 0),
	FIELD(struct trigger_row, created_at, FIELD_TIME, 0),
	FIELD_END,
};

static enum flow_next triggers_query(struct flow *flow)
{
	struct api_request *request = api_request_of(flow);
	struct str repository = {0};
	int64_t before;
	if (!api_page(request, &request->id, &before, &flow->err))
		return FLOW_FAIL;
	http_query(request->exchange, "repository", &repository);
	struct db_batch *batch = db_batch_new(request->server->db);
	db_add(batch, QUERY_TRIGGERS_LIST, DB_TEXT_OR_NULL(repository), DB_I64(before), DB_I64(request->id));
	return db_await(flow, batch);
}

static enum flow_next triggers_answer(struct flow *flow)
{
	struct api_request *request = api_request_of(flow);
	request->answer = api_list(db_reply_of(flow), 0, "triggers", trigger_row_fields, sizeof(struct trigger_row),
		request->id, &flow->arena, &flow->err);
	return request->answer ? FLOW_DONE : FLOW_FAIL;
}

void triggers_list(struct http_exchange *exchange, void *context)
{
	static flow_step *const steps[] = {triggers_query, triggers_answer, NULL};
	api_start(exchange, context, sizeof(struct api_request), steps, false);
}

/* --- workers --- */

struct worker_row {
	int64_t id, last_seen_at;
	int32_t slots, busy;
	struct str name, state, version, profile;
	struct str_list labels;
};

static const struct field worker_row_fields[] = {
	FIELD(struct worker_row, id, FIELD_I64, 0),
	FIELD(struct worker_row, name, FIELD_STR, 0),
	FIELD(struct worker_row, state, FIELD_STR, 0),
	FIELD(struct worker_row, version, FIELD_STR, 0),
	FIELD(struct worker_row, labels, FIELD_STRS, 0),
	FIELD(struct worker_row, slots, FIELD_I32, 0),
	FIELD(struct worker_row, profile, FIELD_STR, 0),
	FIELD(struct worker_row, last_seen_at, FIELD_TIME, 0),
	FIELD(struct worker_row, busy, FIELD_I32, 0),
	FIELD_END,
};

static enum flow_next query_workers(struct flow *flow, struct str name)
{
	struct db_batch *batch = db_batch_new(api_request_of(flow)->server->db);
	db_add(batch, QUERY_WORKERS_LIST, DB_TEXT_OR_NULL(name));
	return db_await(flow, batch);
}

static enum flow_next workers_query(struct flow *flow)
{
	return query_workers(flow, (struct str){0});
}

static enum flow_next worker_query(struct flow *flow)
{
	return query_workers(flow, http_param(api_request_of(flow)->exchange, "worker"));
}

static enum flow_next workers_answer(struct flow *flow)
{
	struct api_request *request = api_request_of(flow);
	request->answer = api_list(db_reply_of(flow), 0, "workers", worker_row_fields, sizeof(struct worker_row), 0,
		&flow->arena, &flow->err);
	return request->answer ? FLOW_DONE : FLOW_FAIL;
}

void workers_list(struct http_exchange *exchange, void *context)
{
	static flow_step *const steps[] = {workers_query, workers_answer, NULL};
	api_start(exchange, context, sizeof(struct api_request), steps, false);
}

static enum flow_next set_state(struct flow *flow, struct str state)
{
	struct api_request *request = api_request_of(flow);
	struct db_batch *batch = db_batch_new(request->server->db);
	db_add(batch, QUERY_WORKER_SET_STATE, DB_TEXT(http_param(request->exchange, "worker")), DB_TEXT(state));
	return db_await(flow, batch);
}

static enum flow_next drain(struct flow *flow)
{
	return set_state(flow, STR("draining"));
}

static enum flow_next resume(struct flow *flow)
{
	return set_state(flow, STR("online"));
}

static enum flow_next worker_answer(struct flow *flow)
{
	struct api_request *request = api_request_of(flow);
	struct worker_row row = {0};
	if (db_row_count(db_reply_of(flow), 0) == 0) {
		struct str name = http_param(request->exchange, "worker");
		err_set(&flow->err, ERR_NOT_FOUND, "there is no worker \"%.*s\"", STR_ARG(name));
		return FLOW_FAIL;
	}
	if (!db_read_row(db_reply_of(flow), 0, 0, worker_row_fields, &row, &flow->arena, &flow->err))
		return FLOW_FAIL;
	request->answer = fields_write(worker_row_fields, &row);
	return FLOW_DONE;
}

void workers_drain(struct http_exchange *exchange, void *context)
{
	static flow_step *const steps[] = {drain, worker_query, worker_answer, NULL};
	api_start(exchange, context, sizeof(struct api_request), steps, true);
}

void workers_resume(struct http_exchange *exchange, void *context)
{
	static flow_step *const steps[] = {resume, worker_query, worker_answer, NULL};
	api_start(exchange, context, sizeof(struct api_request), steps, true);
}
