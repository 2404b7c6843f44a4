// links: penstock_fake_coordinator
#include "tests/integration/worker_fixture.h"
#include "tests/support/suite.h"

/* What a job's owner sees of the worker: steps, their order and ends, the log, limits, outputs. */

static json_t *with(json_t *object, const char *name, json_t *value)
{
	json_object_set_new(object, name, value);
	return object;
}

static json_t *step_if(const char *name, const char *script, const char *condition)
{
	return with(step_of(name, script), "condition", json_string(condition));
}

static struct fake_attempt *run(json_t *job)
{
	start_worker("2");
	struct fake_attempt *attempt = fake_job(&fixture.fake, job);
	wait_for_end(attempt);
	return attempt;
}

START_TEST(job_runs_and_its_log_is_whole)
{
	struct fake_attempt *attempt =
		run(job_of(step_of("greet", "echo hello; echo \"$CI/$CI_WORKSPACE\"; pwd; printf 'no end'"),
			step_of("count", "seq 1 5; echo err >&2"), NULL));
	assert_reason(attempt, END_EXIT);
	ck_assert_str_eq(attempt->log, "hello\ntrue//workspace\n/workspace\nno end\n1\n2\n3\n4\n5\nerr\n");
	ck_assert_int_eq(attempt->steps[0].state, STEP_SUCCEEDED);
	ck_assert_int_eq(attempt->steps[0].line, 1);
	ck_assert_int_eq(attempt->steps[1].line, 5);
	ck_assert_int_ge(attempt->steps[1].started_at, attempt->steps[0].ended_at);
	ck_assert(attempt->is_started);
	ck_assert_int_eq(attempt->result.exit_code, 0);
}
END_TEST

START_TEST(large_log_comes_in_order)
{
	struct fake_attempt *attempt = run(job_of(step_of("many", "seq 1 400000; exec >/dev/stdout; echo end"), NULL));
	assert_reason(attempt, END_EXIT);
	struct str rest = str_of(attempt->log), line;
	for (int64_t i = 1, number; i <= 400000; i++) {
		ck_assert(str_cut(&rest, '\n', &line) && str_to_i64(line, &number));
		ck_assert_int_eq(number, i);
	}
	ck_assert(str_is(rest, "end\n"));
	ck_assert_int_eq(attempt->log_lines, 400001);
}
END_TEST

START_TEST(a_line_is_seen_while_its_step_runs)
{
	start_worker("1");
	struct fake_attempt *attempt = fake_job(&fixture.fake, job_of(step_of("wait", "echo first; sleep 60"), NULL));
	wait_for_log(attempt, "first\n");
	ck_assert(!attempt->has_ended);
	ck_assert_int_eq(attempt->steps[0].state, STEP_RUNNING);
	fake_cancel(&fixture.fake, attempt, "enough");
	wait_for_end(attempt);
}
END_TEST

START_TEST(a_failed_step_ends_the_job)
{
	struct fake_attempt *attempt =
		run(job_of(step_of("fine", "true"), step_of("broken", "echo no; false; echo yes; exit 3"),
			step_of("after", "echo never"), step_if("on failure", "echo diagnose", "failure"),
			step_if("clean", "echo clean; exit 9", "always"), NULL));
	assert_reason(attempt, END_EXIT);
	assert_message(attempt, "step \"broken\" exited with code 1");
	ck_assert_int_eq(attempt->result.exit_code, 1);
	ck_assert_str_eq(attempt->log, "no\ndiagnose\nclean\n");
	static const enum step_state states[] = {
		STEP_SUCCEEDED, STEP_FAILED, STEP_SKIPPED, STEP_SUCCEEDED, STEP_FAILED};
	for (size_t i = 0; i < COUNT_OF(states); i++)
		ck_assert_int_eq(attempt->steps[i].state, states[i]);
}
END_TEST

START_TEST(a_signal_is_named)
{
	struct fake_attempt *attempt = run(job_of(step_of("crash", "kill -SEGV $$"), NULL));
	assert_reason(attempt, END_SIGNAL);
	ck_assert_int_eq(attempt->result.signal, 11);
	assert_message(attempt, "step \"crash\" was ended by signal 11");
}
END_TEST

START_TEST(secrets_are_masked)
{
	json_t *job = with(
		job_of(step_of("tell",
			       "echo \"$TOKEN\"; printf %s \"$TOKEN\" | base64; printf s3cr; sleep 0.1; echo et-99"),
			NULL),
		"mask", json_pack("[s]", "s3cret-99"));
	struct fake_attempt *attempt = run(with(job, "env", json_pack("{s:s}", "TOKEN", "s3cret-99")));
	assert_reason(attempt, END_EXIT);
	ck_assert_str_eq(attempt->log, "***\n***\n***\n");
}
END_TEST

START_TEST(environment_is_made_from_nothing)
{
	json_t *step =
		with(step_of("show", "env | grep -v '^_=' | sort | cut -d= -f1 | tr '\\n' ' '; echo; echo $A $B $HOME"),
			"env", json_pack("{s:s}", "B", "step"));
	json_t *job =
		with(job_of(step, NULL), "env", json_pack("{s:s,s:s,s:s}", "A", "job", "B", "job", "CI_OUTPUT", "x"));
	struct fake_attempt *attempt = run(job);
	assert_reason(attempt, END_EXIT);
	ck_assert_str_eq(attempt->log,
		"A B CI CI_ATTEMPT CI_JOB_ID CI_OUTPUT CI_WORKSPACE HOME LANG LOGNAME PATH PWD USER \n"
		"job step /home/build\n");
}
END_TEST

START_TEST(shells_differ)
{
	json_t *bash =
		with(step_of("bash", "false | true; echo ${BASH_VERSION:+is bash}"), "shell", json_string("bash"));
	json_t *awk = with(step_of("awk", "BEGIN { print 6 * 7 }"), "shell", json_string("awk -f"));
	json_t *cat = with(step_of("cat", "just text\n"), "shell", json_string("/bin/cat"));
	struct fake_attempt *attempt = run(job_of(awk, cat, bash, NULL));
	assert_reason(attempt, END_EXIT);
	ck_assert_str_eq(attempt->log, "42\njust text\n");
	ck_assert_int_eq(attempt->steps[2].state, STEP_FAILED); /* pipefail */
}
END_TEST

START_TEST(a_long_script_runs)
{
	auto_buf script = BUF_INIT(1 << 20);
	for (int i = 0; i < 9000; i++)
		buf_addf(&script, ": this is line %d of it\n", i);
	buf_add_c(&script, "echo end\n");
	struct fake_attempt *attempt = run(job_of(step_of("long", buf_c(&script)), NULL));
	assert_reason(attempt, END_EXIT);
	ck_assert_str_eq(attempt->log, "end\n");
}
END_TEST

START_TEST(outputs_come_back)
{
	json_t *job = with(job_of(step_of("a", "echo 'digest=abc' >> \"$CI_OUTPUT\""),
				   step_of("b", "printf 'notes<<EOF\\none\\ntwo\\nEOF\\n' >> $CI_OUTPUT"), NULL),
		"outputs", json_pack("[s,s]", "digest", "notes"));
	struct fake_attempt *attempt = run(job);
	assert_reason(attempt, END_EXIT);
	ck_assert(str_is(pair_get(&attempt->result.outputs, STR("digest")), "abc"));
	ck_assert(str_is(pair_get(&attempt->result.outputs, STR("notes")), "one\ntwo"));
}
END_TEST

START_TEST(an_undeclared_output_is_refused)
{
	json_t *job = with(job_of(step_of("a", "echo 'digset=abc' >> \"$CI_OUTPUT\""), NULL), "outputs",
		json_pack("[s]", "digest"));
	struct fake_attempt *attempt = run(job);
	assert_reason(attempt, END_ARTIFACT_FAILED);
	assert_message(attempt, "did you mean \"digest\"?");
}
END_TEST

START_TEST(cancel_gives_grace_and_runs_always)
{
	start_worker("1");
	struct fake_attempt *attempt = fake_job(&fixture.fake,
		with(job_of(step_of("wait",
				    "trap 'echo got it; exit 5' TERM; echo ready; while :; do sleep 0.05; done"),
			     step_of("next", "echo never"), step_if("clean", "echo clean", "always"), NULL),
			"grace_ms", json_integer(20000)));
	wait_for_log(attempt, "ready\n");
	fake_cancel(&fixture.fake, attempt, "ann wants it so");
	wait_for_end(attempt);
	assert_reason(attempt, END_CANCELLED);
	assert_message(attempt, "cancelled: ann wants it so");
	ck_assert_ptr_nonnull(strstr(attempt->log, "got it\nclean\n")); /* the shell also says how its sleep ended */
	ck_assert_int_eq(attempt->steps[0].state, STEP_CANCELLED);
	ck_assert_int_eq(attempt->steps[1].state, STEP_CANCELLED);
	ck_assert_int_eq(attempt->steps[2].state, STEP_SUCCEEDED);
}
END_TEST

START_TEST(after_the_grace_it_is_killed)
{
	start_worker("1");
	struct fake_attempt *attempt = fake_job(
		&fixture.fake, job_of(step_of("deaf", "trap '' TERM; echo ready; while :; do sleep 0.05; done"), NULL));
	wait_for_log(attempt, "ready\n");
	fake_cancel(&fixture.fake, attempt, "");
	wait_for_end(attempt);
	assert_reason(attempt, END_CANCELLED);
}
END_TEST

START_TEST(a_step_has_its_timeout)
{
	json_t *slow = with(step_of("slow", "echo begin; sleep 60"), "timeout_ms", json_integer(2000));
	struct fake_attempt *attempt = run(job_of(slow, step_if("clean", "echo clean", "always"), NULL));
	assert_reason(attempt, END_TIMEOUT);
	assert_message(attempt, "step \"slow\" ran into its timeout of 2s");
	ck_assert_str_eq(attempt->log, "begin\nclean\n");
}
END_TEST

START_TEST(a_job_has_its_timeout)
{
	json_t *job = job_of(step_of("quick", "true"), step_of("slow", "sleep 60"), NULL);
	struct fake_attempt *attempt = run(with(job, "timeout_ms", json_integer(3000)));
	assert_reason(attempt, END_TIMEOUT);
	assert_message(attempt, "the job ran into its timeout of 3s in step \"slow\"");
}
END_TEST

START_TEST(a_log_has_its_limit)
{
	struct fake_attempt *attempt =
		run(with(job_of(step_of("chatty", "yes"), NULL), "log_max_bytes", json_integer(100000)));
	assert_reason(attempt, END_LOG_LIMIT);
	assert_message(attempt, "step \"chatty\" printed more than the log may hold (100000 bytes)");
	ck_assert_ptr_nonnull(strstr(attempt->log, "[the log ends here"));
	ck_assert_int_lt(attempt->log_bytes, 100200);
}
END_TEST

START_TEST(a_disk_has_its_limit)
{
	struct fake_attempt *attempt = run(with(job_of(step_of("greedy", "head -c 30000000 /dev/zero > big"), NULL),
		"disk_bytes", json_integer(16 << 20)));
	assert_reason(attempt, END_DISK_FULL);
	assert_message(attempt, "step \"greedy\" filled the job's disk (16 MiB)");
}
END_TEST

START_TEST(a_missing_shell_is_said)
{
	struct fake_attempt *attempt =
		run(job_of(with(step_of("odd", "x"), "shell", json_string("/usr/bin/no-such-shell")), NULL));
	assert_reason(attempt, END_EXIT);
	ck_assert_int_eq(attempt->result.exit_code, 127);
	assert_message(attempt, "step \"odd\" could not be started");
}
END_TEST

int main(void)
{
	fixture.program = BIN_DIR "/penstock-worker";
	Suite *suite = suite_create("worker");
	TCase *jobs = tcase_create("jobs");
	tcase_add_checked_fixture(jobs, set_up, tear_down);
	tcase_set_timeout(jobs, 200);
	tcase_add_test(jobs, job_runs_and_its_log_is_whole);
	tcase_add_test(jobs, large_log_comes_in_order);
	tcase_add_test(jobs, a_line_is_seen_while_its_step_runs);
	tcase_add_test(jobs, a_failed_step_ends_the_job);
	tcase_add_test(jobs, a_signal_is_named);
	tcase_add_test(jobs, secrets_are_masked);
	tcase_add_test(jobs, environment_is_made_from_nothing);
	tcase_add_test(jobs, shells_differ);
	tcase_add_test(jobs, a_long_script_runs);
	tcase_add_test(jobs, outputs_come_back);
	tcase_add_test(jobs, an_undeclared_output_is_refused);
	tcase_add_test(jobs, cancel_gives_grace_and_runs_always);
	tcase_add_test(jobs, after_the_grace_it_is_killed);
	tcase_add_test(jobs, a_step_has_its_timeout);
	tcase_add_test(jobs, a_job_has_its_timeout);
	tcase_add_test(jobs, a_log_has_its_limit);
	tcase_add_test(jobs, a_disk_has_its_limit);
	tcase_add_test(jobs, a_missing_shell_is_said);
	suite_add_tcase(suite, jobs);
	return suite_run(suite);
}
