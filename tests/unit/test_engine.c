// links: penstock_world penstock_engine
#include "tests/support/world.h"

#include "server/engine/lane.h"
#include "tests/support/suite.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct world world;

static void tear_down(void)
{
	ck_assert_pstr_eq(world_check(&world), NULL);
	world_done(&world);
}

static const char two_stages[] = "stages:\n"
				 "  - name: test\n"
				 "    jobs:\n"
				 "      lint: { steps: [ { run: ./lint } ] }\n"
				 "      unit: { steps: [ { run: ./test } ] }\n"
				 "  - name: build\n"
				 "    jobs:\n"
				 "      package: { outputs: [digest], steps: [ { run: ./build } ] }\n"
				 "      check: { needs: [package], steps: [ { run: ./check } ] }\n";

static const char gated[] = "stages:\n"
			    "  - name: build\n"
			    "    jobs: { make: { steps: [ { run: make } ] } }\n"
			    "  - name: release\n"
			    "    gate: { approvals: 2, groups: [release], timeout: 1h }\n"
			    "    jobs: { ship: { steps: [ { run: ship } ] } }\n";

START_TEST(success_goes_through_all_stages)
{
	world_init(&world, two_stages);
	ck_assert_str_eq(world_run_state(&world), "running");
	ck_assert(world.effects.has_queued);
	ck_assert_str_eq(world_job_state(&world, "test/unit"), "queued");
	ck_assert_str_eq(world_job_state(&world, "build/package"), "blocked");
	world_pass(&world, "test/lint");
	world_pass(&world, "test/unit");
	ck_assert_str_eq(world_stage_state(&world, "test"), "succeeded");
	ck_assert_str_eq(world_job_state(&world, "build/package"), "queued");
	ck_assert_str_eq(world_job_state(&world, "build/check"), "blocked");
	world_pass(&world, "build/package");
	world_pass(&world, "build/check");
	ck_assert_str_eq(world_run_state(&world), "succeeded");
	ck_assert_int_gt(world.graph.ended_at, 0);
}
END_TEST

START_TEST(a_failed_job_fails_the_run_and_says_which)
{
	world_init(&world, two_stages);
	world_fail(&world, "test/unit");
	ck_assert_str_eq(world_run_state(&world), "running"); /* lint goes on */
	world_pass(&world, "test/lint");
	ck_assert_str_eq(world_run_state(&world), "failed");
	ck_assert_str_eq(world_stage_state(&world, "build"), "skipped");
	ck_assert_str_eq(world_job_state(&world, "build/package"), "skipped");
	ck_assert_ptr_nonnull(strstr(world.graph.reason.p, "test/unit"));
}
END_TEST

START_TEST(what_needs_a_failed_job_is_skipped)
{
	world_init(&world, two_stages);
	world_pass(&world, "test/lint");
	world_pass(&world, "test/unit");
	world_fail(&world, "build/package");
	ck_assert_str_eq(world_job_state(&world, "build/check"), "skipped");
	ck_assert_str_eq(world_run_state(&world), "failed");
}
END_TEST

START_TEST(retry_makes_new_attempts_of_what_failed_and_of_what_depends_on_it)
{
	world_init(&world, two_stages);
	world_pass(&world, "test/lint");
	world_pass(&world, "test/unit");
	world_fail(&world, "build/package");
	ck_assert(world_retry(&world, &world_bob, ""));
	ck_assert_str_eq(world_run_state(&world), "running");
	ck_assert_str_eq(world_job_state(&world, "build/package"), "queued");
	ck_assert_str_eq(world_job_state(&world, "build/check"), "blocked");
	ck_assert_str_eq(world_job_state(&world, "test/unit"), "succeeded"); /* not touched */
	world_pass(&world, "build/package");
	ck_assert_int_eq(world_job(&world, "build/package")->attempt, 2);
	world_pass(&world, "build/check");
	ck_assert_str_eq(world_run_state(&world), "succeeded");
}
END_TEST

START_TEST(retry_of_an_early_stage_opens_the_later_ones_again)
{
	world_init(&world, two_stages);
	world_pass(&world, "test/lint");
	world_fail(&world, "test/unit");
	ck_assert_str_eq(world_stage_state(&world, "build"), "skipped");
	ck_assert(world_retry(&world, &world_bob, "test/unit"));
	world_pass(&world, "test/unit");
	ck_assert_str_eq(world_job_state(&world, "build/package"), "queued");
}
END_TEST

START_TEST(retry_is_refused_with_a_reason)
{
	world_init(&world, two_stages);
	ck_assert(!world_retry(&world, &world_bob, ""));
	ck_assert_ptr_nonnull(strstr(world.err.text, "is running"));
	world_pass(&world, "test/lint");
	ck_assert(!world_retry(&world, &world_bob, "test/lint"));
	ck_assert_ptr_nonnull(strstr(world.err.text, "only a failed or lost job"));
	ck_assert(!world_retry(&world, &world_bob, "test/nothing"));
	ck_assert_int_eq(world.err.kind, ERR_NOT_FOUND);
}
END_TEST

START_TEST(what_a_stage_went_on_without_is_not_retried)
{
	world_init(&world, "stages:\n"
			   "  - { name: one, jobs: { a: { allow_failure: true, steps: [ { run: x } ] } } }\n"
			   "  - { name: two, jobs: { b: { steps: [ { run: x } ] } } }\n");
	ck_assert(world_lease(&world, "one/a"));
	world_end(&world, "one/a", END_EXIT, 1);
	ck_assert(world_lease(&world, "two/b"));
	world_end(&world, "two/b", END_EXIT, 1);
	ck_assert_str_eq(world_run_state(&world), "failed");
	ck_assert(!world_retry(&world, &world_bob, "one/a"));
	ck_assert_ptr_nonnull(strstr(world.err.text, "stage \"one\" has succeeded without \"one/a\""));
	ck_assert(world_retry(&world, &world_bob, "two/b"));
}
END_TEST

START_TEST(a_lost_worker_costs_one_retry_then_the_job)
{
	world_init(&world, two_stages);
	ck_assert(world_lease(&world, "test/lint"));
	world_end(&world, "test/lint", END_WORKER_LOST, 0);
	ck_assert_str_eq(world_job_state(&world, "test/lint"), "queued");
	ck_assert_ptr_nonnull(strstr(world_job(&world, "test/lint")->message.p, "retry 1 of 1"));
	ck_assert(world_lease(&world, "test/lint"));
	world_end(&world, "test/lint", END_WORKER_LOST, 0);
	ck_assert_str_eq(world_job_state(&world, "test/lint"), "lost");
	world_pass(&world, "test/unit");
	ck_assert_str_eq(world_run_state(&world), "failed");
}
END_TEST

/* What is retried by itself: the cause and the file's `on` must meet. */
static const struct {
	const char *retry;
	enum end_reason reason;
	const char *state;
} retries[] = {
	{"{ max: 1, on: [exit] }", END_EXIT, "queued"},
	{"{ max: 1, on: [exit] }", END_OUT_OF_MEMORY, "queued"}, /* the step's own doing */
	{"{ max: 1, on: [exit] }", END_WORKER_LOST, "lost"},     /* not asked for */
	{"{ max: 1, on: [timeout] }", END_TIMEOUT, "queued"}, {"{ max: 1, on: [timeout] }", END_EXIT, "failed"},
	{"{ max: 0 }", END_WORKER_LOST, "lost"},                       /* none at all */
	{"{ max: 1, on: [exit] }", END_SANDBOX_UNAVAILABLE, "failed"}, /* the machine would refuse again */
	{"{ max: 1, on: [worker_lost] }", END_CANCELLED, "queued"},    /* nobody cancelled: the worker gave up */
};

START_TEST(causes_of_retries)
{
	char yaml[512];
	snprintf(yaml, sizeof yaml, "stages: [ { name: s, jobs: { j: { retry: %s, steps: [ { run: x } ] } } } ]\n",
		retries[_i].retry);
	world_init(&world, yaml);
	ck_assert(world_lease(&world, "s/j"));
	world_end(&world, "s/j", retries[_i].reason, retries[_i].reason == END_EXIT);
	ck_assert_str_eq(world_job_state(&world, "s/j"), retries[_i].state);
}
END_TEST

START_TEST(a_stale_end_changes_nothing)
{
	world_init(&world, two_stages);
	ck_assert(world_lease(&world, "test/lint"));
	world_end(&world, "test/lint", END_WORKER_LOST, 0);
	ck_assert(world_lease(&world, "test/lint"));
	struct graph_job *job = world_job(&world, "test/lint");
	struct attempt_end old = {.job = job->id, .attempt = 1, .reason = END_EXIT, .ended_at = 1};
	struct engine_event event = {.kind = ENGINE_ENDED, .ends = &old, .end_count = 1};
	effects_done(&world.effects);
	ck_assert(engine_apply(&world.graph, &event, &world.effects, &world.err));
	ck_assert_int_eq(job->state, JOB_RUNNING);
	ck_assert_int_eq(job->applied_attempt, 1); /* noted as seen all the same */
}
END_TEST

START_TEST(allow_failure_is_a_warning_not_a_failure)
{
	world_init(&world, "stages: [ { name: s, jobs: { a: { allow_failure: true, steps: [ { run: x } ] },"
			   " b: { needs: [a], steps: [ { run: x } ] } } } ]\n");
	world_fail(&world, "s/a");
	world_pass(&world, "s/b");
	ck_assert_str_eq(world_run_state(&world), "succeeded");
	ck_assert(world.graph.has_warnings);
}
END_TEST

/* --- gates --- */

START_TEST(a_gate_counts_distinct_people)
{
	struct person carl = world_bob;
	carl.account = 9;
	carl.name = STR("carl");
	world_init(&world, gated);
	world_pass(&world, "build/make");
	ck_assert_str_eq(world_run_state(&world), "waiting");
	ck_assert_ptr_nonnull(strstr(world.graph.waiting_for.p, "0 of 2"));
	ck_assert(world_decide(&world, &world_bob, true, ""));
	ck_assert_ptr_nonnull(strstr(world.graph.waiting_for.p, "1 of 2"));
	ck_assert(!world_decide(&world, &world_bob, true, ""));
	ck_assert_int_eq(world.err.kind, ERR_DENIED);
	ck_assert_ptr_nonnull(strstr(world.err.text, "already"));
	ck_assert(world_decide(&world, &carl, true, ""));
	ck_assert_str_eq(world_run_state(&world), "running");
	world_pass(&world, "release/ship");
	ck_assert_str_eq(world_run_state(&world), "succeeded");
}
END_TEST

START_TEST(who_approves_may_say_from_when_on)
{
	enum { HOUR_MS = 3600 * 1000 };
	struct person carl = world_bob;
	carl.account = 9;
	world_init(&world, gated);
	world_pass(&world, "build/make");
	int64_t begin = world.graph.now_us;
	ck_assert(world_approve_for(&world, &world_bob, begin + INT64_C(2000) * HOUR_MS));
	ck_assert(world_approve_for(&world, &carl, begin + INT64_C(1000) * HOUR_MS)); /* the later time counts */
	ck_assert_int_eq(world.graph.gates[0].state, GATE_GRANTED);
	ck_assert_ptr_nonnull(strstr(world.graph.waiting_for.p, "approved, but not for earlier"));
	world_wait(&world, HOUR_MS);
	ck_assert_str_eq(world_stage_state(&world, "release"), "gated");
	world_wait(&world, HOUR_MS);
	ck_assert_str_eq(world_stage_state(&world, "release"), "running");
}
END_TEST

START_TEST(a_refusal_ends_the_run_with_who_and_why)
{
	world_init(&world, gated);
	world_pass(&world, "build/make");
	ck_assert(world_decide(&world, &world_bob, false, "too risky"));
	ck_assert_str_eq(world_run_state(&world), "cancelled");
	ck_assert_ptr_nonnull(strstr(world.graph.reason.p, "bob"));
	ck_assert_ptr_nonnull(strstr(world.graph.reason.p, "too risky"));
	ck_assert_str_eq(world_stage_state(&world, "release"), "cancelled");
	ck_assert(!world_decide(&world, &world_ann, true, ""));
	ck_assert_int_eq(world.err.kind, ERR_CONFLICT);
}
END_TEST

START_TEST(a_gate_expires)
{
	world_init(&world, gated);
	world_pass(&world, "build/make");
	ck_assert_int_eq(engine_due_at(&world.graph), world.graph.gates[0].expires_at);
	world.graph.now_us = world.graph.gates[0].expires_at;
	ck_assert(!world_decide(&world, &world_bob, true, ""));
	ck_assert(world_look(&world));
	ck_assert_str_eq(world_run_state(&world), "cancelled");
	ck_assert_ptr_nonnull(strstr(world.graph.reason.p, "expired"));
	ck_assert_int_eq(engine_due_at(&world.graph), 0);
}
END_TEST

static const struct {
	const char *gate;
	const struct person *person;
	const char *why; /* NULL: may */
} deciders[] = {
	{"{ approvals: 1 }", &world_bob, NULL},
	{"{ approvals: 1 }", &world_eve, "viewers"},                   /* a viewer never */
	{"{ approvals: 1, groups: [qa] }", &world_ann, "groups"},      /* not a member */
	{"{ approvals: 1, groups: [qa, release] }", &world_ann, NULL}, /* a union */
	{"{ approvals: 1, author: deny }", &world_ann, "somebody else"},
	{"{ approvals: 1, author: deny }", &world_bob, NULL},
};

START_TEST(who_may_decide)
{
	char yaml[256];
	struct str why;
	snprintf(yaml, sizeof yaml, "stages: [ { name: g, gate: %s } ]\n", deciders[_i].gate);
	world_init(&world, yaml);
	bool may = engine_may_decide(&world.graph, &world.graph.gates[0], deciders[_i].person, &why);
	ck_assert_int_eq(may, deciders[_i].why == NULL);
	if (!may)
		ck_assert_ptr_nonnull(strstr(why.p, deciders[_i].why));
	ck_assert_int_eq(world_decide(&world, deciders[_i].person, true, ""), may);
	ck_assert_str_eq(world_run_state(&world), may ? "succeeded" : "waiting");
}
END_TEST

START_TEST(a_minimum_of_one_group_and_a_comment)
{
	world_init(&world,
		"stages: [ { name: g, gate: { approvals: 1, groups: [release, qa], require: { qa: 1 }, comment: required } } ]\n");
	ck_assert(!world_decide(&world, &world_ann, true, " "));
	ck_assert_int_eq(world.err.kind, ERR_INVALID);
	ck_assert(world_decide(&world, &world_ann, true, "fine"));
	ck_assert_str_eq(world_run_state(&world), "waiting"); /* nobody of qa yet */
	ck_assert(world_decide(&world, &world_bob, true, "tested"));
	ck_assert_str_eq(world_run_state(&world), "succeeded");
}
END_TEST

/* --- the end by hand --- */

START_TEST(cancel_ends_what_waits_and_asks_what_runs)
{
	world_init(&world, two_stages);
	ck_assert(world_lease(&world, "test/lint"));
	ck_assert(world_cancel(&world, &world_bob, "wrong branch"));
	ck_assert(world.effects.has_cancelled);
	ck_assert_str_eq(world_run_state(&world), "running"); /* until the worker has let go */
	ck_assert_str_eq(world_job_state(&world, "test/unit"), "cancelled");
	ck_assert_ptr_nonnull(world_job(&world, "test/lint")->cancel_reason.p);
	ck_assert(world_cancel(&world, &world_bob, "again")); /* harmless */
	world_end(&world, "test/lint", END_CANCELLED, 0);
	ck_assert_str_eq(world_run_state(&world), "cancelled");
	ck_assert_ptr_nonnull(strstr(world.graph.reason.p, "cancelled by bob: wrong branch"));
	ck_assert(!world_cancel(&world, &world_bob, ""));
	ck_assert_int_eq(world.err.kind, ERR_CONFLICT);
	ck_assert(!world_retry(&world, &world_bob, ""));
}
END_TEST

START_TEST(a_lost_worker_does_not_revive_a_cancelled_job)
{
	world_init(&world, two_stages);
	ck_assert(world_lease(&world, "test/lint"));
	ck_assert(world_cancel(&world, &world_bob, ""));
	world_end(&world, "test/lint", END_WORKER_LOST, 0);
	ck_assert_str_eq(world_job_state(&world, "test/lint"), "cancelled");
	ck_assert_str_eq(world_run_state(&world), "cancelled");
}
END_TEST

/* --- the concurrency group --- */

static const char grouped[] = "concurrency: { group: deploy, cancel: false }\n"
			      "stages:\n"
			      "  - { name: a, jobs: { x: { steps: [ { run: x } ] } } }\n"
			      "  - { name: ok, gate: { approvals: 1 } }\n"
			      "  - { name: b, jobs: { y: { steps: [ { run: x } ] } } }\n";

START_TEST(a_group_holds_the_run_and_is_let_go_at_the_first_gate_only_stage)
{
	world_init(&world, grouped);
	ck_assert_str_eq(world_run_state(&world), "pending");
	ck_assert_ptr_nonnull(strstr(world.graph.waiting_for.p, "web#41"));
	world.graph.lane.state = LANE_GRANTED;
	ck_assert(world_look(&world));
	ck_assert_str_eq(world_job_state(&world, "a/x"), "queued");
	ck_assert(!world.effects.releases_lane);
	world_pass(&world, "a/x");
	ck_assert(world.effects.releases_lane);
	ck_assert_str_eq(world_run_state(&world), "waiting");
	ck_assert(world_decide(&world, &world_bob, true, ""));
	ck_assert(!world.effects.releases_lane); /* once */
	world_fail(&world, "b/y");
	ck_assert(world_retry(&world, &world_bob, "")); /* asks for the group again */
	ck_assert(world.effects.requests_lane);
	ck_assert_str_eq(world_run_state(&world), "waiting");
	world.graph.lane = (struct graph_lane){.request = 8, .lane = 1, .state = LANE_GRANTED};
	ck_assert(world_look(&world));
	world_pass(&world, "b/y");
	ck_assert_str_eq(world_run_state(&world), "succeeded");
}
END_TEST

START_TEST(a_revoked_run_ends_as_superseded)
{
	world_init(&world, grouped);
	world.graph.lane.state = LANE_GRANTED;
	ck_assert(world_look(&world));
	ck_assert(world_lease(&world, "a/x"));
	world.graph.lane.state = LANE_REVOKED;
	world.graph.lane.superseded_by = STR("web#43");
	ck_assert(world_look(&world));
	ck_assert(world.effects.has_cancelled);
	world_end(&world, "a/x", END_CANCELLED, 0);
	ck_assert_str_eq(world_run_state(&world), "superseded");
	ck_assert_str_eq(world_stage_state(&world, "a"), "superseded");
	ck_assert(world.effects.releases_lane);
}
END_TEST

/* Entries: state, cancels; then what lane_apply() makes of them. w waiting, g granted, r revoked, s superseded. */
static const struct {
	bool is_newest;
	const char *before, *after; /* capitals cancel */
} lanes[] = {
	{false, "w", "g"},
	{false, "ww", "gw"}, /* first come */
	{false, "gw", "gw"},
	{true, "www", "ssg"},  /* the newest enters and supersedes */
	{true, "gww", "gww"},  /* while one is inside, all wait */
	{false, "gW", "rw"},   /* the holder is asked to end, the newer waits for it */
	{false, "gwW", "rsw"}, /* those that wait end at once */
	{false, "WW", "sg"},
	{false, "rW", "rw"},
};

START_TEST(lanes_let_one_in)
{
	struct lane_entry entries[8] = {0};
	struct lane lane = {.id = 1, .epoch = 5, .is_newest = lanes[_i].is_newest, .entries = entries};
	for (const char *c = lanes[_i].before; *c; c++) {
		struct lane_entry *entry = &entries[lane.count++];
		entry->id = entry->run = (int64_t)lane.count;
		entry->cancels = *c == 'W';
		entry->state = entry->was = *c == 'g' ? LANE_GRANTED : *c == 'r' ? LANE_REVOKED : LANE_WAITING;
	}
	lane_apply(&lane);
	for (size_t i = 0; i < lane.count; i++)
		ck_assert_msg(lane_request_state_names[entries[i].state][0] == lanes[_i].after[i],
			"%s: entry %zu is %s", lanes[_i].before, i, lane_request_state_names[entries[i].state]);
	bool has_granted = strchr(lanes[_i].after, 'g') && !strchr(lanes[_i].before, 'g');
	ck_assert_int_eq(lane.epoch, has_granted ? 6 : 5);
}
END_TEST

/* Runs in the order of their requests; a newer run that asked first supersedes the older one behind it. */
START_TEST(the_newest_run_wins_whoever_asked_first)
{
	struct lane_entry entries[] = {{.id = 1, .run = 7}, {.id = 2, .run = 5}};
	struct lane lane = {.is_newest = true, .entries = entries, .count = 2};
	ck_assert(lane_apply(&lane));
	ck_assert_int_eq(entries[0].state, LANE_GRANTED);
	ck_assert_int_eq(entries[1].state, LANE_SUPERSEDED);
	ck_assert_int_eq(entries[1].superseded_by, 7);
}
END_TEST

/* Three that wait, 1 to 3 by their numbers: which commits contain which, and what lane_apply() makes of them. */
static const struct {
	bool is_newest;
	const char *known, *unknown; /* pairs: the newer, the older */
	int32_t priorities[3];
	const char *after;
} orders[] = {
	{true, "21 23", "", {0}, "sgs"},      /* the third is the commit of the first once more */
	{true, "13 23 12", "", {0}, "gss"},   /* numbers the wrong way round */
	{true, "12 13", "", {0}, "gss"},      /* two branches, merged by the first */
	{true, "13", "", {0}, "sgw"},         /* the second goes by its number, before the first and behind the third */
	{true, "21", "", {0}, "ssg"},         /* so does the third */
	{true, "13", "", {0, 0, 100}, "wsg"}, /* a hotfix goes first; what contains it waits on */
	{true, "31", "", {0, 0, 100}, "ssg"},
	{true, "", "13", {0}, "www"},         /* nobody has looked yet whether the third is the newest */
	{true, "", "31 32", {0}, "ssg"},      /* it is by its number at least */
	{true, "", "12", {0, 0, 200}, "ssg"}, /* a way back waits for nobody */
	{true, "", "13", {0, 0, 200}, "wsg"}, /* who may be newer is left alone */
	{false, "", "", {0}, "gww"},
};

START_TEST(a_commit_that_contains_another_is_newer)
{
	struct lane_entry entries[3] = {0};
	struct lane_relation relations[8] = {0};
	struct lane lane = {.is_newest = orders[_i].is_newest, .entries = entries, .count = 3, .relations = relations};
	for (size_t i = 0; i < lane.count; i++)
		entries[i] = (struct lane_entry){
			.id = (int64_t)i + 1, .run = (int64_t)i + 1, .priority = orders[_i].priorities[i]};
	for (int is_known = 0; is_known < 2; is_known++)
		for (const char *c = is_known ? orders[_i].known : orders[_i].unknown; *c; c += c[2] ? 3 : 2)
			relations[lane.relation_count++] = (struct lane_relation){c[0] - '0', c[1] - '0', is_known};
	lane_apply(&lane);
	for (size_t i = 0; i < lane.count; i++)
		ck_assert_msg(lane_request_state_names[entries[i].state][0] == orders[_i].after[i],
			"\"%s\", \"%s\": entry %zu is %s", orders[_i].known, orders[_i].unknown, i,
			lane_request_state_names[entries[i].state]);
}
END_TEST

START_TEST(a_hotfix_asks_the_holder_to_leave)
{
	struct lane_entry entries[] = {
		{.id = 1, .run = 5, .state = LANE_GRANTED}, {.id = 2, .run = 6, .priority = 100}, {.id = 3, .run = 8}};
	struct lane lane = {.is_newest = true, .entries = entries, .count = 3};
	ck_assert(lane_apply(&lane));
	ck_assert_int_eq(entries[0].state, LANE_REVOKED);
	ck_assert_int_eq(entries[0].superseded_by, 6);
	entries[0].state = LANE_RELEASED; /* it is out */
	lane.is_reserved = true;          /* for a rollback that is being planned */
	ck_assert_int_eq((lane_apply(&lane), entries[1].state), LANE_WAITING);
	lane.is_reserved = false;
	lane_apply(&lane);
	ck_assert_int_eq(entries[1].state, LANE_GRANTED);
	ck_assert_int_eq(entries[2].state, LANE_WAITING); /* a hotfix does not outrun who is newer */
}
END_TEST

START_TEST(looking_again_changes_nothing)
{
	world_init(&world, two_stages);
	world_pass(&world, "test/lint");
	effects_done(&world.effects);
	ck_assert(engine_apply(&world.graph, &(struct engine_event){.kind = ENGINE_LOOK}, &world.effects, &world.err));
	ck_assert(!engine_is_dirty(&world.graph, &world.effects));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("engine");
	TCase *cases = tcase_create("engine");
	tcase_add_checked_fixture(cases, NULL, tear_down);
	tcase_add_test(cases, success_goes_through_all_stages);
	tcase_add_test(cases, a_failed_job_fails_the_run_and_says_which);
	tcase_add_test(cases, what_needs_a_failed_job_is_skipped);
	tcase_add_test(cases, retry_makes_new_attempts_of_what_failed_and_of_what_depends_on_it);
	tcase_add_test(cases, retry_of_an_early_stage_opens_the_later_ones_again);
	tcase_add_test(cases, retry_is_refused_with_a_reason);
	tcase_add_test(cases, what_a_stage_went_on_without_is_not_retried);
	tcase_add_test(cases, a_lost_worker_costs_one_retry_then_the_job);
	tcase_add_loop_test(cases, causes_of_retries, 0, sizeof retries / sizeof retries[0]);
	tcase_add_test(cases, a_stale_end_changes_nothing);
	tcase_add_test(cases, allow_failure_is_a_warning_not_a_failure);
	tcase_add_test(cases, a_gate_counts_distinct_people);
	tcase_add_test(cases, who_approves_may_say_from_when_on);
	tcase_add_test(cases, a_refusal_ends_the_run_with_who_and_why);
	tcase_add_test(cases, a_gate_expires);
	tcase_add_loop_test(cases, who_may_decide, 0, sizeof deciders / sizeof deciders[0]);
	tcase_add_test(cases, a_minimum_of_one_group_and_a_comment);
	tcase_add_test(cases, cancel_ends_what_waits_and_asks_what_runs);
	tcase_add_test(cases, a_lost_worker_does_not_revive_a_cancelled_job);
	tcase_add_test(cases, a_group_holds_the_run_and_is_let_go_at_the_first_gate_only_stage);
	tcase_add_test(cases, a_revoked_run_ends_as_superseded);
	tcase_add_test(cases, looking_again_changes_nothing);
	suite_add_tcase(suite, cases);
	TCase *pure = tcase_create("lanes");
	tcase_add_test(pure, the_newest_run_wins_whoever_asked_first);
	tcase_add_loop_test(pure, a_commit_that_contains_another_is_newer, 0, sizeof orders / sizeof orders[0]);
	tcase_add_test(pure, a_hotfix_asks_the_holder_to_leave);
	tcase_add_loop_test(pure, lanes_let_one_in, 0, sizeof lanes / sizeof lanes[0]);
	suite_add_tcase(suite, pure);
	return suite_run(suite);
}
