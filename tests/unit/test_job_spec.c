/* What a worker is told: a planned job with the values of its run. */
// links: penstock_dispatch penstock_test_planning penstock_engine penstock_lang penstock_common
#include "server/dispatch/job_spec.h"

#include "common/mem.h"
#include "tests/support/planning.h"
#include "tests/support/suite.h"

#include <check.h>
#include <string.h>

/* Jobs "build/make" and "test/unit" are over when "s/j", whose body a row gives, is claimed. */
static const char frame[] = "name: p\non: push\n%s\nstages:\n"
			    "  - {name: build, jobs: {make: {outputs: [v, mode], steps: [{run: x}]}}}\n"
			    "  - {name: test, jobs: {unit: {matrix: {os: [a, b]}, outputs: [n], steps: [{run: x}]}}}\n"
			    "  - {name: s, jobs: {j: {%s}}}\n";

static struct finished_job finished[5];
static struct job_spec spec;
static struct err err;

static void add_finished(size_t at, int64_t run, const char *key, const char *name, const char *value)
{
	finished[at] = (struct finished_job){.run = run, .key = str_of(key), .state = JOB_SUCCEEDED};
	if (name)
		pair_set(&finished[at].outputs, &arena, str_of(name), str_of(value));
}

/* Run 7 is the one that is asked about; run 8 has the same jobs. */
static void set_up(void)
{
	test_set_up();
	spec = (struct job_spec){0};
	err = (struct err){0};
	add_finished(0, 8, "build/make", "v", "of another run");
	add_finished(1, 7, "build/make", "v", "1.2");
	pair_set(&finished[1].outputs, &arena, STR("mode"), STR("fast"));
	add_finished(2, 7, "test/unit[os=a]", "n", "10");
	add_finished(3, 7, "test/unit[os=b]", NULL, NULL);
	add_finished(4, 8, "test/unit[os=b]", "n", "of another run");
}

static bool build(const char *top, const char *body, bool *ret_needs)
{
	struct plan_context context = test_push_to("main");
	test_make(arena_printf(&arena, frame, top, body), &context);
	*ret_needs = job_spec_needs_context(&plan, test_job("s/j"));
	const struct claimed claimed = {
		.job = 3, .attempt = 1, .run = 7, .key = STR("s/j"), .number = 42, .repository = STR("web")};
	/* As dispatch does it: what is not needed is not loaded. */
	const struct job_context context_of_run = {
		.finished = finished, .finished_count = *ret_needs ? COUNT_OF(finished) : 0};
	return job_spec_build(&claimed, &plan, &context_of_run, &spec, &arena, &err);
}

static const struct {
	const char *top, *body;
	bool needs;
	const char *name, *value; /* of a variable of the job, or of its first step */
} variables[] = {
	{"", "steps: [{run: x}]", false, "CI_PIPELINE_NUMBER", "42"},
	{"", "env: {A: plain}, steps: [{run: x}]", false, "A", "plain"},
	{"", "env: {A: '${{ jobs.make.outputs.v }}'}, steps: [{run: x}]", true, "A", "1.2"},
	{"", "steps: [{run: x, env: {A: '${{ jobs.make.outputs.v }}'}}]", true, "A", "1.2"},
	{"", "env: {A: '${{ jobs[\"make\"].outputs.v }}'}, steps: [{run: x}]", true, "A", "1.2"},
	/* whatever the map is used for: no field is named */
	{"", "env: {A: '${{ \"make\" in jobs }}'}, steps: [{run: x}]", true, "A", "true"},
	/* the last instance that wrote any */
	{"", "env: {A: '${{ jobs.unit.outputs.n }}'}, steps: [{run: x}]", true, "A", "10"},
	{"", "env: {A: '${{ run.number }}'}, steps: [{run: x}]", false, "A", "42"}, /* known without any row */
	/* on the level of the pipeline and of the stage: merged into the job */
	{"env: {A: '${{ run.pipeline }}-${{ run.number }}'}", "steps: [{run: x}]", false, "A", "p-42"},
	/* the word in a text that is no expression asks for nothing */
	{"", "env: {A: 'jobs.make.outputs.v'}, steps: [{run: x}]", false, "A", "jobs.make.outputs.v"},
	/* needs brings artifacts, too */
	{"", "needs: [make], steps: [{run: x}]", true, "CI", "true"},
};

static struct str variable(const char *name)
{
	struct str value = pair_get(&spec.steps[0].env, str_of(name));
	return value.p ? value : pair_get(&spec.env, str_of(name));
}

START_TEST(variables_have_the_values_of_the_run)
{
	bool needs;
	ck_assert_msg(build(variables[_i].top, variables[_i].body, &needs), "%s", err.text);
	ck_assert_msg(needs == variables[_i].needs, "%s", variables[_i].body);
	assert_str(variable(variables[_i].name), variables[_i].value);
}
END_TEST

START_TEST(changes_have_the_values_of_the_run)
{
	bool needs;
	struct gitops_spec change = {0};
	ck_assert_msg(
		build("",
			"steps: [{run: x}, {gitops: {repo: 'c-${{ run.pipeline }}', file: f.yaml, ready: look, set: {a.b: "
			"'${{ jobs.make.outputs.v }}', c: plain}}}]",
			&needs),
		"%s", err.text);
	assert_str(spec.steps[1].kind, "gitops");
	assert_str(spec.steps[1].ready, "look");
	ck_assert_int_eq(spec.steps[1].wait_ms, 5 * 60 * 1000);
	/* A worker that knows no kinds fails with a sentence. */
	ck_assert(str_ends(spec.steps[1].run, STR("exit 1")));
	ck_assert(!spec.steps[0].kind.n);
	const struct claimed claimed = {
		.job = 3, .attempt = 1, .run = 7, .key = STR("s/j"), .number = 42, .repository = STR("web")};
	const struct job_context context = {.finished = finished, .finished_count = COUNT_OF(finished)};
	ck_assert(job_spec_gitops(&claimed, &plan, &context, 1, &change, &arena, &err));
	assert_str(change.repo, "c-p");
	assert_str(change.file, "f.yaml");
	assert_str(pair_get(&change.set, STR("a.b")), "1.2");
	assert_str(pair_get(&change.set, STR("c")), "plain");
	ck_assert(change.branch.n == 0 && change.message.n == 0);
	/* What is no gitops step cannot be asked for. */
	const int64_t others[] = {0, 2, -1};
	for (size_t i = 0; i < COUNT_OF(others); i++)
		ck_assert(!job_spec_gitops(&claimed, &plan, &context, others[i], &change, &arena, &err));
}
END_TEST

static const struct {
	const char *step;
	bool needs;
	const char *word; /* what the worker decides by */
} conditions[] = {
	{"run: x", false, ""},
	{"run: x, if: always()", false, "always"},
	{"run: x, if: 'jobs.make.outputs.mode == \"fast\"'", true, ""},
	{"run: x, if: 'jobs.make.outputs.mode == \"slow\"'", true, "never"},
	{"run: x, if: 'failure() && jobs.make.outputs.mode == \"fast\"'", true, "failure"},
	{"run: x, if: 'always() && jobs.make.outputs.mode == \"slow\"'", true, "never"},
	{"run: x, if: 'int(jobs.unit.outputs.n) > 9'", true, ""},
	{"run: x, if: 'int(jobs.unit.outputs.n) > 10'", true, "never"},
	{"run: x, always: true, if: 'jobs.make.outputs.mode == \"fast\"'", true, "always"},
	{"run: x, if: 'run.number == 42'", false, ""},
	{"run: x, if: 'run.number == 43'", false, "never"},
};

START_TEST(steps_are_decided_by_outputs)
{
	bool needs;
	const char *body = arena_printf(&arena, "steps: [{%s}]", conditions[_i].step).p;
	ck_assert_msg(build("", body, &needs), "%s", err.text);
	ck_assert_msg(needs == conditions[_i].needs, "%s", conditions[_i].step);
	assert_str(spec.steps[0].condition, conditions[_i].word);
}
END_TEST

START_TEST(what_is_collected_may_be_named_by_outputs)
{
	bool needs;
	const char *body = "artifacts: {paths: ['out/${{ jobs.make.outputs.v }}/*', 'log-${{ run.number }}']}, "
			   "reports: {junit: 'r-${{ jobs.unit.outputs.n }}.xml'}, steps: [{run: x}]";
	ck_assert_msg(build("", body, &needs), "%s", err.text);
	ck_assert(needs);
	assert_str(test_joined(&spec.artifacts), "out/1.2/* log-42");
	assert_str(pair_get(&spec.reports, STR("junit")), "r-10.xml");
}
END_TEST

static const struct {
	const char *body, *complaint;
} faults[] = {
	{"steps: [{run: x, name: cmp, if: 'jobs.unit.outputs.n > 9'}]", "step \"cmp\""}, /* a text is no number */
	{"steps: [{run: x, name: conv, if: 'int(jobs.make.outputs.mode) > 9'}]", "step \"conv\""},
	{"env: {A: '${{ int(jobs.make.outputs.mode) }}'}, steps: [{run: x}]", "A: "},
	{"artifacts: {paths: ['${{ int(jobs.make.outputs.mode) }}']}, steps: [{run: x}]", "artifacts: "},
};

START_TEST(faults_name_their_place)
{
	bool needs;
	ck_assert(!build("", faults[_i].body, &needs));
	ck_assert_msg(strstr(err.text, faults[_i].complaint) != NULL, "%s", err.text);
}
END_TEST

/* A worker that does not know of policies passes over them: what it then runs must fail, and say why. */
START_TEST(policies_fail_on_an_old_worker)
{
	bool needs;
	size_t at;
	ck_assert_msg(build("", "steps: [{policy: [no-secrets, pipeline-pinned]}]", &needs), "%s", err.text);
	assert_str(test_joined(&spec.steps[0].policies), "no-secrets pipeline-pinned");
	ck_assert(str_find(spec.steps[0].run, STR("upgrade it"), &at) && str_ends(spec.steps[0].run, STR("exit 1\n")));
	ck_assert_msg(build("", "steps: [{run: make}]", &needs), "%s", err.text);
	ck_assert_uint_eq(spec.steps[0].policies.count, 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("job_spec");
	TCase *tcase = tcase_create("job_spec");
	tcase_add_checked_fixture(tcase, set_up, test_tear_down);
	tcase_add_loop_test(tcase, variables_have_the_values_of_the_run, 0, sizeof variables / sizeof *variables);
	tcase_add_loop_test(tcase, steps_are_decided_by_outputs, 0, sizeof conditions / sizeof *conditions);
	tcase_add_test(tcase, changes_have_the_values_of_the_run);
	tcase_add_test(tcase, policies_fail_on_an_old_worker);
	tcase_add_test(tcase, what_is_collected_may_be_named_by_outputs);
	tcase_add_loop_test(tcase, faults_name_their_place, 0, sizeof faults / sizeof *faults);
	suite_add_tcase(suite, tcase);
	return suite_run(suite);
}
