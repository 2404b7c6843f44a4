#include "worker/account.h"

#include "common/arena.h"
#include "worker/files.h"

#include <errno.h>
#include <ftw.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

static uid_t new_uid;
static gid_t new_gid;

static int give(const char *path, const struct stat *info, int type, struct FTW *ftw)
{
	(void)type;
	(void)ftw;
	return info->st_uid == new_uid ? 0 : lchown(path, new_uid, new_gid);
}

bool account_become(const char *name, const char *directory, struct err *err)
{
	static const char *const parts[] = {"cache", "spool", "tmp"};
	auto_arena arena = {0};
	errno = 0;
	struct passwd *account = getpwnam(name);
	if (!account)
		return err_set(err, ERR_INVALID, "there is no account \"%s\" to go on as", name);
	if (account->pw_uid == 0)
		return true;
	new_uid = account->pw_uid;
	new_gid = account->pw_gid;
	/* The launcher's helpers are root without root's rights: they must get through to their own directory. */
	if (lchown(directory, new_uid, new_gid) < 0 || chmod(directory, 0711) < 0)
		return err_errno(err, "give %s to %s", directory, name);
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
		if (nftw(arena_printf(&arena, "%s/%s", directory, parts[i]).p, give, 16, FTW_PHYS) < 0 &&
			errno != ENOENT)
			return err_errno(err, "give %s/%s to %s", directory, parts[i], name);
	/* The kernel forgets on the way what is to happen when the parent dies. */
	int death_signal = 0;
	pid_t parent = getppid();
	prctl(PR_GET_PDEATHSIG, &death_signal);
	if (initgroups(name, new_gid) < 0 || setgid(new_gid) < 0 || setuid(new_uid) < 0)
		return err_errno(err, "become %s", name);
	prctl(PR_SET_PDEATHSIG, death_signal);
	return !death_signal || getppid() == parent || err_set(err, ERR_CONFLICT, "the parent died");
}
