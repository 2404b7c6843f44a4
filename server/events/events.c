#include "server/events/events.h"

#include "common/json.h"
#include "common/log.h"
#include "common/mem.h"
#include "server/events/events_internal.h"
#include "server/runs/run_find.h"
#include "server/runs/run_view.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct events *events_new(struct server *server)
{
	struct events *events = mem_alloc(sizeof *events);
	events->server = server;
	return events;
}

void events_close(struct events *events, void (*closed)(void *arg), void *arg)
{
	events->closed = closed;
	events->closed_arg = arg;
	if (events->count == 0) {
		closed(arg);
		return;
	}
	for (int kind = 0; kind < WATCH_KIND_COUNT; kind++) {
		struct watch *next;
		for (struct watch *watch = events->watches[kind]; watch; watch = next) {
			next = watch->next;
			watch_end(watch);
		}
	}
}

void events_free(struct events *events)
{
	free(events);
}

struct server *events_server(const struct events *events)
{
	return events->server;
}

/* --- wake-ups --- */

static void wake(struct events *events, enum watch_kind kind, int64_t key)
{
	for (struct watch *watch = events->watches[kind]; watch; watch = watch->next)
		if (key == 0 || watch->key == key || watch->key == 0)
			watch_wake(watch);
}

static void tell_others(struct events *events, char kind, int64_t key)
{
	char payload[32];
	snprintf(payload, sizeof payload, "%c%lld", kind, (long long)key);
	db_notify(events->server->db, str_of(payload));
}

void events_run_changed(struct events *events, int64_t run)
{
	if (!events)
		return;
	wake(events, WATCH_RUN, run);
	wake(events, WATCH_RUNS, 0);
	tell_others(events, 'r', run);
}

void events_log_grew(struct events *events, int64_t job)
{
	if (!events)
		return;
	wake(events, WATCH_LOG, job);
	tell_others(events, 'l', job);
}

void events_alarms_changed(struct events *events)
{
	if (!events)
		return;
	wake(events, WATCH_ALARMS, 0);
	tell_others(events, 'a', 0);
}

void events_configuration_changed(struct events *events, int64_t version)
{
	if (!events)
		return;
	events->configuration = version;
	wake(events, WATCH_RUNS, 0);
}

void events_heard(struct events *events, struct str payload)
{
	int64_t key = 0;
	if (!events)
		return;
	bool has_key = payload.n > 1 && str_to_i64(str_skip(payload, 1), &key);
	if (payload.n == 0 || (has_key && payload.p[0] == 'r')) {
		wake(events, WATCH_RUN, key);
		wake(events, WATCH_RUNS, 0);
	}
	if (payload.n == 0 || (has_key && payload.p[0] == 'l'))
		wake(events, WATCH_LOG, key);
	if (payload.n == 0 || (has_key && payload.p[0] == 'a'))
		wake(events, WATCH_ALARMS, 0);
}

/* --- one run --- */

struct run_watch {
	struct watch watch;
	struct caller caller;
	struct arena arena; /* of the caller */
	char horizon[32];   /* "": nothing was sent yet */
	int64_t version;    /* of the run, as last sent */
	json_t *afterwards; /* what it says of its time after the end, as last sent; NULL: nothing was */
};

static void run_released(struct watch *watch)
{
	struct run_watch *self = (struct run_watch *)watch;
	json_decref(self->afterwards);
	arena_done(&self->arena);
	free(self);
}

/* An alarm that goes on, and what becomes of its way back: neither moves the run itself. */
static bool take_afterwards(struct run_watch *self, const json_t *json)
{
	json_t *now = json_pack("[O, O]", json_object_get(json, "alert"), json_object_get(json, "ways_back"));
	bool is_news = !json_equal(now, self->afterwards);
	json_decref(self->afterwards);
	self->afterwards = now;
	return is_news;
}

static void run_looked(void *arg, struct db_reply *reply)
{
	struct run_watch *self = arg;
	struct plan_cache *plans = self->watch.events->server->plans;
	auto_arena arena = {0};
	struct err err = {0};
	json_t *json = NULL;
	bool is_first = self->horizon[0] == 0;
	if (!db_error(reply) && run_view_is_replanned(reply)) {
		self->horizon[0] = 0;
		db_reply_free(reply);
		watch_looked(&self->watch, true);
		return;
	}
	if (db_error(reply))
		err = *db_error(reply);
	else if (is_first)
		json = run_view_snapshot(reply, plans, &self->caller, &arena, &err);
	else
		json = run_view_update(reply, plans, &self->caller, &arena, &err);
	int64_t version = json_integer_value(json_object_get(json_object_get(json, "run"), "version"));
	bool is_news = json && (take_afterwards(self, json) || is_first || version != self->version ||
				       json_array_size(json_object_get(json, "jobs")) ||
				       db_row_count(reply, RUN_VIEW_STATEMENTS - 1));
	if (json && is_news) {
		self->version = version;
		snprintf(self->horizon, sizeof self->horizon, "%.*s", STR_ARG(run_view_horizon(reply)));
		watch_send(&self->watch, is_first ? "snapshot" : "update", str_of(self->horizon), json);
	} else {
		json_decref(json);
		if (err.kind == ERR_NOT_FOUND)
			watch_end(&self->watch);
		else if (err.kind != ERR_NONE)
			log_warn("events.run", F("run", self->watch.key), F("err", &err));
	}
	db_reply_free(reply);
	watch_looked(&self->watch, false);
}

static void run_look(struct watch *watch)
{
	struct run_watch *self = (struct run_watch *)watch;
	struct db_batch *batch = db_batch_new(watch->events->server->db);
	run_view_add(batch, watch->events->server->plans, watch->key, str_of(self->horizon));
	db_submit(batch, run_looked, self);
}

static bool is_horizon(struct str text)
{
	int64_t ignored;
	return text.n && text.n < 20 && str_to_i64(text, &ignored) && ignored > 0;
}

struct find_run {
	struct flow flow;
	struct server *server;
	struct http_exchange *exchange;
	bool is_answered;
};

static enum flow_next find_run(struct flow *flow)
{
	struct find_run *find = (struct find_run *)flow;
	struct db_batch *batch = db_batch_new(find->server->db);
	if (run_find_add(batch, http_param(find->exchange, "run"), &flow->err))
		return db_await(flow, batch);
	db_batch_free(batch);
	return FLOW_FAIL;
}

static enum flow_next start_watch(struct flow *flow)
{
	struct find_run *find = (struct find_run *)flow;
	struct str last = {0};
	int64_t run;
	if (!run_find_take(db_reply_of(flow), 0, http_param(find->exchange, "run"), &run, &flow->err))
		return FLOW_FAIL;
	struct run_watch *self = mem_alloc(sizeof *self);
	auth_copy_caller(&self->caller, auth_caller(find->exchange), &self->arena);
	if (http_header(find->exchange, "Last-Event-ID", &last) && is_horizon(last))
		snprintf(self->horizon, sizeof self->horizon, "%.*s", STR_ARG(last));
	find->is_answered = true;
	watch_start(&self->watch, find->server->events, find->exchange, WATCH_RUN, run, run_look, run_released);
	return FLOW_DONE;
}

static flow_step *const find_steps[] = {find_run, start_watch, NULL};

static void find_ended(struct flow *flow)
{
	struct find_run *find = (struct find_run *)flow;
	if (!find->is_answered)
		http_answer_err(find->exchange, &flow->err);
	flow_free(flow);
}

void events_watch_run(struct http_exchange *exchange, void *context)
{
	struct find_run *find = flow_new(sizeof *find, find_steps, find_ended);
	find->server = context;
	find->exchange = exchange;
	flow_start(&find->flow);
}

/* --- all runs --- */

struct runs_watch {
	struct watch watch;
	char horizon[32];      /* all that changed before was sent; "": nothing is known yet */
	char next_horizon[32]; /* when the look under way is done */
	char cursor[32];       /* its last page ended with a change then, */
	int64_t cursor_id;     /* of this run; "" and 0: it begins */
	int64_t configuration; /* its version, as far as the client knows */
	char *repository;      /* NULL: all */
};

static void runs_released(struct watch *watch)
{
	struct runs_watch *self = (struct runs_watch *)watch;
	free(self->repository);
	free(self);
}

enum { LOOK_HORIZON, LOOK_CHANGED, LOOK_UNTIL };

static void take_text(char to[static 32], struct str text)
{
	snprintf(to, 32, "%.*s", STR_ARG(text));
}

/* Only the last event of a look says how far it went: a stream that breaks off earlier resumes with all of them. */
static void send_runs(struct runs_watch *self, const struct run_summary *runs, size_t count, struct str id)
{
	for (size_t i = 0; i < count; i++)
		watch_send(
			&self->watch, "run", i + 1 == count ? id : STR(""), fields_write(run_summary_fields, &runs[i]));
	if (count == 0 && id.n && self->cursor[0])
		watch_send_id(&self->watch, id);
}

/* One page of a look. The first one tells what the whole look covers. */
static bool take_page(struct runs_watch *self, const struct db_reply *reply, bool *ret_is_cut, struct err *err)
{
	auto_arena arena = {0};
	void *runs;
	size_t count;
	if (!db_read_rows(
		    reply, LOOK_CHANGED, run_summary_fields, sizeof(struct run_summary), &runs, &count, &arena, err))
		return false;
	if (self->cursor[0] == 0)
		take_text(self->next_horizon, db_text(reply, LOOK_HORIZON, 0, 0));
	*ret_is_cut = db_row_count(reply, LOOK_UNTIL) > 0;
	send_runs(self, runs, count, *ret_is_cut ? STR("") : str_of(self->next_horizon));
	if (*ret_is_cut) {
		take_text(self->cursor, db_text(reply, LOOK_UNTIL, 0, 0));
		self->cursor_id = db_i64(reply, LOOK_UNTIL, 0, 1);
		return true;
	}
	self->cursor[0] = 0;
	self->cursor_id = 0;
	take_text(self->horizon, str_of(self->next_horizon));
	return true;
}

/* Whoever shows lists of runs or boards shows what the configuration says of them too. */
static void send_configuration(struct runs_watch *self)
{
	int64_t version = self->watch.events->configuration;
	if (version == self->configuration)
		return;
	self->configuration = version;
	watch_send(&self->watch, "configuration", STR(""), json_pack("{s:I}", "version", (json_int_t)version));
}

static void runs_looked(void *arg, struct db_reply *reply)
{
	struct runs_watch *self = arg;
	struct err err = {0};
	bool is_cut = false;
	if (db_error(reply))
		log_warn("events.runs", F("err", db_error(reply)));
	else if (self->horizon[0] == 0) {
		take_text(self->horizon, db_text(reply, LOOK_HORIZON, 0, 0));
		watch_send_id(&self->watch, str_of(self->horizon));
	} else if (!take_page(self, reply, &is_cut, &err))
		log_warn("events.runs", F("err", &err));
	db_reply_free(reply);
	send_configuration(self);
	watch_looked(&self->watch, is_cut);
}

static void runs_look(struct watch *watch)
{
	struct runs_watch *self = (struct runs_watch *)watch;
	struct db_batch *batch = db_batch_new(watch->events->server->db);
	struct str repository = str_of(self->repository);
	db_add(batch, QUERY_VIEW_HORIZON);
	/* The first look only learns where it stands: the list itself was just fetched. */
	struct str since = str_of(self->cursor[0] ? self->cursor : self->horizon);
	if (since.n) {
		db_add(batch, QUERY_RUNS_CHANGED, DB_TEXT(since), DB_I64(self->cursor_id), DB_TEXT_OR_NULL(repository));
		db_add(batch, QUERY_RUNS_CHANGED_UNTIL, DB_TEXT(since), DB_I64(self->cursor_id),
			DB_TEXT_OR_NULL(repository));
	}
	db_submit(batch, runs_looked, self);
}

void events_watch_runs(struct http_exchange *exchange, void *context)
{
	struct server *server = context;
	struct runs_watch *self = mem_alloc(sizeof *self);
	struct str last = {0}, repository = {0};
	if (http_header(exchange, "Last-Event-ID", &last) && is_horizon(last))
		snprintf(self->horizon, sizeof self->horizon, "%.*s", STR_ARG(last));
	if (http_query(exchange, "repository", &repository) && repository.n)
		self->repository = mem_dup(repository.p, repository.n);
	self->configuration = server->events->configuration;
	watch_start(&self->watch, server->events, exchange, WATCH_RUNS, 0, runs_look, runs_released);
}
