#include "server/api/fsck.h"

#include "server/api/handler.h"

enum { RUNS_DEFAULT = 10000, RUNS_MAX = 10000000 };

struct fsck_finding {
	struct str invariant, finding;
};

static const struct field fsck_finding_fields[] = {
	FIELD(struct fsck_finding, invariant, FIELD_STR, 0),
	FIELD(struct fsck_finding, finding, FIELD_STR, 0),
	FIELD_END,
};

static enum flow_next look(struct flow *flow)
{
	struct api_request *request = api_request_of(flow);
	struct str text;
	int64_t runs = RUNS_DEFAULT;
	if (http_query(request->exchange, "runs", &text) && (!str_to_i64(text, &runs) || runs < 1 || runs > RUNS_MAX)) {
		err_set(&flow->err, ERR_INVALID, "runs: how many of the newest runs to check, from 1 to %d", RUNS_MAX);
		return FLOW_FAIL;
	}
	struct db_batch *batch = db_batch_new(request->server->db);
	db_add(batch, QUERY_FSCK, DB_I64(runs));
	return db_await(flow, batch);
}

static enum flow_next answer(struct flow *flow)
{
	struct api_request *request = api_request_of(flow);
	void *items;
	size_t count;
	if (!db_read_rows(db_reply_of(flow), 0, fsck_finding_fields, sizeof(struct fsck_finding), &items, &count,
		    &flow->arena, &flow->err))
		return FLOW_FAIL;
	const struct fsck_finding *found = items;
	json_t *list = json_array();
	for (size_t i = 0; i < count; i++)
		json_array_append_new(list, fields_write(fsck_finding_fields, &found[i]));
	request->answer = json_pack("{s:o}", "findings", list);
	return FLOW_DONE;
}

void fsck_run(struct http_exchange *exchange, void *context)
{
	static flow_step *const steps[] = {look, answer, NULL};
	api_start(exchange, context, sizeof(struct api_request), steps, false);
}
