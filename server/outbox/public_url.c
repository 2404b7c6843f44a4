#include "server/outbox/public_url.h"

#include "server/engine/run_name.h"
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

struct str public_url_of_run(const struct server *server, struct str run, struct arena *arena)
{
	struct run_name name;
	if (!run_name_parse(run, &name, NULL) || name.id)
		return STR("");
	return arena_printf(arena, "%.*s/runs/%.*s/%lld", STR_ARG(public_url(server, arena)), STR_ARG(name.repository),
		(long long)name.number);
}
