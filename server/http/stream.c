#include "server/http/exchange.h"

#include "common/mem.h"

#include <stdlib.h>
#include <string.h>

struct http_stream {
	struct http_exchange *exchange; /* NULL once libmicrohttpd is done with it */
	struct buf pending;
	size_t sent;    /* of pending */
	bool is_ended;  /* by its owner */
	bool is_broken; /* too slow, or aborted */
	void (*gone)(void *arg);
	void (*drained)(void *arg);
	void *arg;
};

static void stream_free(struct http_stream *stream)
{
	buf_done(&stream->pending);
	free(stream);
}

size_t http_stream_pending(const struct http_stream *stream)
{
	return stream->pending.n - stream->sent;
}

static ssize_t read_stream(void *arg, uint64_t position, char *to, size_t n)
{
	struct http_stream *stream = arg;
	(void)position;
	size_t pending = http_stream_pending(stream);
	if (stream->is_broken || stream->exchange->server->is_aborting)
		return MHD_CONTENT_READER_END_WITH_ERROR;
	if (pending == 0) {
		if (stream->is_ended)
			return MHD_CONTENT_READER_END_OF_STREAM;
		if (stream->exchange->server->is_told)
			return MHD_CONTENT_READER_END_WITH_ERROR;
		exchange_suspend(stream->exchange);
		return 0;
	}
	if (n > pending)
		n = pending;
	memcpy(to, stream->pending.p + stream->sent, n);
	stream->sent += n;
	if (http_stream_pending(stream) == 0) {
		buf_clear(&stream->pending);
		stream->sent = 0;
		if (stream->drained && !stream->is_ended)
			stream->drained(stream->arg);
	}
	return (ssize_t)n;
}

struct http_stream *http_stream_start(struct http_exchange *exchange, int status, const char *content_type,
	size_t max_pending_bytes, void (*gone)(void *arg), void (*drained)(void *arg), void *arg)
{
	enum { BLOCK_BYTES = 4096 };
	struct http_stream *stream = mem_alloc(sizeof *stream);
	*stream = (struct http_stream){.exchange = exchange,
		.pending = BUF_INIT(max_pending_bytes),
		.gone = gone,
		.drained = drained,
		.arg = arg};
	exchange->gone = NULL;
	if (!exchange->server) {
		/* The client went before: the owner learns it from the first write. */
		stream->exchange = NULL;
		stream->is_broken = true;
		exchange_free(exchange);
		return stream;
	}
	struct MHD_Response *response =
		MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK_BYTES, read_stream, stream, NULL);
	BUG_ON(!response);
	answer_add_headers(exchange, content_type, response);
	exchange->stream = stream;
	exchange_answer(exchange, status, response);
	return stream;
}

bool http_stream_write(struct http_stream *stream, struct str piece)
{
	BUG_ON(stream->is_ended);
	if (!stream->exchange || stream->is_broken)
		return false;
	/* Moving the rest to the front at each write would make a slow reader expensive. */
	if (stream->sent > stream->pending.n / 2 || stream->pending.n + piece.n > stream->pending.max) {
		buf_drop(&stream->pending, stream->sent);
		stream->sent = 0;
	}
	if (!buf_add_str(&stream->pending, piece)) {
		stream_abort(stream);
		return false;
	}
	exchange_wake(stream->exchange);
	return true;
}

void stream_abort(struct http_stream *stream)
{
	stream->is_broken = true;
	buf_done(&stream->pending);
	stream->sent = 0;
	connection_cut(stream->exchange->connection);
	exchange_wake(stream->exchange);
}

void http_stream_end(struct http_stream *stream)
{
	BUG_ON(stream->is_ended);
	stream->is_ended = true;
	if (!stream->exchange)
		stream_free(stream);
	else
		exchange_wake(stream->exchange);
}

void http_stream_fail(struct http_stream *stream)
{
	if (stream->exchange && !stream->is_broken)
		stream_abort(stream);
	http_stream_end(stream);
}

void stream_completed(struct http_stream *stream)
{
	stream->exchange = NULL;
	if (stream->is_ended) {
		stream_free(stream);
		return;
	}
	stream->is_broken = true;
	if (stream->gone)
		stream->gone(stream->arg);
}
