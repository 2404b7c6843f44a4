/* Conditions of stages and jobs, which the engine decides when it gets there. */
// links: penstock_world penstock_engine
#include "tests/support/suite.h"
#include "tests/support/world.h"

#include <check.h>

static struct world world;

static void tear_down(void)
{
	ck_assert_pstr_eq(world_check(&world), NULL);
	world_done(&world);
}

START_TEST(conditions_that_need_the_run)
{
	world_init(&world, "stages:\n"
			   "  - name: s\n"
			   "    jobs:\n"
			   "      a: { outputs: [mode], steps: [ { run: x } ] }\n"
			   "      fast: { needs: [a], if: 'jobs.a.outputs.mode == \"fast\"', steps: [ { run: x } ] }\n"
			   "      slow: { needs: [a], if: 'jobs.a.outputs.mode == \"slow\"', steps: [ { run: x } ] }\n"
			   "      broken: { needs: [a], if: failure(), steps: [ { run: x } ] }\n"
			   "      any: { needs: [a], if: always(), steps: [ { run: x } ] }\n");
	ck_assert(world_lease(&world, "s/a"));
	world_end_with_output(&world, "s/a", 0, "mode", "fast");
	ck_assert_str_eq(world_job_state(&world, "s/fast"), "queued");
	ck_assert_str_eq(world_job_state(&world, "s/slow"), "skipped");
	ck_assert_str_eq(world_job_state(&world, "s/broken"), "skipped");
	ck_assert_str_eq(world_job_state(&world, "s/any"), "queued");
}
END_TEST

/* Stage "b" and its job "y" behind "a/x", which writes v=1 and passes or fails. */
static const struct {
	const char *stage_if, *job_if;
	bool passes;
	const char *stage, *job; /* their states then */
} places[] = {
	{"", "", true, "running", "queued"},
	{"", "", false, "skipped", "skipped"},
	{"jobs.x.outputs.v == \"1\"", "", true, "running", "queued"},
	{"jobs.x.outputs.v == \"2\"", "", true, "skipped", "skipped"},
	{"jobs.x.outputs.v == \"1\"", "", false, "skipped", "skipped"}, /* success() is meant too */
	{"always() && jobs.x.outputs.v == \"1\"", "", false, "running", "queued"},
	{"failure() && jobs.x.outputs.v == \"1\"", "", false, "running", "queued"},
	{"failure()", "", true, "skipped", "skipped"},
	{"always()", "jobs.x.outputs.v == \"1\"", true, "running", "queued"},
	{"always()", "jobs.x.outputs.v == \"2\"", true, "succeeded", "skipped"},
	{"always()", "failure()", false, "running", "queued"}, /* of the stages before, without needs */
	{"always()", "failure()", true, "succeeded", "skipped"},
	{"jobs.x.outputs.v > 0", "", true, "skipped", "skipped"}, /* a text is no number: false, and why says so */
	{"run.number == 42", "", true, "running", "queued"},
	{"run.number == 43", "", true, "skipped", "skipped"},
};

START_TEST(conditions_see_the_run_as_it_is_then)
{
	auto_arena arena = {0};
	const char *stage_if = places[_i].stage_if, *job_if = places[_i].job_if;
	world_init(&world, arena_printf(&arena,
				   "stages:\n  - {name: a, jobs: {x: {outputs: [v], steps: [{run: x}]}}}\n"
				   "  - {name: b%s%s%s, jobs: {y: {%s%s%s steps: [{run: x}]}}}\n",
				   *stage_if ? ", if: '" : "", stage_if, *stage_if ? "'" : "", *job_if ? "if: '" : "",
				   job_if, *job_if ? "'," : "")
				   .p);
	ck_assert_str_eq(world_stage_state(&world, "b"), "blocked"); /* nothing is decided before */
	ck_assert(world_lease(&world, "a/x"));
	world_end_with_output(&world, "a/x", !places[_i].passes, "v", "1");
	ck_assert_str_eq(world_stage_state(&world, "b"), places[_i].stage);
	ck_assert_str_eq(world_job_state(&world, "b/y"), places[_i].job);
}
END_TEST

START_TEST(stages_for_failure_run_after_one)
{
	world_init(&world, "stages:\n"
			   "  - { name: a, jobs: { x: { steps: [ { run: x } ] } } }\n"
			   "  - { name: b, jobs: { y: { steps: [ { run: x } ] } } }\n"
			   "  - { name: tidy, if: always(), jobs: { z: { steps: [ { run: x } ] } } }\n"
			   "  - { name: alert, if: failure(), jobs: { w: { steps: [ { run: x } ] } } }\n");
	world_fail(&world, "a/x");
	ck_assert_str_eq(world_stage_state(&world, "b"), "skipped");
	world_pass(&world, "tidy/z");
	world_pass(&world, "alert/w");
	ck_assert_str_eq(world_run_state(&world), "failed");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("conditions");
	TCase *cases = tcase_create("conditions");
	tcase_add_checked_fixture(cases, NULL, tear_down);
	tcase_add_test(cases, conditions_that_need_the_run);
	tcase_add_loop_test(cases, conditions_see_the_run_as_it_is_then, 0, sizeof places / sizeof *places);
	tcase_add_test(cases, stages_for_failure_run_after_one);
	suite_add_tcase(suite, cases);
	return suite_run(suite);
}
