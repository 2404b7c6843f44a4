#include "tests/support/planning.h"

#include "common/buf.h"
#include "common/lang/lang.h"

#include <check.h>
#include <stdio.h>

struct arena arena;
struct lang_errors errors;
struct plan plan;

void test_set_up(void)
{
	errors = (struct lang_errors){.arena = &arena};
	plan = (struct plan){0};
}

void test_tear_down(void)
{
	plan_done(&plan);
	arena_done(&arena);
}

struct str test_read_shipped(struct str name)
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
	*ret_text = test_read_shipped(name);
	*ret_file = arena_printf(&arena, "%.*s.yaml", STR_ARG(name)).p;
	return true;
}

/* A file has its pipeline's name. */
static const char *file_of(struct str text)
{
	for (struct str line, rest = text; str_cut(&rest, '\n', &line);)
		if (str_starts(line, STR("name: ")))
			return arena_printf(&arena, ".penstock/%.*s.yaml", STR_ARG(str_skip(line, 6))).p;
	return ".penstock/p.yaml";
}

const struct pipeline *test_parse(struct str text)
{
	static const struct lang_loader loader = {.load = load_shipped};
	const struct pipeline *pipeline = NULL;
	bool is_fine = lang_load(text, file_of(text), &loader, &arena, &pipeline, &errors);
	if (!is_fine)
		ck_abort_msg("%.*s", STR_ARG(lang_error_text(&errors.items[0], &arena)));
	return pipeline;
}

struct plan_context test_push_to(const char *branch)
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

struct plan_context test_pull_request(void)
{
	struct plan_context context = test_push_to("");
	context.event = PLAN_EVENT_PULL_REQUEST;
	context.ref = STR("refs/pull/7/head");
	context.pr = (struct plan_pull_request){.number = 7,
		.title = STR("Thing"),
		.base = STR("main"),
		.head = STR("topic"),
		.author = STR("bob"),
		.is_fork = false};
	return context;
}

void test_make(struct str text, const struct plan_context *context)
{
	bool is_fine = plan_make(test_parse(text), context, &arena, &plan, &errors);
	if (!is_fine)
		ck_abort_msg("%.*s", STR_ARG(lang_error_text(&errors.items[0], &arena)));
}

const struct plan_job *test_job(const char *key)
{
	const struct plan_job *found = plan_find_job(&plan, str_of(key), NULL);
	ck_assert_msg(found != NULL, "no job %s", key);
	return found;
}

struct str test_joined(const struct str_list *list)
{
	struct str text = STR("");
	for (size_t i = 0; i < list->count; i++)
		text = arena_printf(&arena, "%.*s%s%.*s", STR_ARG(text), i ? " " : "", STR_ARG(list->items[i]));
	return text;
}

struct str test_keys(void)
{
	struct str_list list = {0};
	for (size_t i = 0; i < plan.stage_count; i++) {
		for (size_t j = 0; j < plan.stages[i].job_count; j++) {
			list.items = arena_grow(&arena, list.items, sizeof *list.items, list.count);
			list.items[list.count++] = plan.stages[i].jobs[j].key;
		}
	}
	return test_joined(&list);
}

bool test_find_environment(void *arg, struct str name, struct str pipeline, struct str ref, struct arena *to,
	struct plan_environment *ret, struct err *err)
{
	(void)arg, (void)pipeline, (void)ref;
	if (!str_is(name, "sandbox/ann") && !str_is(name, "prod"))
		return err_set(err, ERR_NOT_FOUND, "there is no environment \"%.*s\"", STR_ARG(name));
	*ret = (struct plan_environment){.name = name, .tier = str_is(name, "prod") ? STR("prod") : STR("sandbox")};
	pair_set(&ret->variables, to, STR("registry"), STR("reg.example.org"));
	return true;
}
