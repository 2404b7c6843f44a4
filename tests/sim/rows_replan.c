/* run_store_replan(): one stage of a run by another plan. */
#include "tests/sim/rows.h"

#include "common/mem.h"
#include "tests/sim/plans.h"

#include <string.h>

static const struct graph_job *job_of(const struct run_graph *graph, const struct graph_stage *stage, struct str key)
{
	for (size_t i = 0; i < stage->job_count; i++)
		if (str_eq(graph->jobs[stage->first_job + i].key, key))
			return &graph->jobs[stage->first_job + i];
	return NULL;
}

/* stage_jobs_replan.sql */
static void replace_jobs(struct rows *rows, struct row_run *row, size_t stage, const struct plan_stage *plan)
{
	struct run_graph *graph = &row->graph;
	const struct graph_stage *from = &graph->stages[stage];
	size_t behind = graph->job_count - from->first_job - from->job_count;
	struct graph_job *jobs =
		arena_array(graph->arena, struct graph_job, from->first_job + plan->job_count + behind);
	memcpy(jobs, graph->jobs, from->first_job * sizeof *jobs);
	for (size_t i = 0; i < plan->job_count; i++) {
		const struct graph_job *known = job_of(graph, from, plan->jobs[i].key);
		struct graph_job *made = &jobs[from->first_job + i];
		*made = known ? *known : (struct graph_job){.id = ++rows->last_job, .key = plan->jobs[i].key};
		made->allow_failure = plan->jobs[i].allow_failure;
	}
	memcpy(&jobs[from->first_job + plan->job_count], &graph->jobs[from->first_job + from->job_count],
		behind * sizeof *jobs);
	graph->jobs = jobs;
	graph->job_count = from->first_job + plan->job_count + behind;
}

/* stage_replan.sql, stage_waves_drop.sql: none of them has begun. */
static void replace_waves(struct rows *rows, struct row_run *row, size_t stage, size_t count)
{
	struct run_graph *graph = &row->graph;
	const struct graph_stage *from = &graph->stages[stage];
	size_t behind = graph->wave_count - from->first_wave - from->wave_count;
	struct graph_wave *waves = arena_array(graph->arena, struct graph_wave, from->first_wave + count + behind);
	memcpy(waves, graph->waves, from->first_wave * sizeof *waves);
	for (size_t i = 0; i < count; i++)
		waves[from->first_wave + i] = i < from->wave_count ? graph->waves[from->first_wave + i]
								   : (struct graph_wave){.id = ++rows->last_wave,
									     .stage = stage,
									     .number = (int32_t)i + 1};
	memcpy(&waves[from->first_wave + count], &graph->waves[from->first_wave + from->wave_count],
		behind * sizeof *waves);
	graph->waves = waves;
	graph->wave_count = from->first_wave + count + behind;
}

static bool may_replan(const struct run_graph *graph, size_t stage)
{
	enum stage_state state = graph->stages[stage].state;
	return (graph->state == RUN_RUNNING || graph->state == RUN_WAITING) &&
	       (state == STAGE_BLOCKED || state == STAGE_GATED || state == STAGE_QUEUED);
}

bool rows_replan(struct rows *rows, int64_t run, int64_t version, size_t stage, const struct plan *today, size_t places,
	int64_t configuration)
{
	struct row_run *row = rows_run(rows, run);
	struct run_graph *graph = &row->graph;
	struct err err;
	if (graph->version != version || !may_replan(graph, stage))
		return false;
	graph->version++;
	graph->configuration = configuration;
	row->is_touched = true;
	if (row->places[stage] == places) /* which plan_replace_stage() would find out by much arithmetic */
		return true;
	row->places[stage] = places;
	const struct plans_replaced *replaced = plans_replace(graph->plan, stage, today);
	if (replaced->is_same)
		return true;
	replace_jobs(rows, row, stage, &replaced->plan->stages[stage]);
	replace_waves(rows, row, stage, replaced->plan->stages[stage].delivery->wave_count);
	graph->plan = replaced->plan;
	graph->stages[stage].replanned = replaced->difference;
	graph_index(graph);
	if (!graph_link(graph, &err))
		BUG("%s", err.text);
	return true;
}
