#include "common/lang/when.h"

#include "common/lang/syntax.h"
#include "common/mem.h"

#include <strings.h>

struct cron_field {
	const char *name;
	int low, high;
	const char *const *words; /* for low, low + 1, ...; NULL-terminated */
};

static const char *const month_words[] = {
	"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec", NULL};
static const char *const day_words[] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat", NULL};

enum { MINUTE, HOUR, DAY, MONTH, WEEKDAY, CRON_FIELDS };

/* 7 is Sunday too. */
static const struct cron_field cron_fields[CRON_FIELDS] = {
	{"minute", 0, 59, NULL},
	{"hour", 0, 23, NULL},
	{"day of the month", 1, 31, NULL},
	{"month", 1, 12, month_words},
	{"day of the week", 0, 7, day_words},
};

static bool word_to_number(const char *const *words, struct str text, int *ret)
{
	for (int i = 0; words && words[i]; i++) {
		if (text.n == 3 && strncasecmp(text.p, words[i], 3) == 0) {
			*ret = i;
			return true;
		}
	}
	return false;
}

static bool read_point(const struct cron_field *field, struct str text, int *ret, struct err *err)
{
	int64_t number;
	int word;
	if (word_to_number(field->words, text, &word))
		number = field->low + word;
	else if (!str_to_i64(text, &number) || number < field->low || number > field->high)
		return err_set(err, ERR_INVALID, "the %s is %d to %d, not \"%.*s\"", field->name, field->low,
			field->high, STR_ARG(str_brief(text, 20)));
	*ret = (int)number;
	return true;
}

/* "*", "5", "1-5", each perhaps with "/2". */
static bool read_part(const struct cron_field *field, struct str text, uint64_t *bits, struct err *err)
{
	size_t at;
	int64_t step = 1;
	struct str range = text;
	bool has_step = str_find_char(text, '/', &at);
	if (has_step) {
		range = str_head(text, at);
		if (!str_to_i64(str_skip(text, at + 1), &step) || step < 1 || step > field->high)
			return err_set(err, ERR_INVALID, "the %s has a wrong step in \"%.*s\"", field->name,
				STR_ARG(str_brief(text, 20)));
	}
	int low = field->low, high = field->high;
	if (!str_is(range, "*")) {
		bool is_range = str_find_char(range, '-', &at);
		if (!read_point(field, is_range ? str_head(range, at) : range, &low, err))
			return false;
		/* "5/10" goes on from 5 to the end, as in Vixie cron. */
		high = has_step ? field->high : low;
		if (is_range && !read_point(field, str_skip(range, at + 1), &high, err))
			return false;
		if (high < low)
			return err_set(err, ERR_INVALID, "the %s goes backwards in \"%.*s\"", field->name,
				STR_ARG(str_brief(text, 20)));
	}
	for (int64_t i = low; i <= high; i += step)
		*bits |= UINT64_C(1) << i;
	return true;
}

static bool read_field(const struct cron_field *field, struct str text, uint64_t *ret, struct err *err)
{
	uint64_t bits = 0;
	struct str rest = text, part;
	if (str_starts(text, STR(",")) || str_ends(text, STR(",")))
		return err_set(err, ERR_INVALID, "the %s has an empty part in \"%.*s\"", field->name,
			STR_ARG(str_brief(text, 20)));
	while (str_cut(&rest, ',', &part))
		if (!read_part(field, part, &bits, err))
			return false;
	*ret = bits;
	return true;
}

/* "0 0 31 2 *" looks like a schedule and never fires. */
static bool can_come_due(const struct lang_cron *cron)
{
	static const int days[] = {0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	if (!cron->is_any_weekday)
		return true;
	for (int month = 1; month <= 12; month++) {
		uint32_t exist = (uint32_t)((UINT64_C(2) << days[month]) - 2);
		if ((cron->months & (1u << month)) && (cron->days & exist))
			return true;
	}
	return false;
}

bool lang_cron_parse(struct str text, struct lang_cron *ret, struct err *err)
{
	uint64_t bits[CRON_FIELDS];
	struct str rest = text, field;
	bool is_any[CRON_FIELDS], is_wild = false;
	size_t count = 0, at;
	while (str_cut(&rest, ' ', &field)) {
		if (field.n == 0)
			continue;
		if (count == CRON_FIELDS || !read_field(&cron_fields[count], field, &bits[count], err))
			return count < CRON_FIELDS ? false : err_set(err, ERR_INVALID, "a cron line has five fields");
		is_wild |= count <= HOUR && (str_find_char(field, '*', &at) || str_find_char(field, '/', &at));
		is_any[count++] = str_is(field, "*");
	}
	if (count != CRON_FIELDS)
		return err_set(err, ERR_INVALID, "a cron line has five fields, not %zu", count);
	struct lang_cron cron = {
		.minutes = bits[MINUTE],
		.hours = (uint32_t)bits[HOUR],
		.days = (uint32_t)bits[DAY],
		.months = (uint16_t)bits[MONTH],
		.weekdays = (uint8_t)((bits[WEEKDAY] | bits[WEEKDAY] >> 7) & 0x7f),
		.is_any_day = is_any[DAY],
		.is_any_weekday = is_any[WEEKDAY],
		.is_time_of_day =
			!is_wild && __builtin_popcountll(bits[MINUTE]) == 1 && __builtin_popcountll(bits[HOUR]) == 1,
	};
	if (!can_come_due(&cron))
		return err_set(err, ERR_INVALID, "no such day exists, so this would never come due");
	*ret = cron;
	return true;
}

bool lang_cron_check(struct str text, struct err *err)
{
	struct lang_cron ignored;
	return lang_cron_parse(text, &ignored, err);
}

bool lang_time_zone_check(struct str name, struct err *err)
{
	for (const char *const *zone = lang_time_zones; *zone; zone++)
		if (str_is(name, *zone))
			return true;
	const char *nearest = str_nearest(name, lang_time_zones);
	if (nearest)
		return err_set(err, ERR_INVALID, "unknown time zone \"%.*s\"; did you mean \"%s\"?",
			STR_ARG(str_brief(name, 40)), nearest);
	return err_set(err, ERR_INVALID, "unknown time zone \"%.*s\"; write one such as \"Europe/Berlin\" or \"UTC\"",
		STR_ARG(str_brief(name, 40)));
}

static bool read_weekday(struct str text, int *ret, struct err *err)
{
	if (word_to_number(day_words, text, ret))
		return true;
	return err_set(err, ERR_INVALID, "unknown day \"%.*s\"; days are Mon, Tue, Wed, Thu, Fri, Sat and Sun",
		STR_ARG(str_brief(text, 20)));
}

/* "Mon-Thu,Sat"; a range may go over the week's end, since weeks begin on different days. */
static bool read_weekdays(struct str text, uint8_t *ret, struct err *err)
{
	uint8_t bits = 0;
	struct str part;
	while (str_cut(&text, ',', &part)) {
		size_t at;
		int first, last;
		bool is_range = str_find_char(part, '-', &at);
		if (!read_weekday(is_range ? str_head(part, at) : part, &first, err))
			return false;
		last = first;
		if (is_range && !read_weekday(str_skip(part, at + 1), &last, err))
			return false;
		for (int day = first;; day = (day + 1) % 7) {
			bits |= (uint8_t)(1u << day);
			if (day == last)
				break;
		}
	}
	*ret = bits;
	return true;
}

static bool read_time_of_day(struct str text, int32_t *ret, struct err *err)
{
	int64_t hour, minute;
	bool is_shaped = text.n == 5 && text.p[2] == ':' && str_to_i64(str_head(text, 2), &hour) &&
			 str_to_i64(str_skip(text, 3), &minute);
	if (!is_shaped || hour < 0 || minute < 0 || minute > 59 || hour * 60 + minute > 24 * 60)
		return err_set(err, ERR_INVALID, "\"%.*s\" is not a time of day; write it like 09:00",
			STR_ARG(str_brief(text, 20)));
	*ret = (int32_t)(hour * 60 + minute);
	return true;
}

static bool next_word(struct str *rest, struct str *ret)
{
	do {
		if (!str_cut(rest, ' ', ret))
			return false;
	} while (ret->n == 0);
	return true;
}

bool lang_window_parse(struct str text, struct lang_window *ret, struct err *err)
{
	if (str_is(text, "any")) {
		*ret = (struct lang_window){.is_any = true};
		return true;
	}
	struct lang_window window = {0};
	struct str rest = text, days, hours, more;
	size_t at;
	if (!next_word(&rest, &days) || !next_word(&rest, &hours) || !next_word(&rest, &window.time_zone) ||
		next_word(&rest, &more) || !str_find_char(hours, '-', &at))
		return err_set(err, ERR_INVALID, "%s", lang_syntax_rules[SYNTAX_WINDOW].words);
	if (!read_weekdays(days, &window.weekdays, err) ||
		!read_time_of_day(str_head(hours, at), &window.from_minute, err) ||
		!read_time_of_day(str_skip(hours, at + 1), &window.until_minute, err) ||
		!lang_time_zone_check(window.time_zone, err))
		return false;
	if (window.from_minute == window.until_minute)
		return err_set(err, ERR_INVALID, "the window ends when it begins; a whole day is 00:00-24:00");
	*ret = window;
	return true;
}

bool lang_window_check(struct str text, struct err *err)
{
	struct lang_window ignored;
	return lang_window_parse(text, &ignored, err);
}
