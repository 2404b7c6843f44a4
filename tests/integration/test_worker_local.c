// links: penstock_worker
#include "common/buf.h"
#include "common/mem.h"
#include "worker/local.h"
#include "worker/sandbox/client.h"
#include "tests/support/suite.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uv.h>

/* A job without a server: the same steps, limits and artifacts, by callbacks. */

static struct {
	uv_loop_t loop;
	struct sandbox *sandbox;
	char directory[64], source[96], state[96], artifacts[96], scratch[96], message[256];
	struct buf log;
	struct local *local;
	bool has_ended, cancels_at_log;
	enum end_reason reason;
	int steps;
} site;

static void set_up(void)
{
	struct err err = {0};
	memset(&site, 0, sizeof site);
	buf_init(&site.log, 1 << 20);
	snprintf(site.directory, sizeof site.directory, "/tmp/penstock-local-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(site.directory));
	snprintf(site.source, sizeof site.source, "%s/source", site.directory);
	snprintf(site.state, sizeof site.state, "%s/state", site.directory);
	snprintf(site.artifacts, sizeof site.artifacts, "%s/artifacts", site.directory);
	snprintf(site.scratch, sizeof site.scratch, "%s", site.directory);
	ck_assert_int_eq(mkdir(site.source, 0700), 0);
	uv_loop_init(&site.loop);
	struct sandbox_options options = {
		.launcher = BIN_DIR "/penstock-sandbox", .state_dir = site.state, .slots = 1, .first_range = 4000};
	ck_assert_msg(sandbox_start(&options, &site.sandbox, &err), "%s", err.text);
}

static void tear_down(void)
{
	char command[128];
	sandbox_stop(site.sandbox);
	uv_loop_close(&site.loop);
	buf_done(&site.log);
	snprintf(command, sizeof command, "rm -rf %s", site.directory);
	ck_assert_int_eq(system(command), 0);
}

static void on_log(void *arg, struct str bytes)
{
	(void)arg;
	buf_add_str(&site.log, bytes);
	if (site.cancels_at_log)
		local_cancel(site.local);
}

static void on_step(void *arg, const struct step_report *report)
{
	(void)arg;
	site.steps += report->state == STEP_SUCCEEDED;
}

static void on_end(void *arg, const struct attempt_result *result)
{
	(void)arg;
	site.has_ended = true;
	site.reason = result->reason;
	snprintf(site.message, sizeof site.message, "%.*s", STR_ARG(result->message));
}

static void run(const char *script, const char *artifact, const char *commit)
{
	struct job_step step = {.name = STR("it"), .run = str_of(script)};
	struct str pattern = str_of(artifact);
	struct job_spec spec = {
		.job = 1,
		.attempt = 1,
		.commit = str_of(commit),
		.fetch_depth = 1,
		.network = STR("none"),
		.timeout_ms = 30000,
		.grace_ms = 200,
		.steps = &step,
		.step_count = 1,
		.artifacts = {&pattern, artifact ? 1 : 0},
	};
	struct local_options options = {
		.loop = &site.loop,
		.sandbox = site.sandbox,
		.spec = &spec,
		.source = site.source,
		.artifacts = site.artifacts,
		.scratch_dir = site.scratch,
		.log = on_log,
		.step = on_step,
		.ended = on_end,
	};
	site.local = local_start(&options);
	uv_run(&site.loop, UV_RUN_DEFAULT);
	ck_assert(site.has_ended);
}

static void shell(const char *script)
{
	auto_buf command = BUF_INIT(4096);
	buf_addf(&command, "cd %s && { %s\n} >/dev/null", site.source, script);
	ck_assert_int_eq(system(buf_c(&command)), 0);
}

START_TEST(a_directory_is_taken_as_it_is)
{
	shell("mkdir -p sub/empty && echo changed > sub/file && chmod +x sub/file && ln -s sub/file link && mkdir .git && "
	      "echo x > .git/HEAD");
	run("cat link; find . -type f -perm 755; ls -d sub/empty; ls -A; mkdir -p out/deep; echo made > out/deep/it",
		"out", "");
	ck_assert_str_eq(buf_c(&site.log), "changed\n./sub/file\nsub/empty\nlink\nsub\n");
	ck_assert_int_eq(site.reason, END_EXIT);
	ck_assert_int_eq(site.steps, 1);
	shell("grep -q made ../artifacts/out/deep/it");
}
END_TEST

START_TEST(a_commit_is_taken_from_a_repository)
{
	char commit[41];
	shell("git init -q . && echo one > file && git add file && git -c user.name=a -c user.email=a commit -qm x && "
	      "git rev-parse HEAD > ../commit && echo two > file");
	char path[96];
	snprintf(path, sizeof path, "%s/commit", site.directory);
	FILE *file = fopen(path, "r");
	ck_assert_int_eq(fscanf(file, "%40s", commit), 1);
	fclose(file);
	run("cat file", NULL, commit);
	ck_assert_str_eq(buf_c(&site.log), "one\n");
}
END_TEST

START_TEST(it_can_be_cancelled)
{
	site.cancels_at_log = true;
	run("echo on; sleep 100", NULL, "");
	ck_assert_int_eq(site.reason, END_CANCELLED);
}
END_TEST

/* Another worker may have room: the job is not to blame. */
START_TEST(a_full_disk_of_the_worker_is_no_fault_of_the_job)
{
	if (geteuid() != 0)
		return;
	snprintf(site.scratch, sizeof site.scratch, "%s/scratch", site.directory);
	ck_assert_int_eq(mkdir(site.scratch, 0700), 0);
	ck_assert_int_eq(mount("penstock-scratch", site.scratch, "tmpfs", 0, "size=1M"), 0);
	run("head -c 3000000 /dev/zero > big", "big", "");
	ck_assert_int_eq(umount2(site.scratch, MNT_DETACH), 0);
	ck_assert_int_eq(site.reason, END_WORKER_LOST);
	ck_assert_ptr_nonnull(strstr(site.message, "the disk of the worker is full, make room on it"));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("worker_local");
	TCase *all = tcase_create("all");
	tcase_add_checked_fixture(all, set_up, tear_down);
	tcase_set_timeout(all, 200);
	tcase_add_test(all, a_directory_is_taken_as_it_is);
	tcase_add_test(all, a_commit_is_taken_from_a_repository);
	tcase_add_test(all, it_can_be_cancelled);
	tcase_add_test(all, a_full_disk_of_the_worker_is_no_fault_of_the_job);
	suite_add_tcase(suite, all);
	return suite_run(suite);
}
