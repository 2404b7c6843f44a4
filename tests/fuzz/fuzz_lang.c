// links: penstock_engine penstock_lang
// seeds: tests/corpus/lang pipelines
// max_len: 8192
/*
 * YAML, the pipeline language and the planner: the input is a pipeline file. A tree that was read is the same when it
 * is printed and read again; whatever is refused is refused with errors that stand inside the file and can be shown; a
 * plan is the same when it is stored and read back.
 */
#include "common/buf.h"
#include "common/lang/lang.h"
#include "common/lang/templates.h"
#include "common/yaml.h"
#include "server/engine/plan_print.h"
#include "server/engine/planner.h"
#include "tests/fuzz/fuzz.h"

enum { PRINTED_MAX = 2 * YAML_BYTES_MAX };

/* --- YAML --- */

static void print_text(struct buf *to, struct str text)
{
	buf_add_char(to, '"');
	for (size_t i = 0; i < text.n; i++) {
		unsigned char c = (unsigned char)text.p[i];
		if (c < ' ' || c == '"' || c == '\\')
			buf_addf(to, "\\x%02x", c);
		else
			buf_add_char(to, (char)c);
	}
	buf_add_char(to, '"');
}

/* In flow style: on one line, every text in quotes. */
static void print_node(struct buf *to, const struct yaml_node *node)
{
	if (node->kind == YAML_TEXT) {
		print_text(to, node->text);
		return;
	}
	bool is_map = node->kind == YAML_MAP;
	buf_add_char(to, is_map ? '{' : '[');
	for (size_t i = 0; i < node->count; i++) {
		buf_add_c(to, i ? ", " : "");
		if (is_map) {
			/* "? " because a key in front of a ":" may not be longer than 1024 bytes. */
			buf_add_c(to, "? ");
			print_text(to, node->keys[i]->text);
			buf_add_c(to, " : ");
		}
		print_node(to, node->items[i]);
	}
	buf_add_char(to, is_map ? '}' : ']');
}

static void check_same(const struct yaml_node *a, const struct yaml_node *b)
{
	BUG_ON(a->kind != b->kind || a->count != b->count || !str_eq(a->text, b->text));
	for (size_t i = 0; i < a->count; i++) {
		if (a->kind == YAML_MAP)
			BUG_ON(!str_eq(a->keys[i]->text, b->keys[i]->text));
		check_same(a->items[i], b->items[i]);
	}
}

static void check_bounds(const struct yaml_node *node, int32_t lines)
{
	BUG_ON(node->line < 1 || node->line > lines || node->column < 1);
	BUG_ON(node->height > YAML_DEPTH_MAX || node->expanded > YAML_NODES_MAX);
	for (size_t i = 0; i < node->count; i++)
		check_bounds(node->items[i], lines);
}

static int32_t count_lines(struct str text)
{
	int32_t lines = 1;
	for (size_t i = 0; i < text.n; i++)
		lines += text.p[i] == '\n';
	return lines;
}

static void try_yaml(struct str text)
{
	auto_arena arena = {0};
	auto_buf printed = BUF_INIT(PRINTED_MAX);
	struct yaml_faults faults = {0};
	const struct yaml_node *root = NULL, *again = NULL;
	int32_t lines = count_lines(text);
	if (!yaml_read(text, &arena, &root, &faults))
		BUG_ON(faults.count == 0);
	for (size_t i = 0; i < faults.count; i++)
		BUG_ON(faults.items[i].line < 1 || faults.items[i].line > lines + 1 || faults.items[i].column < 1);
	if (!root)
		return;
	check_bounds(root, lines + 1);
	print_node(&printed, root);
	if (printed.is_full || printed.n > YAML_BYTES_MAX || !str_is_utf8(buf_str(&printed)))
		return;
	faults = (struct yaml_faults){0};
	if (!yaml_read(buf_str(&printed), &arena, &again, &faults) || faults.count)
		BUG("%s: %.*s", buf_c(&printed), STR_ARG(faults.items[0].message));
	check_same(root, again);
}

/* --- the language --- */

static bool load(void *arg, struct str name, struct str version, struct arena *arena, struct str *ret_text,
	const char **ret_file, struct err *err)
{
	(void)arg, (void)arena;
	if (!str_is(name, "base") || version.n)
		return lang_template(name, version, ret_text, ret_file, err);
	*ret_text = STR("name: base\nenv: { A: b }\nstages:\n  - name: test\n    jobs:\n      unit:\n"
			"        steps: [ { run: make } ]\n");
	*ret_file = ".penstock/base.yaml";
	return true;
}

/* A person's terminal gets it. */
static void check_shown(struct str text)
{
	BUG_ON(!str_is_utf8(text));
	while (text.n) {
		uint32_t c = str_next_char(&text);
		BUG_ON((c < ' ' && c != '\n') || (c >= 0x7f && c < 0xa0));
	}
}

static void check_errors(const struct lang_errors *errors)
{
	auto_arena arena = {0};
	BUG_ON(errors->count == 0 || errors->count > LANG_ERRORS_MAX);
	for (size_t i = 0; i < errors->count; i++) {
		const struct lang_error *error = &errors->items[i];
		BUG_ON(error->at.line < 0 || error->at.column < 0 || error->message.n == 0);
		check_shown(lang_error_text(error, &arena));
	}
	json_auto_t *list = json_array();
	lang_errors_describe(errors, list);
	BUG_ON(json_array_size(list) < errors->count);
}

/* --- plans --- */

static bool find_environment(void *arg, struct str name, struct str pipeline, struct str ref, struct arena *arena,
	struct plan_environment *ret, struct err *err)
{
	static struct plan_target targets[] = {{.name = {"eu-1", 4}, .wave = 1}, {.name = {"us-1", 4}, .wave = 2}};
	(void)arg, (void)pipeline, (void)ref;
	if (!str_is(name, "prod") && !str_is(name, "qa"))
		return err_set(err, ERR_NOT_FOUND, "there is no environment \"%.*s\"", STR_ARG(name));
	*ret = (struct plan_environment){.name = name, .tier = name, .targets = targets, .target_count = 2};
	pair_set(&ret->variables, arena, STR("registry"), STR("reg.example.org"));
	return true;
}

#define COMMIT "0123456789abcdef0123456789abcdef01234567"
#define BEFORE "76543210fedcba9876543210fedcba9876543210"

/* One of every kind of event; which of them, the input's length says. */
static struct plan_context context_of(size_t choice, struct str *paths)
{
	static const enum plan_event events[] = {PLAN_EVENT_PUSH, PLAN_EVENT_TAG, PLAN_EVENT_PULL_REQUEST,
		PLAN_EVENT_PULL_REQUEST, PLAN_EVENT_MANUAL, PLAN_EVENT_SCHEDULE};
	size_t kind = choice % (sizeof events / sizeof events[0]);
	struct plan_context context = {
		.event = events[kind],
		.ref = STR("refs/heads/main"),
		.branch = STR("main"),
		.commit = STR(COMMIT),
		.before = STR(BEFORE),
		.message = STR("Add ${{ a }} thing\n\n\xff"
			       "Because."),
		.author_name = STR("Ann"),
		.actor = STR("ann"),
		.repository = STR("team/web"),
		.default_branch = STR("main"),
		.has_paths = choice % 2,
		.paths = {paths, 2},
		.environment = choice % 4 ? find_environment : NULL,
		.file = ".penstock/ci.yaml",
	};
	if (context.event == PLAN_EVENT_TAG) {
		context.ref = STR("refs/tags/v1.0");
		context.tag = STR("v1.0");
	}
	if (context.event == PLAN_EVENT_PULL_REQUEST) {
		context.ref = STR("refs/pull/7/head");
		context.pr = (struct plan_pull_request){
			7, STR("Thing"), STR("main"), STR("topic"), STR("bob"), .is_fork = kind == 3};
	}
	return context;
}

static void check_plan(const struct plan *plan)
{
	auto_arena arena = {0};
	auto_buf shown = BUF_INIT(64 << 20);
	struct plan again;
	struct err err;
	json_auto_t *json = plan_write(plan);
	if (!plan_read(json, &again, &arena, &err))
		BUG("a plan that cannot be read back: %s", err.text);
	BUG_ON(!str_eq(plan_text(plan, &arena).hash, plan_text(&again, &arena).hash));
	plan_print(plan, false, &shown);
	check_shown(buf_str(&shown));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct lang_loader loader = {NULL, load};
	auto_arena arena = {0};
	struct str text = fuzz_input(data, size), reason = {0};
	struct str paths[] = {STR("src/main.c"), STR("docs/\xc3\xa4.md")};
	struct lang_errors errors = {.arena = &arena};
	const struct pipeline *pipeline = NULL;
	struct plan plan = {0};
	try_yaml(text);
	if (!lang_load(text, ".penstock/ci.yaml", &loader, &arena, &pipeline, &errors)) {
		check_errors(&errors);
		return 0;
	}
	BUG_ON(!pipeline || errors.count);
	struct plan_context context = context_of(size, paths);
	if (!plan_matches(pipeline, &context, &arena, &reason))
		BUG_ON(reason.n == 0 || !str_is_utf8(reason));
	if (plan_make(pipeline, &context, &arena, &plan, &errors))
		check_plan(&plan);
	else
		check_errors(&errors);
	plan_done(&plan);
	return 0;
}
