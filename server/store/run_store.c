#include "server/store/run_store.h"

#include "common/json.h"
#include "common/mem.h"
#include "server/store/delivery_store.h"

#include <assert.h>
#include <stdlib.h>

/* --- rows --- */

struct run_row {
	int64_t id, version, repository_id, number, account_id, started_at, ended_at, configuration;
	struct str repository, ending, reason, waiting_for, actor, commit, concurrency_group, abandoned, plan_hash;
	struct str_list authors;
	enum run_state state;
	bool has_warnings;
};

static const struct field run_row_fields[] = {
	FIELD(struct run_row, id, FIELD_I64, 0),
	FIELD(struct run_row, version, FIELD_I64, 0),
	FIELD(struct run_row, repository_id, FIELD_I64, 0),
	FIELD(struct run_row, repository, FIELD_STR, 0),
	FIELD(struct run_row, number, FIELD_I64, 0),
	FIELD_ENUM(struct run_row, state, run_state_names, 0),
	FIELD(struct run_row, ending, FIELD_STR, 0),
	FIELD(struct run_row, reason, FIELD_STR, 0),
	FIELD(struct run_row, waiting_for, FIELD_STR, 0),
	FIELD(struct run_row, has_warnings, FIELD_BOOL, 0),
	FIELD(struct run_row, account_id, FIELD_I64, 0),
	FIELD(struct run_row, actor, FIELD_STR, 0),
	FIELD(struct run_row, authors, FIELD_STRS, 0),
	FIELD(struct run_row, commit, FIELD_STR, 0),
	FIELD(struct run_row, concurrency_group, FIELD_STR, 0),
	FIELD(struct run_row, abandoned, FIELD_STR, 0),
	FIELD(struct run_row, started_at, FIELD_TIME, 0),
	FIELD(struct run_row, ended_at, FIELD_TIME, 0),
	FIELD(struct run_row, plan_hash, FIELD_STR, 0),
	FIELD(struct run_row, configuration, FIELD_I64, 0),
	FIELD_END,
};

static const struct field stage_row_fields[] = {
	FIELD(struct graph_stage, id, FIELD_I64, 0),
	FIELD_ENUM(struct graph_stage, state, stage_state_names, 0),
	FIELD(struct graph_stage, reason, FIELD_STR, 0),
	FIELD(struct graph_stage, version, FIELD_STR, 0),
	FIELD(struct graph_stage, replanned, FIELD_STR, 0),
	FIELD(struct graph_stage, refused, FIELD_STR, 0),
	FIELD(struct graph_stage, started_at, FIELD_TIME, 0),
	FIELD(struct graph_stage, ended_at, FIELD_TIME, 0),
	FIELD_END,
};

static const struct field job_row_fields[] = {
	FIELD(struct graph_job, id, FIELD_I64, 0),
	FIELD(struct graph_job, key, FIELD_STR, 0),
	FIELD_ENUM(struct graph_job, state, job_state_names, 0),
	FIELD(struct graph_job, attempt, FIELD_I32, 0),
	FIELD(struct graph_job, retries, FIELD_I32, 0),
	FIELD(struct graph_job, allow_failure, FIELD_BOOL, 0),
	FIELD_ENUM(struct graph_job, reason, end_reason_names, 0),
	FIELD(struct graph_job, exit_code, FIELD_I32, 0),
	FIELD(struct graph_job, message, FIELD_STR, 0),
	FIELD(struct graph_job, outputs, FIELD_PAIRS, 0),
	FIELD(struct graph_job, cancel_reason, FIELD_STR, 0),
	FIELD(struct graph_job, queued_at, FIELD_TIME, 0),
	FIELD(struct graph_job, started_at, FIELD_TIME, 0),
	FIELD(struct graph_job, ended_at, FIELD_TIME, 0),
	FIELD_END,
};

struct gate_row {
	int64_t id, opened_at, expires_at, decided_at;
	int32_t stage;
	enum gate_state state;
	struct str stage_hash, reason;
};

static const struct field gate_row_fields[] = {
	FIELD(struct gate_row, id, FIELD_I64, 0),
	FIELD(struct gate_row, stage, FIELD_I32, 0),
	FIELD_ENUM(struct gate_row, state, gate_state_names, 0),
	FIELD(struct gate_row, stage_hash, FIELD_STR, 0),
	FIELD(struct gate_row, reason, FIELD_STR, 0),
	FIELD(struct gate_row, opened_at, FIELD_TIME, 0),
	FIELD(struct gate_row, expires_at, FIELD_TIME, 0),
	FIELD(struct gate_row, decided_at, FIELD_TIME, 0),
	FIELD_END,
};

static const char *const verdict_names[] = {"reject", "approve", NULL};

struct decision_row {
	int64_t gate_id, account_id, decided_at, not_before;
	struct str account, comment;
	enum { VERDICT_REJECT, VERDICT_APPROVE } verdict;
	struct str_list groups;
};

static const struct field decision_row_fields[] = {
	FIELD(struct decision_row, gate_id, FIELD_I64, 0),
	FIELD(struct decision_row, account_id, FIELD_I64, 0),
	FIELD(struct decision_row, account, FIELD_STR, 0),
	FIELD_ENUM(struct decision_row, verdict, verdict_names, 0),
	FIELD(struct decision_row, comment, FIELD_STR, 0),
	FIELD(struct decision_row, groups, FIELD_STRS, 0),
	FIELD(struct decision_row, decided_at, FIELD_TIME, 0),
	FIELD(struct decision_row, not_before, FIELD_TIME, 0),
	FIELD_END,
};

struct lane_row {
	int64_t request, lane_id;
	enum lane_request_state state;
	struct str holder, superseded_by;
};

static const struct field lane_row_fields[] = {
	FIELD(struct lane_row, request, FIELD_I64, 0),
	FIELD(struct lane_row, lane_id, FIELD_I64, 0),
	FIELD_ENUM(struct lane_row, state, lane_request_state_names, 0),
	FIELD(struct lane_row, holder, FIELD_STR, 0),
	FIELD(struct lane_row, superseded_by, FIELD_STR, 0),
	FIELD_END,
};

struct end_row {
	int64_t job, started_at, ended_at;
	int32_t attempt, exit_code, job_attempt;
	enum end_reason reason;
	enum job_state job_state;
	struct str message;
	struct pair_list outputs;
};

static const struct field end_row_fields[] = {
	FIELD(struct end_row, job, FIELD_I64, 0),
	FIELD(struct end_row, attempt, FIELD_I32, 0),
	FIELD_ENUM(struct end_row, reason, end_reason_names, 0),
	FIELD(struct end_row, exit_code, FIELD_I32, 0),
	FIELD(struct end_row, message, FIELD_STR, 0),
	FIELD(struct end_row, outputs, FIELD_PAIRS, 0),
	FIELD(struct end_row, started_at, FIELD_TIME, 0),
	FIELD(struct end_row, ended_at, FIELD_TIME, 0),
	FIELD_ENUM(struct end_row, job_state, job_state_names, 0),
	FIELD(struct end_row, job_attempt, FIELD_I32, 0),
	FIELD_END,
};

/* --- loading --- */

enum {
	LOAD_RUN,
	LOAD_STAGES,
	LOAD_JOBS,
	LOAD_GATES,
	LOAD_DECISIONS,
	LOAD_LANE,
	LOAD_ENDS,
	LOAD_DELIVERY,
	LOAD_VERSION
};
enum { JOB_EXIT_CODE_COLUMN = 7 };

void run_store_load(struct db_batch *batch, int64_t run)
{
	static const enum query queries[] = {
		[LOAD_RUN] = QUERY_RUN_LOAD,
		[LOAD_STAGES] = QUERY_RUN_STAGES,
		[LOAD_JOBS] = QUERY_RUN_JOBS,
		[LOAD_GATES] = QUERY_RUN_GATES,
		[LOAD_DECISIONS] = QUERY_RUN_DECISIONS,
		[LOAD_LANE] = QUERY_RUN_LANE,
		[LOAD_ENDS] = QUERY_RUN_ENDS,
		[LOAD_DELIVERY] = QUERY_RUN_DELIVERY,
		[LOAD_VERSION] = QUERY_RUN_VERSION,
	};
	static_assert(COUNT_OF(queries) == RUN_STORE_STATEMENTS, "as many as the header says");
	for (size_t i = 0; i < sizeof queries / sizeof queries[0]; i++)
		db_add(batch, queries[i], DB_I64(run));
}

static enum run_state ending_of(struct str name)
{
	int state;
	return enum_from_name(run_state_names, name, &state) ? (enum run_state)state : RUN_PENDING;
}

static bool read_run(
	const struct db_reply *reply, size_t first, struct run_loaded *loaded, struct arena *arena, struct err *err)
{
	struct run_row row = {0};
	if (db_row_count(reply, first + LOAD_RUN) == 0)
		return err_set(err, ERR_NOT_FOUND, "there is no such run");
	if (!db_read_row(reply, first + LOAD_RUN, 0, run_row_fields, &row, arena, err))
		return false;
	struct run_graph *graph = &loaded->graph;
	*graph = (struct run_graph){
		.id = row.id,
		.version = row.version,
		.name = arena_printf(arena, "%.*s#%lld", STR_ARG(row.repository), (long long)row.number),
		.repository = row.repository_id,
		.account = row.account_id,
		.actor = row.actor,
		.authors = row.authors,
		.commit = row.commit,
		.concurrency_group = row.concurrency_group,
		.state = row.state,
		.was = row.state,
		.ending = ending_of(row.ending),
		.reason = row.reason,
		.waiting_for = row.waiting_for,
		.abandoned = row.abandoned,
		.has_warnings = row.has_warnings,
		.started_at = row.started_at,
		.ended_at = row.ended_at,
		.configuration = row.configuration,
		.arena = arena,
	};
	loaded->plan_hash = row.plan_hash;
	return true;
}

static bool read_jobs(const struct db_reply *reply, size_t first, struct run_graph *graph, struct err *err)
{
	void *items;
	if (!db_read_rows(reply, first + LOAD_JOBS, job_row_fields, sizeof *graph->jobs, &items, &graph->job_count,
		    graph->arena, err))
		return false;
	graph->jobs = items;
	for (size_t i = 0; i < graph->job_count; i++) {
		struct graph_job *job = &graph->jobs[i];
		job->was = job->state;
		job->has_exit_code = !db_is_null(reply, first + LOAD_JOBS, i, JOB_EXIT_CODE_COLUMN);
	}
	graph_index(graph);
	return true;
}

static bool read_stages(const struct db_reply *reply, size_t first, struct run_graph *graph, struct err *err)
{
	void *items;
	if (!db_read_rows(reply, first + LOAD_STAGES, stage_row_fields, sizeof *graph->stages, &items,
		    &graph->stage_count, graph->arena, err))
		return false;
	graph->stages = items;
	for (size_t i = 0; i < graph->stage_count; i++)
		graph->stages[i].was = graph->stages[i].state;
	return true;
}

static void add_decision(struct run_graph *graph, struct graph_gate *gate, const struct decision_row *row)
{
	gate->decisions = arena_grow(graph->arena, gate->decisions, sizeof *gate->decisions, gate->decision_count);
	gate->decisions[gate->decision_count++] = (struct graph_decision){
		.account = row->account_id,
		.account_name = row->account,
		.is_approval = row->verdict == VERDICT_APPROVE,
		.comment = row->comment,
		.groups = row->groups,
		.decided_at = row->decided_at,
		.not_before = row->not_before,
	};
}

static bool read_gates(const struct db_reply *reply, size_t first, struct run_graph *graph, struct err *err)
{
	struct arena *arena = graph->arena;
	void *gate_items, *decision_items;
	size_t gate_count, decision_count;
	if (!db_read_rows(reply, first + LOAD_GATES, gate_row_fields, sizeof(struct gate_row), &gate_items, &gate_count,
		    arena, err) ||
		!db_read_rows(reply, first + LOAD_DECISIONS, decision_row_fields, sizeof(struct decision_row),
			&decision_items, &decision_count, arena, err))
		return false;
	const struct gate_row *rows = gate_items;
	const struct decision_row *decisions = decision_items;
	for (size_t i = 0; i < gate_count; i++) {
		graph->gates = arena_grow(arena, graph->gates, sizeof *graph->gates, graph->gate_count);
		struct graph_gate *gate = &graph->gates[graph->gate_count++];
		*gate = (struct graph_gate){
			.id = rows[i].id,
			.stage = (size_t)rows[i].stage,
			.state = rows[i].state,
			.was = rows[i].state,
			.stage_hash = rows[i].stage_hash,
			.reason = rows[i].reason,
			.opened_at = rows[i].opened_at,
			.expires_at = rows[i].expires_at,
			.decided_at = rows[i].decided_at,
		};
		for (size_t j = 0; j < decision_count; j++)
			if (decisions[j].gate_id == gate->id)
				add_decision(graph, gate, &decisions[j]);
	}
	return true;
}

static bool read_lane(const struct db_reply *reply, size_t statement, struct run_graph *graph, struct err *err)
{
	struct lane_row row = {.state = LANE_RELEASED};
	if (db_row_count(reply, statement) &&
		!db_read_row(reply, statement, 0, lane_row_fields, &row, graph->arena, err))
		return false;
	graph->lane = (struct graph_lane){
		.request = row.request,
		.lane = row.lane_id,
		.state = row.state,
		.holder = row.holder,
		.superseded_by = row.superseded_by,
	};
	return true;
}

static bool read_ends(const struct db_reply *reply, size_t statement, struct run_loaded *loaded, struct err *err)
{
	struct run_graph *graph = &loaded->graph;
	void *items;
	size_t count;
	if (!db_read_rows(reply, statement, end_row_fields, sizeof(struct end_row), &items, &count, graph->arena, err))
		return false;
	const struct end_row *rows = items;
	struct attempt_end *ends = arena_array(graph->arena, struct attempt_end, count);
	for (size_t i = 0; i < count; i++) {
		struct graph_job *job = graph_job_by_id(graph, rows[i].job);
		job->state = job->was = rows[i].job_state;
		job->attempt = rows[i].job_attempt;
		ends[i] = (struct attempt_end){
			.job = rows[i].job,
			.attempt = rows[i].attempt,
			.reason = rows[i].reason,
			.exit_code = rows[i].exit_code,
			.message = rows[i].message,
			.outputs = rows[i].outputs,
			.started_at = rows[i].started_at,
			.ended_at = rows[i].ended_at,
		};
	}
	loaded->ends = ends;
	loaded->end_count = count;
	return true;
}

bool run_store_read(const struct db_reply *reply, size_t first, int64_t now_us, struct run_loaded *ret,
	struct arena *arena, struct err *err)
{
	struct run_loaded loaded = {0};
	struct run_graph *graph = &loaded.graph;
	bool ok = read_run(reply, first, &loaded, arena, err) && read_stages(reply, first, graph, err) &&
		  read_jobs(reply, first, graph, err) && read_gates(reply, first, graph, err) &&
		  read_lane(reply, first + LOAD_LANE, graph, err) &&
		  read_ends(reply, first + LOAD_ENDS, &loaded, err) &&
		  delivery_store_read(reply, first + LOAD_DELIVERY, graph, err);
	if (!ok)
		return false;
	graph->now_us = now_us;
	/* Each statement sees what was committed when it began, and the last one is this. */
	size_t last = first + LOAD_VERSION;
	loaded.is_torn = db_row_count(reply, last) == 0 || db_i64(reply, last, 0, 0) != graph->version;
	*ret = loaded;
	return true;
}

/* --- looking again --- */

enum { REFRESH_VERSION, REFRESH_LANE, REFRESH_ENDS };

void run_store_refresh(struct db_batch *batch, int64_t run)
{
	static const enum query queries[] = {
		[REFRESH_VERSION] = QUERY_RUN_VERSION,
		[REFRESH_LANE] = QUERY_RUN_LANE,
		[REFRESH_ENDS] = QUERY_RUN_ENDS,
	};
	for (size_t i = 0; i < sizeof queries / sizeof queries[0]; i++)
		db_add(batch, queries[i], DB_I64(run));
}

bool run_store_read_again(const struct db_reply *reply, int64_t now_us, struct run_loaded *loaded, struct err *err)
{
	struct run_graph *graph = &loaded->graph;
	if (db_row_count(reply, REFRESH_VERSION) == 0 || db_i64(reply, REFRESH_VERSION, 0, 0) != graph->version)
		return err_set(err, ERR_CONFLICT, "%.*s has moved on", STR_ARG(graph->name));
	graph->now_us = now_us;
	return read_lane(reply, REFRESH_LANE, graph, err) && read_ends(reply, REFRESH_ENDS, loaded, err);
}

void run_store_load_plan(struct db_batch *batch, struct str hash)
{
	db_add(batch, QUERY_PLAN_LOAD, DB_TEXT(hash));
}

bool run_store_read_plan(
	const struct db_reply *reply, struct plan_cache *cache, struct str hash, struct plan_ref **ret, struct err *err)
{
	if (db_row_count(reply, 0) == 0)
		return err_set(err, ERR_NOT_FOUND, "the stored plan %.12s is gone", hash.p);
	struct str text = db_text(reply, 0, 0, 0);
	json_error_t fault;
	json_t *json = json_loadb(text.p, text.n, 0, &fault);
	if (!json)
		return err_set(err, ERR_BUG, "stored plan: %s", fault.text);
	struct plan_ref *ref = plan_cache_put(cache, hash, json, err);
	json_decref(json);
	if (ref)
		*ret = ref;
	return ref != NULL;
}

/* --- saving --- */

static const char *ending_name(enum run_state ending)
{
	return ending == RUN_PENDING ? "" : run_state_names[ending];
}

static void save_run(struct db_batch *batch, const struct run_graph *graph)
{
	db_add(batch, QUERY_RUN_SAVE, DB_I64(graph->id), DB_I64(graph->version),
		DB_TEXT(str_of(run_state_names[graph->state])), DB_TEXT(str_of(ending_name(graph->ending))),
		DB_TEXT(graph->reason), DB_TEXT(graph->waiting_for), DB_BOOL(graph->has_warnings),
		DB_TIME(graph->started_at), DB_TIME(graph->ended_at));
}

static void save_stages(struct db_batch *batch, const struct run_graph *graph)
{
	size_t n = 0, max = graph->stage_count;
	struct arena *arena = graph->arena;
	int64_t *ids = arena_array(arena, int64_t, max), *started = arena_array(arena, int64_t, max),
		*ended = arena_array(arena, int64_t, max);
	struct str *was = arena_array(arena, struct str, max), *states = arena_array(arena, struct str, max),
		   *reasons = arena_array(arena, struct str, max);
	for (size_t i = 0; i < max; i++) {
		const struct graph_stage *stage = &graph->stages[i];
		if (!stage->is_dirty)
			continue;
		ids[n] = stage->id;
		was[n] = str_of(stage_state_names[stage->was]);
		states[n] = str_of(stage_state_names[stage->state]);
		reasons[n] = str_or_empty(stage->reason);
		started[n] = stage->started_at;
		ended[n++] = stage->ended_at;
	}
	if (n)
		db_add(batch, QUERY_STAGES_SAVE, DB_I64S(ids, n), DB_TEXTS(was, n), DB_TEXTS(states, n),
			DB_TEXTS(reasons, n), DB_TIMES(started, n), DB_TIMES(ended, n));
}

struct job_columns {
	size_t n;
	int64_t *ids, *attempts, *retries, *queued, *started, *ended;
	struct str *was, *states, *reasons, *exits, *messages, *outputs, *cancels;
};

static void job_columns_init(struct job_columns *to, struct arena *arena, size_t max)
{
	int64_t **numbers[] = {&to->ids, &to->attempts, &to->retries, &to->queued, &to->started, &to->ended};
	struct str **texts[] = {
		&to->was, &to->states, &to->reasons, &to->exits, &to->messages, &to->outputs, &to->cancels};
	for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
		*numbers[i] = arena_array(arena, int64_t, max);
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
		*texts[i] = arena_array(arena, struct str, max);
}

static void add_job(struct job_columns *to, const struct graph_job *job, struct arena *arena)
{
	size_t n = to->n++;
	to->ids[n] = job->id;
	to->was[n] = str_of(job_state_names[job->was]);
	to->attempts[n] = job->attempt;
	to->states[n] = str_of(job_state_names[job->state]);
	to->retries[n] = job->retries;
	to->reasons[n] = str_of(end_reason_names[job->reason]);
	to->exits[n] = job->has_exit_code ? arena_printf(arena, "%d", job->exit_code) : (struct str){0};
	to->messages[n] = str_or_empty(job->message);
	to->outputs[n] = json_of_pairs(&job->outputs, arena);
	to->cancels[n] = job->cancel_reason;
	to->queued[n] = job->queued_at;
	to->started[n] = job->started_at;
	to->ended[n] = job->ended_at;
}

static void save_jobs(struct db_batch *batch, const struct run_graph *graph)
{
	struct arena *arena = graph->arena;
	size_t dirty = 0, applied = 0, given_up = 0;
	for (size_t i = 0; i < graph->job_count; i++)
		dirty += graph->jobs[i].is_dirty;
	if (dirty == 0)
		return;
	struct job_columns columns = {0};
	job_columns_init(&columns, arena, dirty);
	int64_t *jobs = arena_array(arena, int64_t, dirty), *numbers = arena_array(arena, int64_t, dirty);
	int64_t *lost = arena_array(arena, int64_t, dirty), *lost_numbers = arena_array(arena, int64_t, dirty);
	for (size_t i = 0; i < graph->job_count; i++) {
		const struct graph_job *job = &graph->jobs[i];
		if (!job->is_dirty)
			continue;
		add_job(&columns, job, arena);
		if (job->applied_attempt) {
			jobs[applied] = job->id;
			numbers[applied++] = job->applied_attempt;
		}
		if (job->given_up_attempt) {
			lost[given_up] = job->id;
			lost_numbers[given_up++] = job->given_up_attempt;
		}
	}
	size_t n = columns.n;
	if (applied)
		db_add(batch, QUERY_ATTEMPTS_APPLIED, DB_I64S(jobs, applied), DB_I64S(numbers, applied));
	if (given_up)
		db_add(batch, QUERY_ATTEMPTS_GIVE_UP, DB_I64S(lost, given_up), DB_I64S(lost_numbers, given_up));
	db_add(batch, QUERY_JOBS_SAVE, DB_I64S(columns.ids, n), DB_TEXTS(columns.was, n), DB_I64S(columns.attempts, n),
		DB_TEXTS(columns.states, n), DB_I64S(columns.retries, n), DB_TEXTS(columns.reasons, n),
		DB_TEXTS(columns.exits, n), DB_TEXTS(columns.messages, n), DB_TEXTS(columns.outputs, n),
		DB_TEXTS(columns.cancels, n), DB_TIMES(columns.queued, n), DB_TIMES(columns.started, n),
		DB_TIMES(columns.ended, n));
}

static void save_gates(struct db_batch *batch, const struct run_graph *graph)
{
	for (size_t i = 0; i < graph->gate_count; i++) {
		const struct graph_gate *gate = &graph->gates[i];
		if (!gate->is_dirty)
			continue;
		if (gate->id == 0) {
			db_add(batch, QUERY_GATE_OPEN, DB_I64(graph->id), DB_I64(graph->stages[gate->stage].id),
				DB_TEXT(gate->stage_hash), DB_TIME(gate->opened_at), DB_TIME(gate->expires_at),
				DB_TEXT(str_of(gate_state_names[gate->state])), DB_TEXT(str_or_empty(gate->reason)),
				DB_TIME(gate->decided_at));
			continue;
		}
		db_add(batch, QUERY_GATE_SAVE, DB_I64(gate->id), DB_TEXT(str_of(gate_state_names[gate->was])),
			DB_TEXT(str_of(gate_state_names[gate->state])), DB_TEXT(gate->reason),
			DB_TIME(gate->decided_at));
		if (gate->undecided)
			db_add(batch, QUERY_DECISION_WITHDRAW, DB_I64(gate->id), DB_I64(gate->undecided));
		for (size_t j = 0; j < gate->decision_count; j++) {
			const struct graph_decision *decision = &gate->decisions[j];
			if (decision->is_new)
				db_add(batch, QUERY_DECISION_INSERT, DB_I64(gate->id), DB_I64(decision->account),
					DB_TEXT(str_of(verdict_names[decision->is_approval])),
					DB_TEXT(decision->comment),
					DB_TEXTS(decision->groups.items, decision->groups.count),
					DB_TIME(decision->decided_at), DB_TIME(decision->not_before));
		}
	}
}

static void save_notes(struct db_batch *batch, const struct run_graph *graph, const struct effects *effects)
{
	size_t n = effects->note_count;
	if (n == 0)
		return;
	struct str *kinds = arena_array(graph->arena, struct str, n),
		   *bodies = arena_array(graph->arena, struct str, n);
	for (size_t i = 0; i < n; i++) {
		kinds[i] = str_of(effects->notes[i].kind);
		bodies[i] = json_text(effects->notes[i].body, graph->arena);
	}
	db_add(batch, QUERY_EVENTS_INSERT, DB_I64(graph->id), DB_TEXTS(kinds, n), DB_TEXTS(bodies, n));
}

void run_store_save(struct db_batch *batch, const struct run_graph *graph, const struct effects *effects)
{
	save_run(batch, graph);
	save_stages(batch, graph);
	save_jobs(batch, graph);
	save_gates(batch, graph);
	delivery_store_save(batch, graph, effects);
	if (effects->releases_lane)
		db_add(batch, QUERY_LANE_RELEASE, DB_I64(graph->id));
	if (effects->requests_lane)
		db_add(batch, QUERY_LANE_REQUEST, DB_I64(graph->id), DB_TEXT(graph->concurrency_group),
			DB_BOOL(graph->plan->concurrency.cancel));
	save_notes(batch, graph, effects);
}
