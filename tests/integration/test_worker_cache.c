// links: penstock_worker
#include "common/mem.h"
#include "worker/cache.h"

#include <check.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uv.h>

/* What is kept to save work stays below its ceiling, and what was used last stays. */

enum { CEILING = 1 << 20, ITEM_BYTES = 180 << 10 };

static uv_loop_t loop;
static char directory[64];
static struct cache *cache;

static void set_up(void)
{
	struct err err = {0};
	snprintf(directory, sizeof directory, "/tmp/penstock-cache-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(directory));
	uv_loop_init(&loop);
	ck_assert_msg(cache_open(&loop, directory, CEILING, &cache, &err), "%s", err.text);
	uv_run(&loop, UV_RUN_DEFAULT); /* the first look at what is there */
}

static void tear_down(void)
{
	char command[96];
	cache_close(cache);
	ck_assert_int_eq(uv_loop_close(&loop), 0);
	snprintf(command, sizeof command, "rm -rf %s", directory);
	ck_assert_int_eq(system(command), 0);
}

static void shell(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void shell(const char *format, ...)
{
	char script[512], command[700];
	va_list args;
	va_start(args, format);
	vsnprintf(script, sizeof script, format, args);
	va_end(args);
	snprintf(command, sizeof command, "cd %s/cache && { %s; }", directory, script);
	ck_assert_int_eq(system(command), 0);
}

static bool is_there(const char *kind, const char *name)
{
	auto_arena arena = {0};
	return access(cache_path(cache, kind, str_of(name), &arena).p, F_OK) == 0;
}

/* A bare repository, as far as the cache is concerned: a tree with a large file deep inside. */
static void add_repository(const char *name, const char *used)
{
	shell("mkdir -p repos/%s/objects/pack", name);
	shell("head -c %d /dev/urandom > repos/%s/objects/pack/p.pack; touch -d %s repos/%s", ITEM_BYTES, name, used,
		name);
}

static void add_file(const char *kind, const char *name, const char *used)
{
	shell("head -c %d /dev/urandom > %s/%s; touch -d %s %s/%s", ITEM_BYTES, kind, name, used, kind, name);
}

static void grow(int64_t bytes)
{
	cache_grew(cache, bytes);
	uv_run(&loop, UV_RUN_DEFAULT);
}

START_TEST(what_was_not_used_for_longest_goes)
{
	add_repository("oldest.git", "2020-01-01");
	add_file("blobs", "old", "2021-01-01");
	add_repository("newer.git", "2022-01-01");
	add_file("checkouts", "new", "2023-01-01");
	add_repository("newest.git", "2024-01-01");
	grow((int64_t)5 * ITEM_BYTES);
	ck_assert(is_there("repos", "oldest.git")); /* 900 KiB and some of 1024 */
	add_file("blobs", "last", "2025-01-01");
	grow(ITEM_BYTES);
	/* Down to four fifths of the ceiling: two go. */
	ck_assert(!is_there("repos", "oldest.git"));
	ck_assert(!is_there("blobs", "old"));
	ck_assert(is_there("repos", "newer.git"));
	ck_assert(is_there("checkouts", "new"));
	ck_assert(is_there("repos", "newest.git"));
	ck_assert(is_there("blobs", "last"));
}
END_TEST

START_TEST(what_is_opened_counts_as_used_and_stays_readable)
{
	char byte;
	for (int i = 0; i < 5; i++) {
		char name[16], used[16];
		snprintf(name, sizeof name, "blob-%d", i);
		snprintf(used, sizeof used, "202%d-01-01", i);
		add_file("blobs", name, used);
	}
	auto_fd int second = cache_open_file(cache, "blobs", STR("blob-1"));
	ck_assert_int_ge(second, 0);
	grow((int64_t)5 * ITEM_BYTES);
	add_repository("large.git", "2025-01-01");
	grow(ITEM_BYTES);
	ck_assert(!is_there("blobs", "blob-0"));
	ck_assert(is_there("blobs", "blob-1"));
	ck_assert(!is_there("blobs", "blob-2"));
	shell("rm blobs/blob-1");
	ck_assert_int_eq(read(second, &byte, 1), 1); /* whoever has it open goes on reading */
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("worker_cache");
	TCase *all = tcase_create("all");
	tcase_add_checked_fixture(all, set_up, tear_down);
	tcase_set_timeout(all, 30);
	tcase_add_test(all, what_was_not_used_for_longest_goes);
	tcase_add_test(all, what_is_opened_counts_as_used_and_stays_readable);
	suite_add_tcase(suite, all);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
