#include "tests/support/world.h"

#include "common/lang/lang.h"
#include "tests/support/graph_check.h"

#include <check.h>
#include <string.h>

static struct str bob_groups[] = {{"release", 7}, {"qa", 2}};
static struct str ann_groups[] = {{"release", 7}};

const struct person world_ann = {1, {"ann", 3}, {"ann@example.org", 15}, {"developer", 9}, {ann_groups, 1}, {0}};
const struct person world_bob = {2, {"bob", 3}, {"bob@example.org", 15}, {"operator", 8}, {bob_groups, 2}, {0}};
const struct person world_eve = {3, {"eve", 3}, {"eve@example.org", 15}, {"viewer", 6}, {bob_groups, 2}, {0}};

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

/* As run_delivery.sql chooses the stage. */
static void load_facts(struct run_graph *graph)
{
	size_t open = 0;
	for (size_t i = graph->stage_count; i > 0; i--) {
		const struct graph_stage *stage = &graph->stages[i - 1];
		bool is_open = !stage_is_over(stage->state);
		bool is_failed =
			stage->state == STAGE_FAILED && (open == 0 || graph->stages[open - 1].state == STAGE_FAILED);
		if (stage->plan->delivery && (is_open || is_failed))
			open = i;
	}
	graph->facts.stage = open;
	graph->facts.version = open ? graph->stages[open - 1].version : (struct str){0};
}

static bool apply(struct world *world, const struct engine_event *event)
{
	effects_done(&world->effects);
	world->err = (struct err){0};
	load_facts(&world->graph);
	if (!engine_apply(&world->graph, event, &world->effects, &world->err))
		return false;
	settle_rows(world);
	if (!world->effects.looks_again)
		return true;
	return apply(world, &(struct engine_event){.kind = ENGINE_LOOK});
}

static void begin(struct world *world, const char *yaml)
{
	static struct str authors[] = {{"ann@example.org", 15}};
	make_plan(world, yaml);
	world->graph = (struct run_graph){
		.id = 42,
		.version = 1,
		.name = STR("web#42"),
		.actor = STR("ann"),
		.authors = {authors, 1},
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
	graph_index(&world->graph);
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

bool world_approve_for(struct world *world, const struct person *person, int64_t not_before_us)
{
	const struct run_graph *graph = &world->graph;
	struct engine_event event = {
		.kind = ENGINE_DECIDED,
		.person = person,
		.gate = graph->gates[graph->gate_count - 1].id,
		.is_approval = true,
		.text = STR(""),
		.not_before = not_before_us,
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
	if (end.reason != END_SOURCE_UNAVAILABLE)
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

void world_end_before_start(struct world *world, const char *name, enum end_reason reason)
{
	struct graph_job *job = world_job(world, name);
	ck_assert(world_lease(world, name));
	job->state = job->was = JOB_LEASED;
	world_end(world, name, reason, 0);
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
	if (str_is(str_of(state), "firing") && !str_is(facts->alarms[i].state, state))
		facts->alarms[i].fired_at = world->graph.now_us;
	facts->alarms[i].state = str_of(state);
	facts->alarms[i].points = points;
}

bool world_resolve(struct world *world, const struct person *person, const char *target, const char *verdict)
{
	return apply(world,
		&(struct engine_event){
			.kind = ENGINE_RESOLVE, .person = person, .text = str_of(target), .verdict = str_of(verdict)});
}

bool world_accept(struct world *world, const struct person *person, const char *reason)
{
	return apply(world, &(struct engine_event){.kind = ENGINE_ACCEPT, .person = person, .text = str_of(reason)});
}

const char *world_run_state(struct world *world)
{
	return run_state_names[world->graph.state];
}

const char *world_check(struct world *world)
{
	const char *fault = graph_check(&world->graph);
	if (!fault && !graph_can_move(&world->graph))
		fault = "a run is not over though nothing is left that could move it";
	return fault;
}
