/* Pull requests whose webhook was lost: what the forge lists and no delivery told is stored as a delivery of our own.
 */
#include "common/json.h"
#include "common/log.h"
#include "server/ingest/forge_api.h"

enum { COMMIT_CHARACTERS = 40 };

struct pulls_flow {
	struct flow flow;
	struct ingest *ingest;
	struct forge_api api;
	struct ingest_found found;
	ingest_looked *looked;
	void *arg;
};

static struct pulls_flow *pulls_of(struct flow *flow)
{
	return (struct pulls_flow *)flow;
}

static enum flow_next find_repository(struct flow *flow)
{
	struct pulls_flow *pulls = pulls_of(flow);
	struct db_batch *batch = db_batch_new(pulls->ingest->server->db);
	remote_find(batch, pulls->api.repository);
	return db_await(flow, batch);
}

static enum flow_next ask(struct flow *flow)
{
	struct pulls_flow *pulls = pulls_of(flow);
	struct forge_api *api = &pulls->api;
	struct forge_call call = {0};
	if (!forge_api_read(api, db_reply_of(flow), 0, &flow->err))
		return FLOW_FAIL;
	if (!api->forge)
		return FLOW_DONE;
	const struct remote *remote = &api->remote;
	api->forge->list(remote->api_url, remote->git.token, remote->project, &call, &flow->arena);
	return forge_api_get(api, &call, "pull requests");
}

/* --- what it says --- */

static bool is_commit(struct str text)
{
	for (size_t i = 0; i < text.n; i++)
		if (!((text.p[i] >= '0' && text.p[i] <= '9') || (text.p[i] >= 'a' && text.p[i] <= 'f')))
			return false;
	return text.n >= COMMIT_CHARACTERS;
}

static bool read_listed(const struct pulls_flow *pulls, const json_t *json, struct forge_listed *listed,
	struct str *body, struct err *err)
{
	*listed = (struct forge_listed){0};
	pulls->api.forge->read_listed(json, listed);
	struct forge_event event = {.kind = FORGE_PULL_REQUEST, .actor = listed->pull.author, .pull = listed->pull};
	if (!forge_check_pull(&event, err))
		return false;
	if (!is_commit(listed->commit) || listed->created_at.n == 0)
		return err_set(err, ERR_UPSTREAM, "pull request #%lld is listed without commit or time",
			(long long)listed->pull.number);
	json_t *written = fields_write(forge_event_fields, &event);
	*body = json_text(written, (struct arena *)(uintptr_t)&pulls->flow.arena);
	json_decref(written);
	return true;
}

static enum flow_next store(struct flow *flow)
{
	struct pulls_flow *pulls = pulls_of(flow);
	struct arena *arena = &flow->arena;
	size_t max = json_array_size(pulls->api.answer), n = 0;
	int64_t *numbers = arena_array(arena, int64_t, max);
	struct str *commits = arena_array(arena, struct str, max), *bases = arena_array(arena, struct str, max),
		   *times = arena_array(arena, struct str, max), *bodies = arena_array(arena, struct str, max);
	for (size_t i = 0; i < max; i++) {
		struct forge_listed listed;
		if (!read_listed(pulls, json_array_get(pulls->api.answer, i), &listed, &bodies[n], &flow->err))
			return FLOW_FAIL;
		numbers[n] = listed.pull.number;
		commits[n] = listed.commit;
		bases[n] = listed.pull.base;
		times[n++] = listed.created_at;
	}
	struct db_batch *batch = db_batch_new(pulls->ingest->server->db);
	db_add(batch, QUERY_PULLS_POLLED, DB_I64(pulls->api.repository), DB_I64S(numbers, n), DB_TEXTS(commits, n),
		DB_TEXTS(bases, n), DB_TEXTS(times, n), DB_TEXTS(bodies, n),
		DB_BOOL(n < FORGE_LIST_MAX && !pulls->api.has_more));
	return db_await(flow, batch);
}

static enum flow_next wake(struct flow *flow)
{
	struct pulls_flow *pulls = pulls_of(flow);
	pulls->found.pulls += (int64_t)db_row_count(db_reply_of(flow), 0);
	if (db_row_count(db_reply_of(flow), 0))
		ingest_tick(pulls->ingest);
	return FLOW_DONE;
}

static flow_step *const steps[] = {find_repository, ask, store, wake, NULL};

static void pulls_ended(struct flow *flow)
{
	struct pulls_flow *pulls = pulls_of(flow);
	struct ingest *ingest = pulls->ingest;
	const struct err *err = flow->err.kind == ERR_NONE ? NULL : &flow->err;
	if (err && err->kind != ERR_BUSY)
		log_warn("ingest.poll_pulls", F("repository", pulls->api.repository), F("err", err));
	if (pulls->api.is_asked && (!err || err->kind != ERR_BUSY))
		forge_api_note(&pulls->api, err);
	pulls->found.problem = err ? str_of(err->text) : STR("");
	if (!err && pulls->api.is_asked)
		ingest_ask_reviews(ingest, pulls->api.repository, 0, &pulls->found, pulls->looked, pulls->arg);
	else if (pulls->looked)
		pulls->looked(pulls->arg, &pulls->found, NULL);
	forge_api_done(&pulls->api);
	flow_free(flow);
	ingest_ended(ingest);
}

void ingest_poll_pulls(
	struct ingest *ingest, int64_t repository, const struct ingest_found *found, ingest_looked *looked, void *arg)
{
	struct pulls_flow *pulls = flow_new(sizeof *pulls, steps, pulls_ended);
	pulls->ingest = ingest;
	pulls->api.flow = &pulls->flow;
	pulls->api.ingest = ingest;
	pulls->api.repository = repository;
	pulls->found = *found;
	pulls->looked = looked;
	pulls->arg = arg;
	ingest->active++;
	flow_start(&pulls->flow);
}
