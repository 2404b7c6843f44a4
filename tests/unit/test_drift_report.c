// links: penstock_drift penstock_lang penstock_common
#include "server/drift/report.h"

#include "common/mem.h"
#include "tests/support/suite.h"

#include <check.h>
#include <string.h>

/* What targets answer, and which version that is. */
static const struct {
	const char *expression;
	int status;
	const char *body, *version, *problem;
} answers[] = {
	{"", 200, "v1.4.2\n", "v1.4.2", ""},
	{"", 204, "v1", "v1", ""},
	{"body.version", 200, "{\"version\": \"v1\"}", "v1", ""},
	{"body.builds[0]", 200, "{\"builds\": [\"v2\", \"v1\"]}", "v2", ""},
	{"body", 200, "\"v3\"", "v3", ""}, /* JSON is not only objects */
	{"body.number", 200, "{\"number\": 17}", "17", ""},
	{"'v' + body.version", 200, "{\"version\": \"1\"}", "v1", ""},
	/* nobody knows */
	{"", 503, "v1", "", "it answers with 503"},
	{"", 302, "", "", "it answers with 302"},
	{"", 200, " \n", "", "its answer names no version"},
	{"body.version", 200, "{\"version\": null}", "", "its answer names no version"},
	{"", 200, "<html>\n<body>", "", "its answer is no name of a version: more than one line, or too long"},
	{"", 200, "v\xff", "", "its answer is no name of a version: more than one line, or too long"},
	{"body.version", 200, "v1", "", "its answer is no JSON"},
	{"body.version", 200, "", "", "its answer is no JSON"},
	{"body.version", 200, "{}", "", NULL},
};

START_TEST(versions)
{
	auto_arena arena = {0};
	struct report report;
	report_read(str_of(answers[_i].expression), answers[_i].status, str_of(answers[_i].body), &report, &arena);
	ck_assert_msg(str_is(report.version, answers[_i].version), "\"%.*s\"", STR_ARG(report.version));
	if (answers[_i].problem)
		ck_assert_msg(str_is(report.problem, answers[_i].problem), "\"%.*s\"", STR_ARG(report.problem));
	ck_assert((report.version.n == 0) == (report.problem.n > 0));
}
END_TEST

START_TEST(a_version_has_a_longest_name)
{
	auto_arena arena = {0};
	struct report report;
	char body[REPORT_VERSION_BYTES_MAX + 2];
	memset(body, 'v', sizeof body);
	report_read(STR(""), 200, (struct str){body, REPORT_VERSION_BYTES_MAX}, &report, &arena);
	ck_assert_uint_eq(report.version.n, REPORT_VERSION_BYTES_MAX);
	report_read(STR(""), 200, (struct str){body, REPORT_VERSION_BYTES_MAX + 1}, &report, &arena);
	ck_assert_uint_eq(report.version.n, 0);
}
END_TEST

static const struct {
	const char *url, *service, *address;
} addresses[] = {
	{"http://a/version", "web", "http://a/version"},
	{"http://a/{service}/version?of={service}", "web", "http://a/web/version?of=web"},
	{"http://a/{service}", "a/b c", "http://a/a%2Fb%20c"}, /* a name is one segment */
};

START_TEST(address_of_a_service)
{
	auto_arena arena = {0};
	struct str address = report_address(str_of(addresses[_i].url), str_of(addresses[_i].service), &arena);
	ck_assert_msg(str_is(address, addresses[_i].address), "%.*s", STR_ARG(address));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("drift_report");
	TCase *tcase = tcase_create("drift_report");
	tcase_add_loop_test(tcase, versions, 0, (int)COUNT_OF(answers));
	tcase_add_test(tcase, a_version_has_a_longest_name);
	tcase_add_loop_test(tcase, address_of_a_service, 0, (int)COUNT_OF(addresses));
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
