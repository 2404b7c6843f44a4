// links: penstock_engine penstock_lang penstock_common
#include "common/clock.h"
#include "common/mem.h"
#include "common/zone_cache.h"
#include "server/engine/freeze.h"
#include "tests/support/suite.h"

#include <check.h>

/* Open or frozen, since and until, over weekends, nights, and the days on which clocks are set. */

static const char document[] =
	"environments:\n"
	"  dev:\n"
	"  prod:\n"
	"    windows:\n"
	"      - { allow: 'Mon-Fri 09:00-17:00 Europe/Berlin', reason: office hours }\n"
	"      - { deny: 'Fri 15:00-24:00 Europe/Berlin', reason: weekend }\n"
	"    targets: { eu: , us: { windows: [{ deny: 'Mon 00:00-12:00 UTC' }] } }\n"
	"  night: { windows: [{ allow: 'Sat 22:00-04:00 Europe/Berlin' }] }\n"
	"  gap: { windows: [{ allow: 'Sun 02:15-02:45 Europe/Berlin' }] }\n"
	"  twice: { windows: [{ deny: 'Sun 02:15-02:45 Europe/Berlin' }] }\n"
	"  shut: { windows: [{ deny: any, reason: it is gone }] }\n"
	"  week: { windows: [{ allow: 'Mon-Sun 00:00-24:00 UTC' }] }\n"
	"  howe: { windows: [{ allow: 'Sun 01:30-02:00 Australia/Lord_Howe' }] }\n"
	"freezes:\n"
	"  christmas: { environments: [prod, week], services: ['*', '!docs'], from: 2026-12-24T12:00:00Z,\n"
	"    until: 2027-01-04T00:00:00Z, reason: nobody is here }\n"
	"  soon: { environments: [dev], from: 2026-11-25T00:00:00Z, until: 2026-11-26T00:00:00Z, reason: migration }\n"
	"  later: { environments: [dev], from: 2026-11-25T12:00:00Z, until: 2026-11-27T00:00:00Z, reason: more }\n";

static const struct {
	const char *environment, *target, *window, *at;
	const char *kind, *since, *until; /* "": 0 */
	const char *says;                 /* a part of the reason */
} cases[] = {
	/* no windows: open, until a freeze begins */
	{"dev", "", "", "2026-11-21T12:00:00Z", "open", "", "2026-11-25T00:00:00Z", ""},
	/* of two freezes the one that lasts longer; it opens when the last one ends */
	{"dev", "", "", "2026-11-25T13:00:00Z", "freeze", "2026-11-25T12:00:00Z", "2026-11-27T00:00:00Z",
		"(later): more"},
	{"dev", "", "", "2026-11-25T01:00:00Z", "freeze", "2026-11-25T00:00:00Z", "2026-11-27T00:00:00Z", "migration"},
	{"dev", "", "", "2026-11-27T00:00:00Z", "open", "", "", ""},
	/* Saturday: since Friday 15:00, when the deny began, until Monday 09:00 of Berlin's winter */
	{"prod", "", "", "2026-11-21T12:00:00Z", "window", "2026-11-20T14:00:00Z", "2026-11-23T08:00:00Z", "open only"},
	/* Friday at 16:00: the deny wins over the allow */
	{"prod", "", "", "2026-11-20T15:00:00Z", "window", "2026-11-20T14:00:00Z", "2026-11-23T08:00:00Z", "weekend"},
	/* Friday at 14:00: open until the deny begins */
	{"prod", "", "", "2026-11-20T13:00:00Z", "open", "", "2026-11-20T14:00:00Z", ""},
	/* a night: opens at 09:00 */
	{"prod", "", "", "2026-11-24T02:00:00Z", "window", "2026-11-23T16:00:00Z", "2026-11-24T08:00:00Z",
		"office hours"},
	/* the weekend on which clocks go forward: Monday 09:00 is an hour earlier */
	{"prod", "", "", "2026-03-28T12:00:00Z", "window", "2026-03-27T14:00:00Z", "2026-03-30T07:00:00Z", ""},
	/* and back */
	{"prod", "", "", "2026-10-24T12:00:00Z", "window", "2026-10-23T13:00:00Z", "2026-10-26T08:00:00Z", ""},
	/* a target's own window counts too: Monday noon of UTC */
	{"prod", "us", "", "2026-11-23T10:00:00Z", "window", "2026-11-23T00:00:00Z", "2026-11-23T12:00:00Z",
		"us is closed"},
	{"prod", "eu", "", "2026-11-23T10:00:00Z", "open", "", "2026-11-23T16:00:00Z", ""},
	/* the stage's window, in a zone of its own; both must be open: 14:00 to 16:00 UTC */
	{"prod", "", "Mon-Fri 09:00-12:00 America/New_York", "2026-11-23T10:00:00Z", "window", "2026-11-20T17:00:00Z",
		"2026-11-23T14:00:00Z", "the stage is open only"},
	{"prod", "", "any", "2026-11-23T10:00:00Z", "open", "", "2026-11-23T16:00:00Z", ""},
	/* a freeze ends in a night: it opens only in the morning */
	{"prod", "", "", "2026-12-28T10:00:00Z", "freeze", "2026-12-24T12:00:00Z", "2027-01-04T08:00:00Z",
		"(christmas)"},
	/* over midnight, on the night on which clocks go back: an hour longer */
	{"night", "", "", "2026-10-24T23:00:00Z", "open", "", "2026-10-25T03:00:00Z", ""},
	/* forward: an hour shorter */
	{"night", "", "", "2026-03-28T23:00:00Z", "open", "", "2026-03-29T02:00:00Z", ""},
	/* a window that clocks pass over does not come on that day */
	{"gap", "", "", "2026-03-29T00:30:00Z", "window", "2026-03-22T01:45:00Z", "2026-04-05T00:15:00Z", ""},
	/* one that comes twice is there twice */
	{"twice", "", "", "2026-10-25T00:20:00Z", "window", "2026-10-25T00:15:00Z", "2026-10-25T00:45:00Z",
		"is closed"},
	{"twice", "", "", "2026-10-25T00:50:00Z", "open", "", "2026-10-25T01:15:00Z", ""},
	{"twice", "", "", "2026-10-25T01:20:00Z", "window", "2026-10-25T01:15:00Z", "2026-10-25T01:45:00Z", ""},
	/* clocks set by half an hour: 02:00 becomes 01:30, in which the window is open again */
	{"howe", "", "", "2026-04-04T14:45:00Z", "open", "", "2026-04-04T15:30:00Z", ""},
	/* always closed: nobody knows since when, and nothing opens it */
	{"shut", "", "", "2026-11-21T12:00:00Z", "window", "", "", "it is gone"},
	/* all hours of all days, each ending where the next begins, is open without a break */
	{"week", "", "", "2026-11-21T12:00:00Z", "open", "", "2026-12-24T12:00:00Z", ""},
	/* an environment that the document does not have has no windows */
	{"other", "", "", "2026-11-21T12:00:00Z", "open", "", "", ""},
};

static int64_t time_of(const char *text)
{
	int64_t us = 0;
	ck_assert_msg(!*text || clock_parse(str_of(text), &us), "%s", text);
	return us;
}

static const struct configuration *load(struct arena *arena)
{
	struct lang_errors errors = {.arena = arena};
	const struct configuration *made = NULL;
	bool is_good = configuration_load(STR(document), "x", arena, &made, &errors);
	ck_assert_msg(is_good, "%.*s", STR_ARG(lang_error_text(&errors.items[0], arena)));
	return made;
}

static void assert_time(int64_t got, const char *expected, const char *what)
{
	char text[CLOCK_TEXT_BYTES];
	clock_format(got, text);
	ck_assert_msg(got == time_of(expected), "%s is %s, not %s", what, got ? text : "unknown", expected);
}

START_TEST(windows_and_freezes)
{
	auto_arena arena = {0};
	struct str window = str_of(cases[_i].window);
	struct freeze_question question = {.configuration = load(&arena),
		.zone = zone_cache,
		.service = STR("web"),
		.environment = str_of(cases[_i].environment),
		.target = str_of(cases[_i].target),
		.windows = &window,
		.window_count = window.n > 0,
		.at = time_of(cases[_i].at)};
	struct freeze_answer answer;
	size_t at;
	freeze_look(&question, &arena, &answer);
	ck_assert_str_eq(freeze_kind_names[answer.kind], cases[_i].kind);
	assert_time(answer.since, cases[_i].since, "since");
	assert_time(answer.until, cases[_i].until, "until");
	ck_assert_msg(str_find(answer.reason, str_of(cases[_i].says), &at), "it says \"%.*s\"", STR_ARG(answer.reason));
	ck_assert((answer.kind == FREEZE_NONE) == (answer.reason.n == 0));
}
END_TEST

static const struct {
	const char *service, *environment; /* that are asked about */
	int64_t blocker;                   /* 0: none */
	const char *reason;
} stops[] = {
	{"web", "dev", 1, "the line is stopped for web in dev by ann: it burns"},  /* both fit */
	{"api", "dev", 0, ""},                                                     /* another service */
	{"api", "qa", 2, "the line is stopped for every service in qa: the disk"}, /* of all services */
	{"docs", "staging", 3, "the line is stopped for docs in every environment by bob: wrong"},
	{"docs", "qa", 2, "the line is stopped for every service in qa: the disk"}, /* of two the older */
};

START_TEST(stops_of_the_line)
{
	auto_arena arena = {0};
	struct freeze_blocker items[] = {
		{1, STR("web"), STR("dev"), STR("it burns"), STR("ann"), 10},
		{2, STR(""), STR("qa"), STR("the disk"), STR(""), 20},
		{3, STR("docs"), STR(""), STR("wrong"), STR("bob"), 30},
	};
	struct freeze_blockers blockers = {items, COUNT_OF(items)};
	struct freeze_question question = {.configuration = load(&arena),
		.blockers = &blockers,
		.zone = zone_cache,
		.service = str_of(stops[_i].service),
		.environment = str_of(stops[_i].environment),
		.at = time_of("2026-11-25T13:00:00Z")};
	struct freeze_answer answer;
	freeze_look(&question, &arena, &answer);
	ck_assert_int_eq(answer.blocker, stops[_i].blocker);
	if (!stops[_i].blocker)
		return;
	ck_assert_int_eq(answer.kind, FREEZE_BLOCKER); /* before the freeze of that day */
	ck_assert_msg(str_is(answer.reason, stops[_i].reason), "%.*s", STR_ARG(answer.reason));
	ck_assert_int_eq(answer.since, stops[_i].blocker * 10);
	ck_assert_int_eq(answer.until, 0);
}
END_TEST

START_TEST(a_freeze_leaves_a_service_out)
{
	auto_arena arena = {0};
	struct freeze_question question = {.configuration = load(&arena),
		.zone = zone_cache,
		.service = STR("docs"),
		.environment = STR("week"),
		.at = time_of("2026-12-28T10:00:00Z")};
	struct freeze_answer answer;
	freeze_look(&question, &arena, &answer);
	ck_assert_int_eq(answer.kind, FREEZE_NONE);
}
END_TEST

static const struct zone *no_zone(struct str name)
{
	(void)name;
	return NULL;
}

static const struct {
	enum freeze_kind kind;
	int64_t since, until, blocker;
	const char *says; /* a run waits for ... */
} waits[] = {
	{FREEZE_NONE, 0, 60000000, 0, ""}, /* nothing waits */
	{FREEZE_WINDOW, 60000000, 3600000000, 0, "1970-01-01 01:00 UTC: why (since 1970-01-01 00:01 UTC)"},
	{FREEZE_CALENDAR, 0, 3600000000, 0, "1970-01-01 01:00 UTC: why"}, /* since ever */
	{FREEZE_CALENDAR, 0, 0, 0, "a change of the configuration: why"}, /* without an end */
	{FREEZE_BLOCKER, 60000000, 0, 7, "somebody to lift stop 7: why (since 1970-01-01 00:01 UTC)"},
};

START_TEST(a_wait_says_what_ends_it)
{
	auto_arena arena = {0};
	const struct freeze_answer answer = {.kind = waits[_i].kind,
		.reason = STR("why"),
		.since = waits[_i].since,
		.until = waits[_i].until,
		.blocker = waits[_i].blocker};
	struct str says = freeze_wait(&answer, &arena);
	ck_assert_msg(str_is(says, waits[_i].says), "%.*s", STR_ARG(says));
}
END_TEST

/* A machine without time zones holds what it cannot judge, and says so. */
START_TEST(an_unknown_zone_is_closed)
{
	auto_arena arena = {0};
	static const char *const environments[] = {"prod", "twice"}; /* by an allow, by a deny */
	for (size_t i = 0; i < COUNT_OF(environments); i++) {
		struct freeze_question question = {.configuration = load(&arena),
			.zone = no_zone,
			.environment = str_of(environments[i]),
			.at = time_of("2026-11-24T10:00:00Z")};
		struct freeze_answer answer;
		size_t at;
		freeze_look(&question, &arena, &answer);
		ck_assert_int_eq(answer.kind, FREEZE_WINDOW);
		ck_assert(str_find(answer.reason, STR("time zone"), &at));
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("freeze");
	TCase *tcase = tcase_create("freeze");
	tcase_add_loop_test(tcase, windows_and_freezes, 0, COUNT_OF(cases));
	tcase_add_loop_test(tcase, stops_of_the_line, 0, COUNT_OF(stops));
	tcase_add_test(tcase, a_freeze_leaves_a_service_out);
	tcase_add_loop_test(tcase, a_wait_says_what_ends_it, 0, COUNT_OF(waits));
	tcase_add_test(tcase, an_unknown_zone_is_closed);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
