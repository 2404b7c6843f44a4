#include "server/alarms/alarms.h"

#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"
#include "server/alarms/alarms_internal.h"

#include <stdlib.h>

enum { SAMPLING_MAX = 64, LOOKS_MAX = 64, PRUNE_MAX = 20000 };
#define CLAIM_MS        INT64_C(5000) /* beside what the monitor is given */
#define PRUNE_US        (60 * US_PER_SECOND)
#define PRUNE_AGAIN_MS  (INT64_C(600) * 1000)
#define KEEP_SAMPLES_MS (INT64_C(7) * 86400 * 1000)
#define KEEP_CHANGES_MS (INT64_C(180) * 86400 * 1000)

struct alarms *alarms_new(struct server *server, const struct alarms_hooks *hooks)
{
	struct alarms *alarms = mem_alloc(sizeof *alarms);
	alarms->server = server;
	alarms->hooks = *hooks;
	return alarms;
}

void alarms_ended(struct alarms *alarms)
{
	BUG_ON(alarms->active == 0);
	alarms->active--;
	if (alarms->closed && alarms->active == 0)
		alarms->closed(alarms->closed_arg);
}

void alarms_close(struct alarms *alarms, void (*closed)(void *arg), void *arg)
{
	alarms->closed = closed;
	alarms->closed_arg = arg;
	alarms->active++;
	alarms_ended(alarms);
}

void alarms_free(struct alarms *alarms)
{
	free(alarms);
}

/* --- one sample --- */

struct sampling {
	struct alarms *alarms;
	struct arena arena;
	struct alarm_spec spec;
	int64_t begun_at_us; /* by the database's clock */
};

static void sampling_end(struct sampling *sampling)
{
	struct alarms *alarms = sampling->alarms;
	alarms->sampling--;
	arena_done(&sampling->arena);
	free(sampling);
	alarms_ended(alarms);
}

static void recorded(void *arg, enum alarm_state state, const struct err *err)
{
	(void)state;
	(void)err;
	sampling_end(arg);
}

static void record(struct sampling *sampling, const struct alarm_reading *reading)
{
	struct alarm_record record = {
		.kind = ALARM_RECORD_READING,
		.spec = &sampling->spec,
		.reading = reading,
		.begun_at_us = sampling->begun_at_us,
	};
	alarm_put(sampling->alarms, &record, recorded, sampling);
}

static void given_back(void *arg, struct db_reply *reply)
{
	db_reply_free(reply);
	sampling_end(arg);
}

/* This server cannot say: another one, or the next start, is to ask at once. */
static void give_back(struct sampling *sampling)
{
	struct db_batch *batch = db_batch_new(sampling->alarms->server->db);
	db_add(batch, QUERY_ALARM_DUE, DB_TEXT(sampling->spec.name), DB_TIME(sampling->begun_at_us), DB_I64(0));
	db_submit(batch, given_back, sampling);
}

static void was_read(void *arg, const struct alarm_reading *reading, const struct err *err)
{
	if (reading)
		record(arg, reading);
	else if (err)
		give_back(arg);
	else
		sampling_end(arg);
}

static void sample(struct alarms *alarms, const struct alarm_spec *spec, int64_t now_us)
{
	struct sampling *sampling = mem_alloc(sizeof *sampling);
	struct err err = {0};
	sampling->alarms = alarms;
	alarm_spec_copy(&sampling->spec, spec, &sampling->arena);
	sampling->begun_at_us = now_us;
	alarms->active++;
	alarms->sampling++;
	if (spec->kind == ALARM_SCRIPT) {
		alarm_script_begin(alarms, spec, now_us, was_read, sampling);
		return;
	}
	if (alarm_probe(alarms, spec, was_read, sampling, &err))
		return;
	struct alarm_reading reading;
	alarm_read_error(&reading, str_of(err.text), &sampling->arena);
	was_read(sampling, err.kind == ERR_BUSY ? NULL : &reading, &err);
}

/* --- what is due --- */

static const struct alarm_spec *find(const struct alarm_spec *specs, size_t count, struct str name)
{
	for (size_t i = 0; i < count; i++)
		if (str_eq(specs[i].name, name))
			return &specs[i];
	return NULL;
}

enum { STATEMENT_CLAIM, STATEMENT_LOOK, STATEMENT_SCRIPTS };
enum { CLAIM_NAME, CLAIM_NOW };

static void start_found(struct alarms *alarms, const struct db_reply *reply)
{
	auto_arena arena = {0};
	size_t count;
	const struct alarm_spec *specs = alarms_specs(alarms, &count, &arena), *spec;
	for (size_t i = 0; i < db_row_count(reply, STATEMENT_CLAIM); i++) {
		spec = find(specs, count, db_text(reply, STATEMENT_CLAIM, i, CLAIM_NAME));
		if (spec)
			sample(alarms, spec, db_time(reply, STATEMENT_CLAIM, i, CLAIM_NOW));
	}
	for (size_t i = 0; i < db_row_count(reply, STATEMENT_LOOK); i++) {
		spec = find(specs, count, db_text(reply, STATEMENT_LOOK, i, 0));
		if (spec)
			alarm_put(alarms, &(struct alarm_record){.kind = ALARM_RECORD_LOOK, .spec = spec}, NULL, NULL);
	}
	alarm_scripts_take(alarms, reply, STATEMENT_SCRIPTS, specs, count);
}

static void found(void *arg, struct db_reply *reply)
{
	struct alarms *alarms = arg;
	alarms->is_looking = false;
	if (db_error(reply))
		log_warn("alarms.look", F("err", db_error(reply)));
	else if (!alarms->closed)
		start_found(alarms, reply);
	db_reply_free(reply);
	alarms_ended(alarms);
}

static void pruned(void *arg, struct db_reply *reply)
{
	if (db_error(reply))
		log_warn("alarms.prune", F("err", db_error(reply)));
	db_reply_free(reply);
	alarms_ended(arg);
}

static void prune(struct alarms *alarms, const struct str *names, size_t count)
{
	struct db_batch *batch = db_batch_new(alarms->server->db);
	db_add(batch, QUERY_ALARMS_PRUNE, DB_I64(PRUNE_AGAIN_MS), DB_I64(KEEP_SAMPLES_MS), DB_I64(KEEP_CHANGES_MS),
		DB_I64(PRUNE_MAX), DB_TEXTS(names, count));
	alarms->pruned_at = clock_mono_us();
	alarms->active++;
	db_submit(batch, pruned, alarms);
}

static bool is_asked(const struct alarm_spec *spec)
{
	return spec->kind != ALARM_ALERTMANAGER && spec->kind != ALARM_WEBHOOK;
}

void alarms_tick(struct alarms *alarms)
{
	auto_arena arena = {0};
	size_t count, asked = 0;
	if (alarms->closed || alarms->is_looking)
		return;
	const struct alarm_spec *specs = alarms_specs(alarms, &count, &arena);
	struct str *all = arena_array(&arena, struct str, count + 1),
		   *definitions = arena_array(&arena, struct str, count + 1),
		   *names = arena_array(&arena, struct str, count + 1);
	int64_t *waits = arena_array(&arena, int64_t, count + 1);
	for (size_t i = 0; i < count; i++) {
		all[i] = specs[i].name;
		definitions[i] = specs[i].definition;
		if (!is_asked(&specs[i]))
			continue;
		waits[asked] = (specs[i].kind == ALARM_SCRIPT ? 0 : specs[i].timeout_ms) + CLAIM_MS;
		names[asked++] = specs[i].name;
	}
	if (alarms->pruned_at == 0 || alarms->pruned_at + PRUNE_US <= clock_mono_us())
		prune(alarms, all, count);
	if (count == 0)
		return;
	alarm_pages_look(alarms);
	struct db_batch *batch = db_batch_new(alarms->server->db);
	db_add(batch, QUERY_ALARMS_CLAIM, DB_TEXTS(names, asked), DB_I64S(waits, asked),
		DB_I64(SAMPLING_MAX - (int64_t)alarms->sampling));
	db_add(batch, QUERY_ALARMS_LOOK, DB_TEXTS(all, count), DB_TEXTS(definitions, count), DB_I64(LOOKS_MAX));
	db_add(batch, QUERY_ALARM_RUNS_ENDED, DB_I64(LOOKS_MAX));
	alarms->is_looking = true;
	alarms->active++;
	db_submit(batch, found, alarms);
}

/* --- for others --- */

bool alarms_find(struct alarms *alarms, struct str name, struct alarm_spec *ret, struct arena *arena, struct err *err)
{
	size_t count;
	const struct alarm_spec *specs = alarms_specs(alarms, &count, arena), *spec = find(specs, count, name);
	struct str_list names = {.items = arena_array(arena, struct str, count + 1), .count = count};
	struct str nearest;
	if (spec) {
		*ret = *spec;
		return true;
	}
	for (size_t i = 0; i < count; i++)
		names.items[i] = specs[i].name;
	if (str_list_nearest(&names, name, &nearest))
		return err_set(err, ERR_NOT_FOUND, "there is no alarm \"%.*s\"; did you mean \"%.*s\"?", STR_ARG(name),
			STR_ARG(nearest));
	return err_set(err, ERR_NOT_FOUND,
		"there is no alarm \"%.*s\" in the configuration; `penstock alarm ls` lists them", STR_ARG(name));
}
