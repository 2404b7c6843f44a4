#include "server/ingest/ingest.h"

#include "common/clock.h"
#include "common/failpoint.h"
#include "common/json.h"
#include "common/log.h"
#include "common/mem.h"
#include "server/ingest/ingest_internal.h"

#include <stdlib.h>

int64_t ingest_delay_ms(int32_t tries)
{
	int64_t ms = 500;
	for (int32_t i = 1; i < tries && ms < 60000; i++)
		ms *= 3;
	return ms;
}

struct ingest *ingest_new(struct server *server)
{
	struct ingest *ingest = mem_alloc(sizeof *ingest);
	ingest->server = server;
	return ingest;
}

void ingest_ended(struct ingest *ingest)
{
	BUG_ON(ingest->active == 0);
	ingest->active--;
	if (ingest->closed && ingest->active == 0)
		ingest->closed(ingest->closed_arg);
}

void ingest_close(struct ingest *ingest, void (*closed)(void *arg), void *arg)
{
	ingest->closed = closed;
	ingest->closed_arg = arg;
	ingest->active++;
	ingest_ended(ingest);
}

void ingest_free(struct ingest *ingest)
{
	if (!ingest)
		return;
	id_map_done(&ingest->comparisons);
	id_map_done(&ingest->replans);
	id_map_done(&ingest->deliveries);
	id_map_done(&ingest->triggers);
	free(ingest);
}

/* --- what is in hand --- */

static void renewed(void *arg, struct db_reply *reply)
{
	struct ingest *ingest = arg;
	ingest->is_renewing = false;
	db_reply_free(reply);
	ingest_ended(ingest);
}

static void add_renewal(struct db_batch *batch, enum query query, const struct id_map *map, struct arena *arena)
{
	int64_t *ids = arena_array(arena, int64_t, map->count);
	size_t count = 0, cursor = 0;
	for (const int64_t *id; (id = id_map_next(map, &cursor));)
		ids[count++] = *id;
	if (count)
		db_add(batch, query, DB_I64S(ids, count), DB_I64(CLAIM_MS));
}

static void renew(struct ingest *ingest)
{
	int64_t now_us = clock_mono_us();
	bool is_idle = ingest->deliveries.count + ingest->triggers.count == 0;
	if (is_idle || ingest->is_renewing || ingest->renewed_at + RENEW_MS * US_PER_MS > now_us)
		return;
	auto_arena arena = {0};
	struct db_batch *batch = db_batch_new(ingest->server->db);
	add_renewal(batch, QUERY_DELIVERIES_RENEW, &ingest->deliveries, &arena);
	add_renewal(batch, QUERY_TRIGGERS_RENEW, &ingest->triggers, &arena);
	ingest->renewed_at = now_us;
	ingest->is_renewing = true;
	ingest->active++;
	db_submit(batch, renewed, ingest);
}

/* --- looking for work --- */

enum { STATEMENT_DELIVERIES, STATEMENT_TRIGGERS };

static void start_triggers(struct ingest *ingest, const struct db_reply *reply, size_t statement)
{
	auto_arena arena = {0};
	struct err err = {0};
	void *rows;
	size_t count;
	if (!db_read_rows(reply, statement, trigger_fields, sizeof(struct trigger), &rows, &count, &arena, &err)) {
		log_error("ingest.triggers", F("err", &err));
		return;
	}
	const struct trigger *triggers = rows;
	for (size_t i = 0; i < count; i++) {
		FAILPOINT("trigger.claimed");
		if (!id_map_get(&ingest->triggers, triggers[i].id))
			ingest_start_trigger(ingest, &triggers[i], NULL, NULL, NULL);
	}
}

static void work_found(void *arg, struct db_reply *reply)
{
	struct ingest *ingest = arg;
	ingest->is_looking = false;
	if (!db_error(reply) && !ingest->closed) {
		for (size_t i = 0; i < db_row_count(reply, STATEMENT_DELIVERIES); i++) {
			FAILPOINT("delivery.claimed");
			if (!id_map_get(&ingest->deliveries, db_i64(reply, STATEMENT_DELIVERIES, i, 0)))
				ingest_start_delivery(ingest, reply, i);
		}
		start_triggers(ingest, reply, STATEMENT_TRIGGERS);
	}
	db_reply_free(reply);
	if (ingest->is_wanted_again)
		ingest_tick(ingest);
	ingest_ended(ingest);
}

void ingest_tick(struct ingest *ingest)
{
	if (ingest->closed)
		return;
	renew(ingest);
	ingest->is_wanted_again = ingest->is_looking;
	if (ingest->is_looking)
		return;
	ingest->is_looking = true;
	ingest->active++;
	struct db_batch *batch = db_batch_new(ingest->server->db);
	db_add(batch, QUERY_DELIVERIES_CLAIM, DB_I64(CLAIM_MAX), DB_I64(CLAIM_MS));
	db_add(batch, QUERY_TRIGGERS_CLAIM, DB_I64(0), DB_I64(CLAIM_MAX), DB_I64(CLAIM_MS));
	db_submit(batch, work_found, ingest);
}

/* --- by hand --- */

struct manual_flow {
	struct flow flow;
	struct ingest *ingest;
	struct ingest_manual manual;
	int64_t trigger;
	void (*done)(void *arg, const struct ingest_outcome *outcome, const struct err *err);
	void *arg;
	bool is_handed_over;
};

static enum flow_next insert(struct flow *flow)
{
	struct manual_flow *self = (struct manual_flow *)flow;
	const struct ingest_manual *manual = &self->manual;
	self->trigger = manual->trigger;
	if (self->trigger)
		return FLOW_CONTINUE;
	struct db_batch *batch = db_batch_new(self->ingest->server->db);
	db_add(batch, QUERY_TRIGGER_INSERT, DB_I64(manual->repository), DB_NULL, DB_TEXT(manual->event),
		DB_TEXT(manual->pipeline), DB_TEXT(manual->ref), DB_TEXT(manual->before), DB_TEXT(manual->commit),
		DB_BOOL(false), DB_TEXT(manual->actor), DB_ID_OR_NULL(manual->account),
		DB_TEXT(json_of_pairs(&manual->inputs, &flow->arena)), DB_TEXTS(NULL, 0),
		DB_ID_OR_NULL(manual->rerun_of), DB_TEXT(STR("pending")), DB_TEXT(STR("")), DB_I64(CLAIM_MS),
		DB_ID_OR_NULL(manual->pull_request));
	return db_await(flow, batch);
}

static enum flow_next claim(struct flow *flow)
{
	struct manual_flow *self = (struct manual_flow *)flow;
	if (self->trigger == 0)
		self->trigger = db_i64(db_reply_of(flow), 0, 0, 0);
	FAILPOINT("trigger.inserted_by_hand");
	struct db_batch *batch = db_batch_new(self->ingest->server->db);
	db_add(batch, QUERY_TRIGGERS_CLAIM, DB_I64(self->trigger), DB_I64(1), DB_I64(CLAIM_MS));
	return db_await(flow, batch);
}

static enum flow_next hand_over(struct flow *flow)
{
	struct manual_flow *self = (struct manual_flow *)flow;
	struct trigger trigger = {0};
	if (db_row_count(db_reply_of(flow), 0) == 0 || id_map_get(&self->ingest->triggers, self->trigger)) {
		err_set(&flow->err, ERR_BUSY, "somebody else took the request; look at the list of runs");
		return FLOW_FAIL;
	}
	if (!db_read_row(db_reply_of(flow), 0, 0, trigger_fields, &trigger, &flow->arena, &flow->err))
		return FLOW_FAIL;
	self->is_handed_over = true;
	ingest_start_trigger(self->ingest, &trigger, self->done, self->arg, &self->manual);
	return FLOW_DONE;
}

static flow_step *const manual_steps[] = {insert, claim, hand_over, NULL};

static void manual_ended(struct flow *flow)
{
	struct manual_flow *self = (struct manual_flow *)flow;
	struct ingest *ingest = self->ingest;
	if (!self->is_handed_over) {
		struct ingest_outcome outcome = {0};
		self->done(self->arg, &outcome, &flow->err);
	}
	flow_free(flow);
	ingest_ended(ingest);
}

static void copy_manual(struct ingest_manual *to, const struct ingest_manual *from, struct arena *arena)
{
	*to = *from;
	struct str *texts[] = {&to->event, &to->pipeline, &to->ref, &to->before, &to->commit, &to->actor};
	for (size_t i = 0; i < COUNT_OF(texts); i++)
		*texts[i] = arena_str(arena, *texts[i]);
	to->groups.items = arena_array(arena, struct str, from->groups.count);
	for (size_t i = 0; i < from->groups.count; i++)
		to->groups.items[i] = arena_str(arena, from->groups.items[i]);
	to->inputs = (struct pair_list){0};
	for (size_t i = 0; i < from->inputs.count; i++)
		pair_set(&to->inputs, arena, arena_str(arena, from->inputs.items[i].name),
			arena_str(arena, from->inputs.items[i].value));
}

void ingest_start_run(struct ingest *ingest, const struct ingest_manual *manual,
	void (*done)(void *arg, const struct ingest_outcome *outcome, const struct err *err), void *arg)
{
	struct manual_flow *self = flow_new(sizeof *self, manual_steps, manual_ended);
	self->ingest = ingest;
	self->done = done;
	self->arg = arg;
	copy_manual(&self->manual, manual, &self->flow.arena);
	ingest->active++;
	flow_start(&self->flow);
}
