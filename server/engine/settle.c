#include "server/engine/settle.h"

#include "common/clock.h"
#include "server/engine/conditions.h"
#include "server/engine/delivery.h"

#define GRANT_MAX_US (7 * 24 * 3600 * US_PER_SECOND)

bool settle_job_failed(const struct graph_job *job)
{
	return (job->state == JOB_FAILED || job->state == JOB_LOST) && !job->allow_failure;
}

struct str settle_describe_failure(const struct run_graph *graph, size_t index)
{
	const struct graph_stage *stage = &graph->stages[index];
	const struct graph_job *first = NULL;
	size_t count = 0;
	for (size_t i = 0; i < stage->job_count; i++) {
		const struct graph_job *job = &graph->jobs[stage->first_job + i];
		if (!settle_job_failed(job))
			continue;
		first = first ? first : job;
		count++;
	}
	if (!first)
		return arena_printf(graph->arena, "stage \"%.*s\" failed", STR_ARG(stage->plan->name));
	struct str more = count > 1 ? arena_printf(graph->arena, ", and %zu more", count - 1) : (struct str){0};
	struct str why = first->message.n ? first->message : STR("it failed");
	return arena_printf(graph->arena, "job \"%.*s\": %.*s%.*s", STR_ARG(first->key), STR_ARG(why), STR_ARG(more));
}

/* --- jobs --- */

static bool needs_are_over(const struct run_graph *graph, const struct graph_job *job)
{
	for (size_t i = 0; i < job->need_count; i++)
		if (!job_is_over(graph->jobs[job->needs[i]].state))
			return false;
	return true;
}

bool settle_job(struct run_graph *graph, struct graph_job *job, struct effects *effects)
{
	if (job->state != JOB_BLOCKED || !needs_are_over(graph, job))
		return false;
	struct str why = job->plan->skip_reason;
	if (job->plan->is_skipped || !condition_job(graph, job, &why)) {
		graph_move_job(graph, job, JOB_SKIP, why);
		return true;
	}
	graph_move_job(graph, job, JOB_QUEUE, (struct str){0});
	effects->has_queued = true;
	return true;
}

static void settle_jobs(struct run_graph *graph, const struct graph_stage *stage, struct effects *effects)
{
	/* Needs may point forward in the file, so a skip can free a job that was looked at before. */
	bool has_moved = true;
	while (has_moved) {
		has_moved = false;
		for (size_t i = 0; i < stage->job_count; i++)
			has_moved |= settle_job(graph, &graph->jobs[stage->first_job + i], effects);
	}
}

/* --- stages --- */

static bool lets_go_of_group(const struct plan_stage *stage)
{
	return stage->kind != PLAN_STAGE_JOBS;
}

static void release_group(struct run_graph *graph, struct effects *effects)
{
	if (graph->lane.state == LANE_RELEASED || !graph->lane.request)
		return;
	graph->lane.state = LANE_RELEASED;
	effects->releases_lane = true;
}

/* why: it is asked again; "" */
static void open_gate(struct run_graph *graph, size_t index, struct str why)
{
	const struct plan_stage *plan = graph->stages[index].plan;
	graph->gates = arena_grow(graph->arena, graph->gates, sizeof *graph->gates, graph->gate_count);
	graph->gates[graph->gate_count++] = (struct graph_gate){
		.stage = index,
		.state = GATE_OPEN,
		.was = GATE_OPEN,
		.stage_hash = plan_stage_hash(plan, graph->arena),
		.reason = why,
		.opened_at = graph->now_us,
		.expires_at = plan->gate->timeout_ms ? graph->now_us + plan->gate->timeout_ms * 1000 : 0,
		.is_dirty = true,
	};
}

static void skip_stage(struct run_graph *graph, size_t index, struct str why)
{
	const struct graph_stage *stage = &graph->stages[index];
	for (size_t i = 0; i < stage->job_count; i++)
		graph_move_job(graph, &graph->jobs[stage->first_job + i], JOB_SKIP, why);
	graph_move_stage(graph, index, STAGE_SKIP, why);
}

/* Nobody has to be asked any more. */
static void admit(struct run_graph *graph, size_t index)
{
	bool has_lane = graph->stages[index].plan->kind == PLAN_STAGE_ENVIRONMENT;
	graph_move_stage(graph, index, has_lane ? STAGE_QUEUE : STAGE_START, (struct str){0});
}

/* They may be of the stage that came before, or older than the stage's version. */
static bool has_facts(const struct run_graph *graph, size_t index)
{
	return graph->facts.stage == index + 1 && str_eq(graph->facts.version, graph->stages[index].version);
}

/* Whoever decides must not be one of them, so nobody is asked before they are known. */
static bool knows_authors(const struct run_graph *graph, size_t index, struct effects *effects)
{
	const struct plan_stage *plan = graph->stages[index].plan;
	if (plan->kind != PLAN_STAGE_ENVIRONMENT || plan->gate->author != PLAN_AUTHOR_DENY)
		return true;
	effects->looks_again |= !has_facts(graph, index);
	return has_facts(graph, index) && delivery_is_compared(graph, index, effects);
}

static void enter_stage(struct run_graph *graph, size_t index, struct effects *effects)
{
	const struct plan_stage *plan = graph->stages[index].plan;
	struct str why = plan->skip_reason;
	if (plan->is_skipped || !condition_stage(graph, index, &why)) {
		skip_stage(graph, index, why);
		return;
	}
	if (lets_go_of_group(plan))
		release_group(graph, effects);
	if (plan->kind == PLAN_STAGE_ENVIRONMENT && !delivery_prepare(graph, index, effects))
		return;
	/* A stage that is tried again keeps the gate that was granted for it: commit and plan are the same. */
	const struct graph_gate *gate = graph_gate_of(graph, index);
	if (!plan->gate || (gate && gate->state == GATE_GRANTED)) {
		admit(graph, index);
		return;
	}
	if (!knows_authors(graph, index, effects))
		return;
	graph_move_stage(graph, index, STAGE_GATE, (struct str){0});
	open_gate(graph, index, gate && gate->state == GATE_VOID ? gate->reason : (struct str){0});
}

/* Who said yes so long ago may think otherwise today. The old decision stays as it is. */
static void renew_gate(struct run_graph *graph, size_t index, struct effects *effects)
{
	const struct graph_stage *stage = &graph->stages[index];
	const struct graph_gate *gate = graph_gate_of(graph, index);
	bool is_outside = stage->lane.state == LANE_RELEASED || stage->lane.state == LANE_WAITING;
	if (!gate || gate->state != GATE_GRANTED || !stage->plan->gate || !is_outside)
		return;
	int64_t not_before = engine_not_before(graph, gate);
	int64_t since = gate->decided_at > not_before ? gate->decided_at : not_before;
	if (since + GRANT_MAX_US > graph->now_us || !knows_authors(graph, index, effects))
		return;
	delivery_leave(graph, index, effects); /* whoever waits for a word waits for no turn */
	graph_move_stage(graph, index, STAGE_GATE, (struct str){0});
	open_gate(graph, index, STR("the approval was more than seven days old"));
}

static void settle_gate(struct run_graph *graph, size_t index)
{
	struct graph_gate *gate = graph_gate_of(graph, index);
	BUG_ON(!gate);
	if (gate->state == GATE_OPEN && gate->expires_at && gate->expires_at <= graph->now_us)
		graph_move_gate(graph, gate, GATE_EXPIRE, STR("nobody decided in time"));
	switch (gate->state) {
	case GATE_OPEN:
		return;
	case GATE_GRANTED:
		if (engine_not_before(graph, gate) <= graph->now_us)
			admit(graph, index);
		return;
	case GATE_REFUSED:
	case GATE_EXPIRED:
		settle_end(graph, RUN_CANCELLED,
			arena_printf(graph->arena, "the gate of stage \"%.*s\" %s: %.*s",
				STR_ARG(graph->stages[index].plan->name),
				gate->state == GATE_REFUSED ? "was refused" : "expired", STR_ARG(gate->reason)));
		return;
	case GATE_VOID:
	case GATE_STATE_COUNT:
		break;
	}
	BUG("a gated stage with a gate in state %s", gate_state_names[gate->state]);
}

static void settle_running(struct run_graph *graph, size_t index, struct effects *effects)
{
	const struct graph_stage *stage = &graph->stages[index];
	bool has_failed = false;
	settle_jobs(graph, stage, effects);
	for (size_t i = 0; i < stage->job_count; i++) {
		const struct graph_job *job = &graph->jobs[stage->first_job + i];
		if (!job_is_over(job->state))
			return;
		has_failed |= settle_job_failed(job);
	}
	if (has_failed)
		graph_move_stage(graph, index, STAGE_FAIL, settle_describe_failure(graph, index));
	else
		graph_move_stage(graph, index, STAGE_SUCCEED, (struct str){0});
}

static struct str wait_for_gate(const struct run_graph *graph, size_t index)
{
	const struct graph_gate *gate = graph_gate_of(graph, index);
	const struct plan_stage *plan = graph->stages[index].plan;
	char text[CLOCK_TEXT_BYTES];
	if (gate->state == GATE_GRANTED) {
		clock_say(engine_not_before(graph, gate), text);
		return arena_printf(
			graph->arena, "%s: stage \"%.*s\" is approved, but not for earlier", text, STR_ARG(plan->name));
	}
	struct str until = STR("");
	if (gate->expires_at) {
		clock_say(gate->expires_at, text);
		until = arena_printf(graph->arena, " (until %s)", text);
	}
	struct str again =
		gate->reason.n ? arena_printf(graph->arena, " again (%.*s)", STR_ARG(gate->reason)) : STR("");
	return arena_printf(graph->arena, "approval of stage \"%.*s\"%.*s: %zu of %d, by %.*s%.*s", STR_ARG(plan->name),
		STR_ARG(again), engine_approved(gate), plan->gate->approvals, STR_ARG(engine_who_may(graph, gate)),
		STR_ARG(until));
}

/* True: the stage is over, the next one may be looked at. Where it waits for anything but jobs, *ret_wait says for
 * what. */
static bool settle_stage(struct run_graph *graph, size_t index, struct effects *effects, struct str *ret_wait)
{
	const struct graph_stage *stage = &graph->stages[index];
	bool is_delivery = stage->plan->kind == PLAN_STAGE_ENVIRONMENT;
	if (is_delivery)
		delivery_take_replan(graph, index, effects);
	if (stage->state == STAGE_BLOCKED && graph->ending == RUN_PENDING)
		enter_stage(graph, index, effects);
	if (graph->ending != RUN_PENDING)
		return false;
	if (is_delivery && !stage_is_over(stage->state) && !has_facts(graph, index)) {
		effects->looks_again = true;
		return false;
	}
	if (stage->state == STAGE_QUEUED)
		renew_gate(graph, index, effects);
	bool is_on_its_way = is_delivery && (stage->state == STAGE_GATED || stage->state == STAGE_QUEUED);
	/* Nobody should be asked for longer than needed about what will not happen. */
	if (is_on_its_way && delivery_is_barred(graph, index, effects))
		return false;
	if (stage->state == STAGE_GATED)
		settle_gate(graph, index);
	bool is_checked =
		graph->ending != RUN_PENDING || !is_on_its_way || delivery_is_rechecked(graph, index, effects);
	if (is_checked && stage->state == STAGE_GATED && graph->ending == RUN_PENDING)
		*ret_wait = wait_for_gate(graph, index);
	if (is_checked && graph->ending == RUN_PENDING && stage->state == STAGE_QUEUED)
		delivery_enter(graph, index, effects, ret_wait);
	if (graph->ending != RUN_PENDING)
		return false;
	if (stage->state == STAGE_RUNNING && is_delivery)
		delivery_run(graph, index, effects, ret_wait);
	else if (stage->state == STAGE_RUNNING)
		settle_running(graph, index, effects);
	if (stage_is_over(stage->state) && is_delivery)
		delivery_leave(graph, index, effects);
	return stage_is_over(stage->state) && graph->ending == RUN_PENDING;
}

/* --- the end --- */

void settle_end(struct run_graph *graph, enum run_state ending, struct str reason)
{
	if (graph->ending != RUN_PENDING)
		return;
	graph->ending = ending;
	graph->reason = reason;
	graph->is_dirty = true;
}

static void end_job(struct run_graph *graph, struct graph_job *job, struct effects *effects)
{
	if (job_is_over(job->state))
		return;
	if (!job_is_held(job->state)) {
		graph_move_job(graph, job, JOB_CANCEL, graph->reason);
		job->reason = END_CANCELLED;
		return;
	}
	if (delivery_is_silent(graph, job)) {
		delivery_give_up(graph, job);
		return;
	}
	if (job->cancel_reason.p)
		return;
	job->cancel_reason = graph->reason.p ? graph->reason : STR("");
	job->is_dirty = true;
	effects->has_cancelled = true;
}

static enum stage_event stage_end(const struct run_graph *graph, bool is_deploying)
{
	if (graph->ending == RUN_ROLLED_BACK && is_deploying)
		return STAGE_ROLL_BACK;
	return graph->ending == RUN_SUPERSEDED ? STAGE_SUPERSEDE : STAGE_CANCEL;
}

static enum run_event run_end(enum run_state ending)
{
	return ending == RUN_SUPERSEDED ? RUN_SUPERSEDE : ending == RUN_ROLLED_BACK ? RUN_ROLL_BACK : RUN_CANCEL;
}

static bool end_stage(struct run_graph *graph, size_t index, struct effects *effects)
{
	const struct graph_stage *stage = &graph->stages[index];
	bool is_over = true;
	for (size_t i = 0; i < stage->job_count; i++) {
		struct graph_job *job = &graph->jobs[stage->first_job + i];
		end_job(graph, job, effects);
		is_over &= job_is_over(job->state);
	}
	struct graph_gate *gate = graph_gate_of(graph, index);
	if (gate && gate->state == GATE_OPEN)
		graph_move_gate(graph, gate, GATE_CLOSE, graph->reason);
	if (!is_over)
		return false;
	bool was_at_it = stage->state == STAGE_QUEUED || stage->state == STAGE_RUNNING;
	if (stage->plan->kind == PLAN_STAGE_ENVIRONMENT && !stage_is_over(stage->state))
		delivery_end(graph, index);
	if (!stage_is_over(stage->state))
		graph_move_stage(graph, index, stage_end(graph, was_at_it && stage->plan->delivery), graph->reason);
	if (stage->plan->kind == PLAN_STAGE_ENVIRONMENT)
		delivery_leave(graph, index, effects);
	return true;
}

static void settle_ending(struct run_graph *graph, struct effects *effects)
{
	bool is_over = true;
	for (size_t i = 0; i < graph->stage_count; i++)
		is_over &= end_stage(graph, i, effects);
	if (!is_over)
		return;
	graph_move_run(graph, run_end(graph->ending), delivery_say_left(graph, graph->reason));
}

static void ensure_running(struct run_graph *graph)
{
	if (graph->state == RUN_WAITING)
		graph_move_run(graph, RUN_START, (struct str){0});
}

static void finish(struct run_graph *graph)
{
	ensure_running(graph);
	for (size_t i = 0; i < graph->stage_count; i++) {
		if (graph->stages[i].state == STAGE_FAILED) {
			graph_move_run(graph, RUN_FAIL, delivery_say_left(graph, graph->stages[i].reason));
			return;
		}
	}
	graph_move_run(graph, RUN_SUCCEED, (struct str){0});
}

/* --- the group and the sentence --- */

static bool is_let_in(const struct run_graph *graph)
{
	return graph->concurrency_group.n == 0 || graph->lane.state != LANE_WAITING;
}

static void set_waiting_for(struct run_graph *graph, struct str sentence)
{
	if (str_eq(graph->waiting_for, sentence))
		return;
	graph->waiting_for = sentence;
	graph->is_dirty = true;
}

static void wait_for_group(struct run_graph *graph)
{
	if (graph->state == RUN_RUNNING)
		graph_move_run(graph, RUN_WAIT, (struct str){0});
	/* With nobody inside, the lane is about to let somebody in, and whoever waits on is looked at again. */
	if (graph->lane.holder.n)
		set_waiting_for(graph, arena_printf(graph->arena, "%.*s to leave the concurrency group \"%.*s\"",
					       STR_ARG(graph->lane.holder), STR_ARG(graph->concurrency_group)));
}

static void settle_stages(struct run_graph *graph, struct effects *effects)
{
	for (size_t i = 0; i < graph->stage_count; i++) {
		struct str wait = {0};
		if (settle_stage(graph, i, effects, &wait))
			continue;
		if (graph->ending != RUN_PENDING)
			return;
		if (wait.n && graph->state == RUN_RUNNING)
			graph_move_run(graph, RUN_WAIT, (struct str){0});
		else if (wait.n == 0)
			ensure_running(graph);
		set_waiting_for(graph, wait);
		return;
	}
	finish(graph);
}

static void obey_lane(struct run_graph *graph)
{
	if (graph->lane.state != LANE_REVOKED && graph->lane.state != LANE_SUPERSEDED)
		return;
	if (graph->lane.request)
		settle_end(graph, RUN_SUPERSEDED,
			arena_printf(graph->arena, "superseded by %.*s", STR_ARG(graph->lane.superseded_by)));
}

/* What is under way is finished; nothing new is waited for. */
static void obey_abandonment(struct run_graph *graph)
{
	if (graph->abandoned.n && (graph->state == RUN_PENDING || graph->state == RUN_WAITING))
		settle_end(graph, RUN_CANCELLED, graph->abandoned);
}

void settle(struct run_graph *graph, struct effects *effects)
{
	if (run_is_over(graph->state))
		return;
	obey_lane(graph);
	obey_abandonment(graph);
	if (graph->ending == RUN_PENDING && !is_let_in(graph)) {
		wait_for_group(graph);
		return;
	}
	if (graph->ending == RUN_PENDING) {
		if (graph->state == RUN_PENDING)
			graph_move_run(graph, RUN_START, (struct str){0});
		settle_stages(graph, effects);
		obey_abandonment(graph);
	}
	if (graph->ending != RUN_PENDING)
		settle_ending(graph, effects);
	if (!run_is_over(graph->state))
		return;
	set_waiting_for(graph, (struct str){0});
	release_group(graph, effects);
}
