/* Environments, as the configuration in force has them. */
#include "cli/ask.h"
#include "cli/commands.h"
#include "cli/print.h"
#include "cli/table.h"
#include "common/fields.h"
#include "common/json.h"

#include <stdio.h>
#include <string.h>

/* "open", "open until 2026-12-20 00:00 UTC", "closed until ...: why". */
static struct str state_text(struct cli *cli, const json_t *item)
{
	static const char *const kinds[] = {"open", "blocker", "freeze", "window", NULL};
	static const char *const words[] = {"open", "stopped", "frozen", "closed"};
	const json_t *state = json_object_get(item, "state");
	const char *reason = print_text(state, "reason");
	char at[PRINT_TIME_BYTES];
	int kind = 0;
	enum_from_name(kinds, str_of(print_text(state, "kind")), &kind);
	bool turns = print_moment(at, state, "until");
	return arena_printf(&cli->arena, "%s%s%s%s%s", words[kind], turns ? " until " : "", turns ? at : "",
		*reason ? ": " : "", reason);
}

static void print_environments(struct cli *cli, const json_t *answer)
{
	static const char *const heads[] = {"NAME", "TIER", "LANE", "TARGETS", "STATE", NULL};
	struct table table;
	size_t i;
	json_t *item;
	table_init(&table, cli, heads);
	json_array_foreach(json_object_get(answer, "environments"), i, item)
	{
		table_add(&table, print_text(item, "name"));
		table_add(&table, print_text(item, "tier"));
		table_add(&table, print_text(item, "lane"));
		table_add_list(&table, json_object_get(item, "targets"));
		table_add(&table, state_text(cli, item).p);
	}
	table_print(&table);
	if (table.count == 0)
		puts("no environments; `penstock env create NAME`, or `penstock config apply FILE`");
}

int command_env_ls(struct cli *cli, struct err *err)
{
	return ask(cli, "GET", STR("/api/v1/environments"), NULL, print_environments, err);
}

static void print_lines(struct cli *cli, const char *path, json_t *value)
{
	const char *name;
	json_t *member;
	if (json_is_object(value)) {
		json_object_foreach(value, name, member)
			print_lines(cli, arena_printf(&cli->arena, "%s%s%s", path, *path ? "." : "", name).p, member);
		return;
	}
	auto_free char *text = json_dumps(value, JSON_ENCODE_ANY);
	printf("  %s: %s\n", path, json_is_string(value) ? json_string_value(value) : text);
}

static void print_section(struct cli *cli, const json_t *answer, const char *name)
{
	json_t *value = json_object_get(answer, name);
	if (json_object_size(value) == 0)
		return;
	printf("\n%s\n", name);
	print_lines(cli, "", value);
}

/* Entries that have a reason: windows, freezes, pins. */
static void print_entries(struct cli *cli, const json_t *answer, const char *name)
{
	size_t i;
	json_t *item;
	json_array_foreach(json_object_get(answer, name), i, item)
	{
		auto_free char *text = json_dumps(item, JSON_ENCODE_ANY);
		if (i == 0)
			printf("\n%s\n", name);
		if (json_is_string(item))
			printf("  %s\n", json_string_value(item));
		else
			printf("  %.*s\n", (int)strlen(text), text);
	}
	(void)cli;
}

static void print_targets(struct cli *cli, const json_t *answer)
{
	static const char *const heads[] = {"TARGET", "WAVE", "ACCOUNT", "REGION", "URL", "STATE", NULL};
	struct table table;
	size_t i;
	json_t *item;
	table_init(&table, cli, heads);
	json_array_foreach(json_object_get(answer, "targets"), i, item)
	{
		table_addf(&table, "%s%s", print_text(item, "name"),
			json_is_true(json_object_get(item, "exclusive")) ? " (exclusive)" : "");
		table_addf(&table, "%lld", (long long)print_number(item, "wave"));
		table_add(&table, print_text(item, "account"));
		table_add(&table, print_text(item, "region"));
		table_add(&table, print_text(item, "url"));
		table_add(&table, state_text(cli, item).p);
	}
	if (table.count)
		puts("");
	table_print(&table);
}

static void print_environment(struct cli *cli, const json_t *answer)
{
	const char *tier = print_text(answer, "tier"), *description = print_text(answer, "description");
	printf("%s%s%s, lane %s: %.*s\n", print_text(answer, "name"), *tier ? ", tier " : "", tier,
		print_text(answer, "lane"), STR_ARG(state_text(cli, answer)));
	if (*description)
		puts(description);
	print_targets(cli, answer);
	print_section(cli, answer, "variables");
	print_section(cli, answer, "floor");
	static const char *const lists[] = {"windows", "policies", "checks", "freezes", "pins"};
	for (size_t i = 0; i < COUNT_OF(lists); i++)
		print_entries(cli, answer, lists[i]);
}

int command_env_show(struct cli *cli, struct err *err)
{
	return ask(cli, "GET", ask_path(cli, "/api/v1/environments/", ""), NULL, print_environment, err);
}

static void print_created(struct cli *cli, const json_t *answer)
{
	printf("%s: added; the configuration is at version %lld\n", cli_argument(cli, 0),
		(long long)print_number(answer, "version"));
}

int command_env_create(struct cli *cli, struct err *err)
{
	const char *tier = cli_flag(cli, "tier"), *lane = cli_flag(cli, "lane");
	json_t *body = json_pack(
		"{s:s, s:s, s:s}", "name", cli_argument(cli, 0), "tier", tier ? tier : "", "lane", lane ? lane : "");
	int code = ask(cli, "POST", STR("/api/v1/environments"), body, print_created, err);
	json_decref(body);
	return code;
}
