#include "cli/exec_as.h"

#include "common/err.h"
#include "common/str.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

enum { EXIT_NOT_STARTED = 127 };

static int complain(const char *what)
{
	fprintf(stderr, "penstock: %s: %s\n", what, strerror(errno));
	return EXIT_NOT_STARTED;
}

static bool become(const char *name)
{
	errno = ENOENT;
	const struct passwd *account = getpwnam(name);
	return account && initgroups(name, account->pw_gid) == 0 && setgid(account->pw_gid) == 0 &&
	       setuid(account->pw_uid) == 0;
}

int exec_as_main(char **arguments)
{
	int64_t signal_number, parent;
	if (!arguments[0] || !arguments[1] || !arguments[2] || !arguments[3] ||
		!str_to_i64(str_of(arguments[0]), &signal_number) || !str_to_i64(str_of(arguments[1]), &parent))
		return EXIT_NOT_STARTED;
	/* Nothing that it does may depend on where the user stood, and the account may not be let in there. */
	if (chdir("/") != 0)
		return complain("/");
	if (strcmp(arguments[2], "-") != 0 && !become(arguments[2]))
		return complain(arguments[2]);
	/* After the change of account, which would clear it. */
	if (signal_number && prctl(PR_SET_PDEATHSIG, signal_number) != 0)
		return complain("prctl");
	if (getppid() != (pid_t)parent)
		return EXIT_NOT_STARTED;
	execv(arguments[3], arguments + 3);
	return complain(arguments[3]);
}
