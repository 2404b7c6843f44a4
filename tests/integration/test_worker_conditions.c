// links: penstock_fake_coordinator
#include "tests/integration/worker_fixture.h"
#include "tests/support/suite.h"

/* Which steps run, by the word that the coordinator sends with them. The words are those of plan_step_when_names. */

static const struct {
	const char *first; /* the script of the step before */
	const char *condition;
	enum step_state state; /* of the step with the condition */
} cases[] = {
	{"true", "", STEP_SUCCEEDED},
	{"false", "", STEP_SKIPPED},
	{"true", "failure", STEP_SKIPPED},
	{"false", "failure", STEP_SUCCEEDED},
	{"true", "always", STEP_SUCCEEDED},
	{"false", "always", STEP_SUCCEEDED},
	{"true", "never", STEP_SKIPPED}, /* its condition turned out false: it must not run after success */
	{"false", "never", STEP_SKIPPED},
};

START_TEST(words_decide_which_steps_run)
{
	bool runs = cases[_i].state == STEP_SUCCEEDED;
	json_t *step = step_of("asked", "echo it ran");
	json_object_set_new(step, "condition", json_string(cases[_i].condition));
	start_worker("1");
	struct fake_attempt *attempt = fake_job(&fixture.fake, job_of(step_of("first", cases[_i].first), step, NULL));
	wait_for_end(attempt);
	assert_reason(attempt, END_EXIT);
	ck_assert_int_eq(attempt->steps[1].state, cases[_i].state);
	ck_assert_int_eq(attempt->log && strstr(attempt->log, "it ran"), runs);
	ck_assert_int_eq(attempt->result.exit_code, strcmp(cases[_i].first, "true") == 0 ? 0 : 1);
}
END_TEST

int main(void)
{
	fixture.program = BIN_DIR "/penstock-worker";
	Suite *suite = suite_create("worker_conditions");
	TCase *steps = tcase_create("steps");
	tcase_add_checked_fixture(steps, set_up, tear_down);
	tcase_set_timeout(steps, 200);
	tcase_add_loop_test(steps, words_decide_which_steps_run, 0, COUNT_OF(cases));
	suite_add_tcase(suite, steps);
	return suite_run(suite);
}
