#ifndef COMMON_LANG_WHEN_H
#define COMMON_LANG_WHEN_H

/*
 * Times that a pipeline file names: cron lines, time zones, windows. Parsed to small sets here; due.h tells when a cron
 * line comes due.
 */

#include "common/err.h"
#include "common/str.h"

struct lang_cron {
	uint64_t minutes; /* bit n: minute n */
	uint32_t hours;
	uint32_t days;    /* bit 1 to 31 */
	uint16_t months;  /* bit 1 to 12 */
	uint8_t weekdays; /* bit 0: Sunday, to 6 */
	/* The field is "*": where neither is, a day that matches either comes due. */
	bool is_any_day;
	bool is_any_weekday;
	bool is_time_of_day; /* one minute and one hour, without "*" and "/" */
};

/* Five fields with *, lists, ranges, steps, and names of months and days. Lines that never come due are refused. */
bool lang_cron_parse(struct str text, struct lang_cron *ret, struct err *err);
bool lang_cron_check(struct str text, struct err *err);

struct lang_window {
	bool is_any;
	uint8_t weekdays;     /* bit 0: Sunday, to 6 */
	int32_t from_minute;  /* of the day */
	int32_t until_minute; /* not included; up to 24:00; before from_minute: on the next day */
	struct str time_zone;
};

/* "any", or "Mon-Thu,Sat 09:00-16:00 Europe/Berlin". */
bool lang_window_parse(struct str text, struct lang_window *ret, struct err *err);
bool lang_window_check(struct str text, struct err *err);

bool lang_time_zone_check(struct str name, struct err *err);

#endif
