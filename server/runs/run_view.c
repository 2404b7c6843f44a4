#include "server/runs/run_view.h"

#include "common/clock.h"
#include "common/json.h"
#include "common/mem.h"
#include "server/runs/view_json.h"
#include "server/store/run_store.h"

const struct field run_summary_fields[] = {
	FIELD(struct run_summary, id, FIELD_I64, 0),
	FIELD(struct run_summary, repository, FIELD_STR, 0),
	FIELD(struct run_summary, number, FIELD_I64, 0),
	FIELD(struct run_summary, name, FIELD_STR, 0),
	FIELD(struct run_summary, pipeline, FIELD_STR, 0),
	FIELD(struct run_summary, kind, FIELD_STR, 0),
	FIELD(struct run_summary, state, FIELD_STR, 0),
	FIELD(struct run_summary, event, FIELD_STR, 0),
	FIELD(struct run_summary, ref, FIELD_STR, 0),
	FIELD(struct run_summary, branch, FIELD_STR, 0),
	FIELD(struct run_summary, tag, FIELD_STR, 0),
	FIELD(struct run_summary, commit, FIELD_STR, 0),
	FIELD(struct run_summary, title, FIELD_STR, 0),
	FIELD(struct run_summary, author, FIELD_STR, 0),
	FIELD(struct run_summary, actor, FIELD_STR, 0),
	FIELD(struct run_summary, reason, FIELD_STR, 0),
	FIELD(struct run_summary, has_warnings, FIELD_BOOL, 0),
	FIELD(struct run_summary, waiting_for, FIELD_STR, 0),
	FIELD(struct run_summary, waiting_since, FIELD_TIME, 0),
	FIELD(struct run_summary, created_at, FIELD_TIME, 0),
	FIELD(struct run_summary, started_at, FIELD_TIME, 0),
	FIELD(struct run_summary, ended_at, FIELD_TIME, 0),
	FIELD(struct run_summary, version, FIELD_I64, 0),
	FIELD(struct run_summary, pull_request, FIELD_I64, 0),
	FIELD(struct run_summary, head_commit, FIELD_STR, 0),
	FIELD(struct run_summary, base_commit, FIELD_STR, 0),
	FIELD(struct run_summary, is_fork, FIELD_BOOL, 0),
	FIELD_END,
};

struct details {
	json_t *inputs, *errors, *plan, *ways_back;
	struct str plan_hash, alert, condemned;
	bool is_replanned;
};

static const struct field details_fields[] = {
	FIELD(struct details, inputs, FIELD_JSON, 0),
	FIELD(struct details, errors, FIELD_JSON, 0),
	FIELD(struct details, alert, FIELD_STR, 0),
	FIELD(struct details, condemned, FIELD_STR, 0),
	FIELD(struct details, ways_back, FIELD_JSON, 0),
	FIELD(struct details, plan_hash, FIELD_STR, 0),
	FIELD(struct details, plan, FIELD_JSON, 0),
	FIELD(struct details, is_replanned, FIELD_BOOL, 0),
	FIELD_END,
};
enum { IS_REPLANNED_COLUMN = COUNT_OF(details_fields) - 2 };

static const struct field job_display_fields[] = {
	FIELD(struct job_display, id, FIELD_I64, 0),
	FIELD(struct job_display, worker, FIELD_STR, 0),
	FIELD(struct job_display, labels, FIELD_STRS, 0),
	FIELD(struct job_display, steps, FIELD_JSON, 0),
	FIELD(struct job_display, is_stranded, FIELD_BOOL, 0),
	FIELD_END,
};

/* Each statement sees what was committed when it began, so the whole is read before its parts: a run that shows as
 * ended shows how its jobs ended. */
enum {
	STATEMENT_HORIZON,
	STATEMENT_SUMMARY,
	STATEMENT_DETAILS,
	STATEMENT_GRAPH,
	STATEMENT_JOBS = STATEMENT_GRAPH + RUN_STORE_STATEMENTS,
	STATEMENT_CHANGED,
	STATEMENT_COUNT,
};
_Static_assert((int)STATEMENT_COUNT == (int)RUN_VIEW_STATEMENTS, "run_view_add() adds as many as the header says");

void run_view_add(struct db_batch *batch, struct plan_cache *plans, int64_t run, struct str since)
{
	auto_arena arena = {0};
	struct str_list known = plan_cache_hashes(plans, &arena);
	db_add(batch, QUERY_VIEW_HORIZON);
	db_add(batch, QUERY_VIEW_SUMMARY, DB_I64(run));
	db_add(batch, QUERY_VIEW_DETAILS, DB_I64(run), DB_TEXTS(known.items, known.count), DB_TEXT(since));
	run_store_load(batch, run);
	db_add(batch, QUERY_VIEW_JOBS, DB_I64(run), DB_TEXT(since));
	db_add(batch, QUERY_VIEW_CHANGED, DB_I64(run), DB_TEXT(since));
}

struct str run_view_horizon(const struct db_reply *reply)
{
	return db_text(reply, STATEMENT_HORIZON, 0, 0);
}

bool run_view_is_replanned(const struct db_reply *reply)
{
	return db_row_count(reply, STATEMENT_DETAILS) && db_bool(reply, STATEMENT_DETAILS, 0, IS_REPLANNED_COLUMN);
}

/* What a reply says, with the plan it needs. */
struct view {
	struct run_loaded loaded;
	struct run_summary summary;
	struct details details;
	struct job_display *jobs;
	size_t job_count;
	struct plan_ref *plan; /* NULL: the run has none */
};

static bool find_plan(struct view *view, struct plan_cache *plans, struct err *err)
{
	struct run_graph *graph = &view->loaded.graph;
	if (view->details.plan_hash.n == 0)
		return true;
	view->plan = view->details.plan ? plan_cache_put(plans, view->details.plan_hash, view->details.plan, err)
					: plan_cache_get(plans, view->details.plan_hash);
	if (!view->plan)
		return err_set(err, ERR_BUSY, "the plan of the run was just put away; ask again");
	graph->plan = plan_ref_plan(view->plan);
	/* A run that was refused has a plan and no stages. */
	return graph->stage_count == 0 || graph_link(graph, err);
}

static bool read_view(
	const struct db_reply *reply, struct plan_cache *plans, struct view *view, struct arena *arena, struct err *err)
{
	void *jobs;
	if (!run_store_read(reply, STATEMENT_GRAPH, clock_wall_us(), &view->loaded, arena, err) ||
		!db_read_row(reply, STATEMENT_SUMMARY, 0, run_summary_fields, &view->summary, arena, err) ||
		!db_read_row(reply, STATEMENT_DETAILS, 0, details_fields, &view->details, arena, err) ||
		!db_read_rows(reply, STATEMENT_JOBS, job_display_fields, sizeof *view->jobs, &jobs, &view->job_count,
			arena, err))
		return false;
	view->jobs = jobs;
	if (find_plan(view, plans, err))
		return true;
	return view->loaded.is_torn ? err_set(err, ERR_BUSY, "the run was just planned again; ask again") : false;
}

static json_t *texts_of(const struct str_list *texts)
{
	json_t *list = json_array();
	for (size_t i = 0; i < texts->count; i++)
		json_array_append_new(list, json_of_str(texts->items[i]));
	return list;
}

static json_t *snapshot(struct view *view, const struct caller *caller)
{
	static const struct plan none;
	const struct run_graph *graph = &view->loaded.graph;
	const struct plan *plan = view->plan ? plan_ref_plan(view->plan) : &none;
	json_t *stages = json_array();
	for (size_t i = 0; i < graph->stage_count; i++) {
		json_t *stage = view_stage(graph, i), *jobs = json_array();
		const struct graph_gate *gate = graph_gate_of(graph, i);
		json_object_set_new(stage, "gate", gate ? view_gate(graph, gate, caller) : json_null());
		for (size_t j = 0; j < graph->stages[i].job_count; j++) {
			size_t at = graph->stages[i].first_job + j;
			json_array_append_new(jobs, view_job(graph, &graph->jobs[at], &view->jobs[at]));
		}
		json_object_set_new(stage, "jobs", jobs);
		json_array_append_new(stages, stage);
	}
	return json_pack("{s:o, s:o, s:o, s:O, s:O, s:O, s:o, s:o, s:o}", "run",
		fields_write(run_summary_fields, &view->summary), "alert", json_of_str(view->details.alert),
		"condemned", json_of_str(view->details.condemned), "ways_back", view->details.ways_back, "inputs",
		view->details.inputs, "errors", view->details.errors, "refusals", texts_of(&plan->refusals), "warnings",
		texts_of(&plan->warnings), "stages", stages);
}

json_t *run_view_snapshot(const struct db_reply *reply, struct plan_cache *plans, const struct caller *caller,
	struct arena *arena, struct err *err)
{
	struct view view = {0};
	json_t *json = NULL;
	if (read_view(reply, plans, &view, arena, err))
		json = snapshot(&view, caller);
	plan_ref_drop(view.plan);
	return json;
}

static bool has_changed(const struct db_reply *reply, int64_t id, bool is_gate)
{
	for (size_t i = 0; i < db_row_count(reply, STATEMENT_CHANGED); i++)
		if (db_i64(reply, STATEMENT_CHANGED, i, 0) == id && db_bool(reply, STATEMENT_CHANGED, i, 1) == is_gate)
			return true;
	return false;
}

static json_t *update(const struct db_reply *reply, struct view *view, const struct caller *caller)
{
	const struct run_graph *graph = &view->loaded.graph;
	json_t *stages = json_array(), *gates = json_array(), *jobs = json_array();
	for (size_t i = 0; i < graph->stage_count; i++)
		if (has_changed(reply, graph->stages[i].id, false))
			json_array_append_new(stages, view_stage(graph, i));
	for (size_t i = 0; i < graph->gate_count; i++)
		if (has_changed(reply, graph->gates[i].id, true))
			json_array_append_new(gates, view_gate(graph, &graph->gates[i], caller));
	for (size_t i = 0; i < view->job_count; i++) {
		const struct graph_job *job = graph_job_by_id(graph, view->jobs[i].id);
		if (job)
			json_array_append_new(jobs, view_job(graph, job, &view->jobs[i]));
	}
	return json_pack("{s:o, s:o, s:O, s:o, s:o, s:o}", "run", fields_write(run_summary_fields, &view->summary),
		"alert", json_of_str(view->details.alert), "ways_back", view->details.ways_back, "stages", stages,
		"gates", gates, "jobs", jobs);
}

json_t *run_view_update(const struct db_reply *reply, struct plan_cache *plans, const struct caller *caller,
	struct arena *arena, struct err *err)
{
	struct view view = {0};
	json_t *json = NULL;
	if (read_view(reply, plans, &view, arena, err))
		json = update(reply, &view, caller);
	plan_ref_drop(view.plan);
	return json;
}
