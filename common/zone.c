#include "common/zone.h"

#include "common/calendar.h"

/* No clock was ever set by more, and none is more than that from UTC. */
#define REACH_S (26 * 3600)

/* How many changes are at or before `at`. */
static size_t changes_until(const struct zone *zone, int64_t at)
{
	size_t low = 0, high = zone->count;
	while (low < high) {
		size_t middle = (low + high) / 2;
		if (zone->changes[middle].at <= at)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static int32_t offset_after(const struct zone *zone, size_t changes)
{
	return changes ? zone->changes[changes - 1].offset : zone->first;
}

int32_t zone_offset(const struct zone *zone, int64_t at)
{
	return offset_after(zone, changes_until(zone, at));
}

bool zone_next_change(const struct zone *zone, int64_t at, int64_t *ret_at)
{
	size_t next = changes_until(zone, at);
	if (next == zone->count)
		return false;
	*ret_at = zone->changes[next].at;
	return true;
}

size_t zone_instants(
	const struct zone *zone, int64_t local, int64_t ret[static ZONE_INSTANTS_MAX], int64_t *ret_gap_end)
{
	size_t count = 0, i = changes_until(zone, local - REACH_S);
	for (; i <= zone->count && count < ZONE_INSTANTS_MAX; i++) {
		/* The stretch of time between change i - 1 and change i. */
		int64_t from = i ? zone->changes[i - 1].at : INT64_MIN,
			until = i < zone->count ? zone->changes[i].at : INT64_MAX;
		int64_t at = local - offset_after(zone, i);
		if (from > local + REACH_S)
			break;
		if (at >= from && at < until)
			ret[count++] = at;
		else if (at >= until && i < zone->count && local - zone->changes[i].offset < until)
			*ret_gap_end = until;
	}
	return count;
}
