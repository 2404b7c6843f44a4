/* The database of the mirror: its clock, its connections, an empty one for each history. */
#include "common/buf.h"
#include "common/mem.h"
#include "tests/sim/plans.h"
#include "tests/sim/store/shadow.h"

#include <libpq-fe.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <uv.h>

static uv_loop_t loop;
static struct db *db;
static PGconn *plain;
struct store_ids store_ids;

/* now() of every statement and default is the history's. */
static const char clock_sql[] =
	"create schema sim;"
	"create table sim.clock (at timestamptz not null);"
	"insert into sim.clock values (now());"
	"create function sim.now() returns timestamptz language sql stable as 'select at from sim.clock';"
	"do $$ declare c record; begin"
	" for c in select table_name, column_name, column_default from information_schema.columns"
	"  where table_schema = 'public' and column_default like '%now()%' loop"
	"  execute format('alter table public.%I alter column %I set default %s', c.table_name, c.column_name,"
	"   replace(c.column_default, 'now()', 'sim.now()'));"
	" end loop;"
	" execute format('alter database %I set search_path = sim, pg_catalog, public', current_database());"
	" execute format('alter database %I set jit = off', current_database());"
	"end $$;"
	"insert into repository (name, url) values ('web', 'file:///nowhere');"
	"insert into service (name, repository_id) select n, id from repository, unnest(array['web', 'api']) n on conflict do nothing;"
	"insert into environment (name, tier, position) values ('qa', 'qa', 1), ('prod', 'prod', 2);"
	"insert into target (environment_id, name) select id, 'qa-1' from environment where name = 'qa';"
	"insert into target (environment_id, name) select id, n from environment, unnest(array['eu-canary', 'eu-1', 'us-1']) n where name = 'prod';"
	"update target set is_exclusive = true where name = 'eu-1';"
	"insert into account (name, role) select n, 'developer' from unnest(array['ann', 'bob', 'cas', 'dee', 'fay', 'eve']) n;"
	"insert into worker (name, instance, version, slots, profile) select 'w' || i, 'i', '1', 4, 'full' from generate_series(0, 2) i";

static const char empty_sql[] =
	"delete from freeze_override; delete from expiry; delete from target_lock; delete from deployment; delete from quarantine;"
	"delete from version; delete from lane_request; delete from lane; delete from run; delete from trigger;"
	"delete from blocker; delete from configuration; update environment set version = 1; update service set version = 1;"
	"delete from commit_relation; delete from commit_authors; delete from alarm_sample; delete from alarm_state; delete from audit; delete from outbox;"
	"update repository set run_count = 0";

static _Noreturn void die(const char *what, const char *why)
{
	fprintf(stderr, "%s: %s\n", what, why);
	exit(2);
}

int64_t store_sql(const char *format, ...)
{
	auto_buf sql = BUF_INIT(1 << 16);
	va_list args;
	va_start(args, format);
	buf_vaddf(&sql, format, args);
	va_end(args);
	PGresult *result = PQexec(plain, buf_c(&sql));
	ExecStatusType status = PQresultStatus(result);
	if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
		die(buf_c(&sql), PQerrorMessage(plain));
	int64_t value = PQntuples(result) > 0 ? strtoll(PQgetvalue(result, 0, 0), NULL, 10) : 0;
	PQclear(result);
	return value;
}

static void ignore_notice(void *arg, const char *text)
{
	(void)arg, (void)text;
}

static void connect_plain(const char *url)
{
	plain = PQconnectdb(url);
	if (PQstatus(plain) != CONNECTION_OK)
		die(url, PQerrorMessage(plain));
	PQsetNoticeProcessor(plain, ignore_notice, NULL);
}

void store_open(const char *url)
{
	struct err err;
	connect_plain(url);
	store_sql("%s", clock_sql);
	PQfinish(plain);
	connect_plain(url); /* which finds the clock */
	uv_loop_init(&loop);
	if (!db_open(&loop, &(struct db_options){.url = url, .connections = 1}, &db, &err))
		die(url, err.text);
	shells_open(url, &loop);
}

void store_turn(void)
{
	uv_run(&loop, UV_RUN_ONCE);
}

static void closed(void *arg)
{
	*(bool *)arg = true;
}

void store_close(void)
{
	bool is_closed = false;
	shells_close();
	PQfinish(plain);
	db_close(db, closed, &is_closed);
	while (!is_closed)
		uv_run(&loop, UV_RUN_ONCE);
	uv_run(&loop, UV_RUN_DEFAULT);
	uv_loop_close(&loop);
}

struct db_batch *store_batch(void)
{
	return db_batch_new(db);
}

static void replied(void *arg, struct db_reply *reply)
{
	*(struct db_reply **)arg = reply;
}

struct db_reply *store_send(struct db_batch *batch)
{
	struct db_reply *reply = NULL;
	db_submit(batch, replied, &reply);
	while (!reply)
		uv_run(&loop, UV_RUN_ONCE);
	return reply;
}

void store_begin(struct sim *sim)
{
	store_sql("%s", empty_sql);
	store_sql(
		"insert into alarm_state (name, definition, state, since) values ('errors', '', 'ok', 'epoch'), ('slow', '', 'ok', 'epoch')");
	for (size_t i = 0; i < WORKERS; i++)
		store_ids.workers[i] = store_sql("select id from worker where name = 'w%zu'", i);
	sim->mirror = &store_mirror;
}

void store_fsck(struct sim *sim)
{
	store_sql("update sim.clock set at = at + interval '3 min'");
	struct db_batch *batch = store_batch();
	db_add(batch, QUERY_FSCK, DB_I64(1000));
	struct db_reply *reply = store_send(batch);
	if (db_error(reply))
		sim_fail(sim, "fsck: %s", db_error(reply)->text);
	else if (db_row_count(reply, 0))
		sim_fail(sim, "fsck: %.*s: %.*s", STR_ARG(db_text(reply, 0, 0, 0)), STR_ARG(db_text(reply, 0, 0, 1)));
	db_reply_free(reply);
}
