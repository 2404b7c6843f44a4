// links: penstock_common
#include "common/str.h"
#include "tests/support/suite.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *text;
	const char *parts[5];
} cuts[] = {
	{"", {NULL}},                   /* an empty text has no part */
	{"a", {"a", NULL}},             /* no separator */
	{"a,,b", {"a", "", "b", NULL}}, /* an empty part in the middle counts */
	{"a,", {"a", NULL}},            /* a separator at the end adds none */
	{",a", {"", "a", NULL}},        /* one at the start does */
};

START_TEST(cut_splits)
{
	struct str rest = str_of(cuts[_i].text), part;
	const char *const *expected = cuts[_i].parts;
	for (; str_cut(&rest, ',', &part); expected++) {
		ck_assert_ptr_nonnull(*expected);
		ck_assert(str_is(part, *expected));
	}
	ck_assert_ptr_null(*expected);
}
END_TEST

static const struct {
	const char *text;
	bool is_number;
	int64_t value;
} numbers[] = {
	{"0", true, 0},
	{"-7", true, -7},
	{"9223372036854775807", true, INT64_MAX},
	{"9223372036854775808", false, 0}, /* one too many */
	{"", false, 0},
	{" 1", false, 0}, /* strtoll would take the blank */
	{"1x", false, 0},
	{"+1", false, 0},
};

START_TEST(numbers_are_strict)
{
	int64_t value = 0;
	ck_assert_int_eq(str_to_i64(str_of(numbers[_i].text), &value), numbers[_i].is_number);
	ck_assert_int_eq(value, numbers[_i].value);
}
END_TEST

static const struct {
	const char *word;
	const char *nearest;
} words[] = {
	{"gates", "gate"},                        /* one letter too many */
	{"jbos", "jobs"},                         /* two letters swapped count as one change */
	{"waves", "waves"}, {"frobnicate", NULL}, /* nothing near */
};

START_TEST(nearest_suggests)
{
	static const char *const names[] = {"gate", "jobs", "waves", NULL};
	const char *nearest = str_nearest(str_of(words[_i].word), names);
	if (words[_i].nearest)
		ck_assert_pstr_eq(nearest, words[_i].nearest);
	else
		ck_assert_ptr_null(nearest);
}
END_TEST

static const struct {
	const char *bytes;
	bool is_utf8;
} texts[] = {
	{"plain", true}, {"\xc3\xa4", true}, {"\xc0\xaf", false}, /* overlong slash */
	{"\xed\xa0\x80", false},                                  /* surrogate */
	{"\xf4\x90\x80\x80", false},                              /* beyond U+10FFFF */
	{"\xe2\x82", false},                                      /* cut short */
};

START_TEST(utf8_is_strict)
{
	ck_assert_int_eq(str_is_utf8(str_of(texts[_i].bytes)), texts[_i].is_utf8);
}
END_TEST

static const struct {
	const char *a, *b;
	size_t limit, distance;
} distances[] = {
	{"", "", 2, 0},
	{"kitten", "sitting", 3, 3},
	{"kitten", "sitting", 2, 3},  /* beyond the limit: one more than it */
	{"abcd", "acbd", 3, 1},       /* neighbours that changed places */
	{"xxabcdef", "abcdef", 2, 2}, /* two rows in which all is near the limit */
	{"xxabcdef", "abcdef", 1, 2}, /* told apart by their length */
	{"abcdef", "ghijkl", 3, 4},   /* and by their beginning */
	{"baabcdef", "abbacdef", 2, 2},
};

START_TEST(distance_is_counted_up_to_the_limit)
{
	ck_assert_uint_eq(str_distance(str_of(distances[_i].a), str_of(distances[_i].b), distances[_i].limit),
		distances[_i].distance);
}
END_TEST

static const struct {
	const char *text;
	size_t n;
	const char *brief;
} briefs[] = {
	{"plain", 9, "plain"},               /* shorter than that */
	{"plain", 3, "pla"},                 /* one byte a character */
	{"\xc3\xa4\xc3\xb6", 2, "\xc3\xa4"}, /* between two */
	{"\xc3\xa4\xc3\xb6", 3, "\xc3\xa4"}, /* inside the second */
	{"a\xf0\x9f\x98\x80", 4, "a"},       /* the longest, one byte short */
	{"a\xf0\x9f\x98\x80z", 5, "a\xf0\x9f\x98\x80"},
	{"\xff\xff\xff", 2, "\xff"},                     /* no beginning of anything, but taken for one */
	{"\x80\x80\x80\x80\x80", 4, "\x80\x80\x80\x80"}, /* no beginning far and wide */
	{"\xc3\xa4", 0, ""},
};

START_TEST(a_quote_holds_no_half_character)
{
	ck_assert(str_is(str_brief(str_of(briefs[_i].text), briefs[_i].n), briefs[_i].brief));
}
END_TEST

static const struct {
	const char *text, *blanked;
} controls[] = {
	{"plain \xc3\xa4 \xe2\x82\xac", "plain \xc3\xa4 \xe2\x82\xac"}, /* nothing to do */
	{"a\033[31mb\r\n\x7f", "a [31mb   "},
	{"a\xc2\x9b"
	 "31mb",
		"a  31mb"},               /* CSI in one character */
	{"\xc2\xa0\xc2", "\xc2\xa0\xc2"}, /* just behind those, and half of one */
};

START_TEST(nothing_is_left_for_a_terminal_to_obey)
{
	char text[40];
	size_t n = strlen(controls[_i].text);
	memcpy(text, controls[_i].text, n + 1);
	bool is_changed = str_blank_controls(text, n);
	ck_assert_str_eq(text, controls[_i].blanked);
	ck_assert_int_eq(is_changed, strcmp(controls[_i].text, controls[_i].blanked) != 0);
}
END_TEST

START_TEST(a_zero_byte_is_in_no_set)
{
	ck_assert(str_has_only(STR("cafe"), "abcdef"));
	ck_assert(str_has_only(STR(""), "abcdef"));
	ck_assert(!str_has_only(STR("cage"), "abcdef"));
	ck_assert(!str_has_only(STR("ca\0e"), "abcdef"));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("str");
	TCase *cases = tcase_create("str");
	tcase_add_loop_test(cases, cut_splits, 0, sizeof cuts / sizeof cuts[0]);
	tcase_add_loop_test(cases, numbers_are_strict, 0, sizeof numbers / sizeof numbers[0]);
	tcase_add_loop_test(cases, nearest_suggests, 0, sizeof words / sizeof words[0]);
	tcase_add_loop_test(cases, utf8_is_strict, 0, sizeof texts / sizeof texts[0]);
	tcase_add_loop_test(cases, distance_is_counted_up_to_the_limit, 0, sizeof distances / sizeof distances[0]);
	tcase_add_loop_test(cases, a_quote_holds_no_half_character, 0, sizeof briefs / sizeof briefs[0]);
	tcase_add_loop_test(cases, nothing_is_left_for_a_terminal_to_obey, 0, sizeof controls / sizeof controls[0]);
	tcase_add_test(cases, a_zero_byte_is_in_no_set);
	suite_add_tcase(suite, cases);
	return suite_run(suite);
}
