#include "cli/ask.h"

#include "cli/print.h"

#include <stdio.h>

int ask(struct cli *cli, const char *method, struct str path, const json_t *body,
	void (*print)(struct cli *cli, const json_t *answer), struct err *err)
{
	struct api api;
	json_t *answer = NULL;
	if (!api_open(cli, &api, err) || !api_call(&api, method, path, body, &answer, err))
		return CLI_FAILED;
	if (cli->is_json && answer)
		print_json(answer);
	else if (!cli->is_json)
		print(cli, answer);
	json_decref(answer);
	return CLI_OK;
}

void ask_print_done(struct cli *cli, const json_t *answer)
{
	(void)answer;
	printf("%s: done\n", cli_argument(cli, 0));
}

struct str ask_path(struct cli *cli, const char *before, const char *after)
{
	struct str name = api_quote(str_of(cli_argument(cli, 0)), &cli->arena);
	return arena_printf(&cli->arena, "%s%.*s%s", before, STR_ARG(name), after);
}
