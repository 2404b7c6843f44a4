/* The pool of workers. */
#include "cli/ask.h"
#include "cli/commands.h"
#include "cli/print.h"
#include "cli/table.h"

#include <stdio.h>

static void print_workers(struct cli *cli, const json_t *answer)
{
	static const char *const heads[] = {"NAME", "STATE", "BUSY", "PROFILE", "VERSION", "SEEN", "LABELS", NULL};
	struct table table;
	size_t i;
	json_t *item;
	table_init(&table, cli, heads);
	json_array_foreach(json_object_get(answer, "workers"), i, item)
	{
		char ago[PRINT_TIME_BYTES];
		print_ago(ago, item, "last_seen_at");
		table_add(&table, print_text(item, "name"));
		table_add_state(&table, print_text(item, "state"));
		table_addf(&table, "%lld of %lld", (long long)print_number(item, "busy"),
			(long long)print_number(item, "slots"));
		table_add(&table, print_text(item, "profile"));
		table_add(&table, print_text(item, "version"));
		table_add(&table, ago);
		table_add_list(&table, json_object_get(item, "labels"));
	}
	table_print(&table);
	if (table.count == 0)
		puts("no workers; `penstock worker token NAME`, then start penstock-worker with it");
}

int command_workers(struct cli *cli, struct err *err)
{
	return ask(cli, "GET", STR("/api/v1/workers"), NULL, print_workers, err);
}

int command_worker_drain(struct cli *cli, struct err *err)
{
	return ask(cli, "POST", ask_path(cli, "/api/v1/workers/", "/drain"), NULL, ask_print_done, err);
}

int command_worker_resume(struct cli *cli, struct err *err)
{
	return ask(cli, "POST", ask_path(cli, "/api/v1/workers/", "/resume"), NULL, ask_print_done, err);
}

static void print_token(struct cli *cli, const json_t *answer)
{
	(void)cli;
	puts(print_text(answer, "token"));
}

int command_worker_token(struct cli *cli, struct err *err)
{
	json_t *body = json_pack("{s:s, s:s}", "name", cli_argument(cli, 0), "kind", "worker");
	int code = ask(cli, "POST", STR("/api/v1/tokens"), body, print_token, err);
	json_decref(body);
	return code;
}
