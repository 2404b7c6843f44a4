/* What policies and reports found in a run, and the tests that failed. */
#include "cli/api.h"
#include "cli/commands.h"
#include "cli/print.h"
#include "cli/which_run.h"

#include <stdio.h>
#include <string.h>

enum { COMMIT_DIGITS = 10 };

static void print_place(const json_t *finding)
{
	const char *path = print_text(finding, "path"), *commit = print_text(finding, "commit");
	int line = (int)print_number(finding, "line");
	if (*path && line)
		printf("%s:%d: ", path, line);
	else if (*path)
		printf("%s: ", path);
	else if (*commit)
		printf("commit %.*s: ", COMMIT_DIGITS, commit);
}

static void print_finding(struct cli *cli, const json_t *finding)
{
	const char *allowed = print_text(finding, "allowed"),
		   *level = *allowed ? "allowed" : print_text(finding, "level");
	print_place(finding);
	printf("%s%s%s: %s: %s (%s)\n",
		print_colour(cli, strcmp(level, "error") == 0     ? "failed"
				  : strcmp(level, "warning") == 0 ? "waiting"
								  : ""),
		level, print_plain(cli), print_text(finding, "rule"), print_text(finding, "message"),
		print_text(finding, "job"));
	if (*allowed)
		printf("    because: %s\n", allowed);
	else if (*print_text(finding, "help"))
		printf("    %s\n", print_text(finding, "help"));
}

static void print_tests(const json_t *report)
{
	size_t i;
	json_t *fault;
	int tests = (int)print_number(report, "tests"), errors = (int)print_number(report, "errors");
	printf("%s: %d test%s, %d failed, %d error%s, %d skipped (%s)\n", print_text(report, "report"), tests,
		tests == 1 ? "" : "s", (int)print_number(report, "failures"), errors, errors == 1 ? "" : "s",
		(int)print_number(report, "skipped"), print_text(report, "job"));
	json_array_foreach(json_object_get(report, "faults"), i, fault)
		printf("    %s: %s%s%s\n", print_text(fault, "kind"), print_text(fault, "name"),
			*print_text(fault, "message") ? ": " : "", print_text(fault, "message"));
}

static void print_all(struct cli *cli, const json_t *json)
{
	size_t i;
	json_t *item;
	json_array_foreach(json_object_get(json, "findings"), i, item) print_finding(cli, item);
	if (json_array_size(json_object_get(json, "findings")) == 0)
		puts("no findings");
	json_array_foreach(json_object_get(json, "tests"), i, item) print_tests(item);
}

int command_findings(struct cli *cli, struct err *err)
{
	struct api api;
	struct str path;
	json_t *json;
	bool is_sarif = cli_has(cli, "sarif");
	if (!api_open(cli, &api, err) || !which_run(cli, &api, &path, err) ||
		!api_call(&api, "GET",
			arena_printf(api.arena, "%.*s/findings%s", STR_ARG(path), is_sarif ? "?format=sarif" : ""),
			NULL, &json, err))
		return CLI_FAILED;
	if (cli->is_json || is_sarif)
		print_json(json);
	else
		print_all(cli, json);
	json_decref(json);
	return CLI_OK;
}
