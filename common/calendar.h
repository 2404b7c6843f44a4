#ifndef COMMON_CALENDAR_H
#define COMMON_CALENDAR_H

/*
 * Dates of the proleptic Gregorian calendar as days since 1970-01-01, and back. Pure; any year that fits into 32 bits.
 */

#include <stdint.h>

enum { SECONDS_PER_DAY = 86400 };

struct date {
	int64_t year;
	int month; /* 1 to 12 */
	int day;   /* 1 to 31 */
};

int64_t calendar_days(struct date date);
struct date calendar_date(int64_t days);
/* 0: Sunday, to 6. */
int calendar_weekday(int64_t days);
/* The day in which a second since 1970 lies. */
int64_t calendar_day_of(int64_t seconds);

#endif
