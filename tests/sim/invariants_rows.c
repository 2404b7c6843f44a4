/* Invariants over the rows of several runs, of lanes, and of how it ends. */
#include "tests/sim/sim.h"

#include "common/mem.h"
#include "tests/support/graph_check.h"

/* --- lanes --- */

static bool is_inside(enum lane_request_state state)
{
	return state == LANE_GRANTED || state == LANE_REVOKED;
}

/* By one that waits with it and contains its commit. */
static bool is_outdone(const struct rows *rows, const struct lane *lane, const struct lane_entry *entry)
{
	for (size_t i = 0; lane->is_newest && i < lane->count; i++) {
		const struct lane_entry *other = &lane->entries[i];
		if (other->state == LANE_WAITING && other->priority == entry->priority &&
			rows_descends(rows, other->run, entry->run))
			return true;
	}
	return false;
}

/* Who is next, by the words of the design: rollback, hotfix, the rest; of these the newest run, or who came first. */
static const struct lane_entry *who_is_next(const struct rows *rows, const struct lane *lane)
{
	const struct lane_entry *best = NULL;
	bool has_canceller = false;
	for (size_t i = lane->count; i > 0 && !has_canceller; i--) {
		const struct lane_entry *entry = &lane->entries[i - 1];
		has_canceller = entry->cancels && entry->state == LANE_WAITING;
		best = has_canceller ? entry : NULL;
	}
	for (size_t i = 0; i < lane->count && !has_canceller; i++) {
		const struct lane_entry *entry = &lane->entries[i];
		if (entry->state != LANE_WAITING || (lane->is_reserved && entry->priority != PLAN_PRIORITY_ROLLBACK) ||
			is_outdone(rows, lane, entry))
			continue;
		if (!best || entry->priority > best->priority ||
			(entry->priority == best->priority && lane->is_newest && entry->run > best->run))
			best = entry;
	}
	return best;
}

/* Somebody has looked how those that wait are related, as far as they may enter next. */
static bool is_compared(const struct rows *rows, const struct lane *lane, const struct lane_entry *next)
{
	for (size_t i = 0; lane->is_newest && next && i < lane->count; i++)
		for (size_t j = 0; j < i; j++)
			if (lane->entries[i].state == LANE_WAITING && lane->entries[j].state == LANE_WAITING &&
				lane->entries[i].priority == next->priority &&
				lane->entries[j].priority == next->priority &&
				!rows_are_compared(rows, lane->entries[i].run, lane->entries[j].run))
				return false;
	return true;
}

static void check_outrun(struct sim *sim, const struct lane *lane, const struct lane_entry *entered)
{
	for (size_t i = 0; i < lane->count; i++) {
		const struct lane_entry *entry = &lane->entries[i];
		bool is_older = entry->priority <= entered->priority && entry != entered &&
				rows_are_compared(&sim->rows, entered->run, entry->run) &&
				rows_is_newer(&sim->rows, entered->run, entry->run);
		if (lane->is_newest && is_older && entry->state == LANE_WAITING)
			sim_fail(sim, "web#%lld waits on behind web#%lld, which is newer and inside",
				(long long)entry->run, (long long)entered->run);
	}
}

void check_lane(struct sim *sim, const struct lane *before, const struct lane *lane)
{
	const struct lane_entry *was_inside = NULL, *entered = NULL, *next = who_is_next(&sim->rows, before);
	size_t inside = 0;
	for (size_t i = 0; i < lane->count; i++) {
		const struct lane_entry *entry = &lane->entries[i];
		was_inside = is_inside(before->entries[i].state) ? entry : was_inside;
		inside += is_inside(entry->state);
		if (entry->state == LANE_GRANTED && before->entries[i].state == LANE_WAITING)
			entered = entry;
		if (entry->state == LANE_SUPERSEDED && entry->superseded_by <= 0)
			sim_fail(sim, "web#%lld is superseded by nobody", (long long)entry->run);
		bool cancels = sim->rows.lanes[lane->id - 1].is_group;
		if (entry->state == LANE_SUPERSEDED && !cancels &&
			(!lane->is_newest || !rows_is_newer(&sim->rows, entry->superseded_by, entry->run)))
			sim_fail(sim, "web#%lld is superseded by web#%lld", (long long)entry->run,
				(long long)entry->superseded_by);
	}
	if (inside > 1)
		sim_fail(sim, "%zu are inside lane %lld", inside, (long long)lane->id);
	if (entered && is_outdone(&sim->rows, before, entered))
		sim_fail(sim, "web#%lld enters lane %lld, and one that contains its commit waits",
			(long long)entered->run, (long long)lane->id);
	if (!was_inside && (next ? next->id : 0) != (entered ? entered->id : 0) &&
		is_compared(&sim->rows, before, next))
		sim_fail(sim, "web#%lld should enter lane %lld, and web#%lld does (0: nobody)",
			(long long)(next ? next->run : 0), (long long)lane->id,
			(long long)(entered ? entered->run : 0));
	if (was_inside && entered)
		sim_fail(sim, "web#%lld enters lane %lld while somebody is inside", (long long)entered->run,
			(long long)lane->id);
	if (entered && (lane->epoch <= before->epoch || entered->epoch != lane->epoch))
		sim_fail(sim, "a grant of lane %lld has no epoch of its own", (long long)lane->id);
	if (entered)
		check_outrun(sim, lane, entered);
	for (size_t i = 0; i < lane->count && was_inside; i++)
		if (lane->entries[i].state == LANE_WAITING && was_inside->state == LANE_GRANTED &&
			lane->entries[i].priority >= PLAN_PRIORITY_HOTFIX &&
			lane->entries[i].priority > was_inside->priority)
			sim_fail(sim, "web#%lld does not make way for web#%lld", (long long)was_inside->run,
				(long long)lane->entries[i].run);
}

static void check_holders(struct sim *sim)
{
	const struct rows *rows = &sim->rows;
	for (size_t i = 0; i < rows->request_count; i++) {
		const struct row_request *asked = &rows->requests[i];
		if (!is_inside(asked->state))
			continue;
		if (run_is_over(rows_run(rows, asked->run)->graph.state))
			sim_fail(sim, "web#%lld is over and inside lane %lld", (long long)asked->run,
				(long long)asked->lane);
		for (size_t j = 0; j < i; j++)
			if (rows->requests[j].lane == asked->lane && is_inside(rows->requests[j].state))
				sim_fail(sim, "two are inside lane %lld", (long long)asked->lane);
	}
}

/* --- attempts --- */

static void check_attempts(struct sim *sim)
{
	const struct rows *rows = &sim->rows;
	for (size_t i = 0; i < rows->attempt_count; i++) {
		const struct row_attempt *attempt = &rows->attempts[i];
		if (attempt->state == ATTEMPT_ENDED)
			continue;
		const struct graph_job *job = graph_job_by_id(&rows_run(rows, attempt->run)->graph, attempt->job);
		if (job->attempt != attempt->number || !job_is_held(job->state))
			sim_fail(sim, "web#%lld: attempt %d of %.*s is with a worker, the job is %s at attempt %d",
				(long long)attempt->run, attempt->number, STR_ARG(job->key),
				job_state_names[job->state], job->attempt);
	}
}

static void check_held_jobs(struct sim *sim, const struct run_graph *graph)
{
	for (size_t i = 0; i < graph->job_count; i++) {
		const struct graph_job *job = &graph->jobs[i];
		const struct row_attempt *attempt =
			job_is_held(job->state) ? rows_attempt(&sim->rows, job->id, job->attempt) : NULL;
		if (job_is_held(job->state) && (!attempt || (attempt->state == ATTEMPT_ENDED && attempt->is_applied)))
			sim_fail(sim, "%.*s: %.*s is %s, and nobody holds it", STR_ARG(graph->name), STR_ARG(job->key),
				job_state_names[job->state]);
	}
}

/* --- targets --- */

static bool is_open_to(const struct rows *rows, const struct row_deployment *deployment, const void *unused)
{
	(void)rows, (void)unused;
	return !deployment_is_over(deployment->deployment->state);
}

static bool is_any(struct str service, struct str other)
{
	(void)service, (void)other;
	return true;
}

static void check_targets(struct sim *sim, const struct run_graph *graph)
{
	for (size_t i = 0; i < graph->deployment_count; i++) {
		const struct graph_deployment *made = &graph->deployments[i];
		const struct plan_stage *plan = graph->stages[graph->jobs[made->job].stage].plan;
		struct row_deployment other;
		if (deployment_is_over(made->state))
			continue;
		if (rows_is_exclusive(made->target) &&
			rows_other_at(&sim->rows, plan->delivery->service, plan->environment, made->target, graph->id,
				is_any, &other))
			sim_fail(sim, "%.*s and web#%lld are both at %.*s, which takes one", STR_ARG(graph->name),
				(long long)other.run, STR_ARG(made->target));
		if (rows_last_deployment(&sim->rows, plan->delivery->service, plan->environment, made->target,
			    is_open_to, NULL, &other) &&
			other.deployment->id != made->id)
			sim_fail(sim, "%.*s and web#%lld both deploy %.*s to %.*s", STR_ARG(graph->name),
				(long long)other.run, STR_ARG(plan->delivery->service), STR_ARG(made->target));
	}
}

/* --- after every event --- */

static void check_triggers(struct sim *sim)
{
	const struct rows *rows = &sim->rows;
	size_t made[RUNS_MAX * 4] = {0};
	for (size_t i = 0; i < rows->run_count; i++)
		if ((size_t)rows->runs[i]->trigger < COUNT_OF(made))
			made[rows->runs[i]->trigger]++;
	for (size_t i = 1; i <= rows->trigger_count && i < COUNT_OF(made); i++)
		if (made[i] != (rows->triggers[i - 1].state == TRIGGER_DONE))
			sim_fail(sim, "trigger %zu has %zu runs", i, made[i]);
}

void check_rows(struct sim *sim)
{
	struct rows *rows = &sim->rows;
	check_triggers(sim);
	check_holders(sim);
	check_attempts(sim);
	for (size_t i = 0; i < rows->run_count; i++) {
		struct row_run *run = rows->runs[i];
		if (!run->is_touched)
			continue;
		run->is_touched = false;
		struct run_graph shown = run->graph;
		struct graph_stage stages[8];
		for (size_t s = 0; s < shown.stage_count; s++)
			stages[s] = shown.stages[s];
		shown.stages = stages;
		rows_show_lanes(rows, &shown);
		const char *fault = graph_check(&shown);
		if (fault)
			sim_fail(sim, "%.*s: %s", STR_ARG(shown.name), fault);
		check_held_jobs(sim, &shown);
		check_targets(sim, &shown);
	}
}

/* Whom somebody sent there on purpose stays, and so does a hotfix. */
static bool may_be_passed(const struct row_run *run)
{
	for (size_t i = 0; i < run->graph.stage_count; i++) {
		const struct graph_stage *stage = &run->graph.stages[i];
		if (stage->state == STAGE_GATED && stage->plan->delivery)
			return stage->plan->delivery->priority == PLAN_PRIORITY_NORMAL &&
			       !stage->plan->delivery->may_go_back;
	}
	return false;
}

void check_passed(struct sim *sim)
{
	for (size_t i = 0; i < sim->rows.run_count; i++) {
		struct row_run *run = sim->rows.runs[i];
		bool was_passed = run->was_passed;
		run->was_passed = may_be_passed(run) && rows_is_passed(&sim->rows, run->graph.id);
		if (was_passed && run->was_passed)
			sim_fail(sim, "%.*s waits for somebody's word, and what is live there contains its commit",
				STR_ARG(run->graph.name));
	}
}

/* --- when all is over --- */

struct before {
	int64_t id;
	struct str version;
	int64_t trigger;
};

/* When the trigger was made. */
static bool was_quarantined(const struct rows *rows, const struct plan_stage *plan, struct str version, int64_t trigger)
{
	for (size_t i = 0; i < rows->quarantine_count; i++) {
		const struct row_quarantine *held = &rows->quarantines[i];
		if (held->trigger <= trigger && str_eq(held->service, plan->delivery->service) &&
			str_eq(held->environment, plan->environment) && str_eq(held->version, version))
			return true;
	}
	return false;
}

/* Attempted with that version before; and brought to another that nobody condemned, or taken down. */
static bool had_version(const struct rows *rows, const struct row_deployment *deployment, const void *arg)
{
	const struct before *before = arg;
	return deployment->deployment->id < before->id && str_eq(deployment->deployment->version, before->version) &&
	       rows_tried(rows, deployment, NULL);
}

static bool was_mended(const struct rows *rows, const struct row_deployment *deployment, const void *arg)
{
	const struct before *before = arg;
	const struct plan_stage *plan = deployment->stage->plan;
	struct str version = deployment->deployment->version;
	if (deployment->deployment->id >= before->id || !rows_runs(rows, deployment, NULL))
		return false;
	return rows_is_teardown(deployment)
		       ? deployment->deployment->state == DEPLOYMENT_LIVE
		       : !str_eq(version, before->version) && !was_quarantined(rows, plan, version, before->trigger);
}

/* A rollback that went well left no target behind for which a good version is known. */
static void check_condemned(struct sim *sim, const struct row_run *back)
{
	static const char *const targets[] = {"qa-1", "eu-canary", "eu-1", "us-1"};
	const struct rows *rows = &sim->rows;
	const struct row_trigger *trigger = &rows->triggers[back->trigger - 1];
	const struct run_graph *graph = &back->graph;
	struct good_version good = {.condemned = trigger->version, .wanted = trigger->back_to};
	if (graph->state != RUN_SUCCEEDED || graph->deployment_count == 0)
		return;
	for (size_t i = 0; i < rows->quarantine_count; i++)
		if (rows->quarantines[i].is_released) /* what is good now was not then, perhaps */
			return;
	for (size_t i = 0; i < COUNT_OF(targets); i++) {
		struct str target = str_of(targets[i]);
		struct before before = {graph->deployments[0].id, trigger->version, back->trigger};
		struct row_deployment was, mended, known;
		bool is_covered = false;
		if (!rows_last_deployment(
			    rows, trigger->service, trigger->environment, target, had_version, &before, &was) ||
			(rows_last_deployment(
				 rows, trigger->service, trigger->environment, target, was_mended, &before, &mended) &&
				mended.deployment->id > was.deployment->id) ||
			!rows_last_deployment(
				rows, trigger->service, trigger->environment, target, rows_was_good, &good, &known) ||
			known.deployment->id > was.deployment->id)
			continue;
		for (size_t d = 0; d < graph->deployment_count; d++)
			is_covered |= str_eq(graph->deployments[d].target, target);
		if (!is_covered)
			sim_fail(sim, "%s is left on %.*s, which was condemned, though %.*s is known to be good",
				targets[i], STR_ARG(trigger->version), STR_ARG(known.deployment->version));
	}
}

/* One that did not come to its end says which targets it leaves. */
static void check_left(struct sim *sim, const struct run_graph *graph)
{
	const struct plan_delivery *rules = graph->stages[0].plan->delivery;
	for (size_t i = 0; graph->state != RUN_SUCCEEDED && i < rules->wave_count; i++)
		for (size_t j = 0; j < rules->waves[i].targets.count; j++) {
			struct str target = rules->waves[i].targets.items[j];
			bool is_live = false, is_said = false;
			for (size_t d = 0; d < graph->deployment_count; d++)
				is_live |= str_eq(graph->deployments[d].target, target) &&
					   graph->deployments[d].state == DEPLOYMENT_LIVE;
			for (size_t at = 0; at + target.n <= graph->reason.n; at++)
				is_said |= str_starts(str_skip(graph->reason, at), target);
			if (!is_live && !is_said)
				sim_fail(sim, "%.*s does not say that it leaves %.*s as it is: %.*s",
					STR_ARG(graph->name), STR_ARG(target), STR_ARG(graph->reason));
		}
}

void check_rest(struct sim *sim)
{
	const struct rows *rows = &sim->rows;
	for (size_t i = 0; i < rows->run_count; i++) {
		const struct run_graph *graph = &rows->runs[i]->graph;
		if (!run_is_over(graph->state))
			sim_fail(sim, "%.*s never ends: it is %s, waiting for %.*s", STR_ARG(graph->name),
				run_state_names[graph->state], STR_ARG(graph->waiting_for));
		if (rows->runs[i]->is_rollback)
			check_condemned(sim, rows->runs[i]), check_left(sim, graph);
	}
	for (size_t i = 0; i < rows->trigger_count; i++)
		if (rows->triggers[i].state == TRIGGER_PENDING)
			sim_fail(sim, "trigger %zu never becomes a run", i + 1);
	for (size_t i = 0; i < rows->attempt_count; i++)
		if (rows->attempts[i].state != ATTEMPT_ENDED || !rows->attempts[i].is_applied)
			sim_fail(sim, "the end of attempt %d of web#%lld is never looked at", rows->attempts[i].number,
				(long long)rows->attempts[i].run);
	for (size_t i = 0; i < rows->request_count; i++)
		if (rows->requests[i].state == LANE_WAITING || is_inside(rows->requests[i].state))
			sim_fail(sim, "web#%lld is over and has not left lane %lld", (long long)rows->requests[i].run,
				(long long)rows->requests[i].lane);
}
