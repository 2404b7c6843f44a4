#include "server/auth/auth.h"

#include "common/clock.h"
#include "common/digest.h"
#include "common/io/flow.h"
#include "common/mem.h"
#include "server/server.h"
#include "server/settings.h"
#include "server/store/db.h"

#include <stdlib.h>
#include <string.h>

/* A token that was withdrawn works for so long at most. */
#define REMEMBER_US (5 * US_PER_SECOND)
enum { REMEMBER_MAX = 512 };

struct known {
	uint8_t hash[DIGEST_BYTES];
	int64_t until_us; /* monotonic; 0: a free place */
	struct caller caller;
	struct arena arena;
};

struct auth {
	struct server *server;
	struct known *known[REMEMBER_MAX]; /* by the first bytes of the hash: a newcomer takes the place */
};

bool auth_open(struct server *server, struct auth **ret, struct err *err)
{
	(void)err;
	*ret = mem_alloc(sizeof **ret);
	(*ret)->server = server;
	return true;
}

static void forget(struct known *known)
{
	if (!known)
		return;
	arena_done(&known->arena);
	free(known);
}

void auth_free(struct auth *auth)
{
	if (!auth)
		return;
	for (size_t i = 0; i < REMEMBER_MAX; i++)
		forget(auth->known[i]);
	free(auth);
}

const struct caller *auth_caller(const struct http_exchange *exchange)
{
	return http_caller(exchange);
}

const char *auth_cookie_name(const struct server *server)
{
	/* __Host- asks for Secure, which plain HTTP cannot give. */
	return str_starts(server->settings->public_url, STR("https://")) ? "__Host-penstock_session"
									 : "penstock_session";
}

/* --- what they may --- */

static const char *const role_names[] = {"viewer", "developer", "operator", "admin", NULL};

static enum auth_need level_of(const struct caller *caller)
{
	int role;
	if (!caller || caller->kind != CALLER_PERSON || !enum_from_name(role_names, caller->person.role, &role))
		return AUTH_PUBLIC;
	return (enum auth_need)(AUTH_VIEWER + role);
}

bool auth_may(const struct caller *caller, unsigned need, struct err *err)
{
	bool is_worker = caller && caller->kind == CALLER_WORKER;
	if (need == AUTH_NONE)
		return err_set(err, ERR_DENIED, "nobody may do this");
	if (need == AUTH_PUBLIC)
		return true;
	if (!caller)
		return err_set(err, ERR_UNAUTHENTICATED, "log in, or send a token (Authorization: Bearer ...)");
	if (need == AUTH_WORKER)
		return is_worker || err_set(err, ERR_DENIED, "only a worker token may do this");
	if (is_worker)
		return err_set(err, ERR_DENIED, "a worker token may only do a worker's work");
	if (level_of(caller) < need)
		return err_set(err, ERR_DENIED, "this takes the role %s; %.*s is %s %.*s",
			role_names[need - AUTH_VIEWER], STR_ARG(caller->person.name),
			str_is(caller->person.role, "operator") ? "an" : "a", STR_ARG(caller->person.role));
	return true;
}

/* --- who they are --- */

enum credential { CREDENTIAL_NONE, CREDENTIAL_TOKEN, CREDENTIAL_SESSION };

struct look_up {
	struct flow flow;
	struct auth *auth;
	struct http_exchange *exchange;
	uint8_t hash[DIGEST_BYTES];
	enum credential credential;
};

static struct known **place_of(struct auth *auth, const uint8_t *hash)
{
	return &auth->known[(hash[0] | hash[1] << 8) % REMEMBER_MAX];
}

static bool is_write(const struct http_exchange *exchange)
{
	return !str_is(http_method(exchange), "GET") && !str_is(http_method(exchange), "HEAD");
}

static bool check_csrf(struct http_exchange *exchange, struct str expected, struct err *err)
{
	struct str token = {0};
	http_header(exchange, "X-CSRF-Token", &token);
	return (token.n == expected.n && digest_equal(token, expected)) ||
	       err_set(err, ERR_DENIED, "the X-CSRF-Token header is missing or old: load the page again");
}

/* "https://ci.example.org/penstock/" → "https://ci.example.org" */
static struct str origin_of(struct str url)
{
	size_t scheme, path;
	if (!str_find(url, STR("://"), &scheme) || !str_find_char(str_skip(url, scheme + 3), '/', &path))
		return url;
	return str_head(url, scheme + 3 + path);
}

/* A browser names the page that asks. It has to be one of ours: of the address that the browser asked, or of the one
 * that people use (a proxy in between may change the former). Programs name none. */
static bool check_origin(const struct server *server, struct http_exchange *exchange, struct err *err)
{
	struct str origin, host = {0};
	size_t scheme;
	if (!http_header(exchange, "Origin", &origin))
		return true;
	http_header(exchange, "Host", &host);
	bool is_host = str_find(origin, STR("://"), &scheme) && str_eq(str_skip(origin, scheme + 3), host);
	if (is_host || str_eq(origin, origin_of(server->settings->public_url)))
		return true;
	return err_set(err, ERR_DENIED,
		"a page of %.*s may not do this (Origin); if it is this server's, set public_url", STR_ARG(origin));
}

static void judge(const struct server *server, struct http_exchange *exchange, const struct caller *caller,
	enum credential credential)
{
	struct err err = {0};
	unsigned need = http_flags(exchange) & AUTH_NEED_MASK;
	/* What a browser adds by itself, a foreign page could make it send; it cannot make it send a token. */
	bool is_by_browser = is_write(exchange) && credential != CREDENTIAL_TOKEN;
	bool uses_session = is_by_browser && credential == CREDENTIAL_SESSION && need != AUTH_PUBLIC;
	http_set_caller(exchange, (void *)(uintptr_t)caller);
	bool ok = auth_may(caller, need, &err) && (!is_by_browser || check_origin(server, exchange, &err)) &&
		  (!uses_session || (caller && check_csrf(exchange, caller->csrf, &err)));
	if (ok)
		http_continue(exchange);
	else
		http_answer_err(exchange, &err);
}

static void copy_list(struct str_list *list, struct arena *arena)
{
	struct str_list copy = {0};
	for (size_t i = 0; i < list->count; i++)
		str_list_add(&copy, arena, arena_str(arena, list->items[i]));
	*list = copy;
}

void auth_copy_caller(struct caller *to, const struct caller *from, struct arena *arena)
{
	*to = *from;
	struct str *texts[] = {&to->person.name, &to->person.email, &to->person.role, &to->display_name, &to->csrf};
	for (size_t i = 0; i < COUNT_OF(texts); i++)
		*texts[i] = arena_str(arena, *texts[i]);
	copy_list(&to->person.groups, arena);
	copy_list(&to->person.logins, arena);
}

static void judge_known(const struct server *server, struct http_exchange *exchange, const struct caller *known,
	enum credential credential)
{
	struct caller *caller = arena_new(http_arena(exchange), struct caller);
	auth_copy_caller(caller, known, http_arena(exchange));
	judge(server, exchange, caller, credential);
}

struct token_row {
	int64_t id, account;
	struct str kind, csrf, name, display_name, email, role;
	struct str_list groups, logins;
};

static const struct field token_row_fields[] = {
	FIELD(struct token_row, id, FIELD_I64, 0),
	FIELD(struct token_row, kind, FIELD_STR, 0),
	FIELD(struct token_row, csrf, FIELD_STR, 0),
	FIELD(struct token_row, account, FIELD_I64, 0),
	FIELD(struct token_row, name, FIELD_STR, 0),
	FIELD(struct token_row, display_name, FIELD_STR, 0),
	FIELD(struct token_row, email, FIELD_STR, 0),
	FIELD(struct token_row, role, FIELD_STR, 0),
	FIELD(struct token_row, groups, FIELD_STRS, 0),
	FIELD(struct token_row, logins, FIELD_STRS, 0),
	FIELD_END,
};

bool auth_read_caller(
	const struct db_reply *reply, size_t statement, struct caller *ret, struct arena *arena, struct err *err)
{
	struct token_row row = {0};
	if (!db_read_row(reply, statement, 0, token_row_fields, &row, arena, err))
		return false;
	*ret = (struct caller){
		.kind = str_is(row.kind, "worker") ? CALLER_WORKER : CALLER_PERSON,
		.token = row.id,
		.person = {row.account, row.name, row.email, row.role, row.groups, row.logins},
		.display_name = row.display_name,
		.csrf = row.csrf,
	};
	return true;
}

static void remember(struct look_up *look_up, const struct caller *caller)
{
	struct known **place = place_of(look_up->auth, look_up->hash);
	forget(*place);
	*place = mem_alloc(sizeof **place);
	auth_copy_caller(&(*place)->caller, caller, &(*place)->arena);
	memcpy((*place)->hash, look_up->hash, DIGEST_BYTES);
	(*place)->until_us = clock_mono_us() + REMEMBER_US;
}

static enum flow_next find(struct flow *flow)
{
	struct look_up *look_up = (struct look_up *)flow;
	struct db_batch *batch = db_batch_new(look_up->auth->server->db);
	struct str hash = {(const char *)look_up->hash, DIGEST_BYTES};
	db_add(batch, QUERY_TOKEN_FIND, DB_BYTES(hash));
	db_add(batch, QUERY_TOKEN_USED, DB_BYTES(hash));
	return db_await(flow, batch);
}

static enum flow_next take_row(struct flow *flow)
{
	struct look_up *look_up = (struct look_up *)flow;
	struct caller caller;
	if (db_row_count(db_reply_of(flow), 0) == 0) {
		err_set(&flow->err, ERR_UNAUTHENTICATED,
			look_up->credential == CREDENTIAL_SESSION ? "the session has ended: log in again"
								  : "the token is unknown, withdrawn or expired");
		return FLOW_FAIL;
	}
	if (!auth_read_caller(db_reply_of(flow), 0, &caller, &flow->arena, &flow->err))
		return FLOW_FAIL;
	remember(look_up, &caller);
	return FLOW_DONE;
}

static flow_step *const steps[] = {find, take_row, NULL};

static void look_up_ended(struct flow *flow)
{
	struct look_up *look_up = (struct look_up *)flow;
	const struct server *server = look_up->auth->server;
	bool is_public = (http_flags(look_up->exchange) & AUTH_NEED_MASK) == AUTH_PUBLIC;
	if (flow->err.kind == ERR_NONE)
		judge_known(server, look_up->exchange, &(*place_of(look_up->auth, look_up->hash))->caller,
			look_up->credential);
	else if (is_public)
		judge(server, look_up->exchange, NULL, CREDENTIAL_NONE);
	else
		http_answer_err(look_up->exchange, &flow->err);
	flow_free(flow);
}

static enum credential find_credential(struct server *server, struct http_exchange *exchange, struct str *ret)
{
	struct str header;
	if (http_header(exchange, "Authorization", &header) && str_starts(header, STR("Bearer "))) {
		*ret = str_trim(str_skip(header, 7));
		return CREDENTIAL_TOKEN;
	}
	return http_cookie(exchange, auth_cookie_name(server), ret) ? CREDENTIAL_SESSION : CREDENTIAL_NONE;
}

void auth_before(struct http_exchange *exchange, void *context)
{
	struct server *server = context;
	struct str text;
	enum credential credential = find_credential(server, exchange, &text);
	if (credential == CREDENTIAL_NONE) {
		judge(server, exchange, NULL, credential);
		return;
	}
	uint8_t hash[DIGEST_BYTES];
	digest_of(text, hash);
	const struct known *known = *place_of(server->auth, hash);
	if (known && known->until_us > clock_mono_us() && memcmp(known->hash, hash, sizeof hash) == 0) {
		judge_known(server, exchange, &known->caller, credential);
		return;
	}
	struct look_up *look_up = flow_new(sizeof *look_up, steps, look_up_ended);
	look_up->auth = server->auth;
	look_up->exchange = exchange;
	look_up->credential = credential;
	memcpy(look_up->hash, hash, sizeof hash);
	flow_start(&look_up->flow);
}

void auth_forget(struct auth *auth, int64_t token)
{
	for (size_t i = 0; i < REMEMBER_MAX; i++) {
		if (!auth->known[i] || auth->known[i]->caller.token != token)
			continue;
		forget(auth->known[i]);
		auth->known[i] = NULL;
	}
}
