// links: penstock_worker
#include "worker/log_filter.h"
#include "tests/support/suite.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static struct log_filter filter;
static struct buf out;

static void set_up(void)
{
	log_filter_init(&filter, NULL, 1 << 20);
	buf_init(&out, 4 << 20);
}

static void tear_down(void)
{
	log_filter_done(&filter);
	buf_done(&out);
}

static void assert_counts(void)
{
	int64_t lines = 0;
	for (size_t i = 0; i < out.n; i++)
		lines += out.p[i] == '\n';
	ck_assert_int_eq(filter.bytes, (int64_t)out.n);
	ck_assert_int_eq(filter.lines, lines);
}

START_TEST(bytes_stay_as_they_are)
{
	/* Colours, carriage returns, zeros, bytes that are no UTF-8. */
	struct str text = STR("\x1b[31mred\x1b[0m\r50%\r100%\n\0\xff\xfe\n");
	log_filter_write(&filter, text, &out);
	log_filter_flush(&filter, &out);
	ck_assert(str_eq(buf_str(&out), text));
	assert_counts();
}
END_TEST

START_TEST(an_open_line_is_ended_by_a_flush)
{
	log_filter_write(&filter, STR("one\ntwo"), &out);
	ck_assert_str_eq(buf_c(&out), "one\ntwo");
	ck_assert_int_eq(filter.lines, 1);
	log_filter_flush(&filter, &out);
	log_filter_flush(&filter, &out);
	log_filter_write(&filter, STR("three\n"), &out);
	ck_assert_str_eq(buf_c(&out), "one\ntwo\nthree\n");
	assert_counts();
}
END_TEST

START_TEST(an_endless_line_is_cut)
{
	char piece[1000];
	memset(piece, 'x', sizeof piece);
	for (int i = 0; i < 100; i++)
		log_filter_write(&filter, (struct str){piece, sizeof piece}, &out);
	log_filter_write(&filter, STR("\nnext\n"), &out);
	static const char tail[] = " [line cut after 65536 bytes]\nnext\n";
	ck_assert_uint_eq(out.n, LOG_LINE_MAX + sizeof tail - 1);
	ck_assert_str_eq(out.p + LOG_LINE_MAX, tail);
	ck_assert(!filter.is_over);
	assert_counts();
}
END_TEST

START_TEST(the_cap_ends_the_log_with_a_note)
{
	log_filter_done(&filter);
	log_filter_init(&filter, NULL, 20);
	log_filter_write(&filter, STR("0123456789\n"), &out);
	ck_assert(!filter.is_over);
	log_filter_write(&filter, STR("abc"), &out);
	log_filter_write(&filter, STR("0123456789\nmore\n"), &out);
	ck_assert(filter.is_over);
	log_filter_write(&filter, STR("and more\n"), &out);
	log_filter_flush(&filter, &out);
	ck_assert_str_eq(buf_c(&out), "0123456789\nabc\n[the log ends here: it reached its limit of 20 bytes]\n");
	assert_counts();
}
END_TEST

START_TEST(large_pieces_pass)
{
	static char piece[300000];
	for (size_t i = 0; i < sizeof piece; i++)
		piece[i] = i % 50 == 49 ? '\n' : 'y';
	log_filter_write(&filter, (struct str){piece, sizeof piece}, &out);
	ck_assert_uint_eq(out.n, sizeof piece);
	ck_assert_mem_eq(out.p, piece, sizeof piece);
	assert_counts();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("log_filter");
	TCase *all = tcase_create("all");
	tcase_add_checked_fixture(all, set_up, tear_down);
	tcase_add_test(all, bytes_stay_as_they_are);
	tcase_add_test(all, an_open_line_is_ended_by_a_flush);
	tcase_add_test(all, an_endless_line_is_cut);
	tcase_add_test(all, the_cap_ends_the_log_with_a_note);
	tcase_add_test(all, large_pieces_pass);
	suite_add_tcase(suite, all);
	return suite_run(suite);
}
