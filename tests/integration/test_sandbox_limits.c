// links: penstock_sandbox_client
/* How steps end: each limit with its own reason, exit codes, signals, and requests that are refused. */
#include "common/clock.h"
#include "tests/integration/sandbox_fixture.h"

#include <signal.h>

enum { MIB = 1 << 20 };

static bool is_full_profile(void)
{
	return sandbox_facts(fixture.sandbox)->profile == SANDBOX_PROFILE_FULL;
}

static void open_limited(struct sandbox_limits limits)
{
	struct sandbox_job_options options = {.limits = limits};
	open_job(&options);
}

static const struct {
	const char *what, *script;
	enum sandbox_end_reason reason;
	int value; /* exit code or signal */
} ends[] = {
	{"success", "exit 0", SANDBOX_END_EXIT, 0},
	{"an exit code", "exit 7", SANDBOX_END_EXIT, 7},
	{"the highest exit code", "exit 255", SANDBOX_END_EXIT, 255},
	{"a signal is not an exit code", "kill -SEGV $$", SANDBOX_END_SIGNAL, SIGSEGV},
	{"killed by itself", "kill -KILL $$", SANDBOX_END_SIGNAL, SIGKILL},
	{"a failing child is the shell's business", "sh -c 'exit 3'; true", SANDBOX_END_EXIT, 0},
};

START_TEST(step_ends)
{
	open_job(NULL);
	run_script(ends[_i].script);
	expect_end(ends[_i].reason);
	bool has_exited = ends[_i].reason == SANDBOX_END_EXIT;
	ck_assert_msg((has_exited ? fixture.end.exit_code : fixture.end.signal) == ends[_i].value, "%s", ends[_i].what);
	close_job();
}
END_TEST

static const char eat_memory[] = "python3 -c 'a = bytearray(400 << 20)'";

START_TEST(memory_limit)
{
	if (!is_full_profile()) {
		printf("memory limit: not tested, %s\n", sandbox_facts(fixture.sandbox)->cgroup_obstacle);
		return;
	}
	open_limited((struct sandbox_limits){.memory_bytes = 64 * MIB});
	run_script(eat_memory);
	expect_end(SANDBOX_END_OUT_OF_MEMORY);
	ck_assert_ptr_nonnull(strstr(fixture.end.text, "64 MiB"));
	/* The job goes on, as does the slot. */
	ck_assert_str_eq(run_script("echo still"), "still\n");
	close_job();
	open_limited((struct sandbox_limits){.memory_bytes = 600 * MIB});
	run_script(eat_memory);
	expect_end(SANDBOX_END_EXIT);
	ck_assert_int_eq(fixture.end.exit_code, 0);
	ck_assert_uint_gt(fixture.end.memory_peak_bytes, 400 * MIB);
	close_job();
}
END_TEST

START_TEST(files_in_tmp_are_memory)
{
	if (!is_full_profile()) {
		printf("memory limit on /tmp: not tested, %s\n", sandbox_facts(fixture.sandbox)->cgroup_obstacle);
		return;
	}
	open_limited((struct sandbox_limits){.memory_bytes = 32 * MIB});
	run_script("head -c 100000000 /dev/zero > /tmp/big");
	expect_end(SANDBOX_END_OUT_OF_MEMORY);
	close_job();
}
END_TEST

/* Forks children that wait until it cannot; then they die with the step. */
static const char fork_many[] =
	"python3 -c 'import os,time\nn=0\ntry:\n  while n < 2000:\n    if os.fork() == 0: time.sleep(100)\n"
	"    n += 1\nexcept OSError:\n  pass\nprint(n)\nexit(n < 2000)'";

START_TEST(process_limit)
{
	open_limited((struct sandbox_limits){.processes = 40});
	int64_t count = first_number(run_script(fork_many));
	ck_assert_int_ge(count, 20);
	ck_assert_int_le(count, 60);
	/* Without a cgroup there is no telling why a step failed; the limit itself holds. */
	expect_end(is_full_profile() ? SANDBOX_END_TOO_MANY_PROCESSES : SANDBOX_END_EXIT);
	ck_assert_str_eq(run_script("echo still"), "still\n");
	close_job();
}
END_TEST

START_TEST(disk_limit)
{
	open_limited((struct sandbox_limits){.disk_bytes = 16 * MIB});
	run_script("head -c 40000000 /dev/zero > big");
	expect_end(SANDBOX_END_DISK_FULL);
	ck_assert_ptr_nonnull(strstr(fixture.end.text, "16 MiB"));
	run_script("rm big && head -c 4000000 /dev/zero > small");
	expect_end(SANDBOX_END_EXIT);
	ck_assert_int_eq(fixture.end.exit_code, 0);
	close_job();
	open_limited((struct sandbox_limits){.disk_bytes = 16 * MIB});
	ck_assert_str_eq(run_script("ls -A | wc -l; head -c 10000000 /dev/zero > f && echo room"), "0\nroom\n");
	close_job();
}
END_TEST

START_TEST(home_counts_too)
{
	open_limited((struct sandbox_limits){.disk_bytes = 16 * MIB});
	run_script("head -c 40000000 /dev/zero > ~/big");
	expect_end(SANDBOX_END_DISK_FULL);
	close_job();
}
END_TEST

START_TEST(inode_limit)
{
	open_limited((struct sandbox_limits){.disk_bytes = 64 * MIB, .inodes = 256});
	run_script("i=0; while [ $i -lt 5000 ]; do : > f$i || exit 1; i=$((i+1)); done");
	expect_end(SANDBOX_END_DISK_FULL);
	close_job();
}
END_TEST

START_TEST(cpu_limit)
{
	if (!has_layer(SANDBOX_LAYER_CPU)) {
		printf("CPU limit: not tested, %s\n", sandbox_facts(fixture.sandbox)->cgroup_obstacle);
		return;
	}
	open_limited((struct sandbox_limits){.cpu_milli = 200});
	int64_t began_us = clock_mono_us();
	run_script("python3 -c 'import time\nend = time.monotonic() + 2\nwhile time.monotonic() < end: pass'");
	/* Of the time it took, since on an emulated machine starting Python takes long. */
	ck_assert_int_lt(fixture.end.cpu_us, (clock_mono_us() - began_us) * 2 / 5);
	close_job();
	open_limited((struct sandbox_limits){0});
	run_script("python3 -c 'import time\nend = time.process_time() + 0.3\nwhile time.process_time() < end: pass'");
	ck_assert_int_gt(fixture.end.cpu_us, 290000);
	close_job();
}
END_TEST

/* ---- refusals ---- */

static const struct {
	const char *what;
	struct sandbox_job_options options;
	enum err_kind kind;
} refused_jobs[] = {
	{"a slot that is not there", {.slot = 4}, ERR_INVALID},
	{"a disk too small for a file system", {.limits.disk_bytes = 1000}, ERR_INVALID},
	{"a disk of all the world", {.limits.disk_bytes = UINT64_MAX}, ERR_INVALID},
	{"too little memory to start anything", {.limits.memory_bytes = 4096}, ERR_INVALID},
	{"too many processes", {.limits.processes = UINT32_MAX}, ERR_INVALID},
	{"a network of an unknown kind", {.network = (enum sandbox_network)7}, ERR_INVALID},
	{"a profile of an unknown kind", {.profile = (enum sandbox_profile)7}, ERR_INVALID},
};

START_TEST(job_is_refused)
{
	struct err err = {0};
	uint64_t job;
	ck_assert(sandbox_open(fixture.sandbox, &refused_jobs[_i].options, &job, &err));
	struct sandbox_event event = expect_event(SANDBOX_FAILED);
	ck_assert_uint_eq(event.job, job);
	ck_assert_msg(event.err.kind == refused_jobs[_i].kind, "%s: %s", refused_jobs[_i].what, event.err.text);
	/* Closing what never opened is in order, and the launcher is well. */
	ck_assert(sandbox_close(fixture.sandbox, job, &err));
	expect_event(SANDBOX_CLOSED);
	open_job(NULL);
	close_job();
}
END_TEST

START_TEST(slot_is_taken_once)
{
	open_job(NULL);
	struct err err = {0};
	uint64_t second;
	ck_assert(sandbox_open(fixture.sandbox, &(struct sandbox_job_options){0}, &second, &err));
	ck_assert_int_eq(expect_event(SANDBOX_FAILED).err.kind, ERR_CONFLICT);
	close_job();
}
END_TEST

START_TEST(full_profile_is_not_pretended)
{
	struct sandbox_job_options options = {.profile = SANDBOX_PROFILE_FULL};
	if (is_full_profile()) {
		open_job(&options);
		close_job();
		return;
	}
	struct err err = {0};
	uint64_t job;
	ck_assert(sandbox_open(fixture.sandbox, &options, &job, &err));
	struct sandbox_event event = expect_event(SANDBOX_FAILED);
	ck_assert_int_eq(event.err.kind, ERR_UNSUPPORTED);
	ck_assert_ptr_nonnull(strstr(event.err.text, "cgroup"));
}
END_TEST

static const struct {
	const char *program, *directory, *text;
} unstarted[] = {
	{"/no/such/program", NULL, "/no/such/program"}, {"/etc/passwd", NULL, "ermission"}, /* not executable */
	{"/bin/true", "/no/such/directory", "directory"},                                   /* the directory is named */
	{"/bin/true", "/proc/1/cwd", "ermission"},                                          /* pid 1 lets nobody in */
};

START_TEST(program_is_not_started)
{
	open_job(NULL);
	const char *const arguments[] = {unstarted[_i].program, NULL};
	struct sandbox_step_options options = {
		.arguments = arguments, .directory = unstarted[_i].directory, .out = 1, .err = 1};
	struct err err = {0};
	uint64_t step;
	ck_assert(sandbox_run(fixture.sandbox, fixture.job, &options, &step, &err));
	fixture.end = expect_event(SANDBOX_ENDED).end;
	expect_end(SANDBOX_END_NOT_STARTED);
	ck_assert_msg(strstr(fixture.end.text, unstarted[_i].text), "%s", fixture.end.text);
	close_job();
}
END_TEST

START_TEST(arguments_have_a_ceiling)
{
	open_job(NULL);
	auto_free char *big = mem_alloc(200 * 1024);
	memset(big, 'a', 200 * 1024 - 1);
	const char *const arguments[] = {"/bin/echo", big, NULL};
	struct sandbox_step_options options = {.arguments = arguments, .out = 1, .err = 1};
	struct err err = {0};
	uint64_t step;
	ck_assert(!sandbox_run(fixture.sandbox, fixture.job, &options, &step, &err));
	ck_assert_int_eq(err.kind, ERR_TOO_LARGE);
	/* Just below it, a script of 120 KB comes through whole. */
	big[120 * 1024] = 0;
	auto_fd int output = memfd_create("output", MFD_CLOEXEC);
	options.out = options.err = output;
	ck_assert_msg(sandbox_run(fixture.sandbox, fixture.job, &options, &step, &err), "%s", err.text);
	ck_assert_int_eq(expect_event(SANDBOX_ENDED).end.exit_code, 0);
	struct stat st;
	ck_assert_int_eq(fstat(output, &st), 0);
	ck_assert_int_eq(st.st_size, 120 * 1024 + 1);
	close_job();
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("sandbox limits");
	TCase *limits = tcase_create("limits");
	tcase_add_checked_fixture(limits, fixture_set_up, fixture_tear_down);
	tcase_set_timeout(limits, 150);
	tcase_add_loop_test(limits, step_ends, 0, (int)COUNT_OF(ends));
	tcase_add_test(limits, memory_limit);
	tcase_add_test(limits, files_in_tmp_are_memory);
	tcase_add_test(limits, process_limit);
	tcase_add_test(limits, disk_limit);
	tcase_add_test(limits, home_counts_too);
	tcase_add_test(limits, inode_limit);
	tcase_add_test(limits, cpu_limit);
	tcase_add_loop_test(limits, job_is_refused, 0, (int)COUNT_OF(refused_jobs));
	tcase_add_test(limits, slot_is_taken_once);
	tcase_add_test(limits, full_profile_is_not_pretended);
	tcase_add_loop_test(limits, program_is_not_started, 0, (int)COUNT_OF(unstarted));
	tcase_add_test(limits, arguments_have_a_ceiling);
	suite_add_tcase(s, limits);
	return s;
}

int main(int argc, char **argv)
{
	(void)argc;
	return run_as_root_and_user(suite(), argv[0], BIN_DIR "/penstock-sandbox");
}
