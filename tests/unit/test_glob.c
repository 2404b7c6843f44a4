// links: penstock_common
#include "common/glob.h"

#include "common/mem.h"
#include "tests/support/suite.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *pattern;
	const char *text;
	bool is_match;
} matches[] = {
	{"main", "main", true},
	{"main", "main2", false}, /* the whole text, not a prefix */
	{"main", "", false},
	{"*", "main", true},
	{"*", "", true},
	{"*", "a/b", false}, /* one star stays in its part */
	{"a*c", "abbbc", true},
	{"a*c", "ac", true},
	{"a*b*c", "aXbXbc", true}, /* has to look further than the first b */
	{"release/*", "release/1.2", true},
	{"release/*", "release/1/2", false},
	{"?", "a", true},
	{"?", "/", false},
	{"?", "ä", true},    /* a character, not a byte */
	{"?", "\xff", true}, /* a byte that is no UTF-8 counts as one character */
	{"**", "a/b/c", true},
	{"**", "", true},
	{"hotfix/**", "hotfix/a/b", true},
	{"hotfix/**", "hotfix", false}, /* what is below, not the folder itself */
	{"**/x.c", "x.c", true},        /* a part of ** may be no part */
	{"**/x.c", "a/b/x.c", true},
	{"**/x.c", "ax.c", false},
	{"a/**/b", "a/b", true},
	{"a/**/b", "a/x/y/b", true},
	{"a/**/b", "ab", false},
	{"a/**/**/b", "a/b", true},
	{"a**b", "aX/Yb", true}, /* inside a part it still crosses */
	{"a**/b", "ab", false},  /* but is not a part of its own, so the slash stays */
	{"***", "a/b", true},
	{"[a-c]", "b", true},
	{"[a-c]", "d", false},
	{"[!a-c]", "d", true},
	{"[^a-c]", "b", false},
	{"[!a]", "/", false}, /* a class never crosses either */
	{"[a-]", "-", true},  /* a dash at the end is plain */
	{"[\\]]", "]", true},
	{"[ä-ü]", "ö", true},
	{"v[0-9].[0-9]", "v1.2", true},
	{"{a,b}", "b", true},
	{"{a,b}", "c", false},
	{"{a,b,c}/x", "c/x", true},
	{"x{,y}", "x", true}, /* an empty choice */
	{"{a{1,2},b}c", "a2c", true},
	{"{a{1,2},b}c", "a3c", false},
	{"{**/,}x", "a/b/x", true},
	{"{src,lib}/**/*.{c,h}", "lib/deep/down/x.h", true},
	{"\\*", "*", true},
	{"\\*", "a", false},
	{"a,b}", "a,b}", true}, /* plain outside a choice */
	{"[a", "a", false},     /* malformed: nothing */
	{"", "", false},
};

START_TEST(one_pattern_matches)
{
	ck_assert_msg(glob_match(str_of(matches[_i].pattern), str_of(matches[_i].text)) == matches[_i].is_match,
		"%s against %s", matches[_i].pattern, matches[_i].text);
}
END_TEST

static const struct {
	const char *patterns[4];
	const char *text;
	bool is_match;
} lists[] = {
	{{NULL}, "a", false},                                               /* an empty list: nothing */
	{{"a", "b"}, "b", true},                                            /* any of them */
	{{"**", "!docs/**"}, "docs/x", false},                              /* taken out */
	{{"**", "!docs/**"}, "src/x", true}, {{"!docs/**"}, "src/x", true}, /* only takes out: starts from all */
	{{"!docs/**"}, "docs/x", false}, {{"**", "!d/**", "d/keep"}, "d/keep", true}, /* the last one decides */
	{{"!d/**", "d/keep"}, "other", false}, /* with one that takes in it starts from nothing */
};

START_TEST(the_last_match_decides)
{
	struct str items[4];
	struct str_list list = {.items = items};
	while (list.count < 4 && lists[_i].patterns[list.count]) {
		items[list.count] = str_of(lists[_i].patterns[list.count]);
		list.count++;
	}
	ck_assert_int_eq(glob_list_match(&list, str_of(lists[_i].text)), lists[_i].is_match);
}
END_TEST

static const struct {
	const char *pattern;
	const char *complaint; /* NULL: fine */
} checks[] = {
	{"src/**/*.c", NULL},
	{"!docs/**", NULL},
	{"", "empty glob"},
	{"!", "empty glob"},
	{"[a", "never closed"},
	{"[", "never closed"},
	{"[]", "empty class"},
	{"[z-a]", "backwards"},
	{"{a,b", "never closed"},
	{"{{{{{{{{{a}}}}}}}}}", "nest more than"},
	{"a\\", "after the last"},
	{"/src", "do not begin with"},
	{"./src", "leave out"},
	{"src/", "\"src/**\""}, /* the way out is in the message */
	{"a//b", "\"//\""},
	{"!/x", "do not begin"},
	{"{[a,b}", "never closed"},
};

START_TEST(check_says_why)
{
	struct err err = {0};
	bool is_fine = glob_check(str_of(checks[_i].pattern), &err);
	ck_assert_int_eq(is_fine, checks[_i].complaint == NULL);
	if (checks[_i].complaint)
		ck_assert_msg(strstr(err.text, checks[_i].complaint) != NULL, "%s", err.text);
}
END_TEST

START_TEST(long_patterns_are_refused)
{
	char pattern[GLOB_BYTES_MAX + 2];
	memset(pattern, ',', sizeof pattern);
	pattern[0] = '{';
	pattern[GLOB_BYTES_MAX - 1] = '}';
	/* the costliest pattern still fits its program */
	ck_assert(glob_check((struct str){pattern, GLOB_BYTES_MAX}, NULL));
	ck_assert(glob_match((struct str){pattern, GLOB_BYTES_MAX}, (struct str){0}));
	ck_assert(!glob_check((struct str){pattern, GLOB_BYTES_MAX + 1}, NULL));
}
END_TEST

START_TEST(a_zero_byte_ends_no_pattern)
{
	ck_assert(!glob_match(STR("a\0b"), STR("a")));
	ck_assert(!glob_match(STR("a\0b"), STR("a\0c")));
	ck_assert(!glob_check(STR("{a\0b"), NULL)); /* and no choice */
}
END_TEST

/* A backtracking matcher would need 2^60 steps here; the test's time limit would say so. */
START_TEST(no_blow_up)
{
	static char text[20000];
	memset(text, 'a', sizeof text);
	struct str pattern = STR("**a**a**a**a**a**a**a**a**a**a**a**a**a**a**a**a**a**a**a**a**b");
	ck_assert(!glob_match(pattern, (struct str){text, sizeof text}));
	text[sizeof text - 1] = 'b';
	ck_assert(glob_match(pattern, (struct str){text, sizeof text}));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("glob");
	TCase *cases = tcase_create("glob");
	tcase_add_loop_test(cases, one_pattern_matches, 0, COUNT_OF(matches));
	tcase_add_loop_test(cases, the_last_match_decides, 0, COUNT_OF(lists));
	tcase_add_loop_test(cases, check_says_why, 0, COUNT_OF(checks));
	tcase_add_test(cases, long_patterns_are_refused);
	tcase_add_test(cases, a_zero_byte_ends_no_pattern);
	tcase_add_test(cases, no_blow_up);
	suite_add_tcase(suite, cases);
	return suite_run(suite);
}
