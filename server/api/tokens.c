/* Tokens: made, listed, withdrawn. */
#include "server/api/tokens.h"

#include "common/digest.h"
#include "common/json.h"
#include "common/random.h"
#include "server/api/handler.h"
#include "server/events/events.h"

/* --- making --- */

struct new_token {
	struct api_request api;
	struct str token;
};

static enum flow_next insert_token(struct flow *flow)
{
	static const char *const names[] = {"name", "kind", "expires_in_ms", NULL};
	struct new_token *new = (struct new_token *)flow;
	const struct caller *caller = auth_caller(new->api.exchange);
	struct str name, kind;
	int64_t lives_ms = 0;
	if (!api_only(&new->api, names, &flow->err) || !api_text(&new->api, "name", true, &name, &flow->err) ||
		!api_text(&new->api, "kind", true, &kind, &flow->err) ||
		!api_duration(&new->api, "expires_in_ms", &lives_ms, &flow->err))
		return FLOW_FAIL;
	bool is_worker = str_is(kind, "worker");
	if (!is_worker && !str_is(kind, "api")) {
		err_set(&flow->err, ERR_INVALID, "kind: api or worker");
		return FLOW_FAIL;
	}
	if (is_worker && !auth_may(caller, AUTH_ADMIN, &flow->err))
		return FLOW_FAIL;
	uint8_t hash[DIGEST_BYTES];
	new->token = random_token(&flow->arena, is_worker ? "pwk" : "pst");
	digest_of(new->token, hash);
	struct db_batch *batch = db_batch_new(new->api.server->db);
	db_add(batch, QUERY_TOKEN_INSERT, DB_TEXT(kind), DB_TEXT(name),
		DB_BYTES(((struct str){(const char *)hash, sizeof hash})),
		DB_ID_OR_NULL(is_worker ? 0 : caller->person.account), DB_TEXT(STR("")), DB_I64(lives_ms));
	return db_await(flow, batch);
}

static enum flow_next token_answer(struct flow *flow)
{
	struct new_token *new = (struct new_token *)flow;
	new->api.status = 201;
	new->api.answer = json_pack(
		"{s:I, s:o}", "id", (json_int_t)db_i64(db_reply_of(flow), 0, 0, 0), "token", json_of_str(new->token));
	return FLOW_DONE;
}

void tokens_create(struct http_exchange *exchange, void *context)
{
	static flow_step *const steps[] = {insert_token, token_answer, NULL};
	api_start(exchange, context, sizeof(struct new_token), steps, true);
}

/* --- what there is --- */

struct token_row {
	int64_t id, created_at, expires_at, used_at;
	struct str kind, name, account;
};

static const struct field token_fields[] = {
	FIELD(struct token_row, id, FIELD_I64, 0),
	FIELD(struct token_row, kind, FIELD_STR, 0),
	FIELD(struct token_row, name, FIELD_STR, 0),
	FIELD(struct token_row, account, FIELD_STR, 0),
	FIELD(struct token_row, created_at, FIELD_TIME, 0),
	FIELD(struct token_row, expires_at, FIELD_TIME, 0),
	FIELD(struct token_row, used_at, FIELD_TIME, 0),
	FIELD_END,
};

/* Whose tokens the caller may see and withdraw: their own; an admin everybody's and those of workers. */
static struct db_param account_of(const struct caller *caller)
{
	return DB_ID_OR_NULL(auth_may(caller, AUTH_ADMIN, NULL) ? 0 : caller->person.account);
}

static enum flow_next list_query(struct flow *flow)
{
	struct api_request *request = api_request_of(flow);
	struct db_batch *batch = db_batch_new(request->server->db);
	db_add(batch, QUERY_TOKEN_LIST, account_of(auth_caller(request->exchange)));
	return db_await(flow, batch);
}

static enum flow_next list_answer(struct flow *flow)
{
	struct api_request *request = api_request_of(flow);
	request->answer = api_list(
		db_reply_of(flow), 0, "tokens", token_fields, sizeof(struct token_row), 0, &flow->arena, &flow->err);
	return request->answer ? FLOW_DONE : FLOW_FAIL;
}

void tokens_list(struct http_exchange *exchange, void *context)
{
	static flow_step *const steps[] = {list_query, list_answer, NULL};
	api_start(exchange, context, sizeof(struct api_request), steps, false);
}

/* --- withdrawing --- */

static enum flow_next withdraw(struct flow *flow)
{
	struct api_request *request = api_request_of(flow);
	struct str id = http_param(request->exchange, "token_id");
	if (!str_to_i64(id, &request->id)) {
		err_set(&flow->err, ERR_INVALID, "\"%.*s\" is no id of a token", STR_ARG(id));
		return FLOW_FAIL;
	}
	struct db_batch *batch = db_batch_new(request->server->db);
	db_add(batch, QUERY_TOKEN_WITHDRAW, DB_I64(request->id), account_of(auth_caller(request->exchange)));
	return db_await(flow, batch);
}

/* Behind the delete: a request in between would have been remembered again. */
static enum flow_next forget(struct flow *flow)
{
	struct api_request *request = api_request_of(flow);
	if (db_row_count(db_reply_of(flow), 0) == 0) {
		err_set(&flow->err, ERR_NOT_FOUND, "you have no token %lld", (long long)request->id);
		return FLOW_FAIL;
	}
	auth_forget(request->server->auth, request->id);
	events_withdrawn(request->server->events, request->id);
	return FLOW_DONE;
}

void tokens_withdraw(struct http_exchange *exchange, void *context)
{
	static flow_step *const steps[] = {withdraw, forget, NULL};
	api_start(exchange, context, sizeof(struct api_request), steps, true);
}
