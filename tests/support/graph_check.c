#include "tests/support/graph_check.h"

#include "server/engine/engine.h"

static const char *check_job(const struct run_graph *graph, const struct graph_job *job)
{
	const struct graph_stage *stage = &graph->stages[job->stage];
	bool is_active = job->state == JOB_QUEUED || job_is_held(job->state);
	bool is_preview = job->plan->part == PLAN_PART_PREVIEW;
	if (is_active && stage->state != STAGE_RUNNING && !(is_preview && !stage_is_over(stage->state)))
		return "a job is ready though its stage is not open";
	if (is_active && stage->plan->delivery && !is_preview && stage->lane.state != LANE_GRANTED &&
		stage->lane.state != LANE_REVOKED)
		return "a deployment is ready though its stage is not inside its lane";
	if (is_active && run_is_over(graph->state))
		return "a job is ready though its run is over";
	if (stage_is_over(stage->state) && !job_is_over(job->state))
		return "a stage is over though a job is not";
	for (size_t i = 0; i < job->need_count && is_active; i++)
		if (!job_is_over(graph->jobs[job->needs[i]].state))
			return "a job is ready before what it needs is over";
	bool is_plain = job->plan->condition.n == 0 || str_is(job->plan->condition, "success()"), is_met = true;
	for (size_t i = 0; i < job->need_count; i++) {
		const struct graph_job *need = &graph->jobs[job->needs[i]];
		is_met &= need->state == JOB_SUCCEEDED || need->allow_failure;
	}
	if (is_active && is_plain && !is_met)
		return "a job is ready though what it needs did not succeed";
	if (job->state == JOB_SKIPPED && stage->state == STAGE_SUCCEEDED && is_plain && is_met &&
		!job->plan->is_skipped && job->plan->part != PLAN_PART_DIAGNOSE)
		return "a job was skipped though all that it needs succeeded";
	return NULL;
}

static const char *check_stage(const struct run_graph *graph, size_t index)
{
	const struct graph_stage *stage = &graph->stages[index];
	const struct graph_gate *gate = graph_gate_of(graph, index);
	bool has_begun = stage->state == STAGE_RUNNING || stage->state == STAGE_SUCCEEDED ||
			 (stage->state == STAGE_FAILED && stage->started_at); /* a preview may fail before */
	if (stage->plan->gate && has_begun && (!gate || gate->state != GATE_GRANTED))
		return "a stage began though its gate was not granted";
	for (size_t i = 0; i < stage->job_count && (stage->state == STAGE_RUNNING || stage->state == STAGE_SUCCEEDED);
		i++) {
		const struct graph_job *job = &graph->jobs[stage->first_job + i];
		bool is_good = job->state == JOB_SUCCEEDED || job->allow_failure || job->plan->is_skipped;
		if (job->plan->part == PLAN_PART_PREVIEW && !is_good)
			return "a stage began before what comes before it was through";
	}
	if (gate && gate->state == GATE_OPEN && stage->state != STAGE_GATED)
		return "a gate is open though its stage does not wait for it";
	if (gate && gate->state == GATE_GRANTED && engine_approved(gate) < (size_t)stage->plan->gate->approvals)
		return "a gate was granted with too few approvals";
	for (size_t before = 0; before < index && (stage->state == STAGE_RUNNING || stage->state == STAGE_GATED);
		before++)
		if (!stage_is_over(graph->stages[before].state))
			return "a stage began before the one before it was over";
	return NULL;
}

static bool is_at_work(const struct graph_wave *wave)
{
	return wave->state == WAVE_DEPLOYING || wave->state == WAVE_VERIFYING || wave->state == WAVE_BAKING;
}

static const struct graph_deployment *deployment_to(const struct run_graph *graph, size_t wave, struct str target)
{
	for (size_t i = graph->deployment_count; i > 0; i--)
		if (graph->deployments[i - 1].wave == wave && str_eq(graph->deployments[i - 1].target, target))
			return &graph->deployments[i - 1];
	return NULL;
}

static const char *check_part(const struct run_graph *graph, size_t at, const struct graph_job *job)
{
	const struct graph_wave *wave = &graph->waves[at];
	const struct graph_deployment *deployment = deployment_to(graph, at, job->plan->target);
	bool is_ready = job->state == JOB_QUEUED || job_is_held(job->state);
	enum plan_part part = job->plan->part;
	bool is_good = job->state == JOB_SUCCEEDED || job->allow_failure;
	if (is_ready && part == PLAN_PART_TEST && wave->state != WAVE_BAKING)
		return "a wave is tested though it does not bake";
	if (is_ready && part == PLAN_PART_DEPLOY && wave->state != WAVE_DEPLOYING)
		return "a target is deployed to though its wave does not deploy";
	if (is_ready && part == PLAN_PART_DEPLOY && (!deployment || deployment_is_over(deployment->state)))
		return "a target is deployed to without a deployment";
	if (is_ready && part == PLAN_PART_VERIFY && (!deployment || deployment->state != DEPLOYMENT_VERIFYING))
		return "a target is verified though it has not got its version";
	if (wave->state == WAVE_SUCCEEDED && !is_good)
		return "a wave succeeded though a job of it did not";
	if (wave->state == WAVE_BAKING && !is_good && part != PLAN_PART_TEST && graph->ending == RUN_PENDING)
		return "a wave bakes though a target was not reached or not verified";
	return NULL;
}

static const char *check_wave_jobs(const struct run_graph *graph, size_t at)
{
	const struct graph_wave *wave = &graph->waves[at];
	const struct graph_stage *stage = &graph->stages[wave->stage];
	int32_t busy = 0;
	const char *fault = NULL;
	for (size_t i = 0; i < stage->job_count && !fault; i++) {
		const struct graph_job *job = &graph->jobs[stage->first_job + i];
		if (job->plan->wave != wave->number || job->plan->part == PLAN_PART_DIAGNOSE)
			continue;
		fault = check_part(graph, at, job);
		busy += job->plan->part == PLAN_PART_DEPLOY && (job->state == JOB_QUEUED || job_is_held(job->state));
	}
	if (!fault && busy > stage->plan->delivery->waves[wave->number - 1].parallel)
		return "more deployments at a time than the wave allows";
	return fault;
}

static const char *check_wave(const struct run_graph *graph, size_t at)
{
	const struct graph_wave *wave = &graph->waves[at];
	const struct graph_stage *stage = &graph->stages[wave->stage];
	if (is_at_work(wave) && stage->state != STAGE_RUNNING)
		return "a wave is under way though its stage is not";
	for (size_t i = stage->first_wave; i < at; i++)
		if (is_at_work(wave) && graph->waves[i].state != WAVE_SUCCEEDED)
			return "a wave began before the one before it baked clean";
	if (stage_is_over(stage->state) && stage->state != STAGE_SKIPPED && !wave_is_over(wave->state))
		return "a stage is over though a wave is not";
	if (wave->state == WAVE_SUCCEEDED && wave->ended_at < wave->bake_until)
		return "a wave succeeded before its bake was over";
	return check_wave_jobs(graph, at);
}

static const char *check_deployment(const struct run_graph *graph, const struct graph_deployment *deployment)
{
	const struct graph_stage *stage = &graph->stages[graph->jobs[deployment->job].stage];
	if (!deployment_is_over(deployment->state) && stage_is_over(stage->state))
		return "a stage is over though a deployment is not";
	if (deployment->baked_at && graph->waves[deployment->wave].state != WAVE_SUCCEEDED)
		return "a deployment counts as baked though its wave did not succeed";
	return NULL;
}

static bool holds_lane(const struct graph_stage *stage)
{
	return stage->lane.request && stage->lane.state != LANE_RELEASED && stage->lane.state != LANE_SUPERSEDED;
}

static bool has_succeeded(const struct run_graph *graph, const struct graph_stage *stage)
{
	for (size_t i = 0; i < stage->job_count; i++) {
		const struct graph_job *job = &graph->jobs[stage->first_job + i];
		if (!job->allow_failure && (job->state == JOB_FAILED || job->state == JOB_LOST))
			return false;
	}
	for (size_t i = 0; i < stage->wave_count; i++)
		if (graph->waves[stage->first_wave + i].state != WAVE_SUCCEEDED)
			return false;
	return true;
}

static const char *check_run(const struct run_graph *graph)
{
	bool is_over = run_is_over(graph->state), has_failed = false;
	for (size_t i = 0; i < graph->stage_count; i++) {
		const struct graph_stage *stage = &graph->stages[i];
		if (is_over && !stage_is_over(stage->state))
			return "a run is over though a stage is not";
		if (is_over && holds_lane(stage))
			return "a run that is over keeps a lane";
		if (stage->plan->delivery && stage_is_over(stage->state) && holds_lane(stage))
			return "a stage that is over keeps its lane";
		if (stage->state == STAGE_SUCCEEDED && !has_succeeded(graph, stage))
			return "a stage succeeded though not all of it did";
		has_failed |= stage->state == STAGE_FAILED;
	}
	if (is_over && graph->lane.state != LANE_RELEASED && graph->lane.state != LANE_SUPERSEDED &&
		graph->lane.request)
		return "a run that is over keeps its group";
	if (graph->state == RUN_SUCCEEDED && has_failed)
		return "a run succeeded though a stage failed";
	if (graph->state == RUN_FAILED && !has_failed)
		return "a run failed though no stage did";
	return NULL;
}

/* With a worker of whom somebody hears. */
static bool is_at_hand(const struct run_graph *graph, const struct graph_job *job)
{
	for (size_t i = 0; i < graph->deployment_count; i++)
		if (&graph->jobs[graph->deployments[i].job] == job && graph->deployments[i].state == DEPLOYMENT_UNKNOWN)
			return false;
	return job->state == JOB_QUEUED || job_is_held(job->state);
}

const char *graph_check(const struct run_graph *graph)
{
	const char *fault = check_run(graph);
	for (size_t i = 0; i < graph->job_count && !fault; i++) {
		fault = check_job(graph, &graph->jobs[i]);
		if (!fault && graph->state == RUN_WAITING && is_at_hand(graph, &graph->jobs[i]))
			fault = "a run waits though it has work";
	}
	for (size_t i = 0; i < graph->stage_count && !fault; i++)
		fault = check_stage(graph, i);
	for (size_t i = 0; i < graph->wave_count && !fault; i++)
		fault = check_wave(graph, i);
	for (size_t i = 0; i < graph->deployment_count && !fault; i++)
		fault = check_deployment(graph, &graph->deployments[i]);
	return fault;
}

bool graph_can_move(const struct run_graph *graph)
{
	/* Something other than a job: time, a lane, an alarm, an operator. */
	bool can_move = run_is_over(graph->state) || graph->waiting_for.n > 0;
	can_move |= graph->concurrency_group.n && graph->lane.state == LANE_WAITING;
	for (size_t i = 0; i < graph->job_count && !can_move; i++)
		can_move = is_at_hand(graph, &graph->jobs[i]);
	for (size_t i = 0; i < graph->stage_count && !can_move; i++)
		can_move = graph->stages[i].state == STAGE_GATED || graph->stages[i].lane.state == LANE_WAITING;
	return can_move;
}
