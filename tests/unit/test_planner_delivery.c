// links: penstock_engine penstock_test_planning
/* Environment stages: waves, jobs of targets, and what the environment demands over the file. */
#include "tests/support/planning.h"

#include "common/mem.h"
#include "server/engine/redeploy.h"
#include "tests/support/suite.h"

#include <check.h>
#include <string.h>

static struct plan_target targets[] = {
	{.name = {"eu-canary", 9}, .url = {"http://eu-canary", 16}, .wave = 1},
	{.name = {"eu-1", 4}, .url = {"http://eu-1", 11}, .wave = 2},
	{.name = {"us-1", 4}, .url = {"http://us-1", 11}, .wave = 3},
};

static struct plan_floor prod_floor;
static struct plan_grant prod_grant;
static const struct pipeline_job *prod_checks;
static bool has_grant, has_no_targets;

static struct str_list list_of(const char *text)
{
	struct str_list list = {0};
	if (!text)
		return list;
	list.items = arena_new(&arena, struct str);
	list.items[0] = str_of(text);
	list.count = 1;
	return list;
}

static bool find(void *arg, struct str name, struct str pipeline, struct str ref, struct arena *to,
	struct plan_environment *ret, struct err *err)
{
	(void)arg, (void)pipeline, (void)ref;
	static const char *const names[] = {"dev", "qa", "staging", "prod", "sandbox/ann", NULL};
	int at;
	if (!enum_from_name(names, name, &at))
		return err_set(err, ERR_NOT_FOUND, "there is no environment \"%.*s\"", STR_ARG(name));
	*ret = (struct plan_environment){.name = name, .tier = name, .targets = targets, .target_count = 1};
	pair_set(&ret->variables, to, STR("REGISTRY"), STR("r.example"));
	if (at == 2)
		ret->policies[0] = list_of("no-secrets");
	if (at == 3) {
		ret->target_count = has_no_targets ? 0 : 3;
		ret->floor = prod_floor;
		ret->checks[0] = prod_checks;
		ret->check_counts[0] = prod_checks != NULL;
		ret->grant = has_grant ? &prod_grant : NULL;
	}
	return true;
}

static void set_up(void)
{
	test_set_up();
	prod_floor = (struct plan_floor){0};
	prod_grant = (struct plan_grant){0};
	has_grant = has_no_targets = false;
	pair_set(&targets[2].variables, &arena, STR("REGISTRY"), STR("us.example"));
}

static void tear_down(void)
{
	targets[2].variables = (struct pair_list){0};
	targets[0].url = STR("http://eu-canary");
	test_tear_down();
}

static struct plan_context context_of(void)
{
	struct plan_context context = test_push_to("main");
	context.environment = find;
	return context;
}

static const char head[] = "name: ci\non: { push: {} }\nstages:\n"
			   "  - name: build\n"
			   "    jobs: { package: { outputs: [digest], steps: [ { run: make } ] } }\n";
static const char deploy[] = "deploy:\n  service: web\n  version: ${{ jobs.package.outputs.digest }}\n"
			     "  steps: [ { run: ./deploy } ]\n  verify: [ { run: ./smoke } ]\n";

static void plan_stages(const char *stages)
{
	struct plan_context context = context_of();
	test_make(arena_printf(&arena, "%s%s%s", head, stages, deploy), &context);
}

START_TEST(targets_spread_over_waves)
{
	plan_stages("  - name: prod\n    environment: prod\n"
		    "    tests: { load: { once: wave, steps: [ { run: x } ] }, e2e: { steps: [ { run: y } ] } }\n"
		    "    waves: [ { targets: [eu-canary], bake: 10m }, { targets: [\"*\"], parallel: 2 } ]\n");
	const struct plan_delivery *prod = plan.stages[1].delivery;
	ck_assert_uint_eq(prod->wave_count, 2);
	assert_str(test_joined(&prod->waves[0].targets), "eu-canary");
	assert_str(test_joined(&prod->waves[1].targets), "eu-1 us-1");
	assert_str(test_keys(),
		"build/package prod/deploy[target=eu-canary] prod/verify[target=eu-canary] prod/load[wave=1] "
		"prod/e2e[target=eu-canary] prod/deploy[target=eu-1] prod/verify[target=eu-1] prod/deploy[target=us-1] "
		"prod/verify[target=us-1] prod/load[wave=2] prod/e2e[target=eu-1] prod/e2e[target=us-1]");
	const struct plan_job *job = test_job("prod/deploy[target=us-1]");
	ck_assert_int_eq(job->part, PLAN_PART_DEPLOY);
	ck_assert_int_eq(job->wave, 2);
	assert_str(test_joined(&job->needs), "build/package");
	assert_str(test_joined(&test_job("prod/verify[target=us-1]")->needs), "build/package prod/deploy[target=us-1]");
	assert_str(pair_get(&job->env, STR("CI_ENVIRONMENT")), "prod");
	assert_str(pair_get(&job->env, STR("CI_TARGET")), "us-1");
	assert_str(pair_get(&job->env, STR("CI_TARGET_URL")), "http://us-1");
	assert_str(pair_get(&job->env, STR("CI_VERSION")), "${{ jobs.package.outputs.digest }}");
	assert_str(pair_get(&job->env, STR("REGISTRY")), "us.example"); /* the target's own */
	assert_str(pair_get(&test_job("prod/deploy[target=eu-1]")->env, STR("REGISTRY")), "r.example");
	ck_assert_int_eq(job->retry.max, 0); /* nobody knows how far it came */
	ck_assert_uint_eq(plan.refusals.count, 0);
}
END_TEST

START_TEST(targets_name_their_waves)
{
	plan_stages("  - { name: prod, environment: prod }\n");
	ck_assert_uint_eq(plan.stages[1].delivery->wave_count, 3);
	assert_str(test_joined(&plan.stages[1].delivery->waves[2].targets), "us-1");
}
END_TEST

START_TEST(a_target_without_a_wave_is_an_error)
{
	struct plan_context context = context_of();
	struct str text = arena_printf(&arena, "%s%s%s", head,
		"  - name: prod\n    environment: prod\n    waves: [ { targets: [\"eu-*\"] } ]\n", deploy);
	ck_assert(!plan_make(test_parse(text), &context, &arena, &plan, &errors));
	ck_assert_uint_eq(errors.count, 1);
	struct str message = lang_error_text(&errors.items[0], &arena);
	size_t at;
	ck_assert_msg(str_find(message, STR("takes the target \"us-1\" of prod"), &at), "%.*s", STR_ARG(message));
	plan = (struct plan){0};
}
END_TEST

/* --- the floor --- */

static const struct {
	const char *stages;
	const char *pipeline, *ref, *after; /* of the floor */
	bool has_grant;
	const char *grant_ref, *grant_skip;
	const char *refusal; /* NULL: it may */
} ways[] = {
	{"  - { name: prod, environment: prod }\n", "ci", NULL, NULL, false, NULL, NULL, NULL},
	{"  - { name: prod, environment: prod }\n", "release", NULL, NULL, false, NULL, NULL,
		"prod takes deployments of the pipelines release; this is \"ci\""},
	{"  - { name: prod, environment: prod }\n", NULL, "release/**", NULL, false, NULL, NULL,
		"prod takes deployments from release/**; this is \"main\""},
	/* a grant opens another ref */
	{"  - { name: prod, environment: prod }\n", NULL, "release/**", NULL, true, "main", NULL, NULL},
	{"  - { name: prod, environment: prod }\n", NULL, NULL, "staging", false, NULL, NULL,
		"prod takes only what went through staging in the same run; add that stage before it, or let a grant for the "
		"pipeline \"ci\" skip it"},
	{"  - { name: staging, environment: staging }\n  - { name: prod, environment: prod }\n", NULL, NULL, "staging",
		false, NULL, NULL, NULL},
	{"  - { name: prod, environment: prod }\n", NULL, NULL, "staging", true, NULL, "staging", NULL},
};

START_TEST(the_floor_says_who_may_come)
{
	prod_floor = (struct plan_floor){.pipelines = list_of(ways[_i].pipeline),
		.refs = list_of(ways[_i].ref),
		.after = str_of(ways[_i].after ? ways[_i].after : "")};
	prod_grant = (struct plan_grant){.refs = list_of(ways[_i].grant_ref), .skip = list_of(ways[_i].grant_skip)};
	has_grant = ways[_i].has_grant;
	plan_stages(ways[_i].stages);
	ck_assert_uint_eq(plan.refusals.count, ways[_i].refusal != NULL);
	if (ways[_i].refusal)
		assert_str(plan.refusals.items[0], ways[_i].refusal);
}
END_TEST

START_TEST(the_stricter_gate_and_bake_count)
{
	struct plan_gate least = {.approvals = 2, .groups = list_of("release"), .author = PLAN_AUTHOR_DENY};
	prod_floor = (struct plan_floor){.gate = &least,
		.bake_ms = 600000,
		.min_points = 3,
		.alarms = list_of("web-5xx"),
		.labels = list_of("trusted")};
	plan_stages(
		"  - name: prod\n    environment: prod\n    gate: { approvals: 1, groups: [qa, release], timeout: 1h }\n"
		"    waves: [ { targets: [eu-canary], bake: 1h }, { targets: [\"*\"] } ]\n");
	const struct plan_stage *prod = &plan.stages[1];
	ck_assert_int_eq(prod->gate->approvals, 2);
	assert_str(test_joined(&prod->gate->groups), "release");
	ck_assert_int_eq(prod->gate->author, PLAN_AUTHOR_DENY);
	ck_assert_int_eq(prod->gate->timeout_ms, 3600000);
	ck_assert_int_eq(prod->delivery->waves[0].bake_ms, 3600000);
	ck_assert_int_eq(prod->delivery->waves[1].bake_ms, 600000);
	ck_assert_int_eq(prod->delivery->waves[1].min_points, 3);
	assert_str(test_joined(&prod->delivery->alarms), "web-5xx");
	assert_str(test_joined(&test_job("prod/deploy[target=eu-1]")->labels), "trusted");
	/* a file without a gate gets the floor's */
	plan_done(&plan);
	plan_stages("  - { name: prod, environment: prod }\n");
	ck_assert_int_eq(plan.stages[1].gate->approvals, 2);
}
END_TEST

START_TEST(a_grant_lowers_what_it_names)
{
	struct plan_gate least = {.approvals = 2}, smaller = {.approvals = 1};
	prod_floor = (struct plan_floor){.gate = &least, .bake_ms = 600000, .alarms = list_of("web-5xx")};
	prod_grant = (struct plan_grant){.gate = &smaller, .lowers_gate = true, .lowers_bake = true, .bake_ms = 60000};
	has_grant = true;
	plan_stages("  - { name: prod, environment: prod }\n");
	ck_assert_int_eq(plan.stages[1].gate->approvals, 1);
	ck_assert_int_eq(plan.stages[1].delivery->waves[0].bake_ms, 60000);
	ck_assert_uint_eq(plan.stages[1].delivery->alarms.count, 1); /* it does not name the alarms */
	ck_assert_int_eq(plan.stages[1].delivery->priority, PLAN_PRIORITY_HOTFIX);
}
END_TEST

START_TEST(a_grant_raises_nothing)
{
	struct plan_gate smaller = {.approvals = 1};
	prod_floor = (struct plan_floor){.bake_ms = 1000};
	prod_grant = (struct plan_grant){.gate = &smaller,
		.lowers_gate = true,
		.lowers_bake = true,
		.bake_ms = 60000,
		.lowers_points = true,
		.min_points = 5,
		.lowers_window = true,
		.window = STR("Mon 09:00-10:00 UTC")};
	has_grant = true;
	plan_stages("  - { name: prod, environment: prod }\n");
	ck_assert_ptr_null(plan.stages[1].gate);
	ck_assert_int_eq(plan.stages[1].delivery->waves[0].bake_ms, 1000);
	ck_assert_int_eq(plan.stages[1].delivery->waves[0].min_points, 0);
	ck_assert_uint_eq(plan.stages[1].delivery->floor_window.n, 0);
}
END_TEST

START_TEST(mandatory_policies_come_first)
{
	plan_stages("  - { name: staging, environment: staging }\n");
	ck_assert_uint_eq(plan.stage_count, 3);
	assert_str(plan.stages[1].name, "staging-policy");
	ck_assert_int_eq(test_job("staging-policy/policy")->steps[0].kind, PLAN_STEP_POLICY);
}
END_TEST

static struct pipeline_job mandatory;

START_TEST(mandatory_checks_are_among_the_tests)
{
	struct pipeline_job *check = arena_new(&arena, struct pipeline_job);
	*check = (struct pipeline_job){.at = {"c", 1, 1}, .name = {.at = {"c", 1, 1}, .text = STR("licences")}};
	mandatory = *check;
	prod_checks = &mandatory;
	plan_stages("  - { name: prod, environment: prod, waves: [ { targets: [\"*\"] } ] }\n");
	prod_checks = NULL;
	ck_assert_int_eq(test_job("prod/licences[target=us-1]")->part, PLAN_PART_TEST);
}
END_TEST

static bool knows_shop(void *arg, struct str name)
{
	(void)arg;
	return str_is(name, "shop");
}

START_TEST(services_are_known)
{
	static const struct {
		const char *service;
		bool is_refused;
	} rows[] = {{"web", false} /* the repository's own */, {"shop", false}, {"shp", true}};
	struct plan_context context = context_of();
	context.repository = STR("web");
	context.knows_service = knows_shop;
	struct str text = arena_printf(&arena,
		"name: ci\non: push\nstages: [ { name: prod, environment: prod } ]\n"
		"deploy: { service: %s, version: v1, steps: [ { run: d } ] }\n",
		rows[_i].service);
	test_make(text, &context);
	ck_assert_uint_eq(plan.refusals.count, rows[_i].is_refused);
	if (rows[_i].is_refused)
		assert_str(plan.refusals.items[0],
			"there is no service \"shp\"; an admin adds it under `services` with \"penstock config apply\"");
}
END_TEST

static bool reads_web(void *arg, struct str service, struct str other)
{
	(void)arg;
	return str_is(service, "shop") && str_is(other, "web");
}

START_TEST(other_services_are_read_as_allowed)
{
	static const struct {
		const char *other, *refusal;
	} rows[] = {
		{"web", NULL},
		{"mail",
			"the service \"shop\" may not read outputs of \"mail\"; an admin adds it to `reads` of the service with "
			"\"penstock config apply\""},
	};
	struct plan_context context = context_of();
	context.repository = STR("shop");
	context.may_read = reads_web;
	struct str text = arena_printf(&arena,
		"name: ci\non: push\nstages: [ { name: prod, environment: prod } ]\n"
		"deploy: { version: v1, env: { A: '${{ services.%s.outputs.url }}' }, steps: [ { run: d } ] }\n",
		rows[_i].other);
	test_make(text, &context);
	ck_assert_uint_eq(plan.refusals.count, rows[_i].refusal != NULL);
	if (rows[_i].refusal)
		assert_str(plan.refusals.items[0], rows[_i].refusal);
	/* It stays open until each target's turn. */
	assert_str(pair_get(&test_job("prod/deploy[target=us-1]")->env, STR("A")),
		arena_printf(&arena, "${{ services.%s.outputs.url }}", rows[_i].other).p);
}
END_TEST

START_TEST(nothing_goes_where_nothing_is)
{
	has_no_targets = true;
	plan_stages("  - { name: prod, environment: prod }\n");
	ck_assert_uint_eq(plan.refusals.count, 1);
	assert_str(plan.refusals.items[0],
		"the environment \"prod\" has no target to deploy to; add one to the configuration");
}
END_TEST

/* --- again --- */

static bool outputs_of(void *arg, int64_t run, struct str key, struct pair_list *ret)
{
	(void)arg;
	if (run != 7 || !str_is(key, "build/package"))
		return false;
	pair_set(ret, &arena, STR("digest"), STR("sha:1 ${{ odd }}"));
	return true;
}

START_TEST(a_rollback_is_made_of_the_plan_that_deployed)
{
	plan_stages("  - name: prod\n    environment: prod\n    gate: { approvals: 1 }\n"
		    "    waves: [ { targets: [eu-canary], bake: 1h }, { targets: [\"*\"] } ]\n");
	struct redeploy_target back[] = {
		{STR("eu-canary"), STR("v1"), 1, &plan, STR("prod/deploy[target=eu-canary]"), 7, 3, STR("c1")},
		{STR("us-1"), STR("v0"), 2, &plan, STR("prod/deploy[target=us-1]"), 7, 3, STR("c1")},
	};
	struct plan_target today = {.name = STR("us-1"), .url = STR("http://elsewhere")};
	struct plan_environment now = {.targets = &today, .target_count = 1};
	pair_set(&now.variables, &arena, STR("REGISTRY"), STR("new.example"));
	pair_set(&now.variables, &arena, STR("LATER"), STR("not of the plan"));
	struct redeploy redeploy = {STR("web"), STR("prod"), STR("ci"), &now, back, 2, outputs_of, NULL};
	struct plan made;
	struct err err = {0};
	ck_assert_msg(redeploy_back(&redeploy, &arena, &made, &err), "%s", err.text);
	ck_assert_uint_eq(made.stage_count, 1);
	const struct plan_stage *stage = &made.stages[0];
	ck_assert_ptr_null(stage->gate);
	ck_assert_int_eq(stage->delivery->priority, PLAN_PRIORITY_ROLLBACK);
	ck_assert_uint_eq(stage->delivery->wave_count, 2);
	assert_str(test_joined(&stage->delivery->waves[0].targets), "us-1"); /* the last one goes first */
	ck_assert_int_eq(stage->delivery->waves[1].bake_ms, 0);
	ck_assert_uint_eq(stage->job_count, 4);
	assert_str(stage->jobs[0].key, "prod/deploy[target=us-1]");
	assert_str(stage->jobs[0].version, "v0");
	assert_str(stage->jobs[0].commit, "c1");
	ck_assert_int_eq(stage->jobs[0].origin, 7);
	assert_str(test_joined(&stage->jobs[0].origin_jobs), "build/package");
	assert_str(test_joined(&stage->jobs[1].needs), "prod/deploy[target=us-1]");
	assert_str(pair_get(&stage->jobs[2].env, STR("CI_VERSION")), "v1");
	assert_str(made.version, "v1, v0");
	assert_str(pair_get(&stage->jobs[0].env, STR("REGISTRY")), "new.example");
	assert_str(pair_get(&stage->jobs[0].env, STR("CI_TARGET_URL")), "http://elsewhere");
	assert_str(pair_get(&stage->jobs[0].env, STR("LATER")), "");
	assert_str(pair_get(&stage->jobs[2].env, STR("CI_TARGET_URL")), "http://eu-canary"); /* it is gone */
}
END_TEST

START_TEST(a_version_goes_forward_through_its_gate)
{
	plan_stages("  - name: prod\n    environment: prod\n    gate: { approvals: 1 }\n");
	struct redeploy redeploy = {STR("web"), STR("prod"), STR("ci"), NULL, NULL, 0, outputs_of, NULL};
	struct plan made;
	struct err err = {0};
	ck_assert(redeploy_forward(&plan, 7, 3, STR("c1"), STR("v1"), &redeploy, &arena, &made, &err));
	ck_assert_int_eq(made.stages[0].gate->approvals, 1);
	ck_assert_uint_eq(made.stages[0].delivery->wave_count, 3);
	assert_str(test_joined(&made.stages[0].jobs[1].needs), "prod/deploy[target=eu-canary]");
	redeploy.environment = STR("moon");
	ck_assert(!redeploy_forward(&plan, 7, 3, STR("c1"), STR("v1"), &redeploy, &arena, &made, &err));
}
END_TEST

/* ann wrote it; bob and cem are of release, cem of qa too; eve only looks. */
static const struct {
	const char *gate, *why; /* "": it can be opened */
} gates[] = {
	{"approvals: 1", ""},
	{"approvals: 2, groups: [release]", ""},
	{"approvals: 4, groups: [release]",
		"it takes 4 people of the group release, and of all accounts that is ann, bob, cem"},
	{"approvals: 3, groups: [release], author: deny", "none of its authors, and of all accounts that is bob, cem"},
	{"approvals: 1, groups: [watchers]", "of all accounts that is nobody"}, /* eve is a viewer */
	{"approvals: 2, groups: [release, qa], require: { qa: 1 }", ""},
	{"approvals: 2, groups: [release, qa], require: { qa: 2 }", "at least 2 of qa"},
};

START_TEST(a_gate_that_nobody_can_open_is_said)
{
	struct str release[] = {STR("release"), STR("qa")}, watchers[] = {STR("watchers")};
	const struct person everybody[] = {
		{1, STR("ann"), STR("ann@example.com"), STR("admin"), {release, 1}, {0}},
		{2, STR("bob"), STR("bob@example.com"), STR("developer"), {release, 1}, {0}},
		{3, STR("cem"), STR("cem@example.com"), STR("operator"), {release, 2}, {0}},
		{4, STR("eve"), STR("eve@example.com"), STR("viewer"), {watchers, 1}, {0}},
	};
	const struct people people = {everybody, COUNT_OF(everybody)};
	struct plan_context context = context_of();
	struct str ann = STR("ann@example.com");
	context.people = &people;
	context.authors = (struct str_list){&ann, 1};
	test_make(arena_printf(&arena, "%s  - { name: prod, environment: prod, gate: { %s } }\n%s", head,
			  gates[_i].gate, deploy),
		&context);
	bool is_said = gates[_i].why[0] != 0;
	ck_assert_uint_eq(plan.warnings.count, is_said);
	if (is_said) {
		const char *said = arena_str(&arena, plan.warnings.items[0]).p;
		ck_assert_msg(strstr(said, gates[_i].why), "%s", said);
		ck_assert_ptr_eq(strstr(said, "the gate of stage \"prod\": nobody can open it: "), said);
	}
}
END_TEST

static const struct {
	const char *until;
	bool has_url, is_refused;
} waits[] = {
	{"", false, false},
	{", wait: 1m", true, false},
	{", wait: 1m", false, true},
	{", wait: 1m, ready: ask", false, false},
};

START_TEST(what_waits_for_a_target_can_ask_it)
{
	struct plan_context context = context_of();
	targets[0].url = waits[_i].has_url ? STR("http://eu-canary") : (struct str){0};
	test_make(
		arena_printf(&arena,
			"name: ci\non: push\nstages: [ { name: dev, environment: dev } ]\n"
			"deploy: { version: v1, steps: [ { gitops: { repo: c, file: f.yaml, set: { a: b }%s } } ] }\n",
			waits[_i].until),
		&context);
	ck_assert_uint_eq(plan.refusals.count, waits[_i].is_refused);
	if (waits[_i].is_refused)
		assert_str(plan.refusals.items[0],
			"the target \"eu-canary\" has no `url` that the `wait` of a gitops step could ask; give it one in the "
			"configuration, or say `ready` beside `wait`");
}
END_TEST

START_TEST(what_expires_says_how_it_is_taken_down)
{
	static const char stage[] = "  - { name: live, environment: sandbox/ann, expires: 8h }\n";
	static const char teardown[] = "  teardown: [ { run: ./destroy } ]\n  diagnose: [ { run: ./look } ]\n";
	struct plan_context context = context_of();
	test_make(arena_printf(&arena, "%s%s%s%s", head, stage, deploy, teardown), &context);
	const struct plan_delivery *live = plan.stages[1].delivery;
	ck_assert_int_eq(live->expires_ms, 8 * 3600 * 1000);
	ck_assert_uint_eq(live->teardown_count, 1);
	assert_str(test_keys(), "build/package live/deploy[target=eu-canary] live/diagnose[target=eu-canary] "
				"live/verify[target=eu-canary]");
	ck_assert(test_job("live/diagnose[target=eu-canary]")->allow_failure);
	ck_assert_int_eq(test_job("live/diagnose[target=eu-canary]")->timeout_ms, 5 * 60 * 1000);
	struct redeploy_target there = {
		STR("eu-canary"), STR("v1"), 1, &plan, STR("live/deploy[target=eu-canary]"), 7, 3, STR("c1")};
	struct redeploy redeploy = {STR("web"), STR("sandbox/ann"), STR("ci"), NULL, &there, 1, outputs_of, NULL};
	struct plan down, again;
	struct err err = {0};
	ck_assert_msg(redeploy_down(&redeploy, &arena, &down, &err), "%s", err.text);
	const struct plan_job *job = &down.stages[0].jobs[0];
	ck_assert_int_eq(down.stages[0].delivery->priority, PLAN_PRIORITY_TEARDOWN);
	assert_str(job->key, "sandbox/ann/teardown[target=eu-canary]");
	assert_str(job->steps[0].run, "./destroy");
	assert_str(job->commit, "c1");
	assert_str(pair_get(&job->env, STR("CI_VERSION")), "v1");
	/* one that was deployed again is taken down with the steps of then */
	ck_assert(redeploy_forward(&plan, 7, 3, STR("c1"), STR("v1"), &redeploy, &arena, &again, &err));
	there = (struct redeploy_target){
		STR("eu-canary"), STR("v1"), 1, &again, STR("live/deploy[target=eu-canary]"), 9, 4, STR("c1")};
	ck_assert_msg(redeploy_down(&redeploy, &arena, &down, &err), "%s", err.text);
	ck_assert_int_eq(down.stages[0].jobs[0].origin, 7);
	there.plan = &plan;
	there.version = STR("sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	plan.stages[1].delivery->teardown_count = 0;
	ck_assert(!redeploy_down(&redeploy, &arena, &down, &err));
	ck_assert_ptr_nonnull(
		strstr(err.text, "that deployed sha256:e3b0c44298fc to eu-canary does not say how it is taken down"));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("planner of deliveries");
	TCase *cases = tcase_create("delivery");
	tcase_add_checked_fixture(cases, set_up, tear_down);
	tcase_add_test(cases, targets_spread_over_waves);
	tcase_add_test(cases, targets_name_their_waves);
	tcase_add_test(cases, a_target_without_a_wave_is_an_error);
	tcase_add_loop_test(cases, the_floor_says_who_may_come, 0, COUNT_OF(ways));
	tcase_add_test(cases, the_stricter_gate_and_bake_count);
	tcase_add_test(cases, a_grant_lowers_what_it_names);
	tcase_add_test(cases, a_grant_raises_nothing);
	tcase_add_test(cases, mandatory_policies_come_first);
	tcase_add_test(cases, mandatory_checks_are_among_the_tests);
	tcase_add_loop_test(cases, services_are_known, 0, 3);
	tcase_add_loop_test(cases, other_services_are_read_as_allowed, 0, 2);
	tcase_add_test(cases, nothing_goes_where_nothing_is);
	tcase_add_test(cases, a_rollback_is_made_of_the_plan_that_deployed);
	tcase_add_test(cases, a_version_goes_forward_through_its_gate);
	tcase_add_test(cases, what_expires_says_how_it_is_taken_down);
	tcase_add_loop_test(cases, what_waits_for_a_target_can_ask_it, 0, COUNT_OF(waits));
	tcase_add_loop_test(cases, a_gate_that_nobody_can_open_is_said, 0, COUNT_OF(gates));
	suite_add_tcase(suite, cases);
	return suite_run(suite);
}
