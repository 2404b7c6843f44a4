/* Calls people: a message to the address that the environment's configuration names, as chats and pagers take it. */
#include "common/failpoint.h"
#include "common/io/http_client.h"
#include "common/json.h"
#include "common/mem.h"
#include "server/alarms/guard.h"
#include "server/outbox/outbox_internal.h"
#include "server/outbox/public_url.h"

#include <stdlib.h>

enum { TIMEOUT_MS = 20000, ANSWER_BYTES = 64 * 1024 };

struct calling {
	struct outbox *outbox;
	struct arena arena;
	int64_t id;
	int32_t tries;
};

static void end(struct calling *calling, enum outbox_outcome outcome, struct str problem)
{
	outbox_ended(calling->outbox, calling->id, calling->tries, outcome, problem, 0);
	arena_done(&calling->arena);
	free(calling);
}

static void answered(void *arg, const struct http_answer *answer, const struct err *err)
{
	struct calling *calling = arg;
	if (err) {
		end(calling, OUTBOX_LATER, str_of(err->text));
		return;
	}
	FAILPOINT("message.sent");
	struct str problem = arena_printf(&calling->arena, "whoever is to be called answered %d", answer->status);
	if (answer->status >= 200 && answer->status < 300)
		end(calling, OUTBOX_SENT, STR(""));
	else if (answer->status == 408 || answer->status == 429 || answer->status >= 500)
		end(calling, OUTBOX_LATER, problem);
	else
		end(calling, OUTBOX_GIVEN_UP, problem);
}

void outbox_send_page(struct outbox *outbox, struct server *server, const struct outbox_message *message)
{
	struct calling *calling = mem_alloc(sizeof *calling);
	struct arena *arena = &calling->arena;
	struct pair_list headers = {0};
	json_t *body = json_deep_copy(message->body);
	struct str url = arena_str(arena, json_get_str(body, "url")), run = json_get_str(body, "run");
	calling->outbox = outbox;
	calling->id = message->id;
	calling->tries = message->tries;
	json_object_set_new(body, "link", json_of_str(public_url_of_run(server, run, arena)));
	json_object_del(body, "url"); /* it may be as good as a password */
	pair_set(&headers, arena, STR("Content-Type"), STR("application/json"));
	const struct http_request request = {
		.method = "POST",
		.url = url,
		.headers = &headers,
		.body = json_text(body, arena),
		.allow_address = alarm_allows_address,
		.timeout_ms = TIMEOUT_MS,
		.answer_max_bytes = ANSWER_BYTES,
	};
	json_decref(body);
	if (server->http_out)
		http_send(server->http_out, &request, answered, calling, NULL);
	else
		end(calling, OUTBOX_LATER, STR("the server is stopping"));
}
