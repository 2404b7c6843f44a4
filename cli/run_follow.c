#include "cli/run_follow.h"

#include "cli/print.h"
#include "cli/run_view.h"
#include "cli/screen.h"

#include <stdio.h>
#include <string.h>

struct follow {
	const struct cli *cli;
	json_t *run;    /* as far as it is known */
	json_t *states; /* plain lines only: what was said last of each stage and job */
	struct screen screen;
};

/* --- on a terminal: the whole of it, drawn again --- */

static void draw(void *arg)
{
	struct follow *follow = arg;
	auto_buf text = BUF_INIT(TEXT_MAX);
	if (!follow->run)
		return;
	run_view_write(follow->cli, follow->run, screen_rows(), &text);
	screen_draw(&follow->screen, buf_str(&text));
}

/* --- elsewhere: a line for each change --- */

/* Why it is in its state, or what it waits for in it. Why something succeeded needs no word. */
static const char *why_of(const json_t *object, const char *state)
{
	static const char *const names[] = {"message", "reason", "waiting_for"};
	const char *why = "";
	for (size_t i = 0; i < COUNT_OF(names) && !*why; i++)
		if (i != 1 || strcmp(state, "succeeded") != 0)
			why = print_text(object, names[i]);
	return why;
}

static void say_change(struct follow *follow, const char *kind, const json_t *object, const char *name)
{
	const char *state = print_run_state(object), *why = why_of(object, print_text(object, "state"));
	auto_buf key = BUF_INIT(TEXT_MAX), said = BUF_INIT(TEXT_MAX);
	buf_addf(&key, "%s %s", kind, name);
	buf_addf(&said, "%s %s", state, why);
	if (strcmp(print_text(follow->states, buf_c(&key)), buf_c(&said)) == 0)
		return;
	json_object_set_new(follow->states, buf_c(&key), json_string(buf_c(&said)));
	/* A leased job runs a moment later. */
	if (strcmp(state, "blocked") == 0 || strcmp(state, "leased") == 0)
		return;
	printf("%s%-11s%s %-5s %s%s%s\n", print_colour(follow->cli, state), state, print_plain(follow->cli), kind, name,
		*why ? ": " : "", why);
	fflush(stdout);
}

static void say_changes(struct follow *follow)
{
	const json_t *summary = json_object_get(follow->run, "run");
	size_t i, j;
	json_t *stage, *job;
	json_array_foreach(json_object_get(follow->run, "stages"), i, stage)
	{
		json_array_foreach(json_object_get(stage, "jobs"), j, job) if (run_view_is_told(stage, job))
			say_change(follow, "job", job, print_text(job, "key"));
		say_change(follow, "stage", stage, print_text(stage, "name"));
	}
	say_change(follow, "run", summary, print_text(summary, "name"));
}

/* --- both --- */

static bool take_event(void *arg, struct str name, const json_t *data)
{
	struct follow *follow = arg;
	if (!str_is(name, "snapshot") && !str_is(name, "update"))
		return true;
	run_view_merge(&follow->run, data);
	if (follow->cli->is_live)
		draw(follow);
	else if (!follow->cli->is_json)
		say_changes(follow);
	return !follow->run || run_view_is_moving(follow->run);
}

/* Read once more, since events do not tell everything: what was wrong with its pipeline file, for one. */
static void show_end(struct follow *follow)
{
	auto_buf text = BUF_INIT(TEXT_MAX), hint = BUF_INIT(TEXT_MAX);
	const json_t *run = follow->run;
	if (follow->cli->is_json) {
		print_json(run);
		return;
	}
	bool is_told_in_lines = !follow->cli->is_live && json_array_size(json_object_get(run, "errors")) == 0 &&
				json_array_size(json_object_get(run, "refusals")) == 0;
	if (!is_told_in_lines)
		run_view_write(follow->cli, run, 0, &text);
	/* What stays is whole: neither shortened nor cut. */
	if (follow->cli->is_live)
		screen_clear(&follow->screen);
	fputs(buf_c(&text), stdout);
	run_view_hint(run, &hint);
	fputs(buf_c(&hint), stdout);
}

int run_follow(struct cli *cli, const struct api *api, struct str path, struct err *err)
{
	struct follow follow = {.cli = cli, .states = json_object()};
	struct api_listener listener = {.event = take_event, .tick = cli->is_live ? draw : NULL, .arg = &follow};
	json_t *run = NULL;
	bool ok = api_follow(api, arena_printf(api->arena, "%.*s/events", STR_ARG(path)), &listener, err) &&
		  api_call(api, "GET", path, NULL, &run, err);
	if (ok) {
		json_decref(follow.run);
		follow.run = run;
		show_end(&follow);
	}
	int code = ok ? (int)run_view_outcome(follow.run) : CLI_FAILED;
	json_decref(follow.run);
	json_decref(follow.states);
	return code;
}

int run_end_action(struct cli *cli, const struct api *api, json_t *run, const char *told, struct err *err)
{
	int code = CLI_OK;
	if (cli_has(cli, "wait"))
		code = run_follow(cli, api,
			arena_printf(api->arena, "/api/v1/runs/%lld", (long long)print_number(run, "id")), err);
	else if (cli->is_json)
		print_json(run);
	else
		printf("%s %s\n", print_text(run, "name"), told);
	json_decref(run);
	return code;
}
