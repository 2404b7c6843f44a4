#include "server/wiring.h"

#include "common/io/http_client.h"
#include "common/mem.h"
#include "server/alarms/alarms.h"
#include "server/auth/bootstrap.h"
#include "server/auth/auth.h"
#include "server/events/events.h"
#include "server/api/routes.h"
#include "server/blobs/blob_store.h"
#include "server/configuration/delivery_facts.h"
#include "server/dispatch/dispatch.h"
#include "server/drift/drift.h"
#include "server/git/git_read.h"
#include "server/git/mirrors.h"
#include "server/gitops/gitops.h"
#include "server/http/static_files.h"
#include "server/ingest/ingest.h"
#include "server/keys/keyring.h"
#include "server/logs/logs.h"
#include "server/retention/retention.h"
#include "server/outbox/outbox.h"
#include "server/shell/shell.h"
#include "server/store/db.h"
#include "server/store/migrate.h"
#include "server/timers/timers.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	PLANS_KEPT = 64,
	BROWSER_CONNECTION_BYTES = 32 * 1024,
	WORKER_CONNECTION_BYTES = 8 * 1024,
	CONNECTIONS_MAX = 4096,
	CLOSE_GRACE_MS = 3000,
};

struct wiring {
	struct server server;
	struct server_settings settings;
	struct http_server *http, *worker_http;
	struct http_route *worker_routes;
	struct timers *timers;
	struct static_files *files;
	size_t closing; /* index of the closer under way */
};

/* --- wake-ups between the parts --- */

static void run_changed(void *arg, int64_t run)
{
	struct server *server = arg;
	events_run_changed(server->events, run);
}

static void jobs_queued(void *arg)
{
	struct server *server = arg;
	dispatch_jobs_queued(server->dispatch);
	db_notify(server->db, STR("q"));
}

static void attempts_cancelled(void *arg)
{
	struct server *server = arg;
	dispatch_cancelled(server->dispatch);
	db_notify(server->db, STR("c"));
}

static void add_facts(void *arg, struct run_graph *graph)
{
	const struct server *server = arg;
	if (!delivery_facts_add(configurations_now(server->configurations), graph))
		configurations_look(server->configurations);
}

/* Runs that deploy may be watching it. */
static void alarm_changed(void *arg, struct str name)
{
	const struct server *server = arg;
	(void)name;
	shell_tick(server->shell);
}

static void compare_commits(void *arg, const struct run_graph *graph)
{
	const struct server *server = arg;
	ingest_compare(server->ingest, graph);
}

static void replan_stage(void *arg, const struct run_graph *graph, size_t stage, int64_t version)
{
	const struct server *server = arg;
	ingest_replan(server->ingest, graph, stage, version);
}

static void version_condemned(void *arg)
{
	struct server *server = arg;
	ingest_tick(server->ingest);
}

/* From another coordinator, or after a time without ears: payloads are hints, so everybody looks. */
static void notified(void *arg, struct str payload)
{
	struct server *server = arg;
	if (!server->dispatch)
		return;
	events_heard(server->events, payload);
	if (payload.n == 0 || payload.p[0] == 'q')
		dispatch_jobs_queued(server->dispatch);
	if (payload.n == 0 || payload.p[0] == 'f')
		configurations_look(server->configurations);
	if (payload.n == 0 || payload.p[0] == 'c')
		dispatch_cancelled(server->dispatch);
}

/* --- opening --- */

static bool make_folder(struct str path, struct err *err)
{
	if (mkdir(path.p, 0700) != 0 && errno != EEXIST)
		return err_errno(err, "data_dir %s", path.p);
	return true;
}

static const char *below(struct arena *arena, struct str folder, const char *name)
{
	return arena_printf(arena, "%.*s/%s", STR_ARG(folder), name).p;
}

static bool open_database(struct wiring *wiring, struct err *err)
{
	const struct server_settings *settings = &wiring->settings;
	int applied = 0;
	bool ok = settings->migrate ? migrate(settings->database_url.p, migrations, &applied, err)
				    : migrate_check(settings->database_url.p, migrations, err);
	if (!ok)
		return false;
	if (applied)
		log_info("schema.migrated", F("migrations", applied));
	struct db_options options = {
		.url = settings->database_url.p,
		.connections = (int)settings->connections,
		.channel = "penstock",
		.on_notify = notified,
		.arg = &wiring->server,
	};
	return db_open(wiring->server.loop, &options, &wiring->server.db, err);
}

static bool open_files(struct wiring *wiring, struct err *err)
{
	struct server *server = &wiring->server;
	struct str data_dir = wiring->settings.data_dir;
	auto_arena arena = {0};
	return make_folder(data_dir, err) && keyring_open(below(&arena, data_dir, "key"), &server->keys, err) &&
	       blob_store_open(below(&arena, data_dir, "blobs"), &server->blobs, err) &&
	       mirrors_open(server->loop, below(&arena, data_dir, "mirrors"), wiring->settings.source_cache_size,
		       &server->mirrors, err);
}

/* Beside the program: build/bin and build/web, or /usr/bin and /usr/share/penstock/web. */
static bool open_web(struct wiring *wiring, struct err *err)
{
	auto_arena arena = {0};
	if (wiring->settings.web_dir.n)
		return static_files_open(wiring->settings.web_dir.p, &wiring->files, err);
	char program[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", program, sizeof program - 1);
	program[n > 0 ? n : 0] = 0;
	char *slash = strrchr(program, '/');
	if (slash)
		*slash = 0;
	struct err ignored;
	if (!static_files_open(below(&arena, str_of(program), "../web"), &wiring->files, &ignored) &&
		!static_files_open(below(&arena, str_of(program), "../share/penstock/web"), &wiring->files, &ignored))
		log_warn("web.missing", F("looked_beside", (const char *)program));
	return true;
}

/* What the port for workers answers: them, and whoever asks whether it lives. Nobody logs in there. */
static struct http_route *routes_of_workers(void)
{
	size_t count = 0, all = 0;
	while (api_routes[all].method)
		all++;
	struct http_route *routes = mem_alloc((all + 1) * sizeof *routes);
	for (size_t i = 0; i < all; i++) {
		struct str pattern = str_of(api_routes[i].pattern);
		if ((api_routes[i].flags & AUTH_NEED_MASK) == AUTH_WORKER || str_is(pattern, "/healthz") ||
			str_is(pattern, "/readyz"))
			routes[count++] = api_routes[i];
	}
	return routes;
}

static bool open_http(struct wiring *wiring, int64_t port, size_t connection_bytes, const struct http_route *routes,
	struct http_server **ret, struct err *err)
{
	const struct server_settings *settings = &wiring->settings;
	struct http_server_options options = {
		.address = settings->listen_address.p,
		.port = (int)port,
		.connection_bytes = connection_bytes,
		.connections_max = CONNECTIONS_MAX,
		.routes = routes,
		.before = auth_before,
		.context = &wiring->server,
		.tls_certificate_file = settings->tls_certificate_file.n ? settings->tls_certificate_file.p : NULL,
		.tls_key_file = settings->tls_key_file.n ? settings->tls_key_file.p : NULL,
	};
	return http_server_open(wiring->server.loop, &options, ret, err);
}

static bool open_listeners(struct wiring *wiring, struct err *err)
{
	const struct server_settings *settings = &wiring->settings;
	if (!open_http(wiring, settings->listen_port, BROWSER_CONNECTION_BYTES, api_routes, &wiring->http, err))
		return false;
	wiring->worker_routes = routes_of_workers();
	if (settings->worker_port && !open_http(wiring, settings->worker_port, WORKER_CONNECTION_BYTES,
					     wiring->worker_routes, &wiring->worker_http, err))
		return false;
	wiring->server.http = wiring->http;
	log_info("server.listening", F("address", settings->listen_address), F("port", http_server_port(wiring->http)));
	return true;
}

static bool open_parts(struct wiring *wiring, struct err *err)
{
	struct server *server = &wiring->server;
	struct shell_hooks hooks = {server, run_changed, jobs_queued, attempts_cancelled, version_condemned,
		compare_commits, replan_stage, add_facts};
	server->plans = plan_cache_new(PLANS_KEPT);
	server->shell = shell_new(server->db, server->plans, &hooks);
	server->events = events_new(server);
	server->ingest = ingest_new(server);
	server->outbox = outbox_new(server);
	server->alarms = alarms_new(server, &(struct alarms_hooks){server, alarm_changed});
	server->drift = drift_new(server);
	server->logs = logs_new(server);
	server->retention = retention_new(server);
	server->dispatch = dispatch_new(server);
	server->gitops = gitops_new(server);
	server->files = wiring->files;
	return configurations_open(server, &server->configurations, err) &&
	       http_client_open(server->loop, NULL, &server->http_out, err) && auth_open(server, &server->auth, err);
}

bool wiring_open(struct uv_loop_s *loop, const struct server_settings *settings, struct wiring **ret, struct err *err)
{
	struct wiring *wiring = mem_alloc(sizeof *wiring);
	wiring->settings = *settings;
	wiring->server.loop = loop;
	wiring->server.settings = &wiring->settings;
	*ret = wiring; /* a start that fails leaves it to the end of the process */
	if (!git_read_init(err) || !open_files(wiring, err) || !open_web(wiring, err) || !open_database(wiring, err) ||
		!bootstrap(settings->database_url, settings->data_dir, err) || !open_parts(wiring, err) ||
		!open_listeners(wiring, err))
		return false;
	wiring->timers = timers_start(&wiring->server);
	return true;
}

/* --- closing --- */

static void close_next(void *arg);

static void close_timers(struct wiring *wiring)
{
	timers_close(wiring->timers, close_next, wiring);
}

static void close_events(struct wiring *wiring)
{
	events_close(wiring->server.events, close_next, wiring);
}

static void close_dispatch(struct wiring *wiring)
{
	dispatch_close(wiring->server.dispatch, close_next, wiring);
}

static void close_gitops(struct wiring *wiring)
{
	gitops_close(wiring->server.gitops, close_next, wiring);
}

static void http_closed(void *arg)
{
	struct wiring *wiring = arg;
	wiring->server.http = NULL;
	close_next(wiring);
}

static void close_http(struct wiring *wiring)
{
	http_server_close(wiring->http, CLOSE_GRACE_MS, http_closed, wiring);
}

static void close_worker_http(struct wiring *wiring)
{
	if (wiring->worker_http)
		http_server_close(wiring->worker_http, CLOSE_GRACE_MS, close_next, wiring);
	else
		close_next(wiring);
}

static void close_ingest(struct wiring *wiring)
{
	ingest_close(wiring->server.ingest, close_next, wiring);
}

/* Calls under way end with an error, so that the outbox has nothing to wait for. */
static void close_http_out(struct wiring *wiring)
{
	struct http_client *client = wiring->server.http_out;
	wiring->server.http_out = NULL;
	http_client_close(client, close_next, wiring);
}

static void close_outbox(struct wiring *wiring)
{
	outbox_close(wiring->server.outbox, close_next, wiring);
}

static void close_alarms(struct wiring *wiring)
{
	alarms_close(wiring->server.alarms, close_next, wiring);
}

static void close_drift(struct wiring *wiring)
{
	drift_close(wiring->server.drift, close_next, wiring);
}

static void close_shell(struct wiring *wiring)
{
	shell_close(wiring->server.shell, close_next, wiring);
}

static void close_logs(struct wiring *wiring)
{
	logs_close(wiring->server.logs, close_next, wiring);
}

static void close_retention(struct wiring *wiring)
{
	retention_close(wiring->server.retention, close_next, wiring);
}

static void close_configurations(struct wiring *wiring)
{
	configurations_close(wiring->server.configurations, close_next, wiring);
}

static void close_mirrors(struct wiring *wiring)
{
	mirrors_close(wiring->server.mirrors, close_next, wiring);
}

static void close_database(struct wiring *wiring)
{
	db_close(wiring->server.db, close_next, wiring);
}

/* Those who start work first, those who do it last. */
static void (*const closers[])(struct wiring *) = {close_timers, close_events, close_dispatch, close_gitops,
	close_http_out, close_outbox, close_http, close_worker_http, close_alarms, close_drift, close_ingest,
	close_shell, close_logs, close_retention, close_configurations, close_mirrors, close_database};

static void close_next(void *arg)
{
	struct wiring *wiring = arg;
	if (wiring->closing < COUNT_OF(closers))
		closers[wiring->closing++](wiring);
}

void wiring_close(struct wiring *wiring)
{
	close_next(wiring);
}

void wiring_free(struct wiring *wiring)
{
	struct server *server = &wiring->server;
	timers_free(wiring->timers);
	auth_free(server->auth);
	configurations_free(server->configurations);
	gitops_free(server->gitops);
	dispatch_free(server->dispatch);
	retention_free(server->retention);
	logs_free(server->logs);
	drift_free(server->drift);
	alarms_free(server->alarms);
	outbox_free(server->outbox);
	ingest_free(server->ingest);
	events_free(server->events);
	shell_free(server->shell);
	plan_cache_free(server->plans);
	static_files_free(wiring->files);
	mirrors_free(server->mirrors);
	blob_store_free(server->blobs);
	keyring_free(server->keys);
	free(wiring->worker_routes);
	free(wiring);
}
