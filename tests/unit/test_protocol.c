// links: penstock_proto penstock_common
#include "common/mem.h"
#include "common/proto/worker_proto.h"
#include "tests/support/suite.h"

#include <check.h>
#include <string.h>

/* Which version a worker and this server speak. */

static const struct {
	int32_t newest, oldest, agreed; /* agreed 0: none */
	const char *whose_turn;
} cases[] = {
	{WORKER_PROTOCOL, WORKER_PROTOCOL_OLDEST, WORKER_PROTOCOL, NULL}, /* the same program */
	{WORKER_PROTOCOL_OLDEST, 0, WORKER_PROTOCOL_OLDEST, NULL},        /* the version before, which knows no range */
	{WORKER_PROTOCOL + 1, WORKER_PROTOCOL, WORKER_PROTOCOL, NULL},    /* a newer worker, that knows this one */
	{WORKER_PROTOCOL_OLDEST - 1, 0, 0, "upgrade the worker"},         /* two versions behind */
	{WORKER_PROTOCOL + 2, WORKER_PROTOCOL + 1, 0, "upgrade the server"},
	{WORKER_PROTOCOL + 1, INT32_MAX, 0, "upgrade the server"}, /* nonsense */
	{INT32_MIN, 0, 0, "upgrade the worker"},
};

START_TEST(the_newest_that_both_know)
{
	int32_t agreed = 0;
	struct err err = {0};
	bool ok = worker_protocol_agree(cases[_i].newest, cases[_i].oldest, &agreed, &err);
	ck_assert_int_eq(ok, cases[_i].agreed != 0);
	ck_assert_int_eq(agreed, cases[_i].agreed);
	if (!ok)
		ck_assert_msg(strstr(err.text, cases[_i].whose_turn) != NULL, "%s", err.text);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("protocol");
	TCase *tests = tcase_create("protocol");
	tcase_add_loop_test(tests, the_newest_that_both_know, 0, COUNT_OF(cases));
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
