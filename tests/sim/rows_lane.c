/* The view lane_rival and what is read of it: who is newer in a lane that takes the newest. */
#include "tests/sim/rows.h"

#include "common/mem.h"

static struct str commit_of(const struct rows *rows, int64_t run)
{
	return rows_run(rows, run)->graph.commit;
}

static enum trigger_kind kind_of(const struct rows *rows, int64_t run)
{
	return rows->triggers[rows_run(rows, run)->trigger - 1].kind;
}

/* Their commits are another, and say something of both. */
static bool are_comparable(const struct rows *rows, int64_t run, int64_t other)
{
	return kind_of(rows, run) == TRIGGER_PUSH && kind_of(rows, other) == TRIGGER_PUSH &&
	       !str_eq(commit_of(rows, run), commit_of(rows, other));
}

static bool has_looked(const struct rows *rows, int64_t newer, int64_t older)
{
	return rows_has_looked(rows, commit_of(rows, newer), commit_of(rows, older), false);
}

bool rows_are_compared(const struct rows *rows, int64_t run, int64_t other)
{
	return !are_comparable(rows, run, other) || (has_looked(rows, run, other) && has_looked(rows, other, run));
}

bool rows_descends(const struct rows *rows, int64_t run, int64_t other)
{
	return are_comparable(rows, run, other) && rows_contains(commit_of(rows, run), commit_of(rows, other));
}

bool rows_is_newer(const struct rows *rows, int64_t run, int64_t other)
{
	return rows_descends(rows, run, other) || (run > other && !rows_descends(rows, other, run));
}

/* NULL: the n-th request is of nobody who matters to this run in that lane. */
static const struct row_request *rival_at(const struct rows *rows, size_t n, int64_t run, int64_t lane)
{
	const struct row_request *asked = &rows->requests[n];
	bool has_entered = asked->was_granted && asked->granted_at >= rows_run(rows, run)->created_at;
	bool is_there = asked->state == LANE_WAITING || has_entered;
	bool is_in_order = asked->priority >= 0 && asked->priority < PLAN_PRIORITY_ROLLBACK;
	return asked->lane == lane && asked->run != run && is_there && is_in_order ? asked : NULL;
}

void rows_load_rivals(const struct rows *rows, struct run_graph *graph, size_t stage)
{
	const struct graph_lane *lane = &graph->stages[stage].lane;
	bool is_inside = lane->state == LANE_GRANTED || lane->state == LANE_REVOKED;
	if (lane->lane == 0 || !rows->lanes[lane->lane - 1].is_newest || graph->stages[stage].state == STAGE_RUNNING)
		return;
	for (size_t i = 0; i < rows->request_count; i++) {
		const struct row_request *rival = rival_at(rows, i, graph->id, lane->lane);
		if (!rival || (is_inside && !rival->was_granted) || !are_comparable(rows, graph->id, rival->run))
			continue;
		struct graph_relation relation = {.kind = GRAPH_RELATION_LANE,
			.newer = graph->commit,
			.older = commit_of(rows, rival->run),
			.run = rows_run(rows, rival->run)->graph.name};
		rows_add_relation(rows, &graph->facts, relation);
		relation.older = relation.newer;
		relation.newer = commit_of(rows, rival->run);
		rows_add_relation(rows, &graph->facts, relation);
	}
}

/* As far as anybody has looked. */
enum answer { NO, YES, UNKNOWN };

static enum answer is_rival_newer(const struct rows *rows, int64_t rival, int64_t run)
{
	bool is_comparable = are_comparable(rows, run, rival);
	bool is_known = !is_comparable || has_looked(rows, rival, run);
	if (is_known && rows_descends(rows, rival, run))
		return YES;
	if (rival < run)
		return is_known ? NO : UNKNOWN;
	if (!is_comparable || has_looked(rows, run, rival))
		return !rows_descends(rows, run, rival) ? YES : is_known ? NO : UNKNOWN;
	return UNKNOWN;
}

struct str rows_newer_in_lane(const struct rows *rows, int64_t run, int64_t lane, bool *ret_is_known)
{
	struct str newer = {0};
	*ret_is_known = true;
	for (size_t i = rows->request_count; lane && rows->lanes[lane - 1].is_newest && i > 0; i--) {
		const struct row_request *rival = rival_at(rows, i - 1, run, lane);
		if (!rival || !rival->was_granted || rival->priority != PLAN_PRIORITY_NORMAL)
			continue;
		enum answer is_newer = is_rival_newer(rows, rival->run, run);
		*ret_is_known &= is_newer != UNKNOWN;
		if (is_newer == YES && newer.n == 0)
			newer = rows_run(rows, rival->run)->graph.name;
	}
	return newer;
}

void rows_load_lane_relations(const struct rows *rows, struct lane *lane, struct arena *arena)
{
	for (size_t i = 0; i < lane->count && lane->is_newest; i++) {
		for (size_t j = 0; j < lane->count; j++) {
			const struct lane_entry *newer = &lane->entries[i], *older = &lane->entries[j];
			if (i == j || newer->state != LANE_WAITING || older->state != LANE_WAITING ||
				!are_comparable(rows, newer->run, older->run))
				continue;
			bool is_known = has_looked(rows, newer->run, older->run);
			if (is_known && !rows_descends(rows, newer->run, older->run))
				continue;
			lane->relations =
				arena_grow(arena, lane->relations, sizeof *lane->relations, lane->relation_count);
			lane->relations[lane->relation_count++] =
				(struct lane_relation){newer->run, older->run, is_known};
		}
	}
}
