/* The guards of run_store_save(): what is written only when nobody has written there since. */
#include "tests/sim/rows.h"

static bool is_current(const struct rows *rows, const struct run_graph *row, const struct run_graph *graph)
{
	if (row->version != graph->version)
		return false;
	for (size_t i = 0; i < graph->stage_count; i++)
		if (graph->stages[i].is_dirty && row->stages[i].state != graph->stages[i].was)
			return false;
	for (size_t i = 0; i < graph->job_count; i++) {
		const struct graph_job *job = &graph->jobs[i];
		if (job->is_dirty && (row->jobs[i].state != job->was || row->jobs[i].attempt != job->attempt))
			return false;
		if (job->is_dirty && job->applied_attempt) {
			const struct row_attempt *attempt = rows_attempt(rows, job->id, job->applied_attempt);
			if (!attempt || attempt->state != ATTEMPT_ENDED || attempt->is_applied)
				return false;
		}
		if (job->is_dirty && job->given_up_attempt) {
			const struct row_attempt *attempt = rows_attempt(rows, job->id, job->given_up_attempt);
			if (!attempt || attempt->state == ATTEMPT_ENDED)
				return false;
		}
	}
	for (size_t i = 0; i < graph->gate_count; i++)
		if (graph->gates[i].is_dirty && graph->gates[i].id && row->gates[i].state != graph->gates[i].was)
			return false;
	for (size_t i = 0; i < graph->wave_count; i++)
		if (graph->waves[i].is_dirty && row->waves[i].state != graph->waves[i].was)
			return false;
	return true;
}

/* The unique index gate_open. */
static bool has_one_gate(const struct run_graph *graph)
{
	for (size_t i = 0; i < graph->gate_count; i++)
		for (size_t j = 0; j < i; j++)
			if (graph->gates[i].stage == graph->gates[j].stage && graph->gates[i].state == GATE_OPEN &&
				graph->gates[j].state == GATE_OPEN)
				return false;
	return true;
}

static bool is_same(struct str service, struct str other)
{
	return str_eq(service, other);
}

static bool is_any(struct str service, struct str other)
{
	(void)service, (void)other;
	return true;
}

/* deployments_save.sql: a new one needs its lane, and a version that nobody condemned here. */
static bool may_deploy(const struct rows *rows, const struct run_graph *row, const struct run_graph *graph)
{
	for (size_t i = 0; i < graph->deployment_count; i++) {
		const struct graph_deployment *made = &graph->deployments[i];
		if (made->is_dirty && made->id && row->deployments[i].state != made->was)
			return false;
		if (made->id)
			continue;
		size_t stage = graph->jobs[made->job].stage;
		const struct row_request *asked = rows_last_request(rows, graph->id, stage);
		const struct plan_stage *plan = graph->stages[stage].plan;
		if (!asked || (asked->state != LANE_GRANTED && asked->state != LANE_REVOKED))
			return false;
		if (asked->priority < PLAN_PRIORITY_ROLLBACK && asked->priority >= 0 &&
			rows_is_quarantined(rows, plan->delivery->service, plan->environment, made->version))
			return false;
		struct row_deployment other; /* target_locks_take.sql */
		if (!deployment_is_over(made->state) &&
			rows_other_at(rows, plan->delivery->service, plan->environment, made->target, graph->id,
				rows_is_exclusive(made->target) ? is_any : is_same, &other))
			return false;
	}
	return true;
}

/* facts_guard.sql */
static bool are_facts_current(const struct rows *rows, const struct run_graph *graph, size_t index)
{
	const struct graph_stage *stage = &graph->stages[index];
	const struct graph_facts *facts = &graph->facts;
	bool is_inside = stage->lane.state == LANE_GRANTED || stage->lane.state == LANE_REVOKED;
	for (size_t i = 0; i < facts->alarm_count; i++)
		if (rows_alarm(rows, facts->alarms[i].name)->turn != facts->alarms[i].turn)
			return false;
	return facts->environment_version == rows->policy.versions[rows_environment(stage->plan->environment)] &&
	       facts->service_version == rows->service_versions[rows_service(stage->plan->delivery->service)] &&
	       (!is_inside || stage->lane.version == rows->lanes[stage->lane.lane - 1].version);
}

bool rows_may_save(const struct rows *rows, const struct desk *desk, const struct effects *effects)
{
	const struct run_graph *row = &rows_run(rows, desk->graph.id)->graph;
	return is_current(rows, row, &desk->graph) && has_one_gate(&desk->graph) &&
	       may_deploy(rows, row, &desk->graph) &&
	       (effects->relies_on == 0 || are_facts_current(rows, &desk->graph, effects->relies_on - 1));
}
