#include "server/outbox/public_url.h"

#include "server/http/http_server.h"
#include "server/server.h"
#include "server/settings.h"

struct str public_url(const struct server *server, struct arena *arena)
{
	const struct server_settings *settings = server->settings;
	struct str set = settings->public_url;
	while (set.n && set.p[set.n - 1] == '/')
		set.n--;
	if (set.n)
		return set;
	int port = server->http ? http_server_port(server->http) : (int)settings->listen_port;
	return arena_printf(arena, "%s://%.*s:%d", settings->tls_certificate_file.n ? "https" : "http",
		STR_ARG(settings->listen_address), port);
}
