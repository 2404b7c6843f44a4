// links: penstock_engine penstock_common
#include "common/mem.h"
#include "server/engine/alarm.h"
#include "tests/support/suite.h"

#include <check.h>
#include <stdio.h>

/* An alarm's life as a line of events: "10 breach" is a sample ten seconds on, "40 look" only that time has passed.
 * Behind each stands the state it leaves. */

#define SECOND INT64_C(1000000)
#define BEGIN  (INT64_C(1700000000) * SECOND)

struct step {
	int at;
	const char *event, *state;
};

struct life {
	const char *what;
	int for_s, interval_s;
	bool is_told;
	struct step steps[10];
	int fired_at; /* 0: no episode at the end */
};

static const struct life lives[] = {
	{"is unknown until a fine sample", 0, 10, false, {{1, "look", "unknown"}, {5, "fine", "ok"}}, 0},
	{"fires at once without a `for`", 0, 10, false, {{1, "fine", "ok"}, {11, "breach", "firing"}}, 11},
	{"is ok again with the first fine sample", 0, 10, false,
		{{1, "fine", "ok"}, {11, "breach", "firing"}, {21, "fine", "ok"}}, 0},
	{"fires when the breach has lasted, to the second", 20, 10, false,
		{{1, "fine", "ok"}, {11, "breach", "ok"}, {21, "breach", "ok"}, {30, "breach", "ok"},
			{31, "breach", "firing"}},
		31},
	{"begins anew behind a fine sample", 20, 10, false,
		{{1, "fine", "ok"}, {11, "breach", "ok"}, {21, "fine", "ok"}, {31, "breach", "ok"},
			{41, "breach", "ok"}, {51, "breach", "firing"}},
		51},
	{"is neither ok nor firing while its first breach lasts", 20, 10, false,
		{{1, "breach", "unknown"}, {11, "breach", "unknown"}, {21, "breach", "firing"}}, 21},
	{"bears one error", 0, 10, false,
		{{1, "fine", "ok"}, {11, "error", "ok"}, {21, "fine", "ok"}, {31, "error", "ok"}}, 0},
	{"is unknown at the second error in a row", 0, 10, false,
		{{1, "fine", "ok"}, {11, "error", "ok"}, {21, "error", "unknown"}, {31, "error", "unknown"}}, 0},
	{"takes no data for an error", 0, 10, false,
		{{1, "fine", "ok"}, {11, "no_data", "ok"}, {21, "error", "unknown"}, {31, "fine", "ok"}}, 0},
	{"never fires by errors, however long", 5, 10, false,
		{{1, "fine", "ok"}, {11, "breach", "ok"}, {21, "error", "ok"}, {31, "error", "unknown"},
			{41, "error", "unknown"}, {51, "breach", "unknown"}, {61, "breach", "firing"}},
		61},
	{"counts a breach over one error", 20, 10, false,
		{{1, "fine", "ok"}, {11, "breach", "ok"}, {21, "error", "ok"}, {31, "breach", "firing"}}, 31},
	{"goes on with its episode when its monitor was away", 0, 10, false,
		{{1, "fine", "ok"}, {11, "breach", "firing"}, {21, "error", "firing"}, {31, "error", "unknown"},
			{41, "breach", "firing"}},
		11},
	{"is unknown when nobody samples it", 0, 10, false,
		{{1, "fine", "ok"}, {32, "look", "ok"}, {33, "look", "unknown"}, {34, "look", "unknown"},
			{40, "fine", "ok"}},
		0},
	{"is unknown when nobody samples it though it fired", 0, 10, false,
		{{1, "breach", "firing"}, {33, "look", "unknown"}}, 1},
	{"does not take a hole between samples for a breach that lasted", 20, 10, false,
		{{1, "fine", "ok"}, {11, "breach", "ok"}, {60, "breach", "ok"}, {70, "breach", "ok"},
			{80, "breach", "firing"}},
		80},
	{"begins anew when the clock goes back", 20, 10, false,
		{{101, "fine", "ok"}, {111, "breach", "ok"}, {50, "breach", "ok"}, {60, "breach", "ok"},
			{70, "breach", "firing"}},
		70},
	{"is not silent when the clock goes back", 0, 10, false,
		{{1000, "fine", "ok"}, {10, "look", "ok"}, {20, "fine", "ok"}}, 0},
	{"stays firing when the clock goes back", 20, 10, false,
		{{101, "breach", "unknown"}, {111, "breach", "unknown"}, {121, "breach", "firing"},
			{50, "breach", "firing"}},
		121},
	{"fires by time alone when it was told", 20, 0, true,
		{{1, "fine", "ok"}, {11, "breach", "ok"}, {30, "look", "ok"}, {31, "look", "firing"}}, 31},
	{"stays as it was told when it needs no heartbeat", 0, 0, true,
		{{1, "fine", "ok"}, {90000, "look", "ok"}, {90001, "breach", "firing"}, {990000, "look", "firing"}},
		90001},
	{"is unknown without its heartbeat", 0, 10, true,
		{{1, "fine", "ok"}, {33, "look", "unknown"}, {34, "fine", "ok"}}, 0},
	{"does not fire by time when its monitor fell silent", 60, 10, true,
		{{1, "fine", "ok"}, {11, "breach", "ok"}, {43, "look", "unknown"}, {80, "look", "unknown"}}, 0},
};

static enum alarm_outcome outcome_of(const char *name)
{
	for (int i = 0; i < ALARM_OUTCOME_COUNT; i++)
		if (str_is(str_of(name), alarm_outcome_names[i]))
			return (enum alarm_outcome)i;
	ck_abort_msg("no outcome %s", name);
}

START_TEST(it_lives)
{
	const struct life *life = &lives[_i];
	struct alarm_rules rules = {life->for_s * SECOND, life->interval_s * SECOND, life->is_told};
	struct alarm alarm = {0};
	for (size_t i = 0; i < COUNT_OF(life->steps) && life->steps[i].event; i++) {
		const struct step *step = &life->steps[i];
		int64_t at = BEGIN + step->at * SECOND;
		enum alarm_state before = alarm.state;
		bool has_changed;
		if (str_is(str_of(step->event), "look")) {
			int64_t look_at = alarm_look_at(&alarm, &rules);
			has_changed = alarm_look(&alarm, &rules, at);
			/* Whoever looks only when told to misses nothing. */
			ck_assert_msg(!has_changed || (look_at != 0 && look_at <= at), "%s: at %d, too early for %lld",
				life->what, step->at, (long long)look_at);
		} else {
			struct alarm_sample sample = {.at_us = at, .outcome = outcome_of(step->event)};
			has_changed = alarm_take(&alarm, &rules, &sample);
			ck_assert(alarm.since_us != 0 && alarm.sampled_at_us == at);
		}
		ck_assert_msg(str_is(str_of(alarm_state_names[alarm.state]), step->state), "%s: %s after %s at %d",
			life->what, alarm_state_names[alarm.state], step->event, step->at);
		ck_assert_msg(has_changed == (alarm.state != before), "%s: at %d", life->what, step->at);
		ck_assert(!has_changed || alarm.since_us == at);
	}
	int64_t fired_at = life->fired_at ? BEGIN + life->fired_at * SECOND : 0;
	ck_assert_msg(alarm.fired_at_us == fired_at, "%s: the episode", life->what);
}
END_TEST

START_TEST(nothing_is_known_of_another_definition)
{
	struct alarm_rules rules = {0, 10 * SECOND, false};
	struct alarm alarm = {0};
	struct alarm_sample sample = {.at_us = BEGIN, .outcome = ALARM_BREACH};
	alarm_take(&alarm, &rules, &sample);
	ck_assert(alarm_reset(&alarm, BEGIN + SECOND));
	ck_assert_int_eq(alarm.state, ALARM_UNKNOWN);
	ck_assert(alarm.fired_at_us == 0 && alarm.since_us == BEGIN + SECOND);
	ck_assert(!alarm_reset(&alarm, BEGIN + 2 * SECOND));
	ck_assert(alarm_look_at(&alarm, &rules) == 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("alarm");
	TCase *cases = tcase_create("alarm");
	tcase_add_loop_test(cases, it_lives, 0, COUNT_OF(lives));
	tcase_add_test(cases, nothing_is_known_of_another_definition);
	suite_add_tcase(suite, cases);
	return suite_run(suite);
}
