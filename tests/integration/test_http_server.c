// links: penstock_http
#include "common/mem.h"
#include "server/http/http_server.h"
#include "tests/integration/http_peer.h"
#include "tests/support/suite.h"

#include <pthread.h>
#include <stdatomic.h>
#include <uv.h>

/*
 * The server runs on a loop of its own in a second thread; the test speaks to it through sockets, and waits for what
 * the handlers count with wait_for().
 */

enum { HELD_MAX = 2000, STREAM_BYTES = 600 * 1000, PIECE_BYTES = 1000 };

static struct {
	uv_loop_t loop;
	uv_async_t stop;
	pthread_t thread;
	struct http_server *server;
	int port;
	int64_t grace_ms;
	struct http_exchange *held[HELD_MAX];
	atomic_int held_count;
	atomic_int gone_count;
	atomic_int stream_gone_count;
	atomic_int drained_count;
	atomic_bool is_closed;
	bool answers_gone; /* owners of held requests answer as soon as they are told */
	pthread_mutex_t lock;
	pthread_cond_t changed;
} site;

static void note(atomic_int *counter)
{
	pthread_mutex_lock(&site.lock);
	(*counter)++;
	pthread_cond_broadcast(&site.changed);
	pthread_mutex_unlock(&site.lock);
}

static void wait_for(atomic_int *counter, int at_least)
{
	struct timespec until;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += 10;
	pthread_mutex_lock(&site.lock);
	while (*counter < at_least)
		if (pthread_cond_timedwait(&site.changed, &site.lock, &until) != 0)
			break;
	pthread_mutex_unlock(&site.lock);
	ck_assert_int_ge(*counter, at_least);
}

static void say_hello(struct http_exchange *exchange, void *context)
{
	(void)context;
	http_answer(exchange, 200, "text/plain", STR("hello"));
}

static void say_item(struct http_exchange *exchange, void *context)
{
	(void)context;
	struct str id = http_param(exchange, "id"), q = STR("-");
	http_query(exchange, "q", &q);
	struct str text = arena_printf(
		http_arena(exchange), "%.*s|%.*s|%.*s", STR_ARG(id), STR_ARG(q), STR_ARG(http_path(exchange)));
	http_add_header(exchange, "X-Unsafe", STR("a\r\nb"));
	http_answer(exchange, 200, "text/plain", text);
}

static void echo(struct http_exchange *exchange, void *context)
{
	(void)context;
	http_answer(exchange, 201, "text/plain", http_body(exchange));
}

static void on_held_gone(void *arg)
{
	struct http_exchange **slot = arg;
	if (site.answers_gone)
		http_answer(take(*slot), 200, "text/plain", STR("closing"));
	note(&site.gone_count);
}

static void hold(struct http_exchange *exchange, void *context)
{
	(void)context;
	struct http_exchange **slot = &site.held[site.held_count];
	*slot = exchange;
	http_on_gone(exchange, on_held_gone, slot);
	note(&site.held_count);
}

static void release(struct http_exchange *exchange, void *context)
{
	(void)context;
	for (int i = 0; i < site.held_count; i++)
		if (site.held[i])
			http_answer(take(site.held[i]), 200, "text/plain", STR("released"));
	http_answer(exchange, 204, NULL, (struct str){0});
}

struct streaming {
	struct http_stream *stream;
	size_t written;
};

static void stream_gone(void *arg)
{
	struct streaming *streaming = arg;
	http_stream_end(streaming->stream);
	free(streaming);
	note(&site.stream_gone_count);
}

static void stream_more(void *arg)
{
	struct streaming *streaming = arg;
	char piece[PIECE_BYTES];
	note(&site.drained_count);
	for (int i = 0; i < 16 && streaming->written < STREAM_BYTES; i++) {
		memset(piece, 'a' + (char)(streaming->written / PIECE_BYTES % 26), sizeof piece);
		ck_assert(http_stream_write(streaming->stream, (struct str){piece, sizeof piece}));
		streaming->written += sizeof piece;
	}
	if (streaming->written == STREAM_BYTES) {
		http_stream_end(streaming->stream);
		free(streaming);
	}
}

static void stream(struct http_exchange *exchange, void *context)
{
	(void)context;
	struct streaming *streaming = mem_alloc(sizeof *streaming);
	streaming->stream =
		http_stream_start(exchange, 200, "text/plain", 64 * 1024, stream_gone, stream_more, streaming);
	stream_more(streaming);
}

/* Writes one line, and then nothing until the client goes. */
static void quiet_stream(struct http_exchange *exchange, void *context)
{
	(void)context;
	struct streaming *streaming = mem_alloc(sizeof *streaming);
	streaming->stream = http_stream_start(exchange, 200, "text/event-stream", 1024, stream_gone, NULL, streaming);
	http_stream_write(streaming->stream, STR("data: 1\n\n"));
}

/* Writes more than may be pending. */
static void flood(struct http_exchange *exchange, void *context)
{
	(void)context;
	static char piece[64 * 1024];
	struct streaming *streaming = mem_alloc(sizeof *streaming);
	streaming->stream = http_stream_start(exchange, 200, "text/plain", 128 * 1024, stream_gone, NULL, streaming);
	while (http_stream_write(streaming->stream, (struct str){piece, sizeof piece}))
		;
}

struct receiving {
	struct http_exchange *exchange;
	uv_timer_t timer;
	size_t bytes;
	unsigned sum;
	int pauses;
	const char *paused_at;
	size_t paused_bytes;
	struct str answer;
};

static void free_receiving(uv_handle_t *handle)
{
	free(handle->data);
}

static void resume_upload(uv_timer_t *timer)
{
	struct receiving *receiving = timer->data;
	for (size_t i = 0; i < receiving->paused_bytes; i++)
		receiving->sum = receiving->sum * 31 + (unsigned char)receiving->paused_at[i];
	http_upload_resume(receiving->exchange);
}

static bool take_piece(void *arg, struct str bytes)
{
	struct receiving *receiving = arg;
	receiving->bytes += bytes.n;
	receiving->pauses++;
	/* Read later, which holds the server to its word that the bytes stay. */
	receiving->paused_at = bytes.p;
	receiving->paused_bytes = bytes.n;
	uv_timer_start(&receiving->timer, resume_upload, 0, 0);
	return false;
}

static void end_upload(void *arg, bool ok)
{
	struct receiving *receiving = arg;
	struct http_exchange *exchange = receiving->exchange;
	struct err err;
	if (ok) {
		http_answer(exchange, 200, "text/plain",
			arena_printf(http_arena(exchange), "%zu %u %d", receiving->bytes, receiving->sum,
				receiving->pauses > 1));
	} else {
		err_set(&err, ERR_TOO_LARGE, "too large");
		http_answer_err(exchange, &err);
		note(&site.gone_count);
	}
	uv_close((uv_handle_t *)&receiving->timer, free_receiving);
}

static void upload(struct http_exchange *exchange, void *context)
{
	(void)context;
	struct receiving *receiving = mem_alloc(sizeof *receiving);
	receiving->exchange = exchange;
	uv_timer_init(&site.loop, &receiving->timer);
	receiving->timer.data = receiving;
	http_upload_start(exchange, take_piece, end_upload, receiving);
}

static void admit_later(uv_timer_t *timer)
{
	http_continue(timer->data);
	uv_close((uv_handle_t *)timer, (uv_close_cb)(void (*)(void))free);
}

/* "X-Auth: no" is refused, "later" is let in on another turn of the loop. */
static void before(struct http_exchange *exchange, void *context)
{
	(void)context;
	struct str auth = {0};
	http_header(exchange, "X-Auth", &auth);
	if (str_is(auth, "no")) {
		struct err err;
		err_set(&err, ERR_UNAUTHENTICATED, "who are you?");
		http_answer_err(exchange, &err);
	} else if (str_is(auth, "later")) {
		uv_timer_t *timer = mem_alloc(sizeof *timer);
		uv_timer_init(&site.loop, timer);
		timer->data = exchange;
		uv_timer_start(timer, admit_later, 0, 0);
	} else {
		http_continue(exchange);
	}
}

static const struct http_route routes[] = {
	{"GET", "/hello", say_hello, 0, false, 0},
	{"GET", "/items/{id}", say_item, 0, false, 0},
	{"POST", "/echo", echo, 64, false, 0},
	{"GET", "/hold", hold, 0, false, 0},
	{"POST", "/release", release, 0, false, 0},
	{"GET", "/stream", stream, 0, false, 0},
	{"GET", "/quiet", quiet_stream, 0, false, 0},
	{"GET", "/flood", flood, 0, false, 0},
	{"PUT", "/upload", upload, 1 << 20, true, 0},
	{NULL, NULL, NULL, 0, false, 0},
};

static void on_closed(void *arg)
{
	(void)arg;
	site.is_closed = true;
}

static void on_stop(uv_async_t *async)
{
	http_server_close(site.server, site.grace_ms, on_closed, NULL);
	uv_close((uv_handle_t *)async, NULL);
}

static void *run_loop(void *arg)
{
	(void)arg;
	uv_run(&site.loop, UV_RUN_DEFAULT);
	return NULL;
}

static void open_site(void)
{
	struct http_server_options options = {
		.address = "127.0.0.1",
		.connection_bytes = 8 * 1024,
		.connections_max = 4096,
		.idle_seconds = 1,
		.routes = routes,
		.before = before,
	};
	struct err err = {0};
	pthread_mutex_init(&site.lock, NULL);
	pthread_cond_init(&site.changed, NULL);
	site.grace_ms = 5000;
	uv_loop_init(&site.loop);
	uv_async_init(&site.loop, &site.stop, on_stop);
	ck_assert_msg(http_server_open(&site.loop, &options, &site.server, &err), "%s", err.text);
	site.port = http_server_port(site.server);
	pthread_create(&site.thread, NULL, run_loop, NULL);
}

static void join_site(void)
{
	pthread_join(site.thread, NULL);
	ck_assert(site.is_closed);
	ck_assert_int_eq(uv_loop_close(&site.loop), 0);
}

static void close_site(void)
{
	uv_async_send(&site.stop);
	join_site();
}

static struct reply reply;

static void expect(struct peer *peer, int status, const char *body)
{
	ck_assert(peer_read(peer, &reply, true));
	ck_assert_msg(reply.status == status, "%d: %s", reply.status, reply.body);
	if (body)
		ck_assert_str_eq(reply.body, body);
}

static const struct {
	const char *request;
	int status;
	const char *body; /* NULL: any */
} requests[] = {
	{"GET /hello HTTP/1.1\r\nHost: a\r\n\r\n", 200, "hello"},
	{"GET /items/7 HTTP/1.1\r\nHost: a\r\n\r\n", 200, "7|-|/items/7"},
	/* escapes are decoded once, a slash inside of a segment stays there */
	{"GET /items/a%2Fb%2525?x=1&q=1+2%26 HTTP/1.1\r\nHost: a\r\n\r\n", 200, "a/b%25|1 2&|/items/a/b%25"},
	{"GET /%68ello HTTP/1.1\r\nHost: a\r\n\r\n", 200, "hello"},
	{"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc", 201, "abc"},
	{"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n", 201,
		"abc"},
	{"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", 201, ""},
	{"GET /nowhere HTTP/1.1\r\nHost: a\r\n\r\n", 404,
		"{\"error\":{\"kind\":\"not_found\",\"message\":\"there is nothing at this path\"}}"},
	{"GET /items/ HTTP/1.1\r\nHost: a\r\n\r\n", 404, NULL}, /* a parameter is not empty */
	{"DELETE /hello HTTP/1.1\r\nHost: a\r\n\r\n", 405, NULL},
	{"OPTIONS /hello HTTP/1.1\r\nHost: a\r\n\r\n", 204, NULL},
	{"GET /items/%zz HTTP/1.1\r\nHost: a\r\n\r\n", 400, NULL},     /* a broken escape */
	{"GET /items/%00 HTTP/1.1\r\nHost: a\r\n\r\n", 400, NULL},     /* a zero byte */
	{"GET /items/%ff HTTP/1.1\r\nHost: a\r\n\r\n", 400, NULL},     /* not UTF-8 */
	{"GET /items/%2e%2e HTTP/1.1\r\nHost: a\r\n\r\n", 400, NULL},  /* a hidden ".." */
	{"GET http://a/hello HTTP/1.1\r\nHost: a\r\n\r\n", 400, NULL}, /* not a proxy */
	{"GET /hello HTTP/1.1\r\n\r\n", 400, NULL},                    /* no Host */
	{"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc", 400, NULL},
	{"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400,
		NULL},
	{"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", 501, NULL},
	{"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", 400, NULL},
	{"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 9999999999999\r\n\r\n", 413,
		NULL},                                                               /* refused at the headers */
	{"GET /hello HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx", 413, NULL}, /* takes no body */
	{"GET /hello HTTP/1.1\r\nHost: a\r\nX-Auth: no\r\n\r\n", 401, NULL},
	{"GET /hello HTTP/1.1\r\nHost: a\r\nX-Auth: later\r\n\r\n", 200, "hello"},
	{"POST /echo HTTP/1.1\r\nHost: a\r\nX-Auth: later\r\nContent-Length: 3\r\n\r\nabc", 201, "abc"},
	{"POST /echo HTTP/1.1\r\nHost: a\r\nX-Auth: no\r\nContent-Length: 3\r\n\r\nabc", 401, NULL},
};

START_TEST(requests_are_answered)
{
	struct peer *peer = peer_open(site.port);
	peer_send(peer, requests[_i].request);
	expect(peer, requests[_i].status, requests[_i].body);
	if (requests[_i].status == 405)
		ck_assert_pstr_eq(reply_header(&reply, "Allow"), "GET, HEAD");
	peer_close(peer);
}
END_TEST

START_TEST(header_values_cannot_start_a_line)
{
	struct peer *peer = peer_open(site.port);
	peer_send(peer, "GET /items/1 HTTP/1.1\r\nHost: a\r\n\r\n");
	expect(peer, 200, NULL);
	ck_assert_pstr_eq(reply_header(&reply, "X-Unsafe"), "a__b");
	ck_assert_pstr_eq(reply_header(&reply, "X-Content-Type-Options"), "nosniff");
	ck_assert_pstr_eq(reply_header(&reply, "Cache-Control"), "no-store");
	peer_close(peer);
}
END_TEST

START_TEST(connection_is_kept)
{
	struct peer *peer = peer_open(site.port);
	for (int i = 0; i < 3; i++) {
		peer_send(peer, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc");
		expect(peer, 201, "abc");
		/* A small refused body is thrown away, and does not cost the connection. */
		peer_send(peer, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 65\r\n\r\n"
				"12345678901234567890123456789012345678901234567890123456789012345");
		expect(peer, 413, NULL);
		peer_send(peer, "HEAD /hello HTTP/1.1\r\nHost: a\r\n\r\n");
		ck_assert(peer_read(peer, &reply, false));
		ck_assert_pstr_eq(reply_header(&reply, "Content-Length"), "5");
	}
	peer_close(peer);
}
END_TEST

START_TEST(pipelined_requests_are_answered_in_order)
{
	struct peer *peer = peer_open(site.port), *other = peer_open(site.port);
	peer_send(peer, "GET /hold HTTP/1.1\r\nHost: a\r\n\r\nGET /items/2 HTTP/1.1\r\nHost: a\r\n\r\n");
	wait_for(&site.held_count, 1);
	peer_send(other, "POST /release HTTP/1.1\r\nHost: a\r\n\r\n");
	expect(other, 204, NULL);
	expect(peer, 200, "released");
	expect(peer, 200, "2|-|/items/2");
	peer_close(other);
	peer_close(peer);
}
END_TEST

START_TEST(slow_client_is_served)
{
	const char *request = "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc";
	struct peer *peer = peer_open(site.port);
	for (const char *c = request; *c; c++) {
		char one[2] = {*c, 0};
		peer_send(peer, one);
	}
	expect(peer, 201, "abc");
	peer_close(peer);
}
END_TEST

START_TEST(silent_client_is_cut_off)
{
	struct peer *peer = peer_open(site.port);
	peer_send(peer, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\na");
	ck_assert(!peer_read(peer, &reply, true)); /* idle_seconds is 1 */
	peer_close(peer);
}
END_TEST

START_TEST(held_request_outlives_the_idle_limit)
{
	struct peer *peer = peer_open(site.port), *other = peer_open(site.port), *idle = peer_open(site.port);
	peer_send(peer, "GET /hold HTTP/1.1\r\nHost: a\r\n\r\n");
	wait_for(&site.held_count, 1);
	ck_assert(!peer_fill(idle)); /* the limit has passed */
	peer_close(other);
	other = peer_open(site.port);
	peer_send(other, "POST /release HTTP/1.1\r\nHost: a\r\n\r\n");
	expect(other, 204, NULL);
	expect(peer, 200, "released");
	peer_close(idle);
	peer_close(other);
	peer_close(peer);
}
END_TEST

START_TEST(leaving_client_is_noticed)
{
	struct peer *peer = peer_open(site.port), *other = peer_open(site.port);
	/* The second request of a connection that was watched already. */
	peer_send(peer, "GET /hold HTTP/1.1\r\nHost: a\r\n\r\n");
	wait_for(&site.held_count, 1);
	peer_send(other, "POST /release HTTP/1.1\r\nHost: a\r\n\r\n");
	expect(other, 204, NULL);
	expect(peer, 200, "released");
	ck_assert_int_eq(site.gone_count, 0);
	peer_send(peer, "GET /hold HTTP/1.1\r\nHost: a\r\n\r\n");
	wait_for(&site.held_count, 2);
	peer_close(peer);
	wait_for(&site.gone_count, 1);
	/* The answer is still owed, and goes nowhere. */
	peer_send(other, "POST /release HTTP/1.1\r\nHost: a\r\n\r\n");
	expect(other, 204, NULL);
	peer_close(other);
}
END_TEST

START_TEST(stream_is_complete_under_back_pressure)
{
	struct peer *peer = peer_open(site.port);
	peer_send(peer, "GET /stream HTTP/1.1\r\nHost: a\r\n\r\n");
	expect(peer, 200, NULL);
	ck_assert_uint_eq(reply.body_bytes, STREAM_BYTES);
	size_t wrong = 0;
	for (size_t i = 0; i < STREAM_BYTES; i++)
		wrong += reply.body[i] != 'a' + (char)(i / PIECE_BYTES % 26);
	ck_assert_uint_eq(wrong, 0);
	ck_assert_int_gt(site.drained_count, STREAM_BYTES / (16 * PIECE_BYTES));
	/* And the connection lives on. */
	peer_send(peer, "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n");
	expect(peer, 200, "hello");
	peer_close(peer);
}
END_TEST

START_TEST(stream_notices_that_its_client_left)
{
	struct peer *peer = peer_open(site.port);
	char line[256];
	peer_send(peer, "GET /quiet HTTP/1.1\r\nHost: a\r\n\r\n");
	ck_assert(peer_take_until(peer, "data: 1\n\n", line, sizeof line));
	peer_close(peer);
	wait_for(&site.stream_gone_count, 1);
}
END_TEST

START_TEST(stream_for_head_ends)
{
	struct peer *peer = peer_open(site.port);
	peer_send(peer, "HEAD /quiet HTTP/1.1\r\nHost: a\r\n\r\n");
	ck_assert(peer_read(peer, &reply, false));
	wait_for(&site.stream_gone_count, 1);
	peer_close(peer);
}
END_TEST

START_TEST(slow_reader_is_cut_off)
{
	struct peer *peer = peer_open(site.port);
	peer_send(peer, "GET /flood HTTP/1.1\r\nHost: a\r\n\r\n");
	wait_for(&site.stream_gone_count, 1);
	peer_close(peer);
}
END_TEST

static const struct {
	size_t bytes;
	bool is_chunked;
	const char *headers;
	int status;
} uploads[] = {
	{0, false, "", 200},
	{1, false, "", 200},
	{300000, false, "", 200},
	{300000, true, "", 200},
	{1 << 20, false, "", 200},
	{(1 << 20) + 1, false, "", 413},    /* refused at the headers */
	{(1 << 20) + 50000, true, "", 413}, /* found out on the way */
	{300000, false, "X-Auth: later\r\n", 200},
};

static void send_upload(struct peer *peer, const char *body, size_t bytes, bool is_chunked)
{
	enum { CHUNK = 10000 };
	char line[32];
	for (size_t at = 0; at < bytes; at += CHUNK) {
		size_t n = bytes - at < CHUNK ? bytes - at : CHUNK;
		snprintf(line, sizeof line, "%zx\r\n", n);
		if (is_chunked)
			send(peer->fd, line, strlen(line), MSG_NOSIGNAL);
		/* A refusing server may close meanwhile. */
		if (send(peer->fd, body + at, n, MSG_NOSIGNAL) < 0)
			return;
		if (is_chunked)
			send(peer->fd, "\r\n", 2, MSG_NOSIGNAL);
	}
	if (is_chunked)
		send(peer->fd, "0\r\n\r\n", 5, MSG_NOSIGNAL);
}

START_TEST(upload_arrives_in_pieces)
{
	struct peer *peer = peer_open(site.port);
	char *body = calloc(1, uploads[_i].bytes + 1), head[256], expected[64];
	unsigned sum = 0;
	for (size_t i = 0; i < uploads[_i].bytes; i++) {
		body[i] = (char)(i * 7 + i / 251);
		sum = sum * 31 + (unsigned char)body[i];
	}
	if (uploads[_i].is_chunked)
		snprintf(head, sizeof head, "PUT /upload HTTP/1.1\r\nHost: a\r\n%sTransfer-Encoding: chunked\r\n\r\n",
			uploads[_i].headers);
	else
		snprintf(head, sizeof head, "PUT /upload HTTP/1.1\r\nHost: a\r\n%sContent-Length: %zu\r\n\r\n",
			uploads[_i].headers, uploads[_i].bytes);
	peer_send(peer, head);
	/* 413 at the headers is read before the body is sent, as a client that expects 100 does. */
	if (uploads[_i].status == 200 || uploads[_i].is_chunked)
		send_upload(peer, body, uploads[_i].bytes, uploads[_i].is_chunked);
	expect(peer, uploads[_i].status, NULL);
	if (uploads[_i].status == 200) {
		snprintf(expected, sizeof expected, "%zu %u %d", uploads[_i].bytes, sum, uploads[_i].bytes > 1);
		ck_assert_str_eq(reply.body, expected);
		peer_send(peer, "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n");
		expect(peer, 200, "hello");
	}
	free(body);
	peer_close(peer);
}
END_TEST

START_TEST(upload_whose_client_left_ends)
{
	struct peer *peer = peer_open(site.port);
	peer_send(peer, "PUT /upload HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nabc");
	peer_close(peer);
	wait_for(&site.gone_count, 1);
}
END_TEST

START_TEST(a_thousand_requests_are_held)
{
	static int fds[1000];
	const char *request = "GET /hold HTTP/1.1\r\nHost: a\r\n\r\n";
	for (int i = 0; i < 1000; i++) {
		fds[i] = peer_connect(site.port);
		ck_assert_int_eq(send(fds[i], request, strlen(request), 0), (ssize_t)strlen(request));
	}
	wait_for(&site.held_count, 1000);
	struct peer *peer = peer_open(site.port);
	peer_send(peer, "POST /release HTTP/1.1\r\nHost: a\r\n\r\n");
	expect(peer, 204, NULL);
	peer_close(peer);
	for (int i = 0; i < 1000; i++) {
		char head[512] = {0};
		ck_assert_int_gt(recv(fds[i], head, sizeof head - 1, 0), 0);
		ck_assert_ptr_nonnull(strstr(head, "200 OK"));
		close(fds[i]);
	}
}
END_TEST

START_TEST(header_ceiling_holds)
{
	struct peer *peer = peer_open(site.port);
	char *head = calloc(1, 20000);
	memset(head, 'x', 16000);
	peer_send(peer, "GET /hello HTTP/1.1\r\nHost: a\r\nX-Long: ");
	send(peer->fd, head, 16000, MSG_NOSIGNAL);
	send(peer->fd, "\r\n\r\n", 4, MSG_NOSIGNAL);
	if (peer_read(peer, &reply, true))
		ck_assert_int_ge(reply.status, 400);
	free(head);
	peer_close(peer);
	peer = peer_open(site.port);
	peer_send(peer, "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n");
	expect(peer, 200, "hello");
	peer_close(peer);
}
END_TEST

START_TEST(close_lets_owners_answer)
{
	struct peer *peer = peer_open(site.port), *stream = peer_open(site.port);
	char line[256];
	site.answers_gone = true;
	peer_send(stream, "GET /quiet HTTP/1.1\r\nHost: a\r\n\r\n");
	ck_assert(peer_take_until(stream, "data: 1\n\n", line, sizeof line));
	peer_send(peer, "GET /hold HTTP/1.1\r\nHost: a\r\n\r\n");
	wait_for(&site.held_count, 1);
	uv_async_send(&site.stop);
	expect(peer, 200, "closing");
	ck_assert_pstr_eq(reply_header(&reply, "Connection"), "close");
	ck_assert(!peer_fill(peer));
	while (peer_fill(stream))
		;
	join_site();
	ck_assert_int_eq(site.stream_gone_count, 1);
	peer_close(stream);
	peer_close(peer);
}
END_TEST

START_TEST(close_cuts_what_is_left)
{
	struct peer *peer = peer_open(site.port), *half = peer_open(site.port);
	site.grace_ms = 1;
	peer_send(half, "PUT /upload HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc");
	peer_send(peer, "GET /hold HTTP/1.1\r\nHost: a\r\n\r\n");
	wait_for(&site.held_count, 1);
	uv_async_send(&site.stop);
	ck_assert(!peer_fill(peer));
	join_site();
	ck_assert_int_ge(site.gone_count, 1);
	/* Its owner answers after the server is no more. */
	http_answer(site.held[0], 200, "text/plain", STR("late"));
	peer_close(half);
	peer_close(peer);
}
END_TEST

START_TEST(taken_port_is_said)
{
	struct http_server_options options = {.address = "127.0.0.1",
		.port = site.port,
		.connection_bytes = 8192,
		.connections_max = 10,
		.routes = routes};
	struct http_server *server;
	struct err err = {0};
	uv_loop_t loop;
	uv_loop_init(&loop);
	ck_assert(!http_server_open(&loop, &options, &server, &err));
	ck_assert_int_eq(err.kind, ERR_CONFLICT);
	ck_assert_ptr_nonnull(strstr(err.text, "is taken"));
	options.address = "nowhere.example";
	ck_assert(!http_server_open(&loop, &options, &server, &err));
	ck_assert_int_eq(err.kind, ERR_INVALID);
	uv_loop_close(&loop);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("http_server");
	TCase *served = tcase_create("served");
	tcase_add_checked_fixture(served, open_site, close_site);
	tcase_set_timeout(served, 30);
	tcase_add_loop_test(served, requests_are_answered, 0, COUNT_OF(requests));
	tcase_add_loop_test(served, upload_arrives_in_pieces, 0, COUNT_OF(uploads));
	tcase_add_test(served, header_values_cannot_start_a_line);
	tcase_add_test(served, connection_is_kept);
	tcase_add_test(served, pipelined_requests_are_answered_in_order);
	tcase_add_test(served, slow_client_is_served);
	tcase_add_test(served, silent_client_is_cut_off);
	tcase_add_test(served, held_request_outlives_the_idle_limit);
	tcase_add_test(served, leaving_client_is_noticed);
	tcase_add_test(served, stream_is_complete_under_back_pressure);
	tcase_add_test(served, stream_notices_that_its_client_left);
	tcase_add_test(served, stream_for_head_ends);
	tcase_add_test(served, slow_reader_is_cut_off);
	tcase_add_test(served, upload_whose_client_left_ends);
	tcase_add_test(served, a_thousand_requests_are_held);
	tcase_add_test(served, header_ceiling_holds);
	tcase_add_test(served, taken_port_is_said);
	TCase *closed = tcase_create("closed");
	tcase_add_checked_fixture(closed, open_site, NULL);
	tcase_add_test(closed, close_lets_owners_answer);
	tcase_add_test(closed, close_cuts_what_is_left);
	suite_add_tcase(suite, served);
	suite_add_tcase(suite, closed);
	return suite_run(suite);
}
