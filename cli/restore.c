#include "cli/backup.h"

#include "cli/commands.h"
#include "cli/tool.h"
#include "cli/up_internal.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct restore {
	struct cli *cli;
	struct arena *arena;
	const char *file, *stage;
	const char *target; /* the new directory of `penstock up`, or the server's data_dir */
	int64_t blob_count;
};

static const char *below(const struct restore *restore, const char *folder, const char *name)
{
	return arena_printf(restore->arena, "%s/%s", folder, name).p;
}

/* --- the file, before anything is made of it --- */

static bool unpack(struct restore *restore, struct err *err)
{
	const char *const argv[] = {
		"tar", "--extract", "--no-same-owner", "--file", restore->file, "--directory", restore->stage, NULL};
	struct err fault;
	if (access(restore->file, R_OK) != 0)
		return err_errno(err, "%s", restore->file);
	return tool_run(argv, restore->arena, NULL, &fault) ||
	       err_set(err, ERR_INVALID, "%s is no backup, or it is cut off or damaged: %.200s", restore->file,
		       fault.text);
}

static bool check_version(const struct restore *restore, const json_t *manifest, struct err *err)
{
	json_int_t format = json_integer_value(json_object_get(manifest, "format"));
	json_int_t schema = json_integer_value(json_object_get(manifest, "schema"));
	const char *version = json_string_value(json_object_get(manifest, "version"));
	if (format < 1 || schema < 1 || !version)
		return err_set(err, ERR_INVALID, "%s is no backup of Penstock: its manifest is damaged", restore->file);
	if (format > BACKUP_FORMAT || schema > PENSTOCK_SCHEMA)
		return err_set(err, ERR_UNSUPPORTED,
			"%s was made by Penstock %.40s, whose schema is %lld; this one is %s and knows %d: restore it with a "
			"Penstock as new as that",
			restore->file, version, (long long)schema, PENSTOCK_VERSION, PENSTOCK_SCHEMA);
	return true;
}

static bool check_member(
	const struct restore *restore, const struct backup_member *member, const json_t *members, struct err *err)
{
	const json_t *told = json_object_get(members, member->name);
	const char *wanted = json_string_value(json_object_get(told, "sha256"));
	char sha256[65];
	int64_t size;
	if (!told && !member->is_required)
		return true;
	if (!wanted || !tool_hash(below(restore, restore->stage, member->name), sha256, &size, err))
		return err_set(err, ERR_INVALID, "%s lacks %s%s", restore->file, member->name,
			strcmp(member->name, "key") == 0 ? ", without which nothing that is sealed can be opened" : "");
	return strcmp(sha256, wanted) == 0 ||
	       err_set(err, ERR_INVALID, "%s is damaged: %s is not what was backed up", restore->file, member->name);
}

/* "blobs/ab/abcd..." */
static bool is_blob(struct str line)
{
	if (line.n != 73 || !str_starts(line, STR("blobs/")) || memcmp(line.p + 6, line.p + 9, 2) != 0)
		return false;
	return line.p[8] == '/' && str_has_only(str_skip(line, 9), "0123456789abcdef");
}

static bool check_blobs(struct restore *restore, const json_t *manifest, struct err *err)
{
	struct str list, line;
	if (!tool_read(below(restore, restore->stage, "blobs.txt"), restore->arena, &list, err))
		return false;
	for (; str_cut(&list, '\n', &line); restore->blob_count++) {
		char sha256[65];
		int64_t size;
		auto_arena arena = {0};
		const char *path = arena_printf(&arena, "%s/%.*s", restore->stage, STR_ARG(line)).p;
		if (!is_blob(line) || !tool_hash(path, sha256, &size, err) || memcmp(sha256, line.p + 9, 64) != 0)
			return err_set(err, ERR_INVALID,
				"%s is damaged: the stored file %.*s is missing or another one", restore->file,
				STR_ARG(str_brief(line, 80)));
	}
	return restore->blob_count == json_integer_value(json_object_get(manifest, "blobs")) ||
	       err_set(err, ERR_INVALID, "%s is damaged: it lists %lld stored files, its manifest another number",
		       restore->file, (long long)restore->blob_count);
}

static bool check(struct restore *restore, struct err *err)
{
	struct str text;
	if (!unpack(restore, err))
		return false;
	if (!tool_read(below(restore, restore->stage, "manifest.json"), restore->arena, &text, err))
		return err_set(err, ERR_INVALID, "%s is no backup of Penstock: it has no manifest", restore->file);
	json_auto_t *manifest = json_loadb(text.p, text.n, 0, NULL);
	if (!check_version(restore, manifest, err))
		return false;
	for (const struct backup_member *member = backup_members; member->name; member++)
		if (!check_member(restore, member, json_object_get(manifest, "members"), err))
			return false;
	return check_blobs(restore, manifest, err);
}

/* --- the place --- */

static bool check_empty(const char *path, struct err *err)
{
	DIR *dir = opendir(path);
	if (!dir)
		return errno == ENOENT || err_errno(err, "%s", path);
	int entries = 0;
	for (const struct dirent *entry; (entry = readdir(dir));)
		entries += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
	closedir(dir);
	return entries == 0 ||
	       err_set(err, ERR_CONFLICT,
		       "%s is not empty: a backup is restored into a new place, not over what is there", path);
}

static bool make_stage(struct restore *restore, struct err *err)
{
	auto_free char *stage = mem_strdup(arena_printf(restore->arena, "%s.restore.XXXXXX", restore->target).p);
	if (!mkdtemp(stage))
		return err_errno(err, "a folder beside %s", restore->target);
	restore->stage = arena_strdup(restore->arena, stage);
	return true;
}

static bool fill_database(struct restore *restore, const char *database, struct err *err)
{
	struct str ignored;
	const char *const argv[] = {backup_tool(restore->arena, "pg_restore"), "--no-owner", "--no-privileges",
		"--exit-on-error", "--single-transaction", "-d", database,
		below(restore, restore->stage, "database.dump"), NULL};
	return tool_run(argv, restore->arena, NULL, err) &&
	       backup_ask(database, "delete from timer where kind = 'backup'", restore->arena, &ignored, err);
}

static bool move(struct restore *restore, const char *name, const char *to, struct err *err)
{
	const char *from = below(restore, restore->stage, name);
	return access(from, F_OK) != 0 || rename(from, to) == 0 || err_errno(err, "%s", to);
}

static bool place_files(struct restore *restore, const char *data, const char *secrets, struct err *err)
{
	if (chmod(below(restore, restore->stage, "key"), 0600) != 0)
		return err_errno(err, "the key");
	if (!move(restore, "key", below(restore, data, "key"), err) ||
		!move(restore, "blobs", below(restore, data, "blobs"), err))
		return false;
	for (const struct backup_member *member = backup_members; member->name; member++) {
		const char *slash = strchr(member->name, '/');
		if (slash && !move(restore, member->name, below(restore, secrets, slash + 1), err))
			return false;
	}
	return true;
}

static bool restore_up(struct up *up, void *arg, struct err *err)
{
	struct restore *restore = arg;
	const char *data = up_path(up, "data");
	const char *owner = arena_printf(&up->arena, "%u:%u", (unsigned)up->account.uid, (unsigned)up->account.gid).p;
	const char *const argv[] = {"chown", "-R", "-h", owner, "--", data, NULL};
	return fill_database(restore, strchr(up_database_url(up), '=') + 1, err) &&
	       up_make_dir(up, "data", 0700, true, err) && place_files(restore, data, up->dir, err) &&
	       (geteuid() != 0 || tool_run(argv, restore->arena, NULL, err));
}

static bool restore_server(struct restore *restore, struct err *err)
{
	struct str tables;
	const char *database = getenv("DATABASE_URL");
	if (!database || !*database)
		return err_set(err, ERR_INVALID, "--data-dir needs the server's DATABASE_URL in the environment");
	if (!backup_ask(database,
		    "select count(*) from pg_tables where schemaname not in ('pg_catalog', 'information_schema')",
		    restore->arena, &tables, err))
		return err_wrap(err, "database");
	if (!str_is(tables, "0"))
		return err_set(err, ERR_CONFLICT,
			"the database has %.*s tables: a backup is restored into an empty database, not over what is there",
			STR_ARG(tables));
	if (!check(restore, err) || !fill_database(restore, database, err))
		return false;
	if (mkdir(restore->target, 0700) != 0 && errno != EEXIST)
		return err_errno(err, "%s", restore->target);
	return place_files(restore, restore->target, restore->target, err);
}

int command_restore(struct cli *cli, struct err *err)
{
	bool is_server = cli_has(cli, "data-dir");
	struct restore restore = {.cli = cli, .arena = &cli->arena, .file = cli->arguments[0]};
	struct err ignored;
	restore.target = is_server ? cli_flag(cli, "data-dir") : cli_has(cli, "dir") ? cli_flag(cli, "dir") : NULL;
	if (!restore.target) {
		err_set(err, ERR_INVALID, "name the new directory with --dir, or --data-dir and DATABASE_URL");
		return CLI_FAILED;
	}
	if (!check_empty(restore.target, err) || !make_stage(&restore, err))
		return CLI_FAILED;
	bool ok = is_server ? restore_server(&restore, err)
			    : check(&restore, err) && up_with_postgres(cli, restore_up, &restore, err);
	tool_remove_tree(restore.stage, &ignored);
	if (!ok && !is_server)
		tool_remove_tree(restore.target, &ignored);
	if (!ok)
		return CLI_FAILED;
	printf("restored %s: the database, the key, and %lld stored files\n", restore.target,
		(long long)restore.blob_count);
	if (!is_server)
		printf("`penstock up --dir %s` continues it\n", restore.target);
	return CLI_OK;
}
