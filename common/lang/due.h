#ifndef COMMON_LANG_DUE_H
#define COMMON_LANG_DUE_H

/*
 * When a cron line comes due in a time zone, over the days on which clocks are set. A function of its arguments: no
 * clock, no disk. The rules are those of Vixie cron as npm's `croner` has them, which tests/unit/check_croner.py
 * compares:
 *
 * - A line with one minute and one hour ("30 2 * * *") means a time of the day: it comes due once on each of its days.
 *   Where clocks pass over that time, it is due the moment they have been set; where the time comes twice, at the
 * first.
 * - Any other line ("0 * * * *", "30 1,2 * * *") means each minute that clocks show: it is not due at times that do not
 *   come, and due twice at those that come twice.
 * - Where day of the month and day of the week are both other than "*", a day that matches either is enough.
 */

#include "common/lang/when.h"
#include "common/zone.h"

/* Seconds since 1970. The first due time after `after`; false: none in the ten years behind it. */
bool lang_cron_next(const struct lang_cron *cron, const struct zone *zone, int64_t after, int64_t *ret);
/* The latest due time up to `now`, where `due` is one, not after now: what is to be made up for after a time without
 * anybody. */
int64_t lang_cron_latest(const struct lang_cron *cron, const struct zone *zone, int64_t due, int64_t now);

#endif
