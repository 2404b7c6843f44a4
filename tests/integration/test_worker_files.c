// links: penstock_fake_coordinator
#include "tests/integration/worker_fixture.h"
#include "tests/support/suite.h"

#include <sys/resource.h>
#include <sys/stat.h>

/* What goes into a workspace and what comes out of it: the commit, artifacts of other jobs, artifacts and reports. */

static char repository[96];

static void git(const char *script)
{
	auto_buf command = BUF_INIT(8192);
	buf_addf(&command,
		"export GIT_CONFIG_GLOBAL=/dev/null GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=a "
		"GIT_COMMITTER_EMAIL=a@b; cd %s && { %s\n} >/dev/null 2>&1",
		repository, script);
	ck_assert_msg(system(buf_c(&command)) == 0, "%s", script);
}

static void head_commit(char ret[static 41])
{
	char command[160];
	snprintf(command, sizeof command, "git -C %s rev-parse HEAD", repository);
	FILE *pipe = popen(command, "r");
	ck_assert_int_eq(fscanf(pipe, "%40s", ret), 1);
	pclose(pipe);
}

static void set_up_repository(void)
{
	set_up();
	snprintf(repository, sizeof repository, "%s/repo", fixture.directory);
	ck_assert_int_eq(mkdir(repository, 0700), 0);
	git("git init -q -b main . && echo one > file && mkdir -p sub/deep && echo x > sub/deep/tool && "
	    "chmod +x sub/deep/tool && ln -s sub/deep/tool link && printf 'a\\0b' > binary && : > empty && "
	    "git add -A && git commit -qm first");
	fixture.fake.repository = repository;
}

static json_t *with(json_t *object, const char *name, json_t *value)
{
	json_object_set_new(object, name, value);
	return object;
}

static json_t *with_commit(json_t *job, int depth)
{
	char commit[41];
	head_commit(commit);
	with(job, "commit", json_string(commit));
	return with(job, "fetch_depth", json_integer(depth));
}

static struct fake_attempt *run(json_t *job)
{
	if (fixture.worker <= 0)
		start_worker("2");
	struct fake_attempt *attempt = fake_job(&fixture.fake, job);
	wait_for_end(attempt);
	return attempt;
}

START_TEST(the_commit_is_there_exactly)
{
	struct fake_attempt *attempt = run(with_commit(
		job_of(step_of("look",
			       "find . -path ./.git -prune -o ! -type d -printf '%P %m %l\\n' | sort; cat link file; "
			       "stat -c %s binary; git status --porcelain; git rev-parse HEAD; touch sub/new"),
			NULL),
		1));
	char commit[41], expected[400];
	head_commit(commit);
	assert_reason(attempt, END_EXIT);
	snprintf(expected, sizeof expected,
		"binary 644 \nempty 644 \nfile 644 \nlink 777 sub/deep/tool\nsub/deep/tool 755 \nx\none\n3\n%s\n",
		commit);
	ck_assert_str_eq(attempt->log, expected);
	ck_assert_int_eq(fixture.fake.sources, 1);
}
END_TEST

START_TEST(a_known_commit_needs_no_network_and_a_new_one_little)
{
	const char *look =
		"cat file; git log --format=%s; git diff --stat HEAD; test -e .git/shallow && echo shallow || echo whole";
	struct fake_attempt *attempt = run(with_commit(job_of(step_of("look", look), NULL), 1));
	ck_assert_str_eq(attempt->log, "one\nfirst\nwhole\n");
	attempt = run(with_commit(job_of(step_of("look", look), NULL), 1));
	ck_assert_str_eq(attempt->log, "one\nfirst\nwhole\n");
	ck_assert_int_eq(fixture.fake.sources, 1);
	git("echo two > file && git commit -qam second");
	attempt = run(with_commit(job_of(step_of("look", look), NULL), 1));
	assert_reason(attempt, END_EXIT);
	ck_assert_str_eq(attempt->log, "two\nsecond\nshallow\n");
	ck_assert_int_eq(fixture.fake.sources, 2);
	ck_assert_int_eq(fixture.fake.sources_thin, 1);
}
END_TEST

START_TEST(history_is_there_when_asked_for)
{
	git("for i in 2 3 4; do echo $i > file; git commit -qam commit$i; done");
	const char *look =
		"git log --format=%s | tr '\\n' ' '; git fsck --no-dangling 2>&1 | grep -v '^notice' || true";
	struct fake_attempt *attempt = run(with_commit(job_of(step_of("look", look), NULL), 0));
	assert_reason(attempt, END_EXIT);
	ck_assert_str_eq(attempt->log, "commit4 commit3 commit2 first \n");
	attempt = run(with_commit(job_of(step_of("look", look), NULL), 2));
	ck_assert_str_eq(attempt->log, "commit4 commit3 \n");
}
END_TEST

START_TEST(a_damaged_cache_heals)
{
	run(with_commit(job_of(step_of("look", "true"), NULL), 1));
	char command[200];
	snprintf(command, sizeof command,
		"cd %s/work/cache && rm -f checkouts/* && for p in repos/*/objects/pack/*.pack; do chmod u+w $p; echo x > $p; done",
		fixture.directory);
	ck_assert_int_eq(system(command), 0);
	struct fake_attempt *attempt = run(with_commit(job_of(step_of("look", "cat file"), NULL), 1));
	assert_reason(attempt, END_EXIT);
	ck_assert_str_eq(attempt->log, "one\n");
}
END_TEST

START_TEST(a_missing_commit_is_said)
{
	json_t *job = with(job_of(step_of("look", "true"), NULL), "commit",
		json_string("1234567890123456789012345678901234567890"));
	struct fake_attempt *attempt = run(with(job, "fetch_depth", json_integer(1)));
	assert_reason(attempt, END_SOURCE_UNAVAILABLE);
	assert_message(attempt, "404");
	ck_assert_int_eq(attempt->is_started, false);
}
END_TEST

START_TEST(inputs_are_there_before_the_steps)
{
	struct fake_blob *blob = fake_add_blob(&fixture.fake, "#!/bin/sh\necho made elsewhere\n");
	json_t *input = json_pack("{s:s,s:s,s:i,s:i}", "path", "out/tool", "sha256", blob->sha256, "size_bytes",
		(int)blob->size, "mode", 0755);
	json_t *job = with(with_commit(job_of(step_of("use", "./out/tool; cat file"), NULL), 1), "inputs",
		json_pack("[o]", input));
	struct fake_attempt *attempt = run(json_deep_copy(job));
	assert_reason(attempt, END_EXIT);
	ck_assert_str_eq(attempt->log, "made elsewhere\none\n");
	/* The second time it is in the cache. */
	fixture.fake.blob_count = 0;
	attempt = run(job);
	assert_reason(attempt, END_EXIT);
	free(blob->bytes);
}
END_TEST

START_TEST(a_job_may_need_more_files_than_a_process_may_open)
{
	enum { FILES = 300, OPEN_MAX_HERE = 160 };
	struct rlimit few = {OPEN_MAX_HERE, OPEN_MAX_HERE};
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
	start_worker("1");
	struct fake_blob *blob = fake_add_blob(&fixture.fake, "same\n");
	json_t *inputs = json_array();
	for (int i = 0; i < FILES; i++) {
		char path[32];
		snprintf(path, sizeof path, "in/%d", i);
		json_array_append_new(inputs, json_pack("{s:s,s:s,s:i,s:i}", "path", path, "sha256", blob->sha256,
						      "size_bytes", (int)blob->size, "mode", 0644));
	}
	struct fake_attempt *attempt =
		run(with(job_of(step_of("count", "cat in/* | grep -c same"), NULL), "inputs", inputs));
	ck_assert_str_eq(attempt->log, "300\n");
	assert_reason(attempt, END_EXIT);
}
END_TEST

START_TEST(a_damaged_input_is_refused)
{
	struct fake_blob *blob = fake_add_blob(&fixture.fake, "good");
	blob->bytes[0] = 'f';
	json_t *input =
		json_pack("{s:s,s:s,s:i,s:i}", "path", "tool", "sha256", blob->sha256, "size_bytes", 4, "mode", 0644);
	struct fake_attempt *attempt =
		run(with(job_of(step_of("use", "cat tool"), NULL), "inputs", json_pack("[o]", input)));
	ck_assert_int_ne(attempt->result.reason, END_EXIT);
	assert_message(attempt, "artifact tool came damaged");
}
END_TEST

static const struct artifact_report *find(const struct fake_attempt *attempt, const char *path, const char *report)
{
	for (size_t i = 0; i < attempt->result.artifact_count; i++)
		if (str_is(attempt->result.artifacts[i].path, path) &&
			str_is(attempt->result.artifacts[i].report, report))
			return &attempt->result.artifacts[i];
	return NULL;
}

START_TEST(artifacts_come_out)
{
	json_t *job = job_of(
		step_of("make",
			"mkdir -p out/sub tmp; echo a > out/a.txt; echo b > out/sub/b.bin; chmod +x out/sub/b.bin; "
			"echo c > out/c.tmp; ln -s /etc/passwd out/evil; echo '<xml/>' > tmp/junit.xml; : > out/empty"),
		NULL);
	with(job, "artifacts", json_pack("[s,s]", "out", "!out/*.tmp"));
	with(job, "reports", json_pack("{s:s}", "junit", "tmp/*.xml"));
	struct fake_attempt *attempt = run(with_commit(job, 1));
	assert_reason(attempt, END_EXIT);
	ck_assert_uint_eq(attempt->result.artifact_count, 4);
	const struct artifact_report *b = find(attempt, "out/sub/b.bin", "");
	ck_assert_ptr_nonnull(b);
	ck_assert_int_eq(b->mode, 0755);
	ck_assert_int_eq(b->size_bytes, 2);
	ck_assert_mem_eq(fake_find_blob(&fixture.fake, b->sha256)->bytes, "b\n", 2);
	ck_assert_ptr_nonnull(find(attempt, "out/a.txt", ""));
	ck_assert_ptr_nonnull(find(attempt, "out/empty", ""));
	ck_assert_ptr_nonnull(find(attempt, "tmp/junit.xml", "junit"));
}
END_TEST

START_TEST(a_cut_upload_goes_on)
{
	fixture.fake.upload_cut = 1000000;
	json_t *job = job_of(step_of("make", "seq 1 400000 > big"), NULL);
	struct fake_attempt *attempt = run(with(job, "artifacts", json_pack("[s]", "big")));
	assert_reason(attempt, END_EXIT);
	const struct artifact_report *big = find(attempt, "big", "");
	ck_assert_ptr_nonnull(big);
	struct fake_blob *blob = fake_find_blob(&fixture.fake, big->sha256);
	ck_assert_int_eq(blob->size, big->size_bytes);
	ck_assert_int_gt(blob->size, 1000000);
}
END_TEST

START_TEST(a_missing_artifact_fails_the_job)
{
	json_t *job = job_of(step_of("make", "echo a > a"), NULL);
	struct fake_attempt *attempt = run(with(job, "artifacts", json_pack("[s,s]", "a", "b/*.txt")));
	assert_reason(attempt, END_ARTIFACT_FAILED);
	assert_message(attempt, "no file matches the artifact \"b/*.txt\"");
	ck_assert_uint_eq(attempt->result.artifact_count, 0);
}
END_TEST

START_TEST(a_failed_job_still_leaves_what_it_made)
{
	json_t *job = job_of(step_of("make", "echo '<xml/>' > junit.xml; exit 1"), NULL);
	with(job, "artifacts", json_pack("[s]", "missing"));
	struct fake_attempt *attempt = run(with(job, "reports", json_pack("{s:s}", "junit", "junit.xml")));
	assert_reason(attempt, END_EXIT);
	ck_assert_int_eq(attempt->result.exit_code, 1);
	ck_assert_ptr_nonnull(find(attempt, "junit.xml", "junit"));
}
END_TEST

START_TEST(nothing_of_a_job_is_left_for_the_next)
{
	start_worker("1");
	run(job_of(step_of("leave", "echo x > /workspace/left; echo x > $HOME/left; echo x > /tmp/left"), NULL));
	struct fake_attempt *attempt =
		run(job_of(step_of("look", "ls -A /workspace $HOME /tmp | grep left || echo clean"), NULL));
	ck_assert_str_eq(attempt->log, "clean\n");
}
END_TEST

int main(void)
{
	fixture.program = BIN_DIR "/penstock-worker";
	Suite *suite = suite_create("worker_files");
	TCase *files = tcase_create("files");
	tcase_add_checked_fixture(files, set_up_repository, tear_down);
	tcase_set_timeout(files, 200);
	tcase_add_test(files, the_commit_is_there_exactly);
	tcase_add_test(files, a_known_commit_needs_no_network_and_a_new_one_little);
	tcase_add_test(files, history_is_there_when_asked_for);
	tcase_add_test(files, a_damaged_cache_heals);
	tcase_add_test(files, a_missing_commit_is_said);
	tcase_add_test(files, inputs_are_there_before_the_steps);
	tcase_add_test(files, a_job_may_need_more_files_than_a_process_may_open);
	tcase_add_test(files, a_damaged_input_is_refused);
	tcase_add_test(files, artifacts_come_out);
	tcase_add_test(files, a_cut_upload_goes_on);
	tcase_add_test(files, a_missing_artifact_fails_the_job);
	tcase_add_test(files, a_failed_job_still_leaves_what_it_made);
	tcase_add_test(files, nothing_of_a_job_is_left_for_the_next);
	suite_add_tcase(suite, files);
	return suite_run(suite);
}
