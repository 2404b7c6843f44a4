#ifndef SERVER_GIT_MIRRORS_H
#define SERVER_GIT_MIRRORS_H

/*
 * The bare mirrors that the coordinator keeps, one a repository, and the packs that workers get from them. One fetch a
 * repository at a time: askers during a fetch share the next one. git itself does the network and makes the packs, by
 * posix_spawn; with a configuration of its own, no prompts, no hooks.
 */

#include "common/err.h"
#include "server/git/git_remote.h"

#include <stdint.h>

struct uv_loop_s;
struct mirrors;

/* Makes `folder` with what belongs below it. Packs are kept for those who ask again, up to packs_max_bytes; a little
 * more for a short time. */
bool mirrors_open(
	struct uv_loop_s *loop, const char *folder, int64_t packs_max_bytes, struct mirrors **ret, struct err *err);
void mirrors_close(struct mirrors *mirrors, void (*closed)(void *arg), void *arg);
void mirrors_free(struct mirrors *mirrors);

/* "FOLDER/12.git"; the caller frees. */
char *mirrors_path(const struct mirrors *mirrors, int64_t repository);

/* Brings branches and tags as they are there now, and one more ref (`extra`: "refs/pull/7/head") when it is not empty;
 * ERR_NOT_FOUND when that one is not there. `remote` is copied. `done` runs once; err is NULL when it worked. */
void mirrors_fetch(struct mirrors *mirrors, int64_t repository, const struct git_remote *remote, struct str extra,
	void (*done)(void *arg, const struct err *err), void *arg);

/* The branch that the repository's HEAD names ("main"); "" when it names none. */
void mirrors_default_branch(struct mirrors *mirrors, const struct git_remote *remote,
	void (*done)(void *arg, struct str branch, const struct err *err), void *arg);

/*
 * A pack with the commit: its snapshot alone (depth 1) or all history (depth 0), against `have` (a commit whose
 * snapshot the asker has; empty: nothing). Made once for all askers. `path` lives until `done` returns and may be
 * opened in it.
 */
void mirrors_pack(struct mirrors *mirrors, int64_t repository, struct str commit, struct str have, int depth,
	void (*done)(void *arg, const char *path, const struct err *err), void *arg);

#endif
