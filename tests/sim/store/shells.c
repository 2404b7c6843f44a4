/* The calm after a history, brought about by two real shells at once over what the history left in the database. */
#include "common/json.h"
#include "common/mem.h"
#include "server/shell/shell_internal.h"
#include "tests/sim/store/shadow.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SHELLS = 2, ROUNDS = 400, LEASE_MS = 60000, ROUND_US = 30000000 };

static struct side {
	struct db *db;
	struct plan_cache *plans;
	struct shell *shell;
} sides[SHELLS];
static int64_t now_us;

/* The shells' clock, in place of the machine's: the linker wraps it. */
int64_t __wrap_clock_wall_us(void);
int64_t __wrap_clock_wall_us(void)
{
	return now_us;
}

/* --- what a shell wants of its server --- */

static void nothing(void *arg)
{
	(void)arg;
}

static void no_run(void *arg, int64_t run)
{
	(void)arg, (void)run;
}

static void nothing_frozen(void *arg, struct run_graph *graph)
{
	(void)arg, (void)graph;
}

/* The next tick finds them compared. */
static void compare_commits(void *arg, const struct run_graph *graph)
{
	(void)arg;
	store_compare(graph);
}

void shells_open(const char *url, struct uv_loop_s *loop)
{
	const struct shell_hooks hooks = {.run_changed = no_run,
		.jobs_queued = nothing,
		.attempts_cancelled = nothing,
		.version_condemned = nothing,
		.compare_commits = compare_commits,
		.add_facts = nothing_frozen};
	for (size_t i = 0; i < SHELLS; i++) {
		struct err err;
		if (!db_open(loop, &(struct db_options){.url = url, .connections = 2}, &sides[i].db, &err))
			BUG("%s", err.text);
		sides[i].plans = plan_cache_new(64);
		sides[i].shell = shell_new(sides[i].db, sides[i].plans, &hooks);
	}
}

static void closed(void *arg)
{
	*(bool *)arg = true;
}

void shells_close(void)
{
	struct shell_stats stats[SHELLS];
	for (size_t i = 0; i < SHELLS; i++)
		shell_stats(sides[i].shell, &stats[i]);
	printf("two shells: %llu and %llu visits, %llu and %llu of them too late\n",
		(unsigned long long)stats[0].visits, (unsigned long long)stats[1].visits,
		(unsigned long long)stats[0].conflicts, (unsigned long long)stats[1].conflicts);
	for (size_t i = 0; i < SHELLS; i++) {
		bool is_closed = false, is_gone = false;
		shell_close(sides[i].shell, closed, &is_closed);
		while (!is_closed)
			store_turn();
		shell_free(sides[i].shell);
		plan_cache_free(sides[i].plans);
		db_close(sides[i].db, closed, &is_gone);
		while (!is_gone)
			store_turn();
	}
}

static bool is_busy(void)
{
	for (size_t i = 0; i < SHELLS; i++)
		if (sides[i].shell->visits.count || sides[i].shell->lane_visits.count || sides[i].shell->is_ticking)
			return true;
	return false;
}

static void let_them_work(void)
{
	for (size_t i = 0; i < SHELLS; i++)
		shell_tick(sides[i].shell);
	while (is_busy())
		store_turn();
}

/* --- everybody else --- */

static void answered(void *arg, const struct err *err)
{
	(void)arg, (void)err; /* one who may not is refused */
}

static void decide(struct sim *sim, unsigned round)
{
	for (int64_t gate = 0;
		(gate = store_sql("select min(id) from gate where state = 'open' and id > %lld", (long long)gate));) {
		struct engine_event event = {.kind = ENGINE_DECIDED,
			.person = &sim_people[round % (PEOPLE - 1)],
			.gate = gate,
			.is_approval = true,
			.text = STR("fine")};
		int64_t run = store_sql("select run_id from gate where id = %lld", (long long)gate);
		shell_apply(sides[(round + (unsigned)gate) % SHELLS].shell, run, &event, answered, NULL);
	}
	(void)sim;
}

static void resolve(void)
{
	static const char *const targets[] = {"qa-1", "eu-canary", "eu-1", "us-1"};
	for (size_t i = 0; i < COUNT_OF(targets); i++) {
		int64_t run = store_sql("select d.run_id from deployment d join target t on t.id = d.target_id"
					" where d.state = 'unknown' and t.name = '%s' order by d.id limit 1",
			targets[i]);
		if (run)
			shell_apply(sides[i % SHELLS].shell, run,
				&(struct engine_event){.kind = ENGINE_RESOLVE,
					.person = &sim_people[1],
					.text = str_of(targets[i]),
					.verdict = STR("failed")},
				answered, NULL);
	}
}

static void end_triggers(void)
{
	store_sql("update trigger set state = 'failed', reason = 'nobody plans any more' where state = 'pending'");
}

static void say_the_word(unsigned round)
{
	if (round % 12 == 5)
		store_sql(
			"with o as (insert into freeze_override (stage_id, reason) select id, 'it burns' from stage"
			" where kind = 'environment' and state in ('blocked', 'gated', 'queued', 'running') on conflict do nothing)"
			" update run set version = version + 1 where state in ('pending', 'running', 'waiting')");
	if (round % 40 == 30)
		store_sql("update quarantine set released_at = now() where released_at is null");
	store_sql("update alarm_state set state = 'ok' where state <> 'ok'");
	store_sql(
		"insert into alarm_sample (alarm, at, outcome) select a, at, 'fine' from sim.clock, unnest(array['errors', 'slow']) a");
}

static void work(void)
{
	store_sql("update attempt set lease_until = at - interval '1 s' from sim.clock where state <> 'ended'");
	struct db_batch *batch = store_batch();
	db_add(batch, QUERY_LEASES_EXPIRE);
	db_add(batch, QUERY_CLAIM, DB_I64(store_ids.workers[0]), DB_TEXT(STR("i")), DB_I64(50), DB_I64(LEASE_MS));
	struct db_reply *reply = store_send(batch);
	for (size_t i = 0; !db_error(reply) && i < db_row_count(reply, 1); i++)
		store_sql(
			"update attempt a set state = 'ended', reason = 'exit', exit_code = 0, started_at = at, ended_at = at,"
			" outputs = jsonb_build_object('v', 'v' || r.commit) from sim.clock, run r"
			" where r.id = a.run_id and a.job_id = %lld and a.number = %lld",
			(long long)db_i64(reply, 1, i, 0), (long long)db_i64(reply, 1, i, 1));
	db_reply_free(reply);
}

void shells_calm_down(struct sim *sim)
{
	static const char open_runs[] = "select count(*) from run where state in ('pending', 'running', 'waiting')";
	now_us = sim->rows.now_us;
	for (unsigned round = 0; round < ROUNDS && store_sql("%s", open_runs); round++) {
		now_us += ROUND_US;
		store_sql("update sim.clock set at = timestamptz 'epoch' + %lld * interval '1 microsecond'",
			(long long)now_us);
		say_the_word(round);
		end_triggers();
		decide(sim, round);
		resolve();
		let_them_work();
		work();
	}
	let_them_work();
	end_triggers();
	int64_t left = store_sql("select id from run where state in ('pending', 'running', 'waiting') limit 1");
	if (left)
		sim_fail(sim, "two shells never bring run %lld of the database to its end", (long long)left);
}
