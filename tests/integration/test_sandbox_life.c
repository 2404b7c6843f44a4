// links: penstock_sandbox_client
/* Life and death: what a step leaves behind, signals, a launcher or client that is killed, requests nobody should send.
 */
#include "tests/integration/sandbox_fixture.h"
#include "worker/sandbox/wire.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/socket.h>
#include <sys/wait.h>

/* The output of a shell command on the host, one test's worth of it. */
static const char *host(const char *format, ...) __attribute__((format(printf, 1, 2)));
static const char *host(const char *format, ...)
{
	static char output[16384];
	char command[1024];
	va_list args;
	va_start(args, format);
	vsnprintf(command, sizeof command, format, args);
	va_end(args);
	FILE *pipe = popen(command, "r");
	ck_assert_ptr_nonnull(pipe);
	size_t n = fread(output, 1, sizeof output - 1, pipe);
	output[n] = 0;
	pclose(pipe);
	return output;
}

/* Polls until the command prints what is expected: for events of which nobody tells us. */
static void host_comes_to(const char *command, const char *expected)
{
	for (int i = 0; i < 6000; i++) {
		if (strcmp(host("%s", command), expected) == 0)
			return;
		usleep(10000);
	}
	ck_abort_msg("%s: \"%s\" instead of \"%s\"", command, host("%s", command), expected);
}

static pid_t launcher_pid(void)
{
	pid_t pid = (pid_t)first_number(host("pgrep -P %d -x penstock-init", (int)getpid()));
	ck_assert_int_gt(pid, 1); /* who kills 0 kills himself */
	return pid;
}

/* All that a launcher makes on the host. */
static void snapshot(char ret[static 8192])
{
	snprintf(ret, 8192, "%s",
		host("wc -l < /proc/self/mountinfo; cat /sys/block/loop*/loop/backing_file 2>/dev/null | sort; "
		     "find /sys/fs/cgroup -type d -name 'slot-*' | grep -c penstock; "
		     "ps -eo args | grep -c -e '[s]lirp4netns' -e '[s]leep 61.5'"));
}

static uint64_t start_and_wait_for(const char *script, int output, const char *word)
{
	uint64_t step = start_script(script, output);
	for (int i = 0; i < 12000; i++) {
		read_output(output);
		if (strstr(fixture.output, word))
			return step;
		usleep(5000);
	}
	ck_abort_msg("the step never said \"%s\" but: %s", word, fixture.output);
}

START_TEST(daemons_end_with_their_step)
{
	open_job(NULL);
	run_script(
		"for i in $(seq 50); do setsid sh -c 'trap \"\" TERM HUP; sleep 61.5; sleep 61.5' >/dev/null 2>&1 & done; "
		"sleep 0.1; echo done");
	ck_assert_str_eq(fixture.output, "done\n");
	ck_assert_str_eq(host("ps -eo args | grep -c '[s]leep 61.5'"), "0\n");
	close_job();
}
END_TEST

START_TEST(term_gives_grace)
{
	open_job(NULL);
	auto_fd int output = memfd_create("output", MFD_CLOEXEC);
	uint64_t step =
		start_and_wait_for("trap 'echo parent; exit 9' TERM; "
				   "sh -c 'trap \"echo child; exit\" TERM; echo ready; while :; do sleep 0.01; done' & "
				   "wait; wait",
			output, "ready");
	struct err err = {0};
	ck_assert(sandbox_signal(fixture.sandbox, fixture.job, step, SIGTERM, &err));
	fixture.end = expect_event(SANDBOX_ENDED).end;
	expect_end(SANDBOX_END_EXIT);
	ck_assert_int_eq(fixture.end.exit_code, 9);
	read_output(output);
	ck_assert_ptr_nonnull(strstr(fixture.output, "parent"));
	close_job();
}
END_TEST

START_TEST(kill_ends_what_ignores_term)
{
	open_job(NULL);
	auto_fd int output = memfd_create("output", MFD_CLOEXEC);
	uint64_t step = start_and_wait_for("trap '' TERM; echo ready; while :; do sleep 0.01; done", output, "ready");
	struct err err = {0};
	struct sandbox_event event;
	ck_assert(sandbox_signal(fixture.sandbox, fixture.job, step, SIGTERM, &err));
	ck_assert(!sandbox_wait(fixture.sandbox, 200, &event, &err));
	ck_assert_int_eq(err.kind, ERR_TIMEOUT);
	ck_assert(sandbox_signal(fixture.sandbox, fixture.job, step, SIGKILL, &err));
	fixture.end = expect_event(SANDBOX_ENDED).end;
	expect_end(SANDBOX_END_SIGNAL);
	ck_assert_int_eq(fixture.end.signal, SIGKILL);
	close_job();
}
END_TEST

START_TEST(all_in_one_go)
{
	struct err err = {0};
	for (int i = 0; i < 20; i++) {
		uint64_t step;
		ck_assert(sandbox_open(fixture.sandbox, &(struct sandbox_job_options){0}, &fixture.job, &err));
		const char *const arguments[] = {"/bin/sleep", "61.5", NULL};
		struct sandbox_step_options options = {.arguments = arguments, .out = 1, .err = 1};
		ck_assert(sandbox_run(fixture.sandbox, fixture.job, &options, &step, &err));
		ck_assert(sandbox_close(fixture.sandbox, fixture.job, &err));
		expect_event(SANDBOX_OPENED);
		ck_assert_int_eq(expect_event(SANDBOX_ENDED).end.signal, SIGKILL);
		expect_event(SANDBOX_CLOSED);
	}
	ck_assert_str_eq(host("ps -eo args | grep -c '[s]leep 61.5'"), "0\n");
}
END_TEST

START_TEST(sidecar_shares_network_only)
{
	open_job(NULL);
	auto_fd int output = memfd_create("output", MFD_CLOEXEC);
	start_and_wait_for(
		"python3 -u -c 'import socket as s\na=s.create_server((\"127.0.0.1\",8099))\nprint(\"ready\")\n"
		"while True: a.accept()[0].send(b\"served\")'",
		output, "ready");
	ck_assert_str_eq(
		run_script("python3 -c 'import socket as s\nprint(s.create_connection((\"127.0.0.1\",8099)).recv(9))'; "
			   "ps -e | grep -c python || true"),
		"b'served'\n0\n");
	struct err err = {0};
	ck_assert(sandbox_close(fixture.sandbox, fixture.job, &err));
	expect_event(SANDBOX_ENDED);
	expect_event(SANDBOX_CLOSED);
}
END_TEST

START_TEST(jobs_do_not_meet)
{
	struct err err = {0};
	open_job(NULL);
	auto_fd int output = memfd_create("output", MFD_CLOEXEC);
	start_and_wait_for(
		"echo x > /workspace/mine; python3 -u -c 'import socket as s\n"
		"a=s.create_server((\"127.0.0.1\",8099)); b=s.socket(s.AF_UNIX); b.bind(b\"\\0name\"); b.listen()\n"
		"print(\"ready\")\na.accept()'",
		output, "ready");
	uint64_t first = fixture.job;
	open_job(&(struct sandbox_job_options){.slot = 1});
	ck_assert_str_eq(run_script("ls /workspace; python3 -c 'import socket as s\n"
				    "print(s.socket().connect_ex((\"127.0.0.1\",8099)))\n"
				    "print(s.socket(s.AF_UNIX).connect_ex(b\"\\0name\"))'"),
		"111\n111\n");
	close_job();
	ck_assert(sandbox_close(fixture.sandbox, first, &err));
	expect_event(SANDBOX_ENDED);
	expect_event(SANDBOX_CLOSED);
}
END_TEST

START_TEST(a_slot_serves_many_jobs)
{
	open_job(NULL);
	close_job();
	pid_t launcher = launcher_pid();
	char before[64];
	/* The launcher's own table, where we may look; an ordinary account may not look into its non-dumpable parts. */
	snprintf(before, sizeof before, "%s", host("ls /proc/%d/fd | wc -l; pgrep -P %d | wc -l", launcher, launcher));
	for (int i = 0; i < 100; i++) {
		open_job(NULL);
		ck_assert_str_eq(run_script("echo hello > a; cat a"), "hello\n");
		close_job();
	}
	ck_assert_str_eq(host("ls /proc/%d/fd | wc -l; pgrep -P %d | wc -l", launcher, launcher), before);
}
END_TEST

/* ---- violent ends ---- */

START_TEST(killed_launcher_leaves_nothing)
{
	char before[8192], after[8192];
	sandbox_stop(fixture.sandbox);
	snapshot(before);
	fixture_start(4);
	open_job(NULL);
	auto_fd int output = memfd_create("output", MFD_CLOEXEC);
	start_and_wait_for("echo x > file; setsid sleep 61.5 & echo ready; sleep 61.5", output, "ready");
	kill(launcher_pid(), SIGKILL);
	struct sandbox_event event;
	struct err err = {0};
	ck_assert(!sandbox_wait(fixture.sandbox, EVENT_MS, &event, &err));
	ck_assert_int_eq(err.kind, ERR_UPSTREAM);
	ck_assert(!sandbox_close(fixture.sandbox, fixture.job, &err));
	ck_assert_int_eq(err.kind, ERR_UPSTREAM);
	sandbox_stop(fixture.sandbox);
	/* Processes die with it, without a successor. */
	host_comes_to("ps -eo args | grep -c '[s]leep 61.5'", "0\n");
	fixture_start(4);
	open_job(NULL);
	ck_assert_str_eq(run_script("ls -A"), "");
	close_job();
	sandbox_stop(fixture.sandbox);
	fixture.sandbox = NULL;
	snapshot(after);
	ck_assert_str_eq(after, before);
}
END_TEST

START_TEST(dead_client_takes_all_with_it)
{
	char before[8192], after[8192], command[256];
	sandbox_stop(fixture.sandbox);
	fixture.sandbox = NULL;
	snapshot(before);
	int pipes[2];
	ck_assert_int_eq(pipe(pipes), 0);
	pid_t client = fork();
	if (client == 0) {
		fixture_start(4);
		open_job(NULL);
		start_and_wait_for(
			"setsid sleep 61.5 & echo ready; sleep 61.5", memfd_create("output", MFD_CLOEXEC), "ready");
		ck_assert(write(pipes[1], "x", 1) == 1);
		pause();
	}
	char byte;
	ck_assert_int_eq(read(pipes[0], &byte, 1), 1);
	ck_assert_str_ne(host("ps -eo args | grep -c '[s]leep 61.5'"), "0\n");
	kill(client, SIGKILL);
	waitpid(client, NULL, 0);
	snprintf(command, sizeof command, "ls %s; ps -eo args | grep -c '[s]leep 61.5'; true", fixture.state);
	host_comes_to(command, "lock\n0\n");
	/* The lock is the last thing that a launcher lets go. */
	snprintf(command, sizeof command, "flock -n %s/lock echo free", fixture.state);
	host_comes_to(command, "free\n");
	snapshot(after);
	ck_assert_str_eq(after, before);
}
END_TEST

START_TEST(killed_keeper_loses_its_job_only)
{
	open_job(&(struct sandbox_job_options){.slot = 1});
	uint64_t other = fixture.job;
	open_job(NULL);
	auto_fd int output = memfd_create("output", MFD_CLOEXEC);
	start_and_wait_for("echo ready; sleep 61.5", output, "ready");
	/* The keeper of slot 0 is the launcher's first child, since that slot is made at its start. */
	pid_t keeper = (pid_t)first_number(host("pgrep -P %d | head -1", launcher_pid()));
	ck_assert_int_gt(keeper, 1);
	kill(keeper, SIGKILL);
	fixture.end = expect_event(SANDBOX_ENDED).end;
	expect_end(SANDBOX_END_LOST);
	host_comes_to("ps -eo args | grep -c '[s]leep 61.5'", "0\n");
	uint64_t step;
	struct err err = {0};
	const char *const arguments[] = {"/bin/true", NULL};
	struct sandbox_step_options options = {.arguments = arguments, .out = 1, .err = 1};
	ck_assert(sandbox_run(fixture.sandbox, fixture.job, &options, &step, &err));
	ck_assert_int_eq(expect_event(SANDBOX_FAILED).err.kind, ERR_UPSTREAM);
	close_job();
	open_job(NULL);
	ck_assert_str_eq(run_script("echo again"), "again\n");
	close_job();
	fixture.job = other;
	ck_assert_str_eq(run_script("echo unharmed"), "unharmed\n");
	close_job();
}
END_TEST

START_TEST(state_directory_has_one_owner)
{
	struct sandbox_options options = {.launcher = fixture.launcher, .state_dir = fixture.state, .slots = 1};
	struct sandbox *second;
	struct err err = {0};
	ck_assert(!sandbox_start(&options, &second, &err));
	ck_assert_int_eq(err.kind, ERR_BUSY);
	ck_assert_ptr_nonnull(strstr(err.text, fixture.state));
}
END_TEST

static const struct {
	const char *what;
	struct sandbox_options options;
	const char *text;
} unstartable[] = {
	{"no program", {.launcher = "/no/such/launcher", .state_dir = "/tmp/x", .slots = 1}, "/no/such/launcher"},
	{"a relative directory", {.state_dir = "state", .slots = 1}, "absolute"},
	{"a directory that cannot be made", {.state_dir = "/proc/x", .slots = 1}, "/proc/x"},
};

START_TEST(start_says_what_is_wrong)
{
	struct sandbox_options options = unstartable[_i].options;
	if (!options.launcher)
		options.launcher = fixture.launcher;
	struct sandbox *none;
	struct err err = {0};
	ck_assert(!sandbox_start(&options, &none, &err));
	ck_assert_msg(strstr(err.text, unstartable[_i].text), "%s: %s", unstartable[_i].what, err.text);
}
END_TEST

/* ---- requests nobody should send ---- */

static const struct {
	const char *what;
	struct wire_head head;
	const char *tail;
	size_t tail_bytes;
	bool is_answered; /* by a FAILED event */
} odd_requests[] = {
	{"a kind that only the launcher sends", {.kind = WIRE_ENDED, .job = 1, .step = 1}, "", 0, false},
	{"an unknown kind", {.kind = 999, .job = 1, .step = 1}, "", 0, false},
	{"a keeper's order", {.kind = WIRE_GO}, "", 0, false},
	{"a step of job 0", {.kind = WIRE_RUN, .job = 0, .step = 5, .run.arguments = 1}, "/\0/bin/true", 12, true},
	{"step 0", {.kind = WIRE_RUN, .job = 1, .step = 0, .run.arguments = 1}, "/\0/bin/true", 12, true},
	{"a step without descriptors", {.kind = WIRE_RUN, .job = 1, .step = 5, .run.arguments = 1}, "/\0/bin/true", 12,
		true},
	{"no program", {.kind = WIRE_RUN, .job = 1, .step = 5}, "/", 2, true},
	{"more arguments than sent", {.kind = WIRE_RUN, .job = 1, .step = 5, .run.arguments = 4000}, "/\0/bin/true", 12,
		true},
	{"more arguments than can be", {.kind = WIRE_RUN, .job = 1, .step = 5, .run.arguments = UINT32_MAX}, "/", 2,
		true},
	{"an import without a stream", {.kind = WIRE_IMPORT, .job = 1, .step = 5}, "", 0, true},
	{"too many patterns", {.kind = WIRE_COLLECT, .job = 1, .step = 5, .files.patterns = UINT32_MAX}, "", 0, true},
	{"a second job of the same number", {.kind = WIRE_OPEN, .job = 1, .open.slot = 1}, "", 0, true},
	{"job 0", {.kind = WIRE_OPEN, .job = 0, .open.slot = 1}, "", 0, true},
	{"more networks than sent", {.kind = WIRE_OPEN, .job = 9, .open = {.slot = 1, .network = 1, .denied = 7}}, "a",
		2, true},
	{"a negative signal", {.kind = WIRE_SIGNAL, .job = 1, .step = 5, .signal = -1}, "", 0, false},
	{"a huge signal", {.kind = WIRE_SIGNAL, .job = 1, .step = 5, .signal = 4096}, "", 0, false},
	{"a signal to nobody", {.kind = WIRE_SIGNAL, .job = 1, .step = 77, .signal = 9}, "", 0, false},
	{"a signal to the emptying helper", {.kind = WIRE_SIGNAL, .job = 1, .step = 0, .signal = 9}, "", 0, false},
};

START_TEST(odd_request_is_survived)
{
	open_job(NULL);
	ck_assert_uint_eq(fixture.job, 1);
	struct wire_head head = odd_requests[_i].head;
	struct err err = {0};
	ck_assert(wire_send(sandbox_fd(fixture.sandbox), &head,
		(struct str){odd_requests[_i].tail, odd_requests[_i].tail_bytes}, NULL, 0, 0, &err));
	if (odd_requests[_i].is_answered)
		expect_event(SANDBOX_FAILED);
	ck_assert_msg(strcmp(run_script("echo well"), "well\n") == 0, "%s", odd_requests[_i].what);
	close_job();
}
END_TEST

static const struct {
	const char *what;
	size_t bytes;
	uint32_t tail_bytes;
} broken[] = {
	{"one byte", 1, 0},
	{"half a head", sizeof(struct wire_head) / 2, 0},
	{"a tail that is not there", sizeof(struct wire_head), 100},
	{"a tail without a zero at its end", sizeof(struct wire_head) + 4, 4},
};

/* Nothing that this build's client sends looks so: the launcher takes its client for dead or taken over, and ends. */
START_TEST(broken_message_ends_the_launcher)
{
	open_job(NULL);
	char bytes[sizeof(struct wire_head) + 4];
	memset(bytes, 'x', sizeof bytes);
	struct wire_head head = {.kind = WIRE_CLOSE, .job = 1, .tail_bytes = broken[_i].tail_bytes};
	memcpy(bytes, &head, sizeof head);
	ck_assert_int_gt(send(sandbox_fd(fixture.sandbox), bytes, broken[_i].bytes, 0), 0);
	struct sandbox_event event;
	struct err err = {0};
	ck_assert_msg(!sandbox_wait(fixture.sandbox, EVENT_MS, &event, &err), "%s", broken[_i].what);
	ck_assert_int_eq(err.kind, ERR_UPSTREAM);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("sandbox life");
	TCase *life = tcase_create("life");
	tcase_add_checked_fixture(life, fixture_set_up, fixture_tear_down);
	tcase_set_timeout(life, 150);
	tcase_add_test(life, daemons_end_with_their_step);
	tcase_add_test(life, term_gives_grace);
	tcase_add_test(life, kill_ends_what_ignores_term);
	tcase_add_test(life, all_in_one_go);
	tcase_add_test(life, sidecar_shares_network_only);
	tcase_add_test(life, jobs_do_not_meet);
	tcase_add_test(life, a_slot_serves_many_jobs);
	tcase_add_test(life, killed_launcher_leaves_nothing);
	tcase_add_test(life, dead_client_takes_all_with_it);
	tcase_add_test(life, killed_keeper_loses_its_job_only);
	tcase_add_test(life, state_directory_has_one_owner);
	tcase_add_loop_test(life, start_says_what_is_wrong, 0, (int)COUNT_OF(unstartable));
	tcase_add_loop_test(life, odd_request_is_survived, 0, (int)COUNT_OF(odd_requests));
	tcase_add_loop_test(life, broken_message_ends_the_launcher, 0, (int)COUNT_OF(broken));
	suite_add_tcase(s, life);
	return s;
}

int main(int argc, char **argv)
{
	(void)argc;
	return run_as_root_and_user(suite(), argv[0], BIN_DIR "/penstock-sandbox");
}
