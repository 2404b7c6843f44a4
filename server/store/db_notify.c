#include "server/store/db_internal.h"

#include "common/mem.h"

#include <stdlib.h>
#include <string.h>

/*
 * The listener: one connection out of pipeline mode that says LISTEN, hears notifications, and sends ours. NOTIFY
 * inside every transaction would make commits wait for each other; so payloads are collected and sent together, apart.
 */

enum { COLLECT_MS = 5, MAX_PAYLOADS = 1024, MAX_PAYLOAD_BYTES = 7999 /* PostgreSQL's */ };

struct db_listener {
	struct db_link link; /* first */
	struct db *db;
	char *channel;
	void (*on_notify)(void *arg, struct str payload);
	void *arg;
	bool is_listening;
	bool is_busy; /* a statement is under way */
	struct arena arena;
	struct str *payloads; /* to be sent */
	size_t count;
	uv_timer_t collect;
};

static void on_connected(struct db_link *link);
static void on_ready(struct db_link *link);
static void on_lost(struct db_link *link, const struct err *err);

static const struct db_link_calls calls = {on_connected, on_ready, on_lost};

struct db_listener *db_listener_new(struct db *db, const struct db_options *options)
{
	struct db_listener *listener = mem_alloc(sizeof *listener);
	listener->db = db;
	listener->channel = mem_strdup(options->channel);
	listener->on_notify = options->on_notify;
	listener->arg = options->arg;
	listener->link.calls = &calls;
	return listener;
}

struct db_link *db_listener_link(struct db_listener *listener)
{
	return &listener->link;
}

void db_listener_open(struct db_listener *listener)
{
	uv_timer_init(listener->db->loop, &listener->collect);
	listener->collect.data = listener;
	listener->db->handles++;
	db_link_start(&listener->link, NULL);
}

void db_listener_free(struct db_listener *listener)
{
	if (!listener)
		return;
	arena_done(&listener->arena);
	free(listener->channel);
	free(listener);
}

static void on_collect_closed(uv_handle_t *handle)
{
	struct db_listener *listener = handle->data;
	struct db *db = listener->db;
	db->handles--;
	db_handle_closed(db);
}

void db_listener_close(struct db_listener *listener)
{
	db_link_close(&listener->link);
	uv_close((uv_handle_t *)&listener->collect, on_collect_closed);
}

static void give_up(struct db_link *link, const char *what)
{
	struct err err;
	db_link_error(link->pg, what, &err);
	db_link_drop(link, &err);
}

static void on_connected(struct db_link *link)
{
	struct db_listener *listener = (struct db_listener *)link;
	auto_buf text = BUF_INIT(1024);
	char *quoted = PQescapeIdentifier(link->pg, listener->channel, strlen(listener->channel));
	buf_addf(&text, "listen %s", quoted ? quoted : "");
	PQfreemem(quoted);
	if (!PQsendQuery(link->pg, buf_c(&text))) {
		give_up(link, "listen");
		return;
	}
	listener->is_busy = true;
	db_link_flush(link);
}

static void send_payloads(struct db_listener *listener)
{
	auto_buf array = BUF_INIT(MAX_PAYLOADS * (2 * MAX_PAYLOAD_BYTES + 3) + 2);
	if (listener->count == 0 || listener->is_busy || !listener->is_listening)
		return;
	db_array_of_texts(&array, listener->payloads, listener->count);
	const char *const values[] = {listener->channel, buf_c(&array)};
	listener->count = 0;
	arena_done(&listener->arena);
	/* When it is lost on the way, the rows are still the truth. */
	if (PQsendQueryParams(listener->link.pg, "select pg_notify($1, payload) from unnest($2::text[]) as payload", 2,
		    NULL, values, NULL, NULL, 0))
		listener->is_busy = true;
	db_link_flush(&listener->link);
}

static void on_collect(uv_timer_t *timer)
{
	send_payloads(timer->data);
}

static void take_results(struct db_listener *listener)
{
	while (listener->is_busy && !PQisBusy(listener->link.pg)) {
		PGresult *result = PQgetResult(listener->link.pg);
		bool is_listen = PQresultStatus(result) == PGRES_COMMAND_OK;
		PQclear(result);
		if (!result) {
			listener->is_busy = false;
		} else if (is_listen && !listener->is_listening) {
			listener->is_listening = true;
			db_link_worked(&listener->link);
			listener->on_notify(listener->arg, (struct str){0});
			if (listener->link.state != LINK_CONNECTED)
				return;
		}
	}
}

static void on_ready(struct db_link *link)
{
	struct db_listener *listener = (struct db_listener *)link;
	bool was_listening = listener->is_listening;
	take_results(listener);
	while (link->state == LINK_CONNECTED) {
		PGnotify *notify = PQnotifies(link->pg);
		if (!notify)
			break;
		/* Our own changes were acted upon when they were made. */
		if (notify->be_pid != PQbackendPID(link->pg))
			listener->on_notify(listener->arg, str_of(notify->extra));
		PQfreemem(notify);
	}
	if (link->state != LINK_CONNECTED)
		return;
	if (!listener->is_busy && !listener->is_listening)
		give_up(link, "listen");
	else if (!was_listening || !uv_is_active((uv_handle_t *)&listener->collect))
		send_payloads(listener);
}

static void on_lost(struct db_link *link, const struct err *err)
{
	(void)err;
	struct db_listener *listener = (struct db_listener *)link;
	listener->is_listening = listener->is_busy = false;
}

void db_notify(struct db *db, struct str payload)
{
	struct db_listener *listener = db->listener;
	if (!listener)
		BUG("db_notify() without a channel");
	BUG_ON(payload.n == 0 || payload.n > MAX_PAYLOAD_BYTES);
	if (db->is_closing || listener->count == MAX_PAYLOADS)
		return;
	for (size_t i = 0; i < listener->count; i++)
		if (str_eq(listener->payloads[i], payload))
			return;
	if (listener->count == 0)
		listener->payloads = NULL;
	listener->payloads =
		arena_grow(&listener->arena, listener->payloads, sizeof *listener->payloads, listener->count);
	listener->payloads[listener->count++] = arena_str(&listener->arena, payload);
	if (!uv_is_active((uv_handle_t *)&listener->collect))
		uv_timer_start(&listener->collect, on_collect, COLLECT_MS, 0);
}
