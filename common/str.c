#include "common/str.h"

#include "common/mem.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct str str_of(const char *c_string)
{
	return (struct str){c_string, c_string ? strlen(c_string) : 0};
}

bool str_eq(struct str a, struct str b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

bool str_is(struct str s, const char *c_string)
{
	return str_eq(s, str_of(c_string));
}

int str_compare(struct str a, struct str b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int order = n ? memcmp(a.p, b.p, n) : 0;
	return order ? order : (a.n > b.n) - (a.n < b.n);
}

bool str_starts(struct str s, struct str prefix)
{
	return s.n >= prefix.n && str_eq(str_head(s, prefix.n), prefix);
}

bool str_ends(struct str s, struct str suffix)
{
	return s.n >= suffix.n && str_eq(str_skip(s, s.n - suffix.n), suffix);
}

struct str str_or_empty(struct str s)
{
	return s.p ? s : STR("");
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

struct str str_trim(struct str s)
{
	while (s.n && is_blank(s.p[0]))
		s = str_skip(s, 1);
	while (s.n && is_blank(s.p[s.n - 1]))
		s.n--;
	return s;
}

struct str str_skip(struct str s, size_t n)
{
	if (n >= s.n)
		return (struct str){s.p ? s.p + s.n : NULL, 0};
	return (struct str){s.p + n, s.n - n};
}

struct str str_head(struct str s, size_t n)
{
	return (struct str){s.p, n < s.n ? n : s.n};
}

bool str_find(struct str s, struct str needle, size_t *ret_at)
{
	if (needle.n > s.n)
		return false;
	const char *at = needle.n == 0 ? s.p : memmem(s.p, s.n, needle.p, needle.n);
	if (needle.n && !at)
		return false;
	*ret_at = needle.n ? (size_t)(at - s.p) : 0;
	return true;
}

bool str_find_char(struct str s, char c, size_t *ret_at)
{
	const char *at = s.n ? memchr(s.p, c, s.n) : NULL;
	if (!at)
		return false;
	*ret_at = (size_t)(at - s.p);
	return true;
}

bool str_cut(struct str *rest, char separator, struct str *ret_part)
{
	if (rest->n == 0)
		return false;
	size_t at;
	if (str_find_char(*rest, separator, &at)) {
		*ret_part = str_head(*rest, at);
		*rest = str_skip(*rest, at + 1);
	} else {
		*ret_part = *rest;
		*rest = (struct str){NULL, 0};
	}
	return true;
}

bool str_to_i64(struct str s, int64_t *ret)
{
	char text[24];
	if (s.n == 0 || s.n >= sizeof text || is_blank(s.p[0]) || s.p[0] == '+')
		return false;
	memcpy(text, s.p, s.n);
	text[s.n] = 0;
	char *end;
	errno = 0;
	long long value = strtoll(text, &end, 10);
	if (errno || end != text + s.n)
		return false;
	*ret = value;
	return true;
}

bool str_to_f64(struct str s, double *ret)
{
	char text[64];
	if (s.n == 0 || s.n >= sizeof text)
		return false;
	if (!str_has_only(s, "0123456789+-.eE"))
		return false;
	memcpy(text, s.p, s.n);
	text[s.n] = 0;
	char *end;
	errno = 0;
	double value = strtod(text, &end);
	if (errno || end != text + s.n)
		return false;
	*ret = value;
	return true;
}

size_t str_utf8_length(struct str s)
{
	unsigned char c = (unsigned char)s.p[0];
	size_t n = c < 0x80 ? 1 : c >= 0xc2 && c < 0xe0 ? 2 : c >= 0xe0 && c < 0xf0 ? 3 : c >= 0xf0 && c < 0xf5 ? 4 : 0;
	if (n == 0 || n > s.n)
		return 0;
	for (size_t i = 1; i < n; i++)
		if (((unsigned char)s.p[i] & 0xc0) != 0x80)
			return 0;
	unsigned char second = n > 1 ? (unsigned char)s.p[1] : 0;
	bool is_overlong = (c == 0xe0 && second < 0xa0) || (c == 0xf0 && second < 0x90);
	bool is_surrogate = c == 0xed && second >= 0xa0;
	bool is_beyond = c == 0xf4 && second >= 0x90;
	return is_overlong || is_surrogate || is_beyond ? 0 : n;
}

bool str_is_utf8(struct str s)
{
	while (s.n) {
		size_t n = str_utf8_length(s);
		if (n == 0)
			return false;
		s = str_skip(s, n);
	}
	return true;
}

bool str_has_only(struct str s, const char *allowed)
{
	size_t n = strlen(allowed);
	for (size_t i = 0; i < s.n; i++)
		if (!memchr(allowed, s.p[i], n))
			return false;
	return true;
}

struct str str_whole_chars(struct str s)
{
	for (size_t back = 1; back <= 3 && back <= s.n; back++) {
		unsigned char c = (unsigned char)s.p[s.n - back];
		if ((c & 0xc0) == 0x80)
			continue;
		size_t needed = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : c >= 0xc0 ? 2 : 1;
		return needed > back ? str_head(s, s.n - back) : s;
	}
	return s;
}

struct str str_brief(struct str s, size_t n)
{
	return n < s.n ? str_whole_chars(str_head(s, n)) : s;
}

bool str_blank_controls(char *p, size_t n)
{
	bool is_changed = false;
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)p[i], next = i + 1 < n ? (unsigned char)p[i + 1] : 0;
		bool is_c1 = c == 0xc2 && next >= 0x80 && next < 0xa0;
		if (c >= 0x20 && c != 0x7f && !is_c1)
			continue;
		p[i] = ' ';
		if (is_c1)
			p[++i] = ' ';
		is_changed = true;
	}
	return is_changed;
}

uint32_t str_next_char(struct str *rest)
{
	static const unsigned char lead_masks[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
	size_t n = str_utf8_length(*rest);
	unsigned char mask = n ? lead_masks[n] : 0xff;
	uint32_t c = (unsigned char)rest->p[0] & mask;
	for (size_t i = 1; i < n; i++)
		c = c << 6 | ((unsigned char)rest->p[i] & 0x3f);
	*rest = str_skip(*rest, n ? n : 1);
	return c;
}

#define DISTANCE_MAX 63

static size_t min3(size_t a, size_t b, size_t c)
{
	size_t ab = a < b ? a : b;
	return ab < c ? ab : c;
}

size_t str_distance(struct str a, struct str b, size_t limit)
{
	size_t gap = a.n > b.n ? a.n - b.n : b.n - a.n, least = 0;
	if (a.n > DISTANCE_MAX || b.n > DISTANCE_MAX || gap > limit)
		return limit + 1;
	size_t rows[3][DISTANCE_MAX + 1];
	for (size_t j = 0; j <= b.n; j++)
		rows[0][j] = j;
	for (size_t i = 1; i <= a.n; i++) {
		size_t *now = rows[i % 3], *before = rows[(i + 2) % 3], *older = rows[(i + 1) % 3];
		size_t least_before = least;
		least = now[0] = i;
		for (size_t j = 1; j <= b.n; j++) {
			size_t change = before[j - 1] + (a.p[i - 1] != b.p[j - 1]);
			now[j] = min3(before[j] + 1, now[j - 1] + 1, change);
			bool is_swap = i > 1 && j > 1 && a.p[i - 1] == b.p[j - 2] && a.p[i - 2] == b.p[j - 1];
			if (is_swap && older[j - 2] + 1 < now[j])
				now[j] = older[j - 2] + 1;
			least = now[j] < least ? now[j] : least;
		}
		/* No row behind two such can come back below: most names are told apart by their beginning. */
		if (least > limit && least_before > limit)
			return limit + 1;
	}
	size_t distance = rows[a.n % 3][b.n];
	return distance > limit ? limit + 1 : distance;
}

static size_t nearest_limit(struct str s)
{
	return s.n < 3 ? 1 : s.n < 8 ? 2 : 3;
}

const char *str_nearest(struct str s, const char *const *names)
{
	size_t limit = nearest_limit(s);
	const char *best = NULL;
	size_t best_distance = limit + 1;
	for (; *names; names++) {
		size_t distance = str_distance(s, str_of(*names), limit);
		if (distance < best_distance) {
			best_distance = distance;
			best = *names;
		}
	}
	return best;
}

bool str_list_nearest(const struct str_list *list, struct str s, struct str *ret)
{
	size_t limit = nearest_limit(s), best = limit + 1;
	for (size_t i = 0; i < list->count; i++) {
		size_t distance = str_distance(s, list->items[i], limit);
		if (distance >= best)
			continue;
		best = distance;
		*ret = list->items[i];
	}
	return best <= limit;
}

bool str_list_has(const struct str_list *list, struct str s)
{
	for (size_t i = 0; i < list->count; i++)
		if (str_eq(list->items[i], s))
			return true;
	return false;
}
