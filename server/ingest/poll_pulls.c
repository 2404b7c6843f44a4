/* Pull requests whose webhook was lost: what the forge lists and no delivery told is stored as a delivery of our own.
 */
#include "common/io/http_client.h"
#include "common/json.h"
#include "common/log.h"
#include "server/ingest/ingest_internal.h"
#include "server/keys/keyring.h"
#include "server/server.h"

enum { TIMEOUT_MS = 20000, ANSWER_BYTES = 8 << 20, COMMIT_CHARACTERS = 40 };

struct api_row {
	struct str name, forge, url, token, token_user, ssh_key, ssh_known_hosts, project, api_url;
};

static const struct field api_fields[] = {
	FIELD(struct api_row, name, FIELD_STR, 0),
	FIELD(struct api_row, forge, FIELD_STR, 0),
	FIELD(struct api_row, url, FIELD_STR, 0),
	FIELD(struct api_row, token, FIELD_STR, 0),
	FIELD(struct api_row, token_user, FIELD_STR, 0),
	FIELD(struct api_row, ssh_key, FIELD_STR, 0),
	FIELD(struct api_row, ssh_known_hosts, FIELD_STR, 0),
	FIELD(struct api_row, project, FIELD_STR, 0),
	FIELD(struct api_row, api_url, FIELD_STR, 0),
	FIELD_END,
};

struct pulls_flow {
	struct flow flow;
	struct ingest *ingest;
	int64_t repository;
	struct arena row_arena; /* the row outlives the reply */
	struct api_row row;
	const struct forge *forge;
	json_t *answer;
	bool is_asked;
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
	db_add(batch, QUERY_REPOSITORY_REMOTE, DB_I64(pulls->repository));
	return db_await(flow, batch);
}

/* --- asking --- */

/* What somebody here can do about it. */
static struct str advice_of(const struct pulls_flow *pulls, int status, struct arena *arena)
{
	const struct api_row *row = &pulls->row;
	if (status == 401)
		return arena_printf(arena,
			"it does not know the token any more; `penstock repo credential set %.*s --forge-token-file FILE` "
			"takes a new one",
			STR_ARG(row->name));
	if (status == 403)
		return STR("its token may not read them");
	if (status == 404 || status == 301 || status == 302 || status == 307 || status == 308)
		return arena_printf(arena,
			"\"%.*s\" is not there for this token: it may have been renamed, or the token may not see it",
			STR_ARG(row->project));
	return STR("it is asked again");
}

static bool take_answer(struct pulls_flow *pulls, const struct http_answer *answer, struct err *err)
{
	if (answer->status != 200)
		return err_set(err, ERR_UPSTREAM, "%.*s answered %d when it was asked for pull requests: %.*s",
			STR_ARG(pulls->row.forge), answer->status,
			STR_ARG(advice_of(pulls, answer->status, &pulls->row_arena)));
	pulls->answer = json_loadb(answer->body.p ? answer->body.p : "", answer->body.n, 0, NULL);
	return json_is_array(pulls->answer) ||
	       err_set(err, ERR_UPSTREAM, "%.*s lists its pull requests as no array", STR_ARG(pulls->row.forge));
}

static void answered(void *arg, const struct http_answer *answer, const struct err *http_err)
{
	struct pulls_flow *pulls = arg;
	struct err err = {0};
	if (http_err)
		err = *http_err;
	if (http_err || !take_answer(pulls, answer, &err))
		flow_fail(&pulls->flow, &err);
	else
		flow_resume(&pulls->flow);
}

static enum flow_next ask(struct flow *flow)
{
	struct pulls_flow *pulls = pulls_of(flow);
	struct server *server = pulls->ingest->server;
	struct api_row *row = &pulls->row;
	struct arena *arena = &flow->arena;
	struct str token;
	if (db_row_count(db_reply_of(flow), 0) == 0)
		return FLOW_DONE;
	if (!db_read_row(db_reply_of(flow), 0, 0, api_fields, row, &pulls->row_arena, &flow->err))
		return FLOW_FAIL;
	pulls->forge = forge_of(row->forge);
	if (!pulls->forge || !pulls->forge->list || row->api_url.n == 0 || row->token.n == 0 || !server->http_out)
		return FLOW_DONE;
	struct str bound_to = arena_printf(arena, "repository:%.*s:token", STR_ARG(row->name));
	if (!keyring_unseal(server->keys, row->token, bound_to, &token, arena, &flow->err))
		return FLOW_FAIL;
	struct forge_call call = {0};
	pulls->forge->list(row->api_url, token, row->project, &call, arena);
	struct http_request request = {
		.method = "GET",
		.url = call.url,
		.headers = &call.headers,
		.timeout_ms = TIMEOUT_MS,
		.answer_max_bytes = ANSWER_BYTES,
	};
	pulls->is_asked = true;
	http_send(server->http_out, &request, answered, pulls, NULL);
	return FLOW_WAIT;
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
	pulls->forge->read_listed(json, listed);
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
	size_t max = json_array_size(pulls->answer), n = 0;
	int64_t *numbers = arena_array(arena, int64_t, max);
	struct str *commits = arena_array(arena, struct str, max), *bases = arena_array(arena, struct str, max),
		   *times = arena_array(arena, struct str, max), *bodies = arena_array(arena, struct str, max);
	for (size_t i = 0; i < max; i++) {
		struct forge_listed listed;
		if (!read_listed(pulls, json_array_get(pulls->answer, i), &listed, &bodies[n], &flow->err))
			return FLOW_FAIL;
		numbers[n] = listed.pull.number;
		commits[n] = listed.commit;
		bases[n] = listed.pull.base;
		times[n++] = listed.created_at;
	}
	struct db_batch *batch = db_batch_new(pulls->ingest->server->db);
	db_add(batch, QUERY_PULLS_POLLED, DB_I64(pulls->repository), DB_I64S(numbers, n), DB_TEXTS(commits, n),
		DB_TEXTS(bases, n), DB_TEXTS(times, n), DB_TEXTS(bodies, n), DB_BOOL(n < FORGE_LIST_MAX));
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

static void noted(void *arg, struct db_reply *reply)
{
	db_reply_free(reply);
	ingest_ended(arg);
}

/* People see on the repository that its forge does not answer. */
static void note(struct pulls_flow *pulls, struct str problem)
{
	struct ingest *ingest = pulls->ingest;
	struct db_batch *batch = db_batch_new(ingest->server->db);
	db_add(batch, QUERY_REPOSITORY_ASKED, DB_I64(pulls->repository), DB_TEXT(problem));
	ingest->active++;
	db_submit(batch, noted, ingest);
}

static void pulls_ended(struct flow *flow)
{
	struct pulls_flow *pulls = pulls_of(flow);
	struct ingest *ingest = pulls->ingest;
	const struct err *err = flow->err.kind == ERR_NONE ? NULL : &flow->err;
	if (err && err->kind != ERR_BUSY)
		log_warn("ingest.poll_pulls", F("repository", pulls->repository), F("err", err));
	if (pulls->is_asked && (!err || err->kind != ERR_BUSY))
		note(pulls, err ? str_of(err->text) : STR(""));
	pulls->found.problem = err ? str_of(err->text) : STR("");
	if (pulls->looked)
		pulls->looked(pulls->arg, &pulls->found, NULL);
	json_decref(pulls->answer);
	arena_done(&pulls->row_arena);
	flow_free(flow);
	ingest_ended(ingest);
}

void ingest_poll_pulls(
	struct ingest *ingest, int64_t repository, const struct ingest_found *found, ingest_looked *looked, void *arg)
{
	struct pulls_flow *pulls = flow_new(sizeof *pulls, steps, pulls_ended);
	pulls->ingest = ingest;
	pulls->repository = repository;
	pulls->found = *found;
	pulls->looked = looked;
	pulls->arg = arg;
	ingest->active++;
	flow_start(&pulls->flow);
}
