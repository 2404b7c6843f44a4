#include "common/io/work.h"
#include "server/git/mirrors.h"
#include "server/ingest/ingest_internal.h"

#include <stdlib.h>

static void fetched(void *arg, const struct err *err)
{
	struct flow *flow = arg;
	if (err)
		flow_fail(flow, err);
	else
		flow_resume(flow);
}

enum flow_next ingest_fetch(struct flow *flow, struct server *server, int64_t repository, struct str url)
{
	mirrors_fetch(server->mirrors, repository, url, fetched, flow);
	return FLOW_WAIT;
}

static void read_refs(void *arg)
{
	struct mirror_state *state = arg;
	struct git_mirror *mirror;
	if (!git_mirror_open(state->path, &mirror, &state->err))
		return;
	state->head = git_head(mirror, &state->flow->arena);
	git_refs(mirror, &state->refs, &state->flow->arena, &state->err);
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

enum flow_next ingest_read_refs(struct flow *flow, struct server *server, int64_t repository, struct mirror_state *ret)
{
	*ret = (struct mirror_state){.flow = flow, .server = server, .path = mirrors_path(server->mirrors, repository)};
	work_submit(server->loop, read_refs, refs_read, ret);
	return FLOW_WAIT;
}
