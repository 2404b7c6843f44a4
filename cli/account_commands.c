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
	if (!password_read("Password: ", password, err))
		return CLI_FAILED;
	json_t *body = describe(cli, password);
	explicit_bzero(password, sizeof password);
	int code = ask(cli, "POST", STR("/api/v1/accounts"), body, ask_print_done, err);
	json_decref(body);
	return code;
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
