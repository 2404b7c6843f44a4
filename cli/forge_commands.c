/* What ties a repository to its forge: webhook and credentials. */
#include "cli/ask.h"
#include "cli/commands.h"
#include "cli/print.h"
#include "cli/table.h"

#include "common/json.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FILE_BYTES_MAX = 32 * 1024 };

/* Secrets come from files, or from standard input as "-": a command line is for everybody on the machine to see. */
static bool read_file(struct cli *cli, const char *flag, const char *path, struct str *ret, struct err *err)
{
	auto_buf text = BUF_INIT(FILE_BYTES_MAX);
	auto_fd int fd = strcmp(path, "-") == 0 ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC);
	char piece[4096];
	ssize_t n = -1;
	while (fd >= 0 && (n = read(fd, piece, sizeof piece)) > 0)
		buf_add(&text, piece, (size_t)n);
	if (fd < 0 || n < 0)
		return err_set(err, ERR_INVALID, "--%s %s: %s", flag, path, strerror(errno));
	if (text.is_full || str_trim(buf_str(&text)).n == 0)
		return err_set(err, ERR_INVALID, "--%s %s: 1 to %d bytes are wanted", flag, path, FILE_BYTES_MAX);
	*ret = arena_str(&cli->arena, buf_str(&text));
	return true;
}

/* Each row: a flag, the field of the request, and whether the flag names a file that holds the value. */
static const struct {
	const char *flag, *field;
	bool is_file, is_line;
} fields[] = {
	{"default-branch", "default_branch", false, false},
	{"forge", "forge", false, false},
	{"project", "project", false, false},
	{"api-url", "api_url", false, false},
	{"secret-file", "secret", true, true},
	{"forge-token-file", "token", true, true},
	{"forge-user", "token_user", false, false},
	{"ssh-key-file", "ssh_key", true, false},
	{"known-hosts", "known_hosts", true, false},
};

static bool add_fields(struct cli *cli, json_t *body, struct err *err)
{
	for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
		const char *given = cli_flag(cli, fields[i].flag);
		struct str value = str_of(given);
		if (!given)
			continue;
		if (fields[i].is_file && !read_file(cli, fields[i].flag, given, &value, err))
			return false;
		json_object_set_new(body, fields[i].field, json_of_str(fields[i].is_line ? str_trim(value) : value));
	}
	return true;
}

/* --- adding --- */

static void print_hook(const json_t *hook)
{
	printf("address  %s\nsecret   %s\n", print_text(hook, "url"), print_text(hook, "secret"));
}

static void print_host_keys(const json_t *repository)
{
	size_t i;
	json_t *key;
	json_array_foreach(json_object_get(repository, "ssh_host_keys"), i, key)
		printf("%s %s\n", i ? "        " : "host key", json_string_value(key));
	if (i)
		puts("compare them with those that the host publishes; every fetch is held against them from now on");
}

static void print_added(struct cli *cli, const json_t *repository)
{
	(void)cli;
	const char *url = print_text(repository, "url");
	const json_t *hook = json_object_get(repository, "hook");
	printf("%s is watched\n", print_text(repository, "name"));
	print_host_keys(repository);
	if (hook) {
		print_hook(hook);
		printf("paste both into a webhook on %s; the secret is not shown again (docs/forges.md)\n",
			print_text(repository, "forge"));
	} else if (strncmp(url, "file://", 7) == 0 || url[0] == '/')
		printf("next: penstock hook install %s\n", url[0] == '/' ? url : url + 7);
}

/* A repository of this machine may be named from where one stands; the server stands elsewhere. */
static const char *address_of(struct cli *cli, const char *given)
{
	char real[PATH_MAX];
	bool is_relative = given[0] != '/' && !strchr(given, ':');
	return is_relative && realpath(given, real) ? arena_strdup(&cli->arena, real) : given;
}

int command_repo_add(struct cli *cli, struct err *err)
{
	json_t *body =
		json_pack("{s:s, s:s}", "name", cli_argument(cli, 0), "url", address_of(cli, cli_argument(cli, 1)));
	int code = CLI_FAILED;
	if (add_fields(cli, body, err))
		code = ask(cli, "POST", STR("/api/v1/repositories"), body, print_added, err);
	json_decref(body);
	return code;
}

/* --- secrets --- */

static void print_secret(struct cli *cli, const json_t *answer)
{
	(void)cli;
	print_hook(answer);
	puts("the secret before stays good for a day");
}

int command_repo_rotate_secret(struct cli *cli, struct err *err)
{
	json_t *body = json_object();
	int code = CLI_FAILED;
	if (add_fields(cli, body, err))
		code = ask(
			cli, "POST", ask_path(cli, "/api/v1/repositories/", "/hook-secret"), body, print_secret, err);
	json_decref(body);
	return code;
}

static void print_credential(struct cli *cli, const json_t *repository)
{
	(void)cli;
	bool has_token = json_is_true(json_object_get(repository, "has_token")),
	     has_key = json_is_true(json_object_get(repository, "has_ssh_key"));
	printf("%s: %s\n", print_text(repository, "name"),
		has_token && has_key ? "a token and an ssh key"
		: has_token          ? "a token"
		: has_key            ? "an ssh key"
				     : "no credential");
	print_host_keys(repository);
	if (has_token && *print_text(repository, "api_url"))
		printf("statuses go to %s, project %s\n", print_text(repository, "api_url"),
			print_text(repository, "project"));
}

static void print_forgotten(struct cli *cli, const json_t *answer)
{
	(void)answer;
	printf("%s: no credential\n", cli_argument(cli, 1));
}

int command_repo_credential(struct cli *cli, struct err *err)
{
	const char *action = cli_argument(cli, 0);
	struct str path = arena_printf(&cli->arena, "/api/v1/repositories/%.*s/credential",
		STR_ARG(api_quote(str_of(cli_argument(cli, 1)), &cli->arena)));
	if (strcmp(action, "rm") == 0)
		return ask(cli, "DELETE", path, NULL, print_forgotten, err);
	if (strcmp(action, "set") != 0) {
		err_set(err, ERR_INVALID, "`penstock repo credential` wants set or rm, not \"%s\"", action);
		return CLI_FAILED;
	}
	json_t *body = json_object();
	int code = CLI_FAILED;
	if (add_fields(cli, body, err))
		code = ask(cli, "PUT", path, body, print_credential, err);
	json_decref(body);
	return code;
}
