#include "server/api/findings.h"

#include "server/api/handler.h"
#include "server/runs/run_find.h"
#include "server/runs/run_view.h"
#include "server/runs/sarif.h"

#define FINDING(member, kind_)                                                                                         \
	{                                                                                                              \
		.name = #member, .kind = (kind_), .offset = offsetof(struct finding_row, finding.member)               \
	}

static const struct field row_fields[] = {
	FIELD(struct finding_row, id, FIELD_I64, 0),
	FIELD(struct finding_row, job_id, FIELD_I64, 0),
	FIELD(struct finding_row, job, FIELD_STR, 0),
	FIELD(struct finding_row, attempt, FIELD_I32, 0),
	FINDING(rule, FIELD_STR),
	FINDING(tool, FIELD_STR),
	FINDING(report, FIELD_STR),
	{.name = "level",
		.kind = FIELD_ENUM_OF,
		.offset = offsetof(struct finding_row, finding.level),
		.names = finding_level_names},
	FINDING(path, FIELD_STR),
	FINDING(line, FIELD_I32),
	FINDING(column, FIELD_I32),
	FINDING(commit, FIELD_STR),
	FINDING(message, FIELD_STR),
	FINDING(help, FIELD_STR),
	FINDING(fingerprint, FIELD_STR),
	FINDING(allowed, FIELD_STR),
	FIELD_END,
};

struct test_row {
	int64_t id, job_id, duration_ms;
	int32_t attempt, tests, failures, errors, skipped;
	struct str job, report;
	json_t *faults;
};

static const struct field test_fields[] = {
	FIELD(struct test_row, id, FIELD_I64, 0),
	FIELD(struct test_row, job_id, FIELD_I64, 0),
	FIELD(struct test_row, job, FIELD_STR, 0),
	FIELD(struct test_row, attempt, FIELD_I32, 0),
	FIELD(struct test_row, report, FIELD_STR, 0),
	FIELD(struct test_row, tests, FIELD_I32, 0),
	FIELD(struct test_row, failures, FIELD_I32, 0),
	FIELD(struct test_row, errors, FIELD_I32, 0),
	FIELD(struct test_row, skipped, FIELD_I32, 0),
	FIELD(struct test_row, duration_ms, FIELD_I64, 0),
	FIELD(struct test_row, faults, FIELD_JSON, 0),
	FIELD_END,
};

struct findings_request {
	struct api_request api;
	bool is_sarif;
};

static enum flow_next find_run(struct flow *flow)
{
	struct findings_request *request = (struct findings_request *)flow;
	struct str format = STR("json");
	http_query(request->api.exchange, "format", &format);
	request->is_sarif = str_is(format, "sarif");
	if (!request->is_sarif && !str_is(format, "json")) {
		err_set(&flow->err, ERR_INVALID, "format: \"json\" or \"sarif\", not \"%.*s\"", STR_ARG(format));
		return FLOW_FAIL;
	}
	struct db_batch *batch = db_batch_new(request->api.server->db);
	if (run_find_add(batch, http_param(request->api.exchange, "run"), &flow->err))
		return db_await(flow, batch);
	db_batch_free(batch);
	return FLOW_FAIL;
}

static enum flow_next query(struct flow *flow)
{
	struct api_request *request = api_request_of(flow);
	if (!run_find_take(db_reply_of(flow), 0, http_param(request->exchange, "run"), &request->id, &flow->err))
		return FLOW_FAIL;
	struct db_batch *batch = db_batch_new(request->server->db);
	db_add(batch, QUERY_FINDINGS_LIST, DB_I64(request->id));
	db_add(batch, QUERY_TEST_REPORTS_LIST, DB_I64(request->id));
	db_add(batch, QUERY_VIEW_SUMMARY, DB_I64(request->id));
	return db_await(flow, batch);
}

static bool answer_sarif(struct api_request *request, const struct db_reply *reply, struct err *err)
{
	struct arena *arena = &request->flow.arena;
	struct run_summary summary = {0};
	void *rows;
	size_t count;
	if (!db_read_rows(reply, 0, row_fields, sizeof(struct finding_row), &rows, &count, arena, err) ||
		!db_read_row(reply, 2, 0, run_summary_fields, &summary, arena, err))
		return false;
	request->answer = sarif_of(rows, count, summary.name, summary.commit);
	return true;
}

static bool answer_json(struct api_request *request, const struct db_reply *reply, struct err *err)
{
	struct arena *arena = &request->flow.arena;
	request->answer = api_list(reply, 0, "findings", row_fields, sizeof(struct finding_row), 0, arena, err);
	json_t *tests = request->answer
				? api_list(reply, 1, "tests", test_fields, sizeof(struct test_row), 0, arena, err)
				: NULL;
	if (tests)
		json_object_update(request->answer, tests);
	json_decref(tests);
	return tests != NULL;
}

static enum flow_next answer(struct flow *flow)
{
	struct findings_request *request = (struct findings_request *)flow;
	const struct db_reply *reply = db_reply_of(flow);
	bool ok = request->is_sarif ? answer_sarif(&request->api, reply, &flow->err)
				    : answer_json(&request->api, reply, &flow->err);
	return ok ? FLOW_DONE : FLOW_FAIL;
}

void findings_list(struct http_exchange *exchange, void *context)
{
	static flow_step *const steps[] = {find_run, query, answer, NULL};
	api_start(exchange, context, sizeof(struct findings_request), steps, false);
}
