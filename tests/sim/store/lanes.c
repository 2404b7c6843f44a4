/* Visits of lanes, by the rows of the database. */
#include "common/mem.h"
#include "tests/sim/store/shadow.h"

int64_t shadow_lane_id(const struct sim *sim, int64_t lane)
{
	const struct row_lane *row = &sim->rows.lanes[lane - 1];
	BUG_ON((size_t)lane >= COUNT_OF(store_ids.lanes));
	if (store_ids.lanes[lane])
		return store_ids.lanes[lane];
	return store_ids.lanes[lane] = store_sql("select id from lane where kind = '%s' and key = '%.*s'",
		       row->is_group ? "group" : "environment", STR_ARG(row->key));
}

static void same_entries(struct sim *sim, const struct lane *model, const struct lane *real)
{
	if (model->count != real->count || model->epoch != real->epoch || model->is_newest != real->is_newest ||
		model->is_reserved != real->is_reserved) {
		sim_fail(sim,
			"lane %lld: the model has %zu requests, epoch %lld, reserved %d; the database %zu, %lld, %d",
			(long long)model->id, model->count, (long long)model->epoch, model->is_reserved, real->count,
			(long long)real->epoch, real->is_reserved);
		return;
	}
	for (size_t i = 0; i < model->count; i++) {
		const struct lane_entry *a = &model->entries[i], *b = &real->entries[i];
		if (store_ids.runs[a->run] != b->run || a->priority != b->priority || a->cancels != b->cancels ||
			a->was != b->was || a->epoch != b->epoch)
			sim_fail(sim, "lane %lld: request %zu of the model is not that of the database",
				(long long)model->id, i);
	}
	bool is_same = model->relation_count == real->relation_count;
	for (size_t i = 0; is_same && i < model->relation_count; i++) { /* in no order */
		const struct lane_relation *a = &model->relations[i];
		bool is_there = false;
		for (size_t j = 0; j < real->relation_count; j++) {
			const struct lane_relation *b = &real->relations[j];
			is_there |= store_ids.runs[a->newer] == b->newer && store_ids.runs[a->older] == b->older &&
				    a->is_known == b->is_known;
		}
		is_same = is_there;
	}
	if (!is_same)
		sim_fail(sim, "lane %lld: how those that wait are related is not as in the database",
			(long long)model->id);
}

void shadow_load_lane(struct sim *sim, struct desk *desk, const struct lane *model)
{
	struct shadow *shadow = shadow_new(desk);
	struct db_batch *batch = store_batch();
	struct err err = {0};
	lane_store_load(batch, shadow_lane_id(sim, model->id));
	struct db_reply *reply = shadow_sent(sim, "load of a lane", batch, true);
	if (!reply)
		return;
	if (!lane_store_read(reply, &shadow->lane, &shadow->arena, &err))
		sim_fail(sim, "load of a lane: %s", err.text);
	else
		same_entries(sim, model, &shadow->lane);
	db_reply_free(reply);
}

void shadow_lane(struct sim *sim, struct desk *desk, bool has_changed, bool is_saved)
{
	struct shadow *shadow = desk->shadow;
	if (lane_apply(&shadow->lane) != has_changed)
		sim_fail(sim, "lane: the engine decides otherwise by what the database gave");
	if (!has_changed)
		return;
	struct db_batch *batch = store_batch();
	lane_store_save(batch, &shadow->lane, &shadow->arena);
	shadow_send(sim, "save of a lane", batch, is_saved);
}
