#include "server/api/deployments.h"

#include "common/digest.h"
#include "server/api/handler.h"
#include "server/engine/run_name.h"
#include "server/api/run_steps.h"
#include "server/ingest/ingest.h"
#include "server/shell/shell.h"

/* --- history --- */

struct deployment_row {
	int64_t id, started_at, ended_at, baked_at;
	struct str run, kind, service, environment, target, version, previous, state, actor, alert;
};

static const struct field deployment_fields[] = {
	FIELD(struct deployment_row, id, FIELD_I64, 0),
	FIELD(struct deployment_row, run, FIELD_STR, 0),
	FIELD(struct deployment_row, kind, FIELD_STR, 0),
	FIELD(struct deployment_row, service, FIELD_STR, 0),
	FIELD(struct deployment_row, environment, FIELD_STR, 0),
	FIELD(struct deployment_row, target, FIELD_STR, 0),
	FIELD(struct deployment_row, version, FIELD_STR, 0),
	FIELD(struct deployment_row, previous, FIELD_STR, 0),
	FIELD(struct deployment_row, state, FIELD_STR, 0),
	FIELD(struct deployment_row, actor, FIELD_STR, 0),
	FIELD(struct deployment_row, started_at, FIELD_TIME, 0),
	FIELD(struct deployment_row, ended_at, FIELD_TIME, 0),
	FIELD(struct deployment_row, baked_at, FIELD_TIME, 0),
	FIELD(struct deployment_row, alert, FIELD_STR, 0),
	FIELD_END,
};

struct list_request {
	struct api_request api;
	int64_t limit;
};

static enum flow_next list_query(struct flow *flow)
{
	struct list_request *list = (struct list_request *)flow;
	struct http_exchange *exchange = list->api.exchange;
	struct str service = STR(""), environment = STR("");
	int64_t before;
	http_query(exchange, "service", &service);
	http_query(exchange, "environment", &environment);
	if (!api_page(&list->api, &list->limit, &before, &flow->err))
		return FLOW_FAIL;
	struct db_batch *batch = db_batch_new(list->api.server->db);
	db_add(batch, QUERY_DEPLOYMENTS_LIST, DB_TEXT(service), DB_TEXT(environment), DB_I64(before),
		DB_I64(list->limit));
	return db_await(flow, batch);
}

static enum flow_next list_answer(struct flow *flow)
{
	struct list_request *list = (struct list_request *)flow;
	list->api.answer = api_list(db_reply_of(flow), 0, "deployments", deployment_fields,
		sizeof(struct deployment_row), list->limit, &flow->arena, &flow->err);
	return list->api.answer ? FLOW_DONE : FLOW_FAIL;
}

void deployments_list(struct http_exchange *exchange, void *context)
{
	static flow_step *const steps[] = {list_query, list_answer, NULL};
	api_start(exchange, context, sizeof(struct list_request), steps, false);
}

/* --- back and forward --- */

struct redeploy_request {
	struct api_request api;
	struct str service, environment;
	struct str version; /* "": none was given */
	struct str reason;
	bool is_back;
};

static enum flow_next find_version(struct flow *flow)
{
	struct redeploy_request *self = (struct redeploy_request *)flow;
	struct db_batch *batch = db_batch_new(self->api.server->db);
	db_add(batch, QUERY_VERSION_FIND, DB_TEXT(self->service), DB_TEXT(self->environment), DB_TEXT(self->version));
	return db_await(flow, batch);
}

/* Before anything is done: a slip of the finger must not condemn what runs. */
static bool check_version(struct redeploy_request *self, const struct db_reply *reply, struct err *err)
{
	if (db_row_count(reply, 0) > 1)
		return err_set(err, ERR_INVALID, "several versions of %.*s begin with \"%.*s\"; give more of it",
			STR_ARG(self->service), STR_ARG(digest_brief(self->version)));
	if (db_text(reply, 0, 0, 0).n == 0)
		return err_set(err, ERR_NOT_FOUND,
			"%.*s has no version \"%.*s\" that was deployed anywhere; penstock env history ENVIRONMENT lists them",
			STR_ARG(self->service), STR_ARG(digest_brief(self->version)));
	if (self->is_back && !db_bool(reply, 0, 0, 1))
		return err_set(err, ERR_CONFLICT,
			"%.*s is no way back in %.*s: it runs there, is in quarantine, or never baked clean; penstock env history "
			"%.*s shows what did",
			STR_ARG(digest_brief(db_text(reply, 0, 0, 0))), STR_ARG(self->environment),
			STR_ARG(self->environment));
	return true;
}

static enum flow_next take_version(struct flow *flow)
{
	struct redeploy_request *self = (struct redeploy_request *)flow;
	const struct db_reply *reply = db_reply_of(flow);
	if (self->version.n == 0 || db_row_count(reply, 0) == 0)
		return FLOW_CONTINUE;
	if (!check_version(self, reply, &flow->err))
		return FLOW_FAIL;
	self->version = arena_str(&flow->arena, db_text(reply, 0, 0, 0));
	return FLOW_CONTINUE;
}

static bool read_place(struct redeploy_request *self, const char *const *names, struct err *err)
{
	return api_only(&self->api, names, err) && api_text(&self->api, "service", true, &self->service, err) &&
	       api_text(&self->api, "environment", true, &self->environment, err);
}

static enum flow_next read_back(struct flow *flow)
{
	static const char *const names[] = {"service", "environment", "to", "reason", NULL};
	struct redeploy_request *self = (struct redeploy_request *)flow;
	self->is_back = true;
	bool ok = read_place(self, names, &flow->err) &&
		  api_text(&self->api, "to", false, &self->version, &flow->err) &&
		  api_text(&self->api, "reason", true, &self->reason, &flow->err);
	return ok ? FLOW_CONTINUE : FLOW_FAIL;
}

static enum flow_next read_forward(struct flow *flow)
{
	static const char *const names[] = {"service", "environment", "version", NULL};
	struct redeploy_request *self = (struct redeploy_request *)flow;
	bool ok = read_place(self, names, &flow->err) &&
		  api_text(&self->api, "version", true, &self->version, &flow->err);
	return ok ? FLOW_CONTINUE : FLOW_FAIL;
}

static enum flow_next ask_back(struct flow *flow)
{
	struct redeploy_request *self = (struct redeploy_request *)flow;
	const struct person *person = &auth_caller(self->api.exchange)->person;
	struct db_batch *batch = db_batch_new(self->api.server->db);
	db_add(batch, QUERY_ROLLBACK_ASK, DB_TEXT(self->service), DB_TEXT(self->environment), DB_TEXT(self->version),
		DB_TEXT(self->reason), DB_ID_OR_NULL(person->account), DB_TEXT(person->name), DB_I64(INGEST_CLAIM_MS));
	return db_await(flow, batch);
}

static enum flow_next ask_forward(struct flow *flow)
{
	struct redeploy_request *self = (struct redeploy_request *)flow;
	const struct person *person = &auth_caller(self->api.exchange)->person;
	struct db_batch *batch = db_batch_new(self->api.server->db);
	db_add(batch, QUERY_DEPLOY_ASK, DB_TEXT(self->service), DB_TEXT(self->environment), DB_TEXT(self->version),
		DB_ID_OR_NULL(person->account), DB_TEXT(person->name), DB_I64(INGEST_CLAIM_MS));
	return db_await(flow, batch);
}

static enum flow_next start(struct flow *flow)
{
	struct api_request *request = api_request_of(flow);
	const struct db_reply *reply = db_reply_of(flow);
	if (db_row_count(reply, 0) == 0) {
		err_set(&flow->err, ERR_NOT_FOUND,
			"there is no such service in such an environment, or nothing was deployed there yet; \"penstock board\" "
			"shows what runs where");
		return FLOW_FAIL;
	}
	struct ingest_manual manual = {.trigger = db_i64(reply, 0, 0, 0), .repository = db_i64(reply, 0, 0, 1)};
	ingest_start_run(request->server->ingest, &manual, run_started, flow);
	return FLOW_WAIT;
}

void rollbacks_create(struct http_exchange *exchange, void *context)
{
	static flow_step *const steps[] = {
		read_back, find_version, take_version, ask_back, start, run_summary_query, run_summary_answer, NULL};
	api_start(exchange, context, sizeof(struct redeploy_request), steps, true);
}

void deployments_create(struct http_exchange *exchange, void *context)
{
	static flow_step *const steps[] = {read_forward, find_version, take_version, ask_forward, start,
		run_summary_query, run_summary_answer, NULL};
	api_start(exchange, context, sizeof(struct redeploy_request), steps, true);
}

/* --- unknown outcomes --- */

static enum flow_next resolve(struct flow *flow)
{
	static const char *const names[] = {"target", "verdict", NULL};
	struct api_request *request = api_request_of(flow);
	struct engine_event event = {.kind = ENGINE_RESOLVE, .person = &auth_caller(request->exchange)->person};
	if (!api_only(request, names, &flow->err) || !api_text(request, "target", true, &event.text, &flow->err) ||
		!api_text(request, "verdict", true, &event.verdict, &flow->err))
		return FLOW_FAIL;
	shell_apply(request->server->shell, request->id, &event, run_applied, flow);
	return FLOW_WAIT;
}

void deployments_resolve(struct http_exchange *exchange, void *context)
{
	static flow_step *const steps[] = {run_find, run_take, resolve, run_summary_query, run_summary_answer, NULL};
	api_start(exchange, context, sizeof(struct api_request), steps, true);
}

static enum flow_next accept_wave(struct flow *flow)
{
	static const char *const names[] = {"reason", NULL};
	struct api_request *request = api_request_of(flow);
	struct engine_event event = {.kind = ENGINE_ACCEPT, .person = &auth_caller(request->exchange)->person};
	if (!api_only(request, names, &flow->err) || !api_text(request, "reason", true, &event.text, &flow->err))
		return FLOW_FAIL;
	shell_apply(request->server->shell, request->id, &event, run_applied, flow);
	return FLOW_WAIT;
}

void waves_accept(struct http_exchange *exchange, void *context)
{
	static flow_step *const steps[] = {
		run_find, run_take, accept_wave, run_summary_query, run_summary_answer, NULL};
	api_start(exchange, context, sizeof(struct api_request), steps, true);
}

/* --- quarantine --- */

struct quarantine_row {
	int64_t id, placed_at;
	struct str service, environment, version, reason, run, placed_by, fixed_commit, fixed_reason;
};

static const struct field quarantine_fields[] = {
	FIELD(struct quarantine_row, id, FIELD_I64, 0),
	FIELD(struct quarantine_row, service, FIELD_STR, 0),
	FIELD(struct quarantine_row, environment, FIELD_STR, 0),
	FIELD(struct quarantine_row, version, FIELD_STR, 0),
	FIELD(struct quarantine_row, reason, FIELD_STR, 0),
	FIELD(struct quarantine_row, run, FIELD_STR, 0),
	FIELD(struct quarantine_row, placed_by, FIELD_STR, 0),
	FIELD(struct quarantine_row, placed_at, FIELD_TIME, 0),
	FIELD(struct quarantine_row, fixed_commit, FIELD_STR, 0),
	FIELD(struct quarantine_row, fixed_reason, FIELD_STR, 0),
	FIELD_END,
};

static enum flow_next quarantine_query(struct flow *flow)
{
	struct db_batch *batch = db_batch_new(api_request_of(flow)->server->db);
	db_add(batch, QUERY_QUARANTINE_LIST);
	return db_await(flow, batch);
}

static enum flow_next quarantine_answer(struct flow *flow)
{
	struct api_request *request = api_request_of(flow);
	request->answer = api_list(db_reply_of(flow), 0, "quarantine", quarantine_fields, sizeof(struct quarantine_row),
		0, &flow->arena, &flow->err);
	return request->answer ? FLOW_DONE : FLOW_FAIL;
}

void quarantine_list(struct http_exchange *exchange, void *context)
{
	static flow_step *const steps[] = {quarantine_query, quarantine_answer, NULL};
	api_start(exchange, context, sizeof(struct api_request), steps, false);
}

static bool read_quarantine(struct api_request *request, int64_t *ret, struct err *err)
{
	return str_to_i64(http_param(request->exchange, "quarantine"), ret) ||
	       err_set(err, ERR_INVALID, "a quarantine is named by its id");
}

static enum flow_next mark_fixed(struct flow *flow)
{
	static const char *const names[] = {"run", "reason", NULL};
	struct api_request *request = api_request_of(flow);
	const struct person *person = &auth_caller(request->exchange)->person;
	struct str text, reason;
	struct run_name run;
	int64_t id;
	if (!read_quarantine(request, &id, &flow->err) || !api_only(request, names, &flow->err) ||
		!api_text(request, "run", true, &text, &flow->err) ||
		!api_text(request, "reason", true, &reason, &flow->err) || !run_name_parse(text, &run, &flow->err))
		return FLOW_FAIL;
	struct db_batch *batch = db_batch_new(request->server->db);
	db_add(batch, QUERY_QUARANTINE_FIXED, DB_I64(id), DB_TEXT(run.repository), DB_I64(run.number),
		DB_ID_OR_NULL(person->account), DB_TEXT(person->name), DB_TEXT(reason));
	return db_await(flow, batch);
}

static enum flow_next marked_fixed(struct flow *flow)
{
	if (db_row_count(db_reply_of(flow), 0))
		return FLOW_DONE;
	err_set(&flow->err, ERR_NOT_FOUND,
		"there is no such quarantine any more, or no such run of the repository of its service");
	return FLOW_FAIL;
}

void quarantine_fixed(struct http_exchange *exchange, void *context)
{
	static flow_step *const steps[] = {mark_fixed, marked_fixed, NULL};
	api_start(exchange, context, sizeof(struct api_request), steps, true);
}

static enum flow_next release(struct flow *flow)
{
	static const char *const names[] = {"reason", NULL};
	struct api_request *request = api_request_of(flow);
	const struct person *person = &auth_caller(request->exchange)->person;
	struct str reason;
	int64_t id;
	if (!read_quarantine(request, &id, &flow->err) || !api_only(request, names, &flow->err) ||
		!api_text(request, "reason", true, &reason, &flow->err))
		return FLOW_FAIL;
	struct db_batch *batch = db_batch_new(request->server->db);
	db_add(batch, QUERY_QUARANTINE_RELEASE, DB_I64(id), DB_ID_OR_NULL(person->account), DB_TEXT(person->name),
		DB_TEXT(reason));
	return db_await(flow, batch);
}

static enum flow_next released(struct flow *flow)
{
	if (db_row_count(db_reply_of(flow), 0))
		return FLOW_DONE;
	err_set(&flow->err, ERR_NOT_FOUND, "there is no such quarantine, or it was released already");
	return FLOW_FAIL;
}

void quarantine_release(struct http_exchange *exchange, void *context)
{
	static flow_step *const steps[] = {release, released, NULL};
	api_start(exchange, context, sizeof(struct api_request), steps, true);
}
