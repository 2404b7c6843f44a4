/* What the model does, done to the database. */
#include "tests/sim/store/shadow.h"

#include "common/json.h"
#include "common/mem.h"

#include <stdlib.h>
#include <string.h>

enum { LEASE_MS = 60000 };

static struct shadow *shadows;
static int64_t shown_us;
static unsigned replans; /* of all histories: stages that got another plan */

/* The database's clock is the model's. */
void shadow_set_clock(const struct sim *sim)
{
	if (shown_us == sim->rows.now_us)
		return;
	shown_us = sim->rows.now_us;
	store_sql(
		"update sim.clock set at = timestamptz 'epoch' + %lld * interval '1 microsecond'", (long long)shown_us);
}

/* Sends it; a failure is a fault, unless a conflict is what the model had too. NULL then. */
struct db_reply *shadow_sent(struct sim *sim, const char *what, struct db_batch *batch, bool may_succeed)
{
	shadow_set_clock(sim);
	struct db_reply *reply = store_send(batch);
	const struct err *err = db_error(reply);
	if (err && (may_succeed || err->kind != ERR_CONFLICT))
		sim_fail(sim, "%s: %s", what, err->text);
	if (!err && !may_succeed)
		sim_fail(sim, "%s: the model takes it for stale, the database does not", what);
	if (!err)
		return reply;
	db_reply_free(reply);
	return NULL;
}

void shadow_send(struct sim *sim, const char *what, struct db_batch *batch, bool may_succeed)
{
	struct db_reply *reply = shadow_sent(sim, what, batch, may_succeed);
	if (reply)
		db_reply_free(reply);
}

static int64_t *job_id(int64_t job)
{
	BUG_ON(job < 0 || (size_t)job >= COUNT_OF(store_ids.jobs));
	return &store_ids.jobs[job];
}

struct shadow *shadow_new(struct desk *desk)
{
	desk->shadow = calloc(1, sizeof *desk->shadow);
	desk->shadow->next = shadows;
	return shadows = desk->shadow;
}

/* --- runs --- */

static void load(struct sim *sim, struct desk *desk)
{
	struct shadow *shadow = shadow_new(desk);
	struct db_batch *batch = store_batch();
	struct err err = {0};
	run_store_load(batch, store_ids.runs[desk->graph.id]);
	struct db_reply *reply = shadow_sent(sim, "load", batch, true);
	if (!reply)
		return;
	struct run_graph *graph = &shadow->loaded.graph;
	bool ok = run_store_read(reply, 0, desk->graph.now_us, &shadow->loaded, &shadow->arena, &err);
	graph->plan = desk->graph.plan;
	ok = ok && graph_link(graph, &err);
	/* The texts of alarms and ends live as long as the reply. */
	if (!ok)
		sim_fail(sim, "load: %s", err.text);
	graph->facts.frozen = desk->graph.facts.frozen;
	graph->facts.configuration = desk->graph.facts.configuration;
	if (ok)
		shadow_compare(sim, desk);
	db_reply_free(reply);
}

static void refresh(struct sim *sim, struct desk *desk, bool is_current)
{
	struct db_batch *batch = store_batch();
	struct err err = {0};
	run_store_refresh(batch, desk->shadow->loaded.graph.id);
	struct db_reply *reply = shadow_sent(sim, "refresh", batch, true);
	if (!reply)
		return;
	bool was_current = run_store_read_again(reply, desk->graph.now_us, &desk->shadow->loaded, &err);
	if (was_current != is_current)
		sim_fail(sim, "%.*s is %s in the model, and %s in the database", STR_ARG(desk->graph.name),
			is_current ? "as it was" : "another", was_current ? "as it was" : "another");
	db_reply_free(reply);
}

static struct engine_event event_of(const struct desk *desk, const struct engine_event *event)
{
	const struct run_loaded *loaded = &desk->shadow->loaded;
	struct engine_event made = *event;
	if (event->kind == ENGINE_ENDED) {
		made.ends = loaded->ends;
		made.end_count = loaded->end_count;
	}
	bool is_about_gate = event->kind == ENGINE_DECIDED || event->kind == ENGINE_UNDECIDED;
	for (size_t i = 0; is_about_gate && i < loaded->graph.gate_count; i++)
		if (desk->graph.gates[i].id == event->gate)
			made.gate = loaded->graph.gates[i].id;
	return made;
}

static void decide(struct sim *sim, struct desk *desk, const struct engine_event *event, bool is_dirty, bool may_save)
{
	struct run_graph *graph = &desk->shadow->loaded.graph;
	struct engine_event same = event_of(desk, event);
	struct effects effects;
	struct err err = {0};
	if (!engine_apply(graph, &same, &effects, &err)) {
		sim_fail(sim, "the engine takes it from the model, and refuses it from the database: %s", err.text);
		return;
	}
	if (engine_is_dirty(graph, &effects) != is_dirty)
		sim_fail(sim, "%.*s: the engine decides otherwise by what the database gave", STR_ARG(graph->name));
	if (is_dirty) {
		struct db_batch *batch = store_batch();
		run_store_save(batch, graph, &effects);
		shadow_send(sim, "save", batch, may_save);
	}
	size_t known = sim->rows.trigger_count;
	if (effects.condemns && may_save && is_dirty && store_ids.triggers[known] == 0)
		store_ids.triggers[known] = store_sql("select max(id) from trigger where event = 'rollback'");
	effects_done(&effects);
}

static void keep(struct desk *desk)
{
	graph_written(&desk->shadow->loaded.graph);
}

void store_compare(const struct run_graph *graph)
{
	const struct graph_facts *facts = &graph->facts;
	auto_arena arena = {0};
	struct str *columns[4];
	for (size_t i = 0; i < COUNT_OF(columns); i++)
		columns[i] = arena_array(&arena, struct str, facts->relation_count);
	size_t n = 0;
	for (size_t i = 0; i < facts->relation_count; i++) {
		const struct graph_relation *relation = &facts->relations[i];
		int64_t newer = 0, older = 0;
		str_to_i64(relation->newer, &newer);
		str_to_i64(relation->older, &older);
		columns[0][n] = relation->newer;
		columns[1][n] = relation->older;
		columns[2][n] = relation->by_patch ? STR("t") : STR("f");
		columns[3][n++] = newer >= older && (newer - older) % 2 == 0 ? STR("t") : STR("f");
	}
	for (size_t i = 0; i < n; i++)
		store_sql("insert into commit_relation (repository_id, newer, older, by_patch, is_contained)"
			  " select id, '%.*s', '%.*s', '%.*s', '%.*s' from repository on conflict do nothing",
			STR_ARG(columns[0][i]), STR_ARG(columns[1][i]), STR_ARG(columns[2][i]), STR_ARG(columns[3][i]));
	for (size_t i = 0; i < facts->change_count; i++) {
		struct str base = facts->changes[i].base;
		struct str_list authors = rows_authors_between(graph->commit, base, &arena);
		store_sql(
			"insert into commit_authors (repository_id, newer, older, authors)"
			" select id, '%.*s', '%.*s', string_to_array('%.*s', ',') from repository on conflict do nothing",
			STR_ARG(graph->commit), STR_ARG(base), STR_ARG(str_list_join(&authors, ",", &arena)));
	}
}

static void compare(struct sim *sim, const struct desk *desk)
{
	shadow_set_clock(sim);
	store_compare(&desk->graph);
}

/* --- triggers --- */

static void trigger(struct sim *sim, int64_t id)
{
	const struct row_trigger *row = &sim->rows.triggers[id - 1];
	shadow_set_clock(sim);
	store_ids.triggers[id] = store_sql(
		"insert into trigger (repository_id, event, ref, commit) select id, '%s', 'refs/heads/main', '%.*s' from repository"
		" returning id",
		row->kind == TRIGGER_PUSH ? "push" : "deploy", STR_ARG(row->commit));
}

static void create(struct sim *sim, int64_t id, const struct visit *visit, int64_t run)
{
	const struct row_trigger *row = &sim->rows.triggers[id - 1];
	const struct plan *plan = visit->plan;
	auto_arena arena = {0};
	struct db_batch *batch = store_batch();
	struct run_new made = {.repository = store_sql("select id from repository"),
		.pipeline = plan->pipeline,
		.trigger = store_ids.triggers[id],
		.event = row->kind == TRIGGER_PUSH   ? STR("push")
			 : row->kind == TRIGGER_BACK ? STR("rollback")
			 : row->kind == TRIGGER_DOWN ? STR("teardown")
						     : STR("deploy"),
		.ref = STR("refs/heads/main"),
		.branch = STR("main"),
		.commit = row->commit,
		.authors = rows_authors(row->commit, &arena),
		.actor = STR("ann"),
		.plan = plan,
		.is_rollback = row->kind == TRIGGER_BACK,
		.configuration = visit->configuration};
	db_add(batch, QUERY_TRIGGER_END, DB_I64(store_ids.triggers[id]), DB_TEXT(STR("done")), DB_TEXT(STR("")));
	size_t statement = run_store_create(batch, 1, &made, &arena);
	struct db_reply *reply = shadow_sent(sim, "a new run", batch, run != 0);
	struct run_created created = {0};
	struct err err = {0};
	if (!reply)
		return;
	if (!run_store_read_created(reply, statement, &created, &err))
		sim_fail(sim, "a new run: %s", err.text);
	if (run && created.number != run)
		sim_fail(sim, "web#%lld is web#%lld in the database", (long long)run, (long long)created.number);
	store_ids.runs[run] = created.id;
	int64_t first = store_sql("select min(id) from job where run_id = %lld", (long long)created.id);
	const struct run_graph *graph = run ? &rows_run(&sim->rows, run)->graph : NULL;
	for (size_t i = 0; graph && i < graph->job_count; i++)
		*job_id(graph->jobs[i].id) = first + (int64_t)i;
	db_reply_free(reply);
}

static void replan(struct sim *sim, const struct visit *visit, const struct plan *plan, bool is_taken)
{
	auto_arena arena = {0};
	struct db_batch *batch = store_batch();
	const struct run_graph *graph = &rows_run(&sim->rows, visit->of.id)->graph;
	const struct graph_stage *stage = &graph->stages[visit->stage];
	long long run = store_ids.runs[visit->of.id];
	struct run_replan write = {.run = run,
		.version = visit->version,
		.stage = store_sql("select id from stage where run_id = %lld and position = %zu", run, visit->stage),
		.index = visit->stage,
		.configuration = visit->configuration,
		.plan = plan,
		.replanned = plan ? stage->replanned : (struct str){0}};
	run_store_replan(batch, &write, &arena);
	shadow_send(sim, "a stage that is planned again", batch, is_taken);
	replans += plan != NULL;
	for (size_t i = 0; plan && i < stage->job_count; i++) {
		const struct graph_job *job = &graph->jobs[stage->first_job + i];
		*job_id(job->id) =
			store_sql("select id from job where run_id = %lld and key = '%.*s'", run, STR_ARG(job->key));
	}
}

static void refuse(struct sim *sim, int64_t id)
{
	struct db_batch *batch = store_batch();
	db_add(batch, QUERY_TRIGGER_END, DB_I64(store_ids.triggers[id]), DB_TEXT(STR("failed")),
		DB_TEXT(STR("no way")));
	shadow_send(sim, "the end of a trigger", batch, true);
}

/* --- workers --- */

static void claim(struct sim *sim, size_t worker, const struct row_attempt *made)
{
	struct db_batch *batch = store_batch();
	db_add(batch, QUERY_CLAIM, DB_I64(store_ids.workers[worker]), DB_TEXT(STR("i")), DB_I64(1), DB_I64(LEASE_MS));
	struct db_reply *reply = shadow_sent(sim, "claim", batch, true);
	if (!reply)
		return;
	size_t count = db_row_count(reply, 0);
	if (count != (made != NULL))
		sim_fail(sim, "claim: the model finds %d jobs, the database %zu", made != NULL, count);
	else if (made && (db_i64(reply, 0, 0, 0) != *job_id(made->job) || db_i64(reply, 0, 0, 1) != made->number))
		sim_fail(sim, "claim: the database gives job %.*s, attempt %lld", STR_ARG(db_text(reply, 0, 0, 3)),
			(long long)db_i64(reply, 0, 0, 1));
	db_reply_free(reply);
	if (made)
		shadow_put_out(sim, &rows_run(&sim->rows, made->run)->graph);
}

static void start(struct sim *sim, size_t at)
{
	const struct row_attempt *attempt = &sim->rows.attempts[at];
	int64_t job = *job_id(attempt->job), number = attempt->number;
	struct str profile = STR("full"), steps = STR("{}");
	struct db_batch *batch = store_batch();
	db_add(batch, QUERY_ATTEMPTS_TOLD, DB_I64(store_ids.workers[attempt->worker]), DB_I64S(&job, 1),
		DB_I64S(&number, 1), DB_TIMES(&sim->rows.now_us, 1), DB_TEXTS(&profile, 1), DB_TEXTS(&steps, 1));
	shadow_send(sim, "start", batch, true);
}

static void result(struct sim *sim, size_t at, const struct attempt_end *end, bool is_accepted)
{
	const struct row_attempt *attempt = &sim->rows.attempts[at];
	auto_arena arena = {0};
	struct db_batch *batch = store_batch();
	db_add(batch, QUERY_ATTEMPT_RESULT, DB_I64(store_ids.workers[attempt->worker]), DB_I64(*job_id(attempt->job)),
		DB_I64(attempt->number), DB_TEXT(str_of(end_reason_names[end->reason])), DB_I64(end->exit_code),
		DB_I64(0), DB_TEXT(STR("")), DB_TEXT(json_of_pairs(&end->outputs, &arena)), DB_TIME(sim->rows.now_us),
		DB_I64(0), DB_I64(0), DB_I64(0), DB_TEXT(STR("[]")), DB_I64(0), DB_TEXT(STR("{}")), DB_NULL,
		DB_TEXT(STR("")));
	struct db_reply *reply = shadow_sent(sim, "result", batch, true);
	if (!reply)
		return;
	bool was_accepted = str_is(db_text(reply, 0, 0, 1), "accepted");
	if (was_accepted != is_accepted)
		sim_fail(sim, "result: the model %s it, the database says %.*s", is_accepted ? "takes" : "refuses",
			STR_ARG(db_text(reply, 0, 0, 1)));
	db_reply_free(reply);
}

static void renew(struct sim *sim, size_t at)
{
	const struct row_attempt *attempt = &sim->rows.attempts[at];
	int64_t job = *job_id(attempt->job), number = attempt->number;
	struct db_batch *batch = store_batch();
	db_add(batch, QUERY_LEASES_RENEW, DB_I64(store_ids.workers[attempt->worker]), DB_I64S(&job, 1),
		DB_I64S(&number, 1), DB_I64(LEASE_MS));
	shadow_send(sim, "renewal", batch, true);
}

static void pass_over(struct sim *sim, size_t at)
{
	const struct row_attempt *attempt = &sim->rows.attempts[at];
	int64_t job = *job_id(attempt->job), number = attempt->number;
	struct db_batch *batch = store_batch();
	db_add(batch, QUERY_CLAIM_RELEASE, DB_I64S(&job, 1), DB_I64S(&number, 1));
	shadow_send(sim, "release of a claim", batch, true);
}

static void expire(struct sim *sim, size_t count)
{
	struct db_batch *batch = store_batch();
	db_add(batch, QUERY_LEASES_EXPIRE);
	struct db_reply *reply = shadow_sent(sim, "expiry of leases", batch, true);
	if (reply && db_row_count(reply, 0) != count)
		sim_fail(sim, "%zu leases expire in the model, %zu in the database", count, db_row_count(reply, 0));
	if (reply)
		db_reply_free(reply);
}

/* --- people and monitors --- */

static void ask_back(struct sim *sim, struct str service, struct str environment, struct str to, bool is_asked)
{
	struct db_batch *batch = store_batch();
	db_add(batch, QUERY_ROLLBACK_ASK, DB_TEXT(service), DB_TEXT(environment), DB_TEXT(str_or_empty(to)),
		DB_TEXT(STR("bob says so")), DB_NULL, DB_TEXT(STR("bob")), DB_I64(0));
	struct db_reply *reply = shadow_sent(sim, "a rollback", batch, true);
	if (!reply)
		return;
	if ((db_row_count(reply, 0) > 0) != is_asked)
		sim_fail(sim, "a rollback: the model %s it", is_asked ? "takes" : "refuses");
	else if (is_asked)
		store_ids.triggers[sim->rows.trigger_count] = db_i64(reply, 0, 0, 0);
	db_reply_free(reply);
}

static int64_t quarantine_id(const struct row_quarantine *held)
{
	return store_sql(
		"select q.id from quarantine q join service s on s.id = q.service_id join environment e on e.id = q.environment_id"
		" join version v on v.id = q.version_id"
		" where s.name = '%.*s' and e.name = '%.*s' and v.name = '%.*s' and q.released_at is null",
		STR_ARG(held->service), STR_ARG(held->environment), STR_ARG(held->version));
}

static void release(struct sim *sim, const struct row_quarantine *held)
{
	struct db_batch *batch = store_batch();
	db_add(batch, QUERY_QUARANTINE_RELEASE, DB_I64(quarantine_id(held)), DB_I64(2), DB_TEXT(STR("bob")),
		DB_TEXT(STR("mended")));
	struct db_reply *reply = shadow_sent(sim, "a release", batch, true);
	if (reply && db_row_count(reply, 0) != 1)
		sim_fail(sim, "the database has no %.*s in quarantine", STR_ARG(held->version));
	if (reply)
		db_reply_free(reply);
}

static void fix(struct sim *sim, const struct row_quarantine *held, int64_t run)
{
	struct db_batch *batch = store_batch();
	db_add(batch, QUERY_QUARANTINE_FIXED, DB_I64(quarantine_id(held)), DB_TEXT(STR("web")), DB_I64(run), DB_I64(2),
		DB_TEXT(STR("bob")), DB_TEXT(STR("it is said so")));
	struct db_reply *reply = shadow_sent(sim, "a word on what mends it", batch, true);
	if (reply && db_row_count(reply, 0) != 1)
		sim_fail(sim, "the database has no %.*s in quarantine", STR_ARG(held->version));
	if (reply)
		db_reply_free(reply);
}

static void override(struct sim *sim, int64_t run)
{
	struct db_batch *batch = store_batch();
	db_add(batch, QUERY_OVERRIDE_PLACE, DB_I64(store_ids.runs[run]), DB_TEXT(STR("it burns")), DB_I64(2));
	shadow_send(sim, "an override", batch, true);
}

static void abandon(struct sim *sim, int64_t run)
{
	shadow_set_clock(sim);
	store_sql("update run set version = version + 1, abandoned = 'its pull request was closed' where id = %lld",
		(long long)store_ids.runs[run]);
}

static int64_t *blocker_id(int64_t blocker)
{
	BUG_ON(blocker < 0 || (size_t)blocker >= COUNT_OF(store_ids.blockers));
	return &store_ids.blockers[blocker];
}

static void stop(struct sim *sim, struct str service, struct str environment)
{
	struct db_batch *batch = store_batch();
	db_add(batch, QUERY_BLOCKER_PLACE, DB_TEXT(service), DB_TEXT(environment), DB_TEXT(STR("the end of the fair")),
		DB_I64(2));
	struct db_reply *reply = shadow_sent(sim, "a stop", batch, true);
	if (reply && db_row_count(reply, 0) == 1)
		*blocker_id(sim->rows.last_blocker) = db_i64(reply, 0, 0, 0);
	if (reply)
		db_reply_free(reply);
}

static void lift(struct sim *sim, size_t blocker)
{
	int64_t id = sim->rows.policy.blockers[blocker].id;
	struct db_batch *batch = store_batch();
	db_add(batch, QUERY_BLOCKER_LIFT, DB_I64(*blocker_id(id)), DB_TEXT(STR("mended")), DB_I64(2));
	shadow_send(sim, "a stop that is lifted", batch, true);
}

/* Targets stay as they are here, so only that there is another one matters. */
static void configure(struct sim *sim)
{
	shadow_set_clock(sim);
	store_sql(
		"insert into configuration (version, body) select coalesce(max(version), 0) + 1, '%zu' from configuration",
		sim->rows.policy.configuration);
}

static const char *alarm_name(size_t alarm)
{
	return alarm ? "slow" : "errors";
}

static void alarm(struct sim *sim, size_t which)
{
	const struct row_alarm *row = &sim->rows.alarms[which];
	store_sql("update alarm_state set state = '%.*s', since = timestamptz 'epoch' + %lld * interval '1 microsecond'"
		  " where name = '%s'",
		STR_ARG(row->state), (long long)row->since, alarm_name(which));
}

static void sample(struct sim *sim, size_t which)
{
	shadow_set_clock(sim);
	store_sql("insert into alarm_sample (alarm, at, outcome) select '%s', at, 'fine' from sim.clock",
		alarm_name(which));
}

/* --- the slow tick --- */

static bool is_among(const struct db_reply *reply, size_t statement, int64_t id)
{
	for (size_t i = 0; i < db_row_count(reply, statement); i++)
		if (db_i64(reply, statement, i, 0) == id)
			return true;
	return false;
}

static void due(struct sim *sim)
{
	struct db_batch *batch = store_batch();
	db_add(batch, QUERY_RUNS_DUE);
	db_add(batch, QUERY_LANE_OPEN);
	db_add(batch, QUERY_RUNS_PASSED);
	struct db_reply *reply = shadow_sent(sim, "the slow tick", batch, true);
	for (size_t i = 1; reply && i <= sim->rows.run_count; i++)
		if (rows_is_due(&sim->rows, (int64_t)i) != is_among(reply, 0, store_ids.runs[i]))
			sim_fail(sim, "web#%zu is due in %s", i,
				is_among(reply, 0, store_ids.runs[i]) ? "the database, and not in the model"
								      : "the model, and not in the database");
	for (size_t i = 1; reply && i <= sim->rows.run_count; i++)
		if (rows_is_passed(&sim->rows, (int64_t)i) != is_among(reply, 2, store_ids.runs[i]))
			sim_fail(sim, "web#%zu has been passed in %s only", i,
				is_among(reply, 2, store_ids.runs[i]) ? "the database" : "the model");
	for (size_t i = 1; reply && i <= sim->rows.lane_count; i++)
		if (rows_is_open(&sim->rows, (int64_t)i) != is_among(reply, 1, shadow_lane_id(sim, (int64_t)i)))
			sim_fail(sim, "the slow tick does not agree over lane %zu", i);
	if (reply)
		db_reply_free(reply);
}

void store_tell(void)
{
	printf("%u stages got another plan\n", replans);
}

void store_end(void)
{
	while (shadows) {
		struct shadow *shadow = shadows;
		shadows = shadow->next;
		arena_done(&shadow->arena);
		free(shadow);
	}
	store_ids = (struct store_ids){0};
	shown_us = 0;
}

const struct mirror store_mirror = {
	.load = load,
	.refresh = refresh,
	.decide = decide,
	.keep = keep,
	.compare = compare,
	.load_lane = shadow_load_lane,
	.lane = shadow_lane,
	.trigger = trigger,
	.create = create,
	.refuse = refuse,
	.replan = replan,
	.plan_back = shadow_plan_back,
	.expire_deployments = shadow_expire_deployments,
	.plan_down = shadow_plan_down,
	.claim = claim,
	.start = start,
	.result = result,
	.renew = renew,
	.pass_over = pass_over,
	.expire = expire,
	.ask_back = ask_back,
	.release = release,
	.fix = fix,
	.set_expiry = shadow_set_expiry,
	.override = override,
	.abandon = abandon,
	.stop = stop,
	.lift = lift,
	.configure = configure,
	.alarm = alarm,
	.sample = sample,
	.due = due,
};
