/* Alarms: what they are, and trying one. */
#include "cli/ask.h"
#include "cli/commands.h"
#include "cli/print.h"
#include "cli/table.h"
#include "common/clock.h"

#include <stdio.h>
#include <string.h>

static const char *or_dash(const char *text)
{
	return text[0] ? text : "-";
}

static void print_alarms(struct cli *cli, const json_t *answer)
{
	static const char *const heads[] = {"NAME", "STATE", "SINCE", "SAMPLED", "KIND", "SAYS", NULL};
	struct table table;
	size_t i;
	json_t *item;
	table_init(&table, cli, heads);
	json_array_foreach(json_object_get(answer, "alarms"), i, item)
	{
		char since[PRINT_TIME_BYTES], sampled[PRINT_TIME_BYTES];
		bool is_dry_run = json_is_true(json_object_get(item, "is_dry_run"));
		print_ago(since, item, "since");
		print_ago(sampled, item, "sampled_at");
		table_add(&table, print_text(item, "name"));
		table_add_state(&table, print_text(item, "state"));
		table_add(&table, since);
		table_add(&table, sampled);
		table_addf(&table, "%s%s", print_text(item, "kind"), is_dry_run ? ", dry run" : "");
		table_add(&table, print_text(item, "message"));
	}
	table_print(&table);
	if (table.count == 0)
		puts("no alarms; they stand under `alarms` in the configuration (docs/alarms.md)");
}

int command_alarms(struct cli *cli, struct err *err)
{
	return ask(cli, "GET", STR("/api/v1/alarms"), NULL, print_alarms, err);
}

static void print_rules(struct cli *cli, const json_t *alarm)
{
	struct arena *arena = &cli->arena;
	int64_t for_ms = print_number(alarm, "for_ms"), interval_ms = print_number(alarm, "interval_ms");
	printf("fires when  %s", print_text(alarm, "condition"));
	if (for_ms)
		printf(", for %.*s", STR_ARG(duration_format(arena, for_ms)));
	if (interval_ms)
		printf("\nlooked at   every %.*s", STR_ARG(duration_format(arena, interval_ms)));
	puts(json_is_true(json_object_get(alarm, "is_dry_run")) ? "\ndry run     nothing follows from it" : "");
	if (print_text(alarm, "description")[0])
		printf("about       %s\n", print_text(alarm, "description"));
	if (print_text(alarm, "link")[0])
		printf("see         %s\n", print_text(alarm, "link"));
}

static void add_value(struct table *table, const json_t *item)
{
	const json_t *value = json_object_get(item, "value");
	if (json_is_number(value))
		table_addf(table, "%g", json_number_value(value));
	else
		table_add(table, "-");
}

static void print_changes(struct cli *cli, const json_t *alarm)
{
	static const char *const heads[] = {"CHANGED", "TO", "VALUE", "BECAUSE", NULL};
	struct table table;
	size_t i;
	json_t *item;
	table_init(&table, cli, heads);
	json_array_foreach(json_object_get(alarm, "changes"), i, item)
	{
		char ago[PRINT_TIME_BYTES];
		print_ago(ago, item, "at");
		table_add(&table, ago);
		table_addf(&table, "%s -> %s", print_text(item, "was"), print_text(item, "state"));
		add_value(&table, item);
		table_add(&table, or_dash(print_text(item, "message")));
	}
	table_print(&table);
}

static void print_samples(struct cli *cli, const json_t *alarm)
{
	static const char *const heads[] = {"SAMPLED", "OUTCOME", "VALUE", "SAYS", NULL};
	enum { SHOWN_MAX = 10 };
	struct table table;
	size_t i;
	json_t *item;
	table_init(&table, cli, heads);
	json_array_foreach(json_object_get(alarm, "samples"), i, item)
	{
		char ago[PRINT_TIME_BYTES];
		if (i == SHOWN_MAX)
			break;
		print_ago(ago, item, "at");
		table_add(&table, ago);
		table_add(&table, print_text(item, "outcome"));
		add_value(&table, item);
		table_add(&table, or_dash(print_text(item, "message")));
	}
	table_print(&table);
}

static void print_alarm(struct cli *cli, const json_t *alarm)
{
	char since[PRINT_TIME_BYTES];
	const char *state = print_text(alarm, "state");
	print_ago(since, alarm, "since");
	printf("%s: %s%s%s, since %s: %s\n", print_text(alarm, "name"), print_colour(cli, state), state,
		print_plain(cli), since, print_text(alarm, "message"));
	print_rules(cli, alarm);
	if (json_array_size(json_object_get(alarm, "changes")))
		puts("");
	print_changes(cli, alarm);
	if (json_array_size(json_object_get(alarm, "samples")))
		puts("");
	print_samples(cli, alarm);
}

int command_alarm_show(struct cli *cli, struct err *err)
{
	return ask(cli, "GET", ask_path(cli, "/api/v1/alarms/", ""), NULL, print_alarm, err);
}

/* --- trying --- */

static void print_reading(const json_t *answer)
{
	printf("%s: %s (asked for %lld ms)\n", print_text(answer, "outcome"), print_text(answer, "message"),
		(long long)print_number(answer, "took_ms"));
}

int command_alarm_test(struct cli *cli, struct err *err)
{
	struct api api;
	json_t *answer = NULL;
	if (!api_open(cli, &api, err) ||
		!api_call(&api, "POST", ask_path(cli, "/api/v1/alarms/", "/test"), NULL, &answer, err))
		return CLI_FAILED;
	if (cli->is_json)
		print_json(answer);
	else
		print_reading(answer);
	const char *outcome = print_text(answer, "outcome");
	bool is_known = strcmp(outcome, "fine") == 0 || strcmp(outcome, "breach") == 0;
	json_decref(answer);
	return is_known ? CLI_OK : CLI_RUN_FAILED;
}

static void print_secret(struct cli *cli, const json_t *answer)
{
	bool is_shared = strcmp(cli_argument(cli, 0), "alertmanager") == 0;
	printf("%s\n", print_text(answer, "secret"));
	fprintf(stderr, "POST to %s, %s\n", print_text(answer, "url"),
		is_shared ? "with it as bearer token or password; it is not shown again"
			  : "with X-Penstock-Signature: sha256=HMAC of the body by this key; it is not shown again");
}

int command_alarm_secret(struct cli *cli, struct err *err)
{
	json_t *body = json_pack("{s:b}", "replace", (int)cli_has(cli, "replace"));
	int code = ask(cli, "POST", ask_path(cli, "/api/v1/alarms/", "/secret"), body, print_secret, err);
	json_decref(body);
	return code;
}
