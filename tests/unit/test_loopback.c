// links: penstock_common
#include "common/loopback.h"
#include "tests/support/suite.h"

#include <check.h>
#include <stdlib.h>

static const struct {
	const char *url;
	bool is_loopback;
} urls[] = {
	{"http://127.0.0.1:7070", true},
	{"http://127.8.8.8/x", true}, /* the whole network is loopback */
	{"https://localhost", true},  /* neither port nor path */
	{"http://localhost:7070/api", true},
	{"http://[::1]:7070", true},
	{"http://localhost.example", false},
	{"http://example.org/http://127.0.0.1", false}, /* in the path */
	{"http://12.7.0.1", false},
	{"127.0.0.1:7070", false}, /* no URL */
	{"", false},
};

START_TEST(loopback_is_told_from_the_rest)
{
	ck_assert_int_eq(loopback_has_url(str_of(urls[_i].url)), urls[_i].is_loopback);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("loopback");
	TCase *tcase = tcase_create("loopback");
	tcase_add_loop_test(tcase, loopback_is_told_from_the_rest, 0, sizeof urls / sizeof *urls);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
