#include "server/http/exchange.h"

#include "common/clock.h"
#include "common/mem.h"
#include "server/http/listen.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

/* A client that neither sends nor reads for this long, while it is its turn, is cut off. */
#define IDLE_SECONDS 60u

/* Requests that are served before other handles of the loop get their turn again. */
#define ROUNDS_MAX 4

static void stop(struct http_server *server);
static void on_timer(uv_timer_t *timer);

/* That it is active keeps the loop from sleeping; on_prepare() does the work. */
static void on_busy(uv_idle_t *busy)
{
	(void)busy;
}

void server_hurry(struct http_server *server)
{
	server->is_dirty = true;
	uv_idle_start(&server->busy, on_busy);
}

static void run(struct http_server *server)
{
	MHD_UNSIGNED_LONG_LONG wait_ms = 0;
	bool has_wait = false;
	server->is_dirty = false;
	for (int round = 0; round < ROUNDS_MAX; round++) {
		MHD_run(server->daemon);
		has_wait = MHD_get_timeout(server->daemon, &wait_ms) == MHD_YES;
		if (!has_wait || wait_ms > 0)
			break;
	}
	if (server->is_closing && server->is_told && !server->exchanges) {
		stop(server);
		return;
	}
	/* libmicrohttpd holds a connection for ready all through its TLS handshake: asking without a pause would cost a
	 * whole processor for each client that is slow to shake hands. */
	if (server->is_tls && wait_ms == 0)
		wait_ms = 1;
	/* Never a timer of no time at all: started from a timer's callback, libuv runs that again before anything else.
	 * And a handler may have resumed others meanwhile. */
	if (has_wait && wait_ms == 0)
		server->is_dirty = true;
	if (server->is_dirty)
		server_hurry(server);
	else
		uv_idle_stop(&server->busy);
	if (has_wait && wait_ms > 0)
		uv_timer_start(&server->timer, on_timer, wait_ms, 0);
	else
		uv_timer_stop(&server->timer);
}

static void on_requests(uv_poll_t *poll, int status, int events)
{
	(void)status;
	(void)events;
	run(poll->data);
}

static void on_timer(uv_timer_t *timer)
{
	run(timer->data);
}

static void on_prepare(uv_prepare_t *prepare)
{
	struct http_server *server = prepare->data;
	if (server->is_dirty)
		run(server);
}

static void on_hangups(uv_poll_t *poll, int status, int events)
{
	struct http_server *server = poll->data;
	struct epoll_event found[64];
	(void)status;
	(void)events;
	int count = epoll_wait(server->watch_fd, found, COUNT_OF(found), 0);
	for (int i = 0; i < count; i++) {
		struct connection *connection = found[i].data.ptr;
		struct http_exchange *exchange = connection->exchange;
		if (!exchange || !exchange->is_suspended)
			continue; /* libmicrohttpd sees it by itself */
		if (exchange->stream)
			stream_abort(exchange->stream);
		else if (!exchange->upload.piece || exchange->is_body_done)
			exchange_tell_gone(exchange);
	}
}

void connection_watch(struct connection *connection)
{
	/* Edge-triggered, so that a hang-up is reported once; arming it again reports what is there already. */
	struct epoll_event wanted = {.events = EPOLLRDHUP | EPOLLET, .data.ptr = connection};
	int operation = connection->is_watched ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
	if (epoll_ctl(connection->server->watch_fd, operation, connection->fd, &wanted) != 0)
		BUG("epoll_ctl: %s", strerror(errno));
	connection->is_watched = true;
}

void connection_cut(struct connection *connection)
{
	shutdown(connection->fd, SHUT_RDWR);
}

static void on_connection(void *arg, struct MHD_Connection *mhd, void **slot, enum MHD_ConnectionNotificationCode what)
{
	struct http_server *server = arg;
	struct connection *connection = *slot;
	switch (what) {
	case MHD_CONNECTION_NOTIFY_STARTED:
		connection = mem_alloc(sizeof *connection);
		connection->server = server;
		connection->fd = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
		connection->idle_us = clock_mono_us();
		connection->next = server->connections;
		connection->at = &server->connections;
		if (connection->next)
			connection->next->at = &connection->next;
		server->connections = connection;
		server->stats.connections++;
		*slot = connection;
		if (!connection->next)
			slow_watch(server);
		return;
	case MHD_CONNECTION_NOTIFY_CLOSED:
		if (connection->is_watched)
			epoll_ctl(server->watch_fd, EPOLL_CTL_DEL, connection->fd, NULL);
		server->stats.connections--;
		*connection->at = connection->next;
		if (connection->next)
			connection->next->at = connection->at;
		free(connection);
		*slot = NULL;
		if (!server->connections)
			slow_watch(server);
		return;
	}
}

/* The target is kept as it came: url.c decodes it. */
static size_t keep_escapes(void *arg, struct MHD_Connection *mhd, char *text)
{
	(void)arg;
	(void)mhd;
	return strlen(text);
}

static bool start_daemon(
	struct http_server *server, const struct http_server_options *options, int listen_fd, struct err *err)
{
	auto_free char *certificate = NULL, *key = NULL;
	unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME;
	struct MHD_OptionItem tls[] = {{MHD_OPTION_END, 0, NULL}, {MHD_OPTION_END, 0, NULL}, {MHD_OPTION_END, 0, NULL}};
	if (options->tls_certificate_file) {
		if (!listen_read_file(options->tls_certificate_file, &certificate, err) ||
			!listen_read_file(options->tls_key_file, &key, err))
			return false;
		flags |= MHD_USE_TLS;
		server->is_tls = true;
		tls[0] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_CERT, 0, certificate};
		tls[1] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_KEY, 0, key};
	}
	/* clang-format off */
	server->daemon = MHD_start_daemon(flags, 0, NULL, NULL, exchange_access, server,
		MHD_OPTION_LISTEN_SOCKET, listen_fd,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, options->connection_bytes,
		MHD_OPTION_CONNECTION_LIMIT, options->connections_max,
		MHD_OPTION_CONNECTION_TIMEOUT, options->idle_seconds ? options->idle_seconds : IDLE_SECONDS,
		MHD_OPTION_URI_LOG_CALLBACK, exchange_new, server,
		MHD_OPTION_UNESCAPE_CALLBACK, keep_escapes, NULL,
		MHD_OPTION_NOTIFY_COMPLETED, exchange_completed, server,
		MHD_OPTION_NOTIFY_CONNECTION, on_connection, server,
		MHD_OPTION_STRICT_FOR_CLIENT, 1,
		MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1,
		MHD_OPTION_ARRAY, tls,
		MHD_OPTION_END);
	/* clang-format on */
	if (server->daemon)
		return true;
	return options->tls_certificate_file
		       ? err_set(err, ERR_INVALID, "%s and %s are not a certificate and its key in PEM form",
				 options->tls_certificate_file, options->tls_key_file)
		       : err_set(err, ERR_SYSTEM, "the HTTP server on %s:%d did not start", options->address,
				 options->port);
}

static void init_handles(struct http_server *server)
{
	const union MHD_DaemonInfo *info = MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	BUG_ON(uv_poll_init(server->loop, &server->requests, info->epoll_fd) != 0);
	BUG_ON(uv_poll_init(server->loop, &server->hangups, server->watch_fd) != 0);
	uv_timer_init(server->loop, &server->timer);
	uv_timer_init(server->loop, &server->closing);
	uv_timer_init(server->loop, &server->slow);
	uv_prepare_init(server->loop, &server->prepare);
	uv_idle_init(server->loop, &server->busy);
	server->open_handles = 7;
	server->requests.data = server->hangups.data = server->timer.data = server->closing.data = server->slow.data =
		server->prepare.data = server->busy.data = server;
	uv_poll_start(&server->requests, UV_READABLE, on_requests);
	uv_poll_start(&server->hangups, UV_READABLE, on_hangups);
	uv_prepare_start(&server->prepare, on_prepare);
}

static void free_server(struct http_server *server)
{
	if (server->watch_fd >= 0)
		close(server->watch_fd);
	router_free(server->router);
	free(server);
}

bool http_server_open(
	uv_loop_t *loop, const struct http_server_options *options, struct http_server **ret, struct err *err)
{
	auto_fd int listen_fd = -1;
	int port;
	if (!listen_on(options->address, options->port, &listen_fd, &port, err))
		return false;
	/* A socket whose reader has gone must be an error of that socket, not the end of the program. */
	signal(SIGPIPE, SIG_IGN);
	struct http_server *server = mem_alloc(sizeof *server);
	server->loop = loop;
	server->port = port;
	server->before = options->before;
	server->context = options->context;
	server->router = router_new(options->routes);
	slow_init(server, options->head_seconds, options->body_seconds,
		options->idle_seconds ? options->idle_seconds : IDLE_SECONDS);
	server->watch_fd = epoll_create1(EPOLL_CLOEXEC);
	if (server->watch_fd < 0) {
		err_errno(err, "epoll_create1");
		free_server(server);
		return false;
	}
	if (!start_daemon(server, options, listen_fd, err)) {
		free_server(server);
		return false;
	}
	(void)take_fd(&listen_fd);
	init_handles(server);
	*ret = server;
	return true;
}

int http_server_port(const struct http_server *server)
{
	return server->port;
}

void http_server_stats(const struct http_server *server, struct http_server_stats *ret)
{
	*ret = server->stats;
}

static void on_handle_closed(uv_handle_t *handle)
{
	struct http_server *server = handle->data;
	if (--server->open_handles > 0)
		return;
	void (*closed)(void *) = server->closed;
	void *arg = server->closed_arg;
	free_server(server);
	if (closed)
		closed(arg);
}

static void stop(struct http_server *server)
{
	if (uv_is_closing((uv_handle_t *)&server->requests))
		return;
	uv_handle_t *handles[] = {(uv_handle_t *)&server->requests, (uv_handle_t *)&server->hangups,
		(uv_handle_t *)&server->timer, (uv_handle_t *)&server->closing, (uv_handle_t *)&server->slow,
		(uv_handle_t *)&server->prepare, (uv_handle_t *)&server->busy};
	/* Before libmicrohttpd closes the descriptor that is polled. */
	for (size_t i = 0; i < COUNT_OF(handles); i++)
		uv_close(handles[i], on_handle_closed);
	MHD_stop_daemon(take(server->daemon));
}

/* The grace is over: what is open is cut, and its owners' answers will be thrown away. */
static void on_grace_over(uv_timer_t *timer)
{
	struct http_server *server = timer->data;
	server->is_aborting = true;
	for (struct http_exchange *exchange = server->exchanges; exchange; exchange = exchange->next) {
		connection_cut(exchange->connection);
		exchange_wake(exchange);
	}
	for (int round = 0; round < ROUNDS_MAX && server->exchanges; round++)
		MHD_run(server->daemon);
	stop(server);
}

static void on_close_begins(uv_timer_t *timer)
{
	struct http_server *server = timer->data;
	struct http_exchange *next;
	server->is_told = true;
	for (struct http_exchange *exchange = server->exchanges; exchange; exchange = next) {
		next = exchange->next; /* telling never frees: libmicrohttpd still has it */
		if (exchange->stream)
			exchange_wake(exchange); /* it breaks off once what is pending has been sent */
		else if (exchange->is_suspended)
			exchange_tell_gone(exchange);
	}
	uv_timer_start(timer, on_grace_over, (uint64_t)server->grace_ms, 0);
	server_hurry(server);
}

void http_server_close(struct http_server *server, int64_t grace_ms, void (*closed)(void *arg), void *arg)
{
	BUG_ON(server->is_closing);
	server->is_closing = true;
	server->grace_ms = grace_ms;
	server->closed = closed;
	server->closed_arg = arg;
	int listen_fd = MHD_quiesce_daemon(server->daemon);
	if (listen_fd >= 0)
		close(listen_fd);
	uv_timer_start(&server->closing, on_close_begins, 0, 0);
}
