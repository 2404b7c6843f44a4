#ifndef SERVER_HTTP_HTTP_SERVER_H
#define SERVER_HTTP_HTTP_SERVER_H

/*
 * HTTP in: libmicrohttpd's epoll descriptor on the libuv loop. Each request is given to one handler, which answers
 * exactly once, now or later: until then the connection is suspended and costs no timer. A request whose client has
 * gone is told through on_gone (the connection's fd is watched while suspended) and is still to be answered (the answer is thrown away).
 * Bodies are collected up to the route's ceiling before the handler runs, or handed over in pieces as they come, with
 * back-pressure, when the route says is_upload.
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
	bool is_upload;	/* handler runs at the headers; http_upload_start() then brings the body in pieces */
	unsigned flags;	/* the wiring's: who may call and so on; http_flags() gives them back */
};

struct http_server_options {
	const char *address; /* "127.0.0.1" */
	int port;	     /* 0: any; http_server_port() tells */
	size_t connection_bytes; /* memory per connection: 8 KiB for workers, 32 KiB for browsers and API */
	unsigned connections_max;
	const struct http_route *routes; /* ends with a NULL method */
	http_handler *before;		 /* may be NULL; runs before each handler and may answer itself (authentication) */
	void *context;
	const char *tls_certificate_file; /* NULL: plain */
	const char *tls_key_file;
};

bool http_server_open(struct uv_loop_s *loop, const struct http_server_options *options, struct http_server **ret,
	struct err *err);
int http_server_port(const struct http_server *server);
/* Stops listening, gives suspended requests `grace_ms` to be answered (on_gone tells their owners), then closes. */
void http_server_close(struct http_server *server, int64_t grace_ms, void (*closed)(void *arg), void *arg);

/* The request. Views live until the answer. */
struct arena *http_arena(struct http_exchange *exchange);
struct str http_method(const struct http_exchange *exchange);
struct str http_path(const struct http_exchange *exchange);
struct str http_param(const struct http_exchange *exchange, const char *name); /* "{id}" of the pattern, decoded */
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
void http_answer_file(struct http_exchange *exchange, int status, const char *content_type, int fd, int64_t offset, int64_t size);

/* Streams (server-sent events, log tails): starts the answer; pieces are sent as they are written, until the end. The
 * stream is ended by http_stream_end() also after `gone` ran. Unsent bytes above max_pending_bytes end the stream
 * ("gone" runs): a slow reader resumes, it never grows the server. */
struct http_stream;
struct http_stream *http_stream_start(struct http_exchange *exchange, int status, const char *content_type,
	size_t max_pending_bytes, void (*gone)(void *arg), void (*drained)(void *arg), void *arg);
bool http_stream_write(struct http_stream *stream, struct str piece);
size_t http_stream_pending(const struct http_stream *stream);
void http_stream_end(struct http_stream *stream);

/* Uploads: `piece` runs for each piece in order and returns false to pause until http_upload_resume(); `end` runs once,
 * with ok false when the client went or the ceiling was passed (then the exchange is still to be answered). */
void http_upload_start(struct http_exchange *exchange, bool (*piece)(void *arg, struct str bytes),
	void (*end)(void *arg, bool ok), void *arg);
void http_upload_resume(struct http_exchange *exchange);

struct http_server_stats {
	uint64_t requests;
	uint64_t connections;
	uint64_t suspended;
};
void http_server_stats(const struct http_server *server, struct http_server_stats *ret);

#endif
