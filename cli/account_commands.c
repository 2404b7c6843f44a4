/* Accounts of people. */
#include "cli/ask.h"
#include "cli/commands.h"
#include "cli/password.h"
#include "cli/print.h"
#include "cli/table.h"

#include <stdio.h>
#include <string.h>

static void print_accounts(struct cli *cli, const json_t *answer)
{
	static const char *const heads[] = {"NAME", "SHOWN AS", "ROLE", "STATE", "GROUPS", NULL};
	struct table table;
	size_t i;
	json_t *item;
	table_init(&table, cli, heads);
	json_array_foreach(json_object_get(answer, "accounts"), i, item)
	{
		table_add(&table, print_text(item, "name"));
		table_add(&table, print_text(item, "display_name"));
		table_add(&table, print_text(item, "role"));
		table_add(&table, json_is_true(json_object_get(item, "is_disabled")) ? "disabled" : "enabled");
		table_add_list(&table, json_object_get(item, "groups"));
	}
	table_print(&table);
}

int command_accounts(struct cli *cli, struct err *err)
{
	return ask(cli, "GET", STR("/api/v1/accounts"), NULL, print_accounts, err);
}

/* --- adding one --- */

static json_t *describe(struct cli *cli, const char *password)
{
	const char *role = cli_flag(cli, "role");
	json_t *groups = json_array();
	for (const char *const *group = cli_flag_all(cli, "group"); *group; group++)
		json_array_append_new(groups, json_string(*group));
	json_t *body = json_pack("{s:s, s:s, s:s, s:o}", "name", cli_argument(cli, 0), "password", password, "role",
		role ? role : "developer", "groups", groups);
	if (cli_has(cli, "email"))
		json_object_set_new(body, "email", json_string(cli_flag(cli, "email")));
	if (cli_has(cli, "display-name"))
		json_object_set_new(body, "display_name", json_string(cli_flag(cli, "display-name")));
	return body;
}

int command_account_add(struct cli *cli, struct err *err)
{
	char password[PASSWORD_MAX_BYTES];
	if (!password_read_new("Password: ", password, err))
		return CLI_FAILED;
	json_t *body = describe(cli, password);
	explicit_bzero(password, sizeof password);
	int code = ask(cli, "POST", STR("/api/v1/accounts"), body, ask_print_done, err);
	json_decref(body);
	return code;
}

/* --- another password --- */

static void print_changed(const json_t *answer)
{
	printf("%s has another password; its sessions have ended, its tokens are as good as before\n",
		print_text(answer, "name"));
}

/* {password}, and for one's own account {current}. NULL: see err. */
static json_t *read_change(struct cli *cli, const char *account, bool is_own, struct err *err)
{
	char current[PASSWORD_MAX_BYTES] = "", password[PASSWORD_MAX_BYTES] = "";
	const char *prompt = arena_printf(&cli->arena, "Present password of %s: ", account).p;
	json_t *body = NULL;
	if ((!is_own || password_read(prompt, current, err)) && password_read_new("New password: ", password, err)) {
		body = json_pack("{s:s}", "password", password);
		if (is_own)
			json_object_set_new(body, "current", json_string(current));
	}
	explicit_bzero(current, sizeof current);
	explicit_bzero(password, sizeof password);
	return body;
}

int command_account_password(struct cli *cli, struct err *err)
{
	struct api api;
	json_auto_t *me = NULL, *body = NULL, *answer = NULL;
	if (!api_open(cli, &api, err) || !api_call(&api, "GET", STR("/api/v1/me"), NULL, &me, err))
		return CLI_FAILED;
	const char *own = print_text(me, "name"), *account = cli_argument(cli, 0) ? cli_argument(cli, 0) : own;
	struct str name = api_quote(str_of(account), &cli->arena);
	struct str path = arena_printf(&cli->arena, "/api/v1/accounts/%.*s/password", STR_ARG(name));
	body = read_change(cli, account, strcmp(account, own) == 0, err);
	if (!body || !api_call(&api, "POST", path, body, &answer, err))
		return CLI_FAILED;
	if (cli->is_json)
		print_json(answer);
	else
		print_changed(answer);
	return CLI_OK;
}

/* --- letting in --- */

int command_account_disable(struct cli *cli, struct err *err)
{
	return ask(cli, "POST", ask_path(cli, "/api/v1/accounts/", "/disable"), NULL, ask_print_done, err);
}

int command_account_enable(struct cli *cli, struct err *err)
{
	return ask(cli, "POST", ask_path(cli, "/api/v1/accounts/", "/enable"), NULL, ask_print_done, err);
}

/* --- logins on forges --- */

static void print_logins(struct cli *cli, const json_t *answer)
{
	static const char *const heads[] = {"ACCOUNT", "FORGE", "LOGIN", NULL};
	struct table table;
	size_t i;
	json_t *item;
	table_init(&table, cli, heads);
	json_array_foreach(json_object_get(answer, "logins"), i, item)
	{
		table_add(&table, print_text(item, "account"));
		table_add(&table, print_text(item, "forge"));
		table_add(&table, print_text(item, "login"));
	}
	table_print(&table);
	if (table.count == 0)
		puts("no account has a login on a forge; reviews there count at no gate");
}

int command_account_logins(struct cli *cli, struct err *err)
{
	return ask(cli, "GET", STR("/api/v1/logins"), NULL, print_logins, err);
}

int command_account_login(struct cli *cli, struct err *err)
{
	const char *login = cli_argument(cli, 2);
	json_t *body = json_pack("{s:s, s:s}", "forge", cli_argument(cli, 1), "login", login ? login : "");
	int code = ask(cli, "POST", ask_path(cli, "/api/v1/accounts/", "/login"), body, ask_print_done, err);
	json_decref(body);
	return code;
}
