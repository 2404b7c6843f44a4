#ifndef SERVER_HTTP_EXCHANGE_H
#define SERVER_HTTP_EXCHANGE_H

/*
 * Inside of server/http only: the state of one request, and of the connection and server it belongs to. An exchange
 * belongs to two sides, libmicrohttpd (until its "completed" callback) and, while is_owed, the handler; whichever ends
 * last frees it.
 */

#include "common/buf.h"
#include "server/http/http_server.h"
#include "server/http/router.h"

#include <microhttpd.h>
#include <uv.h>

struct http_server {
	uv_loop_t *loop;
	struct MHD_Daemon *daemon;
	struct router *router;
	http_handler *before;
	void *context;
	uv_poll_t requests; /* on libmicrohttpd's epoll descriptor */
	uv_poll_t hangups;  /* on watch_fd: clients that leave while they are suspended */
	uv_timer_t timer;   /* libmicrohttpd's next timeout */
	uv_timer_t closing; /* the grace of a close */
	uv_timer_t slow;    /* looks for clients that send next to nothing; active while there are connections */
	uv_prepare_t prepare;
	uv_idle_t busy; /* active while libmicrohttpd has more to do at once */
	int watch_fd;
	int port;
	bool is_dirty; /* something was resumed: libmicrohttpd must run before the loop sleeps */
	bool is_tls;
	bool is_closing;
	bool is_told;     /* the owners of open exchanges know that it closes */
	bool is_aborting; /* the grace is over */
	int64_t grace_ms;
	unsigned open_handles;
	int64_t head_us, body_window_us, idle_us; /* see slow.c */
	struct connection *connections;
	struct http_exchange *exchanges; /* dispatched, and not yet completed */
	struct http_server_stats stats;
	void (*closed)(void *arg);
	void *closed_arg;
};

struct connection {
	struct http_server *server;
	struct connection *next, **at;
	int64_t idle_us; /* monotonic: since when it has no request */
	int fd;
	bool is_watched;
	bool is_cut;
	struct http_exchange *exchange;
};

enum exchange_phase {
	PHASE_NEW,      /* only the request line is known */
	PHASE_BEFORE,   /* the server's `before` has it */
	PHASE_ADMITTED, /* its body may come */
	PHASE_HANDLING, /* the handler has it, or had it */
};

struct http_upload {
	bool (*piece)(void *arg, struct str bytes);
	void (*end)(void *arg, bool ok);
	void *arg;
	size_t paused_bytes; /* seen by `piece`, not yet consumed */
	bool is_paused;
	bool is_ended;
};

struct http_exchange {
	struct http_server *server; /* NULL once libmicrohttpd is done with it */
	struct connection *connection;
	struct MHD_Connection *mhd;
	struct http_exchange *next, **at; /* of server->exchanges */
	struct arena arena;
	enum exchange_phase phase;
	bool is_owed;     /* a handler has it and must answer */
	bool is_answered; /* by the handler, or by a refusal */
	bool is_suspended;
	bool has_body;
	bool expects_continue;
	bool are_headers_done; /* libmicrohttpd moves on to the body */
	bool is_body_done;
	uint64_t content_length; /* UINT64_MAX: chunked */
	uint64_t received_bytes;
	uint64_t discarded_bytes;
	int64_t began_us;      /* monotonic: its line was there */
	int64_t window_us;     /* since then its body brought what is above window_bytes; 0: not looked at yet */
	uint64_t window_bytes; /* of received and discarded */
	struct buf body;
	struct http_upload upload;
	struct http_stream *stream;
	struct MHD_Response *response;
	int status;
	struct pair_list headers; /* of the answer */
	struct router_match match;
	struct str method;
	struct str path;
	struct str query; /* raw */
	void *caller;
	void (*gone)(void *arg);
	void *gone_arg;
	size_t target_bytes;
	char target[]; /* the raw target; the path is decoded inside */
};

/* libmicrohttpd's callbacks. */
void *exchange_new(void *server, const char *target, struct MHD_Connection *mhd);
enum MHD_Result exchange_access(void *server, struct MHD_Connection *mhd, const char *url, const char *method,
	const char *version, const char *data, size_t *size, void **exchange);
void exchange_completed(void *server, struct MHD_Connection *mhd, void **exchange, enum MHD_RequestTerminationCode why);

void exchange_suspend(struct http_exchange *exchange);
void exchange_wake(struct http_exchange *exchange);
/* Tells the owner, once, that nobody waits for the answer any more. */
void exchange_tell_gone(struct http_exchange *exchange);
/* Hands the answer over; takes the response. The exchange may be freed by this. */
void exchange_answer(struct http_exchange *exchange, int status, struct MHD_Response *response);
/* An answer of the server itself, in the form of errors. */
void exchange_refuse(struct http_exchange *exchange, int status, const struct err *err);
/* What was added with http_add_header(), and what every answer carries. */
void answer_add_headers(struct http_exchange *exchange, const char *content_type, struct MHD_Response *response);
void exchange_free(struct http_exchange *exchange);
/* libmicrohttpd must run again before the loop sleeps. */
void server_hurry(struct http_server *server);
/* Reports, once, that the client of the suspended exchange has hung up. */
void connection_watch(struct connection *connection);
/* Makes the client's socket useless, so that libmicrohttpd lets go of a connection that it cannot write to. */
void connection_cut(struct connection *connection);

/* slow.c: seconds may be 0 for what is usual. */
void slow_init(struct http_server *server, unsigned head_seconds, unsigned body_seconds, unsigned idle_seconds);
void slow_watch(struct http_server *server); /* behind each connection that came or went */

/* The stream's side of exchange_completed(). */
void stream_completed(struct http_stream *stream);
void stream_abort(struct http_stream *stream);

#endif
