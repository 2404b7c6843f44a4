#include "server/api/handler.h"

#include "common/json.h"

#include <string.h>

enum { LIMIT_DEFAULT = 50, LIMIT_MAX = 200 };
#define DURATION_MAX_MS (INT64_C(100) * 365 * 24 * 3600 * 1000)

static void request_ended(struct flow *flow)
{
	struct api_request *request = api_request_of(flow);
	if (request->is_answered)
		;
	else if (flow->err.kind != ERR_NONE && request->details) {
		json_t *error = json_pack("{s:s, s:o, s:O}", "kind", err_kind_name(flow->err.kind), "message",
			json_of_str(str_of(flow->err.text)), "details", request->details);
		http_answer_json(
			request->exchange, err_http_status(flow->err.kind), json_pack("{s:o}", "error", error));
	} else if (flow->err.kind != ERR_NONE)
		http_answer_err(request->exchange, &flow->err);
	else if (request->answer)
		http_answer_json(
			request->exchange, request->status ? request->status : 200, json_incref(request->answer));
	else
		http_answer(request->exchange, request->status ? request->status : 204, "text/plain", STR(""));
	if (request->release)
		request->release(request);
	json_decref(request->answer);
	json_decref(request->details);
	json_decref(request->body);
	flow_free(flow);
}

static bool parse_body(struct api_request *request, struct err *err)
{
	struct str text = http_body(request->exchange);
	json_error_t fault;
	if (str_trim(text).n == 0) {
		request->body = json_object();
		return true;
	}
	request->body = json_loadb(text.p, text.n, JSON_REJECT_DUPLICATES, &fault);
	if (!request->body)
		return err_set(err, ERR_INVALID, "the body is no JSON: %s (line %d, column %d)", fault.text, fault.line,
			fault.column);
	if (!json_is_object(request->body))
		return err_set(err, ERR_INVALID, "the body is no JSON object");
	return true;
}

void api_start(struct http_exchange *exchange, void *context, size_t size, flow_step *const *steps, bool takes_body)
{
	api_start_with(exchange, context, size, steps, takes_body, NULL);
}

void api_start_with(struct http_exchange *exchange, void *context, size_t size, flow_step *const *steps,
	bool takes_body, void (*release)(struct api_request *request))
{
	struct api_request *request = flow_new(size, steps, request_ended);
	struct err err = {0};
	request->server = context;
	request->release = release;
	request->exchange = exchange;
	if (takes_body && !parse_body(request, &err))
		flow_fail(&request->flow, &err);
	else
		flow_start(&request->flow);
}

bool api_text(struct api_request *request, const char *name, bool is_required, struct str *ret, struct err *err)
{
	const json_t *value = json_object_get(request->body, name);
	if (value && !json_is_string(value))
		return err_set(err, ERR_INVALID, "\"%s\" is no text", name);
	if (!value && is_required)
		return err_set(err, ERR_INVALID, "\"%s\" is missing", name);
	*ret = value ? (struct str){json_string_value(value), json_string_length(value)} : STR("");
	return true;
}

bool api_duration(struct api_request *request, const char *name, int64_t *ret, struct err *err)
{
	const json_t *value = json_object_get(request->body, name);
	if (!value)
		return true;
	if (!json_is_integer(value) || json_integer_value(value) < 1 || json_integer_value(value) > DURATION_MAX_MS)
		return err_set(err, ERR_INVALID, "\"%s\" is no number of milliseconds from 1 to %lld", name,
			(long long)DURATION_MAX_MS);
	*ret = json_integer_value(value);
	return true;
}

bool api_only(struct api_request *request, const char *const *names, struct err *err)
{
	const char *name;
	json_t *value;
	json_object_foreach(request->body, name, value)
	{
		size_t i = 0;
		while (names[i] && strcmp(names[i], name) != 0)
			i++;
		if (names[i])
			continue;
		const char *nearest = str_nearest(str_of(name), names);
		return err_set(err, ERR_INVALID, "unknown field \"%s\"%s%s%s", name, nearest ? "; did you mean \"" : "",
			nearest ? nearest : "", nearest ? "\"?" : "");
	}
	return true;
}

bool api_page(struct api_request *request, int64_t *ret_limit, int64_t *ret_before, struct err *err)
{
	struct str limit, before;
	*ret_limit = LIMIT_DEFAULT;
	*ret_before = INT64_MAX;
	if (http_query(request->exchange, "limit", &limit) &&
		(!str_to_i64(limit, ret_limit) || *ret_limit < 1 || *ret_limit > LIMIT_MAX))
		return err_set(err, ERR_INVALID, "limit: a number from 1 to %d", LIMIT_MAX);
	if (http_query(request->exchange, "before", &before) && (!str_to_i64(before, ret_before) || *ret_before < 1))
		return err_set(err, ERR_INVALID, "before: the \"next\" of the page before");
	return true;
}

json_t *api_list(const struct db_reply *reply, size_t statement, const char *key, const struct field *fields,
	size_t size, int64_t limit, struct arena *arena, struct err *err)
{
	void *items;
	size_t count;
	if (!db_read_rows(reply, statement, fields, size, &items, &count, arena, err))
		return NULL;
	json_t *list = json_array(), *next = json_null();
	for (size_t i = 0; i < count; i++)
		json_array_append_new(list, fields_write(fields, (const char *)items + i * size));
	if (limit && count == (size_t)limit)
		next = json_of_str(arena_printf(arena, "%lld", (long long)db_i64(reply, statement, count - 1, 0)));
	json_t *answer = json_pack("{s:o}", key, list);
	if (limit)
		json_object_set_new(answer, "next", next);
	else
		json_decref(next);
	return answer;
}

json_t *api_rows(struct flow *flow, size_t statement, const struct field *fields, size_t size)
{
	void *rows;
	size_t count;
	if (!db_read_rows(db_reply_of(flow), statement, fields, size, &rows, &count, &flow->arena, &flow->err))
		return NULL;
	json_t *list = json_array();
	for (size_t i = 0; i < count; i++)
		json_array_append_new(list, fields_write(fields, (const char *)rows + i * size));
	return list;
}
