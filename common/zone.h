#ifndef COMMON_ZONE_H
#define COMMON_ZONE_H

/*
 * A time zone as the system's tz database has it: which offset from UTC applies when. Read once, then still, so any
 * number of threads may ask any number of zones: localtime() and TZ know one zone for the whole process. Rules for the
 * time to come reach to the end of the year 2199. All times are whole seconds since 1970.
 */

#include "common/arena.h"
#include "common/err.h"

struct zone_change {
	int64_t at;     /* UTC */
	int32_t offset; /* seconds east of UTC, from then on */
};

struct zone {
	int32_t first; /* the offset before the first change */
	struct zone_change *changes;
	size_t count;
};

enum { ZONE_INSTANTS_MAX = 4 };

/* A TZif file (RFC 8536) of version 2 or later. What it gives lives in the arena. */
bool zone_parse(struct str bytes, struct zone *ret, struct arena *arena, struct err *err);
/* "Europe/Berlin", from TZDIR or /usr/share/zoneinfo. Blocking, but short. ERR_NOT_FOUND: this machine does not have
 * it. */
bool zone_load(struct str name, struct zone *ret, struct arena *arena, struct err *err);

int32_t zone_offset(const struct zone *zone, int64_t at);
/* The first change behind `at`; false: there is none. */
bool zone_next_change(const struct zone *zone, int64_t at, int64_t *ret_at);
/* The instants at which clocks of the zone show a local time (seconds as if it were UTC), in order: one, two when
 * clocks went back over it, none when they went forward over it; *ret_gap_end is then the instant at which they did. */
size_t zone_instants(
	const struct zone *zone, int64_t local, int64_t ret[static ZONE_INSTANTS_MAX], int64_t *ret_gap_end);

#endif
