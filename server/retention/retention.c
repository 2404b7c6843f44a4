#include "server/retention/retention.h"

#include "common/io/work.h"
#include "common/failpoint.h"
#include "common/log.h"
#include "common/mem.h"
#include "server/retention/pass.h"
#include "server/settings.h"

#include <stdlib.h>

/* --- what steps share --- */

bool pass_goes_on(const struct pass *pass)
{
	return !pass->retention->closed;
}

struct db_batch *pass_batch(const struct pass *pass)
{
	return db_batch_new(pass->retention->server->db);
}

static void worked(void *arg, bool is_cancelled)
{
	struct pass *pass = arg;
	if (is_cancelled)
		err_set(&pass->err, ERR_BUSY, "the server is stopping");
	if (pass->err.kind != ERR_NONE)
		flow_fail(&pass->flow, &pass->err);
	else
		flow_resume(&pass->flow);
}

enum flow_next pass_on_pool(struct pass *pass, void (*run)(void *arg))
{
	work_submit(pass->retention->server->loop, run, worked, pass);
	return FLOW_WAIT;
}

/* --- rows --- */

static const struct server_settings *settings_of(const struct pass *pass)
{
	return pass->retention->server->settings;
}

enum { RUNS_REMOVED, RUNS_SEEN, RUNS_ENDED_AT, RUNS_LAST };

static enum flow_next remove_logs(struct flow *flow);

static enum flow_next remove_runs(struct flow *flow)
{
	struct pass *pass = pass_of(flow);
	const struct server_settings *settings = settings_of(pass);
	if (!pass_goes_on(pass))
		return FLOW_DONE;
	if (settings->keep_runs == 0) {
		flow_jump(flow, remove_logs);
		return FLOW_CONTINUE;
	}
	struct db_batch *batch = pass_batch(pass);
	db_add(batch, QUERY_RETENTION_RUNS, DB_I64(settings->keep_runs), DB_I64(settings->keep_newest),
		DB_I64(PASS_RUNS), DB_TIME(pass->after_us), DB_I64(pass->after_run));
	return db_await(flow, batch);
}

static enum flow_next took_runs(struct flow *flow)
{
	struct pass *pass = pass_of(flow);
	const struct db_reply *reply = db_reply_of(flow);
	pass->retention->stats.runs += (uint64_t)db_i64(reply, 0, 0, RUNS_REMOVED);
	if (db_i64(reply, 0, 0, RUNS_REMOVED))
		FAILPOINT("retention.runs_removed");
	if (db_i64(reply, 0, 0, RUNS_SEEN) < PASS_RUNS)
		return FLOW_CONTINUE;
	pass->after_us = db_time(reply, 0, 0, RUNS_ENDED_AT);
	pass->after_run = db_i64(reply, 0, 0, RUNS_LAST);
	flow_jump(flow, remove_runs);
	return FLOW_CONTINUE;
}

static enum flow_next remove_rest(struct flow *flow)
{
	struct db_batch *batch = pass_batch(pass_of(flow));
	db_add(batch, QUERY_RETENTION_REST, DB_I64(settings_of(pass_of(flow))->keep_runs), DB_I64(PASS_ROWS));
	return db_await(flow, batch);
}

static enum flow_next took_rest(struct flow *flow)
{
	struct pass *pass = pass_of(flow);
	int64_t removed = db_i64(db_reply_of(flow), 0, 0, 0);
	pass->retention->stats.others += (uint64_t)removed;
	if (removed >= PASS_ROWS && pass_goes_on(pass))
		flow_jump(flow, remove_rest);
	return FLOW_CONTINUE;
}

static enum flow_next remove_artifacts(struct flow *flow);

static enum flow_next remove_logs(struct flow *flow)
{
	struct pass *pass = pass_of(flow);
	int64_t keep_ms = settings_of(pass)->keep_logs;
	if (keep_ms == 0 || !pass_goes_on(pass)) {
		flow_jump(flow, remove_artifacts);
		return FLOW_CONTINUE;
	}
	struct db_batch *batch = pass_batch(pass);
	db_add(batch, QUERY_RETENTION_LOGS, DB_I64(keep_ms), DB_I64(PASS_ROWS));
	return db_await(flow, batch);
}

static enum flow_next took_logs(struct flow *flow)
{
	size_t removed = db_row_count(db_reply_of(flow), 0);
	pass_of(flow)->retention->stats.logs += removed;
	if (removed == PASS_ROWS)
		flow_jump(flow, remove_logs);
	return FLOW_CONTINUE;
}

static enum flow_next remove_artifacts(struct flow *flow)
{
	if (!pass_goes_on(pass_of(flow)))
		return FLOW_DONE;
	struct db_batch *batch = pass_batch(pass_of(flow));
	db_add(batch, QUERY_RETENTION_ARTIFACTS, DB_I64(PASS_ROWS));
	return db_await(flow, batch);
}

static enum flow_next took_artifacts(struct flow *flow)
{
	struct pass *pass = pass_of(flow);
	size_t removed = db_row_count(db_reply_of(flow), 0);
	pass->retention->stats.artifacts += removed;
	if (removed == PASS_ROWS)
		flow_jump(flow, remove_artifacts);
	pass->after_us = 0; /* for blobs, which come next */
	return FLOW_CONTINUE;
}

static flow_step *const steps[] = {remove_runs, took_runs, remove_rest, took_rest, remove_logs, took_logs,
	remove_artifacts, took_artifacts, pass_doom, pass_unlink, pass_settle, pass_settled, pass_list, pass_adopt,
	pass_list_uploads, pass_ask_uploads, pass_remove_uploads, NULL};

/* --- a pass --- */

static void check_closed(struct retention *retention)
{
	if (retention->closed && !retention->is_asking && !retention->is_passing)
		retention->closed(retention->closed_arg);
}

static void pass_ended(struct flow *flow)
{
	struct pass *pass = pass_of(flow);
	struct retention *retention = pass->retention;
	const struct retention_stats *begin = &pass->begin, *end = &retention->stats;
	if (flow->err.kind != ERR_NONE)
		log_warn("retention.pass", F("err", &flow->err));
	log_info("retention.passed", F("runs", (int64_t)(end->runs - begin->runs)),
		F("logs", (int64_t)(end->logs - begin->logs)),
		F("artifacts", (int64_t)(end->artifacts - begin->artifacts)),
		F("blobs", (int64_t)(end->blobs - begin->blobs)),
		F("bytes", (int64_t)(end->blob_bytes - begin->blob_bytes)),
		F("others", (int64_t)(end->others - begin->others)));
	retention->stats.passes++;
	retention->is_passing = false;
	arena_done(&pass->batch);
	flow_free(flow);
	check_closed(retention);
}

bool retention_start(struct retention *retention)
{
	if (retention->is_passing || retention->closed)
		return false;
	retention->is_passing = true;
	struct pass *pass = flow_new(sizeof *pass, steps, pass_ended);
	pass->retention = retention;
	pass->begin = retention->stats;
	flow_start(&pass->flow);
	return true;
}

static void asked(void *arg, struct db_reply *reply)
{
	struct retention *retention = arg;
	bool is_due = !db_error(reply) && db_row_count(reply, 0) > 0;
	db_reply_free(reply);
	retention->is_asking = false;
	if (is_due) {
		FAILPOINT("retention.claimed");
		retention_start(retention);
	}
	check_closed(retention);
}

void retention_tick(struct retention *retention)
{
	if (retention->closed || retention->is_asking || retention->is_passing)
		return;
	struct db_batch *batch = db_batch_new(retention->server->db);
	db_add(batch, QUERY_RETENTION_CLAIM, DB_I64(retention->server->settings->retention_interval));
	retention->is_asking = true;
	db_submit(batch, asked, retention);
}

/* --- the whole --- */

struct retention *retention_new(struct server *server)
{
	struct retention *retention = mem_alloc(sizeof *retention);
	retention->server = server;
	return retention;
}

void retention_close(struct retention *retention, void (*closed)(void *arg), void *arg)
{
	retention->closed = closed;
	retention->closed_arg = arg;
	check_closed(retention);
}

void retention_free(struct retention *retention)
{
	free(retention);
}

void retention_stats(const struct retention *retention, struct retention_stats *ret)
{
	*ret = retention->stats;
	ret->is_busy = retention->is_passing;
}
