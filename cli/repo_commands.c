/* Repositories, what came in, workers, accounts. */
#include "cli/api.h"
#include "cli/commands.h"
#include "cli/print.h"
#include "common/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *text_of(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));
	return text ? text : "";
}

/* One request; prints the answer as JSON, or by `print`. */
static int ask(struct cli *cli, const char *method, struct str path, const json_t *body,
	void (*print)(const struct cli *cli, const json_t *json), struct err *err)
{
	struct api api;
	json_t *json = NULL;
	if (!api_open(cli, &api, err) || !api_call(&api, method, path, body, &json, err))
		return CLI_FAILED;
	if (cli->is_json && json)
		print_json(json);
	else if (!cli->is_json)
		print(cli, json);
	json_decref(json);
	return CLI_OK;
}

static struct str path_to(struct cli *cli, const char *before, const char *after)
{
	struct str name = api_quote(str_of(cli_argument(cli, 0)), &cli->arena);
	return arena_printf(&cli->arena, "%s%.*s%s", before, STR_ARG(name), after);
}

/* --- repositories --- */

static void print_added(const struct cli *cli, const json_t *json)
{
	(void)cli;
	const char *url = text_of(json, "url");
	printf("%s is watched\n", text_of(json, "name"));
	if (strncmp(url, "file://", 7) == 0 || url[0] == '/')
		printf("next: penstock hook install %s\n", url[0] == '/' ? url : url + 7);
}

int command_repo_add(struct cli *cli, struct err *err)
{
	json_t *body = json_pack("{s:s, s:s}", "name", cli_argument(cli, 0), "url", cli_argument(cli, 1));
	if (cli_has(cli, "default-branch"))
		json_object_set_new(body, "default_branch", json_string(cli_flag(cli, "default-branch")));
	int code = ask(cli, "POST", STR("/api/v1/repositories"), body, print_added, err);
	json_decref(body);
	return code;
}

static void print_repositories(const struct cli *cli, const json_t *json)
{
	(void)cli;
	size_t i;
	json_t *item;
	json_array_foreach(json_object_get(json, "repositories"), i, item)
		printf("%-20s %-12s %s%s%s\n", text_of(item, "name"), text_of(item, "default_branch"),
			text_of(item, "url"), text_of(item, "problem")[0] ? "  ! " : "", text_of(item, "problem"));
	if (json_array_size(json_object_get(json, "repositories")) == 0)
		puts("no repositories; `penstock repo add NAME URL`");
}

int command_repo_ls(struct cli *cli, struct err *err)
{
	return ask(cli, "GET", STR("/api/v1/repositories"), NULL, print_repositories, err);
}

static void print_done(const struct cli *cli, const json_t *json)
{
	(void)json;
	printf("%s: done\n", cli_argument(cli, 0));
}

int command_repo_rm(struct cli *cli, struct err *err)
{
	return ask(cli, "DELETE", path_to(cli, "/api/v1/repositories/", ""), NULL, print_done, err);
}

int command_repo_poll(struct cli *cli, struct err *err)
{
	return ask(cli, "POST", path_to(cli, "/api/v1/repositories/", "/poll"), NULL, print_done, err);
}

static void print_secret(const struct cli *cli, const json_t *json)
{
	(void)cli;
	printf("address  %s\nsecret   %s\n", text_of(json, "url"), text_of(json, "secret"));
}

int command_repo_secret(struct cli *cli, struct err *err)
{
	return ask(cli, "POST", path_to(cli, "/api/v1/repositories/", "/hook-secret"), NULL, print_secret, err);
}

static void print_trigger(const json_t *trigger)
{
	size_t i;
	json_t *run;
	printf("%6lld  %-12s %-6s %-28s %.10s  %-8s ", (long long)json_integer_value(json_object_get(trigger, "id")),
		text_of(trigger, "repository"), text_of(trigger, "event"), text_of(trigger, "ref"),
		text_of(trigger, "commit"), text_of(trigger, "state"));
	json_array_foreach(json_object_get(trigger, "runs"), i, run) printf("%s ", json_string_value(run));
	printf("%s\n", text_of(trigger, "reason"));
}

static void print_triggers(const struct cli *cli, const json_t *json)
{
	(void)cli;
	size_t i;
	json_t *item;
	json_array_foreach(json_object_get(json, "triggers"), i, item) print_trigger(item);
}

int command_triggers(struct cli *cli, struct err *err)
{
	struct str path = STR("/api/v1/triggers");
	if (cli_has(cli, "repository"))
		path = arena_printf(&cli->arena, "/api/v1/triggers?repository=%.*s",
			STR_ARG(api_quote(str_of(cli_flag(cli, "repository")), &cli->arena)));
	return ask(cli, "GET", path, NULL, print_triggers, err);
}

/* --- workers --- */

static void print_workers(const struct cli *cli, const json_t *json)
{
	(void)cli;
	size_t i, j;
	json_t *item, *label;
	json_array_foreach(json_object_get(json, "workers"), i, item)
	{
		printf("%-20s %-9s %lld of %lld busy  profile %-5s %s ", text_of(item, "name"), text_of(item, "state"),
			(long long)json_integer_value(json_object_get(item, "busy")),
			(long long)json_integer_value(json_object_get(item, "slots")), text_of(item, "profile"),
			text_of(item, "version"));
		json_array_foreach(json_object_get(item, "labels"), j, label) printf(" %s", json_string_value(label));
		putchar('\n');
	}
	if (json_array_size(json_object_get(json, "workers")) == 0)
		puts("no workers; `penstock worker token NAME`, then start penstock-worker with it");
}

int command_workers(struct cli *cli, struct err *err)
{
	return ask(cli, "GET", STR("/api/v1/workers"), NULL, print_workers, err);
}

int command_worker_drain(struct cli *cli, struct err *err)
{
	return ask(cli, "POST", path_to(cli, "/api/v1/workers/", "/drain"), NULL, print_done, err);
}

int command_worker_resume(struct cli *cli, struct err *err)
{
	return ask(cli, "POST", path_to(cli, "/api/v1/workers/", "/resume"), NULL, print_done, err);
}

static void print_token(const struct cli *cli, const json_t *json)
{
	(void)cli;
	puts(text_of(json, "token"));
}

int command_worker_token(struct cli *cli, struct err *err)
{
	json_t *body = json_pack("{s:s, s:s}", "name", cli_argument(cli, 0), "kind", "worker");
	int code = ask(cli, "POST", STR("/api/v1/tokens"), body, print_token, err);
	json_decref(body);
	return code;
}

/* --- accounts --- */

static void print_accounts(const struct cli *cli, const json_t *json)
{
	(void)cli;
	size_t i, j;
	json_t *item, *group;
	json_array_foreach(json_object_get(json, "accounts"), i, item)
	{
		printf("%-20s %-10s", text_of(item, "name"), text_of(item, "role"));
		json_array_foreach(json_object_get(item, "groups"), j, group) printf(" %s", json_string_value(group));
		putchar('\n');
	}
}

int command_accounts(struct cli *cli, struct err *err)
{
	return ask(cli, "GET", STR("/api/v1/accounts"), NULL, print_accounts, err);
}

int command_account_add(struct cli *cli, struct err *err)
{
	char password[1024];
	const char *role = cli_flag(cli, "role");
	if (!fgets(password, sizeof password, stdin)) {
		err_set(err, ERR_INVALID, "the password is read from standard input, one line");
		return CLI_FAILED;
	}
	password[strcspn(password, "\n")] = 0;
	json_t *groups = json_array();
	for (const char *const *group = cli_flag_all(cli, "group"); *group; group++)
		json_array_append_new(groups, json_string(*group));
	json_t *body = json_pack("{s:s, s:s, s:s, s:o}", "name", cli_argument(cli, 0), "password", password, "role",
		role ? role : "developer", "groups", groups);
	if (cli_has(cli, "email"))
		json_object_set_new(body, "email", json_string(cli_flag(cli, "email")));
	if (cli_has(cli, "display-name"))
		json_object_set_new(body, "display_name", json_string(cli_flag(cli, "display-name")));
	int code = ask(cli, "POST", STR("/api/v1/accounts"), body, print_done, err);
	json_decref(body);
	memset(password, 0, sizeof password);
	return code;
}
