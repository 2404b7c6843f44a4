#include "worker/gitops_call.h"

#include "common/io/http_client.h"
#include "common/json.h"
#include "common/mem.h"

#include <stdlib.h>
#include <uv.h>

enum {
	TIMEOUT_MS = 60000, /* of one question; the server goes on meanwhile */
	ASK_AGAIN_MS = 500,
	RETRY_FIRST_MS = 250,
	RETRY_MAX_MS = 10000,
	FAILURES_MAX = 40,
	ANSWER_MAX = 4 << 20,
};

struct gitops_call {
	struct gitops_request request;
	struct arena arena, answer_arena;
	struct http_call *call;
	uv_timer_t timer;
	int failures; /* in a row */
	bool is_cancelled;
	struct gitops_answer answer;
	struct err err;
	void (*done)(void *arg, const struct gitops_answer *answer, const struct err *err);
	void *arg;
};

static void on_closed(uv_handle_t *handle)
{
	struct gitops_call *call = handle->data;
	bool ok = call->err.kind == ERR_NONE;
	call->done(call->arg, ok ? &call->answer : NULL, ok ? NULL : &call->err);
	arena_done(&call->answer_arena);
	arena_done(&call->arena);
	free(call);
}

static void end(struct gitops_call *call)
{
	if (!uv_is_closing((uv_handle_t *)&call->timer))
		uv_close((uv_handle_t *)&call->timer, on_closed);
}

static void ask(struct gitops_call *call);

static void on_timer(uv_timer_t *timer)
{
	ask(timer->data);
}

static void try_later(struct gitops_call *call, const char *why)
{
	uint64_t wait_ms = RETRY_FIRST_MS;
	for (int i = 0; i < call->failures && wait_ms < RETRY_MAX_MS; i++)
		wait_ms *= 2;
	if (++call->failures <= FAILURES_MAX) {
		uv_timer_start(&call->timer, on_timer, wait_ms < RETRY_MAX_MS ? wait_ms : RETRY_MAX_MS, 0);
		return;
	}
	err_set(&call->err, ERR_UPSTREAM, "the server does not make the change: %s", why);
	end(call);
}

static bool read_answer(struct gitops_call *call, struct str body)
{
	json_t *json = json_loadb(body.p ? body.p : "", body.n, 0, NULL);
	bool ok = json_is_object(json) ? fields_read_loose(gitops_answer_fields, json, &call->answer,
						 &call->answer_arena, &call->err)
				       : err_set(&call->err, ERR_UPSTREAM, "the answer is no JSON");
	json_decref(json);
	return ok || err_wrap(&call->err, "the server's answer about the change");
}

/* The sentence of {"error": {"message": ...}}. */
static struct str message_of(struct str body, struct arena *arena)
{
	json_t *json = json_loadb(body.p ? body.p : "", body.n, 0, NULL);
	struct str text = arena_str(arena, json_get_str(json_object_get(json, "error"), "message"));
	json_decref(json);
	return text.n ? text : STR("no message");
}

static void take_status(struct gitops_call *call, const struct http_answer *answer)
{
	struct str message = message_of(answer->body, &call->arena);
	if (answer->status >= 500 || answer->status == 408 || answer->status == 429)
		try_later(call, message.p);
	else {
		if (answer->status == 404)
			err_set(&call->err, ERR_UNSUPPORTED, "the server is too old for gitops steps; upgrade it");
		else
			err_set(&call->err, ERR_UPSTREAM, "the server answers %d: %.*s", answer->status,
				STR_ARG(message));
		end(call);
	}
}

static void on_answer(void *arg, const struct http_answer *answer, const struct err *err)
{
	struct gitops_call *call = arg;
	call->call = NULL;
	if (call->is_cancelled) {
		err_set(&call->err, ERR_BUSY, "cancelled");
		end(call);
	} else if (err) {
		try_later(call, err->text);
	} else if (answer->status == 202) {
		call->failures = 0;
		uv_timer_start(&call->timer, on_timer, ASK_AGAIN_MS, 0);
	} else if (answer->status == 200) {
		read_answer(call, answer->body);
		end(call);
	} else {
		take_status(call, answer);
	}
}

static void ask(struct gitops_call *call)
{
	auto_arena arena = {0};
	struct http_request request = {
		.method = "POST",
		.url = call->request.url,
		.headers = call->request.headers,
		.body = arena_printf(&arena, "{\"step\": %zu}", call->request.step),
		.answer_max_bytes = ANSWER_MAX,
		.timeout_ms = TIMEOUT_MS,
	};
	http_send(call->request.http, &request, on_answer, call, &call->call);
}

void gitops_call(const struct gitops_request *request,
	void (*done)(void *arg, const struct gitops_answer *answer, const struct err *err), void *arg,
	struct gitops_call **ret_call)
{
	struct gitops_call *call = mem_alloc(sizeof *call);
	call->request = *request;
	call->request.url = arena_str(&call->arena, request->url);
	call->done = done;
	call->arg = arg;
	uv_timer_init(request->loop, &call->timer);
	call->timer.data = call;
	*ret_call = call;
	ask(call);
}

void gitops_cancel(struct gitops_call *call)
{
	call->is_cancelled = true;
	if (call->call) {
		http_cancel(call->call);
		return;
	}
	uv_timer_stop(&call->timer);
	if (call->err.kind == ERR_NONE)
		err_set(&call->err, ERR_BUSY, "cancelled");
	end(call);
}
