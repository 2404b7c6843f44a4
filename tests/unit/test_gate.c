// links: penstock_engine
/* Who is an author, by what git has of them. The rest of gates is in test_engine.c and test_planner_delivery.c. */
#include "server/engine/gate.h"

#include "common/mem.h"
#include "tests/support/suite.h"

#include <check.h>

static struct str logins[] = {{"ann-there", 9}, {"Ann2", 4}};
static const struct person ann = {.account = 1,
	.name = {"ann", 3},
	.email = {"ann@example.org", 15},
	.role = {"developer", 9},
	.logins = {logins, 2}};

static const struct {
	const char *mail;
	bool is_hers;
} mails[] = {
	{"ann@example.org", true},
	{"Ann@Example.ORG", true},
	{"ann@example.org.uk", false},
	{"", false},
	/* addresses that stand for a login: GitHub's new and old ones, GitLab's, Gitea's */
	{"1234+ann-there@users.noreply.github.com", true},
	{"ANN-there@users.noreply.github.com", true},
	{"77-ann2@users.noreply.gitlab.example.org", true},
	{"ann2@noreply.example.org", true},
	/* others' logins */
	{"1234+bob@users.noreply.github.com", false},
	{"1234ann-there@users.noreply.github.com", false},
	{"1234+@users.noreply.github.com", false},
	{"1234@users.noreply.github.com", false},
	{"x+ann-there@users.noreply.github.com", false},
	/* a login is no address anywhere else */
	{"ann-there@example.org", false},
	{"noreply+ann-there", false},
};

START_TEST(whose_address_it_is)
{
	struct str mail = str_of(mails[_i].mail);
	struct str_list authors = {&mail, 1};
	ck_assert_msg(gate_is_among(&authors, &ann) == mails[_i].is_hers, "%s", mails[_i].mail);
}
END_TEST

START_TEST(who_has_no_address_is_nobody)
{
	struct str empty = STR(""), mail = STR("7+ann@users.noreply.github.com");
	struct person nobody = {.name = {"ann", 3}};
	ck_assert(!gate_is_among(&(struct str_list){&empty, 1}, &nobody));
	ck_assert(!gate_is_among(&(struct str_list){&mail, 1}, &nobody));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("gate");
	TCase *tcase = tcase_create("authors");
	tcase_add_loop_test(tcase, whose_address_it_is, 0, (int)COUNT_OF(mails));
	tcase_add_test(tcase, who_has_no_address_is_nobody);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
