// links: penstock_fake_coordinator
#include "tests/integration/worker_fixture.h"

/* What a job's owner sees of the worker: steps, their order and ends, the log, limits, outputs. */

START_TEST(job_runs_and_its_log_is_whole)
{
	start_worker("2");
	struct fake_attempt *attempt = fake_job(
		&fixture.fake, job_of(step_of("greet", "echo hello; echo \"$CI/$CI_WORKSPACE\"; pwd; printf 'no end'"),
				       step_of("count", "seq 1 5; id -u"), NULL));
	wait_for_end(attempt);
	assert_reason(attempt, END_EXIT);
	ck_assert_str_eq(attempt->log, "hello\ntrue//workspace\n/workspace\nno end\n1\n2\n3\n4\n5\n1000\n");
	ck_assert_int_eq(attempt->steps[0].state, STEP_SUCCEEDED);
	ck_assert_int_eq(attempt->steps[0].line, 1);
	ck_assert_int_eq(attempt->steps[1].line, 5);
	ck_assert(attempt->is_started);
}
END_TEST

int main(void)
{
	fixture.program = BIN_DIR "/penstock-worker";
	Suite *suite = suite_create("worker");
	TCase *jobs = tcase_create("jobs");
	tcase_add_checked_fixture(jobs, set_up, tear_down);
	tcase_set_timeout(jobs, 60);
	tcase_add_test(jobs, job_runs_and_its_log_is_whole);
	suite_add_tcase(suite, jobs);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
