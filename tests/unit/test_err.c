// links: penstock_common
#include "common/err.h"
#include "common/str.h"
#include "tests/support/suite.h"

#include <check.h>
#include <errno.h>
#include <string.h>

/* "é" over and over, behind `lead` ASCII characters: one of the two leads puts the cut inside a character. */
static const char *accents(size_t lead)
{
	static char text[2000];
	size_t n = 0;
	while (n < lead)
		text[n++] = 'x';
	while (n + 2 < sizeof text) {
		memcpy(text + n, "\xc3\xa9", 2);
		n += 2;
	}
	text[n] = 0;
	return text;
}

START_TEST(a_long_text_is_cut_between_characters)
{
	struct err err = {0};
	const char *text = accents((size_t)_i);
	err_set(&err, ERR_INVALID, "%s", text);
	ck_assert(str_is_utf8(str_of(err.text)));
	ck_assert_uint_ge(strlen(err.text), sizeof err.text - 2);
	err_wrap(&err, "step %s", "a");
	ck_assert(str_is_utf8(str_of(err.text)));
	ck_assert_int_eq(strncmp(err.text, "step a: ", 8), 0);
	errno = ENOENT;
	err_errno(&err, "%.*s", (int)sizeof err.text - 4, text);
	ck_assert(str_is_utf8(str_of(err.text)));
	ck_assert_int_eq(err.os, ENOENT);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("err");
	TCase *all = tcase_create("all");
	tcase_add_loop_test(all, a_long_text_is_cut_between_characters, 0, 2);
	suite_add_tcase(suite, all);
	return suite_run(suite);
}
