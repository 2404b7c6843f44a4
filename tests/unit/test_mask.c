// links: penstock_worker
#include "worker/mask.h"
#include "tests/support/suite.h"

#include <check.h>
#include <stdlib.h>

static const struct {
	const char *values[4];
	const char *text;
	const char *expected;
} cases[] = {
	{{"hunter22"}, "say hunter22 now", "say *** now"},   /* as it is */
	{{"hunter22"}, "hunter22", "***"},                   /* nothing around it */
	{{"hunter22"}, "hunter2 hunter222", "hunter2 ***2"}, /* nearly, and within a word */
	{{"hunter22"}, "huhunter22", "hu***"},               /* a false start that shares its beginning */
	{{"hunter22"}, "hunter22hunter22", "******"},        /* without a gap */
	{{"hunter22"}, "hunter22 hunter22", "*** ***"},      /* with one */
	{{"abcdef", "cdefgh"}, "xabcdefghy", "x***y"},       /* overlapping values */
	{{"bcde", "abcdefghij"}, "abcdefgx bcde abcdefghij",
		"a***fgx *** ***"},                          /* the short one inside a broken long one */
	{{"abc"}, "abc abc", "abc abc"},                     /* too short to be masked */
	{{""}, "anything", "anything"},                      /* an empty value */
	{{"p4ss word/+"}, "q=p4ss%20word%2F%2B&", "q=***&"}, /* in a URL */
	{{"p4ss word/+"}, "q=p4ss%20word%2f%2b&", "q=***&"}, /* and in lower case */
	{{"hunter22"}, "68756e7465723232", "***"},           /* hex */
	{{"jjjj!!!!"}, "6A6A6A6A21212121", "***"},           /* hex in capitals */
	{{"hunter22"}, "aHVudGVyMjI=", "***I="}, /* base64: the last character may mean something else as well */
	{{"hunter22"}, "eGh1bnRlcjIyeQ==", "eG***eQ=="}, /* base64 of "xhunter22y": one byte before it */
	{{"hunter22"}, "eHhodW50ZXIyMnk=", "eHh***nk="}, /* of "xxhunter22y": two bytes before it */
	{{"line one\nline two\n"}, "[line one]\n> line two", "[***]\n> ***"}, /* a key file, quoted line by line */
	{{"  padded value \n"}, "padded value", "***"},                       /* blanks around it are not part of it */
};

static struct mask_set *set_of(size_t i)
{
	struct str values[4];
	struct str_list list = {values, 0};
	for (; list.count < 4 && cases[i].values[list.count]; list.count++)
		values[list.count] = str_of(cases[i].values[list.count]);
	return mask_set_new(&list);
}

static void check_with_pieces(size_t i, size_t piece)
{
	struct mask_set *set = set_of(i);
	struct mask_stream stream;
	auto_buf out = BUF_INIT(4096);
	mask_stream_init(&stream, set);
	struct str rest = str_of(cases[i].text);
	while (rest.n) {
		mask_stream_write(&stream, str_head(rest, piece), &out);
		rest = str_skip(rest, piece < rest.n ? piece : rest.n);
	}
	mask_stream_flush(&stream, &out);
	ck_assert_msg(str_is(buf_str(&out), cases[i].expected), "pieces of %zu: \"%s\" instead of \"%s\"", piece,
		buf_c(&out), cases[i].expected);
	mask_stream_done(&stream);
	mask_set_free(set);
}

START_TEST(masks_whatever_the_pieces)
{
	for (size_t piece = 1; piece <= 20; piece++)
		check_with_pieces((size_t)_i, piece);
}
END_TEST

START_TEST(a_beginning_is_held_back)
{
	struct str value = STR("hunter22");
	struct str_list list = {&value, 1};
	struct mask_set *set = mask_set_new(&list);
	struct mask_stream stream;
	auto_buf out = BUF_INIT(4096);
	mask_stream_init(&stream, set);
	mask_stream_write(&stream, STR("password: hunt"), &out);
	ck_assert_str_eq(buf_c(&out), "password: ");
	mask_stream_write(&stream, STR("ing\n"), &out);
	ck_assert_str_eq(buf_c(&out), "password: hunting\n");
	mask_stream_done(&stream);
	mask_set_free(set);
}
END_TEST

/* A value without end must not grow the buffer without end. */
START_TEST(endless_repetition_is_bounded)
{
	struct str value = STR("aaaaaaaa");
	struct str_list list = {&value, 1};
	struct mask_set *set = mask_set_new(&list);
	struct mask_stream stream;
	auto_buf out = BUF_INIT(1 << 20);
	mask_stream_init(&stream, set);
	for (int i = 0; i < 100000; i++)
		mask_stream_write(&stream, STR("aaaaaaaaaaaa"), &out);
	ck_assert_uint_lt(stream.held.n, 1000);
	mask_stream_write(&stream, STR(" end"), &out);
	mask_stream_flush(&stream, &out);
	ck_assert_str_eq(buf_c(&out), "*** end");
	mask_stream_done(&stream);
	mask_set_free(set);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("mask");
	TCase *all = tcase_create("all");
	tcase_add_loop_test(all, masks_whatever_the_pieces, 0, sizeof cases / sizeof *cases);
	tcase_add_test(all, a_beginning_is_held_back);
	tcase_add_test(all, endless_repetition_is_bounded);
	suite_add_tcase(suite, all);
	return suite_run(suite);
}
