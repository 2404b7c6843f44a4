/* An environment stage up to its lane. Implements those parts of delivery.h. */
#include "common/clock.h"
#include "common/digest.h"
#include "server/engine/conditions.h"
#include "server/engine/delivery_parts.h"
#include "server/engine/settle.h"

/* --- before the gate --- */

static bool fix_version(struct run_graph *graph, size_t index)
{
	struct graph_stage *stage = &graph->stages[index];
	struct err err = {0};
	struct str version = {0}, why = {0};
	if (stage->version.n)
		return true;
	if (is_about_the_past(graph, index))
		version = graph->plan->version;
	else if (!condition_render(graph, graph->plan->version, &version, &err))
		why = arena_printf(graph->arena, "its version could not be worked out: %s", err.text);
	version = str_trim(version);
	if (why.n == 0 && version.n == 0)
		why = arena_printf(graph->arena, "its version is empty: %.*s", STR_ARG(graph->plan->version));
	if (why.n) {
		delivery_fail(graph, index, why);
		return false;
	}
	stage->version = version;
	stage->is_dirty = true;
	return true;
}

bool delivery_is_condemned(struct run_graph *graph, size_t index)
{
	const struct graph_stage *stage = &graph->stages[index];
	if (graph->facts.quarantined.n == 0 || is_teardown(graph, index))
		return false;
	bool has_begun = stage->state == STAGE_RUNNING;
	settle_end(graph, has_begun ? RUN_ROLLED_BACK : RUN_CANCELLED,
		arena_printf(graph->arena, "version %.*s is quarantined in %.*s: %.*s%s",
			STR_ARG(digest_brief(stage->version)), STR_ARG(stage->plan->environment),
			STR_ARG(graph->facts.quarantined),
			has_begun ? "" : "; an operator may release it, `penstock quarantine ls` tells its id"));
	return true;
}

bool delivery_is_quarantined(struct run_graph *graph, size_t index)
{
	struct str where = graph->facts.condemned_elsewhere;
	if (where.n == 0 || is_about_the_past(graph, index))
		return false;
	settle_end(graph, RUN_CANCELLED,
		arena_printf(graph->arena,
			"quarantined: version %.*s was condemned in %.*s; penstock deploy brings it to %.*s all the same",
			STR_ARG(digest_brief(graph->stages[index].version)), STR_ARG(where),
			STR_ARG(graph->stages[index].plan->environment)));
	return true;
}

bool delivery_prepare(struct run_graph *graph, size_t index, struct effects *effects)
{
	const struct graph_stage *stage = &graph->stages[index];
	bool is_ready = true;
	if (!fix_version(graph, index) || delivery_is_condemned(graph, index) ||
		delivery_is_quarantined(graph, index) || !delivery_is_current(graph, index, effects))
		return false;
	for (size_t i = 0; i < stage->job_count; i++) {
		struct graph_job *job = &graph->jobs[stage->first_job + i];
		if (job->plan->part != PLAN_PART_PREVIEW)
			continue;
		settle_job(graph, job, effects);
		is_ready &= job_is_over(job->state);
	}
	for (size_t i = 0; is_ready && i < stage->job_count; i++) {
		const struct graph_job *job = &graph->jobs[stage->first_job + i];
		if (job->plan->part != PLAN_PART_PREVIEW || !settle_job_failed(job))
			continue;
		delivery_fail(graph, index, settle_describe_failure(graph, index));
		return false;
	}
	return is_ready;
}

/* --- what holds it --- */

struct str delivery_wait_for_alarm(const struct run_graph *graph, const struct graph_alarm *alarm)
{
	return arena_printf(graph->arena, "the alarm \"%.*s\" to be ok: it is %.*s%s%.*s", STR_ARG(alarm->name),
		STR_ARG(alarm->state), alarm->message.n ? ", " : "", STR_ARG(alarm->message));
}

/* --- how commits are related --- */

bool delivery_is_compared(const struct run_graph *graph, size_t index, struct effects *effects)
{
	bool is_known = true;
	for (size_t i = 0; i < graph->facts.relation_count; i++)
		is_known &= graph->facts.relations[i].holds.n > 0;
	for (size_t i = 0; i < graph->facts.change_count; i++)
		is_known &= graph->facts.changes[i].is_known;
	if (!is_known && !is_about_the_past(graph, index))
		effects->compares = true;
	return is_known || is_about_the_past(graph, index);
}

static bool is_so(const struct graph_relation *relation, enum graph_relation_kind kind, const char *holds)
{
	return relation->kind == kind && str_is(relation->holds, holds);
}

static bool is_fixed(const struct run_graph *graph, int64_t quarantine)
{
	for (size_t i = 0; i < graph->facts.relation_count; i++)
		if (is_so(&graph->facts.relations[i], GRAPH_RELATION_FIXED, "yes") &&
			graph->facts.relations[i].quarantine == quarantine)
			return true;
	return false;
}

/* What the run's commit brings back, and then what it lacks. */
static struct str hold_of_commit(const struct run_graph *graph, size_t index)
{
	struct str environment = graph->stages[index].plan->environment;
	for (size_t i = 0; i < graph->facts.relation_count; i++) {
		const struct graph_relation *relation = &graph->facts.relations[i];
		if (is_so(relation, GRAPH_RELATION_CONDEMNED, "yes") && !is_fixed(graph, relation->quarantine))
			return arena_printf(graph->arena,
				"somebody to say that %.*s mends version %.*s, which it descends from and which is quarantined in "
				"%.*s (%.*s): penstock quarantine fixed %lld %.*s REASON",
				STR_ARG(graph->name), STR_ARG(digest_brief(relation->run)), STR_ARG(environment),
				STR_ARG(relation->text), (long long)relation->quarantine, STR_ARG(graph->name));
	}
	for (size_t i = 0; i < graph->facts.relation_count; i++) {
		const struct graph_relation *relation = &graph->facts.relations[i];
		if (is_so(relation, GRAPH_RELATION_HOTFIX, "no") && !graph->facts.overrides_freeze)
			return arena_printf(graph->arena,
				"the hotfix %.*s, which is live in %.*s and not in this commit: a later run that contains it, or an "
				"operator (penstock freeze override %.*s REASON)",
				STR_ARG(relation->run), STR_ARG(environment), STR_ARG(graph->name));
	}
	return (struct str){0};
}

static bool is_behind(struct run_graph *graph, size_t index)
{
	const struct graph_stage *stage = &graph->stages[index];
	const struct plan_delivery *rules = stage->plan->delivery;
	if (rules->priority != PLAN_PRIORITY_NORMAL || rules->may_go_back || stage->state == STAGE_RUNNING)
		return false;
	for (size_t i = 0; i < graph->facts.relation_count; i++) {
		const struct graph_relation *relation = &graph->facts.relations[i];
		if (!is_so(relation, GRAPH_RELATION_NEWER, "yes"))
			continue;
		settle_end(graph, RUN_SUPERSEDED,
			arena_printf(graph->arena,
				"superseded by %.*s, which contains this commit and was first in %.*s; penstock rollback goes back",
				STR_ARG(relation->run), STR_ARG(stage->plan->environment)));
		return true;
	}
	return false;
}

/* --- the hold --- */

/* Nobody passes who is there already, not even a rollback. */
static struct str hold_of_targets(const struct run_graph *graph, size_t index)
{
	const struct graph_stage *stage = &graph->stages[index];
	size_t next = 0;
	while (next < stage->wave_count && graph->waves[stage->first_wave + next].state != WAVE_PENDING)
		next++;
	for (size_t i = 0; next < stage->wave_count && i < graph->facts.occupied_count; i++) {
		const struct graph_occupant *occupant = &graph->facts.occupied[i];
		if (str_list_has(&stage->plan->delivery->waves[next].targets, occupant->target))
			return arena_printf(graph->arena,
				"%.*s to be done with %.*s, which takes one deployment at a time: it deploys %.*s there",
				STR_ARG(occupant->run), STR_ARG(occupant->target), STR_ARG(occupant->service));
	}
	return (struct str){0};
}

struct str delivery_hold(const struct run_graph *graph, size_t index)
{
	const struct graph_facts *facts = &graph->facts;
	struct str occupied = hold_of_targets(graph, index);
	if (occupied.n)
		return occupied;
	if (is_rollback(graph, index))
		return (struct str){0};
	if (facts->frozen.n)
		return facts->frozen;
	struct str hold = hold_of_commit(graph, index);
	if (hold.n && !is_teardown(graph, index))
		return hold;
	for (size_t i = 0; !rules_of(graph, index)->overrides_alarms && i < facts->alarm_count; i++) {
		const struct graph_alarm *alarm = &facts->alarms[i];
		if (!str_is(alarm->state, "ok"))
			return delivery_wait_for_alarm(graph, alarm);
	}
	return (struct str){0};
}

/* --- the lane --- */

static bool is_outrun(struct run_graph *graph, size_t index)
{
	const struct graph_stage *stage = &graph->stages[index];
	const struct plan_delivery *rules = stage->plan->delivery;
	if (graph->facts.newer.n == 0 || rules->is_fifo || rules->priority != PLAN_PRIORITY_NORMAL)
		return false;
	settle_end(graph, RUN_SUPERSEDED,
		arena_printf(graph->arena, "superseded by %.*s, which entered the lane of %.*s in %.*s",
			STR_ARG(graph->facts.newer), STR_ARG(rules->service), STR_ARG(stage->plan->environment)));
	return true;
}

struct str delivery_overtaken(const struct run_graph *graph, size_t index)
{
	const struct graph_facts *facts = &graph->facts;
	const struct plan_stage *plan = graph->stages[index].plan;
	if (facts->overtaken_by.n == 0)
		return (struct str){0};
	struct str instead =
		is_rollback(graph, index)
			? arena_printf(graph->arena, "penstock rollback %.*s %.*s brings back what is left",
				  STR_ARG(plan->delivery->service), STR_ARG(plan->environment))
			: STR("\"run again\" makes a new run");
	return arena_printf(graph->arena, "%.*s, which has deployed to %.*s since; %.*s", STR_ARG(facts->overtaken_by),
		STR_ARG(facts->overtaken_at), STR_ARG(instead));
}

/* Its waves were to leave every target with the version; going on would leave this one out. Once it is in its lane,
 * nobody else comes. */
static bool is_overtaken(struct run_graph *graph, size_t index)
{
	struct str by = delivery_overtaken(graph, index);
	if (by.n)
		settle_end(graph, RUN_SUPERSEDED, arena_printf(graph->arena, "superseded by %.*s", STR_ARG(by)));
	return by.n > 0;
}

bool delivery_is_called_off(struct run_graph *graph, size_t index)
{
	int64_t at = graph->facts.expires_at;
	if (!is_teardown(graph, index) || (at && at <= graph->now_us))
		return false;
	char text[CLOCK_TEXT_BYTES] = "";
	if (at)
		clock_say(at, text);
	settle_end(graph, RUN_CANCELLED,
		arena_printf(graph->arena, at ? "%.*s now expires %s" : "%.*s does not expire any more%s",
			STR_ARG(graph->stages[index].plan->environment), text));
	return true;
}

bool delivery_is_barred(struct run_graph *graph, size_t index, struct effects *effects)
{
	return delivery_is_condemned(graph, index) || delivery_is_quarantined(graph, index) ||
	       is_outrun(graph, index) || is_overtaken(graph, index) ||
	       (delivery_is_compared(graph, index, effects) && is_behind(graph, index));
}

void delivery_enter(struct run_graph *graph, size_t index, struct effects *effects, struct str *ret_wait)
{
	struct graph_stage *stage = &graph->stages[index];
	struct graph_lane *lane = &stage->lane;
	struct str where = stage->plan->environment, service = stage->plan->delivery->service;
	if (delivery_is_called_off(graph, index))
		return;
	if (!delivery_is_compared(graph, index, effects) && lane->state != LANE_WAITING)
		return;
	if (!delivery_is_current(graph, index, effects)) {
		*ret_wait = STR("its stage to be planned again, since the configuration has changed");
		return;
	}
	switch (lane->state) {
	case LANE_RELEASED:
		*ret_wait = delivery_hold(graph, index);
		if (ret_wait->n)
			return;
		lane->state = LANE_WAITING;
		effects->requests_lane_of = index + 1;
		effects->relies_on = index + 1;
		return;
	case LANE_WAITING:
		if (lane->holder.n)
			*ret_wait = arena_printf(graph->arena, "%.*s to leave the lane of %.*s in %.*s",
				STR_ARG(lane->holder), STR_ARG(service), STR_ARG(where));
		return;
	case LANE_GRANTED:
		*ret_wait = delivery_hold(graph, index);
		/* Since it asked. Nobody else is kept out for that, but where turns are taken it keeps its own. */
		if (ret_wait->n && !rules_of(graph, index)->is_fifo) {
			delivery_leave(graph, index, effects);
			return;
		}
		graph_move_stage(graph, index, STAGE_START, (struct str){0});
		return;
	case LANE_REVOKED:
		graph_move_stage(graph, index, STAGE_START, (struct str){0});
		return;
	case LANE_SUPERSEDED:
		settle_end(graph, RUN_SUPERSEDED,
			arena_printf(graph->arena, "superseded by %.*s in the lane of %.*s in %.*s",
				STR_ARG(lane->superseded_by), STR_ARG(service), STR_ARG(where)));
		return;
	case LANE_REQUEST_STATE_COUNT:
		break;
	}
	BUG("lane request in state %d", (int)lane->state);
}

void delivery_leave(struct run_graph *graph, size_t index, struct effects *effects)
{
	struct graph_lane *lane = &graph->stages[index].lane;
	if (lane->request == 0 || lane->state == LANE_RELEASED)
		return;
	lane->state = LANE_RELEASED;
	effects->releases_lane_of = index + 1;
}
