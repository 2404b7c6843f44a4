#include "cli/backup.h"

#include "cli/commands.h"
#include "cli/postgres.h"
#include "cli/tool.h"
#include "common/clock.h"
#include "common/json.h"
#include "common/random.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

const struct backup_member backup_members[] = {
	{"database.dump", true},
	{"key", true},
	{"blobs.txt", true},
	{"secrets/admin-token", false},
	{"secrets/admin-password", false},
	{"secrets/worker-token", false},
	{0},
};

struct backup {
	struct cli *cli;
	struct arena *arena;
	const char *database; /* as libpq takes it */
	const char *data;     /* the server's data_dir */
	const char *secrets;  /* the folder of the tokens */
	const char *target, *stage, *mark;
	int64_t blob_count, blob_bytes;
};

const char *backup_tool(struct arena *arena, const char *name)
{
	const char *folder = postgres_find(arena, 0);
	const char *full = folder ? arena_printf(arena, "%s/%s", folder, name).p : name;
	return access(full, X_OK) == 0 ? full : name;
}

bool backup_ask(const char *database, const char *sql, struct arena *arena, struct str *ret, struct err *err)
{
	const char *const argv[] = {
		backup_tool(arena, "psql"), "-qAtX", "-v", "ON_ERROR_STOP=1", "-d", database, "-c", sql, NULL};
	return tool_run(argv, arena, ret, err);
}

static const char *below(const struct backup *backup, const char *folder, const char *name)
{
	return arena_printf(backup->arena, "%s/%s", folder, name).p;
}

/* --- what is backed up --- */

/* Whole, since tar goes from folder to folder. */
static bool find_data(struct backup *backup, const char *folder, struct err *err)
{
	auto_free char *whole = realpath(folder, NULL);
	if (!whole)
		return err_errno(err, "%s", folder);
	backup->data = arena_strdup(backup->arena, whole);
	return true;
}

/* The socket of a running cluster stands in the fifth line of its postmaster.pid. */
static bool find_up(struct backup *backup, const char *dir, struct err *err)
{
	struct str text, line = {0};
	const char *place = below(backup, dir, "postgres/postmaster.pid");
	if (!tool_read(place, backup->arena, &text, err))
		return err_set(err, ERR_NOT_FOUND,
			"no `penstock up` runs in %s: start it, name its directory with --dir, or give DATABASE_URL and --data-dir",
			dir);
	for (int i = 0; i < 5; i++)
		if (!str_cut(&text, '\n', &line))
			line = (struct str){0};
	if (line.n == 0 || str_find_char(line, '\'', &(size_t){0}) || str_find_char(line, '\\', &(size_t){0}))
		return err_set(err, ERR_UNSUPPORTED, "%s names no socket that can be used", place);
	backup->database = arena_printf(backup->arena, "dbname=postgres user=penstock host='%.*s'", STR_ARG(line)).p;
	backup->secrets = dir;
	return find_data(backup, below(backup, dir, "data"), err);
}

static bool find_source(struct backup *backup, struct err *err)
{
	const struct cli *cli = backup->cli;
	const char *database = getenv("DATABASE_URL");
	if (!cli_has(cli, "data-dir"))
		return find_up(backup, cli_has(cli, "dir") ? cli_flag(cli, "dir") : "penstock-data", err);
	if (!database || !*database)
		return err_set(err, ERR_INVALID, "--data-dir needs the server's DATABASE_URL in the environment");
	backup->database = database;
	backup->secrets = cli_flag(cli, "data-dir");
	return find_data(backup, backup->secrets, err);
}

/* --- its parts --- */

/* Until it is over, retention leaves files alone: what the dump names must still be there when files are read. */
static bool set_mark(struct backup *backup, struct err *err)
{
	struct str ignored;
	const char *name = random_token(backup->arena, "backup").p;
	const char *sql = arena_printf(backup->arena,
		"insert into timer (kind, key, due_at) values ('backup', '%s', now() + interval '1 day')", name)
				  .p;
	if (!backup_ask(backup->database, sql, backup->arena, &ignored, err))
		return err_wrap(err, "database");
	backup->mark = name;
	return true;
}

static void remove_mark(struct backup *backup)
{
	struct str ignored;
	struct err err;
	if (backup->mark && !backup_ask(backup->database,
				    arena_printf(backup->arena,
					    "delete from timer where kind = 'backup' and key = '%s'", backup->mark)
					    .p,
				    backup->arena, &ignored, &err))
		fprintf(stderr, "penstock: retention leaves files alone for a day: %s\n", err.text);
}

static bool dump(struct backup *backup, struct err *err)
{
	const char *const argv[] = {backup_tool(backup->arena, "pg_dump"), "--format=custom", "--no-owner",
		"--no-privileges", "--file", below(backup, backup->stage, "database.dump"), "-d", backup->database,
		NULL};
	return tool_run(argv, backup->arena, NULL, err);
}

static bool list_folder(struct backup *backup, int number, struct buf *list, struct err *err)
{
	const char *folder = arena_printf(backup->arena, "%s/blobs/%02x", backup->data, (unsigned)number & 0xff).p;
	DIR *dir = opendir(folder);
	if (!dir)
		return err_errno(err, "stored files %s", folder);
	for (const struct dirent *entry; (entry = readdir(dir));) {
		struct stat info;
		if (strlen(entry->d_name) != 64 || fstatat(dirfd(dir), entry->d_name, &info, AT_SYMLINK_NOFOLLOW) != 0)
			continue;
		buf_addf(list, "blobs/%02x/%s\n", (unsigned)number & 0xff, entry->d_name);
		backup->blob_count++;
		backup->blob_bytes += info.st_size;
	}
	closedir(dir);
	return true;
}

static bool list_blobs(struct backup *backup, struct err *err)
{
	auto_buf list = BUF_INIT((size_t)1 << 30);
	for (int i = 0; i < 256; i++)
		if (!list_folder(backup, i, &list, err))
			return false;
	return tool_write(below(backup, backup->stage, "blobs.txt"), 0600, buf_str(&list), err);
}

static bool copy_secrets(struct backup *backup, struct err *err)
{
	struct str text;
	const char *key = below(backup, backup->data, "key");
	if (!tool_read(key, backup->arena, &text, err))
		return err_wrap(err, "the key, without which nothing that is sealed can be opened");
	if (!tool_write(below(backup, backup->stage, "key"), 0600, text, err))
		return false;
	if (mkdir(below(backup, backup->stage, "secrets"), 0700) != 0)
		return err_errno(err, "%s/secrets", backup->stage);
	for (const struct backup_member *member = backup_members; member->name; member++) {
		const char *slash = strchr(member->name, '/');
		struct err ignored;
		if (slash && tool_read(below(backup, backup->secrets, slash + 1), backup->arena, &text, &ignored) &&
			!tool_write(below(backup, backup->stage, member->name), 0600, text, err))
			return false;
	}
	return true;
}

static bool describe_member(struct backup *backup, const char *name, json_t *members, struct err *err)
{
	char sha256[65];
	int64_t size;
	struct err fault;
	if (!tool_hash(below(backup, backup->stage, name), sha256, &size, &fault)) {
		if (fault.kind == ERR_NOT_FOUND)
			return true;
		*err = fault;
		return false;
	}
	json_object_set_new(members, name, json_pack("{s:I, s:s}", "size", (json_int_t)size, "sha256", sha256));
	return true;
}

static bool write_manifest(struct backup *backup, struct err *err)
{
	char at[CLOCK_TEXT_BYTES];
	struct str schema;
	int64_t number;
	json_auto_t *members = json_object();
	if (!backup_ask(backup->database, "select max(number) from schema_migration", backup->arena, &schema, err))
		return false;
	if (!str_to_i64(schema, &number))
		return err_set(err, ERR_INVALID, "the database is not Penstock's");
	for (const struct backup_member *member = backup_members; member->name; member++)
		if (!describe_member(backup, member->name, members, err))
			return false;
	clock_format(clock_wall_us(), at);
	json_auto_t *manifest = json_pack("{s:i, s:s, s:I, s:s, s:I, s:I, s:O}", "format", BACKUP_FORMAT, "version",
		PENSTOCK_VERSION, "schema", (json_int_t)number, "made_at", at, "blobs", (json_int_t)backup->blob_count,
		"blob_bytes", (json_int_t)backup->blob_bytes, "members", members);
	return tool_write(below(backup, backup->stage, "manifest.json"), 0600, json_text(manifest, backup->arena), err);
}

/* --- the file --- */

static bool pack(struct backup *backup, struct err *err)
{
	const char *partial = arena_printf(backup->arena, "%s.partial", backup->target).p;
	const char *argv[COUNT_OF(backup_members) + 16] = {
		"tar", "--create", "--file", partial, "--directory", backup->stage, "manifest.json", NULL};
	size_t n = 7;
	for (const struct backup_member *member = backup_members; member->name; member++)
		if (access(below(backup, backup->stage, member->name), F_OK) == 0)
			argv[n++] = member->name;
	argv[n++] = "--directory";
	argv[n++] = backup->data;
	argv[n++] = "--files-from";
	argv[n++] = below(backup, backup->stage, "blobs.txt");
	argv[n++] = NULL;
	auto_fd int fd = open(partial, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return err_errno(err, "%s", partial);
	bool ok = tool_run(argv, backup->arena, NULL, err);
	if (ok && (fsync(fd) != 0 || rename(partial, backup->target) != 0))
		ok = err_errno(err, "%s", backup->target);
	if (!ok)
		unlink(partial);
	return ok;
}

static bool choose_target(struct backup *backup, struct err *err)
{
	struct stat info;
	char at[CLOCK_TEXT_BYTES];
	backup->target = backup->cli->arguments[0];
	clock_format(clock_wall_us(), at);
	if (stat(backup->target, &info) == 0 && S_ISDIR(info.st_mode))
		backup->target = arena_printf(backup->arena, "%s/penstock-%.10s-%.2s%.2s%.2s.tar", backup->target, at,
			at + 11, at + 14, at + 17)
					 .p;
	if (access(backup->target, F_OK) == 0)
		return err_set(err, ERR_CONFLICT, "%s is there already: name another file", backup->target);
	auto_free char *stage = mem_strdup(arena_printf(backup->arena, "%s.XXXXXX", backup->target).p);
	if (!mkdtemp(stage))
		return err_errno(err, "a folder beside %s", backup->target);
	backup->stage = arena_strdup(backup->arena, stage);
	return true;
}

static bool make(struct backup *backup, struct err *err)
{
	return set_mark(backup, err) && dump(backup, err) && copy_secrets(backup, err) && list_blobs(backup, err) &&
	       write_manifest(backup, err) && pack(backup, err);
}

int command_backup(struct cli *cli, struct err *err)
{
	struct backup backup = {.cli = cli, .arena = &cli->arena};
	struct err ignored;
	if (!find_source(&backup, err) || !choose_target(&backup, err))
		return CLI_FAILED;
	bool ok = make(&backup, err);
	remove_mark(&backup);
	tool_remove_tree(backup.stage, &ignored);
	if (!ok)
		return CLI_FAILED;
	printf("%s: the database, the key, and %lld stored files (%lld MiB)\n"
	       "It holds the key of all secrets and the tokens: keep it as you would keep those.\n",
		backup.target, (long long)backup.blob_count, (long long)backup.blob_bytes >> 20);
	return CLI_OK;
}
