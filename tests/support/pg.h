#ifndef TESTS_SUPPORT_PG_H
#define TESTS_SUPPORT_PG_H

/*
 * A PostgreSQL for tests. main() calls test_pg_open() before srunner_run_all(); each test makes its own databases. The
 * cluster ends with the program, also when that is killed. Whatever fails here prints why and ends the program: a test
 * without its database must not pass.
 */

/* The cluster that PENSTOCK_TEST_PG names (tests/support/pg-cluster start), otherwise one of this program's own. */
void test_pg_open(void);
/* One of this program's own in any case, which test_pg_crash() may stop. */
void test_pg_open_private(void);

/* A fresh database with the product's schema, copied from a migrated template. Returns its URL, to be freed. */
char *test_pg_database(void);
/* A fresh database with nothing in it. */
char *test_pg_empty_database(void);
/* Drops it, whoever is still connected; frees the URL. */
void test_pg_drop(char *url);

/* Runs SQL on a connection of its own. Fails the program on an error. */
void test_pg_run(const char *url, const char *sql);
/* The same; the first column of the first row, to be freed ("" when null or no row). */
char *test_pg_value(const char *url, const char *sql);

/* The server ends as if its machine had lost power, or comes back. */
void test_pg_crash(void);
void test_pg_start(void);

#endif
