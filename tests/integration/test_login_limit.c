/* How often a password may be guessed, counted in the database. */
// links: penstock_auth penstock_test_pg
#include "server/auth/login_limit.h"

#include "common/mem.h"
#include "tests/support/pg.h"
#include "tests/support/suite.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <uv.h>

static uv_loop_t loop;
static struct db *db;
static char *url;
static int64_t wait_s;

static void set_up(void)
{
	struct err err = {0};
	url = test_pg_database();
	uv_loop_init(&loop);
	const struct db_options options = {.url = url, .connections = 1};
	ck_assert_msg(db_open(&loop, &options, &db, &err), "%s", err.text);
}

static void closed(void *arg)
{
	(void)arg;
}

static void tear_down(void)
{
	db_close(db, closed, NULL);
	uv_run(&loop, UV_RUN_DEFAULT);
	ck_assert_int_eq(uv_loop_close(&loop), 0);
	test_pg_drop(url);
}

static void done(void *arg, struct db_reply *reply)
{
	ck_assert_msg(!db_error(reply), "%s", db_error(reply) ? db_error(reply)->text : "");
	if (arg)
		*(int64_t *)arg = login_limit_wait_s(reply, 0);
	db_reply_free(reply);
	uv_stop(&loop);
}

static void submit(struct db_batch *batch, int64_t *ret_wait_s)
{
	db_submit(batch, done, ret_wait_s);
	uv_run(&loop, UV_RUN_DEFAULT);
}

static int take_many(const char *name, const char *peer, int tries)
{
	int taken = 0;
	for (int i = 0; i < tries; i++) {
		struct db_batch *batch = db_batch_new(db);
		login_limit_add(batch, str_of(name), str_of(peer));
		submit(batch, &wait_s);
		taken += wait_s == 0;
	}
	return taken;
}

/* As if everything had happened so much earlier. */
static void pass(int64_t seconds)
{
	char sql[128];
	snprintf(sql, sizeof sql, "update login_try set calm_at = calm_at - interval '%lld s'", (long long)seconds);
	test_pg_run(url, sql);
}

static const struct {
	int64_t after_s;
	int taken; /* of 3 tries, behind ten at the beginning */
	const char *why;
} rows[] = {
	{0, 0, "at once: all are used"},
	{3, 0, "not one step yet"},
	{9, 1, "one step, one try"},
	{15, 2, "two steps"},
	{3600, 3, "forgotten"},
};

START_TEST(a_name_is_held_up_and_calms_down)
{
	ck_assert_int_eq(take_many("ann", "10.0.0.1", 10), 10);
	pass(rows[_i].after_s);
	int taken = take_many("ann", "10.0.0.1", 3);
	ck_assert_msg(taken == rows[_i].taken, "%s: %d taken", rows[_i].why, taken);
}
END_TEST

START_TEST(the_wait_is_long_enough_and_not_much_longer)
{
	ck_assert_int_eq(take_many("ann", "10.0.0.1", 11), 10);
	ck_assert_int_gt(wait_s, 0);
	ck_assert_int_le(wait_s, 6);
	pass(wait_s);
	ck_assert_int_eq(take_many("ann", "10.0.0.1", 1), 1);
}
END_TEST

START_TEST(others_go_on)
{
	take_many("ann", "10.0.0.1", 11);
	ck_assert_int_eq(take_many("bob", "10.0.0.1", 1), 1);
	ck_assert_int_eq(take_many("ann", "10.0.0.2", 1), 1);
	/* Name and address do not run into each other. */
	ck_assert_int_eq(take_many("nn", "10.0.0.1a", 1), 1);
}
END_TEST

START_TEST(an_address_is_held_up_whatever_the_name)
{
	auto_arena arena = {0};
	int taken = 0;
	for (int i = 0; i < 130; i++)
		taken += take_many(arena_printf(&arena, "name%d", i).p, "10.0.0.1", 1);
	/* Two a second come back while the test runs. */
	ck_assert_int_ge(taken, 100);
	ck_assert_int_lt(taken, 130);
	ck_assert_int_gt(wait_s, 0);
	ck_assert_int_eq(take_many("ann", "10.0.0.2", 1), 1);
}
END_TEST

START_TEST(the_right_password_clears_the_name)
{
	take_many("ann", "10.0.0.1", 10);
	struct db_batch *batch = db_batch_new(db);
	login_limit_forget(batch, STR("ann"), STR("10.0.0.1"));
	login_limit_forget(batch, STR("unknown"), STR("10.0.0.1"));
	submit(batch, NULL);
	ck_assert_int_eq(take_many("ann", "10.0.0.1", 10), 10);
}
END_TEST

START_TEST(names_do_not_stand_in_the_database)
{
	take_many("my-password-in-the-wrong-field", "10.0.0.1", 1);
	auto_free char *found =
		test_pg_value(url, "select count(*) from login_try where position('password'::bytea in key) > 0");
	ck_assert_str_eq(found, "0");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("login_limit");
	TCase *tcase = tcase_create("login_limit");
	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_set_timeout(tcase, 60);
	tcase_add_loop_test(tcase, a_name_is_held_up_and_calms_down, 0, COUNT_OF(rows));
	tcase_add_test(tcase, the_wait_is_long_enough_and_not_much_longer);
	tcase_add_test(tcase, others_go_on);
	tcase_add_test(tcase, an_address_is_held_up_whatever_the_name);
	tcase_add_test(tcase, the_right_password_clears_the_name);
	tcase_add_test(tcase, names_do_not_stand_in_the_database);
	suite_add_tcase(suite, tcase);
	test_pg_open();
	return suite_run(suite);
}
