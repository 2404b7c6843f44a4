#ifndef SERVER_GIT_GIT_ANCESTRY_H
#define SERVER_GIT_GIT_ANCESTRY_H

/* Whether one commit contains another. Blocking: for a pool thread. */

#include "server/git/git_read.h"

/*
 * Whether `older` is an ancestor of `newer` or the same commit; with `by_patch` also, whether every change that only
 * `older` has stands in `newer` under another name (by its patch id, as `git cherry` finds it: cherry-picked, or
 * rebased). A commit that is not there is contained by none and contains none.
 */
bool git_contains(
	struct git_mirror *mirror, struct str newer, struct str older, bool by_patch, bool *ret, struct err *err);

#endif
