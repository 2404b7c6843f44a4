/* What run_delivery.sql tells of others: how commits are related, as far as anybody has looked, and who is at a target.
 */
#include "tests/sim/rows.h"

#include "common/mem.h"

static int64_t number_of(struct str commit)
{
	int64_t number = 0;
	str_to_i64(commit, &number);
	BUG_ON(number < 0 || number >= COMMITS);
	return number;
}

/* Two branches: odd numbers and even ones, each upon the one before. */
static bool contains(int64_t newer, int64_t older)
{
	return newer >= older && (newer - older) % 2 == 0;
}

bool rows_contains(struct str newer, struct str older)
{
	return contains(number_of(newer), number_of(older));
}

bool rows_has_looked(const struct rows *rows, struct str newer, struct str older, bool by_patch)
{
	return str_eq(newer, older) || rows->is_compared[number_of(newer)][number_of(older)][by_patch];
}

/* Ann pushes all of them. */
static struct str author(int64_t commit)
{
	return commit % 3 ? STR("ann@example.org") : STR("cas@example.org");
}

struct str_list rows_authors(struct str commit, struct arena *arena)
{
	struct str_list authors = {0};
	str_list_add(&authors, arena, author(number_of(commit)));
	return authors;
}

struct str_list rows_authors_between(struct str newer, struct str older, struct arena *arena)
{
	struct str_list authors = {0};
	int64_t last = number_of(newer), first = number_of(older);
	for (int64_t i = 1; i <= last; i++)
		if (contains(last, i) && !contains(first, i) && !str_list_has(&authors, author(i)))
			str_list_add(&authors, arena, author(i));
	return authors;
}

static void add_change(const struct rows *rows, struct run_graph *graph, struct str base)
{
	struct graph_facts *facts = &graph->facts;
	struct graph_change change = {
		.base = base, .is_known = rows->has_authors[number_of(graph->commit)][number_of(base)]};
	if (base.n == 0 || str_eq(base, graph->commit))
		return;
	for (size_t i = 0; i < facts->change_count; i++)
		if (str_eq(facts->changes[i].base, base))
			return;
	if (change.is_known)
		change.authors = rows_authors_between(graph->commit, base, rows->arena);
	facts->changes = arena_grow(rows->arena, facts->changes, sizeof *facts->changes, facts->change_count);
	facts->changes[facts->change_count++] = change;
}

static struct str known(const struct rows *rows, const struct graph_relation *relation)
{
	if (!rows_has_looked(rows, relation->newer, relation->older, relation->by_patch))
		return (struct str){0};
	return rows_contains(relation->newer, relation->older) ? STR("yes") : STR("no");
}

static bool is_same(const struct graph_relation *a, const struct graph_relation *b)
{
	return a->kind == b->kind && str_eq(a->newer, b->newer) && str_eq(a->older, b->older) &&
	       str_eq(a->run, b->run) && a->quarantine == b->quarantine;
}

void rows_add_relation(const struct rows *rows, struct graph_facts *facts, struct graph_relation relation)
{
	if (str_eq(relation.newer, relation.older) && relation.kind != GRAPH_RELATION_FIXED)
		return;
	relation.holds = known(rows, &relation);
	for (size_t i = 0; i < facts->relation_count; i++)
		if (is_same(&facts->relations[i], &relation))
			return;
	facts->relations = arena_grow(rows->arena, facts->relations, sizeof *facts->relations, facts->relation_count);
	facts->relations[facts->relation_count++] = relation;
}

bool rows_runs(const struct rows *rows, const struct row_deployment *deployment, const void *unused)
{
	enum deployment_state state = deployment->deployment->state;
	(void)rows, (void)unused;
	return state == DEPLOYMENT_LIVE || state == DEPLOYMENT_ROLLED_BACK;
}

static bool is_hotfix(const struct rows *rows, const struct row_deployment *last)
{
	size_t stage = (size_t)(last->stage - rows_run(rows, last->run)->graph.stages);
	for (size_t i = 0; i < rows->request_count; i++)
		if (rows->requests[i].run == last->run && rows->requests[i].stage == stage &&
			rows->requests[i].priority == PLAN_PRIORITY_HOTFIX)
			return true;
	return false;
}

enum { TARGETS_MAX = 3 };
static const char *const target_names[ENVIRONMENTS][TARGETS_MAX] = {{"qa-1"}, {"eu-canary", "eu-1", "us-1"}};

/* What runs on the n-th target of the stage's environment; false: nothing, or nothing that is any good. */
static bool is_live_at(const struct rows *rows, const struct plan_stage *plan, size_t n, struct row_deployment *ret)
{
	const char *target = target_names[rows_environment(plan->environment)][n];
	return target &&
	       rows_last_deployment(
		       rows, plan->delivery->service, plan->environment, str_of(target), rows_runs, NULL, ret) &&
	       ret->deployment->state == DEPLOYMENT_LIVE && !rows_is_teardown(ret);
}

struct pair_list rows_put_out(const struct rows *rows, struct str service, struct str environment)
{
	struct pair_list latest = {0};
	int64_t best = 0;
	for (size_t n = 0; n < TARGETS_MAX; n++) {
		struct row_deployment last;
		const char *target = target_names[rows_environment(environment)][n];
		if (!target ||
			!rows_last_deployment(rows, service, environment, str_of(target), rows_runs, NULL, &last) ||
			rows_is_teardown(&last) || last.job->outputs.count == 0 || last.deployment->id < best)
			continue;
		best = last.deployment->id;
		latest = last.job->outputs;
	}
	return latest;
}

bool rows_is_passed(const struct rows *rows, int64_t run)
{
	const struct run_graph *graph = &rows_run(rows, run)->graph;
	bool is_passed = false;
	enum trigger_kind kind = rows->triggers[rows_run(rows, run)->trigger - 1].kind;
	if (kind == TRIGGER_BACK || kind == TRIGGER_DOWN)
		return false;
	for (size_t i = 0; i < graph->stage_count; i++) {
		const struct plan_stage *plan = graph->stages[i].plan;
		struct row_deployment last;
		for (size_t n = 0; plan->delivery && graph->stages[i].state == STAGE_GATED && n < TARGETS_MAX; n++) {
			if (!is_live_at(rows, plan, n, &last))
				continue;
			struct str live = rows_commit_of(rows, plan->delivery->service, last.deployment->version);
			if (live.n == 0 || str_eq(live, graph->commit))
				continue;
			is_passed |= !rows->has_authors[number_of(graph->commit)][number_of(live)];
			is_passed |= kind == TRIGGER_PUSH && (!rows_has_looked(rows, live, graph->commit, false) ||
								     rows_contains(live, graph->commit));
		}
	}
	return is_passed;
}

static void add_running(const struct rows *rows, struct run_graph *graph, const struct plan_stage *plan)
{
	for (size_t i = 0; i < TARGETS_MAX; i++) {
		struct row_deployment last;
		if (!is_live_at(rows, plan, i, &last))
			continue;
		struct graph_relation relation = {.kind = GRAPH_RELATION_NEWER,
			.newer = rows_commit_of(rows, plan->delivery->service, last.deployment->version),
			.older = graph->commit,
			.run = rows_run(rows, last.run)->graph.name};
		add_change(rows, graph, relation.newer);
		rows_add_relation(rows, &graph->facts, relation);
		if (!is_hotfix(rows, &last))
			continue;
		relation.kind = GRAPH_RELATION_HOTFIX;
		relation.older = relation.newer;
		relation.newer = graph->commit;
		relation.by_patch = true;
		rows_add_relation(rows, &graph->facts, relation);
	}
}

void rows_load_relations(const struct rows *rows, struct run_graph *graph, size_t stage)
{
	const struct plan_stage *plan = graph->stages[stage].plan;
	int64_t lane = graph->stages[stage].lane.lane;
	add_running(rows, graph, plan);
	for (size_t i = 0; i < rows->request_count; i++) {
		const struct row_request *held = &rows->requests[i];
		bool is_inside = held->state == LANE_GRANTED || held->state == LANE_REVOKED;
		if (lane && held->lane == lane && is_inside && held->run != graph->id && held->priority >= 0 &&
			!rows_run(rows, held->run)->is_rollback)
			rows_add_relation(rows, &graph->facts,
				(struct graph_relation){.kind = GRAPH_RELATION_NEWER,
					.newer = rows_run(rows, held->run)->graph.commit,
					.older = graph->commit,
					.run = rows_run(rows, held->run)->graph.name});
	}
	rows_load_rivals(rows, graph, stage);
	for (size_t i = 0; i < rows->quarantine_count; i++) {
		const struct row_quarantine *held = &rows->quarantines[i];
		bool is_here = !held->is_released && str_eq(held->service, plan->delivery->service) &&
			       str_eq(held->environment, plan->environment);
		if (is_here)
			rows_add_relation(rows, &graph->facts,
				(struct graph_relation){.kind = GRAPH_RELATION_CONDEMNED,
					.newer = graph->commit,
					.older = rows_commit_of(rows, held->service, held->version),
					.run = held->version,
					.text = held->reason,
					.quarantine = (int64_t)i + 1});
		if (is_here && held->fixed_commit.n)
			rows_add_relation(rows, &graph->facts,
				(struct graph_relation){.kind = GRAPH_RELATION_FIXED,
					.newer = graph->commit,
					.older = held->fixed_commit,
					.quarantine = (int64_t)i + 1});
	}
}

void rows_compare(struct rows *rows, const struct run_graph *graph)
{
	for (size_t i = 0; i < graph->facts.relation_count; i++) {
		const struct graph_relation *relation = &graph->facts.relations[i];
		rows->is_compared[number_of(relation->newer)][number_of(relation->older)][relation->by_patch] = true;
	}
	for (size_t i = 0; i < graph->facts.change_count; i++)
		rows->has_authors[number_of(graph->commit)][number_of(graph->facts.changes[i].base)] = true;
}

/* --- targets --- */

bool rows_is_exclusive(struct str target)
{
	return str_is(target, "eu-1");
}

bool rows_other_at(const struct rows *rows, struct str service, struct str environment, struct str target,
	int64_t but_for, bool (*counts)(struct str service, struct str other), struct row_deployment *ret)
{
	for (size_t i = 0; i < rows->run_count; i++) {
		const struct run_graph *graph = &rows->runs[i]->graph;
		for (size_t d = 0; d < graph->deployment_count && graph->id != but_for; d++) {
			const struct graph_deployment *made = &graph->deployments[d];
			const struct graph_job *job = &graph->jobs[made->job];
			const struct graph_stage *stage = &graph->stages[job->stage];
			if (deployment_is_over(made->state) || !str_eq(made->target, target) ||
				!str_eq(stage->plan->environment, environment) ||
				!counts(service, stage->plan->delivery->service))
				continue;
			*ret = (struct row_deployment){graph->id, made, stage, &graph->waves[made->wave], job};
			return true;
		}
	}
	return false;
}

struct behind {
	int64_t run, deployment;
};

static bool is_behind(const struct rows *rows, const struct row_deployment *deployment, const void *arg)
{
	const struct behind *behind = arg;
	(void)rows;
	return deployment->run != behind->run && deployment->deployment->id > behind->deployment &&
	       deployment->deployment->started_at;
}

static int64_t last_deployment(const struct run_graph *graph, const struct graph_job *job)
{
	int64_t id = 0;
	for (size_t i = 0; i < graph->deployment_count; i++)
		if (&graph->jobs[graph->deployments[i].job] == job)
			id = graph->deployments[i].id;
	return id;
}

bool rows_was_overtaken(
	const struct rows *rows, const struct run_graph *graph, const struct graph_job *job, struct row_deployment *ret)
{
	const struct plan_stage *plan = graph->stages[job->stage].plan;
	struct behind behind = {graph->id, last_deployment(graph, job)};
	return job->state == JOB_SUCCEEDED && behind.deployment &&
	       rows_last_deployment(
		       rows, plan->delivery->service, plan->environment, job->plan->target, is_behind, &behind, ret);
}

void rows_load_overtaken(const struct rows *rows, struct run_graph *graph, size_t stage)
{
	const struct graph_stage *in = &graph->stages[stage];
	int64_t first = INT64_MAX;
	for (size_t i = 0; i < in->job_count; i++) {
		const struct graph_job *job = &graph->jobs[in->first_job + i];
		struct row_deployment other;
		if (last_deployment(graph, job) > first || !rows_was_overtaken(rows, graph, job, &other))
			continue;
		first = last_deployment(graph, job);
		graph->facts.overtaken_at = job->plan->target;
		graph->facts.overtaken_by = rows_run(rows, other.run)->graph.name;
	}
}

static bool is_other(struct str service, struct str other)
{
	return !str_eq(service, other);
}

void rows_load_occupants(const struct rows *rows, struct run_graph *graph, size_t stage)
{
	const struct plan_stage *plan = graph->stages[stage].plan;
	struct str target = STR("eu-1");
	struct row_deployment other;
	if (!rows_other_at(rows, plan->delivery->service, plan->environment, target, 0, is_other, &other))
		return;
	graph->facts.occupied = arena_new(rows->arena, struct graph_occupant);
	graph->facts.occupied[0] = (struct graph_occupant){
		target, other.stage->plan->delivery->service, rows_run(rows, other.run)->graph.name};
	graph->facts.occupied_count = 1;
}

void rows_load_silence(const struct rows *rows, struct run_graph *graph)
{
	for (size_t i = 0; i < graph->deployment_count; i++) {
		const struct graph_job *job = &graph->jobs[graph->deployments[i].job];
		const struct row_attempt *attempt = rows_attempt(rows, job->id, job->attempt);
		graph->deployments[i].is_silent =
			attempt && attempt->state == ATTEMPT_RUNNING && attempt->lease_until < rows->now_us;
	}
}
