// links: penstock_fake_coordinator
#include "common/clock.h"
#include "tests/integration/worker_fixture.h"
#include "tests/support/suite.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/ioctl.h>

/* What holds when things go wrong between worker and server: who runs what, and that nothing said is lost or doubled.
 */

static const char *const count_slowly = "for i in 1 2 3 4 5 6 7 8 9 10; do echo $i; sleep 0.1; done";
static const char *const counted = "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n";

static size_t count_spools(void)
{
	char path[96];
	size_t count = 0;
	snprintf(path, sizeof path, "%s/work/spool", fixture.directory);
	DIR *dir = opendir(path);
	for (struct dirent *entry; dir && (entry = readdir(dir));)
		count += strstr(entry->d_name, ".spool") != NULL;
	if (dir)
		closedir(dir);
	return count;
}

static bool has_no_spool(void *arg)
{
	(void)arg;
	return count_spools() == 0;
}

static bool has_waited(void *arg)
{
	return clock_mono_us() >= *(int64_t *)arg;
}

/* Lets the server, not the test, pass some time. */
static void serve_for(int64_t ms)
{
	int64_t until_us = clock_mono_us() + ms * US_PER_MS;
	fake_until(&fixture.fake, has_waited, &until_us, 60);
}

START_TEST(jobs_go_on_while_the_server_is_away)
{
	start_worker("1");
	struct fake_attempt *attempt = fake_job(&fixture.fake, job_of(step_of("count", count_slowly), NULL));
	wait_for_log(attempt, "3\n");
	fake_go_down(&fixture.fake, true);
	serve_for(1500);
	ck_assert(!attempt->has_ended);
	fake_go_down(&fixture.fake, false);
	wait_for_end(attempt);
	assert_reason(attempt, END_EXIT);
	ck_assert_str_eq(attempt->log, counted);
	ck_assert(fake_until(&fixture.fake, has_no_spool, NULL, 5));
}
END_TEST

static bool is_process_gone(void *arg)
{
	(void)arg;
	return system("pgrep -f 'sleep 98[7]654' >/dev/null") != 0;
}

/* In the last whole line. */
static int64_t last_number(const char *log)
{
	struct str rest = str_of(log), line;
	int64_t number = 0;
	while (str_cut(&rest, '\n', &line))
		str_to_i64(line, &number);
	return number;
}

START_TEST(without_a_server_a_job_is_killed_before_its_lease_ends)
{
	fixture.fake.lease_ms = 6000; /* a busy machine may stand still for a second or two */
	fixture.fake.renew_ms = 300;
	start_worker("1");
	struct fake_attempt *attempt =
		fake_job(&fixture.fake, job_of(step_of("long", "while :; do date +%s%6N; sleep 0.05; done"), NULL));
	wait_for_log(attempt, "\n");
	serve_for(7000); /* renewals keep it alive beyond its first lease */
	ck_assert(!attempt->has_ended);
	int64_t renewed_us = attempt->held_at_us + clock_wall_us() - clock_mono_us();
	fake_go_down(&fixture.fake, true);
	serve_for(7000);
	fake_go_down(&fixture.fake, false);
	wait_for_end(attempt);
	assert_reason(attempt, END_WORKER_LOST);
	assert_message(attempt, "could not reach the server");
	/* Its last sign of life, by its own log: however late somebody looks. */
	int64_t last_us = last_number(attempt->log);
	ck_assert_int_gt(last_us, renewed_us);
	ck_assert_int_lt(last_us - renewed_us, 6000 * US_PER_MS);
}
END_TEST

START_TEST(a_stale_attempt_is_killed_and_forgotten)
{
	fixture.fake.renew_ms = 200;
	start_worker("1");
	struct fake_attempt *attempt = fake_job(&fixture.fake, job_of(step_of("long", "echo on; sleep 987654"), NULL));
	wait_for_log(attempt, "on\n");
	fake_make_stale(&fixture.fake, attempt);
	ck_assert(fake_until(&fixture.fake, is_process_gone, NULL, 10));
	ck_assert(fake_until(&fixture.fake, has_no_spool, NULL, 5));
	ck_assert(!attempt->has_ended);
	/* The slot is free again. */
	attempt = fake_job(&fixture.fake, job_of(step_of("next", "echo next"), NULL));
	wait_for_end(attempt);
	ck_assert_str_eq(attempt->log, "next\n");
}
END_TEST

static bool was_refused(void *arg)
{
	return ((struct fake_attempt *)arg)->was_refused;
}

START_TEST(a_killed_worker_is_told_by_its_successor)
{
	start_worker("2");
	struct fake_attempt *attempt =
		fake_job(&fixture.fake, job_of(step_of("long", "seq 1 1000; echo on; sleep 987654"), NULL));
	wait_for_log(attempt, "on\n");
	struct fake_attempt *ended = fake_job(&fixture.fake, job_of(step_of("short", "echo done"), NULL));
	ended->is_log_refused = true; /* its result stays in the spool */
	ck_assert(fake_until(&fixture.fake, was_refused, ended, 20));
	kill(fixture.worker, SIGKILL);
	ck_assert_int_eq(wait_for_worker(5), -SIGKILL);
	ended->is_log_refused = false;
	ck_assert(fake_until(&fixture.fake, is_process_gone, NULL, 10));
	start_worker("2");
	wait_for_end(attempt);
	wait_for_end(ended);
	ck_assert_uint_eq(fixture.fake.recovering, 2);
	assert_reason(attempt, END_WORKER_LOST);
	ck_assert_ptr_nonnull(strstr(attempt->log, "\n999\n1000\non\n"));
	assert_reason(ended, END_EXIT);
	ck_assert_str_eq(ended->log, "done\n");
	ck_assert(fake_until(&fixture.fake, has_no_spool, NULL, 5));
}
END_TEST

/* Whether a process of these arguments runs; without starting one to look. */
static bool runs(const char *arguments, size_t n)
{
	DIR *processes = opendir("/proc");
	bool found = false;
	for (struct dirent *entry; !found && (entry = readdir(processes));) {
		char path[300], text[64] = "";
		snprintf(path, sizeof path, "/proc/%s/cmdline", entry->d_name);
		int fd = open(path, O_RDONLY | O_CLOEXEC);
		found = fd >= 0 && read(fd, text, sizeof text) == (ssize_t)n && memcmp(text, arguments, n) == 0;
		if (fd >= 0)
			close(fd);
	}
	closedir(processes);
	return found;
}

/* What steps have printed and the worker has not read. */
static int unread_bytes(void)
{
	char path[300];
	int sum = 0;
	snprintf(path, sizeof path, "/proc/%d/fd", fixture.worker);
	DIR *fds = opendir(path);
	ck_assert_ptr_nonnull(fds);
	for (struct dirent *entry; (entry = readdir(fds));) {
		struct stat info;
		int n = 0;
		snprintf(path, sizeof path, "/proc/%d/fd/%s", fixture.worker, entry->d_name);
		/* The pipes that steps print into are known by their mode. */
		if (stat(path, &info) < 0 || info.st_mode != (S_IFIFO | 0222))
			continue;
		int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
		if (fd >= 0 && ioctl(fd, FIONREAD, &n) == 0)
			sum += n;
		if (fd >= 0)
			close(fd);
	}
	closedir(fds);
	return sum;
}

/* Whether the worker waits for something to do: what it has read it has handled. */
static bool is_resting(void)
{
	char path[64], text[512] = "";
	snprintf(path, sizeof path, "/proc/%d/stat", fixture.worker);
	auto_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
	ck_assert_int_gt(read(fd, text, sizeof text - 1), 0);
	const char *behind_name = strrchr(text, ')');
	return behind_name && behind_name[2] == 'S';
}

/* The worker is killed within a few milliseconds of reading the last line. */
START_TEST(a_killed_worker_loses_nothing_that_it_has_read)
{
	static const char sleeps[] = "sleep\0"
				     "987654";
	start_worker("1");
	struct fake_attempt *attempt = fake_job(&fixture.fake,
		job_of(step_of("talk", "echo first; sleep 0.2; seq 1 1000; printf 'half a line'; exec sleep 987654"),
			NULL));
	wait_for_log(attempt, "first\n");
	fake_go_down(&fixture.fake, true); /* what somebody has sent needs no file */
	int64_t until_us = clock_mono_us() + 60 * US_PER_SECOND;
	while (!runs(sleeps, sizeof sleeps) || unread_bytes() || !is_resting())
		ck_assert_int_lt(clock_mono_us(), until_us);
	kill(fixture.worker, SIGKILL);
	ck_assert_int_eq(wait_for_worker(5), -SIGKILL);
	ck_assert(fake_until(&fixture.fake, is_process_gone, NULL, 10));
	ck_assert_str_eq(attempt->log, "first\n"); /* the rest comes from the file */
	fake_go_down(&fixture.fake, false);
	start_worker("1");
	wait_for_end(attempt);
	assert_reason(attempt, END_WORKER_LOST);
	ck_assert_int_eq(strncmp(attempt->log, "first\n1\n2\n3\n", 12), 0);
	ck_assert_ptr_nonnull(strstr(attempt->log, "\n999\n1000\nhalf a line"));
	ck_assert_int_eq(attempt->log_bytes, 6 + 3893 + 11);
	ck_assert(fake_until(&fixture.fake, has_no_spool, NULL, 5));
}
END_TEST

START_TEST(a_server_that_forgot_the_worker_is_told_again)
{
	start_worker("1");
	struct fake_attempt *attempt = fake_job(&fixture.fake, job_of(step_of("count", count_slowly), NULL));
	wait_for_log(attempt, "2\n");
	fixture.fake.is_forgetful = true;
	wait_for_end(attempt);
	ck_assert_int_eq(fixture.fake.registrations, 2);
	ck_assert_uint_eq(fixture.fake.recovering, 1);
	assert_reason(attempt, END_EXIT);
	ck_assert_str_eq(attempt->log, counted);
}
END_TEST

static bool is_drain_seen(void *arg)
{
	(void)arg;
	return fixture.fake.is_drain_seen;
}

START_TEST(a_draining_worker_finishes_and_leaves)
{
	start_worker("1");
	struct fake_attempt *attempt = fake_job(&fixture.fake, job_of(step_of("count", count_slowly), NULL));
	wait_for_log(attempt, "2\n");
	kill(fixture.worker, SIGTERM);
	struct fake_attempt *later = fake_job(&fixture.fake, job_of(step_of("later", "true"), NULL));
	ck_assert_int_eq(wait_for_worker(10), 0);
	ck_assert(attempt->has_ended);
	ck_assert_str_eq(attempt->log, counted);
	ck_assert(!later->is_leased);
	ck_assert(fixture.fake.is_drain_seen);
	ck_assert_uint_eq(count_spools(), 0);
}
END_TEST

/* The sync that asked for the second slot lies with a coordinator that does not know of the draining. */
START_TEST(a_job_that_comes_while_draining_is_run)
{
	fixture.fake.is_deaf = true;
	start_worker("2");
	struct fake_attempt *attempt = fake_job(&fixture.fake, job_of(step_of("one", "echo on; sleep 1"), NULL));
	wait_for_log(attempt, "on\n");
	kill(fixture.worker, SIGTERM);
	ck_assert(fake_until(&fixture.fake, is_drain_seen, NULL, 5));
	wait_for_end(attempt);
	serve_for(300);
	struct fake_attempt *later = fake_job(&fixture.fake, job_of(step_of("later", "echo later"), NULL));
	ck_assert_int_eq(wait_for_worker(10), 0);
	ck_assert(later->has_ended);
	assert_reason(later, END_EXIT);
	ck_assert_str_eq(later->log, "later\n");
	ck_assert_uint_eq(count_spools(), 0);
}
END_TEST

START_TEST(a_second_signal_cancels)
{
	start_worker("1");
	struct fake_attempt *attempt = fake_job(&fixture.fake, job_of(step_of("long", "echo on; sleep 987654"), NULL));
	wait_for_log(attempt, "on\n");
	kill(fixture.worker, SIGTERM);
	ck_assert(fake_until(&fixture.fake, is_drain_seen, NULL, 20)); /* two at once would be one */
	kill(fixture.worker, SIGTERM);
	ck_assert_int_eq(wait_for_worker(10), 0);
	assert_reason(attempt, END_CANCELLED);
	assert_message(attempt, "the worker was stopped");
}
END_TEST

START_TEST(a_refused_token_ends_the_worker)
{
	fixture.fake.is_refused = true;
	start_worker("1");
	ck_assert_int_ne(wait_for_worker(10), 0);
}
END_TEST

static long uid_of_worker(void)
{
	char path[64], line[200];
	long uid = -1;
	snprintf(path, sizeof path, "/proc/%d/status", fixture.worker);
	FILE *file = fopen(path, "r");
	while (file && fgets(line, sizeof line, file))
		if (sscanf(line, "Uid: %ld", &uid) == 1)
			break;
	if (file)
		fclose(file);
	return uid;
}

START_TEST(a_root_worker_goes_on_as_another_account)
{
	if (geteuid() != 0)
		return;
	setenv("PENSTOCK_WORKER_USER", "nobody", 1);
	start_worker("2");
	struct fake_attempt *attempt = fake_job(&fixture.fake, job_of(step_of("quick", "echo hello"), NULL));
	wait_for_end(attempt);
	ck_assert_str_eq(attempt->log, "hello\n");
	ck_assert_int_gt(uid_of_worker(), 0);
}
END_TEST

static bool are_all_done(void *arg)
{
	return fixture.fake.ended >= *(int *)arg;
}

/* A finished job's slot gets its next job in the answer to its own result: no more syncs than jobs, about. */
START_TEST(a_queue_costs_one_round_trip_a_job)
{
	int count = getenv("JOBS") ? (int)strtol(getenv("JOBS"), NULL, 10) : 200;
	for (int i = 0; i < count; i++)
		fake_job(&fixture.fake, job_of(step_of("quick", "true"), NULL));
	int64_t from_us = clock_mono_us();
	start_worker("2");
	ck_assert_msg(fake_until(&fixture.fake, are_all_done, &count, 50), "%d of %d done: %s", fixture.fake.ended,
		count, fixture.fake.fault);
	if (getenv("JOBS"))
		printf("%d jobs, %d syncs, %.0f jobs/s\n", count, fixture.fake.syncs,
			count * 1e6 / (double)(clock_mono_us() - from_us));
	for (int i = 0; i < count; i++)
		assert_reason(&fixture.fake.attempts[i], END_EXIT);
	ck_assert_int_ge(fixture.fake.jobs_with_result, count * 8 / 10);
	ck_assert_int_le(fixture.fake.syncs, count * 3 / 2 + 10);
}
END_TEST

int main(void)
{
	fixture.program = BIN_DIR "/penstock-worker";
	Suite *suite = suite_create("worker_leases");
	TCase *leases = tcase_create("leases");
	tcase_add_checked_fixture(leases, set_up, tear_down);
	tcase_set_timeout(leases, 200);
	tcase_add_test(leases, jobs_go_on_while_the_server_is_away);
	tcase_add_test(leases, without_a_server_a_job_is_killed_before_its_lease_ends);
	tcase_add_test(leases, a_stale_attempt_is_killed_and_forgotten);
	tcase_add_test(leases, a_killed_worker_is_told_by_its_successor);
	tcase_add_test(leases, a_killed_worker_loses_nothing_that_it_has_read);
	tcase_add_test(leases, a_server_that_forgot_the_worker_is_told_again);
	tcase_add_test(leases, a_draining_worker_finishes_and_leaves);
	tcase_add_test(leases, a_job_that_comes_while_draining_is_run);
	tcase_add_test(leases, a_second_signal_cancels);
	tcase_add_test(leases, a_refused_token_ends_the_worker);
	tcase_add_test(leases, a_root_worker_goes_on_as_another_account);
	tcase_add_test(leases, a_queue_costs_one_round_trip_a_job);
	suite_add_tcase(suite, leases);
	return suite_run(suite);
}
