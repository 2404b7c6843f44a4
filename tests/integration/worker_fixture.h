#ifndef TESTS_INTEGRATION_WORKER_FIXTURE_H
#define TESTS_INTEGRATION_WORKER_FIXTURE_H

/*
 * A coordinator in memory, a real penstock-worker with a directory of its own, and jobs by their script. Everything
 * fails the running test by itself.
 */

#include "common/mem.h"
#include "tests/support/fake_coordinator.h"

#include <check.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static struct {
	uv_loop_t loop;
	struct fake fake;
	const char *program; /* set by main */
	char directory[64];
	pid_t worker;
	int worker_status;
} fixture;

__attribute__((unused)) static void start_worker(const char *slots)
{
	char url[64], work_dir[96];
	snprintf(url, sizeof url, "http://127.0.0.1:%d", fixture.fake.port);
	snprintf(work_dir, sizeof work_dir, "%s/work", fixture.directory);
	char *arguments[] = {(char *)(uintptr_t)fixture.program, "--server-url", url, "--work-dir", work_dir, "--slots",
		(char *)(uintptr_t)slots, "--first-range", "3000", "--name", "tester", "--log-level",
		getenv("WORKER_LOG") ? getenv("WORKER_LOG") : "error", NULL};
	setenv("PENSTOCK_WORKER_TOKEN", "pw_test", 1);
	ck_assert_int_eq(posix_spawn(&fixture.worker, fixture.program, NULL, NULL, arguments, environ), 0);
}

static bool has_left(void *arg)
{
	(void)arg;
	return fixture.worker <= 0 || waitpid(fixture.worker, &fixture.worker_status, WNOHANG) == fixture.worker;
}

/* Waits for the worker's own end and returns its exit code, or minus the signal. */
__attribute__((unused)) static int wait_for_worker(int seconds)
{
	ck_assert_msg(fake_until(&fixture.fake, has_left, NULL, seconds), "the worker does not leave: %s",
		fixture.fake.fault);
	fixture.worker = 0;
	return WIFEXITED(fixture.worker_status) ? WEXITSTATUS(fixture.worker_status) : -WTERMSIG(fixture.worker_status);
}

__attribute__((unused)) static void set_up(void)
{
	snprintf(fixture.directory, sizeof fixture.directory, "/tmp/penstock-worker-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(fixture.directory));
	chmod(fixture.directory, 0711); /* for a worker that goes on as another account */
	uv_loop_init(&fixture.loop);
	fake_start(&fixture.fake, &fixture.loop);
}

__attribute__((unused)) static void tear_down(void)
{
	char command[128];
	if (fixture.worker > 0) {
		kill(fixture.worker, SIGTERM);
		kill(fixture.worker, SIGTERM);
		/* Sanitizers speak through this. */
		ck_assert_int_eq(wait_for_worker(20), 0);
	}
	fake_stop(&fixture.fake);
	uv_loop_close(&fixture.loop);
	snprintf(command, sizeof command, "rm -rf %s", fixture.directory);
	ck_assert_int_eq(system(command), 0);
}

static bool has_ended(void *arg)
{
	return ((struct fake_attempt *)arg)->has_ended;
}

static bool has_started(void *arg)
{
	return ((struct fake_attempt *)arg)->is_started;
}

__attribute__((unused)) static void wait_for_start(struct fake_attempt *attempt)
{
	ck_assert_msg(fake_until(&fixture.fake, has_started, attempt, 20), "no start: %s", fixture.fake.fault);
}

__attribute__((unused)) static void wait_for_end(struct fake_attempt *attempt)
{
	ck_assert_msg(fake_until(&fixture.fake, has_ended, attempt, 40), "no end: %s; log: %s", fixture.fake.fault,
		attempt->log ? attempt->log : "");
}

static const char *waited_text;
static bool has_text(void *arg)
{
	struct fake_attempt *attempt = arg;
	return attempt->log && strstr(attempt->log, waited_text);
}

__attribute__((unused)) static void wait_for_log(struct fake_attempt *attempt, const char *text)
{
	waited_text = text;
	ck_assert_msg(fake_until(&fixture.fake, has_text, attempt, 20), "\"%s\" is not in the log: %s (%s)", text,
		attempt->log ? attempt->log : "", fixture.fake.fault);
}

/* A step as JSON; add more to it with json_object_set_new(). */
__attribute__((unused)) static json_t *step_of(const char *name, const char *script)
{
	return json_pack("{s:s,s:s}", "name", name, "run", script);
}

/* A job without a commit; NULL ends the list of steps, whose references it takes. */
__attribute__((unused)) static json_t *job_of(json_t *step, ...)
{
	json_t *steps = json_array();
	va_list args;
	va_start(args, step);
	for (; step; step = va_arg(args, json_t *))
		json_array_append_new(steps, step);
	va_end(args);
	return json_pack("{s:s,s:s,s:s,s:i,s:i,s:o}", "repository", "web", "commit", "", "network", "none",
		"timeout_ms", 60000, "grace_ms", 500, "steps", steps);
}

__attribute__((unused)) static void assert_reason(const struct fake_attempt *attempt, enum end_reason reason)
{
	ck_assert_msg(attempt->result.reason == reason, "ended by %s (%.*s), expected %s; log: %s",
		end_reason_names[attempt->result.reason], STR_ARG(attempt->result.message), end_reason_names[reason],
		attempt->log ? attempt->log : "");
}

__attribute__((unused)) static void assert_message(const struct fake_attempt *attempt, const char *part)
{
	size_t at;
	ck_assert_msg(str_find(attempt->result.message, str_of(part), &at), "\"%s\" is not in: %.*s", part,
		STR_ARG(attempt->result.message));
}

#endif
