#include "tests/support/world.h"

#include "common/lang/lang.h"
#include "server/engine/planner.h"

#include <check.h>
#include <string.h>

static struct str bob_groups[] = {{"release", 7}, {"qa", 2}};
static struct str ann_groups[] = {{"release", 7}};

const struct person world_ann = {1, {"ann", 3}, {"ann@example.org", 15}, {"developer", 9}, {ann_groups, 1}};
const struct person world_bob = {2, {"bob", 3}, {"bob@example.org", 15}, {"operator", 8}, {bob_groups, 2}};
const struct person world_eve = {3, {"eve", 3}, {"eve@example.org", 15}, {"viewer", 6}, {bob_groups, 2}};

static void make_plan(struct world *world, const char *yaml)
{
	struct lang_errors errors = {.arena = &world->arena};
	const struct pipeline *pipeline;
	struct plan_context context = {
		.event = PLAN_EVENT_PUSH,
		.ref = STR("refs/heads/main"),
		.branch = STR("main"),
		.commit = STR("0123456789abcdef0123456789abcdef01234567"),
		.author_email = STR("ann@example.org"),
		.actor = STR("ann"),
		.repository = STR("web"),
		.default_branch = STR("main"),
		.file = ".penstock/ci.yaml",
	};
	bool ok = lang_load(str_of(yaml), context.file, NULL, &world->arena, &pipeline, &errors) &&
		  plan_make(pipeline, &context, &world->arena, &world->plan, &errors);
	if (!ok)
		ck_abort_msg("%.*s", STR_ARG(lang_error_text(&errors.items[0], &world->arena)));
}

static void make_rows(struct world *world)
{
	struct run_graph *graph = &world->graph;
	struct arena *arena = &world->arena;
	int64_t id = 100;
	graph->stages = arena_array(arena, struct graph_stage, world->plan.stage_count);
	graph->stage_count = world->plan.stage_count;
	for (size_t i = 0; i < world->plan.stage_count; i++) {
		graph->stages[i].id = (int64_t)i + 1;
		for (size_t j = 0; j < world->plan.stages[i].job_count; j++) {
			const struct plan_job *job = &world->plan.stages[i].jobs[j];
			graph->jobs = arena_grow(arena, graph->jobs, sizeof *graph->jobs, graph->job_count);
			graph->jobs[graph->job_count++] =
				(struct graph_job){.id = id++, .key = job->key, .allow_failure = job->allow_failure};
		}
	}
}

static void settle_rows(struct world *world)
{
	struct run_graph *graph = &world->graph;
	graph_written(graph);
	if (world->effects.requests_lane)
		graph->lane.request = 8;
	graph->now_us += 1000;
	for (size_t i = 0; i < graph->gate_count; i++)
		if (graph->gates[i].id == 0)
			graph->gates[i].id = ++world->next_gate;
}

static bool apply(struct world *world, const struct engine_event *event)
{
	effects_done(&world->effects);
	world->err = (struct err){0};
	if (!engine_apply(&world->graph, event, &world->effects, &world->err))
		return false;
	settle_rows(world);
	return true;
}

void world_init(struct world *world, const char *yaml)
{
	*world = (struct world){0};
	make_plan(world, yaml);
	world->graph = (struct run_graph){
		.id = 42,
		.version = 1,
		.name = STR("web#42"),
		.actor = STR("ann"),
		.author_email = STR("ann@example.org"),
		.commit = STR("0123456789abcdef0123456789abcdef01234567"),
		.concurrency_group = world->plan.concurrency.group,
		.plan = &world->plan,
		.now_us = INT64_C(1700000000000000),
		.arena = &world->arena,
		.lane = {.state = LANE_RELEASED},
	};
	if (world->graph.concurrency_group.n)
		world->graph.lane =
			(struct graph_lane){.request = 7, .lane = 1, .state = LANE_WAITING, .holder = STR("web#41")};
	make_rows(world);
	struct err err;
	if (!graph_link(&world->graph, &err))
		ck_abort_msg("%s", err.text);
	ck_assert(world_look(world));
}

void world_done(struct world *world)
{
	effects_done(&world->effects);
	plan_done(&world->plan);
	arena_done(&world->arena);
}

bool world_look(struct world *world)
{
	return apply(world, &(struct engine_event){.kind = ENGINE_LOOK});
}

bool world_decide(struct world *world, const struct person *person, bool is_approval, const char *comment)
{
	const struct run_graph *graph = &world->graph;
	struct engine_event event = {
		.kind = ENGINE_DECIDED,
		.person = person,
		.gate = graph->gate_count ? graph->gates[graph->gate_count - 1].id : 99,
		.is_approval = is_approval,
		.text = str_of(comment),
	};
	return apply(world, &event);
}

bool world_cancel(struct world *world, const struct person *person, const char *reason)
{
	return apply(world, &(struct engine_event){.kind = ENGINE_CANCEL, .person = person, .text = str_of(reason)});
}

bool world_retry(struct world *world, const struct person *person, const char *job)
{
	return apply(world, &(struct engine_event){.kind = ENGINE_RETRY, .person = person, .text = str_of(job)});
}

struct graph_job *world_job(struct world *world, const char *job)
{
	struct graph_job *found = graph_job_by_key(&world->graph, str_of(job));
	ck_assert_msg(found != NULL, "no job %s", job);
	return found;
}

bool world_lease(struct world *world, const char *name)
{
	struct graph_job *job = world_job(world, name);
	if (job->state != JOB_QUEUED)
		return false;
	job->attempt++;
	job->state = job->was = JOB_RUNNING;
	return true;
}

static void end(struct world *world, struct attempt_end end)
{
	end.started_at = world->graph.now_us - 10;
	end.ended_at = world->graph.now_us;
	ck_assert(apply(world, &(struct engine_event){.kind = ENGINE_ENDED, .ends = &end, .end_count = 1}));
}

void world_end(struct world *world, const char *name, enum end_reason reason, int exit_code)
{
	struct graph_job *job = world_job(world, name);
	end(world, (struct attempt_end){
			   .job = job->id, .attempt = job->attempt, .reason = reason, .exit_code = exit_code});
}

void world_end_with_output(struct world *world, const char *name, int exit_code, const char *output, const char *value)
{
	struct graph_job *job = world_job(world, name);
	struct attempt_end ended = {
		.job = job->id, .attempt = job->attempt, .reason = END_EXIT, .exit_code = exit_code};
	pair_set(&ended.outputs, &world->arena, str_of(output), str_of(value));
	end(world, ended);
}

void world_pass(struct world *world, const char *job)
{
	ck_assert_msg(world_lease(world, job), "%s is %s", job, world_job_state(world, job));
	world_end(world, job, END_EXIT, 0);
}

void world_fail(struct world *world, const char *job)
{
	ck_assert_msg(world_lease(world, job), "%s is %s", job, world_job_state(world, job));
	world_end(world, job, END_EXIT, 1);
}

const char *world_job_state(struct world *world, const char *job)
{
	return job_state_names[world_job(world, job)->state];
}

const char *world_stage_state(struct world *world, const char *stage)
{
	for (size_t i = 0; i < world->graph.stage_count; i++)
		if (str_is(world->graph.stages[i].plan->name, stage))
			return stage_state_names[world->graph.stages[i].state];
	ck_abort_msg("no stage %s", stage);
}

const char *world_run_state(struct world *world)
{
	return run_state_names[world->graph.state];
}

/* --- invariants --- */

static const char *check_job(const struct run_graph *graph, const struct graph_job *job)
{
	const struct graph_stage *stage = &graph->stages[job->stage];
	bool is_active = job->state == JOB_QUEUED || job_is_held(job->state);
	if (is_active && stage->state != STAGE_RUNNING)
		return "a job is ready though its stage is not open";
	if (is_active && run_is_over(graph->state))
		return "a job is ready though its run is over";
	if (stage_is_over(stage->state) && !job_is_over(job->state))
		return "a stage is over though a job is not";
	for (size_t i = 0; i < job->need_count && is_active; i++)
		if (!job_is_over(graph->jobs[job->needs[i]].state))
			return "a job is ready before what it needs is over";
	bool is_plain = job->plan->condition.n == 0;
	for (size_t i = 0; i < job->need_count && is_active && is_plain; i++) {
		const struct graph_job *need = &graph->jobs[job->needs[i]];
		if (need->state != JOB_SUCCEEDED && !need->allow_failure)
			return "a job is ready though what it needs did not succeed";
	}
	return NULL;
}

static const char *check_stage(const struct run_graph *graph, size_t index)
{
	const struct graph_stage *stage = &graph->stages[index];
	const struct graph_gate *gate = graph_gate_of(graph, index);
	bool has_begun =
		stage->state == STAGE_RUNNING || stage->state == STAGE_SUCCEEDED || stage->state == STAGE_FAILED;
	if (stage->plan->gate && has_begun && (!gate || gate->state != GATE_GRANTED))
		return "a stage began though its gate was not granted";
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

const char *world_check(struct world *world)
{
	const struct run_graph *graph = &world->graph;
	const char *fault = NULL;
	bool has_work = false, has_gate = false;
	for (size_t i = 0; i < graph->job_count && !fault; i++) {
		fault = check_job(graph, &graph->jobs[i]);
		has_work |= graph->jobs[i].state == JOB_QUEUED || job_is_held(graph->jobs[i].state);
	}
	for (size_t i = 0; i < graph->stage_count && !fault; i++) {
		fault = check_stage(graph, i);
		has_gate |= graph->stages[i].state == STAGE_GATED;
		if (run_is_over(graph->state) && !stage_is_over(graph->stages[i].state))
			fault = "a run is over though a stage is not";
	}
	bool waits_for_lane = graph->concurrency_group.n && graph->lane.state == LANE_WAITING;
	if (!fault && !run_is_over(graph->state) && !has_work && !has_gate && !waits_for_lane)
		fault = "a run is not over though nothing is left that could move it";
	if (!fault && graph->state == RUN_WAITING && has_work)
		fault = "a run waits though it has work";
	if (!fault && run_is_over(graph->state) && graph->lane.state != LANE_RELEASED && graph->lane.request)
		fault = "a run that is over keeps its group";
	return fault;
}
