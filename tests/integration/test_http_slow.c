// links: penstock_http
/* Clients that send next to nothing, for ever: what they are told, and who must not be taken for one. */
#include "common/clock.h"
#include "common/mem.h"
#include "server/http/http_server.h"
#include "tests/integration/http_peer.h"
#include "tests/support/suite.h"

#include <poll.h>
#include <pthread.h>
#include <uv.h>

/* Between a body's limit and a step, and between silence and its limit, a busy machine may stand still for a while. */
enum { HEAD_SECONDS = 1, BODY_SECONDS = 2, IDLE_SECONDS = 9, STEP_MS = 100, PATIENCE_SECONDS = 60 };

static struct {
	uv_loop_t loop;
	uv_async_t stop;
	pthread_t thread;
	struct http_server *server;
	struct http_server_stats stats; /* at the end */
} site;

static void echo(struct http_exchange *exchange, void *context)
{
	(void)context;
	http_answer(exchange, 200, "text/plain", http_body(exchange));
}

static bool take_piece(void *arg, struct str bytes)
{
	(void)arg, (void)bytes;
	return true;
}

static void upload_ended(void *exchange, bool ok)
{
	http_answer(exchange, ok ? 200 : 400, "text/plain", STR("upload"));
}

static void upload(struct http_exchange *exchange, void *context)
{
	(void)context;
	http_upload_start(exchange, take_piece, upload_ended, exchange);
}

static const struct http_route routes[] = {
	{"GET", "/", echo, 0, false, 0},
	{"POST", "/echo", echo, 1 << 20, false, 0},
	{"PUT", "/upload", upload, 1 << 20, true, 0},
	{0},
};

static void on_stop(uv_async_t *async)
{
	http_server_stats(site.server, &site.stats); /* they are the loop's */
	http_server_close(site.server, 1000, NULL, NULL);
	uv_close((uv_handle_t *)async, NULL);
}

static void *serve(void *arg)
{
	(void)arg;
	uv_run(&site.loop, UV_RUN_DEFAULT);
	return NULL;
}

static void open_site(size_t connection_bytes)
{
	struct err err = {0};
	const struct http_server_options options = {.address = "127.0.0.1",
		.connection_bytes = connection_bytes,
		.connections_max = 50,
		.idle_seconds = IDLE_SECONDS,
		.head_seconds = HEAD_SECONDS,
		.body_seconds = BODY_SECONDS,
		.routes = routes};
	uv_loop_init(&site.loop);
	uv_async_init(&site.loop, &site.stop, on_stop);
	ck_assert_msg(http_server_open(&site.loop, &options, &site.server, &err), "%s", err.text);
	pthread_create(&site.thread, NULL, serve, NULL);
}

static void close_site(void)
{
	uv_async_send(&site.stop);
	pthread_join(site.thread, NULL);
	ck_assert_int_eq(uv_loop_close(&site.loop), 0);
}

/* Sends a byte each STEP_MS until there is an answer; false after `seconds` without one. */
static bool trickle(struct peer *peer, const char *bytes, int seconds)
{
	int64_t until_us = clock_mono_us() + seconds * US_PER_SECOND;
	struct pollfd wanted = {.fd = peer->fd, .events = POLLIN};
	for (size_t i = 0; clock_mono_us() < until_us; i++) {
		char byte = bytes[i % strlen(bytes)];
		if (poll(&wanted, 1, STEP_MS) > 0)
			return true;
		if (send(peer->fd, &byte, 1, MSG_NOSIGNAL) != 1)
			return true;
	}
	return false;
}

#define GET "GET / HTTP/1.1\r\nHost: a\r\n"

static const struct {
	const char *what, *begin, *then;
	size_t connection_bytes;
} slow[] = {
	{"headers, of a worker", GET, "X: y\r\n", 8 << 10},
	{"headers, of a browser", GET, "X: y\r\n", 32 << 10},
	{"one header", GET "X: ", "y", 8 << 10},
	{"headers of a second request", GET "\r\n" GET, "X: y\r\n", 8 << 10},
	{"a body", "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 9999\r\n\r\n", "x", 8 << 10},
	{"a body without a length", "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
		"1\r\nx\r\n", 8 << 10},
	{"an upload", "PUT /upload HTTP/1.1\r\nHost: a\r\nContent-Length: 9999\r\n\r\n", "x", 8 << 10},
};

START_TEST(the_slow_are_told_and_cut_off)
{
	static struct reply reply;
	open_site(slow[_i].connection_bytes);
	struct peer *peer = peer_open(http_server_port(site.server));
	peer_send(peer, slow[_i].begin);
	if (strstr(slow[_i].begin + 1, "GET")) {
		ck_assert(peer_read(peer, &reply, true));
		ck_assert_int_eq(reply.status, 200);
	}
	ck_assert_msg(trickle(peer, slow[_i].then, PATIENCE_SECONDS), "%s: still listened to", slow[_i].what);
	ck_assert_msg(peer_read(peer, &reply, true), "%s: no answer", slow[_i].what);
	ck_assert_int_eq(reply.status, 408);
	ck_assert_ptr_nonnull(strstr(reply.body, "\"message\":\"the request did not come"));
	ck_assert(!peer_fill(peer)); /* nothing behind it */
	peer_close(peer);
	close_site();
	ck_assert_uint_eq(site.stats.too_slow, 1);
}
END_TEST

/* A part of a request's line is no request yet: it is cut off with the silent ones, a little later. */
START_TEST(a_line_that_never_ends_is_cut_off)
{
	open_site(8 << 10);
	struct peer *peer = peer_open(http_server_port(site.server));
	ck_assert(trickle(peer, "x", IDLE_SECONDS + PATIENCE_SECONDS));
	peer_close(peer);
	close_site();
}
END_TEST

START_TEST(the_busy_and_the_patient_are_served)
{
	static struct reply reply;
	static char piece[4096];
	open_site(8 << 10);
	struct peer *busy = peer_open(http_server_port(site.server)),
		    *patient = peer_open(http_server_port(site.server));
	memset(piece, 'x', sizeof piece - 1);
	/* Between two requests it may be silent for longer than a request may take. */
	peer_send(patient, GET "\r\n");
	ck_assert(peer_read(patient, &reply, true));
	peer_send(busy, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 163800\r\n\r\n");
	for (int i = 0; i < 40; i++) {
		peer_send(busy, piece);
		usleep(STEP_MS * 1000); /* four seconds in all, twice what a body may dawdle */
	}
	ck_assert(peer_read(busy, &reply, true));
	ck_assert_int_eq(reply.status, 200);
	ck_assert_uint_eq(reply.body_bytes, 163800);
	peer_send(patient, GET "\r\n");
	ck_assert(peer_read(patient, &reply, true));
	ck_assert_int_eq(reply.status, 200);
	peer_close(busy);
	peer_close(patient);
	close_site();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("http_slow");
	TCase *tcase = tcase_create("http_slow");
	tcase_set_timeout(tcase, 100);
	tcase_add_loop_test(tcase, the_slow_are_told_and_cut_off, 0, COUNT_OF(slow));
	tcase_add_test(tcase, a_line_that_never_ends_is_cut_off);
	tcase_add_test(tcase, the_busy_and_the_patient_are_served);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
