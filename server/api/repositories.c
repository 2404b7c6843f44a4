/* Repositories, what came in from them, and the pool. */
#include "server/api/repositories.h"

#include "common/json.h"
#include "common/random.h"
#include "server/api/handler.h"
#include "server/git/mirrors.h"
#include "server/ingest/ingest.h"
#include "server/keys/keyring.h"
#include "server/settings.h"

#include <string.h>

struct repository_row {
	int64_t id, created_at, fetched_at;
	struct str name, url, default_branch, problem;
};

static const struct field repository_fields[] = {
	FIELD(struct repository_row, id, FIELD_I64, 0),
	FIELD(struct repository_row, name, FIELD_STR, 0),
	FIELD(struct repository_row, url, FIELD_STR, 0),
	FIELD(struct repository_row, default_branch, FIELD_STR, 0),
	FIELD(struct repository_row, created_at, FIELD_TIME, 0),
	FIELD(struct repository_row, fetched_at, FIELD_TIME, 0),
	FIELD(struct repository_row, problem, FIELD_STR, 0),
	FIELD_END,
};

static enum flow_next submit_one(struct flow *flow, enum query query, struct str name)
{
	struct db_batch *batch = db_batch_new(api_request_of(flow)->server->db);
	db_add(batch, query, DB_TEXT(name));
	return db_await(flow, batch);
}

static struct str name_of(struct flow *flow)
{
	return http_param(api_request_of(flow)->exchange, "repository");
}

static enum flow_next fail_unknown(struct flow *flow, struct str name)
{
	err_set(&flow->err, ERR_NOT_FOUND, "there is no repository \"%.*s\"", STR_ARG(name));
	return FLOW_FAIL;
}

/* --- reading --- */

static enum flow_next list_query(struct flow *flow)
{
	struct db_batch *batch = db_batch_new(api_request_of(flow)->server->db);
	db_add(batch, QUERY_REPOSITORY_LIST);
	return db_await(flow, batch);
}

static enum flow_next list_answer(struct flow *flow)
{
	struct api_request *request = api_request_of(flow);
	request->answer = api_list(db_reply_of(flow), 0, "repositories", repository_fields,
		sizeof(struct repository_row), 0, &flow->arena, &flow->err);
	return request->answer ? FLOW_DONE : FLOW_FAIL;
}

void repositories_list(struct http_exchange *exchange, void *context)
{
	static flow_step *const steps[] = {list_query, list_answer, NULL};
	api_start(exchange, context, sizeof(struct api_request), steps, false);
}

static enum flow_next find(struct flow *flow)
{
	return submit_one(flow, QUERY_REPOSITORY_BY_NAME, name_of(flow));
}

static enum flow_next row_answer(struct flow *flow)
{
	struct api_request *request = api_request_of(flow);
	struct repository_row row = {0};
	if (db_row_count(db_reply_of(flow), 0) == 0)
		return fail_unknown(flow, name_of(flow));
	if (!db_read_row(db_reply_of(flow), 0, 0, repository_fields, &row, &flow->arena, &flow->err))
		return FLOW_FAIL;
	request->answer = fields_write(repository_fields, &row);
	return FLOW_DONE;
}

void repositories_get(struct http_exchange *exchange, void *context)
{
	static flow_step *const steps[] = {find, row_answer, NULL};
	api_start(exchange, context, sizeof(struct api_request), steps, false);
}

/* --- adding --- */

struct add_request {
	struct api_request api;
	struct str name, url, default_branch;
	bool is_inserted;
	struct err fault;
};

static struct str new_secret(struct server *server, struct str name, struct arena *arena, struct str *ret_sealed)
{
	struct str secret = random_token(arena, "phs");
	struct str bound_to = arena_printf(arena, "repository:%.*s:hook", STR_ARG(name));
	*ret_sealed = keyring_seal(server->keys, secret, bound_to, arena);
	return secret;
}

static bool check_name(struct str name, struct err *err)
{
	for (size_t i = 0; i < name.n; i++) {
		bool is_plain =
			strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", name.p[i]) != NULL;
		if (!is_plain && (i == 0 || !strchr("._-", name.p[i])))
			return err_set(err, ERR_INVALID, "name: letters, digits, and behind the first one also . _ -");
	}
	return (name.n > 0 && name.n <= 100) || err_set(err, ERR_INVALID, "name: 1 to 100 characters");
}

static bool check_url(struct str url, struct err *err)
{
	static const char *const schemes[] = {"https://", "http://", "ssh://", "git://", "file://", "/"};
	size_t at;
	for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++)
		if (str_starts(url, str_of(schemes[i])))
			return true;
	/* user@host:path; never a helper such as ext::, never an option */
	bool is_scp = str_find_char(url, ':', &at) && str_find_char(str_head(url, at), '@', &at) && url.p[0] != '-' &&
		      !str_find(url, STR("::"), &at);
	return is_scp ||
	       err_set(err, ERR_INVALID,
		       "url: \"%.*s\" is no address that git can fetch; write https://, ssh://, file:// or a path",
		       STR_ARG(url));
}

static enum flow_next insert(struct flow *flow)
{
	static const char *const names[] = {"name", "url", "default_branch", NULL};
	struct add_request *add = (struct add_request *)flow;
	struct str sealed;
	if (!api_only(&add->api, names, &flow->err) || !api_text(&add->api, "name", true, &add->name, &flow->err) ||
		!api_text(&add->api, "url", true, &add->url, &flow->err) ||
		!api_text(&add->api, "default_branch", false, &add->default_branch, &flow->err) ||
		!check_name(add->name, &flow->err) || !check_url(add->url, &flow->err))
		return FLOW_FAIL;
	new_secret(add->api.server, add->name, &flow->arena, &sealed);
	struct db_batch *batch = db_batch_new(add->api.server->db);
	db_add(batch, QUERY_REPOSITORY_INSERT, DB_TEXT(add->name), DB_TEXT(add->url), DB_TEXT(add->default_branch),
		DB_BYTES(sealed));
	return db_await_conflict(flow, batch);
}

static void adopted(void *arg, const struct err *err)
{
	struct add_request *add = arg;
	if (err)
		add->fault = *err;
	flow_resume(&add->api.flow);
}

static enum flow_next adopt(struct flow *flow)
{
	struct add_request *add = (struct add_request *)flow;
	if (db_error(db_reply_of(flow))) {
		err_set(&flow->err, ERR_CONFLICT, "there is a repository \"%.*s\" already", STR_ARG(add->name));
		return FLOW_FAIL;
	}
	ingest_adopt(add->api.server->ingest, db_i64(db_reply_of(flow), 0, 0, 0), add->url, adopted, add);
	return FLOW_WAIT;
}

/* A repository that cannot be fetched is not kept: the person is there to mend the address. */
static enum flow_next settle(struct flow *flow)
{
	struct add_request *add = (struct add_request *)flow;
	return submit_one(
		flow, add->fault.kind == ERR_NONE ? QUERY_REPOSITORY_BY_NAME : QUERY_REPOSITORY_REMOVE, add->name);
}

static enum flow_next add_answer(struct flow *flow)
{
	struct add_request *add = (struct add_request *)flow;
	if (add->fault.kind != ERR_NONE) {
		flow->err = add->fault;
		err_wrap(&flow->err, "repository \"%.*s\" is not added", STR_ARG(add->name));
		return FLOW_FAIL;
	}
	add->api.status = 201;
	return row_answer(flow);
}

void repositories_add(struct http_exchange *exchange, void *context)
{
	static flow_step *const steps[] = {insert, adopt, settle, add_answer, NULL};
	api_start(exchange, context, sizeof(struct add_request), steps, true);
}

/* --- changing --- */

static enum flow_next remove_row(struct flow *flow)
{
	return submit_one(flow, QUERY_REPOSITORY_REMOVE, name_of(flow));
}

static enum flow_next removed(struct flow *flow)
{
	return db_row_count(db_reply_of(flow), 0) ? FLOW_DONE : fail_unknown(flow, name_of(flow));
}

void repositories_remove(struct http_exchange *exchange, void *context)
{
	static flow_step *const steps[] = {remove_row, removed, NULL};
	api_start(exchange, context, sizeof(struct api_request), steps, false);
}

struct secret_request {
	struct api_request api;
	struct str secret;
};

static enum flow_next rotate(struct flow *flow)
{
	struct secret_request *self = (struct secret_request *)flow;
	struct str sealed, name = name_of(flow);
	self->secret = new_secret(self->api.server, name, &flow->arena, &sealed);
	struct db_batch *batch = db_batch_new(self->api.server->db);
	db_add(batch, QUERY_REPOSITORY_ROTATE, DB_TEXT(name), DB_BYTES(sealed));
	return db_await(flow, batch);
}

static enum flow_next rotated(struct flow *flow)
{
	struct secret_request *self = (struct secret_request *)flow;
	const struct server_settings *settings = self->api.server->settings;
	if (db_row_count(db_reply_of(flow), 0) == 0)
		return fail_unknown(flow, name_of(flow));
	struct str base = settings->public_url.n
				  ? settings->public_url
				  : arena_printf(&flow->arena, "http://%.*s:%lld", STR_ARG(settings->listen_address),
					    (long long)settings->listen_port);
	struct str url = arena_printf(&flow->arena, "%.*s/hooks/%.*s", STR_ARG(base), STR_ARG(name_of(flow)));
	self->api.answer = json_pack("{s:o, s:o}", "secret", json_of_str(self->secret), "url", json_of_str(url));
	return FLOW_DONE;
}

void repositories_secret(struct http_exchange *exchange, void *context)
{
	static flow_step *const steps[] = {rotate, rotated, NULL};
	api_start(exchange, context, sizeof(struct secret_request), steps, true);
}

static enum flow_next poll_found(struct flow *flow)
{
	struct api_request *request = api_request_of(flow);
	const struct db_reply *reply = db_reply_of(flow);
	if (db_row_count(reply, 0) == 0)
		return fail_unknown(flow, name_of(flow));
	ingest_poll(request->server->ingest, db_i64(reply, 0, 0, 0), db_text(reply, 0, 0, 2));
	request->status = 202;
	return FLOW_DONE;
}

void repositories_poll(struct http_exchange *exchange, void *context)
{
	static flow_step *const steps[] = {find, poll_found, NULL};
	api_start(exchange, context, sizeof(struct api_request), steps, true);
}

/* --- triggers --- */

struct trigger_row {
	int64_t id, created_at;
	struct str repository, event, ref, commit, actor, state, reason;
	struct str_list runs;
};

static const struct field trigger_row_fields[] = {
	FIELD(struct trigger_row, id, FIELD_I64, 0),
	FIELD(struct trigger_row, repository, FIELD_STR, 0),
	FIELD(struct trigger_row, event, FIELD_STR, 0),
	FIELD(struct trigger_row, ref, FIELD_STR, 0),
	FIELD(struct trigger_row, commit, FIELD_STR, 0),
	FIELD(struct trigger_row, actor, FIELD_STR, 0),
	FIELD(struct trigger_row, state, FIELD_STR, 0),
	FIELD(struct trigger_row, reason, FIELD_STR, 0),
	FIELD(struct trigger_row, runs, FIELD_STRS, 0),
	FIELD(struct trigger_row, created_at, FIELD_TIME, 0),
	FIELD_END,
};

static enum flow_next triggers_query(struct flow *flow)
{
	struct api_request *request = api_request_of(flow);
	struct str repository = {0};
	int64_t before;
	if (!api_page(request, &request->id, &before, &flow->err))
		return FLOW_FAIL;
	http_query(request->exchange, "repository", &repository);
	struct db_batch *batch = db_batch_new(request->server->db);
	db_add(batch, QUERY_TRIGGERS_LIST, DB_TEXT_OR_NULL(repository), DB_I64(before), DB_I64(request->id));
	return db_await(flow, batch);
}

static enum flow_next triggers_answer(struct flow *flow)
{
	struct api_request *request = api_request_of(flow);
	request->answer = api_list(db_reply_of(flow), 0, "triggers", trigger_row_fields, sizeof(struct trigger_row),
		request->id, &flow->arena, &flow->err);
	return request->answer ? FLOW_DONE : FLOW_FAIL;
}

void triggers_list(struct http_exchange *exchange, void *context)
{
	static flow_step *const steps[] = {triggers_query, triggers_answer, NULL};
	api_start(exchange, context, sizeof(struct api_request), steps, false);
}

/* --- workers --- */

struct worker_row {
	int64_t id, last_seen_at;
	int32_t slots, busy;
	struct str name, state, version, profile;
	struct str_list labels;
};

static const struct field worker_row_fields[] = {
	FIELD(struct worker_row, id, FIELD_I64, 0),
	FIELD(struct worker_row, name, FIELD_STR, 0),
	FIELD(struct worker_row, state, FIELD_STR, 0),
	FIELD(struct worker_row, version, FIELD_STR, 0),
	FIELD(struct worker_row, labels, FIELD_STRS, 0),
	FIELD(struct worker_row, slots, FIELD_I32, 0),
	FIELD(struct worker_row, profile, FIELD_STR, 0),
	FIELD(struct worker_row, last_seen_at, FIELD_TIME, 0),
	FIELD(struct worker_row, busy, FIELD_I32, 0),
	FIELD_END,
};

static enum flow_next query_workers(struct flow *flow, struct str name)
{
	struct db_batch *batch = db_batch_new(api_request_of(flow)->server->db);
	db_add(batch, QUERY_WORKERS_LIST, DB_TEXT_OR_NULL(name));
	return db_await(flow, batch);
}

static enum flow_next workers_query(struct flow *flow)
{
	return query_workers(flow, (struct str){0});
}

static enum flow_next worker_query(struct flow *flow)
{
	return query_workers(flow, http_param(api_request_of(flow)->exchange, "worker"));
}

static enum flow_next workers_answer(struct flow *flow)
{
	struct api_request *request = api_request_of(flow);
	request->answer = api_list(db_reply_of(flow), 0, "workers", worker_row_fields, sizeof(struct worker_row), 0,
		&flow->arena, &flow->err);
	return request->answer ? FLOW_DONE : FLOW_FAIL;
}

void workers_list(struct http_exchange *exchange, void *context)
{
	static flow_step *const steps[] = {workers_query, workers_answer, NULL};
	api_start(exchange, context, sizeof(struct api_request), steps, false);
}

static enum flow_next set_state(struct flow *flow, struct str state)
{
	struct api_request *request = api_request_of(flow);
	struct db_batch *batch = db_batch_new(request->server->db);
	db_add(batch, QUERY_WORKER_SET_STATE, DB_TEXT(http_param(request->exchange, "worker")), DB_TEXT(state));
	return db_await(flow, batch);
}

static enum flow_next drain(struct flow *flow)
{
	return set_state(flow, STR("draining"));
}

static enum flow_next resume(struct flow *flow)
{
	return set_state(flow, STR("online"));
}

static enum flow_next worker_answer(struct flow *flow)
{
	struct api_request *request = api_request_of(flow);
	struct worker_row row = {0};
	if (db_row_count(db_reply_of(flow), 0) == 0) {
		struct str name = http_param(request->exchange, "worker");
		err_set(&flow->err, ERR_NOT_FOUND, "there is no worker \"%.*s\"", STR_ARG(name));
		return FLOW_FAIL;
	}
	if (!db_read_row(db_reply_of(flow), 0, 0, worker_row_fields, &row, &flow->arena, &flow->err))
		return FLOW_FAIL;
	request->answer = fields_write(worker_row_fields, &row);
	return FLOW_DONE;
}

void workers_drain(struct http_exchange *exchange, void *context)
{
	static flow_step *const steps[] = {drain, worker_query, worker_answer, NULL};
	api_start(exchange, context, sizeof(struct api_request), steps, true);
}

void workers_resume(struct http_exchange *exchange, void *context)
{
	static flow_step *const steps[] = {resume, worker_query, worker_answer, NULL};
	api_start(exchange, context, sizeof(struct api_request), steps, true);
}
