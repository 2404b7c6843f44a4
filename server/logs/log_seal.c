/*
 * Sealing: the frames of an attempt that has ended, one behind the other in a blob, so that the database keeps only
 * what is fresh. The rows go in the transaction that names the blob: a log is in one place or the other, never in none.
 */
#include "common/clock.h"
#include "common/failpoint.h"
#include "common/io/flow.h"
#include "common/io/work.h"
#include "common/log.h"
#include "common/mem.h"
#include "server/blobs/blob_store.h"
#include "server/logs/log_index.h"
#include "server/logs/log_reader.h"
#include "server/logs/logs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>
#include <zstd.h>

enum { MARK_BYTES = 128 * 1024 };      /* raw, at least, between two marks of the index */
#define SETTLE_MS INT64_C(5000)        /* after the end: what still comes in, comes in now */
#define PAUSE_US  (30 * US_PER_SECOND) /* after a failure */
#define DAYS_US   (3600 * US_PER_SECOND)

struct logs {
	struct server *server;
	bool is_sealing, is_dropping;
	int64_t sealed_at, dropped_at; /* monotonic: not before */
	void (*closed)(void *arg);
	void *closed_arg;
};

static void check_closed(struct logs *logs)
{
	if (logs->closed && !logs->is_sealing && !logs->is_dropping)
		logs->closed(logs->closed_arg);
}

/* --- sealing one --- */

struct seal {
	struct flow flow;
	struct logs *logs;
	int64_t job, attempt, log_bytes;
	struct log_index index;
	struct log_mark end; /* of what was taken so far */
	char *path;
	int fd;
	const struct db_reply *reply; /* the frames that the pool writes */
	char sha256[65];
	int64_t blob_bytes;
	bool is_open_ended; /* the last line lacks its line end */
	bool is_work_ok;
	struct err work_err;
};

static struct seal *seal_of(struct flow *flow)
{
	return (struct seal *)flow;
}

static void work_done(void *arg, bool is_cancelled)
{
	struct seal *seal = arg;
	if (is_cancelled)
		err_set(&seal->work_err, ERR_BUSY, "the server ends");
	if (is_cancelled || !seal->is_work_ok)
		flow_fail(&seal->flow, &seal->work_err);
	else
		flow_resume(&seal->flow);
}

static enum flow_next on_pool(struct seal *seal, void (*run)(void *arg))
{
	work_submit(seal->logs->server->loop, run, work_done, seal);
	return FLOW_WAIT;
}

static enum flow_next find_log(struct flow *flow)
{
	struct db_batch *batch = db_batch_new(seal_of(flow)->logs->server->db);
	db_add(batch, QUERY_LOG_UNSEALED, DB_I64(SETTLE_MS));
	return db_await(flow, batch);
}

static enum flow_next take_log(struct flow *flow)
{
	struct seal *seal = seal_of(flow);
	const struct db_reply *reply = db_reply_of(flow);
	if (db_row_count(reply, 0) == 0 || seal->logs->closed)
		return FLOW_DONE;
	seal->job = db_i64(reply, 0, 0, 0);
	seal->attempt = db_i64(reply, 0, 0, 1);
	seal->log_bytes = db_i64(reply, 0, 0, 2);
	seal->path = blob_store_temporary(seal->logs->server->blobs);
	return FLOW_CONTINUE;
}

static enum flow_next read_frames(struct flow *flow)
{
	struct seal *seal = seal_of(flow);
	struct db_batch *batch = db_batch_new(seal->logs->server->db);
	db_add(batch, QUERY_LOG_FRAMES_WHOLE, DB_I64(seal->job), DB_I64(seal->attempt), DB_I64(seal->end.offset));
	return db_await(flow, batch);
}

enum { FRAME_OFFSET, FRAME_FIRST_LINE, FRAME_BYTES, FRAME_LINES, FRAME_DATA };

static bool write_whole(int fd, struct str bytes, struct err *err)
{
	while (bytes.n) {
		ssize_t n = write(fd, bytes.p, bytes.n);
		if (n < 0 && errno != EINTR)
			return err_errno(err, "write");
		if (n > 0)
			bytes = str_skip(bytes, (size_t)n);
	}
	return true;
}

/* On the pool: appends the frames of the reply to the file. */
static bool write_frames(struct seal *seal, struct err *err)
{
	size_t count = db_row_count(seal->reply, 0);
	auto_buf text = BUF_INIT(4 << 20);
	if (seal->fd < 0)
		seal->fd = open(seal->path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0600);
	if (seal->fd < 0)
		return err_errno(err, "open");
	for (size_t i = 0; i < count; i++) {
		struct str data = db_text(seal->reply, 0, i, FRAME_DATA);
		/* Whatever cannot be read back must not lose its rows. */
		buf_clear(&text);
		if (!log_unpack(&text, data, err))
			return false;
		if (text.n != (size_t)db_i64(seal->reply, 0, i, FRAME_BYTES))
			return err_set(err, ERR_BUG, "a frame has not the size that its row tells");
		if (!write_whole(seal->fd, data, err))
			return false;
	}
	seal->is_open_ended = text.n && text.p[text.n - 1] != '\n';
	return true;
}

static void run_write_frames(void *arg)
{
	struct seal *seal = arg;
	seal->is_work_ok = write_frames(seal, &seal->work_err);
	if (!seal->is_work_ok)
		err_wrap(&seal->work_err, "%s", seal->path);
}

static enum flow_next mark_frames(struct flow *flow)
{
	struct seal *seal = seal_of(flow);
	const struct db_reply *reply = seal->reply = db_reply_of(flow);
	size_t count = db_row_count(reply, 0);
	for (size_t i = 0; i < count; i++) {
		const struct log_mark *last = seal->index.count ? &seal->index.marks[seal->index.count - 1] : NULL;
		if (db_i64(reply, 0, i, FRAME_OFFSET) != seal->end.offset ||
			db_i64(reply, 0, i, FRAME_FIRST_LINE) != seal->end.lines) {
			err_set(&flow->err, ERR_BUG, "the frames have a gap at byte %lld", (long long)seal->end.offset);
			return FLOW_FAIL;
		}
		if (!last || seal->end.offset - last->offset >= MARK_BYTES)
			log_index_add(&seal->index, seal->end, &flow->arena);
		seal->end.offset += db_i64(reply, 0, i, FRAME_BYTES);
		seal->end.lines += db_i64(reply, 0, i, FRAME_LINES);
		seal->end.blob_offset += (int64_t)db_text(reply, 0, i, FRAME_DATA).n;
	}
	if (count == 0) {
		/* Most likely another coordinator has just sealed it. */
		err_set(&flow->err, ERR_CONFLICT, "the frames end at byte %lld of %lld", (long long)seal->end.offset,
			(long long)seal->log_bytes);
		return FLOW_FAIL;
	}
	return on_pool(seal, run_write_frames);
}

static enum flow_next go_on(struct flow *flow)
{
	struct seal *seal = seal_of(flow);
	if (seal->end.offset < seal->log_bytes)
		flow_jump(flow, read_frames);
	return FLOW_CONTINUE;
}

static void run_hash(void *arg)
{
	struct seal *seal = arg;
	seal->is_work_ok = blob_store_hash_file(seal->path, seal->sha256, &seal->blob_bytes, &seal->work_err);
}

static enum flow_next hash_blob(struct flow *flow)
{
	struct seal *seal = seal_of(flow);
	FAILPOINT("seal.written");
	seal->end.lines += seal->is_open_ended;
	log_index_add(&seal->index, seal->end, &flow->arena);
	return on_pool(seal, run_hash);
}

static enum flow_next touch_blob(struct flow *flow)
{
	struct seal *seal = seal_of(flow);
	struct db_batch *batch = db_batch_new(seal->logs->server->db);
	db_add(batch, QUERY_BLOB_TOUCH, DB_TEXT(str_of(seal->sha256)), DB_I64(seal->blob_bytes));
	return db_await(flow, batch);
}

static void run_keep(void *arg)
{
	struct seal *seal = arg;
	seal->is_work_ok =
		blob_store_put_file(seal->logs->server->blobs, seal->path, str_of(seal->sha256), &seal->work_err);
}

static enum flow_next keep_blob(struct flow *flow)
{
	if (db_row_count(db_reply_of(flow), 0) == 0) {
		err_set(&flow->err, ERR_CONFLICT, "the same bytes are being removed just now");
		return FLOW_FAIL;
	}
	return on_pool(seal_of(flow), run_keep);
}

static enum flow_next name_blob(struct flow *flow)
{
	struct seal *seal = seal_of(flow);
	FAILPOINT("seal.kept");
	json_auto_t *index = log_index_json(&seal->index);
	struct str sha256 = str_of(seal->sha256);
	struct db_batch *batch = db_batch_new(seal->logs->server->db);
	db_add(batch, QUERY_LOG_SEAL, DB_I64(seal->job), DB_I64(seal->attempt), DB_I64(seal->log_bytes),
		DB_TEXT(sha256), DB_JSON(index));
	db_add(batch, QUERY_LOG_FRAMES_DELETE, DB_I64(seal->job), DB_I64(seal->attempt));
	return db_await(flow, batch);
}

static flow_step *const seal_steps[] = {
	find_log, take_log, read_frames, mark_frames, go_on, hash_blob, touch_blob, keep_blob, name_blob, NULL};

static void start_seal(struct logs *logs);

static void seal_ended(struct flow *flow)
{
	struct seal *seal = seal_of(flow);
	struct logs *logs = seal->logs;
	/* A conflict: another coordinator was faster, or the log still grew. */
	bool is_bad = flow->err.kind != ERR_NONE && flow->err.kind != ERR_CONFLICT;
	bool is_sealed = flow->err.kind == ERR_NONE && seal->job != 0;
	if (is_sealed)
		FAILPOINT("seal.done");
	if (seal->fd >= 0)
		close(seal->fd);
	if (is_bad)
		log_warn("logs.seal", F("job", seal->job), F("attempt", seal->attempt), F("err", &flow->err));
	if (seal->path && flow->err.kind != ERR_NONE)
		unlink(seal->path);
	free(seal->path);
	flow_free(flow);
	logs->is_sealing = false;
	if (is_bad)
		logs->sealed_at = clock_mono_us() + PAUSE_US;
	if (is_sealed && !logs->closed)
		start_seal(logs);
	check_closed(logs);
}

static void start_seal(struct logs *logs)
{
	struct seal *seal = flow_new(sizeof *seal, seal_steps, seal_ended);
	seal->logs = logs;
	seal->fd = -1;
	logs->is_sealing = true;
	flow_start(&seal->flow);
}

/* --- days --- */

static void days_dropped(void *arg, struct db_reply *reply)
{
	struct logs *logs = arg;
	if (db_error(reply))
		log_warn("logs.days", F("err", db_error(reply)));
	else if (db_i64(reply, 0, 0, 0) > 0)
		log_info("logs.days_dropped", F("days", db_i64(reply, 0, 0, 0)));
	db_reply_free(reply);
	logs->is_dropping = false;
	check_closed(logs);
}

static void drop_days(struct logs *logs)
{
	struct db_batch *batch = db_batch_new(logs->server->db);
	db_add(batch, QUERY_LOG_DAYS_DROP);
	logs->is_dropping = true;
	logs->dropped_at = clock_mono_us() + DAYS_US;
	db_submit(batch, days_dropped, logs);
}

/* --- the whole --- */

struct logs *logs_new(struct server *server)
{
	struct logs *logs = mem_alloc(sizeof *logs);
	logs->server = server;
	return logs;
}

void logs_tick(struct logs *logs)
{
	int64_t now_us = clock_mono_us();
	if (logs->closed)
		return;
	if (!logs->is_sealing && logs->sealed_at <= now_us)
		start_seal(logs);
	if (!logs->is_dropping && logs->dropped_at <= now_us)
		drop_days(logs);
}

void logs_close(struct logs *logs, void (*closed)(void *arg), void *arg)
{
	logs->closed = closed;
	logs->closed_arg = arg;
	check_closed(logs);
}

void logs_free(struct logs *logs)
{
	free(logs);
}
