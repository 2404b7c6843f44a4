#include "server/auth/bootstrap.h"

#include "common/arena.h"
#include "common/digest.h"
#include "common/mem.h"
#include "common/random.h"
#include "server/auth/password.h"

#include <fcntl.h>
#include <libpq-fe.h>
#include <sodium.h>
#include <stdlib.h>
#include <unistd.h>

static bool write_secret(struct str folder, const char *name, struct str secret, struct err *err)
{
	auto_arena arena = {0};
	const char *path = arena_printf(&arena, "%.*s/%s", STR_ARG(folder), name).p;
	unlink(path);
	auto_fd int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	struct str line = arena_printf(&arena, "%.*s\n", STR_ARG(secret));
	if (fd < 0 || write(fd, line.p, line.n) != (ssize_t)line.n)
		return err_errno(err, "file %s", path);
	return true;
}

struct secrets {
	struct str password, api_token, worker_token;
	char hash[PASSWORD_HASH_BYTES];
	char api_hash[DIGEST_TEXT_BYTES], worker_hash[DIGEST_TEXT_BYTES];
};

static bool make_secrets(struct secrets *ret, struct arena *arena, struct err *err)
{
	ret->password = random_token(arena, "pw");
	ret->api_token = random_token(arena, "pst");
	ret->worker_token = random_token(arena, "pwk");
	digest_text_of(ret->api_token, ret->api_hash);
	digest_text_of(ret->worker_token, ret->worker_hash);
	return password_hash(ret->password, ret->hash, err);
}

/* One statement, so that two servers at their first start make one admin. */
static const char insert[] =
	"with guard as (select pg_advisory_xact_lock(hashtext('bootstrap'))), "
	"made as (insert into account (name, display_name, password_hash, role) "
	"select 'admin', 'Administrator', $1, 'admin' from guard where not exists (select 1 from account) "
	"returning id), "
	"api as (insert into token (kind, name, hash, account_id) "
	"select 'api', 'first start', decode($2, 'hex'), id from made), "
	"workers as (insert into token (kind, name, hash) "
	"select 'worker', 'first start', decode($3, 'hex') from made) "
	"select id from made";

static bool store(PGconn *connection, const struct secrets *secrets, bool *ret_is_first, struct err *err)
{
	const char *values[] = {secrets->hash, secrets->api_hash, secrets->worker_hash};
	PGresult *result = PQexecParams(connection, insert, 3, NULL, values, NULL, NULL, 0);
	bool ok = PQresultStatus(result) == PGRES_TUPLES_OK;
	*ret_is_first = ok && PQntuples(result) == 1;
	PQclear(result);
	return ok || err_set(err, ERR_UPSTREAM, "first account: %s", PQerrorMessage(connection));
}

static bool has_account(PGconn *connection)
{
	PGresult *result = PQexec(connection, "select 1 from account limit 1");
	bool has = PQresultStatus(result) == PGRES_TUPLES_OK && PQntuples(result) == 1;
	PQclear(result);
	return has;
}

static bool run(PGconn *connection, struct str data_dir, struct err *err)
{
	auto_arena arena = {0};
	struct secrets secrets;
	bool is_first;
	if (has_account(connection))
		return true;
	if (!make_secrets(&secrets, &arena, err) || !store(connection, &secrets, &is_first, err))
		return false;
	return !is_first || (write_secret(data_dir, "admin-password", secrets.password, err) &&
				    write_secret(data_dir, "admin-token", secrets.api_token, err) &&
				    write_secret(data_dir, "worker-token", secrets.worker_token, err));
}

bool bootstrap(struct str database_url, struct str data_dir, struct err *err)
{
	PGconn *connection = PQconnectdb(database_url.p);
	bool ok = PQstatus(connection) == CONNECTION_OK ? run(connection, data_dir, err)
							: err_set(err, ERR_UPSTREAM, "%s", PQerrorMessage(connection));
	PQfinish(connection);
	return ok;
}
