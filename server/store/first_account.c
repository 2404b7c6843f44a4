#include "server/store/first_account.h"

#include <libpq-fe.h>

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

static PGconn *connect_to(const char *url, struct err *err)
{
	PGconn *connection = PQconnectdb(url);
	if (PQstatus(connection) == CONNECTION_OK)
		return connection;
	err_set(err, ERR_UPSTREAM, "%s", PQerrorMessage(connection));
	PQfinish(connection);
	return NULL;
}

bool first_account_is_needed(const char *url, bool *ret, struct err *err)
{
	PGconn *connection = connect_to(url, err);
	if (!connection)
		return false;
	PGresult *result = PQexec(connection, "select 1 from account limit 1");
	bool ok = PQresultStatus(result) == PGRES_TUPLES_OK;
	if (ok)
		*ret = PQntuples(result) == 0;
	else
		err_set(err, ERR_UPSTREAM, "accounts: %s", PQerrorMessage(connection));
	PQclear(result);
	PQfinish(connection);
	return ok;
}

bool first_account_make(
	const char *url, const char *password_hash, const char *api_hash, const char *worker_hash, struct err *err)
{
	const char *values[] = {password_hash, api_hash, worker_hash};
	PGconn *connection = connect_to(url, err);
	if (!connection)
		return false;
	PGresult *result = PQexecParams(connection, insert, 3, NULL, values, NULL, NULL, 0);
	bool ok = PQresultStatus(result) == PGRES_TUPLES_OK;
	if (!ok)
		err_set(err, ERR_UPSTREAM, "first account: %s", PQerrorMessage(connection));
	PQclear(result);
	PQfinish(connection);
	return ok;
}
