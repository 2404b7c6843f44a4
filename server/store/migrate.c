#include "server/store/migrate.h"

#include "common/buf.h"
#include "common/failpoint.h"
#include "common/mem.h"
#include "server/store/db_link.h"

#include <string.h>

enum { TEXT_MAX_BYTES = 4096 };

/* Any number that no other program uses: the bytes of "PENSTOCK". */
#define LOCK_ID "5784115416231002955"

static void clear_at(PGresult **result)
{
	PQclear(*result);
}
#define auto_result __attribute__((cleanup(clear_at))) PGresult

static bool run(PGconn *pg, const char *what, const char *sql, struct err *err)
{
	auto_result *result = PQexec(pg, sql);
	ExecStatusType status = PQresultStatus(result);
	if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK)
		return true;
	return db_link_error(pg, what, err);
}

static int count_of(const struct migration *list)
{
	int count = 0;
	while (list[count].number) {
		if (list[count].number != count + 1)
			BUG("%s stands at place %d: migrations are numbered without gaps", list[count].file, count + 1);
		count++;
	}
	return count;
}

static bool compare_row(const struct migration *known, int number, PGresult *rows, int row, struct err *err)
{
	if (number != row + 1)
		return err_set(
			err, ERR_CONFLICT, "schema_migration lacks number %d: the table was changed by hand", row + 1);
	if (strcmp(known->checksum, PQgetvalue(rows, row, 1)) == 0)
		return true;
	return err_set(err, ERR_CONFLICT,
		"%s differs from the one that was applied to this database: an applied migration must never change; restore "
		"the file, or use the Penstock that made this database",
		known->file);
}

/* How many are applied, after comparing them with what this program knows. */
static bool load_applied(PGconn *pg, const struct migration *list, int known, int *ret_applied, struct err *err)
{
	auto_result *rows = PQexec(pg, "select number, checksum from schema_migration order by number");
	if (PQresultStatus(rows) != PGRES_TUPLES_OK)
		return db_link_error(pg, "schema_migration", err);
	int count = PQntuples(rows);
	for (int row = 0; row < count; row++) {
		int64_t number = 0;
		str_to_i64(str_of(PQgetvalue(rows, row, 0)), &number);
		if (row < known && !compare_row(&list[row], (int)number, rows, row, err))
			return false;
	}
	if (count > known)
		return err_set(err, ERR_UNSUPPORTED, "the schema is at %d, this program knows %d: upgrade Penstock",
			count, known);
	*ret_applied = count;
	return true;
}

static bool has_table(PGconn *pg, bool *ret, struct err *err)
{
	auto_result *rows = PQexec(pg, "select to_regclass('schema_migration') is not null");
	if (PQresultStatus(rows) != PGRES_TUPLES_OK)
		return db_link_error(pg, "schema_migration", err);
	*ret = strcmp(PQgetvalue(rows, 0, 0), "t") == 0;
	return true;
}

/* Line and column of a character of the text, both from 1. Counts characters, as PostgreSQL does. */
static void place_of(const char *text, int64_t position, int *ret_line, int *ret_column)
{
	int line = 1, column = 1;
	for (const char *p = text; *p && position > 1; position--) {
		column++;
		if (*p == '\n') {
			line++;
			column = 1;
		}
		do
			p++;
		while (((unsigned char)*p & 0xc0) == 0x80);
	}
	*ret_line = line;
	*ret_column = column;
}

static bool fail_migration(const struct migration *migration, const PGresult *result, struct err *err)
{
	const char *text = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
	const char *code = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	const char *position = PQresultErrorField(result, PG_DIAG_STATEMENT_POSITION);
	int64_t at = 0;
	int line, column;
	if (!position || !str_to_i64(str_of(position), &at))
		return err_set(
			err, ERR_SYSTEM, "%s: %s (%s)", migration->file, text ? text : "failed", code ? code : "?");
	place_of(migration->text, at, &line, &column);
	return err_set(err, ERR_SYSTEM, "%s:%d:%d: %s (%s)", migration->file, line, column, text ? text : "failed",
		code ? code : "?");
}

/* The text is sent alone, so that positions in errors are positions in the file. */
static bool apply_in_transaction(PGconn *pg, const struct migration *migration, struct err *err)
{
	auto_result *result = PQexec(pg, migration->text);
	ExecStatusType status = PQresultStatus(result);
	if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK && status != PGRES_EMPTY_QUERY)
		return fail_migration(migration, result, err);
	if (PQtransactionStatus(pg) != PQTRANS_INTRANS)
		return err_set(err, ERR_SYSTEM, "%s: ends its transaction: leave out begin, commit and rollback",
			migration->file);
	auto_buf number = BUF_INIT(32);
	buf_addf(&number, "%d", migration->number);
	const char *const values[] = {buf_c(&number), migration->file, migration->checksum};
	auto_result *row = PQexecParams(pg, "insert into schema_migration (number, file, checksum) values ($1, $2, $3)",
		3, NULL, values, NULL, NULL, 0);
	return PQresultStatus(row) == PGRES_COMMAND_OK || db_link_error(pg, migration->file, err);
}

static bool apply(PGconn *pg, const struct migration *migration, struct err *err)
{
	if (!run(pg, migration->file, "begin", err))
		return false;
	if (apply_in_transaction(pg, migration, err)) {
		FAILPOINT("migration.applied");
		if (!run(pg, migration->file, "commit", err))
			return false;
		FAILPOINT("migration.committed");
		return true;
	}
	if (PQtransactionStatus(pg) != PQTRANS_IDLE)
		run(pg, migration->file, "rollback", NULL);
	return false;
}

static bool apply_missing(PGconn *pg, const struct migration *list, int *ret_applied, struct err *err)
{
	int known = count_of(list), applied;
	if (!run(pg, "schema_migration",
		    "set client_min_messages = warning;"
		    "create table if not exists schema_migration (number integer primary key, file text not null, "
		    "checksum text not null, applied_at timestamptz not null default now())",
		    err) ||
		!load_applied(pg, list, known, &applied, err))
		return false;
	for (int i = applied; i < known; i++)
		if (!apply(pg, &list[i], err))
			return false;
	if (ret_applied)
		*ret_applied = known - applied;
	return true;
}

bool migrate(const char *url, const struct migration *list, int *ret_applied, struct err *err)
{
	PGconn *pg;
	if (!db_connect_blocking(url, &pg, err))
		return err_wrap(err, "migrate");
	/* The lock is the session's: it ends with the connection, whatever happens. */
	bool is_ok = run(pg, "lock", "select pg_advisory_lock(" LOCK_ID ")", err) &&
		     apply_missing(pg, list, ret_applied, err);
	PQfinish(pg);
	return is_ok || err_wrap(err, "migrate");
}

static bool check(PGconn *pg, const struct migration *list, struct err *err)
{
	int known = count_of(list), applied = 0;
	bool is_there = false;
	if (!has_table(pg, &is_there, err) || (is_there && !load_applied(pg, list, known, &applied, err)))
		return false;
	return applied == known ||
	       err_set(err, ERR_UNSUPPORTED,
		       "the schema is at %d, this program needs %d: start a server that may migrate, or run its migrations first",
		       applied, known);
}

bool migrate_check(const char *url, const struct migration *list, struct err *err)
{
	PGconn *pg;
	if (!db_connect_blocking(url, &pg, err))
		return err_wrap(err, "schema");
	bool is_ok = check(pg, list, err);
	PQfinish(pg);
	return is_ok || err_wrap(err, "schema");
}
