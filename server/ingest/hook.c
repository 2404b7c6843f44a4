/* POST /hooks/{repository}: a signed delivery of a forge, or of a plain repository's hook; stored before it is
 * answered. */
#include "common/clock.h"
#include "common/digest.h"
#include "common/failpoint.h"
#include "common/io/flow.h"
#include "common/json.h"
#include "server/ingest/ingest_internal.h"
#include "server/keys/keyring.h"

#include <string.h>
#include <strings.h>

enum { DELIVERY_KEY_MAX = 200 };

struct hook {
	struct flow flow;
	struct server *server;
	struct http_exchange *exchange;
	struct str repository, delivery_key;
	const struct forge *forge;
	struct forge_delivery given;
	struct forge_event event;
	int64_t repository_id, delivery;
	json_t *body;
	bool is_repeated;
};

/* --- who sent it --- */

static bool get_header(void *arg, const char *name, struct str *ret)
{
	return http_header(arg, name, ret) && ret->n > 0;
}

/* Asked before anything is looked up, so that the answer says nothing of the repository. */
static bool check_type(struct hook *hook, struct err *err)
{
	struct str type, base, rest;
	if (!get_header(hook->exchange, "Content-Type", &type))
		return true;
	rest = type;
	str_cut(&rest, ';', &base);
	base = str_trim(base);
	return (base.n == 16 && strncasecmp(base.p, "application/json", 16) == 0) ||
	       err_set(err, ERR_INVALID, "the body is %.*s: set the content type of the webhook to application/json",
		       STR_ARG(forge_word(base, &hook->flow.arena)));
}

static enum flow_next find_secrets(struct flow *flow)
{
	struct hook *hook = (struct hook *)flow;
	if (!check_type(hook, &flow->err))
		return FLOW_FAIL;
	hook->repository = http_param(hook->exchange, "repository");
	struct db_batch *batch = db_batch_new(hook->server->db);
	db_add(batch, QUERY_REPOSITORY_SECRETS, DB_TEXT(hook->repository));
	return db_await(flow, batch);
}

struct secrets_row {
	int64_t id;
	struct str forge, hook_secret, hook_secret_old;
};

static const struct field secrets_fields[] = {
	FIELD(struct secrets_row, id, FIELD_I64, 0),
	FIELD(struct secrets_row, forge, FIELD_STR, 0),
	FIELD(struct secrets_row, hook_secret, FIELD_STR, 0),
	FIELD(struct secrets_row, hook_secret_old, FIELD_STR, 0),
	FIELD_END,
};

/* A secret that is not there is as much work as one that is: an unknown repository takes its time, too. */
static enum forge_trust verify(struct hook *hook, struct str sealed)
{
	struct arena *arena = &hook->flow.arena;
	struct str secret = STR("there is no such secret"),
		   bound_to = arena_printf(arena, "repository:%.*s:hook", STR_ARG(hook->repository));
	bool is_there = sealed.n && keyring_unseal(hook->server->keys, sealed, bound_to, &secret, arena, NULL);
	enum forge_trust trust = hook->forge->verify(&hook->given, secret, arena);
	return is_there ? trust : FORGE_UNSIGNED;
}

/* An unknown repository and a wrong signature look the same from outside. */
static bool check_signature(struct hook *hook, struct err *err)
{
	struct secrets_row row = {0};
	const struct db_reply *reply = db_reply_of(&hook->flow);
	if (db_row_count(reply, 0) && !db_read_row(reply, 0, 0, secrets_fields, &row, &hook->flow.arena, err))
		return false;
	hook->repository_id = row.id;
	hook->forge = row.id ? forge_of(row.forge) : &forge_git;
	hook->given = (struct forge_delivery){get_header, hook->exchange, http_body(hook->exchange), clock_wall_us()};
	BUG_ON(!hook->forge);
	enum forge_trust trust = verify(hook, row.hook_secret), old = verify(hook, row.hook_secret_old);
	if (trust == FORGE_SIGNED || old == FORGE_SIGNED)
		return true;
	if (trust == FORGE_STALE || old == FORGE_STALE)
		return err_set(err, ERR_UNAUTHENTICATED,
			"the delivery was signed more than five minutes from now: its sender's clock or ours is wrong, or "
			"somebody sends it again");
	return err_set(err, ERR_UNAUTHENTICATED,
		"the signature does not fit this address and body: look at the webhook's secret (`penstock repo "
		"rotate-secret` makes a fresh one)");
}

/* --- what it says --- */

static bool is_printable(struct str text)
{
	for (size_t i = 0; i < text.n; i++)
		if (text.p[i] <= ' ' || text.p[i] > '~')
			return false;
	return true;
}

static bool read_key(struct hook *hook, struct err *err)
{
	struct str *key = &hook->delivery_key;
	if (!hook->forge->id(&hook->given, key) || key->n > DELIVERY_KEY_MAX || !is_printable(*key))
		return err_set(err, ERR_INVALID, "the delivery has no id of 1 to %d printable characters in its header",
			DELIVERY_KEY_MAX);
	return true;
}

static bool read_event(struct hook *hook, struct err *err)
{
	json_error_t fault;
	struct str text = hook->given.body, event = STR("push");
	if (hook->forge->event && !get_header(hook->exchange, hook->forge->event, &event))
		return err_set(err, ERR_INVALID, "the header %s is missing", hook->forge->event);
	hook->body = json_loadb(text.p ? text.p : "", text.n, JSON_REJECT_DUPLICATES, &fault);
	if (!json_is_object(hook->body))
		return err_set(err, ERR_INVALID, "the body is no JSON object: %s",
			hook->body ? "it is something else" : fault.text);
	return hook->forge->read(event, hook->body, &hook->event, &hook->flow.arena, err) ||
	       err_wrap(err, "%.*s", STR_ARG(forge_word(event, &hook->flow.arena)));
}

/* --- storing --- */

static enum flow_next store(struct flow *flow)
{
	static const char *const names[] = {"push", "pull_request", "ignored"};
	struct hook *hook = (struct hook *)flow;
	uint8_t digest[DIGEST_BYTES];
	if (!check_signature(hook, &flow->err) || !read_key(hook, &flow->err) || !read_event(hook, &flow->err))
		return FLOW_FAIL;
	bool is_ignored = hook->event.kind == FORGE_IGNORED;
	json_t *body = is_ignored ? json_object() : fields_write(forge_event_fields, &hook->event);
	digest_of(hook->given.body, digest);
	struct str bytes = {(const char *)digest, sizeof digest};
	struct db_param unique = hook->forge->has_unique_bodies ? DB_BYTES(bytes) : DB_NULL;
	struct db_batch *batch = db_batch_new(hook->server->db);
	db_add(batch, QUERY_DELIVERY_INSERT, DB_I64(hook->repository_id), DB_TEXT(hook->delivery_key),
		DB_TEXT(str_of(names[hook->event.kind])), DB_JSON(body),
		DB_TEXT(is_ignored ? STR("ignored") : STR("stored")), DB_TEXT(str_or_empty(hook->event.reason)),
		unique);
	db_add(batch, QUERY_DELIVERY_FIND, DB_I64(hook->repository_id), DB_TEXT(hook->delivery_key), unique);
	json_decref(body);
	return db_await(flow, batch);
}

static enum flow_next wake(struct flow *flow)
{
	struct hook *hook = (struct hook *)flow;
	hook->is_repeated = db_row_count(db_reply_of(flow), 0) == 0;
	hook->delivery = db_i64(db_reply_of(flow), 1, 0, 0);
	FAILPOINT("delivery.stored");
	if (hook->event.kind != FORGE_IGNORED)
		ingest_tick(hook->server->ingest);
	return FLOW_DONE;
}

static flow_step *const steps[] = {find_secrets, store, wake, NULL};

static json_t *describe(const struct hook *hook)
{
	bool is_ignored = hook->event.kind == FORGE_IGNORED;
	const char *outcome = hook->is_repeated ? "repeated" : is_ignored ? "ignored" : "stored";
	json_t *answer = json_pack("{s:I, s:s}", "delivery", (json_int_t)hook->delivery, "outcome", outcome);
	if (is_ignored)
		json_object_set_new(answer, "reason", json_of_str(hook->event.reason));
	return answer;
}

static void hook_ended(struct flow *flow)
{
	struct hook *hook = (struct hook *)flow;
	if (flow->err.kind != ERR_NONE)
		http_answer_err(hook->exchange, &flow->err);
	else
		http_answer_json(hook->exchange, hook->is_repeated ? 200 : 202, describe(hook));
	json_decref(hook->body);
	flow_free(flow);
}

void ingest_hook(struct http_exchange *exchange, void *context)
{
	struct hook *hook = flow_new(sizeof *hook, steps, hook_ended);
	hook->server = context;
	hook->exchange = exchange;
	flow_start(&hook->flow);
}
