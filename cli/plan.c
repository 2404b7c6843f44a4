/* penstock plan: what a push of the work tree as it stands would run, planned by the server's own code. */
#include "cli/capture.h"
#include "cli/commands.h"
#include "cli/pipeline_files.h"
#include "cli/print.h"
#include "common/fields.h"
#include "common/json.h"
#include "server/engine/plan_print.h"
#include "server/engine/planner.h"

#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* --- what is known of the work tree --- */

/* "" where git does not know. */
static struct str git(struct arena *arena, const char *a, const char *b, const char *c)
{
	const char *const argv[] = {"git", a, b, c, NULL};
	struct str text = {0};
	struct err ignored;
	return capture(argv, arena, &text, &ignored) ? text : STR("");
}

static struct str last_part(struct str path)
{
	struct str part = {0};
	while (str_cut(&path, '/', &part))
		;
	return str_ends(part, STR(".git")) ? str_head(part, part.n - 4) : part;
}

static struct str repository_name(struct arena *arena)
{
	char here[4096];
	struct str url = git(arena, "remote", "get-url", "origin");
	if (url.n)
		return last_part(url);
	return arena_str(arena, last_part(str_of(getcwd(here, sizeof here))));
}

static struct str default_branch(struct arena *arena)
{
	struct str head = git(arena, "symbolic-ref", "-q", "refs/remotes/origin/HEAD");
	struct str before = STR("refs/remotes/origin/");
	return str_starts(head, before) ? str_skip(head, before.n) : STR("main");
}

static void set_ref(struct cli *cli, struct plan_context *context)
{
	struct str heads = STR("refs/heads/"), tags = STR("refs/tags/");
	struct str ref = str_of(cli_flag(cli, "ref"));
	if (!ref.n)
		ref = git(&cli->arena, "symbolic-ref", "-q", "HEAD");
	if (!ref.n)
		ref = context->default_branch;
	if (!str_starts(ref, STR("refs/")))
		ref = arena_printf(
			&cli->arena, "refs/%s/%.*s", context->event == PLAN_EVENT_TAG ? "tags" : "heads", STR_ARG(ref));
	context->ref = ref;
	if (str_starts(ref, tags))
		context->tag = str_skip(ref, tags.n);
	else if (str_starts(ref, heads) && context->event != PLAN_EVENT_PULL_REQUEST)
		context->branch = str_skip(ref, heads.n);
	if (context->event == PLAN_EVENT_PULL_REQUEST)
		context->pr = (struct plan_pull_request){
			.number = 1,
			.title = context->message,
			.base = context->default_branch,
			.head = str_starts(ref, heads) ? str_skip(ref, heads.n) : ref,
			.author = context->actor,
		};
}

static bool set_inputs(struct cli *cli, struct plan_context *context, struct err *err)
{
	for (const char *const *value = cli_flag_all(cli, "input"); *value; value++) {
		size_t at;
		struct str text = str_of(*value);
		if (!str_find_char(text, '=', &at))
			return err_set(err, ERR_INVALID, "--input %s: expected NAME=VALUE", *value);
		pair_set(&context->inputs, &cli->arena, str_head(text, at), str_skip(text, at + 1));
	}
	return true;
}

static void set_paths(struct cli *cli, struct plan_context *context)
{
	const char *const *paths = cli_flag_all(cli, "changed");
	size_t count = 0;
	while (paths[count])
		count++;
	context->has_paths = count > 0;
	context->paths = (struct str_list){.items = arena_array(&cli->arena, struct str, count + 1), .count = count};
	for (size_t i = 0; i < count; i++)
		context->paths.items[i] = str_of(paths[i]);
}

static bool set_context(struct cli *cli, struct plan_context *context, struct err *err)
{
	static const char nobody[] = "0000000000000000000000000000000000000000";
	struct arena *arena = &cli->arena;
	const char *event = cli_has(cli, "event") ? cli_flag(cli, "event") : "push";
	int number;
	if (!enum_from_name(plan_event_names, str_of(event), &number)) {
		const char *nearest = str_nearest(str_of(event), plan_event_names);
		return err_set(err, ERR_INVALID,
			"--event %s: expected push, tag, pull_request, manual or schedule%s%s%s", event,
			nearest ? "; did you mean " : "", nearest ? nearest : "", nearest ? "?" : "");
	}
	const struct passwd *account = getpwuid(getuid());
	struct str commit = git(arena, "rev-parse", "-q", "HEAD^{commit}");
	*context = (struct plan_context){
		.event = (enum plan_event)number,
		.commit = commit.n ? commit : str_of(nobody),
		.message = git(arena, "log", "-1", "--format=%B"),
		.author_name = git(arena, "log", "-1", "--format=%an"),
		.author_email = git(arena, "log", "-1", "--format=%ae"),
		.actor = arena_str(arena, str_of(account ? account->pw_name : "somebody")),
		.repository = repository_name(arena),
		.default_branch = default_branch(arena),
	};
	set_ref(cli, context);
	set_paths(cli, context);
	return set_inputs(cli, context, err);
}

/* --- planning --- */

struct planning {
	struct cli *cli;
	struct plan_context context;
	json_t *plans, *skipped, *errors;
	bool is_named; /* the one that was asked for is planned whatever its `on` says */
};

static void show_plan(struct planning *planning, const struct plan *plan)
{
	auto_buf text = BUF_INIT(TEXT_MAX);
	if (planning->cli->is_json) {
		json_array_append_new(planning->plans, plan_write(plan));
		return;
	}
	plan_print(plan, planning->cli->has_color, &text);
	fputs(buf_c(&text), stdout);
}

static void show_reason(struct planning *planning, const char *path, struct str reason)
{
	json_array_append_new(planning->skipped, json_pack("{s:s, s:o}", "file", path, "reason", json_of_str(reason)));
	if (!planning->cli->is_json)
		fprintf(stderr, "%s: %.*s\n", path, STR_ARG(reason));
}

static void show_errors(struct planning *planning, const struct lang_errors *errors)
{
	lang_errors_describe(errors, planning->errors);
	if (!planning->cli->is_json)
		pipeline_files_print(errors);
}

static void plan_file(struct planning *planning, const char *path)
{
	struct arena *arena = &planning->cli->arena;
	struct lang_errors errors = {.arena = arena};
	const struct pipeline *pipeline;
	struct str reason = {0};
	struct plan plan;
	if (!pipeline_files_load(path, arena, &pipeline, &errors)) {
		show_errors(planning, &errors);
		return;
	}
	planning->context.file = path;
	if (!plan_matches(pipeline, &planning->context, arena, &reason)) {
		show_reason(planning, path, reason);
		if (!planning->is_named)
			return;
	}
	if (!plan_make(pipeline, &planning->context, arena, &plan, &errors)) {
		show_errors(planning, &errors);
		return;
	}
	show_plan(planning, &plan);
	plan_done(&plan);
}

static bool which_files(struct cli *cli, struct str_list *ret, struct err *err)
{
	const char *name = cli_argument(cli, 0);
	if (!name)
		return pipeline_files_list(&cli->arena, ret, err);
	bool is_path = strchr(name, '/') || str_ends(str_of(name), STR(".yaml"));
	struct str path = is_path ? str_of(name) : arena_printf(&cli->arena, ".penstock/%s.yaml", name);
	if (access(path.p, F_OK) != 0)
		return err_set(err, ERR_NOT_FOUND, "there is no pipeline \"%s\": no file %s", name, path.p);
	*ret = (struct str_list){.items = arena_new(&cli->arena, struct str), .count = 1};
	ret->items[0] = path;
	return true;
}

int command_plan(struct cli *cli, struct err *err)
{
	struct planning planning = {.cli = cli, .is_named = cli->argument_count > 0};
	struct str_list files;
	const char *name = cli_argument(cli, 0);
	bool is_path = name && strchr(name, '/');
	if ((!is_path && !pipeline_files_enter(err)) || !which_files(cli, &files, err) ||
		!set_context(cli, &planning.context, err))
		return CLI_FAILED;
	planning.plans = json_array();
	planning.skipped = json_array();
	planning.errors = json_array();
	for (size_t i = 0; i < files.count; i++)
		plan_file(&planning, files.items[i].p);
	bool is_wrong = json_array_size(planning.errors) > 0;
	json_t *answer = json_pack(
		"{s:o, s:o, s:o}", "plans", planning.plans, "skipped", planning.skipped, "errors", planning.errors);
	if (cli->is_json)
		print_json(answer);
	json_decref(answer);
	return is_wrong ? CLI_RUN_FAILED : CLI_OK;
}
