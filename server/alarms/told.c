/* POST /api/v1/alarms/{alarm}: a signed message, over which the alarm's expression says whether it fires. */
#include "server/alarms/told.h"

#include "common/clock.h"
#include "common/digest.h"
#include "common/hex.h"
#include "common/json.h"
#include "server/keys/keyring.h"

enum { STALE_S = 300 };

/* --- secrets --- */

static struct str bound_to(struct str name, struct arena *arena)
{
	return arena_printf(arena, "alarm:%.*s:hook", STR_ARG(name));
}

struct str alarm_secret_seal(struct server *server, struct str name, struct str secret, struct arena *arena)
{
	return keyring_seal(server->keys, secret, bound_to(name, arena), arena);
}

enum flow_next told_find_secrets(struct told *told, struct str name)
{
	struct db_batch *batch = db_batch_new(told->alarms->server->db);
	db_add(batch, QUERY_ALARM_SECRET_LOAD, DB_TEXT(name));
	return db_await(&told->flow, batch);
}

bool told_check(struct told *told, struct str name, bool (*fits)(struct told *told, struct str secret), struct err *err)
{
	struct arena *arena = &told->flow.arena;
	const struct db_reply *reply = db_reply_of(&told->flow);
	bool is_known = false;
	for (size_t column = 0; column < 2; column++) {
		struct str sealed = db_row_count(reply, 0) ? db_text(reply, 0, 0, column) : STR(""),
			   secret = STR("there is no such secret");
		bool is_there = sealed.n && keyring_unseal(told->alarms->server->keys, sealed, bound_to(name, arena),
						    &secret, arena, NULL);
		/* A secret that is not there is as much work as one that is. */
		bool does_fit = fits(told, secret);
		is_known |= is_there && does_fit;
	}
	return is_known ||
	       err_set(err, ERR_UNAUTHENTICATED,
		       "the secret or signature does not fit this alarm and body (`penstock alarm secret %.*s` makes one)",
		       STR_ARG(name));
}

bool told_read_body(struct told *told, struct err *err)
{
	json_error_t fault;
	struct str text = http_body(told->exchange);
	told->body = json_loadb(text.p ? text.p : "", text.n, JSON_REJECT_DUPLICATES, &fault);
	if (!json_is_object(told->body))
		return err_set(err, ERR_INVALID, "the body is no JSON object: %s",
			told->body ? "it is something else" : fault.text);
	return true;
}

void told_ended(struct flow *flow)
{
	struct told *told = (struct told *)flow;
	struct alarms *alarms = told->alarms;
	if (flow->err.kind != ERR_NONE)
		http_answer_err(told->exchange, &flow->err);
	else
		http_answer_json(told->exchange, 200, json_incref(told->answer));
	json_decref(told->answer);
	json_decref(told->body);
	flow_free(flow);
	alarms_ended(alarms);
}

/* --- one alarm --- */

struct message {
	struct told told;
	struct str name;
	struct alarm_spec spec;
	struct alarm_reading reading;
};

static enum flow_next find_secrets(struct flow *flow)
{
	struct message *message = (struct message *)flow;
	message->name = http_param(message->told.exchange, "alarm");
	return told_find_secrets(&message->told, message->name);
}

/* With a time the signature is over "TIME.BODY", so that nobody can take the time off a message, or put another one on.
 */
static struct str signed_bytes(struct told *told)
{
	struct str time, body = http_body(told->exchange);
	if (!http_header(told->exchange, "X-Penstock-Timestamp", &time))
		return body;
	return arena_printf(&told->flow.arena, "%.*s.%.*s", STR_ARG(time), STR_ARG(body));
}

static bool is_signed(struct told *told, struct str secret)
{
	struct str text = {0};
	uint8_t given[DIGEST_BYTES] = {0}, expected[DIGEST_BYTES];
	bool has_form = http_header(told->exchange, "X-Penstock-Signature", &text) &&
			str_starts(text, STR("sha256=")) && hex_decode_to(str_skip(text, 7), given, sizeof given);
	digest_hmac(secret, signed_bytes(told), expected);
	bool is_equal = digest_equal(
		(struct str){(const char *)expected, sizeof expected}, (struct str){(const char *)given, sizeof given});
	return has_form && is_equal;
}

/* Whoever has heard an old message must not be able to say it again. */
static bool check_time(struct told *told, struct err *err)
{
	struct str text;
	int64_t seconds, now = clock_wall_us() / US_PER_SECOND;
	if (!http_header(told->exchange, "X-Penstock-Timestamp", &text))
		return true;
	bool is_now = str_to_i64(text, &seconds) && seconds > now - STALE_S && seconds < now + STALE_S;
	return is_now ||
	       err_set(err, ERR_UNAUTHENTICATED,
		       "X-Penstock-Timestamp is not within five minutes of this server's time, in seconds since 1970");
}

static void recorded(void *arg, enum alarm_state state, const struct err *err)
{
	struct message *message = arg;
	if (err) {
		flow_fail(&message->told.flow, err);
		return;
	}
	message->told.answer = json_pack("{s:s, s:s, s:o}", "state", alarm_state_names[state], "outcome",
		alarm_outcome_names[message->reading.outcome], "message", json_of_str(message->reading.text));
	flow_resume(&message->told.flow);
}

static enum flow_next record(struct flow *flow)
{
	struct message *message = (struct message *)flow;
	struct told *told = &message->told;
	if (!told_check(told, message->name, is_signed, &flow->err) || !check_time(told, &flow->err) ||
		!alarms_find(told->alarms, message->name, &message->spec, &flow->arena, &flow->err) ||
		!told_read_body(told, &flow->err))
		return FLOW_FAIL;
	if (message->spec.kind != ALARM_WEBHOOK) {
		err_set(&flow->err, ERR_UNSUPPORTED, "alarm \"%.*s\" is no webhook any more, but of kind %s",
			STR_ARG(message->name), alarm_kind_names[message->spec.kind]);
		return FLOW_FAIL;
	}
	alarm_judge_message(&message->spec, told->body, &message->reading, &flow->arena);
	struct alarm_record record = {
		.kind = ALARM_RECORD_READING, .spec = &message->spec, .reading = &message->reading};
	alarm_put(told->alarms, &record, recorded, message);
	return FLOW_WAIT;
}

static flow_step *const steps[] = {find_secrets, record, NULL};

void alarms_receive(struct http_exchange *exchange, void *context)
{
	struct server *server = context;
	struct message *message = flow_new(sizeof *message, steps, told_ended);
	message->told.alarms = server->alarms;
	message->told.exchange = exchange;
	server->alarms->active++;
	flow_start(&message->told.flow);
}
