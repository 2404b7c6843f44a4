#include "server/http/exchange.h"

#include "common/mem.h"

#include <string.h>
#include <unistd.h>

void http_add_header(struct http_exchange *exchange, const char *name, struct str value)
{
	char *copy = (char *)(uintptr_t)arena_str(&exchange->arena, value).p;
	/* A line end in a value would start a header, or an answer, of the caller's making. */
	for (size_t i = 0; i < value.n; i++)
		if ((unsigned char)copy[i] < 0x20 || copy[i] == 0x7f)
			copy[i] = '_';
	struct pair_list *headers = &exchange->headers;
	headers->items = arena_grow(&exchange->arena, headers->items, sizeof *headers->items, headers->count);
	headers->items[headers->count++] = (struct pair){
		{arena_strdup(&exchange->arena, name), strlen(name)},
		{copy, value.n},
	};
}

static void add(struct MHD_Response *response, const char *name, const char *value)
{
	if (MHD_add_response_header(response, name, value) != MHD_YES)
		BUG("answer header %s: %s", name, value);
}

void answer_add_headers(struct http_exchange *exchange, const char *content_type, struct MHD_Response *response)
{
	bool has_cache_rule = false;
	for (size_t i = 0; i < exchange->headers.count; i++) {
		const struct pair *pair = &exchange->headers.items[i];
		if (pair->value.n)
			add(response, pair->name.p, pair->value.p);
		has_cache_rule |= strcasecmp(pair->name.p, "Cache-Control") == 0;
	}
	if (content_type)
		add(response, "Content-Type", content_type);
	if (!has_cache_rule)
		add(response, "Cache-Control", "no-store");
	add(response, "X-Content-Type-Options", "nosniff");
	if (exchange->server && exchange->server->is_closing)
		add(response, "Connection", "close");
}

static void answer_bytes(struct http_exchange *exchange, int status, const char *content_type, struct str body,
	enum MHD_ResponseMemoryMode mode)
{
	struct MHD_Response *response =
		MHD_create_response_from_buffer(body.n, (void *)(uintptr_t)(body.p ? body.p : ""), mode);
	BUG_ON(!response);
	answer_add_headers(exchange, content_type, response);
	exchange_answer(exchange, status, response);
}

void http_answer(struct http_exchange *exchange, int status, const char *content_type, struct str body)
{
	answer_bytes(exchange, status, content_type, body, body.n ? MHD_RESPMEM_MUST_COPY : MHD_RESPMEM_PERSISTENT);
}

void http_answer_json(struct http_exchange *exchange, int status, json_t *body)
{
	char *text = json_dumps(body, JSON_COMPACT | JSON_ENCODE_ANY);
	BUG_ON(!text);
	json_decref(body);
	answer_bytes(exchange, status, "application/json", str_of(text), MHD_RESPMEM_MUST_FREE);
}

void exchange_refuse(struct http_exchange *exchange, int status, const struct err *err)
{
	json_t *message = json_string(err->text);
	/* A message that quotes bytes of the request may be cut inside of a character. */
	if (!message)
		message = json_string("the request holds bytes that are not UTF-8");
	http_answer_json(exchange, status,
		json_pack("{s:{s:s, s:o}}", "error", "kind", err_kind_name(err->kind), "message", message));
}

void http_answer_err(struct http_exchange *exchange, const struct err *err)
{
	exchange_refuse(exchange, err_http_status(err->kind), err);
}

/* One range of a body of `size` bytes: "bytes=0-99", "bytes=100-", "bytes=-5". What is not understood is passed over,
 * as the standard allows; *ret_ok is false when the range lies outside. */
static bool parse_range(struct str text, int64_t size, int64_t *ret_first, int64_t *ret_count, bool *ret_ok)
{
	struct str first_text;
	int64_t first = 0, last = size - 1;
	if (!str_starts(text, STR("bytes=")) || memchr(text.p, ',', text.n))
		return false;
	text = str_skip(text, strlen("bytes="));
	size_t dash;
	if (!str_find_char(text, '-', &dash))
		return false;
	first_text = str_head(text, dash);
	struct str last_text = str_skip(text, dash + 1);
	if (first_text.n == 0) {
		int64_t tail;
		if (!str_to_i64(last_text, &tail) || tail < 0)
			return false;
		first = tail > size ? 0 : size - tail;
	} else if (!str_to_i64(first_text, &first) || first < 0) {
		return false;
	} else if (last_text.n > 0 && (!str_to_i64(last_text, &last) || last < first)) {
		return false;
	}
	if (last > size - 1)
		last = size - 1;
	*ret_ok = first <= last;
	*ret_first = first;
	*ret_count = last - first + 1;
	return true;
}

void http_answer_file(
	struct http_exchange *exchange, int status, const char *content_type, int fd, int64_t offset, int64_t size)
{
	auto_fd int file = fd;
	struct str range;
	int64_t first = 0, count = size;
	bool is_inside = true;
	if (status == 200) {
		http_add_header(exchange, "Accept-Ranges", STR("bytes"));
		if (http_header(exchange, "Range", &range) && parse_range(range, size, &first, &count, &is_inside)) {
			struct arena *arena = &exchange->arena;
			status = is_inside ? 206 : 416;
			http_add_header(exchange, "Content-Range",
				is_inside ? arena_printf(arena, "bytes %lld-%lld/%lld", (long long)first,
						    (long long)(first + count - 1), (long long)size)
					  : arena_printf(arena, "bytes */%lld", (long long)size));
		}
	}
	if (!is_inside) {
		http_answer(exchange, status, NULL, (struct str){0});
		return;
	}
	struct MHD_Response *response =
		MHD_create_response_from_fd_at_offset64((uint64_t)count, file, (uint64_t)(offset + first));
	BUG_ON(!response);
	(void)take_fd(&file);
	answer_add_headers(exchange, content_type, response);
	exchange_answer(exchange, status, response);
}
