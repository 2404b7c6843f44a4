/* The post-receive hook of a bare repository: installed by `hook install`, and `hook post` is what it runs. */
#include "cli/api.h"
#include "cli/commands.h"
#include "cli/print.h"
#include "common/digest.h"
#include "common/hex.h"
#include "common/json.h"
#include "common/random.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* How long a push waits for a server that is away. */
enum { POST_MS = 3000, CONFIG_MAX_BYTES = 64 * 1024 };

static const char mark[] = "# written by penstock hook install";

/* --- install --- */

static bool is_bare_repository(const char *path, struct arena *arena)
{
	return access(arena_printf(arena, "%s/HEAD", path).p, F_OK) == 0 &&
	       access(arena_printf(arena, "%s/objects", path).p, F_OK) == 0;
}

static bool is_at(const char *url, const char *path)
{
	char real_url[PATH_MAX], real_path[PATH_MAX];
	if (strncmp(url, "file://", 7) == 0)
		url += 7;
	return url[0] == '/' && realpath(url, real_url) && realpath(path, real_path) &&
	       strcmp(real_url, real_path) == 0;
}

/* The repository whose address is this path. */
static bool find_repository(
	struct cli *cli, const struct api *api, const char *path, const char **ret_name, struct err *err)
{
	json_t *json, *item;
	size_t i;
	const char *found = NULL;
	if (cli_has(cli, "repository")) {
		*ret_name = cli_flag(cli, "repository");
		return true;
	}
	if (!api_call(api, "GET", STR("/api/v1/repositories"), NULL, &json, err))
		return false;
	json_array_foreach(json_object_get(json, "repositories"), i,
		item) if (is_at(json_string_value(json_object_get(item, "url")), path)) found =
		arena_strdup(api->arena, json_string_value(json_object_get(item, "name")));
	json_decref(json);
	if (!found)
		return err_set(err, ERR_NOT_FOUND,
			"no repository on the server has the address %s; add it, or say --repository NAME", path);
	*ret_name = found;
	return true;
}

/* A new file under the name, never through a link that somebody left there. git runs hooks as whoever pushes, so the
 * file belongs to the owner of the repository. */
static bool write_file(
	struct arena *arena, const char *repository, const char *path, mode_t mode, struct str text, struct err *err)
{
	struct stat owner;
	const char *fresh = arena_printf(arena, "%s.new", path).p;
	unlink(fresh);
	auto_fd int fd = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
	bool ok = fd >= 0 && write(fd, text.p, text.n) == (ssize_t)text.n && fchmod(fd, mode) == 0;
	if (ok && geteuid() == 0)
		ok = stat(repository, &owner) == 0 && fchown(fd, owner.st_uid, owner.st_gid) == 0;
	return (ok && rename(fresh, path) == 0) || err_errno(err, "write %s", path);
}

static bool is_ours(const char *path)
{
	char text[4096] = "";
	FILE *file = fopen(path, "re");
	if (!file)
		return errno == ENOENT;
	size_t n = fread(text, 1, sizeof text - 1, file);
	fclose(file);
	text[n] = 0;
	return strstr(text, mark) != NULL;
}

/* One word for sh, whatever it holds. */
static const char *quote(struct arena *arena, const char *text)
{
	auto_buf quoted = BUF_INIT(4 * PATH_MAX + 2);
	buf_add_char(&quoted, '\'');
	for (; *text; text++)
		if (*text == '\'')
			buf_add_c(&quoted, "'\\''");
		else
			buf_add_char(&quoted, *text);
	buf_add_char(&quoted, '\'');
	return arena_str(arena, buf_str(&quoted)).p;
}

/* Appended, since git would make the file anew with the caller as its owner; the last value of a key counts. */
static bool enable_push_options(const char *path, struct arena *arena, struct err *err)
{
	static const char wanted[] = "[receive]\n\tadvertisePushOptions = true\n";
	const char *config = arena_printf(arena, "%s/config", path).p;
	char text[CONFIG_MAX_BYTES] = "";
	auto_fd int fd = open(config, O_RDWR | O_APPEND | O_CLOEXEC | O_NOFOLLOW);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
	if (n < 0)
		return err_errno(err, "%s", config);
	bool is_set = strcasestr(text, "advertisePushOptions = true") != NULL;
	return is_set || write(fd, wanted, sizeof wanted - 1) == (ssize_t)sizeof wanted - 1 ||
	       err_errno(err, "write %s", config);
}

static bool keep_before(struct cli *cli, const char *hook, struct err *err)
{
	if (is_ours(hook))
		return true;
	if (!cli_has(cli, "force"))
		return err_set(err, ERR_CONFLICT,
			"%s is there already; --force keeps it as post-receive.before and runs it first", hook);
	return rename(hook, arena_printf(&cli->arena, "%s.before", hook).p) == 0 || err_errno(err, "%s", hook);
}

static bool install(struct cli *cli, const char *path, struct str secret, struct str url, struct err *err)
{
	struct arena *arena = &cli->arena;
	const char *hook = arena_printf(arena, "%s/hooks/post-receive", path).p,
		   *config = arena_printf(arena, "%s/penstock-hook.json", path).p;
	const char *self;
	json_t *json = json_pack("{s:o, s:o}", "url", json_of_str(url), "secret", json_of_str(secret));
	struct str text = json_text(json, arena);
	json_decref(json);
	if (!cli_self(arena, &self, err))
		return false;
	mkdir(arena_printf(arena, "%s/hooks", path).p, 0755);
	struct str script = arena_printf(arena,
		"#!/bin/sh\n%s\nupdates=$(cat)\nbefore=$(dirname \"$0\")/post-receive.before\n"
		"[ ! -x \"$before\" ] || printf '%%s\\n' \"$updates\" | \"$before\" \"$@\"\n"
		"printf '%%s\\n' \"$updates\" | %s hook post --config %s\nexit 0\n",
		mark, quote(arena, self), quote(arena, config));
	if (!keep_before(cli, hook, err) || !write_file(arena, path, config, 0600, text, err) ||
		!write_file(arena, path, hook, 0755, script, err))
		return false;
	return enable_push_options(path, arena, err);
}

int command_hook_install(struct cli *cli, struct err *err)
{
	char path[PATH_MAX];
	struct api api;
	const char *name;
	json_t *json;
	if (!realpath(cli_argument(cli, 0), path) || !is_bare_repository(path, &cli->arena)) {
		err_set(err, ERR_INVALID, "%s is no bare git repository (git init --bare makes one)",
			cli_argument(cli, 0));
		return CLI_FAILED;
	}
	if (!api_open(cli, &api, err) || !find_repository(cli, &api, path, &name, err) ||
		!api_call(&api, "POST",
			arena_printf(api.arena, "/api/v1/repositories/%.*s/hook-secret",
				STR_ARG(api_quote(str_of(name), api.arena))),
			NULL, &json, err))
		return CLI_FAILED;
	/* The server knows its own address best, but perhaps not the one that this machine reaches it by. */
	struct str url = arena_printf(
		api.arena, "%.*s/hooks/%.*s", STR_ARG(api.url), STR_ARG(api_quote(str_of(name), api.arena)));
	bool ok = install(cli, path, json_get_str(json, "secret"), url, err);
	json_decref(json);
	if (!ok)
		return CLI_FAILED;
	if (cli->is_json) {
		json_t *answer = json_pack("{s:s, s:o, s:o}", "repository", name, "path", json_of_str(str_of(path)),
			"url", json_of_str(url));
		print_json(answer);
		json_decref(answer);
	} else {
		printf("pushes to %s start runs of %s\n", path, name);
	}
	return CLI_OK;
}

/* --- post --- */

static json_t *read_updates(void)
{
	char line[8192], before[128], after[128], ref[4096];
	json_t *updates = json_array();
	while (fgets(line, sizeof line, stdin))
		if (sscanf(line, "%127s %127s %4095s", before, after, ref) == 3)
			json_array_append_new(
				updates, json_pack("{s:s, s:s, s:s}", "ref", ref, "before", before, "after", after));
	return updates;
}

static json_t *read_options(void)
{
	const char *count_text = getenv("GIT_PUSH_OPTION_COUNT");
	json_t *options = json_array();
	long count = count_text ? strtol(count_text, NULL, 10) : 0;
	for (long i = 0; i < count && i < 100; i++) {
		char name[48];
		snprintf(name, sizeof name, "GIT_PUSH_OPTION_%ld", i);
		const char *value = getenv(name);
		if (value)
			json_array_append_new(options, json_string(value));
	}
	return options;
}

static const char *pusher(void)
{
	const struct passwd *account = getpwuid(getuid());
	const char *names[] = {getenv("PENSTOCK_PUSHER"), getenv("GL_USERNAME"), getenv("REMOTE_USER"),
		account ? account->pw_name : NULL};
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (names[i] && names[i][0])
			return names[i];
	return "somebody";
}

static bool post(struct arena *arena, struct str url, struct str secret, struct str body, struct err *err)
{
	uint8_t mac[DIGEST_BYTES];
	char mac_text[DIGEST_TEXT_BYTES] = "";
	digest_hmac(secret, body, mac);
	hex_write(mac, sizeof mac, mac_text);
	const char *const headers[] = {
		"Content-Type: application/json",
		arena_printf(arena, "X-Penstock-Signature: sha256=%s", mac_text).p,
		arena_printf(arena, "X-Penstock-Delivery: %.*s", STR_ARG(random_token(arena, "d"))).p,
		NULL,
	};
	return api_post(arena_str(arena, url).p, body, headers, POST_MS, err);
}

/* Where to look: the URL is the server's address, then /hooks/NAME. */
static void print_hint(struct str url)
{
	static const struct str between = {"/hooks/", 7};
	size_t at = url.n;
	str_find(url, between, &at);
	fprintf(stderr, "penstock: %.*s knows of this push; `penstock runs --repository %.*s` lists its runs\n",
		STR_ARG(str_brief(url, at)), STR_ARG(str_skip(url, at + between.n)));
}

/* Never fails the push: the poll finds what was not told. */
int command_hook_post(struct cli *cli, struct err *err)
{
	json_error_t fault;
	if (!cli_has(cli, "config")) {
		err_set(err, ERR_INVALID, "--config is missing");
		return CLI_FAILED;
	}
	json_t *config = json_load_file(cli_flag(cli, "config"), 0, &fault);
	if (!config) {
		fprintf(stderr, "penstock: %s: %s; the server looks for pushes by itself, too\n",
			cli_flag(cli, "config"), fault.text);
		return CLI_OK;
	}
	struct str url = json_get_str(config, "url"), secret = json_get_str(config, "secret");
	json_t *notice =
		json_pack("{s:o, s:o, s:s}", "updates", read_updates(), "options", read_options(), "pusher", pusher());
	struct err fault_of_post;
	if (!post(&cli->arena, url, secret, json_text(notice, &cli->arena), &fault_of_post))
		fprintf(stderr, "penstock: the server was not told (%s); it looks for pushes by itself, too\n",
			fault_of_post.text);
	else
		print_hint(url);
	json_decref(notice);
	json_decref(config);
	return CLI_OK;
}
