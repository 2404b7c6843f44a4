#ifndef SERVER_GIT_GIT_CHANGE_H
#define SERVER_GIT_GIT_CHANGE_H

/*
 * What a push or a pull request brings, for the checks of a policy step: its commits, oldest first, and the lines that
 * each adds (common/proto/policy_proto.h). Each commit by itself: what one adds and the next takes away again stays in
 * the history. Blocking, and as long as the change is large: for a pool thread.
 */

#include "server/git/git_read.h"

struct git_revwalk; /* of libgit2 */

struct git_change {
	struct str commit; /* the newest */
	struct str
		before; /* what was there: the base of a pull request, the branch before a push; "" or zeros: nothing */
	struct str default_branch; /* "main": what is there is no part of a change of another branch; "": not known */
	struct str branch;         /* that was pushed to; "" */
	bool is_push;              /* of a branch: without `before`, all its history is new */
};

/* Writes at most POLICY_CHANGE_BYTES_MAX bytes. ERR_TOO_LARGE: it has more, or more than POLICY_COMMITS_MAX commits. */
bool git_change_write(struct git_mirror *mirror, const struct git_change *change, int to, struct err *err);

/* A walk over its commits, oldest first: those that neither what was there before nor the default branch has. None,
 * where there is no "before" (*ret_is_bounded is false): then it is about the newest alone. */
bool git_change_walk(struct git_mirror *mirror, const struct git_change *change, struct git_revwalk **ret,
	bool *ret_is_bounded, struct err *err);

#endif
