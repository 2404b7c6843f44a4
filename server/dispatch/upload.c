/* Parts of artifacts that workers bring: appended to a file until whole, checked, then named. */
#include "common/io/flow.h"
#include "common/io/work.h"
#include "common/failpoint.h"
#include "common/mem.h"
#include "common/proto/worker_proto.h"
#include "server/auth/auth.h"
#include "server/blobs/blob_store.h"
#include "server/dispatch/transfer.h"
#include "server/server.h"
#include "server/store/db.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define UPLOAD_BYTES_MAX (INT64_C(16) << 30)

struct upload {
	struct flow flow;
	struct server *server;
	struct http_exchange *exchange;
	int64_t job, attempt, offset, size;
	struct str sha256;
	char *path;
	int fd;
	int64_t end; /* bytes that are in the file */
	struct err err;
	bool is_complete;
};

static struct upload *upload_of(struct flow *flow)
{
	return (struct upload *)flow;
}

static enum flow_next find_attempt(struct flow *flow)
{
	struct upload *upload = upload_of(flow);
	struct db_batch *batch = db_batch_new(upload->server->db);
	db_add(batch, QUERY_ATTEMPT_SOURCE, DB_I64(upload->job), DB_I64(upload->attempt),
		DB_I64(auth_caller(upload->exchange)->token));
	return db_await(flow, batch);
}

static bool open_file(struct upload *upload, struct err *err)
{
	struct stat stat;
	auto_arena arena = {0};
	upload->path = blob_store_upload_path(
		upload->server->blobs, arena_printf(&arena, "%lld-%lld-%.*s", (long long)upload->job,
					       (long long)upload->attempt, STR_ARG(upload->sha256)));
	upload->fd = open(upload->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (upload->fd < 0 || fstat(upload->fd, &stat) != 0)
		return err_errno(err, "upload %s", upload->path);
	if (stat.st_size != upload->offset)
		return err_set(err, ERR_CONFLICT, "the upload is at byte %lld, not %lld: go on from there",
			(long long)stat.st_size, (long long)upload->offset);
	upload->end = upload->offset;
	return true;
}

static bool take_piece(void *arg, struct str bytes)
{
	struct upload *upload = arg;
	if (upload->err.kind != ERR_NONE)
		return true; /* read to the end, so that the answer is heard */
	if (upload->end + (int64_t)bytes.n > upload->size)
		err_set(&upload->err, ERR_TOO_LARGE, "more than the %lld bytes announced", (long long)upload->size);
	else if (pwrite(upload->fd, bytes.p, bytes.n, upload->end) != (ssize_t)bytes.n)
		err_errno(&upload->err, "upload %s", upload->path);
	else
		upload->end += (int64_t)bytes.n;
	return true;
}

static void body_ended(void *arg, bool ok)
{
	struct upload *upload = arg;
	if (!ok && upload->err.kind == ERR_NONE)
		err_set(&upload->err, ERR_INVALID, "the part was cut off; ask how far it came and go on");
	if (upload->err.kind != ERR_NONE)
		flow_fail(&upload->flow, &upload->err);
	else
		flow_resume(&upload->flow);
}

static enum flow_next take_body(struct flow *flow)
{
	struct upload *upload = upload_of(flow);
	if (db_row_count(db_reply_of(flow), 0) == 0) {
		err_set(&flow->err, ERR_CONFLICT, "attempt %lld of job %lld is over or another worker's",
			(long long)upload->attempt, (long long)upload->job);
		return FLOW_FAIL;
	}
	if (!open_file(upload, &flow->err))
		return FLOW_FAIL;
	http_upload_start(upload->exchange, take_piece, body_ended, upload);
	return FLOW_WAIT;
}

static void keep_on_pool(void *arg)
{
	struct upload *upload = arg;
	blob_store_put_file(upload->server->blobs, upload->path, upload->sha256, &upload->err);
}

static void kept(void *arg, bool is_cancelled)
{
	struct upload *upload = arg;
	if (is_cancelled)
		err_set(&upload->err, ERR_BUSY, "the server is stopping");
	if (upload->err.kind != ERR_NONE)
		flow_fail(&upload->flow, &upload->err);
	else
		flow_resume(&upload->flow);
}

static enum flow_next touch(struct flow *flow)
{
	struct upload *upload = upload_of(flow);
	if (upload->end < upload->size)
		return FLOW_DONE;
	FAILPOINT("upload.received");
	struct db_batch *batch = db_batch_new(upload->server->db);
	db_add(batch, QUERY_BLOB_TOUCH, DB_TEXT(upload->sha256), DB_I64(upload->size));
	return db_await(flow, batch);
}

static enum flow_next keep(struct flow *flow)
{
	struct upload *upload = upload_of(flow);
	if (db_row_count(db_reply_of(flow), 0) == 0) {
		unlink(upload->path);
		err_set(&flow->err, ERR_BUSY, "the same bytes are being removed just now: send them again");
		return FLOW_FAIL;
	}
	FAILPOINT("upload.touched");
	work_submit(upload->server->loop, keep_on_pool, kept, upload);
	return FLOW_WAIT;
}

static enum flow_next note(struct flow *flow)
{
	FAILPOINT("upload.kept");
	upload_of(flow)->is_complete = true;
	return FLOW_DONE;
}

static flow_step *const steps[] = {find_attempt, take_body, touch, keep, note, NULL};

static void upload_ended(struct flow *flow)
{
	struct upload *upload = upload_of(flow);
	if (upload->fd >= 0)
		close(upload->fd);
	free(upload->path);
	if (flow->err.kind != ERR_NONE)
		http_answer_err(upload->exchange, &flow->err);
	else
		http_answer_json(upload->exchange, 200,
			json_pack("{s:I, s:b}", "offset", (json_int_t)upload->end, "complete", upload->is_complete));
	flow_free(flow);
}

static bool read_query(struct upload *upload, struct err *err)
{
	struct str offset = STR("0"), size = {0};
	http_query(upload->exchange, "offset", &offset);
	http_query(upload->exchange, "size", &size);
	if (!str_to_i64(http_param(upload->exchange, "job"), &upload->job) ||
		!str_to_i64(http_param(upload->exchange, "attempt"), &upload->attempt) ||
		!blob_name_is_valid(upload->sha256))
		return err_set(err, ERR_INVALID, "an upload is named by job, attempt and SHA-256");
	if (!str_to_i64(offset, &upload->offset) || !str_to_i64(size, &upload->size) || upload->offset < 0 ||
		upload->size < upload->offset || upload->size > UPLOAD_BYTES_MAX)
		return err_set(err, ERR_INVALID, "offset and size are bytes, offset at most size, size at most 16 GiB");
	return true;
}

void worker_upload_put(struct http_exchange *exchange, void *context)
{
	struct upload *upload = flow_new(sizeof *upload, steps, upload_ended);
	struct err err = {0};
	upload->server = context;
	upload->exchange = exchange;
	upload->fd = -1;
	upload->sha256 = http_param(exchange, "sha");
	if (!read_query(upload, &err)) {
		flow_free(&upload->flow);
		http_answer_err(exchange, &err);
		return;
	}
	flow_start(&upload->flow);
}
