/* The ways back and down, as the rows give them, and what services put out. */
#include "tests/sim/store/shadow.h"

static const struct redeploy_target *target_of(const struct redeploy *wanted, struct str name)
{
	for (size_t i = 0; i < wanted->target_count; i++)
		if (str_eq(wanted->targets[i].target, name))
			return &wanted->targets[i];
	return NULL;
}

enum { BACK_TARGET, BACK_WAVE, BACK_VERSION, BACK_RUN, BACK_NUMBER, BACK_JOB };

void shadow_plan_back(struct sim *sim, const struct row_trigger *row, const struct redeploy *wanted)
{
	struct db_batch *batch = store_batch();
	db_add(batch, QUERY_REDEPLOY_BACK, DB_TEXT(row->service), DB_TEXT(row->environment), DB_TEXT(row->version),
		DB_TEXT(str_or_empty(row->back_to)));
	struct db_reply *reply = shadow_sent(sim, "the way back", batch, true);
	size_t found = 0;
	for (size_t i = 0; reply && i < db_row_count(reply, 0); i++) {
		struct str name = db_text(reply, 0, i, BACK_TARGET);
		const struct redeploy_target *target = target_of(wanted, name);
		if (db_i64(reply, 0, i, BACK_RUN) == 0)
			continue;
		found++;
		if (!target || target->wave != db_i64(reply, 0, i, BACK_WAVE) ||
			!str_eq(target->version, db_text(reply, 0, i, BACK_VERSION)) ||
			target->run != db_i64(reply, 0, i, BACK_NUMBER) ||
			!str_eq(target->job, db_text(reply, 0, i, BACK_JOB)))
			sim_fail(sim, "the way back of %.*s: the model has another one than the database",
				STR_ARG(name));
	}
	if (found != wanted->target_count)
		sim_fail(sim, "the way back from %.*s: %zu targets in the model, %zu in the database",
			STR_ARG(row->version), wanted->target_count, found);
	if (reply)
		db_reply_free(reply);
}

/* --- what is put out --- */

static bool is_said(const struct db_reply *reply, struct str environment, struct str service, struct str text)
{
	size_t at;
	for (size_t i = 0; i < db_row_count(reply, 0); i++)
		if (str_eq(db_text(reply, 0, i, 0), environment) && str_eq(db_text(reply, 0, i, 1), service))
			return str_find(db_text(reply, 0, i, 2), text, &at);
	return false;
}

void shadow_put_out(struct sim *sim, const struct run_graph *graph)
{
	struct db_batch *batch = store_batch();
	db_add(batch, QUERY_CLAIM_SERVICES, DB_I64S(&store_ids.runs[graph->id], 1));
	struct db_reply *reply = shadow_sent(sim, "what services put out", batch, true);
	size_t count = 0;
	for (size_t i = 0; reply && i < graph->stage_count; i++) {
		struct str environment = graph->stages[i].plan->environment;
		bool is_known = false;
		for (size_t j = 0; j < i; j++)
			is_known |= str_eq(graph->stages[j].plan->environment, environment);
		if (is_known || !graph->stages[i].plan->delivery)
			continue;
		struct pair_list out = rows_put_out(&sim->rows, STR("web"), environment);
		struct str text =
			arena_printf(&sim->arena, "{\"address\": \"%.*s\"}", STR_ARG(pair_get(&out, STR("address"))));
		count += out.count > 0;
		if (out.count && !is_said(reply, environment, STR("web"), text))
			sim_fail(sim, "web in %.*s puts out %.*s in the model, and something else in the database",
				STR_ARG(environment), STR_ARG(text));
	}
	if (reply && db_row_count(reply, 0) != count)
		sim_fail(sim, "services put out something in %zu places in the model, in %zu in the database", count,
			db_row_count(reply, 0));
	if (reply)
		db_reply_free(reply);
}

/* --- what expires --- */

void shadow_expire_deployments(struct sim *sim, size_t count)
{
	struct db_batch *batch = store_batch();
	db_add(batch, QUERY_EXPIRIES_DUE, DB_I64(16));
	shadow_send(sim, "what has expired", batch, true);
	int64_t first = store_sql(
		"select coalesce(min(id), 0) from (select id from trigger where event = 'teardown' order by id desc limit %zu) t",
		count);
	for (size_t i = 0; i < count; i++) /* of several, as they come */
		store_ids.triggers[sim->rows.trigger_count - count + 1 + i] = first + (int64_t)i;
	if (first == 0)
		sim_fail(sim, "something expires in the model, and nothing in the database");
}

void shadow_set_expiry(
	struct sim *sim, struct str service, struct str environment, int64_t in_ms, bool is_operator, bool is_there)
{
	struct db_batch *batch = store_batch();
	db_add(batch, QUERY_EXPIRY_SET, DB_TEXT(service), DB_TEXT(environment),
		DB_ID_OR_NULL(in_ms == ROWS_NEVER ? 0 : in_ms), DB_TEXT(STR("bob")), DB_BOOL(is_operator));
	struct db_reply *reply = shadow_sent(sim, "another time to expire", batch, true);
	if (reply && (db_row_count(reply, 0) > 0) != is_there)
		sim_fail(sim, "%.*s in %.*s expires in %s only", STR_ARG(service), STR_ARG(environment),
			is_there ? "the model" : "the database");
	if (reply)
		db_reply_free(reply);
}

void shadow_plan_down(struct sim *sim, const struct row_trigger *row, const struct redeploy *wanted)
{
	struct db_batch *batch = store_batch();
	db_add(batch, QUERY_REDEPLOY_DOWN, DB_TEXT(row->service), DB_TEXT(row->environment));
	struct db_reply *reply = shadow_sent(sim, "the way down", batch, true);
	if (!reply)
		return;
	if (db_row_count(reply, 0) != wanted->target_count ||
		(wanted->target_count && (!str_eq(wanted->targets[0].version, db_text(reply, 0, 0, BACK_VERSION)) ||
						 wanted->targets[0].run != db_i64(reply, 0, 0, BACK_NUMBER))))
		sim_fail(sim, "the way down of %.*s: the model has another one than the database",
			STR_ARG(row->service));
	db_reply_free(reply);
}
