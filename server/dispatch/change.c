/* The change that an attempt's policies look at, read from the mirror for the worker that holds it. */
#include "common/io/flow.h"
#include "common/io/work.h"
#include "common/mem.h"
#include "server/auth/auth.h"
#include "server/dispatch/transfer.h"
#include "server/git/git_change.h"
#include "server/git/mirrors.h"
#include "server/server.h"
#include "server/store/db.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct change_request {
	struct flow flow;
	struct server *server;
	struct http_exchange *exchange;
	int64_t job, attempt;
	char *mirror;
	struct git_change change;
	int fd;
	struct err fault;
};

static struct change_request *request_of(struct flow *flow)
{
	return (struct change_request *)flow;
}

static enum flow_next find_attempt(struct flow *flow)
{
	struct change_request *request = request_of(flow);
	struct db_batch *batch = db_batch_new(request->server->db);
	db_add(batch, QUERY_ATTEMPT_CHANGE, DB_I64(request->job), DB_I64(request->attempt),
		DB_I64(auth_caller(request->exchange)->token));
	return db_await(flow, batch);
}

static bool write_change(struct change_request *request, struct err *err)
{
	struct git_mirror *mirror;
	auto_arena arena = {0};
	if (!git_mirror_open(request->mirror, &mirror, err))
		return false;
	if (!request->change.default_branch.n) {
		struct str head = git_head(mirror, &arena);
		request->change.default_branch = str_starts(head, STR("refs/heads/")) ? str_skip(head, 11) : STR("");
	}
	bool ok = git_change_write(mirror, &request->change, request->fd, err);
	git_mirror_close(mirror);
	return ok;
}

static void write_on_pool(void *arg)
{
	struct change_request *request = arg;
	write_change(request, &request->fault);
}

static void written(void *arg, bool is_cancelled)
{
	struct change_request *request = arg;
	if (is_cancelled)
		err_set(&request->fault, ERR_BUSY, "the server is stopping");
	if (request->fault.kind != ERR_NONE)
		flow_fail(&request->flow, &request->fault);
	else
		flow_resume(&request->flow);
}

static enum flow_next read_change(struct flow *flow)
{
	struct change_request *request = request_of(flow);
	const struct db_reply *reply = db_reply_of(flow);
	struct arena *arena = &flow->arena;
	if (db_row_count(reply, 0) == 0) {
		err_set(&flow->err, ERR_CONFLICT, "attempt %lld of job %lld is over or another worker's",
			(long long)request->attempt, (long long)request->job);
		return FLOW_FAIL;
	}
	request->mirror = mirrors_path(request->server->mirrors, db_i64(reply, 0, 0, 0));
	request->change = (struct git_change){
		.commit = arena_str(arena, db_text(reply, 0, 0, 1)),
		.before = arena_str(arena, db_text(reply, 0, 0, 2)),
		.default_branch = arena_str(arena, db_text(reply, 0, 0, 3)),
		.branch = arena_str(arena, db_text(reply, 0, 0, 4)),
		.is_push = db_bool(reply, 0, 0, 5),
	};
	/* A file without a name: gone with the answer. */
	request->fd = open(request->mirror, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (request->fd < 0) {
		err_errno(&flow->err, "make a file for the change");
		return FLOW_FAIL;
	}
	work_submit(request->server->loop, write_on_pool, written, request);
	return FLOW_WAIT;
}

static void change_ended(struct flow *flow)
{
	struct change_request *request = request_of(flow);
	struct stat stat;
	if (flow->err.kind == ERR_NONE && fstat(request->fd, &stat) < 0)
		err_errno(&flow->err, "the change");
	if (flow->err.kind == ERR_NONE)
		http_answer_file(
			request->exchange, 200, "application/octet-stream", take_fd(&request->fd), 0, stat.st_size);
	else
		http_answer_err(request->exchange, &flow->err);
	if (request->fd >= 0)
		close(request->fd);
	free(request->mirror);
	flow_free(flow);
}

void worker_change(struct http_exchange *exchange, void *context)
{
	static flow_step *const steps[] = {find_attempt, read_change, NULL};
	struct change_request *request = flow_new(sizeof *request, steps, change_ended);
	struct err err = {0};
	request->server = context;
	request->exchange = exchange;
	request->fd = -1;
	if (!str_to_i64(http_param(exchange, "job"), &request->job) ||
		!str_to_i64(http_param(exchange, "attempt"), &request->attempt)) {
		flow_free(&request->flow);
		err_set(&err, ERR_INVALID, "an attempt is named by two numbers: job and attempt");
		http_answer_err(exchange, &err);
		return;
	}
	flow_start(&request->flow);
}
