// links: penstock_git penstock_common
/* What is said of a git that failed, and what somebody can do about it. */
#include "server/git/git_verdict.h"

#include "common/mem.h"
#include "tests/support/suite.h"

#include <check.h>
#include <string.h>

static const struct {
	const char *error;
	bool is_timeout;
	const char *said[3]; /* all of these */
} cases[] = {
	/* the first line is the cause; what git says of its terminal is left out, and a way out stands in its place */
	{"fatal: could not read Username for 'http://host:3000': terminal prompts disabled\n", false,
		{"git fetch: could not read Username for 'http://host:3000'; ", "--forge-token-file"}},
	{"fatal: Authentication failed for 'https://host/a.git/'\n", false,
		{"Authentication failed", "repo credential set"}},
	/* renamed on Gitea and on GitHub */
	{"fatal: unable to access 'http://host/a.git/': The requested URL returned error: 307\n", false,
		{"error: 307; it was renamed or moved", "repo set --clone-url"}},
	{"fatal: unable to access 'http://host/a.git/': The requested URL returned error: 301\n", false,
		{"repo set --clone-url"}},
	{"fatal: unable to access 'http://host/a.git/': The requested URL returned error: 403\n", false,
		{"may not read it"}},
	/* the host is at fault: nothing to be done here */
	{"fatal: unable to access 'http://host/a.git/': The requested URL returned error: 502\n", false,
		{"git fetch: unable to access 'http://host/a.git/': The requested URL returned error: 502"}},
	{"git@host: Permission denied (publickey).\nfatal: Could not read from remote repository.\n", false,
		{"Permission denied", "deploy key"}},
	{"warning: something\nfatal: Out of cheese\nfatal: consequences\n", false, {"git fetch: Out of cheese"}},
	{"@@@\nHost key verification failed.\n", false, {"shows a key that is not accepted"}},
	{"", false, {"no message"}},
	{"", true, {"took too long"}},
};

START_TEST(says_what_to_do)
{
	struct err err = {0};
	struct proc_result result = {
		.exit_code = 128, .is_timeout = cases[_i].is_timeout, .error = str_of(cases[_i].error)};
	ck_assert(!git_verdict(&result, "git fetch", &err));
	ck_assert_int_eq(err.kind, cases[_i].is_timeout ? ERR_TIMEOUT : ERR_UPSTREAM);
	for (size_t i = 0; i < 3 && cases[_i].said[i]; i++)
		ck_assert_msg(strstr(err.text, cases[_i].said[i]), "\"%s\" lacks \"%s\"", err.text, cases[_i].said[i]);
	ck_assert_ptr_null(strstr(err.text, "terminal prompts"));
}
END_TEST

START_TEST(says_nothing_when_it_went_well)
{
	struct err err = {0};
	struct proc_result result = {.error = STR("warning: all is well\n")};
	ck_assert(git_verdict(&result, "git fetch", &err));
	ck_assert_int_eq(err.kind, ERR_NONE);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("git_verdict");
	TCase *tests = tcase_create("all");
	tcase_add_loop_test(tests, says_what_to_do, 0, COUNT_OF(cases));
	tcase_add_test(tests, says_nothing_when_it_went_well);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
