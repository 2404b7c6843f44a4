// links: penstock_store penstock_test_pg
#include "server/store/migrate.h"

#include "common/mem.h"
#include "server/store/db.h"
#include "tests/support/pg.h"
#include "tests/support/suite.h"

#include <check.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#define FIRST                                                                                                          \
	{                                                                                                              \
		1, "0001_first.sql", "aa11", "create table first (id int);\ninsert into first values (7);\n"           \
	}
#define SECOND                                                                                                         \
	{                                                                                                              \
		2, "0002_second.sql", "bb22", "-- a comment\nalter table first add name text;\n"                       \
	}

static const struct migration none[] = {{0}}, one[] = {FIRST, {0}}, two[] = {FIRST, SECOND, {0}};

static char *url;

static void set_up(void)
{
	url = test_pg_empty_database();
}

static void tear_down(void)
{
	test_pg_drop(url);
}

static void assert_value(const char *sql, const char *expected)
{
	auto_free char *value = test_pg_value(url, sql);
	ck_assert_pstr_eq(value, expected);
}

START_TEST(what_is_missing_is_applied_once)
{
	struct err err;
	int applied = -1;
	ck_assert_msg(migrate(url, one, &applied, &err), "%s", err.text);
	ck_assert_int_eq(applied, 1);
	ck_assert_msg(migrate(url, two, &applied, &err), "%s", err.text);
	ck_assert_int_eq(applied, 1);
	ck_assert_msg(migrate(url, two, &applied, &err), "%s", err.text);
	ck_assert_int_eq(applied, 0);
	ck_assert(migrate_check(url, two, &err));
	assert_value("select count(*) || min(name) from (select id, coalesce(name, ' null') as name from first) as f",
		"1 null");
	assert_value("select string_agg(number || file || checksum, ' ' order by number) from schema_migration",
		"10001_first.sqlaa11 20002_second.sqlbb22");
}
END_TEST

static const struct migration changed[] = {
	{1, "0001_first.sql", "cc33", "create table first (id bigint);"}, SECOND, {0}};

static const struct {
	const struct migration *applied, *known;
	bool only_check;
	enum err_kind kind;
	const char *text;
} refusals[] = {
	/* made by a newer program */
	{two, one, false, ERR_UNSUPPORTED, "migrate: the schema is at 2, this program knows 1: upgrade Penstock"},
	{two, one, true, ERR_UNSUPPORTED, "schema: the schema is at 2, this program knows 1: upgrade Penstock"},
	/* an older schema, and none at all, for a server that must not migrate */
	{one, two, true, ERR_UNSUPPORTED, "schema: the schema is at 1, this program needs 2: start a server"},
	{none, two, true, ERR_UNSUPPORTED, "schema: the schema is at 0, this program needs 2: start a server"},
	/* a file was edited after it had been applied */
	{two, changed, false, ERR_CONFLICT, "migrate: 0001_first.sql differs from the one that was applied"},
	{one, changed, true, ERR_CONFLICT, "schema: 0001_first.sql differs from the one that was applied"},
};

START_TEST(another_schema_is_refused)
{
	struct err err;
	ck_assert_msg(migrate(url, refusals[_i].applied, NULL, &err), "%s", err.text);
	ck_assert(!(refusals[_i].only_check ? migrate_check(url, refusals[_i].known, &err)
					    : migrate(url, refusals[_i].known, NULL, &err)));
	ck_assert_int_eq(err.kind, refusals[_i].kind);
	ck_assert_msg(strncmp(err.text, refusals[_i].text, strlen(refusals[_i].text)) == 0, "%s", err.text);
}
END_TEST

START_TEST(checking_a_fresh_database_leaves_it_alone)
{
	ck_assert(!migrate_check(url, two, NULL));
	assert_value("select to_regclass('schema_migration') is null", "t");
}
END_TEST

START_TEST(a_row_removed_by_hand_is_noticed)
{
	struct err err;
	ck_assert(migrate(url, two, NULL, &err));
	test_pg_run(url, "delete from schema_migration where number = 1");
	ck_assert(!migrate(url, two, NULL, &err));
	ck_assert_pstr_eq(err.text, "migrate: schema_migration lacks number 1: the table was changed by hand");
}
END_TEST

static const struct {
	const char *sql;
	const char *text;
} broken[] = {
	/* the place counts characters, in the file */
	{"create table second (id int);\n-- \xc3\xa4\nselect '\xc3\xa4', oops;\n",
		"migrate: 0002_broken.sql:3:13: column \"oops\" does not exist (42703)"},
	{"create table second (id int);\ncreate tabel third ();",
		"migrate: 0002_broken.sql:2:8: syntax error at or near \"tabel\" (42601)"},
	/* an error without a place */
	{"create table second (id int); insert into first values (8), (1 / (select 0));",
		"migrate: 0002_broken.sql: division by zero (22012)"},
	{"create table second (id int); do $$ begin raise exception 'no'; end $$",
		"migrate: 0002_broken.sql: no (P0001)"},
};

START_TEST(a_failed_migration_leaves_nothing)
{
	const struct migration list[] = {FIRST, {2, "0002_broken.sql", "dd44", broken[_i].sql}, {0}};
	struct err err;
	int applied = -1;
	ck_assert(!migrate(url, list, &applied, &err));
	ck_assert_int_eq(err.kind, ERR_SYSTEM);
	ck_assert_pstr_eq(err.text, broken[_i].text);
	ck_assert_int_eq(applied, -1);
	/* The one before it stays, and the mended one continues from there. */
	assert_value("select to_regclass('second') is null and (select max(number) from schema_migration) = 1", "t");
	ck_assert_msg(migrate(url, two, &applied, &err), "%s", err.text);
	ck_assert_int_eq(applied, 1);
}
END_TEST

START_TEST(a_migration_that_commits_is_refused)
{
	static const struct migration list[] = {{1, "0001_commits.sql", "ee55", "create table a (); commit;"}, {0}};
	struct err err;
	ck_assert(!migrate(url, list, NULL, &err));
	ck_assert_pstr_eq(
		err.text, "migrate: 0001_commits.sql: ends its transaction: leave out begin, commit and rollback");
}
END_TEST

START_TEST(an_unreachable_server_is_named)
{
	struct err err;
	ck_assert(!migrate("host=/nonexistent user=x", two, NULL, &err));
	ck_assert_int_eq(err.kind, ERR_UPSTREAM);
	ck_assert_msg(
		strncmp(err.text, "migrate: database: ", 19) == 0 && strstr(err.text, "/nonexistent"), "%s", err.text);
}
END_TEST

static void *migrate_in_thread(void *applied)
{
	struct err err;
	return migrate(url, two, applied, &err) ? NULL : mem_strdup(err.text);
}

/* Servers that start together: one applies, the others wait for it and find all done. */
START_TEST(many_may_start_at_once)
{
	pthread_t threads[6];
	int applied[COUNT_OF(threads)] = {0}, sum = 0;
	for (size_t i = 0; i < COUNT_OF(threads); i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, migrate_in_thread, &applied[i]), 0);
	for (size_t i = 0; i < COUNT_OF(threads); i++) {
		void *failure;
		pthread_join(threads[i], &failure);
		ck_assert_msg(!failure, "%s", (char *)failure);
		sum += applied[i];
	}
	ck_assert_int_eq(sum, 2);
}
END_TEST

/* The product's own: the schema can be made, and each statement of sql/queries can be prepared on it. */
START_TEST(the_products_schema_and_statements_agree)
{
	uv_loop_t loop;
	struct db *db;
	struct err err;
	int applied, known = 0;
	while (migrations[known].number)
		known++;
	ck_assert_int_gt(known, 0);
	ck_assert_msg(migrate(url, migrations, &applied, &err), "%s", err.text);
	ck_assert_int_eq(applied, known);
	for (size_t i = 0; i < QUERY_COUNT; i++)
		ck_assert_msg(db_queries[i].text[0] != '-' && !strstr(db_queries[i].text, "\n--"),
			"%s has a comment line", db_queries[i].name);
	uv_loop_init(&loop);
	if (!db_open(&loop, &(struct db_options){.url = url, .connections = 1}, &db, &err))
		ck_abort_msg("%s", err.text);
	db_close(db, NULL, NULL);
	uv_run(&loop, UV_RUN_DEFAULT);
	ck_assert_int_eq(uv_loop_close(&loop), 0);
}
END_TEST

START_TEST(templates_are_migrated)
{
	char *copy = test_pg_database();
	ck_assert(migrate_check(copy, migrations, NULL));
	test_pg_drop(copy);
}
END_TEST

int main(void)
{
	test_pg_open();
	Suite *suite = suite_create("migrate");
	TCase *cases = tcase_create("migrate");
	tcase_set_timeout(cases, 60);
	tcase_add_checked_fixture(cases, set_up, tear_down);
	tcase_add_test(cases, what_is_missing_is_applied_once);
	tcase_add_loop_test(cases, another_schema_is_refused, 0, COUNT_OF(refusals));
	tcase_add_test(cases, checking_a_fresh_database_leaves_it_alone);
	tcase_add_test(cases, a_row_removed_by_hand_is_noticed);
	tcase_add_loop_test(cases, a_failed_migration_leaves_nothing, 0, COUNT_OF(broken));
	tcase_add_test(cases, a_migration_that_commits_is_refused);
	tcase_add_test(cases, an_unreachable_server_is_named);
	tcase_add_test(cases, many_may_start_at_once);
	tcase_add_test(cases, the_products_schema_and_statements_agree);
	tcase_add_test(cases, templates_are_migrated);
	suite_add_tcase(suite, cases);
	return suite_run(suite);
}
