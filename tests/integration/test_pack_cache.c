/* The room that packs for workers may take. */
// links: penstock_git penstock_io
#include "server/git/pack_cache.h"

#include "common/clock.h"
#include "common/mem.h"
#include "server/git/mirrors.h"
#include "tests/support/suite.h"

#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uv.h>

enum { FILES_MAX = 6, SIZE = 1000 };

static char folder[64], packs[96], place[160];

static void set_up(void)
{
	snprintf(folder, sizeof folder, "/tmp/penstock-packs.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(packs, sizeof packs, "%s/packs", folder);
	ck_assert_int_eq(mkdir(packs, 0700), 0);
}

static void tear_down(void)
{
	char command[128];
	snprintf(command, sizeof command, "rm -r %s", folder);
	ck_assert_int_eq(system(command), 0);
}

static const char *path_of(const char *name)
{
	snprintf(place, sizeof place, "%s/%s", packs, name);
	return place;
}

static void make(const char *name, int64_t used_s, int64_t written_s)
{
	const struct timespec times[2] = {{.tv_sec = used_s}, {.tv_sec = written_s}};
	auto_fd int fd = open(path_of(name), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	ck_assert_int_eq(ftruncate(fd, SIZE), 0);
	ck_assert_int_eq(futimens(fd, times), 0);
}

struct file {
	const char *name;
	int used_ago_s, written_ago_s;
	bool stays;
};

/* The machine started an hour ago. */
static const struct {
	const char *what;
	int64_t max_bytes;
	struct file files[FILES_MAX];
} rows[] = {
	{"nothing to do", 8 * SIZE, {{"a.pack", 600, 600, true}, {"b.pack", 500, 600, true}}},
	{"nothing there", 8 * SIZE, {{0}}},
	{"what was used longest ago goes, whenever it was written", 2 * SIZE,
		{{"a.pack", 600, 600, false}, {"b.pack", 500, 900, true}, {"c.pack", 700, 700, false}}},
	{"an eighth is made free", 4 * SIZE,
		{{"a.pack", 600, 600, true}, {"b.pack", 500, 600, true}, {"c.pack", 400, 600, true},
			{"d.pack", 800, 900, false}, {"e.pack", 900, 900, false}}},
	{"what may be on its way to somebody stays", SIZE,
		{{"a.pack", 5, 600, true}, {"b.pack", 59, 600, true}, {"c.pack", 61, 600, false}}},
	{"what is made now stays, what nobody makes any more goes", 8 * SIZE,
		{{"a.pack.part", 30, 30, true}, {"b.pack.part", 1000, 1000, false}}},
	{"a crash of the machine may have left holes", 8 * SIZE,
		{{"a.pack", 5, 3700, false}, {"b.pack", 5, 3500, true}}},
	{"other files are somebody else's", 0, {{"README", 9000, 9000, true}, {"a.pack", 600, 600, false}}},
};

START_TEST(room_is_made)
{
	int64_t now_s = clock_wall_us() / US_PER_SECOND;
	struct pack_sweep done;
	struct err err = {0};
	int64_t removed = 0;
	for (const struct file *file = rows[_i].files; file->name; file++)
		make(file->name, now_s - file->used_ago_s, now_s - file->written_ago_s);
	ck_assert_msg(pack_cache_sweep(packs, rows[_i].max_bytes, now_s * US_PER_SECOND, (now_s - 3600) * US_PER_SECOND,
			      &done, &err),
		"%s", err.text);
	for (const struct file *file = rows[_i].files; file->name; file++) {
		bool is_there = access(path_of(file->name), F_OK) == 0;
		ck_assert_msg(is_there == file->stays, "%s: %s", rows[_i].what, file->name);
		removed += !file->stays;
	}
	ck_assert_int_eq(done.removed, removed);
}
END_TEST

START_TEST(a_use_keeps_it_and_only_that)
{
	int64_t now_us = clock_wall_us(), now_s = now_us / US_PER_SECOND;
	struct pack_sweep done;
	make("a.pack", now_s - 900, now_s - 900);
	make("b.pack", now_s - 800, now_s - 800);
	ck_assert(pack_cache_use(path_of("a.pack")));
	ck_assert(!pack_cache_use(path_of("never.pack")));
	ck_assert(pack_cache_sweep(packs, SIZE, now_us, 0, &done, NULL));
	ck_assert_int_eq(access(path_of("a.pack"), F_OK), 0);
	ck_assert_int_ne(access(path_of("b.pack"), F_OK), 0);
	ck_assert_int_eq(done.left_bytes, SIZE);
}
END_TEST

START_TEST(who_reads_a_pack_reads_all_of_it)
{
	int64_t now_us = clock_wall_us(), now_s = now_us / US_PER_SECOND;
	struct pack_sweep done;
	char bytes[SIZE];
	make("a.pack", now_s - 900, now_s - 900);
	auto_fd int fd = open(path_of("a.pack"), O_RDONLY | O_CLOEXEC);
	ck_assert(pack_cache_sweep(packs, 0, now_us, 0, &done, NULL));
	ck_assert_int_ne(access(path_of("a.pack"), F_OK), 0);
	ck_assert_int_eq(read(fd, bytes, sizeof bytes), SIZE);
}
END_TEST

static void closed(void *arg)
{
	(void)arg;
}

START_TEST(a_start_sweeps)
{
	uv_loop_t loop;
	struct mirrors *mirrors;
	struct err err = {0};
	int64_t now_s = clock_wall_us() / US_PER_SECOND;
	uv_loop_init(&loop);
	make("a.pack", now_s - 900, now_s);
	make("b.pack.part", now_s - 9000, now_s - 9000);
	ck_assert_msg(mirrors_open(&loop, folder, 1, &mirrors, &err), "%s", err.text);
	mirrors_close(mirrors, closed, NULL);
	uv_run(&loop, UV_RUN_DEFAULT);
	mirrors_free(mirrors);
	ck_assert_int_eq(uv_loop_close(&loop), 0);
	ck_assert_int_ne(access(path_of("a.pack"), F_OK), 0);
	ck_assert_int_ne(access(path_of("b.pack.part"), F_OK), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("pack_cache");
	TCase *tcase = tcase_create("pack_cache");
	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_loop_test(tcase, room_is_made, 0, COUNT_OF(rows));
	tcase_add_test(tcase, a_use_keeps_it_and_only_that);
	tcase_add_test(tcase, who_reads_a_pack_reads_all_of_it);
	tcase_add_test(tcase, a_start_sweeps);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
