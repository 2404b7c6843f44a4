// links: penstock_world penstock_engine
/* The engine on environment stages: lanes, waves, bakes, alarms, condemned versions, unknown outcomes. */
#include "tests/support/world.h"

#include "common/mem.h"
#include "tests/support/suite.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static struct plan_target targets[] = {{.name = {"eu-canary", 9}}, {.name = {"eu-1", 4}}, {.name = {"us-1", 4}}};
static const struct plan_environment environments[] = {
	{.name = {"qa", 2}, .tier = {"qa", 2}, .targets = targets, .target_count = 1},
	{.name = {"prod", 4}, .tier = {"prod", 4}, .targets = targets, .target_count = 3},
};

static const char deploys[] =
	"stages:\n"
	"  - name: build\n"
	"    jobs: { make: { outputs: [v], steps: [ { run: make } ] } }\n"
	"  - name: prod\n"
	"    environment: prod\n"
	"    alarms: [errors]\n"
	"    tests: { e2e: { once: wave, steps: [ { run: e2e } ] } }\n"
	"    waves: [ { targets: [eu-canary], bake: 10m, min_points: 3 }, { targets: [\"*\"], parallel: 2 } ]\n"
	"deploy: { service: web, version: \"${{ jobs.make.outputs.v }}\", steps: [ { run: d } ], verify: [ { run: v } ] }\n";

static struct world world;

static void begin(const char *yaml)
{
	world_init_delivery(&world, yaml, environments, COUNT_OF(environments));
	world_set_alarm(&world, "errors", "ok", 0);
}

static void tear_down(void)
{
	ck_assert_pstr_eq(world_check(&world), NULL);
	world_done(&world);
}

static void build(void)
{
	ck_assert(world_lease(&world, "build/make"));
	world_end_with_output(&world, "build/make", 0, "v", " v1\n");
}

static void deploy(const char *target)
{
	struct arena *arena = &world.arena;
	world_pass(&world, arena_printf(arena, "prod/deploy[target=%s]", target).p);
	world_pass(&world, arena_printf(arena, "prod/verify[target=%s]", target).p);
}

static void enter(void)
{
	build();
	ck_assert(world_let_in(&world, "prod"));
}

static void bake_first(void)
{
	deploy("eu-canary");
	world_pass(&world, "prod/e2e[wave=1]");
	world_set_alarm(&world, "errors", "ok", 3);
	world_wait(&world, 600000);
}

START_TEST(a_release_goes_through_its_waves)
{
	begin(deploys);
	build();
	ck_assert_str_eq(world_stage_state(&world, "prod"), "queued");
	ck_assert_uint_eq(world.effects.requests_lane_of, 2);
	ck_assert_int_eq(str_is(world_stage(&world, "prod")->version, "v1"), 1); /* without its blanks */
	ck_assert(world_let_in(&world, "prod"));
	ck_assert_str_eq(world_wave_state(&world, 0), "deploying");
	ck_assert_str_eq(world_job_state(&world, "prod/deploy[target=eu-canary]"), "queued");
	ck_assert_str_eq(world_job_state(&world, "prod/deploy[target=us-1]"), "blocked");
	world_pass(&world, "prod/deploy[target=eu-canary]");
	ck_assert_str_eq(world_wave_state(&world, 0), "verifying");
	ck_assert_str_eq(world_target_state(&world, "eu-canary"), "verifying");
	world_pass(&world, "prod/verify[target=eu-canary]");
	ck_assert_str_eq(world_wave_state(&world, 0), "baking");
	ck_assert_str_eq(world_target_state(&world, "eu-canary"), "live");
	world_pass(&world, "prod/e2e[wave=1]");
	ck_assert_str_eq(world_run_state(&world), "waiting");
	ck_assert_ptr_nonnull(strstr(world.graph.waiting_for.p, "wave 1 of prod to bake until"));
	world_wait(&world, 600000);
	ck_assert_ptr_nonnull(strstr(world.graph.waiting_for.p, "data points of the alarm \"errors\": 0 of 3"));
	world_set_alarm(&world, "errors", "ok", 3);
	ck_assert(world_look(&world));
	ck_assert_str_eq(world_wave_state(&world, 0), "succeeded");
	ck_assert_int_gt(world.graph.deployments[0].baked_at, 0);
	ck_assert_str_eq(world_run_state(&world), "running");
	deploy("eu-1");
	deploy("us-1");
	world_pass(&world, "prod/e2e[wave=2]");
	ck_assert_str_eq(world_run_state(&world), "succeeded");
	ck_assert_uint_eq(world.effects.releases_lane_of, 2);
}
END_TEST

START_TEST(no_more_than_parallel_deploy_at_a_time)
{
	begin("stages:\n  - { name: prod, environment: prod, waves: [ { targets: [\"*\"], parallel: 2 } ] }\n"
	      "deploy: { service: web, version: v1, steps: [ { run: d } ] }\n");
	ck_assert(world_let_in(&world, "prod"));
	ck_assert_str_eq(world_job_state(&world, "prod/deploy[target=eu-canary]"), "queued");
	ck_assert_str_eq(world_job_state(&world, "prod/deploy[target=eu-1]"), "queued");
	ck_assert_str_eq(world_job_state(&world, "prod/deploy[target=us-1]"), "blocked");
	world_pass(&world, "prod/deploy[target=eu-1]");
	ck_assert_str_eq(world_job_state(&world, "prod/deploy[target=us-1]"), "queued");
	world_pass(&world, "prod/deploy[target=us-1]");
	world_pass(&world, "prod/deploy[target=eu-canary]");
	ck_assert_str_eq(world_run_state(&world), "succeeded");
}
END_TEST

START_TEST(an_alarm_that_fires_condemns_the_version)
{
	begin(deploys);
	enter();
	bake_first();
	ck_assert(world_lease(&world, "prod/deploy[target=eu-1]"));
	world_set_alarm(&world, "errors", "firing", 4);
	ck_assert(world_look(&world));
	ck_assert_uint_eq(world.effects.condemns, 2);
	ck_assert(world.effects.has_cancelled); /* with grace */
	ck_assert_str_eq(world_run_state(&world), "running");
	ck_assert_str_eq(world_job_state(&world, "prod/deploy[target=us-1]"), "cancelled");
	world_end(&world, "prod/deploy[target=eu-1]", END_CANCELLED, 0);
	ck_assert_str_eq(world_run_state(&world), "rolled_back");
	ck_assert_str_eq(world_stage_state(&world, "prod"), "rolled_back");
	ck_assert_str_eq(world_wave_state(&world, 0), "succeeded");
	ck_assert_str_eq(world_wave_state(&world, 1), "rolled_back");
	ck_assert_str_eq(world_target_state(&world, "eu-canary"), "rolled_back");
	ck_assert_str_eq(world_target_state(&world, "eu-1"), "rolled_back");
	ck_assert_str_eq(world_target_state(&world, "us-1"), "superseded"); /* never reached */
	ck_assert_ptr_nonnull(strstr(world.graph.reason.p, "alarm \"errors\" fired in wave 2 of prod"));
	ck_assert_uint_eq(world.effects.releases_lane_of, 2);
}
END_TEST

START_TEST(other_environments_are_left_alone)
{
	begin("stages:\n  - { name: qa, environment: qa }\n  - { name: prod, environment: prod, on_failure: rollback }\n"
	      "deploy: { service: web, version: v1, steps: [ { run: d } ] }\n");
	ck_assert(world_let_in(&world, "qa"));
	world_pass(&world, "qa/deploy[target=eu-canary]");
	ck_assert(world_let_in(&world, "prod"));
	world_fail(&world, "prod/deploy[target=eu-canary]");
	ck_assert_str_eq(world_run_state(&world), "rolled_back");
	ck_assert_str_eq(world_stage_state(&world, "qa"), "succeeded");
	ck_assert_str_eq(deployment_state_names[world.graph.deployments[0].state], "live");
}
END_TEST

START_TEST(a_broken_monitor_is_no_bad_release)
{
	begin(deploys);
	enter();
	deploy("eu-canary");
	world_pass(&world, "prod/e2e[wave=1]");
	world_set_alarm(&world, "errors", "unknown", 9);
	world_wait(&world, 1200000);
	ck_assert_str_eq(world_wave_state(&world, 0), "baking");
	ck_assert_ptr_nonnull(strstr(world.graph.waiting_for.p, "the alarm \"errors\" to be ok: it is unknown"));
	world_set_alarm(&world, "errors", "ok", 9);
	ck_assert(world_look(&world));
	ck_assert_str_eq(world_wave_state(&world, 1), "deploying");
}
END_TEST

START_TEST(a_firing_alarm_holds_a_wave_outside_the_lane)
{
	begin(deploys);
	world_set_alarm(&world, "errors", "firing", 0);
	build();
	ck_assert_str_eq(world_stage_state(&world, "prod"), "queued");
	ck_assert_uint_eq(world.effects.requests_lane_of, 0);
	ck_assert_ptr_nonnull(strstr(world.graph.waiting_for.p, "it is firing"));
	world_set_alarm(&world, "errors", "ok", 0);
	ck_assert(world_look(&world));
	ck_assert_uint_eq(world.effects.requests_lane_of, 2);
}
END_TEST

START_TEST(a_freeze_keeps_the_next_wave)
{
	begin(deploys);
	enter();
	world.graph.facts.frozen = STR("prod is frozen until Monday: the fair");
	bake_first(); /* the wave that is under way finishes */
	ck_assert_str_eq(world_wave_state(&world, 0), "succeeded");
	ck_assert_str_eq(world_wave_state(&world, 1), "pending");
	ck_assert_str_eq(world_run_state(&world), "waiting");
	ck_assert(str_is(world.graph.waves[1].held, "prod is frozen until Monday: the fair"));
	world.graph.facts.frozen = (struct str){0};
	ck_assert(world_look(&world));
	ck_assert_str_eq(world_wave_state(&world, 1), "deploying");
	ck_assert_uint_eq(world.graph.waves[1].held.n, 0);
}
END_TEST

START_TEST(a_failed_deployment_stops_the_stage)
{
	begin(deploys);
	enter();
	bake_first();
	ck_assert(world_lease(&world, "prod/deploy[target=us-1]"));
	world_fail(&world, "prod/deploy[target=eu-1]");
	ck_assert_str_eq(world_stage_state(&world, "prod"), "running"); /* us-1 goes on */
	world_end(&world, "prod/deploy[target=us-1]", END_EXIT, 0);
	world_pass(&world, "prod/verify[target=us-1]");
	ck_assert_str_eq(world_run_state(&world), "failed");
	ck_assert_str_eq(world_target_state(&world, "eu-1"), "failed");
	ck_assert_str_eq(world_target_state(&world, "us-1"), "live");
	ck_assert_uint_eq(world.effects.condemns, 0);
	/* and goes on from there when asked to */
	ck_assert(world_retry(&world, &world_bob, ""));
	ck_assert_str_eq(world_stage_state(&world, "prod"), "queued");
	ck_assert(world_let_in(&world, "prod"));
	deploy("eu-1");
	world_pass(&world, "prod/e2e[wave=2]");
	ck_assert_str_eq(world_run_state(&world), "succeeded");
}
END_TEST

static const char diagnosed[] =
	"stages:\n  - { name: prod, environment: prod, on_failure: rollback, waves: [ { targets: [\"*\"], parallel: 3 } ] }\n"
	"deploy: { service: web, version: v1, steps: [ { run: d } ], diagnose: [ { run: look } ] }\n";

START_TEST(what_failed_is_diagnosed_before_it_is_undone)
{
	begin(diagnosed);
	ck_assert(world_let_in(&world, "prod"));
	world_pass(&world, "prod/deploy[target=eu-canary]");
	world_fail(&world, "prod/deploy[target=eu-1]");
	ck_assert_str_eq(world_job_state(&world, "prod/diagnose[target=eu-1]"), "blocked"); /* us-1 is on its way */
	world_pass(&world, "prod/deploy[target=us-1]");
	ck_assert_str_eq(world_job_state(&world, "prod/diagnose[target=eu-1]"), "queued");
	ck_assert_str_eq(world_job_state(&world, "prod/diagnose[target=us-1]"), "blocked");
	ck_assert_uint_eq(world.effects.condemns, 0);
	world_fail(&world, "prod/diagnose[target=eu-1]"); /* what it says helps, its own end decides nothing */
	ck_assert_uint_eq(world.effects.condemns, 1);
	ck_assert_str_eq(world_run_state(&world), "rolled_back");
	ck_assert_ptr_nonnull(strstr(world.graph.reason.p, "job \"prod/deploy[target=eu-1]\""));
}
END_TEST

START_TEST(what_went_well_is_not_diagnosed)
{
	begin(diagnosed);
	ck_assert(world_let_in(&world, "prod"));
	world_pass(&world, "prod/deploy[target=eu-canary]");
	world_pass(&world, "prod/deploy[target=eu-1]");
	world_pass(&world, "prod/deploy[target=us-1]");
	ck_assert_str_eq(world_run_state(&world), "succeeded");
	ck_assert_str_eq(world_job_state(&world, "prod/diagnose[target=eu-1]"), "skipped");
}
END_TEST

START_TEST(a_failed_deployment_goes_back_where_asked)
{
	begin("stages:\n  - { name: prod, environment: prod, on_failure: rollback }\n"
	      "deploy: { service: web, version: v1, steps: [ { run: d } ] }\n");
	ck_assert(world_let_in(&world, "prod"));
	world_fail(&world, "prod/deploy[target=eu-canary]");
	ck_assert_uint_eq(world.effects.condemns, 1);
	ck_assert_str_eq(world_run_state(&world), "rolled_back");
}
END_TEST

START_TEST(a_quarantined_version_is_not_deployed)
{
	begin(deploys);
	world.graph.facts.quarantined = STR("it lost orders");
	build();
	ck_assert_str_eq(world_run_state(&world), "cancelled");
	ck_assert_ptr_nonnull(strstr(world.graph.reason.p, "version v1 is quarantined in prod: it lost orders"));
	ck_assert_str_eq(world_target_state(&world, "eu-canary"), "none");
}
END_TEST

START_TEST(a_hotfix_takes_over_at_the_next_safe_point)
{
	begin(deploys);
	enter();
	bake_first();
	ck_assert(world_lease(&world, "prod/deploy[target=eu-1]"));
	world_stage(&world, "prod")->lane.state = LANE_REVOKED;
	world_stage(&world, "prod")->lane.superseded_by = STR("web#43");
	ck_assert(world_look(&world));
	ck_assert_str_eq(
		world_job_state(&world, "prod/deploy[target=eu-1]"), "running"); /* never killed by another run */
	world_end(&world, "prod/deploy[target=eu-1]", END_EXIT, 0);
	ck_assert(world_lease(&world, "prod/deploy[target=us-1]")); /* it was queued already */
	world_end(&world, "prod/deploy[target=us-1]", END_EXIT, 0);
	ck_assert_str_eq(world_run_state(&world), "superseded");
	ck_assert_str_eq(world_target_state(&world, "eu-1"), "live");
	ck_assert_ptr_nonnull(strstr(world.graph.reason.p, "made way for web#43"));
}
END_TEST

START_TEST(an_unknown_outcome_waits_for_a_person)
{
	static const char *const verdicts[] = {"live", "failed", "retry"};
	begin(deploys);
	enter();
	ck_assert(world_lease(&world, "prod/deploy[target=eu-canary]"));
	world_end(&world, "prod/deploy[target=eu-canary]", END_WORKER_LOST, 0);
	ck_assert_str_eq(world_target_state(&world, "eu-canary"), "unknown");
	ck_assert_str_eq(world_run_state(&world), "waiting");
	ck_assert_ptr_nonnull(strstr(world.graph.waiting_for.p, "penstock resolve web#42 eu-canary live|failed|retry"));
	ck_assert(!world_resolve(&world, &world_bob, "us-1", "live"));
	ck_assert(!world_resolve(&world, &world_bob, "eu-canary", "maybe"));
	ck_assert(world_resolve(&world, &world_bob, "eu-canary", verdicts[_i]));
	if (_i == 1) {
		ck_assert_str_eq(world_run_state(&world), "failed");
		return;
	}
	if (_i == 2)
		world_pass(&world, "prod/deploy[target=eu-canary]");
	world_pass(&world, "prod/verify[target=eu-canary]");
	ck_assert_str_eq(world_wave_state(&world, 0), "baking");
}
END_TEST

static const char stops[] = "stages:\n  - name: prod\n    environment: prod\n    alarms: [errors]\n    on_alarm: stop\n"
			    "    waves: [ { targets: [eu-canary], bake: 10m }, { targets: [\"*\"] } ]\n"
			    "    tests: { e2e: { once: wave, steps: [ { run: e } ] } }\n"
			    "deploy: { service: web, version: v1, steps: [ { run: d } ], verify: [ { run: v } ] }\n";

START_TEST(an_alarm_that_stops_waits_for_the_tests_that_run)
{
	begin(stops);
	ck_assert(world_let_in(&world, "prod"));
	deploy("eu-canary");
	ck_assert(world_lease(&world, "prod/e2e[wave=1]"));
	world_set_alarm(&world, "errors", "firing", 0);
	ck_assert(world_look(&world));
	ck_assert_str_eq(world_run_state(&world), "running");
	world_end(&world, "prod/e2e[wave=1]", END_EXIT, 0);
	ck_assert_str_eq(world_run_state(&world), "failed");
	ck_assert_uint_eq(world.effects.condemns, 0);
}
END_TEST

START_TEST(an_alarm_that_is_ok_again_has_stopped_it_all_the_same)
{
	begin(stops);
	ck_assert(world_let_in(&world, "prod"));
	deploy("eu-canary");
	ck_assert(world_lease(&world, "prod/e2e[wave=1]"));
	world_set_alarm(&world, "errors", "firing", 0);
	if (_i)
		ck_assert(world_look(&world)); /* or nobody looked while it fired */
	world_set_alarm(&world, "errors", "ok", 0);
	ck_assert(world_look(&world));
	world_end(&world, "prod/e2e[wave=1]", END_EXIT, 0);
	ck_assert_str_eq(world_run_state(&world), "failed");
	ck_assert_str_eq(world.graph.stages[0].reason.p, "alarm \"errors\" fired in wave 1 of prod, and is ok");
	ck_assert(world_retry(&world, &world_bob, "")); /* which begins the wave anew */
	ck_assert(world_let_in(&world, "prod"));
	ck_assert_str_eq(world_wave_state(&world, 0), "baking");
}
END_TEST

START_TEST(an_alarm_that_stops_waits_for_the_diagnosis)
{
	begin("stages:\n  - name: prod\n    environment: prod\n    alarms: [errors]\n    on_alarm: stop\n"
	      "    tests: { e2e: { once: wave, steps: [ { run: e } ] } }\n"
	      "deploy: { service: web, version: v1, steps: [ { run: d } ], diagnose: [ { run: look } ] }\n");
	ck_assert(world_let_in(&world, "prod"));
	world_pass(&world, "prod/deploy[target=eu-canary]");
	world_pass(&world, "prod/deploy[target=eu-1]");
	world_pass(&world, "prod/deploy[target=us-1]");
	world_fail(&world, "prod/e2e[wave=1]");
	world_set_alarm(&world, "errors", "firing", 0);
	ck_assert(world_look(&world));
	ck_assert_str_eq(world_run_state(&world), "running"); /* what it says helps whoever looks */
	world_pass(&world, "prod/diagnose[target=eu-canary]");
	world_pass(&world, "prod/diagnose[target=eu-1]");
	world_pass(&world, "prod/diagnose[target=us-1]");
	ck_assert_str_eq(world_run_state(&world), "failed");
}
END_TEST

START_TEST(a_test_tried_again_waits_for_the_diagnosis)
{
	begin("stages:\n  - name: qa\n    environment: qa\n    tests: { e2e: { steps: [ { run: e } ] } }\n"
	      "    waves: [ { targets: [\"*\"], bake: 1m } ]\n"
	      "deploy: { service: web, version: v1, steps: [ { run: d } ], diagnose: [ { run: look } ] }\n");
	ck_assert(world_let_in(&world, "qa"));
	world_pass(&world, "qa/deploy[target=eu-canary]");
	world_fail(&world, "qa/e2e[target=eu-canary]");
	ck_assert(world_lease(&world, "qa/diagnose[target=eu-canary]"));
	ck_assert(world_retry(&world, &world_bob, "qa/e2e[target=eu-canary]"));
	world_pass(&world, "qa/e2e[target=eu-canary]");
	ck_assert_str_eq(world_run_state(&world), "running"); /* somebody is still at it */
	world_end(&world, "qa/diagnose[target=eu-canary]", END_EXIT, 0);
	ck_assert_str_eq(world_run_state(&world), "waiting");
	world_wait(&world, 60000);
	ck_assert_str_eq(world_run_state(&world), "succeeded");
}
END_TEST

START_TEST(what_was_stopped_before_it_was_verified_is_verified_when_tried_again)
{
	begin(stops);
	ck_assert(world_let_in(&world, "prod"));
	ck_assert(world_lease(&world, "prod/deploy[target=eu-canary]"));
	world_set_alarm(&world, "errors", "firing", 0);
	world_end(&world, "prod/deploy[target=eu-canary]", END_EXIT, 0);
	ck_assert_str_eq(world_run_state(&world), "failed");
	ck_assert_str_eq(world_target_state(&world, "eu-canary"), "live"); /* it has the version */
	world_set_alarm(&world, "errors", "ok", 0);
	ck_assert(world_retry(&world, &world_bob, "")); /* though no job failed */
	ck_assert(world_let_in(&world, "prod"));
	world_pass(&world, "prod/verify[target=eu-canary]");
	ck_assert_str_eq(world_wave_state(&world, 0), "baking");
}
END_TEST

START_TEST(a_failed_verification_is_tried_again)
{
	begin(deploys);
	enter();
	world_pass(&world, "prod/deploy[target=eu-canary]");
	world_fail(&world, "prod/verify[target=eu-canary]");
	ck_assert_str_eq(world_run_state(&world), "failed");
	ck_assert(world_retry(&world, &world_bob, ""));
	ck_assert(world_let_in(&world, "prod"));
	world_pass(&world, "prod/verify[target=eu-canary]"); /* it is not deployed once more */
	ck_assert_str_eq(world_target_state(&world, "eu-canary"), "live");
	ck_assert_str_eq(world_wave_state(&world, 0), "baking");
}
END_TEST

/* Its worker went silent, and may be at it all the same. */
static void fall_silent(const char *yaml)
{
	begin(yaml);
	ck_assert(world_let_in(&world, "prod"));
	ck_assert(world_lease(&world, "prod/deploy[target=eu-canary]"));
	world_look(&world);
	world.graph.deployments[0].is_silent = true;
	ck_assert(world_look(&world));
}

static const char silent[] = "stages:\n  - { name: prod, environment: prod, waves: [ { targets: [\"*\"] } ] }\n"
			     "deploy: { service: web, version: v1, steps: [ { run: d } ] }\n";

START_TEST(a_late_report_counts_when_nobody_has_decided)
{
	fall_silent(silent);
	ck_assert_str_eq(world_target_state(&world, "eu-canary"), "unknown");
	ck_assert_str_eq(world_job_state(&world, "prod/deploy[target=eu-canary]"), "running");
	ck_assert_str_eq(world_run_state(&world), "waiting");
	ck_assert_ptr_nonnull(strstr(world.graph.waiting_for.p, "its worker went silent"));
	world_end(&world, "prod/deploy[target=eu-canary]", END_EXIT, _i);
	ck_assert_str_eq(world_target_state(&world, "eu-canary"), _i ? "failed" : "live");
	ck_assert_int_eq(world_job(&world, "prod/deploy[target=eu-canary]")->given_up_attempt, 0);
}
END_TEST

START_TEST(whoever_decides_waits_for_the_worker_no_more)
{
	static const char *const verdicts[] = {"live", "failed", "retry"};
	fall_silent(silent);
	struct graph_job *job = world_job(&world, "prod/deploy[target=eu-canary]");
	int32_t attempt = job->attempt;
	ck_assert(world_resolve(&world, &world_bob, "eu-canary", verdicts[_i]));
	ck_assert(!job_is_held(job->state));
	world_end(&world, "prod/deploy[target=eu-canary]", END_EXIT, 1); /* too late */
	ck_assert_str_eq(world_job_state(&world, "prod/deploy[target=eu-canary]"), _i == 0   ? "succeeded"
										   : _i == 1 ? "lost"
											     : "queued");
	ck_assert_int_eq(job->attempt, attempt);
}
END_TEST

START_TEST(a_silent_worker_holds_up_no_end)
{
	fall_silent(silent);
	ck_assert(world_cancel(&world, &world_bob, ""));
	ck_assert_str_eq(world_run_state(&world), "cancelled");
	ck_assert_str_eq(world_job_state(&world, "prod/deploy[target=eu-canary]"), "lost");
}
END_TEST

START_TEST(what_may_be_deployed_twice_is_tried_again_at_once)
{
	fall_silent("stages:\n  - { name: prod, environment: prod, waves: [ { targets: [\"*\"] } ] }\n"
		    "deploy: { service: web, version: v1, idempotent: true, steps: [ { run: d } ] }\n");
	ck_assert_str_eq(world_job_state(&world, "prod/deploy[target=eu-canary]"), "queued");
	ck_assert(world.effects.has_queued);
	world.graph.deployments[0].is_silent = false;
	world_pass(&world, "prod/deploy[target=eu-canary]");
	ck_assert_str_eq(world_target_state(&world, "eu-canary"), "live");
}
END_TEST

START_TEST(a_deployment_that_never_began_has_failed)
{
	begin(deploys);
	enter();
	world_end_before_start(&world, "prod/deploy[target=eu-canary]", END_SOURCE_UNAVAILABLE);
	ck_assert_str_eq(world_target_state(&world, "eu-canary"), "failed");
	ck_assert_str_eq(world_run_state(&world), "failed");
}
END_TEST

START_TEST(an_unknown_outcome_is_not_retried_as_a_job)
{
	begin(deploys);
	enter();
	ck_assert(world_lease(&world, "prod/deploy[target=eu-canary]"));
	world_end(&world, "prod/deploy[target=eu-canary]", END_WORKER_LOST, 0);
	ck_assert(!world_retry(&world, &world_bob, "prod/deploy[target=eu-canary]"));
	ck_assert_ptr_nonnull(strstr(world.err.text, "penstock resolve web#42 eu-canary live|failed|retry"));
	world.graph.facts.quarantined = STR("it lost orders");
	ck_assert(!world_resolve(&world, &world_bob, "eu-canary", "retry"));
	ck_assert_ptr_nonnull(strstr(world.err.text, "version v1 is quarantined: it lost orders"));
	ck_assert(world_resolve(&world, &world_bob, "eu-canary", "live"));
	ck_assert_str_eq(world_run_state(&world), "rolled_back");
}
END_TEST

START_TEST(cancelling_leaves_targets_as_they_are)
{
	begin(deploys);
	enter();
	world_pass(&world, "prod/deploy[target=eu-canary]");
	ck_assert(world_cancel(&world, &world_bob, ""));
	ck_assert_str_eq(world_run_state(&world), "cancelled");
	ck_assert_str_eq(world_target_state(&world, "eu-canary"), "live"); /* it has the version, verified or not */
	ck_assert_uint_eq(world.effects.condemns, 0);
}
END_TEST

START_TEST(a_check_of_a_wave_that_is_over_is_not_tried_again)
{
	begin("stages:\n  - name: prod\n    environment: prod\n"
	      "    waves: [ { targets: [eu-canary] }, { targets: [\"*\"], bake: 1h } ]\n"
	      "    tests: { load: { allow_failure: true, steps: [ { run: l } ] } }\n"
	      "deploy: { service: web, version: v1, steps: [ { run: d } ] }\n");
	ck_assert(world_let_in(&world, "prod"));
	world_pass(&world, "prod/deploy[target=eu-canary]");
	world_fail(&world, "prod/load[target=eu-canary]");
	ck_assert_str_eq(world_wave_state(&world, 1), "deploying");
	ck_assert(!world_retry(&world, &world_bob, "prod/load[target=eu-canary]"));
	ck_assert_ptr_nonnull(strstr(world.err.text, "has ended, and the run went on without it"));
	ck_assert_str_eq(world_job_state(&world, "prod/load[target=eu-canary]"), "failed");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("delivery");
	TCase *cases = tcase_create("delivery");
	tcase_add_checked_fixture(cases, NULL, tear_down);
	tcase_add_test(cases, a_release_goes_through_its_waves);
	tcase_add_test(cases, no_more_than_parallel_deploy_at_a_time);
	tcase_add_test(cases, an_alarm_that_fires_condemns_the_version);
	tcase_add_test(cases, other_environments_are_left_alone);
	tcase_add_test(cases, a_broken_monitor_is_no_bad_release);
	tcase_add_test(cases, a_firing_alarm_holds_a_wave_outside_the_lane);
	tcase_add_test(cases, a_freeze_keeps_the_next_wave);
	tcase_add_test(cases, a_failed_deployment_stops_the_stage);
	tcase_add_test(cases, what_failed_is_diagnosed_before_it_is_undone);
	tcase_add_test(cases, what_went_well_is_not_diagnosed);
	tcase_add_test(cases, a_failed_deployment_goes_back_where_asked);
	tcase_add_test(cases, a_quarantined_version_is_not_deployed);
	tcase_add_test(cases, a_hotfix_takes_over_at_the_next_safe_point);
	tcase_add_loop_test(cases, an_unknown_outcome_waits_for_a_person, 0, 3);
	tcase_add_test(cases, an_alarm_that_stops_waits_for_the_tests_that_run);
	tcase_add_loop_test(cases, an_alarm_that_is_ok_again_has_stopped_it_all_the_same, 0, 2);
	tcase_add_test(cases, an_alarm_that_stops_waits_for_the_diagnosis);
	tcase_add_test(cases, a_test_tried_again_waits_for_the_diagnosis);
	tcase_add_test(cases, what_was_stopped_before_it_was_verified_is_verified_when_tried_again);
	tcase_add_test(cases, a_failed_verification_is_tried_again);
	tcase_add_loop_test(cases, a_late_report_counts_when_nobody_has_decided, 0, 2);
	tcase_add_loop_test(cases, whoever_decides_waits_for_the_worker_no_more, 0, 3);
	tcase_add_test(cases, a_silent_worker_holds_up_no_end);
	tcase_add_test(cases, what_may_be_deployed_twice_is_tried_again_at_once);
	tcase_add_test(cases, a_deployment_that_never_began_has_failed);
	tcase_add_test(cases, an_unknown_outcome_is_not_retried_as_a_job);
	tcase_add_test(cases, cancelling_leaves_targets_as_they_are);
	tcase_add_test(cases, a_check_of_a_wave_that_is_over_is_not_tried_again);
	suite_add_tcase(suite, cases);
	return suite_run(suite);
}
