/* Runs: the list, one of them, and what people do with them. */
#include "cli/api.h"
#include "cli/commands.h"
#include "cli/print.h"
#include "cli/run_follow.h"
#include "cli/run_view.h"
#include "cli/table.h"
#include "cli/which_run.h"
#include "common/json.h"

#include <stdio.h>
#include <string.h>

enum { LIMIT_USUAL = 20, LIMIT_MAX = 200 };

/* --- the list --- */

/* The branch, the tag, or the pull request; and where nobody asked for it, what did. */
static void add_source(struct table *table, const json_t *run)
{
	int64_t pull_request = print_number(run, "pull_request");
	if (pull_request)
		table_addf(table, "#%lld%s", (long long)pull_request,
			json_is_true(json_object_get(run, "is_fork")) ? " (fork)" : "");
	else
		table_addf(table, "%s%s",
			*print_text(run, "branch") ? print_text(run, "branch") : print_text(run, "tag"),
			strcmp(print_text(run, "event"), "schedule") == 0 ? " (schedule)" : "");
}

static void print_runs(struct cli *cli, const json_t *runs)
{
	static const char *const heads[] = {"RUN", "STATE", "PIPELINE", "BRANCH", "TOOK", "CREATED", "TITLE", NULL};
	struct table table;
	size_t i;
	json_t *run;
	table_init(&table, cli, heads);
	json_array_foreach(runs, i, run)
	{
		char ago[PRINT_TIME_BYTES], took[PRINT_TIME_BYTES];
		print_ago(ago, run, "created_at");
		print_took(took, run);
		table_add(&table, print_text(run, "name"));
		table_add_state(&table, print_run_state(run));
		table_add(&table, print_text(run, "pipeline"));
		add_source(&table, run);
		table_add(&table, took);
		table_add(&table, ago);
		table_add(&table, print_text(run, "title"));
	}
	table_print(&table);
	if (table.count == 0)
		puts("no runs; `penstock repo add NAME URL`, then push, or `penstock run NAME PIPELINE`");
}

int command_runs(struct cli *cli, struct err *err)
{
	static const char *const filters[] = {"repository", "pipeline", "branch", "state"};
	struct api api;
	json_t *json;
	int64_t limit = LIMIT_USUAL;
	if (!cli_number(cli, "limit", 1, LIMIT_MAX, &limit, err) || !api_open(cli, &api, err))
		return CLI_FAILED;
	struct str path = arena_printf(api.arena, "/api/v1/runs?limit=%lld", (long long)limit);
	for (size_t i = 0; i < COUNT_OF(filters); i++)
		if (cli_has(cli, filters[i]))
			path = arena_printf(api.arena, "%.*s&%s=%.*s", STR_ARG(path), filters[i],
				STR_ARG(api_quote(str_of(cli_flag(cli, filters[i])), api.arena)));
	if (!api_call(&api, "GET", path, NULL, &json, err))
		return CLI_FAILED;
	if (cli->is_json)
		print_json(json);
	else
		print_runs(cli, json_object_get(json, "runs"));
	json_decref(json);
	return CLI_OK;
}

/* --- one --- */

int command_show(struct cli *cli, struct err *err)
{
	struct api api;
	struct str path;
	json_t *json;
	auto_buf text = BUF_INIT(TEXT_MAX);
	if (!api_open(cli, &api, err) || !which_run(cli, &api, &path, err))
		return CLI_FAILED;
	if (cli_has(cli, "wait"))
		return run_follow(cli, &api, path, err);
	if (!api_call(&api, "GET", path, NULL, &json, err))
		return CLI_FAILED;
	if (cli->is_json) {
		print_json(json);
	} else {
		run_view_write(cli, json, 0, &text);
		fputs(buf_c(&text), stdout);
	}
	json_decref(json);
	return CLI_OK;
}

/* --- doing --- */

/* POST of one verb to the run; a flag of the same name as a field fills it. */
static int act(struct cli *cli, const char *verb, const char *field, const char *told, struct err *err)
{
	struct api api;
	struct str path;
	json_t *run = NULL, *body = json_object();
	if (field && cli_has(cli, field))
		json_object_set_new(body, field, json_string(cli_flag(cli, field)));
	bool ok = api_open(cli, &api, err) && which_run(cli, &api, &path, err) &&
		  api_call(&api, "POST", arena_printf(api.arena, "%.*s/%s", STR_ARG(path), verb), body, &run, err);
	json_decref(body);
	return ok ? run_end_action(cli, &api, run, told, err) : CLI_FAILED;
}

int command_cancel(struct cli *cli, struct err *err)
{
	return act(cli, "cancel", "reason", "is being cancelled", err);
}

int command_retry(struct cli *cli, struct err *err)
{
	return act(cli, "retry", "job", "is tried again", err);
}

int command_rerun(struct cli *cli, struct err *err)
{
	return act(cli, "rerun", NULL, "started", err);
}

static bool read_inputs(struct cli *cli, json_t *inputs, struct err *err)
{
	for (const char *const *value = cli_flag_all(cli, "input"); *value; value++) {
		size_t at;
		struct str text = str_of(*value);
		if (!str_find_char(text, '=', &at))
			return err_set(err, ERR_INVALID, "--input %s: write NAME=VALUE", *value);
		json_object_setn_new(inputs, text.p, at, json_of_str(str_skip(text, at + 1)));
	}
	return true;
}

int command_run(struct cli *cli, struct err *err)
{
	struct api api;
	json_t *run = NULL, *inputs = json_object();
	json_t *body = json_pack("{s:s, s:s, s:o}", "repository", cli_argument(cli, 0), "pipeline",
		cli_argument(cli, 1), "inputs", inputs);
	if (cli_has(cli, "ref"))
		json_object_set_new(body, "ref", json_string(cli_flag(cli, "ref")));
	bool ok = read_inputs(cli, inputs, err) && api_open(cli, &api, err) &&
		  api_call(&api, "POST", STR("/api/v1/runs"), body, &run, err);
	json_decref(body);
	return ok ? run_end_action(cli, &api, run, "started", err) : CLI_FAILED;
}
