/* The waves of an environment stage. Implements those parts of delivery.h that delivery_entry.c does not. */
#include "common/digest.h"
#include "server/engine/delivery_parts.h"
#include "server/engine/settle.h"

/* --- deployments --- */

static struct graph_deployment *deployment_of(const struct run_graph *graph, size_t job)
{
	for (size_t i = graph->deployment_count; i > 0; i--)
		if (graph->deployments[i - 1].job == job)
			return &graph->deployments[i - 1];
	return NULL;
}

static struct graph_deployment *deployment_to(const struct run_graph *graph, size_t wave, struct str target)
{
	for (size_t i = graph->deployment_count; i > 0; i--)
		if (graph->deployments[i - 1].wave == wave && str_eq(graph->deployments[i - 1].target, target))
			return &graph->deployments[i - 1];
	return NULL;
}

static void add_deployment(struct run_graph *graph, size_t wave, size_t job)
{
	const struct plan_job *plan = graph->jobs[job].plan;
	const struct graph_stage *stage = &graph->stages[graph->jobs[job].stage];
	bool is_own = !is_about_the_past(graph, graph->jobs[job].stage);
	graph->deployments =
		arena_grow(graph->arena, graph->deployments, sizeof *graph->deployments, graph->deployment_count);
	graph->deployments[graph->deployment_count++] = (struct graph_deployment){
		.job = job,
		.wave = wave,
		.target = plan->target,
		.version = is_own ? stage->version : plan->version,
		.state = DEPLOYMENT_PENDING,
		.was = DEPLOYMENT_PENDING,
		.is_dirty = true,
	};
}

/* A job whose attempt ended tells how far its target came. */
static void follow_job(
	struct run_graph *graph, struct graph_deployment *deployment, const struct graph_job *job, bool has_verify)
{
	bool is_deploy = job->plan->part == PLAN_PART_DEPLOY;
	if (deployment_is_over(deployment->state))
		return;
	/* One that failed before its first step reached nothing, and has failed all the same. */
	bool was_tried = job->state == JOB_SUCCEEDED || job->state == JOB_FAILED || job->state == JOB_LOST;
	bool has_begun = job_is_held(job->state) || was_tried || (job_is_over(job->state) && job->started_at);
	if (is_deploy && deployment->state == DEPLOYMENT_PENDING && has_begun)
		graph_move_deployment(graph, deployment, DEPLOYMENT_START);
	bool is_lost = job->state == JOB_LOST || (job_is_held(job->state) && deployment->is_silent);
	if (is_deploy && deployment->state == DEPLOYMENT_RUNNING && is_lost)
		graph_move_deployment(graph, deployment, DEPLOYMENT_LOSE);
	if (!job_is_over(job->state))
		return;
	bool is_good = job->state == JOB_SUCCEEDED || job->allow_failure;
	bool is_under_way = deployment->state == DEPLOYMENT_RUNNING ||
			    (deployment->state == DEPLOYMENT_UNKNOWN && job->state != JOB_LOST);
	if (is_deploy && is_under_way && is_good)
		graph_move_deployment(graph, deployment, has_verify ? DEPLOYMENT_VERIFY : DEPLOYMENT_GO_LIVE);
	else if (is_deploy && is_under_way)
		graph_move_deployment(graph, deployment, DEPLOYMENT_FAIL);
	else if (!is_deploy && deployment->state == DEPLOYMENT_VERIFYING)
		graph_move_deployment(graph, deployment, is_good ? DEPLOYMENT_GO_LIVE : DEPLOYMENT_FAIL);
}

struct wave_count {
	size_t busy;      /* deploy or verify jobs that are queued or with a worker */
	size_t testing;   /* tests and diagnoses of that kind */
	size_t unreached; /* deployments that are not done yet */
	size_t unverified;
	size_t failed;
	const struct graph_deployment *unknown;
};

static bool has_verify(const struct run_graph *graph, const struct graph_stage *stage, struct str target)
{
	for (size_t i = 0; i < stage->job_count; i++) {
		const struct plan_job *plan = graph->jobs[stage->first_job + i].plan;
		if (plan->part == PLAN_PART_VERIFY && str_eq(plan->target, target))
			return true;
	}
	return false;
}

bool delivery_is_silent(const struct run_graph *graph, const struct graph_job *job)
{
	const struct graph_deployment *deployment = deployment_of(graph, (size_t)(job - graph->jobs));
	return deployment && deployment->is_silent && job_is_held(job->state);
}

void delivery_give_up(struct run_graph *graph, struct graph_job *job)
{
	job->given_up_attempt = job->attempt;
	job->reason = END_WORKER_LOST;
	graph_move_job(graph, job, JOB_LOSE, STR("its worker went silent"));
}

/* Where the pipeline says that deploying twice does no harm, it is tried again at once. */
static void retry_silent(struct run_graph *graph, struct graph_job *job, struct effects *effects)
{
	if (!delivery_is_silent(graph, job) || job->retries >= job->plan->retry.max)
		return;
	job->given_up_attempt = job->attempt;
	job->retries++;
	graph_move_job(graph, job, JOB_REQUEUE,
		arena_printf(graph->arena, "attempt %d: its worker went silent; retry %d of %d", job->attempt,
			job->retries, job->plan->retry.max));
	effects->has_queued = true;
}

static struct wave_count follow_wave(struct run_graph *graph, size_t index, size_t at)
{
	const struct graph_stage *stage = &graph->stages[index];
	const struct graph_wave *wave = &graph->waves[at];
	struct wave_count count = {0};
	for (size_t i = 0; i < stage->job_count; i++) {
		const struct graph_job *job = &graph->jobs[stage->first_job + i];
		bool is_busy = job->state == JOB_QUEUED || job_is_held(job->state);
		bool is_beside = is_of(job, wave, PLAN_PART_TEST) || is_of(job, wave, PLAN_PART_DIAGNOSE);
		count.testing += is_busy && is_beside;
		if (!is_of(job, wave, PLAN_PART_DEPLOY) && !is_of(job, wave, PLAN_PART_VERIFY))
			continue;
		struct graph_deployment *deployment = deployment_to(graph, at, job->plan->target);
		if (deployment)
			follow_job(graph, deployment, job, has_verify(graph, stage, job->plan->target));
		bool is_silent =
			is_of(job, wave, PLAN_PART_DEPLOY) && deployment && deployment->state == DEPLOYMENT_UNKNOWN;
		count.busy += is_busy && !is_silent;
	}
	for (size_t i = 0; i < stage->job_count; i++) {
		const struct graph_job *job = &graph->jobs[stage->first_job + i];
		const struct graph_deployment *deployment = deployment_of(graph, stage->first_job + i);
		if (!is_of(job, wave, PLAN_PART_DEPLOY) || !deployment)
			continue;
		count.unreached += deployment->state == DEPLOYMENT_PENDING || deployment->state == DEPLOYMENT_RUNNING ||
				   deployment->state == DEPLOYMENT_UNKNOWN;
		count.unverified += deployment->state == DEPLOYMENT_VERIFYING;
		count.failed += deployment->state == DEPLOYMENT_FAILED;
		if (deployment->state == DEPLOYMENT_UNKNOWN)
			count.unknown = deployment;
	}
	return count;
}

/* --- one wave --- */

/* Tried again: a target that has the version, and was not verified. */
static bool is_to_be_verified(const struct run_graph *graph, const struct graph_stage *stage, struct str target)
{
	for (size_t i = 0; i < stage->job_count; i++) {
		const struct graph_job *job = &graph->jobs[stage->first_job + i];
		if (job->plan->part == PLAN_PART_VERIFY && str_eq(job->plan->target, target))
			return job->state == JOB_BLOCKED;
	}
	return false;
}

static void begin_wave(struct run_graph *graph, size_t index, size_t at, struct effects *effects)
{
	const struct graph_stage *stage = &graph->stages[index];
	effects->relies_on = index + 1;
	graph_move_wave(graph, &graph->waves[at], WAVE_DEPLOY);
	for (size_t i = 0; i < stage->job_count; i++) {
		const struct graph_job *job = &graph->jobs[stage->first_job + i];
		bool has_version = job->state == JOB_SUCCEEDED && is_to_be_verified(graph, stage, job->plan->target);
		if (is_of(job, &graph->waves[at], PLAN_PART_DEPLOY) && (job->state == JOB_BLOCKED || has_version))
			add_deployment(graph, at, stage->first_job + i);
	}
}

static void start_jobs(struct run_graph *graph, size_t index, size_t at, bool may_deploy, struct effects *effects)
{
	const struct graph_stage *stage = &graph->stages[index];
	const struct graph_wave *wave = &graph->waves[at];
	int32_t parallel = stage->plan->delivery->waves[wave->number - 1].parallel, running = 0;
	for (size_t i = 0; i < stage->job_count; i++) {
		const struct graph_job *job = &graph->jobs[stage->first_job + i];
		bool is_busy = job->state == JOB_QUEUED || job_is_held(job->state);
		running += is_busy && is_of(job, wave, PLAN_PART_DEPLOY);
	}
	for (size_t i = 0; i < stage->job_count; i++) {
		struct graph_job *job = &graph->jobs[stage->first_job + i];
		const struct graph_deployment *deployment = deployment_to(graph, at, job->plan->target);
		if (is_of(job, wave, PLAN_PART_VERIFY) && deployment && deployment->state == DEPLOYMENT_VERIFYING)
			settle_job(graph, job, effects);
		if (may_deploy && is_of(job, wave, PLAN_PART_DEPLOY) && running < parallel)
			running += settle_job(graph, job, effects) && job->state == JOB_QUEUED;
	}
}

static void end_rest(struct run_graph *graph, size_t index, struct str why)
{
	const struct graph_stage *stage = &graph->stages[index];
	for (size_t i = 0; i < stage->job_count; i++) {
		struct graph_job *job = &graph->jobs[stage->first_job + i];
		if (job->state == JOB_BLOCKED)
			graph_move_job(graph, job, JOB_SKIP, why);
	}
	for (size_t i = 0; i < stage->wave_count; i++)
		if (graph->waves[stage->first_wave + i].state == WAVE_PENDING)
			graph_move_wave(graph, &graph->waves[stage->first_wave + i], WAVE_SUPERSEDE);
	for (size_t i = 0; i < graph->deployment_count; i++) {
		struct graph_deployment *deployment = &graph->deployments[i];
		if (deployment->state == DEPLOYMENT_PENDING)
			graph_move_deployment(graph, deployment, DEPLOYMENT_SUPERSEDE);
		else if (deployment->state == DEPLOYMENT_VERIFYING) /* it has the version, though nobody verified it */
			graph_move_deployment(graph, deployment, DEPLOYMENT_GO_LIVE);
	}
}

void delivery_fail(struct run_graph *graph, size_t index, struct str why)
{
	end_rest(graph, index, why);
	graph_move_stage(graph, index, STAGE_FAIL, why);
}

/* alarm "": it failed */
static void condemn(struct run_graph *graph, size_t index, struct str why, struct str alarm, struct effects *effects)
{
	effects->condemns = index + 1;
	effects->condemned_by = alarm;
	settle_end(graph, RUN_ROLLED_BACK, why);
}

void delivery_fail_wave(struct run_graph *graph, size_t index, size_t at, struct str why, struct effects *effects)
{
	const struct plan_delivery *rules = rules_of(graph, index);
	if (rules->on_failure == PLAN_REACTION_ROLLBACK && !rules->is_final && !is_rollback(graph, index)) {
		condemn(graph, index, why, (struct str){0}, effects);
		return;
	}
	graph_move_wave(graph, &graph->waves[at], WAVE_FAIL);
	delivery_fail(graph, index, why);
}

bool delivery_is_diagnosed(struct run_graph *graph, size_t index, size_t at, bool has_failed, struct effects *effects)
{
	const struct graph_stage *stage = &graph->stages[index];
	bool is_over = true;
	for (size_t i = 0; i < stage->job_count; i++) {
		struct graph_job *job = &graph->jobs[stage->first_job + i];
		const struct graph_deployment *deployment = deployment_to(graph, at, job->plan->target);
		if (!is_of(job, &graph->waves[at], PLAN_PART_DIAGNOSE) || !deployment ||
			(has_failed && deployment->state != DEPLOYMENT_FAILED))
			continue;
		settle_job(graph, job, effects);
		is_over &= job_is_over(job->state);
	}
	return is_over;
}

const struct graph_alarm *delivery_fired(const struct run_graph *graph, size_t index, const struct graph_wave *wave)
{
	for (size_t i = 0; !is_rollback(graph, index) && i < graph->facts.alarm_count; i++) {
		const struct graph_alarm *alarm = &graph->facts.alarms[i];
		if (alarm->fired_at && alarm->fired_at >= wave->started_at)
			return alarm;
	}
	return NULL;
}

static struct str wait_for_operator(const struct run_graph *graph, const struct graph_deployment *unknown)
{
	return arena_printf(graph->arena,
		"an operator to say how the deployment to %.*s ended: its worker went silent (penstock resolve %.*s %.*s "
		"live|failed|retry)",
		STR_ARG(unknown->target), STR_ARG(graph->name), STR_ARG(unknown->target));
}

/* It may be ok again, and then its message is of that. */
static struct str say_fired(const struct run_graph *graph, size_t index, size_t at, const struct graph_alarm *alarm)
{
	bool fires = str_is(alarm->state, "firing");
	return arena_printf(graph->arena, "alarm \"%.*s\" fired in wave %d of %.*s%s%.*s", STR_ARG(alarm->name),
		graph->waves[at].number, STR_ARG(graph->stages[index].plan->environment),
		!fires             ? ", and is "
		: alarm->message.n ? ": "
				   : "",
		STR_ARG(fires ? alarm->message : alarm->state));
}

/* True: an alarm fired since the wave began, whatever it is by now, and what is to be done is under way. */
static bool obey_alarm(struct run_graph *graph, size_t index, size_t at, const struct wave_count *count,
	struct effects *effects, struct str *ret_wait)
{
	const struct plan_delivery *rules = rules_of(graph, index);
	const struct graph_alarm *alarm = delivery_fired(graph, index, &graph->waves[at]);
	if (!alarm)
		return false;
	struct str why = say_fired(graph, index, at, alarm);
	if (rules->on_alarm == PLAN_REACTION_ROLLBACK && !rules->is_final) {
		condemn(graph, index, why, alarm->name, effects);
		return true;
	}
	if (count->busy || count->testing)
		return true;
	if (count->unknown) {
		*ret_wait = wait_for_operator(graph, count->unknown);
		return true;
	}
	graph_move_wave(graph, &graph->waves[at], WAVE_FAIL);
	delivery_fail(graph, index, why);
	return true;
}

/* A hotfix or a rollback waits: what runs is finished, nothing more is begun. */
static void make_way(struct run_graph *graph, size_t index, const struct wave_count *count)
{
	const struct graph_stage *stage = &graph->stages[index];
	if (count->busy == 0)
		settle_end(graph, RUN_SUPERSEDED,
			arena_printf(graph->arena, "made way for %.*s in the lane of %.*s in %.*s",
				STR_ARG(stage->lane.superseded_by), STR_ARG(stage->plan->delivery->service),
				STR_ARG(stage->plan->environment)));
}

static void settle_wave(struct run_graph *graph, size_t index, size_t at, struct effects *effects, struct str *ret_wait)
{
	const struct graph_stage *stage = &graph->stages[index];
	struct graph_wave *wave = &graph->waves[at];
	for (size_t i = 0; i < stage->job_count; i++)
		if (is_of(&graph->jobs[stage->first_job + i], wave, PLAN_PART_DEPLOY))
			retry_silent(graph, &graph->jobs[stage->first_job + i], effects);
	struct wave_count count = follow_wave(graph, index, at);
	if (stage->lane.state == LANE_REVOKED && !count.unknown) {
		make_way(graph, index, &count);
		return;
	}
	if (wave->state == WAVE_PENDING) {
		if (delivery_is_quarantined(graph, index) || delivery_is_called_off(graph, index) ||
			!delivery_is_compared(graph, index, effects))
			return;
		*ret_wait = delivery_hold(graph, index);
		if (ret_wait->n)
			return;
		begin_wave(graph, index, at, effects);
		count = follow_wave(graph, index, at);
	}
	if (obey_alarm(graph, index, at, &count, effects, ret_wait))
		return;
	if (graph->facts.condemned_elsewhere.n && !is_about_the_past(graph, index) && !count.unknown) {
		if (count.busy == 0) /* what runs is finished, nothing more is begun */
			delivery_is_quarantined(graph, index);
		return;
	}
	if (wave->state != WAVE_BAKING)
		start_jobs(graph, index, at, count.failed == 0, effects);
	count = follow_wave(graph, index, at);
	if (count.unknown && count.busy == 0) {
		*ret_wait = wait_for_operator(graph, count.unknown);
		return;
	}
	if (count.failed && count.busy == 0) {
		if (delivery_is_diagnosed(graph, index, at, true, effects))
			delivery_fail_wave(graph, index, at, settle_describe_failure(graph, index), effects);
		return;
	}
	if (wave->state == WAVE_DEPLOYING && count.unverified && count.unreached == 0)
		graph_move_wave(graph, wave, WAVE_VERIFY);
	if (count.busy || count.unreached || count.failed)
		return;
	if (wave->state != WAVE_BAKING && count.unverified == 0)
		delivery_start_bake(graph, wave);
	if (wave->state == WAVE_BAKING)
		delivery_bake(graph, at, effects, ret_wait);
}

static void set_held(struct graph_wave *wave, struct str held)
{
	if (str_eq(wave->held, held))
		return;
	wave->held = held;
	wave->is_dirty = true;
}

void delivery_run(struct run_graph *graph, size_t index, struct effects *effects, struct str *ret_wait)
{
	const struct graph_stage *stage = &graph->stages[index];
	if (delivery_is_condemned(graph, index))
		return;
	for (size_t i = 0; i < stage->wave_count; i++) {
		size_t at = stage->first_wave + i;
		if (!wave_is_over(graph->waves[at].state)) {
			settle_wave(graph, index, at, effects, ret_wait);
			set_held(&graph->waves[at], *ret_wait);
		}
		if (stage->state != STAGE_RUNNING || graph->ending != RUN_PENDING ||
			graph->waves[at].state != WAVE_SUCCEEDED)
			return;
	}
	for (size_t i = 0; i < stage->job_count; i++)
		if (graph->jobs[stage->first_job + i].state == JOB_BLOCKED)
			graph_move_job(
				graph, &graph->jobs[stage->first_job + i], JOB_SKIP, STR("there was no failure"));
	graph_move_stage(graph, index, STAGE_SUCCEED, (struct str){0});
}

/* --- the end of the run --- */

static enum wave_event wave_end(const struct run_graph *graph, const struct graph_wave *wave)
{
	return graph->ending == RUN_ROLLED_BACK && wave->state != WAVE_PENDING ? WAVE_ROLL_BACK : WAVE_SUPERSEDE;
}

/* A target that was reached keeps the version, unless it was condemned. */
static void end_deployment(struct run_graph *graph, struct graph_deployment *deployment)
{
	bool is_reached = graph->jobs[deployment->job].state == JOB_SUCCEEDED;
	if (graph->ending == RUN_ROLLED_BACK && deployment->state != DEPLOYMENT_PENDING &&
		deployment->state != DEPLOYMENT_FAILED)
		graph_move_deployment(graph, deployment, DEPLOYMENT_ROLL_BACK);
	else if (deployment->state == DEPLOYMENT_VERIFYING && is_reached)
		graph_move_deployment(graph, deployment, DEPLOYMENT_GO_LIVE);
	else if (deployment->state == DEPLOYMENT_RUNNING && is_reached)
		graph_move_deployment(graph, deployment, DEPLOYMENT_GO_LIVE);
	else if (deployment->state == DEPLOYMENT_RUNNING || deployment->state == DEPLOYMENT_VERIFYING ||
		 deployment->state == DEPLOYMENT_PENDING)
		graph_move_deployment(graph, deployment, DEPLOYMENT_SUPERSEDE);
	else if (deployment->state == DEPLOYMENT_UNKNOWN)
		graph_move_deployment(graph, deployment, DEPLOYMENT_FAIL);
}

void delivery_end(struct run_graph *graph, size_t index)
{
	const struct graph_stage *stage = &graph->stages[index];
	for (size_t i = 0; i < graph->deployment_count; i++) {
		struct graph_deployment *deployment = &graph->deployments[i];
		bool is_settled = deployment->state == DEPLOYMENT_ROLLED_BACK ||
				  deployment->state == DEPLOYMENT_SUPERSEDED ||
				  (deployment_is_over(deployment->state) && graph->ending != RUN_ROLLED_BACK);
		if (graph->jobs[deployment->job].stage == index && !is_settled)
			end_deployment(graph, deployment);
	}
	for (size_t i = 0; i < stage->wave_count; i++) {
		struct graph_wave *wave = &graph->waves[stage->first_wave + i];
		if (!wave_is_over(wave->state))
			graph_move_wave(graph, wave, wave_end(graph, wave));
	}
}

static bool is_live(const struct run_graph *graph, size_t index, struct str target)
{
	for (size_t i = 0; i < graph->deployment_count; i++) {
		const struct graph_deployment *deployment = &graph->deployments[i];
		if (graph->jobs[deployment->job].stage == index && str_eq(deployment->target, target) &&
			deployment->state == DEPLOYMENT_LIVE)
			return true;
	}
	return false;
}

struct str delivery_say_left(const struct run_graph *graph, struct str why)
{
	struct str_list left = {0};
	const struct plan_stage *stage = graph->stage_count ? graph->stages[0].plan : NULL; /* it has no other */
	if (!stage || !stage->delivery || !is_rollback(graph, 0))
		return why;
	for (size_t i = 0; i < stage->delivery->wave_count; i++) {
		const struct str_list *targets = &stage->delivery->waves[i].targets;
		for (size_t j = 0; j < targets->count; j++)
			if (!is_live(graph, 0, targets->items[j]))
				str_list_add(&left, graph->arena, targets->items[j]);
	}
	if (left.count == 0)
		return why;
	return arena_printf(graph->arena, "%.*s; not brought back: %.*s (penstock rollback %.*s %.*s)", STR_ARG(why),
		STR_ARG(str_list_join(&left, ", ", graph->arena)), STR_ARG(stage->delivery->service),
		STR_ARG(stage->environment));
}

/* --- unknown outcomes --- */

bool delivery_resolve(
	struct run_graph *graph, const struct engine_event *event, struct effects *effects, struct err *err)
{
	struct graph_deployment *deployment = NULL;
	for (size_t i = 0; i < graph->deployment_count; i++)
		if (graph->deployments[i].state == DEPLOYMENT_UNKNOWN &&
			str_eq(graph->deployments[i].target, event->text))
			deployment = &graph->deployments[i];
	if (!deployment)
		return err_set(err, ERR_CONFLICT, "%.*s has no deployment to \"%.*s\" whose outcome is unknown",
			STR_ARG(graph->name), STR_ARG(event->text));
	struct graph_job *job = &graph->jobs[deployment->job];
	bool is_verdict =
		str_is(event->verdict, "live") || str_is(event->verdict, "failed") || str_is(event->verdict, "retry");
	if (!is_verdict)
		return err_set(
			err, ERR_INVALID, "\"%.*s\" is no verdict; say live, failed or retry", STR_ARG(event->verdict));
	if (str_is(event->verdict, "retry") && graph->facts.quarantined.n && !is_teardown(graph, job->stage))
		return err_set(err, ERR_CONFLICT, "version %.*s is quarantined: %.*s; say live or failed",
			STR_ARG(digest_brief(deployment->version)), STR_ARG(graph->facts.quarantined));
	if (job_is_held(job->state))
		delivery_give_up(graph, job);
	if (str_is(event->verdict, "live")) {
		bool verifies = has_verify(graph, &graph->stages[job->stage], deployment->target);
		graph_move_job(graph, job, JOB_RESOLVE, STR("an operator says that it went well"));
		graph_move_deployment(graph, deployment, verifies ? DEPLOYMENT_VERIFY : DEPLOYMENT_GO_LIVE);
		return true;
	}
	graph_move_deployment(graph, deployment, DEPLOYMENT_FAIL);
	if (str_is(event->verdict, "failed"))
		return true;
	size_t wave = deployment->wave, at = deployment->job;
	graph_move_job(graph, job, JOB_RESET, (struct str){0});
	add_deployment(graph, wave, at);
	effects->has_queued = true;
	effects->relies_on = graph->jobs[at].stage + 1;
	return true;
}
