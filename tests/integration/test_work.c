// links: penstock_io penstock_auth penstock_blobs
/* The thread pool: what common/io/work.h promises, users of it that share something, and that ThreadSanitizer finds a
 * race there. */
#include "common/arena.h"
#include "common/digest.h"
#include "common/io/work.h"
#include "common/mem.h"
#include "server/auth/password.h"
#include "server/blobs/blob_store.h"
#include "tests/support/suite.h"

#include <check.h>
#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#ifdef __SANITIZE_THREAD__
#include <sanitizer/common_interface_defs.h>
#endif

static uv_loop_t loop;

static void run_loop(void)
{
	uv_run(&loop, UV_RUN_DEFAULT);
	ck_assert_int_eq(uv_loop_close(&loop), 0);
}

static void ignore_end(void *arg, bool is_cancelled)
{
	(void)arg;
	ck_assert(!is_cancelled);
}

/* --- the promise --- */

struct errand {
	pthread_t ran_on, done_on;
	int runs, dones;
	struct errand *next; /* begun at the end of this one */
};

static void errand_run(void *arg)
{
	struct errand *errand = arg;
	errand->ran_on = pthread_self();
	errand->runs++;
}

static void errand_done(void *arg, bool is_cancelled)
{
	struct errand *errand = arg;
	ck_assert(!is_cancelled);
	ck_assert_int_eq(errand->runs, 1);
	errand->done_on = pthread_self();
	errand->dones++;
	if (errand->next)
		work_submit(&loop, errand_run, errand_done, errand->next);
}

START_TEST(each_errand_runs_once_off_the_loop_and_ends_once_on_it)
{
	/* More than the pool has threads; the last is begun by the one before, from its own end. */
	struct errand errands[101] = {0};
	errands[99].next = &errands[100];
	uv_loop_init(&loop);
	for (size_t i = 0; i < 100; i++)
		work_submit(&loop, errand_run, errand_done, &errands[i]);
	run_loop();
	for (size_t i = 0; i < 101; i++) {
		ck_assert_int_eq(errands[i].runs, 1);
		ck_assert_int_eq(errands[i].dones, 1);
		ck_assert(!pthread_equal(errands[i].ran_on, pthread_self()));
		ck_assert(pthread_equal(errands[i].done_on, pthread_self()));
	}
}
END_TEST

/* --- passwords --- */

struct hashing {
	char password[32];
	char hash[PASSWORD_HASH_BYTES];
	const struct hashing *next;
	bool is_hashed, knows_own, knows_other;
};

static void hash(void *arg)
{
	struct hashing *hashing = arg;
	hashing->is_hashed = password_hash(str_of(hashing->password), hashing->hash, NULL);
}

static void compare(void *arg)
{
	struct hashing *hashing = arg;
	hashing->knows_own = password_matches(str_of(hashing->password), hashing->hash);
	hashing->knows_other = password_matches(str_of(hashing->password), hashing->next->hash);
}

START_TEST(passwords_are_hashed_side_by_side)
{
	struct hashing hashings[6] = {0};
	uv_loop_init(&loop);
	for (size_t i = 0; i < COUNT_OF(hashings); i++) {
		snprintf(hashings[i].password, sizeof hashings[i].password, "correct horse %zu", i);
		hashings[i].next = &hashings[(i + 1) % COUNT_OF(hashings)];
		work_submit(&loop, hash, ignore_end, &hashings[i]);
	}
	uv_run(&loop, UV_RUN_DEFAULT);
	for (size_t i = 0; i < COUNT_OF(hashings); i++)
		work_submit(&loop, compare, ignore_end, &hashings[i]);
	run_loop();
	for (size_t i = 0; i < COUNT_OF(hashings); i++) {
		ck_assert(hashings[i].is_hashed);
		ck_assert(hashings[i].knows_own);
		ck_assert(!hashings[i].knows_other);
	}
}
END_TEST

/* --- blobs --- */

static char folder[64];

static int remove_one(const char *path, const struct stat *info, int type, struct FTW *ftw)
{
	(void)info, (void)type, (void)ftw;
	return remove(path);
}

static void make_folder(void)
{
	snprintf(folder, sizeof folder, "/tmp/penstock-work.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
}

static void remove_folder(void)
{
	nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

struct keeping {
	const struct blob_store *store;
	char text[32];
	char sha256[DIGEST_TEXT_BYTES];
	bool is_kept, is_left;
	struct err err;
};

static void keep(void *arg)
{
	struct keeping *keeping = arg;
	auto_free char *path = blob_store_temporary(keeping->store);
	FILE *file = fopen(path, "w");
	fputs(keeping->text, file);
	fclose(file);
	keeping->is_kept = blob_store_put_file(keeping->store, path, str_of(keeping->sha256), &keeping->err);
	keeping->is_left = access(path, F_OK) == 0;
}

START_TEST(blobs_of_the_same_name_are_kept_side_by_side)
{
	struct blob_store *store;
	struct keeping keepings[40] = {0};
	make_folder();
	ck_assert(blob_store_open(folder, &store, NULL));
	uv_loop_init(&loop);
	for (size_t i = 0; i < COUNT_OF(keepings); i++) {
		keepings[i].store = store;
		snprintf(keepings[i].text, sizeof keepings[i].text, "blob %zu", i % 4);
		digest_text_of(str_of(keepings[i].text), keepings[i].sha256);
		work_submit(&loop, keep, ignore_end, &keepings[i]);
	}
	run_loop();
	for (size_t i = 0; i < COUNT_OF(keepings); i++) {
		auto_free char *path = blob_store_path(store, str_of(keepings[i].sha256));
		char actual[DIGEST_TEXT_BYTES];
		int64_t size;
		ck_assert_msg(keepings[i].is_kept, "%s", keepings[i].err.text);
		ck_assert(!keepings[i].is_left);
		ck_assert(blob_store_hash_file(path, actual, &size, NULL));
		ck_assert_str_eq(actual, keepings[i].sha256);
		ck_assert_int_eq(size, 6);
	}
	blob_store_free(store);
	remove_folder();
}
END_TEST

START_TEST(a_blob_of_another_content_is_refused_and_thrown_away)
{
	struct blob_store *store;
	struct keeping keeping = {.text = "what came"};
	make_folder();
	ck_assert(blob_store_open(folder, &store, NULL));
	keeping.store = store;
	digest_text_of(STR("what was promised"), keeping.sha256);
	uv_loop_init(&loop);
	work_submit(&loop, keep, ignore_end, &keeping);
	run_loop();
	ck_assert(!keeping.is_kept);
	ck_assert_int_eq(keeping.err.kind, ERR_CONFLICT);
	ck_assert_ptr_nonnull(strstr(keeping.err.text, "send them again"));
	ck_assert(!keeping.is_left);
	ck_assert(!blob_store_has(store, str_of(keeping.sha256)));
	blob_store_free(store);
	remove_folder();
}
END_TEST

/* --- the detector --- */

#ifdef __SANITIZE_THREAD__
enum { TSAN_EXIT = 66 };

static void count_up(void *arg)
{
	int *shared = arg;
	for (int i = 0; i < 1000; i++)
		++*(volatile int *)shared;
}

/* If this passes without a report, the clean runs of all other tests say nothing. */
START_TEST(a_race_on_the_pool_is_found)
{
	static int shared;
	__sanitizer_set_report_path("stderr");
	uv_loop_init(&loop);
	work_submit(&loop, count_up, ignore_end, &shared);
	count_up(&shared);
	run_loop();
}
END_TEST
#endif

int main(void)
{
	Suite *suite = suite_create("work");
	TCase *cases = tcase_create("work");
	if (sodium_init() < 0)
		return EXIT_FAILURE;
	tcase_set_timeout(cases, 60);
	tcase_add_test(cases, each_errand_runs_once_off_the_loop_and_ends_once_on_it);
	tcase_add_test(cases, passwords_are_hashed_side_by_side);
	tcase_add_test(cases, blobs_of_the_same_name_are_kept_side_by_side);
	tcase_add_test(cases, a_blob_of_another_content_is_refused_and_thrown_away);
#ifdef __SANITIZE_THREAD__
	tcase_add_exit_test(cases, a_race_on_the_pool_is_found, TSAN_EXIT);
#endif
	suite_add_tcase(suite, cases);
	return suite_run(suite);
}
