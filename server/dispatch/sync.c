/* One sync of a worker: take in, claim, answer or hold. */
#include "common/clock.h"
#include "common/failpoint.h"
#include "common/log.h"
#include "server/auth/auth.h"
#include "server/dispatch/dispatch_internal.h"
#include "server/settings.h"
#include "server/shell/shell.h"
#include "server/store/run_store.h"

static struct sync *sync_of(struct flow *flow)
{
	return (struct sync *)flow;
}

/* --- who --- */

static enum flow_next find_worker(struct flow *flow)
{
	struct sync *sync = sync_of(flow);
	if (dispatch_known(sync->dispatch, sync->message.instance, sync->token))
		return FLOW_CONTINUE;
	struct db_batch *batch = db_batch_new(sync->dispatch->server->db);
	db_add(batch, QUERY_WORKER_FIND, DB_TEXT(sync->message.instance), DB_I64(sync->token));
	return db_await(flow, batch);
}

static enum flow_next fail_takeover(struct sync *sync)
{
	err_set(&sync->flow.err, ERR_CONFLICT, "this worker is not registered (any more); register again");
	return FLOW_FAIL;
}

static enum flow_next know_worker(struct flow *flow)
{
	struct sync *sync = sync_of(flow);
	struct str instance = sync->message.instance;
	const struct known_worker *known = dispatch_known(sync->dispatch, instance, sync->token);
	if (!known) {
		const struct db_reply *reply = db_reply_of(flow);
		if (db_row_count(reply, 0) == 0)
			return fail_takeover(sync);
		struct str signature = arena_printf(
			&flow->arena, "%.*s %.*s", STR_ARG(db_text(reply, 0, 0, 2)), STR_ARG(db_text(reply, 0, 0, 1)));
		dispatch_remember(sync->dispatch, instance, sync->token, db_i64(reply, 0, 0, 0), signature);
		known = dispatch_known(sync->dispatch, instance, sync->token);
	}
	sync->worker = known->id;
	sync->signature = arena_str(&flow->arena, str_of(known->signature));
	return FLOW_CONTINUE;
}

/* --- taking in --- */

static enum flow_next report(struct flow *flow)
{
	struct sync *sync = sync_of(flow);
	struct db_batch *batch = db_batch_new(sync->dispatch->server->db);
	reports_add(sync, batch);
	sync->claim_statement = sync->layout.claim;
	return db_await(flow, batch);
}

static enum flow_next take_report(struct flow *flow)
{
	struct sync *sync = sync_of(flow);
	if (reports_take(sync, db_reply_of(flow), &flow->err))
		return FLOW_CONTINUE;
	dispatch_forget(sync->dispatch, sync->worker);
	return FLOW_FAIL;
}

/* --- claiming --- */

static enum flow_next read_claim(struct flow *flow);

static enum flow_next claim(struct flow *flow)
{
	struct sync *sync = sync_of(flow);
	struct db_batch *batch = db_batch_new(sync->dispatch->server->db);
	db_add(batch, QUERY_CLAIM, DB_I64(sync->worker), DB_TEXT(sync->message.instance),
		DB_I64(sync->message.free_slots), DB_I64(sync->dispatch->server->settings->lease));
	sync->claim_statement = 0;
	flow_jump(flow, read_claim);
	return db_await(flow, batch);
}

static void drop_plans(struct sync *sync)
{
	for (size_t i = 0; i < sync->claimed_count; i++)
		plan_ref_drop(sync->plans[i]);
	sync->claimed_count = 0;
}

static enum flow_next read_claim(struct flow *flow)
{
	struct sync *sync = sync_of(flow);
	void *items = NULL;
	drop_plans(sync); /* of a claim before, whose jobs nobody could run */
	if (sync->claim_statement != REPORT_NONE &&
		!db_read_rows(db_reply_of(flow), sync->claim_statement, claimed_fields, sizeof *sync->claimed, &items,
			&sync->claimed_count, &flow->arena, &flow->err))
		return FLOW_FAIL;
	sync->claim_statement = REPORT_NONE;
	sync->claimed = items;
	sync->plans = arena_array(&flow->arena, struct plan_ref *, sync->claimed_count);
	sync->dispatch->stats.claims += sync->claimed_count;
	if (sync->claimed_count)
		FAILPOINT("job.claimed");
	return FLOW_CONTINUE;
}

static bool find_plans(struct sync *sync, size_t *ret_missing)
{
	for (size_t i = 0; i < sync->claimed_count; i++) {
		if (!sync->plans[i])
			sync->plans[i] = plan_cache_get(sync->dispatch->server->plans, sync->claimed[i].plan_hash);
		if (!sync->plans[i]) {
			*ret_missing = i;
			return false;
		}
	}
	return true;
}

static enum flow_next take_plan(struct flow *flow);

static enum flow_next load_plans(struct flow *flow)
{
	struct sync *sync = sync_of(flow);
	size_t missing;
	if (find_plans(sync, &missing))
		return FLOW_CONTINUE;
	struct db_batch *batch = db_batch_new(sync->dispatch->server->db);
	run_store_load_plan(batch, sync->claimed[missing].plan_hash);
	flow_jump(flow, take_plan);
	return db_await(flow, batch);
}

static enum flow_next load_context(struct flow *flow)
{
	struct sync *sync = sync_of(flow);
	int64_t *runs = arena_array(&flow->arena, int64_t, 2 * sync->claimed_count);
	size_t count = 0;
	for (size_t i = 0; i < sync->claimed_count; i++) {
		const struct plan *plan = plan_ref_plan(sync->plans[i]);
		const struct plan_job *job = plan_find_job(plan, sync->claimed[i].key, NULL);
		if (!job || !job_spec_needs_context(plan, job))
			continue;
		runs[count++] = sync->claimed[i].run;
		if (job->origin)
			runs[count++] = job->origin;
	}
	if (count == 0)
		return FLOW_CONTINUE;
	struct db_batch *batch = db_batch_new(sync->dispatch->server->db);
	db_add(batch, QUERY_CLAIM_CONTEXT, DB_I64S(runs, count));
	db_add(batch, QUERY_CLAIM_INPUTS, DB_I64S(runs, count));
	db_add(batch, QUERY_CLAIM_SERVICES, DB_I64S(runs, count));
	sync->has_context = true;
	return db_await(flow, batch);
}

static bool read_context(struct sync *sync, struct err *err)
{
	const struct db_reply *reply = db_reply_of(&sync->flow);
	struct arena *arena = &sync->flow.arena;
	void *finished, *artifacts, *services;
	if (!db_read_rows(reply, 0, finished_job_fields, sizeof(struct finished_job), &finished,
		    &sync->context.finished_count, arena, err) ||
		!db_read_rows(reply, 1, run_artifact_fields, sizeof(struct run_artifact), &artifacts,
			&sync->context.artifact_count, arena, err) ||
		!db_read_rows(reply, 2, service_outputs_fields, sizeof(struct service_outputs), &services,
			&sync->context.service_count, arena, err))
		return false;
	sync->context.services = services;
	sync->context.finished = finished;
	sync->context.artifacts = artifacts;
	return true;
}

static void add_fault(struct sync *sync, const struct claimed *claimed, const struct err *err)
{
	struct arena *arena = &sync->flow.arena;
	sync->faults = arena_grow(arena, sync->faults, sizeof *sync->faults, sync->fault_count);
	sync->faults[sync->fault_count++] =
		(struct claim_fault){claimed->job, claimed->attempt, str_of(arena_strdup(arena, err->text))};
}

static enum flow_next build_specs(struct flow *flow)
{
	struct sync *sync = sync_of(flow);
	if (sync->has_context && !read_context(sync, &flow->err))
		return FLOW_FAIL;
	sync->has_context = false;
	struct worker_answer *answer = &sync->answer;
	answer->jobs = arena_array(&flow->arena, struct job_spec, sync->claimed_count);
	for (size_t i = 0; i < sync->claimed_count; i++) {
		const struct plan *plan = plan_ref_plan(sync->plans[i]);
		struct job_spec *spec = &answer->jobs[answer->job_count];
		struct err err = {0};
		if (job_spec_build(&sync->claimed[i], plan, &sync->context, spec, &flow->arena, &err))
			answer->job_count++;
		else
			add_fault(sync, &sync->claimed[i], &err);
	}
	return FLOW_CONTINUE;
}

/* They end here and now: no worker could do better, and the others of the claim go on. */
static enum flow_next end_faulty(struct flow *flow)
{
	struct sync *sync = sync_of(flow);
	size_t n = sync->fault_count;
	if (n == 0)
		return FLOW_CONTINUE;
	int64_t *jobs = arena_array(&flow->arena, int64_t, n), *attempts = arena_array(&flow->arena, int64_t, n);
	struct str *messages = arena_array(&flow->arena, struct str, n);
	for (size_t i = 0; i < n; i++) {
		jobs[i] = sync->faults[i].job;
		attempts[i] = sync->faults[i].attempt;
		messages[i] = sync->faults[i].message;
	}
	struct db_batch *batch = db_batch_new(sync->dispatch->server->db);
	db_add(batch, QUERY_CLAIM_FAIL, DB_I64S(jobs, n), DB_I64S(attempts, n),
		DB_TEXT(str_of(end_reason_names[END_EXPRESSION_FAILED])), DB_TEXTS(messages, n));
	return db_await(flow, batch);
}

static enum flow_next tell_faulty(struct flow *flow)
{
	struct sync *sync = sync_of(flow);
	if (sync->fault_count == 0)
		return FLOW_CONTINUE;
	for (size_t i = 0; i < db_row_count(db_reply_of(flow), 0); i++)
		shell_look(sync->dispatch->server->shell, db_i64(db_reply_of(flow), 0, i, 0));
	sync->fault_count = 0;
	return FLOW_CONTINUE;
}

/* --- answering --- */

static bool has_news(const struct worker_answer *answer)
{
	return answer->job_count || answer->cancel_count || answer->stale_count || answer->done_count ||
	       answer->log_count || answer->is_draining;
}

static enum flow_next finish(struct flow *flow)
{
	struct sync *sync = sync_of(flow);
	struct dispatch *dispatch = sync->dispatch;
	bool is_short = sync->claimed_count < (size_t)sync->message.free_slots;
	dispatch_claim_done(dispatch, sync, is_short);
	bool is_due = sync->deadline_us <= clock_mono_us();
	/* Its worker began to leave while it asked for jobs. */
	bool is_leaving = sync->message.is_draining || dispatch_is_leaving(dispatch, sync->worker);
	bool is_left = is_leaving && sync->message.free_slots > 0;
	if (is_left || sync->is_gone || has_news(&sync->answer) || is_due || dispatch->closed)
		return FLOW_DONE;
	/* It may wait for long, and there may be thousands. */
	flow_hold(flow, NULL, NULL);
	dispatch_hold(dispatch, sync);
	return FLOW_WAIT;
}

/* The last two are reached by a jump alone, and jump back. */
static flow_step *const steps[] = {find_worker, know_worker, report, take_report, read_claim, load_plans, load_context,
	build_specs, end_faulty, tell_faulty, finish, claim, take_plan, NULL};

static enum flow_next take_plan(struct flow *flow)
{
	struct sync *sync = sync_of(flow);
	size_t missing = 0;
	find_plans(sync, &missing);
	if (!run_store_read_plan(db_reply_of(flow), sync->dispatch->server->plans, sync->claimed[missing].plan_hash,
		    &sync->plans[missing], &flow->err))
		return FLOW_FAIL;
	flow_jump(flow, load_plans);
	return FLOW_CONTINUE;
}

static void claims_released(void *arg, struct db_reply *reply)
{
	struct dispatch *dispatch = arg;
	if (!db_error(reply) && !dispatch->closed)
		dispatch_jobs_queued(dispatch);
	db_reply_free(reply);
	dispatch_flow_ended(dispatch);
}

static void release_claims(struct sync *sync)
{
	size_t count = sync->claimed_count;
	if (count == 0)
		return;
	int64_t *jobs = arena_array(&sync->flow.arena, int64_t, count),
		*attempts = arena_array(&sync->flow.arena, int64_t, count);
	for (size_t i = 0; i < count; i++) {
		jobs[i] = sync->claimed[i].job;
		attempts[i] = sync->claimed[i].attempt;
	}
	struct db_batch *batch = db_batch_new(sync->dispatch->server->db);
	db_add(batch, QUERY_CLAIM_RELEASE, DB_I64S(jobs, count), DB_I64S(attempts, count));
	sync->dispatch->active++;
	db_submit(batch, claims_released, sync->dispatch);
}

static void sync_ended(struct flow *flow)
{
	struct sync *sync = sync_of(flow);
	struct dispatch *dispatch = sync->dispatch;
	dispatch_claim_done(dispatch, sync, true);
	if (flow->err.kind != ERR_NONE || sync->is_gone)
		release_claims(sync);
	if (flow->err.kind != ERR_NONE) {
		if (flow->err.kind == ERR_BUG || flow->err.kind == ERR_SYSTEM)
			log_error("dispatch.sync", F("worker", sync->worker), F("err", &flow->err));
		http_answer_err(sync->exchange, &flow->err);
	} else {
		if (sync->answer.cancel_count)
			FAILPOINT("attempt.cancel_told");
		http_answer_json(sync->exchange, 200, fields_write(worker_answer_fields, &sync->answer));
	}
	drop_plans(sync);
	flow_free(flow);
	dispatch_flow_ended(dispatch);
}

void sync_claim(struct sync *sync)
{
	flow_jump(&sync->flow, claim);
	flow_resume(&sync->flow);
}

void sync_answer(struct sync *sync)
{
	sync->deadline_us = 0;
	flow_jump(&sync->flow, finish);
	flow_resume(&sync->flow);
}

void sync_cancels(struct sync *sync, const struct db_reply *reply, size_t statement)
{
	struct arena *arena = &sync->flow.arena;
	struct worker_answer *answer = &sync->answer;
	for (size_t i = 0; i < db_row_count(reply, statement); i++) {
		if (db_i64(reply, statement, i, 0) != sync->worker)
			continue;
		answer->cancel = arena_grow(arena, answer->cancel, sizeof *answer->cancel, answer->cancel_count);
		answer->cancel[answer->cancel_count++] = (struct attempt_cancel){
			.job = db_i64(reply, statement, i, 1),
			.attempt = (int32_t)db_i64(reply, statement, i, 2),
			.reason = arena_str(arena, db_text(reply, statement, i, 3)),
		};
	}
}

static void client_gone(void *arg)
{
	struct sync *sync = arg;
	sync->is_gone = true;
	if (sync->stage != SYNC_WAITING)
		return;
	dispatch_unhold(sync->dispatch, sync);
	sync_answer(sync);
}

void dispatch_sync(struct http_exchange *exchange, void *context)
{
	struct server *server = context;
	struct err err = {0};
	struct sync *sync = flow_new(sizeof *sync, steps, sync_ended);
	struct arena *arena = &sync->flow.arena;
	if (!worker_body_read(http_body(exchange), &sync->message, &sync->logs, &sync->log_count, arena, &err)) {
		flow_free(&sync->flow);
		http_answer_err(exchange, &err);
		return;
	}
	int64_t wait_ms = sync->message.wait_ms < 0 ? 0 : sync->message.wait_ms;
	if (wait_ms > DISPATCH_WAIT_MS)
		wait_ms = DISPATCH_WAIT_MS;
	sync->dispatch = server->dispatch;
	sync->exchange = exchange;
	sync->token = auth_caller(exchange)->token;
	sync->deadline_us = clock_mono_us() + wait_ms * US_PER_MS;
	server->dispatch->active++;
	server->dispatch->stats.syncs++;
	http_on_gone(exchange, client_gone, sync);
	flow_start(&sync->flow);
}
