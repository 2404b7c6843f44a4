#include "common/lang/window.h"

#include "common/calendar.h"

enum { MINUTE_S = 60, REACH_DAYS = 10 };

static bool is_of_day(const struct lang_window *window, int64_t day)
{
	return window->weekdays & (1u << calendar_weekday(day));
}

bool lang_window_holds(const struct lang_window *window, const struct zone *zone, int64_t at)
{
	if (window->is_any)
		return true;
	int64_t local = at + zone_offset(zone, at), day = calendar_day_of(local);
	int64_t minute = (local - day * SECONDS_PER_DAY) / MINUTE_S;
	bool is_over_midnight = window->until_minute < window->from_minute;
	if (!is_over_midnight)
		return is_of_day(window, day) && minute >= window->from_minute && minute < window->until_minute;
	return (is_of_day(window, day) && minute >= window->from_minute) ||
	       (is_of_day(window, day - 1) && minute < window->until_minute);
}

/* The nearest on one side of `at`, which itself counts as before. */
struct search {
	int64_t at;
	bool is_after;
	bool is_found;
	int64_t nearest;
};

static void offer(struct search *search, int64_t edge)
{
	if ((edge > search->at) != search->is_after)
		return;
	bool is_nearer = search->is_after ? edge < search->nearest : edge > search->nearest;
	if (!search->is_found || is_nearer)
		search->nearest = edge;
	search->is_found = true;
}

static void offer_local(struct search *search, const struct zone *zone, int64_t local)
{
	int64_t instants[ZONE_INSTANTS_MAX], ignored;
	size_t count = zone_instants(zone, local, instants, &ignored);
	for (size_t i = 0; i < count; i++)
		offer(search, instants[i]);
}

static bool find(const struct lang_window *window, const struct zone *zone, struct search *search, int64_t *ret)
{
	int64_t today = calendar_day_of(search->at), change = (today - REACH_DAYS) * SECONDS_PER_DAY;
	if (window->is_any)
		return false;
	for (int64_t day = today - REACH_DAYS; day <= today + REACH_DAYS; day++) {
		int64_t midnight = day * SECONDS_PER_DAY;
		int64_t next_day = window->until_minute < window->from_minute ? SECONDS_PER_DAY : 0;
		if (!is_of_day(window, day))
			continue;
		offer_local(search, zone, midnight + window->from_minute * MINUTE_S);
		offer_local(search, zone, midnight + next_day + window->until_minute * MINUTE_S);
	}
	while (zone_next_change(zone, change, &change) && change <= (today + REACH_DAYS) * SECONDS_PER_DAY)
		offer(search, change);
	if (search->is_found)
		*ret = search->nearest;
	return search->is_found;
}

bool lang_window_edge_after(const struct lang_window *window, const struct zone *zone, int64_t at, int64_t *ret)
{
	return find(window, zone, &(struct search){.at = at, .is_after = true}, ret);
}

bool lang_window_edge_before(const struct lang_window *window, const struct zone *zone, int64_t at, int64_t *ret)
{
	return find(window, zone, &(struct search){.at = at}, ret);
}
