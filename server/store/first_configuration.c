#include "server/store/first_configuration.h"

#include <libpq-fe.h>

static const char newest[] = "select version, body from configuration order by version desc limit 1";
static const char standing[] =
	"select b.id, b.service, b.environment, b.reason, coalesce(a.name, ''), "
	"(extract(epoch from b.placed_at) * 1000000)::bigint "
	"from blocker b left join account a on a.id = b.placed_by where b.lifted_at is null order by b.id";

static const char versions[] = "select name, version from environment where removed_at is null order by name";

static PGresult *ask(PGconn *connection, const char *statement, struct err *err)
{
	PGresult *result = PQexec(connection, statement);
	if (PQresultStatus(result) == PGRES_TUPLES_OK)
		return result;
	err_set(err, ERR_UPSTREAM, "configuration: %s", PQerrorMessage(connection));
	PQclear(result);
	return NULL;
}

static struct str text_at(const PGresult *result, int row, int column, struct arena *arena)
{
	return arena_str(
		arena, (struct str){PQgetvalue(result, row, column), (size_t)PQgetlength(result, row, column)});
}

static int64_t number_at(const PGresult *result, int row, int column)
{
	int64_t number = 0;
	str_to_i64(str_of(PQgetvalue(result, row, column)), &number);
	return number;
}

static bool read_text(PGconn *connection, struct arena *arena, struct first_configuration *ret, struct err *err)
{
	PGresult *result = ask(connection, newest, err);
	if (result && PQntuples(result)) {
		ret->version = number_at(result, 0, 0);
		ret->text = text_at(result, 0, 1, arena);
	}
	PQclear(result);
	return result != NULL;
}

static bool read_blockers(PGconn *connection, struct arena *arena, struct freeze_blockers *ret, struct err *err)
{
	PGresult *result = ask(connection, standing, err);
	if (!result)
		return false;
	ret->count = (size_t)PQntuples(result);
	ret->items = arena_array(arena, struct freeze_blocker, ret->count);
	for (int row = 0; row < PQntuples(result); row++)
		ret->items[row] = (struct freeze_blocker){
			.id = number_at(result, row, 0),
			.service = text_at(result, row, 1, arena),
			.environment = text_at(result, row, 2, arena),
			.reason = text_at(result, row, 3, arena),
			.placed_by = text_at(result, row, 4, arena),
			.placed_at = number_at(result, row, 5),
		};
	PQclear(result);
	return true;
}

static bool read_versions(PGconn *connection, struct arena *arena, struct freeze_versions *ret, struct err *err)
{
	PGresult *result = ask(connection, versions, err);
	if (!result)
		return false;
	ret->count = (size_t)PQntuples(result);
	ret->items = arena_array(arena, struct freeze_version, ret->count);
	for (int row = 0; row < PQntuples(result); row++)
		ret->items[row] = (struct freeze_version){
			.environment = text_at(result, row, 0, arena), .version = number_at(result, row, 1)};
	PQclear(result);
	return true;
}

bool first_configuration(const char *url, struct arena *arena, struct first_configuration *ret, struct err *err)
{
	struct first_configuration read = {0};
	PGconn *connection = PQconnectdb(url);
	bool ok = PQstatus(connection) == CONNECTION_OK || err_set(err, ERR_UPSTREAM, "%s", PQerrorMessage(connection));
	ok = ok && read_versions(connection, arena, &read.versions, err) && read_text(connection, arena, &read, err) &&
	     read_blockers(connection, arena, &read.blockers, err);
	PQfinish(connection);
	if (ok)
		*ret = read;
	return ok;
}
