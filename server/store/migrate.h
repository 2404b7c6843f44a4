#ifndef SERVER_STORE_MIGRATE_H
#define SERVER_STORE_MIGRATE_H

/*
 * Brings the database's schema to what this program knows: the files of sql/migrations, compiled in, numbered without
 * gaps, forward only. Each runs in one transaction with its row in schema_migration, under an advisory lock, so that
 * any number of servers may start at once. An applied migration never changes: its checksum is compared. Blocking; for
 * start-up, before the loop runs.
 */

#include "common/err.h"

struct migration {
	int number;
	const char *file;     /* "0001_foundation.sql" */
	const char *checksum; /* SHA-256 of the file, in hex */
	const char *text;
};

/* In order, behind the last one a row of zeros. */
extern const struct migration migrations[];

/* Applies what is missing of `list` (normally `migrations`). *ret_applied: how many; may be NULL. Errors: ERR_UPSTREAM
 * (cannot connect), ERR_UNSUPPORTED (database newer than this program, PostgreSQL too old), ERR_CONFLICT (an applied
 * migration differs), ERR_SYSTEM (a migration fails; file, line and SQL error are named, the ones before it stay). */
bool migrate(const char *url, const struct migration *list, int *ret_applied, struct err *err);
/* For a server that must not migrate: ERR_UNSUPPORTED unless the schema is exactly what this program knows. */
bool migrate_check(const char *url, const struct migration *list, struct err *err);

#endif
