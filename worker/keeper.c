#include "worker/keeper.h"

#include "common/clock.h"
#include "common/failpoint.h"
#include "common/io/http_client.h"
#include "common/log.h"
#include "common/mem.h"
#include "worker/keeper_state.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void tick(uv_timer_t *timer);

void keeper_poke(struct keeper *keeper)
{
	if (!keeper->is_closing)
		uv_timer_start(&keeper->timer, tick, 0, 0);
}

int32_t keeper_free_slots(const struct keeper *keeper)
{
	int32_t busy = 0;
	for (const struct lease *lease = keeper->leases; lease; lease = lease->next)
		busy += lease->has_slot;
	int32_t free_slots = keeper->options.self.slots - busy - keeper->slots_asked;
	bool takes_jobs = !keeper->is_draining && !keeper->is_drain_asked && !keeper->is_closing &&
			  keeper->full_until_us <= clock_mono_us();
	return takes_jobs && free_slots > 0 ? free_slots : 0;
}

void keeper_back_off(struct keeper *keeper, int64_t sent_us, const char *what, const struct err *err)
{
	/* Calls that were under way together fail together: one failure, not several. */
	if (keeper->failures && sent_us <= keeper->failure_us)
		return;
	int64_t now_us = clock_mono_us(), wait_ms = BACKOFF_FIRST_MS;
	for (int i = 0; i < keeper->failures && wait_ms < BACKOFF_MAX_MS; i++)
		wait_ms *= 2;
	if (wait_ms > BACKOFF_MAX_MS)
		wait_ms = BACKOFF_MAX_MS;
	/* Between half and all of it, so that workers do not come back in step. */
	wait_ms = wait_ms / 2 + now_us % (wait_ms / 2 + 1);
	if (keeper->failures++ == 0 || keeper->failures % 10 == 0)
		log_warn("server.unreachable", F("call", what), F("error", err), F("again_in_ms", wait_ms));
	keeper->is_connected = false;
	keeper->failure_us = now_us;
	keeper->backoff_until_us = now_us + wait_ms * US_PER_MS;
}

/* Two workers of one name would take each other's place, and each other's jobs, for ever. */
void keeper_register_again(struct keeper *keeper)
{
	struct err err;
	if (keeper->state != KEEPER_ONLINE || keeper->is_closing)
		return;
	keeper->state = KEEPER_REGISTERING;
	bool did_last = clock_mono_us() - keeper->registered_us > TAKEOVER_MS * US_PER_MS;
	keeper->takeovers = did_last ? 1 : keeper->takeovers + 1;
	if (keeper->takeovers < TAKEOVERS_MAX)
		return;
	keeper->state = KEEPER_REFUSED;
	err_set(&err, ERR_CONFLICT, "another worker goes by the name \"%.*s\"; give each its own `name`",
		STR_ARG(keeper->options.self.name));
	keeper->options.events->refused(keeper->options.arg, &err);
}

static void on_registered(void *arg, const struct http_answer *http, const struct err *http_err)
{
	struct keeper *keeper = arg;
	struct err err = {0};
	struct arena arena = {0};
	struct worker_registered answer = {0};
	json_t *json = NULL;
	keeper->register_call = NULL;
	if (http_err)
		err = *http_err;
	else if (http->status != 200)
		err_set(&err, ERR_UPSTREAM, "status %d: %.*s", http->status, STR_ARG(str_brief(http->body, 300)));
	else if (!(json = json_loadb(http->body.p, http->body.n, 0, NULL)))
		err_set(&err, ERR_UPSTREAM, "the answer is no JSON; is %s a Penstock server?", keeper->options.url);
	else if (fields_read_loose(worker_registered_fields, json, &answer, &arena, &err) &&
		 answer.protocol > WORKER_PROTOCOL)
		err_set(&err, ERR_UPSTREAM, "the server wants to speak protocol %d, this worker knows %d at most",
			answer.protocol, WORKER_PROTOCOL);
	json_decref(json);
	if (keeper->is_closing) {
		arena_done(&arena);
		keeper_closing_step(keeper);
		return;
	}
	if (err.kind == ERR_NONE) {
		arena_done(&keeper->registered_arena);
		keeper->registered_arena = arena;
		keeper->registered = answer;
		FAILPOINT("worker.registered");
		keeper->state = KEEPER_ONLINE;
		keeper->failures = 0;
		keeper->is_connected = true;
		keeper->registered_us = clock_mono_us();
		keeper->options.events->registered(keeper->options.arg, &keeper->registered);
	} else if (http && http->status >= 400 && http->status < 500 && http->status != 408 && http->status != 429) {
		arena_done(&arena);
		keeper->state = KEEPER_REFUSED;
		err_wrap(&err, "register");
		keeper->options.events->refused(keeper->options.arg, &err);
	} else {
		arena_done(&arena);
		keeper_back_off(keeper, clock_mono_us(), "register", &err);
	}
	keeper_poke(keeper);
}

static void send_registration(struct keeper *keeper)
{
	auto_arena arena = {0};
	struct worker_register message = keeper->options.self;
	message.protocol = WORKER_PROTOCOL;
	message.oldest_protocol = WORKER_PROTOCOL_OLDEST;
	for (struct lease *lease = keeper->leases; lease; lease = lease->next) {
		if (lease->state == LEASE_STALE)
			continue;
		message.recovering =
			arena_grow(&arena, message.recovering, sizeof *message.recovering, message.recovering_count);
		message.recovering[message.recovering_count++] = lease->ref;
	}
	json_t *json = fields_write(worker_register_fields, &message);
	char *text = json_dumps(json, JSON_COMPACT);
	json_decref(json);
	BUG_ON(!text);
	struct http_request request = {
		.method = "POST",
		.url = arena_printf(&arena, "%s/api/v1/worker/register", keeper->options.url),
		.headers = &keeper->headers,
		.body = str_of(text),
		.answer_max_bytes = 1 << 20,
		.timeout_ms = 15000,
	};
	http_send(keeper->options.http, &request, on_registered, keeper, &keeper->register_call);
	free(text);
}

/* Stopping takes a moment, and must be over when the server gives the job to somebody else. */
static int64_t expiry_us(const struct keeper *keeper, const struct lease *lease)
{
	int64_t margin_ms = keeper->registered.lease_ms / 10;
	return lease->until_us - (margin_ms < 5000 ? margin_ms : 5000) * US_PER_MS;
}

static bool may_expire(const struct lease *lease)
{
	return lease->state == LEASE_RUNNING && !lease->is_expired && !lease->outlives;
}

static void expire(struct keeper *keeper, int64_t now_us)
{
	for (struct lease *lease = keeper->leases, *next; lease; lease = next) {
		next = lease->next;
		if (!may_expire(lease) || now_us < expiry_us(keeper, lease))
			continue;
		lease->is_expired = true;
		keeper->options.events->end(keeper->options.arg, lease, LEASE_END_EXPIRED, (struct str){0});
	}
}

static int64_t data_due(struct keeper *keeper)
{
	int64_t due = INT64_MAX;
	bool is_holding = false;
	for (const struct lease *lease = keeper->leases; lease; lease = lease->next) {
		int64_t at = lease_due(lease);
		due = at < due ? at : due;
		is_holding |= lease->state != LEASE_STALE;
	}
	int64_t heartbeat = keeper->last_sent_us + keeper->registered.renew_ms * US_PER_MS * 3 / 4;
	if (is_holding && heartbeat < due)
		due = heartbeat;
	if (keeper->is_draining && !keeper->is_drain_told)
		due = 0;
	/* Out of touch: ask without waiting whether it is there again. */
	return keeper->is_connected ? due : 0;
}

static int64_t sooner(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* What is to be sent now is sent; returns when to look again. */
static int64_t send_due(struct keeper *keeper, int64_t now_us)
{
	if (keeper->state == KEEPER_REFUSED || keeper->register_call)
		return INT64_MAX;
	if (keeper->backoff_until_us > now_us)
		return keeper->backoff_until_us;
	if (keeper->state == KEEPER_REGISTERING) {
		send_registration(keeper);
		return INT64_MAX;
	}
	int64_t due = data_due(keeper);
	if (keeper->data_syncs < (keeper->is_connected ? DATA_SYNCS_MAX : 1)) {
		if (due <= now_us) {
			keeper->is_drain_told |= keeper->is_draining;
			sync_send(keeper, false);
			due = keeper->is_connected ? data_due(keeper) : INT64_MAX;
		}
	} else {
		due = INT64_MAX;
	}
	bool wants_hold = keeper->is_connected && (keeper->held_syncs == 0 || keeper_free_slots(keeper) > 0);
	if (wants_hold && !keeper->is_draining && keeper->poll_at_us > now_us)
		return sooner(due, keeper->poll_at_us);
	if (wants_hold && (!keeper->is_draining || keeper->leases))
		sync_send(keeper, true);
	return due;
}

static void check_drained(struct keeper *keeper)
{
	if (!keeper->is_draining || keeper->leases || keeper->is_drained)
		return;
	/* A sync that asked for slots before may still bring jobs. A server that was told answers it at once; one that
	 * holds it at another coordinator does so when its time has come. */
	if (keeper->slots_asked || keeper->data_syncs || (keeper->is_connected && !keeper->is_drain_told))
		return;
	keeper->is_drained = true;
	keeper->options.events->drained(keeper->options.arg);
}

static void tick(uv_timer_t *timer)
{
	struct keeper *keeper = timer->data;
	int64_t now_us = clock_mono_us();
	expire(keeper, now_us);
	int64_t again = send_due(keeper, now_us);
	for (struct lease *lease = keeper->leases; lease; lease = lease->next)
		if (may_expire(lease))
			again = sooner(again, expiry_us(keeper, lease));
	if (keeper->full_until_us > now_us)
		again = sooner(again, keeper->full_until_us);
	check_drained(keeper);
	if (again != INT64_MAX && !keeper->is_closing && !uv_is_active((uv_handle_t *)&keeper->timer))
		uv_timer_start(&keeper->timer, tick,
			again > now_us ? (uint64_t)((again - now_us + US_PER_MS - 1) / US_PER_MS) : 1, 0);
}

/* What a predecessor left becomes leases without a slot, which end as soon as the server has taken them. */
static bool recover(struct keeper *keeper, struct err *err)
{
	struct spool **spools;
	size_t count, bad;
	auto_arena arena = {0};
	if (!spool_recover(keeper->spools, &spools, &count, &bad, &arena, err))
		return false;
	for (size_t i = 0; i < count; i++) {
		struct lease *lease = lease_new(keeper, spools[i]->ref);
		lease->spool = spools[i];
		struct attempt_result result;
		if (!spool_read_result(lease->spool, &result, &lease->arena, err))
			result.job = 0;
		if (!result.job)
			result = (struct attempt_result){
				.reason = END_WORKER_LOST,
				.message = STR(
					"the worker was stopped while this job ran; the log ends where the worker did"),
				.ended_at = clock_wall_us(),
			};
		FAILPOINT("spool.recovered");
		log_info("job.recovered", F("job", lease->ref.job), F("attempt", lease->ref.attempt),
			F("reason", end_reason_names[result.reason]));
		lease_end(lease, &result);
	}
	if (bad)
		log_warn("spool.damaged", F("files", (long long)bad), F("directory", keeper->options.spool_directory));
	return true;
}

bool keeper_open(const struct keeper_options *options, struct keeper **ret, struct err *err)
{
	struct keeper *keeper = mem_alloc(sizeof *keeper);
	keeper->options = *options;
	keeper->headers.items = arena_grow(&keeper->arena, NULL, sizeof *keeper->headers.items, 0);
	pair_set(&keeper->headers, &keeper->arena, STR("Authorization"),
		arena_printf(&keeper->arena, "Bearer %s", options->token));
	uv_timer_init(options->loop, &keeper->timer);
	keeper->timer.data = keeper;
	if (!spool_store_open(options->spool_directory, &keeper->spools, err) || !recover(keeper, err)) {
		keeper_close(keeper, NULL, NULL);
		return false;
	}
	keeper_poke(keeper);
	*ret = keeper;
	return true;
}

void keeper_drain(struct keeper *keeper)
{
	keeper->is_draining = true;
	keeper_poke(keeper);
}

static void on_timer_closed(uv_handle_t *handle)
{
	struct keeper *keeper = handle->data;
	keeper->is_timer_closed = true;
	keeper_closing_step(keeper);
}

void keeper_closing_step(struct keeper *keeper)
{
	if (!keeper->is_closing || !keeper->is_timer_closed || keeper->syncs || keeper->register_call)
		return;
	while (keeper->leases)
		lease_free(keeper->leases);
	spool_store_close(keeper->spools);
	arena_done(&keeper->registered_arena);
	arena_done(&keeper->arena);
	void (*closed)(void *arg) = keeper->closed;
	void *arg = keeper->closed_arg;
	free(keeper);
	if (closed)
		closed(arg);
}

void keeper_close(struct keeper *keeper, void (*closed)(void *arg), void *arg)
{
	keeper->is_closing = true;
	keeper->closed = closed;
	keeper->closed_arg = arg;
	for (struct sync *sync = keeper->syncs; sync; sync = sync->next)
		http_cancel(sync->call);
	if (keeper->register_call)
		http_cancel(keeper->register_call);
	uv_close((uv_handle_t *)&keeper->timer, on_timer_closed);
}

bool keeper_is_connected(const struct keeper *keeper)
{
	return keeper->is_connected;
}

size_t keeper_lease_count(const struct keeper *keeper)
{
	size_t count = 0;
	for (const struct lease *lease = keeper->leases; lease; lease = lease->next)
		count++;
	return count;
}

void keeper_each(struct keeper *keeper, void (*each)(void *arg, struct lease *lease), void *arg)
{
	for (struct lease *lease = keeper->leases, *next; lease; lease = next) {
		next = lease->next;
		each(arg, lease);
	}
}

const struct pair_list *keeper_headers(const struct keeper *keeper)
{
	return &keeper->headers;
}

struct str keeper_attempt_url(
	const struct keeper *keeper, struct attempt_ref ref, struct arena *arena, const char *format, ...)
{
	auto_free char *rest = NULL;
	va_list args;
	va_start(args, format);
	if (vasprintf(&rest, format, args) < 0)
		BUG("out of memory");
	va_end(args);
	return arena_printf(arena, "%s/api/v1/worker/attempts/%" PRId64 "/%" PRId32 "/%s", keeper->options.url, ref.job,
		ref.attempt, rest);
}
