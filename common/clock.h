#ifndef COMMON_CLOCK_H
#define COMMON_CLOCK_H

/*
 * Time in microseconds. `wall` is since 1970 in UTC and may jump; `mono` only ever grows and measures leases and
 * timeouts. Pure modules never call these: they get the time as an argument.
 */

#include "common/arena.h"
#include "common/err.h"

#include <stdint.h>

#define US_PER_MS     INT64_C(1000)
#define US_PER_SECOND INT64_C(1000000)

int64_t clock_wall_us(void);
int64_t clock_mono_us(void);

enum { CLOCK_TEXT_BYTES = 32 };

/* RFC 3339 in UTC with microseconds, of the years 0 to 9999: "2026-11-21T08:01:13.000042Z". */
void clock_format(int64_t wall_us, char ret_text[static CLOCK_TEXT_BYTES]);
/* For people: "2026-11-21 08:01:13 UTC"; without the seconds where they are 0. */
void clock_say(int64_t wall_us, char ret_text[static CLOCK_TEXT_BYTES]);
/* RFC 3339 with any offset, of the years 1 to 9999, and PostgreSQL's "2026-11-21 08:01:13.000042+00". */
bool clock_parse(struct str text, int64_t *ret_us);

/* "90s", "20m", "1h30m", "14d", "2w", "500ms"; a bare number is refused, since nobody can tell its unit. */
bool duration_parse(struct str text, int64_t *ret_ms, struct err *err);
/* The same form: "1h30m". */
struct str duration_format(struct arena *arena, int64_t ms);

#endif
