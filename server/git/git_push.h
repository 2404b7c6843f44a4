#ifndef SERVER_GIT_GIT_PUSH_H
#define SERVER_GIT_GIT_PUSH_H

/*
 * One commit of a mirror to a branch of the repository that is mirrored, by git itself: only when the branch there is
 * still what it was, so nobody's commit is ever lost. Hooks of a repository on this machine run if it belongs to the
 * account of the server; otherwise it is refused, for they can neither be run nor passed over.
 */

#include "common/err.h"
#include "server/git/git_remote.h"

struct uv_loop_s;

enum git_push_outcome {
	GIT_PUSH_DONE,
	GIT_PUSH_CONFLICT, /* the branch has moved, or somebody is moving it */
	GIT_PUSH_REFUSED,  /* by a rule of the repository: trying again brings nothing */
	GIT_PUSH_FAILED,   /* it was not reached, or the outcome is not known */
};

struct git_push {
	const char *mirror; /* its folder */
	const struct git_remote *remote;
	struct str branch;
	struct str base; /* what the branch is now */
	struct str commit;
};

/* `done` runs once, later; err is that of any outcome but GIT_PUSH_DONE. What `push` points to is copied. */
void git_push(struct uv_loop_s *loop, const struct git_push *push,
	void (*done)(void *arg, enum git_push_outcome outcome, const struct err *err), void *arg);

#endif
