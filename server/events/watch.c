#include "server/events/watch.h"

#include "common/clock.h"
#include "server/auth/auth.h"
#include "server/events/events_internal.h"

#include <stdlib.h>
#include <string.h>

enum {
	LOOK_MS = 2000,      /* without a wake-up */
	COALESCE_MS = 15,    /* wake-ups so close together become one look */
	AHEAD_MAX = 1 << 20, /* unsent bytes above which no look begins */
	PENDING_MAX = 8 << 20,
	PER_ACCOUNT_MAX = 64, /* streams; a page has three at most */
};
#define ALIVE_US (12 * US_PER_SECOND)

static void timer_closed(uv_handle_t *handle)
{
	struct watch *watch = handle->data;
	struct events *events = watch->events;
	watch->release(watch);
	events->count--;
	if (events->closed && events->count == 0)
		events->closed(events->closed_arg);
}

static void try_release(struct watch *watch)
{
	if (!watch->is_over || watch->is_looking || watch->is_released)
		return;
	watch->is_released = true;
	for (struct watch **at = &watch->events->watches[watch->kind]; *at; at = &(*at)->next) {
		if (*at == watch) {
			*at = watch->next;
			break;
		}
	}
	http_stream_end(watch->stream);
	uv_close((uv_handle_t *)&watch->timer, timer_closed);
}

void watch_end(struct watch *watch)
{
	watch->is_over = true;
	try_release(watch);
}

static void stream_gone(void *arg)
{
	watch_end(arg);
}

static void begin(struct watch *watch)
{
	if (watch->is_over || watch->is_looking)
		return;
	if (http_stream_pending(watch->stream) > AHEAD_MAX) {
		watch->is_wanted = true; /* stream_drained() comes back to it */
		return;
	}
	watch->is_wanted = false;
	watch->is_looking = true;
	watch->look(watch);
}

static void stream_drained(void *arg)
{
	struct watch *watch = arg;
	if (watch->is_wanted)
		begin(watch);
}

/* A client that left before its stream began is told of by nothing else. */
static void put(struct watch *watch, struct str bytes)
{
	watch->alive_at = clock_mono_us();
	if (!watch->is_over && !http_stream_write(watch->stream, bytes))
		watch_end(watch);
}

static void timer_ran(uv_timer_t *timer)
{
	struct watch *watch = timer->data;
	if (watch->alive_at + ALIVE_US < clock_mono_us())
		put(watch, STR(": alive\n\n"));
	begin(watch);
}

void watch_wake(struct watch *watch)
{
	if (watch->is_looking)
		watch->is_wanted = true;
	else if (!watch->is_over && uv_timer_get_due_in(&watch->timer) > COALESCE_MS)
		uv_timer_start(&watch->timer, timer_ran, COALESCE_MS, LOOK_MS);
}

void watch_looked(struct watch *watch, bool again)
{
	watch->is_looking = false;
	if (watch->is_over)
		try_release(watch);
	else if (again)
		begin(watch);
	else if (watch->is_wanted)
		uv_timer_start(&watch->timer, timer_ran, COALESCE_MS, LOOK_MS);
}

void watch_send(struct watch *watch, const char *event, struct str id, json_t *data)
{
	char *text = json_dumps(data, JSON_COMPACT);
	json_decref(data);
	BUG_ON(!text);
	auto_buf piece = BUF_INIT(64 << 20);
	if (id.n)
		buf_addf(&piece, "id: %.*s\n", STR_ARG(id));
	buf_addf(&piece, "event: %s\ndata: ", event);
	buf_add_c(&piece, text);
	buf_add_c(&piece, "\n\n");
	free(text);
	if (piece.is_full)
		watch_end(watch);
	else
		put(watch, buf_str(&piece));
}

void watch_send_id(struct watch *watch, struct str id)
{
	auto_buf piece = BUF_INIT(256);
	buf_addf(&piece, "id: %.*s\n\n", STR_ARG(id));
	put(watch, buf_str(&piece));
}

void watch_start(struct watch *watch, struct events *events, struct http_exchange *exchange, enum watch_kind kind,
	int64_t key, void (*look)(struct watch *watch), void (*release)(struct watch *watch))
{
	if (events->closed) {
		struct err err;
		err_set(&err, ERR_BUSY, "the server is about to end; try again");
		http_answer_err(exchange, &err);
		release(watch);
		return;
	}
	const struct caller *caller = auth_caller(exchange);
	if (events_count_of(events, caller->person.account) >= PER_ACCOUNT_MAX) {
		struct err err;
		err_set(&err, ERR_LIMITED, "%d event streams of %.*s are open already; close one", PER_ACCOUNT_MAX,
			STR_ARG(caller->person.name));
		http_add_header(exchange, "Retry-After", STR("10"));
		http_answer_err(exchange, &err);
		release(watch);
		return;
	}
	watch->token = caller->token;
	watch->account = caller->person.account;
	watch->events = events;
	watch->kind = kind;
	watch->key = key;
	watch->look = look;
	watch->release = release;
	watch->alive_at = clock_mono_us();
	watch->next = events->watches[kind];
	events->watches[kind] = watch;
	events->count++;
	uv_timer_init(events->server->loop, &watch->timer);
	watch->timer.data = watch;
	uv_timer_start(&watch->timer, timer_ran, LOOK_MS, LOOK_MS);
	watch->stream =
		http_stream_start(exchange, 200, "text/event-stream", PENDING_MAX, stream_gone, stream_drained, watch);
	begin(watch);
}
