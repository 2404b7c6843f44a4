/* The bytes of an artifact, as they were kept or not at all. */
#include "common/clock.h"
#include "common/io/work.h"
#include "common/mem.h"
#include "server/api/handler.h"
#include "server/api/runs.h"
#include "server/blobs/blob_store.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Read before the first byte is sent; what is larger would keep people waiting, and is known by its size alone. */
#define HASHED_BYTES_MAX (INT64_C(256) << 20)

struct artifact_request {
	struct api_request api;
	struct str path, sha256;
	int64_t size_bytes, actual_bytes;
	char *file, actual_sha256[65];
	int fd;
	struct err err;
};

static struct artifact_request *artifact_of(struct flow *flow)
{
	return (struct artifact_request *)flow;
}

static enum flow_next find(struct flow *flow)
{
	struct artifact_request *request = artifact_of(flow);
	int64_t id;
	if (!str_to_i64(http_param(request->api.exchange, "artifact"), &id)) {
		err_set(&flow->err, ERR_INVALID, "an artifact is named by its id");
		return FLOW_FAIL;
	}
	struct db_batch *batch = db_batch_new(request->api.server->db);
	db_add(batch, QUERY_ARTIFACT_FIND, DB_I64(id));
	return db_await(flow, batch);
}

enum { COLUMN_PATH, COLUMN_SHA256, COLUMN_REMOVED_AT, COLUMN_SIZE };

static bool read_row(struct artifact_request *request, const struct db_reply *reply, struct err *err)
{
	struct arena *arena = &request->api.flow.arena;
	if (db_row_count(reply, 0) == 0)
		return err_set(err, ERR_NOT_FOUND, "there is no such artifact");
	request->path = arena_str(arena, db_text(reply, 0, 0, COLUMN_PATH));
	if (!db_is_null(reply, 0, 0, COLUMN_REMOVED_AT)) {
		char at[CLOCK_TEXT_BYTES];
		clock_format(db_time(reply, 0, 0, COLUMN_REMOVED_AT), at);
		return err_set(err, ERR_NOT_FOUND,
			"artifact \"%.*s\" was removed on %.10s: its time to be kept was over", STR_ARG(request->path),
			at);
	}
	request->sha256 = arena_str(arena, db_text(reply, 0, 0, COLUMN_SHA256));
	request->size_bytes = db_i64(reply, 0, 0, COLUMN_SIZE);
	return true;
}

static bool fail_damaged(const struct artifact_request *request, const char *how, struct err *err)
{
	return err_set(err, ERR_SYSTEM,
		"artifact \"%.*s\" is damaged where it is kept: %s. Run it again, or bring %.12s... back from a backup",
		STR_ARG(request->path), how, request->sha256.p);
}

static void hash_on_pool(void *arg)
{
	struct artifact_request *request = arg;
	blob_store_hash_file(request->file, request->actual_sha256, &request->actual_bytes, &request->err);
}

static void hashed(void *arg, bool is_cancelled)
{
	struct artifact_request *request = arg;
	if (is_cancelled)
		err_set(&request->err, ERR_BUSY, "the server is stopping");
	free(take(request->file));
	if (request->err.kind == ERR_NONE && !str_is(request->sha256, request->actual_sha256))
		fail_damaged(request, "its bytes have another hash", &request->err);
	if (request->err.kind == ERR_NONE) {
		flow_resume(&request->api.flow);
		return;
	}
	close(request->fd);
	flow_fail(&request->api.flow, &request->err);
}

static enum flow_next look(struct flow *flow)
{
	struct artifact_request *request = artifact_of(flow);
	struct stat stat;
	if (!read_row(request, db_reply_of(flow), &flow->err))
		return FLOW_FAIL;
	char *file = blob_store_path(request->api.server->blobs, request->sha256);
	request->fd = open(file, O_RDONLY | O_CLOEXEC);
	bool is_there = request->fd >= 0 && fstat(request->fd, &stat) == 0;
	if (!is_there)
		err_set(&flow->err, ERR_NOT_FOUND, "the bytes of the artifact are gone");
	else if (stat.st_size != request->size_bytes)
		fail_damaged(request, "it has another size", &flow->err);
	else if (stat.st_size <= HASHED_BYTES_MAX) {
		request->file = file;
		work_submit(request->api.server->loop, hash_on_pool, hashed, request);
		return FLOW_WAIT;
	}
	free(file);
	if (flow->err.kind == ERR_NONE)
		return FLOW_CONTINUE;
	if (request->fd >= 0)
		close(request->fd);
	return FLOW_FAIL;
}

/* The name is what a step chose: only what cannot end the quotes goes into the header. */
static struct str file_name(struct str path, struct arena *arena)
{
	size_t at;
	while (str_find_char(path, '/', &at))
		path = str_skip(path, at + 1);
	struct str name = arena_str(arena, path);
	for (size_t i = 0; i < name.n; i++) {
		char *c = (char *)(uintptr_t)name.p + i;
		if (*c < 0x20 || *c > 0x7e || *c == '"' || *c == '\\')
			*c = '_';
	}
	return name;
}

static enum flow_next send(struct flow *flow)
{
	struct artifact_request *request = artifact_of(flow);
	struct str name = file_name(request->path, &flow->arena);
	http_add_header(request->api.exchange, "Content-Disposition",
		arena_printf(&flow->arena, "attachment; filename=\"%.*s\"", STR_ARG(name)));
	request->api.is_answered = true;
	http_answer_file(request->api.exchange, 200, "application/octet-stream", request->fd, 0, request->size_bytes);
	return FLOW_DONE;
}

void artifacts_get(struct http_exchange *exchange, void *context)
{
	static flow_step *const steps[] = {find, look, send, NULL};
	api_start(exchange, context, sizeof(struct artifact_request), steps, false);
}
