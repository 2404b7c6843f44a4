/* Sessions and accounts. */
#include "server/api/people.h"

#include "common/digest.h"
#include "common/io/work.h"
#include "common/json.h"
#include "common/random.h"
#include "server/api/handler.h"
#include "server/auth/login_limit.h"
#include "server/auth/password.h"
#include "server/configuration/configurations.h"
#include "server/events/events.h"

#include <string.h>

#define SESSION_MS (INT64_C(12) * 3600 * 1000)

/* --- me --- */

static json_t *groups_json(const struct str_list *groups)
{
	json_t *list = json_array();
	for (size_t i = 0; i < groups->count; i++)
		json_array_append_new(list, json_of_str(groups->items[i]));
	return list;
}

static json_t *me_json(const struct caller *caller)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:o}", "name", json_of_str(caller->person.name), "display_name",
		json_of_str(caller->display_name), "role", json_of_str(caller->person.role), "groups",
		groups_json(&caller->person.groups), "csrf", json_of_str(caller->csrf));
}

static enum flow_next me_answer(struct flow *flow)
{
	struct api_request *request = api_request_of(flow);
	request->answer = me_json(auth_caller(request->exchange));
	return FLOW_DONE;
}

void people_me(struct http_exchange *exchange, void *context)
{
	static flow_step *const steps[] = {me_answer, NULL};
	api_start(exchange, context, sizeof(struct api_request), steps, false);
}

/* --- login --- */

struct login {
	struct api_request api;
	struct str name, password, token;
	struct str hash; /* of the account; "" when there is none */
	int64_t account;
	bool matches;
};

/* Before the password is looked at: looking costs tens of milliseconds of a processor. */
static bool may_try(struct login *login, int64_t wait_s, struct err *err)
{
	if (wait_s == 0)
		return true;
	http_add_header(
		login->api.exchange, "Retry-After", arena_printf(&login->api.flow.arena, "%lld", (long long)wait_s));
	return err_set(err, ERR_LIMITED, "too many tries; wait %lld s", (long long)wait_s);
}

static enum flow_next take_try(struct flow *flow)
{
	static const char *const names[] = {"name", "password", NULL};
	struct login *login = (struct login *)flow;
	if (!api_only(&login->api, names, &flow->err) ||
		!api_text(&login->api, "name", true, &login->name, &flow->err) ||
		!api_text(&login->api, "password", true, &login->password, &flow->err))
		return FLOW_FAIL;
	struct db_batch *batch = db_batch_new(login->api.server->db);
	login_limit_add(batch, login->name, http_peer(login->api.exchange));
	db_add(batch, QUERY_ACCOUNT_LOGIN, DB_TEXT(login->name));
	return db_await(flow, batch);
}

static void verify_on_pool(void *arg)
{
	struct login *login = arg;
	char ignored[PASSWORD_HASH_BYTES];
	/* An unknown name costs as long as a wrong password, so that names cannot be guessed by the clock. */
	if (login->hash.n)
		login->matches = password_matches(login->password, login->hash.p);
	else
		password_hash(STR("no such account"), ignored, NULL);
}

static void verified(void *arg, bool is_cancelled)
{
	struct login *login = arg;
	struct err err;
	if (is_cancelled || !login->matches) {
		err_set(&err, ERR_UNAUTHENTICATED, "name or password is wrong");
		flow_fail(&login->api.flow, &err);
		return;
	}
	flow_resume(&login->api.flow);
}

static enum flow_next verify(struct flow *flow)
{
	struct login *login = (struct login *)flow;
	const struct db_reply *reply = db_reply_of(flow);
	if (!may_try(login, login_limit_wait_s(reply, 0), &flow->err))
		return FLOW_FAIL;
	if (db_row_count(reply, 1)) {
		login->account = db_i64(reply, 1, 0, 0);
		login->hash = arena_str(&flow->arena, db_text(reply, 1, 0, 1));
	}
	work_submit(login->api.server->loop, verify_on_pool, verified, login);
	return FLOW_WAIT;
}

static struct str hash_of(struct str token, struct arena *arena)
{
	uint8_t hash[DIGEST_BYTES];
	digest_of(token, hash);
	return arena_str(arena, (struct str){(const char *)hash, sizeof hash});
}

static enum flow_next open_session(struct flow *flow)
{
	struct login *login = (struct login *)flow;
	login->token = random_token(&flow->arena, "pss");
	struct str hash = hash_of(login->token, &flow->arena);
	struct db_batch *batch = db_batch_new(login->api.server->db);
	db_add(batch, QUERY_TOKEN_INSERT, DB_TEXT(STR("session")), DB_TEXT(STR("browser")), DB_BYTES(hash),
		DB_I64(login->account), DB_TEXT(random_token(&flow->arena, "csrf")), DB_I64(SESSION_MS));
	db_add(batch, QUERY_TOKEN_FIND, DB_BYTES(hash));
	login_limit_forget(batch, login->name, http_peer(login->api.exchange));
	return db_await(flow, batch);
}

static void set_cookie(struct api_request *request, struct str value, int64_t lives_ms)
{
	const char *name = auth_cookie_name(request->server);
	/* A browser takes a __Host- cookie, and its removal too, only with Secure. */
	const char *secure = str_starts(str_of(name), STR("__Host-")) ? "; Secure" : "";
	http_add_header(request->exchange, "Set-Cookie",
		arena_printf(&request->flow.arena, "%s=%.*s; Path=/; HttpOnly; SameSite=Lax; Max-Age=%lld%s", name,
			STR_ARG(value), (long long)(lives_ms / 1000), secure));
}

static enum flow_next login_answer(struct flow *flow)
{
	struct login *login = (struct login *)flow;
	struct caller caller;
	if (db_row_count(db_reply_of(flow), 1) == 0) {
		err_set(&flow->err, ERR_UNAUTHENTICATED, "the account was just disabled");
		return FLOW_FAIL;
	}
	if (!auth_read_caller(db_reply_of(flow), 1, &caller, &flow->arena, &flow->err))
		return FLOW_FAIL;
	set_cookie(&login->api, login->token, SESSION_MS);
	login->api.answer = me_json(&caller);
	return FLOW_DONE;
}

void people_login(struct http_exchange *exchange, void *context)
{
	static flow_step *const steps[] = {take_try, verify, open_session, login_answer, NULL};
	api_start(exchange, context, sizeof(struct login), steps, true);
}

static enum flow_next close_session(struct flow *flow)
{
	struct api_request *request = api_request_of(flow);
	const struct caller *caller = auth_caller(request->exchange);
	/* A token that a script lives by is not thrown away by its first try at this route. */
	if (caller->csrf.n == 0) {
		err_set(&flow->err, ERR_INVALID, "a token has no session to end");
		return FLOW_FAIL;
	}
	struct db_batch *batch = db_batch_new(request->server->db);
	db_add(batch, QUERY_TOKEN_DELETE, DB_I64(caller->token));
	return db_await(flow, batch);
}

/* Behind the delete: a request in between would have been remembered again. */
static enum flow_next forget_session(struct flow *flow)
{
	struct api_request *request = api_request_of(flow);
	auth_forget(request->server->auth, auth_caller(request->exchange)->token);
	events_withdrawn(request->server->events, auth_caller(request->exchange)->token);
	set_cookie(request, STR(""), 0);
	return FLOW_DONE;
}

void people_logout(struct http_exchange *exchange, void *context)
{
	static flow_step *const steps[] = {close_session, forget_session, NULL};
	api_start(exchange, context, sizeof(struct api_request), steps, true);
}

/* --- accounts --- */

struct account_row {
	int64_t id;
	struct str name, display_name, role;
	struct str_list groups;
	bool is_disabled;
};

static const struct field account_fields[] = {
	FIELD(struct account_row, id, FIELD_I64, 0),
	FIELD(struct account_row, name, FIELD_STR, 0),
	FIELD(struct account_row, display_name, FIELD_STR, 0),
	FIELD(struct account_row, role, FIELD_STR, 0),
	FIELD(struct account_row, groups, FIELD_STRS, 0),
	FIELD(struct account_row, is_disabled, FIELD_BOOL, 0),
	FIELD_END,
};

static enum flow_next accounts_query(struct flow *flow)
{
	struct db_batch *batch = db_batch_new(api_request_of(flow)->server->db);
	db_add(batch, QUERY_ACCOUNT_LIST);
	return db_await(flow, batch);
}

static enum flow_next accounts_answer(struct flow *flow)
{
	struct api_request *request = api_request_of(flow);
	request->answer = api_list(db_reply_of(flow), 0, "accounts", account_fields, sizeof(struct account_row), 0,
		&flow->arena, &flow->err);
	return request->answer ? FLOW_DONE : FLOW_FAIL;
}

void accounts_list(struct http_exchange *exchange, void *context)
{
	static flow_step *const steps[] = {accounts_query, accounts_answer, NULL};
	api_start(exchange, context, sizeof(struct api_request), steps, false);
}

struct new_account {
	struct api_request api;
	struct account_row row;
	struct str email, password;
	char hash[PASSWORD_HASH_BYTES];
	struct err fault;
};

/* As the table demands it, said in words. */
static bool check_name(const char *what, struct str name, struct err *err)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyz0123456789";
	bool ok = name.n >= 1 && name.n <= 63;
	for (size_t i = 0; i < name.n && ok; i++)
		ok = memchr(plain, name.p[i], sizeof plain - 1) || (i && memchr("._-", name.p[i], 3));
	return ok || err_set(err, ERR_INVALID,
			     "%s: \"%.*s\" is not 1 to 63 small letters and digits, behind the first one also . _ -",
			     what, STR_ARG(name));
}

static bool read_groups(struct new_account *new, struct err *err)
{
	const json_t *groups = json_object_get(new->api.body, "groups");
	if (groups && !json_is_array(groups))
		return err_set(err, ERR_INVALID, "\"groups\" is no list of texts");
	new->row.groups.items = arena_array(&new->api.flow.arena, struct str, json_array_size(groups));
	for (size_t i = 0; i < json_array_size(groups); i++) {
		const json_t *item = json_array_get(groups, i);
		if (!json_is_string(item))
			return err_set(err, ERR_INVALID, "\"groups\" is no list of texts");
		struct str name = {json_string_value(item), json_string_length(item)};
		if (!check_name("groups", name, err))
			return false;
		if (!str_list_has(&new->row.groups, name))
			new->row.groups.items[new->row.groups.count++] = name;
	}
	return true;
}

static bool has_member(const struct configuration *configuration, struct str group, struct str account)
{
	const struct configuration_group *found = configuration_group(configuration, group);
	for (size_t i = 0; found && i < found->members.count; i++)
		if (str_eq(found->members.items[i].text, account))
			return true;
	return false;
}

/* Where the configuration says who is in which group, nobody else does: the next apply would undo it. */
static bool check_groups(const struct new_account *new, struct err *err)
{
	const struct configuration *all = configurations_now(new->api.server->configurations)->configuration;
	if (!LANG_IS_SET(all->groups))
		return true;
	for (size_t i = 0; i < new->row.groups.count; i++) {
		struct str group = new->row.groups.items[i];
		if (!has_member(all, group, new->row.name))
			return err_set(err, ERR_CONFLICT,
				"groups: the configuration says who is in \"%.*s\"; add %.*s there (`penstock config "
				"export`, `penstock config apply`), and make the account without it",
				STR_ARG(group), STR_ARG(new->row.name));
	}
	return true;
}

static void hash_on_pool(void *arg)
{
	struct new_account *new = arg;
	password_hash(new->password, new->hash, &new->fault);
}

static void hashed(void *arg, bool is_cancelled)
{
	struct new_account *new = arg;
	if (is_cancelled)
		err_set(&new->fault, ERR_BUSY, "the server is stopping");
	if (new->fault.kind != ERR_NONE)
		flow_fail(&new->api.flow, &new->fault);
	else
		flow_resume(&new->api.flow);
}

static enum flow_next read_account(struct flow *flow)
{
	static const char *const names[] = {"name", "display_name", "email", "password", "role", "groups", NULL};
	static const char *const roles[] = {"viewer", "developer", "operator", "admin", NULL};
	struct new_account *new = (struct new_account *)flow;
	int ignored;
	if (!api_only(&new->api, names, &flow->err) || !api_text(&new->api, "name", true, &new->row.name, &flow->err) ||
		!api_text(&new->api, "display_name", false, &new->row.display_name, &flow->err) ||
		!api_text(&new->api, "email", false, &new->email, &flow->err) ||
		!api_text(&new->api, "password", true, &new->password, &flow->err) ||
		!api_text(&new->api, "role", true, &new->row.role, &flow->err) || !read_groups(new, &flow->err) ||
		!check_name("name", new->row.name, &flow->err) || !check_groups(new, &flow->err))
		return FLOW_FAIL;
	if (!enum_from_name(roles, new->row.role, &ignored)) {
		err_set(&flow->err, ERR_INVALID, "role: \"%.*s\" is none of viewer, developer, operator, admin",
			STR_ARG(new->row.role));
		return FLOW_FAIL;
	}
	work_submit(new->api.server->loop, hash_on_pool, hashed, new);
	return FLOW_WAIT;
}

static enum flow_next insert_account(struct flow *flow)
{
	struct new_account *new = (struct new_account *)flow;
	struct db_batch *batch = db_batch_new(new->api.server->db);
	db_add(batch, QUERY_ACCOUNT_INSERT, DB_TEXT(new->row.name), DB_TEXT(new->row.display_name), DB_TEXT(new->email),
		DB_TEXT(str_of(new->hash)), DB_TEXT(new->row.role),
		DB_TEXTS(new->row.groups.items, new->row.groups.count));
	return db_await_conflict(flow, batch);
}

static enum flow_next account_answer(struct flow *flow)
{
	struct new_account *new = (struct new_account *)flow;
	if (db_error(db_reply_of(flow))) {
		err_set(&flow->err, ERR_CONFLICT, "an account of this name or with this mail address exists already");
		return FLOW_FAIL;
	}
	new->row.id = db_i64(db_reply_of(flow), 0, 0, 0);
	new->api.status = 201;
	new->api.answer = fields_write(account_fields, &new->row);
	return FLOW_DONE;
}

void accounts_create(struct http_exchange *exchange, void *context)
{
	static flow_step *const steps[] = {read_account, insert_account, account_answer, NULL};
	api_start(exchange, context, sizeof(struct new_account), steps, true);
}

/* --- disabling --- */

struct switched_row {
	struct account_row account;
	struct str_list tokens; /* numbers as text: what of them this server remembers ends at once */
};

static const struct field switched_fields[] = {
	FIELD_AS(struct switched_row, account.id, "id", FIELD_I64, 0),
	FIELD_AS(struct switched_row, account.name, "name", FIELD_STR, 0),
	FIELD_AS(struct switched_row, account.display_name, "display_name", FIELD_STR, 0),
	FIELD_AS(struct switched_row, account.role, "role", FIELD_STR, 0),
	FIELD_AS(struct switched_row, account.groups, "groups", FIELD_STRS, 0),
	FIELD_AS(struct switched_row, account.is_disabled, "is_disabled", FIELD_BOOL, 0),
	FIELD(struct switched_row, tokens, FIELD_STRS, 0),
	FIELD_END,
};

static enum flow_next switch_account(struct flow *flow, bool is_disabled)
{
	struct api_request *request = api_request_of(flow);
	const struct person *person = &auth_caller(request->exchange)->person;
	struct str name = http_param(request->exchange, "account");
	/* Who still gets in can be asked to do it; the last admin could not. */
	if (is_disabled && str_eq(name, person->name)) {
		err_set(&flow->err, ERR_CONFLICT, "nobody disables themselves: ask another admin");
		return FLOW_FAIL;
	}
	struct db_batch *batch = db_batch_new(request->server->db);
	db_add(batch, QUERY_ACCOUNT_SWITCH, DB_TEXT(name), DB_BOOL(is_disabled), DB_TEXT(person->name));
	return db_await(flow, batch);
}

static enum flow_next disable(struct flow *flow)
{
	return switch_account(flow, true);
}

static enum flow_next enable(struct flow *flow)
{
	return switch_account(flow, false);
}

static enum flow_next switched(struct flow *flow)
{
	struct api_request *request = api_request_of(flow);
	struct switched_row row = {0};
	if (db_row_count(db_reply_of(flow), 0) == 0) {
		err_set(&flow->err, ERR_NOT_FOUND, "there is no account \"%.*s\"; `penstock account ls` lists them",
			STR_ARG(str_head(http_param(request->exchange, "account"), 60)));
		return FLOW_FAIL;
	}
	if (!db_read_row(db_reply_of(flow), 0, 0, switched_fields, &row, &flow->arena, &flow->err))
		return FLOW_FAIL;
	for (size_t i = 0; i < row.tokens.count && row.account.is_disabled; i++) {
		int64_t token = 0;
		if (!str_to_i64(row.tokens.items[i], &token))
			continue;
		auth_forget(request->server->auth, token);
		events_withdrawn(request->server->events, token);
	}
	request->answer = fields_write(account_fields, &row.account);
	return FLOW_DONE;
}

void accounts_disable(struct http_exchange *exchange, void *context)
{
	static flow_step *const steps[] = {disable, switched, NULL};
	api_start(exchange, context, sizeof(struct api_request), steps, true);
}

void accounts_enable(struct http_exchange *exchange, void *context)
{
	static flow_step *const steps[] = {enable, switched, NULL};
	api_start(exchange, context, sizeof(struct api_request), steps, true);
}
