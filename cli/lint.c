/* penstock lint: what the server would say of pipeline files, before they are pushed. */
#include "cli/commands.h"
#include "cli/pipeline_files.h"
#include "cli/print.h"

#include <stdio.h>
#include <stdlib.h>

static bool which_files(struct cli *cli, struct str_list *ret, struct err *err)
{
	if (cli->argument_count == 0)
		return pipeline_files_enter(err) && pipeline_files_list(&cli->arena, ret, err);
	*ret = (struct str_list){
		.items = arena_array(&cli->arena, struct str, cli->argument_count), .count = cli->argument_count};
	for (size_t i = 0; i < cli->argument_count; i++)
		ret->items[i] = str_of(cli->arguments[i]);
	return true;
}

static void print_schema(void)
{
	auto_free char *schema = lang_schema_json();
	fputs(schema, stdout);
}

int command_lint(struct cli *cli, struct err *err)
{
	struct str_list files;
	size_t wrong = 0;
	if (cli_has(cli, "schema")) {
		print_schema();
		return CLI_OK;
	}
	if (!which_files(cli, &files, err))
		return CLI_FAILED;
	json_t *list = json_array();
	for (size_t i = 0; i < files.count; i++) {
		struct lang_errors errors = {.arena = &cli->arena};
		const struct pipeline *pipeline;
		if (pipeline_files_load(files.items[i].p, &cli->arena, &pipeline, &errors))
			continue;
		wrong++;
		lang_errors_describe(&errors, list);
		if (!cli->is_json)
			pipeline_files_print(&errors);
	}
	json_t *answer = json_pack("{s:i, s:i, s:o}", "files", (int)files.count, "wrong", (int)wrong, "errors", list);
	if (cli->is_json)
		print_json(answer);
	else
		printf("%zu of %zu files are right\n", files.count - wrong, files.count);
	json_decref(answer);
	return wrong ? CLI_RUN_FAILED : CLI_OK;
}
