#include "cli/connection.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FILE_MAX_BYTES = 4096 };

bool connection_read_file(const char *path, struct arena *arena, const char **ret_text)
{
	char text[FILE_MAX_BYTES];
	auto_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text);
	if (n < 0)
		return false;
	*ret_text = arena_str(arena, str_trim((struct str){text, (size_t)n})).p;
	return true;
}

static const char *environment(const char *name)
{
	const char *value = getenv(name);
	return value && *value ? value : NULL;
}

/* The data directory to look into; NULL: none has an address. */
static const char *find_dir(const struct cli *cli, struct arena *arena)
{
	static const char *const usual[] = {"penstock-data", "/var/lib/penstock"};
	if (cli_has(cli, "dir"))
		return cli_flag(cli, "dir");
	for (size_t i = 0; i < COUNT_OF(usual); i++)
		if (access(arena_printf(arena, "%s/address", usual[i]).p, R_OK) == 0)
			return usual[i];
	return NULL;
}

static bool find_url(const struct cli *cli, const char *dir, struct arena *arena, const char **ret_url, struct err *err)
{
	const char *url = cli_has(cli, "url")   ? cli_flag(cli, "url")
			  : cli_has(cli, "dir") ? NULL
						: environment("PENSTOCK_URL");
	if (!url && dir) {
		const char *path = arena_printf(arena, "%s/address", dir).p;
		if (!connection_read_file(path, arena, &url))
			return err_set(err, ERR_INVALID, "%s: %s; `penstock up --dir %s` makes it", path,
				strerror(errno), dir);
	}
	if (!url)
		return err_set(err, ERR_INVALID,
			"which server? Set PENSTOCK_URL and PENSTOCK_TOKEN, or name the data directory of `penstock up` with --dir");
	if (strncmp(url, "http://", 7) != 0 && strncmp(url, "https://", 8) != 0)
		return err_set(
			err, ERR_INVALID, "\"%s\" is no address of a server: it begins with http:// or https://", url);
	struct str text = str_of(url);
	while (str_ends(text, STR("/")))
		text.n--;
	*ret_url = arena_str(arena, text).p;
	return true;
}

static bool find_token(
	const struct cli *cli, const char *dir, struct arena *arena, const char **ret_token, struct err *err)
{
	const char *token = "", *file = cli_flag(cli, "token-file"), *given = environment("PENSTOCK_TOKEN");
	if (!file && given && !cli_has(cli, "dir"))
		token = given;
	else if (file && !connection_read_file(file, arena, &token))
		return err_set(err, ERR_INVALID, "--token-file %s: %s", file, strerror(errno));
	else if (!file && dir && !connection_read_file(arena_printf(arena, "%s/admin-token", dir).p, arena, &token) &&
		 errno == EACCES)
		return err_set(err, ERR_DENIED,
			"%s/admin-token may not be read by you: set PENSTOCK_TOKEN to a token of yours", dir);
	if (strpbrk(token, "\r\n"))
		return err_set(err, ERR_INVALID, "the token has more than one line");
	*ret_token = token;
	return true;
}

bool connection_find(struct cli *cli, struct arena *arena, const char **ret_url, const char **ret_token,
	const char **ret_remedy, struct err *err)
{
	bool is_named = cli_has(cli, "url") || (environment("PENSTOCK_URL") && !cli_has(cli, "dir"));
	/* The files of a data directory belong to the server that it names. */
	const char *dir = is_named && !cli_has(cli, "dir") ? NULL : find_dir(cli, arena);
	*ret_remedy = dir ? arena_printf(arena, "`penstock up --dir %s` starts it", dir).p
			  : "is it running, and is the address right?";
	return find_url(cli, dir, arena, ret_url, err) && find_token(cli, dir, arena, ret_token, err);
}
