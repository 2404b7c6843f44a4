/* A repository whose address or default branch has changed where it is hosted. */
#include "server/api/repository_forge.h"
#include "server/api/repository_row.h"
#include "server/git/git_remote.h"
#include "server/git/mirrors.h"
#include "server/ingest/forge.h"
#include "server/ingest/ingest.h"
#include "server/ingest/remote.h"

struct change {
	struct api_request api;
	struct repository_row row;
	struct str url, default_branch; /* as asked for; "": as it is */
	struct str project, api_url;    /* that go with the new address */
	struct git_address from, to;
};

static struct change *change_of(struct flow *flow)
{
	return (struct change *)flow;
}

/* A token or key was given for one host: nobody sends it to another by naming it. */
static bool check_host(const struct change *self, struct err *err)
{
	const struct git_address *from = &self->from, *to = &self->to;
	bool is_same = from->scheme == to->scheme && str_eq(from->host, to->host);
	return is_same || (!self->row.has_token && !self->row.has_ssh_key) ||
	       err_set(err, ERR_INVALID,
		       "url: the credential of \"%.*s\" was given for %.*s; take it away (`penstock repo credential rm "
		       "%.*s`), and give it again when the address is set",
		       STR_ARG(self->row.name), STR_ARG(from->host), STR_ARG(self->row.name));
}

/* What was told by the old address is told by the new one; what a person gave stays. */
static void guess(struct change *self)
{
	const struct forge *forge = forge_of(self->row.forge);
	struct arena *arena = &self->api.flow.arena;
	BUG_ON(!forge);
	self->project = self->row.project;
	self->api_url = self->row.api_url;
	if (!forge->status)
		return;
	if (str_eq(self->project, git_address_project(&self->from)))
		self->project = git_address_project(&self->to);
	if (str_eq(self->api_url, repository_guess_api_url(forge, &self->from, arena)))
		self->api_url = repository_guess_api_url(forge, &self->to, arena);
}

static enum flow_next read(struct flow *flow)
{
	static const char *const names[] = {"url", "default_branch", NULL};
	struct change *self = change_of(flow);
	struct api_request *api = &self->api;
	struct err *err = &flow->err;
	if (db_row_count(db_reply_of(flow), 0) == 0)
		return repository_fail_unknown(flow, repository_name_of(flow));
	if (!db_read_row(db_reply_of(flow), 0, 0, repository_fields, &self->row, &flow->arena, err) ||
		!api_only(api, names, err) || !api_text(api, "url", false, &self->url, err) ||
		!api_text(api, "default_branch", false, &self->default_branch, err))
		return FLOW_FAIL;
	if (self->url.n == 0 && self->default_branch.n == 0) {
		err_set(err, ERR_INVALID, "nothing to set: give a url or a default_branch");
		return FLOW_FAIL;
	}
	if (self->url.n == 0)
		self->url = self->row.url;
	if (!git_address_read(self->row.url, &self->from, err) || !git_address_read(self->url, &self->to, err) ||
		!check_host(self, err))
		return FLOW_FAIL;
	guess(self);
	struct db_batch *batch = db_batch_new(api->server->db);
	remote_find(batch, self->row.id);
	return db_await(flow, batch);
}

static void reached(void *arg, struct str branch, const struct err *err)
{
	struct flow *flow = arg;
	(void)branch;
	if (err)
		flow_fail(flow, err);
	else
		flow_resume(flow);
}

/* An address that cannot be reached is not kept: the person is there to mend it. */
static enum flow_next reach(struct flow *flow)
{
	struct change *self = change_of(flow);
	struct server *server = self->api.server;
	struct remote remote;
	if (!remote_read(&remote, server, db_reply_of(flow), 0, &flow->arena, &flow->err))
		return FLOW_FAIL;
	remote.git.url = self->url;
	mirrors_default_branch(server->mirrors, &remote.git, reached, flow);
	return FLOW_WAIT;
}

static enum flow_next save(struct flow *flow)
{
	struct change *self = change_of(flow);
	struct db_batch *batch = db_batch_new(self->api.server->db);
	db_add(batch, QUERY_REPOSITORY_CHANGE, DB_I64(self->row.id), DB_TEXT(self->url), DB_TEXT(self->default_branch),
		DB_TEXT(str_or_empty(self->project)), DB_TEXT(str_or_empty(self->api_url)));
	db_add(batch, QUERY_AUDIT_INSERT, DB_TEXT(auth_caller(self->api.exchange)->person.name),
		DB_TEXT(STR("repository.change")),
		DB_TEXT(arena_printf(&flow->arena, "repository %.*s", STR_ARG(self->row.name))),
		DB_JSON(self->api.body));
	return db_await(flow, batch);
}

static enum flow_next saved(struct flow *flow)
{
	struct change *self = change_of(flow);
	if (db_row_count(db_reply_of(flow), 0) == 0) {
		err_set(&flow->err, ERR_INVALID,
			"default_branch: no branch \"%.*s\" was seen; `penstock repo poll %.*s` looks for it",
			STR_ARG(self->default_branch), STR_ARG(self->row.name));
		return FLOW_FAIL;
	}
	ingest_poll(self->api.server->ingest, self->row.id);
	return FLOW_CONTINUE;
}

static enum flow_next answer(struct flow *flow)
{
	return repository_answer(flow, repository_name_of(flow));
}

void repositories_change(struct http_exchange *exchange, void *context)
{
	static flow_step *const steps[] = {repository_find, read, reach, save, saved, repository_find, answer, NULL};
	api_start(exchange, context, sizeof(struct change), steps, true);
}
