// links: penstock_engine penstock_test_planning
/* A stage that is planned again: what is told about it, what a gate is bound to, and what is kept. */
#include "server/engine/plan_replace.h"

#include "common/mem.h"
#include "tests/support/planning.h"
#include "tests/support/suite.h"

#include <check.h>

/* What the environment has come to be. */
struct today {
	const char *region; /* of eu-1 */
	int32_t us_wave;    /* of us-1; 0: it is not there */
	int32_t ap_wave;    /* of ap-1; 0: it is not there */
	int64_t bake_ms;
	const char *alarm, *rule; /* of the floor */
	const char *window, *policy, *check;
	int32_t approvals; /* of the floor's gate */
	const char *url;
};

static struct today now;

static struct str_list list_of(const char *text, struct arena *to)
{
	struct str_list list = {0};
	if (text)
		str_list_add(&list, to, str_of(text));
	return list;
}

static void add_target(struct plan_environment *environment, const char *name, int32_t wave)
{
	if (wave)
		environment->targets[environment->target_count++] =
			(struct plan_target){.name = str_of(name), .wave = wave};
}

static bool find(void *arg, struct str name, struct str pipeline, struct str ref, struct arena *to,
	struct plan_environment *ret, struct err *err)
{
	static struct pipeline_job check;
	(void)arg, (void)pipeline, (void)ref, (void)err;
	*ret = (struct plan_environment){.name = name, .tier = name, .targets = arena_array(to, struct plan_target, 3)};
	add_target(ret, "eu-1", 1);
	add_target(ret, "us-1", now.us_wave);
	add_target(ret, "ap-1", now.ap_wave);
	pair_set(&ret->targets[0].variables, to, STR("REGION"), str_of(now.region));
	ret->targets[0].url = str_of(now.url ? now.url : "");
	ret->floor.alarms = list_of(now.alarm, to);
	ret->floor.bake_ms = now.bake_ms;
	ret->floor.window = str_of(now.window ? now.window : "");
	ret->policies[0] = list_of(now.policy, to);
	if (now.approvals) {
		ret->floor.gate = arena_new(to, struct plan_gate);
		ret->floor.gate->approvals = now.approvals;
	}
	if (now.check) {
		static struct pipeline_step step = {.at = {.line = 1}, .run = {.at = {.line = 1}, .text = {"true", 4}}};
		check = (struct pipeline_job){
			.at = {.line = 1}, .name = {.at = {.line = 1}, .text = str_of(now.check)}};
		check.steps.items = &step;
		check.steps.count = 1;
		ret->checks[0] = &check;
		ret->check_counts[0] = 1;
	}
	return true;
}

static struct str rule_of(void *arg, struct str name, struct arena *to)
{
	(void)arg, (void)name, (void)to;
	return str_of(now.rule ? now.rule : "");
}

#define FILE_TEXT                                                                                                      \
	"name: ci\non: { push: {} }\nstages:\n"                                                                        \
	"  - { name: build, jobs: { make: { outputs: [v], steps: [ { run: make } ] } } }\n"                            \
	"  - { name: prod, environment: prod, gate: { approvals: 1 } }\n"                                              \
	"  - { name: after, jobs: { note: { steps: [ { run: n } ] } } }\n"                                             \
	"deploy: { service: web, version: \"${{ jobs.make.outputs.v }}\", preview: [ { run: p } ], steps: [ { run: d } ] }\n"

static struct plan made_by(struct today today)
{
	struct plan_context context = test_push_to("main");
	now = today;
	context.environment = find;
	context.alarm = rule_of;
	plan_done(&plan);
	test_make(STR(FILE_TEXT), &context);
	struct plan made = plan;
	plan = (struct plan){0};
	return made;
}

static size_t stage_of(const struct plan *made)
{
	for (size_t i = 0; i < made->stage_count; i++)
		if (str_is(made->stages[i].name, "prod"))
			return i;
	ck_abort_msg("there is no stage prod");
}

static struct plan_replaced replace(struct today before, struct today after)
{
	struct plan old = made_by(before), fresh = made_by(after);
	struct plan_replaced replaced;
	fresh.stage_count = stage_of(&fresh) + 1;
	plan_replace_stage(&old, stage_of(&old), &fresh, &arena, &replaced);
	return replaced;
}

#define TODAY .region = "eu", .us_wave = 2

static const struct {
	struct today before, after;
	const char *difference;
	bool is_same;
} cases[] = {
	{{TODAY}, {TODAY}, "", true},
	{{TODAY}, {.region = "moon", .us_wave = 2}, "REGION of eu-1 is now \"moon\", not \"eu\"", false},
	{{TODAY}, {TODAY, .url = "http://x"}, "CI_TARGET_URL of eu-1 is now \"http://x\", not \"\"", false},
	{{TODAY}, {.region = "eu", .us_wave = 1}, "target us-1 is in wave 1, not 2", false},
	{{TODAY}, {TODAY, .ap_wave = 3}, "target ap-1 is new, in wave 3", false},
	{{TODAY, .ap_wave = 3}, {TODAY}, "target ap-1 is gone", false},
	{{TODAY}, {TODAY, .bake_ms = 60000}, "wave 1 bakes for 1m, not 0s; wave 2 bakes for 1m, not 0s", false},
	{{TODAY}, {TODAY, .alarm = "errors"}, "the alarm errors is watched too", false},
	{{TODAY, .alarm = "errors"}, {TODAY}, "the alarm errors is not watched any more", false},
	{{TODAY, .alarm = "errors", .rule = "a"}, {TODAY, .alarm = "errors", .rule = "b"},
		"the alarm errors is defined differently", false},
	/* a plan of before alarms had their definitions in it */
	{{TODAY, .alarm = "errors"}, {TODAY, .alarm = "errors", .rule = "b"}, "", false},
	{{TODAY}, {TODAY, .approvals = 2}, "who has to approve is different", false},
	{{TODAY}, {TODAY, .window = "office"}, "when it may begin is different", false},
	{{TODAY}, {TODAY, .check = "smoke"}, "", false}, /* applies, and nobody is asked */
	{{TODAY, .check = "smoke"}, {TODAY},
		"the check prod/smoke[target=eu-1] is gone; the check prod/smoke[target=us-1] is gone", false},
	{{TODAY}, {TODAY, .policy = "no-secrets"}, "", false}, /* so does this */
	{{TODAY}, {.region = "moon", .us_wave = 2, .policy = "no-secrets"},
		"REGION of eu-1 is now \"moon\", not \"eu\"", false},
	{{TODAY, .policy = "no-secrets"}, {TODAY, .policy = "no-secrets"}, "", true}, /* was checked before the stage */
};

START_TEST(the_difference_is_told)
{
	struct plan_replaced replaced = replace(cases[_i].before, cases[_i].after);
	assert_str(replaced.difference, cases[_i].difference);
	ck_assert_int_eq(replaced.is_same, cases[_i].is_same);
	ck_assert(str_is(replaced.plan.stages[replaced.plan.stage_count - 1].name, "after"));
}
END_TEST

/* Whatever was replaced, replacing it by the same again finds nothing new. */
START_TEST(again_is_the_same)
{
	struct plan_replaced once = replace(cases[_i].before, cases[_i].after), twice;
	struct plan fresh = made_by(cases[_i].after);
	fresh.stage_count = stage_of(&fresh) + 1;
	plan_replace_stage(&once.plan, stage_of(&once.plan), &fresh, &arena, &twice);
	ck_assert(twice.is_same);
	assert_str(twice.difference, "");
}
END_TEST

START_TEST(the_preview_of_a_target_that_is_gone_stays)
{
	struct plan_replaced replaced = replace((struct today){TODAY, .ap_wave = 3}, (struct today){TODAY});
	const struct plan_job *preview = plan_find_job(&replaced.plan, STR("prod/preview[target=ap-1]"), NULL);
	ck_assert_ptr_nonnull(preview);
	ck_assert(preview->is_skipped);
	ck_assert_ptr_null(plan_find_job(&replaced.plan, STR("prod/deploy[target=ap-1]"), NULL));
}
END_TEST

START_TEST(an_added_policy_is_checked_before_the_lane)
{
	struct plan_replaced replaced = replace((struct today){TODAY}, (struct today){TODAY, .policy = "no-secrets"});
	const struct plan_job *job = plan_find_job(&replaced.plan, STR("prod/policy[added]"), NULL);
	ck_assert_ptr_nonnull(job);
	ck_assert_int_eq(job->part, PLAN_PART_PREVIEW);
	ck_assert(str_list_has(&job->steps->policies, STR("no-secrets")));
}
END_TEST

START_TEST(policies_that_are_added_one_by_one_are_each_checked_once)
{
	struct plan_replaced once = replace((struct today){TODAY}, (struct today){TODAY, .policy = "no-secrets"}),
			     twice;
	struct plan fresh = made_by((struct today){TODAY, .policy = "pipeline-pinned"});
	fresh.stage_count = stage_of(&fresh) + 1;
	plan_replace_stage(&once.plan, stage_of(&once.plan), &fresh, &arena, &twice);
	assert_str(twice.difference, "");
	const struct plan_job *first = plan_find_job(&twice.plan, STR("prod/policy[added]"), NULL),
			      *second = plan_find_job(&twice.plan, STR("prod/policy[added=2]"), NULL);
	ck_assert(first && second && !first->is_skipped);
	assert_str(first->steps->policies.items[0], "no-secrets");
	assert_str(second->steps->policies.items[0], "pipeline-pinned");
	ck_assert_uint_eq(second->steps->policies.count, 1);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("plan replace");
	TCase *tests = tcase_create("replace");
	tcase_add_checked_fixture(tests, test_set_up, test_tear_down);
	tcase_add_loop_test(tests, the_difference_is_told, 0, COUNT_OF(cases));
	tcase_add_loop_test(tests, again_is_the_same, 0, COUNT_OF(cases));
	tcase_add_test(tests, the_preview_of_a_target_that_is_gone_stays);
	tcase_add_test(tests, an_added_policy_is_checked_before_the_lane);
	tcase_add_test(tests, policies_that_are_added_one_by_one_are_each_checked_once);
	suite_add_tcase(suite, tests);
	return suite_run(suite);
}
