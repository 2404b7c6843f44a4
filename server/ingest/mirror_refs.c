/* A mirror brought up to date, and what it then holds. */
#include "common/io/work.h"
#include "server/git/mirrors.h"
#include "server/ingest/ingest_internal.h"
#include "server/ingest/remote.h"

#include <stdlib.h>

/* --- fetching --- */

struct fetching {
	struct flow *flow;
	struct server *server;
	int64_t repository;
	struct str extra;
};

static void fetched(void *arg, const struct err *err)
{
	struct flow *flow = arg;
	if (err)
		flow_fail(flow, err);
	else
		flow_resume(flow);
}

static void remote_found(void *arg, struct db_reply *reply)
{
	struct fetching *fetching = arg;
	struct remote remote;
	auto_arena arena = {0};
	struct err err = {0};
	if (db_error(reply))
		err = *db_error(reply);
	else
		remote_read(&remote, fetching->server, reply, 0, &arena, &err);
	if (err.kind != ERR_NONE)
		flow_fail(fetching->flow, &err);
	else
		mirrors_fetch(fetching->server->mirrors, fetching->repository, &remote.git, fetching->extra, fetched,
			fetching->flow);
	db_reply_free(reply);
}

enum flow_next ingest_fetch(struct flow *flow, struct server *server, int64_t repository, struct str extra)
{
	struct fetching *fetching = arena_new(&flow->arena, struct fetching);
	*fetching = (struct fetching){flow, server, repository, extra};
	struct db_batch *batch = db_batch_new(server->db);
	remote_find(batch, repository);
	db_submit(batch, remote_found, fetching);
	return FLOW_WAIT;
}

/* --- what is there --- */

static void read_refs(void *arg)
{
	struct mirror_state *state = arg;
	struct git_mirror *mirror;
	struct str name;
	if (!git_mirror_open(state->path, &mirror, &state->err))
		return;
	state->head = git_head(mirror, &state->flow->arena);
	if (git_refs(mirror, &state->refs, &state->flow->arena, &state->err) && state->extra.n)
		git_resolve(mirror, state->extra, &state->extra_commit, &name, &state->flow->arena, &state->err);
	git_mirror_close(mirror);
}

static void refs_read(void *arg, bool is_cancelled)
{
	struct mirror_state *state = arg;
	free(state->path);
	state->path = NULL;
	if (is_cancelled)
		err_set(&state->err, ERR_BUSY, "the server is stopping");
	if (state->err.kind != ERR_NONE)
		flow_fail(state->flow, &state->err);
	else
		flow_resume(state->flow);
}

enum flow_next ingest_read_refs(
	struct flow *flow, struct server *server, int64_t repository, struct str extra, struct mirror_state *ret)
{
	*ret = (struct mirror_state){
		.flow = flow, .server = server, .path = mirrors_path(server->mirrors, repository), .extra = extra};
	work_submit(server->loop, read_refs, refs_read, ret);
	return FLOW_WAIT;
}
