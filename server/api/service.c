#include "server/api/service.h"

#include "common/buf.h"
#include "common/mem.h"
#include "server/api/handler.h"
#include "server/dispatch/dispatch.h"
#include "server/http/static_files.h"
#include "server/retention/retention.h"
#include "server/shell/shell.h"
#include "server/store/migrate.h"

void service_healthz(struct http_exchange *exchange, void *context)
{
	(void)context;
	http_answer(exchange, 200, "text/plain", STR("ok\n"));
}

void service_readyz(struct http_exchange *exchange, void *context)
{
	struct server *server = context;
	if (db_is_up(server->db))
		http_answer(exchange, 200, "text/plain", STR("ready\n"));
	else
		http_answer(exchange, 503, "text/plain", STR("the database does not answer\n"));
}

void service_version(struct http_exchange *exchange, void *context)
{
	(void)context;
	int schema = 0;
	while (migrations[schema].file)
		schema++;
	http_answer_json(exchange, 200, json_pack("{s:s, s:i}", "version", PENSTOCK_VERSION, "schema", schema));
}

void service_pages(struct http_exchange *exchange, void *context)
{
	struct server *server = context;
	if (server->files)
		static_files_answer(server->files, exchange);
	else {
		struct err err;
		err_set(&err, ERR_NOT_FOUND,
			"there is nothing at this path; the API is at /api/v1, and the web pages are not built (scripts/build-web) "
			"or web_dir does not name them");
		http_answer_err(exchange, &err);
	}
}

/* --- /metrics --- */

static const struct {
	const char *column; /* of metrics.sql */
	const char *name, *help;
} gauges[] = {
	{"runs_pending", "penstock_runs_pending", "Runs that wait for their concurrency group"},
	{"runs_running", "penstock_runs_running", "Runs with work"},
	{"runs_waiting", "penstock_runs_waiting", "Runs that wait for people or lanes"},
	{"jobs_queued", "penstock_jobs_queued", "Jobs that wait for a worker"},
	{"jobs_held", "penstock_jobs_held", "Jobs that workers hold"},
	{"oldest_queued_seconds", "penstock_jobs_queued_oldest_seconds", "How long the oldest queued job has waited"},
	{"workers_online", "penstock_workers_online", "Workers that were heard of lately"},
	{"workers_draining", "penstock_workers_draining", "Workers that take no new jobs"},
	{"deliveries_stored", "penstock_deliveries_stored", "Webhook deliveries that are not processed yet"},
	{"triggers_pending", "penstock_triggers_pending", "Triggers that are not runs yet"},
	{"logs_unsealed", "penstock_logs_unsealed", "Logs of ended attempts that are still in the database"},
	{"outbox_unsent", "penstock_outbox_unsent", "Messages to forges that are not sent yet"},
};

static void add_metric(struct buf *to, const char *kind, const char *name, const char *help, struct str value)
{
	buf_addf(to, "# HELP %s %s\n# TYPE %s %s\n%s %.*s\n", name, help, name, kind, name, STR_ARG(value));
}

static void add_counter(struct buf *to, const char *name, const char *help, uint64_t value, struct arena *arena)
{
	add_metric(to, "counter", name, help, arena_printf(arena, "%llu", (unsigned long long)value));
}

static void add_gauge(struct buf *to, const char *name, const char *help, uint64_t value, struct arena *arena)
{
	add_metric(to, "gauge", name, help, arena_printf(arena, "%llu", (unsigned long long)value));
}

static enum flow_next metrics_query(struct flow *flow)
{
	if (!db_is_up(api_request_of(flow)->server->db))
		return FLOW_CONTINUE;
	struct db_batch *batch = db_batch_new(api_request_of(flow)->server->db);
	db_add(batch, QUERY_METRICS);
	return db_await(flow, batch);
}

static void add_retention(struct buf *to, const struct server *server, struct arena *arena)
{
	struct retention_stats stats;
	retention_stats(server->retention, &stats);
	add_counter(to, "penstock_retention_passes_total", "Passes of retention", stats.passes, arena);
	add_counter(to, "penstock_retention_runs_total", "Runs that were removed", stats.runs, arena);
	add_counter(to, "penstock_retention_logs_total", "Logs that were removed before their run", stats.logs, arena);
	add_counter(to, "penstock_retention_artifacts_total", "Artifacts that were removed before their run",
		stats.artifacts, arena);
	add_counter(to, "penstock_retention_blobs_total", "Stored files that were removed", stats.blobs, arena);
	add_counter(to, "penstock_retention_bytes_total", "Bytes of stored files that were removed", stats.blob_bytes,
		arena);
	add_gauge(to, "penstock_retention_busy", "Whether a pass of retention is under way", stats.is_busy, arena);
}

static enum flow_next metrics_answer(struct flow *flow)
{
	struct api_request *request = api_request_of(flow);
	struct dispatch_stats dispatch;
	struct shell_stats shell;
	auto_buf text = BUF_INIT(64 * 1024);
	dispatch_stats(request->server->dispatch, &dispatch);
	shell_stats(request->server->shell, &shell);
	struct http_server_stats http = {0};
	const struct db_reply *reply = db_reply_of(flow);
	if (request->server->http)
		http_server_stats(request->server->http, &http);
	add_metric(&text, "gauge", "penstock_database_up", "Whether the database answers", reply ? STR("1") : STR("0"));
	for (size_t i = 0; reply && i < COUNT_OF(gauges); i++)
		add_metric(&text, "gauge", gauges[i].name, gauges[i].help, db_text(reply, 0, 0, i));
	add_counter(&text, "penstock_http_requests_total", "Requests of pages, API and webhooks", http.requests,
		&flow->arena);
	add_gauge(&text, "penstock_http_connections", "Connections that are open", http.connections, &flow->arena);
	add_gauge(
		&text, "penstock_http_suspended", "Requests that wait for their answer", http.suspended, &flow->arena);
	add_counter(&text, "penstock_http_too_slow_total", "Clients cut off while they sent next to nothing",
		http.too_slow, &flow->arena);
	add_counter(&text, "penstock_syncs_total", "Syncs of workers", dispatch.syncs, &flow->arena);
	add_counter(&text, "penstock_claims_total", "Jobs given to workers", dispatch.claims, &flow->arena);
	add_counter(&text, "penstock_stale_reports_total", "Reports of attempts that were over", dispatch.stale,
		&flow->arena);
	add_counter(&text, "penstock_visits_total", "Looks at runs", shell.visits, &flow->arena);
	add_counter(
		&text, "penstock_graph_loads_total", "Looks that had to load the whole run", shell.loads, &flow->arena);
	add_counter(&text, "penstock_conflicts_total", "Looks that met a newer state and began again", shell.conflicts,
		&flow->arena);
	add_retention(&text, request->server, &flow->arena);
	request->is_answered = true;
	http_answer(request->exchange, 200, "text/plain; version=0.0.4; charset=utf-8", buf_str(&text));
	return FLOW_DONE;
}

void service_metrics(struct http_exchange *exchange, void *context)
{
	static flow_step *const steps[] = {metrics_query, metrics_answer, NULL};
	api_start(exchange, context, sizeof(struct api_request), steps, false);
}
