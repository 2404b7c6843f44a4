// links: penstock_worker
#include "common/buf.h"
#include "worker/output_file.h"
#include "tests/support/suite.h"

#include <check.h>
#include <stdlib.h>

static struct str names[] = {{"digest", 6}, {"notes", 5}};
static const struct str_list declared = {names, 2};

static const struct {
	const char *text;
	const char *digest; /* NULL: not written */
	const char *notes;
	const char *fault; /* part of the message; NULL: none */
} cases[] = {
	{"", NULL, NULL, NULL},                      /* no output at all */
	{"digest=abc\n", "abc", NULL, NULL},         /* the plain form */
	{"digest=abc", "abc", NULL, NULL},           /* without a line end */
	{"\n  \ndigest=abc\n\n", "abc", NULL, NULL}, /* blank lines */
	{"digest = abc \n", " abc ", NULL, NULL},    /* blanks belong to the value, not to the name */
	{"digest=a=b\n", "a=b", NULL, NULL},         /* more equals signs */
	{"digest=\n", "", NULL, NULL},               /* an empty value */
	{"digest=a\ndigest=b\n", "b", NULL, NULL},   /* the last one counts */
	{"digest=a<<b\n", "a<<b", NULL, NULL},       /* no long form behind an equals sign */
	{"notes<<END\none\n\ntwo=2\nEND\ndigest=x\n", "x", "one\n\ntwo=2", NULL}, /* the long form */
	{"notes<<E\nE\n", NULL, "", NULL},                                        /* with nothing in it */
	{"notes<<END\none\n", NULL, NULL, "line 1: no line \"END\""},             /* that never ends */
	{"notes<<\none\n", NULL, NULL, "line 1: expected a word"},                /* that has no end */
	{"digest\n", NULL, NULL, "line 1: expected name=value"},                  /* no value */
	{"\ndigset=abc\n", NULL, NULL, "line 2: output \"digset\" is not declared; did you mean \"digest\"?"},
	{"zzzzzzzz=1\n", NULL, NULL, "add it to the job's `outputs`"}, /* nothing like it is declared */
	{"digest=\xff\xfe\n", NULL, NULL, "is not text"},              /* no UTF-8 */
};

START_TEST(reads)
{
	auto_arena arena = {0};
	struct pair_list pairs = {0};
	struct err err = {0};
	struct str value;
	size_t at;
	bool ok = output_file_read(str_of(cases[_i].text), &declared, &pairs, &arena, &err);
	ck_assert_msg(ok == !cases[_i].fault, "%s", err.text);
	if (!ok)
		ck_assert_msg(str_find(str_of(err.text), str_of(cases[_i].fault), &at), "%s", err.text);
	ck_assert(pair_find(&pairs, STR("digest"), &value) == (cases[_i].digest != NULL));
	if (cases[_i].digest)
		ck_assert(str_is(value, cases[_i].digest));
	ck_assert(pair_find(&pairs, STR("notes"), &value) == (cases[_i].notes != NULL));
	if (cases[_i].notes)
		ck_assert(str_is(value, cases[_i].notes));
}
END_TEST

START_TEST(refuses_a_value_that_is_too_long)
{
	auto_arena arena = {0};
	auto_buf text = BUF_INIT(1 << 20);
	struct pair_list pairs = {0};
	struct err err = {0};
	buf_add_c(&text, "digest=");
	for (int i = 0; i <= OUTPUT_VALUE_MAX; i++)
		buf_add_char(&text, 'x');
	ck_assert(!output_file_read(buf_str(&text), &declared, &pairs, &arena, &err));
	text.n--;
	ck_assert(output_file_read(buf_str(&text), &declared, &pairs, &arena, &err));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("output_file");
	TCase *all = tcase_create("all");
	tcase_add_loop_test(all, reads, 0, sizeof cases / sizeof *cases);
	tcase_add_test(all, refuses_a_value_that_is_too_long);
	suite_add_tcase(suite, all);
	return suite_run(suite);
}
