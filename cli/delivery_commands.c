/* What runs where, what lies between two versions, going back, deploying a version again, quarantine. */
#include "cli/api.h"
#include "cli/ask.h"
#include "cli/commands.h"
#include "cli/print.h"
#include "cli/run_follow.h"
#include "cli/table.h"
#include "cli/which_run.h"
#include "common/buf.h"
#include "common/clock.h"
#include "common/digest.h"

#include <stdio.h>
#include <string.h>

/* --- the board --- */

static const json_t *place_of(const json_t *board, const json_t *target)
{
	size_t i;
	json_t *place;
	json_array_foreach(json_object_get(board, "places"), i, place)
	{
		if (strcmp(print_text(place, "service"), print_text(target, "service")) == 0 &&
			strcmp(print_text(place, "environment"), print_text(target, "environment")) == 0)
			return place;
	}
	return NULL;
}

static struct str brief(const json_t *object, const char *name)
{
	return digest_brief(str_of(print_text(object, name)));
}

/* "quarantined, v8 unknown, stopped": what is special about a target. */
static void add_marks(struct table *table, const json_t *board, const json_t *target)
{
	const json_t *place = place_of(board, target);
	const char *coming = print_text(target, "coming_state"), *pin = print_text(place, "pin"),
		   *report = print_text(target, "report"), *state = print_text(json_object_get(place, "state"), "kind");
	char at[PRINT_TIME_BYTES];
	auto_buf marks = BUF_INIT(4096);
	if (*print_text(target, "alert"))
		buf_add_c(&marks, ", ALARM GOES ON");
	if (*print_text(target, "no_way_back"))
		buf_add_c(&marks, ", NO WAY BACK");
	if (print_number(target, "teardown_tries"))
		buf_addf(&marks, ", NOT TAKEN DOWN (tried %s)",
			print_number(target, "teardown_tries") == 1 ? "once" : "again and again");
	else if (print_moment(at, target, "expires_at"))
		buf_addf(&marks, ", expires %s", at);
	if (*print_text(target, "quarantine"))
		buf_add_c(&marks, ", quarantined");
	if (*coming)
		buf_addf(&marks, ", %.*s %s", STR_ARG(brief(target, "coming_version")), coming);
	if (*print_text(target, "failed_version"))
		buf_addf(&marks, ", %.*s failed", STR_ARG(brief(target, "failed_version")));
	if (strcmp(report, "drifted") == 0)
		buf_addf(&marks, ", runs %.*s", STR_ARG(brief(target, "reported")));
	else if (strcmp(report, "unknown") == 0)
		buf_add_c(&marks, ", report unknown");
	if (*pin)
		buf_addf(&marks, ", pinned to %.*s", STR_ARG(brief(place, "pin")));
	if (strcmp(state, "blocker") == 0)
		buf_add_c(&marks, ", line stopped");
	else if (strcmp(state, "freeze") == 0)
		buf_add_c(&marks, ", frozen");
	else if (strcmp(state, "window") == 0)
		buf_add_c(&marks, ", closed now");
	struct str text = buf_str(&marks);
	table_addf(table, "%.*s", STR_ARG(text.n ? str_skip(text, 2) : STR("-")));
}

static void print_targets(struct cli *cli, const json_t *board)
{
	static const char *const heads[] = {
		"SERVICE", "ENVIRONMENT", "TARGET", "VERSION", "SINCE", "RUN", "BY", "MARKS", NULL};
	struct table table;
	size_t i;
	json_t *item;
	table_init(&table, cli, heads);
	json_array_foreach(json_object_get(board, "targets"), i, item)
	{
		char since[PRINT_TIME_BYTES];
		print_ago(since, item, "since");
		table_add(&table, print_text(item, "service"));
		table_add(&table, print_text(item, "environment"));
		table_add(&table, print_text(item, "target"));
		table_add_version(&table, print_text(item, "version"));
		table_add(&table, since);
		table_add(&table, print_text(item, "run"));
		table_add(&table, print_text(item, "actor"));
		add_marks(&table, board, item);
	}
	table_print(&table);
	if (table.count == 0)
		puts("nothing was deployed yet");
}

static void print_waiting(struct cli *cli, const json_t *waiting)
{
	static const char *const heads[] = {
		"RUN", "SERVICE", "ENVIRONMENT", "VERSION", "STATE", "SINCE", "WAITS FOR", NULL};
	struct table table;
	size_t i;
	json_t *item;
	table_init(&table, cli, heads);
	json_array_foreach(waiting, i, item)
	{
		char since[PRINT_TIME_BYTES];
		print_ago(since, item, "waiting_since");
		table_add(&table, print_text(item, "run"));
		table_add(&table, print_text(item, "service"));
		table_add(&table, print_text(item, "environment"));
		table_add_version(&table, print_text(item, "version"));
		table_add_state(&table, print_text(item, "state"));
		table_add(&table, since);
		table_add(&table, print_text(item, "waiting_for"));
	}
	if (table.count)
		puts("");
	table_print(&table);
}

/* Once for all targets that one way back covers. */
static void print_alerts(const json_t *list, const char *name)
{
	const char *last = "";
	size_t i;
	json_t *item;
	json_array_foreach(list, i, item)
	{
		const char *alert = print_text(item, name);
		if (*alert && strcmp(alert, last) != 0)
			printf("\nWARNING: %s\n", alert);
		last = *alert ? alert : last;
	}
}

static void print_board(struct cli *cli, const json_t *answer)
{
	print_targets(cli, answer);
	print_alerts(json_object_get(answer, "targets"), "alert");
	print_alerts(json_object_get(answer, "targets"), "no_way_back");
	print_waiting(cli, json_object_get(answer, "waiting"));
}

int command_board(struct cli *cli, struct err *err)
{
	return ask(cli, "GET", STR("/api/v1/board"), NULL, print_board, err);
}

/* --- history --- */

static void print_history(struct cli *cli, const json_t *answer)
{
	static const char *const heads[] = {
		"STARTED", "SERVICE", "TARGET", "VERSION", "BEFORE", "STATE", "RUN", "BY", NULL};
	struct table table;
	size_t i;
	json_t *item;
	table_init(&table, cli, heads);
	json_array_foreach(json_object_get(answer, "deployments"), i, item)
	{
		char ago[PRINT_TIME_BYTES];
		print_ago(ago, item, "started_at");
		table_add(&table, ago);
		table_add(&table, print_text(item, "service"));
		table_add(&table, print_text(item, "target"));
		table_add_version(&table, print_text(item, "version"));
		table_add_version(&table, print_text(item, "previous"));
		table_add_state(&table, print_text(item, "state"));
		table_add(&table, print_text(item, "run"));
		table_add(&table, print_text(item, "actor"));
	}
	table_print(&table);
	if (table.count == 0)
		puts("nothing was deployed there yet");
	print_alerts(json_object_get(answer, "deployments"), "alert");
}

/* Of a place that is gone the history stays; where there is none, the name may be wrong. */
static bool is_place(const struct api *api, struct cli *cli, struct err *err)
{
	json_t *environment = NULL;
	bool ok = api_call(api, "GET", ask_path(cli, "/api/v1/environments/", ""), NULL, &environment, err);
	json_decref(environment);
	return ok;
}

int command_env_history(struct cli *cli, struct err *err)
{
	struct arena *arena = &cli->arena;
	const char *service = cli_flag(cli, "service");
	struct api api;
	json_t *answer;
	struct str path = arena_printf(
		arena, "/api/v1/deployments?environment=%.*s", STR_ARG(api_quote(str_of(cli_argument(cli, 0)), arena)));
	if (service)
		path = arena_printf(
			arena, "%.*s&service=%.*s", STR_ARG(path), STR_ARG(api_quote(str_of(service), arena)));
	if (!api_open(cli, &api, err) || !api_call(&api, "GET", path, NULL, &answer, err))
		return CLI_FAILED;
	bool ok = json_array_size(json_object_get(answer, "deployments")) || is_place(&api, cli, err);
	if (ok && cli->is_json)
		print_json(answer);
	else if (ok)
		print_history(cli, answer);
	json_decref(answer);
	return ok ? CLI_OK : CLI_FAILED;
}

/* --- between two versions --- */

/* "7.0 (prod)", "1f3c9a2b" */
static struct str name_of_point(const json_t *point, struct arena *arena)
{
	const char *name = print_text(point, "name"), *version = print_text(point, "version"),
		   *commit = print_text(point, "commit");
	if (!*commit)
		return arena_printf(arena, "nothing (%s)", name);
	const char *what = *version ? version : commit;
	int shown = *version ? (int)brief(point, "version").n : 8;
	bool is_same = strncmp(name, what, strlen(name)) == 0;
	return arena_printf(
		arena, "%.*s%s%s%s", shown, what, is_same ? "" : " (", is_same ? "" : name, is_same ? "" : ")");
}

static void print_changes(struct cli *cli, const json_t *answer)
{
	static const char *const heads[] = {"COMMIT", "WHEN", "AUTHOR", "TITLE", NULL};
	long long total = (long long)print_number(answer, "total"),
		  reverted = (long long)print_number(answer, "reverted");
	const char *least = json_is_true(json_object_get(answer, "is_counted")) ? "" : "at least ";
	struct table table;
	size_t i;
	json_t *item;
	table_init(&table, cli, heads);
	json_array_foreach(json_object_get(answer, "commits"), i, item)
	{
		char ago[PRINT_TIME_BYTES];
		print_ago(ago, item, "committed_at");
		table_addf(&table, "%.8s", print_text(item, "commit"));
		table_add(&table, ago);
		table_add(&table, print_text(item, "author"));
		table_add(&table, print_text(item, "title"));
	}
	struct str from = name_of_point(json_object_get(answer, "from"), &cli->arena),
		   to = name_of_point(json_object_get(answer, "to"), &cli->arena);
	printf("%.*s -> %.*s: %s%lld commit%s", STR_ARG(from), STR_ARG(to), least, total, total == 1 ? "" : "s");
	if (reverted)
		printf(", and %s%lld taken back", least, reverted);
	puts("");
	table_print(&table);
	if (total > (long long)i)
		printf("and %s%lld more\n", least, total - (long long)i);
}

int command_changes(struct cli *cli, struct err *err)
{
	struct arena *arena = &cli->arena;
	const char *limit = cli_flag(cli, "limit");
	struct str path = arena_printf(arena, "/api/v1/services/%.*s/changes?from=%.*s&to=%.*s",
		STR_ARG(api_quote(str_of(cli_argument(cli, 0)), arena)),
		STR_ARG(api_quote(str_of(cli_argument(cli, 1)), arena)),
		STR_ARG(api_quote(str_of(cli_argument(cli, 2)), arena)));
	if (limit)
		path = arena_printf(arena, "%.*s&limit=%.*s", STR_ARG(path), STR_ARG(api_quote(str_of(limit), arena)));
	return ask(cli, "GET", path, NULL, print_changes, err);
}

/* --- back and forward --- */

/* POSTs what makes a run, and follows it with --wait. Takes the body. */
static int start(struct cli *cli, struct str path, json_t *body, struct err *err)
{
	struct api api;
	json_t *run = NULL;
	bool ok = api_open(cli, &api, err) && api_call(&api, "POST", path, body, &run, err);
	json_decref(body);
	return ok ? run_end_action(cli, &api, run, "started", err) : CLI_FAILED;
}

int command_rollback(struct cli *cli, struct err *err)
{
	const char *to = cli_flag(cli, "to"), *reason = cli_flag(cli, "reason");
	json_t *body = json_pack("{s:s, s:s, s:s}", "service", cli_argument(cli, 0), "environment",
		cli_argument(cli, 1), "reason", reason ? reason : "asked for by hand");
	if (to)
		json_object_set_new(body, "to", json_string(to));
	return start(cli, STR("/api/v1/rollbacks"), body, err);
}

int command_deploy(struct cli *cli, struct err *err)
{
	return start(cli, STR("/api/v1/deployments"),
		json_pack("{s:s, s:s, s:s}", "service", cli_argument(cli, 0), "version", cli_argument(cli, 1),
			"environment", cli_argument(cli, 2)),
		err);
}

int command_resolve(struct cli *cli, struct err *err)
{
	struct api api;
	struct str path;
	json_t *run = NULL,
	       *body = json_pack("{s:s, s:s}", "target", cli_argument(cli, 1), "verdict", cli_argument(cli, 2));
	bool ok = api_open(cli, &api, err) && which_run(cli, &api, &path, err) &&
		  api_call(&api, "POST", arena_printf(api.arena, "%.*s/resolve", STR_ARG(path)), body, &run, err);
	json_decref(body);
	return ok ? run_end_action(cli, &api, run, "goes on", err) : CLI_FAILED;
}

int command_accept(struct cli *cli, struct err *err)
{
	struct api api;
	struct str path;
	json_t *run = NULL, *body = json_pack("{s:s}", "reason", cli_argument(cli, 1));
	bool ok = api_open(cli, &api, err) && which_run(cli, &api, &path, err) &&
		  api_call(&api, "POST", arena_printf(api.arena, "%.*s/accept", STR_ARG(path)), body, &run, err);
	json_decref(body);
	return ok ? run_end_action(cli, &api, run, "goes on", err) : CLI_FAILED;
}

/* --- expiry --- */

static void print_expiries(struct cli *cli, const json_t *answer)
{
	static const char *const heads[] = {"SERVICE", "ENVIRONMENT", "EXPIRES", "RUN", "TAKEN DOWN", NULL};
	struct table table;
	size_t i;
	json_t *item;
	table_init(&table, cli, heads);
	json_array_foreach(json_object_get(answer, "expiries"), i, item)
	{
		int tries = (int)print_number(item, "tries");
		char at[PRINT_TIME_BYTES], count[PRINT_TIME_BYTES];
		snprintf(count, sizeof count, "%d times", tries);
		table_add(&table, print_text(item, "service"));
		table_add(&table, print_text(item, "environment"));
		print_moment(at, item, "expires_at");
		table_add(&table, at);
		table_add(&table, print_text(item, "run"));
		print_moment(at, item, "next_at");
		if (tries)
			table_addf(&table, "tried %s, again %s: penstock triggers tells why",
				tries == 1 ? "once" : count, at);
		else
			table_add(&table, "not yet");
	}
	table_print(&table);
	if (table.count == 0)
		puts("nothing that is deployed expires");
}

int command_expiry_ls(struct cli *cli, struct err *err)
{
	return ask(cli, "GET", STR("/api/v1/expiries"), NULL, print_expiries, err);
}

static void print_expiry(struct cli *cli, const json_t *answer)
{
	char at[PRINT_TIME_BYTES];
	bool is_timed = print_moment(at, answer, "expires_at");
	(void)cli;
	printf("%s in %s %s%s\n", print_text(answer, "service"), print_text(answer, "environment"),
		is_timed ? "is taken down after " : "stays", is_timed ? at : "");
}

int command_expiry_set(struct cli *cli, struct err *err)
{
	struct str when = str_of(cli_argument(cli, 2));
	json_t *body = json_pack("{s:s, s:s}", "service", cli_argument(cli, 0), "environment", cli_argument(cli, 1));
	int64_t ms = 1;
	bool ok = str_is(when, "now") || str_is(when, "never") || duration_parse(when, &ms, err);
	if (!str_is(when, "never"))
		json_object_set_new(body, "in_ms", json_integer(ms));
	int code = ok ? ask(cli, "POST", STR("/api/v1/expiries"), body, print_expiry, err) : CLI_FAILED;
	json_decref(body);
	return code;
}

/* --- quarantine --- */

static void print_quarantine(struct cli *cli, const json_t *answer)
{
	static const char *const heads[] = {"ID", "SERVICE", "ENVIRONMENT", "VERSION", "SINCE", "BY", "REASON", NULL};
	struct table table;
	size_t i;
	json_t *item;
	table_init(&table, cli, heads);
	json_array_foreach(json_object_get(answer, "quarantine"), i, item)
	{
		char since[PRINT_TIME_BYTES];
		const char *by = print_text(item, "placed_by");
		print_ago(since, item, "placed_at");
		table_addf(&table, "%lld", (long long)print_number(item, "id"));
		table_add(&table, print_text(item, "service"));
		table_add(&table, print_text(item, "environment"));
		table_add_version(&table, print_text(item, "version"));
		table_add(&table, since);
		table_add(&table, *by ? by : print_text(item, "run"));
		table_add(&table, print_text(item, "reason"));
	}
	table_print(&table);
	if (table.count == 0)
		puts("no version is in quarantine");
}

int command_quarantine_ls(struct cli *cli, struct err *err)
{
	return ask(cli, "GET", STR("/api/v1/quarantine"), NULL, print_quarantine, err);
}

static void print_released(struct cli *cli, const json_t *answer)
{
	(void)answer;
	printf("quarantine %s is released\n", cli_argument(cli, 0));
}

int command_quarantine_release(struct cli *cli, struct err *err)
{
	json_t *body = json_pack("{s:s}", "reason", cli_argument(cli, 1));
	int code = ask(cli, "POST", ask_path(cli, "/api/v1/quarantine/", "/release"), body, print_released, err);
	json_decref(body);
	return code;
}

static void print_fixed(struct cli *cli, const json_t *answer)
{
	(void)answer;
	printf("what contains the commit of %s may be deployed; quarantine %s stands\n", cli_argument(cli, 1),
		cli_argument(cli, 0));
}

int command_quarantine_fixed(struct cli *cli, struct err *err)
{
	json_t *body = json_pack("{s:s, s:s}", "run", cli_argument(cli, 1), "reason", cli_argument(cli, 2));
	int code = ask(cli, "POST", ask_path(cli, "/api/v1/quarantine/", "/fixed"), body, print_fixed, err);
	json_decref(body);
	return code;
}
