#ifndef WORKER_CHECKOUT_H
#define WORKER_CHECKOUT_H

/*
 * A commit as a stream of files for a workspace (worker/sandbox/stream.h): the tree exactly as it is recorded, and an
 * inert .git beside it, so that `git rev-parse`, `git log`, `git status` and `git diff` work in a step. Made by walking
 * objects with libgit2: no hook, filter, attribute, submodule fetch or configuration of the repository is ever
 * followed. Blocking: pool threads only.
 *
 * The .git leads to the commits that fetch_depth asks for, has all they need, a `shallow` file, and a configuration of
 * our own. It has no remote, no branches, and no tag but that of a run of one, and with all history those that point
 * into it. A small commit without history is packed for it; with history, and a large one, the packs are those of the
 * repository here.
 */

#include "common/arena.h"
#include "common/err.h"

/* Once in a process, before the first use of the others: libgit2, with its caches small. */
void checkout_init(void);

/* Adds a pack, thin or not, to a bare repository, which is made when it is not there. */
bool checkout_add_pack(const char *repository, const char *pack_file, struct err *err);
/* How many packs there are: many small ones are slow. 0 when there is no repository. */
size_t checkout_count_packs(const char *repository);

struct checkout {
	struct str commit;
	struct str tag;      /* a name for it, under refs/tags/; "": none */
	struct str tags;     /* others that point into the history that is taken along: see tags_get.h; "": none */
	int32_t fetch_depth; /* 1: the commit alone; 0: all history */
	uint64_t disk_bytes; /* of the job: what cannot fit there is not written here either */
};

/* Writes the stream to `to_file` (made anew). ERR_UPSTREAM when the commit, or something it needs, is not there
 * or not allowed; ERR_TOO_LARGE when it cannot fit: a few objects can stand for any number of files. `scratch` is a
 * directory of the caller's that does not exist yet; it is gone afterwards. */
bool checkout_write(const char *repository, const struct checkout *wanted, const char *scratch, const char *to_file,
	struct err *err);

#endif
