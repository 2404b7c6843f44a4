#ifndef TESTS_INTEGRATION_SANDBOX_FIXTURE_H
#define TESTS_INTEGRATION_SANDBOX_FIXTURE_H

/*
 * A launcher with a state directory of its own for each test, one job at a time in slot 0, and steps that are shell
 * scripts whose output is kept. Everything fails the running test by itself.
 */

#include "common/mem.h"
#include "common/str.h"
#include "worker/sandbox/client.h"
#include "tests/support/suite.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { EVENT_MS = 60000, OUTPUT_BYTES = 64 * 1024 };

struct fixture {
	const char *launcher;
	char state[64];
	struct sandbox *sandbox;
	uint64_t job;
	struct sandbox_end end;
	char output[OUTPUT_BYTES]; /* of the last step */
};

static struct fixture fixture;

__attribute__((unused)) static void fixture_start(unsigned slots)
{
	struct err err = {0};
	struct sandbox_options options = {
		.launcher = fixture.launcher, .state_dir = fixture.state, .slots = slots, .first_range = 2000};
	ck_assert_msg(sandbox_start(&options, &fixture.sandbox, &err), "start: %s", err.text);
}

__attribute__((unused)) static void fixture_set_up(void)
{
	snprintf(fixture.state, sizeof fixture.state, "/tmp/penstock-test-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(fixture.state));
	fixture_start(4);
}

__attribute__((unused)) static void fixture_tear_down(void)
{
	char lock[80];
	sandbox_stop(fixture.sandbox);
	fixture.sandbox = NULL;
	snprintf(lock, sizeof lock, "%s/lock", fixture.state);
	unlink(lock);
	ck_assert_msg(rmdir(fixture.state) == 0, "the launcher left something in %s", fixture.state);
}

__attribute__((unused)) static struct sandbox_event next_event(void)
{
	struct sandbox_event event;
	struct err err = {0};
	ck_assert_msg(sandbox_wait(fixture.sandbox, EVENT_MS, &event, &err), "wait: %s", err.text);
	return event;
}

__attribute__((unused)) static struct sandbox_event expect_event(enum sandbox_event_kind kind)
{
	struct sandbox_event event = next_event();
	ck_assert_msg(event.kind == kind, "event of kind %d instead of %d: %s", (int)event.kind, (int)kind,
		event.kind == SANDBOX_FAILED ? event.err.text : "");
	return event;
}

__attribute__((unused)) static void open_job(const struct sandbox_job_options *options)
{
	static const struct sandbox_job_options plain;
	struct err err = {0};
	ck_assert(sandbox_open(fixture.sandbox, options ? options : &plain, &fixture.job, &err));
	expect_event(SANDBOX_OPENED);
}

__attribute__((unused)) static void close_job(void)
{
	struct err err = {0};
	ck_assert(sandbox_close(fixture.sandbox, fixture.job, &err));
	expect_event(SANDBOX_CLOSED);
}

/* The number that a command printed first; 0 when it printed none. */
__attribute__((unused)) static int64_t first_number(const char *output)
{
	struct str rest = str_of(output), line;
	int64_t number = 0;
	if (str_cut(&rest, '\n', &line))
		str_to_i64(str_trim(line), &number);
	return number;
}

/* Starts a shell script with its output in a new memory file. */
__attribute__((unused)) static uint64_t start_script(const char *script, int output)
{
	const char *const arguments[] = {"/bin/sh", "-c", script, NULL};
	static const char *const environment[] = {
		"PATH=/usr/bin:/bin:/usr/sbin", "HOME=/home/build", "MARK=given", NULL};
	struct sandbox_step_options options = {
		.arguments = arguments, .environment = environment, .out = output, .err = output};
	struct err err = {0};
	uint64_t step;
	ck_assert_msg(sandbox_run(fixture.sandbox, fixture.job, &options, &step, &err), "run: %s", err.text);
	return step;
}

__attribute__((unused)) static void read_output(int output)
{
	ssize_t n = pread(output, fixture.output, sizeof fixture.output - 1, 0);
	ck_assert_int_ge(n, 0);
	fixture.output[n] = 0;
}

/* Runs a script to its end; its output is in fixture.output, how it ended in fixture.end. */
__attribute__((unused)) static const char *run_script(const char *script)
{
	auto_fd int output = memfd_create("output", MFD_CLOEXEC);
	uint64_t step = start_script(script, output);
	struct sandbox_event event = expect_event(SANDBOX_ENDED);
	ck_assert_uint_eq(event.step, step);
	fixture.end = event.end;
	read_output(output);
	return fixture.output;
}

__attribute__((unused)) static void expect_end(enum sandbox_end_reason reason)
{
	ck_assert_msg(fixture.end.reason == reason, "ended by %s (%d, signal %d, \"%s\") instead of %s; output: %s",
		sandbox_end_name((enum sandbox_end_reason)fixture.end.reason), fixture.end.exit_code,
		fixture.end.signal, fixture.end.text, sandbox_end_name(reason), fixture.output);
}

__attribute__((unused)) static bool has_layer(enum sandbox_layer_bit layer)
{
	return sandbox_facts(fixture.sandbox)->layers & (UINT32_C(1) << layer);
}

/* main() of a test program: runs the suite, and when it is root once more as an ordinary account, so that both profiles
 * are tested. */
__attribute__((unused)) static int run_as_root_and_user(Suite *suite, const char *program, const char *launcher)
{
	fixture.launcher = launcher;
	int status = suite_run(suite);
	if (status != EXIT_SUCCESS || geteuid() != 0)
		return status;
	char command[4096 + 256];
	snprintf(command, sizeof command,
		"setpriv --reuid 61234 --regid 61234 --clear-groups --bounding-set -all test -x %s", launcher);
	if (system(command) != 0) {
		printf("not tested as an ordinary account: it cannot reach %s\n", launcher);
		return EXIT_SUCCESS;
	}
	printf("again as an ordinary account:\n");
	fflush(stdout);
	snprintf(command, sizeof command,
		"exec setpriv --reuid 61234 --regid 61234 --clear-groups --bounding-set -all %s", program);
	return system(command) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

#endif
