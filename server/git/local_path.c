#include "server/git/local_path.h"

#include "common/mem.h"

#include <errno.h>
#include <pwd.h>
#include <string.h>
#include <unistd.h>

static const char *account(void)
{
	const struct passwd *entry = getpwuid(geteuid());
	return entry ? entry->pw_name : "?";
}

static bool refuse(const char *directory, struct err *err)
{
	return err_set(err, ERR_UPSTREAM,
		"the account that the server runs as (%s) cannot enter %s: `chmod o+x %s`, or move the repository",
		account(), directory, directory);
}

bool local_path_is_open(struct str url, struct err *err)
{
	struct str scheme = STR("file://");
	struct str path = str_starts(url, scheme) ? str_skip(url, scheme.n) : url;
	if (path.n == 0 || path.p[0] != '/')
		return true;
	auto_free char *text = mem_dup(path.p, path.n);
	for (char *slash = strchr(text + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = 0;
		if (access(text, X_OK) != 0 && errno == EACCES)
			return refuse(text, err);
		*slash = '/';
	}
	return (access(text, R_OK | X_OK) == 0 || errno != EACCES) || refuse(text, err);
}
