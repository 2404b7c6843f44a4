/* Artifacts: the list, and the bytes of one. */
#include "cli/api.h"
#include "cli/commands.h"
#include "cli/print.h"
#include "cli/table.h"
#include "cli/which_run.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void print_artifacts(struct cli *cli, const json_t *artifacts)
{
	static const char *const heads[] = {"ID", "JOB", "BYTES", "CREATED", "PATH", NULL};
	struct table table;
	size_t i;
	json_t *item;
	table_init(&table, cli, heads);
	json_array_foreach(artifacts, i, item)
	{
		char ago[PRINT_TIME_BYTES];
		print_ago(ago, item, "created_at");
		table_addf(&table, "%lld", (long long)print_number(item, "id"));
		table_add(&table, print_text(item, "job"));
		table_addf(&table, "%lld", (long long)print_number(item, "size_bytes"));
		table_add(&table, ago);
		table_add(&table, print_text(item, "path"));
	}
	table_print(&table);
	if (table.count == 0)
		puts("no artifacts");
}

int command_artifacts(struct cli *cli, struct err *err)
{
	struct api api;
	struct str path;
	json_t *json;
	if (!api_open(cli, &api, err) || !which_run(cli, &api, &path, err) ||
		!api_call(&api, "GET", arena_printf(api.arena, "%.*s/artifacts", STR_ARG(path)), NULL, &json, err))
		return CLI_FAILED;
	if (cli->is_json)
		print_json(json);
	else
		print_artifacts(cli, json_object_get(json, "artifacts"));
	json_decref(json);
	return CLI_OK;
}

/* --- the bytes of one --- */

static bool write_piece(void *arg, struct str bytes)
{
	return fwrite(bytes.p, 1, bytes.n, arg) == bytes.n;
}

static bool fetch(const struct api *api, struct str path, FILE *to, struct err *err)
{
	errno = 0;
	if (!api_read(api, path, write_piece, to, err))
		return false;
	return (fflush(to) == 0 && !ferror(to)) || err_errno(err, "write the artifact");
}

/* Under another name first: a fetch that breaks off must leave no half file, nor harm the one that was there. */
static bool fetch_file(const struct api *api, struct str path, const char *name, struct err *err)
{
	const char *fresh = arena_printf(api->arena, "%s.part", name).p;
	int fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0666);
	FILE *file = fd < 0 ? NULL : fdopen(fd, "w");
	if (!file)
		return err_errno(err, "%s", fresh);
	bool ok = fetch(api, path, file, err);
	if (fclose(file) != 0 && ok)
		ok = err_errno(err, "write %s", fresh);
	if (ok && rename(fresh, name) != 0)
		ok = err_errno(err, "%s", name);
	if (!ok)
		unlink(fresh);
	return ok;
}

int command_artifact_get(struct cli *cli, struct err *err)
{
	struct api api;
	int64_t id;
	const char *name = cli_argument(cli, 1);
	if (!str_to_i64(str_of(cli_argument(cli, 0)), &id)) {
		err_set(err, ERR_INVALID, "\"%s\" is no id of an artifact; `penstock artifacts ls RUN` lists them",
			cli_argument(cli, 0));
		return CLI_FAILED;
	}
	if (!api_open(cli, &api, err))
		return CLI_FAILED;
	struct str path = arena_printf(api.arena, "/api/v1/artifacts/%lld", (long long)id);
	bool ok = name ? fetch_file(&api, path, name, err) : fetch(&api, path, stdout, err);
	return ok ? CLI_OK : CLI_FAILED;
}
