#include "server/dispatch/transfer.h"

#include "common/io/flow.h"
#include "common/mem.h"
#include "common/proto/worker_proto.h"
#include "server/auth/auth.h"
#include "server/blobs/blob_store.h"
#include "server/git/mirrors.h"
#include "server/server.h"
#include "server/store/db.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct transfer {
	struct flow flow;
	struct server *server;
	struct http_exchange *exchange;
	int64_t job;
	int64_t attempt;
	struct str sha256;
	bool is_answered;
};

static bool read_ids(struct http_exchange *exchange, int64_t *ret_job, int64_t *ret_attempt, struct err *err)
{
	if (!str_to_i64(http_param(exchange, "job"), ret_job) ||
		!str_to_i64(http_param(exchange, "attempt"), ret_attempt))
		return err_set(err, ERR_INVALID, "an attempt is named by two numbers: job and attempt");
	return true;
}

static void transfer_ended(struct flow *flow)
{
	struct transfer *transfer = (struct transfer *)flow;
	if (!transfer->is_answered)
		http_answer_err(transfer->exchange, &flow->err);
	flow_free(flow);
}

static struct transfer *transfer_new(
	struct http_exchange *exchange, struct server *server, flow_step *const *steps, bool names_blob)
{
	struct transfer *transfer = flow_new(sizeof *transfer, steps, transfer_ended);
	struct err err = {0};
	transfer->server = server;
	transfer->exchange = exchange;
	if (names_blob)
		transfer->sha256 = http_param(exchange, "sha");
	bool ok = read_ids(exchange, &transfer->job, &transfer->attempt, &err);
	if (ok && names_blob && !blob_name_is_valid(transfer->sha256))
		ok = err_set(&err, ERR_INVALID, "\"%.*s\" is no SHA-256 in hex", STR_ARG(transfer->sha256));
	if (ok)
		return transfer;
	flow_free(&transfer->flow);
	http_answer_err(exchange, &err);
	return NULL;
}

static enum flow_next find_attempt(struct flow *flow)
{
	struct transfer *transfer = (struct transfer *)flow;
	struct db_batch *batch = db_batch_new(transfer->server->db);
	db_add(batch, QUERY_ATTEMPT_SOURCE, DB_I64(transfer->job), DB_I64(transfer->attempt),
		DB_I64(auth_caller(transfer->exchange)->token));
	return db_await(flow, batch);
}

static enum flow_next fail_stale(struct transfer *transfer)
{
	err_set(&transfer->flow.err, ERR_CONFLICT, "attempt %lld of job %lld is over or another worker's",
		(long long)transfer->attempt, (long long)transfer->job);
	return FLOW_FAIL;
}

static bool answer_file(struct transfer *transfer, const char *path, const char *type, struct err *err)
{
	struct stat stat;
	auto_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &stat) != 0)
		return err_errno(err, "file %s", path);
	transfer->is_answered = true;
	http_answer_file(transfer->exchange, 200, type, take_fd(&fd), 0, stat.st_size);
	return true;
}

/* --- source --- */

static void source_packed(void *arg, const char *path, const struct err *err)
{
	struct transfer *transfer = arg;
	struct err own = {0};
	if (err)
		flow_fail(&transfer->flow, err);
	else if (!answer_file(transfer, path, "application/x-git-packed-objects", &own))
		flow_fail(&transfer->flow, &own);
	else
		flow_resume(&transfer->flow);
}

static bool is_commit_id(struct str text)
{
	for (size_t i = 0; i < text.n; i++)
		if (!((text.p[i] >= '0' && text.p[i] <= '9') || (text.p[i] >= 'a' && text.p[i] <= 'f')))
			return false;
	return text.n == 40 || text.n == 64;
}

static enum flow_next pack_source(struct flow *flow)
{
	struct transfer *transfer = (struct transfer *)flow;
	const struct db_reply *reply = db_reply_of(flow);
	struct str have = {0}, depth = STR("1");
	if (db_row_count(reply, 0) == 0)
		return fail_stale(transfer);
	http_query(transfer->exchange, "have", &have);
	http_query(transfer->exchange, "depth", &depth);
	/* A commit that we do not know (any more) is no help. */
	if (have.n && !is_commit_id(have))
		have = (struct str){0};
	mirrors_pack(transfer->server->mirrors, db_i64(reply, 0, 0, 0), db_text(reply, 0, 0, 1), have,
		str_is(depth, "0") ? 0 : 1, source_packed, transfer);
	return FLOW_WAIT;
}

static flow_step *const source_steps[] = {find_attempt, pack_source, NULL};

void worker_source(struct http_exchange *exchange, void *context)
{
	struct transfer *transfer = transfer_new(exchange, context, source_steps, false);
	if (transfer)
		flow_start(&transfer->flow);
}

/* --- artifacts of needed jobs --- */

static enum flow_next find_blob(struct flow *flow)
{
	struct transfer *transfer = (struct transfer *)flow;
	struct db_batch *batch = db_batch_new(transfer->server->db);
	db_add(batch, QUERY_ATTEMPT_BLOB, DB_I64(transfer->job), DB_I64(transfer->attempt),
		DB_I64(auth_caller(transfer->exchange)->token), DB_TEXT(transfer->sha256));
	return db_await(flow, batch);
}

static enum flow_next send_blob(struct flow *flow)
{
	struct transfer *transfer = (struct transfer *)flow;
	if (db_row_count(db_reply_of(flow), 0) == 0)
		return fail_stale(transfer);
	auto_free char *path = blob_store_path(transfer->server->blobs, transfer->sha256);
	return answer_file(transfer, path, "application/octet-stream", &flow->err) ? FLOW_DONE : FLOW_FAIL;
}

static flow_step *const blob_steps[] = {find_blob, send_blob, NULL};

void worker_blob_get(struct http_exchange *exchange, void *context)
{
	struct transfer *transfer = transfer_new(exchange, context, blob_steps, true);
	if (transfer)
		flow_start(&transfer->flow);
}

/* --- what of an upload is here --- */

static char *upload_path(
	const struct server *server, int64_t job, int64_t attempt, struct str sha256, struct arena *arena)
{
	return blob_store_upload_path(server->blobs,
		arena_printf(arena, "%lld-%lld-%.*s", (long long)job, (long long)attempt, STR_ARG(sha256)));
}

static enum flow_next hold_blob(struct flow *flow)
{
	struct transfer *transfer = (struct transfer *)flow;
	if (db_row_count(db_reply_of(flow), 0) == 0)
		return fail_stale(transfer);
	struct db_batch *batch = db_batch_new(transfer->server->db);
	db_add(batch, QUERY_BLOB_HOLD, DB_TEXT(transfer->sha256));
	return db_await(flow, batch);
}

static enum flow_next tell_offset(struct flow *flow)
{
	struct transfer *transfer = (struct transfer *)flow;
	bool is_held = db_row_count(db_reply_of(flow), 0) > 0;
	struct stat stat;
	auto_free char *path =
		upload_path(transfer->server, transfer->job, transfer->attempt, transfer->sha256, &flow->arena);
	bool is_complete = is_held && blob_store_has(transfer->server->blobs, transfer->sha256);
	int64_t offset = !is_complete && lstat(path, &stat) == 0 ? stat.st_size : 0;
	http_add_header(transfer->exchange, "Upload-Offset", arena_printf(&flow->arena, "%lld", (long long)offset));
	http_add_header(transfer->exchange, "Upload-Complete", is_complete ? STR("true") : STR("false"));
	transfer->is_answered = true;
	http_answer(transfer->exchange, 200, "text/plain", STR(""));
	return FLOW_DONE;
}

static flow_step *const head_steps[] = {find_attempt, hold_blob, tell_offset, NULL};

void worker_upload_head(struct http_exchange *exchange, void *context)
{
	struct transfer *transfer = transfer_new(exchange, context, head_steps, true);
	if (transfer)
		flow_start(&transfer->flow);
}
