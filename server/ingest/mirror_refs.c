/* A mirror brought up to date, and what it then holds. */
#include "common/io/work.h"
#include "server/git/mirrors.h"
#include "server/ingest/ingest_internal.h"
#include "server/keys/keyring.h"

#include <stdlib.h>

/* --- with what it is fetched --- */

struct remote_row {
	struct str name, forge, url, token, token_user, ssh_key, ssh_known_hosts, project, api_url;
};

static const struct field remote_fields[] = {
	FIELD(struct remote_row, name, FIELD_STR, 0),
	FIELD(struct remote_row, forge, FIELD_STR, 0),
	FIELD(struct remote_row, url, FIELD_STR, 0),
	FIELD(struct remote_row, token, FIELD_STR, 0),
	FIELD(struct remote_row, token_user, FIELD_STR, 0),
	FIELD(struct remote_row, ssh_key, FIELD_STR, 0),
	FIELD(struct remote_row, ssh_known_hosts, FIELD_STR, 0),
	FIELD(struct remote_row, project, FIELD_STR, 0),
	FIELD(struct remote_row, api_url, FIELD_STR, 0),
	FIELD_END,
};

static bool open_secret(struct server *server, const struct remote_row *row, struct str sealed, const char *what,
	struct str *ret, struct arena *arena, struct err *err)
{
	struct str bound_to = arena_printf(arena, "repository:%.*s:%s", STR_ARG(row->name), what);
	return sealed.n == 0 || keyring_unseal(server->keys, sealed, bound_to, ret, arena, err) ||
	       err_wrap(err, "the %s of repository \"%.*s\"", what, STR_ARG(row->name));
}

bool ingest_read_remote(struct server *server, const struct db_reply *reply, size_t statement, struct git_remote *ret,
	struct arena *arena, struct err *err)
{
	struct remote_row row = {0};
	struct git_remote remote = {0};
	if (db_row_count(reply, statement) == 0)
		return err_set(err, ERR_NOT_FOUND, "the repository is gone");
	if (!db_read_row(reply, statement, 0, remote_fields, &row, arena, err) ||
		!open_secret(server, &row, row.token, "token", &remote.token, arena, err) ||
		!open_secret(server, &row, row.ssh_key, "ssh key", &remote.ssh_key, arena, err))
		return false;
	const struct forge *forge = forge_of(row.forge);
	BUG_ON(!forge);
	remote.url = row.url;
	remote.user = row.token_user.n ? row.token_user : str_of(forge->user);
	remote.known_hosts = row.ssh_known_hosts;
	*ret = remote;
	return true;
}

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
	struct git_remote remote;
	auto_arena arena = {0};
	struct err err = {0};
	if (db_error(reply))
		err = *db_error(reply);
	else
		ingest_read_remote(fetching->server, reply, 0, &remote, &arena, &err);
	if (err.kind != ERR_NONE)
		flow_fail(fetching->flow, &err);
	else
		mirrors_fetch(fetching->server->mirrors, fetching->repository, &remote, fetching->extra, fetched,
			fetching->flow);
	db_reply_free(reply);
}

enum flow_next ingest_fetch(struct flow *flow, struct server *server, int64_t repository, struct str extra)
{
	struct fetching *fetching = arena_new(&flow->arena, struct fetching);
	*fetching = (struct fetching){flow, server, repository, extra};
	struct db_batch *batch = db_batch_new(server->db);
	db_add(batch, QUERY_REPOSITORY_REMOTE, DB_I64(repository));
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
