// links: penstock_common
#include "common/digest.h"
#include "common/hex.h"
#include "common/mem.h"
#include "common/random.h"
#include "tests/support/suite.h"

#include <check.h>
#include <stdlib.h>

/* FIPS 180-4's examples. */
static const struct {
	const char *text;
	const char *digest;
} digests[] = {
	{"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
	{"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
	{"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
		"248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
};

START_TEST(digest_is_the_same_at_once_and_in_pieces)
{
	char text[DIGEST_TEXT_BYTES];
	uint8_t bytes[DIGEST_BYTES];
	struct str whole = str_of(digests[_i].text);
	digest_text_of(whole, text);
	ck_assert_str_eq(text, digests[_i].digest);
	auto_digest digest;
	digest_init(&digest);
	for (size_t i = 0; i < whole.n; i++)
		digest_add(&digest, (struct str){whole.p + i, 1});
	digest_end(&digest, bytes);
	hex_write(bytes, sizeof bytes, text);
	ck_assert_str_eq(text, digests[_i].digest);
}
END_TEST

/* RFC 4231, cases 2 and 6; and an empty key, which OpenSSL would take for the last one. */
static const struct {
	const char *key;
	const char *text;
	const char *hmac;
} hmacs[] = {
	{"Jefe", "what do ya want for nothing?", "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
	{NULL, "Test Using Larger Than Block-Size Key - Hash Key First",
		"60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
	{"", "", "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad"},
};

START_TEST(hmac_matches_the_standard)
{
	uint8_t hmac[DIGEST_BYTES];
	char text[DIGEST_TEXT_BYTES], long_key[131];
	for (size_t i = 0; i < sizeof long_key; i++)
		long_key[i] = (char)0xaa;
	struct str key = hmacs[_i].key ? str_of(hmacs[_i].key) : (struct str){long_key, sizeof long_key};
	digest_hmac(key, str_of(hmacs[_i].text), hmac);
	hex_write(hmac, sizeof hmac, text);
	ck_assert_str_eq(text, hmacs[_i].hmac);
}
END_TEST

START_TEST(equal_means_equal)
{
	ck_assert(digest_equal(STR("abc"), STR("abc")));
	ck_assert(!digest_equal(STR("abc"), STR("abd")));
	ck_assert(!digest_equal(STR("abc"), STR("abcd")));
	ck_assert(digest_equal((struct str){0}, STR("")));
}
END_TEST

START_TEST(tokens_differ_and_say_what_they_are)
{
	auto_arena arena = {0};
	struct str one = random_token(&arena, "pwk"), two = random_token(&arena, "pwk"), bytes;
	ck_assert(!str_eq(one, two));
	ck_assert(str_starts(one, STR("pwk_")));
	ck_assert(base64url_decode(&arena, str_skip(one, 4), &bytes));
	ck_assert_uint_eq(bytes.n, 32);
	ck_assert_uint_ne(random_u64(), random_u64());
}
END_TEST

static const struct {
	const char *version, *shown;
} briefs[] = {
	{"sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", "sha256:0123456789ab"},
	{"0123456789abcdef0123456789abcdef01234567", "0123456789ab"}, /* a commit */
	{"v1.2.3", "v1.2.3"},                                         /* people's own names stay */
	{"sha256:abc", "sha256:abc"},                                 /* too short to be one */
	{"release-of-the-third-of-may-with-a-long-name",
		"release-of-the-third-of-may-with-a-long-name"}, /* no digits */
	{"", ""},
};

START_TEST(versions_are_shown_as_short_as_they_may_be)
{
	struct str shown = digest_brief(str_of(briefs[_i].version));
	ck_assert(str_is(shown, briefs[_i].shown));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("digest");
	TCase *cases = tcase_create("digest");
	tcase_add_loop_test(cases, digest_is_the_same_at_once_and_in_pieces, 0, COUNT_OF(digests));
	tcase_add_loop_test(cases, hmac_matches_the_standard, 0, COUNT_OF(hmacs));
	tcase_add_test(cases, equal_means_equal);
	tcase_add_loop_test(cases, versions_are_shown_as_short_as_they_may_be, 0, COUNT_OF(briefs));
	tcase_add_test(cases, tokens_differ_and_say_what_they_are);
	suite_add_tcase(suite, cases);
	return suite_run(suite);
}
