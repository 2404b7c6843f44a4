#include "common/lang/due.h"

#include "common/calendar.h"
#include "common/mem.h"

enum { DAYS_AHEAD = 3660 }; /* a leap day may be eight years away */

static bool is_due_day(const struct lang_cron *cron, int64_t day)
{
	struct date date = calendar_date(day);
	bool fits_day = cron->days & (1u << date.day), fits_weekday = cron->weekdays & (1u << calendar_weekday(day));
	if (!(cron->months & (1u << date.month)))
		return false;
	return cron->is_any_day || cron->is_any_weekday ? fits_day && fits_weekday : fits_day || fits_weekday;
}

struct search {
	const struct lang_cron *cron;
	const struct zone *zone;
	int64_t after;
	bool is_found;
	int64_t found;
};

static void offer(struct search *search, int64_t at)
{
	if (at > search->after && (!search->is_found || at < search->found)) {
		search->found = at;
		search->is_found = true;
	}
}

static void try_time(struct search *search, int64_t day, int64_t local)
{
	int64_t instants[ZONE_INSTANTS_MAX], gap_end = 0;
	size_t count = zone_instants(search->zone, local, instants, &gap_end);
	if (!search->cron->is_time_of_day) {
		for (size_t i = 0; i < count; i++)
			offer(search, instants[i]);
	} else if (count) {
		offer(search, instants[0]);
	} else if (calendar_day_of(gap_end + zone_offset(search->zone, gap_end)) == day) {
		offer(search, gap_end); /* not where a whole day was left out */
	}
}

/* Whether no clock is set around this day: then its due times are in order. */
static bool is_plain(const struct zone *zone, int64_t day)
{
	int64_t change;
	return !zone_next_change(zone, (day - 2) * SECONDS_PER_DAY, &change) || change > (day + 3) * SECONDS_PER_DAY;
}

static void try_day(struct search *search, int64_t day)
{
	bool is_ordered = is_plain(search->zone, day);
	if (!is_due_day(search->cron, day))
		return;
	for (int minute = 0; minute < 24 * 60; minute++) {
		if (!(search->cron->hours & (1u << (minute / 60))) ||
			!(search->cron->minutes & (UINT64_C(1) << (minute % 60))))
			continue;
		try_time(search, day, day * SECONDS_PER_DAY + minute * 60);
		if (is_ordered && search->is_found)
			return;
	}
}

bool lang_cron_next(const struct lang_cron *cron, const struct zone *zone, int64_t after, int64_t *ret)
{
	struct search search = {.cron = cron, .zone = zone, .after = after};
	int64_t today = calendar_day_of(after + zone_offset(zone, after)), day = today - 1;
	while (!search.is_found && day <= today + DAYS_AHEAD)
		try_day(&search, day++);
	if (!search.is_found)
		return false;
	/* Where clocks went back over midnight, the next day may have begun before. */
	if (!is_plain(zone, day))
		try_day(&search, day);
	*ret = search.found;
	return true;
}

int64_t lang_cron_latest(const struct lang_cron *cron, const struct zone *zone, int64_t due, int64_t now)
{
	static const int64_t windows[] = {3600, SECONDS_PER_DAY, 32 * SECONDS_PER_DAY, 400 * SECONDS_PER_DAY};
	int64_t latest = due, next;
	for (size_t i = 0; i < COUNT_OF(windows); i++) {
		int64_t from = now - windows[i];
		if (from <= due || !lang_cron_next(cron, zone, from, &next) || next > now)
			continue;
		latest = next;
		break;
	}
	while (lang_cron_next(cron, zone, latest, &next) && next <= now)
		latest = next;
	return latest;
}
