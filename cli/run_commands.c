/* Runs: lists, one, logs, and what people do with them. */
#include "cli/api.h"
#include "cli/commands.h"
#include "cli/print.h"
#include "common/clock.h"
#include "common/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *text_of(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));
	return text ? text : "";
}

/* --- times --- */

static int64_t time_of(const json_t *object, const char *name)
{
	int64_t when = 0;
	clock_parse(str_of(text_of(object, name)), &when);
	return when;
}

static void print_ago(char *to, size_t n, int64_t when_us)
{
	int64_t seconds = (clock_wall_us() - when_us) / US_PER_SECOND;
	if (seconds < 60)
		snprintf(to, n, "%llds ago", (long long)seconds);
	else if (seconds < 3600)
		snprintf(to, n, "%lldm ago", (long long)seconds / 60);
	else if (seconds < 86400)
		snprintf(to, n, "%lldh ago", (long long)seconds / 3600);
	else
		snprintf(to, n, "%lldd ago", (long long)seconds / 86400);
}

static void print_took(char *to, size_t n, const json_t *object)
{
	int64_t start = time_of(object, "started_at"), end = time_of(object, "ended_at");
	double seconds = start ? (double)((end ? end : clock_wall_us()) - start) / 1e6 : 0;
	if (start == 0)
		snprintf(to, n, "-");
	else if (seconds < 60)
		snprintf(to, n, "%.1fs", seconds);
	else
		snprintf(to, n, "%dm%02ds", (int)seconds / 60, (int)seconds % 60);
}

/* --- which run --- */

static bool find_latest(const struct api *api, struct str *ret, struct err *err)
{
	json_t *json;
	if (!api_call(api, "GET", STR("/api/v1/runs?limit=1"), NULL, &json, err))
		return false;
	const json_t *run = json_array_get(json_object_get(json, "runs"), 0);
	bool ok = run != NULL;
	if (ok)
		*ret = arena_str(api->arena, str_of(text_of(run, "name")));
	json_decref(json);
	return ok || err_set(err, ERR_NOT_FOUND, "there are no runs yet");
}

/* 42 is web#42 where web is the only repository; otherwise it stays, and is an id. */
static bool find_number(const struct api *api, struct str *io_name, struct err *err)
{
	json_t *json;
	if (!api_call(api, "GET", STR("/api/v1/repositories"), NULL, &json, err))
		return false;
	const json_t *all = json_object_get(json, "repositories");
	if (json_array_size(all) == 1)
		*io_name =
			arena_printf(api->arena, "%s#%.*s", text_of(json_array_get(all, 0), "name"), STR_ARG(*io_name));
	json_decref(json);
	return true;
}

/* "web#42", "latest", an id, or nothing for the latest. */
static bool find_run(struct cli *cli, const struct api *api, struct str *ret_path, struct err *err)
{
	struct str name = cli->argument_count ? str_of(cli_argument(cli, 0)) : STR("latest");
	int64_t number;
	if (str_is(name, "latest") && !find_latest(api, &name, err))
		return false;
	if (str_to_i64(name, &number) && !find_number(api, &name, err))
		return false;
	*ret_path = arena_printf(api->arena, "/api/v1/runs/%.*s", STR_ARG(api_quote(name, api->arena)));
	return true;
}

/* --- showing one --- */

static int outcome_of(const json_t *run)
{
	const char *state = text_of(run, "state");
	if (strcmp(state, "waiting") == 0)
		return CLI_WAITING;
	bool is_bad = strcmp(state, "failed") == 0 || strcmp(state, "cancelled") == 0 ||
		      strcmp(state, "superseded") == 0 || strcmp(state, "rolled_back") == 0;
	return is_bad ? CLI_RUN_FAILED : CLI_OK;
}

static void print_state(const struct cli *cli, const char *state, int width)
{
	printf("%s%-*s%s", print_colour(cli, state), width, state, print_plain(cli));
}

static void print_gate(const json_t *gate)
{
	if (!json_is_object(gate))
		return;
	printf("    gate %s: %d of %d approvals, by %s\n", text_of(gate, "state"),
		(int)json_integer_value(json_object_get(gate, "approved")),
		(int)json_integer_value(json_object_get(gate, "approvals")), text_of(gate, "who_may"));
	size_t i;
	json_t *decision;
	json_array_foreach(json_object_get(gate, "decisions"), i, decision)
		printf("      %s: %s%s%s\n", text_of(decision, "account"), text_of(decision, "verdict"),
			text_of(decision, "comment")[0] ? ": " : "", text_of(decision, "comment"));
}

static void print_job(const struct cli *cli, const json_t *job)
{
	char took[32];
	print_took(took, sizeof took, job);
	printf("    ");
	print_state(cli, text_of(job, "state"), 10);
	printf(" %-32s %8s  %s\n", text_of(job, "key"), took, text_of(job, "message"));
}

static void print_run(const struct cli *cli, const json_t *whole)
{
	const json_t *run = json_object_get(whole, "run");
	char took[32];
	print_took(took, sizeof took, run);
	printf("%s  ", text_of(run, "name"));
	print_state(cli, text_of(run, "state"), 0);
	printf("  %s  %.10s  %s  (%s, %s)\n", text_of(run, "pipeline"), text_of(run, "commit"), text_of(run, "title"),
		text_of(run, "actor"), took);
	if (text_of(run, "reason")[0])
		printf("  %s\n", text_of(run, "reason"));
	if (text_of(run, "waiting_for")[0])
		printf("  waits for %s\n", text_of(run, "waiting_for"));
	size_t i, j;
	json_t *item, *job;
	json_array_foreach(json_object_get(whole, "errors"), i, item) printf("  %s:%d:%d: %s\n", text_of(item, "file"),
		(int)json_integer_value(json_object_get(item, "line")),
		(int)json_integer_value(json_object_get(item, "column")), text_of(item, "message"));
	json_array_foreach(json_object_get(whole, "refusals"), i, item)
		printf("  not run: %s\n", json_string_value(item));
	json_array_foreach(json_object_get(whole, "stages"), i, item)
	{
		printf("  ");
		print_state(cli, text_of(item, "state"), 10);
		printf("   %s%s%s\n", text_of(item, "name"), text_of(item, "reason")[0] ? ": " : "",
			text_of(item, "reason"));
		print_gate(json_object_get(item, "gate"));
		json_array_foreach(json_object_get(item, "jobs"), j, job) print_job(cli, job);
	}
}

/* --- following one --- */

struct follow {
	const struct cli *cli;
	json_t *states; /* key of a job or name of a stage: state, as last printed */
	int code;
};

static void print_change(struct follow *follow, const char *kind, const json_t *object, const char *name)
{
	const char *state = text_of(object, "state");
	char key[300];
	snprintf(key, sizeof key, "%s %s", kind, name);
	const char *before = json_string_value(json_object_get(follow->states, key));
	if (before && strcmp(before, state) == 0)
		return;
	json_object_set_new(follow->states, key, json_string(state));
	if (follow->cli->is_json || strcmp(state, "blocked") == 0)
		return;
	print_state(follow->cli, state, 10);
	const char *why = text_of(object, "message")[0] ? text_of(object, "message") : text_of(object, "reason");
	if (strcmp(state, "succeeded") == 0 && strcmp(why, "exit") == 0)
		why = "";
	printf(" %-5s %s%s%s\n", kind, name, why[0] ? ": " : "", why);
	fflush(stdout);
}

static void print_stage_changes(struct follow *follow, const json_t *stage)
{
	size_t i;
	json_t *job;
	print_change(follow, "stage", stage, text_of(stage, "name"));
	json_array_foreach(json_object_get(stage, "jobs"), i, job)
		print_change(follow, "job", job, text_of(job, "key"));
}

static bool run_event(void *arg, struct str name, const json_t *data)
{
	struct follow *follow = arg;
	size_t i;
	json_t *item;
	(void)name;
	const json_t *run = json_object_get(data, "run");
	json_array_foreach(json_object_get(data, "stages"), i, item) print_stage_changes(follow, item);
	json_array_foreach(json_object_get(data, "jobs"), i, item)
		print_change(follow, "job", item, text_of(item, "key"));
	print_change(follow, "run", run, text_of(run, "name"));
	const char *state = text_of(run, "state");
	follow->code = outcome_of(run);
	return strcmp(state, "pending") == 0 || strcmp(state, "running") == 0;
}

static int follow_run(struct cli *cli, const struct api *api, struct str path, struct err *err)
{
	struct follow follow = {.cli = cli, .states = json_object()};
	json_t *json;
	bool ok = api_follow(api, arena_printf(api->arena, "%.*s/events", STR_ARG(path)), run_event, &follow, err);
	json_decref(follow.states);
	if (!ok)
		return CLI_FAILED;
	if (cli->is_json && api_call(api, "GET", path, NULL, &json, err)) {
		print_json(json);
		json_decref(json);
	}
	return follow.code;
}

int command_show(struct cli *cli, struct err *err)
{
	struct api api;
	struct str path;
	json_t *json;
	if (!api_open(cli, &api, err) || !find_run(cli, &api, &path, err))
		return CLI_FAILED;
	if (cli_has(cli, "wait"))
		return follow_run(cli, &api, path, err);
	if (!api_call(&api, "GET", path, NULL, &json, err))
		return CLI_FAILED;
	if (cli->is_json)
		print_json(json);
	else
		print_run(cli, json);
	json_decref(json);
	return CLI_OK;
}

/* --- the list --- */

int command_runs(struct cli *cli, struct err *err)
{
	static const char *const filters[] = {"repository", "pipeline", "branch", "state"};
	struct api api;
	json_t *json, *run;
	size_t i;
	if (!api_open(cli, &api, err))
		return CLI_FAILED;
	const char *limit = cli_flag(cli, "limit");
	struct str path = arena_printf(
		api.arena, "/api/v1/runs?limit=%.*s", STR_ARG(api_quote(str_of(limit ? limit : "20"), api.arena)));
	for (i = 0; i < sizeof filters / sizeof filters[0]; i++)
		if (cli_has(cli, filters[i]))
			path = arena_printf(api.arena, "%.*s&%s=%.*s", STR_ARG(path), filters[i],
				STR_ARG(api_quote(str_of(cli_flag(cli, filters[i])), api.arena)));
	if (!api_call(&api, "GET", path, NULL, &json, err))
		return CLI_FAILED;
	if (cli->is_json)
		print_json(json);
	else if (json_array_size(json_object_get(json, "runs")) == 0)
		puts("no runs; `penstock repo add NAME URL`, then push, or `penstock run NAME PIPELINE`");
	json_array_foreach(cli->is_json ? NULL : json_object_get(json, "runs"), i, run)
	{
		char ago[32], took[32];
		print_ago(ago, sizeof ago, time_of(run, "created_at"));
		print_took(took, sizeof took, run);
		printf("%-16s ", text_of(run, "name"));
		print_state(cli, text_of(run, "state"), 10);
		printf(" %-12s %-16.16s %8s %9s  %.60s\n", text_of(run, "pipeline"),
			text_of(run, "branch")[0] ? text_of(run, "branch") : text_of(run, "tag"), took, ago,
			text_of(run, "title"));
	}
	json_decref(json);
	return CLI_OK;
}

/* --- logs --- */

static bool print_piece(void *arg, struct str bytes)
{
	(void)arg;
	return fwrite(bytes.p, 1, bytes.n, stdout) == bytes.n;
}

static bool print_lines(void *arg, struct str name, const json_t *data)
{
	size_t i;
	json_t *line;
	(void)arg;
	json_array_foreach(json_object_get(data, "lines"), i, line)
	{
		fwrite(json_string_value(line), 1, json_string_length(line), stdout);
		putchar('\n');
	}
	fflush(stdout);
	return !str_is(name, "end");
}

static bool print_log(struct cli *cli, const struct api *api, const json_t *job, bool has_title, struct err *err)
{
	long long id = json_integer_value(json_object_get(job, "id"));
	const char *attempt = cli_flag(cli, "attempt"), *from = cli_flag(cli, "from"), *lines = cli_flag(cli, "lines");
	struct str query = arena_printf(api->arena, "?from=%s%s%s%s%s", from ? from : "1", lines ? "&lines=" : "",
		lines ? lines : "", attempt ? "&attempt=" : "", attempt ? attempt : "");
	if (has_title) {
		printf("--- %s (", text_of(job, "key"));
		print_state(cli, text_of(job, "state"), 0);
		puts(")");
		fflush(stdout);
	}
	if (cli_has(cli, "follow"))
		return api_follow(api, arena_printf(api->arena, "/api/v1/jobs/%lld/log/stream%.*s", id, STR_ARG(query)),
			print_lines, NULL, err);
	return api_read(
		api, arena_printf(api->arena, "/api/v1/jobs/%lld/log%.*s", id, STR_ARG(query)), print_piece, NULL, err);
}

static bool is_wanted(const json_t *job, const char *name)
{
	return !name || strcmp(text_of(job, "key"), name) == 0 || strcmp(text_of(job, "name"), name) == 0;
}

static bool print_logs(struct cli *cli, const struct api *api, const json_t *whole, struct err *err)
{
	const char *name = cli_argument(cli, 1);
	size_t i, j, count = 0;
	json_t *stage, *job;
	json_array_foreach(json_object_get(whole, "stages"), i, stage)
		json_array_foreach(json_object_get(stage, "jobs"), j, job)
	{
		if (!is_wanted(job, name))
			continue;
		count++;
		if (!print_log(cli, api, job, !name, err))
			return false;
	}
	return count || !name ||
	       err_set(err, ERR_NOT_FOUND, "the run has no job \"%s\"; `penstock show` lists them", name);
}

int command_logs(struct cli *cli, struct err *err)
{
	struct api api;
	struct str path;
	json_t *json;
	if (!api_open(cli, &api, err) || !find_run(cli, &api, &path, err) ||
		!api_call(&api, "GET", path, NULL, &json, err))
		return CLI_FAILED;
	bool ok = print_logs(cli, &api, json, err);
	json_decref(json);
	return ok ? CLI_OK : CLI_FAILED;
}

/* --- doing --- */

static int print_summary(const struct cli *cli, const json_t *run, const char *what)
{
	if (cli->is_json)
		print_json(run);
	else
		printf("%s %s\n", text_of(run, "name"), what);
	return CLI_OK;
}

static struct str path_of(const struct api *api, const json_t *run)
{
	return arena_printf(api->arena, "/api/v1/runs/%lld", (long long)json_integer_value(json_object_get(run, "id")));
}

static int act(
	struct cli *cli, const char *verb, const char *flag, const char *field, const char *told, struct err *err)
{
	struct api api;
	struct str path;
	json_t *json = NULL, *body = json_object();
	if (field && cli_has(cli, flag))
		json_object_set_new(body, field, json_string(cli_flag(cli, flag)));
	bool ok = api_open(cli, &api, err) && find_run(cli, &api, &path, err) &&
		  api_call(&api, "POST", arena_printf(api.arena, "%.*s/%s", STR_ARG(path), verb), body, &json, err);
	json_decref(body);
	if (!ok)
		return CLI_FAILED;
	int code =
		cli_has(cli, "wait") ? follow_run(cli, &api, path_of(&api, json), err) : print_summary(cli, json, told);
	json_decref(json);
	return code;
}

int command_cancel(struct cli *cli, struct err *err)
{
	return act(cli, "cancel", "reason", "reason", "is being cancelled", err);
}

int command_retry(struct cli *cli, struct err *err)
{
	return act(cli, "retry", "job", "job", "is tried again", err);
}

int command_rerun(struct cli *cli, struct err *err)
{
	return act(cli, "rerun", NULL, NULL, "started", err);
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
	json_t *json = NULL, *inputs = json_object();
	json_t *body = json_pack("{s:s, s:s, s:o}", "repository", cli_argument(cli, 0), "pipeline",
		cli_argument(cli, 1), "inputs", inputs);
	if (cli_has(cli, "ref"))
		json_object_set_new(body, "ref", json_string(cli_flag(cli, "ref")));
	bool ok = read_inputs(cli, inputs, err) && api_open(cli, &api, err) &&
		  api_call(&api, "POST", STR("/api/v1/runs"), body, &json, err);
	json_decref(body);
	if (!ok)
		return CLI_FAILED;
	int code = cli_has(cli, "wait") ? follow_run(cli, &api, path_of(&api, json), err)
					: print_summary(cli, json, "started");
	json_decref(json);
	return code;
}

/* --- gates --- */

static const json_t *open_gate(const json_t *whole, const char *stage_name)
{
	size_t i;
	json_t *stage;
	json_array_foreach(json_object_get(whole, "stages"), i, stage)
	{
		const json_t *gate = json_object_get(stage, "gate");
		bool is_named = !stage_name || strcmp(text_of(stage, "name"), stage_name) == 0;
		if (is_named && strcmp(text_of(gate, "state"), "open") == 0)
			return gate;
	}
	return NULL;
}

static int decide(struct cli *cli, const char *verb, struct err *err)
{
	struct api api;
	struct str path;
	json_t *whole, *json = NULL;
	if (!api_open(cli, &api, err) || !find_run(cli, &api, &path, err) ||
		!api_call(&api, "GET", path, NULL, &whole, err))
		return CLI_FAILED;
	const json_t *gate = open_gate(whole, cli_flag(cli, "stage"));
	json_t *body = json_pack("{s:s}", "comment", cli_has(cli, "comment") ? cli_flag(cli, "comment") : "");
	bool ok = gate ? api_call(&api, "POST",
				 arena_printf(api.arena, "/api/v1/gates/%lld/%s",
					 (long long)json_integer_value(json_object_get(gate, "id")), verb),
				 body, &json, err)
		       : err_set(err, ERR_CONFLICT, "%s waits at no gate",
				 text_of(json_object_get(whole, "run"), "name"));
	json_decref(body);
	json_decref(whole);
	if (!ok)
		return CLI_FAILED;
	if (cli->is_json)
		print_json(json);
	else
		printf("gate %s: %d of %d approvals\n", text_of(json, "state"),
			(int)json_integer_value(json_object_get(json, "approved")),
			(int)json_integer_value(json_object_get(json, "approvals")));
	json_decref(json);
	return CLI_OK;
}

int command_approve(struct cli *cli, struct err *err)
{
	return decide(cli, "approve", err);
}

int command_reject(struct cli *cli, struct err *err)
{
	return decide(cli, "reject", err);
}

/* --- artifacts --- */

int command_artifacts(struct cli *cli, struct err *err)
{
	struct api api;
	struct str path;
	json_t *json, *item;
	size_t i;
	if (!api_open(cli, &api, err) || !find_run(cli, &api, &path, err) ||
		!api_call(&api, "GET", arena_printf(api.arena, "%.*s/artifacts", STR_ARG(path)), NULL, &json, err))
		return CLI_FAILED;
	if (cli->is_json)
		print_json(json);
	json_array_foreach(cli->is_json ? NULL : json_object_get(json, "artifacts"), i, item)
		printf("%6lld  %-24s %10lld  %s\n", (long long)json_integer_value(json_object_get(item, "id")),
			text_of(item, "job"), (long long)json_integer_value(json_object_get(item, "size_bytes")),
			text_of(item, "path"));
	json_decref(json);
	return CLI_OK;
}

static bool write_piece(void *arg, struct str bytes)
{
	return fwrite(bytes.p, 1, bytes.n, arg) == bytes.n;
}

int command_artifact_get(struct cli *cli, struct err *err)
{
	struct api api;
	FILE *file = cli->argument_count > 1 ? fopen(cli_argument(cli, 1), "we") : stdout;
	if (!file) {
		err_errno(err, "%s", cli_argument(cli, 1));
		return CLI_FAILED;
	}
	bool ok = api_open(cli, &api, err) &&
		  api_read(&api, arena_printf(api.arena, "/api/v1/artifacts/%s", cli_argument(cli, 0)), write_piece,
			  file, err);
	if (file != stdout)
		fclose(file);
	return ok ? CLI_OK : CLI_FAILED;
}
