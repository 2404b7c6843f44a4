#include "server/http/exchange.h"

#include <netdb.h>
#include <string.h>

struct arena *http_arena(struct http_exchange *exchange)
{
	return &exchange->arena;
}

struct str http_method(const struct http_exchange *exchange)
{
	return exchange->method;
}

struct str http_path(const struct http_exchange *exchange)
{
	return exchange->path;
}

struct str http_param(const struct http_exchange *exchange, const char *name)
{
	for (size_t i = 0; i < exchange->match.param_count; i++)
		if (str_is(exchange->match.params[i].name, name))
			return exchange->match.params[i].value;
	BUG("route %s has no parameter {%s}", exchange->match.route->pattern, name);
}

bool http_query(struct http_exchange *exchange, const char *name, struct str *ret)
{
	struct str raw;
	if (!url_query_find(exchange->query, str_of(name), &raw))
		return false;
	char *copy = (char *)(uintptr_t)arena_str(&exchange->arena, raw).p;
	size_t n;
	if (!url_decode(copy, raw.n, true, &n))
		return false;
	*ret = (struct str){copy, n};
	return true;
}

static bool lookup(struct http_exchange *exchange, enum MHD_ValueKind kind, const char *name, struct str *ret)
{
	const char *value;
	size_t n;
	if (!exchange->mhd)
		return false;
	if (MHD_lookup_connection_value_n(exchange->mhd, kind, name, strlen(name), &value, &n) != MHD_YES || !value)
		return false;
	*ret = (struct str){value, n};
	return true;
}

bool http_header(struct http_exchange *exchange, const char *name, struct str *ret)
{
	return lookup(exchange, MHD_HEADER_KIND, name, ret);
}

bool http_cookie(struct http_exchange *exchange, const char *name, struct str *ret)
{
	return lookup(exchange, MHD_COOKIE_KIND, name, ret);
}

struct str http_body(const struct http_exchange *exchange)
{
	return buf_str(&exchange->body);
}

struct str http_peer(struct http_exchange *exchange)
{
	char text[NI_MAXHOST];
	if (!exchange->mhd)
		return (struct str){0};
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(exchange->mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	if (!info || !info->client_addr)
		return (struct str){0};
	socklen_t size =
		info->client_addr->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
	if (getnameinfo(info->client_addr, size, text, sizeof text, NULL, 0, NI_NUMERICHOST) != 0)
		return (struct str){0};
	return arena_str(&exchange->arena, str_of(text));
}

unsigned http_flags(const struct http_exchange *exchange)
{
	return exchange->match.route->flags;
}

void http_set_caller(struct http_exchange *exchange, void *caller)
{
	exchange->caller = caller;
}

void *http_caller(const struct http_exchange *exchange)
{
	return exchange->caller;
}

void http_on_gone(struct http_exchange *exchange, void (*gone)(void *arg), void *arg)
{
	exchange->gone = gone;
	exchange->gone_arg = arg;
	if (gone && exchange->is_suspended)
		connection_watch(exchange->connection);
}

void http_upload_start(struct http_exchange *exchange, bool (*piece)(void *arg, struct str bytes),
	void (*end)(void *arg, bool ok), void *arg)
{
	BUG_ON(exchange->upload.piece || !exchange->match.route->is_upload);
	exchange->upload = (struct http_upload){.piece = piece, .end = end, .arg = arg};
	exchange_wake(exchange);
}

void http_upload_resume(struct http_exchange *exchange)
{
	exchange->upload.is_paused = false;
	exchange_wake(exchange);
}
