#include "server/dispatch/dispatch.h"

#include "common/clock.h"
#include "common/failpoint.h"
#include "common/log.h"
#include "common/mem.h"
#include "server/dispatch/dispatch_internal.h"
#include "server/settings.h"
#include "server/shell/shell.h"

#include <stdlib.h>
#include <string.h>

/* Held syncs are looked through so often for those that have waited long enough. */
enum { DEADLINE_CHECK_MS = 250 };

/* --- known workers --- */

const struct known_worker *dispatch_known(const struct dispatch *dispatch, struct str instance, int64_t token)
{
	for (const struct known_worker *worker = dispatch->workers; worker; worker = worker->next)
		if (worker->token == token && str_is(instance, worker->instance))
			return worker;
	return NULL;
}

void dispatch_remember(struct dispatch *dispatch, struct str instance, int64_t token, int64_t id, struct str signature)
{
	dispatch_forget(dispatch, id);
	struct known_worker *worker = mem_alloc(sizeof *worker);
	worker->instance = mem_dup(instance.p, instance.n);
	worker->signature = mem_dup(signature.p, signature.n);
	worker->id = id;
	worker->token = token;
	worker->next = dispatch->workers;
	dispatch->workers = worker;
}

void dispatch_forget(struct dispatch *dispatch, int64_t id)
{
	for (struct known_worker **at = &dispatch->workers; *at; at = &(*at)->next) {
		struct known_worker *worker = *at;
		if (worker->id != id)
			continue;
		*at = worker->next;
		free(worker->instance);
		free(worker->signature);
		free(worker);
		return;
	}
}

/* --- held syncs --- */

void dispatch_hold(struct dispatch *dispatch, struct sync *sync)
{
	sync->stage = SYNC_WAITING;
	sync->next = NULL;
	*dispatch->waiting_tail = sync;
	dispatch->waiting_tail = &sync->next;
	dispatch->stats.held++;
}

void dispatch_unhold(struct dispatch *dispatch, struct sync *sync)
{
	for (struct sync **at = &dispatch->waiting; *at; at = &(*at)->next) {
		if (*at != sync)
			continue;
		*at = sync->next;
		if (!*at)
			dispatch->waiting_tail = at;
		sync->stage = SYNC_BUSY;
		dispatch->stats.held--;
		return;
	}
	BUG("a sync that is not held");
}

static struct sync *next_claimer(struct dispatch *dispatch)
{
	for (struct sync *sync = dispatch->waiting; sync; sync = sync->next)
		if (sync->message.free_slots > 0 && !sync->message.is_draining &&
			!str_list_has(&dispatch->empty_signatures, sync->signature))
			return sync;
	return NULL;
}

/* One held sync claims at a time: the first that waits, then the next, until none finds anything. Many idle workers
 * would otherwise all ask for one job. */
static void let_claim(struct dispatch *dispatch)
{
	if (dispatch->claiming)
		return;
	struct sync *sync = next_claimer(dispatch);
	if (!sync) {
		arena_done(&dispatch->round_arena);
		dispatch->empty_signatures = (struct str_list){0};
		return;
	}
	dispatch_unhold(dispatch, sync);
	dispatch->claiming = sync;
	sync_claim(sync);
}

void dispatch_claim_done(struct dispatch *dispatch, struct sync *sync, bool is_short)
{
	if (dispatch->claiming != sync)
		return;
	dispatch->claiming = NULL;
	if (dispatch->is_woken_again)
		dispatch->empty_signatures = (struct str_list){0};
	else if (is_short) {
		struct str_list *empty = &dispatch->empty_signatures;
		empty->items = arena_grow(&dispatch->round_arena, empty->items, sizeof *empty->items, empty->count);
		empty->items[empty->count++] = arena_str(&dispatch->round_arena, sync->signature);
	}
	dispatch->is_woken_again = false;
}

void dispatch_jobs_queued(struct dispatch *dispatch)
{
	dispatch->empty_signatures = (struct str_list){0};
	if (dispatch->claiming)
		dispatch->is_woken_again = true;
	else
		let_claim(dispatch);
}

/* --- cancellations --- */

/* Answering one may let another claim, so the list is looked through from its head again after each. */
static void answer_cancelled(struct dispatch *dispatch, const struct db_reply *reply)
{
	for (struct sync *sync = dispatch->waiting; sync;) {
		sync_cancels(sync, reply, 0);
		if (sync->answer.cancel_count == 0) {
			sync = sync->next;
			continue;
		}
		dispatch_unhold(dispatch, sync);
		sync_answer(sync);
		sync = dispatch->waiting;
	}
}

static void cancels_found(void *arg, struct db_reply *reply)
{
	struct dispatch *dispatch = arg;
	if (!db_error(reply))
		answer_cancelled(dispatch, reply);
	db_reply_free(reply);
	dispatch_flow_ended(dispatch);
}

void dispatch_cancelled(struct dispatch *dispatch)
{
	auto_arena arena = {0};
	int64_t *workers = NULL;
	size_t count = 0;
	for (const struct sync *sync = dispatch->waiting; sync; sync = sync->next) {
		workers = arena_grow(&arena, workers, sizeof *workers, count);
		workers[count++] = sync->worker;
	}
	if (count == 0)
		return;
	struct db_batch *batch = db_batch_new(dispatch->server->db);
	db_add(batch, QUERY_CANCELS, DB_I64S(workers, count));
	dispatch->active++;
	db_submit(batch, cancels_found, dispatch);
}

/* --- workers that leave --- */

bool dispatch_is_leaving(const struct dispatch *dispatch, int64_t worker)
{
	for (const struct known_worker *known = dispatch->workers; known; known = known->next)
		if (known->id == worker)
			return known->is_leaving;
	return false;
}

void dispatch_drains(struct dispatch *dispatch, int64_t worker)
{
	for (struct known_worker *known = dispatch->workers; known; known = known->next)
		known->is_leaving |= known->id == worker;
	if (dispatch->claiming && dispatch->claiming->worker == worker)
		dispatch->claiming->message.is_draining = true;
	for (struct sync *sync = dispatch->waiting; sync;) {
		if (sync->worker != worker || sync->message.free_slots == 0) {
			sync = sync->next;
			continue;
		}
		sync->message.is_draining = true;
		dispatch_unhold(dispatch, sync);
		sync_answer(sync);
		sync = dispatch->waiting; /* answering one may let another claim */
	}
}

/* --- the slow tick --- */

static void leases_expired(void *arg, struct db_reply *reply)
{
	struct dispatch *dispatch = arg;
	dispatch->is_ticking = false;
	if (!db_error(reply)) {
		size_t count = db_row_count(reply, 0);
		if (count)
			FAILPOINT("lease.expired");
		for (size_t i = 0; i < count; i++)
			shell_look(dispatch->server->shell, db_i64(reply, 0, i, 0));
		if (count)
			log_warn("dispatch.leases_expired", F("attempts", (int64_t)count));
	}
	db_reply_free(reply);
	dispatch_flow_ended(dispatch);
}

void dispatch_tick(struct dispatch *dispatch)
{
	if (dispatch->is_ticking || dispatch->closed)
		return;
	dispatch->is_ticking = true;
	dispatch->active++;
	struct db_batch *batch = db_batch_new(dispatch->server->db);
	db_add(batch, QUERY_LEASES_EXPIRE);
	db_add(batch, QUERY_WORKERS_OFFLINE, DB_I64(dispatch->server->settings->lease));
	db_submit(batch, leases_expired, dispatch);
	dispatch_jobs_queued(dispatch);
	dispatch_cancelled(dispatch);
}

static void check_deadlines(uv_timer_t *timer)
{
	struct dispatch *dispatch = timer->data;
	int64_t now_us = clock_mono_us();
	for (struct sync *sync = dispatch->waiting; sync;) {
		if (sync->deadline_us > now_us) {
			sync = sync->next;
			continue;
		}
		dispatch_unhold(dispatch, sync);
		sync_answer(sync);
		sync = dispatch->waiting; /* answering one may let another claim */
	}
}

/* --- life --- */

struct dispatch *dispatch_new(struct server *server)
{
	struct dispatch *dispatch = mem_alloc(sizeof *dispatch);
	dispatch->server = server;
	dispatch->waiting_tail = &dispatch->waiting;
	uv_timer_init(server->loop, &dispatch->timer);
	dispatch->timer.data = dispatch;
	uv_timer_start(&dispatch->timer, check_deadlines, DEADLINE_CHECK_MS, DEADLINE_CHECK_MS);
	return dispatch;
}

static void timer_closed(uv_handle_t *handle)
{
	struct dispatch *dispatch = handle->data;
	dispatch->active--;
	dispatch->closed(dispatch->closed_arg);
}

void dispatch_flow_ended(struct dispatch *dispatch)
{
	BUG_ON(dispatch->active == 0);
	dispatch->active--;
	if (!dispatch->claiming && !dispatch->closed)
		let_claim(dispatch);
	if (!dispatch->closed || dispatch->active)
		return;
	dispatch->active++;
	uv_close((uv_handle_t *)&dispatch->timer, timer_closed);
}

void dispatch_close(struct dispatch *dispatch, void (*closed)(void *arg), void *arg)
{
	dispatch->closed = closed;
	dispatch->closed_arg = arg;
	dispatch->active++; /* so that the last answer below does not close while this loop runs */
	while (dispatch->waiting) {
		struct sync *sync = dispatch->waiting;
		dispatch_unhold(dispatch, sync);
		sync_answer(sync);
	}
	dispatch_flow_ended(dispatch);
}

void dispatch_free(struct dispatch *dispatch)
{
	if (!dispatch)
		return;
	while (dispatch->workers)
		dispatch_forget(dispatch, dispatch->workers->id);
	arena_done(&dispatch->round_arena);
	free(dispatch);
}

void dispatch_stats(const struct dispatch *dispatch, struct dispatch_stats *ret)
{
	*ret = dispatch->stats;
}
