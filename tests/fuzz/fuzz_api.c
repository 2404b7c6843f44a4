// links: penstock_api
// wraps: db_await db_await_conflict db_submit work_submit configurations_now MHD_create_response_from_buffer
// max_len: 4096
/*
 * The API behind its socket: the input is a line `METHOD TARGET`, then a body. It goes by path, route and handler as a
 * request of an admin does, up to the first question to the database, which is away. Every request gets exactly one
 * answer; it is JSON that says what is wrong; and nothing that a client sends is our own fault (500).
 */
#include "common/json.h"
#include "common/mem.h"
#include "server/alarms/alarms_internal.h"
#include "server/api/routes.h"
#include "server/api/retention.h"
#include "server/api/service.h"
#include "server/auth/auth.h"
#include "server/configuration/configurations.h"
#include "server/dispatch/dispatch_internal.h"
#include "server/events/events.h"
#include "server/http/exchange.h"
#include "server/keys/keyring.h"
#include "server/settings.h"
#include "server/store/db_internal.h"
#include "tests/fuzz/fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* --- a database that is away --- */

/* Batches fail as they do in the product: later, from the loop. */
struct question {
	struct db_batch *batch; /* NULL: work for the thread pool */
	struct flow *flow;      /* NULL: `done` gets the reply */
	void (*done)(void *arg, struct db_reply *reply);
	void (*worked)(void *arg, bool is_cancelled);
	void *arg;
};
static struct question questions[8];
static size_t question_count;

static void ask(struct question question)
{
	BUG_ON(question_count == COUNT_OF(questions));
	questions[question_count++] = question;
}

enum flow_next __wrap_db_await(struct flow *flow, struct db_batch *batch);
enum flow_next __wrap_db_await_conflict(struct flow *flow, struct db_batch *batch);
void __wrap_db_submit(struct db_batch *batch, void (*done)(void *arg, struct db_reply *reply), void *arg);

enum flow_next __wrap_db_await(struct flow *flow, struct db_batch *batch)
{
	ask((struct question){.batch = batch, .flow = flow});
	return FLOW_WAIT;
}

enum flow_next __wrap_db_await_conflict(struct flow *flow, struct db_batch *batch)
{
	return __wrap_db_await(flow, batch);
}

void __wrap_db_submit(struct db_batch *batch, void (*done)(void *arg, struct db_reply *reply), void *arg)
{
	ask((struct question){.batch = batch, .done = done, .arg = arg});
}

void __wrap_work_submit(
	struct uv_loop_s *loop, void (*run)(void *arg), void (*done)(void *arg, bool is_cancelled), void *arg);

/* Only a worker's registration gets this far: it looks up the machine's addresses, of which there are none here. */
void __wrap_work_submit(
	struct uv_loop_s *loop, void (*run)(void *arg), void (*done)(void *arg, bool is_cancelled), void *arg)
{
	(void)loop, (void)run;
	ask((struct question){.worked = done, .arg = arg});
}

static void fail_question(struct question question)
{
	struct err err;
	if (!question.batch) {
		question.worked(question.arg, false);
		return;
	}
	err_set(&err, ERR_BUSY, "the database is away");
	if (question.batch->err.kind != ERR_NONE)
		err = question.batch->err;
	struct db_reply *reply = question.flow ? NULL : take(question.batch->reply);
	db_batch_free(question.batch);
	if (question.flow) {
		flow_fail(question.flow, &err);
		return;
	}
	db_reply_fail(reply, &err);
	question.done(question.arg, reply);
}

static int count_params(const char *text)
{
	int most = 0;
	for (const char *at = text; (at = strchr(at, '$')); at++) {
		int number = (int)strtol(at + 1, NULL, 10);
		most = number > most ? number : most;
	}
	return most;
}

/* --- the server around a handler --- */

static struct db db;
static struct dispatch dispatch;
static struct server_settings settings = {.keep_newest = 1};
static struct alarms alarms;
static struct server server = {.db = &db, .dispatch = &dispatch, .alarms = &alarms, .settings = &settings};
static struct http_server http;

const struct configuration_snapshot *__wrap_configurations_now(const struct configurations *configurations);

/* The empty one. */
const struct configuration_snapshot *__wrap_configurations_now(const struct configurations *configurations)
{
	static const struct configuration empty;
	static const struct configuration_snapshot snapshot = {.configuration = &empty};
	(void)configurations;
	return &snapshot;
}

/* Streams and what takes no input but its path: they need the rest of the server. A new handler that asks another part
 * before the database belongs here, or its part above. */
static http_handler *const left_out[] = {service_readyz, service_metrics, service_pages, retention_run,
	events_watch_run, events_watch_runs, events_watch_alarms};

static void set_up(void)
{
	char folder[] = "/tmp/penstock-fuzz-XXXXXX";
	char path[100];
	struct err err;
	BUG_ON(!mkdtemp(folder));
	snprintf(path, sizeof path, "%s/key", folder);
	if (!keyring_open(path, &server.keys, &err))
		BUG("%s", err.text);
	unlink(path);
	rmdir(folder);
	db.statements = db_queries;
	while (db.statements[db.statement_count].name)
		db.statement_count++;
	db.param_counts = mem_alloc(db.statement_count * sizeof *db.param_counts);
	for (size_t i = 0; i < db.statement_count; i++)
		db.param_counts[i] = count_params(db.statements[i].text);
	dispatch.server = alarms.server = &server;
	http.router = router_new(api_routes);
}

/* --- answers --- */

static bool is_json;

struct MHD_Response *__real_MHD_create_response_from_buffer(size_t size, void *bytes, enum MHD_ResponseMemoryMode mode);
struct MHD_Response *__wrap_MHD_create_response_from_buffer(size_t size, void *bytes, enum MHD_ResponseMemoryMode mode);

struct MHD_Response *__wrap_MHD_create_response_from_buffer(size_t size, void *bytes, enum MHD_ResponseMemoryMode mode)
{
	json_auto_t *json = json_loadb(bytes, size, 0, NULL);
	const json_t *error = json_object_get(json, "error");
	is_json = json_string_length(json_object_get(error, "kind")) &&
		  json_string_length(json_object_get(error, "message"));
	return __real_MHD_create_response_from_buffer(size, bytes, mode);
}

static void check_answer(const struct http_exchange *exchange)
{
	BUG_ON(!exchange->is_answered || !exchange->response);
	if (exchange->status >= 400 && !is_json)
		BUG("status %d without an error", exchange->status);
	if (exchange->status == 500)
		BUG("500: %.*s", STR_ARG(exchange->path));
}

/* --- a request --- */

static bool is_left_out(http_handler *handler)
{
	for (size_t i = 0; i < COUNT_OF(left_out); i++)
		if (left_out[i] == handler)
			return true;
	return false;
}

static struct http_exchange *exchange_of(struct str method, struct str target)
{
	struct http_exchange *exchange = mem_alloc(sizeof *exchange + target.n + 1);
	memcpy(exchange->target, str_or_empty(target).p, target.n);
	exchange->server = &http;
	exchange->method = method;
	exchange->body = (struct buf)BUF_INIT(1);
	char *question = memchr(exchange->target, '?', target.n);
	size_t n = question ? (size_t)(question - exchange->target) : target.n;
	if (question)
		exchange->query = (struct str){question + 1, target.n - n - 1};
	exchange->path = (struct str){exchange->target, n};
	return exchange;
}

static bool find_route(struct http_exchange *exchange)
{
	struct url_path path;
	struct err err = {0};
	auto_buf allow = BUF_INIT(256);
	if (!url_path_parse(exchange->target, exchange->path.n, &path, &err)) {
		BUG_ON(err.kind != ERR_INVALID || !str_is_utf8(str_of(err.text)));
		return false;
	}
	for (size_t i = 0; i < path.count; i++)
		BUG_ON(!str_is_utf8(path.segments[i]) || str_is(path.segments[i], ".."));
	return router_find(http.router, exchange->method, &path, &exchange->match, &allow) == ROUTER_FOUND &&
	       !is_left_out(exchange->match.route->handler);
}

static void handle(struct http_exchange *exchange, struct str body)
{
	struct str groups[] = {STR("release")};
	struct caller caller = {
		.kind = CALLER_PERSON,
		.token = 1,
		.person = {.account = 1, .name = STR("ann"), .role = STR("admin"), .groups = {groups, 1}},
	};
	exchange->body.max = exchange->match.route->body_max_bytes ? exchange->match.route->body_max_bytes : 1;
	buf_add_str(&exchange->body, body);
	http_set_caller(exchange, &caller);
	exchange->match.route->handler(exchange, &server);
	while (question_count)
		fail_question(questions[--question_count]);
	check_answer(exchange);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!http.router)
		set_up();
	struct str body = fuzz_input(data, size), line = fuzz_part(&body, '\n'), method = fuzz_part(&line, ' ');
	/* As libmicrohttpd hands it over: up to a zero byte. */
	size_t end;
	struct http_exchange *exchange = exchange_of(method, str_find_char(line, 0, &end) ? str_head(line, end) : line);
	if (find_route(exchange))
		handle(exchange, body);
	exchange_free(exchange);
	return 0;
}
