// links: penstock_lang penstock_common
#include "common/buf.h"
#include "common/lang/input.h"
#include "common/lang/lang.h"
#include "common/lang/templates.h"
#include "common/mem.h"
#include "common/yaml.h"
#include "tests/support/suite.h"

#include <check.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/*
 * The corpus in tests/corpus/lang: every good file loads, every bad file gives exactly the errors that it ends with, as
 * `# error: LINE:COLUMN: MESSAGE`. check_schema.py holds the JSON Schema against the same files.
 */

#define CORPUS SOURCE_DIR "/tests/corpus/lang/"

static bool read_file(struct arena *arena, const char *path, struct str *ret)
{
	FILE *file = fopen(path, "rb");
	if (!file)
		return false;
	char *bytes = arena_alloc(arena, 2 * 1024 * 1024);
	size_t n = fread(bytes, 1, 2 * 1024 * 1024, file);
	fclose(file);
	*ret = (struct str){bytes, n};
	return true;
}

/* As the server has it: a file of the commit first, then a template. */
static bool load_base(void *arg, struct str name, struct str version, struct arena *arena, struct str *ret_text,
	const char **ret_file, struct err *err)
{
	(void)arg;
	const char *file = arena_printf(arena, "base/%.*s.yaml", STR_ARG(name)).p;
	if (!version.n && read_file(arena, arena_printf(arena, CORPUS "%s", file).p, ret_text)) {
		*ret_file = file;
		return true;
	}
	return lang_template(name, version, ret_text, ret_file, err);
}

static const struct lang_loader loader = {NULL, load_base};

/* What one test loads; the errors as one text, a line each. */
struct loaded {
	struct arena arena;
	struct lang_errors errors;
	const struct pipeline *pipeline;
	struct str text;
};

static bool load(struct loaded *l, struct str text, const char *file)
{
	*l = (struct loaded){0};
	l->errors.arena = &l->arena;
	bool is_good = lang_load(text, file, &loader, &l->arena, &l->pipeline, &l->errors);
	for (size_t i = 0; i < l->errors.count; i++) {
		struct str line = lang_error_text(&l->errors.items[i], &l->arena);
		struct str own = arena_printf(&l->arena, "%s:", file);
		if (str_starts(line, own))
			line = str_skip(line, own.n);
		l->text = arena_printf(&l->arena, "%.*s%.*s\n", STR_ARG(l->text), STR_ARG(line));
	}
	return is_good;
}

#define auto_loaded __attribute__((cleanup(loaded_done))) struct loaded
static void loaded_done(struct loaded *l)
{
	arena_done(&l->arena);
}

static const struct pipeline *load_good(struct loaded *l, const char *text)
{
	bool is_good = load(l, str_of(text), ".penstock/ci.yaml");
	ck_assert_msg(is_good, "%.*s", STR_ARG(l->text));
	return l->pipeline;
}

/* Each file of a folder, in the order of their names. */
static void each_file(const char *folder, void (*visit)(const char *path, const char *name), size_t least)
{
	struct dirent **entries;
	int count = scandir(folder, &entries, NULL, alphasort);
	size_t visited = 0;
	for (int i = 0; i < count; i++) {
		const char *name = entries[i]->d_name;
		if (str_ends(str_of(name), STR(".yaml"))) {
			char path[512];
			snprintf(path, sizeof path, "%s/%s", folder, name);
			visit(path, name);
			visited++;
		}
		free(entries[i]);
	}
	free(entries);
	ck_assert_msg(visited >= least, "%zu files in %s", visited, folder);
}

static void check_good(const char *path, const char *name)
{
	auto_arena arena = {0};
	auto_loaded l;
	struct str text;
	ck_assert(read_file(&arena, path, &text));
	bool is_good = load(&l, text, name);
	ck_assert_msg(is_good, "%s:\n%.*s", name, STR_ARG(l.text));
	/* Whatever it calls itself: unicode.yaml says that it is ci. */
	ck_assert(str_eq(l.pipeline->name.text, str_head(str_of(name), strlen(name) - 5)));
}

START_TEST(good_files_load)
{
	each_file(CORPUS "good", check_good, 40);
	each_file(SOURCE_DIR "/pipelines", check_good, 4);
	each_file(SOURCE_DIR "/pipelines/demo/.penstock", check_good, 4);
}
END_TEST

static void check_bad(const char *path, const char *name)
{
	auto_arena arena = {0};
	auto_loaded l;
	struct str text, rest, line, expected = {NULL, 0};
	ck_assert(read_file(&arena, path, &text));
	for (rest = text; str_cut(&rest, '\n', &line);)
		if (str_starts(line, STR("# error: ")))
			expected = arena_printf(&arena, "%.*s%.*s\n", STR_ARG(expected), STR_ARG(str_skip(line, 9)));
	ck_assert_msg(!load(&l, text, name), "%s loads", name);
	ck_assert_msg(
		str_eq(expected, l.text), "%s\nexpected:\n%.*sgot:\n%.*s", name, STR_ARG(expected), STR_ARG(l.text));
	ck_assert_ptr_null(l.pipeline);
}

START_TEST(bad_files_say_why)
{
	each_file(CORPUS "bad", check_bad, 100);
}
END_TEST

START_TEST(committed_schema_is_current)
{
	auto_arena arena = {0};
	auto_free char *printed = lang_schema_json();
	struct str committed;
	ck_assert(read_file(&arena, SOURCE_DIR "/pipelines/schema.json", &committed));
	ck_assert_msg(str_is(committed, printed), "run scripts/print-language");
}
END_TEST

START_TEST(committed_reference_is_current)
{
	auto_arena arena = {0};
	auto_free char *printed = lang_reference_markdown();
	struct str page;
	size_t at;
	ck_assert(read_file(&arena, SOURCE_DIR "/docs/language.md", &page));
	ck_assert_msg(str_find(page, str_of(printed), &at), "run scripts/print-language");
}
END_TEST

static const struct pipeline_stage *stage_of(const struct pipeline *pipeline, const char *name)
{
	for (size_t i = 0; i < pipeline->stages.count; i++)
		if (str_is(pipeline->stages.items[i].name.text, name))
			return &pipeline->stages.items[i];
	ck_abort_msg("no stage %s", name);
}

static void assert_text(struct lang_text text, const char *expected)
{
	ck_assert_msg(str_is(text.text, expected), "\"%.*s\" is not \"%s\"", STR_ARG(text.text), expected);
}

START_TEST(ci_has_what_it_says)
{
	auto_loaded l;
	const struct pipeline *ci = load_good(&l, "use: ci@1\n");
	assert_text(ci->name, "ci");
	assert_text(ci->on.push.branches.items[0], "main");
	ck_assert_uint_eq(ci->stages.count, 6);
	ck_assert_int_eq(ci->stages.items[0].kind, PIPELINE_STAGE_JOBS);
	const struct pipeline_job *package = &stage_of(ci, "build")->jobs.items[0];
	ck_assert_int_eq(package->artifacts.keep.ms, INT64_C(90) * 24 * 3600 * 1000);
	assert_text(package->steps.items[1].run, "echo \"digest=$(cat out/digest)\" >> \"$CI_OUTPUT\"");
	const struct pipeline_stage *prod = stage_of(ci, "prod");
	ck_assert_int_eq(prod->kind, PIPELINE_STAGE_ENVIRONMENT);
	ck_assert_int_eq(prod->gate.approvals.value, 2);
	ck_assert_int_eq(prod->gate.author.value, PIPELINE_AUTHOR_DENY);
	ck_assert_uint_eq(prod->waves.count, 3);
	ck_assert_int_eq(prod->waves.items[2].parallel.value, 2);
	ck_assert_int_eq(prod->waves.items[0].bake.ms, 30 * 60 * 1000);
	ck_assert_int_eq(prod->on_alarm.value, PIPELINE_REACTION_ROLLBACK);
	ck_assert(!LANG_IS_SET(prod->on_failure));
	assert_text(ci->deploy.version, "${{ jobs.package.outputs.digest }}");
	ck_assert_int_eq(ci->deploy.network.value, PIPELINE_NETWORK_EGRESS);
}
END_TEST

START_TEST(hotfix_changes_what_it_names)
{
	auto_loaded l;
	struct str text;
	auto_arena arena = {0};
	ck_assert(read_file(&arena, SOURCE_DIR "/pipelines/hotfix.yaml", &text));
	ck_assert(load(&l, text, "pipelines/hotfix.yaml"));
	const struct pipeline *hotfix = l.pipeline;
	assert_text(hotfix->name, "hotfix");
	ck_assert(!LANG_IS_SET(hotfix->on.push)); /* `on` is replaced, not merged */
	ck_assert(LANG_IS_SET(hotfix->on.manual));
	ck_assert_uint_eq(hotfix->stages.count, 4);
	ck_assert(stage_of(hotfix, "staging")->gate.is_none);
	assert_text(stage_of(hotfix, "staging")->environment, "staging");
	const struct pipeline_stage *prod = stage_of(hotfix, "prod");
	ck_assert_uint_eq(prod->waves.count, 2);
	ck_assert_uint_eq(prod->alarms.count, 2); /* not named, so it stays */
	ck_assert_int_eq(prod->gate.comment.value, PIPELINE_COMMENT_REQUIRED);
	/* Places lead to the file that says it. */
	ck_assert_str_eq(prod->window.at.file, "pipelines/hotfix.yaml");
	ck_assert_str_eq(prod->alarms.at.file, "pipelines/ci.yaml");
}
END_TEST

START_TEST(merging_goes_by_name)
{
	auto_loaded l;
	const struct pipeline *merged = load_good(&l,
		"extends: steps\nwith: { level: 5 }\nenv: { B: zwei, C: drei }\ndefaults: { timeout: 1m }\n"
		"inputs: { kind: { default: slow } }\nstages:\n"
		"  - { name: first, gate: {} }\n"
		"  - { name: test, jobs: { unit: { env: { MORE: x } }, fuzz: { steps: { run: fuzz } } } }\n"
		"  - { name: scan, gate: {} }\n");
	static const char *const order[] = {"first", "test", "scan", "build", "ship"};
	ck_assert_uint_eq(merged->stages.count, COUNT_OF(order));
	for (size_t i = 0; i < COUNT_OF(order); i++)
		assert_text(merged->stages.items[i].name, order[i]);
	const struct pipeline_stage *test = stage_of(merged, "test");
	ck_assert_uint_eq(test->jobs.count, 3);
	ck_assert_uint_eq(test->jobs.items[0].env.count, 2); /* LEVEL stays, MORE is new */
	assert_text(test->jobs.items[0].steps.items[0].run, "make test");
	assert_text(test->jobs.items[1].name, "fuzz"); /* behind the one that stands before it */
	ck_assert_uint_eq(merged->env.count, 3);
	assert_text(merged->env.items[1].value, "zwei");
	ck_assert_int_eq(merged->defaults.timeout.ms, 60000);
	assert_text(merged->defaults.labels.items[0], "linux");
	assert_text(merged->inputs.items[0].given, "5");
	assert_text(merged->inputs.items[1].default_value, "slow");
	ck_assert_uint_eq(merged->inputs.items[1].options.count, 2);
	assert_text(merged->name, "ci"); /* of the file, not of the base */
	assert_text(merged->extends, "steps");
}
END_TEST

START_TEST(lonely_new_stage_comes_last)
{
	auto_loaded l;
	const struct pipeline *merged = load_good(&l, "extends: steps\nstages: { name: more, gate: {} }\n");
	ck_assert_uint_eq(merged->stages.count, 4);
	assert_text(merged->stages.items[3].name, "more");
}
END_TEST

START_TEST(building_needs_a_loader)
{
	auto_arena arena = {0};
	struct lang_errors errors = {.arena = &arena};
	const struct pipeline *pipeline = NULL;
	ck_assert(!lang_load(STR("extends: ci\n"), "a.yaml", NULL, &arena, &pipeline, &errors));
	ck_assert(str_is(errors.items[0].message, "no other pipelines can be read here"));
}
END_TEST

static bool load_next(void *arg, struct str name, struct str version, struct arena *arena, struct str *ret_text,
	const char **ret_file, struct err *err)
{
	int *count = arg;
	(void)name;
	(void)version;
	(void)err;
	*ret_text = arena_printf(arena, "extends: n%d\nstages: { name: a, gate: {} }\n", ++*count);
	*ret_file = arena_printf(arena, "n%d.yaml", *count).p;
	return true;
}

START_TEST(a_chain_has_an_end)
{
	auto_arena arena = {0};
	struct lang_errors errors = {.arena = &arena};
	const struct pipeline *pipeline = NULL;
	int count = 0;
	struct lang_loader endless = {&count, load_next};
	ck_assert(!lang_load(STR("extends: n0\n"), "a.yaml", &endless, &arena, &pipeline, &errors));
	ck_assert_uint_eq(errors.count, 1);
	ck_assert(str_is(errors.items[0].message, "more than 8 files build on one another"));
	ck_assert_int_le(count, 8);
}
END_TEST

START_TEST(errors_past_fifty_are_counted)
{
	auto_arena arena = {0};
	auto_loaded l;
	struct str text = STR("stages: { name: a, gate: {} }\n");
	for (int i = 0; i < 60; i++)
		text = arena_printf(&arena, "%.*sx%d: 1\n", STR_ARG(text), i);
	ck_assert(!load(&l, text, "a.yaml"));
	ck_assert_uint_eq(l.errors.count, 50);
	ck_assert_uint_eq(l.errors.left_out, 10);
}
END_TEST

START_TEST(too_many_jobs_are_refused)
{
	auto_arena arena = {0};
	auto_loaded l;
	struct str text = STR("stages:\n");
	for (int stage = 0; stage < 3; stage++) {
		text = arena_printf(&arena, "%.*s  - name: s%d\n    jobs:\n", STR_ARG(text), stage);
		char jobs[64 * 1024];
		size_t n = 0;
		for (int i = 0; i < 700; i++)
			n += (size_t)snprintf(
				jobs + n, sizeof jobs - n, "      j%d-%d: { steps: { run: x } }\n", stage, i);
		text = arena_printf(&arena, "%.*s%s", STR_ARG(text), jobs);
	}
	ck_assert(!load(&l, text, "a.yaml"));
	ck_assert_msg(str_is(l.text, "2:3: 2100 jobs; a pipeline has at most 2000\n"), "%.*s", STR_ARG(l.text));
}
END_TEST

/* A chain of jobs that all ask for the first one's output, and thousands of unknown names among thousands of known
 * ones: each took many seconds when the answer was looked up again for each of them. */
START_TEST(hostile_files_are_quick)
{
	auto_loaded chain, unknown;
	auto_buf text = BUF_INIT(YAML_BYTES_MAX);
	buf_add_c(&text, "stages:\n  - name: s\n    jobs:\n      j0: { outputs: x, steps: { run: x } }\n");
	for (int job = 1; job < 700; job++) {
		buf_addf(&text, "      j%d: { needs: j%d, steps: { run: x }, env: {", job, job - 1);
		for (int i = 0; i < 20; i++)
			buf_addf(&text, " E%d: \"${{ jobs.j0.outputs.x }}\",", i);
		buf_add_c(&text, " } }\n");
	}
	ck_assert(!text.is_full);
	ck_assert_msg(load(&chain, buf_str(&text), "a.yaml"), "%.*s", STR_ARG(chain.text));
	buf_clear(&text);
	buf_add_c(&text, "inputs: {");
	for (int i = 0; i < 1000; i++)
		buf_addf(&text, " an_input_with_a_long_name_%d: {},", i);
	buf_add_c(&text, " }\nstages:\n  - name: s\n    jobs:\n");
	for (int job = 0; job < 500; job++) {
		buf_addf(&text, "      j%d: { steps: { run: x }, env: {", job);
		for (int i = 0; i < 20; i++)
			buf_addf(&text, " E%d: \"${{ inputs.an_input_with_a_lnog_name_%d }}\",", i, i);
		buf_add_c(&text, " } }\n");
	}
	ck_assert(!text.is_full);
	ck_assert(!load(&unknown, buf_str(&text), "a.yaml"));
	ck_assert_uint_eq(unknown.errors.count, LANG_ERRORS_MAX);
	ck_assert_uint_eq(unknown.errors.left_out, 500 * 20 - LANG_ERRORS_MAX);
}
END_TEST

static const struct {
	const char *file;
	const char *name;
} file_names[] = {
	{".penstock/ci.yaml", "ci"}, {"ci.yml", "ci"}, {"a.b/pr", "pr"}, /* no ending at all */
};

START_TEST(names_come_from_files)
{
	ck_assert(str_is(lang_name_of_file(file_names[_i].file), file_names[_i].name));
}
END_TEST

static const struct {
	const char *input;
	const char *value;
	const char *error; /* NULL: taken */
} values[] = {
	{"{ pattern: 'INC-[0-9]+' }", "INC-7", NULL},
	{"{ pattern: 'INC-[0-9]+' }", "INC-7x",
		"input \"x\": \"INC-7x\" does not match INC-[0-9]+"}, /* the whole value */
	{"{}", "anything", NULL},
	{"{ type: number, min: 1, max: 2 }", "1.5", NULL},
	{"{ type: number, min: 1, max: 2 }", "0", "input \"x\": 0 is less than 1"},
	{"{ type: boolean }", "false", NULL},
	{"{ type: boolean }", "no", "input \"x\": \"no\" is not true or false"},
	{"{ type: choice, options: [a, b] }", "b", NULL},
	{"{ type: choice, options: [a, b] }", "c", "input \"x\": \"c\" is none of a, b"},
	{"{ type: environment }", "sandbox/ann", NULL},
	{"{ type: duration, max: 72h }", "3d", NULL},
	{"{ type: duration, max: 72h }", "73h", "input \"x\": 73h is longer than 72h"},
	{"{ pattern: '(a+)+b' }", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaabc",
		"input \"x\": the regular expression \"(a+)+b\" takes too many steps; make it simpler"},
};

START_TEST(inputs_take_values)
{
	auto_loaded l;
	auto_arena arena = {0};
	const struct pipeline *pipeline = load_good(
		&l, arena_printf(&arena, "inputs: { x: %s }\nstages: { name: a, gate: {} }\n", values[_i].input).p);
	struct err err = {0};
	bool is_good = lang_input_check(&pipeline->inputs.items[0], str_of(values[_i].value), &err);
	ck_assert_msg(is_good == !values[_i].error, "%s: %s", values[_i].value, err.text);
	if (values[_i].error)
		ck_assert_str_eq(err.text, values[_i].error);
}
END_TEST

START_TEST(texts_stay_as_written)
{
	auto_loaded l;
	const struct pipeline *pipeline = load_good(&l, "env: { A: no, B: 1.10, C: 0x10, D: 'null', E: '' }\n"
							"stages: { name: a, gate: {} }\n");
	static const char *const expected[] = {"no", "1.10", "0x10", "null", ""};
	for (size_t i = 0; i < COUNT_OF(expected); i++)
		assert_text(pipeline->env.items[i].value, expected[i]);
}
END_TEST

START_TEST(an_empty_block_is_set)
{
	auto_loaded l;
	const struct pipeline *pipeline = load_good(&l, "on: [push, manual]\nstages: { name: a, gate: }\n");
	ck_assert(LANG_IS_SET(pipeline->on.push));
	ck_assert_int_eq(pipeline->on.manual.at.column, 12);
	ck_assert(!LANG_IS_SET(pipeline->on.tag));
	ck_assert(LANG_IS_SET(pipeline->stages.items[0].gate));
	ck_assert(!pipeline->stages.items[0].gate.is_none);
	ck_assert_int_eq(pipeline->stages.items[0].kind, PIPELINE_STAGE_GATE);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("lang");
	TCase *cases = tcase_create("lang");
	tcase_set_timeout(cases, 60);
	tcase_add_test(cases, good_files_load);
	tcase_add_test(cases, bad_files_say_why);
	tcase_add_test(cases, committed_schema_is_current);
	tcase_add_test(cases, committed_reference_is_current);
	tcase_add_test(cases, ci_has_what_it_says);
	tcase_add_test(cases, hotfix_changes_what_it_names);
	tcase_add_test(cases, merging_goes_by_name);
	tcase_add_test(cases, lonely_new_stage_comes_last);
	tcase_add_test(cases, building_needs_a_loader);
	tcase_add_test(cases, a_chain_has_an_end);
	tcase_add_test(cases, errors_past_fifty_are_counted);
	tcase_add_test(cases, too_many_jobs_are_refused);
	tcase_add_loop_test(cases, names_come_from_files, 0, COUNT_OF(file_names));
	tcase_add_loop_test(cases, inputs_take_values, 0, COUNT_OF(values));
	tcase_add_test(cases, texts_stay_as_written);
	tcase_add_test(cases, an_empty_block_is_set);
	TCase *quick = tcase_create("quick");
	tcase_set_timeout(quick, 15);
	tcase_add_test(quick, hostile_files_are_quick);
	suite_add_tcase(suite, cases);
	suite_add_tcase(suite, quick);
	return suite_run(suite);
}
