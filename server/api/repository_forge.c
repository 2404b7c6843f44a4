/* Adding a repository, and what ties it to its forge. Secrets come in here and never go out. */
#include "server/api/repository_forge.h"

#include "common/json.h"
#include "server/api/repository_row.h"
#include "server/git/host_keys.h"
#include "server/ingest/forge.h"
#include "server/ingest/ingest.h"
#include "server/keys/keyring.h"
#include "server/outbox/public_url.h"

#include <string.h>

enum { SECRET_BYTES_MIN = 16, SECRET_BYTES_MAX = 255, NAME_BYTES_MAX = 100 };

/* --- what a request may say of the forge --- */

struct forge_request {
	struct api_request api;
	struct str name, url, default_branch, forge_name, project, api_url, secret;
	struct str token, token_user, ssh_key, known_hosts;
	const struct forge *forge;
	struct git_address address;
	struct str_list host_keys; /* fingerprints */
	struct err fault;
	int64_t id; /* of the one that is being added */
};

static struct forge_request *request_of(struct flow *flow)
{
	return (struct forge_request *)flow;
}

static struct str seal(struct forge_request *self, struct str plain, const char *what)
{
	struct arena *arena = &self->api.flow.arena;
	struct str bound_to = arena_printf(arena, "repository:%.*s:%s", STR_ARG(self->name), what);
	return keyring_seal(self->api.server->keys, plain, bound_to, arena);
}

static struct db_param sealed_or_null(struct forge_request *self, struct str plain, const char *what)
{
	return plain.n ? DB_BYTES(seal(self, plain, what)) : DB_NULL;
}

/* One line, of what a header or a configuration file can hold. */
static bool is_token(struct str text)
{
	for (size_t i = 0; i < text.n; i++)
		if (text.p[i] <= ' ' || text.p[i] > '~')
			return false;
	return text.n <= 4096;
}

static bool check_token(struct forge_request *self, struct err *err)
{
	size_t at;
	self->token = str_trim(self->token);
	if (!is_token(self->token) || !is_token(self->token_user) || str_find_char(self->token_user, ':', &at))
		return err_set(err, ERR_INVALID, "the token, or its user, holds what no token holds");
	bool is_http = self->address.scheme == GIT_SCHEME_HTTP || self->address.scheme == GIT_SCHEME_HTTPS;
	if (self->token.n && is_http && !git_address_is_private(&self->address))
		return err_set(err, ERR_INVALID, "a token would go to %.*s for all to see: use an https:// address",
			STR_ARG(self->address.host));
	return true;
}

static bool check_key(struct forge_request *self, struct err *err)
{
	struct arena *arena = &self->api.flow.arena;
	if (self->ssh_key.n == 0)
		return self->known_hosts.n == 0 ||
		       err_set(err, ERR_INVALID, "known_hosts go with an ssh_key, which is missing");
	if (self->address.scheme != GIT_SCHEME_SSH)
		return err_set(err, ERR_INVALID, "an ssh_key goes with an ssh:// or user@host:path address");
	if (!str_starts(self->ssh_key, STR("-----BEGIN ")))
		return err_set(err, ERR_INVALID, "ssh_key: no private key in PEM (-----BEGIN ...)");
	if (str_ends(self->ssh_key, STR("\n")))
		return true;
	self->ssh_key = arena_printf(arena, "%.*s\n", STR_ARG(self->ssh_key));
	return true;
}

/* Where to reach the forge's API: as given, or what the address tells. A token goes there. */
static bool check_api(struct forge_request *self, struct err *err)
{
	struct git_address api;
	struct arena *arena = &self->api.flow.arena;
	while (str_ends(self->api_url, STR("/")))
		self->api_url.n--;
	if (self->api_url.n == 0)
		return true;
	if (!self->forge->status)
		return err_set(err, ERR_INVALID, "api_url: forge \"%s\" has no API", self->forge->name);
	struct str with_path = arena_printf(arena, "%.*s/", STR_ARG(self->api_url));
	if (!git_address_read(with_path, &api, NULL) || !git_address_is_private(&api))
		return err_set(err, ERR_INVALID, "api_url: \"%.*s\" is no https:// address", STR_ARG(self->api_url));
	return true;
}

static bool check_project(struct str project, struct err *err)
{
	size_t at;
	bool is_plain = true;
	for (size_t i = 0; i < project.n; i++)
		is_plain &= project.p[i] > ' ' && project.p[i] <= '~' && !strchr("?#%\\\"", project.p[i]);
	return (is_plain && !str_find(project, STR(".."), &at)) ||
	       err_set(err, ERR_INVALID, "project: \"%.*s\" is no name such as owner/name", STR_ARG(project));
}

static bool read_credential(struct forge_request *self, struct err *err)
{
	struct api_request *api = &self->api;
	return api_text(api, "token", false, &self->token, err) &&
	       api_text(api, "token_user", false, &self->token_user, err) &&
	       api_text(api, "ssh_key", false, &self->ssh_key, err) &&
	       api_text(api, "known_hosts", false, &self->known_hosts, err) &&
	       api_text(api, "project", false, &self->project, err) &&
	       api_text(api, "api_url", false, &self->api_url, err) && check_token(self, err) && check_key(self, err) &&
	       check_api(self, err) && check_project(self->project, err);
}

/* --- host keys --- */

static void scanned(void *arg, struct str known_hosts, const struct err *err)
{
	struct forge_request *self = arg;
	if (err) {
		flow_fail(&self->api.flow, err);
		return;
	}
	self->known_hosts = arena_str(&self->api.flow.arena, known_hosts);
	flow_resume(&self->api.flow);
}

static enum flow_next find_host_keys(struct flow *flow)
{
	struct forge_request *self = request_of(flow);
	if (self->ssh_key.n == 0 || self->known_hosts.n)
		return FLOW_CONTINUE;
	host_keys_scan(self->api.server->loop, &self->address, scanned, self);
	return FLOW_WAIT;
}

static bool read_host_keys(struct forge_request *self, struct err *err)
{
	return self->ssh_key.n == 0 || host_keys_read(self->known_hosts, &self->host_keys, &self->api.flow.arena, err);
}

/* --- adding --- */

static bool check_name(struct str name, struct err *err)
{
	for (size_t i = 0; i < name.n; i++) {
		bool is_plain =
			strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", name.p[i]) != NULL;
		if (!is_plain && (i == 0 || !strchr("._-", name.p[i])))
			return err_set(err, ERR_INVALID, "name: letters, digits, and behind the first one also . _ -");
	}
	return (name.n > 0 && name.n <= NAME_BYTES_MAX) ||
	       err_set(err, ERR_INVALID, "name: 1 to %d characters", NAME_BYTES_MAX);
}

/* Files of the server's machine are the admin's to give away. */
static bool check_url(struct forge_request *self, struct err *err)
{
	if (!git_address_read(self->url, &self->address, err))
		return false;
	return self->address.scheme != GIT_SCHEME_FILE || auth_may(auth_caller(self->api.exchange), AUTH_ADMIN, NULL) ||
	       err_set(err, ERR_DENIED, "only an admin may add a repository of the server's own machine");
}

static bool check_secret(struct forge_request *self, struct err *err)
{
	if (self->secret.n == 0)
		self->secret = self->forge->secret(&self->api.flow.arena);
	return (self->secret.n >= SECRET_BYTES_MIN && self->secret.n <= SECRET_BYTES_MAX && is_token(self->secret)) ||
	       err_set(err, ERR_INVALID, "secret: %d to %d printable characters", SECRET_BYTES_MIN, SECRET_BYTES_MAX);
}

static bool find_forge(struct forge_request *self, struct err *err)
{
	self->forge = forge_of(self->forge_name.n ? self->forge_name : STR("git"));
	return self->forge ||
	       err_set(err, ERR_INVALID, "forge: \"%.*s\" is none of git, github, gitlab, gitea (also Forgejo)",
		       STR_ARG(self->forge_name));
}

struct str repository_guess_api_url(const struct forge *forge, const struct git_address *address, struct arena *arena)
{
	bool is_http = address->scheme == GIT_SCHEME_HTTP || address->scheme == GIT_SCHEME_HTTPS;
	if (!forge->status || address->host.n == 0)
		return STR("");
	return forge->api_url(is_http ? str_of(git_scheme_names[address->scheme]) : STR("https"),
		is_http ? address->host : address->name, arena);
}

static void guess(struct forge_request *self)
{
	if (!self->forge->status)
		return;
	if (self->project.n == 0)
		self->project = git_address_project(&self->address);
	if (self->api_url.n == 0)
		self->api_url = repository_guess_api_url(self->forge, &self->address, &self->api.flow.arena);
}

static enum flow_next read_addition(struct flow *flow)
{
	static const char *const names[] = {"name", "url", "default_branch", "forge", "project", "api_url", "secret",
		"token", "token_user", "ssh_key", "known_hosts", NULL};
	struct forge_request *self = request_of(flow);
	struct api_request *api = &self->api;
	struct err *err = &flow->err;
	bool ok = api_only(api, names, err) && api_text(api, "name", true, &self->name, err) &&
		  api_text(api, "url", true, &self->url, err) &&
		  api_text(api, "default_branch", false, &self->default_branch, err) &&
		  api_text(api, "forge", false, &self->forge_name, err) &&
		  api_text(api, "secret", false, &self->secret, err) && check_name(self->name, err) &&
		  find_forge(self, err) && check_url(self, err) && check_secret(self, err) &&
		  read_credential(self, err);
	if (!ok)
		return FLOW_FAIL;
	guess(self);
	return FLOW_CONTINUE;
}

static enum flow_next insert(struct flow *flow)
{
	struct forge_request *self = request_of(flow);
	if (!read_host_keys(self, &flow->err))
		return FLOW_FAIL;
	struct db_batch *batch = db_batch_new(self->api.server->db);
	db_add(batch, QUERY_REPOSITORY_INSERT, DB_TEXT(self->name), DB_TEXT(self->url), DB_TEXT(self->default_branch),
		DB_BYTES(seal(self, self->secret, "hook")), DB_TEXT(str_of(self->forge->name)),
		DB_TEXT(str_or_empty(self->project)), DB_TEXT(str_or_empty(self->api_url)),
		sealed_or_null(self, self->token, "token"), DB_TEXT(str_or_empty(self->token_user)),
		sealed_or_null(self, self->ssh_key, "ssh key"), DB_TEXT(str_or_empty(self->known_hosts)),
		DB_TEXTS(self->host_keys.items, self->host_keys.count));
	return db_await(flow, batch);
}

static bool fail_taken(struct forge_request *self)
{
	return err_set(
		&self->api.flow.err, ERR_CONFLICT, "there is a repository \"%.*s\" already", STR_ARG(self->name));
}

static void adopted(void *arg, const struct err *err)
{
	struct forge_request *self = arg;
	if (err)
		self->fault = *err;
	flow_resume(&self->api.flow);
}

static enum flow_next adopt(struct flow *flow)
{
	struct forge_request *self = request_of(flow);
	if (db_row_count(db_reply_of(flow), 0) == 0)
		return fail_taken(self) ? FLOW_DONE : FLOW_FAIL;
	self->id = db_i64(db_reply_of(flow), 0, 0, 0);
	ingest_adopt(self->api.server->ingest, self->id, adopted, self);
	return FLOW_WAIT;
}

/* A repository that cannot be fetched is not kept: the person is there to mend the address. */
static enum flow_next keep(struct flow *flow)
{
	struct forge_request *self = request_of(flow);
	if (self->fault.kind != ERR_NONE) {
		flow->err = self->fault;
		err_wrap(&flow->err, "repository \"%.*s\" is not added", STR_ARG(self->name));
		return FLOW_FAIL;
	}
	struct db_batch *batch = db_batch_new(self->api.server->db);
	db_add(batch, QUERY_REPOSITORY_KEEP, DB_I64(self->id));
	return db_await_conflict(flow, batch);
}

static enum flow_next settle(struct flow *flow)
{
	struct forge_request *self = request_of(flow);
	if (db_error(db_reply_of(flow)))
		return fail_taken(self) ? FLOW_DONE : FLOW_FAIL;
	return repository_submit(flow, QUERY_REPOSITORY_BY_NAME, self->name);
}

static json_t *describe_hook(struct forge_request *self)
{
	struct arena *arena = &self->api.flow.arena;
	struct str url = arena_printf(
		arena, "%.*s/hooks/%.*s", STR_ARG(public_url(self->api.server, arena)), STR_ARG(self->name));
	return json_pack("{s:o, s:o}", "secret", json_of_str(self->secret), "url", json_of_str(url));
}

static enum flow_next answer_addition(struct flow *flow)
{
	struct forge_request *self = request_of(flow);
	self->api.status = 201;
	enum flow_next next = repository_answer(flow, self->name);
	/* A plain repository gets its secret from `hook install`. */
	if (next == FLOW_DONE && self->forge != &forge_git)
		json_object_set_new(self->api.answer, "hook", describe_hook(self));
	return next;
}

void repositories_add(struct http_exchange *exchange, void *context)
{
	static flow_step *const steps[] = {
		read_addition, find_host_keys, insert, adopt, keep, settle, answer_addition, NULL};
	api_start(exchange, context, sizeof(struct forge_request), steps, true);
}

/* --- what is changed later --- */

static bool read_found(struct flow *flow)
{
	struct forge_request *self = request_of(flow);
	struct repository_row row = {0};
	self->name = repository_name_of(flow);
	if (db_row_count(db_reply_of(flow), 0) == 0) {
		repository_fail_unknown(flow, self->name);
		return false;
	}
	if (!db_read_row(db_reply_of(flow), 0, 0, repository_fields, &row, &flow->arena, &flow->err))
		return false;
	self->forge = forge_of(row.forge);
	BUG_ON(!self->forge);
	return git_address_read(row.url, &self->address, &flow->err);
}

static enum flow_next rotate(struct flow *flow)
{
	static const char *const names[] = {"secret", NULL};
	struct forge_request *self = request_of(flow);
	if (!read_found(flow) || !api_only(&self->api, names, &flow->err) ||
		!api_text(&self->api, "secret", false, &self->secret, &flow->err) || !check_secret(self, &flow->err))
		return FLOW_FAIL;
	struct db_batch *batch = db_batch_new(self->api.server->db);
	db_add(batch, QUERY_REPOSITORY_ROTATE, DB_TEXT(self->name), DB_BYTES(seal(self, self->secret, "hook")));
	return db_await(flow, batch);
}

static enum flow_next rotated(struct flow *flow)
{
	struct forge_request *self = request_of(flow);
	if (db_row_count(db_reply_of(flow), 0) == 0)
		return repository_fail_unknown(flow, self->name);
	self->api.answer = describe_hook(self);
	return FLOW_DONE;
}

void repositories_secret(struct http_exchange *exchange, void *context)
{
	static flow_step *const steps[] = {repository_find, rotate, rotated, NULL};
	api_start(exchange, context, sizeof(struct forge_request), steps, true);
}

static enum flow_next read_change(struct flow *flow)
{
	static const char *const names[] = {
		"token", "token_user", "ssh_key", "known_hosts", "api_url", "project", NULL};
	struct forge_request *self = request_of(flow);
	if (!read_found(flow) || !api_only(&self->api, names, &flow->err) || !read_credential(self, &flow->err))
		return FLOW_FAIL;
	if (self->token.n == 0 && self->ssh_key.n == 0 && self->api_url.n == 0 && self->project.n == 0) {
		err_set(&flow->err, ERR_INVALID, "nothing to set: give a token, an ssh_key, an api_url or a project");
		return FLOW_FAIL;
	}
	return FLOW_CONTINUE;
}

static enum flow_next set_credential(struct flow *flow)
{
	struct forge_request *self = request_of(flow);
	if (!read_host_keys(self, &flow->err))
		return FLOW_FAIL;
	struct db_batch *batch = db_batch_new(self->api.server->db);
	db_add(batch, QUERY_REPOSITORY_CREDENTIAL, DB_TEXT(self->name), sealed_or_null(self, self->token, "token"),
		DB_TEXT(str_or_empty(self->token_user)), sealed_or_null(self, self->ssh_key, "ssh key"),
		DB_TEXT(str_or_empty(self->known_hosts)), DB_TEXTS(self->host_keys.items, self->host_keys.count),
		DB_TEXT_OR_NULL(self->api_url), DB_TEXT_OR_NULL(self->project));
	return db_await(flow, batch);
}

static enum flow_next answer_change(struct flow *flow)
{
	return repository_answer(flow, repository_name_of(flow));
}

void repositories_credential_set(struct http_exchange *exchange, void *context)
{
	static flow_step *const steps[] = {
		repository_find, read_change, find_host_keys, set_credential, repository_find, answer_change, NULL};
	api_start(exchange, context, sizeof(struct forge_request), steps, true);
}

static enum flow_next remove_credential(struct flow *flow)
{
	return repository_submit(flow, QUERY_REPOSITORY_CREDENTIAL_REMOVE, repository_name_of(flow));
}

static enum flow_next removed(struct flow *flow)
{
	return db_row_count(db_reply_of(flow), 0) ? FLOW_DONE : repository_fail_unknown(flow, repository_name_of(flow));
}

void repositories_credential_remove(struct http_exchange *exchange, void *context)
{
	static flow_step *const steps[] = {remove_credential, removed, NULL};
	api_start(exchange, context, sizeof(struct api_request), steps, false);
}

/* --- what came in --- */

struct delivery_row {
	int64_t id, received_at;
	struct str key, event, state, reason;
	struct str_list runs;
};

static const struct field delivery_fields[] = {
	FIELD(struct delivery_row, id, FIELD_I64, 0),
	FIELD(struct delivery_row, key, FIELD_STR, 0),
	FIELD(struct delivery_row, event, FIELD_STR, 0),
	FIELD(struct delivery_row, state, FIELD_STR, 0),
	FIELD(struct delivery_row, reason, FIELD_STR, 0),
	FIELD(struct delivery_row, runs, FIELD_STRS, 0),
	FIELD(struct delivery_row, received_at, FIELD_TIME, 0),
	FIELD_END,
};

static enum flow_next list_deliveries(struct flow *flow)
{
	struct api_request *request = api_request_of(flow);
	int64_t before;
	if (db_row_count(db_reply_of(flow), 0) == 0)
		return repository_fail_unknown(flow, repository_name_of(flow));
	if (!api_page(request, &request->id, &before, &flow->err))
		return FLOW_FAIL;
	struct db_batch *batch = db_batch_new(request->server->db);
	db_add(batch, QUERY_DELIVERIES_LIST, DB_TEXT(repository_name_of(flow)), DB_I64(before), DB_I64(request->id));
	return db_await(flow, batch);
}

static enum flow_next answer_deliveries(struct flow *flow)
{
	struct api_request *request = api_request_of(flow);
	request->answer = api_list(db_reply_of(flow), 0, "deliveries", delivery_fields, sizeof(struct delivery_row),
		request->id, &flow->arena, &flow->err);
	return request->answer ? FLOW_DONE : FLOW_FAIL;
}

void deliveries_list(struct http_exchange *exchange, void *context)
{
	static flow_step *const steps[] = {repository_find, list_deliveries, answer_deliveries, NULL};
	api_start(exchange, context, sizeof(struct api_request), steps, false);
}
