#include "common/io/http_call.h"

#include "common/loopback.h"
#include "common/mem.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ANSWER_MAX_BYTES   ((size_t)1024 * 1024)
#define CONNECT_TIMEOUT_MS 10000
#define REDIRECTS_MAX      5L

void http_call_free(struct http_call *call)
{
	*call->at = call->next;
	if (call->next)
		call->next->at = call->at;
	if (call->easy)
		curl_easy_cleanup(call->easy);
	curl_slist_free_all(call->headers);
	buf_done(&call->body);
	arena_done(&call->arena);
	free(call);
}

static bool is_streamed(struct http_call *call)
{
	long status = 0;
	curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
	return call->request.body_write && status < 300;
}

static size_t take_body(char *bytes, size_t size, size_t count, void *arg)
{
	struct http_call *call = arg;
	struct str piece = {bytes, size * count};
	if (call->is_cancelled)
		return 0;
	call->received_bytes += piece.n;
	if (is_streamed(call)) {
		size_t max = call->request.answer_max_bytes;
		if (max > 0 && call->received_bytes > max)
			err_set(&call->err, ERR_TOO_LARGE, "the answer is larger than %zu bytes", max);
		else if (call->request.body_write(call->arg, piece))
			return piece.n;
		else
			err_set(&call->err, ERR_SYSTEM, "the answer could not be taken");
		return 0;
	}
	if (buf_add_str(&call->body, piece))
		return piece.n;
	err_set(&call->err, ERR_TOO_LARGE, "the answer is larger than %zu bytes", call->body.max);
	return 0;
}

static size_t give_body(char *to, size_t size, size_t count, void *arg)
{
	struct http_call *call = arg;
	long n = call->request.body_read(call->arg, to, size * count);
	if (n >= 0 && !call->is_cancelled)
		return (size_t)n;
	err_set(&call->err, ERR_SYSTEM, "the body could not be read");
	return CURL_READFUNC_ABORT;
}

static size_t take_header(char *bytes, size_t size, size_t count, void *arg)
{
	struct http_call *call = arg;
	struct str line = {bytes, size * count}, name;
	/* A status line: after a redirect, or "100 Continue", the headers of the next answer follow. */
	if (str_starts(line, STR("HTTP/"))) {
		call->answer.headers = (struct pair_list){0};
		return line.n;
	}
	struct str rest = line;
	if (!str_cut(&rest, ':', &name) || rest.n == 0)
		return line.n;
	struct str lower = arena_str(&call->arena, name);
	char *p = (char *)(uintptr_t)lower.p;
	for (size_t i = 0; i < lower.n; i++)
		if (p[i] >= 'A' && p[i] <= 'Z')
			p[i] = (char)(p[i] + ('a' - 'A'));
	pair_set(&call->answer.headers, &call->arena, lower, arena_str(&call->arena, str_trim(rest)));
	return line.n;
}

static curl_socket_t open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct http_call *call = arg;
	(void)purpose;
	if (!call->request.allow_address(call->arg, &address->addr)) {
		err_set(&call->err, ERR_DENIED, "the host's address is not allowed");
		return CURL_SOCKET_BAD;
	}
	/* Another address of the same host may be allowed. */
	call->err = (struct err){0};
	return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

/* "https://user:password@host/path?token=1" reads "https://host/path" in messages. */
static struct str describe_place(struct arena *arena, const char *method, struct str url)
{
	size_t at;
	struct str scheme = {0};
	if (str_find_char(url, '?', &at) || str_find_char(url, '#', &at))
		url = str_head(url, at);
	if (str_find(url, STR("://"), &at)) {
		scheme = str_head(url, at + 3);
		url = str_skip(url, at + 3);
	}
	size_t slash = str_find_char(url, '/', &at) ? at : url.n;
	while (str_find_char(str_head(url, slash), '@', &at)) {
		url = str_skip(url, at + 1);
		slash -= at + 1;
	}
	return arena_printf(arena, "%s %.*s%.*s", method, STR_ARG(scheme), STR_ARG(url));
}

static void set_body(struct http_call *call)
{
	const struct http_request *request = &call->request;
	CURL *easy = call->easy;
	if (request->body_read) {
		curl_easy_setopt(easy, CURLOPT_UPLOAD, 1L);
		curl_easy_setopt(easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)request->body_size);
		curl_easy_setopt(easy, CURLOPT_READFUNCTION, give_body);
		curl_easy_setopt(easy, CURLOPT_READDATA, call);
	} else if (request->body.n > 0 || strcmp(request->method, "POST") == 0 || strcmp(request->method, "PUT") == 0) {
		curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.n);
		curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request->body.p ? request->body.p : "");
	}
	if (strcmp(request->method, "HEAD") == 0)
		curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
	else
		curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request->method);
}

static void set_headers(struct http_call *call, const struct pair_list *headers)
{
	bool has_type = false;
	for (size_t i = 0; headers && i < headers->count; i++) {
		const struct pair *pair = &headers->items[i];
		struct str line = arena_printf(&call->arena, "%.*s: %.*s", STR_ARG(pair->name), STR_ARG(pair->value));
		/* A line end would start a header of somebody else's making. */
		if (memchr(line.p, '\n', line.n) || memchr(line.p, '\r', line.n)) {
			err_set(&call->err, ERR_INVALID, "the value of header %.*s holds a line end",
				STR_ARG(pair->name));
			call->code = CURLE_BAD_FUNCTION_ARGUMENT;
			return;
		}
		call->headers = curl_slist_append(call->headers, line.p);
		has_type |= pair->name.n == strlen("content-type") &&
			    strncasecmp(pair->name.p, "content-type", pair->name.n) == 0;
	}
	/* curl would say that every body is a form. */
	if (!has_type)
		call->headers = curl_slist_append(call->headers, "Content-Type:");
	curl_easy_setopt(call->easy, CURLOPT_HTTPHEADER, call->headers);
}

static void set_connection(struct http_call *call)
{
	const struct http_request *request = &call->request;
	CURL *easy = call->easy;
	long connect_ms = request->connect_timeout_ms ? (long)request->connect_timeout_ms : CONNECT_TIMEOUT_MS;
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, connect_ms);
	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)request->timeout_ms);
	curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, request->follow_redirects ? 1L : 0L);
	curl_easy_setopt(easy, CURLOPT_MAXREDIRS, REDIRECTS_MAX);
	curl_easy_setopt(easy, CURLOPT_USERAGENT, "penstock/" PENSTOCK_VERSION);
	if (loopback_has_url(request->url))
		curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
	if (call->client->ca_file)
		curl_easy_setopt(easy, CURLOPT_CAINFO, call->client->ca_file);
	if (request->unix_socket)
		curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, request->unix_socket);
	if (request->allow_address) {
		curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
		curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, call);
		/* A proxy would connect in our place, and a kept connection was not looked at by this guard. */
		curl_easy_setopt(easy, CURLOPT_PROXY, "");
		curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
		curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
	}
}

static void set_answer(struct http_call *call)
{
	CURL *easy = call->easy;
	size_t max = call->request.answer_max_bytes;
	call->body = (struct buf)BUF_INIT(max && !call->request.body_write ? max : ANSWER_MAX_BYTES);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, call);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, take_header);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, call);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, call->error_text);
	curl_easy_setopt(easy, CURLOPT_PRIVATE, call);
}

void http_send(struct http_client *client, const struct http_request *request,
	void (*done)(void *arg, const struct http_answer *answer, const struct err *err), void *arg,
	struct http_call **ret_call)
{
	BUG_ON(request->retry_ms && (request->body_read || (request->body_write && !request->begin_again)));
	struct http_call *call = mem_alloc(sizeof *call);
	call->client = client;
	call->done = done;
	call->arg = arg;
	call->request = *request;
	call->request.method = arena_strdup(&call->arena, request->method);
	call->request.url = arena_str(&call->arena, request->url);
	call->request.body = arena_str(&call->arena, request->body);
	call->place = describe_place(&call->arena, request->method, request->url);
	call->sent_at = uv_now(client->loop);
	call->next = client->calls;
	call->at = &client->calls;
	if (call->next)
		call->next->at = &call->next;
	client->calls = call;

	call->easy = curl_easy_init();
	BUG_ON(!call->easy);
	curl_easy_setopt(call->easy, CURLOPT_URL, call->request.url.p);
	set_connection(call);
	set_body(call);
	set_headers(call, request->headers);
	set_answer(call);
	http_client_take_turn(client);
	if (ret_call)
		*ret_call = call;
}
