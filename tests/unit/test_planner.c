// links: penstock_engine
#include "server/engine/planner.h"

#include "common/buf.h"
#include "common/lang/lang.h"
#include "common/mem.h"
#include "server/engine/plan_env.h"
#include "server/engine/plan_render.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Every case goes the whole way: text of a file, lang_load(), plan_make(). */

static struct arena arena;
static struct lang_errors errors;
static struct plan plan;

static void set_up(void)
{
	errors = (struct lang_errors){.arena = &arena};
	plan = (struct plan){0};
}

static void tear_down(void)
{
	plan_done(&plan);
	arena_done(&arena);
}

static struct str read_shipped(struct str name)
{
	auto_buf path = BUF_INIT(512);
	char text[16384];
	buf_addf(&path, "%s/pipelines/%.*s.yaml", SOURCE_DIR, STR_ARG(name));
	FILE *file = fopen(buf_c(&path), "r");
	ck_assert_msg(file != NULL, "%s", buf_c(&path));
	size_t n = fread(text, 1, sizeof text, file);
	fclose(file);
	return arena_str(&arena, (struct str){text, n});
}

static bool load_shipped(void *arg, struct str name, struct str version, struct arena *to, struct str *ret_text,
	const char **ret_file, struct err *err)
{
	(void)arg, (void)version, (void)to, (void)err;
	*ret_text = read_shipped(name);
	*ret_file = arena_printf(&arena, "%.*s.yaml", STR_ARG(name)).p;
	return true;
}

static const struct pipeline *parse(struct str text)
{
	static const struct lang_loader loader = {.load = load_shipped};
	const struct pipeline *pipeline = NULL;
	bool is_fine = lang_load(text, ".penstock/p.yaml", &loader, &arena, &pipeline, &errors);
	if (!is_fine)
		ck_abort_msg("%.*s", STR_ARG(lang_error_text(&errors.items[0], &arena)));
	return pipeline;
}

static struct plan_context push_to(const char *branch)
{
	return (struct plan_context){
		.event = PLAN_EVENT_PUSH,
		.ref = arena_printf(&arena, "refs/heads/%s", branch),
		.branch = str_of(branch),
		.commit = STR("0123456789abcdef0123456789abcdef01234567"),
		.before = STR("76543210fedcba9876543210fedcba9876543210"),
		.message = STR("Add a thing\n\nBecause."),
		.author_name = STR("Ann"),
		.author_email = STR("ann@example.org"),
		.actor = STR("ann"),
		.repository = STR("team/web"),
		.default_branch = STR("main"),
		.file = ".penstock/p.yaml",
	};
}

static struct plan_context pull_request(void)
{
	struct plan_context context = push_to("");
	context.event = PLAN_EVENT_PULL_REQUEST;
	context.ref = STR("refs/pull/7/head");
	context.pr = (struct plan_pull_request){.number = 7,
		.title = STR("Thing"),
		.base = STR("main"),
		.head = STR("topic"),
		.author = STR("bob"),
		.is_fork = true};
	return context;
}

static void make(struct str text, const struct plan_context *context)
{
	bool is_fine = plan_make(parse(text), context, &arena, &plan, &errors);
	if (!is_fine)
		ck_abort_msg("%.*s", STR_ARG(lang_error_text(&errors.items[0], &arena)));
}

static const struct plan_job *job(const char *key)
{
	const struct plan_job *found = plan_find_job(&plan, str_of(key), NULL);
	ck_assert_msg(found != NULL, "no job %s", key);
	return found;
}

static struct str joined(const struct str_list *list)
{
	struct str text = STR("");
	for (size_t i = 0; i < list->count; i++)
		text = arena_printf(&arena, "%.*s%s%.*s", STR_ARG(text), i ? " " : "", STR_ARG(list->items[i]));
	return text;
}

static struct str keys(void)
{
	struct str_list list = {0};
	for (size_t i = 0; i < plan.stage_count; i++) {
		for (size_t j = 0; j < plan.stages[i].job_count; j++) {
			list.items = arena_grow(&arena, list.items, sizeof *list.items, list.count);
			list.items[list.count++] = plan.stages[i].jobs[j].key;
		}
	}
	return joined(&list);
}

#define assert_str(got, expected)                                                                                      \
	do {                                                                                                           \
		struct str got_ = (got);                                                                               \
		ck_assert_msg(str_is(got_, (expected)), "%.*s", STR_ARG(got_));                                        \
	} while (0)

/* --- the shipped pipelines --- */

START_TEST(pr_has_two_shards_and_a_review)
{
	struct plan_context context = pull_request();
	struct str reason, paths[] = {STR("src/main.c")};
	context.has_paths = true;
	context.paths = (struct str_list){paths, 1};
	struct str text = read_shipped(STR("pr"));
	ck_assert(plan_matches(parse(text), &context, &arena, &reason));
	make(text, &context);
	assert_str(keys(),
		"check/unit[shard=1] check/unit[shard=2] check/quality check/security check/compliance check/policy");
	assert_str(plan.concurrency.group, "pr-7");
	ck_assert(plan.concurrency.cancel);
	assert_str(pair_get(&job("check/unit[shard=2]")->env, STR("MATRIX_SHARD")), "2");
	assert_str(pair_get(&job("check/unit[shard=2]")->reports, STR("junit")), "out/junit*.xml");
	ck_assert_int_eq(job("check/quality")->timeout_ms, 20 * 60000); /* from defaults */
	ck_assert(job("check/compliance")->is_skipped);
	assert_str(job("check/compliance")->skip_reason,
		"its condition is false: changed(\"deps.lock\", \"LICENSES/**\")");
	ck_assert_int_eq(plan.stages[1].kind, PLAN_STAGE_GATE);
	ck_assert_int_eq(plan.stages[1].gate->approvals, 2);
	ck_assert_int_eq(plan.stages[1].gate->author, PLAN_AUTHOR_DENY);
	ck_assert_int_eq(plan.stages[1].gate->timeout_ms, INT64_C(14) * 86400000);
	ck_assert_uint_eq(plan.refusals.count, 1);
	assert_str(plan.refusals.items[0],
		"job \"policy\" has a policy step; this version of Penstock plans policy steps but does not run them yet");
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
	struct plan_context context = pull_request();
	struct str path = str_of(rows[_i].path);
	context.has_paths = rows[_i].has_paths;
	context.paths = (struct str_list){&path, 1};
	make(read_shipped(STR("pr")), &context);
	ck_assert_int_eq(job("check/compliance")->is_skipped, rows[_i].is_skipped);
}
END_TEST

START_TEST(ci_delivers_in_waves)
{
	struct plan_context context = push_to("main");
	make(read_shipped(STR("ci")), &context);
	ck_assert_uint_eq(plan.stage_count, 6);
	assert_str(keys(), "test/lint test/unit build/package build/policy");
	assert_str(joined(&job("build/policy")->needs), "build/package");
	assert_str(joined(&job("build/package")->outputs), "digest");
	const struct plan_stage *prod = &plan.stages[5];
	ck_assert_int_eq(prod->kind, PLAN_STAGE_ENVIRONMENT);
	assert_str(prod->environment, "prod");
	assert_str(prod->window, "Mon-Thu 09:00-16:00 Europe/Berlin");
	const json_t *waves = json_object_get(prod->delivery, "waves");
	ck_assert_uint_eq(json_array_size(waves), 3);
	ck_assert_int_eq(json_integer_value(json_object_get(json_array_get(waves, 2), "parallel")), 2);
	ck_assert_str_eq(json_string_value(json_object_get(prod->delivery, "on_alarm")), "rollback");
	/* the version is what a job of the run says later */
	ck_assert_str_eq(
		json_string_value(json_object_get(plan.deploy, "version")), "${{ jobs.package.outputs.digest }}");
	const json_t *tests = json_object_get(plan.stages[3].delivery, "tests");
	ck_assert_str_eq(json_string_value(json_object_get(json_array_get(tests, 0), "key")), "qa/e2e");
	ck_assert_uint_eq(plan.refusals.count, 5); /* the policy step and four environments */
	/* what is stored reads back as the same plan */
	json_t *json = plan_write(&plan);
	struct plan again;
	struct err err = {0};
	ck_assert_msg(plan_read(json, &again, &arena, &err), "%s", err.text);
	ck_assert(str_eq(plan_hash(&again, &arena), plan_hash(&plan, &arena)));
	json_decref(json);
}
END_TEST

START_TEST(hotfix_is_ci_with_less)
{
	struct plan_context context = push_to("hotfix/now");
	struct str reason;
	context.event = PLAN_EVENT_MANUAL;
	pair_set(&context.inputs, &arena, STR("incident"), STR("INC-12"));
	struct str text = read_shipped(STR("hotfix"));
	ck_assert(plan_matches(parse(text), &context, &arena, &reason));
	make(text, &context);
	struct str_list names = {0};
	for (size_t i = 0; i < plan.stage_count; i++) {
		names.items = arena_grow(&arena, names.items, sizeof *names.items, names.count);
		names.items[names.count++] = plan.stages[i].name;
	}
	assert_str(joined(&names), "test build staging prod"); /* dev and qa are skipped */
	ck_assert_ptr_null(plan.stages[2].gate);
	ck_assert(plan.stages[3].gate->is_comment_required);
	assert_str(plan.stages[3].window, "any");
	ck_assert_uint_eq(json_array_size(json_object_get(plan.stages[3].delivery, "waves")), 2);
	assert_str(pair_get(&plan.env, STR("INPUT_INCIDENT")), "INC-12");
	context.branch = STR("main");
	ck_assert(!plan_matches(parse(text), &context, &arena, &reason));
	assert_str(reason, "\"hotfix\" runs by hand on hotfix/**, and this is branch \"main\"");
}
END_TEST

START_TEST(sandbox_follows_its_inputs)
{
	struct plan_context context = push_to("topic");
	context.event = PLAN_EVENT_MANUAL;
	pair_set(&context.inputs, &arena, STR("sandbox"), STR("sandbox/ann"));
	pair_set(&context.inputs, &arena, STR("tests"), STR("none"));
	make(read_shipped(STR("update-sandbox")), &context);
	ck_assert(job("build/unit")->is_skipped);
	assert_str(job("build/package")->environment, "sandbox/ann");
	/* nobody configured it, so its variables stay open and the plan is refused */
	assert_str(pair_get(&job("build/package")->env, STR("REGISTRY")), "${{ environment.variables.registry }}");
	assert_str(plan.stages[1].environment, "sandbox/ann");
	ck_assert_str_eq(
		json_string_value(json_object_get(plan.stages[1].delivery, "expires")), "8h"); /* the default */
	ck_assert_uint_ge(plan.refusals.count, 2);
}
END_TEST

static bool find_environment(
	void *arg, struct str name, struct arena *to, struct plan_environment *ret, struct err *err)
{
	(void)arg;
	if (!str_is(name, "sandbox/ann") && !str_is(name, "prod"))
		return err_set(err, ERR_NOT_FOUND, "there is no environment \"%.*s\"", STR_ARG(name));
	*ret = (struct plan_environment){.name = name, .tier = str_is(name, "prod") ? STR("prod") : STR("sandbox")};
	pair_set(&ret->variables, to, STR("registry"), STR("reg.example.org"));
	return true;
}

START_TEST(known_environments_have_variables)
{
	struct plan_context context = push_to("topic");
	context.event = PLAN_EVENT_MANUAL;
	context.environment = find_environment;
	pair_set(&context.inputs, &arena, STR("sandbox"), STR("sandbox/ann"));
	make(read_shipped(STR("update-sandbox")), &context);
	assert_str(pair_get(&job("build/package")->env, STR("REGISTRY")), "reg.example.org");
}
END_TEST

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
	struct plan_context context = push_to("");
	struct str reason = STR(""), name = str_of(events[_i].name), path = str_of(events[_i].path);
	context.event = events[_i].event;
	context.branch = context.event == PLAN_EVENT_TAG || context.event == PLAN_EVENT_PULL_REQUEST ? STR("") : name;
	context.tag = context.event == PLAN_EVENT_TAG ? name : STR("");
	context.pr.base = name;
	context.has_paths = events[_i].path != NULL;
	context.paths = (struct str_list){&path, 1};
	struct str text = arena_printf(
		&arena, "name: p\non: %s\nstages: [{name: s, jobs: {j: {steps: [{run: x}]}}}]\n", events[_i].on);
	bool is_match = plan_matches(parse(text), &context, &arena, &reason);
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
	struct plan_context context = push_to("main");
	struct pair_list made = {0};
	struct str text = arena_printf(&arena,
		"name: p\non: manual\ninputs:\n  x: %s\nstages: [{name: s, jobs: {j: {steps: [{run: x}]}}}]\n",
		inputs[_i].input);
	struct str rest = str_of(inputs[_i].given), name;
	context.environment = find_environment;
	if (str_cut(&rest, '=', &name))
		pair_set(&context.inputs, &arena, name, rest);
	const struct pipeline *pipeline = parse(text);
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
	struct plan_context context = push_to("main");
	struct pair_list made;
	char *big = arena_alloc(&arena, 9001);
	memset(big, 'a', 9000);
	pair_set(&context.inputs, &arena, STR("x"), (struct str){big, 9000});
	ck_assert(!plan_inputs(
		parse(STR(
			"name: p\non: manual\ninputs: {x: {}}\nstages: [{name: s, jobs: {j: {steps: [{run: x}]}}}]\n")),
		&context, &arena, &made, &errors));
	ck_assert_ptr_nonnull(strstr(errors.items[0].message.p, "longer than 8192"));
	errors = (struct lang_errors){.arena = &arena};
	ck_assert(!plan_inputs(parse(STR("name: p\non: manual\nstages: [{name: s, jobs: {j: {steps: [{run: x}]}}}]\n")),
		&context, &arena, &made, &errors));
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
	struct plan_context context = push_to("main");
	struct str text = arena_printf(&arena,
		"name: p\non: push\nstages: [{name: s, jobs: {j: {matrix: %s, steps: [{run: x}]}}}]\n",
		matrices[_i].matrix);
	const struct pipeline *pipeline = NULL;
	bool is_fine = lang_load(text, ".penstock/p.yaml", NULL, &arena, &pipeline, &errors) &&
		       plan_make(pipeline, &context, &arena, &plan, &errors);
	struct str message = errors.count ? lang_error_text(&errors.items[0], &arena) : STR("");
	ck_assert_msg(is_fine == (matrices[_i].keys != NULL), "%.*s", STR_ARG(message));
	if (is_fine)
		assert_str(keys(), matrices[_i].keys);
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
	struct plan_context context = push_to("main");
	struct str text = arena_printf(&arena,
		"name: p\non: push\nenv: {LEVEL: low}\n"
		"inputs: {n: {type: number, default: 3}, flag: {type: boolean, default: true}, none: {type: number}}\n"
		"stages:\n"
		"  - name: s\n"
		"    jobs:\n"
		"      a: {outputs: [x], steps: [{run: x}]}\n"
		"      b: {needs: [a], matrix: {m: [1]}, if: '%s', steps: [{run: x}]}\n",
		conditions[_i].condition);
	make(text, &context);
	const struct plan_job *b = job("s/b[m=1]");
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
	struct plan_context context = push_to("main");
	make(STR(skipping), &context);
	assert_str(job("s/middle")->skip_reason, "it needs \"off\", which is skipped");
	assert_str(job("s/last")->skip_reason, "it needs \"middle\", which is skipped");
	ck_assert(!job("s/notify")->is_skipped); /* it says always() */
	assert_str(joined(&job("s/notify")->needs), "s/off");
	/* an instance that the file takes out is not waited for */
	ck_assert(job("s/some[m=2]")->is_skipped);
	assert_str(joined(&job("s/after")->needs), "s/some[m=1] s/some[m=3]");
	ck_assert(plan.stages[1].is_skipped);
	assert_str(job("t/u")->skip_reason, "stage \"t\" is skipped");
	assert_str(job("v/w")->skip_reason, "it needs \"u\", which is skipped");
	ck_assert_uint_eq(plan.warnings.count, 0);
}
END_TEST

START_TEST(a_run_without_work_is_warned_of)
{
	struct plan_context context = push_to("main");
	make(STR("name: p\non: push\nstages: [{name: s, jobs: {j: {if: 'false', steps: [{run: x}]}}}]\n"), &context);
	ck_assert_uint_eq(plan.warnings.count, 1);
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
	struct plan_context context = push_to("main");
	struct pair_list env;
	struct str value;
	make(STR("name: p\non: push\nenv: {LEVEL: pipeline}\nstages:\n"
		 "  - name: s\n    env: {LEVEL: stage}\n"
		 "    jobs: {j: {matrix: {os_name: [a]}, env: {LEVEL: job, UPPER: '${{ env.LEVEL }}-above'}, steps: [{run: x}]}}\n"),
		&context);
	struct plan_facts facts = {.plan = &plan, .run_number = 42};
	ck_assert(plan_render_env(&facts, job("s/j[os_name=a]"), &arena, &env, NULL));
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
		{"CI_PULL_REQUEST_AUTHOR", "bob"}, {"CI_PULL_REQUEST_IS_FORK", "true"},
		{"CI_COMMIT_REF_NAME", "topic"}};
	struct plan_context context = pull_request();
	make(read_shipped(STR("pr")), &context);
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		ck_assert_msg(str_is(pair_get(&plan.env, str_of(rows[i].name)), rows[i].value), "%s", rows[i].name);
}
END_TEST

START_TEST(values_from_outside_are_never_code)
{
	struct plan_context context = push_to("main");
	struct pair_list env;
	struct str again;
	context.message = STR("${{ run.number }} \xff\x01");
	context.author_name = (struct str){"a\0b", 3};
	make(STR("name: p\non: push\nstages:\n  - name: s\n"
		 "    jobs: {j: {env: {M: '${{ event.message }}'}, steps: [{run: x, env: {N: '${{ env.M }}'}}]}}\n"),
		&context);
	struct plan_facts facts = {.plan = &plan, .run_number = 42};
	ck_assert(plan_render_env(&facts, job("s/j"), &arena, &env, NULL));
	assert_str(pair_get(&env, STR("M")), "${{ run.number }} \xef\xbf\xbd\x01");
	ck_assert(plan_render(&facts, pair_get(&job("s/j")->steps[0].env, STR("N")), &arena, &again, NULL));
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
	free(markdown);
}
END_TEST

/* --- jobs and gates --- */

START_TEST(defaults_are_filled_in)
{
	struct plan_context context = push_to("main");
	make(STR("name: p\non: push\n"
		 "defaults: {labels: [big], shell: bash, network: egress, resources: {memory: 1GiB, processes: 50}, fetch_depth: 5}\n"
		 "stages:\n  - name: s\n    jobs:\n"
		 "      a: {steps: [{run: \"\\n  make all\\n  make check\\n\"}]}\n"
		 "      b: {network: none, labels: [small], sandbox: full, timeout: 5m, retry: {max: 3, on: [timeout, exit]},\n"
		 "        resources: {memory: 2GiB, cpus: 1.5}, fetch_depth: 0, allow_failure: true,\n"
		 "        steps: [{run: x, shell: python3, name: go, always: true, timeout: 10s, env: {A: '1'}},\n"
		 "          {run: y, if: 'event.branch == \"dev\"'}, {run: z, if: failure()}]}\n"),
		&context);
	const struct plan_job *a = job("s/a"), *b = job("s/b");
	ck_assert_int_eq(a->timeout_ms, 3600000);
	ck_assert_int_eq(a->retry.max, 1); /* one retry on a lost worker */
	ck_assert(a->retry.on_worker_lost && !a->retry.on_timeout && !a->retry.on_exit);
	assert_str(joined(&a->labels), "big");
	assert_str(a->steps[0].name, "make all");
	assert_str(a->steps[0].shell, "bash");
	ck_assert_int_eq(a->network, PLAN_NETWORK_EGRESS);
	ck_assert_int_eq(a->fetch_depth, 5);
	assert_str(a->profile, "");
	ck_assert_int_eq(b->timeout_ms, 300000);
	ck_assert_int_eq(b->retry.max, 3);
	ck_assert(!b->retry.on_worker_lost && b->retry.on_timeout && b->retry.on_exit);
	assert_str(joined(&b->labels), "small");
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
	struct plan_context context = push_to("main");
	make(STR("name: p\non: push\nstages: [{name: s, jobs: {j: {steps: [{run: "
		 "\"aääääääääääääääääääääääääääääääääääääääääääääääääääääääää\"}]}}}]\n"),
		&context);
	struct str name = job("s/j")->steps[0].name;
	ck_assert(str_is_utf8(name) && name.n <= 83 && str_ends(name, STR("...")));
}
END_TEST

START_TEST(gates_are_normalised)
{
	struct plan_context context = push_to("main");
	make(STR("name: p\non: push\nstages:\n"
		 "  - {name: g, gate: {approvals: 3, groups: [qa, release], require: {release: 2}, not_before: '2026-11-21T08:00:00Z'}}\n"
		 "  - {name: h, gate: {}}\n"),
		&context);
	const struct plan_gate *gate = plan.stages[0].gate;
	ck_assert_int_eq(gate->approvals, 3);
	assert_str(joined(&gate->groups), "qa release");
	assert_str(pair_get(&gate->require, STR("release")), "2");
	ck_assert_int_eq(gate->not_before, INT64_C(1795248000000000));
	ck_assert_int_eq(plan.stages[1].gate->approvals, 1);
	ck_assert_uint_eq(plan.stages[1].gate->groups.count, 0);
}
END_TEST

START_TEST(everything_that_comes_later_is_planned)
{
	static const char *const refused[] = {"starts services", "keeps a cache", "runs in an image",
		"asks for secrets", "asks for an identity token", "takes the variables", "has a gitops step"};
	struct plan_context context = push_to("main");
	make(STR("name: p\non: push\nstages:\n  - name: s\n    jobs:\n      j:\n"
		 "        image: debian\n        secrets: [TOKEN]\n        environment: dev\n"
		 "        id_token: {audience: [cloud]}\n"
		 "        cache: [{key: 'k-${{ event.branch }}', paths: [node_modules], restore: [k-]}]\n"
		 "        services: {db: {image: postgres, env: {A: '1'}}}\n"
		 "        steps: [{gitops: {repo: r, file: f.yaml, set: {a.b: '${{ event.commit }}'}, branch: b, message: m, wait: 5m}}]\n"),
		&context);
	const struct plan_job *j = job("s/j");
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
	struct plan_context context = push_to("main");
	struct str text = read_shipped(STR("ci"));
	make(text, &context);
	struct str hash = plan_hash(&plan, &arena);
	plan_done(&plan);
	make(text, &context);
	ck_assert(str_eq(plan_hash(&plan, &arena), hash));
	plan_done(&plan);
	context.commit = STR("1123456789abcdef0123456789abcdef01234567");
	make(text, &context);
	ck_assert(!str_eq(plan_hash(&plan, &arena), hash));
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
	{"stages: [{name: s, jobs: {j: {labels: ['${{ run.number }}'], steps: [{run: x}]}}}]", "has no value here"},
};

START_TEST(faults_of_planning_have_a_place)
{
	struct plan_context context = push_to("main");
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
	struct plan_context context = push_to("main");
	const struct pipeline *pipeline = parse(STR("name: p\non: push\nstages:\n  - name: s\n    jobs:\n"
						    "      a: {outputs: [x], steps: [{run: x}]}\n"
						    "      b: {needs: [a], env: {X: '${{ jobs.a.outputs.x }}'},\n"
						    "        steps: [{run: x, env: {Y: '${{ env.X }}'}}]}\n"));
	ck_assert(!plan_make(pipeline, &context, &arena, &plan, &errors));
	ck_assert_ptr_nonnull(strstr(errors.items[0].message.p, "\"env\" has no \"X\""));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("planner");
	TCase *cases = tcase_create("planner");
	tcase_add_checked_fixture(cases, set_up, tear_down);
	tcase_add_test(cases, pr_has_two_shards_and_a_review);
	tcase_add_loop_test(cases, pr_checks_licences_when_they_change, 0, 4);
	tcase_add_test(cases, ci_delivers_in_waves);
	tcase_add_test(cases, hotfix_is_ci_with_less);
	tcase_add_test(cases, sandbox_follows_its_inputs);
	tcase_add_test(cases, known_environments_have_variables);
	tcase_add_loop_test(cases, pipelines_answer_to_events, 0, COUNT_OF(events));
	tcase_add_loop_test(cases, inputs_are_checked, 0, COUNT_OF(inputs));
	tcase_add_test(cases, odd_inputs_are_refused);
	tcase_add_loop_test(cases, matrices_expand, 0, COUNT_OF(matrices));
	tcase_add_loop_test(cases, conditions_are_settled_or_kept, 0, COUNT_OF(conditions));
	tcase_add_test(cases, what_needs_the_skipped_is_skipped);
	tcase_add_test(cases, a_run_without_work_is_warned_of);
	tcase_add_test(cases, variables_of_the_run_are_set);
	tcase_add_test(cases, pull_requests_have_variables);
	tcase_add_test(cases, values_from_outside_are_never_code);
	tcase_add_test(cases, the_table_is_documented);
	tcase_add_test(cases, defaults_are_filled_in);
	tcase_add_test(cases, long_step_names_are_cut_between_characters);
	tcase_add_test(cases, gates_are_normalised);
	tcase_add_test(cases, everything_that_comes_later_is_planned);
	tcase_add_test(cases, equal_causes_make_equal_plans);
	tcase_add_loop_test(cases, faults_of_planning_have_a_place, 0, COUNT_OF(faults));
	tcase_add_test(cases, a_variable_that_the_run_completes_cannot_be_read_before);
	suite_add_tcase(suite, cases);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
