#ifndef SERVER_HTTP_HTTP_SERVER_H
#define SERVER_HTTP_HTTP_SERVER_H

/*
 * HTTP in: libmicrohttpd's epoll descriptor on the libuv loop. Each request is given to one handler, which answers
 * exactly once, now or later: until then the connection is suspended and costs no timer. A request whose client has
 * gone is told through on_gone (the socket is watched while suspended; a client that closes only its sending side
 * counts as gone) and is still to be answered: the answer is thrown away. From then on headers and cookies may read as
 * absent. Bodies are collected up to the route's ceiling before the handler runs, or handed over in pieces as they
 * come, with back-pressure, when the route says is_upload.
 *
 * The server refuses by itself, in the form of http_answer_err(): malformed paths and framing (400), unknown paths
 * (404), methods (405, with Allow), requests that do not come within their time (408), bodies above the ceiling (413),
 * lines and headers above what a connection may take (414, 431). HEAD is answered by the routes of GET. Every answer
 * carries nosniff, and "Cache-Control: no-store" unless the handler adds its own.
 *
 * All on the loop's thread. Opening a server makes the program ignore SIGPIPE.
 */

#include "common/arena.h"
#include "common/err.h"
#include "common/fields.h"
#include "common/str.h"

#include <jansson.h>

struct uv_loop_s;
struct http_server;
struct http_exchange; /* one request and its answer; freed after the answer was sent */

typedef void http_handler(struct http_exchange *exchange, void *context);

struct http_route {
	const char *method;
	const char *pattern; /* "/api/v1/runs/{id}/cancel"; a last "{path*}" takes the rest; more fixed text wins */
	http_handler *handler;
	size_t body_max_bytes; /* 0: no body allowed */
	bool is_upload;        /* the handler runs at the headers; http_upload_start() then brings the body in pieces */
	unsigned flags;        /* the wiring's: who may call and so on; http_flags() gives them back */
};

struct http_server_options {
	const char *address;     /* "127.0.0.1" */
	int port;                /* 0: any; http_server_port() tells */
	size_t connection_bytes; /* memory per connection: 8 KiB for workers, 32 KiB for browsers and API */
	unsigned connections_max;
	unsigned idle_seconds; /* a client that should send or read and does neither is cut off; 0: 60 */
	unsigned head_seconds; /* line and headers of a request are here within that time, or it is answered with 408;
				  0: 20 */
	unsigned body_seconds; /* so does a body that brings less than 4 KiB in each such time; 0: 30 */
	const struct http_route *routes; /* ends with a NULL method; outlives the server */
	/* May be NULL. Gets each request at its headers (http_body() is empty), before any of its body was taken, and
	 * either answers or calls http_continue(), now or later: authentication. */
	http_handler *before;
	void *context;
	const char *tls_certificate_file; /* NULL: plain */
	const char *tls_key_file;
};

bool http_server_open(
	struct uv_loop_s *loop, const struct http_server_options *options, struct http_server **ret, struct err *err);
/* Hands the request on from `before` to its route. */
void http_continue(struct http_exchange *exchange);
int http_server_port(const struct http_server *server);
/* Stops listening, gives open requests `grace_ms` to be answered (on_gone tells their owners; streams break off), cuts
 * what is left, then runs `closed`, always later. Requests that are still unanswered by then must be answered all the
 * same. */
void http_server_close(struct http_server *server, int64_t grace_ms, void (*closed)(void *arg), void *arg);

/* The request. Views live until the answer. */
struct arena *http_arena(struct http_exchange *exchange);
struct str http_method(const struct http_exchange *exchange);
struct str http_path(const struct http_exchange *exchange);
struct str http_param(const struct http_exchange *exchange, const char *name); /* "{id}" of the pattern, decoded */
/* Decoded; false when it is absent or broken. The first one wins. */
bool http_query(struct http_exchange *exchange, const char *name, struct str *ret);
bool http_header(struct http_exchange *exchange, const char *name, struct str *ret);
bool http_cookie(struct http_exchange *exchange, const char *name, struct str *ret);
struct str http_body(const struct http_exchange *exchange);
struct str http_peer(struct http_exchange *exchange); /* the client's address */
unsigned http_flags(const struct http_exchange *exchange);
/* A slot for the wiring: who the caller is. */
void http_set_caller(struct http_exchange *exchange, void *caller);
void *http_caller(const struct http_exchange *exchange);
/* Runs once on the loop when the client goes before the answer; the answer is still owed. */
void http_on_gone(struct http_exchange *exchange, void (*gone)(void *arg), void *arg);

/* The answer. Each of these ends the exchange; the pointer is dead afterwards. Bytes are copied. */
void http_add_header(struct http_exchange *exchange, const char *name, struct str value); /* before the answer */
void http_answer(struct http_exchange *exchange, int status, const char *content_type, struct str body);
void http_answer_json(struct http_exchange *exchange, int status, json_t *body); /* takes the reference */
/* {"error": {"kind": ..., "message": ...}} with the status of err's kind. */
void http_answer_err(struct http_exchange *exchange, const struct err *err);
/* Takes over the descriptor; sends `size` bytes from `offset`, honours Range when asked. */
void http_answer_file(
	struct http_exchange *exchange, int status, const char *content_type, int fd, int64_t offset, int64_t size);

/* Streams (server-sent events, log tails): starts the answer; pieces are sent as they are written, until the end. A
 * write that would leave more than max_pending_bytes unsent breaks the stream: a slow reader resumes, it never grows
 * the server. `gone` runs, later, when a stream breaks or its client leaves, unless it was ended before;
 * http_stream_end() is owed in every case, and frees. `drained` runs each time when all that was written has been
 * handed on. Both may be NULL. */
struct http_stream;
struct http_stream *http_stream_start(struct http_exchange *exchange, int status, const char *content_type,
	size_t max_pending_bytes, void (*gone)(void *arg), void (*drained)(void *arg), void *arg);
/* False when the stream is broken. */
bool http_stream_write(struct http_stream *stream, struct str piece);
size_t http_stream_pending(const struct http_stream *stream);
void http_stream_end(struct http_stream *stream);
/* The same where the rest cannot be had: the client sees that it was cut, and does not take a part for the whole. */
void http_stream_fail(struct http_stream *stream);

/* Uploads: `piece` runs for each piece in order (of a few KiB: up to half of connection_bytes) and returns false to
 * pause until http_upload_resume(); the bytes of a piece that paused stay valid until then. `end` runs once, with ok
 * false when the client went or the ceiling was passed; the exchange is still to be answered then (with ERR_TOO_LARGE:
 * a client that has gone does not see it). Answering earlier ends the upload without `end`; the rest of the body is
 * thrown away. */
void http_upload_start(struct http_exchange *exchange, bool (*piece)(void *arg, struct str bytes),
	void (*end)(void *arg, bool ok), void *arg);
void http_upload_resume(struct http_exchange *exchange);

struct http_server_stats {
	uint64_t requests;
	uint64_t connections;
	uint64_t suspended;
	uint64_t too_slow; /* clients that were cut off with 408 */
};
void http_server_stats(const struct http_server *server, struct http_server_stats *ret);

#endif
