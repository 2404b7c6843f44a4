#include "server/api/expiries.h"

#include "server/api/handler.h"

struct expiry_row {
	struct str service, environment, run;
	int64_t expires_at, next_at;
	int32_t tries;
	bool has_teardown, is_theirs;
};

static const struct field listed_fields[] = {
	FIELD(struct expiry_row, service, FIELD_STR, 0),
	FIELD(struct expiry_row, environment, FIELD_STR, 0),
	FIELD(struct expiry_row, run, FIELD_STR, 0),
	FIELD(struct expiry_row, expires_at, FIELD_TIME, 0),
	FIELD(struct expiry_row, tries, FIELD_I32, 0),
	FIELD(struct expiry_row, next_at, FIELD_TIME, 0),
	FIELD_END,
};

static const struct field set_fields[] = {
	FIELD(struct expiry_row, service, FIELD_STR, 0),
	FIELD(struct expiry_row, environment, FIELD_STR, 0),
	FIELD(struct expiry_row, expires_at, FIELD_TIME, 0),
	FIELD(struct expiry_row, has_teardown, FIELD_BOOL, 0),
	FIELD(struct expiry_row, is_theirs, FIELD_BOOL, 0),
	FIELD_END,
};

static const struct field told_fields[] = {
	FIELD(struct expiry_row, service, FIELD_STR, 0),
	FIELD(struct expiry_row, environment, FIELD_STR, 0),
	FIELD(struct expiry_row, expires_at, FIELD_TIME, 0),
	FIELD_END,
};

static enum flow_next list_query(struct flow *flow)
{
	struct db_batch *batch = db_batch_new(api_request_of(flow)->server->db);
	db_add(batch, QUERY_EXPIRIES_LIST);
	return db_await(flow, batch);
}

static enum flow_next list_answer(struct flow *flow)
{
	json_t *list = api_rows(flow, 0, listed_fields, sizeof(struct expiry_row));
	if (!list)
		return FLOW_FAIL;
	api_request_of(flow)->answer = json_pack("{s:o}", "expiries", list);
	return FLOW_DONE;
}

void expiries_list(struct http_exchange *exchange, void *context)
{
	static flow_step *const steps[] = {list_query, list_answer, NULL};
	api_start(exchange, context, sizeof(struct api_request), steps, false);
}

static enum flow_next set_query(struct flow *flow)
{
	static const char *const names[] = {"service", "environment", "in_ms", NULL};
	struct api_request *request = api_request_of(flow);
	struct str service, environment;
	int64_t in_ms = 0;
	if (!api_only(request, names, &flow->err) || !api_text(request, "service", true, &service, &flow->err) ||
		!api_text(request, "environment", true, &environment, &flow->err) ||
		!api_duration(request, "in_ms", &in_ms, &flow->err))
		return FLOW_FAIL;
	const struct caller *caller = auth_caller(request->exchange);
	struct err ignored;
	struct db_batch *batch = db_batch_new(request->server->db);
	db_add(batch, QUERY_EXPIRY_SET, DB_TEXT(service), DB_TEXT(environment), DB_ID_OR_NULL(in_ms),
		DB_TEXT(caller->person.name), DB_BOOL(auth_may(caller, AUTH_OPERATOR, &ignored)));
	return db_await(flow, batch);
}

/* What would be tried again and again in vain, or would end a place that nobody meant to end. */
static bool may_be_set(const struct expiry_row *row, struct err *err)
{
	if (!row->has_teardown)
		return err_set(err, ERR_INVALID,
			"the pipeline that deployed %.*s to %.*s does not say how it is taken down: it has no `teardown` steps",
			STR_ARG(row->service), STR_ARG(row->environment));
	return row->is_theirs ||
	       err_set(err, ERR_DENIED,
		       "%.*s was deployed to %.*s to stay, so taking it down takes the role operator; what was deployed with "
		       "`expires` any developer may",
		       STR_ARG(row->service), STR_ARG(row->environment));
}

static enum flow_next set_answer(struct flow *flow)
{
	struct expiry_row row = {0};
	if (db_row_count(db_reply_of(flow), 0) == 0) {
		err_set(&flow->err, ERR_NOT_FOUND,
			"nothing of such a service is deployed to such an environment; \"penstock board\" shows what is");
		return FLOW_FAIL;
	}
	if (!db_read_row(db_reply_of(flow), 0, 0, set_fields, &row, &flow->arena, &flow->err) ||
		!may_be_set(&row, &flow->err))
		return FLOW_FAIL;
	api_request_of(flow)->answer = fields_write(told_fields, &row);
	return FLOW_DONE;
}

void expiries_set(struct http_exchange *exchange, void *context)
{
	static flow_step *const steps[] = {set_query, set_answer, NULL};
	api_start(exchange, context, sizeof(struct api_request), steps, true);
}
