#ifndef SERVER_GIT_GIT_PRIVATE_H
#define SERVER_GIT_GIT_PRIVATE_H

/* What the readers of a mirror share. Private to this directory. */

#include "common/err.h"
#include "common/str.h"

#include <git2.h>

/* ERR_UPSTREAM: what was tried, and what libgit2 says of it. */
bool git_fail(struct err *err, const char *what);
/* ERR_NOT_FOUND: the mirror does not have the commit. */
bool git_find_commit(git_repository *repository, struct str commit, git_oid *ret, struct err *err);

#endif
