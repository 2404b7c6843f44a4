/* Visits of lanes: who is inside next. Implements shell_look_lane(). */
#include "common/failpoint.h"
#include "common/log.h"
#include "server/engine/lane.h"
#include "server/shell/shell_internal.h"
#include "server/store/run_store.h"

enum { TRIES_MAX = 50 };

struct lane_visit {
	struct flow flow;
	struct shell *shell;
	int64_t id;
	struct lane lane;
	bool is_wanted_again;
	bool is_saved;
	int tries;
};

static enum flow_next load(struct flow *flow)
{
	struct lane_visit *visit = (struct lane_visit *)flow;
	visit->is_wanted_again = false;
	struct db_batch *batch = db_batch_new(visit->shell->db);
	lane_store_load(batch, visit->id);
	return db_await(flow, batch);
}

static enum flow_next apply(struct flow *flow)
{
	struct lane_visit *visit = (struct lane_visit *)flow;
	if (!lane_store_read(db_reply_of(flow), &visit->lane, &flow->arena, &flow->err))
		return FLOW_FAIL;
	if (!lane_apply(&visit->lane))
		return FLOW_DONE;
	struct db_batch *batch = db_batch_new(visit->shell->db);
	lane_store_save(batch, &visit->lane, &flow->arena);
	visit->is_saved = true;
	return db_await(flow, batch);
}

static flow_step *const steps[] = {load, apply, NULL};

/* Those whose turn has come or gone; and those that wait on, since they say for whom they wait. */
static void tell(const struct lane_visit *visit)
{
	for (size_t i = 0; i < visit->lane.count; i++) {
		const struct lane_entry *entry = &visit->lane.entries[i];
		if (entry->state != entry->was || entry->state == LANE_WAITING)
			shell_look(visit->shell, entry->run);
	}
}

static void round_ended(struct flow *flow)
{
	struct lane_visit *visit = (struct lane_visit *)flow;
	struct shell *shell = visit->shell;
	if (flow->err.kind == ERR_CONFLICT && ++visit->tries < TRIES_MAX) {
		visit->is_saved = false;
		flow_restart(flow);
		return;
	}
	if (flow->err.kind != ERR_NONE)
		log_error("shell.lane", F("lane", visit->id), F("err", &flow->err));
	else if (visit->is_saved) {
		FAILPOINT("lane.saved");
		tell(visit);
	}
	visit->is_saved = false;
	visit->tries = 0;
	if (visit->is_wanted_again && flow->err.kind == ERR_NONE) {
		flow_restart(flow);
		return;
	}
	id_map_remove(&shell->lane_visits, visit->id);
	flow_free(flow);
	shell_check_closed(shell);
}

void shell_look_lane(struct shell *shell, int64_t lane)
{
	if (lane == 0 || shell->closed)
		return;
	struct lane_visit *visit = id_map_get(&shell->lane_visits, lane);
	if (visit) {
		visit->is_wanted_again = true;
		return;
	}
	visit = flow_new(sizeof *visit, steps, round_ended);
	visit->shell = shell;
	visit->id = lane;
	id_map_put(&shell->lane_visits, lane, visit);
	flow_start(&visit->flow);
}
