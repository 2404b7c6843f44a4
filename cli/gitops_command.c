/* Whose runs may commit into a configuration repository. */
#include "cli/ask.h"
#include "cli/commands.h"
#include "cli/print.h"
#include "cli/table.h"

#include <stdio.h>
#include <string.h>

static void add_globs(struct table *table, const json_t *globs, const char *otherwise)
{
	auto_buf text = BUF_INIT(TEXT_MAX);
	size_t i;
	json_t *glob;
	json_array_foreach(globs, i, glob) buf_addf(&text, "%s%s", i ? ", " : "", json_string_value(glob));
	table_add(table, text.n ? buf_c(&text) : otherwise);
}

static void print_grants(struct cli *cli, const json_t *answer)
{
	static const char *const heads[] = {"FROM", "BRANCHES AND TAGS", "FILES", NULL};
	struct table table;
	size_t i;
	json_t *item;
	table_init(&table, cli, heads);
	json_array_foreach(json_object_get(answer, "grants"), i, item)
	{
		table_add(&table, print_text(item, "source"));
		add_globs(&table, json_object_get(item, "refs"), "its default branch");
		add_globs(&table, json_object_get(item, "files"), "all");
	}
	table_print(&table);
	if (table.count == 0)
		printf("%s takes no changes from runs of other repositories\n", cli_argument(cli, 1));
}

static json_t *list_of(struct cli *cli, const char *flag)
{
	json_t *list = json_array();
	const char *const *values = cli_flag_all(cli, flag);
	for (size_t i = 0; values[i]; i++)
		json_array_append_new(list, json_string(values[i]));
	return list;
}

int command_repo_gitops(struct cli *cli, struct err *err)
{
	const char *action = cli_argument(cli, 0), *from = cli_flag(cli, "from");
	struct str path = arena_printf(&cli->arena, "/api/v1/repositories/%.*s/gitops",
		STR_ARG(api_quote(str_of(cli_argument(cli, 1)), &cli->arena)));
	bool is_allowing = strcmp(action, "allow") == 0, is_denying = strcmp(action, "deny") == 0;
	if (strcmp(action, "ls") == 0)
		return ask(cli, "GET", path, NULL, print_grants, err);
	if (!is_allowing && !is_denying) {
		err_set(err, ERR_INVALID, "`penstock repo gitops` wants ls, allow or deny, not \"%s\"", action);
		return CLI_FAILED;
	}
	if (!from) {
		err_set(err, ERR_INVALID, "--from is missing: the repository whose runs are meant");
		return CLI_FAILED;
	}
	if (is_denying) {
		path = arena_printf(
			&cli->arena, "%.*s/%.*s", STR_ARG(path), STR_ARG(api_quote(str_of(from), &cli->arena)));
		return ask(cli, "DELETE", path, NULL, ask_print_done, err);
	}
	json_t *body = json_pack(
		"{s:s, s:o, s:o}", "source", from, "refs", list_of(cli, "refs"), "files", list_of(cli, "files"));
	int code = ask(cli, "PUT", path, body, print_grants, err);
	json_decref(body);
	return code;
}
