#include "server/api/gitops_grants.h"

#include "common/glob.h"
#include "common/json.h"
#include "server/api/repository_row.h"

enum { GLOBS_MAX = 50 };

struct grant_request {
	struct api_request api;
	struct str source;
	struct str_list refs, files;
};

struct grant_row {
	struct str source;
	struct str_list refs, files;
	int64_t created_at;
};

static const struct field grant_fields[] = {
	FIELD(struct grant_row, source, FIELD_STR, 0),
	FIELD(struct grant_row, refs, FIELD_STRS, 0),
	FIELD(struct grant_row, files, FIELD_STRS, 0),
	FIELD(struct grant_row, created_at, FIELD_TIME, 0),
	FIELD_END,
};

static enum flow_next list(struct flow *flow)
{
	if (db_row_count(db_reply_of(flow), 0) == 0)
		return repository_fail_unknown(flow, repository_name_of(flow));
	return repository_submit(flow, QUERY_GITOPS_GRANTS_LIST, repository_name_of(flow));
}

static enum flow_next answer_list(struct flow *flow)
{
	struct api_request *request = api_request_of(flow);
	request->answer = api_list(
		db_reply_of(flow), 0, "grants", grant_fields, sizeof(struct grant_row), 0, &flow->arena, &flow->err);
	return request->answer ? FLOW_DONE : FLOW_FAIL;
}

void gitops_grants_list(struct http_exchange *exchange, void *context)
{
	static flow_step *const steps[] = {repository_find, list, answer_list, NULL};
	api_start(exchange, context, sizeof(struct api_request), steps, false);
}

static bool read_globs(struct grant_request *self, const char *name, struct str_list *ret, struct err *err)
{
	const json_t *list = json_object_get(self->api.body, name);
	size_t count = json_array_size(list);
	if ((list && !json_is_array(list)) || count > GLOBS_MAX)
		return err_set(err, ERR_INVALID, "\"%s\" is no list of at most %d globs", name, GLOBS_MAX);
	ret->items = arena_array(&self->api.flow.arena, struct str, count);
	for (size_t i = 0; i < count; i++) {
		const json_t *item = json_array_get(list, i);
		if (!json_is_string(item))
			return err_set(err, ERR_INVALID, "\"%s\" is no list of globs", name);
		struct str glob = {json_string_value(item), json_string_length(item)};
		if (!glob_check(glob, err))
			return err_wrap(err, "%s", name);
		ret->items[ret->count++] = glob;
	}
	return true;
}

static void add_audit(struct db_batch *batch, struct flow *flow, const char *action, struct str source)
{
	struct api_request *request = api_request_of(flow);
	const struct caller *caller = auth_caller(request->exchange);
	json_t *body = request->body ? json_incref(request->body) : json_pack("{s:o}", "source", json_of_str(source));
	db_add(batch, QUERY_AUDIT_INSERT, DB_TEXT(caller->person.name), DB_TEXT(str_of(action)),
		DB_TEXT(arena_printf(&flow->arena, "repository %.*s", STR_ARG(repository_name_of(flow)))),
		DB_JSON(body));
	json_decref(body);
}

static enum flow_next set(struct flow *flow)
{
	static const char *const names[] = {"source", "refs", "files", NULL};
	struct grant_request *self = (struct grant_request *)flow;
	if (db_row_count(db_reply_of(flow), 0) == 0)
		return repository_fail_unknown(flow, repository_name_of(flow));
	if (!api_only(&self->api, names, &flow->err) ||
		!api_text(&self->api, "source", true, &self->source, &flow->err) ||
		!read_globs(self, "refs", &self->refs, &flow->err) ||
		!read_globs(self, "files", &self->files, &flow->err))
		return FLOW_FAIL;
	if (str_eq(self->source, repository_name_of(flow))) {
		err_set(&flow->err, ERR_INVALID,
			"a run does not commit to its own repository: it would start itself again");
		return FLOW_FAIL;
	}
	struct db_batch *batch = db_batch_new(self->api.server->db);
	db_add(batch, QUERY_GITOPS_GRANT_SET, DB_TEXT(repository_name_of(flow)), DB_TEXT(self->source),
		DB_TEXTS(self->refs.items, self->refs.count), DB_TEXTS(self->files.items, self->files.count));
	add_audit(batch, flow, "gitops.allow", self->source);
	return db_await(flow, batch);
}

static enum flow_next check_set(struct flow *flow)
{
	struct grant_request *self = (struct grant_request *)flow;
	if (db_row_count(db_reply_of(flow), 0) == 0)
		return repository_fail_unknown(flow, self->source);
	return repository_submit(flow, QUERY_GITOPS_GRANTS_LIST, repository_name_of(flow));
}

void gitops_grants_set(struct http_exchange *exchange, void *context)
{
	static flow_step *const steps[] = {repository_find, set, check_set, answer_list, NULL};
	api_start(exchange, context, sizeof(struct grant_request), steps, true);
}

static enum flow_next remove_row(struct flow *flow)
{
	struct api_request *request = api_request_of(flow);
	struct str source = http_param(request->exchange, "source");
	struct db_batch *batch = db_batch_new(request->server->db);
	db_add(batch, QUERY_GITOPS_GRANT_REMOVE, DB_TEXT(repository_name_of(flow)), DB_TEXT(source));
	add_audit(batch, flow, "gitops.deny", source);
	return db_await(flow, batch);
}

static enum flow_next removed(struct flow *flow)
{
	struct str source = http_param(api_request_of(flow)->exchange, "source"), name = repository_name_of(flow);
	if (db_row_count(db_reply_of(flow), 0))
		return FLOW_DONE;
	err_set(&flow->err, ERR_NOT_FOUND, "repository \"%.*s\" takes no changes from \"%.*s\" as it is", STR_ARG(name),
		STR_ARG(source));
	return FLOW_FAIL;
}

void gitops_grants_remove(struct http_exchange *exchange, void *context)
{
	static flow_step *const steps[] = {remove_row, removed, NULL};
	api_start(exchange, context, sizeof(struct api_request), steps, false);
}
