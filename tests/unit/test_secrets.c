/* What is taken for a secret and what is not, and the file that lets one pass. Every token here is made up, and in
 * pieces, so that no program that looks for tokens finds one in this file. */
// links: penstock_policy
#include "worker/policy/allow_file.h"
#include "worker/policy/secret_names.h"
#include "worker/policy/secret_shapes.h"

#include "common/mem.h"
#include "tests/support/suite.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define R20   "vN3kQ8rT2mXw5ZbL7pYc"
#define R36   R20 "1HsD9fGj4KaU6eRt"
#define R40   R36 "9QwE"
#define HEX32 "9f86d081884c7d659a2feaa0c55ad015"
#define WORD  "a value that looks random under a name that says secret"

static const struct {
	const char *line;
	const char *what; /* NULL: nothing */
} lines[] = {
	/* shapes */
	{"token: ghp"
	 "_" R36,
		"a GitHub token"},
	{"https://x/?t=gho"
	 "_" R36 "&a=b",
		"a GitHub OAuth token"},
	{"github"
	 "_pat_11ABCDEFG0" R36 "_" R36,
		"a GitHub token"},
	{"GL=glp"
	 "at-" R20,
		"a GitLab token"},
	{"GL=glp"
	 "at-" R20 ".",
		"a GitLab token"}, /* at the end of a sentence */
	{"aws_access_key_id = AK"
	 "IA2E0A8F3B7CQZ5XWV",
		NULL}, /* 8, 0 are not in base32 */
	{"aws_access_key_id = AK"
	 "IAQ3EGTAYB7CQZ5XWV",
		"an AWS access key"},
	{"AK"
	 "IAIOSFODNN7EXAMPLE",
		NULL}, /* the one in AWS' documentation */
	{"AK"
	 "IAQ3EGTAYB7CQZ5XWVQQ",
		NULL}, /* longer than one is: something else */
	{"XAK"
	 "IAQ3EGTAYB7CQZ5XWV",
		NULL}, /* within a word */
	{"key: AI"
	 "zaSyA" R20 "1HsD9fGj4KaU",
		"a Google API key"},
	{"xox"
	 "b-263594206564-" R20,
		"a Slack bot token"},
	{"https://hooks.slack"
	 ".com/services/T02AB3C4D/B05EF6G7H/" R20,
		"the address of a Slack webhook"},
	{"sk"
	 "_live_" R36,
		"a Stripe key"},
	{"sk"
	 "_test_" R36,
		NULL}, /* opens nothing */
	{"//registry.corp.net/:_authToken=npm"
	 "_" R36,
		"an npm token"},
	{"pypi-AgEIcHlwaS5vcmc" R36 R36, "a PyPI token"},
	{"dop"
	 "_v1_" HEX32 HEX32,
		"a DigitalOcean token"},
	{"AGE-SECRET"
	 "-KEY-1QX3ZCVBNM7ASDFGHJKL4QWERTYUP8ZXCVBNM2ASDFGHJKL5QWERTYUP9ZA",
		"an age key"},
	{"ghp"
	 "_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
		NULL}, /* a placeholder */
	{"ghp"
	 "_0000000000000000000000000000000000000",
		NULL},
	{"ghp"
	 "_short",
		NULL},
	{"call ghp"
	 "_token(x)",
		NULL},
	/* JSON Web Tokens: {"alg":"HS256","typ":"JWT"} */
	{"Bearer eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9"
	 ".eyJzdWIiOiIxMjM0NTY3ODkwIn0"
	 "." R36,
		"a JSON Web Token"},
	{"eyJub3QiOiJhIHRva2VuIn0"
	 ".eyJzdWIiOiIxMjM0NTY3ODkwIn0"
	 "." R36,
		NULL}, /* {"not":"a token"} */
	/* addresses */
	{"DATABASE_URL=postgres://app:Xk29fLq8"
	 "@db.internal:5432/app",
		"a password in an address"},
	{"postgres://app:${PASSWORD}@db.internal/app", NULL},
	{"postgres://postgres:postgres@db.internal/app", NULL},
	{"postgres://app:Xk29fLq8@localhost/app", NULL}, /* opens nothing that others reach */
	{"https://user:<password>@host.com", NULL},
	{"see https://a.com/x:y and mail me@b.com", NULL},
	{"git clone ssh://git@host.com:2222/a.git", NULL},
	/* names with values */
	{"api_key = \"" R40 "\"", WORD},
	{"  \"clientSecret\": \"" R40 "\",", WORD},
	{"DB_PASSWORD=" R20, WORD},
	{"secret_key: '" HEX32 "'", WORD},
	{"const AUTH_TOKEN = `" R40 "`;", WORD},
	{"password := \"" R20 "\"", WORD},
	{"checksum = \"" HEX32 "\"", NULL}, /* random, but nobody says it is secret */
	{"public_key = \"" R40 "\"", NULL},
	{"secret_name = \"" R40 "\"", NULL}, /* of a secret: no secret */
	{"api_key = os.environ[\"API_KEY_2_FOR_TESTS\"]", NULL},
	{"token = getTokenFromVault2AndMore(x)", NULL},
	{"password = config.database.password1", NULL},
	{"password: \"correct horse battery staple\"", NULL}, /* this cannot be told from prose */
	{"api_token: \"your-api-token-goes-here-1\"", NULL},  /* words */
	{"apiKey: \"MyVeryLongCamelCaseIdentifier2\"", NULL},
	{"if (token == \"" R40 "\")", NULL}, /* a comparison: with what a test made, mostly */
	{"token: ${{ secrets.TOKEN_1 }}", NULL},
	{"secret: \"" R20 "xxxx\"", NULL},
	{"", NULL},
};

START_TEST(lines_hold_secrets_or_not)
{
	struct secret_scan scan = {0};
	struct secret found[SECRETS_OF_LINE_MAX];
	bool is_before;
	const char *line = lines[_i].line, *what = lines[_i].what;
	size_t count = secrets_in_line(&scan, str_of(line), found, &is_before);
	ck_assert_msg(count == (what != NULL), "%s: %zu, first %s", line, count, count ? found[0].what : "none");
	if (what)
		ck_assert_str_eq(found[0].what, what);
	if (what)
		ck_assert(found[0].value.p == line + found[0].at);
}
END_TEST

static const struct {
	const char *lines[3];
	bool is_key;
	bool is_before; /* found with the line behind the one that it is on */
} keys[] = {
	{{"-----BEGIN RSA PRIVATE"
	  " KEY-----",
		 "MIIEpAIBAAKCAQEA" R40},
		true, true},
	{{"-----BEGIN OPENSSH PRIVATE"
	  " KEY-----",
		 "b3BlbnNzaC1rZXktdjEA" R40},
		true, true},
	{{"+-----BEGIN PRIVATE"
	  " KEY-----",
		 "+MIIEpAIBAAKCAQEA" R40},
		true, true}, /* in a patch */
	{{"\"-----BEGIN PRIVATE"
	  " KEY-----\\nMIIEpAIBAAKCAQEA" R40 "\\n\""},
		true, false}, /* in JSON */
	{{"-----BEGIN PGP PRIVATE"
	  " KEY BLOCK-----",
		 "Version: GnuPG v2"},
		true, true},
	{{"-----BEGIN PUBLIC KEY-----", "MIIEpAIBAAKCAQEA" R40}, false, false},
	{{"-----BEGIN CERTIFICATE-----", "MIIEpAIBAAKCAQEA" R40}, false, false},
	{{"if (str_starts(line, \"-----BEGIN RSA PRIVATE"
	  " KEY-----\"))",
		 "\treturn true;"},
		false, false},
	{{"-----BEGIN RSA PRIVATE"
	  " KEY-----",
		 "...",
		 "-----END RSA PRIVATE"
		 " KEY-----"},
		false, false},
};

START_TEST(keys_are_known_by_what_follows)
{
	struct secret_scan scan = {0};
	struct secret found[SECRETS_OF_LINE_MAX];
	size_t count = 0;
	bool is_before = false;
	for (size_t i = 0; i < 3 && keys[_i].lines[i] && !count; i++)
		count = secrets_in_line(&scan, str_of(keys[_i].lines[i]), found, &is_before);
	ck_assert_uint_eq(count, keys[_i].is_key);
	ck_assert_int_eq(is_before, keys[_i].is_before);
}
END_TEST

/* The one rule that is by guess: none of these texts, which stand in every repository, may look random. */
static const char *const plain[] = {"this-is-a-long-name-of-something-2", "node_modules/.bin/eslint",
	"com.example.application.Main1", "kubernetes-dashboard-v2-csrf", "ABCDEFGHIJKLMNOPQRSTUVWXYZ1",
	"release-2024-01-31-candidate", "aaaaaaaaaaaaaaaaaaaaaaaa1", "eu-central-1.amazonaws.com",
	"GetUserNameFromTheDatabase2", "12345678901234567890", "deadbeefdeadbeef"};

START_TEST(words_do_not_look_random)
{
	ck_assert_msg(!secret_looks_random(str_of(plain[_i])), "%s", plain[_i]);
}
END_TEST

static size_t faults;
static int32_t fault_line;
static char fault_text[200];

static void on_fault(void *arg, int32_t line, const char *message)
{
	(void)arg;
	faults++;
	fault_line = line;
	snprintf(fault_text, sizeof fault_text, "%s", message);
}

static const struct {
	const char *text, *path, *fingerprint;
	const char *reason; /* "": does not pass */
	const char *fault;  /* "": the file has none */
} allowed[] = {
	{"0123456789abcdef  the key of the manual\n", "a.c", "0123456789abcdef", "the key of the manual", ""},
	{"0123456789abcdef  the key of the manual\n", "a.c", "fedcba9876543210", "", ""},
	{"# a comment\n\ntests/data/** made up\n", "tests/data/a/b.pem", "fedcba9876543210", "made up", ""},
	{"tests/data/** made up\n", "src/a.c", "fedcba9876543210", "", ""},
	{"tests/data/**\n", "tests/data/a", "fedcba9876543210", "",
		"has no reason; write behind it why it may stand there"},
	{"** because\n", "src/a.c", "fedcba9876543210", "",
		"lets everything pass; name a folder, a file or a fingerprint"},
	{"*?/** because\n", "src/a.c", "fedcba9876543210", "",
		"lets everything pass; name a folder, a file or a fingerprint"},
	{"!src/** because\n", "doc/a.c", "fedcba9876543210", "",
		"begins with \"!\"; a line can only let something pass"},
	{"src/[ because\n", "src/[", "fedcba9876543210", "", "anything"},
	/* a message of a commit is in no file, so no glob reaches it */
	{"tests/** made up\n", "", "fedcba9876543210", "", ""},
	{"** x\ntests/data/** made up\n", "tests/data/a", "fedcba9876543210", "made up",
		"lets everything pass; name a folder, a file or a fingerprint"}, /* the other lines count */
};

START_TEST(the_allow_file_lets_pass_what_it_names)
{
	auto_arena arena = {0};
	struct allow_file allow;
	faults = 0;
	allow_file_read(str_of(allowed[_i].text), &allow, &arena, on_fault, NULL);
	struct str reason = allow_file_find(&allow, str_of(allowed[_i].path), str_of(allowed[_i].fingerprint));
	ck_assert_msg(str_is(reason, allowed[_i].reason), "%.*s", STR_ARG(reason));
	ck_assert_uint_eq(faults, allowed[_i].fault[0] != 0);
	if (faults && strcmp(allowed[_i].fault, "anything") != 0)
		ck_assert_str_eq(fault_text, allowed[_i].fault);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("secrets");
	TCase *tcase = tcase_create("secrets");
	tcase_add_loop_test(tcase, lines_hold_secrets_or_not, 0, (int)COUNT_OF(lines));
	tcase_add_loop_test(tcase, keys_are_known_by_what_follows, 0, (int)COUNT_OF(keys));
	tcase_add_loop_test(tcase, words_do_not_look_random, 0, (int)COUNT_OF(plain));
	tcase_add_loop_test(tcase, the_allow_file_lets_pass_what_it_names, 0, (int)COUNT_OF(allowed));
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
