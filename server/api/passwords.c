#include "server/api/passwords.h"

#include "common/io/work.h"
#include "server/auth/login_limit.h"

/* --- a try --- */

/* Before the password is looked at: looking costs tens of milliseconds of a processor. */
static bool may_try(struct password_try *try, int64_t wait_s, struct err *err)
{
	if (wait_s == 0)
		return true;
	http_add_header(
		try->api->exchange, "Retry-After", arena_printf(&try->api->flow.arena, "%lld", (long long)wait_s));
	return err_set(err, ERR_LIMITED, "too many tries; wait %lld s", (long long)wait_s);
}

enum flow_next password_try_ask(struct password_try *try)
{
	struct db_batch *batch = db_batch_new(try->api->server->db);
	login_limit_add(batch, try->name, http_peer(try->api->exchange));
	db_add(batch, QUERY_ACCOUNT_LOGIN, DB_TEXT(try->name));
	return db_await(&try->api->flow, batch);
}

static void look_on_pool(void *arg)
{
	struct password_try *try = arg;
	char ignored[PASSWORD_HASH_BYTES];
	/* An unknown name costs as long as a wrong password, so that names cannot be guessed by the clock. */
	if (try->hash.n)
		try->matches = password_matches(try->password, try->hash.p);
	else
		password_hash(STR("no such account"), ignored, NULL);
}

static void looked(void *arg, bool is_cancelled)
{
	struct password_try *try = arg;
	struct err err;
	if (!is_cancelled) {
		flow_resume(&try->api->flow);
		return;
	}
	err_set(&err, ERR_BUSY, "the server is stopping");
	flow_fail(&try->api->flow, &err);
}

enum flow_next password_try_look(struct password_try *try)
{
	struct flow *flow = &try->api->flow;
	const struct db_reply *reply = db_reply_of(flow);
	if (!may_try(try, login_limit_wait_s(reply, 0), &flow->err))
		return FLOW_FAIL;
	if (db_row_count(reply, 1)) {
		try->account = db_i64(reply, 1, 0, 0);
		try->hash = arena_str(&flow->arena, db_text(reply, 1, 0, 1));
	}
	work_submit(try->api->server->loop, look_on_pool, looked, try);
	return FLOW_WAIT;
}

void password_try_forget(const struct password_try *try, struct db_batch *batch)
{
	login_limit_forget(batch, try->name, http_peer(try->api->exchange));
}

/* --- a new one --- */

static void hash_on_pool(void *arg)
{
	struct password_new *new = arg;
	password_hash(new->password, new->hash, &new->fault);
}

static void hashed(void *arg, bool is_cancelled)
{
	struct password_new *new = arg;
	if (is_cancelled)
		err_set(&new->fault, ERR_BUSY, "the server is stopping");
	if (new->fault.kind != ERR_NONE)
		flow_fail(&new->api->flow, &new->fault);
	else
		flow_resume(&new->api->flow);
}

enum flow_next password_new_hash(struct password_new *new)
{
	work_submit(new->api->server->loop, hash_on_pool, hashed, new);
	return FLOW_WAIT;
}
