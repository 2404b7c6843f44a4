// links: penstock_worker
#include "common/mem.h"
#include "worker/spool.h"
#include "tests/support/suite.h"

#include <check.h>
#include <endian.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

/* One frame. */
static void add(struct spool *spool, const char *text)
{
	spool_add_log(spool, str_of(text));
	ck_assert(spool_cut(spool, strlen(text), NULL));
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
	add(spool, "one\n");
	add(spool, "two\n");
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

static int count_tails(void)
{
	char command[100], text[16] = "";
	snprintf(command, sizeof command, "ls %s | grep -c tail", directory);
	FILE *pipe = popen(command, "r");
	ck_assert_ptr_nonnull(fgets(text, sizeof text, pipe));
	pclose(pipe);
	return (int)strtol(text, NULL, 10);
}

START_TEST(a_successor_finds_log_and_result)
{
	auto_arena arena = {0};
	struct spool *spool = open_spool(7);
	struct attempt_result result = {
		.job = 7, .attempt = 2, .reason = END_EXIT, .exit_code = 3, .message = STR("why"), .ended_at = 1};
	add(spool, "one\n");
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

START_TEST(what_is_in_no_frame_outlives_the_worker_too)
{
	auto_arena arena = {0};
	struct spool *spool = open_spool(7);
	add(spool, "one\n");
	spool_add_log(spool, STR("two\nthr"));
	ck_assert(spool_cut(spool, 4, NULL));
	spool_add_log(spool, STR("ee\nfour"));
	spool_close(spool); /* as a kill leaves it */
	spool_store_close(store);
	ck_assert(spool_store_open(directory, &store, NULL));
	spool = recover_one(&arena, 0);
	ck_assert_ptr_nonnull(spool);
	ck_assert_str_eq(sent(spool, 1000), "one\ntwo\nthree\nfour");
	spool_close(spool);
	/* A second kill finds nothing to add. */
	spool_store_close(store);
	ck_assert(spool_store_open(directory, &store, NULL));
	spool = recover_one(&arena, 0);
	ck_assert_int_eq(spool->log_end, 18);
	spool_remove(spool);
}
END_TEST

START_TEST(a_tail_is_used_again_for_another_attempt)
{
	auto_arena arena = {0};
	struct spool *spool = open_spool(7);
	struct attempt_result result = {.job = 7, .attempt = 2, .reason = END_EXIT, .ended_at = 1};
	spool_add_log(spool, STR("seven\n"));
	ck_assert(spool_cut(spool, 6, NULL));
	ck_assert(spool_add_result(spool, &result, NULL));
	spool_remove(spool);
	spool = open_spool(8);
	spool_add_log(spool, STR("eight"));
	spool_close(spool);
	ck_assert_int_eq(count_tails(), 1);
	spool_store_close(store);
	ck_assert(spool_store_open(directory, &store, NULL));
	spool = recover_one(&arena, 0);
	ck_assert_int_eq(spool->ref.job, 8);
	ck_assert_str_eq(sent(spool, 1000), "eight");
	spool_close(spool);
}
END_TEST

/* However the pieces and frames fall, what a kill leaves is the whole log. */
START_TEST(nothing_is_lost_or_doubled_at_any_cut)
{
	static char piece[40000];
	auto_arena arena = {0};
	struct spool *spool = open_spool(7);
	uint64_t random = 42, written = 0;
	for (int i = 0; i < 100; i++) {
		random = random * 6364136223846793005U + 1442695040888963407U;
		size_t n = (random >> 33) % sizeof piece + 1;
		if (spool_pending(spool).n + n > TAIL_TEXT_MAX)
			ck_assert(spool_cut(spool, spool_pending(spool).n, NULL));
		for (size_t at = 0; at < n; at++)
			piece[at] = (char)((written + at) % 251);
		spool_add_log(spool, (struct str){piece, n});
		written += n;
		if (i % 3 == 0)
			ck_assert(spool_cut(spool, spool_pending(spool).n * (random >> 60) / 16 + 1, NULL));
	}
	spool_close(spool);
	spool_store_close(store);
	ck_assert(spool_store_open(directory, &store, NULL));
	spool = recover_one(&arena, 0);
	ck_assert_int_eq(spool->log_end, (int64_t)written);
	auto_buf body = BUF_INIT(64 << 20);
	struct worker_sync sync = {.instance = STR("x")};
	struct log_frame *logs;
	size_t count;
	uint64_t seen = 0, wrong = 0;
	bool any;
	worker_frame_add_sync(&body, &sync, NULL);
	ck_assert(spool_send(spool, &body, 64 << 20, &any, NULL));
	ck_assert(worker_body_read(buf_str(&body), &sync, &logs, &count, &arena, NULL));
	static char text[WORKER_LOG_RAW_MAX];
	for (size_t i = 0; i < count; i++) {
		size_t n = ZSTD_decompress(text, sizeof text, logs[i].data.p, logs[i].data.n);
		ck_assert_uint_eq((uint64_t)logs[i].offset, seen);
		for (size_t at = 0; at < n; at++, seen++)
			wrong += (unsigned char)text[at] != seen % 251;
	}
	ck_assert_uint_eq(wrong, 0);
	ck_assert_uint_eq(seen, written);
	spool_remove(spool);
}
END_TEST

START_TEST(a_torn_record_is_cut_off)
{
	auto_arena arena = {0};
	struct spool *spool = open_spool(7);
	char path[100];
	add(spool, "one\n");
	int64_t whole = spool->written;
	add(spool, "two\n");
	snprintf(path, sizeof path, "%s", spool->path);
	spool_close(spool);
	ck_assert_int_eq(truncate(path, whole + 7), 0);
	spool = recover_one(&arena, 0);
	ck_assert_int_eq(spool->log_end, 4);
	ck_assert_str_eq(sent(spool, 1000), "one\n");
	struct attempt_result found = {.job = 7, .attempt = 2, .reason = END_WORKER_LOST, .ended_at = 1};
	ck_assert(spool_add_result(spool, &found, NULL)); /* over what was torn */
	spool_close(spool);
	spool = recover_one(&arena, 0);
	ck_assert(spool_read_result(spool, &found, &arena, NULL));
	ck_assert_int_eq(found.reason, END_WORKER_LOST);
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

/* Where in the head of a log record, which is behind that of its frame; how many bytes; what stands there then. */
static const struct {
	size_t at, bytes;
	uint64_t value;
} damages[] = {
	{0, 8, 9},                       /* of another job */
	{8, 4, 3},                       /* of another attempt */
	{12, 8, INT64_MAX},              /* an end beyond all numbers */
	{12, 8, UINT64_MAX}, {20, 4, 0}, /* nothing in it */
	{20, 4, UINT32_MAX}, {24, 4, 5}, /* more lines than bytes */
};

/* The server would refuse such a frame each time that it is sent. */
START_TEST(a_frame_that_no_server_takes_is_put_aside)
{
	auto_arena arena = {0};
	struct spool *spool = open_spool(7);
	int64_t at = spool->written + 5;
	char path[100];
	add(spool, "one\n");
	snprintf(path, sizeof path, "%s", spool->path);
	spool_close(spool);
	auto_fd int fd = open(path, O_WRONLY);
	uint64_t value = htole64(damages[_i].value);
	ck_assert_int_eq(
		pwrite(fd, &value, damages[_i].bytes, at + (int64_t)damages[_i].at), (ssize_t)damages[_i].bytes);
	ck_assert_ptr_null(recover_one(&arena, 1));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("spool");
	TCase *all = tcase_create("all");
	tcase_add_checked_fixture(all, set_up, tear_down);
	tcase_add_test(all, what_was_not_acknowledged_is_sent_again);
	tcase_add_test(all, a_successor_finds_log_and_result);
	tcase_add_test(all, what_is_in_no_frame_outlives_the_worker_too);
	tcase_add_test(all, a_tail_is_used_again_for_another_attempt);
	tcase_add_test(all, nothing_is_lost_or_doubled_at_any_cut);
	tcase_add_test(all, a_torn_record_is_cut_off);
	tcase_add_test(all, a_damaged_file_is_put_aside);
	tcase_add_loop_test(all, a_frame_that_no_server_takes_is_put_aside, 0, COUNT_OF(damages));
	suite_add_tcase(suite, all);
	return suite_run(suite);
}
