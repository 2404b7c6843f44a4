#include "server/drift/drift.h"

#include "common/clock.h"
#include "common/io/http_client.h"
#include "common/log.h"
#include "common/mem.h"
#include "server/alarms/guard.h"
#include "server/configuration/configurations.h"
#include "server/drift/report.h"
#include "server/store/db.h"

#include <stdlib.h>

enum { ASKING_MAX = 32, ANSWER_MAX_BYTES = 256 * 1024, INTERVAL_MS = 60 * 1000, TIMEOUT_MS = 5000 };
#define CLAIM_MS INT64_C(5000) /* beside what the target is given */

struct drift {
	struct server *server;
	size_t active, asking;
	bool is_looking;
	void (*closed)(void *arg);
	void *closed_arg;
};

struct drift *drift_new(struct server *server)
{
	struct drift *drift = mem_alloc(sizeof *drift);
	drift->server = server;
	return drift;
}

static void ended(struct drift *drift)
{
	BUG_ON(drift->active == 0);
	drift->active--;
	if (drift->closed && drift->active == 0)
		drift->closed(drift->closed_arg);
}

void drift_close(struct drift *drift, void (*closed)(void *arg), void *arg)
{
	drift->closed = closed;
	drift->closed_arg = arg;
	drift->active++;
	ended(drift);
}

void drift_free(struct drift *drift)
{
	free(drift);
}

/* --- one question --- */

struct question {
	struct drift *drift;
	struct arena arena;
	int64_t service, target;
	int64_t begun_at_us; /* by the database's clock */
	int64_t interval_ms;
	struct str expression;
};

static void saved(void *arg, struct db_reply *reply)
{
	struct question *question = arg;
	struct drift *drift = question->drift;
	if (db_error(reply))
		log_warn("drift.save", F("target", question->target), F("err", db_error(reply)));
	db_reply_free(reply);
	arena_done(&question->arena);
	free(question);
	drift->asking--;
	ended(drift);
}

static void answered(void *arg, const struct http_answer *answer, const struct err *err)
{
	struct question *question = arg;
	struct report report = {STR(""), STR("")};
	bool is_stopping = err && err->kind == ERR_BUSY;
	if (err)
		report.problem = arena_str(&question->arena, str_of(err->text));
	else
		report_read(question->expression, answer->status, answer->body, &report, &question->arena);
	struct db_batch *batch = db_batch_new(question->drift->server->db);
	if (is_stopping) /* another server, or the next start, is to ask at once */
		db_add(batch, QUERY_REPORT_AGAIN, DB_I64(question->service), DB_I64(question->target));
	else
		db_add(batch, QUERY_REPORT_SAVE, DB_I64(question->service), DB_I64(question->target),
			DB_TEXT(report.version), DB_TEXT(report.problem), DB_TIME(question->begun_at_us),
			DB_I64(question->interval_ms));
	db_submit(batch, saved, question);
}

enum { DUE_SERVICE_ID, DUE_TARGET_ID, DUE_SERVICE, DUE_ENVIRONMENT, DUE_TARGET, DUE_NOW };

static void ask(struct drift *drift, const struct configuration_probe *probe, const struct db_reply *reply, size_t row)
{
	struct question *question = mem_alloc(sizeof *question);
	int64_t timeout_ms = LANG_IS_SET(probe->timeout) ? probe->timeout.ms : TIMEOUT_MS;
	question->drift = drift;
	question->service = db_i64(reply, 0, row, DUE_SERVICE_ID);
	question->target = db_i64(reply, 0, row, DUE_TARGET_ID);
	question->begun_at_us = db_time(reply, 0, row, DUE_NOW);
	question->interval_ms = LANG_IS_SET(probe->interval) ? probe->interval.ms : INTERVAL_MS;
	question->expression = arena_str(&question->arena, probe->version.text);
	const struct http_request request = {
		.method = "GET",
		.url = report_address(probe->url.text, db_text(reply, 0, row, DUE_SERVICE), &question->arena),
		.allow_address = alarm_allows_address,
		.answer_max_bytes = ANSWER_MAX_BYTES,
		.timeout_ms = timeout_ms,
		.connect_timeout_ms = timeout_ms,
	};
	drift->active++;
	drift->asking++;
	http_send(drift->server->http_out, &request, answered, question, NULL);
}

/* --- what is due --- */

static void found(void *arg, struct db_reply *reply)
{
	struct drift *drift = arg;
	const struct configuration *now = configurations_now(drift->server->configurations)->configuration;
	drift->is_looking = false;
	if (db_error(reply))
		log_warn("drift.look", F("err", db_error(reply)));
	else if (!drift->closed && drift->server->http_out)
		for (size_t i = 0; i < db_row_count(reply, 0); i++) {
			const struct configuration_environment *environment =
				configuration_environment(now, db_text(reply, 0, i, DUE_ENVIRONMENT));
			const struct configuration_target *target =
				environment ? configuration_environment_target(
						      environment, db_text(reply, 0, i, DUE_TARGET))
					    : NULL;
			if (target && LANG_IS_SET(target->probe))
				ask(drift, &target->probe, reply, i);
		}
	db_reply_free(reply);
	ended(drift);
}

/* The probes of the configuration in force, as columns. */
struct probes {
	struct str *environments, *targets, *services;
	int64_t *waits; /* until a server that took one is taken for dead, in ms */
	size_t count;
};

static void add_probes(struct probes *probes, const struct configuration_environment *environment, struct arena *arena)
{
	for (size_t i = 0; i < environment->targets.count; i++) {
		const struct configuration_target *target = &environment->targets.items[i];
		if (!LANG_IS_SET(target->probe))
			continue;
		int64_t timeout_ms =
			LANG_IS_SET(target->probe.timeout) ? target->probe.timeout.ms : (int64_t)TIMEOUT_MS;
		size_t n = probes->count++;
		probes->environments = arena_grow(arena, probes->environments, sizeof *probes->environments, n);
		probes->targets = arena_grow(arena, probes->targets, sizeof *probes->targets, n);
		probes->services = arena_grow(arena, probes->services, sizeof *probes->services, n);
		probes->waits = arena_grow(arena, probes->waits, sizeof *probes->waits, n);
		probes->environments[n] = environment->name.text;
		probes->targets[n] = target->name.text;
		probes->services[n] = str_or_empty(target->probe.service.text);
		probes->waits[n] = timeout_ms + CLAIM_MS;
	}
}

void drift_tick(struct drift *drift)
{
	auto_arena arena = {0};
	struct probes probes = {0};
	if (drift->closed || drift->is_looking || drift->asking >= ASKING_MAX)
		return;
	const struct configuration *now = configurations_now(drift->server->configurations)->configuration;
	for (size_t i = 0; i < now->environments.count; i++)
		add_probes(&probes, &now->environments.items[i], &arena);
	if (probes.count == 0)
		return;
	struct db_batch *batch = db_batch_new(drift->server->db);
	db_add(batch, QUERY_REPORTS_CLAIM, DB_TEXTS(probes.environments, probes.count),
		DB_TEXTS(probes.targets, probes.count), DB_TEXTS(probes.services, probes.count),
		DB_I64S(probes.waits, probes.count), DB_I64((int64_t)(ASKING_MAX - drift->asking)));
	drift->is_looking = true;
	drift->active++;
	db_submit(batch, found, drift);
}
