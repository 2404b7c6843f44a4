/* An environment stage that has not begun, planned again because the configuration changed. */
#include "common/failpoint.h"
#include "common/io/work.h"
#include "common/log.h"
#include "common/mem.h"
#include "server/configuration/configurations.h"
#include "server/dispatch/job_spec.h"
#include "server/engine/plan_replace.h"
#include "server/engine/redeploy.h"
#include "server/events/events.h"
#include "server/git/mirrors.h"
#include "server/ingest/ingest_internal.h"
#include "server/shell/shell.h"
#include "server/store/run_store.h"

#include <stdlib.h>

struct replan_row {
	struct str plan_hash, pipeline, commit, ref, branch, tag, head, base;
	int64_t origin, origin_number; /* the run whose plan it is made like */
	bool is_redeployed;
};

static const struct field row_fields[] = {
	FIELD(struct replan_row, plan_hash, FIELD_STR, 0),
	FIELD(struct replan_row, is_redeployed, FIELD_BOOL, 0),
	FIELD(struct replan_row, origin, FIELD_I64, 0),
	FIELD(struct replan_row, origin_number, FIELD_I64, 0),
	FIELD(struct replan_row, pipeline, FIELD_STR, 0),
	FIELD(struct replan_row, commit, FIELD_STR, 0),
	FIELD(struct replan_row, ref, FIELD_STR, 0),
	FIELD(struct replan_row, branch, FIELD_STR, 0),
	FIELD(struct replan_row, tag, FIELD_STR, 0),
	FIELD(struct replan_row, head, FIELD_STR, 0),
	FIELD(struct replan_row, base, FIELD_STR, 0),
	FIELD_END,
};

struct replan {
	struct flow flow;
	struct ingest *ingest;
	int64_t run, version, stage;
	size_t index;
	struct str name, environment, service, deployed; /* of the stage; the version it deploys */
	struct replan_row row;
	struct trigger trigger;
	struct people people;
	struct planned_before before;
	const struct configuration_snapshot *snapshot;
	char *mirror_path;
	struct plan_ref *old;
	struct commit_plans plans;
	const struct finished_job *finished;
	size_t finished_count;
	struct err plan_err;
};

static struct replan *replan_of(struct flow *flow)
{
	return (struct replan *)flow;
}

static enum flow_next ask(struct flow *flow)
{
	const struct replan *replan = replan_of(flow);
	struct db_batch *batch = db_batch_new(replan->ingest->server->db);
	db_add(batch, QUERY_REPLAN_TRIGGER, DB_I64(replan->run));
	db_add(batch, QUERY_REPLAN_LOAD, DB_I64(replan->run));
	db_add(batch, QUERY_PEOPLE);
	return db_await(flow, batch);
}

static enum flow_next take_rows(struct flow *flow)
{
	struct replan *replan = replan_of(flow);
	const struct db_reply *reply = db_reply_of(flow);
	struct server *server = replan->ingest->server;
	if (db_row_count(reply, 0) == 0 || db_row_count(reply, 1) == 0) {
		err_set(&flow->err, ERR_CONFLICT, "the run is gone");
		return FLOW_FAIL;
	}
	if (!db_read_row(reply, 0, 0, trigger_fields, &replan->trigger, &flow->arena, &flow->err) ||
		!db_read_row(reply, 1, 0, row_fields, &replan->row, &flow->arena, &flow->err) ||
		!ingest_read_people(reply, 2, &replan->people, &flow->arena, &flow->err))
		return FLOW_FAIL;
	const struct replan_row *row = &replan->row;
	replan->before = (struct planned_before){
		.commit = row->commit,
		.ref = row->ref,
		.branch = row->branch,
		.tag = row->tag,
		.head = row->head,
		.base = row->base,
		.pipeline = row->pipeline,
		.stage = replan->name,
		.environment = replan->environment,
	};
	struct db_batch *batch = db_batch_new(server->db);
	run_store_load_plan(batch, row->plan_hash);
	db_add(batch, QUERY_CLAIM_CONTEXT, DB_I64S(&row->origin, 1));
	return db_await(flow, batch);
}

static void plan_on_pool(void *arg)
{
	struct replan *replan = arg;
	commit_planner_again(replan->mirror_path, &replan->trigger, &replan->before, replan->snapshot->configuration,
		&replan->people, &replan->plans, &replan->flow.arena, &replan->plan_err);
}

static void planned(void *arg, bool is_cancelled)
{
	struct replan *replan = arg;
	if (is_cancelled)
		err_set(&replan->plan_err, ERR_BUSY, "the server is stopping");
	/* A commit that is gone from the mirror comes back by no waiting: that is an answer too. */
	bool is_answer = replan->plan_err.kind == ERR_NONE || replan->plan_err.kind == ERR_NOT_FOUND ||
			 replan->plan_err.kind == ERR_INVALID;
	if (is_answer)
		flow_resume(&replan->flow);
	else
		flow_fail(&replan->flow, &replan->plan_err);
}

static enum flow_next plan(struct flow *flow)
{
	struct replan *replan = replan_of(flow);
	const struct db_reply *reply = db_reply_of(flow);
	struct server *server = replan->ingest->server;
	void *finished;
	if (!run_store_read_plan(reply, server->plans, replan->row.plan_hash, &replan->old, &flow->err) ||
		!db_read_rows(reply, 1, finished_job_fields, sizeof(struct finished_job), &finished,
			&replan->finished_count, &flow->arena, &flow->err))
		return FLOW_FAIL;
	replan->finished = finished;
	replan->snapshot = configuration_ref(configurations_now(server->configurations));
	replan->mirror_path = mirrors_path(server->mirrors, replan->trigger.repository);
	work_submit(server->loop, plan_on_pool, planned, replan);
	return FLOW_WAIT;
}

static bool find_outputs(void *arg, int64_t run, struct str key, struct pair_list *ret)
{
	const struct replan *replan = arg;
	return finished_job_outputs(replan->finished, replan->finished_count, run, key, ret);
}

/* Why the stage may not be entered any more; "" with a plan. */
static struct str judge(struct replan *replan, struct plan *ret)
{
	struct arena *arena = &replan->flow.arena;
	const struct planned_run *run = replan->plans.runs;
	struct err err = {0};
	if (replan->plan_err.kind != ERR_NONE)
		return str_of(replan->plan_err.text);
	if (replan->plans.run_count == 0)
		return replan->plans.reason;
	if (!run->plan) {
		const json_t *first = json_array_get(run->errors, 0);
		return arena_str(arena, str_of(json_string_value(json_object_get(first, "message"))));
	}
	if (run->plan->refusals.count)
		return run->plan->refusals.items[0];
	*ret = *run->plan;
	if (!replan->row.is_redeployed)
		return (struct str){0};
	struct redeploy wanted = {
		.service = replan->service,
		.environment = replan->environment,
		.pipeline = replan->row.pipeline,
		.outputs = find_outputs,
		.arg = replan,
	};
	if (!redeploy_forward(run->plan, replan->row.origin, replan->row.origin_number, replan->row.commit,
		    replan->deployed, &wanted, arena, ret, &err))
		return arena_str(arena, str_of(err.text));
	return (struct str){0};
}

static enum flow_next store(struct flow *flow)
{
	struct replan *replan = replan_of(flow);
	struct plan fresh = {0};
	struct plan_replaced replaced = {0};
	struct str why = judge(replan, &fresh);
	struct run_replan write = {
		.run = replan->run,
		.version = replan->version,
		.stage = replan->stage,
		.index = replan->index,
		.configuration = replan->snapshot->version,
	};
	if (why.n)
		write.refused = arena_printf(&flow->arena,
			"the configuration changed while it waited, and does not let it into %.*s any more: %.*s",
			STR_ARG(replan->environment), STR_ARG(why));
	else
		plan_replace_stage(plan_ref_plan(replan->old), replan->index, &fresh, &flow->arena, &replaced);
	if (!why.n && !replaced.is_same) {
		write.plan = &replaced.plan;
		write.replanned = replaced.difference;
	}
	struct db_batch *batch = db_batch_new(replan->ingest->server->db);
	run_store_replan(batch, &write, &flow->arena);
	log_info("run.replanned", F("run", replan->run), F("stage", replan->name),
		F("configuration", write.configuration), F("difference", replaced.difference), F("refused", why));
	return db_await(flow, batch);
}

static enum flow_next tell(struct flow *flow)
{
	struct replan *replan = replan_of(flow);
	FAILPOINT("run.replanned");
	events_run_changed(replan->ingest->server->events, replan->run);
	return FLOW_DONE;
}

static flow_step *const steps[] = {ask, take_rows, plan, store, tell, NULL};

static void ended(struct flow *flow)
{
	struct replan *replan = replan_of(flow);
	struct ingest *ingest = replan->ingest;
	bool is_stored = flow->err.kind == ERR_NONE;
	id_map_remove(&ingest->replans, replan->run);
	if (!is_stored && flow->err.kind != ERR_CONFLICT && flow->err.kind != ERR_BUSY)
		log_warn("run.replan", F("run", replan->run), F("err", (const struct err *)&flow->err));
	if (is_stored || flow->err.kind == ERR_CONFLICT) /* it moved on meanwhile, and may still have to be planned */
		shell_look(ingest->server->shell, replan->run);
	commit_plans_done(&replan->plans);
	configuration_unref(replan->snapshot);
	plan_ref_drop(replan->old);
	free(replan->mirror_path);
	flow_free(flow);
	ingest_ended(ingest);
}

void ingest_replan(struct ingest *ingest, const struct run_graph *graph, size_t stage, int64_t version)
{
	const struct graph_stage *from = &graph->stages[stage];
	if (ingest->closed || id_map_get(&ingest->replans, graph->id))
		return;
	struct replan *replan = flow_new(sizeof *replan, steps, ended);
	struct arena *arena = &replan->flow.arena;
	replan->ingest = ingest;
	replan->run = graph->id;
	replan->version = version;
	replan->stage = from->id;
	replan->index = stage;
	replan->name = arena_str(arena, from->plan->name);
	replan->environment = arena_str(arena, from->plan->environment);
	replan->service = arena_str(arena, from->plan->delivery->service);
	replan->deployed = arena_str(arena, from->version);
	id_map_put(&ingest->replans, graph->id, replan);
	ingest->active++;
	flow_start(&replan->flow);
}
