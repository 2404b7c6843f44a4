#include "worker/tags_get.h"

#include "common/io/http_client.h"
#include "common/mem.h"

#include <stdlib.h>

enum { TIMEOUT_MS = 10 * 60 * 1000, ANSWER_MAX = 64 << 20 };

struct tags {
	struct http_call *call;
	void (*done)(void *arg, struct str text, const struct err *err);
	void *arg;
};

static void on_answer(void *arg, const struct http_answer *answer, const struct err *err)
{
	struct tags *tags = arg;
	struct err refused = {0};
	if (!err && answer->status != 200 && answer->status != 404)
		err_set(&refused, ERR_UPSTREAM, "the server answers %d for the tags: %.*s", answer->status,
			STR_ARG(str_brief(answer->body, 200)));
	if (refused.kind != ERR_NONE)
		err = &refused;
	tags->done(tags->arg, !err && answer->status == 200 ? answer->body : STR(""), err);
	free(tags);
}

void tags_get(struct http_client *http, struct str url, const struct pair_list *headers,
	void (*done)(void *arg, struct str text, const struct err *err), void *arg, struct tags **ret)
{
	struct tags *tags = mem_alloc(sizeof *tags);
	tags->done = done;
	tags->arg = arg;
	const struct http_request get = {
		.method = "GET",
		.url = url,
		.headers = headers,
		.answer_max_bytes = ANSWER_MAX,
		.timeout_ms = TIMEOUT_MS,
		.retry_ms = TIMEOUT_MS,
	};
	http_send(http, &get, on_answer, tags, &tags->call);
	*ret = tags;
}

void tags_cancel(struct tags *tags)
{
	http_cancel(tags->call);
}
