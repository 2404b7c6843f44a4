/* The status of a commit, as its forge takes it. */
#include "common/clock.h"
#include "common/failpoint.h"
#include "common/io/flow.h"
#include "common/io/http_client.h"
#include "common/json.h"
#include "server/ingest/remote.h"
#include "server/outbox/outbox_internal.h"
#include "server/outbox/public_url.h"
#include "server/store/db.h"

enum { TIMEOUT_MS = 20000, ANSWER_BYTES = 64 * 1024, DESCRIPTION_CHARACTERS_MAX = 140, WORDS_MAX = 160 };
#define WAIT_MAX_MS (INT64_C(3600) * 1000)

/* The body of the message, as the database writes it. */
struct status_message {
	int64_t repository;
	struct str run, commit, branch, pipeline, event, state, description;
};

static const struct field message_fields[] = {
	FIELD(struct status_message, repository, FIELD_I64, 0),
	FIELD(struct status_message, run, FIELD_STR, 0),
	FIELD(struct status_message, commit, FIELD_STR, 0),
	FIELD(struct status_message, branch, FIELD_STR, 0),
	FIELD(struct status_message, pipeline, FIELD_STR, 0),
	FIELD(struct status_message, event, FIELD_STR, 0),
	FIELD(struct status_message, state, FIELD_STR, 0),
	FIELD(struct status_message, description, FIELD_STR, 0),
	FIELD_END,
};

struct sending {
	struct flow flow;
	struct outbox *outbox;
	struct server *server;
	struct arena row_arena;
	int64_t id;
	int32_t tries;
	struct status_message message;
	struct remote remote;
	/* what became of it */
	enum outbox_outcome outcome;
	struct str problem;
	int64_t delay_ms;
};

static struct sending *sending_of(struct flow *flow)
{
	return (struct sending *)flow;
}

static enum flow_next find_repository(struct flow *flow)
{
	struct sending *sending = sending_of(flow);
	struct db_batch *batch = db_batch_new(sending->server->db);
	remote_find(batch, sending->message.repository);
	return db_await(flow, batch);
}

/* --- what is said --- */

static struct str cut(struct str text, size_t characters)
{
	struct str rest = text;
	while (rest.n && characters--)
		str_next_char(&rest);
	return str_head(text, text.n - rest.n);
}

static struct str describe(const struct status_message *message, struct arena *arena)
{
	struct str text = message->description;
	if (str_is(message->state, "skipped"))
		text = arena_printf(arena, "nothing to do: %.*s", STR_ARG(text));
	else if (str_is(message->state, "waiting") && text.n)
		text = arena_printf(arena, "waits for %.*s", STR_ARG(text));
	else if (text.n == 0)
		text = message->state;
	return cut(text, DESCRIPTION_CHARACTERS_MAX);
}

/* --- what comes back --- */

static bool end(struct sending *sending, enum outbox_outcome outcome, struct str problem)
{
	sending->outcome = outcome;
	sending->problem = arena_str(&sending->row_arena, problem);
	return true;
}

/* When the forge says that it is asked too often: seconds, or a time. 0: it does not say. */
static int64_t wait_of(const struct http_answer *answer)
{
	int64_t seconds = 0, at = 0;
	if (str_to_i64(pair_get(&answer->headers, STR("retry-after")), &seconds) && seconds > 0)
		;
	else if (str_is(pair_get(&answer->headers, STR("x-ratelimit-remaining")), "0") &&
		 str_to_i64(pair_get(&answer->headers, STR("x-ratelimit-reset")), &at))
		seconds = at - clock_wall_us() / US_PER_SECOND + 1;
	if (seconds <= 0)
		return 0;
	return seconds < WAIT_MAX_MS / 1000 ? seconds * 1000 : WAIT_MAX_MS;
}

/* What the forge says of a refusal, in its "message", which may be any JSON. */
static struct str words_of(const struct http_answer *answer, struct arena *arena)
{
	json_t *body = json_loadb(answer->body.p ? answer->body.p : "", answer->body.n, JSON_DECODE_ANY, NULL);
	const json_t *message = json_object_get(body, "message");
	struct str words = json_is_string(message) ? forge_text(body, "message")
			   : message               ? json_text(message, arena)
						   : (struct str){0};
	words = arena_str(arena, cut(words, WORDS_MAX));
	json_decref(body);
	return words;
}

static void judge(struct sending *sending, const struct http_answer *answer)
{
	const struct remote *remote = &sending->remote;
	struct arena *arena = &sending->flow.arena;
	size_t at;
	sending->delay_ms = wait_of(answer);
	struct str words = words_of(answer, arena);
	struct str advice = forge_advice(answer->status, remote->name, remote->project, arena);
	struct str problem = arena_printf(arena, "%s answered %d to a status%s%.*s%s%.*s", remote->forge->name,
		answer->status, words.n ? ": " : "", STR_ARG(words), advice.n ? "; " : "", STR_ARG(advice));
	/* GitLab refuses what it knows already. */
	bool is_known = answer->status == 400 && str_find(words, STR("Cannot transition status"), &at);
	bool is_limited = answer->status == 429 || (answer->status == 403 && sending->delay_ms);
	if ((answer->status >= 200 && answer->status < 300) || is_known)
		end(sending, OUTBOX_SENT, STR(""));
	else if (is_limited || answer->status >= 500 || answer->status == 408)
		end(sending, OUTBOX_LATER, problem);
	else
		end(sending, OUTBOX_GIVEN_UP, problem);
}

static void answered(void *arg, const struct http_answer *answer, const struct err *err)
{
	struct sending *sending = arg;
	if (err)
		end(sending, OUTBOX_LATER, str_of(err->text));
	else {
		FAILPOINT("message.sent");
		judge(sending, answer);
	}
	flow_resume(&sending->flow);
}

static enum flow_next call(struct flow *flow)
{
	struct sending *sending = sending_of(flow);
	const struct status_message *message = &sending->message;
	const struct remote *remote = &sending->remote;
	struct arena *arena = &flow->arena;
	if (db_row_count(db_reply_of(flow), 0) == 0)
		return end(sending, OUTBOX_GIVEN_UP, STR("the repository is gone")) ? FLOW_DONE : FLOW_FAIL;
	if (!remote_read(&sending->remote, sending->server, db_reply_of(flow), 0, &sending->row_arena, &flow->err))
		return FLOW_FAIL;
	if (!remote->forge->status || !remote_has_api(remote))
		return end(sending, OUTBOX_GIVEN_UP, STR("nothing is reported for this repository any more"))
			       ? FLOW_DONE
			       : FLOW_FAIL;
	if (!sending->server->http_out)
		return err_set(&flow->err, ERR_BUSY, "the server is stopping") ? FLOW_DONE : FLOW_FAIL;
	struct forge_call made = {0};
	struct forge_status status = {
		.project = remote->project,
		.commit = message->commit,
		.branch = message->branch,
		.state = message->state,
		.context =
			arena_printf(arena, "penstock/%.*s/%.*s", STR_ARG(message->pipeline), STR_ARG(message->event)),
		.url = public_url_of_run(sending->server, message->run, arena),
		.description = describe(message, arena),
	};
	remote->forge->status(remote->api_url, remote->git.token, &status, &made, arena);
	pair_set(&made.headers, arena, STR("Content-Type"), STR("application/json"));
	struct http_request request = {
		.method = "POST",
		.url = made.url,
		.headers = &made.headers,
		.body = json_text(made.body, arena),
		.timeout_ms = TIMEOUT_MS,
		.answer_max_bytes = ANSWER_BYTES,
	};
	json_decref(made.body);
	http_send(sending->server->http_out, &request, answered, sending, NULL);
	return FLOW_WAIT;
}

/* People see on the repository that its forge does not hear. */
static enum flow_next note(struct flow *flow)
{
	struct sending *sending = sending_of(flow);
	struct db_batch *batch = db_batch_new(sending->server->db);
	db_add(batch, QUERY_REPOSITORY_REPORTED, DB_I64(sending->message.repository), DB_TEXT(sending->problem));
	return db_await(flow, batch);
}

static flow_step *const steps[] = {find_repository, call, note, NULL};

static void sending_ended(struct flow *flow)
{
	struct sending *sending = sending_of(flow);
	if (flow->err.kind != ERR_NONE)
		end(sending, OUTBOX_LATER, str_of(flow->err.text));
	outbox_ended(sending->outbox, sending->id, sending->tries, sending->outcome, str_or_empty(sending->problem),
		sending->delay_ms);
	arena_done(&sending->row_arena);
	flow_free(flow);
}

void outbox_send_status(struct outbox *outbox, struct server *server, const struct outbox_message *message)
{
	struct sending *sending = flow_new(sizeof *sending, steps, sending_ended);
	struct err err = {0};
	sending->outbox = outbox;
	sending->server = server;
	sending->id = message->id;
	sending->tries = message->tries;
	if (fields_read_loose(message_fields, message->body, &sending->message, &sending->row_arena, &err))
		flow_start(&sending->flow);
	else
		flow_fail(&sending->flow, &err);
}
