/* Which commit contains which, in a repository that git itself made. */
// links: penstock_test_history
#include "server/git/git_ancestry.h"

#include "common/mem.h"
#include "tests/support/history.h"
#include "tests/support/suite.h"

#include <check.h>

/* main: one, two, three. fix, from one: f1, f2. picked, from three: f1 cherry-picked; then f2. merged: main and fix. */
static const char history[] =
	"git init -q -b main .\n"
	"for n in one two three; do echo $n > $n; git add .; git commit -qm $n; git tag $n; done\n"
	"git checkout -q -b fix one; for n in f1 f2; do echo $n > $n; git add .; git commit -qm $n; git tag $n; done\n"
	"git checkout -q -b picked main; git cherry-pick f1; git tag half; git cherry-pick f2\n"
	"git checkout -q -b merged main; git merge -q -m merge fix\n";

static void set_up(void)
{
	history_make(history);
}

static const struct {
	const char *newer, *older;
	bool is_ancestor, is_contained_by_patch;
} cases[] = {
	{"three", "one", true, true}, {"one", "three", false, false}, {"two", "two", true, true},
	{"fix", "two", false, false}, {"merged", "f2", true, true},
	{"picked", "f1", false, true},                                 /* under another name */
	{"picked", "f2", false, true}, {"half", "f2", false, false},   /* only the first of two */
	{"main", "f1", false, false}, {"fix", "picked", false, false}, /* what is on main too is missing */
};

START_TEST(what_contains_what)
{
	static const bool ways[] = {false, true};
	struct err err = {0};
	struct str newer = history_commit(cases[_i].newer), older = history_commit(cases[_i].older);
	for (size_t way = 0; way < COUNT_OF(ways); way++) {
		bool contains = false;
		ck_assert_msg(git_contains(history_mirror, newer, older, ways[way], &contains, &err), "%s", err.text);
		ck_assert_int_eq(contains, ways[way] ? cases[_i].is_contained_by_patch : cases[_i].is_ancestor);
	}
}
END_TEST

START_TEST(what_is_not_there_is_contained_by_none)
{
	struct err err = {0};
	struct str main_commit = history_commit("main"), gone = STR("0123456789012345678901234567890123456789");
	bool contains = true;
	ck_assert(git_contains(history_mirror, main_commit, gone, true, &contains, &err));
	ck_assert(!contains);
	contains = true;
	ck_assert(git_contains(history_mirror, gone, main_commit, true, &contains, &err));
	ck_assert(!contains);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("git ancestry");
	TCase *ancestry = tcase_create("ancestry");
	tcase_add_checked_fixture(ancestry, set_up, history_done);
	tcase_add_loop_test(ancestry, what_contains_what, 0, COUNT_OF(cases));
	tcase_add_test(ancestry, what_is_not_there_is_contained_by_none);
	suite_add_tcase(suite, ancestry);
	return suite_run(suite);
}
