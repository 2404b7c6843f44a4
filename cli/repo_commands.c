/* Repositories, and what they sent. */
#include "cli/ask.h"
#include "cli/commands.h"
#include "cli/print.h"
#include "cli/table.h"

#include <stdio.h>

enum { COMMIT_DIGITS = 10 };

static void print_repositories(struct cli *cli, const json_t *answer)
{
	static const char *const heads[] = {"NAME", "BRANCH", "FETCHED", "URL", NULL};
	struct table table;
	size_t i;
	json_t *item;
	table_init(&table, cli, heads);
	json_array_foreach(json_object_get(answer, "repositories"), i, item)
	{
		char ago[PRINT_TIME_BYTES];
		const char *problem = print_text(item, "problem"), *unsaid = print_text(item, "report_problem"),
			   *unasked = print_text(item, "ask_problem");
		print_ago(ago, item, "fetched_at");
		table_add(&table, print_text(item, "name"));
		table_add(&table, print_text(item, "default_branch"));
		table_add(&table, ago);
		table_addf(&table, "%s%s%s%s%s%s%s", print_text(item, "url"), *problem ? "  ! " : "", problem,
			*unsaid ? "  ! " : "", unsaid, *unasked ? "  ! " : "", unasked);
	}
	table_print(&table);
	if (table.count == 0)
		puts("no repositories; `penstock repo add NAME URL`");
}

int command_repo_ls(struct cli *cli, struct err *err)
{
	return ask(cli, "GET", STR("/api/v1/repositories"), NULL, print_repositories, err);
}

int command_repo_rm(struct cli *cli, struct err *err)
{
	return ask(cli, "DELETE", ask_path(cli, "/api/v1/repositories/", ""), NULL, ask_print_done, err);
}

static void print_changed(struct cli *cli, const json_t *repository)
{
	(void)cli;
	printf("%s is fetched from %s, default branch %s\n", print_text(repository, "name"),
		print_text(repository, "url"), print_text(repository, "default_branch"));
}

int command_repo_set(struct cli *cli, struct err *err)
{
	json_t *body = json_object();
	if (cli_has(cli, "clone-url"))
		json_object_set_new(body, "url", json_string(cli_flag(cli, "clone-url")));
	if (cli_has(cli, "default-branch"))
		json_object_set_new(body, "default_branch", json_string(cli_flag(cli, "default-branch")));
	int code = ask(cli, "PUT", ask_path(cli, "/api/v1/repositories/", ""), body, print_changed, err);
	json_decref(body);
	return code;
}

static void print_found(struct cli *cli, const json_t *answer)
{
	long long updates = print_number(answer, "updates"), pulls = print_number(answer, "pull_requests");
	const char *name = cli_argument(cli, 0), *problem = print_text(answer, "problem");
	if (updates + pulls == 0)
		printf("%s: nothing new\n", name);
	else
		printf("%s: news of %lld branches or tags and %lld pull requests; `penstock triggers --repository %s` says what "
		       "becomes of them\n",
			name, updates, pulls, name);
	if (*problem)
		printf("! pull requests were not looked for: %s\n", problem);
}

int command_repo_poll(struct cli *cli, struct err *err)
{
	return ask(cli, "POST", ask_path(cli, "/api/v1/repositories/", "/poll"), NULL, print_found, err);
}

static void print_schedules(struct cli *cli, const json_t *answer)
{
	static const char *const heads[] = {"PIPELINE", "CRON", "ZONE", "NEXT (UTC)", "LAST (UTC)", NULL};
	struct table table;
	size_t i;
	json_t *item;
	table_init(&table, cli, heads);
	json_array_foreach(json_object_get(answer, "schedules"), i, item)
	{
		const char *problem = print_text(item, "problem"), *last = print_text(item, "last_at");
		table_add(&table, print_text(item, "pipeline"));
		table_add(&table, print_text(item, "cron"));
		table_add(&table, print_text(item, "time_zone"));
		table_addf(&table, "%.16s%s%s", print_text(item, "next_at"), *problem ? "! " : "", problem);
		table_addf(&table, "%.16s", *last ? last : "-");
	}
	table_print(&table);
	if (table.count == 0)
		puts("no pipeline of its default branch has `on: schedule`");
}

int command_repo_schedules(struct cli *cli, struct err *err)
{
	return ask(cli, "GET", ask_path(cli, "/api/v1/repositories/", "/schedules"), NULL, print_schedules, err);
}

/* --- what came in --- */

static void add_outcome(struct table *table, const json_t *trigger)
{
	auto_buf text = BUF_INIT(TEXT_MAX);
	size_t i;
	json_t *run;
	json_array_foreach(json_object_get(trigger, "runs"), i, run)
		buf_addf(&text, "%s%s", text.n ? " " : "", json_string_value(run));
	if (*print_text(trigger, "reason"))
		buf_addf(&text, "%s%s", text.n ? ": " : "", print_text(trigger, "reason"));
	table_add(table, buf_c(&text));
}

static void print_triggers(struct cli *cli, const json_t *answer)
{
	static const char *const heads[] = {
		"ID", "REPOSITORY", "EVENT", "REF", "COMMIT", "BY", "CAME", "STATE", "RUNS", NULL};
	struct table table;
	size_t i;
	json_t *item;
	table_init(&table, cli, heads);
	json_array_foreach(json_object_get(answer, "triggers"), i, item)
	{
		char ago[PRINT_TIME_BYTES];
		print_ago(ago, item, "created_at");
		table_addf(&table, "%lld", (long long)print_number(item, "id"));
		table_add(&table, print_text(item, "repository"));
		table_add(&table, print_text(item, "event"));
		table_add(&table, print_text(item, "ref"));
		table_addf(&table, "%.*s", COMMIT_DIGITS, print_text(item, "commit"));
		table_add(&table, print_text(item, "actor"));
		table_add(&table, ago);
		table_add_state(&table, print_text(item, "state"));
		add_outcome(&table, item);
	}
	table_print(&table);
	if (table.count == 0)
		puts("nothing came in yet; `penstock hook install PATH` lets a repository tell of pushes");
}

int command_triggers(struct cli *cli, struct err *err)
{
	struct str path = STR("/api/v1/triggers");
	if (cli_has(cli, "repository"))
		path = arena_printf(&cli->arena, "/api/v1/triggers?repository=%.*s",
			STR_ARG(api_quote(str_of(cli_flag(cli, "repository")), &cli->arena)));
	return ask(cli, "GET", path, NULL, print_triggers, err);
}

static void print_deliveries(struct cli *cli, const json_t *answer)
{
	static const char *const heads[] = {"ID", "EVENT", "CAME", "STATE", "RUNS", NULL};
	struct table table;
	size_t i;
	json_t *item;
	table_init(&table, cli, heads);
	json_array_foreach(json_object_get(answer, "deliveries"), i, item)
	{
		char ago[PRINT_TIME_BYTES];
		print_ago(ago, item, "received_at");
		table_addf(&table, "%lld", (long long)print_number(item, "id"));
		table_add(&table, print_text(item, "event"));
		table_add(&table, ago);
		table_add_state(&table, print_text(item, "state"));
		add_outcome(&table, item);
	}
	table_print(&table);
	if (table.count == 0)
		puts("nothing came in yet: look at the webhook's address and secret on the forge");
}

int command_repo_deliveries(struct cli *cli, struct err *err)
{
	return ask(cli, "GET", ask_path(cli, "/api/v1/repositories/", "/deliveries"), NULL, print_deliveries, err);
}
