/* Logs of jobs, as they are or as they grow. */
#include "cli/api.h"
#include "cli/commands.h"
#include "cli/print.h"
#include "cli/run_view.h"
#include "cli/which_run.h"
#include "common/json.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static bool print_piece(void *arg, struct str bytes)
{
	(void)arg;
	return fwrite(bytes.p, 1, bytes.n, stdout) == bytes.n;
}

static void print_title(const struct cli *cli, const json_t *job, const char *state)
{
	printf("--- %s", print_text(job, "key"));
	if (state)
		printf(" (%s%s%s)", print_colour(cli, state), state, print_plain(cli));
	putchar('\n');
	fflush(stdout);
}

struct tail {
	const struct cli *cli;
	const json_t *job; /* NULL: its end need not be said */
};

static bool print_lines(void *arg, struct str name, const json_t *data)
{
	const struct tail *tail = arg;
	size_t i;
	json_t *line;
	bool is_over = str_is(name, "end");
	json_array_foreach(json_object_get(data, "lines"), i, line)
	{
		fwrite(json_string_value(line), 1, json_string_length(line), stdout);
		putchar('\n');
	}
	if (is_over && tail->job)
		print_title(tail->cli, tail->job, print_text(data, "state"));
	fflush(stdout);
	return !is_over;
}

/* ?from=…&lines=…&attempt=…, checked here so that a mistake is told before anything is printed. */
static bool make_query(struct cli *cli, struct str *ret, struct err *err)
{
	static const char *const names[] = {"lines", "attempt"};
	int64_t from = 1;
	if (!cli_number(cli, "from", 1, INT64_MAX, &from, err))
		return false;
	struct str query = arena_printf(&cli->arena, "?from=%" PRId64, from);
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		int64_t number = 0;
		if (!cli_number(cli, names[i], 1, INT64_MAX, &number, err))
			return false;
		if (number)
			query = arena_printf(&cli->arena, "%.*s&%s=%" PRId64, STR_ARG(query), names[i], number);
	}
	*ret = query;
	return true;
}

/* is_only: the one that was asked for, whose lines alone are printed. */
static bool print_log(
	struct cli *cli, const struct api *api, const json_t *job, struct str query, bool is_only, struct err *err)
{
	long long id = (long long)print_number(job, "id");
	bool follows = cli_has(cli, "follow");
	struct tail tail = {cli, is_only ? NULL : job};
	struct api_listener listener = {.event = print_lines, .arg = &tail};
	if (!is_only)
		print_title(cli, job, follows ? NULL : print_text(job, "state"));
	if (follows)
		return api_follow(api, arena_printf(api->arena, "/api/v1/jobs/%lld/log/stream%.*s", id, STR_ARG(query)),
			&listener, err);
	return api_read(
		api, arena_printf(api->arena, "/api/v1/jobs/%lld/log%.*s", id, STR_ARG(query)), print_piece, NULL, err);
}

static bool add_piece(void *arg, struct str bytes)
{
	return buf_add_str(arg, bytes);
}

/* --json: the log as one text, beside what it is the log of. */
static bool add_log(
	struct cli *cli, const struct api *api, const json_t *job, struct str query, json_t *list, struct err *err)
{
	auto_buf text = BUF_INIT(TEXT_MAX);
	long long id = (long long)print_number(job, "id");
	struct str path = arena_printf(&cli->arena, "/api/v1/jobs/%lld/log%.*s", id, STR_ARG(query));
	if (!api_read(api, path, add_piece, &text, err))
		return false;
	if (text.is_full)
		return err_set(err, ERR_TOO_LARGE,
			"the log of %s has more than %d MiB: read it with --lines, or without --json",
			print_text(job, "key"), TEXT_MAX >> 20);
	json_array_append_new(
		list, json_pack("{s:I, s:s, s:s, s:o}", "id", (json_int_t)id, "key", print_text(job, "key"), "state",
			      print_text(job, "state"), "log", json_of_str(buf_str(&text))));
	return true;
}

static bool is_wanted(const json_t *job, const char *name)
{
	return !name || strcmp(print_text(job, "key"), name) == 0 || strcmp(print_text(job, "name"), name) == 0;
}

/* list: where they go with --json. */
static bool print_logs(
	struct cli *cli, const struct api *api, const json_t *run, struct str query, json_t *list, struct err *err)
{
	const char *name = cli_argument(cli, 1);
	size_t i, j, count = 0;
	json_t *stage, *job;
	json_array_foreach(json_object_get(run, "stages"), i, stage)
		json_array_foreach(json_object_get(stage, "jobs"), j, job)
	{
		if (!is_wanted(job, name))
			continue;
		count++;
		bool ok = cli->is_json ? add_log(cli, api, job, query, list, err)
				       : print_log(cli, api, job, query, name != NULL, err);
		if (!ok)
			return false;
	}
	return count || !name ||
	       err_set(err, ERR_NOT_FOUND, "the run has no job \"%s\"; `penstock show` lists them", name);
}

/* A run that was just made has no jobs before it is planned. */
static bool lacks_jobs(void *arg, struct str name, const json_t *data)
{
	json_t **run = arg;
	(void)name;
	run_view_merge(run, data);
	return json_array_size(json_object_get(*run, "stages")) == 0 && run_view_is_moving(*run);
}

static bool get_run(struct cli *cli, const struct api *api, struct str path, json_t **ret, struct err *err)
{
	json_t *run = NULL;
	struct api_listener listener = {.event = lacks_jobs, .arg = &run};
	if (!cli_has(cli, "follow"))
		return api_call(api, "GET", path, NULL, ret, err);
	if (api_follow(api, arena_printf(api->arena, "%.*s/events", STR_ARG(path)), &listener, err)) {
		*ret = run;
		return true;
	}
	json_decref(run);
	return false;
}

int command_logs(struct cli *cli, struct err *err)
{
	struct api api;
	struct str path, query;
	json_t *run;
	if (cli->is_json && cli_has(cli, "follow")) {
		err_set(err, ERR_INVALID, "--follow prints lines as they come, and --json whole logs: choose one");
		return CLI_FAILED;
	}
	if (!make_query(cli, &query, err) || !api_open(cli, &api, err) || !which_run(cli, &api, &path, err) ||
		!get_run(cli, &api, path, &run, err))
		return CLI_FAILED;
	json_t *list = json_array();
	bool ok = print_logs(cli, &api, run, query, list, err);
	json_decref(run);
	json_t *answer = json_pack("{s:o}", "jobs", list);
	if (ok && cli->is_json)
		print_json(answer);
	json_decref(answer);
	return ok ? CLI_OK : CLI_FAILED;
}
