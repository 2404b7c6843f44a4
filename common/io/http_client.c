#include "common/io/http_call.h"

#include "common/mem.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct watch {
	uv_poll_t poll;
	struct http_client *client;
	curl_socket_t fd;
};

/* OpenSSL's numbers for what may be wrong with a certificate. curl asks for one after it has compared the name: until
 * then it is 1. */
static const char *certificate_fault(long verify_result)
{
	switch (verify_result) {
	case 0:
	case 1:
		return "the server's certificate is for another name; use the one that it was made for";
	case 9:
		return "the server's certificate is not valid yet; look at this machine's clock";
	case 10:
		return "the server's certificate has expired; renew it, or set this machine's clock";
	case 18:
	case 19:
	case 20:
	case 21:
		return "the server's certificate is not signed by an authority that is trusted here; name that authority's in ca_file";
	}
	return "the server's certificate is not accepted";
}

static void describe(struct http_call *call, struct err *err)
{
	long verify_result = 0;
	if (call->is_cancelled)
		err_set(err, ERR_TIMEOUT, "cancelled");
	else if (call->client->is_closing)
		err_set(err, ERR_BUSY, "the program is stopping");
	else if (call->err.kind != ERR_NONE)
		*err = call->err;
	else if (call->code == CURLE_OPERATION_TIMEDOUT)
		err_set(err, ERR_TIMEOUT, "%s", call->error_text);
	else if (call->code == CURLE_URL_MALFORMAT || call->code == CURLE_UNSUPPORTED_PROTOCOL)
		err_set(err, ERR_INVALID, "not an http or https URL");
	else if (call->code == CURLE_PEER_FAILED_VERIFICATION) {
		curl_easy_getinfo(call->easy, CURLINFO_SSL_VERIFYRESULT, &verify_result);
		err_set(err, ERR_UPSTREAM, "%s (%s)", certificate_fault(verify_result), call->error_text);
	} else
		err_set(err, ERR_UPSTREAM, "%s",
			call->error_text[0] ? call->error_text : curl_easy_strerror(call->code));
	err_wrap(err, "%.*s", STR_ARG(call->place));
}

/* Whether it is this machine and its network that are at fault. */
static bool is_unreached(const struct http_call *call)
{
	long os_error = 0;
	curl_off_t resolved_us = 0;
	curl_easy_getinfo(call->easy, CURLINFO_OS_ERRNO, &os_error);
	curl_easy_getinfo(call->easy, CURLINFO_NAMELOOKUP_TIME_T, &resolved_us);
	if (call->code == CURLE_COULDNT_CONNECT)
		return os_error == ENETUNREACH || os_error == ENETDOWN || os_error == EADDRNOTAVAIL ||
		       os_error == EMFILE;
	return call->code == CURLE_COULDNT_RESOLVE_HOST || call->code == CURLE_COULDNT_RESOLVE_PROXY ||
	       (call->code == CURLE_OPERATION_TIMEDOUT && resolved_us == 0);
}

/* The last thing that happens to a call. */
static void complete(struct http_call *call)
{
	struct err err = {0};
	if (call->state == CALL_RUNNING)
		curl_multi_remove_handle(call->client->multi, call->easy);
	bool is_ok =
		call->state == CALL_OVER && call->code == CURLE_OK && !call->is_cancelled && call->err.kind == ERR_NONE;
	if (is_ok) {
		long status = 0;
		curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
		call->answer.status = (int)status;
		call->answer.content_type = pair_get(&call->answer.headers, STR("content-type"));
		call->answer.body = buf_str(&call->body);
		call->done(call->arg, &call->answer, NULL);
	} else {
		describe(call, &err);
		call->answer.is_unreached = call->easy && is_unreached(call);
		call->done(call->arg, &call->answer, &err);
	}
	http_call_free(call);
}

/* --- trying again --- */

enum { PAUSE_FIRST_MS = 100, PAUSE_MAX_MS = 5000 };

static bool is_transient(CURLcode code, long status)
{
	static const CURLcode codes[] = {CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_CONNECT, CURLE_GOT_NOTHING,
		CURLE_SEND_ERROR, CURLE_RECV_ERROR, CURLE_PARTIAL_FILE, CURLE_OPERATION_TIMEDOUT};
	if (code == CURLE_OK)
		return status == 502 || status == 503 || status == 504;
	for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
		if (codes[i] == code)
			return true;
	return false;
}

static bool may_retry(const struct http_call *call)
{
	long status = 0;
	if (call->request.retry_ms <= 0 || call->is_cancelled || call->client->is_closing || call->err.kind != ERR_NONE)
		return false;
	curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
	return is_transient(call->code, status) &&
	       uv_now(call->client->loop) < call->sent_at + (uint64_t)call->request.retry_ms;
}

static void rest(struct http_call *call)
{
	int doublings = call->tries < 6 ? call->tries : 6;
	uint64_t pause = (uint64_t)PAUSE_FIRST_MS << doublings;
	call->state = CALL_RESTING;
	call->tries++;
	call->again_at = uv_now(call->client->loop) + (pause < PAUSE_MAX_MS ? pause : PAUSE_MAX_MS);
	http_client_take_turn(call->client);
}

static void begin_again(struct http_call *call)
{
	call->state = CALL_NEW;
	call->code = CURLE_OK;
	call->received_bytes = 0;
	call->answer = (struct http_answer){0};
	buf_clear(&call->body);
	if (call->request.begin_again)
		call->request.begin_again(call->arg);
}

/* --- curl on the loop --- */

static void collect(struct http_client *client)
{
	CURLMsg *message;
	int left;
	while (client->multi && (message = curl_multi_info_read(client->multi, &left))) {
		struct http_call *call;
		if (message->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&call);
		call->code = message->data.result;
		curl_multi_remove_handle(client->multi, call->easy);
		call->state = CALL_OVER;
		if (may_retry(call))
			rest(call);
		else
			complete(call);
	}
}

static void on_curl_timer(uv_timer_t *timer)
{
	struct http_client *client = timer->data;
	int running;
	curl_multi_socket_action(client->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	collect(client);
}

static int set_curl_timer(CURLM *multi, long wait_ms, void *arg)
{
	struct http_client *client = arg;
	(void)multi;
	if (wait_ms < 0)
		uv_timer_stop(&client->curl_timer);
	else
		uv_timer_start(&client->curl_timer, on_curl_timer, (uint64_t)wait_ms, 0);
	return 0;
}

static void on_handle_closed(uv_handle_t *handle)
{
	struct http_client *client = handle->data;
	if (--client->open_handles > 0)
		return;
	void (*closed)(void *) = client->closed;
	void *arg = client->closed_arg;
	free(client->ca_file);
	free(client);
	curl_global_cleanup();
	if (closed)
		closed(arg);
}

static void on_watch_closed(uv_handle_t *handle)
{
	struct watch *watch = handle->data;
	handle->data = watch->client;
	on_handle_closed(handle);
	free(watch);
}

static void on_socket_ready(uv_poll_t *poll, int status, int events)
{
	struct watch *watch = poll->data;
	struct http_client *client = watch->client;
	int flags = status < 0 ? CURL_CSELECT_ERR : 0, running;
	if (events & UV_READABLE)
		flags |= CURL_CSELECT_IN;
	if (events & UV_WRITABLE)
		flags |= CURL_CSELECT_OUT;
	curl_multi_socket_action(client->multi, watch->fd, flags, &running);
	collect(client);
}

static int set_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *slot)
{
	struct http_client *client = arg;
	struct watch *watch = slot;
	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		if (watch) {
			curl_multi_assign(client->multi, fd, NULL);
			uv_close((uv_handle_t *)&watch->poll, on_watch_closed);
		}
		return 0;
	}
	if (!watch) {
		watch = mem_alloc(sizeof *watch);
		watch->client = client;
		watch->fd = fd;
		watch->poll.data = watch;
		BUG_ON(uv_poll_init_socket(client->loop, &watch->poll, fd) != 0);
		client->open_handles++;
		curl_multi_assign(client->multi, fd, watch);
	}
	int events = (what & CURL_POLL_IN ? UV_READABLE : 0) | (what & CURL_POLL_OUT ? UV_WRITABLE : 0);
	uv_poll_start(&watch->poll, events, on_socket_ready);
	return 0;
}

bool http_client_open(uv_loop_t *loop, const char *ca_file, struct http_client **ret, struct err *err)
{
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return err_set(err, ERR_SYSTEM, "libcurl does not start");
	struct http_client *client = mem_alloc(sizeof *client);
	client->loop = loop;
	client->multi = curl_multi_init();
	BUG_ON(!client->multi);
	client->ca_file = ca_file ? mem_strdup(ca_file) : NULL;
	uv_timer_init(loop, &client->curl_timer);
	uv_timer_init(loop, &client->turn);
	client->curl_timer.data = client->turn.data = client;
	client->open_handles = 2;
	curl_multi_setopt(client->multi, CURLMOPT_SOCKETFUNCTION, set_socket);
	curl_multi_setopt(client->multi, CURLMOPT_SOCKETDATA, client);
	curl_multi_setopt(client->multi, CURLMOPT_TIMERFUNCTION, set_curl_timer);
	curl_multi_setopt(client->multi, CURLMOPT_TIMERDATA, client);
	*ret = client;
	return true;
}

static void start(struct http_call *call)
{
	call->state = CALL_RUNNING;
	CURLMcode code = curl_multi_add_handle(call->client->multi, call->easy);
	if (code != CURLM_OK)
		BUG("curl_multi_add_handle: %s", curl_multi_strerror(code));
}

/* Completing a call may send or cancel others, so that the list is looked through from its start each time. */
static struct http_call *find_ended(struct http_client *client)
{
	for (struct http_call *call = client->calls; call; call = call->next)
		if (client->is_closing || call->is_cancelled || (call->state == CALL_NEW && call->code != CURLE_OK))
			return call;
	return NULL;
}

static void on_turn(uv_timer_t *turn)
{
	struct http_client *client = turn->data;
	struct http_call *call;
	while ((call = find_ended(client)))
		complete(call);
	uint64_t now = uv_now(client->loop), next = UINT64_MAX;
	for (call = client->calls; call; call = call->next) {
		if (call->state == CALL_RESTING && call->again_at <= now)
			begin_again(call);
		if (call->state == CALL_NEW)
			start(call);
		else if (call->state == CALL_RESTING && call->again_at < next)
			next = call->again_at;
	}
	if (next != UINT64_MAX)
		uv_timer_start(turn, on_turn, next - now, 0);
	if (!client->is_closing)
		return;
	curl_multi_cleanup(take(client->multi));
	uv_close((uv_handle_t *)&client->curl_timer, on_handle_closed);
	uv_close((uv_handle_t *)&client->turn, on_handle_closed);
}

void http_client_take_turn(struct http_client *client)
{
	uv_timer_start(&client->turn, on_turn, 0, 0);
}

void http_client_close(struct http_client *client, void (*closed)(void *arg), void *arg)
{
	BUG_ON(client->is_closing);
	client->is_closing = true;
	client->closed = closed;
	client->closed_arg = arg;
	http_client_take_turn(client);
}

void http_cancel(struct http_call *call)
{
	call->is_cancelled = true;
	http_client_take_turn(call->client);
}
