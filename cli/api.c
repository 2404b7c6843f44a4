#include "cli/api.h"

#include "cli/connection.h"
#include "common/buf.h"
#include "common/json.h"
#include "common/loopback.h"
#include "common/mem.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ANSWER_MAX = 64 << 20, LINE_MAX_BYTES = 32 << 20, RECONNECTS_MAX = 100, SILENT_S = 40, CHANGE_S = 900 };

bool api_open(struct cli *cli, struct api *ret, struct err *err)
{
	const char *url, *token, *remedy;
	if (!connection_find(cli, &cli->arena, &url, &token, &remedy, err))
		return false;
	*ret = (struct api){.url = str_of(url),
		.token = str_of(token),
		.remedy = str_of(remedy),
		.is_for_people = !cli->is_json,
		.arena = &cli->arena};
	return true;
}

/* --- for people --- */

/* Titles and names come from whoever pushes; a terminal would obey what they hold. */
static void blank_controls(json_t *text)
{
	size_t n = json_string_length(text);
	auto_free char *clean = mem_dup(json_string_value(text), n);
	if (str_blank_controls(clean, n))
		json_string_setn(text, clean, n);
}

static void make_harmless(json_t *json)
{
	size_t i;
	const char *name;
	json_t *item;
	if (json_is_string(json))
		blank_controls(json);
	json_array_foreach(json, i, item) make_harmless(item);
	json_object_foreach(json, name, item) make_harmless(item);
}

/* --- one call --- */

/* What every request has. A proxy of the environment would take loopback for its own machine's. */
static CURL *start(const char *url)
{
	CURL *curl = curl_easy_init();
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
	if (loopback_has_url(str_of(url)))
		curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
	return curl;
}

struct answer {
	struct buf body;
	bool (*piece)(void *arg, struct str bytes);
	void (*tick)(void *arg);
	void *arg, *tick_arg;
	CURL *curl;
	const char **cookie; /* "Cookie: NAME=VALUE" of an answer that sets one goes there; NULL: nowhere */
	bool was_ended;
};

/* curl calls it about once a second, also when nothing comes. */
static int take_tick(void *arg, curl_off_t all_in, curl_off_t in, curl_off_t all_out, curl_off_t out)
{
	struct answer *answer = arg;
	(void)all_in, (void)in, (void)all_out, (void)out;
	answer->tick(answer->tick_arg);
	return 0;
}

static size_t take_bytes(char *bytes, size_t size, size_t n, void *arg)
{
	struct answer *answer = arg;
	long status = 0;
	curl_easy_getinfo(answer->curl, CURLINFO_RESPONSE_CODE, &status);
	if (answer->piece && status < 300) {
		if (answer->piece(answer->arg, (struct str){bytes, size * n}))
			return size * n;
		answer->was_ended = true;
		return 0;
	}
	return buf_add(&answer->body, bytes, size * n) ? size * n : 0;
}

static struct curl_slist *make_headers(const struct api *api, bool has_body, const char *extra)
{
	struct curl_slist *headers = NULL;
	if (api->token.n)
		headers = curl_slist_append(
			headers, arena_printf(api->arena, "Authorization: Bearer %.*s", STR_ARG(api->token)).p);
	if (api->session) {
		headers = curl_slist_append(headers, api->session);
		headers = curl_slist_append(headers, api->csrf);
	}
	if (has_body)
		headers = curl_slist_append(headers, "Content-Type: application/json");
	if (extra)
		headers = curl_slist_append(headers, extra);
	return headers;
}

static bool explain(const struct api *api, CURLcode code, const char *detail, struct err *err)
{
	const char *why = detail[0] ? detail : curl_easy_strerror(code);
	return err_set(err, ERR_UPSTREAM, "the server at %.*s does not answer: %s; %.*s", STR_ARG(api->url), why,
		STR_ARG(api->remedy));
}

/* What is wrong in which file, before the sentence that main prints. */
static void show_details(const json_t *details)
{
	size_t i;
	json_t *detail;
	json_array_foreach(details, i, detail)
	{
		struct str file = json_get_str(detail, "file"), message = json_get_str(detail, "message");
		if (file.n)
			fprintf(stderr, "%.*s:%d:%d: ", STR_ARG(file),
				(int)json_integer_value(json_object_get(detail, "line")),
				(int)json_integer_value(json_object_get(detail, "column")));
		fprintf(stderr, "%.*s\n", STR_ARG(message));
	}
}

static bool check_status(CURL *curl, const struct buf *body, struct err *err)
{
	static const struct {
		long status;
		enum err_kind kind;
	} kinds[] = {{400, ERR_INVALID}, {401, ERR_UNAUTHENTICATED}, {403, ERR_DENIED}, {404, ERR_NOT_FOUND},
		{409, ERR_CONFLICT}, {413, ERR_TOO_LARGE}, {422, ERR_UNSUPPORTED}, {502, ERR_SYSTEM}, {503, ERR_BUSY}};
	long status = 0;
	enum err_kind kind = ERR_SYSTEM;
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	if (status < 300)
		return true;
	for (size_t i = 0; i < COUNT_OF(kinds); i++)
		if (kinds[i].status == status)
			kind = kinds[i].kind;
	json_t *json = json_loadb(body->p ? body->p : "", body->n, 0, NULL);
	json_t *error = json_object_get(json, "error");
	make_harmless(error);
	struct str message = json_get_str(error, "message");
	if (message.n)
		err_set(err, kind, "%.*s", STR_ARG(message));
	else
		err_set(err, kind, "what answers there is no Penstock server: status %ld and no reason", status);
	show_details(json_object_get(error, "details"));
	json_decref(json);
	return false;
}

/* A line as in cookies.txt: domain, subdomains, path, secure, expires, name, value. */
static const char *take_cookie(CURL *curl, struct arena *arena)
{
	struct curl_slist *cookies = NULL;
	const char *header = NULL;
	curl_easy_getinfo(curl, CURLINFO_COOKIELIST, &cookies);
	if (cookies) {
		struct str line = str_of(cookies->data), name = {0}, part;
		for (int i = 0; i < 6 && str_cut(&line, '\t', &part); i++)
			name = part;
		header = arena_printf(arena, "Cookie: %.*s=%.*s", STR_ARG(name), STR_ARG(line)).p;
	}
	curl_slist_free_all(cookies);
	return header;
}

static bool perform(const struct api *api, const char *method, struct str path, struct str body, const char *header,
	struct answer *answer, struct err *err)
{
	char detail[CURL_ERROR_SIZE] = "";
	CURL *curl = start(arena_printf(api->arena, "%.*s%.*s", STR_ARG(api->url), STR_ARG(path)).p);
	struct curl_slist *headers = make_headers(api, body.n > 0, header);
	answer->curl = curl;
	curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, 5000L);
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, detail);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_bytes);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, answer);
	/* Streams say something every 15 seconds; a silent connection is a dead one. What changes something may take as
	 * long as the fetch of a large repository. */
	curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
	curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, strcmp(method, "GET") == 0 ? (long)SILENT_S : (long)CHANGE_S);
	if (answer->tick) {
		curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, take_tick);
		curl_easy_setopt(curl, CURLOPT_XFERINFODATA, answer);
		curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
	}
	if (body.p) {
		curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)body.n);
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body.p);
	}
	if (answer->cookie)
		curl_easy_setopt(curl, CURLOPT_COOKIEFILE, ""); /* kept, and none read */
	CURLcode code = curl_easy_perform(curl);
	if (answer->cookie)
		*answer->cookie = take_cookie(curl, api->arena);
	bool ok = code == CURLE_OK || answer->was_ended ? check_status(curl, &answer->body, err)
							: explain(api, code, detail, err);
	curl_slist_free_all(headers);
	curl_easy_cleanup(curl);
	if (!ok && err->kind == ERR_UNAUTHENTICATED && api->token.n == 0 && !answer->cookie)
		err_set(err, ERR_UNAUTHENTICATED,
			"there is no token to show to %.*s: set PENSTOCK_TOKEN, or name its file with --token-file; "
			"penstock token add laptop --account YOU makes one",
			STR_ARG(api->url));
	return ok;
}

/* ret_cookie may be NULL. */
static bool call(const struct api *api, const char *method, struct str path, const json_t *body, json_t **ret,
	const char **ret_cookie, struct err *err)
{
	struct answer answer = {.body = BUF_INIT(ANSWER_MAX), .cookie = ret_cookie};
	bool takes_body = strcmp(method, "GET") != 0;
	struct str text = body ? json_text(body, api->arena) : takes_body ? STR("") : (struct str){0};
	bool ok = perform(api, method, path, text, NULL, &answer, err);
	if (ok && ret) {
		json_t *json = answer.body.n ? json_loadb(answer.body.p, answer.body.n, 0, NULL) : NULL;
		ok = json || answer.body.n == 0 ||
		     err_set(err, ERR_UPSTREAM, "%.*s is no Penstock server", STR_ARG(api->url));
		if (api->is_for_people)
			make_harmless(json);
		if (ok)
			*ret = json;
	}
	buf_done(&answer.body);
	return ok;
}

bool api_call(
	const struct api *api, const char *method, struct str path, const json_t *body, json_t **ret, struct err *err)
{
	return call(api, method, path, body, ret, NULL, err);
}

bool api_login(const struct api *api, const char *name, const char *password, struct api *ret, struct err *err)
{
	json_auto_t *body = json_pack("{s:s, s:s}", "name", name, "password", password), *me = NULL;
	struct api session = *api;
	session.token = STR("");
	if (!body)
		return err_set(err, ERR_INVALID, "name and password are texts in UTF-8");
	if (!call(&session, "POST", STR("/api/v1/login"), body, &me, &session.session, err))
		return false;
	if (!session.session)
		return err_set(err, ERR_UPSTREAM, "the server at %.*s began no session", STR_ARG(api->url));
	session.csrf = arena_printf(api->arena, "X-CSRF-Token: %.*s", STR_ARG(json_get_str(me, "csrf"))).p;
	*ret = session;
	return true;
}

bool api_read(
	const struct api *api, struct str path, bool (*piece)(void *arg, struct str bytes), void *arg, struct err *err)
{
	struct answer answer = {.body = BUF_INIT(ANSWER_MAX), .piece = piece, .arg = arg};
	bool ok = perform(api, "GET", path, (struct str){0}, NULL, &answer, err);
	buf_done(&answer.body);
	return ok;
}

/* --- server-sent events --- */

struct follower {
	struct buf text;
	const struct api_listener *listener;
	char last_id[64];
	bool is_over, has_heard, is_for_people;
};

static bool take_event(struct follower *follower, struct str block)
{
	struct str line, name = {0}, data = {0};
	while (str_cut(&block, '\n', &line)) {
		if (str_starts(line, STR("event: ")))
			name = str_skip(line, 7);
		else if (str_starts(line, STR("data: ")))
			data = str_skip(line, 6);
		else if (str_starts(line, STR("id: ")))
			snprintf(follower->last_id, sizeof follower->last_id, "%.*s", STR_ARG(str_skip(line, 4)));
	}
	if (!name.n)
		return true;
	follower->has_heard = true;
	json_t *json = json_loadb(data.p ? data.p : "null", data.p ? data.n : 4, JSON_DECODE_ANY, NULL);
	/* Lines of a log keep their colours. */
	if (follower->is_for_people && !str_is(name, "lines"))
		make_harmless(json);
	bool goes_on = follower->listener->event(follower->listener->arg, name, json);
	json_decref(json);
	return goes_on;
}

static bool take_stream(void *arg, struct str bytes)
{
	struct follower *follower = arg;
	size_t at;
	buf_add_str(&follower->text, bytes);
	while (str_find(buf_str(&follower->text), STR("\n\n"), &at)) {
		bool goes_on = take_event(follower, str_head(buf_str(&follower->text), at));
		buf_drop(&follower->text, at + 2);
		if (!goes_on) {
			follower->is_over = true;
			return false;
		}
	}
	return true;
}

bool api_follow(const struct api *api, struct str path, const struct api_listener *listener, struct err *err)
{
	struct follower follower = {
		.text = BUF_INIT(LINE_MAX_BYTES), .listener = listener, .is_for_people = api->is_for_people};
	bool ok = true, has_ever_heard = false;
	for (int tries = 0; !follower.is_over && tries < RECONNECTS_MAX; tries++) {
		char header[96];
		struct answer answer = {.body = BUF_INIT(ANSWER_MAX),
			.piece = take_stream,
			.arg = &follower,
			.tick = listener->tick,
			.tick_arg = listener->arg};
		snprintf(header, sizeof header, "Last-Event-ID: %s", follower.last_id);
		buf_clear(&follower.text);
		ok = perform(api, "GET", path, (struct str){0}, follower.last_id[0] ? header : NULL, &answer, err);
		buf_done(&answer.body);
		if (follower.has_heard)
			tries = 0;
		bool may_pass = ok || err->kind == ERR_UPSTREAM || err->kind == ERR_BUSY;
		if (follower.is_over || !may_pass || (!ok && !has_ever_heard && !follower.has_heard))
			break;
		has_ever_heard |= follower.has_heard;
		follower.has_heard = false;
		usleep(300 * 1000);
	}
	buf_done(&follower.text);
	return ok || follower.is_over;
}

struct str api_quote(struct str text, struct arena *arena)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~";
	auto_buf quoted = BUF_INIT(3 * 4096);
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] && strchr(plain, text.p[i]))
			buf_add_char(&quoted, text.p[i]);
		else
			buf_addf(&quoted, "%%%02X", (unsigned char)text.p[i]);
	}
	return arena_str(arena, buf_str(&quoted));
}

static size_t drop_bytes(char *bytes, size_t size, size_t n, void *arg)
{
	(void)bytes;
	(void)arg;
	return size * n;
}

bool api_post(const char *url, struct str body, const char *const *headers, int64_t timeout_ms, struct err *err)
{
	CURL *curl = start(url);
	struct curl_slist *list = NULL;
	long status = 0;
	for (; *headers; headers++)
		list = curl_slist_append(list, *headers);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, list);
	curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)body.n);
	curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body.p);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, drop_bytes);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)timeout_ms);
	CURLcode code = curl_easy_perform(curl);
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	curl_slist_free_all(list);
	curl_easy_cleanup(curl);
	if (code != CURLE_OK)
		return err_set(err, ERR_UPSTREAM, "%s", curl_easy_strerror(code));
	return status < 300 || err_set(err, ERR_UPSTREAM, "it answered %ld", status);
}

bool api_probe(const char *url, const char *path, int64_t timeout_ms)
{
	auto_arena arena = {0};
	CURL *curl = start(arena_printf(&arena, "%s%s", url, path).p);
	long status = 0;
	curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)timeout_ms);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, drop_bytes);
	bool ok = curl_easy_perform(curl) == CURLE_OK;
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_cleanup(curl);
	return ok && status == 200;
}
