/* Sessions and accounts. */
#include "server/api/people.h"

#include "common/digest.h"
#include "common/json.h"
#include "common/random.h"
#include "server/api/passwords.h"
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
	struct password_try try;
	struct str token;
};

static enum flow_next take_try(struct flow *flow)
{
	static const char *const names[] = {"name", "password", NULL};
	struct login *login = (struct login *)flow;
	login->try.api = &login->api;
	if (!api_only(&login->api, names, &flow->err) ||
		!api_text(&login->api, "name", true, &login->try.name, &flow->err) ||
		!api_text(&login->api, "password", true, &login->try.password, &flow->err))
		return FLOW_FAIL;
	return password_try_ask(&login->try);
}

static enum flow_next look(struct flow *flow)
{
	return password_try_look(&((struct login *)flow)->try);
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
	if (!login->try.matches) {
		err_set(&flow->err, ERR_UNAUTHENTICATED, "name or password is wrong");
		return FLOW_FAIL;
	}
	login->token = random_token(&flow->arena, "pss");
	struct str hash = hash_of(login->token, &flow->arena);
	struct db_batch *batch = db_batch_new(login->api.server->db);
	db_add(batch, QUERY_TOKEN_INSERT, DB_TEXT(STR("session")), DB_TEXT(STR("browser")), DB_BYTES(hash),
		DB_I64(login->try.account), DB_TEXT(random_token(&flow->arena, "csrf")), DB_I64(SESSION_MS));
	db_add(batch, QUERY_TOKEN_FIND, DB_BYTES(hash));
	password_try_forget(&login->try, batch);
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
	static flow_step *const steps[] = {take_try, look, open_session, login_answer, NULL};
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
	struct str email;
	struct password_new password;
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

static enum flow_next read_account(struct flow *flow)
{
	static const char *const names[] = {"name", "display_name", "email", "password", "role", "groups", NULL};
	static const char *const roles[] = {"viewer", "developer", "operator", "admin", NULL};
	struct new_account *new = (struct new_account *)flow;
	int ignored;
	new->password.api = &new->api;
	if (!api_only(&new->api, names, &flow->err) || !api_text(&new->api, "name", true, &new->row.name, &flow->err) ||
		!api_text(&new->api, "display_name", false, &new->row.display_name, &flow->err) ||
		!api_text(&new->api, "email", false, &new->email, &flow->err) ||
		!api_text(&new->api, "password", true, &new->password.password, &flow->err) ||
		!api_text(&new->api, "role", true, &new->row.role, &flow->err) || !read_groups(new, &flow->err) ||
		!check_name("name", new->row.name, &flow->err) || !check_groups(new, &flow->err))
		return FLOW_FAIL;
	if (!enum_from_name(roles, new->row.role, &ignored)) {
		err_set(&flow->err, ERR_INVALID, "role: \"%.*s\" is none of viewer, developer, operator, admin",
			STR_ARG(new->row.role));
		return FLOW_FAIL;
	}
	return password_new_hash(&new->password);
}

static enum flow_next insert_account(struct flow *flow)
{
	struct new_account *new = (struct new_account *)flow;
	struct db_batch *batch = db_batch_new(new->api.server->db);
	db_add(batch, QUERY_ACCOUNT_INSERT, DB_TEXT(new->row.name), DB_TEXT(new->row.display_name), DB_TEXT(new->email),
		DB_TEXT(str_of(new->password.hash)), DB_TEXT(new->row.role),
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

/* --- disabling, and another password --- */

struct changed_row {
	struct account_row account;
	struct str_list tokens; /* numbers as text: they are good no more, also where this server remembers them */
};

static const struct field changed_fields[] = {
	FIELD_AS(struct changed_row, account.id, "id", FIELD_I64, 0),
	FIELD_AS(struct changed_row, account.name, "name", FIELD_STR, 0),
	FIELD_AS(struct changed_row, account.display_name, "display_name", FIELD_STR, 0),
	FIELD_AS(struct changed_row, account.role, "role", FIELD_STR, 0),
	FIELD_AS(struct changed_row, account.groups, "groups", FIELD_STRS, 0),
	FIELD_AS(struct changed_row, account.is_disabled, "is_disabled", FIELD_BOOL, 0),
	FIELD(struct changed_row, tokens, FIELD_STRS, 0),
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

static enum flow_next changed(struct flow *flow)
{
	struct api_request *request = api_request_of(flow);
	struct changed_row row = {0};
	if (db_row_count(db_reply_of(flow), 0) == 0) {
		err_set(&flow->err, ERR_NOT_FOUND, "there is no account \"%.*s\"; `penstock account ls` lists them",
			STR_ARG(str_head(http_param(request->exchange, "account"), 60)));
		return FLOW_FAIL;
	}
	if (!db_read_row(db_reply_of(flow), 0, 0, changed_fields, &row, &flow->arena, &flow->err))
		return FLOW_FAIL;
	for (size_t i = 0; i < row.tokens.count; i++) {
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
	static flow_step *const steps[] = {disable, changed, NULL};
	api_start(exchange, context, sizeof(struct api_request), steps, true);
}

void accounts_enable(struct http_exchange *exchange, void *context)
{
	static flow_step *const steps[] = {enable, changed, NULL};
	api_start(exchange, context, sizeof(struct api_request), steps, true);
}

struct password_change {
	struct api_request api;
	struct password_try current;
	struct password_new password;
};

/* Who walks up to an unlocked screen must not take the account with them: for one's own, the present one is asked for.
 */
static enum flow_next read_change(struct flow *flow)
{
	static const char *const names[] = {"current", "password", NULL};
	struct password_change *change = (struct password_change *)flow;
	const struct caller *caller = auth_caller(change->api.exchange);
	change->current.api = change->password.api = &change->api;
	change->current.name = http_param(change->api.exchange, "account");
	bool is_own = str_eq(change->current.name, caller->person.name);
	if (!api_only(&change->api, names, &flow->err) ||
		!api_text(&change->api, "current", is_own, &change->current.password, &flow->err) ||
		!api_text(&change->api, "password", true, &change->password.password, &flow->err) ||
		(!is_own && !auth_may(caller, AUTH_ADMIN, &flow->err)))
		return FLOW_FAIL;
	change->current.matches = !is_own;
	return is_own ? password_try_ask(&change->current) : FLOW_CONTINUE;
}

static enum flow_next look_at_current(struct flow *flow)
{
	struct password_change *change = (struct password_change *)flow;
	return change->current.matches ? FLOW_CONTINUE : password_try_look(&change->current);
}

static enum flow_next hash_new(struct flow *flow)
{
	struct password_change *change = (struct password_change *)flow;
	if (!change->current.matches) {
		err_set(&flow->err, ERR_DENIED,
			"the present password is wrong; an admin can set another one: `penstock account password %.*s`",
			STR_ARG(change->current.name));
		return FLOW_FAIL;
	}
	return password_new_hash(&change->password);
}

static enum flow_next store_password(struct flow *flow)
{
	struct password_change *change = (struct password_change *)flow;
	const struct caller *caller = auth_caller(change->api.exchange);
	struct db_batch *batch = db_batch_new(change->api.server->db);
	db_add(batch, QUERY_ACCOUNT_PASSWORD, DB_TEXT(change->current.name), DB_TEXT(str_of(change->password.hash)),
		DB_TEXT(caller->person.name), DB_I64(caller->token));
	password_try_forget(&change->current, batch);
	return db_await(flow, batch);
}

void accounts_password(struct http_exchange *exchange, void *context)
{
	static flow_step *const steps[] = {read_change, look_at_current, hash_new, store_password, changed, NULL};
	api_start(exchange, context, sizeof(struct password_change), steps, true);
}
