#include "common/clock.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static int64_t read_clock(clockid_t id)
{
	struct timespec now;
	if (clock_gettime(id, &now) != 0)
		BUG("clock_gettime(%d)", (int)id);
	return (int64_t)now.tv_sec * US_PER_SECOND + now.tv_nsec / 1000;
}

int64_t clock_wall_us(void)
{
	return read_clock(CLOCK_REALTIME);
}

int64_t clock_mono_us(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

void clock_format(int64_t wall_us, char ret_text[static CLOCK_TEXT_BYTES])
{
	int64_t seconds = wall_us / US_PER_SECOND, micros = wall_us % US_PER_SECOND;
	if (micros < 0) {
		micros += US_PER_SECOND;
		seconds--;
	}
	time_t when = (time_t)seconds;
	struct tm tm;
	gmtime_r(&when, &tm);
	char date[24];
	strftime(date, sizeof date, "-%m-%dT%H:%M:%S", &tm);
	/* strftime() writes the year 92 with two digits. */
	snprintf(ret_text, CLOCK_TEXT_BYTES, "%04u%.15s.%06dZ", (unsigned)(tm.tm_year + 1900) % 10000, date,
		(int)micros);
}

void clock_say(int64_t wall_us, char ret_text[static CLOCK_TEXT_BYTES])
{
	char text[CLOCK_TEXT_BYTES];
	clock_format(wall_us, text);
	bool has_seconds = strncmp(text + 17, "00", 2) != 0;
	snprintf(ret_text, CLOCK_TEXT_BYTES, "%.10s %.*s UTC", text, has_seconds ? 8 : 5, text + 11);
}

static bool read_digits(struct str *rest, size_t n, int *ret)
{
	if (rest->n < n)
		return false;
	int value = 0;
	for (size_t i = 0; i < n; i++) {
		if (rest->p[i] < '0' || rest->p[i] > '9')
			return false;
		value = value * 10 + (rest->p[i] - '0');
	}
	*ret = value;
	*rest = str_skip(*rest, n);
	return true;
}

static bool read_char(struct str *rest, const char *allowed)
{
	if (rest->n == 0 || !str_has_only(str_head(*rest, 1), allowed))
		return false;
	*rest = str_skip(*rest, 1);
	return true;
}

static int64_t read_fraction(struct str *rest)
{
	int64_t micros = 0, scale = 100000;
	while (rest->n && rest->p[0] >= '0' && rest->p[0] <= '9') {
		micros += (rest->p[0] - '0') * scale;
		scale /= 10;
		*rest = str_skip(*rest, 1);
	}
	return micros;
}

static bool read_offset(struct str *rest, int *ret_seconds)
{
	if (rest->n == 1 && (rest->p[0] == 'Z' || rest->p[0] == 'z')) {
		*ret_seconds = 0;
		return true;
	}
	int sign = rest->n && rest->p[0] == '-' ? -1 : 1, hours, minutes = 0;
	if (!read_char(rest, "+-") || !read_digits(rest, 2, &hours))
		return false;
	if (rest->n) {
		read_char(rest, ":");
		if (!read_digits(rest, 2, &minutes) || rest->n)
			return false;
	}
	*ret_seconds = sign * (hours * 3600 + minutes * 60);
	return hours < 24 && minutes < 60;
}

static bool is_in_range(const struct tm *tm)
{
	return tm->tm_mon >= 0 && tm->tm_mon < 12 && tm->tm_mday >= 1 && tm->tm_mday <= 31 && tm->tm_hour < 24 &&
	       tm->tm_min < 60 && tm->tm_sec <= 60;
}

/* The years that RFC 3339 and PostgreSQL write with four digits, in seconds since 1970. */
#define YEAR_1_S     INT64_C(-62135596800)
#define YEAR_10000_S INT64_C(253402300800)

bool clock_parse(struct str text, int64_t *ret_us)
{
	struct tm tm = {0};
	int year, month, offset;
	bool has_time = read_digits(&text, 4, &year) && read_char(&text, "-") && read_digits(&text, 2, &month) &&
			read_char(&text, "-") && read_digits(&text, 2, &tm.tm_mday) && read_char(&text, "Tt ") &&
			read_digits(&text, 2, &tm.tm_hour) && read_char(&text, ":") &&
			read_digits(&text, 2, &tm.tm_min) && read_char(&text, ":") && read_digits(&text, 2, &tm.tm_sec);
	if (!has_time)
		return false;
	tm.tm_year = year - 1900;
	tm.tm_mon = month - 1;
	int64_t micros = read_char(&text, ".") ? read_fraction(&text) : 0;
	if (!read_offset(&text, &offset) || !is_in_range(&tm))
		return false;
	int64_t seconds = (int64_t)timegm(&tm) - offset;
	if (seconds < YEAR_1_S || seconds >= YEAR_10000_S)
		return false;
	*ret_us = seconds * US_PER_SECOND + micros;
	return true;
}

static const struct {
	const char *name;
	int64_t ms;
} units[] = {{"w", 604800000}, {"d", 86400000}, {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}};

static const int64_t *find_unit(struct str name)
{
	for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
		if (str_is(name, units[i].name))
			return &units[i].ms;
	return NULL;
}

bool duration_parse(struct str text, int64_t *ret_ms, struct err *err)
{
	int64_t total = 0;
	struct str rest = text;
	while (rest.n) {
		size_t digits = 0, letters;
		while (digits < rest.n && rest.p[digits] >= '0' && rest.p[digits] <= '9')
			digits++;
		for (letters = 0; digits + letters < rest.n; letters++)
			if (rest.p[digits + letters] < 'a' || rest.p[digits + letters] > 'z')
				break;
		int64_t amount, part;
		const int64_t *unit = find_unit((struct str){rest.p + digits, letters});
		if (!unit || !str_to_i64(str_head(rest, digits), &amount))
			break;
		if (__builtin_mul_overflow(amount, *unit, &part) || __builtin_add_overflow(total, part, &total))
			return err_set(err, ERR_INVALID, "duration \"%.*s\" is too long", STR_ARG(text));
		rest = str_skip(rest, digits + letters);
	}
	if (rest.n || text.n == 0)
		return err_set(err, ERR_INVALID, "\"%.*s\" is not a duration; write it like 90s, 20m, 1h30m or 14d",
			STR_ARG(text));
	*ret_ms = total;
	return true;
}

struct str duration_format(struct arena *arena, int64_t ms)
{
	if (ms == 0)
		return STR("0s");
	struct str text = {0};
	for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
		int64_t amount = ms / units[i].ms;
		if (amount == 0)
			continue;
		text = arena_printf(arena, "%.*s%lld%s", STR_ARG(text), (long long)amount, units[i].name);
		ms -= amount * units[i].ms;
	}
	return text;
}
