// links: penstock_lang penstock_common
#include "common/buf.h"
#include "common/lang/configuration.h"
#include "common/mem.h"
#include "tests/support/suite.h"

#include <check.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

/*
 * The corpus in tests/corpus/configuration: every good file loads, every bad file gives exactly the errors that it ends
 * with, as `# error: LINE:COLUMN: MESSAGE`. check_schema.py holds the JSON Schema against the same files.
 */

#define CORPUS SOURCE_DIR "/tests/corpus/configuration/"

enum { FILE_BYTES_MAX = 1 << 20 };

struct loaded {
	struct arena arena;
	struct lang_errors errors;
	const struct configuration *configuration;
	struct str text; /* of the errors, a line each */
};

#define auto_loaded __attribute__((cleanup(loaded_done))) struct loaded
static void loaded_done(struct loaded *l)
{
	arena_done(&l->arena);
}

static bool load(struct loaded *l, struct str text)
{
	*l = (struct loaded){.errors.arena = &l->arena};
	bool is_good = configuration_load(text, "x", &l->arena, &l->configuration, &l->errors);
	for (size_t i = 0; i < l->errors.count; i++)
		l->text = arena_printf(&l->arena, "%.*s%.*s\n", STR_ARG(l->text),
			STR_ARG(str_skip(lang_error_text(&l->errors.items[i], &l->arena), 2)));
	return is_good;
}

static struct str read_file(struct arena *arena, const char *path)
{
	FILE *file = fopen(path, "rb");
	ck_assert_msg(file != NULL, "%s", path);
	char *bytes = arena_alloc(arena, FILE_BYTES_MAX);
	size_t n = fread(bytes, 1, FILE_BYTES_MAX, file);
	fclose(file);
	return (struct str){bytes, n};
}

static void each_file(const char *folder, void (*visit)(struct str text, const char *name), size_t least)
{
	struct dirent **entries;
	int count = scandir(folder, &entries, NULL, alphasort);
	size_t visited = 0;
	for (int i = 0; i < count; i++) {
		auto_arena arena = {0};
		const char *name = entries[i]->d_name;
		if (str_ends(str_of(name), STR(".yaml"))) {
			visit(read_file(&arena, arena_printf(&arena, "%s/%s", folder, name).p), name);
			visited++;
		}
		free(entries[i]);
	}
	free(entries);
	ck_assert_msg(visited >= least, "%zu files in %s", visited, folder);
}

static void check_good(struct str text, const char *name)
{
	auto_loaded l;
	ck_assert_msg(load(&l, text), "%s:\n%.*s", name, STR_ARG(l.text));
}

static void check_bad(struct str text, const char *name)
{
	auto_loaded l;
	auto_arena arena = {0};
	struct str line, expected = {NULL, 0};
	for (struct str rest = text; str_cut(&rest, '\n', &line);)
		if (str_starts(line, STR("# error: ")))
			expected = arena_printf(&arena, "%.*s%.*s\n", STR_ARG(expected), STR_ARG(str_skip(line, 9)));
	ck_assert_msg(!load(&l, text), "%s loads", name);
	ck_assert_msg(
		str_eq(expected, l.text), "%s\nexpected:\n%.*sgot:\n%.*s", name, STR_ARG(expected), STR_ARG(l.text));
	ck_assert_ptr_null(l.configuration);
}

START_TEST(good_files_load)
{
	each_file(CORPUS "good", check_good, 3);
}
END_TEST

START_TEST(bad_files_say_why)
{
	each_file(CORPUS "bad", check_bad, 70);
}
END_TEST

START_TEST(committed_pages_are_current)
{
	auto_arena arena = {0};
	auto_free char *schema = configuration_schema_json(), *reference = configuration_reference_markdown();
	struct str committed = read_file(&arena, SOURCE_DIR "/pipelines/configuration.schema.json");
	struct str page = read_file(&arena, SOURCE_DIR "/docs/configuration-service.md");
	size_t at;
	ck_assert_msg(str_is(committed, schema), "run scripts/print-language");
	ck_assert_msg(str_find(page, str_of(reference), &at), "run scripts/print-language");
}
END_TEST

START_TEST(the_tree_has_what_the_file_says)
{
	auto_loaded l;
	auto_arena arena = {0};
	ck_assert(load(&l, read_file(&arena, CORPUS "good/whole.yaml")));
	const struct configuration *all = l.configuration;
	const struct configuration_environment *prod = configuration_environment(all, STR("prod"));
	ck_assert_ptr_nonnull(prod);
	ck_assert_int_eq(prod->lane.value, CONFIGURATION_LANE_FIFO);
	ck_assert(prod->variables.items[1].value.text.n == 0); /* an empty value is one */
	ck_assert(LANG_IS_SET(prod->windows.items[1].deny) && !LANG_IS_SET(prod->windows.items[1].reason));
	ck_assert_int_eq(prod->floor.bake.ms, 600000);
	ck_assert_int_eq(prod->floor.gate.approvals.value, 2);
	ck_assert(str_is(prod->floor.gate.require.items[0].name.text, "release"));
	ck_assert(str_is(prod->checks.items[1].needs.items[0].text, "smoke"));
	const struct configuration_target *canary = configuration_environment_target(prod, STR("eu-canary"));
	ck_assert(canary->exclusive.value && canary->wave.value == 1 && canary->windows.count == 1);
	ck_assert_ptr_null(configuration_environment_target(prod, STR("eu")));
	ck_assert_ptr_eq(configuration_tier_of(all, prod), configuration_tier(all, STR("production")));
	ck_assert_ptr_null(configuration_tier_of(all, configuration_environment(all, STR("dev"))));
	const struct configuration_alarm *errors = configuration_alarm(all, STR("web-5xx"));
	ck_assert(errors->above.value == 0.0005 && errors->firing_for.ms == 60000 && !LANG_IS_SET(errors->below));
	ck_assert(configuration_alarm(all, STR("cold"))->below.value == -15);
	ck_assert(str_is(configuration_repository(configuration_service(all, STR("api"))), "api"));
	ck_assert(str_is(configuration_repository(configuration_service(all, STR("docs"))), "Handbook.site"));
	ck_assert(str_is(configuration_group(all, STR("release"))->members.items[0].text, "eve"));
	ck_assert(LANG_IS_SET(configuration_group(all, STR("engineers"))->members));
	ck_assert(str_is(configuration_pin(all, STR("web"), STR("prod"))->version.text, "v1.2"));
	ck_assert_ptr_null(configuration_pin(all, STR("web"), STR("dev")));
}
END_TEST

START_TEST(an_empty_text_is_the_empty_configuration)
{
	auto_loaded l;
	ck_assert(load(&l, STR("")));
	ck_assert(!LANG_IS_SET(l.configuration->groups) && l.configuration->environments.count == 0);
	ck_assert_ptr_null(configuration_environment(l.configuration, STR("prod")));
}
END_TEST

START_TEST(an_empty_text_is_not_given)
{
	static const char *const texts[] = {"", " \n\t\n", "# what was here\n", "---\n# nothing\n"};
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		auto_arena arena = {0};
		struct lang_errors errors = {.arena = &arena};
		const struct configuration *made = NULL;
		ck_assert(!configuration_load_given(str_of(texts[i]), "x", &arena, &made, &errors));
		ck_assert_uint_eq(errors.count, 1);
		ck_assert(str_starts(lang_error_text(&errors.items[0], &arena), STR("x:1:1: the document is empty")));
		ck_assert(configuration_load_given(STR("environments: {}"), "x", &arena, &made, &errors));
	}
}
END_TEST

static const struct {
	const char *gate, *warning; /* "": none */
} gates[] = {
	{"{ approvals: 2, groups: [release] }", ""},
	{"{ approvals: 3, groups: [release] }",
		"the floor of prod: nobody can open the gate in line 2: it takes 3 of release, and there are rita, rob"},
	{"{ approvals: 3, groups: [release, qa] }", /* who is in both counts once */
		"the floor of prod: nobody can open the gate in line 2: it takes 3 of release or qa, and there are rita, rob"},
	{"{ approvals: 3, groups: [release, ops] }", ""},
	{"{ groups: [nobody] }",
		"the floor of prod: nobody can open the gate in line 2: it takes 1 of nobody, and there are none"},
	{"{ approvals: 2, groups: [release, qa], require: { qa: 2 } }",
		"the floor of prod: nobody can open the gate in line 2: it takes 2 of qa, and there is rita"},
	{"{ approvals: 9 }", ""}, /* whoever has the role */
};

START_TEST(a_gate_that_the_groups_cannot_open_is_told)
{
	auto_loaded l, bare;
	struct arena *arena = &l.arena;
	static char text[400];
	snprintf(text, sizeof text,
		"groups: { release: [rita, rob], qa: [rita], ops: [olga], nobody: [] }\n"
		"environments: { prod: { floor: { gate: %s }, targets: { a: {} } } }\n",
		gates[_i].gate);
	ck_assert_msg(load(&l, str_of(text)), "%s", text);
	struct str_list warnings = configuration_warnings(l.configuration, arena);
	ck_assert_uint_eq(warnings.count, gates[_i].warning[0] != 0);
	if (warnings.count)
		ck_assert_str_eq(arena_str(arena, warnings.items[0]).p, gates[_i].warning);
	/* groups that the document leaves alone are not known */
	ck_assert(load(&bare, STR("environments: { prod: { floor: { gate: { approvals: 3, groups: [release] } } } }")));
	ck_assert_uint_eq(configuration_warnings(bare.configuration, arena).count, 0);
}
END_TEST

static const struct {
	const char *globs; /* comma-separated; NULL: the key is absent */
	const char *name;
	bool fits;
} fits[] = {
	{NULL, "prod", true},                               /* says nothing: all */
	{"prod", "prod", true},                             /* a name */
	{"prod", "prod-eu", false},                         /* the whole name counts */
	{"*", "sandbox/ann", true},                         /* a lone star is all, whatever its parts */
	{"sandbox/*", "sandbox/ann", true},                 /* a glob */
	{"s*", "sandbox/ann", false},                       /* a star within a glob stays in its part */
	{"!prod", "dev", true},                             /* only exceptions: from all */
	{"!prod", "prod", false},                           /* ... and that is one */
	{"*,!prod", "prod", false},                         /* the last that matches decides */
	{"*,!sandbox/**,sandbox/ann", "sandbox/ann", true}, /* ... in both directions */
	{"*,!sandbox/**,sandbox/ann", "sandbox/bob", false},
};

START_TEST(globs_fit)
{
	auto_arena arena = {0};
	struct lang_texts globs = {0};
	struct str rest = str_of(fits[_i].globs), part;
	while (str_cut(&rest, ',', &part)) {
		globs.at.line = 1;
		globs.items = arena_grow(&arena, globs.items, sizeof *globs.items, globs.count);
		globs.items[globs.count++] = (struct lang_text){.text = part};
	}
	ck_assert_int_eq(configuration_fits(&globs, str_of(fits[_i].name)), fits[_i].fits);
}
END_TEST

/* JSON is YAML: what the document says, written out, is a document that says the same. */
START_TEST(what_it_says_is_a_document)
{
	auto_arena arena = {0};
	auto_loaded first, second;
	ck_assert(load(&first, read_file(&arena, CORPUS "good/whole.yaml")));
	json_t *said = configuration_describe(first.configuration);
	auto_free char *text = json_dumps(said, 0);
	ck_assert_msg(load(&second, str_of(text)), "%s\n%.*s", text, STR_ARG(second.text));
	json_t *changes = configuration_diff(first.configuration, second.configuration);
	ck_assert_uint_eq(json_array_size(changes), 0);
	/* A list without entries says nothing, and a block with nothing in it does not either: the rest is all there.
	 */
	ck_assert_str_eq(
		json_string_value(json_object_get(json_object_get(json_object_get(said, "grants"), "hotfix"), "bake")),
		"10m");
	json_decref(changes);
	json_decref(said);
}
END_TEST

static const struct {
	const char *before, *after;
	const char *changes; /* a line each: path before -> after */
} diffs[] = {
	/* layout, quotes, order and comments are no difference */
	{"groups: { a: [x], b: [y] }", "# new\ngroups:\n  b: y\n  a: ['x'] # first\n", ""},
	{"environments: { a: { variables: { X: '1' } } }", "environments: { a: { variables: { X: '2', Y: '3' } } }",
		"environments.a.variables.X \"1\" -> \"2\"\nenvironments.a.variables.Y null -> \"3\"\n"},
	{"environments: { a: , b: { order: 1 } }", "environments: { a: }",
		"environments.b {\"order\":1} -> null\n"}, /* what goes is shown whole */
	{"groups: { a: [x, y] }", "groups: { a: [y, x] }",
		"groups.a [\"x\",\"y\"] -> [\"y\",\"x\"]\n"}, /* a list is one value */
	{"environments: { a: { floor: { bake: 60m } } }", "environments: { a: { floor: { bake: 1h } } }",
		""}, /* the same time */
	{"", "environments: { a: }", "environments null -> {\"a\":{}}\n"},
};

START_TEST(differences_are_of_meaning)
{
	auto_arena arena = {0};
	auto_loaded before, after;
	ck_assert(load(&before, str_of(diffs[_i].before)) && load(&after, str_of(diffs[_i].after)));
	json_t *changes = configuration_diff(before.configuration, after.configuration), *item;
	struct str got = {NULL, 0};
	size_t i;
	json_array_foreach(changes, i, item)
	{
		auto_free char *old = json_dumps(json_object_get(item, "before"), JSON_ENCODE_ANY | JSON_COMPACT);
		auto_free char *new = json_dumps(json_object_get(item, "after"), JSON_ENCODE_ANY | JSON_COMPACT);
		got = arena_printf(&arena, "%.*s%s %s -> %s\n", STR_ARG(got),
			json_string_value(json_object_get(item, "path")), old, new);
	}
	ck_assert_msg(str_is(got, diffs[_i].changes), "%.*s", STR_ARG(got));
	json_decref(changes);
}
END_TEST

/* What the guide shows works as it is written. */
START_TEST(examples_of_the_guide_load)
{
	auto_arena arena = {0};
	struct str rest = read_file(&arena, SOURCE_DIR "/docs/configuration-service.md");
	size_t at, examples = 0;
	for (; str_find(rest, STR("\n```yaml\n"), &at); examples++) {
		auto_loaded l;
		rest = str_skip(rest, at + 9);
		ck_assert(str_find(rest, STR("\n```\n"), &at));
		ck_assert_msg(load(&l, str_head(rest, at + 1)), "%.*s\n%.*s", (int)at, rest.p, STR_ARG(l.text));
		rest = str_skip(rest, at);
	}
	ck_assert_uint_ge(examples, 3);
}
END_TEST

/* A thousand environments after each other, and back: nothing here may be of the third order. */
START_TEST(a_long_circle_is_quick)
{
	auto_loaded l;
	auto_buf text = BUF_INIT(FILE_BYTES_MAX);
	buf_add_c(&text, "environments:\n");
	for (int i = 0; i < 1000; i++)
		buf_addf(&text, "  e%d: { floor: { after: e%d } }\n", i, (i + 999) % 1000);
	ck_assert(!load(&l, buf_str(&text)));
	ck_assert_uint_eq(l.errors.count, 1);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("configuration");
	TCase *cases = tcase_create("configuration");
	tcase_set_timeout(cases, 30);
	tcase_add_test(cases, good_files_load);
	tcase_add_test(cases, bad_files_say_why);
	tcase_add_test(cases, committed_pages_are_current);
	tcase_add_test(cases, the_tree_has_what_the_file_says);
	tcase_add_test(cases, an_empty_text_is_the_empty_configuration);
	tcase_add_test(cases, an_empty_text_is_not_given);
	tcase_add_loop_test(cases, a_gate_that_the_groups_cannot_open_is_told, 0, sizeof gates / sizeof *gates);
	tcase_add_loop_test(cases, globs_fit, 0, COUNT_OF(fits));
	tcase_add_test(cases, what_it_says_is_a_document);
	tcase_add_loop_test(cases, differences_are_of_meaning, 0, COUNT_OF(diffs));
	tcase_add_test(cases, examples_of_the_guide_load);
	tcase_add_test(cases, a_long_circle_is_quick);
	suite_add_tcase(suite, cases);
	return suite_run(suite);
}
