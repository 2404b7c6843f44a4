/* TZif files (RFC 8536), and the rule at their end that says how it goes on. */
#include "common/calendar.h"
#include "common/mem.h"
#include "common/zone.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	FILE_BYTES_MAX = 1 << 20,
	HEADER_BYTES = 44,
	TYPE_BYTES = 6, /* offset, daylight saving, name */
	LAST_YEAR = 2199,
};

struct header {
	uint32_t is_ut, is_std, leaps, times, types, chars;
	size_t bytes; /* of the data behind it */
};

static int64_t read_signed(const char *p, size_t bytes)
{
	uint64_t value = (unsigned char)p[0] & 0x80 ? UINT64_MAX : 0;
	for (size_t i = 0; i < bytes; i++)
		value = value << 8 | (unsigned char)p[i];
	return (int64_t)value;
}

static bool read_header(struct str bytes, size_t time_bytes, struct header *ret)
{
	if (bytes.n < HEADER_BYTES || memcmp(bytes.p, "TZif", 4) != 0)
		return false;
	struct header header = {0};
	uint32_t *counts[] = {
		&header.is_ut, &header.is_std, &header.leaps, &header.times, &header.types, &header.chars};
	for (size_t i = 0; i < COUNT_OF(counts); i++) {
		*counts[i] = (uint32_t)read_signed(bytes.p + 20 + 4 * i, 4);
		if (*counts[i] > FILE_BYTES_MAX)
			return false;
	}
	header.bytes = header.times * (time_bytes + 1) + header.types * (size_t)TYPE_BYTES + header.chars +
		       header.leaps * (time_bytes + 4) + header.is_std + header.is_ut;
	*ret = header;
	return header.types > 0 && bytes.n >= HEADER_BYTES + header.bytes;
}

static void add_change(struct zone *zone, int64_t at, int32_t offset, struct arena *arena)
{
	/* A change of the name alone is none. */
	if ((zone->count ? zone->changes[zone->count - 1].offset : zone->first) == offset)
		return;
	zone->changes = arena_grow(arena, zone->changes, sizeof *zone->changes, zone->count);
	zone->changes[zone->count++] = (struct zone_change){at, offset};
}

/* --- the rule: "CET-1CEST,M3.5.0,M10.5.0/3" --- */

enum day_kind { DAY_OF_WEEK, DAY_WITHOUT_LEAP, DAY_FROM_ZERO };

struct rule_day {
	enum day_kind kind;
	int64_t month, week, day;
	int64_t time; /* seconds of that day, may lie outside it */
};

struct rule {
	int32_t standard, saving; /* offsets */
	bool has_saving;
	struct rule_day from, until;
};

static bool skip_char(struct str *rest, char c)
{
	if (rest->n == 0 || rest->p[0] != c)
		return false;
	*rest = str_skip(*rest, 1);
	return true;
}

static bool read_number(struct str *rest, int64_t max, int64_t *ret)
{
	size_t digits = 0;
	while (digits < rest->n && digits < 4 && rest->p[digits] >= '0' && rest->p[digits] <= '9')
		digits++;
	if (digits == 0 || !str_to_i64(str_head(*rest, digits), ret) || *ret > max)
		return false;
	*rest = str_skip(*rest, digits);
	return true;
}

static bool read_name(struct str *rest)
{
	size_t n = 0;
	if (skip_char(rest, '<')) {
		if (!str_find_char(*rest, '>', &n))
			return false;
		*rest = str_skip(*rest, n + 1);
		return true;
	}
	while (n < rest->n && ((rest->p[n] | 32) >= 'a' && (rest->p[n] | 32) <= 'z'))
		n++;
	*rest = str_skip(*rest, n);
	return n >= 3;
}

/* [+-]h[:m[:s]] */
static bool read_time(struct str *rest, int64_t *ret)
{
	int64_t sign = skip_char(rest, '-') ? -1 : 1, hours, minutes = 0, seconds = 0;
	skip_char(rest, '+');
	if (!read_number(rest, 167, &hours))
		return false;
	if (skip_char(rest, ':')) {
		if (!read_number(rest, 59, &minutes))
			return false;
		if (skip_char(rest, ':') && !read_number(rest, 59, &seconds))
			return false;
	}
	*ret = sign * (hours * 3600 + minutes * 60 + seconds);
	return true;
}

static bool read_rule_day(struct str *rest, struct rule_day *ret)
{
	struct rule_day day = {.time = 7200};
	bool ok;
	if (!skip_char(rest, ','))
		return false;
	if (skip_char(rest, 'M')) {
		ok = read_number(rest, 12, &day.month) && skip_char(rest, '.') && read_number(rest, 5, &day.week) &&
		     skip_char(rest, '.') && read_number(rest, 6, &day.day) && day.month > 0 && day.week > 0;
	} else {
		day.kind = skip_char(rest, 'J') ? DAY_WITHOUT_LEAP : DAY_FROM_ZERO;
		ok = read_number(rest, 365, &day.day);
	}
	if (!ok || (skip_char(rest, '/') && !read_time(rest, &day.time)))
		return false;
	*ret = day;
	return true;
}

static bool read_rule(struct str text, struct rule *ret)
{
	struct str rest = text;
	struct rule rule = {0};
	int64_t west;
	if (!read_name(&rest) || !read_time(&rest, &west))
		return false;
	rule.standard = (int32_t)-west;
	if (rest.n) {
		rule.has_saving = true;
		if (!read_name(&rest))
			return false;
		west -= 3600;
		if (rest.n && rest.p[0] != ',' && !read_time(&rest, &west))
			return false;
		rule.saving = (int32_t)-west;
		if (!read_rule_day(&rest, &rule.from) || !read_rule_day(&rest, &rule.until) || rest.n)
			return false;
	}
	*ret = rule;
	return true;
}

static int64_t day_in_year(const struct rule_day *day, int64_t year)
{
	int64_t january = calendar_days((struct date){year, 1, 1});
	switch (day->kind) {
	case DAY_FROM_ZERO:
		return january + day->day;
	case DAY_WITHOUT_LEAP: /* 1 to 365; 60 is March 1 always */
		return january + day->day - 1 +
		       (day->day >= 60 && calendar_days((struct date){year, 3, 1}) - january == 60);
	case DAY_OF_WEEK:
		break;
	}
	int64_t first = calendar_days((struct date){year, (int)day->month, 1});
	int64_t found = first + (day->day - calendar_weekday(first) + 7) % 7 + 7 * (day->week - 1);
	/* The fifth is the last. */
	while (calendar_date(found).month != (int)day->month)
		found -= 7;
	return found;
}

static void expand(const struct rule *rule, struct zone *zone, struct arena *arena)
{
	int64_t last = zone->count ? zone->changes[zone->count - 1].at : 0;
	if (!rule->has_saving)
		return;
	for (int64_t year = calendar_date(calendar_day_of(last)).year; year <= LAST_YEAR; year++) {
		struct zone_change pair[] = {
			{day_in_year(&rule->from, year) * SECONDS_PER_DAY + rule->from.time - rule->standard,
				rule->saving},
			{day_in_year(&rule->until, year) * SECONDS_PER_DAY + rule->until.time - rule->saving,
				rule->standard},
		};
		size_t first = pair[1].at < pair[0].at; /* south of the equator */
		for (size_t i = 0; i < 2; i++)
			if (pair[first ^ i].at > last)
				add_change(zone, pair[first ^ i].at, pair[first ^ i].offset, arena);
	}
}

/* --- the file --- */

static bool read_changes(struct str data, const struct header *header, struct zone *zone, struct arena *arena)
{
	const char *indexes = data.p + header->times * (size_t)8, *types = indexes + header->times;
	zone->first = (int32_t)read_signed(types, 4);
	for (uint32_t i = 0; i < header->times; i++) {
		uint32_t type = (unsigned char)indexes[i];
		int64_t at = read_signed(data.p + i * (size_t)8, 8);
		if (type >= header->types || (zone->count && at <= zone->changes[zone->count - 1].at))
			return false;
		add_change(zone, at, (int32_t)read_signed(types + type * (size_t)TYPE_BYTES, 4), arena);
	}
	return true;
}

bool zone_parse(struct str bytes, struct zone *ret, struct arena *arena, struct err *err)
{
	struct header old, header;
	struct zone zone = {0};
	struct rule rule;
	size_t end;
	/* The first part is for readers of 32 bits. */
	if (!read_header(bytes, 4, &old) || bytes.p[4] < '2')
		return err_set(err, ERR_INVALID, "it is no TZif file of version 2 or later");
	struct str rest = str_skip(bytes, HEADER_BYTES + old.bytes);
	if (!read_header(rest, 8, &header) || !read_changes(str_skip(rest, HEADER_BYTES), &header, &zone, arena))
		return err_set(err, ERR_INVALID, "its second part is damaged");
	rest = str_skip(rest, HEADER_BYTES + header.bytes);
	if (!skip_char(&rest, '\n') || !str_find_char(rest, '\n', &end) ||
		(end && !read_rule(str_head(rest, end), &rule)))
		return err_set(err, ERR_INVALID, "the rule at its end is damaged");
	if (end)
		expand(&rule, &zone, arena);
	*ret = zone;
	return true;
}

static bool read_file(const char *path, char *ret, size_t max, size_t *ret_n, struct err *err)
{
	auto_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_set(err, errno == ENOENT ? ERR_NOT_FOUND : ERR_SYSTEM, "%s: %s", path, strerror(errno));
	size_t n = 0;
	ssize_t got;
	while ((got = read(fd, ret + n, max - n)) > 0)
		n += (size_t)got;
	if (got < 0)
		return err_errno(err, "%s", path);
	*ret_n = n;
	return true;
}

bool zone_load(struct str name, struct zone *ret, struct arena *arena, struct err *err)
{
	const char *folder = getenv("TZDIR");
	size_t at, n = 0;
	if (name.n == 0 || name.p[0] == '/' || str_find(name, STR(".."), &at))
		return err_set(err, ERR_INVALID, "\"%.*s\" is no time zone", STR_ARG(str_brief(name, 60)));
	auto_free char *bytes = mem_alloc(FILE_BYTES_MAX);
	auto_arena scratch = {0};
	const char *path =
		arena_printf(&scratch, "%s/%.*s", folder && *folder ? folder : "/usr/share/zoneinfo", STR_ARG(name)).p;
	return (read_file(path, bytes, FILE_BYTES_MAX, &n, err) &&
		       zone_parse((struct str){bytes, n}, ret, arena, err)) ||
	       err_wrap(err, "time zone %.*s (is tzdata installed?)", STR_ARG(name));
}
