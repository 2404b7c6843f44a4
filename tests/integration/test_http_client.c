// links: penstock_io penstock_http
#include "common/io/http_client.h"
#include "common/io/proc.h"
#include "common/mem.h"
#include "server/http/http_server.h"
#include "tests/support/suite.h"

#include <arpa/inet.h>
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

/* Client and server on one loop: each test sends, runs the loop until all is closed, and looks at what came. */

enum { LARGE = 3 * 1000 * 1000 };

static uv_loop_t loop;
static struct http_server *server;
static struct http_client *client;
static int held;
static int pending;

static void echo(struct http_exchange *exchange, void *context)
{
	struct str type = STR("none"), extra = STR("none");
	(void)context;
	http_header(exchange, "Content-Type", &type);
	http_header(exchange, "X-Extra", &extra);
	http_add_header(exchange, "X-Answer", STR("Yes"));
	http_answer(exchange, 200, "text/plain",
		arena_printf(http_arena(exchange), "%.*s %.*s %.*s %.*s", STR_ARG(http_method(exchange)), STR_ARG(type),
			STR_ARG(extra), STR_ARG(http_body(exchange))));
}

static void redirect(struct http_exchange *exchange, void *context)
{
	(void)context;
	http_add_header(exchange, "Location", STR("/echo"));
	http_answer(exchange, 302, "text/plain", STR("elsewhere"));
}

static void large(struct http_exchange *exchange, void *context)
{
	char *text = calloc(1, LARGE);
	(void)context;
	memset(text, 'x', LARGE);
	http_answer(exchange, 200, "text/plain", (struct str){text, LARGE});
	free(text);
}

static void answer_held(void *arg)
{
	http_answer(arg, 204, NULL, (struct str){0});
}

static void hold(struct http_exchange *exchange, void *context)
{
	(void)context;
	held++;
	http_on_gone(exchange, answer_held, exchange);
}

static void missing(struct http_exchange *exchange, void *context)
{
	struct err err;
	(void)context;
	err_set(&err, ERR_NOT_FOUND, "no such thing");
	http_answer_err(exchange, &err);
}

/* Is back at the third question. */
static void away(struct http_exchange *exchange, void *context)
{
	(void)context;
	held++;
	http_answer(exchange, held < 3 ? 503 : 200, "text/plain", held < 3 ? STR("away") : STR("back"));
}

static const struct http_route routes[] = {
	{"GET", "/echo", echo, 0, false, 0},
	{"POST", "/echo", echo, 4 << 20, false, 0},
	{"PUT", "/echo", echo, 4 << 20, false, 0},
	{"DELETE", "/echo", echo, 0, false, 0},
	{"GET", "/redirect", redirect, 0, false, 0},
	{"GET", "/large", large, 0, false, 0},
	{"GET", "/hold", hold, 0, false, 0},
	{"GET", "/away", away, 0, false, 0},
	{"GET", "/missing", missing, 0, false, 0},
	{NULL, NULL, NULL, 0, false, 0},
};

struct outcome {
	int done;
	int status;
	struct err err;
	char type[64];
	char body[4096];
	size_t body_bytes;
	char x_answer[16];
	size_t streamed_bytes;
	size_t to_give;
	bool is_refusing;
	int addresses;
	int begun_again;
	struct http_call *cancel; /* by the end of this one */
};

static void close_all(void)
{
	http_client_close(client, NULL, NULL);
	http_server_close(server, 1000, NULL, NULL);
}

static void on_done(void *arg, const struct http_answer *answer, const struct err *err)
{
	struct outcome *outcome = arg;
	outcome->done++;
	outcome->status = answer->status;
	if (err)
		outcome->err = *err;
	snprintf(outcome->type, sizeof outcome->type, "%.*s", STR_ARG(answer->content_type));
	snprintf(outcome->body, sizeof outcome->body, "%.*s", STR_ARG(answer->body));
	outcome->body_bytes = answer->body.n;
	snprintf(outcome->x_answer, sizeof outcome->x_answer, "%.*s",
		STR_ARG(pair_get(&answer->headers, STR("x-answer"))));
	if (outcome->cancel)
		http_cancel(outcome->cancel);
	if (--pending == 0)
		close_all();
}

static struct str url_of(struct arena *arena, const char *path)
{
	return arena_printf(arena, "http://127.0.0.1:%d%s", http_server_port(server), path);
}

static struct http_call *send_request(struct http_request request, struct outcome *outcome)
{
	struct http_call *call;
	pending++;
	http_send(client, &request, on_done, outcome, &call);
	ck_assert_int_eq(outcome->done, 0);
	return call;
}

static void open_site(void)
{
	struct http_server_options options = {
		.address = "127.0.0.1", .connection_bytes = 32 * 1024, .connections_max = 100, .routes = routes};
	struct err err = {0};
	held = pending = 0;
	uv_loop_init(&loop);
	ck_assert_msg(http_server_open(&loop, &options, &server, &err), "%s", err.text);
	ck_assert_msg(http_client_open(&loop, NULL, &client, &err), "%s", err.text);
}

static void run_site(void)
{
	uv_run(&loop, UV_RUN_DEFAULT);
	ck_assert_int_eq(uv_loop_close(&loop), 0);
}

static const struct {
	const char *method;
	const char *path;
	const char *body;
	const char *type;
	bool follows;
	int status;
	const char *answer;
} calls[] = {
	{"GET", "/echo", "", NULL, false, 200, "GET none added "},
	{"DELETE", "/echo", "", NULL, false, 200, "DELETE none added "},
	{"POST", "/echo", "a=1", NULL, false, 200, "POST none added a=1"}, /* not called a form */
	{"POST", "/echo", "", NULL, false, 200, "POST none added "},
	{"PUT", "/echo", "{}", "application/json", false, 200, "PUT application/json added {}"},
	{"HEAD", "/echo", "", NULL, false, 200, ""},
	{"GET", "/redirect", "", NULL, false, 302, "elsewhere"},
	{"GET", "/redirect", "", NULL, true, 200, "GET none added "},
	/* a status is an answer, not a failure */
	{"GET", "/missing", "", NULL, false, 404, "{\"error\":{\"kind\":\"not_found\",\"message\":\"no such thing\"}}"},
};

START_TEST(answers_come_whole)
{
	auto_arena arena = {0};
	struct outcome outcome = {0};
	struct pair_list headers = {0};
	pair_set(&headers, &arena, STR("X-Extra"), STR("added"));
	if (calls[_i].type)
		pair_set(&headers, &arena, STR("Content-Type"), str_of(calls[_i].type));
	send_request((struct http_request){.method = calls[_i].method,
			     .url = url_of(&arena, calls[_i].path),
			     .headers = &headers,
			     .body = str_of(calls[_i].body),
			     .follow_redirects = calls[_i].follows},
		&outcome);
	run_site();
	ck_assert_int_eq(outcome.done, 1);
	ck_assert_msg(outcome.err.kind == ERR_NONE, "%s", outcome.err.text);
	ck_assert_int_eq(outcome.status, calls[_i].status);
	ck_assert_str_eq(outcome.body, calls[_i].answer);
	if (calls[_i].status == 200)
		ck_assert_str_eq(outcome.x_answer, "Yes");
}
END_TEST

static bool take_piece(void *arg, struct str piece)
{
	struct outcome *outcome = arg;
	outcome->streamed_bytes += piece.n;
	return !outcome->is_refusing;
}

static long give_piece(void *arg, char *to, size_t n)
{
	struct outcome *outcome = arg;
	if (outcome->is_refusing)
		return -1;
	if (n > outcome->to_give)
		n = outcome->to_give;
	memset(to, 'y', n);
	outcome->to_give -= n;
	return (long)n;
}

START_TEST(bodies_are_bounded_and_streamed)
{
	auto_arena arena = {0};
	struct str url = url_of(&arena, "/large"), echo_url = url_of(&arena, "/echo");
	struct outcome small = {0}, exact = {0}, streamed = {0}, refused = {0}, given = {.to_give = LARGE},
		       ungiven = {.is_refusing = true};
	refused.is_refusing = true;
	send_request((struct http_request){.method = "GET", .url = url, .answer_max_bytes = LARGE - 1}, &small);
	send_request((struct http_request){.method = "GET", .url = url, .answer_max_bytes = LARGE}, &exact);
	send_request((struct http_request){.method = "GET", .url = url, .body_write = take_piece}, &streamed);
	send_request((struct http_request){.method = "GET", .url = url, .body_write = take_piece}, &refused);
	struct http_request upload = {.method = "POST",
		.url = echo_url,
		.body_read = give_piece,
		.body_size = LARGE,
		.answer_max_bytes = 2 * LARGE};
	send_request(upload, &given);
	send_request(upload, &ungiven);
	run_site();
	ck_assert_int_eq(small.err.kind, ERR_TOO_LARGE);
	ck_assert_uint_eq(exact.body_bytes, LARGE);
	ck_assert_uint_eq(streamed.streamed_bytes, LARGE);
	ck_assert_uint_eq(streamed.body_bytes, 0);
	ck_assert_int_eq(refused.err.kind, ERR_SYSTEM);
	ck_assert_uint_eq(given.body_bytes, LARGE + strlen("POST none none "));
	ck_assert_int_eq(ungiven.err.kind, ERR_SYSTEM);
}
END_TEST

static const struct {
	const char *url;
	enum err_kind kind;
	const char *text;
} wrongs[] = {
	{"http://127.0.0.1:1/x?token=s3cret", ERR_UPSTREAM, "GET http://127.0.0.1:1/x: "},
	{"http://user:s3cret@127.0.0.1:1/", ERR_UPSTREAM, "GET http://127.0.0.1:1/: "},
	{"file:///etc/passwd", ERR_INVALID, "not an http or https URL"},
	{"http://", ERR_INVALID, "not an http or https URL"},
};

START_TEST(failures_say_where)
{
	struct outcome outcome = {0};
	send_request((struct http_request){.method = "GET", .url = str_of(wrongs[_i].url)}, &outcome);
	run_site();
	ck_assert_int_eq(outcome.done, 1);
	ck_assert_int_eq(outcome.err.kind, wrongs[_i].kind);
	ck_assert_ptr_nonnull(strstr(outcome.err.text, wrongs[_i].text));
	ck_assert_ptr_null(strstr(outcome.err.text, "s3cret"));
}
END_TEST

START_TEST(headers_cannot_hold_lines)
{
	auto_arena arena = {0};
	struct outcome outcome = {0};
	struct pair_list headers = {0};
	pair_set(&headers, &arena, STR("X-Extra"), STR("a\r\nX-More: b"));
	send_request(
		(struct http_request){.method = "GET", .url = url_of(&arena, "/echo"), .headers = &headers}, &outcome);
	run_site();
	ck_assert_int_eq(outcome.err.kind, ERR_INVALID);
}
END_TEST

START_TEST(silence_times_out)
{
	auto_arena arena = {0};
	struct outcome outcome = {0};
	send_request(
		(struct http_request){.method = "GET", .url = url_of(&arena, "/hold"), .timeout_ms = 1000}, &outcome);
	run_site();
	ck_assert_int_eq(outcome.err.kind, ERR_TIMEOUT);
	ck_assert_int_eq(held, 1);
}
END_TEST

START_TEST(cancelled_call_completes)
{
	auto_arena arena = {0};
	struct outcome first = {0}, at_once = {0}, held_call = {0};
	first.cancel = send_request((struct http_request){.method = "GET", .url = url_of(&arena, "/hold")}, &held_call);
	send_request((struct http_request){.method = "GET", .url = url_of(&arena, "/echo")}, &first);
	http_cancel(send_request((struct http_request){.method = "GET", .url = url_of(&arena, "/echo")}, &at_once));
	run_site();
	ck_assert_int_eq(first.status, 200);
	ck_assert_int_eq(held_call.done, 1);
	ck_assert_int_eq(held_call.err.kind, ERR_TIMEOUT);
	ck_assert_int_eq(at_once.done, 1);
	ck_assert_int_eq(at_once.err.kind, ERR_TIMEOUT);
}
END_TEST

static void count_beginning(void *arg)
{
	struct outcome *outcome = arg;
	outcome->begun_again++;
	outcome->streamed_bytes = 0;
}

START_TEST(a_call_waits_for_a_server_that_is_away)
{
	auto_arena arena = {0};
	struct outcome whole = {0}, streamed = {0}, impatient = {0};
	send_request((struct http_request){.method = "GET", .url = url_of(&arena, "/away"), .retry_ms = 60000}, &whole);
	run_site();
	ck_assert_int_eq(held, 3);
	ck_assert_int_eq(whole.status, 200);
	ck_assert_str_eq(whole.body, "back");
	open_site();
	send_request((struct http_request){.method = "GET",
			     .url = url_of(&arena, "/away"),
			     .retry_ms = 60000,
			     .body_write = take_piece,
			     .begin_again = count_beginning},
		&streamed);
	run_site();
	ck_assert_int_eq(streamed.begun_again, 2);
	ck_assert_uint_eq(streamed.streamed_bytes, 4);
	open_site();
	send_request(
		(struct http_request){.method = "GET", .url = url_of(&arena, "/away"), .retry_ms = 90}, &impatient);
	run_site();
	ck_assert_int_eq(impatient.status, 503); /* one more try, then the answer that there is */
	ck_assert_int_eq(held, 2);
}
END_TEST

START_TEST(a_call_that_rests_ends_when_told_to)
{
	auto_arena arena = {0};
	struct outcome resting = {0}, first = {0};
	/* Nobody listens there. */
	first.cancel = send_request(
		(struct http_request){.method = "GET", .url = STR("http://127.0.0.1:1/"), .retry_ms = 60000}, &resting);
	send_request((struct http_request){.method = "GET", .url = url_of(&arena, "/away"), .retry_ms = 60000}, &first);
	run_site();
	ck_assert_int_eq(first.status, 200);
	ck_assert_int_eq(resting.done, 1);
	ck_assert_int_eq(resting.err.kind, ERR_TIMEOUT);
}
END_TEST

static void close_on_timer(uv_timer_t *timer)
{
	if (held == 0)
		return;
	uv_close((uv_handle_t *)timer, NULL);
	close_all();
}

START_TEST(closing_completes_what_is_open)
{
	auto_arena arena = {0};
	struct outcome outcome = {0};
	uv_timer_t timer;
	pending = 1; /* the timer closes, not the last completion */
	send_request((struct http_request){.method = "GET", .url = url_of(&arena, "/hold")}, &outcome);
	uv_timer_init(&loop, &timer);
	uv_timer_start(&timer, close_on_timer, 1, 1);
	run_site();
	ck_assert_int_eq(outcome.done, 1);
	ck_assert_int_eq(outcome.err.kind, ERR_BUSY);
}
END_TEST

static bool allow_address(void *arg, const struct sockaddr *address)
{
	struct outcome *outcome = arg;
	outcome->addresses++;
	ck_assert_int_eq(address->sa_family, AF_INET);
	return !outcome->is_refusing;
}

START_TEST(guard_decides_on_each_connection)
{
	auto_arena arena = {0};
	struct outcome allowed = {0}, refused = {.is_refusing = true};
	struct http_request request = {.method = "GET", .url = url_of(&arena, "/echo"), .allow_address = allow_address};
	send_request(request, &allowed);
	send_request(request, &refused);
	run_site();
	ck_assert_int_eq(allowed.status, 200);
	ck_assert_int_eq(allowed.addresses, 1);
	ck_assert_int_eq(refused.err.kind, ERR_DENIED);
	ck_assert_int_eq(refused.addresses, 1);
}
END_TEST

static struct http_client *doubted_client;

static void on_doubted(void *arg, const struct http_answer *answer, const struct err *err)
{
	http_client_close(doubted_client, NULL, NULL);
	on_done(arg, answer, err);
}

static void on_made(void *arg, const struct proc_result *result)
{
	(void)arg;
	ck_assert_msg(result->exit_code == 0, "%.*s", STR_ARG(result->error));
}

/* A certificate of its own authority, made by the openssl command. */
START_TEST(tls_is_spoken_and_verified)
{
	static const char *const make[] = {"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
		"ec_paramgen_curve:prime256v1", "-nodes", "-keyout", "key.pem", "-out", "cert.pem", "-subj", "/CN=test",
		"-addext", "subjectAltName=IP:127.0.0.1", "-days", "2", NULL};
	auto_arena arena = {0};
	char directory[] = "/tmp/penstock-tls-XXXXXX";
	struct outcome trusted = {0}, doubted = {0};
	struct http_client *doubting;
	struct err err = {0};
	ck_assert_ptr_nonnull(mkdtemp(directory));
	ck_assert_msg(
		proc_start(&loop, &(struct proc_options){.argv = make, .directory = directory, .error_max_bytes = 4096},
			on_made, NULL, NULL, &err),
		"%s", err.text);
	http_client_close(client, NULL, NULL);
	http_server_close(server, 1000, NULL, NULL);
	uv_run(&loop, UV_RUN_DEFAULT);

	const char *certificate = arena_printf(&arena, "%s/cert.pem", directory).p;
	const char *key = arena_printf(&arena, "%s/key.pem", directory).p;
	struct http_server_options options = {.address = "127.0.0.1",
		.connection_bytes = 32 * 1024,
		.connections_max = 100,
		.routes = routes,
		.tls_certificate_file = certificate,
		.tls_key_file = key};
	ck_assert_msg(http_server_open(&loop, &options, &server, &err), "%s", err.text);
	ck_assert_msg(http_client_open(&loop, certificate, &client, &err), "%s", err.text);
	ck_assert_msg(http_client_open(&loop, NULL, &doubting, &err), "%s", err.text);
	struct http_request request = {.method = "GET",
		.url = arena_printf(&arena, "https://127.0.0.1:%d/large", http_server_port(server)),
		.answer_max_bytes = LARGE};
	send_request(request, &trusted);
	pending++;
	http_send(doubting, &request, on_doubted, &doubted, NULL);
	doubted_client = doubting;
	run_site();
	ck_assert_msg(trusted.err.kind == ERR_NONE, "%s", trusted.err.text);
	ck_assert_uint_eq(trusted.body_bytes, LARGE);
	ck_assert_int_eq(doubted.err.kind, ERR_UPSTREAM);
	ck_assert_ptr_nonnull(strstr(doubted.err.text, "certificate"));
	unlink(certificate);
	unlink(key);
	rmdir(directory);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("http_client");
	TCase *cases = tcase_create("http_client");
	tcase_add_checked_fixture(cases, open_site, NULL);
	tcase_set_timeout(cases, 60);
	tcase_add_loop_test(cases, answers_come_whole, 0, COUNT_OF(calls));
	tcase_add_loop_test(cases, failures_say_where, 0, COUNT_OF(wrongs));
	tcase_add_test(cases, bodies_are_bounded_and_streamed);
	tcase_add_test(cases, headers_cannot_hold_lines);
	tcase_add_test(cases, silence_times_out);
	tcase_add_test(cases, cancelled_call_completes);
	tcase_add_test(cases, a_call_waits_for_a_server_that_is_away);
	tcase_add_test(cases, a_call_that_rests_ends_when_told_to);
	tcase_add_test(cases, closing_completes_what_is_open);
	tcase_add_test(cases, guard_decides_on_each_connection);
	tcase_add_test(cases, tls_is_spoken_and_verified);
	suite_add_tcase(suite, cases);
	return suite_run(suite);
}
