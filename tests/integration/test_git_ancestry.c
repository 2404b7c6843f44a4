/* Which commit contains which, in a repository that git itself made. */
// links: penstock_git
#include "server/git/git_ancestry.h"

#include "common/mem.h"
#include "tests/support/suite.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

static char folder[64];
static struct arena arena;

/* main: one, two, three. fix, from one: f1, f2. picked, from three: f1 cherry-picked; then f2. merged: main and fix. */
static const char history[] =
	"export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b HOME=/nonexistent\n"
	"git init -q -b main .\n"
	"for n in one two three; do echo $n > $n; git add .; git commit -qm $n; git tag $n; done\n"
	"git checkout -q -b fix one; for n in f1 f2; do echo $n > $n; git add .; git commit -qm $n; git tag $n; done\n"
	"git checkout -q -b picked main; git cherry-pick f1; git tag half; git cherry-pick f2\n"
	"git checkout -q -b merged main; git merge -q -m merge fix\ngit clone -q --mirror . mirror\n";

static void set_up(void)
{
	struct err err = {0};
	snprintf(folder, sizeof folder, "/tmp/penstock-ancestry.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	arena = (struct arena){0};
	ck_assert_int_eq(system(arena_printf(&arena, "set -e\ncd %s\nexec >/dev/null 2>&1\n%s", folder, history).p), 0);
	ck_assert_msg(git_read_init(&err), "%s", err.text);
}

static void tear_down(void)
{
	ck_assert_int_eq(system(arena_printf(&arena, "rm -r %s", folder).p), 0);
	arena_done(&arena);
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
	struct git_mirror *mirror;
	struct err err = {0};
	struct str newer, older, ref;
	ck_assert_msg(git_mirror_open(arena_printf(&arena, "%s/mirror", folder).p, &mirror, &err), "%s", err.text);
	ck_assert(git_resolve(mirror, str_of(cases[_i].newer), &newer, &ref, &arena, &err));
	ck_assert(git_resolve(mirror, str_of(cases[_i].older), &older, &ref, &arena, &err));
	for (size_t way = 0; way < COUNT_OF(ways); way++) {
		bool contains = false;
		ck_assert_msg(git_contains(mirror, newer, older, ways[way], &contains, &err), "%s", err.text);
		ck_assert_int_eq(contains, ways[way] ? cases[_i].is_contained_by_patch : cases[_i].is_ancestor);
	}
	git_mirror_close(mirror);
}
END_TEST

START_TEST(what_is_not_there_is_contained_by_none)
{
	struct git_mirror *mirror;
	struct err err = {0};
	struct str main_commit, ref, gone = STR("0123456789012345678901234567890123456789");
	bool contains = true;
	ck_assert(git_mirror_open(arena_printf(&arena, "%s/mirror", folder).p, &mirror, &err));
	ck_assert(git_resolve(mirror, STR("main"), &main_commit, &ref, &arena, &err));
	ck_assert(git_contains(mirror, main_commit, gone, true, &contains, &err));
	ck_assert(!contains);
	contains = true;
	ck_assert(git_contains(mirror, gone, main_commit, true, &contains, &err));
	ck_assert(!contains);
	git_mirror_close(mirror);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("git ancestry");
	TCase *ancestry = tcase_create("ancestry");
	tcase_add_checked_fixture(ancestry, set_up, tear_down);
	tcase_add_loop_test(ancestry, what_contains_what, 0, COUNT_OF(cases));
	tcase_add_test(ancestry, what_is_not_there_is_contained_by_none);
	suite_add_tcase(suite, ancestry);
	return suite_run(suite);
}
