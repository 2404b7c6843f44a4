/* POST /hooks/{repository}: a signed notice, stored before it is answered. */
#include "common/digest.h"
#include "common/hex.h"
#include "common/io/flow.h"
#include "server/ingest/ingest.h"
#include "server/ingest/ingest_internal.h"
#include "server/keys/keyring.h"

enum { UPDATES_MAX = 1000, DELIVERY_KEY_MAX = 200 };

struct hook {
	struct flow flow;
	struct server *server;
	struct http_exchange *exchange;
	struct str repository, delivery_key;
	int64_t repository_id, delivery;
	json_t *body;
	bool is_repeated;
};

static enum flow_next find_secrets(struct flow *flow)
{
	struct hook *hook = (struct hook *)flow;
	hook->repository = http_param(hook->exchange, "repository");
	struct db_batch *batch = db_batch_new(hook->server->db);
	db_add(batch, QUERY_REPOSITORY_SECRETS, DB_TEXT(hook->repository));
	return db_await(flow, batch);
}

static bool is_signed_with(struct hook *hook, struct str sealed, const uint8_t given[static DIGEST_BYTES])
{
	struct arena *arena = &hook->flow.arena;
	uint8_t expected[DIGEST_BYTES];
	struct str secret, bound_to = arena_printf(arena, "repository:%.*s:hook", STR_ARG(hook->repository));
	if (sealed.n == 0 || !keyring_unseal(hook->server->keys, sealed, bound_to, &secret, arena, NULL))
		return false;
	digest_hmac(secret, http_body(hook->exchange), expected);
	return digest_equal((struct str){(const char *)expected, sizeof expected},
		(struct str){(const char *)given, sizeof expected});
}

struct secrets_row {
	int64_t id;
	struct str hook_secret, hook_secret_old;
};

static const struct field secrets_fields[] = {
	FIELD(struct secrets_row, id, FIELD_I64, 0),
	FIELD(struct secrets_row, hook_secret, FIELD_STR, 0),
	FIELD(struct secrets_row, hook_secret_old, FIELD_STR, 0),
	FIELD_END,
};

/* An unknown repository and a wrong signature look the same from outside. */
static bool check_signature(struct hook *hook, struct err *err)
{
	struct str header = {0};
	struct secrets_row row = {0};
	uint8_t given[DIGEST_BYTES];
	const struct db_reply *reply = db_reply_of(&hook->flow);
	bool is_known =
		db_row_count(reply, 0) && db_read_row(reply, 0, 0, secrets_fields, &row, &hook->flow.arena, err);
	http_header(hook->exchange, "X-Penstock-Signature", &header);
	bool has_form = str_starts(header, STR("sha256=")) && hex_decode_to(str_skip(header, 7), given, sizeof given);
	bool ok = is_known && has_form &&
		  (is_signed_with(hook, row.hook_secret, given) || is_signed_with(hook, row.hook_secret_old, given));
	hook->repository_id = row.id;
	return ok ||
	       err_set(err, ERR_UNAUTHENTICATED,
		       "the signature does not fit: X-Penstock-Signature is sha256= and the HMAC-SHA256 of the body with the "
		       "repository's hook secret, in hex");
}

static bool check_body(struct hook *hook, struct err *err)
{
	struct str text = http_body(hook->exchange);
	json_error_t fault;
	hook->body = json_loadb(text.p ? text.p : "", text.n, JSON_REJECT_DUPLICATES, &fault);
	const json_t *updates = json_object_get(hook->body, "updates");
	if (!hook->body || !json_is_array(updates))
		return err_set(err, ERR_INVALID, "the body is no JSON object with a list \"updates\"");
	if (json_array_size(updates) > UPDATES_MAX)
		return err_set(err, ERR_INVALID, "more than %d updates in one notice", UPDATES_MAX);
	for (size_t i = 0; i < json_array_size(updates); i++) {
		const json_t *update = json_array_get(updates, i);
		static const char *const names[] = {"ref", "before", "after"};
		for (size_t j = 0; j < 3; j++)
			if (!json_is_string(json_object_get(update, names[j])))
				return err_set(err, ERR_INVALID, "updates[%zu].%s is no text", i, names[j]);
	}
	if (!http_header(hook->exchange, "X-Penstock-Delivery", &hook->delivery_key) || hook->delivery_key.n == 0 ||
		hook->delivery_key.n > DELIVERY_KEY_MAX)
		return err_set(err, ERR_INVALID, "X-Penstock-Delivery: 1 to %d characters that no other notice has",
			DELIVERY_KEY_MAX);
	return true;
}

static enum flow_next store(struct flow *flow)
{
	struct hook *hook = (struct hook *)flow;
	if (!check_signature(hook, &flow->err) || !check_body(hook, &flow->err))
		return FLOW_FAIL;
	struct db_batch *batch = db_batch_new(hook->server->db);
	db_add(batch, QUERY_DELIVERY_INSERT, DB_I64(hook->repository_id), DB_TEXT(hook->delivery_key),
		DB_TEXT(STR("push")), DB_JSON(hook->body));
	db_add(batch, QUERY_DELIVERY_FIND, DB_I64(hook->repository_id), DB_TEXT(hook->delivery_key));
	return db_await(flow, batch);
}

static enum flow_next wake(struct flow *flow)
{
	struct hook *hook = (struct hook *)flow;
	hook->is_repeated = db_row_count(db_reply_of(flow), 0) == 0;
	hook->delivery = db_i64(db_reply_of(flow), 1, 0, 0);
	ingest_tick(hook->server->ingest);
	return FLOW_DONE;
}

static flow_step *const steps[] = {find_secrets, store, wake, NULL};

static void hook_ended(struct flow *flow)
{
	struct hook *hook = (struct hook *)flow;
	if (flow->err.kind != ERR_NONE)
		http_answer_err(hook->exchange, &flow->err);
	else
		http_answer_json(hook->exchange, hook->is_repeated ? 200 : 202,
			json_pack("{s:I}", "delivery", (json_int_t)hook->delivery));
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
