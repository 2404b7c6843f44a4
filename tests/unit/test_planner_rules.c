// links: penstock_engine penstock_test_planning
#include "tests/support/planning.h"

#include "common/lang/lang.h"
#include "common/mem.h"
#include "tests/support/suite.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

/* --- whether a pipeline answers --- */

static const struct {
	const char *on;
	enum plan_event event;
	const char *name;   /* branch, tag, or base of a pull request */
	const char *path;   /* NULL: unknown */
	const char *reason; /* NULL: it runs */
} events[] = {
	{"push", PLAN_EVENT_PUSH, "any", NULL, NULL}, /* no list lets everything through */
	{"{push: {branches: [main]}}", PLAN_EVENT_PUSH, "main", NULL, NULL},
	{"{push: {branches: [main]}}", PLAN_EVENT_PUSH, "topic", NULL,
		"\"p\" runs on pushes to main, and this is a push to \"topic\""},
	{"{push: {branches: ['**', '!wip/**']}}", PLAN_EVENT_PUSH, "wip/x", NULL,
		"\"p\" runs on pushes to **, !wip/**, and this is a push to \"wip/x\""},
	{"{push: {paths: ['src/**']}}", PLAN_EVENT_PUSH, "main", "src/a.c", NULL},
	{"{push: {paths: ['src/**']}}", PLAN_EVENT_PUSH, "main", "doc/a",
		"\"p\" runs when files change that match src/**, and "
		"this is a change of 1 other files"},
	{"{push: {paths: ['src/**']}}", PLAN_EVENT_PUSH, "main", NULL, NULL}, /* unknown counts as changed */
	{"{push: {branches: [main]}}", PLAN_EVENT_TAG, "v1", NULL,
		"\"p\" does not run on tags: its \"on\" has no \"tag\""},
	{"{tag: {tags: ['v*']}}", PLAN_EVENT_TAG, "v1", NULL, NULL},
	{"{tag: {tags: ['v*']}}", PLAN_EVENT_TAG, "x1", NULL, "\"p\" runs on tags v*, and this is tag \"x1\""},
	{"{tag: {tags: ['v*']}}", PLAN_EVENT_PUSH, "v1", NULL,
		"\"p\" does not run on pushes: its \"on\" has no \"push\""},
	{"{pull_request: {branches: [main]}}", PLAN_EVENT_PULL_REQUEST, "main", NULL, NULL},
	{"{pull_request: {branches: [main]}}", PLAN_EVENT_PULL_REQUEST, "dev", NULL,
		"\"p\" runs on pull requests to main, and this is a pull request to \"dev\""},
	{"push", PLAN_EVENT_PULL_REQUEST, "main", NULL,
		"\"p\" does not run on pull requests: its \"on\" has no \"pull_request\""},
	{"manual", PLAN_EVENT_MANUAL, "any", NULL, NULL},
	{"push", PLAN_EVENT_MANUAL, "main", NULL,
		"\"p\" does not run on requests by hand: its \"on\" has no \"manual\""},
	{"{schedule: [{cron: '0 3 * * *'}]}", PLAN_EVENT_SCHEDULE, "main", NULL, NULL},
	{"push", PLAN_EVENT_SCHEDULE, "main", NULL, "\"p\" does not run on a schedule: its \"on\" has no \"schedule\""},
};

START_TEST(pipelines_answer_to_events)
{
	struct plan_context context = test_push_to("");
	struct str reason = STR(""), name = str_of(events[_i].name), path = str_of(events[_i].path);
	context.event = events[_i].event;
	context.branch = context.event == PLAN_EVENT_TAG || context.event == PLAN_EVENT_PULL_REQUEST ? STR("") : name;
	context.tag = context.event == PLAN_EVENT_TAG ? name : STR("");
	context.pr.base = name;
	context.has_paths = events[_i].path != NULL;
	context.paths = (struct str_list){&path, 1};
	struct str text = arena_printf(
		&arena, "name: p\non: %s\nstages: [{name: s, jobs: {j: {steps: [{run: x}]}}}]\n", events[_i].on);
	bool is_match = plan_matches(test_parse(text), &context, &arena, &reason);
	ck_assert_msg(is_match == (events[_i].reason == NULL), "%.*s", STR_ARG(reason));
	if (!is_match)
		assert_str(reason, events[_i].reason);
}
END_TEST

/* --- inputs --- */

static const struct {
	const char *input;
	const char *given; /* "name=value"; NULL: nothing */
	const char *value; /* of x in the plan; NULL: fails with... */
	const char *complaint;
} inputs[] = {
	{"{}", "x=a", "a", NULL},
	{"{}", NULL, "", NULL},
	{"{default: d}", NULL, "d", NULL},
	{"{default: d}", "x=", "d", NULL}, /* an empty field of a form is not an answer */
	{"{required: true}", NULL, NULL, "input \"x\": is required"},
	{"{required: true}", "x=", NULL, "input \"x\": is required"},
	{"{pattern: 'INC-[0-9]+'}", "x=INC-1", "INC-1", NULL},
	{"{pattern: 'INC-[0-9]+'}", "x=aINC-1", NULL, "does not match INC-[0-9]+"},
	{"{type: number, min: 1, max: 5}", "x=5", "5", NULL},
	{"{type: number, min: 1, max: 5}", "x=5.5", NULL, "greater than 5"},
	{"{type: number, min: 1, max: 5}", "x=0", NULL, "less than 1"},
	{"{type: number}", "x=many", NULL, "not a number"},
	{"{type: number}", NULL, "", NULL},
	{"{type: boolean}", "x=true", "true", NULL},
	{"{type: boolean}", NULL, "false", NULL},
	{"{type: boolean}", "x=yes", NULL, "not true or false"},
	{"{type: choice, options: [unit, e2e]}", "x=e2e", "e2e", NULL},
	{"{type: choice, options: [unit, e2e]}", "x=units", NULL, "none of unit, e2e"},
	{"{type: duration, max: 72h}", "x=90m", "1h30m", NULL}, /* in its usual form */
	{"{type: duration, max: 72h}", "x=4d", NULL, "longer than 72h"},
	{"{type: duration}", "x=5", NULL, "not a duration"},
	{"{type: environment, tier: sandbox}", "x=sandbox/ann", "sandbox/ann", NULL},
	{"{type: environment, tier: sandbox}", "x=prod", NULL, "of tier prod; only environments of tier sandbox"},
	{"{type: environment}", "x=nope", NULL, "there is no environment \"nope\""},
	{"{type: environment}", "x=a b", NULL, "not the name of an environment"},
	{"{}", "xx=1", NULL, "unknown input \"xx\"; did you mean \"x\"?"},
	{"{}", "frobnicate=1", NULL, "unknown input \"frobnicate\""},
};

START_TEST(inputs_are_checked)
{
	struct plan_context context = test_push_to("main");
	struct pair_list made = {0};
	struct str text = arena_printf(&arena,
		"name: p\non: manual\ninputs:\n  x: %s\nstages: [{name: s, jobs: {j: {steps: [{run: x}]}}}]\n",
		inputs[_i].input);
	struct str rest = str_of(inputs[_i].given), name;
	context.environment = test_find_environment;
	if (str_cut(&rest, '=', &name))
		pair_set(&context.inputs, &arena, name, rest);
	const struct pipeline *pipeline = test_parse(text);
	bool is_fine = plan_inputs(pipeline, &context, &arena, &made, &errors);
	struct str message = errors.count ? lang_error_text(&errors.items[0], &arena) : STR("");
	ck_assert_msg(is_fine == (inputs[_i].value != NULL), "%.*s", STR_ARG(message));
	ck_assert_int_eq(plan_make(pipeline, &context, &arena, &plan, &errors), is_fine);
	if (is_fine) {
		assert_str(pair_get(&made, STR("x")), inputs[_i].value);
		assert_str(pair_get(&plan.env, STR("INPUT_X")), inputs[_i].value);
	} else {
		ck_assert_msg(strstr(message.p, inputs[_i].complaint) != NULL, "%s", message.p);
		ck_assert_msg(str_starts(message, STR(".penstock/p.yaml:")), "%s", message.p);
	}
}
END_TEST

START_TEST(odd_inputs_are_refused)
{
	struct plan_context context = test_push_to("main");
	struct pair_list made;
	char *big = arena_alloc(&arena, 9001);
	memset(big, 'a', 9000);
	pair_set(&context.inputs, &arena, STR("x"), (struct str){big, 9000});
	ck_assert(!plan_inputs(
		test_parse(STR(
			"name: p\non: manual\ninputs: {x: {}}\nstages: [{name: s, jobs: {j: {steps: [{run: x}]}}}]\n")),
		&context, &arena, &made, &errors));
	ck_assert_ptr_nonnull(strstr(errors.items[0].message.p, "longer than 8192"));
	errors = (struct lang_errors){.arena = &arena};
	ck_assert(!plan_inputs(
		test_parse(STR("name: p\non: manual\nstages: [{name: s, jobs: {j: {steps: [{run: x}]}}}]\n")), &context,
		&arena, &made, &errors));
	ck_assert_ptr_nonnull(strstr(errors.items[0].message.p, "this pipeline takes none"));
}
END_TEST

/* --- matrices --- */

static const struct {
	const char *matrix;
	const char *keys; /* NULL: fails with... */
	const char *complaint;
} matrices[] = {
	{"{a: [1, 2]}", "s/j[a=1] s/j[a=2]", NULL},
	{"{a: [1, 2], b: [x, y]}", "s/j[a=1,b=x] s/j[a=1,b=y] s/j[a=2,b=x] s/j[a=2,b=y]",
		NULL}, /* the last runs fastest */
	{"{a: [1, 2], b: [x, y], exclude: [{a: 1, b: x}]}", "s/j[a=1,b=y] s/j[a=2,b=x] s/j[a=2,b=y]", NULL},
	{"{a: [1, 2], b: [x, y], exclude: [{b: x}]}", "s/j[a=1,b=y] s/j[a=2,b=y]", NULL}, /* a part is enough */
	{"{a: [1, 2], include: [{a: 3}]}", "s/j[a=1] s/j[a=2] s/j[a=3]", NULL},
	{"{a: [1, 2], include: [{a: 2, c: z}]}", "s/j[a=1] s/j[a=2,c=z]",
		NULL}, /* adds to what it does not contradict */
	{"{a: [1, 2], include: [{c: z}]}", "s/j[a=1,c=z] s/j[a=2,c=z]", NULL},
	{"{include: [{a: 1}, {a: 2, b: x}]}", "s/j[a=1] s/j[a=2,b=x]", NULL}, /* rows alone */
	{"{a: [1, 2], exclude: [{a: 1}, {a: 2}]}", NULL, "no combination"},
	{"{include: [{a: 1}, {a: 1}]}", NULL, "twice"},
};

START_TEST(matrices_expand)
{
	struct plan_context context = test_push_to("main");
	struct str text = arena_printf(&arena,
		"name: p\non: push\nstages: [{name: s, jobs: {j: {matrix: %s, steps: [{run: x}]}}}]\n",
		matrices[_i].matrix);
	const struct pipeline *pipeline = NULL;
	bool is_fine = lang_load(text, ".penstock/p.yaml", NULL, &arena, &pipeline, &errors) &&
		       plan_make(pipeline, &context, &arena, &plan, &errors);
	struct str message = errors.count ? lang_error_text(&errors.items[0], &arena) : STR("");
	ck_assert_msg(is_fine == (matrices[_i].keys != NULL), "%.*s", STR_ARG(message));
	if (is_fine)
		assert_str(test_keys(), matrices[_i].keys);
	else
		ck_assert_msg(strstr(message.p, matrices[_i].complaint) != NULL, "%s", message.p);
}
END_TEST

/* --- conditions --- */

static const struct {
	const char *condition;
	const char *kept; /* NULL: skipped */
} conditions[] = {
	{"event.branch == \"main\"", ""}, /* true now: what is left is success() */
	{"event.branch == \"dev\"", NULL},
	{"always()", "always()"},
	{"failure() && event.branch == \"main\"", "failure()"},
	{"failure() && event.branch == \"dev\"", NULL},
	/* settled, but its author asked for more than success */
	{"always() || event.branch == \"main\"", "always()"},
	{"success() || event.branch == \"main\"", "always()"},
	/* names none of the three: success() is meant, and said */
	{"jobs.a.outputs.x == event.branch", "success() && jobs.a.outputs.x == \"main\""},
	{"jobs.a.outputs.x == \"1\" || jobs.a.outputs.x == \"2\"",
		"success() && (jobs.a.outputs.x == \"1\" || jobs.a.outputs.x == \"2\")"},
	{"always() && jobs.a.outputs.x == \"1\"", "always() && jobs.a.outputs.x == \"1\""},
	{"event.branch == \"main\" ? jobs.a.outputs.x == \"1\" : false", "success() && jobs.a.outputs.x == \"1\""},
	{"pr == null", ""},
	{"matrix.m == \"1\"", ""},
	{"env.LEVEL == \"low\" && repo.default_branch == event.branch", ""},
	{"inputs.n > 2 && inputs.flag && inputs.none == null", ""},
	{"changed(\"src/**\")", ""},
	{"event.kind in [\"tag\", \"schedule\"]", NULL},
};

START_TEST(conditions_are_settled_or_kept)
{
	struct plan_context context = test_push_to("main");
	struct str text = arena_printf(&arena,
		"name: p\non: push\nenv: {LEVEL: low}\n"
		"inputs: {n: {type: number, default: 3}, flag: {type: boolean, default: true}, none: {type: number}}\n"
		"stages:\n"
		"  - name: s\n"
		"    jobs:\n"
		"      a: {outputs: [x], steps: [{run: x}]}\n"
		"      b: {needs: [a], matrix: {m: [1]}, if: '%s', steps: [{run: x}]}\n",
		conditions[_i].condition);
	test_make(text, &context);
	const struct plan_job *b = test_job("s/b[m=1]");
	ck_assert_int_eq(b->is_skipped, conditions[_i].kept == NULL);
	assert_str(b->condition, conditions[_i].kept ? conditions[_i].kept : "");
	if (b->is_skipped)
		assert_str(
			b->skip_reason, arena_printf(&arena, "its condition is false: %s", conditions[_i].condition).p);
}
END_TEST

static const char skipping[] = "name: p\non: push\nstages:\n"
			       "  - name: s\n"
			       "    jobs:\n"
			       "      last: {needs: [middle], steps: [{run: x}]}\n" /* before what it needs */
			       "      middle: {needs: [off], steps: [{run: x}]}\n"
			       "      off: {if: 'event.branch == \"dev\"', steps: [{run: x}]}\n"
			       "      notify: {needs: [off], if: always(), steps: [{run: x}]}\n"
			       "      some: {matrix: {m: [1, 2, 3]}, if: 'matrix.m != \"2\"', steps: [{run: x}]}\n"
			       "      after: {needs: [some], steps: [{run: x}]}\n"
			       "  - name: t\n"
			       "    if: event.branch == \"dev\"\n"
			       "    jobs: {u: {steps: [{run: x}]}}\n"
			       "  - name: v\n"
			       "    jobs: {w: {needs: [u], steps: [{run: x}]}}\n";

START_TEST(what_needs_the_skipped_is_skipped)
{
	struct plan_context context = test_push_to("main");
	test_make(STR(skipping), &context);
	assert_str(test_job("s/middle")->skip_reason, "it needs \"off\", which is skipped");
	assert_str(test_job("s/last")->skip_reason, "it needs \"middle\", which is skipped");
	ck_assert(!test_job("s/notify")->is_skipped); /* it says always() */
	assert_str(test_joined(&test_job("s/notify")->needs), "s/off");
	/* an instance that the file takes out is not waited for */
	ck_assert(test_job("s/some[m=2]")->is_skipped);
	assert_str(test_joined(&test_job("s/after")->needs), "s/some[m=1] s/some[m=3]");
	ck_assert(plan.stages[1].is_skipped);
	assert_str(test_job("t/u")->skip_reason, "stage \"t\" is skipped");
	assert_str(test_job("v/w")->skip_reason, "it needs \"u\", which is skipped");
	ck_assert_uint_eq(plan.warnings.count, 0);
}
END_TEST

START_TEST(a_run_without_work_is_warned_of)
{
	struct plan_context context = test_push_to("main");
	test_make(
		STR("name: p\non: push\nstages: [{name: s, jobs: {j: {if: 'false', steps: [{run: x}]}}}]\n"), &context);
	ck_assert_uint_eq(plan.warnings.count, 1);
}
END_TEST

/* --- faults that only planning can see --- */

static const struct {
	const char *body;
	const char *complaint;
} faults[] = {
	{"stages: [{name: s, jobs: {j: {if: 'event.brnach == \"x\"', steps: [{run: x}]}}}]", ":3:"}, /* has a place */
	{"stages: [{name: s, jobs: {j: {if: 'event.brnach == \"x\"', steps: [{run: x}]}}}]",
		"did you mean \"branch\"?"},
	{"stages: [{name: s, jobs: {j: {if: pr.number > 1, steps: [{run: x}]}}}]", "has no \"number\""},
	{"stages: [{name: s, jobs: {j: {if: event.branch, steps: [{run: x}]}}}]", "true or false"},
	{"stages: [{name: s, jobs: {j: {matrix: {m: [1]}, if: matrix.m == 1, steps: [{run: x}]}}}]",
		"written in quotes"},
	{"stages: [{name: s, jobs: {j: {if: changed(), steps: [{run: x}]}}}]", "takes globs"},
	{"stages: [{name: s, jobs: {j: {if: changed(1), steps: [{run: x}]}}}]", "as texts"},
	{"stages: [{name: s, jobs: {j: {if: 'changed(\"src/\")', steps: [{run: x}]}}}]", "\"src/**\""},
	{"stages: [{name: s, jobs: {j: {env: {A: '${{ 1 / 0 }}'}, steps: [{run: x}]}}}]", "division by zero"},
	{"stages: [{name: s, jobs: {j: {steps: [{run: x, env: {A: '${{ env.NOPE }}'}}]}}}]", "has no \"NOPE\""},
	{"concurrency: {group: '${{ event.tag }}'}\nstages: [{name: s, jobs: {j: {steps: [{run: x}]}}}]",
		"group is empty"},
	{"stages: [{name: s, jobs: {j: {labels: ['${{ run.number }}'], steps: [{run: x}]}}}]", "known too late"},
};

START_TEST(faults_of_planning_have_a_place)
{
	struct plan_context context = test_push_to("main");
	struct str text = arena_printf(&arena, "name: p\non: push\n%s\n", faults[_i].body);
	const struct pipeline *pipeline = NULL;
	plan.stage_count = 77;
	bool is_fine = lang_load(text, ".penstock/p.yaml", NULL, &arena, &pipeline, &errors) &&
		       plan_make(pipeline, &context, &arena, &plan, &errors);
	ck_assert(!is_fine && errors.count > 0);
	ck_assert_uint_eq(plan.stage_count, 77); /* untouched */
	struct str message = lang_error_text(&errors.items[0], &arena);
	ck_assert_msg(strstr(message.p, faults[_i].complaint) != NULL, "%s", message.p);
}
END_TEST

START_TEST(a_variable_that_the_run_completes_cannot_be_read_before)
{
	struct plan_context context = test_push_to("main");
	const struct pipeline *pipeline = test_parse(STR("name: p\non: push\nstages:\n  - name: s\n    jobs:\n"
							 "      a: {outputs: [x], steps: [{run: x}]}\n"
							 "      b: {needs: [a], env: {X: '${{ jobs.a.outputs.x }}'},\n"
							 "        steps: [{run: x, env: {Y: '${{ env.X }}'}}]}\n"));
	ck_assert(!plan_make(pipeline, &context, &arena, &plan, &errors));
	ck_assert_ptr_nonnull(strstr(errors.items[0].message.p, "\"env\" has no \"X\""));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("planner_rules");
	TCase *cases = tcase_create("planner_rules");
	tcase_add_checked_fixture(cases, test_set_up, test_tear_down);
	tcase_add_loop_test(cases, pipelines_answer_to_events, 0, COUNT_OF(events));
	tcase_add_loop_test(cases, inputs_are_checked, 0, COUNT_OF(inputs));
	tcase_add_test(cases, odd_inputs_are_refused);
	tcase_add_loop_test(cases, matrices_expand, 0, COUNT_OF(matrices));
	tcase_add_loop_test(cases, conditions_are_settled_or_kept, 0, COUNT_OF(conditions));
	tcase_add_test(cases, what_needs_the_skipped_is_skipped);
	tcase_add_test(cases, a_run_without_work_is_warned_of);
	tcase_add_loop_test(cases, faults_of_planning_have_a_place, 0, COUNT_OF(faults));
	tcase_add_test(cases, a_variable_that_the_run_completes_cannot_be_read_before);
	suite_add_tcase(suite, cases);
	return suite_run(suite);
}
