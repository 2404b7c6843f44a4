// links: penstock_worker
#include "common/mem.h"
#include "worker/spool.h"

#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <zstd.h>

static char directory[64];
static struct spool_store *store;

static void set_up(void)
{
	snprintf(directory, sizeof directory, "/tmp/penstock-spool-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(directory));
	ck_assert(spool_store_open(directory, &store, NULL));
}

static void tear_down(void)
{
	char command[100];
	spool_store_close(store);
	snprintf(command, sizeof command, "rm -rf %s", directory);
	ck_assert_int_eq(system(command), 0);
}

static struct spool *open_spool(int64_t job)
{
	struct spool *spool = NULL;
	struct err err;
	ck_assert_msg(spool_open(store, (struct attempt_ref){job, 2}, &spool, &err), "%s", err.text);
	return spool;
}

/* The text of what would be sent now. */
static const char *sent(struct spool *spool, size_t max_bytes)
{
	static char text[1000];
	auto_buf body = BUF_INIT(1 << 20);
	auto_arena arena = {0};
	struct worker_sync sync = {.instance = STR("x")};
	struct log_frame *logs;
	size_t count, n = 0;
	bool any;
	worker_frame_add_sync(&body, &sync, NULL);
	ck_assert(spool_send(spool, &body, max_bytes, &any, NULL));
	ck_assert(worker_body_read(buf_str(&body), &sync, &logs, &count, &arena, NULL));
	ck_assert_int_eq(any, count > 0);
	for (size_t i = 0; i < count; i++) {
		ck_assert_int_eq(logs[i].attempt, 2);
		n += ZSTD_decompress(text + n, sizeof text - n - 1, logs[i].data.p, logs[i].data.n);
	}
	text[n] = 0;
	return text;
}

START_TEST(what_was_not_acknowledged_is_sent_again)
{
	struct spool *spool = open_spool(7);
	ck_assert(spool_add_log(spool, STR("one\n"), NULL));
	ck_assert(spool_add_log(spool, STR("two\n"), NULL));
	ck_assert_str_eq(sent(spool, 1), "one\n"); /* at least one, however little room */
	ck_assert_str_eq(sent(spool, 1000), "two\n");
	ck_assert(!spool_has_unsent(spool));
	ck_assert(spool_acknowledge(spool, 4, NULL));
	ck_assert_str_eq(sent(spool, 1000), "two\n");
	ck_assert(!spool_acknowledge(spool, 5, NULL)); /* in the middle of a frame */
	ck_assert(spool_acknowledge(spool, 0, NULL));  /* less than before: its database crashed */
	ck_assert_str_eq(sent(spool, 1000), "one\ntwo\n");
	ck_assert(spool_acknowledge(spool, 8, NULL));
	ck_assert_str_eq(sent(spool, 1000), "");
	ck_assert_int_eq(spool->log_lines, 2);
	spool_remove(spool);
}
END_TEST

static struct spool *recover_one(struct arena *arena, size_t expected_bad)
{
	struct spool **spools;
	size_t count, bad;
	ck_assert(spool_recover(store, &spools, &count, &bad, arena, NULL));
	ck_assert_uint_eq(bad, expected_bad);
	ck_assert_uint_le(count, 1);
	return count ? spools[0] : NULL;
}

START_TEST(a_successor_finds_log_and_result)
{
	auto_arena arena = {0};
	struct spool *spool = open_spool(7);
	struct attempt_result result = {
		.job = 7, .attempt = 2, .reason = END_EXIT, .exit_code = 3, .message = STR("why"), .ended_at = 1};
	ck_assert(spool_add_log(spool, STR("one\n"), NULL));
	ck_assert(spool_add_result(spool, &result, NULL));
	spool_close(spool);
	spool = recover_one(&arena, 0);
	ck_assert_ptr_nonnull(spool);
	ck_assert_int_eq(spool->ref.job, 7);
	ck_assert_int_eq(spool->ref.attempt, 2);
	ck_assert_int_eq(spool->log_end, 4);
	ck_assert_str_eq(sent(spool, 1000), "one\n");
	struct attempt_result found;
	ck_assert(spool_read_result(spool, &found, &arena, NULL));
	ck_assert_int_eq(found.exit_code, 3);
	ck_assert(str_is(found.message, "why"));
	spool_remove(spool);
	ck_assert_ptr_null(recover_one(&arena, 0));
}
END_TEST

START_TEST(a_torn_record_is_cut_off)
{
	auto_arena arena = {0};
	struct spool *spool = open_spool(7);
	char path[100];
	ck_assert(spool_add_log(spool, STR("one\n"), NULL));
	int64_t whole = spool->written;
	ck_assert(spool_add_log(spool, STR("two\n"), NULL));
	snprintf(path, sizeof path, "%s", spool->path);
	spool_close(spool);
	ck_assert_int_eq(truncate(path, whole + 7), 0);
	spool = recover_one(&arena, 0);
	ck_assert_int_eq(spool->log_end, 4);
	ck_assert(spool_add_log(spool, STR("three\n"), NULL));
	ck_assert_str_eq(sent(spool, 1000), "one\nthree\n");
	struct attempt_result found;
	ck_assert(spool_read_result(spool, &found, &arena, NULL));
	ck_assert_int_eq(found.job, 0);
	spool_close(spool);
}
END_TEST

START_TEST(a_damaged_file_is_put_aside)
{
	auto_arena arena = {0};
	struct spool *spool = open_spool(7);
	char path[100];
	snprintf(path, sizeof path, "%s", spool->path);
	spool_close(spool);
	auto_fd int fd = open(path, O_WRONLY);
	ck_assert_int_eq(pwrite(fd, "X", 1, 4), 1); /* the kind of the first record */
	ck_assert_ptr_null(recover_one(&arena, 1));
	ck_assert_ptr_null(recover_one(&arena, 0));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("spool");
	TCase *all = tcase_create("all");
	tcase_add_checked_fixture(all, set_up, tear_down);
	tcase_add_test(all, what_was_not_acknowledged_is_sent_again);
	tcase_add_test(all, a_successor_finds_log_and_result);
	tcase_add_test(all, a_torn_record_is_cut_off);
	tcase_add_test(all, a_damaged_file_is_put_aside);
	suite_add_tcase(suite, all);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
