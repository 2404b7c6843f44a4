/* What must hold whatever happens: see docs/simulation.md. None of it asks the engine. */
#include "tests/sim/sim.h"

#include "common/mem.h"
#include "tests/support/graph_check.h"

/* --- what the engine did with one event --- */

struct decision {
	struct sim *sim;
	const struct run_graph *graph;
	const struct desk *desk;
	const struct engine_event *event;
	const struct effects *effects;
};

#define BROKEN(decision, format, ...)                                                                                  \
	sim_fail((decision)->sim, "%.*s: " format, STR_ARG((decision)->graph->name) __VA_OPT__(, ) __VA_ARGS__)

static bool is_retry(const struct decision *decision)
{
	return decision->event->kind == ENGINE_RETRY;
}

/* Its plan was replaced since it was looked at last. */
static bool is_replanned(const struct decision *decision, size_t stage)
{
	return rows_run(&decision->sim->rows, decision->graph->id)->graph.stages[stage].replanned.n > 0;
}

/* What is over stays as it is, but for what a person asks for. */
static void check_ends(const struct decision *decision)
{
	const struct run_graph *graph = decision->graph;
	bool is_retried = is_retry(decision), is_resolved = decision->event->kind == ENGINE_RESOLVE;
	if (run_is_over(graph->was) && graph->state != graph->was && !(is_retried && graph->was == RUN_FAILED))
		BROKEN(decision, "%.*s was %s and is %s", STR_ARG(graph->name), run_state_names[graph->was],
			run_state_names[graph->state]);
	for (size_t i = 0; i < graph->stage_count; i++) {
		const struct graph_stage *stage = &graph->stages[i];
		if (stage_is_over(stage->was) && stage->state != stage->was && !is_retried)
			BROKEN(decision, "stage %zu was %s and is %s", i, stage_state_names[stage->was],
				stage_state_names[stage->state]);
	}
	for (size_t i = 0; i < graph->job_count; i++) {
		const struct graph_job *job = &graph->jobs[i];
		bool is_again = job->plan->part == PLAN_PART_PREVIEW && is_replanned(decision, job->stage);
		if (job_is_over(job->was) && job->state != job->was && !is_retried && !is_resolved && !is_again)
			BROKEN(decision, "job %.*s was %s and is %s", STR_ARG(job->key), job_state_names[job->was],
				job_state_names[job->state]);
	}
	for (size_t i = 0; i < graph->wave_count; i++) {
		const struct graph_wave *wave = &graph->waves[i];
		if (wave_is_over(wave->was) && wave->state != wave->was && !is_retried)
			BROKEN(decision, "wave %zu was %s and is %s", i, wave_state_names[wave->was],
				wave_state_names[wave->state]);
	}
	for (size_t i = 0; i < graph->gate_count; i++)
		if (graph->gates[i].was != GATE_OPEN && graph->gates[i].state != graph->gates[i].was &&
			!(graph->gates[i].state == GATE_VOID && is_replanned(decision, graph->gates[i].stage)))
			BROKEN(decision, "a gate that was %s is %s", gate_state_names[graph->gates[i].was],
				gate_state_names[graph->gates[i].state]);
}

/* --- attempts and jobs --- */

/* Written from the language's words, not from the engine's: what `retry` covers. */
static bool is_covered(const struct plan_retry *retry, const struct attempt_end *end)
{
	bool is_lost = end->reason == END_WORKER_LOST || end->reason == END_CANCELLED;
	bool is_exit = end->reason != END_SANDBOX_UNAVAILABLE && end->reason != END_SOURCE_UNAVAILABLE &&
		       end->reason != END_EXPRESSION_FAILED && end->reason != END_TIMEOUT && !is_lost;
	return (is_lost && retry->on_worker_lost) || (end->reason == END_TIMEOUT && retry->on_timeout) ||
	       (is_exit && retry->on_exit);
}

static const struct attempt_end *end_of(const struct decision *decision, const struct graph_job *job)
{
	const struct attempt_end *found = NULL;
	for (size_t i = 0; decision->event->kind == ENGINE_ENDED && i < decision->event->end_count; i++)
		if (decision->event->ends[i].job == job->id && decision->event->ends[i].attempt == job->attempt)
			found = &decision->event->ends[i];
	return found;
}

/* Of a deployment whose worker went silent: a person decides, the run ends, or it may be tried again. */
static bool is_rightly_given_up(const struct decision *decision, const struct graph_job *job, int32_t used)
{
	const struct run_graph *graph = decision->graph;
	bool is_silent = false;
	for (size_t i = 0; i < graph->deployment_count; i++) {
		const struct graph_deployment *deployment = &graph->deployments[i];
		is_silent |= &graph->jobs[deployment->job] == job &&
			     (deployment->is_silent || deployment->was == DEPLOYMENT_UNKNOWN);
	}
	bool is_asked = decision->event->kind == ENGINE_RESOLVE || graph->ending != RUN_PENDING;
	bool is_retried = job->state == JOB_QUEUED && job->retries == used + 1 && job->retries <= job->plan->retry.max;
	return job->given_up_attempt == job->attempt && is_silent && (is_asked || is_retried);
}

static void check_held_job(
	const struct decision *decision, const struct graph_job *job, const struct row_run *row, size_t at)
{
	const struct run_graph *graph = decision->graph;
	const struct attempt_end *end = end_of(decision, job);
	int32_t used = row->graph.jobs[at].retries;
	if (!end) {
		if (job->state != job->was && !is_rightly_given_up(decision, job, used))
			BROKEN(decision, "job %.*s was %s and is %s, and no attempt of it ended", STR_ARG(job->key),
				job_state_names[job->was], job_state_names[job->state]);
		return;
	}
	bool is_good = end->reason == END_EXIT && end->exit_code == 0;
	bool is_again = !is_good && graph->ending == RUN_PENDING && used < job->plan->retry.max &&
			is_covered(&job->plan->retry, end);
	bool is_ending = row->graph.ending != RUN_PENDING;
	if (is_good != (job->state == JOB_SUCCEEDED))
		BROKEN(decision, "job %.*s is %s though its attempt %s", STR_ARG(job->key), job_state_names[job->state],
			is_good ? "ended well" : "did not end well");
	if (is_again && !is_ending && job->state != JOB_QUEUED)
		BROKEN(decision, "job %.*s is %s though a retry was left", STR_ARG(job->key),
			job_state_names[job->state]);
	if (!is_good && job->state == JOB_QUEUED && (is_ending || !is_covered(&job->plan->retry, end)))
		BROKEN(decision, "job %.*s is tried again after %s", STR_ARG(job->key), end_reason_names[end->reason]);
	if (job->state == JOB_QUEUED && job->retries != used + 1)
		BROKEN(decision, "a retry of job %.*s was not counted", STR_ARG(job->key));
	if (job->retries > job->plan->retry.max)
		BROKEN(decision, "job %.*s was tried again more often than it may", STR_ARG(job->key));
	if (job->state == JOB_CANCELLED && graph->ending == RUN_PENDING)
		BROKEN(decision, "job %.*s is cancelled, and nobody asked for it", STR_ARG(job->key));
	if (job_is_held(job->state))
		BROKEN(decision, "job %.*s is held though its attempt ended", STR_ARG(job->key));
}

static void check_jobs(const struct decision *decision)
{
	const struct run_graph *graph = decision->graph;
	const struct row_run *row = rows_run(&decision->sim->rows, graph->id);
	bool has_queued = false, has_cancelled = false;
	for (size_t i = 0; i < graph->job_count; i++) {
		const struct graph_job *job = &graph->jobs[i];
		if (job_is_held(job->was))
			check_held_job(decision, job, row, i);
		has_queued |= job->state == JOB_QUEUED && job->was != JOB_QUEUED;
		bool is_asked = job->cancel_reason.p && !row->graph.jobs[i].cancel_reason.p;
		has_cancelled |= is_asked && job_is_held(job->state);
		if (job_is_held(job->state) && graph->ending != RUN_PENDING && !job->cancel_reason.p)
			BROKEN(decision, "job %.*s is not asked to end though its run ends", STR_ARG(job->key));
		if (graph->ending != RUN_PENDING && (job->state == JOB_QUEUED || job->state == JOB_BLOCKED))
			BROKEN(decision, "job %.*s is %s though its run ends", STR_ARG(job->key),
				job_state_names[job->state]);
		bool is_at_target = job->plan->part == PLAN_PART_DEPLOY || job->plan->part == PLAN_PART_VERIFY;
		if (is_asked && is_at_target && job_is_held(job->state) &&
			str_starts(graph->reason, STR("quarantined:")))
			BROKEN(decision, "job %.*s is killed, and its run should have come to a safe point first",
				STR_ARG(job->key));
		if (is_asked && graph->ending == RUN_PENDING)
			BROKEN(decision, "job %.*s is asked to end though its run goes on", STR_ARG(job->key));
	}
	if (has_queued && !decision->effects->has_queued)
		BROKEN(decision, "jobs are queued, and no worker is told");
	if (has_cancelled && !decision->effects->has_cancelled)
		BROKEN(decision, "attempts are asked to end, and no worker is told");
}

/* --- gates --- */

static bool has_group(const struct graph_decision *decision, struct str group)
{
	return str_list_has(&decision->groups, group);
}

static void check_granted(const struct decision *decision, const struct graph_gate *gate)
{
	const struct plan_gate *rule = decision->graph->stages[gate->stage].plan->gate;
	size_t approvals = 0;
	for (size_t i = 0; i < gate->decision_count; i++) {
		const struct graph_decision *made = &gate->decisions[i];
		bool is_new = true, is_in = rule->groups.count == 0;
		for (size_t j = 0; j < i; j++)
			is_new &= gate->decisions[j].account != made->account;
		for (size_t j = 0; j < rule->groups.count; j++)
			is_in |= has_group(made, rule->groups.items[j]);
		approvals += is_new && is_in && made->is_approval;
		if (made->account == sim_people[PEOPLE - 1].account)
			BROKEN(decision, "a viewer approved");
		if (rule->is_comment_required && made->comment.n == 0)
			BROKEN(decision, "a decision without the comment that it needs counts");
		if (!made->is_approval)
			BROKEN(decision, "a gate was granted that somebody refused");
	}
	if (approvals < (size_t)rule->approvals)
		BROKEN(decision, "a gate was granted by %zu people, %d are needed", approvals, rule->approvals);
	for (size_t i = 0; i < rule->require.count; i++) {
		int64_t count = 0, needed = 0;
		str_to_i64(rule->require.items[i].value, &needed);
		for (size_t j = 0; j < gate->decision_count; j++)
			count += has_group(&gate->decisions[j], rule->require.items[i].name);
		if (count < needed)
			BROKEN(decision, "a gate was granted without %.*s", STR_ARG(rule->require.items[i].name));
	}
	if (gate->expires_at && decision->graph->now_us >= gate->expires_at)
		BROKEN(decision, "a gate was granted that had expired");
}

static const struct graph_decision *decision_of(const struct graph_gate *gate, int64_t account)
{
	for (size_t i = 0; i < gate->decision_count; i++)
		if (gate->decisions[i].account == account)
			return &gate->decisions[i];
	return NULL;
}

static bool wrote(const struct run_graph *graph, struct str base, struct str mail)
{
	struct str_list own = rows_authors(graph->commit, graph->arena),
			since = base.n ? rows_authors_between(graph->commit, base, graph->arena) : own;
	return str_list_has(&own, mail) || str_list_has(&since, mail);
}

/* Ann starts every run. Who wrote anything that is not live on a target yet decides as little. */
static void check_authors(const struct decision *decision, const struct graph_gate *gate)
{
	const struct run_graph *graph = decision->graph;
	const struct plan_stage *plan = graph->stages[gate->stage].plan;
	if (!plan->gate || plan->gate->author != PLAN_AUTHOR_DENY)
		return;
	size_t count = graph->facts.stage == gate->stage + 1 ? graph->facts.change_count : 0;
	for (size_t i = 0; i < gate->decision_count; i++) {
		const struct person *person = &sim_people[gate->decisions[i].account - 1];
		if (!gate->decisions[i].is_new)
			continue;
		if (person == &sim_people[0] || wrote(graph, (struct str){0}, person->email))
			BROKEN(decision, "the author approved their own change");
		for (size_t j = 0; j < count; j++)
			if (wrote(graph, graph->facts.changes[j].base, person->email))
				BROKEN(decision, "who wrote a part of what goes out approved it");
	}
	for (size_t j = 0; gate->id == 0 && j < count; j++)
		if (!graph->facts.changes[j].is_known)
			BROKEN(decision, "people are asked before it is known who wrote what they decide about");
}

/* Whoever takes back a word takes back their own, and nobody's goes otherwise. */
static void check_words(const struct decision *decision)
{
	const struct run_graph *row = &rows_run(&decision->sim->rows, decision->graph->id)->graph;
	for (size_t i = 0; i < row->gate_count; i++) {
		const struct graph_gate *before = &row->gates[i];
		bool is_taken_back = decision->event->kind == ENGINE_UNDECIDED && decision->event->gate == before->id;
		for (size_t j = 0; j < before->decision_count; j++) {
			int64_t account = before->decisions[j].account;
			bool goes = is_taken_back && decision->event->person->account == account;
			if ((decision_of(&decision->graph->gates[i], account) == NULL) != goes)
				BROKEN(decision, "a word was %s", goes ? "taken back, and counts" : "lost");
			if (goes && before->state != GATE_OPEN)
				BROKEN(decision, "a word is taken back when all is decided");
		}
	}
}

static void check_gates(const struct decision *decision)
{
	const struct run_graph *graph = decision->graph;
	check_words(decision);
	for (size_t i = 0; i < graph->gate_count; i++) {
		const struct graph_gate *gate = &graph->gates[i];
		const struct graph_decision *last =
			gate->decision_count ? &gate->decisions[gate->decision_count - 1] : NULL;
		check_authors(decision, gate);
		if (gate->state == GATE_GRANTED && gate->was == GATE_OPEN)
			check_granted(decision, gate);
		if (gate->state == GATE_REFUSED && (!last || last->is_approval))
			BROKEN(decision, "a gate is refused, and nobody refused it");
		if (gate->state == GATE_OPEN && last && !last->is_approval)
			BROKEN(decision, "a gate is open though somebody refused it");
		if (gate->state == GATE_OPEN && last &&
			gate->decision_count >= (size_t)graph->stages[gate->stage].plan->gate->approvals + 1)
			BROKEN(decision, "a gate is open though enough people approved");
		if (gate->state == GATE_EXPIRED && (!gate->expires_at || graph->now_us < gate->expires_at))
			BROKEN(decision, "a gate expired before its time");
		if (gate->state == GATE_OPEN && gate->expires_at && graph->now_us >= gate->expires_at)
			BROKEN(decision, "a gate is open behind its time");
		if (gate->was == GATE_OPEN && (gate->state == GATE_REFUSED || gate->state == GATE_EXPIRED) &&
			graph->ending == RUN_PENDING)
			BROKEN(decision, "a run goes on behind a gate that is %s", gate_state_names[gate->state]);
		const struct graph_stage *stage = &graph->stages[gate->stage];
		bool is_asked = gate->state == GATE_OPEN || gate->state == GATE_GRANTED;
		if (gate->id && is_asked && gate == graph_gate_of(graph, gate->stage) &&
			is_replanned(decision, gate->stage) && graph->ending == RUN_PENDING)
			BROKEN(decision, "a gate stands that was for another plan of its stage");
		bool has_begun = stage->state == STAGE_QUEUED || stage->state == STAGE_RUNNING ||
				 stage->state == STAGE_SUCCEEDED;
		int64_t not_before = has_begun && stage->plan->gate ? stage->plan->gate->not_before : 0;
		for (size_t j = 0; j < gate->decision_count; j++)
			if (gate->decisions[j].not_before > not_before)
				not_before = gate->decisions[j].not_before;
		if (stage->was == STAGE_GATED && has_begun && gate == graph_gate_of(graph, gate->stage) &&
			not_before > graph->now_us)
			BROKEN(decision, "a stage began before the time that its gate or an approval names");
	}
}

/* --- deliveries --- */

static bool is_back(const struct graph_stage *stage)
{
	return stage->plan->delivery->priority == PLAN_PRIORITY_ROLLBACK;
}

static const struct graph_alarm *not_ok(const struct run_graph *graph)
{
	for (size_t i = 0; i < graph->facts.alarm_count; i++)
		if (!str_is(graph->facts.alarms[i].state, "ok"))
			return &graph->facts.alarms[i];
	return NULL;
}

static void check_beginning(const struct decision *decision, const struct graph_wave *wave)
{
	const struct run_graph *graph = decision->graph;
	const struct graph_stage *stage = &graph->stages[wave->stage];
	bool is_down = stage->plan->delivery->priority == PLAN_PRIORITY_TEARDOWN;
	if (graph->facts.quarantined.n && !is_down)
		BROKEN(decision, "a wave began with a version in quarantine");
	if (is_back(stage) || is_down)
		return;
	for (size_t i = 0; i < graph->facts.relation_count; i++) {
		const struct graph_relation *relation = &graph->facts.relations[i];
		bool is_said = graph->facts.overrides_freeze;
		if (relation->holds.n == 0)
			BROKEN(decision, "a wave began before its commit was compared");
		if (relation->kind == GRAPH_RELATION_HOTFIX && str_is(relation->holds, "no") && !is_said)
			BROKEN(decision, "a wave began with a commit that lacks a live hotfix");
	}
	if (graph->facts.frozen.n)
		BROKEN(decision, "a wave began though %.*s is frozen", STR_ARG(stage->plan->environment));
	if (not_ok(graph) && !stage->plan->delivery->overrides_alarms)
		BROKEN(decision, "a wave began though an alarm is not ok");
	if (decision->desk->lanes[wave->stage] == LANE_REVOKED)
		BROKEN(decision, "a wave began though somebody waits for the lane");
}

static const struct graph_wave *row_wave(const struct decision *decision, const struct graph_wave *wave)
{
	const struct run_graph *graph = decision->graph;
	return &rows_run(&decision->sim->rows, graph->id)->graph.waves[wave - graph->waves];
}

static bool fired_in(const struct decision *decision, const struct graph_wave *wave)
{
	const struct run_graph *graph = decision->graph;
	const struct run_graph *row = &rows_run(&decision->sim->rows, graph->id)->graph;
	bool has_fired = false;
	for (size_t i = 0; i < graph->facts.alarm_count; i++) {
		int64_t fired_at = graph->facts.alarms[i].fired_at;
		has_fired |= fired_at && fired_at >= row->waves[wave - graph->waves].started_at;
	}
	return has_fired;
}

static void check_baked(const struct decision *decision, const struct graph_wave *wave)
{
	const struct run_graph *graph = decision->graph;
	const struct graph_stage *stage = &graph->stages[wave->stage];
	const struct plan_wave *plan = &stage->plan->delivery->waves[wave->number - 1];
	if (graph->now_us < wave->bake_until || wave->bake_until != wave->baking_since + plan->bake_ms * 1000)
		BROKEN(decision, "a wave ended before it had baked for its time");
	bool was_asked = row_wave(decision, wave)->asked_at > 0, is_said = decision->event->kind == ENGINE_ACCEPT;
	if (is_said != was_asked)
		BROKEN(decision, "a wave that %s",
			was_asked ? "asked for a person ended by itself" : "asked nobody was accepted");
	if (is_said && (wave->accepted.n == 0 || fired_in(decision, wave)))
		BROKEN(decision, "a wave was accepted that an alarm condemns");
	for (size_t i = 0; i < graph->facts.alarm_count && !is_back(stage) && !is_said; i++) {
		if (!str_is(graph->facts.alarms[i].state, "ok"))
			BROKEN(decision, "a wave ended well though an alarm is not ok");
		if (graph->facts.alarms[i].points < plan->min_points)
			BROKEN(decision, "a wave ended well with too few data points");
	}
	for (size_t i = 0; i < graph->deployment_count; i++)
		if (&graph->waves[graph->deployments[i].wave] == wave &&
			graph->deployments[i].state == DEPLOYMENT_LIVE && !graph->deployments[i].baked_at &&
			stage->plan->delivery->priority != PLAN_PRIORITY_TEARDOWN)
			BROKEN(decision, "a target baked clean, and it is not noted");
}

/* A target that failed was looked at by its diagnosis, if it has one. */
static void check_diagnosis(const struct decision *decision, const struct graph_wave *wave)
{
	const struct run_graph *graph = decision->graph;
	for (size_t i = 0; i < graph->deployment_count; i++) {
		const struct graph_deployment *made = &graph->deployments[i];
		bool is_failed = made->state == DEPLOYMENT_FAILED && &graph->waves[made->wave] == wave;
		for (size_t later = i + 1; later < graph->deployment_count; later++)
			is_failed &= graph->deployments[later].job != made->job;
		for (size_t j = 0; is_failed && j < graph->job_count; j++) {
			const struct graph_job *job = &graph->jobs[j];
			if (job->plan->part == PLAN_PART_DIAGNOSE && job->stage == wave->stage &&
				job->plan->wave == wave->number && str_eq(job->plan->target, made->target) &&
				job->attempt == 0)
				BROKEN(decision, "%.*s failed, and nobody looked why", STR_ARG(made->target));
		}
	}
}

/* An alarm that began to fire while a wave is under way. */
static void check_alarm(const struct decision *decision, const struct graph_wave *wave)
{
	const struct run_graph *graph = decision->graph;
	const struct graph_stage *stage = &graph->stages[wave->stage];
	const struct row_run *row = rows_run(&decision->sim->rows, graph->id);
	bool is_under_way = wave->was != WAVE_PENDING && !wave_is_over(wave->was);
	bool is_decided = row->graph.ending != RUN_PENDING || decision->event->kind == ENGINE_CANCEL;
	bool has_fired = fired_in(decision, wave);
	if (!is_under_way || is_decided || !has_fired || is_back(stage) ||
		decision->desk->lanes[wave->stage] == LANE_REVOKED || graph->facts.quarantined.n || graph->abandoned.n)
		return;
	const struct plan_delivery *rules = stage->plan->delivery;
	bool goes_back = rules->on_alarm == PLAN_REACTION_ROLLBACK && !rules->is_final;
	if (goes_back && (graph->ending != RUN_ROLLED_BACK || decision->effects->condemns != wave->stage + 1))
		BROKEN(decision, "an alarm fired in a wave, and its version is not condemned");
	if (wave->state == WAVE_SUCCEEDED)
		BROKEN(decision, "a wave ended well though an alarm fired in it");
	for (size_t i = 0; i < stage->job_count; i++)
		if (graph->jobs[stage->first_job + i].was == JOB_BLOCKED &&
			graph->jobs[stage->first_job + i].state == JOB_QUEUED)
			BROKEN(decision, "a job begins in a wave in which an alarm fired");
}

static void check_waves(const struct decision *decision)
{
	const struct run_graph *graph = decision->graph;
	for (size_t i = 0; i < graph->wave_count; i++) {
		const struct graph_wave *wave = &graph->waves[i];
		if (wave->was == WAVE_PENDING && wave->state != WAVE_PENDING && wave->state != WAVE_SUPERSEDED)
			check_beginning(decision, wave);
		if (wave->was != WAVE_SUCCEEDED && wave->state == WAVE_SUCCEEDED)
			check_baked(decision, wave);
		if (wave->was != WAVE_FAILED && wave->state == WAVE_FAILED && !fired_in(decision, wave))
			check_diagnosis(decision, wave);
		check_alarm(decision, wave);
		if (wave->was == WAVE_BAKING)
			check_people(decision->sim, graph, decision->effects, wave, fired_in(decision, wave));
	}
}

static void check_deployments(const struct decision *decision)
{
	const struct run_graph *graph = decision->graph;
	for (size_t i = 0; i < graph->deployment_count; i++) {
		const struct graph_deployment *made = &graph->deployments[i];
		const struct graph_job *job = &graph->jobs[made->job];
		const struct graph_stage *stage = &graph->stages[job->stage];
		bool is_condemned = made->state == DEPLOYMENT_ROLLED_BACK && graph->ending == RUN_ROLLED_BACK;
		bool was_over = made->id && deployment_is_over(made->was);
		if (was_over && made->state != made->was && !(made->was == DEPLOYMENT_LIVE && is_condemned))
			BROKEN(decision, "a deployment was %s and is %s", deployment_state_names[made->was],
				deployment_state_names[made->state]);
		if (!is_back(stage) && !str_eq(made->version, stage->version))
			BROKEN(decision, "%.*s is deployed, the stage's version is %.*s", STR_ARG(made->version),
				STR_ARG(stage->version));
		bool is_down = stage->plan->delivery->priority == PLAN_PRIORITY_TEARDOWN;
		if (is_down && made->baked_at)
			BROKEN(decision, "what was taken down from %.*s counts as good", STR_ARG(made->target));
		if (made->id == 0 && graph->facts.quarantined.n && !is_down)
			BROKEN(decision, "a deployment begins with a version in quarantine");
		bool is_new = made->id == 0 || made->state != made->was;
		if (is_new && made->state == DEPLOYMENT_LIVE && job->state != JOB_SUCCEEDED)
			BROKEN(decision, "%.*s counts as live though its deployment is %s", STR_ARG(made->target),
				job_state_names[job->state]);
		if (is_new && made->state == DEPLOYMENT_FAILED && job->state == JOB_LOST &&
			graph->ending == RUN_PENDING && decision->event->kind != ENGINE_RESOLVE)
			BROKEN(decision, "the worker of %.*s went silent, and it counts as failed",
				STR_ARG(made->target));
		if (is_new && made->state == DEPLOYMENT_ROLLED_BACK && graph->ending != RUN_ROLLED_BACK)
			BROKEN(decision, "a deployment is rolled back, and nothing was condemned");
		bool is_silent = job->state == JOB_LOST || (job_is_held(job->state) && made->is_silent);
		if (is_silent && made->state == DEPLOYMENT_RUNNING && graph->ending == RUN_PENDING &&
			&graph->deployments[graph->deployment_count - 1] == made)
			BROKEN(decision, "the worker of %.*s went silent, and it does not count as unknown",
				STR_ARG(made->target));
	}
}

static void check_stages(const struct decision *decision)
{
	const struct run_graph *graph = decision->graph;
	const struct row_run *row = rows_run(&decision->sim->rows, graph->id);
	if (decision->desk->group == LANE_REVOKED && graph->ending == RUN_PENDING && !run_is_over(graph->was))
		BROKEN(decision, "it goes on though it was asked to leave its concurrency group");
	for (size_t i = 0; i < graph->stage_count; i++) {
		const struct graph_stage *stage = &graph->stages[i];
		struct str fixed = row->graph.stages[i].version;
		if (fixed.n && !str_eq(fixed, stage->version))
			BROKEN(decision, "a version changed from %.*s to %.*s", STR_ARG(fixed),
				STR_ARG(stage->version));
		const struct plan_delivery *rules = stage->plan->delivery;
		bool is_before = stage->state == STAGE_BLOCKED || stage->state == STAGE_GATED;
		bool has_lane = stage->lane.state == LANE_WAITING || stage->lane.state == LANE_GRANTED ||
				stage->lane.state == LANE_REVOKED;
		if (is_before && has_lane)
			BROKEN(decision, "stage %zu is %s and stands in its lane", i, stage_state_names[stage->state]);
		bool waits = stage->state == STAGE_GATED || stage->state == STAGE_QUEUED;
		if (!rules || graph->ending != RUN_PENDING)
			continue;
		if (waits && stage->was == stage->state && graph->facts.newer.n && !rules->is_fifo &&
			rules->priority == PLAN_PRIORITY_NORMAL)
			BROKEN(decision, "stage %zu waits on though %.*s is in its lane", i,
				STR_ARG(graph->facts.newer));
		if (stage->was == STAGE_QUEUED && stage->state == STAGE_RUNNING &&
			decision->desk->lanes[i] != LANE_GRANTED && decision->desk->lanes[i] != LANE_REVOKED)
			BROKEN(decision, "stage %zu began outside of its lane", i);
		for (size_t r = 0; r < graph->facts.relation_count && stage->was == STAGE_QUEUED &&
				   stage->state == STAGE_RUNNING && rules->priority == PLAN_PRIORITY_NORMAL;
			r++)
			if (graph->facts.relations[r].kind == GRAPH_RELATION_NEWER && !rules->may_go_back &&
				!str_is(graph->facts.relations[r].holds, "no"))
				BROKEN(decision, "stage %zu enters its lane though %.*s contains its commit", i,
					STR_ARG(graph->facts.relations[r].run));
		if (decision->effects->requests_lane_of == i + 1 && (graph->facts.frozen.n || not_ok(graph)) &&
			!is_back(stage) && !rules->overrides_alarms)
			BROKEN(decision, "stage %zu asks for its lane though it is held", i);
		if (stage->was == STAGE_QUEUED && stage->state == STAGE_RUNNING && !rules->is_fifo && !is_back(stage) &&
			graph->facts.frozen.n && decision->desk->lanes[i] == LANE_GRANTED)
			BROKEN(decision, "stage %zu waits inside its lane before it has begun", i);
	}
	if (decision->effects->condemns) {
		const struct plan_delivery *rules = graph->stages[decision->effects->condemns - 1].plan->delivery;
		if (rules->is_final || rules->priority == PLAN_PRIORITY_ROLLBACK)
			BROKEN(decision, "a version is condemned though there is nothing to go back to");
		if (rules->on_alarm != PLAN_REACTION_ROLLBACK && rules->on_failure != PLAN_REACTION_ROLLBACK)
			BROKEN(decision, "a version is condemned though nobody asked for that");
	}
}

void check_decision(
	struct sim *sim, const struct desk *desk, const struct engine_event *event, const struct effects *effects)
{
	const struct decision decision = {sim, &desk->graph, desk, event, effects};
	check_ends(&decision);
	check_jobs(&decision);
	check_gates(&decision);
	check_waves(&decision);
	check_deployments(&decision);
	check_stages(&decision);
	check_facts(sim, &desk->graph, effects);
	if (!graph_can_move(&desk->graph) && !effects->requests_lane_of && !effects->compares &&
		!effects->looks_again && !effects->replans)
		BROKEN(&decision, "%.*s is %s, and nothing is left that could move it", STR_ARG(desk->graph.name),
			run_state_names[desk->graph.state]);
}

void check_saved(struct sim *sim, const struct desk *desk)
{
	const struct run_graph *row = &rows_run(&sim->rows, desk->graph.id)->graph;
	for (size_t i = 0; i < row->gate_count; i++)
		if (row->gates[i].decision_count != desk->graph.gates[i].decision_count)
			sim_fail(sim, "%.*s: %zu people have decided, and the rows have %zu", STR_ARG(row->name),
				desk->graph.gates[i].decision_count, row->gates[i].decision_count);
}

void check_refusal(struct sim *sim, const struct desk *desk)
{
	struct effects none = {0};
	if (engine_is_dirty(&desk->graph, &none))
		sim_fail(sim, "what was refused changed %.*s", STR_ARG(desk->graph.name));
}
