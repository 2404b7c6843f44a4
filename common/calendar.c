#include "common/calendar.h"

/* Years begin in March here, so that the leap day is the last of its year; 400 of them always have as many days. */
enum { DAYS_PER_ERA = 146097, YEARS_PER_ERA = 400, DAYS_TO_1970 = 719468 };

static int64_t floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

int64_t calendar_days(struct date date)
{
	int64_t year = date.month > 2 ? date.year : date.year - 1, era = floor_div(year, YEARS_PER_ERA);
	int64_t year_of_era = year - era * YEARS_PER_ERA;
	int64_t day_of_year = (153 * ((date.month + 9) % 12) + 2) / 5 + date.day - 1;
	return era * DAYS_PER_ERA + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year -
	       DAYS_TO_1970;
}

struct date calendar_date(int64_t days)
{
	int64_t era = floor_div(days + DAYS_TO_1970, DAYS_PER_ERA);
	int64_t day_of_era = days + DAYS_TO_1970 - era * DAYS_PER_ERA;
	int64_t year_of_era =
		(day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / (DAYS_PER_ERA - 1)) / 365;
	int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	int month_from_march = (int)((5 * day_of_year + 2) / 153);
	struct date date = {
		.year = year_of_era + era * YEARS_PER_ERA,
		.month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9,
		.day = (int)(day_of_year - (153 * month_from_march + 2) / 5) + 1,
	};
	date.year += date.month <= 2;
	return date;
}

int calendar_weekday(int64_t days)
{
	int64_t since_sunday = days + 4; /* 1970-01-01 was a Thursday */
	return (int)(since_sunday - 7 * floor_div(since_sunday, 7));
}

int64_t calendar_day_of(int64_t seconds)
{
	return floor_div(seconds, SECONDS_PER_DAY);
}
