// links: penstock_io
#include "common/io/proc.h"
#include "common/io/work.h"
#include "common/mem.h"
#include "tests/support/suite.h"

#include <check.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

static uv_loop_t loop;

struct outcome {
	int done;
	struct proc_result result;
	char output[4096];
	char error[4096];
};

static void on_done(void *arg, const struct proc_result *result)
{
	struct outcome *outcome = arg;
	outcome->done++;
	outcome->result = *result;
	snprintf(outcome->output, sizeof outcome->output, "%.*s", STR_ARG(result->output));
	snprintf(outcome->error, sizeof outcome->error, "%.*s", STR_ARG(result->error));
}

static struct outcome run(struct proc_options options)
{
	struct outcome outcome = {0};
	struct err err = {0};
	uv_loop_init(&loop);
	ck_assert_msg(proc_start(&loop, &options, on_done, &outcome, NULL, &err), "%s", err.text);
	uv_run(&loop, UV_RUN_DEFAULT);
	ck_assert_int_eq(outcome.done, 1);
	ck_assert_int_eq(uv_loop_close(&loop), 0);
	return outcome;
}

#define SH(script) ((const char *const[]){"sh", "-c", (script), NULL})

static const struct {
	const char *script;
	const char *input;
	size_t output_max;
	size_t error_max;
	int exit_code;
	int signal;
	bool is_full;
	const char *output;
	const char *error;
} runs[] = {
	{"exit 0", "", 0, 0, 0, 0, false, "", ""}, {"exit 7", "", 0, 0, 7, 0, false, "", ""},
	{"kill -TERM $$", "", 0, 0, -1, SIGTERM, false, "", ""},
	{"echo out; echo err >&2", "", 100, 100, 0, 0, false, "out\n", "err\n"},
	{"cat", "given", 100, 100, 0, 0, false, "given", ""},
	{"cat", "", 100, 100, 0, 0, false, "", ""}, /* stdin is empty, not the parent's */
	{"exec <&-; exit 3", "nobody reads this", 100, 0, 3, 0, false, "", ""},
	{"echo 12345", "", 6, 0, 0, 0, false, "12345\n", ""},                            /* exactly the ceiling */
	{"echo 1234567; sleep 60", "", 4, 0, -1, SIGKILL, true, "1234", ""},             /* above it */
	{"echo first >&2; sleep 0; echo last >&2", "", 0, 5, 0, 0, false, "", "last\n"}, /* the tail of stderr */
	{"sleep 60 & kill -KILL $$", "", 100, 0, -1, SIGKILL, false, "", ""}, /* a grandchild holds the pipe */
	{"ls /proc/self/fd | wc -l", "", 100, 0, 0, 0, false, "4\n", ""},     /* 0 to 2, and ls's own */
};

START_TEST(result_says_how_it_went)
{
	/* Something without close-on-exec, that must not get through. */
	int leak = open("/dev/null", O_RDONLY);
	struct outcome outcome = run((struct proc_options){
		.argv = SH(runs[_i].script),
		.input = str_of(runs[_i].input),
		.output_max_bytes = runs[_i].output_max,
		.error_max_bytes = runs[_i].error_max,
	});
	close(leak);
	ck_assert_int_eq(outcome.result.exit_code, runs[_i].exit_code);
	ck_assert_int_eq(outcome.result.signal, runs[_i].signal);
	ck_assert_int_eq(outcome.result.is_output_full, runs[_i].is_full);
	ck_assert(!outcome.result.is_timeout);
	ck_assert_str_eq(outcome.output, runs[_i].output);
	ck_assert_str_eq(outcome.error, runs[_i].error);
	ck_assert_int_gt(outcome.result.duration_us, 0);
}
END_TEST

START_TEST(large_input_and_output_pass_together)
{
	enum { BYTES = 1 << 20 };
	char *text = calloc(1, BYTES);
	memset(text, 'x', BYTES);
	struct outcome outcome =
		run((struct proc_options){.argv = SH("cat"), .input = {text, BYTES}, .output_max_bytes = BYTES});
	free(text);
	ck_assert_int_eq(outcome.result.exit_code, 0);
	ck_assert_uint_eq(outcome.result.output.n, BYTES);
}
END_TEST

START_TEST(timeout_kills_the_group)
{
	struct outcome outcome =
		run((struct proc_options){.argv = SH("sleep 60 | cat"), .output_max_bytes = 10, .timeout_ms = 50});
	ck_assert(outcome.result.is_timeout);
	ck_assert_int_eq(outcome.result.signal, SIGKILL);
	/* All were killed, since the pipe's end came before the wait for stragglers. */
	ck_assert_int_lt(outcome.result.duration_us, 900000);
}
END_TEST

START_TEST(directory_and_environment_are_set)
{
	struct outcome outcome = run((struct proc_options){
		.argv = (const char *const[]){"/bin/sh", "-c", "pwd; echo $A-$HOME", NULL},
		.environment = (const char *const[]){"A=1", NULL},
		.directory = "/usr",
		.output_max_bytes = 100,
	});
	ck_assert_str_eq(outcome.output, "/usr\n1-\n");
}
END_TEST

START_TEST(output_goes_to_a_descriptor)
{
	char name[] = "/tmp/penstock-proc-XXXXXX", text[16] = {0};
	int fd = mkstemp(name);
	ck_assert_int_ge(fd, 0);
	struct outcome outcome = run((struct proc_options){.argv = SH("echo here"), .output_fd = fd});
	ck_assert_int_eq(outcome.result.exit_code, 0);
	ck_assert_int_eq(pread(fd, text, sizeof text, 0), 5);
	ck_assert_str_eq(text, "here\n");
	close(fd);
	unlink(name);
}
END_TEST

START_TEST(missing_program_is_said)
{
	struct proc_options options = {.argv = (const char *const[]){"no-such-program", NULL}, .input = STR("x")};
	struct outcome outcome = {0};
	struct err err = {0};
	uv_loop_init(&loop);
	ck_assert(!proc_start(&loop, &options, on_done, &outcome, NULL, &err));
	ck_assert_int_eq(err.kind, ERR_NOT_FOUND);
	ck_assert_ptr_nonnull(strstr(err.text, "no-such-program"));
	uv_run(&loop, UV_RUN_DEFAULT);
	ck_assert_int_eq(outcome.done, 0);
	ck_assert_int_eq(uv_loop_close(&loop), 0);
}
END_TEST

struct job {
	pthread_t ran_on;
	bool has_run;
	int done;
};

static void job_run(void *arg)
{
	struct job *job = arg;
	job->ran_on = pthread_self();
	job->has_run = true;
}

static void job_done(void *arg, bool is_cancelled)
{
	struct job *job = arg;
	ck_assert(!is_cancelled);
	job->done++;
}

START_TEST(work_runs_on_another_thread)
{
	struct job jobs[20] = {0};
	uv_loop_init(&loop);
	for (size_t i = 0; i < COUNT_OF(jobs); i++)
		work_submit(&loop, job_run, job_done, &jobs[i]);
	uv_run(&loop, UV_RUN_DEFAULT);
	for (size_t i = 0; i < COUNT_OF(jobs); i++) {
		ck_assert(jobs[i].has_run);
		ck_assert(!pthread_equal(jobs[i].ran_on, pthread_self()));
		ck_assert_int_eq(jobs[i].done, 1);
	}
	ck_assert_int_eq(uv_loop_close(&loop), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("proc");
	TCase *cases = tcase_create("proc");
	signal(SIGPIPE, SIG_IGN);
	tcase_set_timeout(cases, 20);
	tcase_add_loop_test(cases, result_says_how_it_went, 0, COUNT_OF(runs));
	tcase_add_test(cases, large_input_and_output_pass_together);
	tcase_add_test(cases, timeout_kills_the_group);
	tcase_add_test(cases, directory_and_environment_are_set);
	tcase_add_test(cases, output_goes_to_a_descriptor);
	tcase_add_test(cases, missing_program_is_said);
	tcase_add_test(cases, work_runs_on_another_thread);
	suite_add_tcase(suite, cases);
	return suite_run(suite);
}
