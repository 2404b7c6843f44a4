/* Stops of the line. */
#include "cli/ask.h"
#include "cli/commands.h"
#include "cli/print.h"
#include "cli/table.h"

#include <stdio.h>

static const char *or_all(const char *name)
{
	return *name ? name : "all";
}

static void print_blockers(struct cli *cli, const json_t *answer)
{
	static const char *const heads[] = {"ID", "SERVICE", "ENVIRONMENT", "PLACED", "BY", "LIFTED", "REASON", NULL};
	struct table table;
	size_t i;
	json_t *item;
	table_init(&table, cli, heads);
	json_array_foreach(json_object_get(answer, "blockers"), i, item)
	{
		char placed[PRINT_TIME_BYTES], lifted[PRINT_TIME_BYTES];
		const char *by = print_text(item, "lifted_by"), *why = print_text(item, "lift_reason");
		print_ago(placed, item, "placed_at");
		print_ago(lifted, item, "lifted_at");
		table_addf(&table, "%lld", (long long)print_number(item, "id"));
		table_add(&table, or_all(print_text(item, "service")));
		table_add(&table, or_all(print_text(item, "environment")));
		table_add(&table, placed);
		table_add(&table, print_text(item, "placed_by"));
		table_addf(&table, "%s%s%s", lifted, *by ? " by " : "", by);
		table_addf(&table, "%s%s%s", print_text(item, "reason"), *why ? "; lifted: " : "", why);
	}
	table_print(&table);
	if (table.count == 0)
		puts("the line is not stopped");
}

int command_freeze_ls(struct cli *cli, struct err *err)
{
	struct str path = cli_has(cli, "all") ? STR("/api/v1/blockers?all=true") : STR("/api/v1/blockers");
	return ask(cli, "GET", path, NULL, print_blockers, err);
}

static void print_placed(struct cli *cli, const json_t *answer)
{
	(void)cli;
	printf("stop %lld stands; `penstock freeze lift %lld REASON` lifts it\n", (long long)print_number(answer, "id"),
		(long long)print_number(answer, "id"));
}

int command_freeze_add(struct cli *cli, struct err *err)
{
	const char *service = cli_flag(cli, "service"), *environment = cli_flag(cli, "environment");
	json_t *body = json_pack("{s:s, s:s, s:s}", "reason", cli_argument(cli, 0), "service", service ? service : "",
		"environment", environment ? environment : "");
	int code = ask(cli, "POST", STR("/api/v1/blockers"), body, print_placed, err);
	json_decref(body);
	return code;
}

static void print_lifted(struct cli *cli, const json_t *answer)
{
	(void)cli;
	printf("stop %lld is lifted\n", (long long)print_number(answer, "id"));
}

int command_freeze_lift(struct cli *cli, struct err *err)
{
	json_t *body = json_pack("{s:s}", "reason", cli_argument(cli, 1));
	int code = ask(cli, "POST", ask_path(cli, "/api/v1/blockers/", "/lift"), body, print_lifted, err);
	json_decref(body);
	return code;
}

static void print_override(struct cli *cli, const json_t *answer)
{
	(void)cli;
	printf("%s: its stage %s passes what is closed in %s\n", print_text(answer, "run"), print_text(answer, "stage"),
		print_text(answer, "environment"));
}

int command_freeze_override(struct cli *cli, struct err *err)
{
	json_t *body = json_pack("{s:s}", "reason", cli_argument(cli, 1));
	int code = ask(cli, "POST", ask_path(cli, "/api/v1/runs/", "/override"), body, print_override, err);
	json_decref(body);
	return code;
}
