#include "server/http/exchange.h"

#include "common/clock.h"
#include "common/mem.h"

#include <stdlib.h>
#include <string.h>

/* A refused body up to this size is read and thrown away, so that the connection lives on and the client sees the
 * refusal; a larger one costs the client its connection. */
#define DISCARD_MAX_BYTES (1024u * 1024)

void exchange_suspend(struct http_exchange *exchange)
{
	BUG_ON(exchange->is_suspended);
	exchange->is_suspended = true;
	exchange->server->stats.suspended++;
	MHD_suspend_connection(exchange->mhd);
	if (exchange->gone || exchange->stream)
		connection_watch(exchange->connection);
}

void exchange_wake(struct http_exchange *exchange)
{
	if (!exchange->is_suspended)
		return;
	exchange->is_suspended = false;
	exchange->server->stats.suspended--;
	server_hurry(exchange->server);
	MHD_resume_connection(exchange->mhd);
}

void exchange_free(struct http_exchange *exchange)
{
	if (exchange->response)
		MHD_destroy_response(exchange->response);
	buf_done(&exchange->body);
	arena_done(&exchange->arena);
	free(exchange);
}

static void unlink_from_server(struct http_exchange *exchange)
{
	if (exchange->at) {
		*exchange->at = exchange->next;
		if (exchange->next)
			exchange->next->at = exchange->at;
	}
	exchange->at = NULL;
	exchange->server = NULL;
	exchange->connection = NULL;
	exchange->mhd = NULL;
}

void exchange_tell_gone(struct http_exchange *exchange)
{
	void (*gone)(void *) = take(exchange->gone);
	if (gone)
		gone(exchange->gone_arg);
}

void *exchange_new(void *server, const char *target, struct MHD_Connection *mhd)
{
	size_t n = strlen(target);
	struct http_exchange *exchange = mem_alloc(sizeof *exchange + n + 1);
	memcpy(exchange->target, target, n);
	exchange->target_bytes = n;
	exchange->server = server;
	exchange->mhd = mhd;
	exchange->connection = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
	exchange->connection->exchange = exchange;
	exchange->began_us = clock_mono_us();
	return exchange;
}

void exchange_answer(struct http_exchange *exchange, int status, struct MHD_Response *response)
{
	BUG_ON(exchange->is_answered);
	exchange->is_answered = true;
	exchange->status = status;
	exchange->response = response;
	if (!exchange->server)
		exchange_free(exchange);
	else
		exchange_wake(exchange);
}

static void refuse(struct http_exchange *exchange, int status, enum err_kind kind, const char *text)
{
	struct err err;
	err_set(&err, kind, "%s", text);
	exchange_refuse(exchange, status, &err);
}

static enum MHD_Result count_header(void *count, enum MHD_ValueKind kind, const char *name, const char *value)
{
	size_t *counts = count;
	(void)kind;
	(void)value;
	if (strcasecmp(name, "Content-Length") == 0)
		counts[0]++;
	if (strcasecmp(name, "Transfer-Encoding") == 0)
		counts[1]++;
	if (strcasecmp(name, "Host") == 0)
		counts[2]++;
	return MHD_YES;
}

/* Refuses what two readers could cut into requests differently; finds out how large the body is. */
static bool check_framing(struct http_exchange *exchange)
{
	size_t counts[3] = {0};
	struct str value;
	MHD_get_connection_values(exchange->mhd, MHD_HEADER_KIND, count_header, counts);
	/* Until the framing is understood, nothing behind the headers can be trusted: a refusal closes. */
	exchange->has_body = true;
	exchange->content_length = counts[0] || counts[1] ? UINT64_MAX : 0;
	if (counts[0] > 1 || counts[1] > 1 || counts[2] > 1 || (counts[0] && counts[1])) {
		refuse(exchange, 400, ERR_INVALID, "more than one Host, Content-Length or Transfer-Encoding header");
		return false;
	}
	if (counts[1]) {
		http_header(exchange, "Transfer-Encoding", &value);
		if (value.n != strlen("chunked") || strncasecmp(value.p, "chunked", value.n) != 0) {
			refuse(exchange, 501, ERR_UNSUPPORTED, "the only known Transfer-Encoding is \"chunked\"");
			return false;
		}
	} else if (counts[0]) {
		int64_t length;
		http_header(exchange, "Content-Length", &value);
		if (!str_to_i64(value, &length) || length < 0) {
			refuse(exchange, 400, ERR_INVALID, "the Content-Length is not a number");
			return false;
		}
		exchange->content_length = (uint64_t)length;
	}
	exchange->has_body = exchange->content_length > 0;
	exchange->expects_continue = http_header(exchange, "Expect", &value);
	return true;
}

static bool find_route(struct http_exchange *exchange)
{
	struct url_path path;
	struct err err;
	char *question = memchr(exchange->target, '?', exchange->target_bytes);
	size_t n = question ? (size_t)(question - exchange->target) : exchange->target_bytes;
	if (question)
		exchange->query = (struct str){question + 1, exchange->target_bytes - n - 1};
	exchange->path = (struct str){exchange->target, n};
	if (!url_path_parse(exchange->target, n, &path, &err)) {
		exchange_refuse(exchange, 400, &err);
		return false;
	}
	exchange->path.n = path.whole.n + 1;

	auto_buf allow = BUF_INIT(256);
	switch (router_find(exchange->server->router, exchange->method, &path, &exchange->match, &allow)) {
	case ROUTER_FOUND:
		return true;
	case ROUTER_NO_PATH:
		refuse(exchange, 404, ERR_NOT_FOUND, "there is nothing at this path");
		return false;
	case ROUTER_NO_METHOD:
		http_add_header(exchange, "Allow", buf_str(&allow));
		if (str_is(exchange->method, "OPTIONS"))
			http_answer(exchange, 204, NULL, (struct str){0});
		else
			refuse(exchange, 405, ERR_INVALID, "this path does not take this method; see the Allow header");
		return false;
	}
	BUG("router answer");
}

static bool check_size(struct http_exchange *exchange)
{
	const struct http_route *route = exchange->match.route;
	if (!exchange->has_body)
		return true;
	if (route->body_max_bytes == 0) {
		refuse(exchange, 413, ERR_TOO_LARGE, "this request takes no body");
		return false;
	}
	if (exchange->content_length != UINT64_MAX && exchange->content_length > route->body_max_bytes) {
		struct err err;
		err_set(&err, ERR_TOO_LARGE, "the body of %llu bytes is larger than the limit of %zu",
			(unsigned long long)exchange->content_length, route->body_max_bytes);
		exchange_refuse(exchange, 413, &err);
		return false;
	}
	exchange->body.max = route->body_max_bytes;
	return true;
}

static void handle(struct http_exchange *exchange)
{
	exchange->phase = PHASE_HANDLING;
	exchange->is_owed = true;
	exchange->match.route->handler(exchange, exchange->server->context);
}

static void admit(struct http_exchange *exchange)
{
	exchange->phase = PHASE_ADMITTED;
	exchange->is_owed = false;
	/* Nothing more is to come for these, so that their handler need not wait for another round. */
	if (!exchange->has_body || exchange->match.route->is_upload)
		handle(exchange);
	else
		exchange_wake(exchange);
}

static void begin(struct http_exchange *exchange, const char *method)
{
	struct http_server *server = exchange->server;
	exchange->phase = PHASE_BEFORE;
	exchange->method = str_of(method);
	exchange->next = server->exchanges;
	exchange->at = &server->exchanges;
	if (exchange->next)
		exchange->next->at = &exchange->next;
	server->exchanges = exchange;
	server->stats.requests++;
	if (server->is_told) {
		refuse(exchange, 503, ERR_BUSY, "the server is stopping; try again");
		return;
	}
	if (!check_framing(exchange) || !find_route(exchange) || !check_size(exchange))
		return;
	exchange->is_owed = true;
	if (server->before)
		server->before(exchange, server->context);
	else
		admit(exchange);
}

void http_continue(struct http_exchange *exchange)
{
	BUG_ON(exchange->phase != PHASE_BEFORE || exchange->is_answered);
	if (exchange->server)
		admit(exchange);
	else
		exchange_free(exchange);
}

/* libmicrohttpd may answer before the body only by closing the connection behind the answer. */
static bool must_answer_early(const struct http_exchange *exchange)
{
	return exchange->has_body && (exchange->expects_continue || exchange->content_length > DISCARD_MAX_BYTES);
}

static bool waits_for_handler(const struct http_exchange *exchange)
{
	if (exchange->is_answered)
		return false;
	if (exchange->phase == PHASE_BEFORE)
		return true;
	return exchange->has_body && exchange->match.route->is_upload && !exchange->upload.piece;
}

static enum MHD_Result queue(struct http_exchange *exchange)
{
	return MHD_queue_response(exchange->mhd, (unsigned)exchange->status, exchange->response);
}

static void end_upload(struct http_exchange *exchange, bool ok)
{
	struct http_upload *upload = &exchange->upload;
	if (!upload->piece || upload->is_ended)
		return;
	upload->is_ended = true;
	upload->end(upload->arg, ok);
}

static enum MHD_Result discard(struct http_exchange *exchange, size_t *size)
{
	/* Once a body was let in, its rest is read to the end, since only then can an answer be sent. */
	uint64_t left = exchange->match.route ? exchange->match.route->body_max_bytes : 0;
	exchange->discarded_bytes += *size;
	*size = 0;
	return exchange->discarded_bytes > left + DISCARD_MAX_BYTES ? MHD_NO : MHD_YES;
}

static enum MHD_Result take_too_much(struct http_exchange *exchange, size_t *size)
{
	if (exchange->match.route->is_upload)
		end_upload(exchange, false);
	else
		refuse(exchange, 413, ERR_TOO_LARGE, "the body is larger than the limit of this request");
	return discard(exchange, size);
}

/* libmicrohttpd moves chunked bytes to the front of its buffer when the access handler returns. */
static struct str copy_piece(struct http_exchange *exchange, struct str bytes)
{
	buf_clear(&exchange->body);
	buf_add_str(&exchange->body, bytes);
	return buf_str(&exchange->body);
}

static enum MHD_Result take_piece(struct http_exchange *exchange, const char *data, size_t *size)
{
	struct http_upload *upload = &exchange->upload;
	size_t seen = upload->paused_bytes;
	upload->paused_bytes = 0;
	if (*size > seen) {
		upload->is_paused = true; /* http_upload_resume() may be called from inside of piece */
		struct str bytes = {data + seen, *size - seen};
		if (exchange->content_length == UINT64_MAX)
			bytes = copy_piece(exchange, bytes);
		bool goes_on = upload->piece(upload->arg, bytes);
		if (exchange->is_answered)
			return discard(exchange, size);
		exchange->received_bytes += *size - seen;
		if (!goes_on && upload->is_paused) {
			/* Unconsumed bytes stay where they are while the connection is suspended. */
			upload->paused_bytes = *size;
			exchange_suspend(exchange);
			return MHD_YES;
		}
		upload->is_paused = false;
	}
	*size = 0;
	return MHD_YES;
}

static enum MHD_Result take_body(struct http_exchange *exchange, const char *data, size_t *size)
{
	const struct http_route *route = exchange->match.route;
	if (exchange->is_answered || exchange->upload.is_ended)
		return discard(exchange, size);
	if (exchange->received_bytes + *size - exchange->upload.paused_bytes > route->body_max_bytes)
		return take_too_much(exchange, size);
	if (route->is_upload)
		return take_piece(exchange, data, size);
	buf_add(&exchange->body, data, *size);
	exchange->received_bytes += *size;
	*size = 0;
	return MHD_YES;
}

enum MHD_Result exchange_access(void *server, struct MHD_Connection *mhd, const char *url, const char *method,
	const char *version, const char *data, size_t *size, void **slot)
{
	struct http_exchange *exchange = *slot;
	(void)mhd;
	(void)url;
	(void)version;
	if (((struct http_server *)server)->is_aborting)
		return MHD_NO;
	if (exchange->phase == PHASE_NEW)
		begin(exchange, method);
	if (!exchange->are_headers_done) {
		if (exchange->is_answered && must_answer_early(exchange))
			return queue(exchange);
		if (waits_for_handler(exchange))
			exchange_suspend(exchange);
		else
			exchange->are_headers_done = true;
		return MHD_YES;
	}
	if (*size > 0)
		return take_body(exchange, data, size);
	exchange->is_body_done = true;
	if (exchange->phase == PHASE_ADMITTED && !exchange->is_answered)
		handle(exchange);
	else if (!exchange->is_answered)
		end_upload(exchange, true);
	if (exchange->is_answered)
		return queue(exchange);
	exchange_suspend(exchange);
	return MHD_YES;
}

void exchange_completed(void *server, struct MHD_Connection *mhd, void **slot, enum MHD_RequestTerminationCode why)
{
	struct http_exchange *exchange = *slot;
	(void)server;
	(void)mhd;
	(void)why;
	*slot = NULL;
	if (!exchange)
		return;
	exchange->connection->exchange = NULL;
	exchange->connection->idle_us = clock_mono_us();
	if (exchange->is_suspended)
		exchange->server->stats.suspended--;
	exchange->is_suspended = false;
	unlink_from_server(exchange);
	if (exchange->stream)
		stream_completed(exchange->stream);
	if (!exchange->is_owed || exchange->is_answered) {
		exchange_free(exchange);
		return;
	}
	/* Either may answer at once, which frees the exchange. */
	if (exchange->upload.piece && !exchange->upload.is_ended)
		end_upload(exchange, false);
	else
		exchange_tell_gone(exchange);
}
