/* The invariants over the server's database. */
#include "cli/api.h"
#include "cli/commands.h"
#include "cli/print.h"

#include <stdio.h>

static void print_findings(const json_t *findings)
{
	size_t i;
	json_t *item;
	json_array_foreach(findings, i, item)
		printf("%s: %s\n", print_text(item, "invariant"), print_text(item, "finding"));
	if (json_array_size(findings) == 0)
		puts("all invariants hold");
}

int command_fsck(struct cli *cli, struct err *err)
{
	struct api api;
	json_t *json;
	if (!api_open(cli, &api, err))
		return CLI_FAILED;
	const char *runs = cli_flag(cli, "runs");
	struct str path =
		runs ? arena_printf(api.arena, "/api/v1/fsck?runs=%.*s", STR_ARG(api_quote(str_of(runs), api.arena)))
		     : STR("/api/v1/fsck");
	if (!api_call(&api, "GET", path, NULL, &json, err))
		return CLI_FAILED;
	const json_t *findings = json_object_get(json, "findings");
	if (cli->is_json)
		print_json(json);
	else
		print_findings(findings);
	int code = json_array_size(findings) ? CLI_RUN_FAILED : CLI_OK;
	json_decref(json);
	return code;
}
