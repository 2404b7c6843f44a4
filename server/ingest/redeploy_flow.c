/*
 * A trigger that is about versions deployed before: back to the last good one (rollback), one of them once more
 * (deploy), or away with what is there (teardown).
 */
#include "common/digest.h"
#include "common/failpoint.h"
#include "common/log.h"
#include "server/configuration/configurations.h"
#include "server/dispatch/job_spec.h"
#include "server/engine/plan_configuration.h"
#include "server/engine/redeploy.h"
#include "server/events/events.h"
#include "server/ingest/ingest_internal.h"
#include "server/shell/shell.h"
#include "server/store/run_store.h"

struct redeploy_row {
	struct str target, version, job, commit, plan_hash;
	int32_t wave;
	int64_t run, run_number, configuration;
	struct str_list authors;
};

static const struct field back_fields[] = {
	FIELD(struct redeploy_row, target, FIELD_STR, 0),
	FIELD(struct redeploy_row, wave, FIELD_I32, 0),
	FIELD(struct redeploy_row, version, FIELD_STR, 0),
	FIELD(struct redeploy_row, run, FIELD_I64, 0),
	FIELD(struct redeploy_row, run_number, FIELD_I64, 0),
	FIELD(struct redeploy_row, job, FIELD_STR, 0),
	FIELD(struct redeploy_row, commit, FIELD_STR, 0),
	FIELD(struct redeploy_row, plan_hash, FIELD_STR, 0),
	FIELD_END,
};

static const struct field forward_fields[] = {
	FIELD(struct redeploy_row, configuration, FIELD_I64, 0),
	FIELD(struct redeploy_row, run, FIELD_I64, 0),
	FIELD(struct redeploy_row, run_number, FIELD_I64, 0),
	FIELD(struct redeploy_row, commit, FIELD_STR, 0),
	FIELD(struct redeploy_row, authors, FIELD_STRS, 0),
	FIELD(struct redeploy_row, plan_hash, FIELD_STR, 0),
	FIELD_END,
};

enum direction { BACK, FORWARD, DOWN };

static const char *const direction_events[] = {"rollback", "deploy", "teardown", NULL}; /* of triggers */

struct redeploy_flow {
	struct flow flow;
	struct ingest *ingest;
	struct trigger trigger;
	struct arena row_arena;
	struct str service, environment, version, back_to;
	enum direction direction;
	struct redeploy_row *rows; /* those that have a way */
	struct plan_ref **plans;   /* of each row */
	size_t count;
	struct str_list lost; /* targets without a known good version */
	size_t missing;       /* row whose plan is being loaded */
	const struct finished_job *finished;
	size_t finished_count;
	struct plan plan;
	size_t statement;
	int64_t run;
	void (*done)(void *arg, const struct ingest_outcome *outcome, const struct err *err);
	void *arg;
};

static struct redeploy_flow *redeploy_of(struct flow *flow)
{
	return (struct redeploy_flow *)flow;
}

static enum flow_next ask_rows(struct flow *flow)
{
	struct redeploy_flow *redeploy = redeploy_of(flow);
	struct db_batch *batch = db_batch_new(redeploy->ingest->server->db);
	switch (redeploy->direction) {
	case BACK:
		db_add(batch, QUERY_REDEPLOY_BACK, DB_TEXT(redeploy->service), DB_TEXT(redeploy->environment),
			DB_TEXT(redeploy->version), DB_TEXT(redeploy->back_to));
		break;
	case FORWARD:
		db_add(batch, QUERY_REDEPLOY_FORWARD, DB_TEXT(redeploy->service), DB_TEXT(redeploy->version));
		break;
	case DOWN:
		db_add(batch, QUERY_REDEPLOY_DOWN, DB_TEXT(redeploy->service), DB_TEXT(redeploy->environment));
		break;
	}
	return db_await(flow, batch);
}

static bool fail_nothing(const struct redeploy_flow *redeploy, size_t rows, struct err *err)
{
	if (redeploy->direction == DOWN)
		return err_set(err, ERR_INVALID, "nothing of %.*s is deployed to %.*s", STR_ARG(redeploy->service),
			STR_ARG(redeploy->environment));
	if (redeploy->direction == FORWARD)
		return err_set(err, ERR_INVALID, "%.*s has no version \"%.*s\" that was deployed anywhere",
			STR_ARG(redeploy->service), STR_ARG(digest_brief(redeploy->version)));
	if (rows == 0)
		return err_set(err, ERR_INVALID, "no target of %.*s runs %.*s %.*s", STR_ARG(redeploy->environment),
			STR_ARG(redeploy->service), STR_ARG(digest_brief(redeploy->version)));
	return err_set(err, ERR_INVALID,
		"%.*s in %.*s cannot go back from %.*s, which stays there in quarantine: no %s is known on any target; "
		"`penstock deploy` one by hand",
		STR_ARG(redeploy->service), STR_ARG(redeploy->environment), STR_ARG(digest_brief(redeploy->version)),
		redeploy->back_to.n ? "such version that baked clean" : "other version that baked clean");
}

static enum flow_next take_rows(struct flow *flow)
{
	struct redeploy_flow *redeploy = redeploy_of(flow);
	void *items;
	size_t count;
	if (!db_read_rows(db_reply_of(flow), 0, redeploy->direction == FORWARD ? forward_fields : back_fields,
		    sizeof(struct redeploy_row), &items, &count, &flow->arena, &flow->err))
		return FLOW_FAIL;
	redeploy->rows = items;
	for (size_t i = 0; i < count; i++) {
		if (redeploy->rows[i].plan_hash.n)
			redeploy->rows[redeploy->count++] = redeploy->rows[i];
		else
			str_list_add(&redeploy->lost, &flow->arena, redeploy->rows[i].target);
	}
	if (redeploy->count == 0) {
		fail_nothing(redeploy, count, &flow->err);
		return FLOW_FAIL;
	}
	redeploy->plans = arena_array(&flow->arena, struct plan_ref *, redeploy->count);
	return FLOW_CONTINUE;
}

static enum flow_next load_plans(struct flow *flow)
{
	struct redeploy_flow *redeploy = redeploy_of(flow);
	struct server *server = redeploy->ingest->server;
	for (size_t i = 0; i < redeploy->count; i++) {
		if (!redeploy->plans[i])
			redeploy->plans[i] = plan_cache_get(server->plans, redeploy->rows[i].plan_hash);
		if (redeploy->plans[i])
			continue;
		redeploy->missing = i;
		struct db_batch *batch = db_batch_new(server->db);
		run_store_load_plan(batch, redeploy->rows[i].plan_hash);
		return db_await(flow, batch);
	}
	redeploy->missing = redeploy->count;
	return FLOW_CONTINUE;
}

static enum flow_next take_plan(struct flow *flow)
{
	struct redeploy_flow *redeploy = redeploy_of(flow);
	size_t at = redeploy->missing;
	if (at == redeploy->count)
		return FLOW_CONTINUE;
	if (!run_store_read_plan(db_reply_of(flow), redeploy->ingest->server->plans, redeploy->rows[at].plan_hash,
		    &redeploy->plans[at], &flow->err))
		return FLOW_FAIL;
	flow_jump(flow, load_plans);
	return FLOW_CONTINUE;
}

static enum flow_next ask_outputs(struct flow *flow)
{
	struct redeploy_flow *redeploy = redeploy_of(flow);
	int64_t *runs = arena_array(&flow->arena, int64_t, redeploy->count);
	for (size_t i = 0; i < redeploy->count; i++)
		runs[i] = redeploy->rows[i].run;
	struct db_batch *batch = db_batch_new(redeploy->ingest->server->db);
	db_add(batch, QUERY_CLAIM_CONTEXT, DB_I64S(runs, redeploy->count));
	return db_await(flow, batch);
}

static bool find_outputs(void *arg, int64_t run, struct str key, struct pair_list *ret)
{
	const struct redeploy_flow *redeploy = arg;
	return finished_job_outputs(redeploy->finished, redeploy->finished_count, run, key, ret);
}

static bool make_plan(struct redeploy_flow *redeploy, struct err *err)
{
	struct arena *arena = &redeploy->flow.arena;
	struct redeploy_target *targets = arena_array(arena, struct redeploy_target, redeploy->count);
	for (size_t i = 0; i < redeploy->count; i++) {
		const struct redeploy_row *row = &redeploy->rows[i];
		targets[i] = (struct redeploy_target){
			.target = row->target,
			.version = row->version,
			.wave = row->wave,
			.plan = plan_ref_plan(redeploy->plans[i]),
			.job = row->job,
			.run = row->run,
			.run_number = row->run_number,
			.commit = row->commit,
		};
	}
	struct redeploy wanted = {
		.service = redeploy->service,
		.environment = redeploy->environment,
		.pipeline = redeploy->trigger.pipeline,
		.targets = targets,
		.target_count = redeploy->count,
		.outputs = find_outputs,
		.arg = redeploy,
	};
	const struct configuration_snapshot *snapshot = configurations_now(redeploy->ingest->server->configurations);
	struct plan_environment now;
	struct err unknown;
	if (plan_configuration_environment((void *)(uintptr_t)snapshot->configuration, redeploy->environment,
		    redeploy->trigger.pipeline, (struct str){0}, arena, &now, &unknown))
		wanted.now = &now;
	if (redeploy->direction == BACK)
		return redeploy_back(&wanted, arena, &redeploy->plan, err);
	if (redeploy->direction == DOWN)
		return redeploy_down(&wanted, arena, &redeploy->plan, err);
	const struct redeploy_row *row = &redeploy->rows[0];
	wanted.pipeline = targets[0].plan->pipeline;
	return redeploy_forward(targets[0].plan, row->run, row->run_number, row->commit, redeploy->version, &wanted,
		arena, &redeploy->plan, err);
}

static struct str title_of(struct redeploy_flow *redeploy)
{
	struct arena *arena = &redeploy->flow.arena;
	struct str service = redeploy->service, environment = redeploy->environment;
	/* A title has no room for more than tells them apart. */
	struct str from = digest_brief(redeploy->version), to = digest_brief(redeploy->plan.version);
	switch (redeploy->direction) {
	case BACK:
		return arena_printf(arena, "Roll back %.*s in %.*s from %.*s to %.*s", STR_ARG(service),
			STR_ARG(environment), STR_ARG(from), STR_ARG(to));
	case FORWARD:
		return arena_printf(
			arena, "Deploy %.*s to %.*s: %.*s", STR_ARG(service), STR_ARG(environment), STR_ARG(from));
	case DOWN:
		return arena_printf(
			arena, "Take down %.*s in %.*s: %.*s", STR_ARG(service), STR_ARG(environment), STR_ARG(to));
	}
	BUG("a direction of %d", (int)redeploy->direction);
}

static enum flow_next store(struct flow *flow)
{
	struct redeploy_flow *redeploy = redeploy_of(flow);
	const struct trigger *trigger = &redeploy->trigger;
	void *finished;
	if (!db_read_rows(db_reply_of(flow), 0, finished_job_fields, sizeof(struct finished_job), &finished,
		    &redeploy->finished_count, &flow->arena, &flow->err))
		return FLOW_FAIL;
	redeploy->finished = finished;
	if (!make_plan(redeploy, &flow->err))
		return FLOW_FAIL;
	struct str title = title_of(redeploy);
	struct run_new run = {
		.repository = trigger->repository,
		.pipeline = redeploy->plan.pipeline,
		.trigger = trigger->id,
		.event = trigger->event,
		.ref = trigger->ref,
		.branch = str_starts(trigger->ref, STR("refs/heads/")) ? str_skip(trigger->ref, 11) : (struct str){0},
		.commit = redeploy->rows[0].commit,
		.title = title,
		.authors = redeploy->rows[0].authors,
		.actor = trigger->actor,
		.account = trigger->account,
		.inputs = &trigger->inputs,
		.plan = &redeploy->plan,
		.is_rollback = redeploy->direction == BACK,
		.configuration = redeploy->rows[0].configuration, /* older than today's: it is planned again */
	};
	struct str note = redeploy->lost.count ? arena_printf(&flow->arena, "no good version is known on %.*s",
							 STR_ARG(str_list_join(&redeploy->lost, ", ", &flow->arena)))
					       : STR("");
	struct db_batch *batch = db_batch_new(redeploy->ingest->server->db);
	db_add(batch, QUERY_TRIGGER_END, DB_I64(trigger->id), DB_TEXT(STR("done")), DB_TEXT(note));
	redeploy->statement = run_store_create(batch, 1, &run, &flow->arena);
	return db_await(flow, batch);
}

static enum flow_next tell(struct flow *flow)
{
	struct redeploy_flow *redeploy = redeploy_of(flow);
	struct server *server = redeploy->ingest->server;
	struct run_created created;
	if (!run_store_read_created(db_reply_of(flow), redeploy->statement, &created, &flow->err))
		return FLOW_FAIL;
	FAILPOINT("redeploy.created");
	redeploy->run = created.id;
	events_run_changed(server->events, created.id);
	shell_look(server->shell, created.id);
	log_info("run.created", F("run", created.id), F("event", redeploy->trigger.event),
		F("service", redeploy->service), F("environment", redeploy->environment),
		F("version", redeploy->version));
	return FLOW_DONE;
}

static flow_step *const steps[] = {ask_rows, take_rows, load_plans, take_plan, ask_outputs, store, tell, NULL};

static void ended(struct flow *flow)
{
	struct redeploy_flow *redeploy = redeploy_of(flow);
	struct ingest *ingest = redeploy->ingest;
	const struct err *err = flow->err.kind == ERR_NONE ? NULL : &flow->err;
	id_map_remove(&ingest->triggers, redeploy->trigger.id);
	if (err && err->kind != ERR_CONFLICT)
		log_warn("ingest.redeploy", F("trigger", redeploy->trigger.id), F("err", err));
	if (err)
		ingest_note_failure(ingest, &redeploy->trigger, err, redeploy->done != NULL);
	if (redeploy->done) {
		struct ingest_outcome outcome = {.run = redeploy->run};
		redeploy->done(redeploy->arg, &outcome, err);
	}
	for (size_t i = 0; redeploy->plans && i < redeploy->count; i++)
		plan_ref_drop(redeploy->plans[i]);
	arena_done(&redeploy->row_arena);
	flow_free(flow);
	ingest_ended(ingest);
}

static int32_t direction_of(struct str event)
{
	for (int32_t i = 0; direction_events[i]; i++)
		if (str_is(event, direction_events[i]))
			return i;
	return -1;
}

bool ingest_is_redeploy(const struct trigger *trigger)
{
	return direction_of(trigger->event) >= 0;
}

void ingest_start_redeploy(struct ingest *ingest, const struct trigger *trigger,
	void (*done)(void *arg, const struct ingest_outcome *outcome, const struct err *err), void *arg)
{
	struct redeploy_flow *flow = flow_new(sizeof *flow, steps, ended);
	flow->ingest = ingest;
	flow->done = done;
	flow->arg = arg;
	trigger_copy(&flow->trigger, trigger, &flow->row_arena);
	id_map_put(&ingest->triggers, flow->trigger.id, &flow->trigger.id);
	flow->direction = (enum direction)direction_of(trigger->event);
	flow->service = pair_get(&flow->trigger.inputs, STR("service"));
	flow->environment = pair_get(&flow->trigger.inputs, STR("environment"));
	flow->version = pair_get(&flow->trigger.inputs, STR("version"));
	flow->back_to = str_or_empty(pair_get(&flow->trigger.inputs, STR("to")));
	ingest->active++;
	flow_start(&flow->flow);
}
