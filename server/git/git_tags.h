#ifndef SERVER_GIT_GIT_TAGS_H
#define SERVER_GIT_GIT_TAGS_H

/* The tags of a mirror that point into the history of a commit: what `git describe` looks at. Blocking: for a pool
 * thread. */

#include "common/proto/worker_proto.h"
#include "server/git/git_read.h"

/* At most WORKER_TAGS_MAX, in order of their names. A tag of anything but a commit is left out. */
bool git_tags_within(
	struct git_mirror *mirror, struct str commit, struct worker_tags *ret, struct arena *arena, struct err *err);

#endif
