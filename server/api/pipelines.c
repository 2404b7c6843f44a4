/* The pipelines at a ref with their inputs, what the form that starts a run is made from; and when they come due. */
#include "server/api/pipelines.h"

#include "common/io/work.h"
#include "server/api/handler.h"
#include "server/git/mirrors.h"
#include "server/ingest/pipeline_list.h"

#include <stdlib.h>

struct pipelines_request {
	struct api_request api;
	struct pipeline_question question;
	char *mirror_path;
	struct err fault;
};

static enum flow_next find_repository(struct flow *flow)
{
	struct api_request *request = api_request_of(flow);
	struct db_batch *batch = db_batch_new(request->server->db);
	db_add(batch, QUERY_REPOSITORY_BY_NAME, DB_TEXT(http_param(request->exchange, "repository")));
	return db_await(flow, batch);
}

static void read_on_pool(void *arg)
{
	struct pipelines_request *self = arg;
	pipeline_list_read(&self->question, &self->api.answer, &self->api.flow.arena, &self->fault);
}

static void was_read(void *arg, bool is_cancelled)
{
	struct pipelines_request *self = arg;
	free(self->mirror_path);
	if (is_cancelled)
		err_set(&self->fault, ERR_BUSY, "the server is stopping");
	if (self->fault.kind != ERR_NONE)
		flow_fail(&self->api.flow, &self->fault);
	else
		flow_resume(&self->api.flow);
}

static enum flow_next read_pipelines(struct flow *flow)
{
	struct pipelines_request *self = (struct pipelines_request *)flow;
	const struct db_reply *reply = db_reply_of(flow);
	const struct person *person = &auth_caller(self->api.exchange)->person;
	struct str ref = {0};
	if (db_row_count(reply, 0) == 0) {
		struct str name = http_param(self->api.exchange, "repository");
		err_set(&flow->err, ERR_NOT_FOUND, "there is no repository \"%.*s\"", STR_ARG(name));
		return FLOW_FAIL;
	}
	http_query(self->api.exchange, "ref", &ref);
	self->mirror_path = mirrors_path(self->api.server->mirrors, db_i64(reply, 0, 0, 0));
	self->question = (struct pipeline_question){
		.mirror_path = self->mirror_path,
		.ref = ref,
		.default_branch = arena_str(&flow->arena, db_text(reply, 0, 0, 3)),
		.groups = person->groups,
		.is_admin = str_is(person->role, "admin"),
		.is_viewer = str_is(person->role, "viewer"),
	};
	work_submit(self->api.server->loop, read_on_pool, was_read, self);
	return FLOW_WAIT;
}

static enum flow_next answer(struct flow *flow)
{
	(void)flow;
	return FLOW_DONE;
}

void pipelines_list(struct http_exchange *exchange, void *context)
{
	static flow_step *const steps[] = {find_repository, read_pipelines, answer, NULL};
	api_start(exchange, context, sizeof(struct pipelines_request), steps, false);
}

/* --- schedules --- */

struct schedule_row {
	struct str pipeline, cron, time_zone, problem;
	int64_t next_at, last_at;
};

static const struct field schedule_fields[] = {
	FIELD(struct schedule_row, pipeline, FIELD_STR, 0),
	FIELD(struct schedule_row, cron, FIELD_STR, 0),
	FIELD(struct schedule_row, time_zone, FIELD_STR, 0),
	FIELD(struct schedule_row, next_at, FIELD_TIME, 0),
	FIELD(struct schedule_row, last_at, FIELD_TIME, 0),
	FIELD(struct schedule_row, problem, FIELD_STR, 0),
	FIELD_END,
};

static enum flow_next find_schedules(struct flow *flow)
{
	struct api_request *request = api_request_of(flow);
	const struct db_reply *reply = db_reply_of(flow);
	if (db_row_count(reply, 0) == 0) {
		struct str name = http_param(request->exchange, "repository");
		err_set(&flow->err, ERR_NOT_FOUND, "there is no repository \"%.*s\"", STR_ARG(name));
		return FLOW_FAIL;
	}
	struct db_batch *batch = db_batch_new(request->server->db);
	db_add(batch, QUERY_SCHEDULES_LIST, DB_I64(db_i64(reply, 0, 0, 0)));
	return db_await(flow, batch);
}

static enum flow_next answer_schedules(struct flow *flow)
{
	struct api_request *request = api_request_of(flow);
	request->answer = api_list(db_reply_of(flow), 0, "schedules", schedule_fields, sizeof(struct schedule_row), 0,
		&flow->arena, &flow->err);
	return request->answer ? FLOW_DONE : FLOW_FAIL;
}

void schedules_list(struct http_exchange *exchange, void *context)
{
	static flow_step *const steps[] = {find_repository, find_schedules, answer_schedules, NULL};
	api_start(exchange, context, sizeof(struct api_request), steps, false);
}
