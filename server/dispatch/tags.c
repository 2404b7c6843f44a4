/* The tags that an attempt with all history finds in its workspace. */
#include "common/io/flow.h"
#include "common/io/work.h"
#include "server/auth/auth.h"
#include "server/dispatch/transfer.h"
#include "server/git/git_tags.h"
#include "server/git/mirrors.h"
#include "server/server.h"
#include "server/store/db.h"

#include <stdlib.h>

struct tags_request {
	struct flow flow;
	struct server *server;
	struct http_exchange *exchange;
	int64_t job, attempt;
	char *mirror;
	struct str commit;
	struct worker_tags tags;
	struct err fault;
};

static struct tags_request *request_of(struct flow *flow)
{
	return (struct tags_request *)flow;
}

static enum flow_next find_attempt(struct flow *flow)
{
	struct tags_request *request = request_of(flow);
	struct db_batch *batch = db_batch_new(request->server->db);
	db_add(batch, QUERY_ATTEMPT_SOURCE, DB_I64(request->job), DB_I64(request->attempt),
		DB_I64(auth_caller(request->exchange)->token));
	return db_await(flow, batch);
}

static void list_on_pool(void *arg)
{
	struct tags_request *request = arg;
	struct git_mirror *mirror;
	if (!git_mirror_open(request->mirror, &mirror, &request->fault))
		return;
	git_tags_within(mirror, request->commit, &request->tags, &request->flow.arena, &request->fault);
	git_mirror_close(mirror);
}

static void listed(void *arg, bool is_cancelled)
{
	struct tags_request *request = arg;
	if (is_cancelled)
		err_set(&request->fault, ERR_BUSY, "the server is stopping");
	if (request->fault.kind != ERR_NONE)
		flow_fail(&request->flow, &request->fault);
	else
		flow_resume(&request->flow);
}

static enum flow_next list_tags(struct flow *flow)
{
	struct tags_request *request = request_of(flow);
	const struct db_reply *reply = db_reply_of(flow);
	if (db_row_count(reply, 0) == 0) {
		err_set(&flow->err, ERR_CONFLICT, "attempt %lld of job %lld is over or another worker's",
			(long long)request->attempt, (long long)request->job);
		return FLOW_FAIL;
	}
	request->mirror = mirrors_path(request->server->mirrors, db_i64(reply, 0, 0, 0));
	request->commit = arena_str(&flow->arena, db_text(reply, 0, 0, 1));
	work_submit(request->server->loop, list_on_pool, listed, request);
	return FLOW_WAIT;
}

static void tags_ended(struct flow *flow)
{
	struct tags_request *request = request_of(flow);
	if (flow->err.kind == ERR_NONE)
		http_answer_json(request->exchange, 200, fields_write(worker_tags_fields, &request->tags));
	else
		http_answer_err(request->exchange, &flow->err);
	free(request->mirror);
	flow_free(flow);
}

void worker_tags(struct http_exchange *exchange, void *context)
{
	static flow_step *const steps[] = {find_attempt, list_tags, NULL};
	struct tags_request *request = flow_new(sizeof *request, steps, tags_ended);
	request->server = context;
	request->exchange = exchange;
	struct err err;
	if (str_to_i64(http_param(exchange, "job"), &request->job) &&
		str_to_i64(http_param(exchange, "attempt"), &request->attempt)) {
		flow_start(&request->flow);
		return;
	}
	err_set(&err, ERR_INVALID, "an attempt is named by two numbers: job and attempt");
	flow_free(&request->flow);
	http_answer_err(exchange, &err);
}
