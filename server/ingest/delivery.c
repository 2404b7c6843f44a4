/* A stored delivery becomes triggers. */
#include "common/failpoint.h"
#include "common/json.h"
#include "common/log.h"
#include "server/ingest/ingest_internal.h"

struct delivery_flow {
	struct flow flow;
	struct ingest *ingest;
	/* outlive restarts: the row stays with the flow's owner */
	struct arena row_arena;
	int64_t id, repository;
	int32_t tries;
	const struct forge *forge;
	json_t *body;
	struct forge_event event;
	struct str pull_ref; /* to fetch; "": none */
	struct mirror_state mirror;
	int conflicts;
};

enum { CONFLICTS_MAX = 10, NOT_FOUND_TRIES_MAX = 4 };

static struct delivery_flow *delivery_of(struct flow *flow)
{
	return (struct delivery_flow *)flow;
}

/* A pull request that is closed or approved is known by its number alone. */
static bool needs_fetch(const struct forge_event *event)
{
	switch (event->pull.action) {
	case PULL_OPENED:
	case PULL_UPDATED:
	case PULL_REOPENED:
		return true;
	case PULL_CLOSED:
	case PULL_MERGED:
	case PULL_APPROVED:
	case PULL_UNAPPROVED:
		break;
	}
	return event->kind == FORGE_PUSH;
}

static bool is_review(const struct forge_event *event)
{
	return event->kind == FORGE_PULL_REQUEST &&
	       (event->pull.action == PULL_APPROVED || event->pull.action == PULL_UNAPPROVED);
}

static enum flow_next read_event(struct flow *flow)
{
	struct delivery_flow *delivery = delivery_of(flow);
	struct arena *arena = &delivery->row_arena;
	delivery->event = (struct forge_event){0};
	if (!fields_read_loose(forge_event_fields, delivery->body, &delivery->event, arena, &flow->err))
		return FLOW_FAIL;
	bool is_pull = delivery->event.kind == FORGE_PULL_REQUEST;
	if (is_pull && needs_fetch(&delivery->event) && delivery->forge->pulls)
		delivery->pull_ref = forge_pull_ref(delivery->forge, delivery->event.pull.number, arena);
	return FLOW_CONTINUE;
}

static enum flow_next fetch(struct flow *flow)
{
	struct delivery_flow *delivery = delivery_of(flow);
	if (!needs_fetch(&delivery->event))
		return FLOW_CONTINUE;
	return ingest_fetch(flow, delivery->ingest->server, delivery->repository, delivery->pull_ref);
}

static enum flow_next read_refs(struct flow *flow)
{
	struct delivery_flow *delivery = delivery_of(flow);
	FAILPOINT("delivery.fetched");
	if (!needs_fetch(&delivery->event))
		return FLOW_CONTINUE;
	return ingest_read_refs(
		flow, delivery->ingest->server, delivery->repository, delivery->pull_ref, &delivery->mirror);
}

static struct pull_delivery pull_of(const struct delivery_flow *delivery)
{
	return (struct pull_delivery){
		.repository = delivery->repository,
		.delivery = delivery->id,
		.actor = delivery->event.actor,
		.forge = delivery->forge,
		.pull = &delivery->event.pull,
		.head = delivery->mirror.extra_commit,
	};
}

static enum flow_next load_known(struct flow *flow)
{
	struct delivery_flow *delivery = delivery_of(flow);
	struct db_batch *batch = db_batch_new(delivery->ingest->server->db);
	struct pull_delivery pull = pull_of(delivery);
	if (delivery->event.kind == FORGE_PULL_REQUEST)
		ingest_load_pull(batch, &pull);
	else
		db_add(batch, QUERY_REFS_LOAD, DB_I64(delivery->repository));
	return db_await(flow, batch);
}

static void add_updates(struct delivery_flow *delivery, struct db_batch *batch)
{
	struct arena *arena = &delivery->flow.arena;
	const struct db_reply *reply = db_reply_of(&delivery->flow);
	struct pair_list known = {0};
	for (size_t i = 0; i < db_row_count(reply, 0); i++)
		pair_set(&known, arena, arena_str(arena, db_text(reply, 0, i, 0)),
			arena_str(arena, db_text(reply, 0, i, 1)));
	struct update_facts facts = {
		.repository = delivery->repository,
		.delivery = delivery->id,
		.actor = str_or_empty(delivery->event.actor),
		.options = delivery->event.options,
		.known = &known,
		.mirror = &delivery->mirror.refs,
	};
	db_add(batch, QUERY_REPOSITORY_FETCHED, DB_I64(delivery->repository), DB_TEXT(STR("")),
		DB_TEXT(ref_guess_default(&delivery->mirror.refs)), DB_TEXT(STR("")));
	for (size_t i = 0; i < delivery->event.update_count; i++)
		ingest_add_update(batch, &facts, &delivery->event.updates[i]);
}

static enum flow_next store(struct flow *flow)
{
	struct delivery_flow *delivery = delivery_of(flow);
	struct db_batch *batch = db_batch_new(delivery->ingest->server->db);
	struct pull_delivery pull = pull_of(delivery);
	db_add(batch, QUERY_DELIVERY_END, DB_I64(delivery->id), DB_TEXT(STR("done")), DB_TEXT(STR("")));
	if (delivery->event.kind == FORGE_PUSH)
		add_updates(delivery, batch);
	else if (!ingest_add_pull(batch, &pull, db_reply_of(flow), &flow->arena, &flow->err)) {
		db_batch_free(batch);
		return FLOW_FAIL;
	}
	return db_await(flow, batch);
}

static flow_step *const steps[] = {read_event, fetch, read_refs, load_known, store, NULL};

static void later_noted(void *arg, struct db_reply *reply)
{
	struct ingest *ingest = arg;
	db_reply_free(reply);
	ingest_ended(ingest);
}

static void put_off(struct delivery_flow *delivery, const struct err *err)
{
	struct ingest *ingest = delivery->ingest;
	struct db_batch *batch = db_batch_new(ingest->server->db);
	struct str why = str_of(err->text);
	log_warn("ingest.delivery", F("delivery", delivery->id), F("try", delivery->tries), F("err", err));
	int tries_max = err->kind == ERR_NOT_FOUND ? NOT_FOUND_TRIES_MAX : TRIES_MAX;
	if (delivery->tries >= tries_max)
		db_add(batch, QUERY_DELIVERY_END, DB_I64(delivery->id), DB_TEXT(STR("failed")), DB_TEXT(why));
	else
		db_add(batch, QUERY_DELIVERY_LATER, DB_I64(delivery->id), DB_TEXT(why),
			DB_I64(ingest_delay_ms(delivery->tries)));
	if (err->kind != ERR_NOT_FOUND) /* of a pull request that is gone: the repository is well */
		db_add(batch, QUERY_REPOSITORY_FETCHED, DB_I64(delivery->repository), DB_TEXT(why), DB_TEXT(STR("")),
			DB_TEXT(STR("")));
	ingest->active++;
	db_submit(batch, later_noted, ingest);
}

static void delivery_ended(struct flow *flow)
{
	struct delivery_flow *delivery = delivery_of(flow);
	struct ingest *ingest = delivery->ingest;
	if (flow->err.kind == ERR_CONFLICT && ++delivery->conflicts < CONFLICTS_MAX) {
		flow_restart(flow);
		return;
	}
	id_map_remove(&ingest->deliveries, delivery->id);
	if (flow->err.kind != ERR_NONE)
		put_off(delivery, &flow->err);
	else {
		FAILPOINT("delivery.done");
		ingest_tick(ingest);
		if (is_review(&delivery->event) && delivery->forge->reviews)
			ingest_ask_reviews(ingest, delivery->repository, delivery->event.pull.number,
				&(struct ingest_found){0}, NULL, NULL);
	}
	json_decref(delivery->body);
	arena_done(&delivery->row_arena);
	flow_free(flow);
	ingest_ended(ingest);
}

enum { COLUMN_ID, COLUMN_REPOSITORY, COLUMN_FORGE, COLUMN_EVENT, COLUMN_BODY, COLUMN_TRIES };

void ingest_start_delivery(struct ingest *ingest, const struct db_reply *reply, size_t row)
{
	struct delivery_flow *delivery = flow_new(sizeof *delivery, steps, delivery_ended);
	struct str body = db_text(reply, 0, row, COLUMN_BODY);
	delivery->ingest = ingest;
	delivery->id = db_i64(reply, 0, row, COLUMN_ID);
	delivery->repository = db_i64(reply, 0, row, COLUMN_REPOSITORY);
	delivery->forge = forge_of(db_text(reply, 0, row, COLUMN_FORGE));
	BUG_ON(!delivery->forge);
	delivery->tries = (int32_t)db_i64(reply, 0, row, COLUMN_TRIES);
	delivery->body = json_loadb(body.p, body.n, 0, NULL);
	id_map_put(&ingest->deliveries, delivery->id, &delivery->id);
	ingest->active++;
	flow_start(&delivery->flow);
}
