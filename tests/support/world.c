#include "tests/support/world.h"

#include "common/lang/lang.h"

#include <check.h>
#include <string.h>

static struct str bob_groups[] = {{"release", 7}, {"qa", 2}};
static struct str ann_groups[] = {{"release", 7}};

const struct person world_ann = {1, {"ann", 3}, {"ann@example.org", 15}, {"developer", 9}, {ann_groups, 1}};
const struct person world_bob = {2, {"bob", 3}, {"bob@example.org", 15}, {"operator", 8}, {bob_groups, 2}};
const struct person world_eve = {3, {"eve", 3}, {"eve@example.org", 15}, {"viewer", 6}, {bob_groups, 2}};

static bool find_environment(void *arg, struct str name, struct str pipeline, struct str ref, struct arena *arena,
	struct plan_environment *ret, struct err *err)
{
	const struct world *world = arg;
	(void)pipeline, (void)ref, (void)arena;
	for (size_t i = 0; i < world->environment_count; i++) {
		if (!str_eq(world->environments[i].name, name))
			continue;
		*ret = world->environments[i];
		return true;
	}
	return err_set(err, ERR_NOT_FOUND, "there is no environment \"%.*s\"", STR_ARG(name));
}

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
		.environment = world->environment_count ? find_environment : NULL,
		.environment_arg = world,
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
		const struct plan_delivery *delivery = world->plan.stages[i].delivery;
		graph->stages[i].id = (int64_t)i + 1;
		graph->stages[i].lane.state = LANE_RELEASED;
		for (size_t n = 0; delivery && n < delivery->wave_count; n++) {
			graph->waves = arena_grow(arena, graph->waves, sizeof *graph->waves, graph->wave_count);
			graph->waves[graph->wave_count] = (struct graph_wave){
				.id = (int64_t)graph->wave_count + 1, .stage = i, .number = (int32_t)n + 1};
			graph->wave_count++;
		}
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
	if (world->effects.requests_lane_of)
		graph->stages[world->effects.requests_lane_of - 1].lane.request = ++world->next_request;
	for (size_t i = 0; i < graph->deployment_count; i++)
		if (graph->deployments[i].id == 0)
			graph->deployments[i].id = ++world->next_deployment;
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

static void begin(struct world *world, const char *yaml)
{
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

void world_init(struct world *world, const char *yaml)
{
	*world = (struct world){0};
	begin(world, yaml);
}

void world_init_delivery(
	struct world *world, const char *yaml, const struct plan_environment *environments, size_t count)
{
	*world = (struct world){.environments = environments, .environment_count = count};
	begin(world, yaml);
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

struct graph_stage *world_stage(struct world *world, const char *stage)
{
	for (size_t i = 0; i < world->graph.stage_count; i++)
		if (str_is(world->graph.stages[i].plan->name, stage))
			return &world->graph.stages[i];
	ck_abort_msg("no stage %s", stage);
}

const char *world_stage_state(struct world *world, const char *stage)
{
	return stage_state_names[world_stage(world, stage)->state];
}

bool world_let_in(struct world *world, const char *stage)
{
	struct graph_lane *lane = &world_stage(world, stage)->lane;
	if (lane->state != LANE_WAITING)
		return false;
	lane->state = LANE_GRANTED;
	lane->epoch++;
	return world_look(world);
}

void world_wait(struct world *world, int64_t ms)
{
	world->graph.now_us += ms * 1000;
	ck_assert(world_look(world));
}

const char *world_wave_state(struct world *world, size_t wave)
{
	ck_assert_uint_lt(wave, world->graph.wave_count);
	return wave_state_names[world->graph.waves[wave].state];
}

const char *world_target_state(struct world *world, const char *target)
{
	for (size_t i = world->graph.deployment_count; i > 0; i--)
		if (str_is(world->graph.deployments[i - 1].target, target))
			return deployment_state_names[world->graph.deployments[i - 1].state];
	return "none";
}

void world_set_alarm(struct world *world, const char *name, const char *state, int64_t points)
{
	struct graph_facts *facts = &world->graph.facts;
	size_t i = 0;
	while (i < facts->alarm_count && !str_is(facts->alarms[i].name, name))
		i++;
	if (i == facts->alarm_count) {
		facts->alarms = arena_grow(&world->arena, facts->alarms, sizeof *facts->alarms, facts->alarm_count);
		facts->alarms[facts->alarm_count++] = (struct graph_alarm){.name = str_of(name)};
	}
	if (!str_is(facts->alarms[i].state, state))
		facts->alarms[i].since = world->graph.now_us;
	facts->alarms[i].state = str_of(state);
	facts->alarms[i].points = points;
}

bool world_resolve(struct world *world, const struct person *person, const char *target, const char *verdict)
{
	return apply(world,
		&(struct engine_event){
			.kind = ENGINE_RESOLVE, .person = person, .text = str_of(target), .verdict = str_of(verdict)});
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
	bool is_preview = job->plan->part == PLAN_PART_PREVIEW;
	if (is_active && stage->state != STAGE_RUNNING && !(is_preview && stage->state == STAGE_BLOCKED))
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
	bool has_begun = stage->state == STAGE_RUNNING || stage->state == STAGE_SUCCEEDED ||
			 (stage->state == STAGE_FAILED && stage->started_at); /* a preview may fail before */
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

static bool is_at_work(const struct graph_wave *wave)
{
	return wave->state == WAVE_DEPLOYING || wave->state == WAVE_VERIFYING || wave->state == WAVE_BAKING;
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
	if (wave->state == WAVE_SUCCEEDED && graph->now_us < wave->bake_until)
		return "a wave succeeded before its bake was over";
	return NULL;
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

/* Something other than a job may move it: time, a lane, an alarm, an operator. */
static bool waits_for_the_world(const struct run_graph *graph)
{
	return graph->waiting_for.n > 0;
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
	for (size_t i = 0; i < graph->wave_count && !fault; i++)
		fault = check_wave(graph, i);
	for (size_t i = 0; i < graph->deployment_count && !fault; i++)
		fault = check_deployment(graph, &graph->deployments[i]);
	bool waits_for_lane = graph->concurrency_group.n && graph->lane.state == LANE_WAITING;
	for (size_t i = 0; i < graph->stage_count && !fault; i++) {
		waits_for_lane |= graph->stages[i].lane.state == LANE_WAITING;
		if (run_is_over(graph->state) && holds_lane(&graph->stages[i]))
			fault = "a run that is over keeps a lane";
	}
	waits_for_lane |= waits_for_the_world(graph);
	if (!fault && !run_is_over(graph->state) && !has_work && !has_gate && !waits_for_lane)
		fault = "a run is not over though nothing is left that could move it";
	if (!fault && graph->state == RUN_WAITING && has_work)
		fault = "a run waits though it has work";
	if (!fault && run_is_over(graph->state) && graph->lane.state != LANE_RELEASED && graph->lane.request)
		fault = "a run that is over keeps its group";
	return fault;
}
