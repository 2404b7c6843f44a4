#include "tests/sim/rows.h"

#include "common/mem.h"

#include <string.h>

enum { STAGE_IDS = 1000 }; /* of one run */

struct row_run *rows_run(const struct rows *rows, int64_t run)
{
	BUG_ON(run < 1 || (size_t)run > rows->run_count);
	return rows->runs[run - 1];
}

size_t rows_environment(struct str name)
{
	return str_is(name, "prod");
}

size_t rows_service(struct str name)
{
	return str_is(name, "api");
}

/* --- a new run --- */

static void make_stages(struct rows *rows, struct run_graph *graph, const struct plan *plan)
{
	struct arena *arena = graph->arena;
	graph->stage_count = plan->stage_count;
	graph->stages = arena_array(arena, struct graph_stage, plan->stage_count);
	for (size_t i = 0; i < plan->stage_count; i++) {
		const struct plan_delivery *delivery = plan->stages[i].delivery;
		graph->stages[i].id = graph->id * STAGE_IDS + (int64_t)i;
		graph->stages[i].lane.state = LANE_RELEASED;
		for (size_t n = 0; delivery && n < delivery->wave_count; n++) {
			graph->waves = arena_grow(arena, graph->waves, sizeof *graph->waves, graph->wave_count);
			graph->waves[graph->wave_count] =
				(struct graph_wave){.id = ++rows->last_wave, .stage = i, .number = (int32_t)n + 1};
			graph->wave_count++;
		}
		for (size_t j = 0; j < plan->stages[i].job_count; j++) {
			const struct plan_job *job = &plan->stages[i].jobs[j];
			graph->jobs = arena_grow(arena, graph->jobs, sizeof *graph->jobs, graph->job_count);
			graph->jobs[graph->job_count] = (struct graph_job){
				.id = ++rows->last_job, .key = job->key, .allow_failure = job->allow_failure};
			graph->job_count++;
		}
	}
}

static int64_t lane_of(struct rows *rows, bool is_group, struct str key, bool is_newest)
{
	for (size_t i = 0; i < rows->lane_count; i++)
		if (rows->lanes[i].is_group == is_group && str_eq(rows->lanes[i].key, key)) {
			rows->lanes[i].is_newest = is_group ? rows->lanes[i].is_newest : is_newest;
			return (int64_t)i + 1;
		}
	rows->lanes = arena_grow(rows->arena, rows->lanes, sizeof *rows->lanes, rows->lane_count);
	rows->lanes[rows->lane_count++] =
		(struct row_lane){.is_group = is_group, .key = key, .version = 1, .is_newest = is_newest};
	return (int64_t)rows->lane_count;
}

static void request(struct rows *rows, struct row_request asked)
{
	rows->requests = arena_grow(rows->arena, rows->requests, sizeof *rows->requests, rows->request_count);
	rows->requests[rows->request_count++] = asked;
}

static void request_group(struct rows *rows, const struct run_graph *graph)
{
	request(rows, (struct row_request){.lane = lane_of(rows, true, graph->concurrency_group, false),
			      .run = graph->id,
			      .stage = SIZE_MAX,
			      .cancels = graph->plan->concurrency.cancel});
}

int64_t rows_create(struct rows *rows, int64_t trigger, const struct plan *plan, struct str commit, bool is_rollback,
	size_t places, int64_t configuration)
{
	struct row_trigger *from = &rows->triggers[trigger - 1];
	int64_t run = (int64_t)rows->run_count + 1;
	struct err err;
	if (from->state != TRIGGER_PENDING)
		return 0;
	BUG_ON(rows->run_count == RUNS_MAX || plan->stage_count > COUNT_OF(((struct desk *)0)->stages));
	from->state = TRIGGER_DONE;
	struct row_run *row = arena_new(rows->arena, struct row_run);
	row->trigger = trigger;
	row->created_at = rows->now_us;
	row->is_rollback = is_rollback;
	for (size_t i = 0; i < COUNT_OF(row->places); i++)
		row->places[i] = places;
	row->is_touched = true;
	row->graph = (struct run_graph){
		.id = run,
		.version = 1,
		.name = arena_printf(rows->arena, "web#%lld", (long long)run),
		.repository = 1,
		.actor = STR("ann"),
		.authors = rows_authors(commit, rows->arena),
		.commit = commit,
		.concurrency_group = plan->concurrency.group,
		.plan = plan,
		.configuration = configuration,
		.lane = {.state = LANE_RELEASED},
		.arena = rows->arena,
	};
	make_stages(rows, &row->graph, plan);
	graph_index(&row->graph);
	if (!graph_link(&row->graph, &err))
		BUG("%s", err.text);
	rows->runs[rows->run_count++] = row;
	if (plan->concurrency.group.n)
		request_group(rows, &row->graph);
	return run;
}

bool rows_refuse(struct rows *rows, int64_t trigger)
{
	struct row_trigger *from = &rows->triggers[trigger - 1];
	if (from->state != TRIGGER_PENDING)
		return false;
	from->state = TRIGGER_FAILED;
	return true;
}

/* --- loading --- */

/* run_delivery.sql: the stage that is next, under way, or may be tried again. */
static size_t current_stage(const struct run_graph *graph)
{
	size_t failed = SIZE_MAX;
	for (size_t i = 0; i < graph->stage_count; i++) {
		const struct graph_stage *stage = &graph->stages[i];
		if (stage->plan->delivery && !stage_is_over(stage->state))
			return i;
		if (stage->plan->delivery && stage->state == STAGE_FAILED && failed == SIZE_MAX)
			failed = i;
	}
	return failed;
}

const struct row_request *rows_last_request(const struct rows *rows, int64_t run, size_t stage)
{
	for (size_t i = rows->request_count; i > 0; i--)
		if (rows->requests[i - 1].run == run && rows->requests[i - 1].stage == stage)
			return &rows->requests[i - 1];
	return NULL;
}

static struct str name_of(const struct rows *rows, int64_t run)
{
	return run ? rows_run(rows, run)->graph.name : (struct str){0};
}

static struct graph_lane lane_row(const struct rows *rows, const struct row_request *asked, int64_t run, int64_t lane)
{
	struct graph_lane made = {.state = LANE_RELEASED, .lane = lane};
	if (asked)
		made = (struct graph_lane){
			.request = asked - rows->requests + 1,
			.lane = asked->lane,
			.state = asked->state,
			.epoch = asked->epoch,
			.superseded_by = name_of(rows, asked->superseded_by),
		};
	made.version = made.lane ? rows->lanes[made.lane - 1].version : 0;
	for (size_t i = 0; made.lane && i < rows->request_count; i++) {
		const struct row_request *other = &rows->requests[i];
		if (other->lane == made.lane && other->run != run &&
			(other->state == LANE_GRANTED || other->state == LANE_REVOKED))
			made.holder = name_of(rows, other->run);
	}
	return made;
}

static int64_t find_lane(const struct rows *rows, struct str service, struct str environment)
{
	for (size_t i = 0; i < rows->lane_count; i++) {
		struct str key = rows->lanes[i].key;
		if (!rows->lanes[i].is_group && key.n == service.n + 1 + environment.n && str_starts(key, service) &&
			str_eq(str_skip(key, service.n + 1), environment))
			return (int64_t)i + 1;
	}
	return 0;
}

struct graph_lane rows_stage_lane(const struct rows *rows, const struct run_graph *graph, size_t stage)
{
	const struct plan_stage *plan = graph->stages[stage].plan;
	return lane_row(rows, rows_last_request(rows, graph->id, stage), graph->id,
		find_lane(rows, plan->delivery->service, plan->environment));
}

void rows_show_lanes(const struct rows *rows, struct run_graph *graph)
{
	graph->lane = lane_row(rows, rows_last_request(rows, graph->id, SIZE_MAX), graph->id, 0);
	for (size_t i = 0; i < graph->stage_count; i++)
		if (graph->stages[i].plan->delivery)
			graph->stages[i].lane = rows_stage_lane(rows, graph, i);
}

struct str rows_commit_of(const struct rows *rows, struct str service, struct str version)
{
	for (size_t i = 0; i < rows->version_count; i++)
		if (str_eq(rows->versions[i].service, service) && str_eq(rows->versions[i].name, version))
			return rows->versions[i].commit;
	return (struct str){0};
}

/* version_of() */
static void note_version(struct rows *rows, struct str service, struct str version, struct str commit)
{
	if (rows_commit_of(rows, service, version).n)
		return;
	rows->versions = arena_grow(rows->arena, rows->versions, sizeof *rows->versions, rows->version_count);
	rows->versions[rows->version_count++] = (struct row_version){service, version, commit};
}

/* Of a rollback: "v3, v5". */
static bool is_among(struct str version, struct str versions)
{
	for (size_t at = 0; at < versions.n; at++) {
		struct str rest = str_skip(versions, at);
		bool begins = at == 0 || versions.p[at - 1] == ' ';
		bool ends = rest.n == version.n || (rest.n > version.n && rest.p[version.n] == ',');
		if (begins && ends && str_starts(rest, version))
			return true;
	}
	return false;
}

struct str rows_quarantined(const struct rows *rows, const struct run_graph *graph, const struct graph_stage *stage)
{
	for (size_t i = 0; i < rows->quarantine_count; i++) {
		const struct row_quarantine *held = &rows->quarantines[i];
		bool is_here = !held->is_released && stage->version.n &&
			       str_eq(held->service, stage->plan->delivery->service) &&
			       str_eq(held->environment, stage->plan->environment);
		bool is_rollback = rows_run(rows, graph->id)->is_rollback;
		bool is_it =
			is_rollback ? is_among(held->version, stage->version)
				    : str_eq(held->version, stage->version) ||
					      str_eq(rows_commit_of(rows, held->service, held->version), graph->commit);
		if (is_here && is_it)
			return held->reason;
	}
	return (struct str){0};
}

struct str rows_condemned_elsewhere(
	const struct rows *rows, const struct run_graph *graph, const struct graph_stage *stage)
{
	const struct row_run *run = rows_run(rows, graph->id);
	int32_t priority = stage->plan->delivery->priority;
	bool is_past = priority == PLAN_PRIORITY_ROLLBACK || priority == PLAN_PRIORITY_TEARDOWN;
	for (size_t i = 0; !is_past && i < rows->quarantine_count; i++) {
		const struct row_quarantine *held = &rows->quarantines[i];
		if (!held->is_released && held->created_at > run->created_at && stage->version.n &&
			str_eq(held->version, stage->version) &&
			str_eq(held->service, stage->plan->delivery->service) &&
			!str_eq(held->environment, stage->plan->environment))
			return arena_printf(
				rows->arena, "%.*s: %.*s", STR_ARG(held->environment), STR_ARG(held->reason));
	}
	return (struct str){0};
}

static void load_alarms(const struct rows *rows, struct run_graph *graph, size_t stage)
{
	const struct str_list *names = &graph->stages[stage].plan->delivery->alarms;
	int64_t baking_since = INT64_MAX;
	for (size_t i = 0; i < graph->wave_count; i++)
		if (graph->waves[i].stage == stage && graph->waves[i].state == WAVE_BAKING)
			baking_since = graph->waves[i].baking_since;
	graph->facts.alarms = arena_array(rows->arena, struct graph_alarm, names->count);
	graph->facts.alarm_count = names->count;
	for (size_t i = 0; i < names->count; i++) {
		const struct row_alarm *alarm = rows_alarm(rows, names->items[i]);
		struct graph_alarm *fact = &graph->facts.alarms[i];
		*fact = (struct graph_alarm){.name = names->items[i],
			.state = alarm->state,
			.turn = alarm->turn,
			.fired_at = alarm->fired_at};
		for (size_t n = 0; n < alarm->sample_count; n++)
			fact->points += alarm->samples[n] >= baking_since;
	}
}

static void load_facts(const struct rows *rows, struct run_graph *graph)
{
	size_t current = current_stage(graph);
	bool is_known;
	rows_load_silence(rows, graph);
	graph->facts = (struct graph_facts){0};
	for (size_t i = 0; i < graph->stage_count; i++)
		graph->stages[i].lane = (struct graph_lane){.state = LANE_RELEASED};
	if (current == SIZE_MAX)
		return;
	struct graph_stage *stage = &graph->stages[current];
	stage->lane = rows_stage_lane(rows, graph, current);
	graph->facts.expires_at = rows_expires_at(rows, stage);
	graph->facts.stage = current + 1;
	graph->facts.version = stage->version;
	if (stage->state != STAGE_RUNNING)
		graph->facts.newer = rows_newer_in_lane(rows, graph->id, stage->lane.lane, &is_known);
	graph->facts.quarantined = rows_quarantined(rows, graph, stage);
	graph->facts.condemned_elsewhere = rows_condemned_elsewhere(rows, graph, stage);
	graph->facts.overrides_freeze = rows_run(rows, graph->id)->overrides_freeze[current];
	graph->facts.environment_version = rows->policy.versions[rows_environment(stage->plan->environment)];
	graph->facts.service_version = rows->service_versions[rows_service(stage->plan->delivery->service)];
	load_alarms(rows, graph, current);
	rows_load_relations(rows, graph, current);
	rows_load_occupants(rows, graph, current);
	rows_load_overtaken(rows, graph, current);
}

static void load_ends(const struct rows *rows, struct desk *desk)
{
	desk->ends = NULL;
	desk->end_count = 0;
	for (size_t i = 0; i < rows->attempt_count; i++) {
		const struct row_attempt *attempt = &rows->attempts[i];
		if (attempt->run != desk->graph.id || attempt->state != ATTEMPT_ENDED || attempt->is_applied)
			continue;
		const struct graph_job *now = graph_job_by_id(&rows_run(rows, attempt->run)->graph, attempt->job);
		struct graph_job *job = graph_job_by_id(&desk->graph, attempt->job);
		job->state = job->was = now->state;
		job->attempt = now->attempt;
		desk->ends = arena_grow(rows->arena, desk->ends, sizeof *desk->ends, desk->end_count);
		size_t at = desk->end_count++;
		for (; at > 0 && desk->ends[at - 1].job > attempt->job; at--) /* in the order of run_ends.sql */
			desk->ends[at] = desk->ends[at - 1];
		desk->ends[at] = attempt->end;
	}
}

/* Room for what the engine adds by arena_grow(). */
static void *copy(struct arena *arena, const void *items, size_t size, size_t count)
{
	size_t capacity = 4;
	while (capacity < count)
		capacity *= 2;
	void *made = arena_alloc_array(arena, size, capacity);
	if (count)
		memcpy(made, items, size * count);
	return made;
}

void rows_load(const struct rows *rows, int64_t run, int64_t now_us, struct desk *desk)
{
	const struct run_graph *from = &rows_run(rows, run)->graph;
	struct run_graph *graph = &desk->graph;
	*graph = *from;
	BUG_ON(from->stage_count > COUNT_OF(desk->stages) || from->job_count > COUNT_OF(desk->jobs) ||
		from->wave_count > COUNT_OF(desk->waves));
	graph->stages = memcpy(desk->stages, from->stages, from->stage_count * sizeof *from->stages);
	graph->jobs = memcpy(desk->jobs, from->jobs, from->job_count * sizeof *from->jobs);
	graph->waves = desk->waves;
	if (from->wave_count)
		memcpy(desk->waves, from->waves, from->wave_count * sizeof *from->waves);
	graph->gates = copy(rows->arena, from->gates, sizeof *from->gates, from->gate_count);
	graph->deployments = copy(rows->arena, from->deployments, sizeof *from->deployments, from->deployment_count);
	graph->now_us = now_us;
	graph->lane = lane_row(rows, rows_last_request(rows, run, SIZE_MAX), run, 0);
	desk->group = graph->lane.state;
	load_facts(rows, graph);
	for (size_t i = 0; i < graph->stage_count; i++)
		desk->lanes[i] = graph->stages[i].lane.state;
	load_ends(rows, desk);
}

bool rows_refresh(const struct rows *rows, int64_t now_us, struct desk *desk)
{
	struct run_graph *graph = &desk->graph;
	if (rows_run(rows, graph->id)->graph.version != graph->version)
		return false;
	graph->now_us = now_us;
	graph->lane = lane_row(rows, rows_last_request(rows, graph->id, SIZE_MAX), graph->id, 0);
	desk->group = graph->lane.state;
	load_ends(rows, desk);
	return true;
}

/* --- saving --- */

static void condemn(struct rows *rows, const struct run_graph *graph, size_t index)
{
	const struct graph_stage *stage = &graph->stages[index];
	struct str service = stage->plan->delivery->service, environment = stage->plan->environment;
	note_version(rows, service, stage->version, graph->commit);
	if (rows_is_quarantined(rows, service, environment, stage->version))
		return;
	rows->quarantines =
		arena_grow(rows->arena, rows->quarantines, sizeof *rows->quarantines, rows->quarantine_count);
	rows->quarantines[rows->quarantine_count++] = (struct row_quarantine){service, environment, stage->version,
		graph->reason, false, {0}, (int64_t)rows->trigger_count + 1, rows->now_us};
	rows_quarantine_changed(rows, service);
	rows->triggers = arena_grow(rows->arena, rows->triggers, sizeof *rows->triggers, rows->trigger_count);
	rows->triggers[rows->trigger_count++] = (struct row_trigger){.kind = TRIGGER_BACK,
		.commit = graph->commit,
		.service = service,
		.environment = environment,
		.version = stage->version,
		.is_alarms = true};
}

static void let_go(struct rows *rows, int64_t run, size_t stage)
{
	for (size_t i = 0; i < rows->request_count; i++) {
		struct row_request *asked = &rows->requests[i];
		if (asked->run == run && asked->stage == stage && asked->state != LANE_SUPERSEDED)
			asked->state = LANE_RELEASED;
	}
}

static void write_effects(struct rows *rows, const struct run_graph *graph, const struct effects *effects)
{
	if (effects->releases_lane_of)
		let_go(rows, graph->id, effects->releases_lane_of - 1);
	if (effects->requests_lane_of) {
		size_t stage = effects->requests_lane_of - 1;
		const struct plan_stage *plan = graph->stages[stage].plan;
		struct str key = arena_printf(
			rows->arena, "%.*s@%.*s", STR_ARG(plan->delivery->service), STR_ARG(plan->environment));
		request(rows, (struct row_request){.lane = lane_of(rows, false, key, !plan->delivery->is_fifo),
				      .run = graph->id,
				      .stage = stage,
				      .priority = plan->delivery->priority});
	}
	if (effects->condemns)
		condemn(rows, graph, effects->condemns - 1);
	if (effects->releases_lane)
		let_go(rows, graph->id, SIZE_MAX);
	if (effects->requests_lane)
		request_group(rows, graph);
}

static struct row_attempt *attempt_of(struct rows *rows, int64_t job, int32_t number)
{
	return &rows->attempts[rows_attempt(rows, job, number) - rows->attempts];
}

static void write_jobs(struct rows *rows, struct run_graph *row, const struct run_graph *graph)
{
	for (size_t i = 0; i < graph->job_count; i++) {
		const struct graph_job *job = &graph->jobs[i];
		if (!job->is_dirty)
			continue;
		if (job->applied_attempt)
			attempt_of(rows, job->id, job->applied_attempt)->is_applied = true;
		if (job->given_up_attempt) {
			struct row_attempt *attempt = attempt_of(rows, job->id, job->given_up_attempt);
			attempt->state = ATTEMPT_ENDED;
			attempt->is_applied = true;
			attempt->end = (struct attempt_end){.job = job->id,
				.attempt = attempt->number,
				.reason = END_WORKER_LOST,
				.started_at = attempt->end.started_at,
				.ended_at = rows->now_us};
		}
		row->jobs[i] = *job;
		row->jobs[i].was = job->state;
		row->jobs[i].is_dirty = false;
		row->jobs[i].applied_attempt = 0;
		row->jobs[i].given_up_attempt = 0;
	}
}

/* decision_withdraw.sql, decision_insert.sql */
static void write_decisions(struct rows *rows, const struct graph_gate *before, struct graph_gate *gate)
{
	const struct graph_decision *decided = gate->decisions;
	size_t count = gate->decision_count, kept = 0;
	if (!gate->is_dirty)
		return;
	gate->decisions =
		arena_array(rows->arena, struct graph_decision, count + (before ? before->decision_count : 0));
	for (size_t i = 0; before && i < before->decision_count; i++)
		if (before->decisions[i].account != gate->undecided)
			gate->decisions[kept++] = before->decisions[i];
	for (size_t i = 0; i < count; i++) {
		if (!decided[i].is_new)
			continue;
		gate->decisions[kept] = decided[i];
		gate->decisions[kept++].is_new = false;
	}
	gate->decision_count = kept;
	gate->undecided = 0;
}

static void write_gates(struct rows *rows, struct run_graph *row, const struct run_graph *graph)
{
	const struct graph_gate *before = row->gates;
	size_t count = row->gate_count;
	row->gates = copy(rows->arena, graph->gates, sizeof *graph->gates, graph->gate_count);
	row->gate_count = graph->gate_count;
	for (size_t i = 0; i < row->gate_count; i++) {
		struct graph_gate *gate = &row->gates[i];
		gate->id = gate->id ? gate->id : ++rows->last_gate;
		write_decisions(rows, i < count ? &before[i] : NULL, gate);
		gate->was = gate->state;
		gate->is_dirty = false;
	}
}

static void write_delivery(struct rows *rows, struct run_graph *row, const struct run_graph *graph)
{
	for (size_t i = 0; i < graph->wave_count; i++) {
		row->waves[i] = graph->waves[i];
		row->waves[i].was = row->waves[i].state;
		row->waves[i].is_dirty = false;
	}
	row->deployments = copy(rows->arena, graph->deployments, sizeof *graph->deployments, graph->deployment_count);
	row->deployment_count = graph->deployment_count;
	for (size_t i = 0; i < row->deployment_count; i++) {
		struct graph_deployment *made = &row->deployments[i];
		if (made->id == 0) {
			made->id = ++rows->last_deployment;
			note_version(rows, graph->stages[graph->jobs[made->job].stage].plan->delivery->service,
				made->version, graph->commit);
		}
		made->was = made->state;
		made->is_dirty = false;
	}
}

void rows_save(struct rows *rows, const struct desk *desk, const struct effects *effects)
{
	const struct run_graph *graph = &desk->graph;
	struct row_run *run = rows_run(rows, graph->id);
	struct run_graph *row = &run->graph;
	run->is_touched = true;
	row->version++;
	row->state = row->was = graph->state;
	row->ending = graph->ending;
	row->reason = graph->reason;
	row->waiting_for = graph->waiting_for;
	row->has_warnings = graph->has_warnings;
	row->started_at = graph->started_at;
	row->ended_at = graph->ended_at;
	for (size_t i = 0; i < graph->stage_count; i++) {
		rows_stage_moved(rows, graph, &graph->stages[i]);
		if (!graph->stages[i].is_dirty)
			continue;
		row->stages[i] = graph->stages[i];
		row->stages[i].was = graph->stages[i].state;
		row->stages[i].is_dirty = false;
	}
	write_jobs(rows, row, graph);
	write_gates(rows, row, graph);
	write_delivery(rows, row, graph);
	write_effects(rows, graph, effects);
}
