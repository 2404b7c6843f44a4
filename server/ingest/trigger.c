/* A trigger becomes its runs, or a recorded reason why not. */
#include "common/io/work.h"
#include "common/failpoint.h"
#include "common/json.h"
#include "common/log.h"
#include "common/mem.h"
#include "server/configuration/configurations.h"
#include "server/events/events.h"
#include "server/git/mirrors.h"
#include "server/ingest/ingest_internal.h"
#include "server/ingest/pipeline_files.h"
#include "server/shell/shell.h"
#include "server/store/run_store.h"

#include <stdlib.h>

struct trigger_flow {
	struct flow flow;
	struct ingest *ingest;
	struct trigger trigger; /* copied into row_arena */
	struct arena row_arena;
	void (*done)(void *arg, const struct ingest_outcome *outcome, const struct err *err);
	void *arg;
	struct people people;   /* everybody */
	struct str_list groups; /* of the person who started it by hand */
	bool is_admin, is_manual, has_fetched;
	char *mirror_path;
	const struct configuration_snapshot *snapshot; /* as planned by */
	struct commit_plans plans;
	struct err plan_err;
	size_t *statements; /* of each run's answer */
	int64_t first_run;
};

static struct trigger_flow *trigger_of(struct flow *flow)
{
	return (struct trigger_flow *)flow;
}

/* --- steps --- */

static enum flow_next fetch(struct flow *flow);
static enum flow_next plan(struct flow *flow);

static const struct field person_fields[] = {
	FIELD(struct person, account, FIELD_I64, 0),
	FIELD(struct person, name, FIELD_STR, 0),
	FIELD(struct person, email, FIELD_STR, 0),
	FIELD(struct person, role, FIELD_STR, 0),
	FIELD(struct person, groups, FIELD_STRS, 0),
	FIELD(struct person, logins, FIELD_STRS, 0),
	FIELD_END,
};

/* Whoever pushes and then starts a run by hand means what was pushed, also while its webhook still waits. */
static enum flow_next ask_news(struct flow *flow)
{
	struct trigger_flow *trigger = trigger_of(flow);
	struct db_batch *batch = db_batch_new(trigger->ingest->server->db);
	db_add(batch, QUERY_PEOPLE);
	if (trigger->is_manual)
		db_add(batch, QUERY_DELIVERIES_OPEN, DB_I64(trigger->trigger.repository));
	return db_await(flow, batch);
}

bool ingest_read_people(
	const struct db_reply *reply, size_t statement, struct people *ret, struct arena *arena, struct err *err)
{
	struct people people;
	void *items;
	if (!db_read_rows(reply, statement, person_fields, sizeof(struct person), &items, &people.count, arena, err))
		return false;
	people.items = items;
	*ret = people;
	return true;
}

static enum flow_next judge_news(struct flow *flow)
{
	struct trigger_flow *trigger = trigger_of(flow);
	const struct db_reply *reply = db_reply_of(flow);
	if (!ingest_read_people(reply, 0, &trigger->people, &flow->arena, &flow->err))
		return FLOW_FAIL;
	flow_jump(flow, trigger->is_manual && db_bool(reply, 1, 0, 0) ? fetch : plan);
	return FLOW_CONTINUE;
}

static enum flow_next fetch(struct flow *flow)
{
	struct trigger_flow *trigger = trigger_of(flow);
	trigger->has_fetched = true;
	return ingest_fetch(flow, trigger->ingest->server, trigger->trigger.repository, STR(""));
}

static void plan_on_pool(void *arg)
{
	struct trigger_flow *trigger = arg;
	commit_planner_run(trigger->mirror_path, &trigger->trigger, trigger->snapshot->configuration, &trigger->people,
		&trigger->plans, &trigger->flow.arena, &trigger->plan_err);
}

static void planned(void *arg, bool is_cancelled)
{
	struct trigger_flow *trigger = arg;
	if (is_cancelled)
		err_set(&trigger->plan_err, ERR_BUSY, "the server is stopping");
	if (trigger->plan_err.kind == ERR_NOT_FOUND && trigger->is_manual && !trigger->has_fetched) {
		flow_jump(&trigger->flow, fetch);
		flow_resume(&trigger->flow);
	} else if (trigger->plan_err.kind != ERR_NONE)
		flow_fail(&trigger->flow, &trigger->plan_err);
	else {
		FAILPOINT("trigger.planned");
		flow_resume(&trigger->flow);
	}
}

static enum flow_next plan(struct flow *flow)
{
	struct trigger_flow *trigger = trigger_of(flow);
	trigger->plan_err = (struct err){0};
	free(trigger->mirror_path);
	trigger->mirror_path = mirrors_path(trigger->ingest->server->mirrors, trigger->trigger.repository);
	configuration_unref(trigger->snapshot);
	trigger->snapshot = configuration_ref(configurations_now(trigger->ingest->server->configurations));
	work_submit(trigger->ingest->server->loop, plan_on_pool, planned, trigger);
	return FLOW_WAIT;
}

/* A run by hand is refused where a push would leave a failed run behind: the person is there to read why. */
static bool check_manual(struct trigger_flow *trigger, struct err *err)
{
	const struct commit_plans *plans = &trigger->plans;
	if (plans->run_count == 0)
		return err_set(err, ERR_INVALID, "%.*s", STR_ARG(plans->reason));
	const struct planned_run *run = &plans->runs[0];
	if (!run->plan)
		return err_set(err, ERR_INVALID, "pipeline \"%.*s\" is not started: %.*s", STR_ARG(run->pipeline),
			STR_ARG(run->errors ? STR("its file or an input is wrong") : run->reason));
	if (run->plan->refusals.count)
		return err_set(err, ERR_UNSUPPORTED, "%.*s", STR_ARG(run->plan->refusals.items[0]));
	return trigger->trigger.rerun_of ||
	       pipeline_may_start(run->pipeline, &run->groups, &trigger->groups, trigger->is_admin, err);
}

static void add_run(struct trigger_flow *trigger, struct db_batch *batch, size_t index, size_t *statement)
{
	const struct trigger *from = &trigger->trigger;
	const struct commit_plans *plans = &trigger->plans;
	const struct planned_run *planned_run = &plans->runs[index];
	struct run_new run = {
		.repository = from->repository,
		.pipeline = planned_run->pipeline,
		.trigger = from->id,
		.rerun_of = from->rerun_of,
		.event = from->event,
		.ref = plans->ref,
		.branch = plans->branch,
		.tag = plans->tag,
		.commit = plans->commit,
		.before = from->pull_request ? plans->base : from->before,
		.title = from->pull_request && from->pull_title.n ? from->pull_title : plans->facts.title,
		.author = plans->facts.author,
		.authors = plans->authors,
		.actor = from->actor,
		.account = from->account,
		.inputs = planned_run->plan ? &planned_run->plan->inputs : &from->inputs,
		.plan = planned_run->plan,
		.errors = planned_run->errors,
		.reason = str_or_empty(planned_run->reason),
		.pull_request = from->pull_request,
		.head_commit = plans->head,
		.base_commit = plans->base,
		.is_fork = from->pull_request && from->is_fork,
		.configuration = trigger->snapshot->version,
	};
	trigger->statements[index] = run_store_create(batch, *statement, &run, &trigger->flow.arena);
	*statement = trigger->statements[index] + 1;
}

/* A check that a forge demands must not hang because there was nothing to check. */
static void add_skipped(struct trigger_flow *trigger, struct db_batch *batch)
{
	const struct commit_plans *plans = &trigger->plans;
	size_t count = plans->skipped_count;
	struct arena *arena = &trigger->flow.arena;
	struct str *names = arena_array(arena, struct str, count), *reasons = arena_array(arena, struct str, count);
	if (count == 0)
		return;
	for (size_t i = 0; i < count; i++) {
		names[i] = plans->skipped[i].pipeline;
		reasons[i] = plans->skipped[i].reason;
	}
	db_add(batch, QUERY_OUTBOX_SKIPPED, DB_I64(trigger->trigger.repository),
		DB_TEXT(plans->head.n ? plans->head : plans->commit), DB_TEXT(trigger->trigger.event),
		DB_TEXTS(names, count), DB_TEXTS(reasons, count));
}

static enum flow_next store(struct flow *flow)
{
	struct trigger_flow *trigger = trigger_of(flow);
	const struct commit_plans *plans = &trigger->plans;
	if (trigger->is_manual && !check_manual(trigger, &flow->err))
		return FLOW_FAIL;
	struct db_batch *batch = db_batch_new(trigger->ingest->server->db);
	bool has_runs = plans->run_count > 0;
	size_t statement = 1;
	db_add(batch, QUERY_TRIGGER_END, DB_I64(trigger->trigger.id), DB_TEXT(has_runs ? STR("done") : STR("skipped")),
		DB_TEXT(has_runs ? str_or_empty(plans->note) : plans->reason));
	trigger->statements = arena_array(&flow->arena, size_t, plans->run_count);
	for (size_t i = 0; i < plans->run_count; i++)
		add_run(trigger, batch, i, &statement);
	add_skipped(trigger, batch);
	return db_await(flow, batch);
}

static enum flow_next tell(struct flow *flow)
{
	struct trigger_flow *trigger = trigger_of(flow);
	struct server *server = trigger->ingest->server;
	FAILPOINT("run.created");
	for (size_t i = 0; i < trigger->plans.run_count; i++) {
		struct run_created created;
		if (!run_store_read_created(db_reply_of(flow), trigger->statements[i], &created, &flow->err))
			return FLOW_FAIL;
		trigger->first_run = trigger->first_run ? trigger->first_run : created.id;
		events_run_changed(server->events, created.id);
		if (created.lane)
			shell_look_lane(server->shell, created.lane);
		if (trigger->plans.runs[i].plan)
			shell_look(server->shell, created.id);
		log_info("run.created", F("run", created.id), F("pipeline", trigger->plans.runs[i].pipeline),
			F("commit", trigger->plans.commit), F("jobs", created.jobs));
	}
	return FLOW_DONE;
}

static flow_step *const steps[] = {ask_news, judge_news, fetch, plan, store, tell, NULL};

static void noted(void *arg, struct db_reply *reply)
{
	db_reply_free(reply);
	ingest_ended(arg);
}

static bool may_pass(enum err_kind kind)
{
	return kind == ERR_UPSTREAM || kind == ERR_BUSY || kind == ERR_CONFLICT || kind == ERR_TIMEOUT ||
	       kind == ERR_NOT_FOUND || kind == ERR_SYSTEM;
}

void ingest_note_failure(struct ingest *ingest, const struct trigger *row, const struct err *err, bool is_manual)
{
	struct db_batch *batch = db_batch_new(ingest->server->db);
	if (may_pass(err->kind) && !is_manual && row->tries < TRIES_MAX)
		db_add(batch, QUERY_TRIGGER_LATER, DB_I64(row->id), DB_TEXT(str_of(err->text)),
			DB_I64(ingest_delay_ms(row->tries)));
	else
		db_add(batch, QUERY_TRIGGER_END, DB_I64(row->id), DB_TEXT(STR("failed")), DB_TEXT(str_of(err->text)));
	ingest->active++;
	db_submit(batch, noted, ingest);
}

static void trigger_ended(struct flow *flow)
{
	struct trigger_flow *trigger = trigger_of(flow);
	struct ingest *ingest = trigger->ingest;
	const struct err *err = flow->err.kind == ERR_NONE ? NULL : &flow->err;
	id_map_remove(&ingest->triggers, trigger->trigger.id);
	if (err) { /* a conflict may be another coordinator's work, which is then left as it is, or a deadlock */
		if (!trigger->is_manual && err->kind != ERR_CONFLICT)
			log_warn("ingest.trigger", F("trigger", trigger->trigger.id), F("err", err));
		ingest_note_failure(ingest, &trigger->trigger, err, trigger->is_manual);
	}
	if (trigger->done) {
		struct ingest_outcome outcome = {.run = trigger->first_run};
		if (trigger->plans.run_count)
			outcome.errors = trigger->plans.runs[0].errors;
		trigger->done(trigger->arg, &outcome, err);
	}
	commit_plans_done(&trigger->plans);
	configuration_unref(trigger->snapshot);
	free(trigger->mirror_path);
	arena_done(&trigger->row_arena);
	flow_free(flow);
	ingest_ended(ingest);
}

void trigger_copy(struct trigger *to, const struct trigger *from, struct arena *arena)
{
	/* Through JSON and back: every field of the table is copied, whatever is added to it. */
	json_t *json = fields_write(trigger_fields, from);
	struct err err;
	if (!fields_read(trigger_fields, json, to, arena, &err))
		BUG("%s", err.text);
	json_decref(json);
}

void ingest_start_trigger(struct ingest *ingest, const struct trigger *trigger,
	void (*done)(void *arg, const struct ingest_outcome *outcome, const struct err *err), void *arg,
	const struct ingest_manual *manual)
{
	if (ingest_is_redeploy(trigger)) {
		ingest_start_redeploy(ingest, trigger, done, arg);
		return;
	}
	struct trigger_flow *flow = flow_new(sizeof *flow, steps, trigger_ended);
	flow->ingest = ingest;
	flow->done = done;
	flow->arg = arg;
	trigger_copy(&flow->trigger, trigger, &flow->row_arena);
	id_map_put(&ingest->triggers, flow->trigger.id, &flow->trigger.id);
	if (manual) {
		flow->is_manual = true;
		flow->is_admin = manual->is_admin;
		flow->groups.items = arena_array(&flow->row_arena, struct str, manual->groups.count);
		for (size_t i = 0; i < manual->groups.count; i++)
			flow->groups.items[flow->groups.count++] = arena_str(&flow->row_arena, manual->groups.items[i]);
	}
	ingest->active++;
	flow_start(&flow->flow);
}
