// links: penstock_common
#include "common/hex.h"
#include "common/mem.h"
#include "tests/support/suite.h"

#include <check.h>
#include <stdlib.h>

/* RFC 4648's vectors, and bytes that use the last two digits. */
static const struct {
	struct str bytes;
	const char *hex;
	const char *base64;
	const char *base64url;
} codes[] = {
	{{"", 0}, "", "", ""},
	{{"f", 1}, "66", "Zg==", "Zg"},
	{{"fo", 2}, "666f", "Zm8=", "Zm8"},
	{{"foo", 3}, "666f6f", "Zm9v", "Zm9v"},
	{{"foob", 4}, "666f6f62", "Zm9vYg==", "Zm9vYg"},
	{{"\xfb\xff\xfe\0", 4}, "fbfffe00", "+//+AA==", "-__-AA"},
};

START_TEST(codes_go_both_ways)
{
	auto_arena arena = {0};
	struct str decoded;
	ck_assert(str_is(hex_encode(&arena, codes[_i].bytes), codes[_i].hex));
	ck_assert(hex_decode(&arena, str_of(codes[_i].hex), &decoded));
	ck_assert(str_eq(decoded, codes[_i].bytes));
	ck_assert(str_is(base64_encode(&arena, codes[_i].bytes), codes[_i].base64));
	ck_assert(base64_decode(&arena, str_of(codes[_i].base64), &decoded));
	ck_assert(str_eq(decoded, codes[_i].bytes));
	ck_assert(str_is(base64url_encode(&arena, codes[_i].bytes), codes[_i].base64url));
	ck_assert(base64url_decode(&arena, str_of(codes[_i].base64url), &decoded));
	ck_assert(str_eq(decoded, codes[_i].bytes));
}
END_TEST

static const struct {
	bool (*decode)(struct arena *arena, struct str text, struct str *ret);
	const char *text;
} wrongs[] = {
	{hex_decode, "6"},  /* half a byte */
	{hex_decode, "6g"}, /* not a digit */
	{hex_decode, " 66"},
	{base64_decode, "Zg"},   /* padding is missing */
	{base64_decode, "Zh=="}, /* bits behind the end */
	{base64_decode, "Z==="},
	{base64_decode, "Zm9v\n"},
	{base64_decode, "-__-AA=="}, /* the other alphabet */
	{base64url_decode, "Zg=="},
	{base64url_decode, "+//+AA"},
	{base64url_decode, "Z"},
};

START_TEST(wrong_text_is_refused)
{
	auto_arena arena = {0};
	struct str decoded = STR("untouched");
	ck_assert(!wrongs[_i].decode(&arena, str_of(wrongs[_i].text), &decoded));
	ck_assert(str_is(decoded, "untouched"));
}
END_TEST

START_TEST(hex_has_a_fixed_length)
{
	uint8_t bytes[2] = {7, 7};
	ck_assert(!hex_decode_to(STR("0102FF"), bytes, sizeof bytes));
	ck_assert_int_eq(bytes[0], 7);
	ck_assert(hex_decode_to(STR("01fF"), bytes, sizeof bytes));
	ck_assert_int_eq(bytes[1], 255);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("hex");
	TCase *cases = tcase_create("hex");
	tcase_add_loop_test(cases, codes_go_both_ways, 0, COUNT_OF(codes));
	tcase_add_loop_test(cases, wrong_text_is_refused, 0, COUNT_OF(wrongs));
	tcase_add_test(cases, hex_has_a_fixed_length);
	suite_add_tcase(suite, cases);
	return suite_run(suite);
}
