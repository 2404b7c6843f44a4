// links: penstock_engine
#include "server/engine/plan.h"

#include "common/buf.h"
#include "common/mem.h"
#include "server/engine/plan_print.h"
#include "server/engine/plan_render.h"
#include "server/engine/refusals.h"
#include "tests/support/suite.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

/* A plan that uses every field at least once, in the form it is stored in. */
static const char full[] =
	"{"
	"\"pipeline\": \"ci\", \"file\": \".penstock/ci.yaml\", \"inputs\": {\"level\": \"3\"},"
	"\"env\": {\"CI\": \"true\", \"CI_PIPELINE_NUMBER\": \"${{ run.number }}\", \"SHARED\": \"low\"},"
	"\"concurrency\": {\"group\": \"ci-main\", \"cancel\": true},"
	"\"stages\": ["
	" {\"name\": \"build\", \"kind\": \"jobs\", \"jobs\": ["
	"  {\"key\": \"build/unit[os=a]\", \"name\": \"unit\", \"matrix\": {\"os\": \"a\"}, \"network\": \"none\","
	"   \"fetch_depth\": 1, \"outputs\": [\"x\", \"y\"], \"timeout_ms\": 1200000,"
	"   \"steps\": [{\"name\": \"make\", \"kind\": \"run\", \"run\": \"make\", \"shell\": \"sh\"}]},"
	"  {\"key\": \"build/unit[os=b]\", \"name\": \"unit\", \"matrix\": {\"os\": \"b\"}, \"network\": \"none\","
	"   \"fetch_depth\": 1, \"outputs\": [\"x\", \"y\"], \"timeout_ms\": 1200000,"
	"   \"steps\": [{\"name\": \"make\", \"kind\": \"run\", \"run\": \"make\", \"shell\": \"sh\"}]},"
	"  {\"key\": \"build/package\", \"name\": \"package\", \"needs\": [\"build/unit[os=a]\", \"build/unit[os=b]\"],"
	"   \"if\": \"success() && jobs.unit.outputs.x == \\\"1\\\"\", \"env\": {\"SHARED\": \"high\","
	"   \"FROM\": \"v${{ jobs.unit.outputs.x }}\"}, \"labels\": [\"big\"], \"network\": \"egress\", \"profile\": \"full\","
	"   \"image\": \"debian\", \"timeout_ms\": 60000, \"retry\": {\"max\": 2, \"worker_lost\": true, \"timeout\": true,"
	"   \"exit\": true}, \"resources\": {\"memory_bytes\": 1, \"disk_bytes\": 2, \"cpu_milli\": 3, \"processes\": 4},"
	"   \"allow_failure\": true, \"outputs\": [\"digest\"], \"artifacts\": {\"paths\": [\"out/*\"], \"keep_ms\": 5},"
	"   \"reports\": {\"junit\": \"j.xml\"}, \"secrets\": [\"S\"], \"environment\": \"dev\", \"fetch_depth\": 0,"
	"   \"cache\": [{\"key\": \"k\"}], \"services\": [{\"name\": \"db\"}], \"id_token\": {\"audience\": [\"a\"]},"
	"   \"steps\": [{\"name\": \"a\", \"kind\": \"run\", \"run\": \"x\", \"shell\": \"bash\", \"env\": {\"A\": \"1\"},"
	"    \"if\": \"failure()\", \"always\": true, \"timeout_ms\": 9},"
	"    {\"name\": \"p\", \"kind\": \"policy\", \"policies\": [\"no-secrets\"]},"
	"    {\"name\": \"g\", \"kind\": \"gitops\", \"gitops\": {\"repo\": \"r\"}}]},"
	"  {\"key\": \"build/skipped\", \"name\": \"skipped\", \"skipped\": true, \"skip_reason\": \"its condition is false: x\","
	"   \"network\": \"none\", \"fetch_depth\": 1, \"image\": \"never asked for\", \"steps\": []}]},"
	" {\"name\": \"review\", \"kind\": \"gate\", \"gate\": {\"approvals\": 2, \"groups\": [\"qa\", \"release\"],"
	"  \"require\": {\"release\": \"1\"}, \"author\": \"deny\", \"comment_required\": true, \"timeout_ms\": 1209600000,"
	"  \"not_before\": \"2026-11-21T08:00:00.000000Z\"}},"
	" {\"name\": \"prod\", \"kind\": \"environment\", \"if\": \"always()\", \"environment\": \"prod\","
	"  \"window\": \"Mon-Thu 09:00-16:00 Europe/Berlin\", \"delivery\": {\"service\": \"web\", \"waves\": ["
	"   {\"name\": \"first\", \"targets\": [\"eu-1\"], \"parallel\": 1, \"bake_ms\": 1800000, \"min_points\": 3},"
	"   {\"targets\": [\"us-1\"], \"parallel\": 2}], \"alarms\": [\"web-5xx\"], \"on_alarm\": \"rollback\","
	"  \"on_failure\": \"stop\", \"fifo\": true, \"idempotent\": true, \"final\": true, \"priority\": 100,"
	"  \"expires_ms\": 5}, \"jobs\": [{\"key\": \"prod/deploy[target=eu-1]\", \"name\": \"deploy\","
	"   \"network\": \"none\", \"fetch_depth\": 1, \"part\": \"deploy\", \"wave\": 1, \"target\": \"eu-1\","
	"   \"version\": \"v1\", \"commit\": \"abc\", \"origin\": 7, \"origin_jobs\": [\"build/package\"],"
	"   \"steps\": []}]},"
	" {\"name\": \"later\", \"kind\": \"environment\", \"skipped\": true, \"skip_reason\": \"no need\","
	"  \"environment\": \"x\"}],"
	"\"version\": \"v1\", \"refusals\": [\"one\"], \"warnings\": [\"two\"]}";

static json_t *parse(const char *text)
{
	json_error_t error;
	json_t *json = json_loads(text, 0, &error);
	ck_assert_msg(json != NULL, "%s at %d", error.text, error.position);
	return json;
}

static struct plan load(json_t *json, struct arena *arena)
{
	struct plan plan = {0};
	struct err err = {0};
	ck_assert_msg(plan_read(json, &plan, arena, &err), "%s", err.text);
	return plan;
}

START_TEST(writing_gives_what_was_read)
{
	auto_arena arena = {0};
	json_t *json = parse(full), *again;
	struct plan plan = load(json, &arena);
	again = plan_write(&plan);
	char *left = json_dumps(json, JSON_SORT_KEYS | JSON_INDENT(1));
	char *right = json_dumps(again, JSON_SORT_KEYS | JSON_INDENT(1));
	ck_assert_pstr_eq(left, right);
	ck_assert_int_eq(plan.stages[0].jobs[2].retry.max, 2);
	ck_assert_int_eq(plan.stages[1].gate->author, PLAN_AUTHOR_DENY);
	plan_done(&plan); /* owns nothing; must not take the document with it */
	free(left);
	free(right);
	json_decref(again);
	json_decref(json);
}
END_TEST

static const struct {
	const char *text;
	const char *complaint;
} broken[] = {
	{"{}", "plan: pipeline: is required"},
	{"{\"pipeline\": \"a\", \"stages\": [{\"name\": \"b\"}]}", "stages[0]: kind: is required"},
	{"{\"pipeline\": \"a\", \"stages\": [], \"gaets\": 1}",
		"gaets"}, /* what a newer version demands is not dropped */
	{"{\"pipeline\": \"a\", \"stages\": [{\"name\": \"b\", \"kind\": \"wave\"}]}", "unknown value \"wave\""},
	{"[]", "expected an object"},
};

START_TEST(broken_plans_are_refused)
{
	auto_arena arena = {0};
	json_t *json = parse(broken[_i].text);
	struct plan plan = {.stage_count = 7};
	struct err err = {0};
	ck_assert(!plan_read(json, &plan, &arena, &err));
	ck_assert_msg(strstr(err.text, broken[_i].complaint) != NULL, "%s", err.text);
	ck_assert_uint_eq(plan.stage_count, 7); /* untouched */
	json_decref(json);
}
END_TEST

START_TEST(the_hash_names_the_content)
{
	auto_arena arena = {0};
	json_t *json = parse(full), *stored;
	struct plan plan = load(json, &arena);
	struct str hash = plan_text(&plan, &arena).hash, stage_hash = plan_stage_hash(&plan.stages[1], &arena);
	ck_assert_uint_eq(hash.n, 64);
	ck_assert(!str_eq(hash, stage_hash));
	/* the database may give the names back in another order */
	json_t *sorted = plan_write(&plan);
	char *text = json_dumps(sorted, JSON_SORT_KEYS);
	stored = parse(text);
	struct plan again = load(stored, &arena);
	ck_assert(str_eq(plan_text(&again, &arena).hash, hash));
	ck_assert(str_eq(plan_stage_hash(&again.stages[1], &arena), stage_hash));
	again.stages[1].gate->approvals++;
	ck_assert(!str_eq(plan_text(&again, &arena).hash, hash));
	ck_assert(!str_eq(plan_stage_hash(&again.stages[1], &arena), stage_hash)); /* its gate is void */
	ck_assert(str_eq(plan_stage_hash(&again.stages[0], &arena), plan_stage_hash(&plan.stages[0], &arena)));
	free(text);
	json_decref(sorted);
	json_decref(stored);
	json_decref(json);
}
END_TEST

START_TEST(jobs_are_found_by_key)
{
	auto_arena arena = {0};
	json_t *json = parse(full);
	struct plan plan = load(json, &arena);
	size_t stage = 9;
	ck_assert_ptr_eq(plan_find_job(&plan, STR("build/package"), &stage), &plan.stages[0].jobs[2]);
	ck_assert_uint_eq(stage, 0);
	ck_assert_ptr_nonnull(plan_find_job(&plan, STR("build/unit[os=b]"), NULL));
	ck_assert_ptr_null(plan_find_job(&plan, STR("unit"), &stage));
	ck_assert(plan_needs_run(STR("v${{ x }}")));
	ck_assert(!plan_needs_run(STR("v$ {{ x }}")));
	json_decref(json);
}
END_TEST

/* Outputs of the two instances of "unit"; NULL: that one wrote none. */
struct world {
	const char *a_x;
	const char *b_x;
	struct arena *arena;
};

static bool outputs(void *arg, struct str key, struct pair_list *ret)
{
	const struct world *world = arg;
	const char *value = str_is(key, "build/unit[os=a]")   ? world->a_x
			    : str_is(key, "build/unit[os=b]") ? world->b_x
							      : NULL;
	if (!value)
		return false;
	*ret = (struct pair_list){0};
	pair_set(ret, world->arena, STR("x"), str_of(value));
	return true;
}

static const struct {
	const char *a_x, *b_x;
	const char *text;
	const char *rendered; /* NULL: fails with... */
	const char *complaint;
} renders[] = {
	{"1", "2", "plain", "plain", NULL},
	{"1", "2", "v${{ jobs.unit.outputs.x }}", "v2", NULL},  /* the last instance counts */
	{"1", NULL, "v${{ jobs.unit.outputs.x }}", "v1", NULL}, /* that wrote outputs */
	{"1", "2", "v${{ jobs.unit.outputs.y }}", "v", NULL},   /* declared and not written */
	{"1", "2", "${{ run.pipeline }}-${{ run.number }}", "ci-42", NULL},
	{"${{ evil }}", NULL, "${{ jobs.unit.outputs.x }}", "${{ evil }}", NULL}, /* a value is no code */
	{"1", "2", "${{ jobs['unit'].outputs['x'] }}", "2", NULL},
	{"1", "2", "${{ jobs[run.pipeline == 'ci' ? 'unit' : 'package'].outputs.x }}", "2", NULL},
	{"1", "2", "${{ jobs.unit.outputs.z }}", NULL, "no \"z\""},
	{"1", "2", "${{ jobs.nope.outputs.x }}", NULL, "\"jobs\" has no \"nope\""},
	{"1", "2", "${{ inputs.x }}", NULL, "no value in a run"}, /* the planner has dealt with it */
	{"1", "2", "${{ nope() }}", NULL, "unknown function"},
	{"1", "2", "${{ always(1) }}", NULL, "in its brackets"},
	{"1", "2", "${{ always( }}", NULL, "expected"},
};

START_TEST(texts_are_finished_in_the_run)
{
	auto_arena arena = {0};
	json_t *json = parse(full);
	struct plan plan = load(json, &arena);
	struct world world = {renders[_i].a_x, renders[_i].b_x, &arena};
	struct plan_facts facts = {.plan = &plan, .run_number = 42, .outputs = outputs, .outputs_arg = &world};
	struct str text;
	struct err err = {0};
	bool is_fine = plan_render(&facts, str_of(renders[_i].text), &arena, &text, &err);
	ck_assert_msg(is_fine == (renders[_i].rendered != NULL), "%s", err.text);
	if (is_fine)
		ck_assert_msg(str_is(text, renders[_i].rendered), "%.*s", STR_ARG(text));
	else
		ck_assert_msg(strstr(err.text, renders[_i].complaint) != NULL, "%s", err.text);
	json_decref(json);
}
END_TEST

START_TEST(the_jobs_variables_win)
{
	auto_arena arena = {0};
	json_t *json = parse(full);
	struct plan plan = load(json, &arena);
	struct world world = {"1", NULL, &arena};
	struct plan_facts facts = {.plan = &plan, .run_number = 42, .outputs = outputs, .outputs_arg = &world};
	struct pair_list env = {0};
	struct err err = {0};
	ck_assert_msg(plan_render_env(&facts, &plan.stages[0].jobs[2], &arena, &env, &err), "%s", err.text);
	ck_assert(str_is(pair_get(&env, STR("CI")), "true"));
	ck_assert(str_is(pair_get(&env, STR("CI_PIPELINE_NUMBER")), "42"));
	ck_assert(str_is(pair_get(&env, STR("SHARED")), "high"));
	ck_assert(str_is(pair_get(&env, STR("FROM")), "v1"));
	ck_assert_uint_eq(env.count, 4);
	/* without anybody's outputs the declared ones are empty */
	facts.outputs = NULL;
	ck_assert(plan_render_env(&facts, &plan.stages[0].jobs[2], &arena, &env, &err));
	ck_assert(str_is(pair_get(&env, STR("FROM")), "v"));
	/* a fault names the variable */
	pair_set(&plan.stages[0].jobs[2].env, &arena, STR("BAD"), STR("${{ jobs.x.y }}"));
	ck_assert(!plan_render_env(&facts, &plan.stages[0].jobs[2], &arena, &env, &err));
	ck_assert_msg(strstr(err.text, "BAD: ") == err.text, "%s", err.text);
	json_decref(json);
}
END_TEST

static const struct {
	const char *condition;
	bool is_success, is_failure;
	int truth; /* -1: fails */
} conditions[] = {
	{"", true, false, 1}, /* success() */
	{"", false, true, 0},
	{"success()", false, true, 0},
	{"failure()", false, true, 1},
	{"failure()", false, false, 0}, /* what was skipped is neither */
	{"always()", false, true, 1},
	{"success() || failure()", false, false, 0},
	{"success() && jobs.unit.outputs.x == \"1\"", true, false, 1},
	{"success() && jobs.unit.outputs.x == \"2\"", true, false, 0},
	{"jobs.unit.outputs.x == \"1\"", false, true, 1}, /* what the planner kept so does not ask for success */
	{"jobs.unit.outputs.x", true, false, -1},         /* not true or false */
	{"jobs.unit.outputs.x ==", true, false, -1},
	{"jobs.nope.outputs.x == \"\"", true, false, -1},
};

START_TEST(conditions_are_decided)
{
	auto_arena arena = {0};
	json_t *json = parse(full);
	struct plan plan = load(json, &arena);
	struct world world = {"1", NULL, &arena};
	struct plan_facts facts = {.plan = &plan,
		.outputs = outputs,
		.outputs_arg = &world,
		.is_success = conditions[_i].is_success,
		.is_failure = conditions[_i].is_failure};
	bool truth = false;
	bool is_fine = plan_condition(&facts, str_of(conditions[_i].condition), &arena, &truth, NULL);
	ck_assert_int_eq(is_fine ? truth : -1, conditions[_i].truth);
	json_decref(json);
}
END_TEST

static const struct {
	const char *condition;
	bool is_always;
	const char *word; /* NULL: fails */
} steps[] = {
	{"", false, ""},
	{"", true, "always"},
	{"always()", false, "always"},
	{"failure()", false, "failure"},
	{"success() && jobs.unit.outputs.x == \"1\"", false, ""},
	{"success() && jobs.unit.outputs.x == \"2\"", false, "never"},
	{"success() && jobs.unit.outputs.x == \"2\"", true, "never"}, /* always does not mend a false condition */
	{"success() && jobs.unit.outputs.x == \"1\"", true, "always"},
	{"!success()", false, "failure"},
	{"jobs.unit.outputs.x", false, NULL},
};

START_TEST(steps_have_a_word)
{
	auto_arena arena = {0};
	json_t *json = parse(full);
	struct plan plan = load(json, &arena);
	struct world world = {"1", NULL, &arena};
	struct plan_facts facts = {.plan = &plan, .outputs = outputs, .outputs_arg = &world};
	struct plan_step step = {
		.name = STR("s"), .condition = str_of(steps[_i].condition), .is_always = steps[_i].is_always};
	enum plan_step_when when = PLAN_STEP_ON_SUCCESS;
	struct err err = {0};
	bool is_fine = plan_step_when(&facts, &step, &arena, &when, &err);
	ck_assert_int_eq(is_fine, steps[_i].word != NULL);
	if (is_fine)
		ck_assert_pstr_eq(plan_step_when_names[when], steps[_i].word);
	else
		ck_assert_msg(strstr(err.text, "step \"s\"") != NULL, "%s", err.text);
	json_decref(json);
}
END_TEST

START_TEST(refusals_name_who_asks)
{
	static const char *const expected[] = {"job \"package\" starts services", "job \"package\" keeps a cache",
		"job \"package\" runs in an image", "job \"package\" asks for secrets",
		"job \"package\" asks for an identity token"};
	auto_arena arena = {0};
	json_t *json = parse(full);
	struct plan plan = load(json, &arena);
	plan.refusals = (struct str_list){0};
	refusals_add(&plan, &arena);
	refusals_add(&plan, &arena); /* each is said once; what is skipped, never */
	ck_assert_uint_eq(plan.refusals.count, COUNT_OF(expected));
	for (size_t i = 0; i < COUNT_OF(expected); i++)
		ck_assert_msg(str_starts(plan.refusals.items[i], str_of(expected[i])), "%.*s",
			STR_ARG(plan.refusals.items[i]));
	json_decref(json);
}
END_TEST

static const char printed[] =
	"ci  .penstock/ci.yaml\n"
	"inputs     level = 3\n"
	"one of     ci-main; a newer run ends this one\n"
	"\n"
	"build\n"
	"  unit[os=a]  1 step, at most 20m\n"
	"  unit[os=b]  1 step, at most 20m\n"
	"  package     3 steps, at most 1m, network, may fail; on big; needs build/unit[os=a], build/unit[os=b]; if "
	"success() && jobs.unit.outputs.x == \"1\"\n"
	"  skipped     skipped: its condition is false: x\n"
	"\n"
	"review\n"
	"  gate     2 approvals from qa or release, at least 1 from release, none of its authors, with a comment, within 2w, not "
	"before 2026-11-21 08:00 UTC\n"
	"\n"
	"prod  if always()\n"
	"  deploys  web to prod, window Mon-Thu 09:00-16:00 Europe/Berlin\n"
	"  wave 1   eu-1, then baked for 30m\n"
	"  wave 2   us-1, 2 at a time\n"
	"  alarms   web-5xx; one that fires: rollback\n"
	"  deploy[target=eu-1]  0 steps, at most 0s\n"
	"\n"
	"later  skipped: no need\n"
	"\n"
	"warnings\n"
	"  two\n"
	"\n"
	"this version cannot run it\n"
	"  one\n";

START_TEST(plans_are_readable)
{
	auto_arena arena = {0};
	auto_buf out = BUF_INIT(1 << 20);
	json_t *json = parse(full);
	struct plan plan = load(json, &arena);
	plan_print(&plan, false, &out);
	ck_assert_pstr_eq(buf_c(&out), printed);
	ck_assert_ptr_null(strchr(buf_c(&out), '\033'));
	buf_clear(&out);
	plan_print(&plan, true, &out);
	ck_assert_ptr_nonnull(strstr(buf_c(&out), "\033[1mci\033[0m"));
	/* a name cannot command the terminal */
	buf_clear(&out);
	plan.pipeline = STR("a\033[31mb");
	plan.stages[0].jobs[2].needs.count = 0;
	plan_print(&plan, false, &out);
	ck_assert_ptr_null(strchr(buf_c(&out), '\033'));
	json_decref(json);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("plan");
	TCase *cases = tcase_create("plan");
	tcase_add_test(cases, writing_gives_what_was_read);
	tcase_add_loop_test(cases, broken_plans_are_refused, 0, COUNT_OF(broken));
	tcase_add_test(cases, the_hash_names_the_content);
	tcase_add_test(cases, jobs_are_found_by_key);
	tcase_add_loop_test(cases, texts_are_finished_in_the_run, 0, COUNT_OF(renders));
	tcase_add_test(cases, the_jobs_variables_win);
	tcase_add_loop_test(cases, conditions_are_decided, 0, COUNT_OF(conditions));
	tcase_add_loop_test(cases, steps_have_a_word, 0, COUNT_OF(steps));
	tcase_add_test(cases, refusals_name_who_asks);
	tcase_add_test(cases, plans_are_readable);
	suite_add_tcase(suite, cases);
	return suite_run(suite);
}
