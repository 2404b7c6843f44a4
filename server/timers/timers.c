#include "server/timers/timers.h"

#include "common/clock.h"
#include "common/failpoint.h"
#include "common/log.h"
#include "common/mem.h"
#include "server/alarms/alarms.h"
#include "server/configuration/configurations.h"
#include "server/dispatch/dispatch.h"
#include "server/drift/drift.h"
#include "server/events/events.h"
#include "server/gitops/gitops.h"
#include "server/ingest/ingest.h"
#include "server/ingest/schedules.h"
#include "server/logs/logs.h"
#include "server/retention/retention.h"
#include "server/outbox/outbox.h"
#include "server/settings.h"
#include "server/shell/shell.h"
#include "server/store/db.h"

#include <stdlib.h>
#include <uv.h>

enum { TICK_MS = 1000, POLLS_MAX = 8, TIDY_MAX = 5000, TEARDOWNS_MAX = 16 };
#define TIDY_US   (60 * US_PER_SECOND)
#define ENSURE_US (10 * US_PER_SECOND)
#define DAYS_US   (3600 * US_PER_SECOND)

struct timers {
	struct server *server;
	uv_timer_t tick;
	int64_t ensured_at, days_at, tidied_at; /* monotonic */
	size_t active;                          /* batches under way */
	bool is_polling;
	void (*closed)(void *arg);
	void *closed_arg;
};

static void check_closed(struct timers *timers)
{
	if (timers->closed && timers->active == 0)
		timers->closed(timers->closed_arg);
}

static void batch_done(void *arg, struct db_reply *reply)
{
	struct timers *timers = arg;
	if (db_error(reply))
		log_warn("timers.batch", F("err", db_error(reply)));
	db_reply_free(reply);
	timers->active--;
	check_closed(timers);
}

static void submit_one(struct timers *timers, enum query query)
{
	struct db_batch *batch = db_batch_new(timers->server->db);
	db_add(batch, query);
	timers->active++;
	db_submit(batch, batch_done, timers);
}

static void tidy(struct timers *timers)
{
	struct db_batch *batch = db_batch_new(timers->server->db);
	db_add(batch, QUERY_TIDY, DB_I64(TIDY_US / US_PER_MS), DB_I64(TIDY_MAX));
	timers->active++;
	db_submit(batch, batch_done, timers);
}

static void ask_for_teardowns(struct timers *timers)
{
	struct db_batch *batch = db_batch_new(timers->server->db);
	db_add(batch, QUERY_EXPIRIES_DUE, DB_I64(TEARDOWNS_MAX));
	timers->active++;
	db_submit(batch, batch_done, timers);
}

static void polls_found(void *arg, struct db_reply *reply)
{
	struct timers *timers = arg;
	timers->is_polling = false;
	if (!db_error(reply) && !timers->closed)
		for (size_t i = 0; i < db_row_count(reply, 0); i++) {
			FAILPOINT("poll.claimed");
			ingest_poll(timers->server->ingest, db_i64(reply, 0, i, 0));
		}
	batch_done(arg, reply);
}

static void claim_polls(struct timers *timers)
{
	if (timers->is_polling)
		return;
	struct db_batch *batch = db_batch_new(timers->server->db);
	db_add(batch, QUERY_POLLS_CLAIM, DB_I64(POLLS_MAX), DB_I64(timers->server->settings->poll_interval));
	timers->is_polling = true;
	timers->active++;
	db_submit(batch, polls_found, timers);
}

static void tick(uv_timer_t *handle)
{
	struct timers *timers = handle->data;
	struct server *server = timers->server;
	int64_t now_us = clock_mono_us();
	if (!db_is_up(server->db))
		return;
	if (timers->days_at == 0 || timers->days_at + DAYS_US <= now_us) {
		timers->days_at = now_us;
		submit_one(timers, QUERY_LOG_DAYS);
	}
	if (timers->ensured_at == 0 || timers->ensured_at + ENSURE_US <= now_us) {
		timers->ensured_at = now_us;
		submit_one(timers, QUERY_TIMERS_ENSURE);
	}
	if (timers->tidied_at == 0 || timers->tidied_at + TIDY_US <= now_us) {
		timers->tidied_at = now_us;
		tidy(timers);
	}
	configurations_look(server->configurations);
	shell_tick(server->shell);
	events_tick(server->events);
	dispatch_tick(server->dispatch);
	gitops_tick(server->gitops);
	ingest_tick(server->ingest);
	schedules_tick(server->ingest);
	ingest_look_at_reviews(server->ingest);
	logs_tick(server->logs);
	retention_tick(server->retention);
	outbox_tick(server->outbox);
	alarms_tick(server->alarms);
	drift_tick(server->drift);
	ask_for_teardowns(timers);
	claim_polls(timers);
}

struct timers *timers_start(struct server *server)
{
	struct timers *timers = mem_alloc(sizeof *timers);
	timers->server = server;
	uv_timer_init(server->loop, &timers->tick);
	timers->tick.data = timers;
	uv_timer_start(&timers->tick, tick, 0, TICK_MS);
	return timers;
}

static void tick_closed(uv_handle_t *handle)
{
	struct timers *timers = handle->data;
	timers->active--;
	check_closed(timers);
}

void timers_close(struct timers *timers, void (*closed)(void *arg), void *arg)
{
	timers->closed = closed;
	timers->closed_arg = arg;
	timers->active++;
	uv_close((uv_handle_t *)&timers->tick, tick_closed);
}

void timers_free(struct timers *timers)
{
	free(timers);
}
