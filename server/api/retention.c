#include "server/api/retention.h"

#include "common/json.h"
#include "server/api/handler.h"
#include "server/retention/retention.h"
#include "server/settings.h"

struct figure_row {
	struct str what;
	int64_t count, bytes, oldest;
};

static const struct field figure_fields[] = {
	FIELD(struct figure_row, what, FIELD_STR, 0),
	FIELD(struct figure_row, count, FIELD_I64, 0),
	FIELD(struct figure_row, bytes, FIELD_I64, 0),
	FIELD(struct figure_row, oldest, FIELD_TIME, 0),
	FIELD_END,
};

static enum flow_next figures_query(struct flow *flow)
{
	struct server *server = api_request_of(flow)->server;
	const struct server_settings *settings = server->settings;
	struct db_batch *batch = db_batch_new(server->db);
	db_add(batch, QUERY_RETENTION_FIGURES, DB_I64(settings->keep_runs), DB_I64(settings->keep_newest),
		DB_I64(settings->keep_logs), DB_I64(settings->keep_unused));
	return db_await(flow, batch);
}

static enum flow_next figures_answer(struct flow *flow)
{
	struct api_request *request = api_request_of(flow);
	const struct server_settings *settings = request->server->settings;
	request->answer = api_list(db_reply_of(flow), 0, "would_remove", figure_fields, sizeof(struct figure_row), 0,
		&flow->arena, &flow->err);
	if (!request->answer)
		return FLOW_FAIL;
	json_object_set_new(request->answer, "rules",
		json_pack("{s:I, s:I, s:I, s:I, s:I, s:I}", "keep_runs_ms", (json_int_t)settings->keep_runs,
			"keep_newest", (json_int_t)settings->keep_newest, "keep_logs_ms",
			(json_int_t)settings->keep_logs, "keep_artifacts_ms", (json_int_t)settings->keep_artifacts,
			"keep_unused_ms", (json_int_t)settings->keep_unused, "interval_ms",
			(json_int_t)settings->retention_interval));
	return FLOW_DONE;
}

void retention_get(struct http_exchange *exchange, void *context)
{
	static flow_step *const steps[] = {figures_query, figures_answer, NULL};
	api_start(exchange, context, sizeof(struct api_request), steps, false);
}

static enum flow_next start_pass(struct flow *flow)
{
	struct api_request *request = api_request_of(flow);
	bool is_new = retention_start(request->server->retention);
	request->status = 202;
	request->answer = json_pack("{s:b}", "is_new", (int)is_new);
	return FLOW_DONE;
}

void retention_run(struct http_exchange *exchange, void *context)
{
	static flow_step *const steps[] = {start_pass, NULL};
	api_start(exchange, context, sizeof(struct api_request), steps, true);
}
