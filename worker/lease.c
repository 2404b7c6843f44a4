#include "common/clock.h"
#include "common/failpoint.h"
#include "common/log.h"
#include "common/mem.h"
#include "worker/keeper_state.h"

#include <stdlib.h>
#include <string.h>

struct lease *lease_new(struct keeper *keeper, struct attempt_ref ref)
{
	struct lease *lease = mem_alloc(sizeof *lease);
	lease->keeper = keeper;
	lease->ref = ref;
	lease->born = keeper->sync_last + 1;
	lease->next = keeper->leases;
	keeper->leases = lease;
	return lease;
}

struct lease *lease_find(struct keeper *keeper, struct attempt_ref ref)
{
	for (struct lease *lease = keeper->leases; lease; lease = lease->next)
		if (lease->ref.job == ref.job && lease->ref.attempt == ref.attempt)
			return lease;
	return NULL;
}

void lease_free(struct lease *lease)
{
	for (struct lease **at = &lease->keeper->leases; *at; at = &(*at)->next) {
		if (*at == lease) {
			*at = lease->next;
			break;
		}
	}
	spool_close(lease->spool);
	arena_done(&lease->arena);
	free(lease);
}

void lease_mark_stale(struct lease *lease)
{
	if (lease->state == LEASE_STALE)
		return;
	spool_remove(take(lease->spool));
	bool is_running = lease->state == LEASE_RUNNING;
	lease->state = LEASE_STALE;
	if (!is_running)
		lease_free(lease);
	else
		lease->keeper->options.events->end(lease->keeper->options.arg, lease, LEASE_END_STALE, (struct str){0});
}

static void report_within(struct lease *lease, int64_t delay_ms)
{
	int64_t due = clock_mono_us() + delay_ms * US_PER_MS;
	if (!lease->report_due_us || lease->report_due_us > due)
		lease->report_due_us = due;
	keeper_poke(lease->keeper);
}

void lease_started(struct lease *lease, int64_t at_us, const char *profile)
{
	lease->started = (struct attempt_started){
		lease->ref.job, lease->ref.attempt, at_us, arena_str(&lease->arena, str_of(profile))};
	lease->has_started = true;
	lease->started_sync = LEASE_UNSENT;
	report_within(lease, FIRST_DELAY_MS);
}

void lease_step(struct lease *lease, const struct step_report *report)
{
	size_t i = 0;
	while (i < lease->step_count && lease->steps[i].report.index != report->index)
		i++;
	if (i == lease->step_count) {
		lease->steps = arena_grow(&lease->arena, lease->steps, sizeof *lease->steps, lease->step_count);
		lease->step_count++;
	}
	lease->steps[i] = (struct lease_step_report){.report = *report};
	lease->steps[i].report.job = lease->ref.job;
	lease->steps[i].report.attempt = lease->ref.attempt;
	report_within(lease, REPORT_DELAY_MS);
}

bool lease_has_report(const struct lease *lease)
{
	if (lease->has_started && lease->started_sync == LEASE_UNSENT)
		return true;
	for (size_t i = 0; i < lease->step_count; i++)
		if (lease->steps[i].sync == LEASE_UNSENT)
			return true;
	return false;
}

static bool add_frame(struct lease *lease, size_t n, struct err *err)
{
	if (!spool_cut(lease->spool, n, err))
		return false;
	FAILPOINT("log.spooled");
	lease->pending_since_us = clock_mono_us();
	lease->has_logged = true;
	return true;
}

static void tell_unkept(struct lease *lease)
{
	lease->result = (struct attempt_result){
		.job = lease->ref.job,
		.attempt = lease->ref.attempt,
		.reason = END_WORKER_LOST,
		.message = lease->unkept,
		.ended_at = clock_wall_us(),
		.log_bytes = lease->spool->log_end,
		.log_lines = lease->spool->log_lines,
	};
}

void lease_spool_failed(struct lease *lease, const struct err *err)
{
	struct keeper *keeper = lease->keeper;
	spool_give_up(lease->spool);
	if (lease->unkept.n) {
		lease->result.log_bytes = lease->spool->log_end;
		return;
	}
	log_error("job.spool_failed", F("job", lease->ref.job), F("attempt", lease->ref.attempt), F("error", err));
	lease->unkept = arena_printf(&lease->arena, "the worker could not keep its log, and stopped it: %s", err->text);
	lease_found_no_room(lease);
	if (lease->state == LEASE_RUNNING)
		keeper->options.events->end(keeper->options.arg, lease, LEASE_END_UNKEPT, lease->unkept);
	else
		tell_unkept(lease);
}

void lease_cut(struct lease *lease, int64_t now_us)
{
	struct err err;
	struct str pending = spool_pending(lease->spool);
	size_t n = pending.n;
	if (!n)
		return;
	if (now_us < lease->pending_since_us + LOG_DELAY_MS * US_PER_MS) {
		const char *end = memrchr(pending.p, '\n', n);
		n = end ? (size_t)(end - pending.p) + 1 : n >= LOG_CUT_BYTES ? n : 0;
	}
	if (n && !add_frame(lease, n, &err))
		lease_spool_failed(lease, &err);
}

void lease_log(struct lease *lease, struct str bytes)
{
	struct err err;
	while (bytes.n && lease->state == LEASE_RUNNING && !lease->unkept.n) {
		struct str part = str_head(bytes, TAIL_TEXT_MAX);
		size_t pending = spool_pending(lease->spool).n;
		if (pending + part.n > TAIL_TEXT_MAX && !add_frame(lease, pending, &err)) {
			lease_spool_failed(lease, &err);
			return;
		}
		if (!pending)
			lease->pending_since_us = clock_mono_us();
		spool_add_log(lease->spool, part);
		bytes = str_skip(bytes, part.n);
	}
	keeper_poke(lease->keeper);
}

int64_t lease_due(const struct lease *lease)
{
	int64_t due = INT64_MAX;
	if (lease->state == LEASE_STALE)
		return due;
	if (lease->log_sync == LEASE_UNSENT) {
		size_t pending = spool_pending(lease->spool).n;
		if (lease->state == LEASE_ENDED && lease->result_sync == LEASE_UNSENT)
			due = 0;
		else if (spool_has_unsent(lease->spool) || pending >= LOG_CUT_BYTES)
			due = 0;
		else if (pending)
			due = lease->pending_since_us + (lease->has_logged ? LOG_DELAY_MS : FIRST_DELAY_MS) * US_PER_MS;
	}
	if (lease->report_due_us && lease->report_due_us < due)
		due = lease->report_due_us;
	return due < lease->retry_at_us ? lease->retry_at_us : due;
}

void lease_found_no_room(struct lease *lease)
{
	lease->keeper->full_until_us = clock_mono_us() + FULL_MS * US_PER_MS;
}

void lease_end(struct lease *lease, const struct attempt_result *result)
{
	struct err err;
	lease->has_slot = false;
	lease->runner = NULL;
	keeper_poke(lease->keeper);
	if (lease->state == LEASE_STALE) {
		lease_free(lease);
		return;
	}
	lease->state = LEASE_ENDED;
	lease->result = *result;
	lease->result.job = lease->ref.job;
	lease->result.attempt = lease->ref.attempt;
	size_t pending = spool_pending(lease->spool).n;
	if (pending && !add_frame(lease, pending, &err))
		lease_spool_failed(lease, &err);
	if (lease->unkept.n) {
		tell_unkept(lease);
		lease->result_bytes = spool_result_bytes(&lease->result);
		return;
	}
	lease->result.log_bytes = lease->spool->log_end;
	lease->result.log_lines = lease->spool->log_lines;
	lease->result_bytes = spool_result_bytes(&lease->result);
	if (lease->result_bytes > RESULTS_BYTES) {
		lease->result.reason = END_ARTIFACT_FAILED;
		lease->result.message = STR(
			"the outputs and the names of the artifacts are too many to report; pack the files into an archive");
		lease->result.outputs = (struct pair_list){0};
		lease->result.artifact_count = 0;
		lease->result_bytes = spool_result_bytes(&lease->result);
	}
	/* Not kept is still sent: only a successor would not know it. */
	if (!lease->spool->result_at && !spool_add_result(lease->spool, &lease->result, &err))
		log_warn("job.spool_failed", F("job", lease->ref.job), F("error", &err));
	FAILPOINT("result.spooled");
}
