#include "server/engine/graph.h"

#include "common/mem.h"

#include <assert.h>
#include <stdlib.h>

const char *const graph_relation_kind_names[] = {"newer", "hotfix", "condemned", "fixed", "lane", NULL};
static_assert(COUNT_OF(graph_relation_kind_names) == GRAPH_RELATION_KIND_COUNT + 1, "a name for each kind of relation");

/* Keys are looked up once for each need of each job: a sorted index keeps a run of thousands of jobs linear enough. */
struct key_index {
	struct str key;
	size_t job;
};

static int compare_keys(const void *a, const void *b)
{
	return str_compare(((const struct key_index *)a)->key, ((const struct key_index *)b)->key);
}

static bool link_needs(struct run_graph *graph, const struct key_index *keys, struct graph_job *job, struct err *err)
{
	size_t *needs = arena_array(graph->arena, size_t, job->plan->needs.count);
	for (size_t i = 0; i < job->plan->needs.count; i++) {
		struct key_index wanted = {.key = job->plan->needs.items[i]};
		const struct key_index *found = bsearch(&wanted, keys, graph->job_count, sizeof *keys, compare_keys);
		if (!found)
			return err_set(err, ERR_BUG, "job %.*s needs %.*s, which the run does not have",
				STR_ARG(job->key), STR_ARG(wanted.key));
		needs[i] = found->job;
	}
	job->needs = needs;
	job->need_count = job->plan->needs.count;
	return true;
}

static bool link_waves(struct run_graph *graph, struct err *err)
{
	size_t at = 0;
	for (size_t i = 0; i < graph->stage_count; i++) {
		struct graph_stage *stage = &graph->stages[i];
		stage->first_wave = at;
		stage->wave_count = stage->plan->delivery ? stage->plan->delivery->wave_count : 0;
		for (size_t n = 0; n < stage->wave_count; n++, at++)
			if (at == graph->wave_count || graph->waves[at].stage != i)
				return err_set(err, ERR_BUG, "%.*s: waves and plan differ at stage %zu",
					STR_ARG(graph->name), i);
	}
	return true;
}

bool graph_link(struct run_graph *graph, struct err *err)
{
	const struct plan *plan = graph->plan;
	size_t at = 0;
	if (graph->stage_count != plan->stage_count)
		return err_set(err, ERR_BUG, "%.*s has %zu stages, its plan %zu", STR_ARG(graph->name),
			graph->stage_count, plan->stage_count);
	struct key_index *keys = arena_array(graph->arena, struct key_index, graph->job_count);
	for (size_t i = 0; i < plan->stage_count; i++) {
		struct graph_stage *stage = &graph->stages[i];
		stage->plan = &plan->stages[i];
		stage->first_job = at;
		stage->job_count = stage->plan->job_count;
		for (size_t j = 0; j < stage->job_count; j++, at++) {
			if (at == graph->job_count || !str_eq(graph->jobs[at].key, stage->plan->jobs[j].key))
				return err_set(err, ERR_BUG, "%.*s: jobs and plan differ at %.*s", STR_ARG(graph->name),
					STR_ARG(stage->plan->jobs[j].key));
			graph->jobs[at].plan = &stage->plan->jobs[j];
			graph->jobs[at].stage = i;
			keys[at] = (struct key_index){graph->jobs[at].key, at};
		}
	}
	qsort(keys, at, sizeof *keys, compare_keys);
	for (size_t i = 0; i < graph->job_count; i++)
		if (!link_needs(graph, keys, &graph->jobs[i], err))
			return false;
	return link_waves(graph, err);
}

void graph_written(struct run_graph *graph)
{
	graph->version++;
	graph->was = graph->state;
	graph->is_dirty = false;
	for (size_t i = 0; i < graph->stage_count; i++) {
		graph->stages[i].was = graph->stages[i].state;
		graph->stages[i].is_dirty = false;
	}
	for (size_t i = 0; i < graph->job_count; i++) {
		struct graph_job *job = &graph->jobs[i];
		job->was = job->state;
		job->applied_attempt = 0;
		job->given_up_attempt = 0;
		job->is_dirty = false;
	}
	for (size_t i = 0; i < graph->gate_count; i++) {
		struct graph_gate *gate = &graph->gates[i];
		gate->was = gate->state;
		gate->undecided = 0;
		gate->is_dirty = false;
		for (size_t j = 0; j < gate->decision_count; j++)
			gate->decisions[j].is_new = false;
	}
}

bool graph_is_whole(const struct run_graph *graph)
{
	/* What decides over a delivery comes from outside, and is asked for each time. */
	if (graph->wave_count && !run_is_over(graph->state))
		return false;
	for (size_t i = 0; i < graph->gate_count; i++)
		if (graph->gates[i].id == 0)
			return false;
	return true;
}

struct graph_gate *graph_gate_of(const struct run_graph *graph, size_t stage)
{
	for (size_t i = graph->gate_count; i > 0; i--)
		if (graph->gates[i - 1].stage == stage)
			return &graph->gates[i - 1];
	return NULL;
}

static int compare_ids(const void *a, const void *b)
{
	int64_t x = ((const struct graph_id *)a)->id, y = ((const struct graph_id *)b)->id;
	return (x > y) - (x < y);
}

void graph_index(struct run_graph *graph)
{
	graph->ids = arena_array(graph->arena, struct graph_id, graph->job_count);
	for (size_t i = 0; i < graph->job_count; i++)
		graph->ids[i] = (struct graph_id){graph->jobs[i].id, i};
	if (graph->job_count)
		qsort(graph->ids, graph->job_count, sizeof *graph->ids, compare_ids);
}

struct graph_job *graph_job_by_id(const struct run_graph *graph, int64_t id)
{
	struct graph_id wanted = {.id = id};
	const struct graph_id *found =
		graph->job_count ? bsearch(&wanted, graph->ids, graph->job_count, sizeof *graph->ids, compare_ids)
				 : NULL;
	return found ? &graph->jobs[found->job] : NULL;
}

struct graph_job *graph_job_by_key(const struct run_graph *graph, struct str key)
{
	for (size_t i = 0; i < graph->job_count; i++)
		if (str_eq(graph->jobs[i].key, key))
			return &graph->jobs[i];
	return NULL;
}

void graph_move_run(struct run_graph *graph, enum run_event event, struct str reason)
{
	graph->state = (enum run_state)state_move(&run_machine, (int)graph->state, (int)event);
	graph->reason = reason;
	graph->is_dirty = true;
	if (event == RUN_START && graph->started_at == 0)
		graph->started_at = graph->now_us;
	graph->ended_at = run_is_over(graph->state) ? graph->now_us : 0;
}

void graph_move_stage(struct run_graph *graph, size_t index, enum stage_event event, struct str reason)
{
	struct graph_stage *stage = &graph->stages[index];
	stage->state = (enum stage_state)state_move(&stage_machine, (int)stage->state, (int)event);
	stage->reason = reason;
	stage->is_dirty = true;
	if (event == STAGE_START)
		stage->started_at = graph->now_us;
	if (event == STAGE_RESET)
		stage->started_at = 0;
	stage->ended_at = stage_is_over(stage->state) ? graph->now_us : 0;
}

static void clear_outcome(struct graph_job *job)
{
	job->reason = END_NONE;
	job->exit_code = 0;
	job->has_exit_code = false;
	job->started_at = 0;
	job->cancel_reason = (struct str){0};
	job->outputs = (struct pair_list){0};
}

void graph_move_job(struct run_graph *graph, struct graph_job *job, enum job_event event, struct str message)
{
	job->state = (enum job_state)state_move(&job_machine, (int)job->state, (int)event);
	job->message = message;
	job->is_dirty = true;
	if (event == JOB_REQUEUE || event == JOB_RESET)
		clear_outcome(job);
	if (job->state == JOB_QUEUED)
		job->queued_at = graph->now_us;
	if (!job_is_over(job->state))
		job->ended_at = 0;
	else if (job->ended_at == 0)
		job->ended_at = graph->now_us;
}

void graph_move_gate(struct run_graph *graph, struct graph_gate *gate, enum gate_event event, struct str reason)
{
	gate->state = (enum gate_state)state_move(&gate_machine, (int)gate->state, (int)event);
	gate->reason = reason;
	gate->decided_at = graph->now_us;
	gate->is_dirty = true;
}

void graph_move_wave(struct run_graph *graph, struct graph_wave *wave, enum wave_event event)
{
	wave->state = (enum wave_state)state_move(&wave_machine, (int)wave->state, (int)event);
	wave->held = (struct str){0};
	wave->is_dirty = true;
	if (event == WAVE_DEPLOY)
		wave->started_at = graph->now_us;
	if (event == WAVE_BAKE)
		wave->baking_since = graph->now_us;
	if (event == WAVE_RETRY)
		wave->started_at = wave->baking_since = wave->bake_until = 0;
	wave->ended_at = wave_is_over(wave->state) ? graph->now_us : 0;
}

void graph_move_deployment(struct run_graph *graph, struct graph_deployment *deployment, enum deployment_event event)
{
	deployment->state = (enum deployment_state)state_move(&deployment_machine, (int)deployment->state, (int)event);
	deployment->is_dirty = true;
	if (event == DEPLOYMENT_START)
		deployment->started_at = graph->now_us;
	if (deployment->ended_at == 0 && deployment_is_over(deployment->state))
		deployment->ended_at = graph->now_us;
}
