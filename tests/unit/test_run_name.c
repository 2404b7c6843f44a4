/* How a run is named. */
// links: penstock_engine penstock_common
#include "server/engine/run_name.h"
#include "tests/support/suite.h"

#include <check.h>

static const struct {
	const char *text, *repository;
	int64_t number, id;
} good[] = {
	{"web#42", "web", 42, 0}, {"42", "", 0, 42},
	{"a.b-c_d#1", "a.b-c_d", 1, 0},            /* whatever a repository may be called */
	{"7#42", "7", 42, 0},                      /* a repository of digits is no id */
	{"9223372036854775807", "", 0, INT64_MAX}, /* the largest */
	{"web#9223372036854775807", "web", INT64_MAX, 0}, {"web#-7", "web", -7, 0}, /* in no list */
};

static const char *const bad[] = {
	"",                         /* nothing */
	"#42",                      /* no repository */
	"web#",                     /* no number */
	"web",                      /* no number, and no id */
	"0", "web#0",               /* they begin at 1 */
	"-1", "web#--1", "web#-",   /* signs */
	"+1", "web#+1", "web#42#1", /* twice */
	"web#4 2", " 42",           /* blanks */
	"0x10",                     /* digits only */
	"9223372036854775808",      /* one too large */
};

START_TEST(names_are_read)
{
	struct run_name name;
	struct err err = {0};
	ck_assert_msg(run_name_parse(str_of(good[_i].text), &name, &err), "%s: %s", good[_i].text, err.text);
	ck_assert(str_is(name.repository, good[_i].repository));
	ck_assert_int_eq(name.number, good[_i].number);
	ck_assert_int_eq(name.id, good[_i].id);
}
END_TEST

START_TEST(others_are_refused_with_how_to_write_it)
{
	struct run_name name = {.id = 5};
	struct err err = {0};
	size_t at;
	ck_assert_msg(!run_name_parse(str_of(bad[_i]), &name, &err), "%s was taken", bad[_i]);
	ck_assert_int_eq(err.kind, ERR_INVALID);
	ck_assert(str_find(str_of(err.text), STR("web#42"), &at));
	ck_assert_int_eq(name.id, 5); /* untouched */
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("run_name");
	TCase *tcase = tcase_create("run_name");
	tcase_add_loop_test(tcase, names_are_read, 0, sizeof good / sizeof *good);
	tcase_add_loop_test(tcase, others_are_refused_with_how_to_write_it, 0, sizeof bad / sizeof *bad);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
