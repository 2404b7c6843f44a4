#include "server/api/configuration.h"

#include "common/json.h"
#include "server/api/configuration_change.h"
#include "server/api/routes.h"

/* --- reading --- */

struct version_row {
	int64_t version, applied_at, reverted_from;
	struct str text, applied_by, comment;
};

#define VERSION_FIELDS                                                                                                 \
	FIELD(struct version_row, version, FIELD_I64, 0), FIELD(struct version_row, applied_at, FIELD_TIME, 0),        \
		FIELD(struct version_row, applied_by, FIELD_STR, 0), FIELD(struct version_row, comment, FIELD_STR, 0), \
		FIELD(struct version_row, reverted_from, FIELD_I64, 0)

static const struct field version_fields[] = {VERSION_FIELDS, FIELD_END};
static const struct field text_fields[] = {VERSION_FIELDS, FIELD(struct version_row, text, FIELD_STR, 0), FIELD_END};

/* What can be done with the document in force. */
static const struct api_action actions[] = {
	{"compare", configuration_compare},
	{"apply", configuration_put},
	{"revert", configuration_revert},
	{NULL, NULL},
};

static enum flow_next get_query(struct flow *flow)
{
	struct api_request *request = api_request_of(flow);
	struct db_batch *batch = db_batch_new(request->server->db);
	db_add(batch, QUERY_CONFIGURATION_GET, DB_I64(request->id));
	return db_await(flow, batch);
}

static enum flow_next get_answer(struct flow *flow)
{
	struct api_request *request = api_request_of(flow);
	struct version_row row = {0};
	if (db_row_count(db_reply_of(flow), 0) == 0 && request->id) {
		err_set(&flow->err, ERR_NOT_FOUND, "no version %lld of the configuration", (long long)request->id);
		return FLOW_FAIL;
	}
	if (db_row_count(db_reply_of(flow), 0) &&
		!db_read_row(db_reply_of(flow), 0, 0, text_fields, &row, &flow->arena, &flow->err))
		return FLOW_FAIL;
	request->answer = fields_write(text_fields, &row);
	if (!request->id) {
		json_object_set_new(request->answer, "why_not", api_why_not(auth_caller(request->exchange), actions));
		http_add_header(
			request->exchange, "ETag", arena_printf(&flow->arena, "\"%lld\"", (long long)row.version));
	}
	return FLOW_DONE;
}

void configuration_get(struct http_exchange *exchange, void *context)
{
	static flow_step *const steps[] = {get_query, get_answer, NULL};
	api_start(exchange, context, sizeof(struct api_request), steps, false);
}

static enum flow_next read_version(struct flow *flow)
{
	struct api_request *request = api_request_of(flow);
	struct str version = http_param(request->exchange, "version");
	if (str_to_i64(version, &request->id) && request->id > 0)
		return FLOW_CONTINUE;
	err_set(&flow->err, ERR_INVALID, "\"%.*s\" is no version of the configuration", STR_ARG(version));
	return FLOW_FAIL;
}

void configuration_get_version(struct http_exchange *exchange, void *context)
{
	static flow_step *const steps[] = {read_version, get_query, get_answer, NULL};
	api_start(exchange, context, sizeof(struct api_request), steps, false);
}

struct history {
	struct api_request api;
	int64_t limit;
};

static enum flow_next history_query(struct flow *flow)
{
	struct history *history = (struct history *)flow;
	int64_t before;
	if (!api_page(&history->api, &history->limit, &before, &flow->err))
		return FLOW_FAIL;
	struct db_batch *batch = db_batch_new(history->api.server->db);
	db_add(batch, QUERY_CONFIGURATION_VERSIONS, DB_I64(history->limit), DB_I64(before));
	return db_await(flow, batch);
}

static enum flow_next history_answer(struct flow *flow)
{
	struct history *history = (struct history *)flow;
	history->api.answer = api_list(db_reply_of(flow), 0, "versions", version_fields, sizeof(struct version_row),
		history->limit, &flow->arena, &flow->err);
	return history->api.answer ? FLOW_DONE : FLOW_FAIL;
}

void configuration_history(struct http_exchange *exchange, void *context)
{
	static flow_step *const steps[] = {history_query, history_answer, NULL};
	api_start(exchange, context, sizeof(struct history), steps, false);
}

/* --- comparing --- */

static enum flow_next compare_begin(struct flow *flow)
{
	static const char *const names[] = {"text", NULL};
	struct change *change = (struct change *)flow;
	return api_only(&change->api, names, &flow->err) &&
			       api_text(&change->api, "text", true, &change->text, &flow->err)
		       ? FLOW_CONTINUE
		       : FLOW_FAIL;
}

void configuration_compare(struct http_exchange *exchange, void *context)
{
	static flow_step *const steps[] = {compare_begin, change_read, change_look_up, change_show, NULL};
	change_start(exchange, context, steps);
}

/* --- two versions --- */

static enum flow_next versions_begin(struct flow *flow)
{
	struct change *change = (struct change *)flow;
	struct str text = http_param(change->api.exchange, "version"), from = {0};
	if (!str_to_i64(text, &change->version) || change->version < 1)
		return err_set(&flow->err, ERR_INVALID, "\"%.*s\" is no version of the configuration", STR_ARG(text)),
		       FLOW_FAIL;
	change->from_version = change->version - 1;
	if (http_query(change->api.exchange, "from", &from) &&
		(!str_to_i64(from, &change->from_version) || change->from_version < 0))
		return err_set(&flow->err, ERR_INVALID, "\"from\" is a version, or 0 for none"), FLOW_FAIL;
	struct db_batch *batch = db_batch_new(change->api.server->db);
	db_add(batch, QUERY_CONFIGURATION_GET, DB_I64(change->version));
	/* 0 would ask for the one in force, and no version is below it. */
	db_add(batch, QUERY_CONFIGURATION_GET, DB_I64(change->from_version ? change->from_version : -1));
	return db_await(flow, batch);
}

static enum flow_next versions_found(struct flow *flow)
{
	enum { LATER, EARLIER };
	struct change *change = (struct change *)flow;
	struct version_row later, earlier = {.text = STR("")};
	const struct db_reply *reply = db_reply_of(flow);
	bool has_later = db_row_count(reply, LATER), has_earlier = db_row_count(reply, EARLIER);
	if (!has_later || (change->from_version && !has_earlier)) {
		err_set(&flow->err, ERR_NOT_FOUND, "no version %lld of the configuration",
			(long long)(has_later ? change->from_version : change->version));
		return FLOW_FAIL;
	}
	if (!db_read_row(reply, LATER, 0, text_fields, &later, &flow->arena, &flow->err) ||
		(has_earlier && !db_read_row(reply, EARLIER, 0, text_fields, &earlier, &flow->arena, &flow->err)))
		return FLOW_FAIL;
	change->text = arena_str(&flow->arena, later.text);
	change->earlier = arena_str(&flow->arena, earlier.text);
	return FLOW_CONTINUE;
}

void configuration_compare_versions(struct http_exchange *exchange, void *context)
{
	static flow_step *const steps[] = {
		versions_begin, versions_found, change_read_versions, change_look_up, change_show, NULL};
	change_start(exchange, context, steps);
}

/* --- changing --- */

static enum flow_next put_begin(struct flow *flow)
{
	static const char *const names[] = {"text", "version", "comment", NULL};
	struct change *change = (struct change *)flow;
	return api_only(&change->api, names, &flow->err) &&
			       api_text(&change->api, "text", true, &change->text, &flow->err) &&
			       api_text(&change->api, "comment", false, &change->comment, &flow->err) &&
			       change_expected(change, &flow->err)
		       ? FLOW_CONTINUE
		       : FLOW_FAIL;
}

void configuration_put(struct http_exchange *exchange, void *context)
{
	static flow_step *const steps[] = {
		put_begin, change_read, change_look_up, change_store, change_stored, change_answer, NULL};
	change_start(exchange, context, steps);
}

static enum flow_next revert_begin(struct flow *flow)
{
	static const char *const names[] = {"to", "version", "comment", NULL};
	struct change *change = (struct change *)flow;
	const json_t *to = json_object_get(change->api.body, "to");
	if (!api_only(&change->api, names, &flow->err) ||
		!api_text(&change->api, "comment", false, &change->comment, &flow->err) ||
		!change_expected(change, &flow->err))
		return FLOW_FAIL;
	if (!json_is_integer(to) || json_integer_value(to) < 1) {
		err_set(&flow->err, ERR_INVALID, "\"to\" is the number of a version");
		return FLOW_FAIL;
	}
	change->from_version = json_integer_value(to);
	struct db_batch *batch = db_batch_new(change->api.server->db);
	db_add(batch, QUERY_CONFIGURATION_GET, DB_I64(change->from_version));
	return db_await(flow, batch);
}

static enum flow_next revert_found(struct flow *flow)
{
	struct change *change = (struct change *)flow;
	struct version_row row = {0};
	if (db_row_count(db_reply_of(flow), 0) == 0) {
		err_set(&flow->err, ERR_NOT_FOUND, "no version %lld of the configuration",
			(long long)change->from_version);
		return FLOW_FAIL;
	}
	if (!db_read_row(db_reply_of(flow), 0, 0, text_fields, &row, &flow->arena, &flow->err))
		return FLOW_FAIL;
	change->text = arena_str(&flow->arena, row.text);
	return FLOW_CONTINUE;
}

void configuration_revert(struct http_exchange *exchange, void *context)
{
	static flow_step *const steps[] = {revert_begin, revert_found, change_read, change_look_up, change_store,
		change_stored, change_answer, NULL};
	change_start(exchange, context, steps);
}
