// links: penstock_lang penstock_common
#include "common/buf.h"
#include "common/calendar.h"
#include "common/clock.h"
#include "common/lang/due.h"
#include "common/mem.h"
#include "tests/support/suite.h"

#include <check.h>
#include <string.h>

/* Due times where clocks are set, by hand; thousands more are compared with croner by check_croner.py. */

static int64_t seconds(const char *text)
{
	int64_t us;
	ck_assert_msg(clock_parse(str_of(text), &us), "%s", text);
	return us / US_PER_SECOND;
}

static const struct {
	const char *line, *zone, *after, *due; /* due "": never */
} nexts[] = {
	{"30 2 * * *", "Europe/Berlin", "2024-03-30T12:00:00Z",
		"2024-03-31T01:00:00Z"}, /* 02:30 is passed over: at 03:00 */
	{"30 2,3 * * *", "Europe/Berlin", "2024-03-30T12:00:00Z",
		"2024-03-31T01:30:00Z"},                                                 /* each minute shown: 03:30 */
	{"30 2 * * *", "Europe/Berlin", "2024-10-26T12:00:00Z", "2024-10-27T00:30:00Z"}, /* comes twice: the first */
	{"30 2 * * *", "Europe/Berlin", "2024-10-27T00:30:00Z", "2024-10-28T01:30:00Z"}, /* and not the second */
	{"30 * * * *", "Europe/Berlin", "2024-10-27T00:30:00Z", "2024-10-27T01:30:00Z"}, /* every hour is every hour */
	{"45 1 * * *", "Australia/Lord_Howe", "2024-04-06T12:00:00Z", "2024-04-06T14:45:00Z"}, /* by half an hour */
	{"15 2 * * *", "Australia/Lord_Howe", "2024-10-05T12:00:00Z", "2024-10-05T15:30:00Z"},
	{"0 0 * * *", "America/Sao_Paulo", "2018-11-03T12:00:00Z", "2018-11-04T03:00:00Z"}, /* a day without midnight */
	{"0 12 30 12 *", "Pacific/Apia", "2011-12-01T00:00:00Z", "2012-12-29T22:00:00Z"}, /* a day that was left out */
	{"0 0 29 2 *", "UTC", "2096-03-01T00:00:00Z", "2104-02-29T00:00:00Z"},            /* 2100 is no leap year */
	{"0 0 */2 * 1", "UTC", "2024-01-07T12:00:00Z", "2024-01-08T00:00:00Z"},           /* a Monday, or an odd day */
	{"0 6 * * 1-5", "America/New_York", "2199-11-01T00:00:00Z",
		"2199-11-01T10:00:00Z"},                                      /* the last year of rules */
	{"* * * * *", "UTC", "2026-11-21T08:00:00Z", "2026-11-21T08:01:00Z"}, /* not the one it asks from */
};

START_TEST(the_next_due_time)
{
	auto_arena arena = {0};
	struct lang_cron cron;
	struct zone zone;
	struct err err = {0};
	int64_t due;
	ck_assert(lang_cron_parse(str_of(nexts[_i].line), &cron, &err));
	ck_assert_msg(zone_load(str_of(nexts[_i].zone), &zone, &arena, &err), "%s", err.text);
	ck_assert(lang_cron_next(&cron, &zone, seconds(nexts[_i].after), &due));
	ck_assert_msg(due == seconds(nexts[_i].due), "%s in %s: %lld, not %s", nexts[_i].line, nexts[_i].zone,
		(long long)due, nexts[_i].due);
}
END_TEST

static const struct {
	const char *line, *due, *now, *latest;
} missed[] = {
	{"0 4 * * *", "2024-03-30T03:00:00Z", "2024-03-30T03:00:00Z", "2024-03-30T03:00:00Z"}, /* in time */
	{"0 4 * * *", "2024-03-30T03:00:00Z", "2024-04-02T01:59:59Z", "2024-04-01T02:00:00Z"}, /* down for three days */
	{"* * * * *", "2024-01-01T00:00:00Z", "2026-07-01T10:00:30Z", "2026-07-01T10:00:00Z"}, /* for years */
	{"0 0 29 2 *", "2016-02-28T23:00:00Z", "2026-01-01T00:00:00Z", "2024-02-28T23:00:00Z"}, /* rare ones */
	{"30 2 * * *", "2024-10-26T00:30:00Z", "2024-10-27T01:45:00Z", "2024-10-27T00:30:00Z"}, /* doubled: once */
};

START_TEST(the_latest_missed_one)
{
	auto_arena arena = {0};
	struct lang_cron cron;
	struct zone zone;
	ck_assert(lang_cron_parse(str_of(missed[_i].line), &cron, NULL));
	ck_assert(zone_load(STR("Europe/Berlin"), &zone, &arena, NULL));
	int64_t latest = lang_cron_latest(&cron, &zone, seconds(missed[_i].due), seconds(missed[_i].now));
	ck_assert_int_eq(latest, seconds(missed[_i].latest));
}
END_TEST

/* --- zones --- */

/* A file without a table: only the rule, as small systems have them. */
static void write_file(struct buf *to, const char *rule)
{
	for (int part = 0; part < 2; part++) {
		char header[44] = "TZif2";
		header[39] = 1; /* a type */
		header[43] = 4; /* bytes of names */
		buf_add(to, header, sizeof header);
		buf_add(to, "\0\0\016\020\0\0UTC\0", 10); /* an hour east */
	}
	buf_addf(to, "\n%s\n", rule);
}

static const struct {
	const char *rule, *at;
	int32_t offset;
} rules[] = {
	{"CET-1CEST,M3.5.0,M10.5.0/3", "2050-03-27T00:59:59Z", 3600},
	{"CET-1CEST,M3.5.0,M10.5.0/3", "2050-03-27T01:00:00Z", 7200},
	{"CET-1CEST,M3.5.0,M10.5.0/3", "2050-10-30T01:00:00Z", 3600},
	{"<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", "2050-01-01T00:00:00Z", 39600}, /* the year begins in summer */
	{"<-02>2<-01>,M3.5.0/-1,M10.5.0/0", "2050-03-27T00:59:59Z", -7200},      /* hours before the day */
	{"<-02>2<-01>,M3.5.0/-1,M10.5.0/0", "2050-03-27T01:00:00Z", -3600},
	{"AAA0BBB-2,J60/0,J300/0", "2024-03-01T00:00:00Z", 7200}, /* day 60 is March 1 in leap years too */
	{"AAA0BBB,59/0,300/0", "2024-02-28T23:59:59Z", 0},        /* counted with the leap day */
	{"AAA0BBB,59/0,300/0", "2024-02-29T00:00:00Z", 3600},
	{"UTC0", "2050-01-01T00:00:00Z", 3600}, /* no rule: as the file's only type */
};

START_TEST(rules_go_on)
{
	auto_arena arena = {0};
	auto_buf file = BUF_INIT(4096);
	struct zone zone;
	struct err err = {0};
	write_file(&file, rules[_i].rule);
	ck_assert_msg(zone_parse(buf_str(&file), &zone, &arena, &err), "%s", err.text);
	ck_assert_int_eq(zone_offset(&zone, seconds(rules[_i].at)), rules[_i].offset);
}
END_TEST

static const char *const bad_rules[] = {"CE-1", "CET", "CET-1CEST", "CET-1CEST,M3.5.0", "CET-1CEST,M13.5.0,M10.5.0",
	"CET-1CEST,M3.5.0,M10.5.0,", "CET-1CEST,M3.6.0,M10.5.0", "CET-1CEST,M3.5.7,M10.5.0", "<CET-1", "CET-200"};

START_TEST(bad_rules_are_refused)
{
	auto_arena arena = {0};
	auto_buf file = BUF_INIT(4096);
	struct zone zone;
	write_file(&file, bad_rules[_i]);
	ck_assert_msg(!zone_parse(buf_str(&file), &zone, &arena, NULL), "%s", bad_rules[_i]);
}
END_TEST

START_TEST(cut_files_are_refused)
{
	auto_arena arena = {0};
	auto_buf file = BUF_INIT(4096);
	struct zone zone;
	write_file(&file, "CET-1CEST,M3.5.0,M10.5.0/3");
	for (size_t n = 0; n < file.n; n++) {
		/* Each in memory of its own, so that a byte too far is found. */
		auto_free char *copy = n ? memcpy(mem_alloc(n), file.p, n) : NULL;
		ck_assert_msg(!zone_parse((struct str){copy, n}, &zone, &arena, NULL), "%zu bytes", n);
	}
	ck_assert(zone_parse(buf_str(&file), &zone, &arena, NULL));
}
END_TEST

START_TEST(unknown_zones_are_named)
{
	auto_arena arena = {0};
	struct zone zone;
	struct err err = {0};
	ck_assert(!zone_load(STR("Europe/Nowhere"), &zone, &arena, &err));
	ck_assert_int_eq(err.kind, ERR_NOT_FOUND);
	ck_assert_ptr_nonnull(strstr(err.text, "Europe/Nowhere"));
	ck_assert(!zone_load(STR("../../etc/passwd"), &zone, &arena, &err));
	ck_assert_int_eq(err.kind, ERR_INVALID);
}
END_TEST

START_TEST(dates_and_days)
{
	for (int64_t days = -800000; days < 800000; days += 37) {
		struct date date = calendar_date(days);
		ck_assert_int_eq(calendar_days(date), days);
		ck_assert(date.month >= 1 && date.month <= 12 && date.day >= 1 && date.day <= 31);
	}
	ck_assert_int_eq(calendar_days((struct date){2000, 3, 1}), 11017);
	ck_assert_int_eq(calendar_weekday(calendar_days((struct date){2026, 11, 21})), 6);
	ck_assert_int_eq(calendar_weekday(-4), 0);
	ck_assert_int_eq(calendar_day_of(-1), -1);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("due");
	TCase *cases = tcase_create("due");
	tcase_add_loop_test(cases, the_next_due_time, 0, COUNT_OF(nexts));
	tcase_add_loop_test(cases, the_latest_missed_one, 0, COUNT_OF(missed));
	tcase_add_loop_test(cases, rules_go_on, 0, COUNT_OF(rules));
	tcase_add_loop_test(cases, bad_rules_are_refused, 0, COUNT_OF(bad_rules));
	tcase_add_test(cases, cut_files_are_refused);
	tcase_add_test(cases, unknown_zones_are_named);
	tcase_add_test(cases, dates_and_days);
	suite_add_tcase(suite, cases);
	return suite_run(suite);
}
