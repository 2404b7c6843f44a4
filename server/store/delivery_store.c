#include "server/store/delivery_store.h"

#include "common/json.h"

struct wave_row {
	int64_t id, started_at, baking_since, bake_until, ended_at, asked_at;
	int32_t stage, number;
	enum wave_state state;
	struct str held, accepted;
};

static const struct field wave_fields[] = {
	FIELD(struct wave_row, id, FIELD_I64, 0),
	FIELD(struct wave_row, stage, FIELD_I32, 0),
	FIELD(struct wave_row, number, FIELD_I32, 0),
	FIELD_ENUM(struct wave_row, state, wave_state_names, 0),
	FIELD(struct wave_row, held, FIELD_STR, 0),
	FIELD(struct wave_row, started_at, FIELD_I64, 0),
	FIELD(struct wave_row, baking_since, FIELD_I64, 0),
	FIELD(struct wave_row, bake_until, FIELD_I64, 0),
	FIELD(struct wave_row, ended_at, FIELD_I64, 0),
	FIELD(struct wave_row, asked_at, FIELD_I64, 0),
	FIELD(struct wave_row, accepted, FIELD_STR, 0),
	FIELD_END,
};

struct deployment_row {
	int64_t id, job_id, wave_id, started_at, ended_at, baked_at;
	struct str target, version, previous;
	bool is_silent;
	enum deployment_state state;
};

static const struct field deployment_fields[] = {
	FIELD(struct deployment_row, id, FIELD_I64, 0),
	FIELD(struct deployment_row, job_id, FIELD_I64, 0),
	FIELD(struct deployment_row, wave_id, FIELD_I64, 0),
	FIELD(struct deployment_row, target, FIELD_STR, 0),
	FIELD(struct deployment_row, version, FIELD_STR, 0),
	FIELD(struct deployment_row, previous, FIELD_STR, 0),
	FIELD_ENUM(struct deployment_row, state, deployment_state_names, 0),
	FIELD(struct deployment_row, started_at, FIELD_I64, 0),
	FIELD(struct deployment_row, ended_at, FIELD_I64, 0),
	FIELD(struct deployment_row, baked_at, FIELD_I64, 0),
	FIELD(struct deployment_row, is_silent, FIELD_BOOL, 0),
	FIELD_END,
};

static const struct field lane_fields[] = {
	FIELD(struct graph_lane, request, FIELD_I64, 0),
	FIELD(struct graph_lane, lane, FIELD_I64, 0),
	FIELD_ENUM(struct graph_lane, state, lane_request_state_names, 0),
	FIELD(struct graph_lane, version, FIELD_I64, 0),
	FIELD(struct graph_lane, epoch, FIELD_I64, 0),
	FIELD(struct graph_lane, holder, FIELD_STR, 0),
	FIELD(struct graph_lane, superseded_by, FIELD_STR, 0),
	FIELD_END,
};

static const struct field alarm_fields[] = {
	FIELD(struct graph_alarm, name, FIELD_STR, 0),
	FIELD(struct graph_alarm, state, FIELD_STR, 0),
	FIELD(struct graph_alarm, message, FIELD_STR, 0),
	FIELD(struct graph_alarm, fired_at, FIELD_I64, 0),
	FIELD(struct graph_alarm, points, FIELD_I64, 0),
	FIELD(struct graph_alarm, turn, FIELD_I64, 0),
	FIELD_END,
};

static const struct field relation_fields[] = {
	FIELD_ENUM(struct graph_relation, kind, graph_relation_kind_names, 0),
	FIELD(struct graph_relation, newer, FIELD_STR, 0),
	FIELD(struct graph_relation, older, FIELD_STR, 0),
	FIELD(struct graph_relation, by_patch, FIELD_BOOL, 0),
	FIELD(struct graph_relation, run, FIELD_STR, 0),
	FIELD(struct graph_relation, text, FIELD_STR, 0),
	FIELD(struct graph_relation, quarantine, FIELD_I64, 0),
	FIELD(struct graph_relation, holds, FIELD_STR, 0),
	FIELD_END,
};

static const struct field occupant_fields[] = {
	FIELD(struct graph_occupant, target, FIELD_STR, 0),
	FIELD(struct graph_occupant, service, FIELD_STR, 0),
	FIELD(struct graph_occupant, run, FIELD_STR, 0),
	FIELD_END,
};

static const struct field change_fields[] = {
	FIELD(struct graph_change, base, FIELD_STR, 0),
	FIELD(struct graph_change, is_known, FIELD_BOOL, 0),
	FIELD(struct graph_change, authors, FIELD_STRS, 0),
	FIELD_END,
};

struct row {
	int32_t stage;
	struct wave_row *waves;
	struct deployment_row *deployments;
	struct graph_lane *lane;
	struct graph_alarm *alarms;
	struct graph_relation *relations;
	struct graph_change *changes;
	struct graph_occupant *occupied;
	size_t wave_count, deployment_count, alarm_count, relation_count, change_count, occupied_count;
	struct str newer, quarantined, condemned_elsewhere, overtaken_by, overtaken_at;
	int64_t environment_version, service_version, expires_at;
	bool overrides_freeze;
};

static const struct field row_fields[] = {
	FIELD(struct row, stage, FIELD_I32, 0),
	FIELD_LIST_OF(struct row, waves, wave_count, struct wave_row, wave_fields, 0),
	FIELD_LIST_OF(struct row, deployments, deployment_count, struct deployment_row, deployment_fields, 0),
	FIELD_POINTER_TO(struct row, lane, struct graph_lane, lane_fields, 0),
	FIELD_LIST_OF(struct row, alarms, alarm_count, struct graph_alarm, alarm_fields, 0),
	FIELD_LIST_OF(struct row, relations, relation_count, struct graph_relation, relation_fields, 0),
	FIELD_LIST_OF(struct row, changes, change_count, struct graph_change, change_fields, 0),
	FIELD_LIST_OF(struct row, occupied, occupied_count, struct graph_occupant, occupant_fields, 0),
	FIELD(struct row, newer, FIELD_STR, 0),
	FIELD(struct row, quarantined, FIELD_STR, 0),
	FIELD(struct row, condemned_elsewhere, FIELD_STR, 0),
	FIELD(struct row, overtaken_by, FIELD_STR, 0),
	FIELD(struct row, overtaken_at, FIELD_STR, 0),
	FIELD(struct row, environment_version, FIELD_I64, 0),
	FIELD(struct row, service_version, FIELD_I64, 0),
	FIELD(struct row, expires_at, FIELD_I64, 0),
	FIELD(struct row, overrides_freeze, FIELD_BOOL, 0),
	FIELD_END,
};

static size_t wave_by_id(const struct run_graph *graph, int64_t id)
{
	for (size_t i = 0; i < graph->wave_count; i++)
		if (graph->waves[i].id == id)
			return i;
	return 0;
}

static void fill_waves(struct run_graph *graph, const struct row *row)
{
	graph->waves = arena_array(graph->arena, struct graph_wave, row->wave_count);
	graph->wave_count = row->wave_count;
	for (size_t i = 0; i < row->wave_count; i++) {
		const struct wave_row *from = &row->waves[i];
		graph->waves[i] = (struct graph_wave){
			.id = from->id,
			.stage = (size_t)from->stage,
			.number = from->number,
			.state = from->state,
			.was = from->state,
			.held = from->held,
			.started_at = from->started_at,
			.baking_since = from->baking_since,
			.bake_until = from->bake_until,
			.ended_at = from->ended_at,
			.asked_at = from->asked_at,
			.accepted = from->accepted,
		};
	}
}

static bool fill_deployments(struct run_graph *graph, const struct row *row, struct err *err)
{
	graph->deployments = arena_array(graph->arena, struct graph_deployment, row->deployment_count);
	graph->deployment_count = row->deployment_count;
	for (size_t i = 0; i < row->deployment_count; i++) {
		const struct deployment_row *from = &row->deployments[i];
		const struct graph_job *job = graph_job_by_id(graph, from->job_id);
		if (!job)
			return err_set(err, ERR_BUG, "%.*s: deployment %lld has no job", STR_ARG(graph->name),
				(long long)from->id);
		graph->deployments[i] = (struct graph_deployment){
			.id = from->id,
			.job = (size_t)(job - graph->jobs),
			.wave = wave_by_id(graph, from->wave_id),
			.target = from->target,
			.version = from->version,
			.previous = from->previous,
			.state = from->state,
			.was = from->state,
			.started_at = from->started_at,
			.ended_at = from->ended_at,
			.baked_at = from->baked_at,
			.is_silent = from->is_silent,
		};
	}
	return true;
}

bool delivery_store_read(const struct db_reply *reply, size_t statement, struct run_graph *graph, struct err *err)
{
	struct row row = {0};
	if (db_row_count(reply, statement) == 0)
		return true;
	struct str text = db_text(reply, statement, 0, 0);
	json_error_t fault;
	json_t *json = json_loadb(text.p, text.n, 0, &fault);
	if (!json)
		return err_set(err, ERR_BUG, "run_delivery: %s", fault.text);
	bool ok = fields_read(row_fields, json, &row, graph->arena, err);
	json_decref(json);
	if (!ok)
		return err_wrap(err, "run_delivery");
	fill_waves(graph, &row);
	if (!fill_deployments(graph, &row, err))
		return false;
	for (size_t i = 0; i < graph->stage_count; i++)
		graph->stages[i].lane.state = LANE_RELEASED;
	if (row.stage >= 0 && row.lane)
		graph->stages[row.stage].lane = *row.lane;
	graph->facts = (struct graph_facts){
		.stage = row.stage >= 0 ? (size_t)row.stage + 1 : 0,
		.version = row.stage >= 0 ? graph->stages[row.stage].version : (struct str){0},
		.environment_version = row.environment_version,
		.service_version = row.service_version,
		.overrides_freeze = row.overrides_freeze,
		.newer = row.newer,
		.expires_at = row.expires_at,
		.quarantined = row.quarantined,
		.condemned_elsewhere = row.condemned_elsewhere,
		.alarms = row.alarms,
		.alarm_count = row.alarm_count,
		.occupied = row.occupied,
		.occupied_count = row.occupied_count,
		.overtaken_by = row.overtaken_by,
		.overtaken_at = row.overtaken_at,
		.relations = row.relations,
		.relation_count = row.relation_count,
		.changes = row.changes,
		.change_count = row.change_count,
	};
	return true;
}

/* --- saving --- */

static void add_wave(json_t *list, const struct graph_wave *wave)
{
	json_array_append_new(
		list, json_pack("{s:I, s:s, s:s, s:o, s:I, s:I, s:I, s:I, s:I, s:o}", "id", (json_int_t)wave->id, "was",
			      wave_state_names[wave->was], "state", wave_state_names[wave->state], "held",
			      json_of_str(str_or_empty(wave->held)), "started_at", (json_int_t)wave->started_at,
			      "baking_since", (json_int_t)wave->baking_since, "bake_until",
			      (json_int_t)wave->bake_until, "ended_at", (json_int_t)wave->ended_at, "asked_at",
			      (json_int_t)wave->asked_at, "accepted", json_of_str(str_or_empty(wave->accepted))));
}

static void add_deployment(json_t *list, const struct run_graph *graph, const struct graph_deployment *deployment)
{
	const struct graph_job *job = &graph->jobs[deployment->job];
	const struct graph_stage *stage = &graph->stages[job->stage];
	json_array_append_new(list,
		json_pack("{s:I, s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:o, s:o, s:o}", "id",
			(json_int_t)deployment->id, "was", deployment_state_names[deployment->was], "state",
			deployment_state_names[deployment->state], "started_at", (json_int_t)deployment->started_at,
			"ended_at", (json_int_t)deployment->ended_at, "baked_at", (json_int_t)deployment->baked_at,
			"stage_id", (json_int_t)stage->id, "wave_id", (json_int_t)graph->waves[deployment->wave].id,
			"job_id", (json_int_t)job->id, "service", json_of_str(stage->plan->delivery->service),
			"environment", json_of_str(stage->plan->environment), "target", json_of_str(deployment->target),
			"version", json_of_str(deployment->version)));
}

static void save_list(struct db_batch *batch, enum query query, const struct run_graph *graph, json_t *list)
{
	if (json_array_size(list)) {
		struct str text = json_text(list, graph->arena);
		if (query == QUERY_WAVES_SAVE)
			db_add(batch, query, DB_TEXT(text));
		else
			db_add(batch, query, DB_I64(graph->id), DB_TEXT(text));
	}
	json_decref(list);
}

static void save_rows(struct db_batch *batch, const struct run_graph *graph)
{
	json_t *waves = json_array(), *deployments = json_array();
	for (size_t i = 0; i < graph->wave_count; i++)
		if (graph->waves[i].is_dirty)
			add_wave(waves, &graph->waves[i]);
	for (size_t i = 0; i < graph->deployment_count; i++)
		if (graph->deployments[i].is_dirty)
			add_deployment(deployments, graph, &graph->deployments[i]);
	save_list(batch, QUERY_WAVES_SAVE, graph, waves);
	bool has_deployments = json_array_size(deployments) > 0;
	save_list(batch, QUERY_DEPLOYMENTS_SAVE, graph, deployments);
	if (!has_deployments)
		return;
	db_add(batch, QUERY_TARGET_LOCKS_FREE, DB_I64(graph->id));
	db_add(batch, QUERY_TARGET_LOCKS_TAKE, DB_I64(graph->id));
}

static void save_versions(struct db_batch *batch, const struct run_graph *graph)
{
	size_t n = 0;
	int64_t *ids = arena_array(graph->arena, int64_t, graph->stage_count);
	struct str *versions = arena_array(graph->arena, struct str, graph->stage_count);
	for (size_t i = 0; i < graph->stage_count; i++) {
		if (!graph->stages[i].is_dirty || graph->stages[i].version.n == 0)
			continue;
		ids[n] = graph->stages[i].id;
		versions[n++] = graph->stages[i].version;
	}
	if (n)
		db_add(batch, QUERY_STAGE_VERSION, DB_I64S(ids, n), DB_TEXTS(versions, n));
}

/* Whoever begins to deploy says for how long; a teardown that went well is the end of it. */
static void save_expiry(struct db_batch *batch, const struct run_graph *graph, const struct graph_stage *stage)
{
	const struct plan_delivery *delivery = stage->plan->delivery;
	if (!delivery || stage->state == stage->was)
		return;
	if (delivery->priority == PLAN_PRIORITY_TEARDOWN) {
		if (stage->state == STAGE_SUCCEEDED)
			db_add(batch, QUERY_EXPIRY_END, DB_TEXT(delivery->service), DB_TEXT(stage->plan->environment));
	} else if (stage->state == STAGE_RUNNING && delivery->priority != PLAN_PRIORITY_ROLLBACK)
		db_add(batch, QUERY_EXPIRY_BEGIN, DB_I64(graph->id), DB_TEXT(delivery->service),
			DB_TEXT(stage->plan->environment), DB_I64(delivery->expires_ms));
}

/* Behind the rows of deployments, which hold their targets: whoever applies a configuration takes them in that order
 * too. */
static void guard_facts(struct db_batch *batch, const struct run_graph *graph, const struct graph_stage *stage)
{
	const struct graph_facts *facts = &graph->facts;
	/* Whoever asks for a lane decides by no more than that; its row is written behind this. */
	bool is_inside = stage->lane.state == LANE_GRANTED || stage->lane.state == LANE_REVOKED;
	struct str *names = arena_array(graph->arena, struct str, facts->alarm_count);
	int64_t *turns = arena_array(graph->arena, int64_t, facts->alarm_count);
	size_t n = 0;
	for (size_t i = 0; i < facts->alarm_count; i++) {
		if (facts->alarms[i].turn == 0)
			continue;
		names[n] = facts->alarms[i].name;
		turns[n++] = facts->alarms[i].turn;
	}
	db_add(batch, QUERY_FACTS_GUARD, DB_TEXT(stage->plan->delivery->service), DB_I64(facts->service_version),
		DB_TEXT(stage->plan->environment), DB_I64(facts->environment_version), DB_I64(stage->lane.lane),
		DB_I64(is_inside ? stage->lane.version : 0), DB_TEXTS(names, n), DB_I64S(turns, n));
}

void delivery_store_save(struct db_batch *batch, const struct run_graph *graph, const struct effects *effects)
{
	save_versions(batch, graph);
	save_rows(batch, graph);
	for (size_t i = 0; i < graph->stage_count; i++)
		save_expiry(batch, graph, &graph->stages[i]);
	if (effects->relies_on)
		guard_facts(batch, graph, &graph->stages[effects->relies_on - 1]);
	if (effects->releases_lane_of)
		db_add(batch, QUERY_STAGE_LANE_RELEASE, DB_I64(graph->stages[effects->releases_lane_of - 1].id));
	if (effects->requests_lane_of) {
		const struct graph_stage *stage = &graph->stages[effects->requests_lane_of - 1];
		const struct plan_delivery *delivery = stage->plan->delivery;
		db_add(batch, QUERY_STAGE_LANE_REQUEST, DB_I64(graph->id), DB_I64(stage->id),
			DB_TEXT(delivery->service), DB_TEXT(stage->plan->environment),
			DB_TEXT(delivery->is_fifo ? STR("fifo") : STR("newest")), DB_I64(delivery->priority));
	}
	for (size_t i = 0; i < effects->call_count; i++) {
		const struct graph_stage *stage = &graph->stages[effects->calls[i].stage];
		db_add(batch, QUERY_PEOPLE_CALL, DB_I64(graph->id), DB_TEXT(stage->plan->delivery->service),
			DB_TEXT(stage->plan->environment), DB_TEXT(stage->version), DB_TEXT(effects->calls[i].text),
			DB_TEXT(str_or_empty(graph->facts.page)));
	}
	if (effects->condemns) {
		const struct graph_stage *stage = &graph->stages[effects->condemns - 1];
		db_add(batch, QUERY_VERSION_CONDEMN, DB_I64(graph->id), DB_TEXT(stage->plan->delivery->service),
			DB_TEXT(stage->plan->environment), DB_TEXT(stage->version), DB_TEXT(graph->reason),
			DB_ID_OR_NULL(0), DB_TEXT(str_or_empty(effects->condemned_by)));
	}
}
