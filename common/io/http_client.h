#ifndef COMMON_IO_HTTP_CLIENT_H
#define COMMON_IO_HTTP_CLIENT_H

/*
 * HTTP out, by curl's multi interface on the loop: keep-alive connections, bounded bodies, one completion for each
 * request, on cancellation and shutdown too. Redirects are not followed unless asked; only http and https (and unix
 * sockets by option) are spoken. Messages of errors name the method and the URL without its query and credentials.
 * A request must be complete when http_send() is called: its views are copied.
 */

#include "common/err.h"
#include "common/fields.h"
#include "common/str.h"

struct sockaddr;
struct uv_loop_s;
struct http_client;
struct http_call;

struct http_request {
	const char *method; /* "GET", "POST", "PUT", ... */
	struct str url;
	const struct pair_list *headers; /* may be NULL */
	const char *unix_socket;         /* a path to connect to in place of the URL's host; NULL: none */
	/* When given, decides on each address that is about to be connected to, after name resolution and after each
	 * redirect: the guard of URLs that other people chose. Such a call uses no proxy and no connection of another.
	 */
	bool (*allow_address)(void *arg, const struct sockaddr *address);
	struct str body; /* copied, unless body_read is given */
	/* Streams a body of body_size bytes: fills up to n bytes, returns how many; < 0 fails the call. Gets `done`'s
	 * arg, as the other callbacks do. They must not close the client. */
	long (*body_read)(void *arg, char *to, size_t n);
	int64_t body_size;
	size_t answer_max_bytes; /* a larger answer fails with ERR_TOO_LARGE; 0: 1 MiB, and no limit with body_write */
	/* When given, gets the answer's body in pieces and `answer` stays empty; false ends the call. Not called for a
	 * status of 300 or more. */
	bool (*body_write)(void *arg, struct str piece);
	int64_t timeout_ms;         /* of the whole call, or of each try; 0: none */
	int64_t connect_timeout_ms; /* 0: 10 s */
	bool follow_redirects;
	/* > 0: without an answer, or with a 502, 503 or 504, the call begins again after a pause that grows, as long as
	 * so much time has not passed since http_send(). For requests that may be repeated; not with body_read. */
	int64_t retry_ms;
	/* Called before each further try: what body_write was given so far is void. Goes with body_write. */
	void (*begin_again)(void *arg);
};

struct http_answer {
	int status;        /* 0: none, err says why */
	bool is_unreached; /* no server was asked: its name is not known, or no way leads there */
	struct str content_type;
	struct str body;
	struct pair_list headers; /* names in lower case */
};

/* ca_file may be NULL for the system's. */
bool http_client_open(struct uv_loop_s *loop, const char *ca_file, struct http_client **ret, struct err *err);
/* Pending calls complete with ERR_BUSY before `closed` runs. */
void http_client_close(struct http_client *client, void (*closed)(void *arg), void *arg);

/* `done` runs later, never inside this call; `err` is NULL when there is an answer (whatever its status). */
void http_send(struct http_client *client, const struct http_request *request,
	void (*done)(void *arg, const struct http_answer *answer, const struct err *err), void *arg,
	struct http_call **ret_call);
void http_cancel(struct http_call *call); /* done runs with ERR_TIMEOUT */

#endif
