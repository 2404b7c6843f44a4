/* A stored delivery becomes triggers. */
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
	struct str url;
	json_t *body;
	struct mirror_state mirror;
	int conflicts;
};

enum { CONFLICTS_MAX = 10 };

static struct delivery_flow *delivery_of(struct flow *flow)
{
	return (struct delivery_flow *)flow;
}

static enum flow_next fetch(struct flow *flow)
{
	struct delivery_flow *delivery = delivery_of(flow);
	return ingest_fetch(flow, delivery->ingest->server, delivery->repository, delivery->url);
}

static enum flow_next read_refs(struct flow *flow)
{
	struct delivery_flow *delivery = delivery_of(flow);
	return ingest_read_refs(flow, delivery->ingest->server, delivery->repository, &delivery->mirror);
}

static enum flow_next load_known(struct flow *flow)
{
	struct delivery_flow *delivery = delivery_of(flow);
	struct db_batch *batch = db_batch_new(delivery->ingest->server->db);
	db_add(batch, QUERY_REFS_LOAD, DB_I64(delivery->repository));
	return db_await(flow, batch);
}

static struct str_list read_options(const json_t *body, struct arena *arena)
{
	struct str_list options = {0};
	const json_t *list = json_object_get(body, "options");
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *item = json_array_get(list, i);
		if (!json_is_string(item))
			continue;
		options.items = arena_grow(arena, options.items, sizeof *options.items, options.count);
		options.items[options.count++] = (struct str){json_string_value(item), json_string_length(item)};
	}
	return options;
}

static enum flow_next store(struct flow *flow)
{
	struct delivery_flow *delivery = delivery_of(flow);
	const struct db_reply *reply = db_reply_of(flow);
	struct pair_list known = {0};
	for (size_t i = 0; i < db_row_count(reply, 0); i++)
		pair_set(&known, &flow->arena, arena_str(&flow->arena, db_text(reply, 0, i, 0)),
			arena_str(&flow->arena, db_text(reply, 0, i, 1)));
	struct update_facts facts = {
		.repository = delivery->repository,
		.delivery = delivery->id,
		.actor = str_or_empty(json_get_str(delivery->body, "pusher")),
		.options = read_options(delivery->body, &flow->arena),
		.known = &known,
		.mirror = &delivery->mirror.refs,
	};
	struct db_batch *batch = db_batch_new(delivery->ingest->server->db);
	db_add(batch, QUERY_DELIVERY_END, DB_I64(delivery->id), DB_TEXT(STR("done")), DB_TEXT(STR("")));
	db_add(batch, QUERY_REPOSITORY_FETCHED, DB_I64(delivery->repository), DB_TEXT(STR("")),
		DB_TEXT(ref_guess_default(&delivery->mirror.refs)));
	const json_t *updates = json_object_get(delivery->body, "updates");
	for (size_t i = 0; i < json_array_size(updates); i++) {
		const json_t *item = json_array_get(updates, i);
		struct ref_update update = {
			json_get_str(item, "ref"), json_get_str(item, "before"), json_get_str(item, "after")};
		ingest_add_update(batch, &facts, &update);
	}
	return db_await(flow, batch);
}

static flow_step *const steps[] = {fetch, read_refs, load_known, store, NULL};

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
	if (delivery->tries >= TRIES_MAX)
		db_add(batch, QUERY_DELIVERY_END, DB_I64(delivery->id), DB_TEXT(STR("failed")), DB_TEXT(why));
	else
		db_add(batch, QUERY_DELIVERY_LATER, DB_I64(delivery->id), DB_TEXT(why),
			DB_I64(ingest_delay_ms(delivery->tries)));
	db_add(batch, QUERY_REPOSITORY_FETCHED, DB_I64(delivery->repository), DB_TEXT(why), DB_TEXT(STR("")));
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
	if (flow->err.kind != ERR_NONE)
		put_off(delivery, &flow->err);
	else
		ingest_tick(ingest);
	json_decref(delivery->body);
	arena_done(&delivery->row_arena);
	flow_free(flow);
	ingest_ended(ingest);
}

enum { COLUMN_ID, COLUMN_REPOSITORY, COLUMN_URL, COLUMN_EVENT, COLUMN_BODY, COLUMN_TRIES };

void ingest_start_delivery(struct ingest *ingest, const struct db_reply *reply, size_t row)
{
	struct delivery_flow *delivery = flow_new(sizeof *delivery, steps, delivery_ended);
	struct str body = db_text(reply, 0, row, COLUMN_BODY);
	delivery->ingest = ingest;
	delivery->id = db_i64(reply, 0, row, COLUMN_ID);
	delivery->repository = db_i64(reply, 0, row, COLUMN_REPOSITORY);
	delivery->url = arena_str(&delivery->row_arena, db_text(reply, 0, row, COLUMN_URL));
	delivery->tries = (int32_t)db_i64(reply, 0, row, COLUMN_TRIES);
	delivery->body = json_loadb(body.p, body.n, 0, NULL);
	ingest->active++;
	flow_start(&delivery->flow);
}
