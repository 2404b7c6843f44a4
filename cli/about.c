#include "cli/about.h"

#include "cli/api.h"
#include "cli/args.h"
#include "cli/help.h"
#include "common/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct cli_flag help_flags[] = {
	{"markdown", NULL, "the whole of it as docs/cli.md", NULL},
	{0},
};

int help_run(struct cli *cli, struct err *err)
{
	auto_buf text = BUF_INIT(TEXT_MAX);
	size_t used;
	const struct cli_command *command = args_find(cli->arguments, cli->argument_count, &used);
	if (cli_has(cli, "markdown"))
		help_markdown(&text);
	else if (cli->argument_count == 0)
		help_overview(&text, cli->has_color);
	else if (command && used == cli->argument_count)
		help_command(command, &text);
	else if (cli->argument_count == 1 && args_is_group(cli->arguments[0]))
		help_group(cli->arguments[0], &text);
	else if (!args_unknown(cli->arguments, cli->argument_count, err))
		return CLI_FAILED;
	fputs(buf_c(&text), stdout);
	return CLI_OK;
}

int completion_run(struct cli *cli, struct err *err)
{
	auto_buf text = BUF_INIT(TEXT_MAX);
	if (!help_completion(cli->arguments[0], &text, err))
		return CLI_FAILED;
	fputs(buf_c(&text), stdout);
	return CLI_OK;
}

/* The server's is asked for when one is known, and its absence is no failure: people ask to report a fault. */
int version_run(struct cli *cli, struct err *err)
{
	(void)err;
	struct err why = {0};
	struct api api;
	json_t *server = NULL;
	bool is_known = api_open(cli, &api, &why);
	bool has_answer = is_known && api_call(&api, "GET", STR("/api/v1/version"), NULL, &server, &why);
	if (cli->is_json) {
		json_t *all = json_pack("{s:s, s:O?}", "version", PENSTOCK_VERSION, "server", server);
		json_dumpf(all, stdout, JSON_INDENT(2));
		putchar('\n');
		json_decref(all);
	} else {
		puts("penstock " PENSTOCK_VERSION);
		if (has_answer)
			printf("server   %.*s at %.*s (schema %lld)\n", STR_ARG(json_get_str(server, "version")),
				STR_ARG(api.url), (long long)json_integer_value(json_object_get(server, "schema")));
		else if (is_known)
			printf("server   %s\n", why.text);
	}
	json_decref(server);
	return CLI_OK;
}
