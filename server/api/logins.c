#include "server/api/logins.h"

#include "server/api/handler.h"

struct login_row {
	struct str account, forge, login;
};

static const struct field login_fields[] = {
	FIELD(struct login_row, account, FIELD_STR, 0),
	FIELD(struct login_row, forge, FIELD_STR, 0),
	FIELD(struct login_row, login, FIELD_STR, 0),
	FIELD_END,
};

static enum flow_next list_query(struct flow *flow)
{
	struct db_batch *batch = db_batch_new(api_request_of(flow)->server->db);
	db_add(batch, QUERY_ACCOUNT_LOGINS);
	return db_await(flow, batch);
}

static enum flow_next list_answer(struct flow *flow)
{
	json_t *list = api_rows(flow, 0, login_fields, sizeof(struct login_row));
	if (!list)
		return FLOW_FAIL;
	api_request_of(flow)->answer = json_pack("{s:o}", "logins", list);
	return FLOW_DONE;
}

void logins_list(struct http_exchange *exchange, void *context)
{
	static flow_step *const steps[] = {list_query, list_answer, NULL};
	api_start(exchange, context, sizeof(struct api_request), steps, false);
}

static enum flow_next set_query(struct flow *flow)
{
	static const char *const names[] = {"forge", "login", NULL};
	static const char *const forges[] = {"github", "gitlab", "gitea", NULL};
	struct api_request *request = api_request_of(flow);
	struct str forge, login;
	int ignored;
	if (!api_only(request, names, &flow->err) || !api_text(request, "forge", true, &forge, &flow->err) ||
		!api_text(request, "login", false, &login, &flow->err))
		return FLOW_FAIL;
	if (!enum_from_name(forges, forge, &ignored)) {
		err_set(&flow->err, ERR_INVALID, "forge: \"%.*s\" is none of github, gitlab, gitea",
			STR_ARG(str_head(forge, 40)));
		return FLOW_FAIL;
	}
	struct db_batch *batch = db_batch_new(request->server->db);
	db_add(batch, QUERY_ACCOUNT_LOGIN_SET, DB_TEXT(http_param(request->exchange, "account")), DB_TEXT(forge),
		DB_TEXT(login), DB_TEXT(auth_caller(request->exchange)->person.name));
	return db_await(flow, batch);
}

static enum flow_next set_answer(struct flow *flow)
{
	if (db_row_count(db_reply_of(flow), 0))
		return FLOW_DONE;
	err_set(&flow->err, ERR_NOT_FOUND, "there is no account \"%.*s\"; `penstock account ls` lists them",
		STR_ARG(str_head(http_param(api_request_of(flow)->exchange, "account"), 60)));
	return FLOW_FAIL;
}

void logins_set(struct http_exchange *exchange, void *context)
{
	static flow_step *const steps[] = {set_query, set_answer, NULL};
	api_start(exchange, context, sizeof(struct api_request), steps, true);
}
