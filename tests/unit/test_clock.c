// links: penstock_common
#include "common/clock.h"
#include "tests/support/suite.h"

#include <check.h>

static const struct {
	const char *text;
	const char *formatted; /* NULL: refused */
} times[] = {
	{"2026-11-21T08:01:13.000042Z", "2026-11-21T08:01:13.000042Z"},
	{"2026-11-21 08:01:13.5+00", "2026-11-21T08:01:13.500000Z"},    /* PostgreSQL's */
	{"2026-11-21t10:01:13+02:00", "2026-11-21T08:01:13.000000Z"},   /* an offset */
	{"1969-12-31T23:59:59.999999Z", "1969-12-31T23:59:59.999999Z"}, /* before 1970 */
	{"0092-01-02T03:04:05Z", "0092-01-02T03:04:05.000000Z"},        /* four digits again */
	{"0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000000Z"},        /* the first second that has a year */
	{"9999-12-31T23:59:59Z", "9999-12-31T23:59:59.000000Z"},        /* and the last */
	{"0000-12-31T23:59:59Z", NULL},                                 /* PostgreSQL knows no year 0 */
	{"9999-12-31T23:59:59-01:00", NULL},                            /* the year 10000 in UTC */
	{"2026-13-01T00:00:00Z", NULL},
	{"2026-11-21T08:01Z", NULL},
	{"2026-11-21T08:01:13", NULL}, /* no zone */
	{"", NULL},
};

START_TEST(what_is_read_is_written_the_same)
{
	char text[CLOCK_TEXT_BYTES];
	int64_t us, again;
	bool is_time = clock_parse(str_of(times[_i].text), &us);
	ck_assert_int_eq(is_time, times[_i].formatted != NULL);
	if (!is_time)
		return;
	clock_format(us, text);
	ck_assert_str_eq(text, times[_i].formatted);
	ck_assert(clock_parse(str_of(text), &again));
	ck_assert_int_eq(again, us);
}
END_TEST

START_TEST(a_zero_byte_is_no_separator)
{
	int64_t us;
	ck_assert(!clock_parse(STR("2026-11-21\08:01:13Z"), &us));
	ck_assert(!clock_parse(STR("2026\00"
				   "11-21T08:01:13Z"),
		&us));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("clock");
	TCase *all = tcase_create("all");
	tcase_add_loop_test(all, what_is_read_is_written_the_same, 0, sizeof times / sizeof times[0]);
	tcase_add_test(all, a_zero_byte_is_no_separator);
	suite_add_tcase(suite, all);
	return suite_run(suite);
}
