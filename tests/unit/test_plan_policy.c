/* Checks that no file can switch off. */
// links: penstock_engine penstock_test_planning
#include "server/engine/plan_policy.h"

#include "common/mem.h"
#include "tests/support/planning.h"
#include "tests/support/suite.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static struct str demanded[] = {{"no-secrets", 10}, {"artifact-has-sbom", 17}};
static const struct str_list both = {demanded, 2};

static void make(const char *stages)
{
	struct plan_context context = test_push_to("main");
	test_make(arena_printf(&arena, "name: p\non: push\nstages:\n%s", stages), &context);
}

static const char build[] =
	"  - {name: build, jobs: {make: {artifacts: {paths: [out]}, steps: [{run: x}]}, lint: {steps: [{run: x}]}}}\n";

START_TEST(a_stage_of_its_own_comes_before)
{
	size_t at = 9;
	make(arena_printf(&arena, "%s  - {name: ship, jobs: {go: {steps: [{run: x}]}}}\n", build).p);
	plan_require_policies(&plan, 1, &both, &at, &arena);
	ck_assert_uint_eq(plan.stage_count, 3);
	ck_assert_uint_eq(at, 2);
	assert_str(test_keys(), "build/make build/lint ship-policy/policy ship/go");
	const struct plan_job *job = test_job("ship-policy/policy");
	ck_assert_int_eq(job->steps[0].kind, PLAN_STEP_POLICY);
	assert_str(test_joined(&job->steps[0].policies), "no-secrets artifact-has-sbom");
	assert_str(test_joined(&job->needs), "build/make"); /* whoever keeps artifacts */
	ck_assert(!job->allow_failure && !job->condition.n);
}
END_TEST

START_TEST(nothing_is_demanded_nothing_changes)
{
	size_t at = 9;
	const struct str_list none = {NULL, 0};
	make(build);
	struct str hash = plan_text(&plan, &arena).hash;
	plan_require_policies(&plan, 0, &none, &at, &arena);
	ck_assert_uint_eq(at, 0);
	ck_assert(str_eq(plan_text(&plan, &arena).hash, hash));
}
END_TEST

static const struct {
	const char *stage;     /* of the file */
	const char *condition; /* of the stage that is guarded, afterwards */
	bool is_skipped;       /* both */
} ways_around[] = {
	{"  - {name: ship, jobs: {go: {steps: [{run: x}]}}}\n", "", false},
	/* would run though the checks failed */
	{"  - {name: ship, if: always(), jobs: {go: {steps: [{run: x}]}}}\n", "success() && (always())", false},
	{"  - {name: ship, if: failure(), jobs: {go: {steps: [{run: x}]}}}\n", "success() && (failure())", false},
	/* never runs, so it needs no checks */
	{"  - {name: ship, if: 'false', jobs: {go: {steps: [{run: x}]}}}\n", "", true},
	/* a job of the file with that name, which may fail, is another one */
	{"  - {name: ship, jobs: {policy: {allow_failure: true, steps: [{policy: no-secrets}]}}}\n", "", false},
};

START_TEST(a_file_cannot_get_around_it)
{
	size_t at;
	make(arena_printf(&arena, "%s%s", build, ways_around[_i].stage).p);
	plan_require_policies(&plan, 1, &both, &at, &arena);
	assert_str(plan.stages[2].name, "ship");
	assert_str(plan.stages[2].condition, ways_around[_i].condition);
	ck_assert_int_eq(plan.stages[1].is_skipped, ways_around[_i].is_skipped);
	ck_assert_int_eq(plan.stages[1].jobs[0].is_skipped, ways_around[_i].is_skipped);
	ck_assert(!plan.stages[1].jobs[0].allow_failure);
}
END_TEST

START_TEST(names_of_the_file_stay)
{
	size_t at;
	make("  - {name: ship-policy, jobs: {a: {steps: [{run: x}]}}}\n  - {name: ship, jobs: {go: {steps: [{run: x}]}}}\n");
	plan_require_policies(&plan, 1, &both, &at, &arena);
	assert_str(test_keys(), "ship-policy/a ship-policy-2/policy ship/go");
}
END_TEST

/* Also before a stage that deploys, where the file has no job at all. */
START_TEST(environments_are_guarded)
{
	size_t at;
	struct plan_context context = test_push_to("main");
	test_make(test_read_shipped(STR("ci")), &context);
	plan_require_policies(&plan, 5, &both, &at, &arena);
	ck_assert_uint_eq(at, 6);
	assert_str(plan.stages[5].name, "prod-policy");
	assert_str(plan.stages[6].environment, "prod");
	ck_assert(plan.stages[6].gate != NULL && plan.stages[5].gate == NULL);
	assert_str(test_joined(&plan.stages[5].jobs[0].needs), "build/package");
	/* what is stored reads back as the same plan */
	json_t *json = plan_write(&plan);
	struct plan again;
	struct err err = {0};
	ck_assert_msg(plan_read(json, &again, &arena, &err), "%s", err.text);
	ck_assert(str_eq(plan_text(&again, &arena).hash, plan_text(&plan, &arena).hash));
	json_decref(json);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("plan_policy");
	TCase *tcase = tcase_create("plan_policy");
	tcase_add_checked_fixture(tcase, test_set_up, test_tear_down);
	tcase_add_test(tcase, a_stage_of_its_own_comes_before);
	tcase_add_test(tcase, nothing_is_demanded_nothing_changes);
	tcase_add_loop_test(tcase, a_file_cannot_get_around_it, 0, (int)COUNT_OF(ways_around));
	tcase_add_test(tcase, names_of_the_file_stay);
	tcase_add_test(tcase, environments_are_guarded);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
