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
		return err_set(err, ERR_DENIED, "this takes the role %s; %.*s is a %.*s",
			role_names[need - AUTH_VIEWER], STR_ARG(caller->person.name), STR_ARG(caller->person.role));
	return true;
}

/* --- who they are --- */

struct look_up {
	struct flow flow;
	struct auth *auth;
	struct http_exchange *exchange;
	uint8_t hash[DIGEST_BYTES];
	bool is_session;
};

static struct known **place_of(struct auth *auth, const uint8_t *hash)
{
	return &auth->known[(hash[0] | hash[1] << 8) % REMEMBER_MAX];
}

static bool is_write(const struct http_exchange *exchange)
{
	return !str_is(http_method(exchange), "GET") && !str_is(http_method(exchange), "HEAD");
}

static bool check_csrf(struct http_exchange *exchange, const struct caller *caller, struct err *err)
{
	struct str token = {0};
	http_header(exchange, "X-CSRF-Token", &token);
	if (!is_write(exchange) || (token.n == caller->csrf.n && digest_equal(token, caller->csrf)))
		return true;
	return err_set(err, ERR_DENIED, "the X-CSRF-Token header is missing or old: load the page again");
}

static void judge(struct http_exchange *exchange, const struct caller *caller, bool is_session)
{
	struct err err = {0};
	http_set_caller(exchange, (void *)(uintptr_t)caller);
	bool ok = auth_may(caller, http_flags(exchange) & AUTH_NEED_MASK, &err) &&
		  (!caller || !is_session || check_csrf(exchange, caller, &err));
	if (ok)
		http_continue(exchange);
	else
		http_answer_err(exchange, &err);
}

void auth_copy_caller(struct caller *to, const struct caller *from, struct arena *arena)
{
	*to = *from;
	struct str *texts[] = {&to->person.name, &to->person.email, &to->person.role, &to->display_name, &to->csrf};
	for (size_t i = 0; i < COUNT_OF(texts); i++)
		*texts[i] = arena_str(arena, *texts[i]);
	to->person.groups.items = arena_array(arena, struct str, from->person.groups.count);
	for (size_t i = 0; i < from->person.groups.count; i++)
		to->person.groups.items[i] = arena_str(arena, from->person.groups.items[i]);
}

static void judge_known(struct http_exchange *exchange, const struct caller *known, bool is_session)
{
	struct caller *caller = arena_new(http_arena(exchange), struct caller);
	auth_copy_caller(caller, known, http_arena(exchange));
	judge(exchange, caller, is_session);
}

struct token_row {
	int64_t id, account;
	struct str kind, csrf, name, display_name, email, role;
	struct str_list groups;
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
	FIELD_END,
};

static void remember(struct look_up *look_up, const struct token_row *row)
{
	struct known **place = place_of(look_up->auth, look_up->hash);
	forget(*place);
	*place = mem_alloc(sizeof **place);
	struct caller caller = {
		.kind = str_is(row->kind, "worker") ? CALLER_WORKER : CALLER_PERSON,
		.token = row->id,
		.person = {row->account, row->name, row->email, row->role, row->groups},
		.display_name = row->display_name,
		.csrf = row->csrf,
	};
	auth_copy_caller(&(*place)->caller, &caller, &(*place)->arena);
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
	struct token_row row = {0};
	if (db_row_count(db_reply_of(flow), 0) == 0) {
		err_set(&flow->err, ERR_UNAUTHENTICATED,
			look_up->is_session ? "the session has ended: log in again"
					    : "the token is unknown, withdrawn or expired");
		return FLOW_FAIL;
	}
	if (!db_read_row(db_reply_of(flow), 0, 0, token_row_fields, &row, &flow->arena, &flow->err))
		return FLOW_FAIL;
	remember(look_up, &row);
	return FLOW_DONE;
}

static flow_step *const steps[] = {find, take_row, NULL};

static void look_up_ended(struct flow *flow)
{
	struct look_up *look_up = (struct look_up *)flow;
	bool is_public = (http_flags(look_up->exchange) & AUTH_NEED_MASK) == AUTH_PUBLIC;
	if (flow->err.kind == ERR_NONE)
		judge_known(look_up->exchange, &(*place_of(look_up->auth, look_up->hash))->caller, look_up->is_session);
	else if (is_public)
		judge(look_up->exchange, NULL, false);
	else
		http_answer_err(look_up->exchange, &flow->err);
	flow_free(flow);
}

static bool find_credential(
	struct server *server, struct http_exchange *exchange, struct str *ret, bool *ret_is_session)
{
	struct str header;
	if (http_header(exchange, "Authorization", &header) && str_starts(header, STR("Bearer "))) {
		*ret = str_trim(str_skip(header, 7));
		*ret_is_session = false;
		return true;
	}
	*ret_is_session = true;
	return http_cookie(exchange, auth_cookie_name(server), ret);
}

void auth_before(struct http_exchange *exchange, void *context)
{
	struct server *server = context;
	struct str credential;
	bool is_session;
	if (!find_credential(server, exchange, &credential, &is_session)) {
		judge(exchange, NULL, false);
		return;
	}
	uint8_t hash[DIGEST_BYTES];
	digest_of(credential, hash);
	const struct known *known = *place_of(server->auth, hash);
	if (known && known->until_us > clock_mono_us() && memcmp(known->hash, hash, sizeof hash) == 0) {
		judge_known(exchange, &known->caller, is_session);
		return;
	}
	struct look_up *look_up = flow_new(sizeof *look_up, steps, look_up_ended);
	look_up->auth = server->auth;
	look_up->exchange = exchange;
	look_up->is_session = is_session;
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
