/* What a wave's bake tells too late, or not at all, is for people. */
#include "tests/sim/sim.h"

#include <string.h>

#define BROKEN(format, ...) sim_fail(sim, "%.*s: " format, STR_ARG(graph->name) __VA_OPT__(, ) __VA_ARGS__)

static const char *check_of(const struct run_graph *graph, const struct graph_wave *wave, bool *ret_is_late)
{
	const char *state = "good";
	bool is_late = graph->stages[wave->stage].plan->delivery->waves[wave->number - 1].bake_ms > 0;
	for (size_t i = 0; i < graph->job_count; i++) {
		const struct graph_job *job = &graph->jobs[i];
		bool is_check = job->plan->part == PLAN_PART_TEST || job->plan->part == PLAN_PART_DIAGNOSE;
		if (job->stage != wave->stage || job->plan->wave != wave->number || !is_check)
			continue;
		/* Somebody looks what was wrong, also where the check was tried again by the time. */
		bool is_looked_at = job->plan->part == PLAN_PART_TEST || job->state != JOB_BLOCKED;
		if (!job_is_over(job->state) && is_looked_at)
			return "under way";
		bool has_failed = (job->state == JOB_FAILED || job->state == JOB_LOST) && !job->allow_failure;
		if (!has_failed || job->plan->part != PLAN_PART_TEST)
			continue;
		state = "bad";
		is_late &= job->ended_at > wave->bake_until;
	}
	*ret_is_late = is_late;
	return state;
}

void check_people(struct sim *sim, const struct run_graph *graph, const struct effects *effects,
	const struct graph_wave *wave, bool has_fired)
{
	const struct graph_wave *row = &rows_run(&sim->rows, graph->id)->graph.waves[wave - graph->waves];
	const struct plan_delivery *rules = graph->stages[wave->stage].plan->delivery;
	int64_t bake_us = rules->waves[wave->number - 1].bake_ms * 1000;
	int64_t limit = wave->bake_until + (bake_us > 30000000 ? 2 * bake_us : 60000000);
	bool is_late = false, is_new = wave->asked_at && row->asked_at != wave->asked_at;
	const char *checks = check_of(graph, wave, &is_late);
	if (is_new != (effects->call_count > 0) && wave->state == WAVE_BAKING)
		BROKEN("people are %s", is_new ? "asked, and nobody is called" : "called for nothing");
	bool is_firing = false;
	for (size_t i = 0; i < graph->facts.alarm_count; i++)
		is_firing |= str_is(graph->facts.alarms[i].state, "firing");
	if (is_new && graph->now_us < limit && !is_firing)
		BROKEN("a wave asks for a person before its time");
	if (wave->state == WAVE_BAKING && wave->was == WAVE_BAKING && !wave->asked_at &&
		(graph->now_us >= limit || (is_firing && graph->now_us >= wave->bake_until && !has_fired)) &&
		strcmp(checks, "good") == 0 && graph->ending == RUN_PENDING && !effects->looks_again)
		BROKEN("a wave bakes on and on, and nobody is asked");
	bool is_tested = wave->was == WAVE_BAKING && strcmp(checks, "bad") == 0 && is_late && !has_fired;
	if (is_tested && wave->state == WAVE_ROLLED_BACK && effects->condemns && graph->facts.quarantined.n == 0)
		BROKEN("a check failed when its wave had baked, and the version is condemned");
	if (is_tested && wave->state == WAVE_FAILED && effects->call_count == 0)
		BROKEN("a check failed when its wave had baked, and nobody is told");
}
