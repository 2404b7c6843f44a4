#include "cli/up_internal.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

extern char **environ;

enum { GROUPS_MAX = 256 };

static bool take_account(struct up *up, const char *name, struct err *err)
{
	errno = 0;
	const struct passwd *account = getpwnam(name);
	if (!account)
		return err_set(err, ERR_INVALID, "there is no account \"%s\"; name one with --user", name);
	if (account->pw_uid == 0)
		return err_set(
			err, ERR_INVALID, "PostgreSQL refuses to run as %s; name another account with --user", name);
	up->account = (struct up_account){
		.name = arena_strdup(&up->arena, name),
		.home = arena_strdup(&up->arena, account->pw_dir),
		.uid = account->pw_uid,
		.gid = account->pw_gid,
	};
	return true;
}

bool up_choose_account(struct up *up, struct err *err)
{
	static const char *const usual[] = {"penstock", "postgres"};
	const char *wanted = cli_flag(up->cli, "user");
	if (geteuid() != 0) {
		up->account = (struct up_account){.uid = geteuid(), .gid = getegid()};
		return !wanted ||
		       err_set(err, ERR_INVALID, "--user is for root; an ordinary account runs it as itself");
	}
	if (wanted)
		return take_account(up, wanted, err);
	for (size_t i = 0; i < COUNT_OF(usual); i++)
		if (getpwnam(usual[i]))
			return take_account(up, usual[i], err);
	return err_set(err, ERR_NOT_FOUND,
		"PostgreSQL refuses to run as root, and there is neither an account penstock nor postgres; make one "
		"(useradd --system penstock), or name one with --user");
}

static bool has_group(const struct up_account *account, gid_t gid)
{
	gid_t groups[GROUPS_MAX];
	int count = GROUPS_MAX;
	if (getgrouplist(account->name, account->gid, groups, &count) < 0)
		return account->gid == gid;
	for (int i = 0; i < count; i++)
		if (groups[i] == gid)
			return true;
	return false;
}

static bool may_enter(const struct up_account *account, const struct stat *info)
{
	if (info->st_uid == account->uid)
		return info->st_mode & S_IXUSR;
	if (has_group(account, info->st_gid))
		return info->st_mode & S_IXGRP;
	return info->st_mode & S_IXOTH;
}

bool up_account_can_reach(const struct up *up, const char *path, struct err *err)
{
	if (!up->account.name)
		return true;
	auto_arena arena = {0};
	for (const char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		const char *above = arena_str(&arena, (struct str){path, (size_t)(slash - path)}).p;
		struct stat info;
		if (stat(above, &info) != 0)
			return err_errno(err, "%s", above);
		if (!may_enter(&up->account, &info))
			return err_set(err, ERR_DENIED,
				"the account %s cannot enter %s: chmod o+x %s, or choose another place",
				up->account.name, above, above);
	}
	return true;
}

/* What would make a part of ours serve somebody else, or reach another database. */
static bool is_unwanted(const char *entry, const char *home)
{
	static const char *const names[] = {"PENSTOCK_URL=", "PENSTOCK_TOKEN=", "DATABASE_URL=",
		"PENSTOCK_WORKER_TOKEN=", "NOTIFY_SOCKET=", "LISTEN_FDS=", "LISTEN_PID="};
	static const char *const account_names[] = {"HOME=", "USER=", "LOGNAME=", "MAIL=", "XDG_"};
	for (size_t i = 0; i < COUNT_OF(names); i++)
		if (strncmp(entry, names[i], strlen(names[i])) == 0)
			return true;
	for (size_t i = 0; home && i < COUNT_OF(account_names); i++)
		if (strncmp(entry, account_names[i], strlen(account_names[i])) == 0)
			return true;
	/* PGHOST, PGOPTIONS, PGSSLMODE: libpq would obey them. */
	return strncmp(entry, "PG", 2) == 0;
}

static bool is_replaced(const char *entry, const char *const *extra)
{
	const char *sign = strchr(entry, '=');
	size_t n = sign ? (size_t)(sign - entry) + 1 : strlen(entry);
	for (; *extra; extra++)
		if (strncmp(entry, *extra, n) == 0)
			return true;
	return false;
}

const char *const *up_environment(struct up *up, const char *account_home, const char *const *extra)
{
	size_t count = 0, n = 0;
	while (environ[count])
		count++;
	for (const char *const *entry = extra; *entry; entry++)
		count++;
	const char **all = arena_array(&up->arena, const char *, count + 2);
	for (char **entry = environ; *entry; entry++)
		if (!is_unwanted(*entry, account_home) && !is_replaced(*entry, extra))
			all[n++] = *entry;
	if (account_home)
		all[n++] = arena_printf(&up->arena, "HOME=%s", account_home).p;
	for (; *extra; extra++)
		all[n++] = *extra;
	return all;
}
