/* Lanes, attempts, triggers and deployments of the model of the store. Implements the rest of rows.h. */
#include "tests/sim/rows.h"

#include "common/mem.h"

enum { LEASE_US = 60 * 1000000 };

/* --- lanes --- */

static bool is_open(const struct row_request *asked)
{
	return asked->state == LANE_WAITING || asked->state == LANE_GRANTED || asked->state == LANE_REVOKED;
}

static bool is_reserved(const struct rows *rows, const struct row_lane *lane)
{
	for (size_t i = 0; i < rows->trigger_count && !lane->is_group; i++) {
		const struct row_trigger *trigger = &rows->triggers[i];
		if (trigger->kind == TRIGGER_BACK && trigger->state == TRIGGER_PENDING &&
			str_starts(lane->key, trigger->service) &&
			str_eq(str_skip(lane->key, trigger->service.n + 1), trigger->environment))
			return true;
	}
	return false;
}

void rows_load_lane(const struct rows *rows, int64_t id, struct lane *ret, struct arena *arena)
{
	const struct row_lane *row = &rows->lanes[id - 1];
	*ret = (struct lane){.id = id,
		.version = row->version,
		.epoch = row->epoch,
		.is_newest = row->is_newest,
		.is_reserved = is_reserved(rows, row)};
	for (size_t i = 0; i < rows->request_count; i++) {
		const struct row_request *asked = &rows->requests[i];
		if (asked->lane != id || !is_open(asked))
			continue;
		ret->entries = arena_grow(arena, ret->entries, sizeof *ret->entries, ret->count);
		ret->entries[ret->count++] = (struct lane_entry){.id = (int64_t)i + 1,
			.run = asked->run,
			.priority = asked->priority,
			.cancels = asked->cancels,
			.state = asked->state,
			.was = asked->state,
			.epoch = asked->epoch};
	}
	rows_load_lane_relations(rows, ret, arena);
}

/* The unique index lane_holder. */
static bool has_one_holder(const struct rows *rows, int64_t lane)
{
	size_t holders = 0;
	for (size_t i = 0; i < rows->request_count; i++)
		holders += rows->requests[i].lane == lane &&
			   (rows->requests[i].state == LANE_GRANTED || rows->requests[i].state == LANE_REVOKED);
	return holders <= 1;
}

bool rows_save_lane(struct rows *rows, const struct lane *lane)
{
	struct row_lane *row = &rows->lanes[lane->id - 1];
	if (row->version != lane->version)
		return false;
	for (size_t i = 0; i < lane->count; i++)
		if (lane->entries[i].state != lane->entries[i].was &&
			rows->requests[lane->entries[i].id - 1].state != lane->entries[i].was)
			return false;
	row->version++;
	row->epoch = lane->epoch;
	for (size_t i = 0; i < lane->count; i++) {
		const struct lane_entry *entry = &lane->entries[i];
		struct row_request *asked = &rows->requests[entry->id - 1];
		if (entry->state == entry->was)
			continue;
		asked->state = entry->state;
		asked->epoch = entry->epoch;
		asked->superseded_by = entry->superseded_by;
		if (entry->state == LANE_GRANTED) {
			asked->was_granted = true;
			asked->granted_at = rows->now_us;
		}
		rows_run(rows, asked->run)->is_touched = true;
	}
	BUG_ON(!has_one_holder(rows, lane->id));
	return true;
}

bool rows_is_open(const struct rows *rows, int64_t lane)
{
	for (size_t i = 0; i < rows->request_count; i++)
		if (rows->requests[i].lane == lane && rows->requests[i].state == LANE_WAITING)
			return true;
	return false;
}

/* --- attempts --- */

const struct row_attempt *rows_attempt(const struct rows *rows, int64_t job, int32_t number)
{
	for (size_t i = 0; i < rows->attempt_count; i++)
		if (rows->attempts[i].job == job && rows->attempts[i].number == number)
			return &rows->attempts[i];
	return NULL;
}

static struct graph_job *job_row(const struct rows *rows, const struct row_attempt *attempt)
{
	struct row_run *run = rows_run(rows, attempt->run);
	run->is_touched = true;
	return graph_job_by_id(&run->graph, attempt->job);
}

static struct graph_job *queued_job(const struct rows *rows, size_t which, int64_t *ret_run)
{
	struct graph_job *found[64];
	int64_t runs[64];
	size_t count = 0;
	for (size_t i = 0; i < rows->run_count; i++)
		for (size_t j = 0; j < rows->runs[i]->graph.job_count && count < COUNT_OF(found); j++)
			if (rows->runs[i]->graph.jobs[j].state == JOB_QUEUED) {
				runs[count] = (int64_t)i + 1;
				found[count++] = &rows->runs[i]->graph.jobs[j];
			}
	if (count == 0)
		return NULL;
	size_t at = which % count;
	for (size_t i = 0; which == ROWS_OLDEST && i < count; i++)
		at = found[i]->id < found[at]->id ? i : at;
	*ret_run = runs[at];
	return found[at];
}

struct row_attempt *rows_claim(struct rows *rows, size_t worker, size_t which)
{
	int64_t run;
	struct graph_job *job = queued_job(rows, which, &run);
	if (!job)
		return NULL;
	rows_run(rows, run)->is_touched = true;
	job->state = job->was = JOB_LEASED;
	job->attempt++;
	job->message = (struct str){0};
	rows->attempts = arena_grow(rows->arena, rows->attempts, sizeof *rows->attempts, rows->attempt_count);
	struct row_attempt *made = &rows->attempts[rows->attempt_count++];
	*made = (struct row_attempt){.run = run,
		.job = job->id,
		.number = job->attempt,
		.worker = worker,
		.lease_until = rows->now_us + LEASE_US};
	return made;
}

bool rows_start(struct rows *rows, size_t at)
{
	struct row_attempt *attempt = &rows->attempts[at];
	if (attempt->state != ATTEMPT_LEASED)
		return false;
	attempt->state = ATTEMPT_RUNNING;
	attempt->end.started_at = rows->now_us;
	struct graph_job *job = job_row(rows, attempt);
	if (job->state == JOB_LEASED && job->attempt == attempt->number) {
		job->state = job->was = JOB_RUNNING;
		job->started_at = rows->now_us;
	}
	return true;
}

static void end_attempt(struct rows *rows, struct row_attempt *attempt, struct attempt_end end)
{
	end.job = attempt->job;
	end.attempt = attempt->number;
	end.started_at = attempt->end.started_at;
	if (end.started_at == 0 && end.reason == END_EXIT)
		end.started_at = rows->now_us;
	end.ended_at = rows->now_us;
	attempt->end = end;
	attempt->state = ATTEMPT_ENDED;
	rows_run(rows, attempt->run)->is_touched = true;
}

bool rows_result(struct rows *rows, size_t at, const struct attempt_end *end)
{
	struct row_attempt *attempt = &rows->attempts[at];
	if (attempt->state == ATTEMPT_ENDED)
		return false;
	end_attempt(rows, attempt, *end);
	return true;
}

bool rows_renew(struct rows *rows, size_t at)
{
	struct row_attempt *attempt = &rows->attempts[at];
	if (attempt->state == ATTEMPT_ENDED)
		return false;
	if (attempt->lease_until < rows->now_us + LEASE_US / 10 * 9) /* a tenth of it has passed */
		attempt->lease_until = rows->now_us + LEASE_US;
	return true;
}

/* One that deploys goes on: leases_expire.sql. */
static bool is_deploying(const struct rows *rows, const struct row_attempt *attempt)
{
	const struct run_graph *graph = &rows_run((struct rows *)rows, attempt->run)->graph;
	for (size_t i = 0; attempt->state == ATTEMPT_RUNNING && i < graph->deployment_count; i++) {
		enum deployment_state state = graph->deployments[i].state;
		if (graph->jobs[graph->deployments[i].job].id == attempt->job &&
			(state == DEPLOYMENT_PENDING || state == DEPLOYMENT_RUNNING || state == DEPLOYMENT_UNKNOWN))
			return true;
	}
	return false;
}

size_t rows_expire(struct rows *rows, int64_t *ret_runs, size_t max)
{
	size_t count = 0;
	for (size_t i = 0; i < rows->attempt_count; i++) {
		struct row_attempt *attempt = &rows->attempts[i];
		if (attempt->state == ATTEMPT_ENDED || attempt->lease_until >= rows->now_us ||
			is_deploying(rows, attempt))
			continue;
		end_attempt(rows, attempt,
			(struct attempt_end){.reason = END_WORKER_LOST,
				.message = STR("its worker went silent for longer than the lease")});
		if (count < max)
			ret_runs[count++] = attempt->run;
	}
	return count;
}

bool rows_pass_over(struct rows *rows, size_t at)
{
	struct row_attempt *attempt = &rows->attempts[at];
	if (attempt->state != ATTEMPT_LEASED)
		return false;
	struct graph_job *job = job_row(rows, attempt);
	end_attempt(rows, attempt,
		(struct attempt_end){.reason = END_WORKER_LOST, .message = STR("never reached its worker")});
	attempt->is_applied = !job->cancel_reason.p;
	attempt->was_passed_over = true;
	if (job->state == JOB_LEASED && job->attempt == attempt->number && !job->cancel_reason.p)
		job->state = job->was = JOB_QUEUED;
	return true;
}

/* --- what is due --- */

static bool has_lane_news(const struct rows *rows, const struct run_graph *graph)
{
	if (run_is_over(graph->state))
		return false;
	for (size_t i = 0; i < rows->request_count; i++) {
		const struct row_request *asked = &rows->requests[i];
		if (asked->run == graph->id && (asked->state == LANE_REVOKED || asked->state == LANE_SUPERSEDED ||
						       (asked->state == LANE_GRANTED && graph->state != RUN_RUNNING)))
			return true;
	}
	return false;
}

static bool is_outrun(const struct rows *rows, const struct run_graph *graph, const struct graph_stage *stage)
{
	bool is_known;
	int64_t lane = rows_stage_lane(rows, graph, (size_t)(stage - graph->stages)).lane;
	return rows_newer_in_lane(rows, graph->id, lane, &is_known).n || !is_known;
}

/* What comes next may have to be planned again, or was and nobody has looked. */
static bool is_outdated(const struct rows *rows, const struct run_graph *graph)
{
	for (size_t i = 0; i < graph->stage_count; i++) {
		const struct graph_stage *stage = &graph->stages[i];
		if (stage_is_over(stage->state))
			continue;
		bool is_older = stage->state == STAGE_GATED && graph->configuration < rows->policy.version;
		return stage->plan->delivery && (stage->replanned.n || stage->state == STAGE_BLOCKED || is_older);
	}
	return false;
}

/* Its version was condemned, here or, since it was made, elsewhere. */
static bool is_condemned(const struct rows *rows, const struct run_graph *graph, const struct graph_stage *stage)
{
	struct str service = stage->plan->delivery->service;
	return rows_is_quarantined(rows, service, stage->plan->environment, stage->version) ||
	       rows_condemned_elsewhere(rows, graph, stage).n > 0;
}

static bool has_stage_due(const struct rows *rows, const struct run_graph *graph)
{
	for (size_t i = 0; i < graph->stage_count; i++) {
		const struct graph_stage *stage = &graph->stages[i];
		if (!stage->plan->delivery)
			continue;
		if (stage->state == STAGE_QUEUED || stage->state == STAGE_RUNNING ||
			(stage->state == STAGE_GATED &&
				(is_outrun(rows, graph, stage) || is_condemned(rows, graph, stage))))
			return true;
	}
	return false;
}

bool rows_is_due(const struct rows *rows, int64_t run)
{
	const struct run_graph *graph = &rows_run(rows, run)->graph;
	for (size_t i = 0; i < rows->attempt_count; i++)
		if (rows->attempts[i].run == run && rows->attempts[i].state == ATTEMPT_ENDED &&
			!rows->attempts[i].is_applied)
			return true;
	for (size_t i = 0; i < graph->gate_count; i++)
		if (graph->gates[i].state == GATE_OPEN && graph->gates[i].expires_at &&
			graph->gates[i].expires_at <= rows->now_us)
			return true;
	for (size_t i = 0; i < graph->gate_count; i++)
		if (graph->gates[i].state == GATE_GRANTED &&
			graph->stages[graph->gates[i].stage].state == STAGE_GATED && !run_is_over(graph->state))
			return true;
	if (graph->state == RUN_PENDING && graph->concurrency_group.n == 0)
		return true;
	if (graph->abandoned.n && (graph->state == RUN_PENDING || graph->state == RUN_WAITING))
		return true;
	bool is_moving = graph->state == RUN_RUNNING || graph->state == RUN_WAITING;
	return has_lane_news(rows, graph) || has_stage_due(rows, graph) || (is_moving && is_outdated(rows, graph));
}

/* --- versions --- */

bool rows_is_quarantined(const struct rows *rows, struct str service, struct str environment, struct str version)
{
	for (size_t i = 0; i < rows->quarantine_count; i++) {
		const struct row_quarantine *held = &rows->quarantines[i];
		if (!held->is_released && str_eq(held->service, service) && str_eq(held->environment, environment) &&
			str_eq(held->version, version))
			return true;
	}
	return false;
}

bool rows_last_deployment(const struct rows *rows, struct str service, struct str environment, struct str target,
	bool (*fits)(const struct rows *rows, const struct row_deployment *deployment, const void *arg),
	const void *arg, struct row_deployment *ret)
{
	int64_t best = 0;
	for (size_t i = 0; i < rows->run_count; i++) {
		const struct run_graph *graph = &rows->runs[i]->graph;
		for (size_t d = 0; d < graph->deployment_count; d++) {
			const struct graph_deployment *made = &graph->deployments[d];
			const struct graph_job *job = &graph->jobs[made->job];
			struct row_deployment row = {
				graph->id, made, &graph->stages[job->stage], &graph->waves[made->wave], job};
			if (made->id < best || !str_eq(row.stage->plan->delivery->service, service) ||
				!str_eq(row.stage->plan->environment, environment) ||
				(target.n && !str_eq(made->target, target)) || !fits(rows, &row, arg))
				continue;
			best = made->id;
			*ret = row;
		}
	}
	return best > 0;
}

bool rows_reached(const struct rows *rows, const struct row_deployment *deployment, const void *unused)
{
	(void)rows, (void)unused;
	return deployment->deployment->state != DEPLOYMENT_PENDING &&
	       deployment->deployment->state != DEPLOYMENT_SUPERSEDED;
}

bool rows_was_good(const struct rows *rows, const struct row_deployment *deployment, const void *good_version)
{
	const struct good_version *good = good_version;
	struct str version = deployment->deployment->version;
	return deployment->deployment->baked_at && !str_eq(version, good->condemned) &&
	       (good->wanted.n == 0 || str_eq(version, good->wanted)) &&
	       !rows_is_quarantined(
		       rows, deployment->stage->plan->delivery->service, deployment->stage->plan->environment, version);
}
