/* What a sync reports, as statements and back: facts guarded by attempt and state, none of them touches a run. */
#include "common/failpoint.h"
#include "common/json.h"
#include "server/events/events.h"
#include "server/dispatch/dispatch_internal.h"
#include "server/settings.h"
#include "server/shell/shell.h"

#include <stdlib.h>

/* --- statements --- */

/* What is lost with the database is said again: log frames from where the log ends, steps with the result. Whether an
 * attempt has started is told by its result, too. */
static bool may_be_lost(const struct worker_sync *message)
{
	return message->result_count == 0 && message->free_slots == 0;
}

/* What a message tells of attempts that go on: a row each. */
struct told {
	size_t n;
	int64_t *jobs, *attempts, *started_at;
	struct str *profiles, *texts;
	json_t **steps;
};

static size_t told_row(struct told *told, int64_t job, int64_t attempt)
{
	for (size_t i = 0; i < told->n; i++)
		if (told->jobs[i] == job && told->attempts[i] == attempt)
			return i;
	told->jobs[told->n] = job;
	told->attempts[told->n] = attempt;
	told->steps[told->n] = json_object();
	return told->n++;
}

/* Puts the report into {"index": {...}}, in place of what was said of the step before. */
static void set_step(json_t *steps, const struct step_report *step)
{
	json_t *body = fields_write(step_report_fields, step);
	char index[16];
	json_object_del(body, "job");
	json_object_del(body, "attempt");
	json_object_del(body, "index");
	snprintf(index, sizeof index, "%d", step->index);
	json_object_set_new(steps, index, body);
}

/* Its result tells what else the message says of it: one row is written once. */
static bool has_result(const struct worker_sync *message, int64_t job, int64_t attempt)
{
	for (size_t i = 0; i < message->result_count; i++)
		if (message->results[i].job == job && message->results[i].attempt == attempt)
			return true;
	return false;
}

static void add_told(struct sync *sync, struct db_batch *batch, size_t *statement)
{
	const struct worker_sync *message = &sync->message;
	struct arena *arena = &sync->flow.arena;
	size_t max = message->started_count + message->step_count;
	struct told told = {
		.jobs = arena_array(arena, int64_t, max),
		.attempts = arena_array(arena, int64_t, max),
		.started_at = arena_array(arena, int64_t, max),
		.profiles = arena_array(arena, struct str, max),
		.texts = arena_array(arena, struct str, max),
		.steps = arena_array(arena, json_t *, max),
	};
	for (size_t i = 0; i < message->started_count; i++) {
		const struct attempt_started *started = &message->started[i];
		if (has_result(message, started->job, started->attempt))
			continue;
		size_t row = told_row(&told, started->job, started->attempt);
		told.started_at[row] = started->at;
		told.profiles[row] = started->profile;
	}
	for (size_t i = 0; i < message->step_count; i++) {
		const struct step_report *step = &message->steps[i];
		if (!has_result(message, step->job, step->attempt))
			set_step(told.steps[told_row(&told, step->job, step->attempt)], step);
	}
	for (size_t i = 0; i < told.n; i++) {
		told.profiles[i] = str_or_empty(told.profiles[i]);
		told.texts[i] = json_text(told.steps[i], arena);
		json_decref(told.steps[i]);
	}
	if (told.n == 0)
		return;
	sync->layout.told = (*statement)++;
	db_add(batch, QUERY_ATTEMPTS_TOLD, DB_I64(sync->worker), DB_I64S(told.jobs, told.n),
		DB_I64S(told.attempts, told.n), DB_TIMES(told.started_at, told.n), DB_TEXTS(told.profiles, told.n),
		DB_TEXTS(told.texts, told.n));
}

static void add_result(const struct sync *sync, const struct attempt_result *result, struct db_batch *batch)
{
	const struct worker_sync *message = &sync->message;
	struct arena *arena = (struct arena *)(uintptr_t)&sync->flow.arena;
	struct attempt_started started = {0};
	json_t *artifacts = json_array(), *steps = json_object();
	for (size_t i = 0; i < result->artifact_count; i++)
		json_array_append_new(artifacts, fields_write(artifact_report_fields, &result->artifacts[i]));
	for (size_t i = 0; i < message->step_count; i++)
		if (message->steps[i].job == result->job && message->steps[i].attempt == result->attempt)
			set_step(steps, &message->steps[i]);
	for (size_t i = 0; i < message->started_count; i++)
		if (message->started[i].job == result->job && message->started[i].attempt == result->attempt)
			started = message->started[i];
	db_add(batch, QUERY_ATTEMPT_RESULT, DB_I64(sync->worker), DB_I64(result->job), DB_I64(result->attempt),
		DB_TEXT(str_of(end_reason_names[result->reason])), DB_I64(result->exit_code), DB_I64(result->signal),
		DB_TEXT(result->message), DB_TEXT(json_of_pairs(&result->outputs, arena)), DB_TIME(result->ended_at),
		DB_I64(result->cpu_us), DB_I64(result->memory_bytes), DB_I64(result->log_bytes), DB_JSON(artifacts),
		DB_I64(sync->dispatch->server->settings->keep_artifacts), DB_JSON(steps), DB_TIME(started.at),
		DB_TEXT(str_or_empty(started.profile)));
	json_decref(artifacts);
	json_decref(steps);
}

/* Few results have any: the others are spared a statement. */
static bool has_findings(const struct attempt_result *result)
{
	return result->finding_count || result->test_count;
}

static void add_findings(const struct sync *sync, const struct attempt_result *result, struct db_batch *batch)
{
	json_t *findings = json_array(), *tests = json_array();
	for (size_t i = 0; i < result->finding_count && i < FINDINGS_MAX; i++)
		json_array_append_new(findings, fields_write(finding_fields, &result->findings[i]));
	for (size_t i = 0; i < result->test_count && i < TEST_REPORTS_MAX; i++)
		json_array_append_new(tests, fields_write(test_report_fields, &result->tests[i]));
	db_add(batch, QUERY_FINDINGS_INSERT, DB_I64(sync->worker), DB_I64(result->job), DB_I64(result->attempt),
		DB_TIME(result->ended_at), DB_JSON(findings), DB_JSON(tests));
	json_decref(findings);
	json_decref(tests);
}

static void add_held(struct sync *sync, struct db_batch *batch, size_t *statement)
{
	struct worker_sync *message = &sync->message;
	size_t n = message->held_count;
	int64_t *jobs = arena_array(&sync->flow.arena, int64_t, n),
		*attempts = arena_array(&sync->flow.arena, int64_t, n);
	for (size_t i = 0; i < n; i++) {
		jobs[i] = message->held[i].job;
		attempts[i] = message->held[i].attempt;
	}
	db_add(batch, QUERY_LEASES_UNHEARD, DB_I64(sync->worker), DB_TEXT(message->instance), DB_I64S(jobs, n),
		DB_I64S(attempts, n));
	(*statement)++;
	if (n == 0)
		return;
	sync->layout.renewed = (*statement)++;
	db_add(batch, QUERY_LEASES_RENEW, DB_I64(sync->worker), DB_I64S(jobs, n), DB_I64S(attempts, n),
		DB_I64(sync->dispatch->server->settings->lease));
	sync->layout.cancels = (*statement)++;
	db_add(batch, QUERY_CANCELS, DB_I64S(&sync->worker, 1));
}

void reports_add(struct sync *sync, struct db_batch *batch)
{
	const struct worker_sync *message = &sync->message;
	struct report_layout *layout = &sync->layout;
	size_t at = 0;
	*layout = (struct report_layout){
		.told = REPORT_NONE, .renewed = REPORT_NONE, .cancels = REPORT_NONE, .claim = REPORT_NONE};
	if (may_be_lost(message)) {
		db_add(batch, QUERY_COMMIT_ASYNC);
		at++;
	}
	layout->seen = at++;
	db_add(batch, QUERY_WORKER_SEEN, DB_I64(sync->worker), DB_TEXT(message->instance));
	if (message->held_count || message->wait_ms)
		add_held(sync, batch, &at);
	layout->logs = at;
	at += sync->log_count;
	for (size_t i = 0; i < sync->log_count; i++) {
		const struct log_frame *frame = &sync->logs[i];
		db_add(batch, QUERY_LOG_APPEND, DB_I64(sync->worker), DB_I64(frame->job), DB_I64(frame->attempt),
			DB_I64(frame->offset), DB_I64(frame->raw_bytes), DB_I64(frame->lines), DB_BYTES(frame->data));
	}
	add_told(sync, batch, &at);
	layout->results = at;
	at += message->result_count;
	for (size_t i = 0; i < message->result_count; i++)
		add_result(sync, &message->results[i], batch);
	for (size_t i = 0; i < message->result_count; i++)
		if (has_findings(&message->results[i])) {
			add_findings(sync, &message->results[i], batch);
			at++;
		}
	if (message->free_slots > 0 && !message->is_draining) {
		layout->claim = at;
		db_add(batch, QUERY_CLAIM, DB_I64(sync->worker), DB_TEXT(message->instance),
			DB_I64(message->free_slots), DB_I64(sync->dispatch->server->settings->lease));
	}
}

/* --- what came of them --- */

static void add_ref(struct sync *sync, struct attempt_ref **list, size_t *count, int64_t job, int32_t attempt)
{
	*list = arena_grow(&sync->flow.arena, *list, sizeof **list, *count);
	(*list)[(*count)++] = (struct attempt_ref){job, attempt};
}

static void add_stale(struct sync *sync, int64_t job, int32_t attempt)
{
	for (size_t i = 0; i < sync->answer.stale_count; i++)
		if (sync->answer.stale[i].job == job && sync->answer.stale[i].attempt == attempt)
			return;
	sync->dispatch->stats.stale++;
	add_ref(sync, &sync->answer.stale, &sync->answer.stale_count, job, attempt);
}

static void take_held(struct sync *sync, const struct db_reply *reply)
{
	size_t statement = sync->layout.renewed;
	for (size_t i = 0; i < sync->message.held_count; i++) {
		const struct attempt_ref *held = &sync->message.held[i];
		bool is_renewed = false;
		for (size_t row = 0; row < db_row_count(reply, statement) && !is_renewed; row++)
			is_renewed = db_i64(reply, statement, row, 0) == held->job &&
				     db_i64(reply, statement, row, 1) == held->attempt;
		if (!is_renewed)
			add_stale(sync, held->job, held->attempt);
	}
}

static void take_logs(struct sync *sync, const struct db_reply *reply)
{
	struct worker_answer *answer = &sync->answer;
	for (size_t i = 0; i < sync->log_count; i++) {
		const struct log_frame *frame = &sync->logs[i];
		int64_t end = db_i64(reply, sync->layout.logs + i, 0, 0);
		if (end < 0) {
			add_stale(sync, frame->job, frame->attempt);
			continue;
		}
		struct log_ack *ack = NULL;
		for (size_t j = 0; j < answer->log_count; j++)
			if (answer->logs[j].job == frame->job && answer->logs[j].attempt == frame->attempt)
				ack = &answer->logs[j];
		if (!ack) {
			answer->logs =
				arena_grow(&sync->flow.arena, answer->logs, sizeof *answer->logs, answer->log_count);
			ack = &answer->logs[answer->log_count++];
		}
		*ack = (struct log_ack){frame->job, frame->attempt, end};
		events_log_grew(sync->dispatch->server->events, frame->job);
	}
}

static void take_result(
	struct sync *sync, const struct attempt_result *result, const struct db_reply *reply, size_t statement)
{
	struct server *server = sync->dispatch->server;
	struct str outcome = db_row_count(reply, statement) ? db_text(reply, statement, 0, 1) : STR("stale");
	if (str_is(outcome, "log_missing"))
		return; /* sent again behind the log */
	if (str_is(outcome, "stale")) {
		add_stale(sync, result->job, result->attempt);
		return;
	}
	add_ref(sync, &sync->answer.done, &sync->answer.done_count, result->job, result->attempt);
	shell_look(server->shell, db_i64(reply, statement, 0, 0));
	events_log_grew(server->events, result->job);
}

static void tell_runs(struct sync *sync, const struct db_reply *reply, size_t statement)
{
	for (size_t i = 0; i < db_row_count(reply, statement); i++)
		events_run_changed(sync->dispatch->server->events, db_i64(reply, statement, i, 0));
}

bool reports_take(struct sync *sync, const struct db_reply *reply, struct err *err)
{
	const struct report_layout *layout = &sync->layout;
	const struct worker_sync *message = &sync->message;
	if (db_row_count(reply, layout->seen) == 0)
		return err_set(
			err, ERR_CONFLICT, "another process has registered under this worker's name; names are unique");
	sync->answer.is_draining = str_is(db_text(reply, layout->seen, 0, 0), "draining");
	if (message->is_draining)
		dispatch_drains(sync->dispatch, sync->worker);
	if (layout->renewed != REPORT_NONE)
		take_held(sync, reply);
	if (layout->cancels != REPORT_NONE)
		sync_cancels(sync, reply, layout->cancels);
	if (sync->log_count)
		FAILPOINT("log.appended");
	take_logs(sync, reply);
	if (message->started_count)
		FAILPOINT("attempt.started");
	if (message->step_count)
		FAILPOINT("step.told");
	if (layout->told != REPORT_NONE)
		tell_runs(sync, reply, layout->told);
	if (message->result_count)
		FAILPOINT("attempt.ended");
	for (size_t i = 0; i < message->result_count; i++)
		take_result(sync, &message->results[i], reply, layout->results + i);
	return true;
}
