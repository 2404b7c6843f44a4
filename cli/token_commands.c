/* Tokens with which people and their scripts call the server. */
#include "cli/ask.h"
#include "cli/commands.h"
#include "cli/password.h"
#include "cli/print.h"
#include "cli/table.h"
#include "common/clock.h"

#include <stdio.h>
#include <string.h>

static void print_tokens(struct cli *cli, const json_t *answer)
{
	static const char *const heads[] = {"ID", "NAME", "KIND", "OF", "MADE", "USED", "EXPIRES", NULL};
	struct table table;
	size_t i;
	json_t *item;
	table_init(&table, cli, heads);
	json_array_foreach(json_object_get(answer, "tokens"), i, item)
	{
		char made[PRINT_TIME_BYTES], used[PRINT_TIME_BYTES];
		const char *expires = print_text(item, "expires_at"), *of = print_text(item, "account");
		print_ago(made, item, "created_at");
		print_ago(used, item, "used_at");
		table_addf(&table, "%lld", (long long)print_number(item, "id"));
		table_add(&table, print_text(item, "name"));
		table_add(&table, print_text(item, "kind"));
		table_add(&table, *of ? of : "-");
		table_add(&table, made);
		table_add(&table, used);
		table_add(&table, *expires ? expires : "never");
	}
	table_print(&table);
}

int command_tokens(struct cli *cli, struct err *err)
{
	return ask(cli, "GET", STR("/api/v1/tokens"), NULL, print_tokens, err);
}

/* --- making one --- */

/* Whoever has no token yet shows a password, for as long as it takes to make one. */
static bool make_as(
	struct cli *cli, const struct api *api, const char *account, const json_t *body, json_t **ret, struct err *err)
{
	char password[PASSWORD_MAX_BYTES];
	struct api session;
	struct err ignored = {0};
	const char *prompt = arena_printf(&cli->arena, "Password of %s: ", account).p;
	if (!password_read(prompt, password, err))
		return false;
	bool ok = api_login(api, account, password, &session, err);
	explicit_bzero(password, sizeof password);
	if (!ok)
		return false;
	ok = api_call(&session, "POST", STR("/api/v1/tokens"), body, ret, err);
	api_call(&session, "POST", STR("/api/v1/logout"), NULL, NULL, &ignored);
	return ok;
}

int command_token_add(struct cli *cli, struct err *err)
{
	const char *account = cli_flag(cli, "account"), *expires = cli_flag(cli, "expires");
	json_auto_t *body = json_pack("{s:s, s:s}", "name", cli_argument(cli, 0), "kind", "api"), *answer = NULL;
	struct api api;
	int64_t lives_ms;
	if (expires && !duration_parse(str_of(expires), &lives_ms, err))
		return CLI_FAILED;
	if (expires)
		json_object_set_new(body, "expires_in_ms", json_integer(lives_ms));
	bool ok = api_open(cli, &api, err) &&
		  (account ? make_as(cli, &api, account, body, &answer, err)
			   : api_call(&api, "POST", STR("/api/v1/tokens"), body, &answer, err));
	if (!ok)
		return CLI_FAILED;
	if (cli->is_json)
		print_json(answer);
	else
		puts(print_text(answer, "token"));
	return CLI_OK;
}

static void print_withdrawn(struct cli *cli, const json_t *answer)
{
	(void)answer;
	printf("token %s lets nobody in any more\n", cli_argument(cli, 0));
}

int command_token_rm(struct cli *cli, struct err *err)
{
	return ask(cli, "DELETE", ask_path(cli, "/api/v1/tokens/", ""), NULL, print_withdrawn, err);
}
