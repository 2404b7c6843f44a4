// links: penstock_keys
/* The key that seals what must not lie readable in the database: what opens, what does not, and which key files are
 * refused. */
#include "common/buf.h"
#include "common/mem.h"
#include "server/keys/keyring.h"
#include "tests/support/suite.h"

#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[64], path[80];
static struct keyring *keys;
static struct arena arena;

static void setup(void)
{
	struct err err = {0};
	snprintf(folder, sizeof folder, "/tmp/penstock-keys.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(path, sizeof path, "%s/key", folder);
	ck_assert_msg(keyring_open(path, &keys, &err), "%s", err.text);
}

static void teardown(void)
{
	keyring_free(keys);
	arena_done(&arena);
	unlink(path);
	rmdir(folder);
}

static void reopen(void)
{
	keyring_free(take(keys));
	ck_assert(keyring_open(path, &keys, NULL));
}

START_TEST(a_fresh_key_is_for_its_owner_alone)
{
	struct stat info;
	ck_assert_int_eq(stat(path, &info), 0);
	ck_assert_int_eq(info.st_mode & 0777, 0600);
	ck_assert_int_eq(info.st_size, 32);
}
END_TEST

START_TEST(a_sealed_text_opens_after_a_restart)
{
	struct str plain = {0}, sealed = keyring_seal(keys, STR("s3cret"), STR("repository 7"), &arena);
	ck_assert(sealed.n > 6);
	ck_assert_ptr_null(memmem(sealed.p, sealed.n, "s3cret", 6));
	reopen();
	ck_assert(keyring_unseal(keys, sealed, STR("repository 7"), &plain, &arena, NULL));
	ck_assert(str_is(plain, "s3cret"));
}
END_TEST

START_TEST(the_same_text_is_never_sealed_the_same)
{
	struct str one = keyring_seal(keys, STR("s3cret"), STR("a"), &arena);
	struct str two = keyring_seal(keys, STR("s3cret"), STR("a"), &arena);
	ck_assert(!str_eq(one, two));
}
END_TEST

/* What is done to a sealed text before it is opened. */
static const struct {
	const char *what;
	size_t keep; /* bytes; SIZE_MAX: all */
	size_t flip; /* a bit in this byte; SIZE_MAX: none */
	const char *bound_to;
	const char *said;
} spoilt[] = {
	{"moved to another row", SIZE_MAX, SIZE_MAX, "repository 8", "does not open"},
	{"another nonce", SIZE_MAX, 0, "repository 7", "does not open"},
	{"another text", SIZE_MAX, 24, "repository 7", "does not open"},
	{"cut by a byte", 24 + 6 + 15, SIZE_MAX, "repository 7", "does not open"},
	{"shorter than nonce and tag", 39, SIZE_MAX, "repository 7", "39 bytes is damaged"},
	{"nothing", 0, SIZE_MAX, "repository 7", "0 bytes is damaged"},
};

START_TEST(a_spoilt_text_does_not_open)
{
	struct str plain = STR("untouched"), sealed = keyring_seal(keys, STR("s3cret"), STR("repository 7"), &arena);
	struct err err = {0};
	char *bytes = mem_dup(sealed.p, sealed.n);
	ck_assert_uint_eq(sealed.n, 24 + 6 + 16);
	if (spoilt[_i].flip != SIZE_MAX)
		bytes[spoilt[_i].flip] ^= 1;
	struct str given = {bytes, spoilt[_i].keep == SIZE_MAX ? sealed.n : spoilt[_i].keep};
	bool opened = keyring_unseal(keys, given, str_of(spoilt[_i].bound_to), &plain, &arena, &err);
	free(bytes);
	ck_assert_msg(!opened, "%s", spoilt[_i].what);
	ck_assert_msg(strstr(err.text, spoilt[_i].said) != NULL, "%s: %s", spoilt[_i].what, err.text);
	ck_assert(str_is(plain, "untouched"));
}
END_TEST

START_TEST(another_key_opens_nothing)
{
	struct str plain = {0}, sealed = keyring_seal(keys, STR("s3cret"), STR("a"), &arena);
	struct err err = {0};
	unlink(path);
	reopen();
	ck_assert(!keyring_unseal(keys, sealed, STR("a"), &plain, &arena, &err));
	ck_assert_ptr_nonnull(strstr(err.text, "another key"));
}
END_TEST

static const struct {
	const char *what;
	mode_t mode;
	off_t size;
	const char *said;
} refused[] = {
	{"the group may read it", 0640, 32, "chmod 600"},
	{"everybody may read it", 0604, 32, "chmod 600"},
	{"it was cut", 0600, 31, "has 31 bytes, a key has 32"},
	{"it is empty: a new key here would lose all secrets", 0600, 0, "has 0 bytes"},
	{"it grew", 0600, 33, "has 33 bytes"},
};

START_TEST(a_key_file_that_cannot_be_right_is_refused)
{
	struct keyring *opened = NULL;
	struct err err = {0};
	ck_assert_int_eq(truncate(path, refused[_i].size), 0);
	ck_assert_int_eq(chmod(path, refused[_i].mode), 0);
	ck_assert_msg(!keyring_open(path, &opened, &err), "%s", refused[_i].what);
	ck_assert_msg(strstr(err.text, refused[_i].said) != NULL, "%s: %s", refused[_i].what, err.text);
	ck_assert_ptr_nonnull(strstr(err.text, path));
	ck_assert_ptr_null(opened);
}
END_TEST

START_TEST(a_missing_folder_is_said)
{
	struct keyring *opened = NULL;
	struct err err = {0};
	ck_assert(!keyring_open("/nonexistent/key", &opened, &err));
	ck_assert_ptr_nonnull(strstr(err.text, "/nonexistent/key"));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("keyring");
	TCase *cases = tcase_create("keyring");
	tcase_add_checked_fixture(cases, setup, teardown);
	tcase_add_test(cases, a_fresh_key_is_for_its_owner_alone);
	tcase_add_test(cases, a_sealed_text_opens_after_a_restart);
	tcase_add_test(cases, the_same_text_is_never_sealed_the_same);
	tcase_add_loop_test(cases, a_spoilt_text_does_not_open, 0, COUNT_OF(spoilt));
	tcase_add_test(cases, another_key_opens_nothing);
	tcase_add_loop_test(cases, a_key_file_that_cannot_be_right_is_refused, 0, COUNT_OF(refused));
	tcase_add_test(cases, a_missing_folder_is_said);
	suite_add_tcase(suite, cases);
	return suite_run(suite);
}
