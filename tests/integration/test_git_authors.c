/* Who wrote what, with a history that git itself made. */
// links: penstock_test_history
#include "server/git/git_authors.h"

#include "common/mem.h"
#include "tests/support/history.h"
#include "tests/support/suite.h"

#include <check.h>
#include <string.h>

/* main: a1, b2 (with co-authors), a merge of side (c1, from a1), d3; topic has e1 and again a2 upon b2. */
static const char history[] =
	"at=1700000000; by() { at=$((at + 60)); who=$1; shift; export GIT_AUTHOR_DATE=\"$at +0000\" GIT_COMMITTER_DATE=\"$at +0000\"\n"
	"  GIT_AUTHOR_NAME=$who GIT_AUTHOR_EMAIL=$who@x git \"$@\"; }\n"
	"git init -q -b main .\n"
	"by a commit -q --allow-empty -m one && git branch side\n"
	"by b commit -q --allow-empty -m two -m 'co-authored-BY: F F <f@x>\nCo-authored-by: a < broken\nCo-authored-by: G <g@x> (hm)'\n"
	"git branch topic\n"
	"git checkout -q side && by c commit -q --allow-empty -m s1\n"
	"git checkout -q main && by m merge -q --no-ff -m merge side\n"
	"by d commit -q --allow-empty -m three\n"
	"git checkout -q topic && by e commit -q --allow-empty -m t1 && by a commit -q --allow-empty -m 'Co-authored-by: no@x'\n";

static void set_up(void)
{
	history_make(history);
}

static void check(const struct str_list *authors, const char *wanted)
{
	struct str told = str_list_join(authors, " ", &history_arena);
	ck_assert_msg(str_is(told, wanted), "\"%.*s\", not \"%s\"", STR_ARG(told), wanted);
}

static const struct {
	const char *from, *to, *authors; /* newest first */
} ranges[] = {
	{"side", "main", "d@x m@x b@x f@x g@x"},
	{"main", "topic", "a@x e@x"},               /* a trailer without an address in brackets names nobody */
	{"main", "main", ""}, {"main", "side", ""}, /* backwards nothing comes */
};

START_TEST(between)
{
	struct str_list authors;
	struct err err = {0};
	ck_assert_msg(git_authors_between(history_mirror, history_commit(ranges[_i].from),
			      history_commit(ranges[_i].to), &authors, &history_arena, &err),
		"%s", err.text);
	check(&authors, ranges[_i].authors);
}
END_TEST

#define ZEROS "0000000000000000000000000000000000000000"
static const struct {
	const char *commit, *before, *branch;
	bool is_push;
	const char *authors; /* of the newest commit first */
} changes[] = {
	/* a push, and a pull request merged into its base */
	{"main", "side", "main", true, "d@x m@x b@x f@x g@x"},
	{"topic", "side", "", false, "a@x e@x"},
	/* the first push of the default branch brings all of it; of another, what the default branch has not */
	{"main", ZEROS, "main", true, "d@x m@x c@x b@x f@x g@x a@x"},
	{"topic", ZEROS, "topic", true, "a@x e@x"},
	/* a branch that begins where the default branch is: its commit, which somebody wrote */
	{"side", ZEROS, "side", true, "c@x"},
	/* by hand: the newest */
	{"main", "", "main", false, "d@x"},
	/* back to an older commit */
	{"side", "main", "main", true, "c@x"},
};

START_TEST(of_a_change)
{
	struct str_list authors;
	struct err err = {0};
	struct git_change change = {
		.commit = history_commit(changes[_i].commit),
		.before = history_commit(changes[_i].before),
		.default_branch = STR("main"),
		.branch = str_of(changes[_i].branch),
		.is_push = changes[_i].is_push,
	};
	ck_assert_msg(git_authors_of_change(history_mirror, &change, &authors, &history_arena, &err), "%s", err.text);
	check(&authors, changes[_i].authors);
}
END_TEST

START_TEST(unknown_commits)
{
	struct str_list authors = {.count = 7};
	struct err err = {0};
	struct str gone = STR("1234567890123456789012345678901234567890");
	ck_assert(!git_authors_between(history_mirror, gone, history_commit("main"), &authors, &history_arena, &err));
	ck_assert_int_eq(err.kind, ERR_NOT_FOUND);
	ck_assert_ptr_nonnull(strstr(err.text, gone.p));
	ck_assert(!git_authors_between(history_mirror, history_commit("main"), gone, &authors, &history_arena, &err));
	ck_assert(!git_authors_of_change(
		history_mirror, &(struct git_change){.commit = gone}, &authors, &history_arena, &err));
	ck_assert_uint_eq(authors.count, 7);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("git_authors");
	TCase *tcase = tcase_create("git_authors");
	tcase_add_checked_fixture(tcase, set_up, history_done);
	tcase_add_loop_test(tcase, between, 0, (int)COUNT_OF(ranges));
	tcase_add_loop_test(tcase, of_a_change, 0, (int)COUNT_OF(changes));
	tcase_add_test(tcase, unknown_commits);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
