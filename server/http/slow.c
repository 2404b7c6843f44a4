/* Clients that keep a request open by sending next to nothing. libmicrohttpd cuts off who is silent; these are not. */
#include "common/clock.h"
#include "server/http/exchange.h"

#include <assert.h>
#include <sys/socket.h>

/* A request's line and headers are here within that time, and a body brings so much in each window. */
#define HEAD_SECONDS   20
#define WINDOW_SECONDS 30
enum { WINDOW_BYTES = 4096, TICKS = 4 };

#define BODY "{\"error\":{\"kind\":\"timeout\",\"message\":\"the request did not come within its time\"}}"
#define HEAD(length)                                                                                                   \
	"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Type: application/json\r\n"                      \
	"Content-Length: " #length "\r\n\r\n"
static const char answer[] = HEAD(81) BODY;
static_assert(sizeof BODY - 1 == 81, "the length that the head tells");

static bool has_slow_body(struct http_exchange *exchange, int64_t now_us)
{
	uint64_t bytes = exchange->received_bytes + exchange->discarded_bytes;
	bool is_ours = exchange->is_suspended || exchange->stream || exchange->is_body_done;
	if (exchange->window_us == 0 || is_ours || bytes - exchange->window_bytes >= WINDOW_BYTES) {
		exchange->window_us = now_us;
		exchange->window_bytes = bytes;
		return false;
	}
	return exchange->has_body && exchange->window_us + exchange->server->body_window_us <= now_us;
}

static bool is_slow(const struct connection *connection, int64_t now_us)
{
	struct http_exchange *exchange = connection->exchange;
	const struct http_server *server = connection->server;
	/* Nothing, or a part of a request's line: between two requests a client may be silent for as long as
	 * libmicrohttpd lets it. */
	if (!exchange)
		return connection->idle_us + server->idle_us + server->head_us <= now_us;
	if (exchange->phase == PHASE_NEW)
		return exchange->began_us + server->head_us <= now_us;
	return has_slow_body(exchange, now_us);
}

/* libmicrohttpd can answer only what it has read to the end. Where it has begun to, these bytes would be a part of its
 * answer. */
static void cut(struct connection *connection)
{
	struct http_server *server = connection->server;
	bool is_answered = connection->exchange && connection->exchange->is_answered;
	if (!server->is_tls && !is_answered)
		(void)!send(connection->fd, answer, sizeof answer - 1, MSG_DONTWAIT | MSG_NOSIGNAL);
	server->stats.too_slow++;
	connection_cut(connection);
}

static void on_tick(uv_timer_t *timer)
{
	struct http_server *server = timer->data;
	int64_t now_us = clock_mono_us();
	for (struct connection *connection = server->connections; connection; connection = connection->next)
		if (!connection->is_cut && is_slow(connection, now_us)) {
			connection->is_cut = true;
			cut(connection);
		}
}

void slow_init(struct http_server *server, unsigned head_seconds, unsigned body_seconds, unsigned idle_seconds)
{
	server->head_us = (head_seconds ? head_seconds : HEAD_SECONDS) * US_PER_SECOND;
	server->body_window_us = (body_seconds ? body_seconds : WINDOW_SECONDS) * US_PER_SECOND;
	server->idle_us = idle_seconds * US_PER_SECOND;
}

void slow_watch(struct http_server *server)
{
	int64_t shorter_us = server->head_us < server->body_window_us ? server->head_us : server->body_window_us;
	uint64_t every_ms = (uint64_t)(shorter_us / US_PER_MS / TICKS);
	if (server->connections)
		uv_timer_start(&server->slow, on_tick, every_ms, every_ms);
	else
		uv_timer_stop(&server->slow);
}
