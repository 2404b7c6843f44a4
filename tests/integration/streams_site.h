#ifndef TESTS_INTEGRATION_STREAMS_SITE_H
#define TESTS_INTEGRATION_STREAMS_SITE_H

/*
 * For tests of logs and event streams: database, HTTP server, events and logs as wiring makes them, on a loop in a
 * second thread. The test changes rows on connections of its own, as another coordinator would, speaks HTTP, and reads
 * server-sent events one by one.
 */

#include "common/buf.h"
#include "common/mem.h"
#include "server/auth/auth.h"
#include "server/blobs/blob_store.h"
#include "server/events/events.h"
#include "server/events/events_internal.h"
#include "server/logs/logs.h"
#include "server/store/db.h"
#include "server/store/plan_cache.h"
#include "tests/integration/http_peer.h"
#include "tests/support/pg.h"

#include <libpq-fe.h>
#include <pthread.h>
#include <semaphore.h>
#include <uv.h>

static struct {
	uv_loop_t loop;
	uv_async_t wake;
	pthread_t thread;
	sem_t called; /* the call is done */
	void (*call)(void *arg);
	void *arg;
	struct server server;
	struct http_server *http;
	int port, events_closed;
	bool is_db_closed;
	char *url;
	char folder[64];
	struct caller caller;
} site;

static void site_on_wake(uv_async_t *async)
{
	(void)async;
	void (*call)(void *arg) = take(site.call);
	if (!call)
		return;
	call(site.arg);
	sem_post(&site.called);
}

static void *site_run(void *arg)
{
	(void)arg;
	uv_run(&site.loop, UV_RUN_DEFAULT);
	return NULL;
}

/* Runs a function on the loop's thread and waits for it. */
static inline void site_call(void (*call)(void *arg), void *arg)
{
	site.call = call;
	site.arg = arg;
	uv_async_send(&site.wake);
	while (sem_wait(&site.called) != 0)
		;
}

static void site_before(struct http_exchange *exchange, void *context)
{
	(void)context;
	http_set_caller(exchange, &site.caller);
	http_continue(exchange);
}

static const struct http_route site_routes[] = {
	{"GET", "/api/v1/runs/{run}/events", events_watch_run, 0, false, 0},
	{"GET", "/api/v1/events", events_watch_runs, 0, false, 0},
	{"GET", "/api/v1/jobs/{job}/log", logs_get, 0, false, 0},
	{"GET", "/api/v1/jobs/{job}/log/stream", logs_follow, 0, false, 0},
	{NULL, NULL, NULL, 0, false, 0},
};

static inline void site_ignore(void *arg, struct str payload)
{
	(void)arg, (void)payload;
}

/* The database alone: the loop does not run yet, so the test may use site.server.db on its own thread. */
static inline void site_open_database(void)
{
	struct err err = {0};
	memset(&site, 0, sizeof site);
	site.url = test_pg_database();
	snprintf(site.folder, sizeof site.folder, "/tmp/penstock-streams-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(site.folder));
	ck_assert_msg(blob_store_open(site.folder, &site.server.blobs, &err), "%s", err.text);
	uv_loop_init(&site.loop);
	sem_init(&site.called, 0, 0);
	struct db_options options = {
		.url = site.url, .connections = 2, .channel = "penstock", .on_notify = site_ignore};
	ck_assert_msg(db_open(&site.loop, &options, &site.server.db, &err), "%s", err.text);
	site.caller = (struct caller){.kind = CALLER_PERSON, .person = {.name = STR("ann"), .role = STR("viewer")}};
}

static inline void site_start(void)
{
	struct err err = {0};
	site.server.loop = &site.loop;
	site.server.plans = plan_cache_new(4);
	site.server.events = events_new(&site.server);
	site.server.logs = logs_new(&site.server);
	struct http_server_options options = {.address = "127.0.0.1",
		.connection_bytes = 32 * 1024,
		.connections_max = 100,
		.routes = site_routes,
		.before = site_before,
		.context = &site.server};
	ck_assert_msg(http_server_open(&site.loop, &options, &site.http, &err), "%s", err.text);
	site.port = http_server_port(site.http);
	uv_async_init(&site.loop, &site.wake, site_on_wake);
	pthread_create(&site.thread, NULL, site_run, NULL);
}

static void site_db_closed(void *arg)
{
	(void)arg;
	site.is_db_closed = true;
	uv_close((uv_handle_t *)&site.wake, NULL);
}

static void site_logs_closed(void *arg)
{
	(void)arg;
	db_close(site.server.db, site_db_closed, NULL);
}

static void site_http_closed(void *arg)
{
	(void)arg;
	logs_close(site.server.logs, site_logs_closed, NULL);
}

static void site_events_closed(void *arg)
{
	(void)arg;
	site.events_closed++;
}

static inline void site_close_events(void *arg)
{
	(void)arg;
	if (!site.events_closed)
		events_close(site.server.events, site_events_closed, NULL);
}

static inline void site_close_http(void *arg)
{
	(void)arg;
	http_server_close(site.http, 5000, site_http_closed, NULL);
}

static inline void site_close(void)
{
	site_call(site_close_events, NULL);
	site_call(site_close_http, NULL);
	pthread_join(site.thread, NULL);
	ck_assert(site.is_db_closed);
	ck_assert_int_eq(site.events_closed, 1);
	ck_assert_uint_eq(site.server.events->count, 0);
	ck_assert_int_eq(uv_loop_close(&site.loop), 0); /* no handle is left */
	logs_free(site.server.logs);
	events_free(site.server.events);
	plan_cache_free(site.server.plans);
	blob_store_free(site.server.blobs);
	test_pg_drop(site.url);
	auto_buf command = BUF_INIT(256);
	buf_addf(&command, "rm -r %s", site.folder);
	ck_assert_int_eq(system(buf_c(&command)), 0);
}

/* --- rows --- */

__attribute__((format(printf, 1, 2))) static inline void run_sql(const char *format, ...)
{
	auto_buf sql = BUF_INIT(1 << 20);
	va_list args;
	va_start(args, format);
	buf_vaddf(&sql, format, args);
	va_end(args);
	test_pg_run(site.url, buf_c(&sql));
}

static inline void assert_sql(const char *sql, const char *expected)
{
	auto_free char *value = test_pg_value(site.url, sql);
	ck_assert_msg(strcmp(value, expected) == 0, "%s: %s, not %s", sql, value, expected);
}

/* --- requests --- */

static inline struct peer *ask(const char *path, const char *header)
{
	struct peer *peer = peer_open(site.port);
	auto_buf request = BUF_INIT(4096);
	buf_addf(&request, "GET %s HTTP/1.1\r\nHost: a\r\n%s%s\r\n", path, header, *header ? "\r\n" : "");
	peer_send(peer, buf_c(&request));
	return peer;
}

static inline void get(const char *path, struct reply *reply)
{
	struct peer *peer = ask(path, "");
	ck_assert(peer_read(peer, reply, true));
	reply->body[reply->body_bytes] = 0;
	peer_close(peer);
}

/* --- server-sent events --- */

struct sse {
	struct peer *peer;
	struct buf text; /* received and not yet read */
	char id[32];     /* the last one */
	char event[32];  /* "" for an id alone */
	json_t *data;
};

static inline void sse_open(struct sse *sse, const char *path, const char *last)
{
	char head[4096], header[64] = "";
	if (last)
		snprintf(header, sizeof header, "Last-Event-ID: %s", last);
	*sse = (struct sse){.peer = ask(path, header), .text = BUF_INIT(64 << 20)};
	ck_assert(peer_take_until(sse->peer, "\r\n\r\n", head, sizeof head));
	ck_assert_msg(strstr(head, " 200 ") && strstr(head, "text/event-stream"), "%s", head);
}

static inline void sse_close(struct sse *sse)
{
	peer_close(sse->peer);
	buf_done(&sse->text);
	json_decref(sse->data);
}

/* Takes one chunk in; false at the end of the stream. */
static inline bool sse_fill(struct sse *sse)
{
	char line[64];
	if (!peer_take_until(sse->peer, "\r\n", line, sizeof line))
		return false;
	size_t n = strtoul(line, NULL, 16);
	char *to = buf_reserve(&sse->text, n + 1);
	ck_assert(peer_take(sse->peer, n, to) && peer_take_until(sse->peer, "\r\n", line, sizeof line));
	sse->text.n += n;
	return n > 0;
}

/* The next event; comments are passed over. False at the end of the stream. */
static inline bool sse_next(struct sse *sse)
{
	size_t end;
	while (!str_find(buf_str(&sse->text), STR("\n\n"), &end))
		if (!sse_fill(sse))
			return false;
	struct str block = str_head(buf_str(&sse->text), end), line;
	bool is_comment = true;
	sse->event[0] = 0;
	json_decref(take(sse->data));
	while (str_cut(&block, '\n', &line)) {
		is_comment = is_comment && str_starts(line, STR(":"));
		if (str_starts(line, STR("id: ")))
			snprintf(sse->id, sizeof sse->id, "%.*s", STR_ARG(str_skip(line, 4)));
		else if (str_starts(line, STR("event: ")))
			snprintf(sse->event, sizeof sse->event, "%.*s", STR_ARG(str_skip(line, 7)));
		else if (str_starts(line, STR("data: ")))
			sse->data = json_loadb(line.p + 6, line.n - 6, 0, NULL);
	}
	buf_drop(&sse->text, end + 2);
	return is_comment ? sse_next(sse) : true;
}

static inline void sse_expect(struct sse *sse, const char *event)
{
	ck_assert_msg(sse_next(sse), "the stream ended before \"%s\"", event);
	ck_assert_str_eq(sse->event, event);
	ck_assert(*event == 0 || sse->data);
}

#endif
