#include "server/shell/shell.h"

#include "common/clock.h"
#include "common/failpoint.h"
#include "common/id_map.h"
#include "common/log.h"
#include "common/mem.h"
#include "server/shell/shell_internal.h"

#include <stdlib.h>

/* A conflict is another coordinator or a worker's report that came first; so many in a row are a fault. */
enum { TRIES_MAX = 50 };

struct request {
	struct request *next;
	struct arena arena;
	struct engine_event event;
	struct person person;
	void (*done)(void *arg, const struct err *err);
	void *arg;
};

struct visit {
	struct flow flow;
	struct shell *shell;
	int64_t run;
	struct request *requests;
	bool is_wanted_again;
	int tries;
	/* of the round under way */
	struct kept_graph *graph;
	struct effects effects;
	struct request *current;
	bool is_saved;
};

/* --- steps of one round --- */

static void forget(struct visit *visit)
{
	kept_graph_free(visit->graph);
	visit->graph = NULL;
}

static enum flow_next load(struct flow *flow);
static enum flow_next apply(struct flow *flow);

/* What a person asks for is decided by the rows alone: it brings its own strings, and it is rare. */
static enum flow_next find_kept(struct flow *flow)
{
	struct visit *visit = (struct visit *)flow;
	visit->is_wanted_again = false;
	visit->shell->stats.visits++;
	visit->graph = graph_cache_take(&visit->shell->graphs, visit->run);
	if (visit->requests)
		forget(visit);
	if (!visit->graph) {
		flow_jump(flow, load);
		return FLOW_CONTINUE;
	}
	struct db_batch *batch = db_batch_new(visit->shell->db);
	run_store_refresh(batch, visit->run);
	return db_await(flow, batch);
}

static enum flow_next read_kept(struct flow *flow)
{
	struct visit *visit = (struct visit *)flow;
	if (run_store_read_again(db_reply_of(flow), clock_wall_us(), &visit->graph->loaded, &flow->err)) {
		flow_jump(flow, apply);
		return FLOW_CONTINUE;
	}
	if (flow->err.kind != ERR_CONFLICT)
		return FLOW_FAIL;
	forget(visit);
	return FLOW_CONTINUE;
}

static enum flow_next load(struct flow *flow)
{
	struct visit *visit = (struct visit *)flow;
	struct db_batch *batch = db_batch_new(visit->shell->db);
	run_store_load(batch, visit->run);
	visit->graph = kept_graph_new();
	visit->shell->stats.loads++;
	return db_await(flow, batch);
}

static enum flow_next read_graph(struct flow *flow)
{
	struct visit *visit = (struct visit *)flow;
	struct kept_graph *graph = visit->graph;
	struct run_loaded *loaded = &graph->loaded;
	if (!run_store_read(db_reply_of(flow), 0, clock_wall_us(), loaded, &graph->arena, &flow->err))
		return FLOW_FAIL;
	if (loaded->is_torn) {
		forget(visit);
		flow_jump(flow, load);
		return FLOW_CONTINUE;
	}
	if (loaded->plan_hash.n == 0) {
		err_set(&flow->err, ERR_CONFLICT, "%.*s has no plan: its pipeline file could not be used",
			STR_ARG(loaded->graph.name));
		return FLOW_FAIL;
	}
	graph->plan = plan_cache_get(visit->shell->plans, loaded->plan_hash);
	if (graph->plan)
		return FLOW_CONTINUE;
	struct db_batch *batch = db_batch_new(visit->shell->db);
	run_store_load_plan(batch, loaded->plan_hash);
	return db_await(flow, batch);
}

static enum flow_next link_plan(struct flow *flow)
{
	struct visit *visit = (struct visit *)flow;
	struct kept_graph *graph = visit->graph;
	if (!graph->plan && !run_store_read_plan(db_reply_of(flow), visit->shell->plans, graph->loaded.plan_hash,
				    &graph->plan, &flow->err))
		return FLOW_FAIL;
	graph->loaded.graph.plan = plan_ref_plan(graph->plan);
	if (!graph_link(&graph->loaded.graph, &flow->err))
		return FLOW_FAIL;
	if (graph->loaded.graph.wave_count)
		visit->shell->hooks.add_facts(visit->shell->hooks.arg, &graph->loaded.graph);
	graph->loaded_bytes = graph->arena.used_bytes;
	return FLOW_CONTINUE;
}

static const struct engine_event *choose_event(struct visit *visit, struct engine_event *own)
{
	struct run_loaded *loaded = &visit->graph->loaded;
	*own = (struct engine_event){.kind = ENGINE_LOOK};
	visit->current = NULL;
	if (loaded->end_count) {
		*own = (struct engine_event){
			.kind = ENGINE_ENDED, .ends = loaded->ends, .end_count = loaded->end_count};
		return own;
	}
	if (!visit->requests)
		return own;
	visit->current = visit->requests;
	return &visit->current->event;
}

/* A stage that came to its lane, or left it. */
static void look_stage_lane(const struct visit *visit)
{
	const struct run_graph *graph = &visit->graph->loaded.graph;
	size_t left = visit->effects.releases_lane_of;
	if (left)
		shell_look_lane(visit->shell, graph->stages[left - 1].lane.lane);
	for (size_t i = 0; i < graph->stage_count; i++)
		if (graph->stages[i].lane.state == LANE_WAITING)
			shell_look_lane(visit->shell, graph->stages[i].lane.lane);
}

/* Only when what was decided is committed: what is planned then is guarded by that. */
static void replan(const struct visit *visit, int64_t version)
{
	const struct shell_hooks *hooks = &visit->shell->hooks;
	if (visit->effects.replans)
		hooks->replan_stage(hooks->arg, &visit->graph->loaded.graph, visit->effects.replans - 1, version);
}

static enum flow_next apply(struct flow *flow)
{
	struct visit *visit = (struct visit *)flow;
	struct run_graph *graph = &visit->graph->loaded.graph;
	struct engine_event own;
	if (!engine_apply(graph, choose_event(visit, &own), &visit->effects, &flow->err))
		return FLOW_FAIL;
	if (visit->effects.compares)
		visit->shell->hooks.compare_commits(visit->shell->hooks.arg, graph);
	if (!engine_is_dirty(graph, &visit->effects)) {
		look_stage_lane(visit);
		replan(visit, graph->version);
		return FLOW_DONE;
	}
	FAILPOINT("run.decided");
	if (visit->effects.relies_on)
		FAILPOINT("wave.decided");
	struct db_batch *batch = db_batch_new(visit->shell->db);
	run_store_save(batch, graph, &visit->effects);
	visit->is_saved = true;
	return db_await(flow, batch);
}

static flow_step *const steps[] = {find_kept, read_kept, load, read_graph, link_plan, apply, NULL};

/* --- rounds --- */

static void answer(struct request *request, const struct err *err)
{
	request->done(request->arg, err);
	arena_done(&request->arena);
	free(request);
}

static void tell(struct visit *visit)
{
	const struct shell_hooks *hooks = &visit->shell->hooks;
	hooks->run_changed(hooks->arg, visit->run);
	if (visit->effects.has_queued)
		hooks->jobs_queued(hooks->arg);
	if (visit->effects.has_cancelled)
		hooks->attempts_cancelled(hooks->arg);
	if (visit->effects.releases_lane || visit->effects.requests_lane)
		shell_look_lane(visit->shell, visit->graph->loaded.graph.lane.lane);
	look_stage_lane(visit);
	/* Only the next look sees who is inside. */
	if (visit->effects.requests_lane || visit->effects.requests_lane_of || visit->effects.looks_again)
		visit->is_wanted_again = true;
	if (visit->effects.condemns)
		hooks->version_condemned(hooks->arg);
	replan(visit, visit->graph->loaded.graph.version + 1);
}

static void close_round(struct visit *visit)
{
	effects_done(&visit->effects);
	forget(visit);
	visit->is_saved = false;
}

/* The next visit goes on from here, when nothing else would be found by loading. */
static void keep_graph(struct visit *visit)
{
	struct run_graph *graph = &visit->graph->loaded.graph;
	if (visit->current || visit->effects.requests_lane || !graph_is_whole(graph))
		return;
	if (visit->is_saved)
		graph_written(graph);
	effects_done(&visit->effects); /* the notes live in the graph's arena */
	graph_cache_keep(&visit->shell->graphs, visit->graph);
	visit->graph = NULL;
}

static void end_visit(struct visit *visit)
{
	struct shell *shell = visit->shell;
	id_map_remove(&shell->visits, visit->run);
	flow_free(&visit->flow);
	shell_check_closed(shell);
}

static void take_answer(struct visit *visit, const struct err *err)
{
	struct request *request = visit->current;
	if (!request)
		return;
	visit->requests = request->next;
	visit->current = NULL;
	answer(request, err);
}

/* A failure that no retry cures: everybody who waits for this run hears of it. */
static void fail_visit(struct visit *visit, const struct err *err)
{
	/* A write that is refused so often is no race with anybody: the run stands still. */
	bool is_stuck = err->kind == ERR_CONFLICT && visit->is_saved;
	if (is_stuck || (!visit->current && err->kind != ERR_NOT_FOUND && err->kind != ERR_CONFLICT))
		log_error("shell.visit", F("run", visit->run), F("err", err));
	if (visit->current)
		take_answer(visit, err);
	else
		while (visit->requests) {
			struct request *request = visit->requests;
			visit->requests = request->next;
			answer(request, err);
		}
}

static void round_ended(struct flow *flow)
{
	struct visit *visit = (struct visit *)flow;
	struct err err = flow->err;
	if (err.kind == ERR_CONFLICT && visit->is_saved && ++visit->tries < TRIES_MAX) {
		visit->shell->stats.conflicts++;
		close_round(visit);
		flow_restart(flow);
		return;
	}
	visit->tries = 0;
	if (err.kind == ERR_NONE && visit->is_saved) {
		FAILPOINT("run.saved");
		tell(visit);
	}
	if (err.kind == ERR_NONE) {
		keep_graph(visit);
		take_answer(visit, NULL);
	} else
		fail_visit(visit, &err);
	close_round(visit);
	if (visit->requests || visit->is_wanted_again)
		flow_restart(flow);
	else
		end_visit(visit);
}

static struct visit *visit_of(struct shell *shell, int64_t run, bool *ret_is_new)
{
	struct visit *visit = id_map_get(&shell->visits, run);
	*ret_is_new = !visit;
	if (visit)
		return visit;
	visit = flow_new(sizeof *visit, steps, round_ended);
	visit->shell = shell;
	visit->run = run;
	id_map_put(&shell->visits, run, visit);
	return visit;
}

void shell_look(struct shell *shell, int64_t run)
{
	bool is_new;
	if (shell->closed)
		return;
	struct visit *visit = visit_of(shell, run, &is_new);
	if (is_new)
		flow_start(&visit->flow);
	else
		visit->is_wanted_again = true;
}

static void copy_event(struct request *request, const struct engine_event *event)
{
	struct arena *arena = &request->arena;
	request->event = *event;
	request->event.text = arena_str(arena, event->text);
	request->event.verdict = arena_str(arena, event->verdict);
	const struct person *from = event->person;
	request->person = (struct person){
		.account = from->account,
		.name = arena_str(arena, from->name),
		.email = arena_str(arena, from->email),
		.role = arena_str(arena, from->role),
		.groups.items = arena_array(arena, struct str, from->groups.count),
		.groups.count = from->groups.count,
	};
	for (size_t i = 0; i < from->groups.count; i++)
		request->person.groups.items[i] = arena_str(arena, from->groups.items[i]);
	request->event.person = &request->person;
}

void shell_apply(struct shell *shell, int64_t run, const struct engine_event *event,
	void (*done)(void *arg, const struct err *err), void *arg)
{
	BUG_ON(event->kind == ENGINE_ENDED || !event->person);
	struct request *request = mem_alloc(sizeof *request), **tail;
	copy_event(request, event);
	request->done = done;
	request->arg = arg;
	bool is_new;
	struct visit *visit = visit_of(shell, run, &is_new);
	for (tail = &visit->requests; *tail; tail = &(*tail)->next)
		;
	*tail = request;
	if (is_new)
		flow_start(&visit->flow);
}

/* --- the shell itself --- */

struct shell *shell_new(struct db *db, struct plan_cache *plans, const struct shell_hooks *hooks)
{
	struct shell *shell = mem_alloc(sizeof *shell);
	shell->db = db;
	shell->plans = plans;
	shell->hooks = *hooks;
	return shell;
}

void shell_check_closed(struct shell *shell)
{
	if (!shell->closed || shell->visits.count || shell->lane_visits.count || shell->is_ticking)
		return;
	void (*closed)(void *arg) = shell->closed;
	shell->closed = NULL;
	closed(shell->closed_arg);
}

void shell_close(struct shell *shell, void (*closed)(void *arg), void *arg)
{
	shell->closed = closed;
	shell->closed_arg = arg;
	shell_check_closed(shell);
}

void shell_free(struct shell *shell)
{
	if (!shell)
		return;
	graph_cache_done(&shell->graphs);
	id_map_done(&shell->visits);
	id_map_done(&shell->lane_visits);
	free(shell);
}

void shell_stats(const struct shell *shell, struct shell_stats *ret)
{
	*ret = shell->stats;
}

static void due_found(void *arg, struct db_reply *reply)
{
	struct shell *shell = arg;
	shell->is_ticking = false;
	if (!db_error(reply)) {
		for (size_t i = 0; i < db_row_count(reply, 0); i++)
			shell_look(shell, db_i64(reply, 0, i, 0));
		for (size_t i = 0; i < db_row_count(reply, 1); i++)
			shell_look_lane(shell, db_i64(reply, 1, i, 0));
		for (size_t i = 0; i < db_row_count(reply, 2); i++)
			shell_look(shell, db_i64(reply, 2, i, 0));
	}
	db_reply_free(reply);
	shell_check_closed(shell);
}

void shell_tick(struct shell *shell)
{
	if (shell->is_ticking || shell->closed)
		return;
	shell->is_ticking = true;
	struct db_batch *batch = db_batch_new(shell->db);
	db_add(batch, QUERY_RUNS_DUE);
	db_add(batch, QUERY_LANE_OPEN);
	db_add(batch, QUERY_RUNS_PASSED);
	db_submit(batch, due_found, shell);
}
