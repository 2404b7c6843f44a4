#include "server/api/blockers.h"

#include "common/json.h"
#include "server/api/handler.h"
#include "server/configuration/configurations.h"
#include "server/runs/run_find.h"
#include "server/shell/shell.h"

enum { REASON_BYTES_MAX = 2000 };

struct blocker_row {
	int64_t id, placed_at, lifted_at;
	struct str service, environment, reason, placed_by, lifted_by, lift_reason;
};

static const struct field blocker_fields[] = {
	FIELD(struct blocker_row, id, FIELD_I64, 0),
	FIELD(struct blocker_row, service, FIELD_STR, 0),
	FIELD(struct blocker_row, environment, FIELD_STR, 0),
	FIELD(struct blocker_row, reason, FIELD_STR, 0),
	FIELD(struct blocker_row, placed_by, FIELD_STR, 0),
	FIELD(struct blocker_row, placed_at, FIELD_TIME, 0),
	FIELD(struct blocker_row, lifted_by, FIELD_STR, 0),
	FIELD(struct blocker_row, lifted_at, FIELD_TIME, 0),
	FIELD(struct blocker_row, lift_reason, FIELD_STR, 0),
	FIELD_END,
};

/* --- what stands --- */

struct blocker_list {
	struct api_request api;
	int64_t limit;
};

static enum flow_next list_query(struct flow *flow)
{
	struct blocker_list *list = (struct blocker_list *)flow;
	struct str all = {NULL, 0};
	int64_t before;
	if (!api_page(&list->api, &list->limit, &before, &flow->err))
		return FLOW_FAIL;
	if (http_query(list->api.exchange, "all", &all) && !str_is(all, "true") && !str_is(all, "false")) {
		err_set(&flow->err, ERR_INVALID, "all: true or false");
		return FLOW_FAIL;
	}
	struct db_batch *batch = db_batch_new(list->api.server->db);
	db_add(batch, QUERY_BLOCKERS_LIST, DB_BOOL(str_is(all, "true")), DB_I64(list->limit), DB_I64(before));
	return db_await(flow, batch);
}

static enum flow_next list_answer(struct flow *flow)
{
	struct blocker_list *list = (struct blocker_list *)flow;
	list->api.answer = api_list(db_reply_of(flow), 0, "blockers", blocker_fields, sizeof(struct blocker_row),
		list->limit, &flow->arena, &flow->err);
	return list->api.answer ? FLOW_DONE : FLOW_FAIL;
}

void blockers_list(struct http_exchange *exchange, void *context)
{
	static flow_step *const steps[] = {list_query, list_answer, NULL};
	api_start(exchange, context, sizeof(struct blocker_list), steps, false);
}

/* --- placing and lifting --- */

static bool read_reason(struct api_request *request, struct str *ret, struct err *err)
{
	if (!api_text(request, "reason", true, ret, err))
		return false;
	*ret = str_trim(*ret);
	return (ret->n > 0 && ret->n <= REASON_BYTES_MAX) ||
	       err_set(err, ERR_INVALID, "\"reason\" is a text of 1 to %d bytes: everybody who waits reads it",
		       REASON_BYTES_MAX);
}

static bool check_environment(struct api_request *request, struct str name, struct err *err)
{
	const struct configuration *all = configurations_now(request->server->configurations)->configuration;
	if (name.n == 0 || configuration_environment(all, name))
		return true;
	const char **names = arena_array(&request->flow.arena, const char *, all->environments.count + 1);
	for (size_t i = 0; i < all->environments.count; i++)
		names[i] = arena_str(&request->flow.arena, all->environments.items[i].name.text).p;
	const char *nearest = str_nearest(name, names);
	return err_set(err, ERR_INVALID, "environment: there is no \"%.*s\"%s%s%s", STR_ARG(str_head(name, 60)),
		nearest ? "; did you mean \"" : "", nearest ? nearest : "", nearest ? "\"?" : "");
}

static enum flow_next place(struct flow *flow)
{
	static const char *const names[] = {"service", "environment", "reason", NULL};
	struct api_request *request = api_request_of(flow);
	struct str service, environment, reason;
	if (!api_only(request, names, &flow->err) || !api_text(request, "service", false, &service, &flow->err) ||
		!api_text(request, "environment", false, &environment, &flow->err) ||
		!read_reason(request, &reason, &flow->err) || !check_environment(request, environment, &flow->err))
		return FLOW_FAIL;
	struct db_batch *batch = db_batch_new(request->server->db);
	db_add(batch, QUERY_BLOCKER_PLACE, DB_TEXT(service), DB_TEXT(environment), DB_TEXT(reason),
		DB_I64(auth_caller(request->exchange)->person.account));
	return db_await(flow, batch);
}

static void looked(void *arg)
{
	flow_resume(arg);
}

static enum flow_next tell(struct api_request *request)
{
	struct blocker_row row = {0};
	struct flow *flow = &request->flow;
	if (!db_read_row(db_reply_of(flow), 0, 0, blocker_fields, &row, &flow->arena, &flow->err))
		return FLOW_FAIL;
	request->answer = fields_write(blocker_fields, &row);
	configurations_changed(request->server->configurations, looked, flow);
	return FLOW_WAIT;
}

static enum flow_next placed(struct flow *flow)
{
	struct api_request *request = api_request_of(flow);
	if (db_row_count(db_reply_of(flow), 0) == 0) {
		err_set(&flow->err, ERR_INVALID, "service: there is no \"%.*s\"",
			STR_ARG(str_head(json_get_str(request->body, "service"), 60)));
		return FLOW_FAIL;
	}
	request->status = 201;
	return tell(request);
}

static enum flow_next end(struct flow *flow)
{
	(void)flow;
	return FLOW_DONE;
}

void blockers_place(struct http_exchange *exchange, void *context)
{
	static flow_step *const steps[] = {place, placed, end, NULL};
	api_start(exchange, context, sizeof(struct api_request), steps, true);
}

static enum flow_next lift(struct flow *flow)
{
	static const char *const names[] = {"reason", NULL};
	struct api_request *request = api_request_of(flow);
	struct str id = http_param(request->exchange, "blocker"), reason;
	if (!api_only(request, names, &flow->err) || !read_reason(request, &reason, &flow->err))
		return FLOW_FAIL;
	if (!str_to_i64(id, &request->id)) {
		err_set(&flow->err, ERR_INVALID, "\"%.*s\" is no number of a stop", STR_ARG(id));
		return FLOW_FAIL;
	}
	struct db_batch *batch = db_batch_new(request->server->db);
	db_add(batch, QUERY_BLOCKER_LIFT, DB_I64(request->id), DB_TEXT(reason),
		DB_I64(auth_caller(request->exchange)->person.account));
	return db_await(flow, batch);
}

static enum flow_next lifted(struct flow *flow)
{
	struct api_request *request = api_request_of(flow);
	if (db_row_count(db_reply_of(flow), 0) == 0) {
		err_set(&flow->err, ERR_NOT_FOUND, "no stop %lld stands; `penstock freeze ls` lists those that do",
			(long long)request->id);
		return FLOW_FAIL;
	}
	return tell(request);
}

void blockers_lift(struct http_exchange *exchange, void *context)
{
	static flow_step *const steps[] = {lift, lifted, end, NULL};
	api_start(exchange, context, sizeof(struct api_request), steps, true);
}

/* --- passing --- */

static enum flow_next override_find(struct flow *flow)
{
	static const char *const names[] = {"reason", NULL};
	struct api_request *request = api_request_of(flow);
	struct str reason;
	if (!api_only(request, names, &flow->err) || !read_reason(request, &reason, &flow->err))
		return FLOW_FAIL;
	struct db_batch *batch = db_batch_new(request->server->db);
	if (run_find_add(batch, http_param(request->exchange, "run"), &flow->err))
		return db_await(flow, batch);
	db_batch_free(batch);
	return FLOW_FAIL;
}

static enum flow_next override_place(struct flow *flow)
{
	struct api_request *request = api_request_of(flow);
	struct str name = http_param(request->exchange, "run");
	if (!run_find_take(db_reply_of(flow), 0, name, &request->id, &flow->err))
		return FLOW_FAIL;
	struct db_batch *batch = db_batch_new(request->server->db);
	db_add(batch, QUERY_OVERRIDE_PLACE, DB_I64(request->id),
		DB_TEXT(str_trim(json_get_str(request->body, "reason"))),
		DB_I64(auth_caller(request->exchange)->person.account));
	return db_await(flow, batch);
}

static enum flow_next override_answer(struct flow *flow)
{
	struct api_request *request = api_request_of(flow);
	const struct db_reply *reply = db_reply_of(flow);
	if (db_row_count(reply, 0) == 0) {
		struct str name = http_param(request->exchange, "run");
		err_set(&flow->err, ERR_CONFLICT, "%.*s has no stage that is yet to deploy", STR_ARG(name));
		return FLOW_FAIL;
	}
	request->answer = json_pack("{s:o, s:o, s:o}", "run", json_of_str(db_text(reply, 0, 0, 0)), "stage",
		json_of_str(db_text(reply, 0, 0, 1)), "environment", json_of_str(db_text(reply, 0, 0, 2)));
	shell_look(request->server->shell, request->id);
	return FLOW_DONE;
}

void blockers_override(struct http_exchange *exchange, void *context)
{
	static flow_step *const steps[] = {override_find, override_place, override_answer, NULL};
	api_start(exchange, context, sizeof(struct api_request), steps, true);
}
