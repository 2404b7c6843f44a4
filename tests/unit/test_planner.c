// links: penstock_engine penstock_test_planning
#include "tests/support/planning.h"

#include "common/lang/lang.h"
#include "common/mem.h"
#include "server/engine/plan_env.h"
#include "server/engine/plan_render.h"
#include "tests/support/suite.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- the shipped pipelines --- */

START_TEST(pr_has_two_shards_and_a_review)
{
	struct plan_context context = test_pull_request();
	struct str reason, paths[] = {STR("src/main.c")};
	context.has_paths = true;
	context.paths = (struct str_list){paths, 1};
	struct str text = test_read_shipped(STR("pr"));
	ck_assert(plan_matches(test_parse(text), &context, &arena, &reason));
	test_make(text, &context);
	assert_str(test_keys(),
		"check/unit[shard=1] check/unit[shard=2] check/quality check/security check/compliance check/policy");
	assert_str(plan.concurrency.group, "pr-7");
	ck_assert(plan.concurrency.cancel);
	assert_str(pair_get(&test_job("check/unit[shard=2]")->env, STR("MATRIX_SHARD")), "2");
	assert_str(pair_get(&test_job("check/unit[shard=2]")->reports, STR("junit")), "out/junit*.xml");
	ck_assert_int_eq(test_job("check/quality")->timeout_ms, 20 * 60000); /* from defaults */
	ck_assert(test_job("check/compliance")->is_skipped);
	assert_str(test_job("check/compliance")->skip_reason,
		"its condition is false: changed(\"deps.lock\", \"LICENSES/**\")");
	ck_assert_int_eq(plan.stages[1].kind, PLAN_STAGE_GATE);
	ck_assert_int_eq(plan.stages[1].gate->approvals, 2);
	ck_assert_int_eq(plan.stages[1].gate->author, PLAN_AUTHOR_DENY);
	ck_assert_int_eq(plan.stages[1].gate->timeout_ms, INT64_C(14) * 86400000);
	ck_assert_uint_eq(plan.refusals.count, 0);
	assert_str(
		test_job("check/policy")->steps[0].name, "policy: conventional-commits, no-secrets, pipeline-pinned");
	assert_str(test_joined(&test_job("check/policy")->steps[0].policies),
		"conventional-commits no-secrets pipeline-pinned");
}
END_TEST

/* The same from a stranger: a maintainer's word first, then the same stages with less. */
START_TEST(a_fork_waits_and_gets_less)
{
	struct plan_context context = test_pull_request();
	context.pr.is_fork = true;
	test_make(STR("name: pr\n"
		      "on: { pull_request: {} }\n"
		      "stages:\n"
		      "  - name: check\n"
		      "    jobs:\n"
		      "      unit:\n"
		      "        secrets: [KEY]\n"
		      "        id_token: { audience: cloud }\n"
		      "        cache: [ { key: k, paths: [c] } ]\n"
		      "        steps: [ { run: \"true\" } ]\n"),
		&context);
	ck_assert(plan.is_fork);
	ck_assert_uint_eq(plan.stage_count, 2);
	assert_str(plan.stages[0].name, PLAN_CONSENT_STAGE);
	ck_assert_int_eq(plan.stages[0].kind, PLAN_STAGE_JOBS); /* it keeps the concurrency group */
	ck_assert_uint_eq(plan.stages[0].job_count, 0);
	assert_str(plan.stages[0].gate->role, "operator");
	const struct plan_job *job = test_job("check/unit");
	ck_assert_uint_eq(job->secrets.count, 0);
	ck_assert_ptr_null(job->id_token);
	ck_assert_str_eq(json_string_value(json_object_get(json_array_get(job->cache, 0), "scope")), "pull-request/7");
	ck_assert_uint_eq(plan.warnings.count, 1);
}
END_TEST

START_TEST(pr_checks_licences_when_they_change)
{
	static const struct {
		bool has_paths;
		const char *path;
		bool is_skipped;
	} rows[] = {{true, "LICENSES/MIT.txt", false}, {true, "deps.lock", false}, {true, "LICENSES", true},
		{false, "", false} /* nobody knows what changed: everything did */};
	struct plan_context context = test_pull_request();
	struct str path = str_of(rows[_i].path);
	context.has_paths = rows[_i].has_paths;
	context.paths = (struct str_list){&path, 1};
	test_make(test_read_shipped(STR("pr")), &context);
	ck_assert_int_eq(test_job("check/compliance")->is_skipped, rows[_i].is_skipped);
}
END_TEST

START_TEST(ci_delivers_in_waves)
{
	struct plan_context context = test_push_to("main");
	test_make(test_read_shipped(STR("ci")), &context);
	ck_assert_uint_eq(plan.stage_count, 6);
	assert_str(test_keys(), "test/lint test/unit build/package build/policy");
	assert_str(test_joined(&test_job("build/policy")->needs), "build/package");
	assert_str(test_joined(&test_job("build/package")->outputs), "digest");
	const struct plan_stage *prod = &plan.stages[5];
	ck_assert_int_eq(prod->kind, PLAN_STAGE_ENVIRONMENT);
	assert_str(prod->environment, "prod");
	assert_str(prod->window, "Mon-Thu 09:00-16:00 Europe/Berlin");
	/* nobody knows the environment here: waves as written, and no jobs */
	ck_assert_uint_eq(prod->delivery->wave_count, 3);
	assert_str(test_joined(&prod->delivery->waves[1].targets), "eu-*");
	ck_assert_int_eq(prod->delivery->waves[2].parallel, 2);
	ck_assert_int_eq(prod->delivery->waves[0].bake_ms, 30 * 60000);
	ck_assert_int_eq(prod->delivery->on_alarm, PLAN_REACTION_ROLLBACK);
	assert_str(test_joined(&prod->delivery->alarms), "web-5xx web-latency");
	assert_str(prod->delivery->service, "web");
	/* the version is what a job of the run says later */
	assert_str(plan.version, "${{ jobs.package.outputs.digest }}");
	ck_assert_uint_eq(plan.refusals.count, 0);
	/* what is stored reads back as the same plan */
	json_t *json = plan_write(&plan);
	struct plan again;
	struct err err = {0};
	ck_assert_msg(plan_read(json, &again, &arena, &err), "%s", err.text);
	ck_assert(str_eq(plan_text(&again, &arena).hash, plan_text(&plan, &arena).hash));
	json_decref(json);
}
END_TEST

START_TEST(hotfix_is_ci_with_less)
{
	struct plan_context context = test_push_to("hotfix/now");
	struct str reason;
	context.event = PLAN_EVENT_MANUAL;
	pair_set(&context.inputs, &arena, STR("incident"), STR("INC-12"));
	struct str text = test_read_shipped(STR("hotfix"));
	ck_assert(plan_matches(test_parse(text), &context, &arena, &reason));
	test_make(text, &context);
	struct str_list names = {0};
	for (size_t i = 0; i < plan.stage_count; i++) {
		names.items = arena_grow(&arena, names.items, sizeof *names.items, names.count);
		names.items[names.count++] = plan.stages[i].name;
	}
	assert_str(test_joined(&names), "test build staging prod"); /* dev and qa are skipped */
	ck_assert_ptr_null(plan.stages[2].gate);
	ck_assert(plan.stages[3].gate->is_comment_required);
	assert_str(plan.stages[3].window, "any");
	ck_assert_uint_eq(plan.stages[3].delivery->wave_count, 2);
	assert_str(pair_get(&plan.env, STR("INPUT_INCIDENT")), "INC-12");
	context.branch = STR("main");
	ck_assert(!plan_matches(test_parse(text), &context, &arena, &reason));
	assert_str(reason, "\"hotfix\" runs by hand on hotfix/**, and this is branch \"main\"");
}
END_TEST

START_TEST(sandbox_follows_its_inputs)
{
	struct plan_context context = test_push_to("topic");
	context.event = PLAN_EVENT_MANUAL;
	pair_set(&context.inputs, &arena, STR("sandbox"), STR("sandbox/ann"));
	pair_set(&context.inputs, &arena, STR("tests"), STR("none"));
	test_make(test_read_shipped(STR("update-sandbox")), &context);
	ck_assert(test_job("build/unit")->is_skipped);
	assert_str(test_job("build/package")->environment, "sandbox/ann");
	/* nobody configured it, so its variables stay open and the plan is refused */
	assert_str(pair_get(&test_job("build/package")->env, STR("REGISTRY")), "${{ environment.variables.registry }}");
	assert_str(plan.stages[1].environment, "sandbox/ann");
	ck_assert_int_eq(plan.stages[1].delivery->expires_ms, 8 * 3600000); /* the default */
	ck_assert_uint_eq(plan.refusals.count, 0);
}
END_TEST

START_TEST(known_environments_have_variables)
{
	struct plan_context context = test_push_to("topic");
	context.event = PLAN_EVENT_MANUAL;
	context.environment = test_find_environment;
	pair_set(&context.inputs, &arena, STR("sandbox"), STR("sandbox/ann"));
	test_make(test_read_shipped(STR("update-sandbox")), &context);
	assert_str(pair_get(&test_job("build/package")->env, STR("REGISTRY")), "reg.example.org");
}
END_TEST

static bool find_bare_environment(void *arg, struct str name, struct str pipeline, struct str ref, struct arena *to,
	struct plan_environment *ret, struct err *err)
{
	bool is_found = test_find_environment(arg, name, pipeline, ref, to, ret, err);
	ret->variables = (struct pair_list){0};
	return is_found;
}

START_TEST(each_fault_is_told_once_and_names_whose_it_is)
{
	struct plan_context context = test_push_to("topic");
	context.event = PLAN_EVENT_MANUAL;
	context.environment = find_bare_environment;
	pair_set(&context.inputs, &arena, STR("sandbox"), STR("sandbox/ann"));
	pair_set(&context.inputs, &arena, STR("ttl"), STR("soon"));
	ck_assert(!plan_make(test_parse(test_read_shipped(STR("update-sandbox"))), &context, &arena, &plan, &errors));
	ck_assert_uint_eq(errors.count, 2); /* not once more where "ttl" is used */
	ck_assert_ptr_nonnull(strstr(errors.items[0].message.p, "\"soon\" is not a duration"));
	assert_str(errors.items[1].message, "\"environment.variables\" of sandbox/ann has no \"registry\"");
}
END_TEST

/* --- variables --- */

START_TEST(variables_of_the_run_are_set)
{
	static const struct {
		const char *name, *value;
	} push[] = {{"CI", "true"}, {"CI_COMMIT_SHA", "0123456789abcdef0123456789abcdef01234567"},
		{"CI_COMMIT_SHORT_SHA", "01234567"}, {"CI_COMMIT_BRANCH", "main"}, {"CI_COMMIT_REF_NAME", "main"},
		{"CI_COMMIT_REF", "refs/heads/main"}, {"CI_COMMIT_TITLE", "Add a thing"},
		{"CI_COMMIT_MESSAGE", "Add a thing\n\nBecause."}, {"CI_COMMIT_AUTHOR", "Ann <ann@example.org>"},
		{"CI_COMMIT_BEFORE_SHA", "76543210fedcba9876543210fedcba9876543210"}, {"CI_DEFAULT_BRANCH", "main"},
		{"CI_REPO", "team/web"}, {"CI_REPO_NAME", "web"}, {"CI_PIPELINE_EVENT", "push"},
		{"CI_PIPELINE_NAME", "p"}, {"CI_PIPELINE_NUMBER", "42"}, {"CI_WORKSPACE", "/workspace"},
		{"CI_JOB_NAME", "j"}, {"CI_STAGE_NAME", "s"}, {"CI_PIPELINE_ACTOR", "ann"}, {"MATRIX_OS_NAME", "a"},
		{"LEVEL", "job"}, {"UPPER", "stage-above"}};
	static const char *const absent[] = {"CI_COMMIT_TAG", "CI_PULL_REQUEST", "CI_PULL_REQUEST_IS_FORK"};
	struct plan_context context = test_push_to("main");
	struct pair_list env;
	struct str value;
	test_make(
		STR("name: p\non: push\nenv: {LEVEL: pipeline}\nstages:\n"
		    "  - name: s\n    env: {LEVEL: stage}\n"
		    "    jobs: {j: {matrix: {os_name: [a]}, env: {LEVEL: job, UPPER: '${{ env.LEVEL }}-above'}, steps: [{run: x}]}}\n"),
		&context);
	struct plan_facts facts = {.plan = &plan, .run_number = 42};
	ck_assert(plan_render_env(&facts, test_job("s/j[os_name=a]"), &arena, &env, NULL));
	for (size_t i = 0; i < COUNT_OF(push); i++)
		ck_assert_msg(str_is(pair_get(&env, str_of(push[i].name)), push[i].value), "%s", push[i].name);
	for (size_t i = 0; i < COUNT_OF(absent); i++)
		ck_assert_msg(!pair_find(&env, str_of(absent[i]), &value), "%s", absent[i]);
}
END_TEST

START_TEST(pull_requests_have_variables)
{
	static const struct {
		const char *name, *value;
	} rows[] = {{"CI_PULL_REQUEST", "7"}, {"CI_PULL_REQUEST_TITLE", "Thing"},
		{"CI_PULL_REQUEST_TARGET_BRANCH", "main"}, {"CI_PULL_REQUEST_SOURCE_BRANCH", "topic"},
		{"CI_PULL_REQUEST_AUTHOR", "bob"}, {"CI_PULL_REQUEST_IS_FORK", "false"},
		{"CI_COMMIT_REF_NAME", "topic"}};
	struct plan_context context = test_pull_request();
	test_make(test_read_shipped(STR("pr")), &context);
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		ck_assert_msg(str_is(pair_get(&plan.env, str_of(rows[i].name)), rows[i].value), "%s", rows[i].name);
}
END_TEST

START_TEST(values_from_outside_are_never_code)
{
	struct plan_context context = test_push_to("main");
	struct pair_list env;
	struct str again;
	context.message = STR("${{ run.number }} \xff\x01");
	context.author_name = (struct str){"a\0b", 3};
	test_make(
		STR("name: p\non: push\nstages:\n  - name: s\n"
		    "    jobs: {j: {env: {M: '${{ event.message }}'}, steps: [{run: x, env: {N: '${{ env.M }}'}}]}}\n"),
		&context);
	struct plan_facts facts = {.plan = &plan, .run_number = 42};
	ck_assert(plan_render_env(&facts, test_job("s/j"), &arena, &env, NULL));
	assert_str(pair_get(&env, STR("M")), "${{ run.number }} \xef\xbf\xbd\x01");
	ck_assert(plan_render(&facts, pair_get(&test_job("s/j")->steps[0].env, STR("N")), &arena, &again, NULL));
	assert_str(again, "${{ run.number }} \xef\xbf\xbd\x01"); /* through a second level */
	assert_str(pair_get(&env, STR("CI_COMMIT_MESSAGE")), "${{ run.number }} \xef\xbf\xbd\x01");
	assert_str(pair_get(&env, STR("CI_COMMIT_AUTHOR_NAME")), "a\xef\xbf\xbd"
								 "b");
}
END_TEST

START_TEST(the_table_is_documented)
{
	char *markdown = plan_env_markdown();
	for (const struct plan_env_variable *variable = plan_env_variables; variable->name; variable++)
		ck_assert_msg(strstr(markdown, variable->name) != NULL, "%s", variable->name);
	static char page[256 * 1024];
	FILE *file = fopen(SOURCE_DIR "/docs/language.md", "r");
	ck_assert_ptr_nonnull(file);
	page[fread(page, 1, sizeof page - 1, file)] = 0;
	fclose(file);
	ck_assert_msg(strstr(page, markdown) != NULL, "docs/language.md lacks this table:\n%s", markdown);
	free(markdown);
}
END_TEST

/* --- jobs and gates --- */

START_TEST(defaults_are_filled_in)
{
	struct plan_context context = test_push_to("main");
	test_make(
		STR("name: p\non: push\n"
		    "defaults: {labels: [big], shell: bash, network: egress, resources: {memory: 1GiB, processes: 50}, fetch_depth: 5}\n"
		    "stages:\n  - name: s\n    jobs:\n"
		    "      a: {steps: [{run: \"\\n  make all\\n  make check\\n\"}]}\n"
		    "      b: {network: none, labels: [small], sandbox: full, timeout: 5m, retry: {max: 3, on: [timeout, exit]},\n"
		    "        resources: {memory: 2GiB, cpus: 1.5}, fetch_depth: 0, allow_failure: true,\n"
		    "        steps: [{run: x, shell: python3, name: go, always: true, timeout: 10s, env: {A: '1'}},\n"
		    "          {run: y, if: 'event.branch == \"dev\"'}, {run: z, if: failure()}]}\n"),
		&context);
	const struct plan_job *a = test_job("s/a"), *b = test_job("s/b");
	ck_assert_int_eq(a->timeout_ms, 3600000);
	ck_assert_int_eq(a->retry.max, 1); /* one retry on a lost worker */
	ck_assert(a->retry.on_worker_lost && !a->retry.on_timeout && !a->retry.on_exit);
	assert_str(test_joined(&a->labels), "big");
	assert_str(a->steps[0].name, "make all");
	assert_str(a->steps[0].shell, "bash");
	ck_assert_int_eq(a->network, PLAN_NETWORK_EGRESS);
	ck_assert_int_eq(a->fetch_depth, 5);
	assert_str(a->profile, "");
	ck_assert_int_eq(b->timeout_ms, 300000);
	ck_assert_int_eq(b->retry.max, 3);
	ck_assert(!b->retry.on_worker_lost && b->retry.on_timeout && b->retry.on_exit);
	assert_str(test_joined(&b->labels), "small");
	ck_assert_int_eq(b->network, PLAN_NETWORK_NONE);
	assert_str(b->profile, "full");
	ck_assert_int_eq(b->resources.memory_bytes, INT64_C(2) << 30);
	ck_assert_int_eq(b->resources.cpu_milli, 1500);
	ck_assert_int_eq(b->resources.processes, 50);
	ck_assert_int_eq(b->fetch_depth, 0);
	ck_assert(b->allow_failure);
	ck_assert_uint_eq(b->step_count, 2); /* the one whose condition is false is not there */
	assert_str(b->steps[0].name, "go");
	assert_str(b->steps[0].shell, "python3");
	ck_assert(b->steps[0].is_always);
	ck_assert_int_eq(b->steps[0].timeout_ms, 10000);
	assert_str(b->steps[1].condition, "failure()");
}
END_TEST

START_TEST(long_step_names_are_cut_between_characters)
{
	struct plan_context context = test_push_to("main");
	test_make(STR("name: p\non: push\nstages: [{name: s, jobs: {j: {steps: [{run: "
		      "\"aääääääääääääääääääääääääääääääääääääääääääääääääääääääää\"}]}}}]\n"),
		&context);
	struct str name = test_job("s/j")->steps[0].name;
	ck_assert(str_is_utf8(name) && name.n <= 83 && str_ends(name, STR("...")));
}
END_TEST

START_TEST(gates_are_normalised)
{
	struct plan_context context = test_push_to("main");
	test_make(
		STR("name: p\non: push\nstages:\n"
		    "  - {name: g, gate: {approvals: 3, groups: [qa, release], require: {release: 2}, not_before: '2026-11-21T08:00:00Z'}}\n"
		    "  - {name: h, gate: {}}\n"),
		&context);
	const struct plan_gate *gate = plan.stages[0].gate;
	ck_assert_int_eq(gate->approvals, 3);
	assert_str(test_joined(&gate->groups), "qa release");
	assert_str(pair_get(&gate->require, STR("release")), "2");
	ck_assert_int_eq(gate->not_before, INT64_C(1795248000000000));
	ck_assert_int_eq(plan.stages[1].gate->approvals, 1);
	ck_assert_uint_eq(plan.stages[1].gate->groups.count, 0);
}
END_TEST

START_TEST(everything_that_comes_later_is_planned)
{
	static const char *const refused[] = {"starts services", "keeps a cache", "runs in an image",
		"asks for secrets", "asks for an identity token"};
	struct plan_context context = test_push_to("main");
	test_make(
		STR("name: p\non: push\nstages:\n  - name: s\n    jobs:\n      j:\n"
		    "        image: debian\n        secrets: [TOKEN]\n        environment: dev\n"
		    "        id_token: {audience: [cloud]}\n"
		    "        cache: [{key: 'k-${{ event.branch }}', paths: [node_modules], restore: [k-]}]\n"
		    "        services: {db: {image: postgres, env: {A: '1'}}}\n"
		    "        steps: [{gitops: {repo: r, file: f.yaml, set: {a.b: '${{ event.commit }}'}, branch: b, message: m, ready: x, wait: 5m}}]\n"),
		&context);
	const struct plan_job *j = test_job("s/j");
	ck_assert_str_eq(json_string_value(json_object_get(json_array_get(j->cache, 0), "key")), "k-main");
	ck_assert_str_eq(json_string_value(json_object_get(json_array_get(j->services, 0), "name")), "db");
	ck_assert_str_eq(json_string_value(json_object_get(j->id_token, "variable")), "CI_ID_TOKEN");
	ck_assert_int_eq(json_integer_value(json_object_get(j->steps[0].gitops, "wait_ms")), 300000);
	assert_str(j->steps[0].name, "gitops: r");
	ck_assert_uint_eq(plan.refusals.count, COUNT_OF(refused));
	for (size_t i = 0; i < COUNT_OF(refused); i++)
		ck_assert_msg(strstr(plan.refusals.items[i].p, refused[i]) != NULL, "%s", plan.refusals.items[i].p);
}
END_TEST

START_TEST(equal_causes_make_equal_plans)
{
	struct plan_context context = test_push_to("main");
	struct str text = test_read_shipped(STR("ci"));
	test_make(text, &context);
	struct str hash = plan_text(&plan, &arena).hash;
	plan_done(&plan);
	test_make(text, &context);
	ck_assert(str_eq(plan_text(&plan, &arena).hash, hash));
	plan_done(&plan);
	context.commit = STR("1123456789abcdef0123456789abcdef01234567");
	test_make(text, &context);
	ck_assert(!str_eq(plan_text(&plan, &arena).hash, hash));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("planner");
	TCase *cases = tcase_create("planner");
	tcase_add_checked_fixture(cases, test_set_up, test_tear_down);
	tcase_add_test(cases, pr_has_two_shards_and_a_review);
	tcase_add_test(cases, a_fork_waits_and_gets_less);
	tcase_add_loop_test(cases, pr_checks_licences_when_they_change, 0, 4);
	tcase_add_test(cases, ci_delivers_in_waves);
	tcase_add_test(cases, hotfix_is_ci_with_less);
	tcase_add_test(cases, sandbox_follows_its_inputs);
	tcase_add_test(cases, each_fault_is_told_once_and_names_whose_it_is);
	tcase_add_test(cases, known_environments_have_variables);
	tcase_add_test(cases, variables_of_the_run_are_set);
	tcase_add_test(cases, pull_requests_have_variables);
	tcase_add_test(cases, values_from_outside_are_never_code);
	tcase_add_test(cases, the_table_is_documented);
	tcase_add_test(cases, defaults_are_filled_in);
	tcase_add_test(cases, long_step_names_are_cut_between_characters);
	tcase_add_test(cases, gates_are_normalised);
	tcase_add_test(cases, everything_that_comes_later_is_planned);
	tcase_add_test(cases, equal_causes_make_equal_plans);
	suite_add_tcase(suite, cases);
	return suite_run(suite);
}
