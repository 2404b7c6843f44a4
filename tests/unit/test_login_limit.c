/* How often a password may be guessed. */
// links: penstock_auth penstock_common
#include "server/auth/login_limit.h"

#include "common/arena.h"
#include "common/clock.h"
#include "tests/support/suite.h"

#include <check.h>
#include <stdlib.h>

static struct login_limit limit;
static int64_t wait_s;

static void setup(void)
{
	limit = (struct login_limit){0};
	wait_s = 0;
}

static int take_many(const char *name, const char *peer, int64_t now_us, int tries)
{
	int taken = 0;
	for (int i = 0; i < tries; i++)
		taken += login_limit_take(&limit, str_of(name), str_of(peer), now_us, &wait_s);
	return taken;
}

START_TEST(a_name_is_held_up_and_calms_down)
{
	static const struct {
		int64_t after_s;
		int taken; /* of 3 tries, behind ten at the beginning */
		const char *why;
	} rows[] = {
		{0, 0, "at once: all are used"},
		{5, 0, "not one step yet"},
		{6, 1, "one step, one try"},
		{13, 2, "two steps"},
		{3600, 3, "forgotten"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		int64_t begin = 1000 * US_PER_SECOND;
		setup();
		ck_assert_int_eq(take_many("ann", "10.0.0.1", begin, 10), 10);
		int taken = take_many("ann", "10.0.0.1", begin + rows[i].after_s * US_PER_SECOND, 3);
		ck_assert_msg(taken == rows[i].taken, "%s: %d taken", rows[i].why, taken);
	}
}
END_TEST

START_TEST(the_wait_is_long_enough)
{
	int64_t now = US_PER_SECOND;
	take_many("ann", "10.0.0.1", now, 11);
	ck_assert_int_gt(wait_s, 0);
	ck_assert_int_eq(take_many("ann", "10.0.0.1", now + wait_s * US_PER_SECOND, 1), 1);
}
END_TEST

START_TEST(others_go_on)
{
	take_many("ann", "10.0.0.1", US_PER_SECOND, 11);
	ck_assert_int_eq(take_many("bob", "10.0.0.1", US_PER_SECOND, 1), 1);
	ck_assert_int_eq(take_many("ann", "10.0.0.2", US_PER_SECOND, 1), 1);
	/* Name and address do not run into each other. */
	ck_assert_int_eq(take_many("nn", "10.0.0.1a", US_PER_SECOND, 1), 1);
}
END_TEST

START_TEST(an_address_is_held_up_whatever_the_name)
{
	auto_arena arena = {0};
	int taken = 0;
	for (int i = 0; i < 500; i++)
		taken += take_many(arena_printf(&arena, "name%d", i).p, "10.0.0.1", US_PER_SECOND, 1);
	ck_assert_int_eq(taken, 100);
	ck_assert_int_eq(take_many("ann", "10.0.0.2", US_PER_SECOND, 1), 1);
}
END_TEST

START_TEST(the_right_password_clears_the_name)
{
	take_many("ann", "10.0.0.1", US_PER_SECOND, 10);
	login_limit_forget(&limit, STR("ann"), STR("10.0.0.1"));
	ck_assert_int_eq(take_many("ann", "10.0.0.1", US_PER_SECOND, 10), 10);
	login_limit_forget(&limit, STR("unknown"), STR("10.0.0.1"));
}
END_TEST

START_TEST(a_flood_of_addresses_finds_room)
{
	auto_arena arena = {0};
	for (int i = 0; i < 4 * LOGIN_LIMIT_PLACES; i++)
		ck_assert_int_eq(
			take_many("ann", arena_printf(&arena, "10.1.%d.%d", i / 256, i % 256).p, US_PER_SECOND, 1), 1);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("login_limit");
	TCase *tcase = tcase_create("login_limit");
	tcase_add_checked_fixture(tcase, setup, NULL);
	tcase_add_test(tcase, a_name_is_held_up_and_calms_down);
	tcase_add_test(tcase, the_wait_is_long_enough);
	tcase_add_test(tcase, others_go_on);
	tcase_add_test(tcase, an_address_is_held_up_whatever_the_name);
	tcase_add_test(tcase, the_right_password_clears_the_name);
	tcase_add_test(tcase, a_flood_of_addresses_finds_room);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
