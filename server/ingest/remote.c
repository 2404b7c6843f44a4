#include "server/ingest/remote.h"

#include "server/keys/keyring.h"
#include "server/server.h"

struct remote_row {
	struct str name, forge, default_branch, url, token, token_user, ssh_key, ssh_known_hosts, project, api_url;
};

static const struct field row_fields[] = {
	FIELD(struct remote_row, name, FIELD_STR, 0),
	FIELD(struct remote_row, forge, FIELD_STR, 0),
	FIELD(struct remote_row, default_branch, FIELD_STR, 0),
	FIELD(struct remote_row, url, FIELD_STR, 0),
	FIELD(struct remote_row, token, FIELD_STR, 0),
	FIELD(struct remote_row, token_user, FIELD_STR, 0),
	FIELD(struct remote_row, ssh_key, FIELD_STR, 0),
	FIELD(struct remote_row, ssh_known_hosts, FIELD_STR, 0),
	FIELD(struct remote_row, project, FIELD_STR, 0),
	FIELD(struct remote_row, api_url, FIELD_STR, 0),
	FIELD_END,
};

void remote_find(struct db_batch *batch, int64_t repository)
{
	db_add(batch, QUERY_REPOSITORY_REMOTE, DB_I64(repository));
}

static bool open_secret(const struct server *server, const struct remote_row *row, struct str sealed, const char *what,
	struct str *ret, struct arena *arena, struct err *err)
{
	struct str bound_to = arena_printf(arena, "repository:%.*s:%s", STR_ARG(row->name), what);
	return sealed.n == 0 || keyring_unseal(server->keys, sealed, bound_to, ret, arena, err) ||
	       err_wrap(err, "the %s of repository \"%.*s\"", what, STR_ARG(row->name));
}

bool remote_read(struct remote *ret, struct server *server, const struct db_reply *reply, size_t statement,
	struct arena *arena, struct err *err)
{
	struct remote_row row = {0};
	struct remote remote = {0};
	if (db_row_count(reply, statement) == 0)
		return err_set(err, ERR_NOT_FOUND, "the repository is gone");
	if (!db_read_row(reply, statement, 0, row_fields, &row, arena, err) ||
		!open_secret(server, &row, row.token, "token", &remote.git.token, arena, err) ||
		!open_secret(server, &row, row.ssh_key, "ssh key", &remote.git.ssh_key, arena, err))
		return false;
	remote.forge = forge_of(row.forge);
	BUG_ON(!remote.forge);
	remote.name = row.name;
	remote.default_branch = row.default_branch;
	remote.git.url = row.url;
	remote.git.user = row.token_user.n ? row.token_user : str_of(remote.forge->user);
	remote.git.known_hosts = row.ssh_known_hosts;
	remote.project = row.project;
	remote.api_url = row.api_url;
	*ret = remote;
	return true;
}

bool remote_has_api(const struct remote *remote)
{
	return remote->api_url.n && remote->git.token.n;
}
