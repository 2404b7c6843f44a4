// links: penstock_worker
#include "worker/hint.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *script;
	const char *shell;
	bool has_network;
	int exit_code;
	const char *says; /* a part of it; NULL: there is none */
} cases[] = {
	{"make test", "", false, 1, NULL}, /* a test that fails is nobody's fault here */
	{"make test", "", false, 2, NULL}, /* make's own code */
	{"sudo make install", "", false, 127, "root"},
	{"cd x && sudo make install", "", true, 1, "root"},
	{"./pseudo", "", false, 1, NULL}, /* within a word */
	{"cat /etc/sudoers", "", false, 1, NULL},
	{"./sudo-test", "", false, 1, NULL},
	{"apt-get update\nmake", "", true, 100, "root"},
	{"docker build .", "", true, 1, "container engine"},
	{"./docker/build", "", true, 1, NULL}, /* a folder of that name */
	{"curl -f https://x", "", false, 6, "network: egress"},
	{"curl -f https://x", "", true, 6, NULL},   /* it has a network: the name is wrong */
	{"curl -f https://x", "", false, 22, NULL}, /* somebody on loopback answered */
	{"npm ci && npm test", "", false, 1, "network: egress"},
	{"npm test", "", false, 1, NULL},
	{"git clone https://x", "", false, 128, "network: egress"},
	{"a=(1 2)\necho ${a[0]}", "", false, 2, "shell: bash"},
	{"a=(1 2)", "sh", false, 2, "shell: bash"},
	{"a=(1 2); exit 2", "bash", false, 2, NULL}, /* it had bash */
	{"print(x=(1, 2))", "python3", false, 2, NULL},
	{"[[ a = b ]] || exit 3", "", false, 127, "shell: bash"},
	{"set -o pipefail", "", false, 2, "shell: bash"},
	{"frobnicate", "", false, 127, "/usr"},
	{"./run.sh", "", false, 126, "chmod"},
	{"", "", false, 1, NULL},
};

START_TEST(hints_fit)
{
	const char *hint =
		hint_for(str_of(cases[_i].script), str_of(cases[_i].shell), cases[_i].has_network, cases[_i].exit_code);
	if (cases[_i].says)
		ck_assert_msg(
			hint && strstr(hint, cases[_i].says), "%s: %s", cases[_i].script, hint ? hint : "nothing");
	else
		ck_assert_msg(!hint, "%s: %s", cases[_i].script, hint);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("hint");
	TCase *tcase = tcase_create("hint");
	tcase_add_loop_test(tcase, hints_fit, 0, sizeof cases / sizeof *cases);
	suite_add_tcase(suite, tcase);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
