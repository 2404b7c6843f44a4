// links: penstock_world penstock_engine
/* The engine on environment stages up to their lane: gate, commits that contain others, what is called off. */
#include "tests/support/world.h"

#include "common/mem.h"
#include "tests/support/suite.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

static struct plan_target targets[] = {{.name = {"eu-canary", 9}}, {.name = {"eu-1", 4}}, {.name = {"us-1", 4}}};
static const struct plan_environment environments[] = {
	{.name = {"prod", 4}, .tier = {"prod", 4}, .targets = targets, .target_count = 3},
};

static struct world world;

static void begin(const char *yaml)
{
	world_init_delivery(&world, yaml, environments, COUNT_OF(environments));
}

static void tear_down(void)
{
	ck_assert_pstr_eq(world_check(&world), NULL);
	world_done(&world);
}

static const struct {
	const char *kind, *holds; /* of a relation; "" nobody has looked */
	bool is_chosen, is_overridden;
	const char *state, *why;
} relation_cases[] = {
	{"newer", "no", false, false, "running", ""},
	{"newer", "yes", false, false, "superseded", "superseded by web#50, which contains this commit"},
	{"newer", "yes", true, false, "running", ""}, /* somebody chose an old version */
	{"lane", "yes", false, false, "running", ""},
	{"lane", "no", false, false, "running", ""}, /* the lane's to decide */
	{"hotfix", "yes", false, false, "running", ""},
	{"hotfix", "no", false, false, "waiting", "the hotfix web#50, which is live in prod and not in this commit"},
	{"hotfix", "no", false, true, "running", ""}, {"condemned", "no", false, false, "running", ""},
	{"condemned", "yes", false, false, "waiting", "somebody to say that web#42 mends version web#50"},
	{"condemned", "yes", false, true, "waiting", "quarantine fixed 3 web#42"}, /* no freeze */
};

START_TEST(commits_that_contain_others_decide)
{
	static struct graph_relation relation;
	int kind;
	begin("stages:\n  - { name: prod, environment: prod, gate: { approvals: 1 } }\n"
	      "deploy: { service: web, version: v1, steps: [ { run: d } ] }\n");
	ck_assert(enum_from_name(graph_relation_kind_names, str_of(relation_cases[_i].kind), &kind));
	relation = (struct graph_relation){
		.kind = (enum graph_relation_kind)kind, .run = STR("web#50"), .text = STR("x"), .quarantine = 3};
	world.graph.facts.relations = &relation;
	world.graph.facts.relation_count = 1;
	world.graph.facts.overrides_freeze = relation_cases[_i].is_overridden;
	world_stage(&world, "prod")->plan->delivery->may_go_back = relation_cases[_i].is_chosen;
	ck_assert(world_look(&world));
	ck_assert(world.effects.compares); /* at its gate already */
	ck_assert(world_decide(&world, &world_bob, true, ""));
	ck_assert_uint_eq(world.effects.requests_lane_of, 0);
	relation.holds = str_of(relation_cases[_i].holds);
	world_look(&world);
	world_let_in(&world, "prod");
	ck_assert_str_eq(world_run_state(&world), relation_cases[_i].state);
	struct str why = world.graph.reason.n ? world.graph.reason : world.graph.waiting_for;
	ck_assert_ptr_nonnull(strstr(arena_str(&world.arena, why).p, relation_cases[_i].why));
	if (!str_is(str_of(relation_cases[_i].why), "") && kind == GRAPH_RELATION_CONDEMNED) {
		static struct graph_relation both[2];
		both[0] = relation;
		both[1] = (struct graph_relation){.kind = GRAPH_RELATION_FIXED, .quarantine = 3, .holds = STR("yes")};
		world.graph.facts.relations = both;
		world.graph.facts.relation_count = 2;
		ck_assert(world_look(&world));
		ck_assert(world_let_in(&world, "prod"));
		ck_assert_str_eq(world_run_state(&world), "running");
	}
}
END_TEST

/* Ann started it and wrote its commit. Bob wrote another one that is not live on one of the targets. */
START_TEST(who_wrote_what_is_not_live_yet_does_not_decide)
{
	static const struct person dee = {4, {"dee", 3}, {"dee@example.org", 15}, {"developer", 9}, {0}, {0}};
	static struct str bob = {"Bob@Example.ORG", 15};
	static struct graph_change changes[] = {{.base = {"1", 1}, .is_known = true}, {.base = {"2", 1}}};
	struct str why;
	begin("stages:\n  - { name: build, jobs: { make: { steps: [ { run: m } ] } } }\n"
	      "  - { name: prod, environment: prod, gate: { approvals: 1, author: deny } }\n"
	      "deploy: { service: web, version: v1, steps: [ { run: d } ] }\n");
	changes[1] = (struct graph_change){.base = STR("2")};
	world.graph.facts.changes = changes;
	world.graph.facts.change_count = COUNT_OF(changes);
	world_pass(&world, "build/make");
	ck_assert(world.effects.compares);
	ck_assert_str_eq(world_stage_state(&world, "prod"), "blocked"); /* nobody is asked yet */
	changes[1].is_known = true;
	changes[1].authors = (struct str_list){&bob, 1};
	ck_assert(world_look(&world));
	ck_assert_str_eq(world_stage_state(&world, "prod"), "gated");
	struct str_list authors = engine_authors(&world.graph, &world.graph.gates[0]);
	ck_assert_str_eq(str_list_join(&authors, " ", &world.arena).p, "ann@example.org Bob@Example.ORG");
	ck_assert(!engine_may_decide(&world.graph, &world.graph.gates[0], &world_ann, &why));
	ck_assert_ptr_nonnull(strstr(why.p, "you started this run"));
	ck_assert(!engine_may_decide(&world.graph, &world.graph.gates[0], &world_bob, &why));
	ck_assert_ptr_nonnull(strstr(why.p, "you wrote a part of what it brings"));
	changes[0].is_known = false; /* something else went live meanwhile */
	ck_assert(!world_decide(&world, &dee, true, ""));
	ck_assert_ptr_nonnull(strstr(world.err.text, "try again in a moment"));
	changes[0].is_known = true;
	ck_assert(world_decide(&world, &dee, true, ""));
	ck_assert_str_eq(world_stage_state(&world, "prod"), "queued");
}
END_TEST

START_TEST(an_exclusive_target_takes_one_service_at_a_time)
{
	static struct graph_occupant there = {.service = {"api", 3}, .run = {"api#7", 5}};
	begin("stages:\n  - { name: prod, environment: prod, waves: [ { targets: [eu-1] }, { targets: [\"*\"] } ] }\n"
	      "deploy: { service: web, version: v1, steps: [ { run: d } ] }\n");
	there.target = STR("us-1");
	world.graph.facts.occupied = &there;
	world.graph.facts.occupied_count = 1;
	ck_assert(world_let_in(&world, "prod")); /* the first wave is free */
	world_pass(&world, "prod/deploy[target=eu-1]");
	ck_assert_str_eq(world_wave_state(&world, 1), "pending");
	ck_assert_ptr_nonnull(strstr(world.graph.waiting_for.p,
		"api#7 to be done with us-1, which takes one deployment at a time: it deploys api there"));
	world.graph.facts.occupied_count = 0;
	ck_assert(world_look(&world));
	ck_assert_str_eq(world_wave_state(&world, 1), "deploying");
}
END_TEST

START_TEST(an_old_approval_is_asked_again)
{
	static const int64_t day_ms = 24 * 3600 * 1000;
	begin("stages:\n  - { name: prod, environment: prod, gate: { approvals: 1 } }\n"
	      "deploy: { service: web, version: v1, steps: [ { run: d } ] }\n");
	world.graph.facts.frozen = STR("the fair");
	ck_assert(world_decide(&world, &world_bob, true, ""));
	world_wait(&world, 6 * day_ms);
	ck_assert_str_eq(world_stage_state(&world, "prod"), "queued");
	world_wait(&world, day_ms);
	ck_assert_str_eq(world_stage_state(&world, "prod"), "gated");
	ck_assert_ptr_nonnull(strstr(world.graph.waiting_for.p,
		"approval of stage \"prod\" again (the approval was more than seven days old): 0 of 1"));
	world.graph.facts.frozen = (struct str){0};
	ck_assert(world_decide(&world, &world_bob, true, ""));
	ck_assert_uint_eq(world.effects.requests_lane_of, 1);
	world_wait(&world, 7 * day_ms); /* for its turn */
	ck_assert_str_eq(world_stage_state(&world, "prod"), "gated");
	ck_assert_uint_eq(world.effects.releases_lane_of, 1);
	ck_assert(world_decide(&world, &world_bob, true, ""));
	ck_assert(world_let_in(&world, "prod"));
	world_wait(&world, 8 * day_ms); /* it has begun: nobody is asked again */
	ck_assert_str_eq(world_stage_state(&world, "prod"), "running");
}
END_TEST

START_TEST(a_teardown_is_called_off_when_its_time_moved)
{
	static const int64_t hour_us = INT64_C(3600000000);
	static const struct {
		int64_t in_us;
		const char *state, *why;
	} cases[] = {
		{-hour_us, "running", ""},
		{hour_us, "cancelled", "prod now expires"},
		{0, "cancelled", "prod does not expire any more"},
	};
	begin("stages:\n  - { name: prod, environment: prod }\ndeploy: { service: web, version: v1, steps: [ { run: d } ] }\n");
	world_stage(&world, "prod")->plan->delivery->priority = PLAN_PRIORITY_TEARDOWN;
	world.graph.facts.expires_at = cases[_i].in_us ? world.graph.now_us + cases[_i].in_us : 0;
	world.graph.facts.quarantined = STR("it lost orders"); /* all the better */
	world_let_in(&world, "prod");
	ck_assert_str_eq(world_run_state(&world), cases[_i].state);
	ck_assert_ptr_nonnull(strstr(arena_str(&world.arena, world.graph.reason).p, cases[_i].why));
	if (_i)
		return;
	world_pass(&world, "prod/deploy[target=eu-canary]");
	ck_assert_int_eq(world.graph.deployments[0].baked_at, 0); /* nothing to go back to */
}
END_TEST

START_TEST(a_teardown_that_is_held_is_called_off_too)
{
	static struct graph_occupant there = {.target = {"us-1", 4}, .service = {"api", 3}, .run = {"api#7", 5}};
	begin("stages:\n  - { name: prod, environment: prod }\ndeploy: { service: web, version: v1, steps: [ { run: d } ] }\n");
	world_stage(&world, "prod")->plan->delivery->priority = PLAN_PRIORITY_TEARDOWN;
	world.graph.facts.expires_at = world.graph.now_us - 1;
	ck_assert_uint_eq(world.effects.requests_lane_of, 1);
	world.graph.facts.occupied = &there;
	world.graph.facts.occupied_count = 1;
	world_let_in(&world, "prod");
	ck_assert_str_eq(world_stage_state(&world, "prod"), "queued");
	ck_assert_ptr_nonnull(strstr(world.graph.waiting_for.p, "api#7 to be done with us-1"));
	world.graph.facts.expires_at = 0; /* it is to stay */
	ck_assert(world_look(&world));
	ck_assert_str_eq(world_run_state(&world), "cancelled");
}
END_TEST

START_TEST(a_newer_run_in_the_lane_supersedes_who_waits)
{
	begin("stages:\n  - { name: prod, environment: prod, gate: { approvals: 1 } }\n"
	      "deploy: { service: web, version: v1, steps: [ { run: d } ] }\n");
	world.graph.facts.newer = STR("web#50");
	world_look(&world);
	ck_assert_str_eq(world_run_state(&world), "superseded");
	ck_assert_str_eq(world_stage_state(&world, "prod"), "superseded");
}
END_TEST

/* Before its first wave, and in the middle of one: what deploys is finished. */
START_TEST(what_was_condemned_elsewhere_stops_at_its_next_safe_point)
{
	begin("stages:\n  - { name: prod, environment: prod, waves: [ { targets: [eu-canary] }, { targets: [\"*\"] } ] }\n"
	      "deploy: { service: web, version: v1, steps: [ { run: d } ] }\n");
	if (_i) {
		ck_assert(world_let_in(&world, "prod"));
		world_pass(&world, "prod/deploy[target=eu-canary]");
		ck_assert(world_lease(&world, "prod/deploy[target=eu-1]"));
	}
	world.graph.facts.condemned_elsewhere = STR("qa: it lost orders");
	ck_assert(world_look(&world));
	if (_i) {
		ck_assert_str_eq(world_job_state(&world, "prod/deploy[target=eu-1]"), "running");
		world_end(&world, "prod/deploy[target=eu-1]", END_EXIT, 0);
		ck_assert_str_eq(world_target_state(&world, "eu-1"), "live");
		ck_assert_str_eq(world_target_state(&world, "us-1"), "superseded");
		ck_assert_str_eq(world_wave_state(&world, 1), "superseded");
	}
	ck_assert_str_eq(world_run_state(&world), "cancelled");
	ck_assert_uint_eq(world.effects.condemns, 0);
	ck_assert_ptr_nonnull(
		strstr(world.graph.reason.p, "quarantined: version v1 was condemned in qa: it lost orders"));
}
END_TEST

/* It is closed when the lane's turn comes. Where turns are taken it keeps its own. */
START_TEST(what_is_held_when_its_lane_lets_it_in_waits_outside)
{
	begin("stages:\n  - { name: prod, environment: prod }\ndeploy: { service: web, version: v1, steps: [ { run: d } ] }\n");
	world_stage(&world, "prod")->plan->delivery->is_fifo = _i;
	world.graph.facts.frozen = STR("Monday: the fair");
	world_let_in(&world, "prod");
	ck_assert(str_is(world.graph.waiting_for, "Monday: the fair"));
	ck_assert_str_eq(world_stage_state(&world, "prod"), _i ? "running" : "queued");
	ck_assert_str_eq(world_wave_state(&world, 0), "pending");
	ck_assert_uint_eq(world.effects.releases_lane_of, !_i);
	world.graph.facts.frozen = (struct str){0};
	ck_assert(world_look(&world));
	ck_assert_uint_eq(world.effects.requests_lane_of, !_i);
}
END_TEST

START_TEST(previews_come_before_the_gate)
{
	begin("stages:\n  - { name: prod, environment: prod, gate: { approvals: 1 } }\n"
	      "deploy: { service: web, version: v1, preview: [ { run: p } ], steps: [ { run: d } ] }\n");
	ck_assert_str_eq(world_stage_state(&world, "prod"), "blocked");
	world_pass(&world, "prod/preview[target=eu-canary]");
	world_pass(&world, "prod/preview[target=eu-1]");
	ck_assert_uint_eq(world.graph.gate_count, 0);
	world_pass(&world, "prod/preview[target=us-1]");
	ck_assert_str_eq(world_stage_state(&world, "prod"), "gated");
	ck_assert(world_decide(&world, &world_bob, true, ""));
	ck_assert_str_eq(world_stage_state(&world, "prod"), "queued");
	ck_assert(world_let_in(&world, "prod"));
	ck_assert_str_eq(world_job_state(&world, "prod/deploy[target=eu-canary]"), "queued");
}
END_TEST

START_TEST(a_version_that_nobody_can_tell_fails_the_stage)
{
	begin("stages:\n  - { name: build, jobs: { make: { outputs: [v], steps: [ { run: m } ] } } }\n"
	      "  - { name: prod, environment: prod }\n"
	      "deploy: { service: web, version: \"${{ jobs.make.outputs.v }}\", steps: [ { run: d } ] }\n");
	world_pass(&world, "build/make"); /* wrote no output */
	ck_assert_str_eq(world_run_state(&world), "failed");
	ck_assert_ptr_nonnull(strstr(world.graph.reason.p, "its version is empty: ${{ jobs.make.outputs.v }}"));
}
END_TEST

/* --- planned again --- */

static const struct {
	const char *gate; /* of the stage */
	bool has_previews, is_approved, is_in_lane;
	const char *state; /* of the stage, once the new plan was taken in */
	size_t gates;      /* by then */
	bool leaves_lane;
} replan_cases[] = {
	{"gate: { approvals: 1 }, ", false, false, false, "gated", 2, false},
	{"gate: { approvals: 1 }, ", false, true, false, "gated", 2, true}, /* it waited in the lane */
	{"gate: { approvals: 1 }, ", false, true, true, "gated", 2, true},  /* it was let in */
	{"gate: { approvals: 1 }, ", true, false, false, "blocked", 1, false},
	{"gate: { approvals: 1 }, ", true, true, true, "blocked", 1, true},
	{"", false, false, true, "running", 0, false}, /* nobody was asked: it goes on with the new plan */
	{"", true, false, true, "blocked", 0, true},
};

static void pass_previews(void)
{
	world_pass(&world, "prod/preview[target=eu-canary]");
	world_pass(&world, "prod/preview[target=eu-1]");
	world_pass(&world, "prod/preview[target=us-1]");
}

START_TEST(what_changed_is_asked_again)
{
	bool has_previews = replan_cases[_i].has_previews, is_in_lane = replan_cases[_i].is_in_lane;
	char yaml[256];
	snprintf(yaml, sizeof yaml,
		"stages:\n  - { name: prod, %senvironment: prod }\n"
		"deploy: { service: web, version: v1, %ssteps: [ { run: d } ] }\n",
		replan_cases[_i].gate, has_previews ? "preview: [ { run: p } ], " : "");
	begin(yaml);
	if (has_previews)
		pass_previews();
	if (replan_cases[_i].is_approved)
		ck_assert(world_decide(&world, &world_bob, true, ""));
	world.graph.facts.configuration = 2;
	ck_assert(world_look(&world));
	ck_assert_uint_eq(world.effects.replans, 1);
	if (is_in_lane) {
		ck_assert(world_let_in(&world, "prod"));
		ck_assert_str_eq(world_stage_state(&world, "prod"), "queued"); /* not before it is planned */
	}
	world.graph.configuration = 2;
	world_stage(&world, "prod")->replanned = STR("target us-1 is gone");
	ck_assert(world_look(&world));
	ck_assert_uint_eq(world.effects.replans, 0);
	ck_assert_str_eq(world_stage_state(&world, "prod"), replan_cases[_i].state);
	ck_assert_uint_eq(world.graph.gate_count, replan_cases[_i].gates);
	ck_assert_int_eq(world.effects.releases_lane_of == 1, replan_cases[_i].leaves_lane);
	if (world.graph.gate_count)
		ck_assert_int_eq(world.graph.gates[0].state, GATE_VOID);
	if (has_previews) {
		ck_assert_str_eq(world_job_state(&world, "prod/preview[target=eu-1]"), "queued");
		pass_previews();
	}
	if (*replan_cases[_i].gate == 0)
		return;
	ck_assert_str_eq(world_stage_state(&world, "prod"), "gated");
	ck_assert_ptr_nonnull(strstr(world.graph.waiting_for.p, "again (target us-1 is gone): 0 of 1"));
	ck_assert(world_decide(&world, &world_bob, true, ""));
	ck_assert(world_let_in(&world, "prod"));
	ck_assert_str_eq(world_run_state(&world), "running");
}
END_TEST

START_TEST(what_has_begun_keeps_its_plan)
{
	begin("stages:\n  - { name: prod, environment: prod }\n"
	      "deploy: { service: web, version: v1, steps: [ { run: d } ] }\n");
	ck_assert(world_let_in(&world, "prod"));
	world.graph.facts.configuration = 2;
	world_pass(&world, "prod/deploy[target=eu-canary]");
	ck_assert_uint_eq(world.effects.replans, 0);
	world_fail(&world, "prod/deploy[target=eu-1]");
	ck_assert(world_retry(&world, &world_bob, ""));
	ck_assert(world_let_in(&world, "prod"));
	ck_assert_uint_eq(world.effects.replans, 0);
}
END_TEST

START_TEST(what_failed_behind_what_is_tried_again_is_tried_again_too)
{
	begin("stages:\n  - name: build\n    jobs: { make: { outputs: [v], steps: [ { run: make } ] } }\n"
	      "  - { name: prod, if: always(), environment: prod }\n"
	      "deploy: { service: web, version: \"${{ jobs.make.outputs.v }}\", steps: [ { run: d } ] }\n");
	world_fail(&world, "build/make");
	ck_assert_str_eq(world_stage_state(&world, "prod"), "failed"); /* there is no version */
	ck_assert_str_eq(world_run_state(&world), "failed");
	ck_assert(world_retry(&world, &world_bob, ""));
	ck_assert(world_lease(&world, "build/make"));
	world_end_with_output(&world, "build/make", 0, "v", "v1");
	ck_assert(world_let_in(&world, "prod"));
	world_pass(&world, "prod/deploy[target=eu-canary]");
	world_pass(&world, "prod/deploy[target=eu-1]");
	world_pass(&world, "prod/deploy[target=us-1]");
	ck_assert_str_eq(world_run_state(&world), "succeeded");
}
END_TEST

static void fail_at_us(void)
{
	begin("stages:\n  - { name: prod, environment: prod, waves: [ { targets: [eu-canary] }, { targets: [\"*\"] } ] }\n"
	      "deploy: { service: web, version: v1, steps: [ { run: d } ] }\n");
	ck_assert(world_let_in(&world, "prod"));
	world_pass(&world, "prod/deploy[target=eu-canary]");
	world_pass(&world, "prod/deploy[target=eu-1]");
	world_fail(&world, "prod/deploy[target=us-1]");
	ck_assert_str_eq(world_run_state(&world), "failed");
}

static void overtake(void)
{
	world.graph.facts.overtaken_by = STR("web#50");
	world.graph.facts.overtaken_at = STR("eu-1");
}

START_TEST(what_somebody_has_deployed_over_is_not_tried_again)
{
	static const char *const jobs[] = {"", "prod/deploy[target=us-1]"};
	fail_at_us();
	overtake();
	ck_assert(!world_retry(&world, &world_bob, jobs[_i]));
	ck_assert_str_eq(world.err.text,
		"web#42 was superseded by web#50, which has deployed to eu-1 since; \"run again\" makes a new run");
	ck_assert_str_eq(world_run_state(&world), "failed");
}
END_TEST

START_TEST(what_somebody_deploys_over_while_it_waits_to_be_tried_again_ends)
{
	static const struct {
		int32_t priority;
		const char *reason;
	} cases[] = {
		{PLAN_PRIORITY_NORMAL,
			"superseded by web#50, which has deployed to eu-1 since; \"run again\" makes a new run"},
		{PLAN_PRIORITY_ROLLBACK,
			"superseded by web#50, which has deployed to eu-1 since; penstock rollback web prod brings back what is "
			"left; not brought back: us-1 (penstock rollback web prod)"},
	};
	fail_at_us();
	world_stage(&world, "prod")->plan->delivery->priority = cases[_i].priority;
	ck_assert(world_retry(&world, &world_bob, ""));
	ck_assert_str_eq(world_stage_state(&world, "prod"), "queued");
	overtake();
	world_let_in(&world, "prod");
	ck_assert_str_eq(world_run_state(&world), "superseded");
	ck_assert_pstr_eq(arena_str(&world.arena, world.graph.reason).p, cases[_i].reason);
	ck_assert_str_eq(world_wave_state(&world, 1), "superseded");
	ck_assert_str_eq(world_target_state(&world, "eu-1"), "live"); /* as it was, until somebody else came */
}
END_TEST

START_TEST(what_may_not_go_there_any_more_ends)
{
	begin("stages:\n  - { name: prod, gate: { approvals: 1 }, environment: prod }\n"
	      "deploy: { service: web, version: v1, steps: [ { run: d } ] }\n");
	world_stage(&world, "prod")->refused = STR("prod takes only releases");
	ck_assert(world_look(&world));
	ck_assert_str_eq(world_run_state(&world), "cancelled");
	ck_assert_ptr_nonnull(strstr(world.graph.reason.p, "prod takes only releases"));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("delivery entry");
	TCase *cases = tcase_create("entry");
	tcase_add_checked_fixture(cases, NULL, tear_down);
	tcase_add_loop_test(cases, a_teardown_is_called_off_when_its_time_moved, 0, 3);
	tcase_add_test(cases, a_teardown_that_is_held_is_called_off_too);
	tcase_add_test(cases, who_wrote_what_is_not_live_yet_does_not_decide);
	tcase_add_loop_test(cases, what_was_condemned_elsewhere_stops_at_its_next_safe_point, 0, 2);
	tcase_add_loop_test(cases, what_is_held_when_its_lane_lets_it_in_waits_outside, 0, 2);
	tcase_add_test(cases, an_exclusive_target_takes_one_service_at_a_time);
	tcase_add_test(cases, an_old_approval_is_asked_again);
	tcase_add_loop_test(cases, commits_that_contain_others_decide, 0, COUNT_OF(relation_cases));
	tcase_add_test(cases, a_newer_run_in_the_lane_supersedes_who_waits);
	tcase_add_test(cases, previews_come_before_the_gate);
	tcase_add_test(cases, a_version_that_nobody_can_tell_fails_the_stage);
	tcase_add_loop_test(cases, what_changed_is_asked_again, 0, COUNT_OF(replan_cases));
	tcase_add_test(cases, what_has_begun_keeps_its_plan);
	tcase_add_test(cases, what_failed_behind_what_is_tried_again_is_tried_again_too);
	tcase_add_loop_test(cases, what_somebody_has_deployed_over_is_not_tried_again, 0, 2);
	tcase_add_loop_test(cases, what_somebody_deploys_over_while_it_waits_to_be_tried_again_ends, 0, 2);
	tcase_add_test(cases, what_may_not_go_there_any_more_ends);
	suite_add_tcase(suite, cases);
	return suite_run(suite);
}
