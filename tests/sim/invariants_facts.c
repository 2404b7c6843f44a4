/* What decisions rely on must be so at the moment at which they are written, whatever was loaded before. */
#include "tests/sim/policies.h"
#include "tests/sim/sim.h"

static bool is_back(const struct graph_stage *stage)
{
	return stage->plan->delivery->priority == PLAN_PRIORITY_ROLLBACK;
}

static bool is_down(const struct graph_stage *stage)
{
	return stage->plan->delivery->priority == PLAN_PRIORITY_TEARDOWN;
}

static bool overrides(const struct sim *sim, const struct run_graph *graph, size_t stage)
{
	return rows_run(&sim->rows, graph->id)->overrides_freeze[stage];
}

static bool is_stopped(const struct sim *sim, const struct graph_stage *stage)
{
	const struct row_policy *policy = &sim->rows.policy;
	for (size_t i = 0; i < policy->blocker_count; i++) {
		const struct freeze_blocker *blocker = &policy->blockers[i];
		if ((blocker->service.n == 0 || str_eq(blocker->service, stage->plan->delivery->service)) &&
			(blocker->environment.n == 0 || str_eq(blocker->environment, stage->plan->environment)))
			return true;
	}
	return false;
}

static bool has_bad_alarm(const struct sim *sim, const struct graph_stage *stage)
{
	const struct str_list *names = &stage->plan->delivery->alarms;
	for (size_t i = 0; i < names->count; i++)
		if (!str_is(rows_alarm(&sim->rows, names->items[i])->state, "ok"))
			return true;
	return false;
}

/* It descends from a version in quarantine, and from nothing that is said to mend it. */
static bool descends_from_condemned(
	const struct sim *sim, const struct run_graph *graph, const struct graph_stage *stage)
{
	for (size_t i = 0; i < sim->rows.quarantine_count; i++) {
		const struct row_quarantine *held = &sim->rows.quarantines[i];
		struct str commit = rows_commit_of(&sim->rows, held->service, held->version);
		bool is_here = !held->is_released && str_eq(held->service, stage->plan->delivery->service) &&
			       str_eq(held->environment, stage->plan->environment);
		bool is_mended = held->fixed_commit.n && rows_contains(graph->commit, held->fixed_commit);
		if (is_here && commit.n && !str_eq(commit, graph->commit) && rows_contains(graph->commit, commit) &&
			!is_mended)
			return true;
	}
	return false;
}

/* Why the stage may not go on to these targets; NULL: it may. */
static const char *closed(
	const struct sim *sim, const struct run_graph *graph, size_t index, const struct str_list *targets)
{
	const struct graph_stage *stage = &graph->stages[index];
	bool is_override = overrides(sim, graph, index);
	if (is_back(stage))
		return NULL;
	if (is_stopped(sim, stage) && !is_override)
		return "the line is stopped";
	if (has_bad_alarm(sim, stage) && !stage->plan->delivery->overrides_alarms)
		return "an alarm is not ok";
	if (!is_down(stage) && descends_from_condemned(sim, graph, stage))
		return "its commit descends from a condemned one";
	return policies_say(sim->rows.policy.configuration, stage->plan->delivery->service, stage->plan->environment,
		targets, stage->version, is_override, graph->now_us);
}

/* What enters or asks for its lane does so by the plan of today, unless it had begun before. */
static bool is_outdated(const struct sim *sim, const struct run_graph *graph, size_t index)
{
	const struct graph_stage *stage = &graph->stages[index];
	for (size_t i = 0; i < stage->job_count; i++) {
		const struct graph_job *job = &graph->jobs[stage->first_job + i];
		if (job->attempt > 0 && job->plan->part != PLAN_PART_PREVIEW)
			return false;
	}
	bool is_inside = stage->was == STAGE_RUNNING;
	return !is_inside && !is_back(stage) && !is_down(stage) && graph->configuration < sim->rows.policy.version;
}

static void check_beginning(struct sim *sim, const struct run_graph *graph, const struct graph_wave *wave)
{
	const struct graph_stage *stage = &graph->stages[wave->stage];
	const struct str_list *targets = &stage->plan->delivery->waves[wave->number - 1].targets;
	const char *why = closed(sim, graph, wave->stage, targets);
	if (why)
		sim_fail(sim, "%.*s: a wave begins in %.*s though by now %s", STR_ARG(graph->name),
			STR_ARG(stage->plan->environment), why);
	if (is_outdated(sim, graph, wave->stage))
		sim_fail(sim, "%.*s: wave %d of %.*s begins by the plan of an older configuration (%lld, %lld holds)",
			STR_ARG(graph->name), wave->number, STR_ARG(stage->plan->name), (long long)graph->configuration,
			(long long)sim->rows.policy.version);
	int64_t expires_at = rows_expires_at(&sim->rows, stage);
	if (is_down(stage) && (expires_at == 0 || expires_at > graph->now_us))
		sim_fail(sim, "%.*s: what has not expired is taken down", STR_ARG(graph->name));
	if (!is_down(stage) && rows_quarantined(&sim->rows, graph, stage).n)
		sim_fail(sim, "%.*s: a wave begins with a version that is in quarantine by now", STR_ARG(graph->name));
	if (rows_condemned_elsewhere(&sim->rows, graph, stage).n)
		sim_fail(sim, "%.*s: a wave begins with a version that is condemned elsewhere by now",
			STR_ARG(graph->name));
	if (rows_stage_lane(&sim->rows, graph, wave->stage).state == LANE_REVOKED)
		sim_fail(sim, "%.*s: a wave begins though by now somebody waits for the lane", STR_ARG(graph->name));
}

/* What the stage is done with is somebody else's by now: to go on would leave it out, and tell otherwise. */
static void check_still_there(struct sim *sim, const struct run_graph *graph, size_t index)
{
	const struct graph_stage *stage = &graph->stages[index];
	for (size_t i = 0; i < stage->job_count; i++) {
		const struct graph_job *job = &graph->jobs[stage->first_job + i];
		struct row_deployment other;
		if (rows_was_overtaken(&sim->rows, graph, job, &other))
			sim_fail(sim, "%.*s: a wave goes on though web#%lld has deployed to %.*s since",
				STR_ARG(graph->name), (long long)other.run, STR_ARG(job->plan->target));
	}
}

static void check_request(struct sim *sim, const struct run_graph *graph, size_t index)
{
	const struct graph_stage *stage = &graph->stages[index];
	static const struct str_list none;
	const struct str_list *targets = &none;
	for (size_t i = graph->wave_count; i > 0; i--) {
		const struct graph_wave *wave = &graph->waves[i - 1];
		if (wave->stage == index && wave->state == WAVE_PENDING)
			targets = &stage->plan->delivery->waves[wave->number - 1].targets;
	}
	const char *why = closed(sim, graph, index, targets);
	if (why)
		sim_fail(sim, "%.*s: it asks for its lane though by now %s", STR_ARG(graph->name), why);
	if (is_outdated(sim, graph, index))
		sim_fail(sim, "%.*s: it asks for its lane by the plan of an older configuration", STR_ARG(graph->name));
}

void check_facts(struct sim *sim, const struct run_graph *graph, const struct effects *effects)
{
	for (size_t i = 0; i < graph->wave_count; i++) {
		const struct graph_wave *wave = &graph->waves[i];
		const struct graph_stage *stage = &graph->stages[wave->stage];
		bool has_begun = wave->was == WAVE_PENDING && wave->state != WAVE_PENDING;
		if (has_begun && wave->state != WAVE_SUPERSEDED)
			check_beginning(sim, graph, wave);
		bool goes_on = wave->state == WAVE_DEPLOYING || wave->state == WAVE_VERIFYING ||
			       wave->state == WAVE_BAKING || wave->state == WAVE_SUCCEEDED;
		if (wave->was != wave->state && goes_on)
			check_still_there(sim, graph, wave->stage);
		if (wave->was != WAVE_SUCCEEDED && wave->state == WAVE_SUCCEEDED && !is_back(stage) &&
			!wave->asked_at && has_bad_alarm(sim, stage))
			sim_fail(sim, "%.*s: a wave ends well though by now an alarm is not ok", STR_ARG(graph->name));
	}
	if (effects->requests_lane_of)
		check_request(sim, graph, effects->requests_lane_of - 1);
}
