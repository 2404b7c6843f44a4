#include "server/engine/engine.h"

#include "server/engine/delivery.h"
#include "server/engine/settle.h"

/* --- attempts that ended --- */

static bool may_retry(const struct graph_job *job, enum end_reason reason)
{
	const struct plan_retry *retry = &job->plan->retry;
	if (job->retries >= retry->max)
		return false;
	switch (reason) {
	case END_WORKER_LOST:
	case END_CANCELLED: /* nobody asked for it: the worker gave up */
		return retry->on_worker_lost;
	case END_TIMEOUT:
		return retry->on_timeout;
	case END_EXIT:
	case END_SIGNAL:
	case END_OUT_OF_MEMORY:
	case END_TOO_MANY_PROCESSES:
	case END_DISK_FULL:
	case END_LOG_LIMIT:
	case END_ARTIFACT_FAILED:
		return retry->on_exit;
	case END_NONE:
	case END_SANDBOX_UNAVAILABLE:
	case END_SOURCE_UNAVAILABLE:
	case END_EXPRESSION_FAILED: /* it would fail again */
	case END_REASON_COUNT:
		break;
	}
	return false;
}

static struct str describe_end(const struct run_graph *graph, const struct attempt_end *end)
{
	if (end->message.n)
		return end->message;
	if (end->reason == END_EXIT)
		return arena_printf(graph->arena, "exited with %d", end->exit_code);
	if (end->reason == END_WORKER_LOST)
		return STR("its worker went silent");
	return str_of(end_reason_names[end->reason]);
}

static void take_outcome(struct run_graph *graph, struct graph_job *job, const struct attempt_end *end)
{
	job->reason = end->reason;
	job->has_exit_code = end->reason == END_EXIT;
	job->exit_code = end->exit_code;
	job->started_at = end->started_at;
	job->ended_at = end->ended_at;
	job->outputs = end->outputs;
	bool ok = end->reason == END_EXIT && end->exit_code == 0;
	struct str message = ok ? (struct str){0} : describe_end(graph, end);
	if (ok)
		graph_move_job(graph, job, JOB_SUCCEED, message);
	else if (graph->ending != RUN_PENDING && job->cancel_reason.p)
		graph_move_job(graph, job, JOB_CANCEL, message);
	else if (end->reason == END_WORKER_LOST || end->reason == END_CANCELLED)
		graph_move_job(graph, job, JOB_LOSE, message);
	else
		graph_move_job(graph, job, JOB_FAIL, message);
	if (job->allow_failure && (job->state == JOB_FAILED || job->state == JOB_LOST) && !graph->has_warnings) {
		graph->has_warnings = true;
		graph->is_dirty = true;
	}
}

static void apply_end(struct run_graph *graph, const struct attempt_end *end, struct effects *effects)
{
	struct graph_job *job = graph_job_by_id(graph, end->job);
	BUG_ON(!job);
	job->applied_attempt = end->attempt;
	job->is_dirty = true;
	if (job->attempt != end->attempt || !job_is_held(job->state))
		return; /* an older attempt: noted as seen, changes nothing */
	bool ok = end->reason == END_EXIT && end->exit_code == 0;
	if (!ok && graph->ending == RUN_PENDING && may_retry(job, end->reason)) {
		job->retries++;
		graph_move_job(graph, job, JOB_REQUEUE,
			arena_printf(graph->arena, "attempt %d: %.*s; retry %d of %d", end->attempt,
				STR_ARG(describe_end(graph, end)), job->retries, job->plan->retry.max));
		effects->has_queued = true;
		return;
	}
	take_outcome(graph, job, end);
}

/* --- decisions --- */

static bool find_gate(struct run_graph *graph, int64_t id, struct graph_gate **ret, struct err *err)
{
	for (size_t i = 0; i < graph->gate_count; i++)
		if (graph->gates[i].id == id) {
			*ret = &graph->gates[i];
			return true;
		}
	return err_set(err, ERR_NOT_FOUND, "%.*s has no gate %lld", STR_ARG(graph->name), (long long)id);
}

static bool apply_decision(struct run_graph *graph, const struct engine_event *event, struct err *err)
{
	struct graph_gate *gate;
	struct str why;
	if (!find_gate(graph, event->gate, &gate, err))
		return false;
	if (!engine_may_decide(graph, gate, event->person, &why)) {
		enum err_kind kind = gate->state == GATE_OPEN ? ERR_DENIED : ERR_CONFLICT;
		return err_set(err, kind, "%.*s, stage \"%.*s\": %.*s", STR_ARG(graph->name),
			STR_ARG(graph->stages[gate->stage].plan->name), STR_ARG(why));
	}
	const struct plan_gate *rule = graph->stages[gate->stage].plan->gate;
	if (rule->is_comment_required && str_trim(event->text).n == 0)
		return err_set(err, ERR_INVALID, "stage \"%.*s\" asks for a comment with each decision: say why",
			STR_ARG(graph->stages[gate->stage].plan->name));
	struct graph_decision *grown = arena_array(graph->arena, struct graph_decision, gate->decision_count + 1);
	for (size_t i = 0; i < gate->decision_count; i++)
		grown[i] = gate->decisions[i];
	grown[gate->decision_count++] = (struct graph_decision){
		.account = event->person->account,
		.account_name = event->person->name,
		.is_approval = event->is_approval,
		.comment = event->text,
		.groups = event->person->groups,
		.decided_at = graph->now_us,
		.not_before = event->not_before,
		.is_new = true,
	};
	gate->decisions = grown;
	gate->is_dirty = true;
	return true;
}

static bool has_minimum(const struct graph_gate *gate, const struct pair *minimum)
{
	int64_t needed = 0, count = 0;
	str_to_i64(minimum->value, &needed);
	for (size_t i = 0; i < gate->decision_count; i++)
		count += gate->decisions[i].is_approval && str_list_has(&gate->decisions[i].groups, minimum->name);
	return count >= needed;
}

static void close_gate(struct run_graph *graph, struct graph_gate *gate)
{
	const struct plan_gate *rule = graph->stages[gate->stage].plan->gate;
	const struct graph_decision *last = &gate->decisions[gate->decision_count - 1];
	if (!last->is_approval) {
		graph_move_gate(graph, gate, GATE_REFUSE,
			arena_printf(graph->arena, last->comment.n ? "by %.*s: %.*s" : "by %.*s%.*s",
				STR_ARG(last->account_name), STR_ARG(last->comment)));
		return;
	}
	bool is_enough = engine_approved(gate) >= (size_t)rule->approvals;
	for (size_t i = 0; i < rule->require.count; i++)
		is_enough &= has_minimum(gate, &rule->require.items[i]);
	if (is_enough)
		graph_move_gate(graph, gate, GATE_GRANT, (struct str){0});
}

static bool decide(struct run_graph *graph, const struct engine_event *event, struct err *err)
{
	if (!apply_decision(graph, event, err))
		return false;
	for (size_t i = 0; i < graph->gate_count; i++)
		if (graph->gates[i].id == event->gate)
			close_gate(graph, &graph->gates[i]);
	return true;
}

static bool undecide(struct run_graph *graph, const struct engine_event *event, struct err *err)
{
	struct graph_gate *gate;
	size_t kept = 0;
	if (!find_gate(graph, event->gate, &gate, err))
		return false;
	if (gate->state != GATE_OPEN)
		return err_set(err, ERR_CONFLICT, "%.*s, stage \"%.*s\": the gate is %s", STR_ARG(graph->name),
			STR_ARG(graph->stages[gate->stage].plan->name), gate_state_names[gate->state]);
	struct graph_decision *rest = arena_array(graph->arena, struct graph_decision, gate->decision_count);
	for (size_t i = 0; i < gate->decision_count; i++)
		if (gate->decisions[i].account != event->person->account)
			rest[kept++] = gate->decisions[i];
	if (kept == gate->decision_count)
		return err_set(err, ERR_CONFLICT, "%.*s, stage \"%.*s\": %.*s has not decided", STR_ARG(graph->name),
			STR_ARG(graph->stages[gate->stage].plan->name), STR_ARG(event->person->name));
	gate->decisions = rest;
	gate->decision_count = kept;
	gate->undecided = event->person->account;
	gate->is_dirty = true;
	return true;
}

/* --- cancel and retry --- */

static bool cancel(struct run_graph *graph, const struct engine_event *event, struct err *err)
{
	if (run_is_over(graph->state))
		return err_set(
			err, ERR_CONFLICT, "%.*s is over (%s)", STR_ARG(graph->name), run_state_names[graph->state]);
	struct str why = event->text.n ? arena_printf(graph->arena, ": %.*s", STR_ARG(event->text)) : (struct str){0};
	settle_end(graph, RUN_CANCELLED,
		arena_printf(graph->arena, "cancelled by %.*s%.*s", STR_ARG(event->person->name), STR_ARG(why)));
	return true;
}

static bool may_reset(const struct graph_job *job)
{
	return job->state == JOB_FAILED || job->state == JOB_LOST;
}

static void reset_job(struct run_graph *graph, struct graph_job *job)
{
	graph_move_job(graph, job, JOB_RESET, (struct str){0});
	job->retries = 0;
}

/* Jobs that were skipped because of what is now tried again. Needs may point forward, so until nothing moves. */
static void reset_dependents(struct run_graph *graph)
{
	bool has_moved = true;
	while (has_moved) {
		has_moved = false;
		for (size_t i = 0; i < graph->job_count; i++) {
			struct graph_job *job = &graph->jobs[i];
			bool waits = false;
			for (size_t n = 0; n < job->need_count; n++)
				waits |= graph->jobs[job->needs[n]].state == JOB_BLOCKED;
			if (waits && job->state == JOB_SKIPPED && !job->plan->is_skipped) {
				reset_job(graph, job);
				has_moved = true;
			}
		}
	}
}

static void reset_stage(struct run_graph *graph, size_t index)
{
	const struct graph_stage *stage = &graph->stages[index];
	for (size_t i = 0; i < stage->job_count; i++)
		if (graph->jobs[stage->first_job + i].state == JOB_SKIPPED)
			reset_job(graph, &graph->jobs[stage->first_job + i]);
	graph_move_stage(graph, index, STAGE_RESET, (struct str){0});
}

/* It asks for its lane again, and goes on with the wave that failed. */
static void reset_delivery(struct run_graph *graph, size_t index)
{
	const struct graph_stage *stage = &graph->stages[index];
	reset_stage(graph, index);
	for (size_t i = 0; i < stage->wave_count; i++) {
		struct graph_wave *wave = &graph->waves[stage->first_wave + i];
		if (wave->state == WAVE_FAILED || wave->state == WAVE_SUPERSEDED)
			graph_move_wave(graph, wave, WAVE_RETRY);
	}
}

/* An alarm stops a delivery without a job that failed. */
static bool has_stopped(const struct graph_stage *stage)
{
	return stage->state == STAGE_FAILED && stage->plan->delivery;
}

static bool has_stopped_delivery(const struct run_graph *graph)
{
	for (size_t i = 0; i < graph->stage_count; i++)
		if (has_stopped(&graph->stages[i]))
			return true;
	return false;
}

static void reset_stages(struct run_graph *graph, const struct graph_job *only)
{
	bool is_behind = false;
	for (size_t i = 0; i < graph->stage_count; i++) {
		const struct graph_stage *stage = &graph->stages[i];
		bool has_reset = !only && has_stopped(stage);
		for (size_t j = 0; j < stage->job_count; j++)
			has_reset |= graph->jobs[stage->first_job + j].state == JOB_BLOCKED;
		bool is_skipped = stage->state == STAGE_SKIPPED && !stage->plan->is_skipped;
		bool is_again = has_reset && stage->state == STAGE_FAILED;
		if (is_again && stage->plan->delivery)
			reset_delivery(graph, i);
		else if (is_behind && (is_skipped || is_again))
			reset_stage(graph, i);
		else if (is_again)
			graph_move_stage(graph, i, STAGE_RETRY, (struct str){0});
		is_behind |= has_reset;
	}
}

static size_t reset_failed(struct run_graph *graph, const struct graph_job *only)
{
	size_t count = 0;
	for (size_t i = 0; i < graph->job_count; i++) {
		struct graph_job *job = &graph->jobs[i];
		bool is_wanted = only ? job == only : !job->allow_failure;
		if (!is_wanted || !may_reset(job))
			continue;
		reset_job(graph, job);
		count++;
	}
	return count;
}

static bool find_retry(const struct run_graph *graph, struct str name, const struct graph_job **ret, struct err *err)
{
	int64_t id;
	*ret = NULL;
	if (name.n == 0)
		return true;
	const struct graph_job *job =
		str_to_i64(name, &id) ? graph_job_by_id(graph, id) : graph_job_by_key(graph, name);
	if (!job)
		return err_set(err, ERR_NOT_FOUND, "%.*s has no job \"%.*s\"", STR_ARG(graph->name), STR_ARG(name));
	if (!may_reset(job))
		return err_set(err, ERR_CONFLICT, "job \"%.*s\" is %s; only a failed or lost job can be retried",
			STR_ARG(job->key), job_state_names[job->state]);
	*ret = job;
	return true;
}

static bool needs_job(const struct run_graph *graph, const struct graph_job *job, const struct graph_job *need)
{
	for (size_t i = 0; i < job->need_count; i++)
		if (&graph->jobs[job->needs[i]] == need)
			return true;
	return false;
}

/* While a stage runs, a job may be tried again only as long as nothing that needs it has begun on its outcome; what was
 * skipped because of it is tried again too, and with it the question. Needs have no cycles, so this ends. */
static const struct graph_job *busy_dependent(const struct run_graph *graph, const struct graph_job *job)
{
	const struct graph_job *busy = NULL;
	for (size_t i = 0; i < graph->job_count && !busy; i++) {
		const struct graph_job *other = &graph->jobs[i];
		if (!needs_job(graph, other, job))
			continue;
		if (other->state == JOB_QUEUED || job_is_held(other->state))
			busy = other;
		else if (other->state == JOB_SKIPPED)
			busy = busy_dependent(graph, other);
	}
	return busy;
}

/* A target that was tried stands for the wave, which fails or goes on with what it was told. */
static bool refuse_in_wave(const struct run_graph *graph, const struct graph_job *job, struct err *err)
{
	struct str target = job->plan->target;
	if (job->state == JOB_LOST && job->plan->part == PLAN_PART_DEPLOY)
		return err_set(err, ERR_CONFLICT,
			"nobody knows how the deployment to %.*s ended; say so with \"penstock resolve %.*s %.*s live|failed|retry\"",
			STR_ARG(target), STR_ARG(graph->name), STR_ARG(target));
	return err_set(err, ERR_CONFLICT, "the wave that \"%.*s\" belongs to has not ended; retry when it has",
		STR_ARG(job->key));
}

static bool is_of_past_wave(const struct run_graph *graph, const struct graph_job *job)
{
	const struct graph_stage *stage = &graph->stages[job->stage];
	int32_t wave = job->plan->wave;
	return wave > 0 && wave_is_over(graph->waves[stage->first_wave + (size_t)wave - 1].state);
}

/* It would leave out a target that is somebody else's by now. Who deploys there later is noticed at the lane. */
static struct str overtaken_retry(const struct run_graph *graph, const struct graph_job *only)
{
	size_t index = graph->facts.stage - 1;
	if (graph->facts.stage == 0 || graph->stages[index].state != STAGE_FAILED || (only && only->stage > index))
		return (struct str){0};
	return delivery_overtaken(graph, index);
}

static bool retry(struct run_graph *graph, const struct engine_event *event, struct effects *effects, struct err *err)
{
	const struct graph_job *only;
	if (!find_retry(graph, event->text, &only, err))
		return false;
	bool is_in_stage = only && graph->stages[only->stage].state == STAGE_RUNNING && graph->ending == RUN_PENDING;
	if (graph->state != RUN_FAILED && !is_in_stage)
		return err_set(err, ERR_CONFLICT,
			"%.*s is %s; only a failed run can be retried (\"run again\" makes a new one)",
			STR_ARG(graph->name), run_state_names[graph->state]);
	if (only && !is_in_stage && graph->stages[only->stage].state != STAGE_FAILED)
		return err_set(err, ERR_CONFLICT,
			"stage \"%.*s\" has %s without \"%.*s\" (\"run again\" makes a new run)",
			STR_ARG(graph->stages[only->stage].plan->name),
			stage_state_names[graph->stages[only->stage].state], STR_ARG(only->key));
	struct str overtaken = overtaken_retry(graph, only);
	if (overtaken.n)
		return err_set(
			err, ERR_CONFLICT, "%.*s was superseded by %.*s", STR_ARG(graph->name), STR_ARG(overtaken));
	if (is_in_stage && (only->plan->part == PLAN_PART_DEPLOY || only->plan->part == PLAN_PART_VERIFY))
		return refuse_in_wave(graph, only, err);
	if (is_in_stage && is_of_past_wave(graph, only))
		return err_set(err, ERR_CONFLICT,
			"the wave that \"%.*s\" belongs to has ended, and the run went on without it",
			STR_ARG(only->key));
	const struct graph_job *busy = is_in_stage ? busy_dependent(graph, only) : NULL;
	if (busy)
		return err_set(err, ERR_CONFLICT, "job \"%.*s\", which needs it, is %s; retry when the run has ended",
			STR_ARG(busy->key), job_state_names[busy->state]);
	if (reset_failed(graph, only) == 0 && (only || !has_stopped_delivery(graph)))
		return err_set(err, ERR_CONFLICT, "%.*s has no failed job", STR_ARG(graph->name));
	reset_dependents(graph);
	reset_stages(graph, only);
	if (graph->state != RUN_FAILED)
		return true;
	graph_move_run(graph, RUN_RETRY, (struct str){0});
	if (graph->concurrency_group.n && graph->lane.state == LANE_RELEASED) {
		graph->lane = (struct graph_lane){.state = LANE_WAITING, .lane = graph->lane.lane};
		effects->requests_lane = true;
	}
	return true;
}

/* --- notes --- */

static void note(struct run_graph *graph, struct effects *effects, const char *kind, json_t *body)
{
	effects->notes = arena_grow(graph->arena, effects->notes, sizeof *effects->notes, effects->note_count);
	effects->notes[effects->note_count++] = (struct engine_note){kind, body};
}

static json_t *text(struct str s)
{
	json_t *value = json_stringn(s.p ? s.p : "", s.n);
	return value ? value : json_string("");
}

static void note_changes(struct run_graph *graph, struct effects *effects)
{
	if (graph->state != graph->was)
		note(graph, effects, "run.moved",
			json_pack("{s:s, s:s, s:o}", "from", run_state_names[graph->was], "to",
				run_state_names[graph->state], "reason", text(graph->reason)));
	for (size_t i = 0; i < graph->stage_count; i++) {
		const struct graph_stage *stage = &graph->stages[i];
		if (stage->state != stage->was)
			note(graph, effects, "stage.moved",
				json_pack("{s:o, s:s, s:s, s:o}", "stage", text(stage->plan->name), "from",
					stage_state_names[stage->was], "to", stage_state_names[stage->state], "reason",
					text(stage->reason)));
	}
	for (size_t i = 0; i < graph->wave_count; i++) {
		const struct graph_wave *wave = &graph->waves[i];
		if (wave->is_dirty)
			note(graph, effects, "wave.moved",
				json_pack("{s:o, s:i, s:s, s:s, s:o}", "stage",
					text(graph->stages[wave->stage].plan->name), "wave", wave->number, "from",
					wave_state_names[wave->was], "to", wave_state_names[wave->state], "held",
					text(wave->held)));
	}
	for (size_t i = 0; i < graph->deployment_count; i++) {
		const struct graph_deployment *deployment = &graph->deployments[i];
		if (deployment->is_dirty)
			note(graph, effects, "deployment.moved",
				json_pack("{s:o, s:o, s:o, s:s}", "environment",
					text(graph->stages[graph->jobs[deployment->job].stage].plan->environment),
					"target", text(deployment->target), "version", text(deployment->version), "to",
					deployment_state_names[deployment->state]));
	}
	for (size_t i = 0; i < graph->gate_count; i++) {
		const struct graph_gate *gate = &graph->gates[i];
		if (gate->is_dirty)
			note(graph, effects, "gate.moved",
				json_pack("{s:o, s:s, s:I, s:o}", "stage", text(graph->stages[gate->stage].plan->name),
					"to", gate_state_names[gate->state], "approved",
					(json_int_t)engine_approved(gate), "reason", text(gate->reason)));
	}
}

/* --- the function --- */

static bool apply_event(
	struct run_graph *graph, const struct engine_event *event, struct effects *effects, struct err *err)
{
	switch (event->kind) {
	case ENGINE_LOOK:
		return true;
	case ENGINE_ENDED:
		for (size_t i = 0; i < event->end_count; i++)
			apply_end(graph, &event->ends[i], effects);
		return true;
	case ENGINE_DECIDED:
		return decide(graph, event, err);
	case ENGINE_UNDECIDED:
		return undecide(graph, event, err);
	case ENGINE_CANCEL:
		return cancel(graph, event, err);
	case ENGINE_RETRY:
		return retry(graph, event, effects, err);
	case ENGINE_RESOLVE:
		return delivery_resolve(graph, event, effects, err);
	case ENGINE_ACCEPT:
		return delivery_accept(graph, event, effects, err);
	}
	BUG("event kind %d", (int)event->kind);
}

bool engine_apply(struct run_graph *graph, const struct engine_event *event, struct effects *effects, struct err *err)
{
	*effects = (struct effects){0};
	if (!apply_event(graph, event, effects, err))
		return false;
	settle(graph, effects);
	note_changes(graph, effects);
	return true;
}

bool engine_is_dirty(const struct run_graph *graph, const struct effects *effects)
{
	bool is_dirty = graph->is_dirty || effects->releases_lane || effects->requests_lane ||
			effects->requests_lane_of || effects->releases_lane_of;
	for (size_t i = 0; i < graph->wave_count && !is_dirty; i++)
		is_dirty = graph->waves[i].is_dirty;
	for (size_t i = 0; i < graph->deployment_count && !is_dirty; i++)
		is_dirty = graph->deployments[i].is_dirty;
	for (size_t i = 0; i < graph->stage_count && !is_dirty; i++)
		is_dirty = graph->stages[i].is_dirty;
	for (size_t i = 0; i < graph->job_count && !is_dirty; i++)
		is_dirty = graph->jobs[i].is_dirty;
	for (size_t i = 0; i < graph->gate_count && !is_dirty; i++)
		is_dirty = graph->gates[i].is_dirty;
	return is_dirty;
}

void effects_done(struct effects *effects)
{
	for (size_t i = 0; i < effects->note_count; i++)
		json_decref(effects->notes[i].body);
	*effects = (struct effects){0};
}

int64_t engine_due_at(const struct run_graph *graph)
{
	int64_t due = 0;
	for (size_t i = 0; i < graph->wave_count; i++) {
		const struct graph_wave *wave = &graph->waves[i];
		if (wave->state == WAVE_BAKING && (due == 0 || wave->bake_until < due))
			due = wave->bake_until;
	}
	for (size_t i = 0; i < graph->gate_count; i++) {
		const struct graph_gate *gate = &graph->gates[i];
		if (gate->state == GATE_OPEN && gate->expires_at && (due == 0 || gate->expires_at < due))
			due = gate->expires_at;
	}
	return due;
}
