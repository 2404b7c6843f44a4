#include "common/clock.h"
#include "common/failpoint.h"
#include "common/io/http_client.h"
#include "common/log.h"
#include "common/mem.h"
#include "worker/keeper_state.h"

#include <stdlib.h>

static void add_reports(struct lease *lease, struct worker_sync *message, struct arena *arena, int64_t id)
{
	if (lease->has_started && lease->started_sync == LEASE_UNSENT) {
		message->started =
			arena_grow(arena, message->started, sizeof *message->started, message->started_count);
		message->started[message->started_count++] = lease->started;
		lease->started_sync = id;
	}
	for (size_t i = 0; i < lease->step_count; i++) {
		if (lease->steps[i].sync != LEASE_UNSENT)
			continue;
		message->steps = arena_grow(arena, message->steps, sizeof *message->steps, message->step_count);
		message->steps[message->step_count++] = lease->steps[i].report;
		lease->steps[i].sync = id;
	}
	lease->report_due_us = 0;
}

/* Frames go into a body of their own, since only then is it known whether a result may go along. */
static void add_logs(struct lease *lease, struct buf *frames, int64_t id, int64_t now_us)
{
	struct err err;
	bool any = false;
	lease_cut(lease, now_us);
	if (frames->n >= FRAMES_BYTES)
		return;
	lease->log_from_raw = lease->spool->send_raw;
	if (!spool_send(lease->spool, frames, LOG_SEND_BYTES, &any, &err)) {
		lease_spool_failed(lease, &err);
		return;
	}
	if (any)
		lease->log_sync = id;
}

/* *bytes: of the results in the message so far. What does not fit any more goes with the next sync. */
static void add_result(
	struct lease *lease, struct worker_sync *message, struct arena *arena, int64_t id, int64_t *bytes)
{
	if (lease->state != LEASE_ENDED || lease->result_sync != LEASE_UNSENT || spool_has_unsent(lease->spool))
		return;
	if (lease->log_sync != LEASE_UNSENT && lease->log_sync != id)
		return;
	if (*bytes + lease->result_bytes > RESULTS_BYTES && *bytes)
		return;
	*bytes += lease->result_bytes;
	message->results = arena_grow(arena, message->results, sizeof *message->results, message->result_count);
	message->results[message->result_count++] = lease->result;
	lease->result_sync = id;
	/* The server did not wait for the disk when it took the steps; the result it does wait for. */
	for (size_t i = 0; i < lease->step_count; i++) {
		if (lease->steps[i].sync == id)
			continue;
		message->steps = arena_grow(arena, message->steps, sizeof *message->steps, message->step_count);
		message->steps[message->step_count++] = lease->steps[i].report;
	}
}

static void collect(struct keeper *keeper, struct worker_sync *message, struct buf *frames, struct arena *arena,
	int64_t id, int64_t now_us)
{
	int64_t result_bytes = 0;
	for (struct lease *lease = keeper->leases, *next; lease; lease = next) {
		next = lease->next;
		if (lease->state == LEASE_STALE || lease->retry_at_us > now_us)
			continue;
		add_reports(lease, message, arena, id);
		if (lease->log_sync == LEASE_UNSENT)
			add_logs(lease, frames, id, now_us);
		add_result(lease, message, arena, id, &result_bytes);
	}
}

static void list_held(struct keeper *keeper, struct worker_sync *message, struct arena *arena)
{
	for (struct lease *lease = keeper->leases; lease; lease = lease->next) {
		if (lease->state == LEASE_STALE)
			continue;
		message->held = arena_grow(arena, message->held, sizeof *message->held, message->held_count);
		message->held[message->held_count++] = lease->ref;
	}
}

static void unlink_sync(struct sync *sync)
{
	struct keeper *keeper = sync->keeper;
	for (struct sync **at = &keeper->syncs; *at; at = &(*at)->next) {
		if (*at == sync) {
			*at = sync->next;
			break;
		}
	}
	keeper->slots_asked -= sync->slots;
	if (sync->is_held)
		keeper->held_syncs--;
	else
		keeper->data_syncs--;
}

/* What this sync carried is settled: accepted, or to be said again. */
static void settle(struct sync *sync, bool is_accepted, int64_t now_us)
{
	struct err err;
	int64_t then = is_accepted ? LEASE_ACCEPTED : LEASE_UNSENT;
	for (struct lease *lease = sync->keeper->leases; lease; lease = lease->next) {
		if (lease->state == LEASE_STALE)
			continue;
		if (lease->started_sync == sync->id)
			lease->started_sync = then;
		for (size_t i = 0; i < lease->step_count; i++)
			if (lease->steps[i].sync == sync->id)
				lease->steps[i].sync = then;
		if (!is_accepted && lease_has_report(lease) && !lease->report_due_us)
			lease->report_due_us = now_us;
		if (lease->log_sync == sync->id) {
			lease->log_sync = LEASE_UNSENT;
			/* Acknowledged or not, the next frame is the one behind what the server is known to have. */
			spool_acknowledge(lease->spool, lease->spool->acked_raw, &err);
			if (is_accepted && spool_has_unsent(lease->spool) &&
				lease->spool->acked_raw == lease->log_from_raw)
				lease->retry_at_us = now_us + RETRY_MS * US_PER_MS;
		}
		if (lease->result_sync == sync->id) {
			lease->result_sync = LEASE_UNSENT;
			if (is_accepted)
				lease->retry_at_us = now_us + RETRY_MS * US_PER_MS;
		}
		if (is_accepted && lease->born <= sync->id) {
			int64_t until = sync->sent_us + sync->keeper->registered.lease_ms * US_PER_MS;
			if (until > lease->until_us)
				lease->until_us = until;
		}
	}
}

/* Said at once: the server would find out when the lease has run out. */
static void refuse_job(struct keeper *keeper, struct attempt_ref ref, struct arena *arena, const struct err *err)
{
	struct lease *lease = lease_new(keeper, ref);
	lease->arena = *arena;
	lease->spool = spool_nowhere(keeper->spools, ref);
	lease->state = LEASE_ENDED;
	lease_spool_failed(lease, err);
	lease_end(lease, &lease->result);
}

static void take_job(struct sync *sync, const json_t *json)
{
	struct keeper *keeper = sync->keeper;
	struct arena arena = {0};
	struct job_spec spec = {0};
	struct err err;
	if (!fields_read_loose(job_spec_fields, json, &spec, &arena, &err)) {
		/* Not even its number is certain: the lease runs out and the server tries again or gives up. */
		log_error("job.unreadable", F("error", &err));
		arena_done(&arena);
		return;
	}
	struct attempt_ref ref = {spec.job, spec.attempt};
	struct spool *spool;
	if (lease_find(keeper, ref)) {
		arena_done(&arena);
		return;
	}
	if (!spool_open(keeper->spools, ref, &spool, &err)) {
		refuse_job(keeper, ref, &arena, &err);
		return;
	}
	struct lease *lease = lease_new(keeper, ref);
	lease->arena = arena;
	lease->spool = spool;
	lease->has_slot = true;
	lease->until_us = sync->sent_us + keeper->registered.lease_ms * US_PER_MS;
	FAILPOINT("job.taken");
	struct job_spec *kept = arena_new(&lease->arena, struct job_spec);
	*kept = spec;
	lease->outlives = spec.outlives_lease;
	keeper->options.events->job(keeper->options.arg, lease, kept);
}

static void apply(struct sync *sync, const struct worker_answer *answer, const json_t *jobs, int64_t now_us)
{
	struct keeper *keeper = sync->keeper;
	struct lease *lease;
	struct err err;
	for (size_t i = 0; i < answer->log_count; i++) {
		struct attempt_ref ref = {answer->logs[i].job, answer->logs[i].attempt};
		if ((lease = lease_find(keeper, ref)) && lease->state != LEASE_STALE &&
			!spool_acknowledge(lease->spool, answer->logs[i].end, &err)) {
			log_error(
				"log.acknowledgement", F("job", ref.job), F("attempt", ref.attempt), F("error", &err));
			lease->retry_at_us = now_us + RETRY_MS * US_PER_MS;
		}
	}
	for (size_t i = 0; i < answer->done_count; i++)
		if ((lease = lease_find(keeper, answer->done[i])) && lease->state == LEASE_ENDED) {
			FAILPOINT("result.accepted");
			spool_remove(take(lease->spool));
			FAILPOINT("spool.removed");
			lease_free(lease);
		}
	for (size_t i = 0; i < answer->stale_count; i++)
		if ((lease = lease_find(keeper, answer->stale[i])))
			lease_mark_stale(lease);
	settle(sync, true, now_us);
	for (size_t i = 0; i < answer->cancel_count; i++) {
		struct attempt_ref ref = {answer->cancel[i].job, answer->cancel[i].attempt};
		if ((lease = lease_find(keeper, ref)) && lease->state == LEASE_RUNNING && !lease->is_cancelled) {
			lease->is_cancelled = true;
			keeper->options.events->end(
				keeper->options.arg, lease, LEASE_END_CANCELLED, answer->cancel[i].reason);
		}
	}
	for (size_t i = 0; i < json_array_size(jobs); i++)
		take_job(sync, json_array_get(jobs, i));
	keeper->is_drain_asked = answer->is_draining;
	/* Answers at once that say nothing, to questions that were to be held. */
	bool is_idle = sync->is_held && !json_array_size(jobs) && now_us - sync->sent_us < 20 * US_PER_MS;
	keeper->idle_answers = is_idle ? keeper->idle_answers + 1 : 0;
	if (keeper->is_drain_asked)
		keeper->poll_at_us = now_us + DRAIN_POLL_MS * US_PER_MS;
	else if (keeper->idle_answers >= 3)
		keeper->poll_at_us = now_us + 200 * US_PER_MS;
}

static bool read_answer(
	struct str body, struct worker_answer *ret, json_t **ret_jobs, struct arena *arena, struct err *err)
{
	json_error_t fault;
	json_t *json = json_loadb(body.p, body.n, 0, &fault);
	if (!json)
		return err_set(err, ERR_UPSTREAM, "answer of the server: %s at byte %d", fault.text, fault.position);
	/* Each job is read into the memory of its lease. */
	json_t *jobs = json_incref(json_object_get(json, "jobs"));
	json_object_del(json, "jobs");
	struct worker_answer answer = {0};
	bool ok = fields_read_loose(worker_answer_fields, json, &answer, arena, err);
	json_decref(json);
	if (!ok) {
		json_decref(jobs);
		return err_wrap(err, "answer of the server");
	}
	*ret = answer;
	*ret_jobs = jobs;
	return true;
}

static void on_answer(void *arg, const struct http_answer *http, const struct err *http_err)
{
	struct sync *sync = arg;
	struct keeper *keeper = sync->keeper;
	struct worker_answer answer;
	json_t *jobs = NULL;
	auto_arena arena = {0};
	struct err err = {0};
	int64_t now_us = clock_mono_us();
	bool ok = false;
	unlink_sync(sync);
	if (http_err)
		err = *http_err;
	else if (http->status != 200)
		err_set(&err, ERR_UPSTREAM, "status %d: %.*s", http->status, STR_ARG(str_brief(http->body, 200)));
	else
		ok = read_answer(http->body, &answer, &jobs, &arena, &err);
	if (ok) {
		keeper->failures = 0;
		keeper->is_connected = true;
		FAILPOINT("sync.answered");
		apply(sync, &answer, jobs, now_us);
	} else {
		settle(sync, false, now_us);
		if (!keeper->is_closing)
			keeper_back_off(keeper, sync->sent_us, "sync", &err);
		/* It does not know this worker, or this process of it. */
		if (http && (http->status == 404 || http->status == 409 || http->status == 410))
			keeper_register_again(keeper);
	}
	json_decref(jobs);
	free(sync);
	keeper_poke(keeper);
	keeper_closing_step(keeper);
}

static int64_t hold_ms(const struct keeper *keeper)
{
	int64_t wait = keeper->registered.wait_ms;
	/* While something is held, the next question is also the heartbeat. */
	if (keeper->leases && wait > keeper->registered.renew_ms * 3 / 4)
		wait = keeper->registered.renew_ms * 3 / 4;
	return wait;
}

void sync_send(struct keeper *keeper, bool is_held)
{
	auto_arena arena = {0};
	auto_buf frames = BUF_INIT(WORKER_SYNC_BYTES_MAX / 2), body = BUF_INIT(WORKER_SYNC_BYTES_MAX);
	struct sync *sync = mem_alloc(sizeof *sync);
	*sync = (struct sync){
		.keeper = keeper,
		.next = keeper->syncs,
		.id = ++keeper->sync_last,
		.sent_us = clock_mono_us(),
		.slots = keeper->is_connected ? keeper_free_slots(keeper) : 0,
		.is_held = is_held,
	};
	keeper->syncs = sync;
	keeper->slots_asked += sync->slots;
	keeper->last_sent_us = sync->sent_us;
	if (is_held)
		keeper->held_syncs++;
	else
		keeper->data_syncs++;
	struct worker_sync message = {
		.instance = keeper->options.self.instance,
		.wait_ms = is_held ? hold_ms(keeper) : 0,
		.free_slots = sync->slots,
		.is_draining = keeper->is_draining,
	};
	if (!is_held)
		collect(keeper, &message, &frames, &arena, sync->id, sync->sent_us);
	list_held(keeper, &message, &arena);
	struct err err;
	if (!worker_frame_add_sync(&body, &message, &err) || !buf_add_str(&body, buf_str(&frames)))
		BUG("a sync of %zu bytes of frames does not fit: %s", frames.n, err.text);
	struct http_request request = {
		.method = "POST",
		.url = arena_printf(&arena, "%s/api/v1/worker/sync", keeper->options.url),
		.headers = &keeper->headers,
		.body = buf_str(&body),
		.answer_max_bytes = 64 << 20,
		.timeout_ms = message.wait_ms + 15000,
	};
	http_send(keeper->options.http, &request, on_answer, sync, &sync->call);
}
