#include "server/runs/view_json.h"

#include "common/clock.h"
#include "common/json.h"

#include <stdio.h>

static json_t *json_of_time(int64_t when_us)
{
	char text[CLOCK_TEXT_BYTES];
	if (when_us == 0)
		return json_null();
	clock_format(when_us, text);
	return json_string(text);
}

static json_t *json_of_list(const struct str_list *list)
{
	json_t *array = json_array();
	for (size_t i = 0; i < list->count; i++)
		json_array_append_new(array, json_of_str(list->items[i]));
	return array;
}

static json_t *json_of_map(const struct pair_list *pairs)
{
	json_t *object = json_object();
	for (size_t i = 0; i < pairs->count; i++)
		json_object_setn_new(
			object, pairs->items[i].name.p, pairs->items[i].name.n, json_of_str(pairs->items[i].value));
	return object;
}

static json_t *deployments_of(const struct run_graph *graph, size_t wave)
{
	json_t *list = json_array();
	for (size_t i = 0; i < graph->deployment_count; i++) {
		const struct graph_deployment *deployment = &graph->deployments[i];
		if (deployment->wave != wave)
			continue;
		json_array_append_new(list,
			json_pack("{s:I, s:o, s:o, s:o, s:s, s:I, s:o, s:o, s:o}", "id", (json_int_t)deployment->id,
				"target", json_of_str(deployment->target), "version", json_of_str(deployment->version),
				"previous", json_of_str(deployment->previous), "state",
				deployment_state_names[deployment->state], "job_id",
				(json_int_t)graph->jobs[deployment->job].id, "started_at",
				json_of_time(deployment->started_at), "ended_at", json_of_time(deployment->ended_at),
				"baked_at", json_of_time(deployment->baked_at)));
	}
	return list;
}

static json_t *view_wave(const struct run_graph *graph, size_t at)
{
	const struct graph_wave *wave = &graph->waves[at];
	const struct plan_wave *plan = &graph->stages[wave->stage].plan->delivery->waves[wave->number - 1];
	json_t *json = json_pack("{s:i, s:o, s:s, s:o, s:o, s:i, s:I, s:i}", "number", wave->number, "name",
		json_of_str(plan->name), "state", wave_state_names[wave->state], "held", json_of_str(wave->held),
		"targets", json_of_list(&plan->targets), "parallel", plan->parallel, "bake_ms",
		(json_int_t)plan->bake_ms, "min_points", plan->min_points);
	json_object_set_new(json, "started_at", json_of_time(wave->started_at));
	json_object_set_new(json, "baking_since", json_of_time(wave->baking_since));
	json_object_set_new(json, "bake_until", json_of_time(wave->bake_until));
	json_object_set_new(json, "ended_at", json_of_time(wave->ended_at));
	json_object_set_new(json, "asked_at", json_of_time(wave->asked_at));
	json_object_set_new(json, "accepted", json_of_str(wave->accepted));
	json_object_set_new(json, "deployments", deployments_of(graph, at));
	return json;
}

/* Of an environment stage; null of others. */
static json_t *view_delivery(const struct run_graph *graph, const struct graph_stage *stage)
{
	const struct plan_delivery *plan = stage->plan->delivery;
	if (!plan)
		return json_null();
	json_t *waves = json_array();
	for (size_t i = 0; i < stage->wave_count; i++)
		json_array_append_new(waves, view_wave(graph, stage->first_wave + i));
	return json_pack("{s:o, s:o, s:o, s:s, s:s, s:o}", "service", json_of_str(plan->service), "version",
		json_of_str(stage->version), "alarms", json_of_list(&plan->alarms), "on_alarm",
		plan_reaction_names[plan->on_alarm], "on_failure", plan_reaction_names[plan->on_failure], "waves",
		waves);
}

/* What was asked before about this stage, and is void or too old. */
static json_t *earlier_gates(const struct run_graph *graph, size_t index)
{
	json_t *list = json_array();
	const struct graph_gate *last = graph_gate_of(graph, index);
	for (size_t i = 0; i < graph->gate_count; i++)
		if (graph->gates[i].stage == index && &graph->gates[i] != last)
			json_array_append_new(list, view_gate(graph, &graph->gates[i], NULL));
	return list;
}

json_t *view_stage(const struct run_graph *graph, size_t index)
{
	const struct graph_stage *stage = &graph->stages[index];
	return json_pack("{s:I, s:I, s:o, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o}", "id", (json_int_t)stage->id,
		"index", (json_int_t)index, "name", json_of_str(stage->plan->name), "kind",
		plan_stage_kind_names[stage->plan->kind], "state", stage_state_names[stage->state], "reason",
		json_of_str(stage->reason), "environment", json_of_str(stage->plan->environment), "started_at",
		json_of_time(stage->started_at), "ended_at", json_of_time(stage->ended_at), "delivery",
		view_delivery(graph, stage), "earlier_gates", earlier_gates(graph, index));
}

static json_t *decisions_of(const struct graph_gate *gate)
{
	json_t *list = json_array();
	for (size_t i = 0; i < gate->decision_count; i++) {
		const struct graph_decision *decision = &gate->decisions[i];
		json_array_append_new(
			list, json_pack("{s:o, s:s, s:o, s:o, s:o}", "account", json_of_str(decision->account_name),
				      "verdict", decision->is_approval ? "approve" : "reject", "comment",
				      json_of_str(decision->comment), "decided_at", json_of_time(decision->decided_at),
				      "not_before", json_of_time(decision->not_before)));
	}
	return list;
}

/* Who may not decide; as long as anybody may. */
static json_t *authors_of(const struct run_graph *graph, const struct graph_gate *gate)
{
	struct str_list authors = {0};
	if (gate->state == GATE_OPEN && engine_gate_rule(graph, gate)->author == PLAN_AUTHOR_DENY)
		authors = engine_authors(graph, gate);
	return json_of_list(&authors);
}

json_t *view_gate(const struct run_graph *graph, const struct graph_gate *gate, const struct caller *caller)
{
	const struct plan_gate *rule = engine_gate_rule(graph, gate);
	struct str why = STR("log in to decide");
	bool may = caller && engine_may_decide(graph, gate, &caller->person, &why);
	json_t *json = json_pack("{s:I, s:I, s:s, s:i, s:I, s:o, s:o, s:s, s:b}", "id", (json_int_t)gate->id,
		"stage_id", (json_int_t)graph->stages[gate->stage].id, "state", gate_state_names[gate->state],
		"approvals", rule->approvals, "approved", (json_int_t)engine_approved(gate), "groups",
		json_of_list(&rule->groups), "require", json_of_map(&rule->require), "author",
		plan_author_names[rule->author], "is_comment_required", rule->is_comment_required);
	json_object_set_new(json, "opened_at", json_of_time(gate->opened_at));
	json_object_set_new(json, "expires_at", json_of_time(gate->expires_at));
	json_object_set_new(json, "decided_at", json_of_time(gate->decided_at));
	json_object_set_new(json, "not_before", json_of_time(engine_not_before(graph, gate)));
	json_object_set_new(json, "authors", authors_of(graph, gate));
	json_object_set_new(json, "reason", json_of_str(gate->reason));
	json_object_set_new(json, "decisions", decisions_of(gate));
	json_object_set_new(json, "may_decide", json_boolean(may));
	json_object_set_new(json, "why_not", may ? json_string("") : json_of_str(why));
	json_object_set_new(json, "who_may", json_of_str(engine_who_may(graph, gate)));
	return json;
}

static json_t *null_to(json_t *value, json_t *otherwise)
{
	if (!value || json_is_null(value))
		return otherwise;
	json_decref(otherwise);
	return json_incref(value);
}

static json_t *view_step(const struct graph_job *job, size_t index, const json_t *reported)
{
	char name[24];
	snprintf(name, sizeof name, "%zu", index);
	const json_t *report = json_object_get(reported, name);
	const char *unheard = !job_is_over(job->state)      ? "pending"
			      : job->state == JOB_CANCELLED ? "cancelled"
							    : "skipped";
	const json_t *state = json_object_get(report, "state");
	bool has_exit = json_string_value(state) && (str_is(str_of(json_string_value(state)), "succeeded") ||
							    str_is(str_of(json_string_value(state)), "failed"));
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "name", json_of_str(job->plan->steps[index].name), "state",
		null_to(json_object_get(report, "state"), json_string(unheard)), "exit_code",
		has_exit ? null_to(json_object_get(report, "exit_code"), json_null()) : json_null(), "started_at",
		null_to(json_object_get(report, "started_at"), json_null()), "ended_at",
		null_to(json_object_get(report, "ended_at"), json_null()), "line",
		null_to(json_object_get(report, "line"), json_integer(0)));
}

static struct str name_of(const struct run_graph *graph, const struct graph_job *job)
{
	struct str text = job->plan->name;
	for (size_t i = 0; i < job->plan->matrix.count; i++)
		text = arena_printf(graph->arena, "%.*s%s%.*s", STR_ARG(text), i ? ", " : " (",
			STR_ARG(job->plan->matrix.items[i].value));
	return job->plan->matrix.count ? arena_printf(graph->arena, "%.*s)", STR_ARG(text)) : text;
}

static struct str message_of(
	const struct run_graph *graph, const struct graph_job *job, const struct job_display *display)
{
	if (!display->is_stranded)
		return job->message;
	struct str labels = {0};
	for (size_t i = 0; i < display->labels.count; i++)
		labels = arena_printf(
			graph->arena, "%.*s%s%.*s", STR_ARG(labels), i ? ", " : "", STR_ARG(display->labels.items[i]));
	if (labels.n)
		return arena_printf(graph->arena, "waits: no connected worker has the labels [%.*s]", STR_ARG(labels));
	return STR("waits: no connected worker may take it; see \"penstock worker ls\"");
}

json_t *view_job(const struct run_graph *graph, const struct graph_job *job, const struct job_display *display)
{
	json_t *steps = json_array();
	for (size_t i = 0; i < job->plan->step_count; i++)
		json_array_append_new(steps, view_step(job, i, display->steps));
	json_t *json = json_pack("{s:I, s:I, s:o, s:o, s:o, s:s, s:s, s:o, s:i, s:b}", "id", (json_int_t)job->id,
		"stage_id", (json_int_t)graph->stages[job->stage].id, "key", json_of_str(job->key), "name",
		json_of_str(name_of(graph, job)), "matrix", json_of_map(&job->plan->matrix), "state",
		job_state_names[job->state], "reason", end_reason_names[job->reason], "message",
		json_of_str(message_of(graph, job, display)), "attempt", job->attempt, "allow_failure",
		job->allow_failure);
	json_object_set_new(json, "exit_code", job->has_exit_code ? json_integer(job->exit_code) : json_null());
	json_object_set_new(json, "needs", json_of_list(&job->plan->needs));
	json_object_set_new(json, "labels", json_of_list(&display->labels));
	json_object_set_new(json, "worker", json_of_str(display->worker));
	json_object_set_new(json, "outputs", json_of_map(&job->outputs));
	json_object_set_new(json, "queued_at", json_of_time(job->queued_at));
	json_object_set_new(json, "started_at", json_of_time(job->started_at));
	json_object_set_new(json, "ended_at", json_of_time(job->ended_at));
	json_object_set_new(json, "steps", steps);
	return json;
}
