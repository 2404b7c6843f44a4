#include "server/ingest/forge_api.h"

#include "common/io/http_client.h"
#include "common/json.h"
#include "server/server.h"

enum { TIMEOUT_MS = 20000, ANSWER_BYTES = 8 << 20 };

bool forge_api_read(struct forge_api *api, const struct db_reply *reply, size_t statement, struct err *err)
{
	struct server *server = api->ingest->server;
	if (db_row_count(reply, statement) == 0)
		return true;
	if (!remote_read(&api->remote, server, reply, statement, &api->arena, err))
		return false;
	if (api->remote.forge->list && remote_has_api(&api->remote) && server->http_out)
		api->forge = api->remote.forge;
	return true;
}

/* --- asking --- */

static bool take_answer(struct forge_api *api, const struct http_answer *answer, struct err *err)
{
	struct arena *arena = &api->flow->arena;
	size_t at;
	if (answer->status != 200)
		return err_set(err, ERR_UPSTREAM, "%s answered %d when it was asked for %s: %.*s", api->forge->name,
			answer->status, api->what,
			STR_ARG(forge_advice(answer->status, api->remote.name, api->remote.project, arena)));
	json_decref(api->answer);
	api->answer = json_loadb(answer->body.p ? answer->body.p : "", answer->body.n, 0, NULL);
	api->has_more = str_find(pair_get(&answer->headers, STR("link")), STR("rel=\"next\""), &at);
	return json_is_array(api->answer) ||
	       err_set(err, ERR_UPSTREAM, "%s lists its %s as no array", api->forge->name, api->what);
}

static void answered(void *arg, const struct http_answer *answer, const struct err *http_err)
{
	struct forge_api *api = arg;
	struct err err = {0};
	if (http_err)
		err = *http_err;
	if (http_err || !take_answer(api, answer, &err))
		flow_fail(api->flow, &err);
	else
		flow_resume(api->flow);
}

enum flow_next forge_api_get(struct forge_api *api, const struct forge_call *call, const char *what)
{
	struct server *server = api->ingest->server;
	api->what = what;
	if (!server->http_out) {
		err_set(&api->flow->err, ERR_BUSY, "the server is stopping");
		return FLOW_FAIL;
	}
	struct http_request request = {
		.method = "GET",
		.url = call->url,
		.headers = &call->headers,
		.timeout_ms = TIMEOUT_MS,
		.answer_max_bytes = ANSWER_BYTES,
	};
	api->is_asked = true;
	http_send(server->http_out, &request, answered, api, NULL);
	return FLOW_WAIT;
}

/* --- what came of it --- */

static void noted(void *arg, struct db_reply *reply)
{
	db_reply_free(reply);
	ingest_ended(arg);
}

void forge_api_note(struct forge_api *api, const struct err *err)
{
	struct ingest *ingest = api->ingest;
	struct db_batch *batch = db_batch_new(ingest->server->db);
	db_add(batch, QUERY_REPOSITORY_ASKED, DB_I64(api->repository), DB_TEXT(err ? str_of(err->text) : STR("")));
	ingest->active++;
	db_submit(batch, noted, ingest);
}

void forge_api_done(struct forge_api *api)
{
	json_decref(api->answer);
	arena_done(&api->arena);
}
