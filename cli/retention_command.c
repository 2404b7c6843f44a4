/* What retention would remove, and a pass now. */
#include "cli/ask.h"
#include "cli/commands.h"
#include "cli/print.h"
#include "cli/table.h"
#include "common/clock.h"

#include <stdio.h>
#include <string.h>

static struct str size_text(int64_t bytes, struct arena *arena)
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
	double amount = (double)bytes;
	size_t unit = 0;
	for (; amount >= 1024 && unit + 1 < COUNT_OF(units); unit++)
		amount /= 1024;
	return arena_printf(arena, unit ? "%.1f %s" : "%.0f %s", amount, units[unit]);
}

static struct str duration_text(int64_t ms, struct arena *arena)
{
	return ms ? duration_format(arena, ms) : STR("for ever");
}

static void print_rules(struct cli *cli, const json_t *rules)
{
	struct arena *arena = &cli->arena;
	printf("\nruns are kept %.*s, and the %lld newest of each pipeline and branch; logs %.*s; artifacts %.*s unless "
	       "their pipeline says;\nfiles that nothing names %.*s\n",
		STR_ARG(duration_text(print_number(rules, "keep_runs_ms"), arena)),
		(long long)print_number(rules, "keep_newest"),
		STR_ARG(duration_text(print_number(rules, "keep_logs_ms"), arena)),
		STR_ARG(duration_text(print_number(rules, "keep_artifacts_ms"), arena)),
		STR_ARG(duration_text(print_number(rules, "keep_unused_ms"), arena)));
}

static void print_figures(struct cli *cli, const json_t *answer)
{
	static const char *const heads[] = {"WOULD GO", "COUNT", "SIZE", "OLDEST", NULL};
	struct table table;
	size_t i;
	json_t *item;
	table_init(&table, cli, heads);
	json_array_foreach(json_object_get(answer, "would_remove"), i, item)
	{
		char ago[PRINT_TIME_BYTES];
		bool is_sized = strcmp(print_text(item, "what"), "runs") != 0;
		print_ago(ago, item, "oldest");
		table_add(&table, print_text(item, "what"));
		table_addf(&table, "%lld", (long long)print_number(item, "count"));
		table_add(&table, is_sized ? size_text(print_number(item, "bytes"), &cli->arena).p : "-");
		table_add(&table, ago);
	}
	table_print(&table);
	print_rules(cli, json_object_get(answer, "rules"));
}

static void print_started(struct cli *cli, const json_t *answer)
{
	(void)cli;
	puts(json_is_true(json_object_get(answer, "is_new"))
			? "retention has begun; `penstock retention --dry-run` shows what is left to do"
			: "retention is under way already");
}

int command_retention(struct cli *cli, struct err *err)
{
	struct str path = STR("/api/v1/retention");
	return cli_has(cli, "dry-run") ? ask(cli, "GET", path, NULL, print_figures, err)
				       : ask(cli, "POST", path, NULL, print_started, err);
}
