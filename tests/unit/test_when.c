// links: penstock_lang penstock_common
#include "common/lang/when.h"
#include "common/mem.h"
#include "common/size.h"
#include "tests/support/suite.h"

#include <check.h>
#include <stdlib.h>

/* Cron lines, windows and sizes; what is refused, with its message, stands in tests/corpus/lang/bad. */

static const struct {
	const char *line;
	uint64_t minutes;
	uint32_t hours, days;
	uint16_t months;
	uint8_t weekdays;
	bool is_any_day, is_any_weekday;
} crons[] = {
	{"30 4 * * mon-fri", UINT64_C(1) << 30, 1 << 4, 0xfffffffe, 0x1ffe, 0x3e, true, false},
	{"*/20 0 1,15 JAN,12 *", UINT64_C(1) | UINT64_C(1) << 20 | UINT64_C(1) << 40, 1, 0x8002, 0x1002, 0x7f, false,
		true},
	{"5/25 22-23 * * 7", UINT64_C(1) << 5 | UINT64_C(1) << 30 | UINT64_C(1) << 55, 0xc00000, 0xfffffffe, 0x1ffe, 1,
		true, false},                                    /* from 5 on; 7 is Sunday */
	{"0  0  29 2  *", 1, 1, 1u << 29, 4, 0x7f, false, true}, /* comes due in leap years */
	{"0 0 31 2 1", 1, 1, 1u << 31, 4, 2, false, false},      /* Mondays of February: either day is enough */
	{"10-20/5 * * * 5-7", UINT64_C(1) << 10 | UINT64_C(1) << 15 | UINT64_C(1) << 20, 0xffffff, 0xfffffffe, 0x1ffe,
		0x61, true, false},
};

START_TEST(cron_lines_become_sets)
{
	struct lang_cron cron;
	struct err err = {0};
	bool is_good = lang_cron_parse(str_of(crons[_i].line), &cron, &err);
	ck_assert_msg(is_good, "%s: %s", crons[_i].line, err.text);
	ck_assert_uint_eq(cron.minutes, crons[_i].minutes);
	ck_assert_uint_eq(cron.hours, crons[_i].hours);
	ck_assert_uint_eq(cron.days, crons[_i].days);
	ck_assert_uint_eq(cron.months, crons[_i].months);
	ck_assert_uint_eq(cron.weekdays, crons[_i].weekdays);
	ck_assert_int_eq(cron.is_any_day, crons[_i].is_any_day);
	ck_assert_int_eq(cron.is_any_weekday, crons[_i].is_any_weekday);
}
END_TEST

static const char *const bad_crons[] = {
	"",
	"* * * *",
	"* * * * * *",
	"60 * * * *",
	"* * 0 * *",
	"* * * 13 *",
	"* * * * 8",
	"*/61 * * * *",
	"1-x * * * *",
	"a * * * *",
	"* * * mon *",
	"0 0 30 2 *",
};

START_TEST(bad_cron_lines_are_refused)
{
	struct lang_cron cron;
	struct err err = {0};
	ck_assert_msg(!lang_cron_parse(str_of(bad_crons[_i]), &cron, &err), "%s", bad_crons[_i]);
	ck_assert_int_eq(err.kind, ERR_INVALID);
}
END_TEST

static const struct {
	const char *text;
	uint8_t weekdays;
	int from, until;
} windows[] = {
	{"Mon-Thu 09:00-16:00 Europe/Berlin", 0x1e, 540, 960},
	{"Sat-Mon,wed 22:00-06:00 UTC", 0x4b, 1320, 360}, /* over the end of the week, and over midnight */
	{"Sun  00:00-24:00  America/New_York", 0x01, 0, 1440},
	{"Mon-Sun 08:30-08:31 UTC", 0x7f, 510, 511},
};

START_TEST(windows_become_sets)
{
	struct lang_window window;
	struct err err = {0};
	bool is_good = lang_window_parse(str_of(windows[_i].text), &window, &err);
	ck_assert_msg(is_good, "%s: %s", windows[_i].text, err.text);
	ck_assert(!window.is_any);
	ck_assert_uint_eq(window.weekdays, windows[_i].weekdays);
	ck_assert_int_eq(window.from_minute, windows[_i].from);
	ck_assert_int_eq(window.until_minute, windows[_i].until);
	ck_assert(str_ends(str_of(windows[_i].text), window.time_zone));
}
END_TEST

static const char *const bad_windows[] = {
	"",
	"Mon",
	"Mon 09:00 UTC",
	"Mon 09:00-10:00",
	"Mon 09:00-10:00 UTC now",
	"Mon-x 09:00-10:00 UTC",
	"Mon 09:60-10:00 UTC",
	"Mon 24:01-10:00 UTC",
	"Mon 9-10 UTC",
	"Mon 09:00-10:00 Mars",
};

START_TEST(bad_windows_are_refused)
{
	struct lang_window window;
	ck_assert_msg(!lang_window_parse(str_of(bad_windows[_i]), &window, NULL), "%s", bad_windows[_i]);
}
END_TEST

START_TEST(any_is_a_window)
{
	struct lang_window window;
	ck_assert(lang_window_parse(STR("any"), &window, NULL));
	ck_assert(window.is_any);
}
END_TEST

static const struct {
	const char *text;
	int64_t bytes;
	const char *formatted;
} sizes[] = {
	{"512MiB", INT64_C(512) << 20, "512MiB"},
	{"1.5GiB", INT64_C(1536) << 20, "1536MiB"}, /* in the largest unit that divides it */
	{"2GB", 2000000000, "1953125KiB"},
	{"100kB", 100000, "100000B"},
	{"0B", 0, "0B"},
	{"1TiB", INT64_C(1) << 40, "1TiB"},
};

START_TEST(sizes_are_read_and_written)
{
	auto_arena arena = {0};
	int64_t bytes;
	ck_assert(size_parse(str_of(sizes[_i].text), &bytes, NULL));
	ck_assert_int_eq(bytes, sizes[_i].bytes);
	ck_assert(str_is(size_format(&arena, bytes), sizes[_i].formatted));
}
END_TEST

static const char *const bad_sizes[] = {
	"", "5", "MiB", "5 MiB", "5mib", "-5MiB", "1e3MiB", ".5MiB", "1.2.3MiB", "99999999TiB", /* past 2^53 */
};

START_TEST(bad_sizes_are_refused)
{
	int64_t bytes = 7;
	ck_assert_msg(!size_parse(str_of(bad_sizes[_i]), &bytes, NULL), "%s", bad_sizes[_i]);
	ck_assert_int_eq(bytes, 7);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("when");
	TCase *cases = tcase_create("when");
	tcase_add_loop_test(cases, cron_lines_become_sets, 0, COUNT_OF(crons));
	tcase_add_loop_test(cases, bad_cron_lines_are_refused, 0, COUNT_OF(bad_crons));
	tcase_add_loop_test(cases, windows_become_sets, 0, COUNT_OF(windows));
	tcase_add_loop_test(cases, bad_windows_are_refused, 0, COUNT_OF(bad_windows));
	tcase_add_test(cases, any_is_a_window);
	tcase_add_loop_test(cases, sizes_are_read_and_written, 0, COUNT_OF(sizes));
	tcase_add_loop_test(cases, bad_sizes_are_refused, 0, COUNT_OF(bad_sizes));
	suite_add_tcase(suite, cases);
	return suite_run(suite);
}
