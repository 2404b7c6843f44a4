// links: penstock_logs penstock_auth penstock_test_pg
#include "common/proto/worker_proto.h"
#include "server/engine/states.h"
#include "tests/integration/streams_site.h"
#include "tests/support/suite.h"

#include <zstd.h>

/* Logs by range, followed and sealed, over frames as a worker brings them, through the product's own statement. */

static PGconn *pg;

static void set_up(void)
{
	site_open_database();
	site_start();
	pg = PQconnectdb(site.url);
	ck_assert_int_eq(PQstatus(pg), CONNECTION_OK);
	run_sql("insert into repository (name, url) values ('web', 'file:///nowhere');"
		"insert into run (repository_id, number, pipeline, state, event, ref, commit)"
		"	values (1, 1, 'ci', 'running', 'push', 'refs/heads/main', 'c');"
		"insert into stage (run_id, position, name, kind, state) values (1, 0, 's', 'jobs', 'running');"
		"insert into label_set (labels) values ('{}');"
		"insert into worker (name, instance, version, slots, profile) values ('w', 'i', '1', 1, 'full');"
		"insert into job (run_id, stage_id, position, key, state, attempt, label_set_id)"
		"	values (1, 1, 0, 'a', 'running', 1, 1), (1, 1, 1, 'b', 'blocked', 0, 1);"
		"insert into attempt (job_id, number, run_id, worker_id, instance, state, leased_at, lease_until)"
		"	values (1, 1, 1, 1, 'i', 'running', now(), now());"
		"select log_frame_make_day((now() at time zone 'UTC')::date + d) from generate_series(-9, 1) as d");
}

static void tear_down(void)
{
	PQfinish(pg);
	site_close();
}

static size_t count_lines(struct str text)
{
	size_t count = 0;
	for (size_t i = 0; i < text.n; i++)
		count += text.p[i] == '\n';
	return count;
}

static void log_grew(void *arg)
{
	(void)arg;
	events_log_grew(site.server.events, 1);
}

static int64_t log_bytes;

static void print(struct str text)
{
	size_t bound = ZSTD_compressBound(text.n);
	auto_free char *frame = mem_alloc(bound);
	size_t n = ZSTD_compress(frame, bound, text.p, text.n, 1);
	char offset[24], raw[24], lines[24];
	snprintf(offset, sizeof offset, "%lld", (long long)log_bytes);
	snprintf(raw, sizeof raw, "%zu", text.n);
	snprintf(lines, sizeof lines, "%zu", count_lines(text));
	const char *values[] = {"1", "1", "1", offset, raw, lines, frame};
	int lengths[] = {0, 0, 0, 0, 0, 0, (int)n}, formats[] = {0, 0, 0, 0, 0, 0, 1};
	PGresult *result = PQexecParams(pg, db_queries[QUERY_LOG_APPEND].text, 7, NULL, values, lengths, formats, 0);
	ck_assert_msg(PQresultStatus(result) == PGRES_TUPLES_OK, "%s", PQerrorMessage(pg));
	log_bytes += (int64_t)text.n;
	ck_assert_int_eq(strtoll(PQgetvalue(result, 0, 0), NULL, 10), log_bytes);
	PQclear(result);
	site_call(log_grew, NULL);
}

static void end_attempt(void)
{
	run_sql("update attempt set state = 'ended', reason = 'exit', exit_code = 0, ended_at = now() - interval '1 minute'");
	site_call(log_grew, NULL);
}

static void tick(void *arg)
{
	(void)arg;
	logs_tick(site.server.logs);
}

/* Until a statement answers so. */
static void wait_sql(const char *sql, const char *expected)
{
	for (int i = 0; i < 3000; i++) {
		auto_free char *value = test_pg_value(site.url, sql);
		if (strcmp(value, expected) == 0)
			return;
		usleep(20 * 1000);
	}
	assert_sql(sql, expected);
}

static void seal(void)
{
	site_call(tick, NULL);
	wait_sql("select count(*) from attempt where log_blob is null", "0");
	assert_sql("select count(*) from log_frame", "0");
}

static struct reply reply;

static void expect_header(const char *name, const char *value)
{
	const char *got = reply_header(&reply, name);
	ck_assert_msg(got && strcmp(got, value) == 0, "%s: %s, not %s", name, got ? got : "absent", value);
}

static void expect_log(const char *query, const char *body, const char *lines, const char *is_complete)
{
	char path[128];
	snprintf(path, sizeof path, "/api/v1/jobs/1/log%s", query);
	get(path, &reply);
	ck_assert_msg(reply.status == 200, "%d: %s", reply.status, reply.body);
	ck_assert_msg(strcmp(reply.body, body) == 0, "%s: \"%s\", not \"%s\"", query, reply.body, body);
	expect_header("Penstock-Log-Lines", lines);
	expect_header("Penstock-Log-Complete", is_complete);
}

/* "one" to "four" and "fi": frames that end inside of lines, one that ends none, one that only ends one. */
static void print_five(void)
{
	print(STR("one\ntw"));
	print(STR("o"));
	print(STR("\n"));
	print(STR("three\nfour\nfi"));
}

static const struct {
	const char *query;
	const char *open;  /* the body while it may grow: whole lines */
	const char *ended; /* and behind its end */
} ranges[] = {
	{"", "one\ntwo\nthree\nfour\n", "one\ntwo\nthree\nfour\nfi"},
	{"?attempt=1", "one\ntwo\nthree\nfour\n", "one\ntwo\nthree\nfour\nfi"},
	{"?lines=1", "one\n", "one\n"},
	{"?from=2&lines=1", "two\n", "two\n"},     /* begins in one frame, ends two behind */
	{"?from=3&lines=1", "three\n", "three\n"}, /* begins with a frame */
	{"?from=2&lines=3", "two\nthree\nfour\n", "two\nthree\nfour\n"},
	{"?from=4&lines=9", "four\n", "four\nfi"},
	{"?from=5&lines=1", "", "fi"},
	{"?from=6", "", ""},
	{"?from=1000000", "", ""},
};

START_TEST(ranges_are_read_from_frames_and_blob)
{
	print_five();
	expect_log(ranges[_i].query, ranges[_i].open, "4", "false");
	end_attempt();
	expect_log(ranges[_i].query, ranges[_i].ended, "5", "true");
	seal();
	expect_log(ranges[_i].query, ranges[_i].ended, "5", "true");
}
END_TEST

START_TEST(a_log_that_ends_with_a_line_end_has_no_line_more)
{
	print(STR("one\ntwo\n"));
	end_attempt();
	expect_log("", "one\ntwo\n", "2", "true");
	seal();
	expect_log("", "one\ntwo\n", "2", "true");
}
END_TEST

START_TEST(without_output_there_is_an_empty_log)
{
	expect_log("", "", "0", "false");
	end_attempt();
	expect_log("", "", "0", "true");
	site_call(tick, NULL);
	/* Never leased: nothing yet, and nothing more once it is over. */
	get("/api/v1/jobs/2/log", &reply);
	ck_assert_int_eq(reply.status, 200);
	expect_header("Penstock-Log-Lines", "0");
	expect_header("Penstock-Log-Complete", "false");
	run_sql("update job set state = 'skipped' where id = 2");
	get("/api/v1/jobs/2/log", &reply);
	expect_header("Penstock-Log-Complete", "true");
}
END_TEST

static const struct {
	const char *path;
	int status;
} refusals[] = {
	{"/api/v1/jobs/99/log", 404},
	{"/api/v1/jobs/99/log/stream", 404},
	{"/api/v1/jobs/1/log?attempt=2", 404},
	{"/api/v1/jobs/x/log", 400},
	{"/api/v1/jobs/1/log?from=0", 400},
	{"/api/v1/jobs/1/log?lines=-1", 400},
};

START_TEST(what_is_not_there_is_refused)
{
	get(refusals[_i].path, &reply);
	ck_assert_int_eq(reply.status, refusals[_i].status);
}
END_TEST

/* --- following --- */

static void expect_lines(struct sse *sse, int from, size_t count, const char *first, const char *id)
{
	sse_expect(sse, "lines");
	ck_assert_int_eq(json_integer_value(json_object_get(sse->data, "from")), from);
	const json_t *lines = json_object_get(sse->data, "lines");
	ck_assert_uint_eq(json_array_size(lines), count);
	ck_assert_str_eq(json_string_value(json_array_get(lines, 0)), first);
	ck_assert_str_eq(sse->id, id);
}

static void expect_end(struct sse *sse)
{
	sse_expect(sse, "end");
	ck_assert_str_eq(json_string_value(json_object_get(sse->data, "state")), "succeeded");
	ck_assert_str_eq(json_string_value(json_object_get(sse->data, "reason")), "exit");
	ck_assert(!sse_next(sse));
}

START_TEST(a_follower_sees_each_line_once_and_the_end)
{
	struct sse sse;
	print(STR("one\ntw"));
	sse_open(&sse, "/api/v1/jobs/1/log/stream", NULL);
	expect_lines(&sse, 1, 1, "one", "1");
	print(STR("o\nb\xff"
		  "d\r\nla"));
	expect_lines(&sse, 2, 2, "two", "3");
	ck_assert_str_eq(json_string_value(json_array_get(json_object_get(sse.data, "lines"), 1)), "b\xef\xbf\xbd"
												   "d");
	print(STR("st"));
	end_attempt();
	expect_lines(&sse, 4, 1, "last", "4");
	expect_end(&sse);
	sse_close(&sse);
}
END_TEST

static const struct {
	const char *query, *last;
	int from;
	size_t count;
	const char *first;
} resumes[] = {
	{"", "1", 2, 4, "two"},
	{"", "2", 3, 3, "three"}, /* at a frame's edge */
	{"?from=4", NULL, 4, 2, "four"},
	{"?from=1", "4", 5, 1, "fi"}, /* the id of the last event counts */
	{"", "5", 0, 0, NULL},        /* has all: only the end comes */
	{"", "none", 1, 5, "one"},
};

START_TEST(a_follower_goes_on_where_it_was)
{
	char path[128];
	snprintf(path, sizeof path, "/api/v1/jobs/1/log/stream%s", resumes[_i].query);
	print_five();
	end_attempt();
	for (int is_sealed = 0; is_sealed < 2; is_sealed++) {
		struct sse sse;
		if (is_sealed)
			seal();
		sse_open(&sse, path, resumes[_i].last);
		if (resumes[_i].count)
			expect_lines(&sse, resumes[_i].from, resumes[_i].count, resumes[_i].first, "5");
		expect_end(&sse);
		sse_close(&sse);
	}
}
END_TEST

START_TEST(a_follower_waits_for_the_first_attempt)
{
	struct sse sse;
	sse_open(&sse, "/api/v1/jobs/2/log/stream", NULL);
	run_sql("update job set state = 'skipped' where id = 2");
	sse_expect(&sse, "end");
	ck_assert_str_eq(json_string_value(json_object_get(sse.data, "state")), "skipped");
	sse_close(&sse);
}
END_TEST

/* --- large logs --- */

enum { LARGE_FRAMES = 120, LARGE_LINES = 1500 };

/* About 14 MiB, more than the buffers up to the client hold, in frames of different sizes; line n is "n: ..." with
 * escapes that JSON makes six times longer. */
static void print_large(struct buf *all)
{
	for (int i = 0, line = 1; i < LARGE_FRAMES; i++) {
		size_t start = all->n;
		for (int j = 0; j < LARGE_LINES; j++, line++)
			buf_addf(all, "%d: \x1b[32m%0*d\x1b[0m\n", line, 20 + line % 100, line);
		/* Two frames, the border at any place. */
		struct str text = str_skip(buf_str(all), start);
		size_t cut = 1 + (size_t)i * 4999 % (text.n - 1);
		print(str_head(text, cut));
		print(str_skip(text, cut));
	}
}

static void read_all(const char *path, struct buf *to)
{
	char line[4096];
	struct peer *peer = ask(path, "");
	ck_assert(peer_take_until(peer, "\r\n\r\n", line, sizeof line));
	for (size_t n = 1; n;) {
		ck_assert(peer_take_until(peer, "\r\n", line, sizeof line));
		n = strtoul(line, NULL, 16);
		char *at = buf_reserve(to, n + 1);
		ck_assert(peer_take(peer, n, at) && peer_take_until(peer, "\r\n", line, sizeof line));
		to->n += n;
	}
	peer_close(peer);
}

static void expect_same(const char *path, const struct buf *expected)
{
	auto_buf got = BUF_INIT(64 << 20);
	read_all(path, &got);
	ck_assert_uint_eq(got.n, expected->n);
	ck_assert(memcmp(got.p, expected->p, got.n) == 0);
}

static int follow_all(const char *last)
{
	struct sse sse;
	int next = last ? (int)strtol(last, NULL, 10) + 1 : 1;
	sse_open(&sse, "/api/v1/jobs/1/log/stream", last);
	while (sse_next(&sse) && strcmp(sse.event, "lines") == 0) {
		ck_assert_int_eq(json_integer_value(json_object_get(sse.data, "from")), next);
		next += (int)json_array_size(json_object_get(sse.data, "lines"));
	}
	ck_assert_str_eq(sse.event, "end");
	sse_close(&sse);
	return next - 1;
}

START_TEST(sealed_is_the_same_byte_for_byte)
{
	auto_buf all = BUF_INIT(64 << 20);
	print_large(&all);
	end_attempt();
	int lines = (int)count_lines(buf_str(&all));
	expect_same("/api/v1/jobs/1/log", &all);
	ck_assert_int_eq(follow_all(NULL), lines);
	seal();
	assert_sql("select count(*) from blob b join attempt a on a.log_blob = b.sha256", "1");
	expect_same("/api/v1/jobs/1/log", &all);
	ck_assert_int_eq(follow_all(NULL), lines);
	ck_assert_int_eq(follow_all("31234"), lines);
	/* The line that each mark of the index cuts, which begins before it, and the last. */
	auto_free char *marks = test_pg_value(site.url,
		"select ',' || string_agg((m ->> 0)::bigint + 1 || '', ',') || ','"
		" from attempt, jsonb_array_elements(log_index) as m where (m ->> 0)::bigint % 5 = 0");
	struct str rest = buf_str(&all), line;
	for (int i = 1; str_cut(&rest, '\n', &line); i++) {
		char query[64], mark[24];
		snprintf(mark, sizeof mark, ",%d,", i);
		if (!strstr(marks, mark) && i != lines)
			continue;
		auto_buf body = BUF_INIT(4096);
		buf_addf(&body, "%.*s\n", STR_ARG(line));
		snprintf(query, sizeof query, "/api/v1/jobs/1/log?from=%d&lines=1", i);
		expect_same(query, &body);
	}
}
END_TEST

START_TEST(a_log_that_is_sealed_while_it_is_read_reads_on)
{
	auto_buf all = BUF_INIT(64 << 20);
	struct sse sse;
	int next = 1;
	print_large(&all);
	end_attempt();
	/* The follower has its first lines and reads no further until the frames are gone. */
	sse_open(&sse, "/api/v1/jobs/1/log/stream", NULL);
	sse_expect(&sse, "lines");
	seal();
	do {
		ck_assert_int_eq(json_integer_value(json_object_get(sse.data, "from")), next);
		next += (int)json_array_size(json_object_get(sse.data, "lines"));
	} while (sse_next(&sse) && strcmp(sse.event, "lines") == 0);
	ck_assert_str_eq(sse.event, "end");
	ck_assert_int_eq(next - 1, (int)count_lines(buf_str(&all)));
	sse_close(&sse);
}
END_TEST

/* --- the guards of sealing --- */

START_TEST(a_log_is_sealed_only_when_it_is_whole_and_over)
{
	print_five();
	site_call(tick, NULL); /* it runs still */
	run_sql("update attempt set state = 'ended', reason = 'exit', exit_code = 0, ended_at = now()");
	site_call(tick, NULL); /* ended this moment */
	/* The statement itself: not what has grown, and not twice. */
	static const struct {
		const char *bytes;
		bool works;
	} tries[] = {{"3", false}, {"21", true}, {"21", false}};
	const char *blob = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";
	ck_assert_int_eq(log_bytes, 21);
	run_sql("insert into blob (sha256, size_bytes) values (repeat('b', 64), 21)");
	for (size_t i = 0; i < COUNT_OF(tries); i++) {
		const char *values[] = {"1", "1", tries[i].bytes, blob, "[[0,0,0],[5,21,9]]"};
		PGresult *result = PQexecParams(pg, db_queries[QUERY_LOG_SEAL].text, 5, NULL, values, NULL, NULL, 0);
		const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
		ck_assert_str_eq(state ? state : "", tries[i].works ? "" : "PS001");
		PQclear(result);
	}
}
END_TEST

START_TEST(a_log_with_a_gap_keeps_its_frames)
{
	print_five();
	end_attempt();
	run_sql("delete from log_frame where log_offset = 6");
	site_call(tick, NULL);
	site_call(tick, NULL);
	site_call(site_close_events, NULL);
	assert_sql("select count(*) from log_frame", "3");
	assert_sql("select count(*) from attempt where log_blob is null", "1");
}
END_TEST

START_TEST(empty_days_are_dropped)
{
	static const char days[] = "select count(*) from pg_inherits where inhparent = 'log_frame'::regclass";
	static const char old[] = "select count(*) from log_frame where at < now() - interval '4 days'";
	run_sql("insert into log_frame (job_id, attempt, log_offset, first_line, raw_bytes, lines, data, at)"
		"	values (7, 1, 0, 0, 1, 0, '', now() - interval '5 days')");
	auto_free char *before = test_pg_value(site.url, days);
	site_call(tick, NULL);
	/* Today, tomorrow, two days back, and the one that holds a row. */
	wait_sql(days, "5");
	ck_assert_int_gt(strtol(before, NULL, 10), 5);
	assert_sql(old, "1");
}
END_TEST

int main(void)
{
	test_pg_open();
	Suite *suite = suite_create("logs");
	TCase *cases = tcase_create("logs");
	tcase_set_timeout(cases, 120);
	tcase_add_checked_fixture(cases, set_up, tear_down);
	tcase_add_loop_test(cases, ranges_are_read_from_frames_and_blob, 0, COUNT_OF(ranges));
	tcase_add_test(cases, a_log_that_ends_with_a_line_end_has_no_line_more);
	tcase_add_test(cases, without_output_there_is_an_empty_log);
	tcase_add_loop_test(cases, what_is_not_there_is_refused, 0, COUNT_OF(refusals));
	tcase_add_test(cases, a_follower_sees_each_line_once_and_the_end);
	tcase_add_loop_test(cases, a_follower_goes_on_where_it_was, 0, COUNT_OF(resumes));
	tcase_add_test(cases, a_follower_waits_for_the_first_attempt);
	tcase_add_test(cases, sealed_is_the_same_byte_for_byte);
	tcase_add_test(cases, a_log_that_is_sealed_while_it_is_read_reads_on);
	tcase_add_test(cases, a_log_is_sealed_only_when_it_is_whole_and_over);
	tcase_add_test(cases, a_log_with_a_gap_keeps_its_frames);
	tcase_add_test(cases, empty_days_are_dropped);
	suite_add_tcase(suite, cases);
	return suite_run(suite);
}
