/* An environment stage whose configuration changed before it began. Implements those parts of delivery.h. */
#include "server/engine/delivery_parts.h"
#include "server/engine/settle.h"

static bool is_preview(const struct graph_job *job)
{
	return job->plan->part == PLAN_PART_PREVIEW;
}

/* Whether its plan may still be replaced: nothing was deployed by it, and no preview is at work. */
static bool is_open(const struct run_graph *graph, size_t index)
{
	const struct graph_stage *stage = &graph->stages[index];
	for (size_t i = 0; i < stage->job_count; i++) {
		const struct graph_job *job = &graph->jobs[stage->first_job + i];
		if (is_preview(job) ? job->state == JOB_QUEUED || job_is_held(job->state) : job->attempt > 0)
			return false;
	}
	return true;
}

bool delivery_is_current(const struct run_graph *graph, size_t index, struct effects *effects)
{
	if (graph->facts.configuration <= graph->configuration || is_about_the_past(graph, index) ||
		!is_open(graph, index))
		return true;
	effects->replans = index + 1;
	return false;
}

/* True: there is something to show again before it may begin. */
static bool reset_previews(struct run_graph *graph, size_t index)
{
	const struct graph_stage *stage = &graph->stages[index];
	bool has_previews = false;
	for (size_t i = 0; i < stage->job_count; i++) {
		struct graph_job *job = &graph->jobs[stage->first_job + i];
		if (!is_preview(job) || job->plan->is_skipped)
			continue;
		has_previews = true;
		if (job_is_over(job->state))
			graph_move_job(graph, job, JOB_RESET, (struct str){0});
	}
	return has_previews;
}

void delivery_take_replan(struct run_graph *graph, size_t index, struct effects *effects)
{
	struct graph_stage *stage = &graph->stages[index];
	struct graph_gate *gate = graph_gate_of(graph, index);
	if (stage->refused.n)
		settle_end(graph, RUN_CANCELLED, stage->refused);
	if (stage->refused.n || stage->replanned.n == 0)
		return;
	if (stage->state == STAGE_GATED && gate->state == GATE_REFUSED)
		return; /* somebody has just said no, and meant it */
	bool was_asked = gate && (gate->state == GATE_OPEN || gate->state == GATE_GRANTED);
	if (was_asked)
		graph_move_gate(graph, gate, GATE_CLOSE, stage->replanned);
	bool is_asked = reset_previews(graph, index) || was_asked || stage->plan->gate;
	stage->replanned = (struct str){0};
	stage->is_dirty = true;
	if (stage->state == STAGE_BLOCKED || !is_asked)
		return;
	delivery_leave(graph, index, effects);
	graph_move_stage(graph, index, STAGE_RESET, (struct str){0});
}

bool delivery_is_rechecked(struct run_graph *graph, size_t index, struct effects *effects)
{
	const struct graph_stage *stage = &graph->stages[index];
	bool is_over = true, has_failed = false;
	if (!delivery_is_current(graph, index, effects)) /* what is begun now would be another's by then */
		return true;
	for (size_t i = 0; i < stage->job_count; i++) {
		struct graph_job *job = &graph->jobs[stage->first_job + i];
		if (!is_preview(job))
			continue;
		settle_job(graph, job, effects);
		is_over &= job_is_over(job->state);
		has_failed |= settle_job_failed(job);
	}
	if (is_over && !has_failed)
		return true;
	delivery_leave(graph, index, effects);
	if (!is_over)
		return false;
	struct str why = settle_describe_failure(graph, index);
	struct graph_gate *gate = graph_gate_of(graph, index);
	if (gate && gate->state == GATE_OPEN)
		graph_move_gate(graph, gate, GATE_CLOSE, why);
	delivery_fail(graph, index, why);
	return false;
}
