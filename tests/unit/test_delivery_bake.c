// links: penstock_world penstock_engine
/* The engine on the end of a wave: what its checks and its bake tell, and who is asked where they tell nothing. */
#include "tests/support/suite.h"
#include "tests/support/world.h"

#include "common/mem.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static struct plan_target targets[] = {{.name = {"eu-canary", 9}}, {.name = {"eu-1", 4}}};
static const struct plan_grant fire = {.name = {"fire", 4}, .lowers_alarms = true};
static const struct plan_environment environments[] = {
	{.name = {"prod", 4}, .tier = {"prod", 4}, .targets = targets, .target_count = 2},
	{.name = {"hot", 3},
		.tier = {"prod", 4},
		.targets = targets,
		.target_count = 2,
		.grant = (struct plan_grant *)&fire},
};

#define RELEASE(environment, waves, more)                                                                              \
	"stages:\n  - name: prod\n    environment: " environment "\n    alarms: [errors]\n    waves: " waves "\n" more \
	"deploy: { service: web, version: v1, steps: [ { run: d } ] }\n"
#define CANARY "[ { targets: [eu-canary], bake: 10m, min_points: 3 }, { targets: [\"*\"] } ]"
#define CHECKS "    tests: { e2e: { once: wave, steps: [ { run: e } ] } }\n"

static struct world world;

/* Up to the bake of the first wave. */
static void begin(const char *yaml, const char *alarm)
{
	world_init_delivery(&world, yaml, environments, COUNT_OF(environments));
	world_set_alarm(&world, "errors", alarm, 0);
	world_look(&world);
	ck_assert(world_let_in(&world, "prod"));
	world_pass(&world, "prod/deploy[target=eu-canary]");
	ck_assert_str_eq(world_wave_state(&world, 0), "baking");
}

static void tear_down(void)
{
	ck_assert_pstr_eq(world_check(&world), NULL);
	world_done(&world);
}

static void waits_for_word(const char *words)
{
	ck_assert_str_eq(world_run_state(&world), "waiting");
	ck_assert_ptr_nonnull(
		strstr(world.graph.waiting_for.p, "penstock accept web#42 REASON, or penstock rollback web "));
	ck_assert_msg(strstr(world.graph.waiting_for.p, words) != NULL, "%s", world.graph.waiting_for.p);
	ck_assert(str_eq(world.graph.waves[0].held, world.graph.waiting_for));
}

START_TEST(what_tells_nothing_for_three_times_the_bake_is_for_a_person)
{
	begin(RELEASE("prod", CANARY, ""), "ok");
	world_set_alarm(&world, "errors", "ok", 2);
	world_wait(&world, 3 * 600000 - 1000);
	ck_assert(str_is(world.graph.waiting_for, "data points of the alarm \"errors\": 2 of 3"));
	ck_assert_uint_eq(world.effects.call_count, 0);
	ck_assert(!world_accept(&world, &world_bob, "nobody has asked"));
	world_wait(&world, 1000);
	ck_assert_uint_eq(world.effects.call_count, 1);
	ck_assert_ptr_nonnull(
		strstr(world.effects.calls[0].text.p, "web#42 waits for an operator to say whether wave 1"));
	waits_for_word("it lacks data points of the alarm \"errors\": 2 of 3");
	/* It stays a person's, whatever the monitor tells now; nobody is called again. */
	world_set_alarm(&world, "errors", "ok", 3);
	world_wait(&world, 60000);
	ck_assert_uint_eq(world.effects.call_count, 0);
	waits_for_word("what it lacked is there by now");
	ck_assert(!world_accept(&world, &world_bob, " "));
	ck_assert(world_accept(&world, &world_bob, "the monitor was slow"));
	ck_assert(str_is(world.graph.waves[0].accepted, "bob: the monitor was slow"));
	ck_assert_str_eq(world_wave_state(&world, 1), "deploying");
	ck_assert_int_ne(world.graph.deployments[0].baked_at, 0);
}
END_TEST

START_TEST(an_alarm_that_stays_unknown_is_for_a_person_and_goes_nowhere_back)
{
	begin(RELEASE("prod", CANARY, ""), "ok");
	world_set_alarm(&world, "errors", "unknown", 9);
	world_wait(&world, 4 * 600000);
	waits_for_word("it lacks the alarm \"errors\" to be ok: it is unknown");
	ck_assert_uint_eq(world.effects.condemns, 0);
	/* A breach that is seen at last is one: nobody may take it for good. */
	world_set_alarm(&world, "errors", "firing", 9);
	ck_assert(!world_accept(&world, &world_bob, "never mind"));
	ck_assert_ptr_nonnull(strstr(world.err.text, "condemned meanwhile by the alarm errors"));
	ck_assert(world_look(&world));
	ck_assert_str_eq(world_run_state(&world), "rolled_back");
}
END_TEST

START_TEST(a_short_bake_asks_nobody_for_a_minute)
{
	begin(RELEASE("prod", "[ { targets: [eu-canary], bake: 1s, min_points: 1 }, { targets: [\"*\"] } ]", ""), "ok");
	world_wait(&world, 1000);
	world_wait(&world, 59000);
	ck_assert_int_eq(world.graph.waves[0].asked_at, 0);
	world_wait(&world, 1000);
	ck_assert_int_ne(world.graph.waves[0].asked_at, 0);
}
END_TEST

START_TEST(a_hotfix_that_leaves_its_alarm_firing_is_for_a_person)
{
	begin(RELEASE("hot", CANARY, ""), "firing");
	world_set_alarm(&world, "errors", "ok", 0);
	world.graph.facts.alarms[0].fired_at = world.graph.waves[0].started_at - 1;
	world.graph.facts.alarms[0].state = STR("firing");
	world_wait(&world, 599000);
	ck_assert_int_eq(world.graph.waves[0].asked_at, 0); /* it has the time of its bake */
	world_wait(&world, 1000);
	waits_for_word("it is firing");
	ck_assert_uint_eq(world.effects.call_count, 1);
	ck_assert_uint_eq(world.effects.condemns, 0);
	ck_assert(world_accept(&world, &world_bob, "it takes a while"));
	ck_assert_str_eq(world_wave_state(&world, 1), "deploying");
}
END_TEST

static const struct late {
	const char *yaml;
	int64_t after_ms; /* the check fails so long after the wave began to bake */
	bool goes_back, is_called;
} lates[] = {
	/* within the bake the file's word counts */
	{RELEASE("prod", CANARY, CHECKS "    on_failure: rollback\n"), 1000, true, false},
	{RELEASE("prod", CANARY, CHECKS), 1000, false, false},
	/* behind it nothing goes back by itself, and people hear of it */
	{RELEASE("prod", CANARY, CHECKS "    on_failure: rollback\n"), 700000, false, true},
	{RELEASE("prod", CANARY, CHECKS), 700000, false, true},
	/* without a bake its checks are all that a wave has */
	{RELEASE("prod", "[ { targets: [eu-canary] }, { targets: [\"*\"] } ]", CHECKS "    on_failure: rollback\n"),
		700000, true, false},
};

START_TEST(a_check_that_fails_when_its_wave_had_baked_goes_no_further_and_not_back)
{
	const struct late *late = &lates[_i];
	begin(late->yaml, "ok");
	world_set_alarm(&world, "errors", "ok", 3);
	world_wait(&world, late->after_ms);
	ck_assert_str_eq(world_wave_state(&world, 0), "baking"); /* it waits for its checks */
	world_fail(&world, "prod/e2e[wave=1]");
	ck_assert_str_eq(world_run_state(&world), late->goes_back ? "rolled_back" : "failed");
	ck_assert_uint_eq(world.effects.condemns, late->goes_back);
	ck_assert_uint_eq(world.effects.call_count, late->is_called);
	ck_assert_str_eq(world_wave_state(&world, 1), "superseded"); /* it goes no further */
	if (late->is_called)
		ck_assert_ptr_nonnull(
			strstr(world.graph.reason.p, "nothing goes back by itself (penstock rollback web prod)"));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("the end of a wave");
	TCase *cases = tcase_create("cases");
	tcase_add_checked_fixture(cases, NULL, tear_down);
	tcase_add_test(cases, what_tells_nothing_for_three_times_the_bake_is_for_a_person);
	tcase_add_test(cases, an_alarm_that_stays_unknown_is_for_a_person_and_goes_nowhere_back);
	tcase_add_test(cases, a_short_bake_asks_nobody_for_a_minute);
	tcase_add_test(cases, a_hotfix_that_leaves_its_alarm_firing_is_for_a_person);
	tcase_add_loop_test(
		cases, a_check_that_fails_when_its_wave_had_baked_goes_no_further_and_not_back, 0, COUNT_OF(lates));
	suite_add_tcase(suite, cases);
	return suite_run(suite);
}
