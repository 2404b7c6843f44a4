#include "server/api/alarms.h"

#include "common/clock.h"
#include "common/json.h"
#include "common/random.h"
#include "server/alarms/alarms.h"
#include "server/api/handler.h"
#include "server/outbox/public_url.h"

enum { SAMPLES_MAX = 60, CHANGES_MAX = 30 };

/* A state of alarm_list.sql with what the configuration says of it. */
struct alarm_item {
	struct str name, state, outcome, message;
	int64_t since, fired_at, pending_since, sampled_at;
	json_t *value;
	int kind;
	struct str condition, description, link;
	int64_t for_ms, interval_ms, min_points;
	bool is_dry_run;
};

static const struct field state_fields[] = {
	FIELD(struct alarm_item, name, FIELD_STR, 0),
	FIELD(struct alarm_item, state, FIELD_STR, 0),
	FIELD(struct alarm_item, since, FIELD_TIME, 0),
	FIELD(struct alarm_item, fired_at, FIELD_TIME, 0),
	FIELD(struct alarm_item, pending_since, FIELD_TIME, 0),
	FIELD(struct alarm_item, sampled_at, FIELD_TIME, 0),
	FIELD(struct alarm_item, value, FIELD_JSON, 0),
	FIELD(struct alarm_item, outcome, FIELD_STR, 0),
	FIELD(struct alarm_item, message, FIELD_STR, 0),
	FIELD_END,
};

static const struct field spec_fields[] = {
	FIELD_ENUM(struct alarm_item, kind, alarm_kind_names, 0),
	FIELD(struct alarm_item, condition, FIELD_STR, 0),
	FIELD(struct alarm_item, description, FIELD_STR, 0),
	FIELD(struct alarm_item, link, FIELD_STR, 0),
	FIELD(struct alarm_item, for_ms, FIELD_I64, 0),
	FIELD(struct alarm_item, interval_ms, FIELD_I64, 0),
	FIELD(struct alarm_item, min_points, FIELD_I64, 0),
	FIELD(struct alarm_item, is_dry_run, FIELD_BOOL, 0),
	FIELD_END,
};

struct sample_row {
	int64_t at;
	struct str outcome, message;
	json_t *value;
};

static const struct field sample_fields[] = {
	FIELD(struct sample_row, at, FIELD_TIME, 0),
	FIELD(struct sample_row, outcome, FIELD_STR, 0),
	FIELD(struct sample_row, value, FIELD_JSON, 0),
	FIELD(struct sample_row, message, FIELD_STR, 0),
	FIELD_END,
};

struct change_row {
	int64_t at;
	struct str was, state, message;
	json_t *value;
	bool is_dry_run;
};

static const struct field change_fields[] = {
	FIELD(struct change_row, at, FIELD_TIME, 0),
	FIELD(struct change_row, was, FIELD_STR, 0),
	FIELD(struct change_row, state, FIELD_STR, 0),
	FIELD(struct change_row, value, FIELD_JSON, 0),
	FIELD(struct change_row, message, FIELD_STR, 0),
	FIELD(struct change_row, is_dry_run, FIELD_BOOL, 0),
	FIELD_END,
};

struct alarm_request {
	struct api_request api;
	struct alarm_spec *specs; /* those that are answered */
	struct str *names;
	size_t count;
	int64_t begun_us; /* monotonic */
};

static struct alarm_request *request_of(struct flow *flow)
{
	return (struct alarm_request *)flow;
}

/* --- what they are --- */

static bool add_item(const struct db_reply *reply, size_t statement, size_t row, const struct alarm_spec *spec,
	json_t *list, struct arena *arena, struct err *err)
{
	struct alarm_item item = {
		.kind = (int)spec->kind,
		.condition = alarm_condition(spec, arena),
		.description = spec->description,
		.link = spec->link,
		.for_ms = spec->rules.for_us / US_PER_MS,
		.interval_ms = spec->rules.interval_us / US_PER_MS,
		.min_points = spec->min_points,
		.is_dry_run = spec->is_dry_run,
	};
	if (!db_read_row(reply, statement, row, state_fields, &item, arena, err))
		return false;
	json_t *json = fields_write(state_fields, &item), *more = fields_write(spec_fields, &item);
	json_object_update(json, more);
	json_decref(more);
	json_array_append_new(list, json);
	return true;
}

static json_t *describe(struct flow *flow)
{
	struct alarm_request *request = request_of(flow);
	json_t *list = json_array();
	for (size_t i = 0; i < request->count; i++) {
		if (!add_item(db_reply_of(flow), 0, i, &request->specs[i], list, &flow->arena, &flow->err)) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

static void add_states(struct db_batch *batch, struct alarm_request *request)
{
	struct arena *arena = &request->api.flow.arena;
	request->names = arena_array(arena, struct str, request->count + 1);
	for (size_t i = 0; i < request->count; i++)
		request->names[i] = request->specs[i].name;
	db_add(batch, QUERY_ALARM_LIST, DB_TEXTS(request->names, request->count));
}

static enum flow_next list_query(struct flow *flow)
{
	struct alarm_request *request = request_of(flow);
	struct server *server = request->api.server;
	request->specs = alarms_specs(server->alarms, &request->count, &flow->arena);
	struct db_batch *batch = db_batch_new(server->db);
	add_states(batch, request);
	return db_await(flow, batch);
}

static enum flow_next list_answer(struct flow *flow)
{
	json_t *list = describe(flow);
	if (!list)
		return FLOW_FAIL;
	request_of(flow)->api.answer = json_pack("{s:o}", "alarms", list);
	return FLOW_DONE;
}

void alarms_list(struct http_exchange *exchange, void *context)
{
	static flow_step *const steps[] = {list_query, list_answer, NULL};
	api_start(exchange, context, sizeof(struct alarm_request), steps, false);
}

/* The one that the path names. */
static bool find(struct flow *flow)
{
	struct alarm_request *request = request_of(flow);
	request->specs = arena_new(&flow->arena, struct alarm_spec);
	request->count = 1;
	return alarms_find(request->api.server->alarms, http_param(request->api.exchange, "alarm"), request->specs,
		&flow->arena, &flow->err);
}

static enum flow_next get_query(struct flow *flow)
{
	struct alarm_request *request = request_of(flow);
	if (!find(flow))
		return FLOW_FAIL;
	struct db_batch *batch = db_batch_new(request->api.server->db);
	add_states(batch, request);
	db_add(batch, QUERY_ALARM_SAMPLES, DB_TEXT(request->specs->name), DB_I64(SAMPLES_MAX));
	db_add(batch, QUERY_ALARM_CHANGES, DB_TEXT(request->specs->name), DB_I64(CHANGES_MAX));
	return db_await(flow, batch);
}

static bool add_rows(
	struct flow *flow, json_t *answer, size_t statement, const char *key, const struct field *fields, size_t size)
{
	json_t *list = api_list(db_reply_of(flow), statement, key, fields, size, 0, &flow->arena, &flow->err);
	if (!list)
		return false;
	json_object_set(answer, key, json_object_get(list, key));
	json_decref(list);
	return true;
}

static enum flow_next get_answer(struct flow *flow)
{
	struct alarm_request *request = request_of(flow);
	json_t *list = describe(flow);
	if (!list)
		return FLOW_FAIL;
	json_t *answer = request->api.answer = json_incref(json_array_get(list, 0));
	json_decref(list);
	bool ok = add_rows(flow, answer, 1, "samples", sample_fields, sizeof(struct sample_row)) &&
		  add_rows(flow, answer, 2, "changes", change_fields, sizeof(struct change_row));
	return ok ? FLOW_DONE : FLOW_FAIL;
}

void alarms_get(struct http_exchange *exchange, void *context)
{
	static flow_step *const steps[] = {get_query, get_answer, NULL};
	api_start(exchange, context, sizeof(struct alarm_request), steps, false);
}

/* --- asking once --- */

static void tried(void *arg, const struct alarm_reading *reading, const struct err *err)
{
	struct alarm_request *request = arg;
	if (err) {
		flow_fail(&request->api.flow, err);
		return;
	}
	request->api.answer = json_pack("{s:s, s:o, s:o, s:I}", "outcome", alarm_outcome_names[reading->outcome],
		"value", reading->has_value ? json_real(reading->value) : json_null(), "message",
		json_of_str(reading->text), "took_ms", (json_int_t)((clock_mono_us() - request->begun_us) / US_PER_MS));
	flow_resume(&request->api.flow);
}

static enum flow_next try_once(struct flow *flow)
{
	struct alarm_request *request = request_of(flow);
	request->begun_us = clock_mono_us();
	bool is_asked =
		find(flow) && alarm_probe(request->api.server->alarms, request->specs, tried, request, &flow->err);
	return is_asked ? FLOW_WAIT : FLOW_FAIL;
}

static enum flow_next answer_as_it_is(struct flow *flow)
{
	(void)flow;
	return FLOW_DONE;
}

void alarms_test(struct http_exchange *exchange, void *context)
{
	static flow_step *const steps[] = {try_once, answer_as_it_is, NULL};
	api_start(exchange, context, sizeof(struct alarm_request), steps, true);
}

/* --- secrets --- */

struct secret_request {
	struct api_request api;
	struct str name, secret;
};

static bool check_kind(struct secret_request *self, struct err *err)
{
	struct alarm_spec spec;
	if (str_is(self->name, ALARMS_ALERTMANAGER))
		return true;
	if (!alarms_find(self->api.server->alarms, self->name, &spec, &self->api.flow.arena, err))
		return false;
	if (spec.kind == ALARM_WEBHOOK)
		return true;
	if (spec.kind == ALARM_ALERTMANAGER)
		return err_set(err, ERR_UNSUPPORTED, "every Alertmanager has the same secret: ask for that of \"%s\"",
			ALARMS_ALERTMANAGER);
	return err_set(
		err, ERR_UNSUPPORTED, "alarm \"%.*s\" is asked, not told of, and needs no secret", STR_ARG(self->name));
}

static enum flow_next make_secret(struct flow *flow)
{
	static const char *const names[] = {"replace", NULL};
	struct secret_request *self = (struct secret_request *)flow;
	self->name = http_param(self->api.exchange, "alarm");
	const json_t *replace = json_object_get(self->api.body, "replace");
	if (!api_only(&self->api, names, &flow->err))
		return FLOW_FAIL;
	if (replace && !json_is_boolean(replace)) {
		err_set(&flow->err, ERR_INVALID, "replace: true or false");
		return FLOW_FAIL;
	}
	if (!check_kind(self, &flow->err))
		return FLOW_FAIL;
	self->secret = random_token(&flow->arena, "pah");
	struct db_batch *batch = db_batch_new(self->api.server->db);
	db_add(batch, QUERY_ALARM_SECRET_SAVE, DB_TEXT(self->name),
		DB_BYTES(alarm_secret_seal(self->api.server, self->name, self->secret, &flow->arena)),
		DB_BOOL(json_is_true(replace)), DB_I64(auth_caller(self->api.exchange)->person.account));
	return db_await(flow, batch);
}

static enum flow_next answer_secret(struct flow *flow)
{
	struct secret_request *self = (struct secret_request *)flow;
	if (db_row_count(db_reply_of(flow), 0) == 0) {
		err_set(&flow->err, ERR_CONFLICT,
			"\"%.*s\" has a secret, which was shown when it was made; `penstock alarm secret %.*s --replace` makes "
			"another, and the one before stays good for a day",
			STR_ARG(self->name), STR_ARG(self->name));
		return FLOW_FAIL;
	}
	struct str base = public_url(self->api.server, &flow->arena);
	self->api.answer = json_pack("{s:o, s:o}", "secret", json_of_str(self->secret), "url",
		json_of_str(arena_printf(&flow->arena, "%.*s/api/v1/alarms/%.*s", STR_ARG(base), STR_ARG(self->name))));
	return FLOW_DONE;
}

void alarms_secret(struct http_exchange *exchange, void *context)
{
	static flow_step *const steps[] = {make_secret, answer_secret, NULL};
	api_start(exchange, context, sizeof(struct secret_request), steps, true);
}
