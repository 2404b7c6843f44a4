// links: penstock_logs penstock_events penstock_runs penstock_auth penstock_test_planning penstock_test_pg
#include "common/clock.h"
#include "server/store/run_store.h"
#include "tests/integration/streams_site.h"
#include "tests/support/planning.h"
#include "tests/support/suite.h"

/* Event streams over a run of the real planner; the rows change as another coordinator would change them. */

static const char pipeline[] = "on: push\n"
			       "stages:\n"
			       "  - name: test\n"
			       "    jobs:\n"
			       "      unit: {steps: [{run: 'true'}]}\n"
			       "      lint: {steps: [{run: 'true'}]}\n";

#define INSERT_RUN                                                                                                     \
	"insert into run (repository_id, number, pipeline, state, event, ref, commit) "                                \
	"values (3, i, 'ci', 'pending', 'push', 'refs/heads/main', 'c')"

static bool is_created;

static void created(void *arg, struct db_reply *reply)
{
	(void)arg;
	ck_assert_msg(!db_error(reply), "%s", db_error(reply) ? db_error(reply)->text : "");
	db_reply_free(reply);
	is_created = true;
	uv_stop(&site.loop);
}

static void create_run(void)
{
	struct plan_context context = test_push_to("main");
	test_make(STR(pipeline), &context);
	struct pair_list inputs = {0};
	struct run_new run = {.repository = 1,
		.pipeline = STR("ci"),
		.event = STR("push"),
		.ref = STR("refs/heads/main"),
		.branch = STR("main"),
		.commit = STR("c0ffee"),
		.inputs = &inputs,
		.plan = &plan};
	struct db_batch *batch = db_batch_new(site.server.db);
	run_store_create(batch, 0, &run, &arena);
	is_created = false;
	db_submit(batch, created, NULL);
	while (!is_created)
		uv_run(&site.loop, UV_RUN_DEFAULT);
}

static void set_up(void)
{
	test_set_up();
	site_open_database();
	run_sql("insert into repository (name, url) values ('web', 'file:///nowhere'), ('other', 'file:///nowhere');"
		"insert into run (repository_id, number, pipeline, state, event, ref, commit)"
		"	values (2, 1, 'ci', 'pending', 'push', 'refs/heads/main', 'c')");
	create_run();
	assert_sql("select id from run where repository_id = 1", "2");
	site_start();
}

static void tear_down(void)
{
	site_close();
	test_tear_down();
}

static void changed(void *arg)
{
	events_run_changed(site.server.events, *(int64_t *)arg);
}

static void tell(int64_t run)
{
	site_call(changed, &run);
}

static void heard(void *arg)
{
	events_heard(site.server.events, str_of(arg));
}

#define RUN     "/api/v1/runs/2/events"
#define RUNNING "set state = 'running', changed = pg_current_xact_id()"

static const char *text_at(const json_t *json, const char *key)
{
	const char *text = json_string_value(json_object_get(json, key));
	return text ? text : "";
}

/* "test/unit test/lint" of an update's jobs. */
static void expect_update(struct sse *sse, const char *keys)
{
	auto_buf got = BUF_INIT(1024);
	size_t i;
	json_t *job;
	sse_expect(sse, "update");
	json_array_foreach(json_object_get(sse->data, "jobs"), i, job)
	{
		buf_addf(&got, "%s%s", i ? " " : "", text_at(job, "key"));
		ck_assert_str_eq(text_at(job, "state"), "running");
	}
	ck_assert_str_eq(buf_c(&got), keys);
}

START_TEST(a_run_is_shown_whole_and_then_what_changes)
{
	struct sse sse;
	sse_open(&sse, _i == 0 ? RUN : "/api/v1/runs/web%231/events", NULL);
	sse_expect(&sse, "snapshot");
	const json_t *stage = json_array_get(json_object_get(sse.data, "stages"), 0);
	ck_assert_str_eq(text_at(json_object_get(sse.data, "run"), "name"), "web#1");
	ck_assert_uint_eq(json_array_size(json_object_get(stage, "jobs")), 2);
	run_sql("update job " RUNNING " where key = 'test/lint'");
	tell(2);
	expect_update(&sse, "test/lint");
	/* Another run's change is not this one's. */
	run_sql("update run set version = version + 1, changed = pg_current_xact_id() where id = 1");
	tell(1);
	run_sql("update job " RUNNING " where key = 'test/unit'");
	tell(2);
	expect_update(&sse, "test/unit");
	run_sql("update run set state = 'running', version = version + 1, changed = pg_current_xact_id() where id = 2");
	tell(2);
	expect_update(&sse, "");
	ck_assert_str_eq(text_at(json_object_get(sse.data, "run"), "state"), "running");
	sse_close(&sse);
}
END_TEST

START_TEST(a_lost_wake_up_only_delays)
{
	struct sse sse;
	sse_open(&sse, RUN, NULL);
	sse_expect(&sse, "snapshot");
	run_sql("update job " RUNNING " where key = 'test/unit'"); /* nobody tells */
	expect_update(&sse, "test/unit");
	sse_close(&sse);
}
END_TEST

START_TEST(another_coordinators_word_wakes)
{
	static char *const payloads[] = {"r2", ""};
	struct sse sse;
	sse_open(&sse, RUN, NULL);
	sse_expect(&sse, "snapshot");
	for (size_t i = 0; i < COUNT_OF(payloads); i++) {
		run_sql("update job " RUNNING " where key = 'test/%s'", i == 0 ? "unit" : "lint");
		int64_t start = clock_mono_us();
		site_call(heard, payloads[i]);
		expect_update(&sse, i == 0 ? "test/unit" : "test/lint");
		/* Well before the look that comes without any word. */
		ck_assert_int_lt(clock_mono_us() - start, 1500 * 1000);
	}
	sse_close(&sse);
}
END_TEST

START_TEST(a_slow_transaction_is_not_missed)
{
	struct sse sse;
	PGconn *slow = PQconnectdb(site.url);
	PQclear(PQexec(slow, "begin"));
	PGresult *result = PQexec(slow, "update job " RUNNING " where key = 'test/unit'");
	ck_assert_str_eq(PQcmdTuples(result), "1");
	PQclear(result);
	/* A later transaction commits before it and is shown. */
	sse_open(&sse, RUN, NULL);
	sse_expect(&sse, "snapshot");
	run_sql("update job " RUNNING " where key = 'test/lint'");
	tell(2);
	expect_update(&sse, "test/lint");
	char last[32];
	snprintf(last, sizeof last, "%s", sse.id);
	if (_i == 0) { /* who comes back later */
		sse_close(&sse);
		PQclear(PQexec(slow, "commit"));
		sse_open(&sse, RUN, last);
	} else { /* who has stayed */
		PQclear(PQexec(slow, "commit"));
		tell(2);
	}
	/* What was sent may come again meanwhile. */
	bool is_seen = false;
	while (!is_seen) {
		sse_expect(&sse, "update");
		size_t i;
		json_t *job;
		json_array_foreach(json_object_get(sse.data, "jobs"), i, job) is_seen |=
			strcmp(text_at(job, "key"), "test/unit") == 0;
	}
	PQfinish(slow);
	sse_close(&sse);
}
END_TEST

START_TEST(who_comes_back_gets_what_changed_meanwhile)
{
	struct sse sse;
	sse_open(&sse, RUN, NULL);
	sse_expect(&sse, "snapshot");
	char last[32];
	snprintf(last, sizeof last, "%s", sse.id);
	sse_close(&sse);
	run_sql("update job " RUNNING " where key = 'test/unit'");
	sse_open(&sse, RUN, last);
	expect_update(&sse, "test/unit");
	sse_close(&sse);
	sse_open(&sse, RUN, "no id of ours");
	sse_expect(&sse, "snapshot");
	sse_close(&sse);
}
END_TEST

START_TEST(all_runs_are_told_as_they_change)
{
	struct sse all, web;
	sse_open(&all, "/api/v1/events", NULL);
	sse_open(&web, "/api/v1/events?repository=web", NULL);
	sse_expect(&all, ""); /* where it stands */
	sse_expect(&web, "");
	char last[32];
	snprintf(last, sizeof last, "%s", web.id);
	run_sql("update run " RUNNING " where id = 1");
	tell(1);
	sse_expect(&all, "run");
	ck_assert_str_eq(text_at(all.data, "name"), "other#1");
	run_sql("update run " RUNNING " where id = 2");
	tell(2);
	sse_expect(&web, "run");
	ck_assert_str_eq(text_at(web.data, "name"), "web#1");
	sse_close(&web);
	sse_open(&web, "/api/v1/events?repository=web", last);
	sse_expect(&web, "run");
	ck_assert_str_eq(text_at(web.data, "state"), "running");
	sse_close(&web);
	sse_close(&all);
}
END_TEST

/* More changed meanwhile than one look reads. */
static const struct {
	const char *sql;
	int resume_after; /* break off behind so many events, and come back; 0: never */
} many_rows[] = {
	{"do $$ begin for i in 1..2500 loop " INSERT_RUN "; commit; end loop; end $$", 0},    /* a transaction each */
	{"do $$ begin for i in 1..2500 loop " INSERT_RUN "; commit; end loop; end $$", 1300}, /* on the second page */
	{"do $$ begin for i in 1..2500 loop " INSERT_RUN "; end loop; end $$", 0}, /* all in one, in no order of time */
};

START_TEST(who_was_away_for_long_misses_no_run)
{
	struct sse sse;
	bool seen[2501] = {0};
	int count = 0;
	char last[32];
	sse_open(&sse, "/api/v1/events?repository=many", NULL);
	sse_expect(&sse, "");
	snprintf(last, sizeof last, "%s", sse.id);
	sse_close(&sse);
	run_sql("insert into repository (name, url) values ('many', 'file:///nowhere')");
	run_sql("%s", many_rows[_i].sql);
	sse_open(&sse, "/api/v1/events?repository=many", last);
	for (int events = 1; count < 2500; events++) {
		sse_expect(&sse, "run");
		json_int_t number = json_integer_value(json_object_get(sse.data, "number"));
		count += !seen[number];
		seen[number] = true;
		if (sse.id[0])
			snprintf(last, sizeof last, "%s", sse.id);
		if (events != many_rows[_i].resume_after)
			continue;
		sse_close(&sse);
		sse_open(&sse, "/api/v1/events?repository=many", last);
	}
	run_sql("update run " RUNNING " where number = 7 and repository_id = 3");
	tell(3);
	do
		sse_expect(&sse, "run");
	while (strcmp(text_at(sse.data, "state"), "running") != 0);
	sse_close(&sse);
}
END_TEST

static void count_watches(void *arg)
{
	*(size_t *)arg = site.server.events->count;
}

START_TEST(who_leaves_is_forgotten)
{
	size_t count = 1;
	for (int i = 0; i < 40; i++) {
		struct peer *peer = ask(RUN, "");
		if (i % 2)
			ck_assert(peer_fill(peer));
		peer_close(peer);
	}
	for (int i = 0; i < 3000 && count; i++) {
		usleep(20 * 1000);
		site_call(count_watches, &count);
	}
	ck_assert_uint_eq(count, 0);
}
END_TEST

START_TEST(closing_ends_every_stream_and_takes_no_new_one)
{
	static const char *const paths[] = {RUN, "/api/v1/events"};
	static struct reply reply;
	struct sse sse[2];
	for (int i = 0; i < 2; i++) {
		sse_open(&sse[i], paths[i], NULL);
		ck_assert(sse_next(&sse[i]));
	}
	site_call(site_close_events, NULL);
	for (int i = 0; i < 2; i++) {
		ck_assert(!sse_next(&sse[i]));
		sse_close(&sse[i]);
		get(paths[i], &reply);
		ck_assert_int_eq(reply.status, 503);
	}
}
END_TEST

static const struct {
	const char *path;
	int status;
} unknown_runs[] = {
	{"/api/v1/runs/99/events", 404}, {"/api/v1/runs/web%239/events", 404},
	{"/api/v1/runs/nothing/events", 400}, /* names none */
};

START_TEST(an_unknown_run_is_refused)
{
	static struct reply reply;
	get(unknown_runs[_i].path, &reply);
	ck_assert_int_eq(reply.status, unknown_runs[_i].status);
}
END_TEST

static void end_callers(void *arg)
{
	(void)arg;
	site.server.events->checked_at = 0; /* whenever it looked last */
	events_tick(site.server.events);
}

static void see_checking(void *arg)
{
	*(bool *)arg = site.server.events->is_checking;
}

/* What takes the right away from token 1; token 2 of the same account goes on, but where the account is gone. */
static const struct {
	const char *sql;
	bool ends_both;
} withdrawals[] = {
	{"delete from token where id = 1", false},
	{"update token set expires_at = now() - interval '1 s' where id = 1", false},
	{"update account set is_disabled = true", true},
};

START_TEST(who_may_no_longer_look_sees_no_more)
{
	struct sse sse[2];
	run_sql("insert into account (name, role) values ('ann', 'viewer');"
		"insert into token (kind, name, hash, account_id) select 'api', 't', sha256(i::text::bytea), 1 from generate_series(1, 2) i");
	for (int i = 0; i < 2; i++) {
		site.caller.token = i + 1;
		site.caller.person.account = 1;
		sse_open(&sse[i], i ? "/api/v1/events" : RUN, NULL);
		ck_assert(sse_next(&sse[i]));
	}
	site_call(end_callers, NULL);
	run_sql("%s", withdrawals[_i].sql);
	/* A question that is under way does not know yet; the rhythm of the server asks again. */
	for (bool is_checking = true; is_checking;)
		site_call(see_checking, &is_checking);
	int64_t began_us = clock_mono_us();
	site_call(end_callers, NULL);
	ck_assert(!sse_next(&sse[0]));
	ck_assert_int_lt(clock_mono_us() - began_us, 30 * US_PER_SECOND); /* ended, not given up on */
	if (withdrawals[_i].ends_both) {
		ck_assert(!sse_next(&sse[1]));
	} else {
		run_sql("update run set state = 'running', version = version + 1, changed = pg_current_xact_id() where id = 1");
		sse_expect(&sse[1], "run");
	}
	for (int i = 0; i < 2; i++)
		sse_close(&sse[i]);
}
END_TEST

START_TEST(an_account_has_so_many_streams_and_others_theirs)
{
	enum { MAX = 64 };
	static struct reply reply;
	struct peer *peers[MAX];
	site.caller.person.account = 1;
	for (int i = 0; i < MAX; i++) {
		peers[i] = ask("/api/v1/events", "");
		ck_assert(peer_fill(peers[i]));
	}
	get("/api/v1/events", &reply);
	ck_assert_int_eq(reply.status, 429);
	ck_assert_ptr_nonnull(strstr(reply.body, "streams of ann"));
	ck_assert_str_eq(reply_header(&reply, "Retry-After"), "10");
	site.caller.person.account = 2;
	struct peer *other = ask("/api/v1/events", "");
	ck_assert(peer_fill(other) && strstr(other->bytes, " 200 "));
	peer_close(other);
	site.caller.person.account = 1;
	peer_close(peers[0]);
	bool has_room = false;
	for (int i = 0; i < 3000 && !has_room; i++) {
		other = ask("/api/v1/events", "");
		ck_assert(peer_fill(other));
		has_room = strstr(other->bytes, " 200 ");
		peer_close(other);
		usleep(20 * 1000);
	}
	ck_assert(has_room); /* one that was closed makes it */
	for (int i = 1; i < MAX; i++)
		peer_close(peers[i]);
}
END_TEST

int main(void)
{
	test_pg_open();
	Suite *suite = suite_create("events");
	TCase *cases = tcase_create("events");
	tcase_set_timeout(cases, 120);
	tcase_add_checked_fixture(cases, set_up, tear_down);
	tcase_add_loop_test(cases, a_run_is_shown_whole_and_then_what_changes, 0, 2);
	tcase_add_test(cases, a_lost_wake_up_only_delays);
	tcase_add_test(cases, another_coordinators_word_wakes);
	tcase_add_loop_test(cases, a_slow_transaction_is_not_missed, 0, 2);
	tcase_add_test(cases, who_comes_back_gets_what_changed_meanwhile);
	tcase_add_test(cases, all_runs_are_told_as_they_change);
	tcase_add_loop_test(cases, who_was_away_for_long_misses_no_run, 0, COUNT_OF(many_rows));
	tcase_add_test(cases, who_leaves_is_forgotten);
	tcase_add_test(cases, closing_ends_every_stream_and_takes_no_new_one);
	tcase_add_loop_test(cases, an_unknown_run_is_refused, 0, COUNT_OF(unknown_runs));
	tcase_add_loop_test(cases, who_may_no_longer_look_sees_no_more, 0, COUNT_OF(withdrawals));
	tcase_add_test(cases, an_account_has_so_many_streams_and_others_theirs);
	suite_add_tcase(suite, cases);
	return suite_run(suite);
}
