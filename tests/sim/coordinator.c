/* Visits of runs, lanes and triggers as server/shell and server/ingest make them, step by step. */
#include "tests/sim/sim.h"
#include "common/mem.h"
#include "server/configuration/delivery_facts.h"
#include "tests/sim/plans.h"
#include "tests/sim/policies.h"

enum { TRIES_MAX = 60, TRIGGER_US = 10 * 1000000 };

static int64_t now_of(const struct sim *sim, const struct coordinator *coordinator)
{
	return sim->rows.now_us + coordinator->skew_us;
}

void coordinator_wake(struct coordinator *coordinator, enum wake_kind kind, int64_t id)
{
	for (size_t i = 0; i < coordinator->wake_count; i++)
		if (coordinator->wakes[i].kind == kind && coordinator->wakes[i].id == id)
			return;
	if (id && coordinator->wake_count < WAKES_MAX)
		coordinator->wakes[coordinator->wake_count++] = (struct wake){kind, id};
}

void coordinator_look(struct sim *sim, struct coordinator *coordinator)
{
	coordinator->known = sim->rows.policy;
	coordinator->is_behind = false;
}

/* What it knows of the configuration, whatever others have changed since. */
static void add_facts(struct coordinator *coordinator, struct run_graph *graph)
{
	struct row_policy *known = &coordinator->known;
	struct freeze_version versions[ENVIRONMENTS] = {
		{STR("qa"), known->versions[0]}, {STR("prod"), known->versions[1]}};
	const struct configuration_snapshot snapshot = {
		.configuration = policies_get(known->configuration),
		.version = known->version,
		.blockers = {known->blockers, known->blocker_count},
		.versions = {versions, ENVIRONMENTS},
	};
	if (graph->wave_count)
		coordinator->is_behind |= !delivery_facts_add(&snapshot, graph);
}

void coordinator_tick(struct sim *sim, struct coordinator *coordinator)
{
	struct rows *rows = &sim->rows;
	coordinator_look(sim, coordinator);
	int64_t runs[WAKES_MAX];
	size_t taken_down = sim->rows.trigger_count < RUNS_MAX * 2 ? rows_expire_deployments(rows) : 0;
	if (taken_down)
		MIRROR(sim, expire_deployments, sim, taken_down);
	size_t expired = rows_expire(rows, runs, COUNT_OF(runs));
	MIRROR(sim, expire, sim, expired);
	MIRROR(sim, due, sim);
	for (size_t i = 0; i < expired; i++)
		coordinator_wake(coordinator, WAKE_RUN, runs[i]);
	for (size_t i = 1; i <= rows->run_count; i++)
		if (rows_is_due(rows, (int64_t)i) || rows_is_passed(rows, (int64_t)i))
			coordinator_wake(coordinator, WAKE_RUN, (int64_t)i);
	for (size_t i = 1; i <= rows->lane_count; i++)
		if (rows_is_open(rows, (int64_t)i))
			coordinator_wake(coordinator, WAKE_LANE, (int64_t)i);
	for (size_t i = 0; i < rows->trigger_count; i++)
		if (rows->triggers[i].state == TRIGGER_PENDING && rows->triggers[i].next_at <= rows->now_us)
			coordinator_wake(coordinator, WAKE_TRIGGER, (int64_t)i + 1);
}

/* --- what it keeps --- */

static bool take_kept(struct coordinator *coordinator, int64_t run, struct desk *desk)
{
	for (size_t i = 0; i < KEPT; i++) {
		if (coordinator->kept_runs[i] != run)
			continue;
		coordinator->kept_runs[i] = 0;
		*desk = coordinator->kept[i];
		desk->graph.stages = desk->stages;
		desk->graph.jobs = desk->jobs;
		desk->graph.waves = desk->waves;
		return true;
	}
	return false;
}

/* As keep_graph() and graph_cache_keep() of server/shell. */
static void keep(struct sim *sim, struct coordinator *coordinator, struct visit *visit)
{
	struct run_graph *graph = &visit->desk.graph;
	if (visit->is_requested_now || visit->effects.requests_lane || !graph_is_whole(graph))
		return;
	if (visit->was_saved) {
		graph_written(graph);
		MIRROR(sim, keep, &visit->desk);
	}
	if (graph->state != RUN_RUNNING)
		return;
	size_t at = coordinator->next_kept++ % KEPT;
	coordinator->kept_runs[at] = graph->id;
	coordinator->kept[at] = visit->desk;
}

/* --- a run --- */

static void load_run(struct sim *sim, struct coordinator *coordinator, struct visit *visit)
{
	struct desk *desk = &visit->desk;
	int64_t now = now_of(sim, coordinator);
	bool has_request = visit->request.kind != ENGINE_LOOK;
	visit->is_wanted_again = false;
	visit->is_kept = take_kept(coordinator, visit->of.id, desk) && !has_request;
	bool is_current = visit->is_kept && rows_refresh(&sim->rows, now, desk);
	if (visit->is_kept)
		MIRROR(sim, refresh, sim, desk, is_current);
	if (!is_current) {
		rows_load(&sim->rows, visit->of.id, now, desk);
		add_facts(coordinator, &desk->graph);
		MIRROR(sim, load, sim, desk);
	}
	visit->step = VISIT_DECIDE;
}

static const struct engine_event *choose(struct visit *visit, struct engine_event *own)
{
	*own = (struct engine_event){.kind = ENGINE_LOOK};
	visit->is_requested_now = false;
	if (visit->desk.end_count) {
		*own = (struct engine_event){
			.kind = ENGINE_ENDED, .ends = visit->desk.ends, .end_count = visit->desk.end_count};
		return own;
	}
	visit->is_requested_now = visit->request.kind != ENGINE_LOOK;
	return visit->is_requested_now ? &visit->request : own;
}

/* The next round, or nothing more to do. */
static void end_round(struct visit *visit)
{
	if (visit->is_requested_now)
		visit->request = (struct engine_event){.kind = ENGINE_LOOK};
	effects_done(&visit->effects);
	visit->was_saved = false;
	visit->tries = 0;
	visit->step = VISIT_LOAD;
	visit->is_busy = visit->is_wanted_again || visit->request.kind != ENGINE_LOOK;
}

static void look_stage_lane(struct coordinator *coordinator, const struct visit *visit)
{
	const struct run_graph *graph = &visit->desk.graph;
	size_t left = visit->effects.releases_lane_of;
	if (left)
		coordinator_wake(coordinator, WAKE_LANE, graph->stages[left - 1].lane.lane);
	for (size_t i = 0; i < graph->stage_count; i++)
		if (graph->stages[i].lane.state == LANE_WAITING)
			coordinator_wake(coordinator, WAKE_LANE, graph->stages[i].lane.lane);
}

/* Found in the mirror, stored in a transaction of its own; now and then it gets lost on the way. */
static void compare(struct sim *sim, struct visit *visit)
{
	if (!sim->is_calm && sim->at % 5 == 0) {
		rows_run(&sim->rows, visit->of.id)->was_passed = false; /* one more tick to find it by */
		return;
	}
	rows_compare(&sim->rows, &visit->desk.graph);
	MIRROR(sim, compare, sim, &visit->desk);
	visit->is_wanted_again = true;
}

/* As ingest_replan(): planned at once, stored some time later, or lost on the way. Then the round is over. */
static void plan_again(struct sim *sim, struct coordinator *coordinator, struct visit *visit, int64_t version)
{
	size_t stage = visit->effects.replans;
	int64_t run = visit->desk.graph.id;
	keep(sim, coordinator, visit);
	end_round(visit);
	if (stage == 0 || (!sim->is_calm && sim->at % 5 == 0))
		return;
	const struct row_trigger *trigger = &sim->rows.triggers[rows_run(&sim->rows, run)->trigger - 1];
	visit->places = coordinator->known.places;
	visit->plan = plans_get(trigger->pipeline, visit->places);
	visit->configuration = coordinator->known.version;
	visit->stage = stage - 1;
	visit->version = version;
	visit->step = VISIT_REPLAN;
	visit->is_busy = true;
}

static void store_plan(struct sim *sim, struct visit *visit)
{
	const struct run_graph *graph = &rows_run(&sim->rows, visit->of.id)->graph;
	const struct plan *before = graph->plan;
	bool is_taken = rows_replan(&sim->rows, visit->of.id, visit->version, visit->stage, visit->plan, visit->places,
		visit->configuration);
	MIRROR(sim, replan, sim, visit, graph->plan == before ? NULL : graph->plan, is_taken);
	if (is_taken) {
		sim_say(sim, "  web#%lld is planned again: %.*s", (long long)visit->of.id,
			STR_ARG(rows_run(&sim->rows, visit->of.id)->graph.stages[visit->stage].replanned));
		if (sim->tally)
			sim->tally->replans++;
	}
	visit->step = VISIT_LOAD;
}

static void decide_run(struct sim *sim, struct coordinator *coordinator, struct visit *visit)
{
	struct desk *desk = &visit->desk;
	struct engine_event own;
	struct err err = {0};
	const struct engine_event *event = choose(visit, &own);
	if (!engine_apply(&desk->graph, event, &visit->effects, &err)) {
		if (!visit->is_requested_now)
			sim_fail(sim, "the engine refuses what nobody asked for: %s", err.text);
		sim_say(sim, "  refused: %s", err.text);
		if (sim->tally)
			sim->tally->refusals++;
		check_refusal(sim, desk);
		end_round(visit);
		return;
	}
	if (visit->effects.compares)
		compare(sim, visit);
	if (!engine_is_dirty(&desk->graph, &visit->effects)) {
		MIRROR(sim, decide, sim, desk, event, false, true);
		look_stage_lane(coordinator, visit);
		plan_again(sim, coordinator, visit, desk->graph.version);
		return;
	}
	if (!rows_may_save(&sim->rows, desk, &visit->effects)) {
		if (sim->tally)
			sim->tally->conflicts++;
		if (++visit->tries > TRIES_MAX)
			sim_fail(sim, "%.*s: what was decided is refused again and again", STR_ARG(desk->graph.name));
		sim_say(sim, "  %.*s: stale", STR_ARG(desk->graph.name));
		MIRROR(sim, decide, sim, desk, event, true, false);
		effects_done(&visit->effects);
		visit->step = VISIT_LOAD;
		return;
	}
	check_decision(sim, desk, event, &visit->effects);
	rows_save(&sim->rows, desk, &visit->effects);
	check_saved(sim, desk);
	MIRROR(sim, decide, sim, desk, event, true, true);
	if (sim->tally)
		sim->tally->commits++;
	visit->was_saved = true;
	visit->step = VISIT_TELL;
}

static void tell_run(struct sim *sim, struct coordinator *coordinator, struct visit *visit)
{
	if (visit->effects.releases_lane || visit->effects.requests_lane)
		coordinator_wake(coordinator, WAKE_LANE, visit->desk.graph.lane.lane);
	look_stage_lane(coordinator, visit);
	if (visit->effects.requests_lane || visit->effects.requests_lane_of || visit->effects.looks_again)
		visit->is_wanted_again = true;
	plan_again(sim, coordinator, visit, visit->desk.graph.version + 1);
}

/* --- a lane --- */

static void decide_lane(struct sim *sim, struct coordinator *coordinator, struct visit *visit)
{
	struct lane before = visit->lane;
	before.entries = arena_array(&sim->arena, struct lane_entry, before.count);
	for (size_t i = 0; i < before.count; i++)
		before.entries[i] = visit->lane.entries[i];
	bool has_changed = lane_apply(&visit->lane);
	check_lane(sim, &before, &visit->lane);
	visit->step = VISIT_LOAD;
	bool is_saved = has_changed && rows_save_lane(&sim->rows, &visit->lane);
	MIRROR(sim, lane, sim, &visit->desk, has_changed, is_saved);
	if (!has_changed) {
		visit->is_busy = visit->is_wanted_again;
		return;
	}
	if (!is_saved) {
		if (++visit->tries > TRIES_MAX)
			sim_fail(sim, "lane %lld: what was decided is refused again and again",
				(long long)visit->lane.id);
		return;
	}
	if (sim->tally)
		sim->tally->lane_commits++;
	(void)coordinator;
	visit->step = VISIT_TELL;
}

static void tell_lane(struct coordinator *coordinator, struct visit *visit)
{
	for (size_t i = 0; i < visit->lane.count; i++) {
		const struct lane_entry *entry = &visit->lane.entries[i];
		if (entry->state != entry->was || entry->state == LANE_WAITING)
			coordinator_wake(coordinator, WAKE_RUN, entry->run);
	}
	visit->step = VISIT_LOAD;
	visit->tries = 0;
	visit->is_busy = visit->is_wanted_again;
}

/* --- a trigger --- */

static void load_trigger(struct sim *sim, struct coordinator *coordinator, struct visit *visit)
{
	struct row_trigger *trigger = &sim->rows.triggers[visit->of.id - 1];
	visit->is_busy = trigger->state == TRIGGER_PENDING && trigger->next_at <= sim->rows.now_us;
	if (!visit->is_busy)
		return;
	trigger->next_at = sim->rows.now_us + TRIGGER_US;
	/* Only what was pushed is planned again. */
	bool may_change = trigger->kind == TRIGGER_PUSH;
	visit->places = coordinator->known.places;
	visit->plan = triggers_plan(sim, trigger, visit->places);
	visit->configuration = may_change ? coordinator->known.version : INT64_MAX;
	visit->step = VISIT_DECIDE;
}

static void decide_trigger(struct sim *sim, struct coordinator *coordinator, struct visit *visit)
{
	struct rows *rows = &sim->rows;
	const struct row_trigger *trigger = &rows->triggers[visit->of.id - 1];
	visit->is_busy = false;
	if (!visit->plan || rows->run_count == RUNS_MAX) {
		if (rows_refuse(rows, visit->of.id))
			MIRROR(sim, refuse, sim, visit->of.id);
		return;
	}
	int64_t run = rows_create(rows, visit->of.id, visit->plan, trigger->commit, trigger->kind == TRIGGER_BACK,
		visit->places, visit->configuration);
	MIRROR(sim, create, sim, visit->of.id, visit, run);
	if (run)
		sim_say(sim, "  trigger %lld becomes web#%lld (%.*s)", (long long)visit->of.id, (long long)run,
			STR_ARG(visit->plan->pipeline));
	coordinator_wake(coordinator, WAKE_RUN, run);
	if (run && rows_run(rows, run)->graph.concurrency_group.n)
		coordinator_wake(coordinator, WAKE_LANE, rows->requests[rows->request_count - 1].lane);
}

/* --- visits --- */

static void step_visit(struct sim *sim, struct coordinator *coordinator, struct visit *visit)
{
	switch (visit->step) {
	case VISIT_LOAD:
		visit->step = VISIT_DECIDE;
		if (visit->of.kind == WAKE_RUN)
			load_run(sim, coordinator, visit);
		else if (visit->of.kind == WAKE_TRIGGER)
			load_trigger(sim, coordinator, visit);
		else {
			visit->is_wanted_again = false;
			rows_load_lane(&sim->rows, visit->of.id, &visit->lane, &sim->arena);
			MIRROR(sim, load_lane, sim, &visit->desk, &visit->lane);
		}
		return;
	case VISIT_DECIDE:
		if (visit->of.kind == WAKE_RUN)
			decide_run(sim, coordinator, visit);
		else if (visit->of.kind == WAKE_TRIGGER)
			decide_trigger(sim, coordinator, visit);
		else
			decide_lane(sim, coordinator, visit);
		return;
	case VISIT_TELL:
		if (visit->of.kind == WAKE_RUN)
			tell_run(sim, coordinator, visit);
		else
			tell_lane(coordinator, visit);
		return;
	case VISIT_REPLAN:
		store_plan(sim, visit);
		return;
	}
}

/* NULL: there is one for it already, which then looks again, or all are busy. */
static struct visit *begin_visit(struct coordinator *coordinator, struct wake of)
{
	struct visit *free_one = NULL;
	for (size_t i = 0; i < VISITS; i++) {
		struct visit *visit = &coordinator->visits[i];
		if (visit->is_busy && visit->of.kind == of.kind && visit->of.id == of.id) {
			visit->is_wanted_again = true;
			return NULL;
		}
		if (!visit->is_busy)
			free_one = visit;
	}
	if (!free_one)
		return NULL;
	free_one->is_busy = true;
	free_one->is_wanted_again = false;
	free_one->of = of;
	free_one->step = VISIT_LOAD;
	free_one->tries = 0;
	free_one->request = (struct engine_event){.kind = ENGINE_LOOK};
	free_one->effects = (struct effects){0};
	free_one->was_saved = false;
	return free_one;
}

static size_t busy_visits(const struct coordinator *coordinator)
{
	size_t busy = 0;
	for (size_t i = 0; i < VISITS; i++)
		busy += coordinator->visits[i].is_busy;
	return busy;
}

static bool take_wake(struct coordinator *coordinator)
{
	if (coordinator->wake_count == 0 || busy_visits(coordinator) == VISITS)
		return false;
	struct wake of = coordinator->wakes[0];
	coordinator->wake_count--;
	for (size_t i = 0; i < coordinator->wake_count; i++)
		coordinator->wakes[i] = coordinator->wakes[i + 1];
	begin_visit(coordinator, of);
	return true;
}

bool coordinator_step(struct sim *sim, struct coordinator *coordinator, uint32_t which)
{
	if (coordinator->is_behind && which % 2) {
		coordinator_look(sim, coordinator);
		return true;
	}
	if ((which % 4 == 0 || busy_visits(coordinator) == 0) && take_wake(coordinator))
		return true;
	for (size_t i = 0; i < VISITS; i++) {
		struct visit *visit = &coordinator->visits[(which / 4 + i) % VISITS];
		if (!visit->is_busy)
			continue;
		step_visit(sim, coordinator, visit);
		return true;
	}
	return false;
}

bool coordinator_ask(struct sim *sim, struct coordinator *coordinator, int64_t run, const struct engine_event *event)
{
	struct visit *visit = begin_visit(coordinator, (struct wake){WAKE_RUN, run});
	(void)sim;
	if (!visit)
		return false;
	visit->request = *event;
	return true;
}

void coordinator_crash(struct sim *sim, struct coordinator *coordinator)
{
	for (size_t i = 0; i < VISITS; i++) {
		if (coordinator->visits[i].is_busy)
			effects_done(&coordinator->visits[i].effects);
		coordinator->visits[i].is_busy = false;
	}
	for (size_t i = 0; i < KEPT; i++)
		coordinator->kept_runs[i] = 0;
	coordinator->wake_count = 0;
	coordinator->skew_us = 0;
	coordinator_look(sim, coordinator);
}
