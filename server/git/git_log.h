#ifndef SERVER_GIT_GIT_LOG_H
#define SERVER_GIT_GIT_LOG_H

/* The commits between two points of a bare mirror's history. Blocking: for a pool thread. */

#include "server/git/git_read.h"

enum { GIT_LOG_COUNT_MAX = 10000 }; /* more are not counted */

struct git_log {
	struct git_commit_facts *commits; /* the newest first, at most as many as were asked for */
	size_t count;
	int64_t total;    /* that `to` has and `from` has not; GIT_LOG_COUNT_MAX: at least so many */
	int64_t reverted; /* that `from` has and `to` has not: what going there takes back; the same ceiling */
};

/* `from` and `to` are commit ids; "" as `from`: nothing, so that all of the history counts. ERR_NOT_FOUND: the mirror
 * does not have one of them. */
bool git_log_between(struct git_mirror *mirror, struct str from, struct str to, size_t limit, struct git_log *ret,
	struct arena *arena, struct err *err);

#endif
