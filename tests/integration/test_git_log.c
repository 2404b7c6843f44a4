/* What lies between two commits, with a history that git itself made. */
// links: penstock_test_history
#include "server/git/git_log.h"

#include "common/buf.h"
#include "common/mem.h"
#include "tests/support/history.h"
#include "tests/support/suite.h"

#include <check.h>
#include <string.h>

/* main: one, two, a merge of side (s1, s2, from one), three. Nothing else knows apart, which begins anew. */
static const char history[] =
	"at=1700000000; make() { at=$((at + 60)); export GIT_AUTHOR_DATE=\"$at +0000\" GIT_COMMITTER_DATE=\"$at +0000\"; \"$@\"; }\n"
	"git init -q -b main .\n"
	"make git commit -q --allow-empty -m one && git branch side\n"
	"make git commit -q --allow-empty -m two\n"
	"git checkout -q side && make git commit -q --allow-empty -m s1 && make git commit -q --allow-empty -m s2\n"
	"git checkout -q main && make git merge -q --no-ff -m merge side\n"
	"make git commit -q --allow-empty -m 'three\n\nwith more to say'\n"
	"git checkout -q --orphan apart && make git commit -q --allow-empty -m elsewhere\n";

static void set_up(void)
{
	history_make(history);
}

static const struct {
	const char *from, *to;
	size_t limit;
	const char *titles;
	int64_t total, reverted;
} logs[] = {
	/* a merge brings what it merges */
	{"", "main", 9, "three merge s2 s1 two one", 6, 0},
	{"side", "main", 9, "three merge two", 3, 0},
	/* one after another: the same commit, one back, forth with a limit */
	{"main", "main", 9, "", 0, 0},
	{"main", "side", 9, "", 0, 3},
	{"", "main", 2, "three merge", 6, 0},
	{"", "main", 0, "", 6, 0},
	/* without a common ancestor each side is all the difference */
	{"main", "apart", 9, "elsewhere", 1, 6},
};

START_TEST(between)
{
	struct git_log log;
	struct err err = {0};
	auto_buf titles = BUF_INIT(4096);
	ck_assert_msg(git_log_between(history_mirror, history_commit(logs[_i].from), history_commit(logs[_i].to),
			      logs[_i].limit, &log, &history_arena, &err),
		"%s", err.text);
	for (size_t i = 0; i < log.count; i++)
		buf_addf(&titles, "%s%.*s", i ? " " : "", STR_ARG(log.commits[i].title));
	ck_assert_msg(str_is(buf_str(&titles), logs[_i].titles), "%.*s", STR_ARG(buf_str(&titles)));
	ck_assert_int_eq(log.total, logs[_i].total);
	ck_assert_int_eq(log.reverted, logs[_i].reverted);
}
END_TEST

START_TEST(unknown_commits)
{
	struct git_log log = {.total = 7};
	struct err err = {0};
	struct str gone = STR("1234567890123456789012345678901234567890");
	ck_assert(!git_log_between(history_mirror, gone, history_commit("main"), 1, &log, &history_arena, &err));
	ck_assert_int_eq(err.kind, ERR_NOT_FOUND);
	ck_assert_msg(strstr(err.text, "1234567890123456789012345678901234567890") != NULL, "%s", err.text);
	ck_assert(!git_log_between(history_mirror, history_commit("main"), gone, 1, &log, &history_arena, &err));
	ck_assert_int_eq(log.total, 7);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("git_log");
	TCase *tcase = tcase_create("git_log");
	tcase_add_checked_fixture(tcase, set_up, history_done);
	tcase_add_loop_test(tcase, between, 0, (int)COUNT_OF(logs));
	tcase_add_test(tcase, unknown_commits);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
