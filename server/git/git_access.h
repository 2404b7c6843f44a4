#ifndef SERVER_GIT_GIT_ACCESS_H
#define SERVER_GIT_GIT_ACCESS_H

/*
 * What git is started with to reach one repository: its configuration, and token or key where it has one. Secrets are
 * in memory files (memfd) that only this account can open, by a path below /proc: never on a disk, a command line or in
 * an environment. Private to server/git; the loop's thread.
 */

#include "common/err.h"
#include "server/git/git_remote.h"

enum { GIT_ACCESS_VARIABLES = 16 };

struct git_access {
	int config, key, hosts; /* memory files; -1: none */
	char *owned[GIT_ACCESS_VARIABLES];
	const char *environment[GIT_ACCESS_VARIABLES + 1]; /* NULL-terminated */
	size_t count;
};

/* `remote` may be NULL, for git at work in a mirror alone. */
bool git_access_open(struct git_access *access, const char *folder, const struct git_remote *remote, struct err *err);
/* The same for a push: a repository on this machine runs its hooks. Its mirror has none. */
bool git_access_open_push(
	struct git_access *access, const char *folder, const struct git_remote *remote, struct err *err);
void git_access_close(struct git_access *access);

#endif
