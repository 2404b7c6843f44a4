#ifndef SERVER_GIT_GIT_READ_H
#define SERVER_GIT_GIT_READ_H

/*
 * Reading a bare mirror with libgit2: commits, refs, pipeline files, changed paths. Blocking: for a pool thread. Never
 * runs a hook, a filter or a program.
 */

#include "common/arena.h"
#include "common/err.h"
#include "common/fields.h"

enum {
	GIT_FILE_BYTES_MAX = 1 << 20, /* a larger pipeline file is an error of its own */
	GIT_FILES_MAX = 100,          /* pipeline files of one commit */
	GIT_PATHS_MAX = 20000,        /* above: everything counts as changed */
};

struct git_mirror; /* one open mirror, for one thread */

struct git_commit_facts {
	struct str id; /* hex */
	struct str title, message;
	struct str author, author_email;
	int64_t committed_at; /* microseconds */
};

struct git_file {
	struct str path;
	struct str text;
};

/* Once, before the first call below. */
bool git_read_init(struct err *err);

bool git_mirror_open(const char *path, struct git_mirror **ret, struct err *err);
void git_mirror_close(struct git_mirror *mirror);

/* A full ref, a branch or tag name, or a (short) commit id. *ret_ref is the full ref, "" for a commit alone. */
bool git_resolve(struct git_mirror *mirror, struct str name, struct str *ret_commit, struct str *ret_ref,
	struct arena *arena, struct err *err);
/* Whether a branch or tag holds the commit. What only a pull request holds, somebody else may have written. */
bool git_is_kept(struct git_mirror *mirror, struct str commit, bool *ret, struct err *err);
bool git_commit_read(struct git_mirror *mirror, struct str commit, struct git_commit_facts *ret, struct arena *arena,
	struct err *err);
/* Regular files `.penstock/NAME.yaml` of the commit, in order of their names. */
bool git_pipeline_files(struct git_mirror *mirror, struct str commit, struct git_file **ret, size_t *ret_count,
	struct arena *arena, struct err *err);
/* Files of .penstock that would be pipelines if their names ended right: `.penstock/ci.yml`. */
bool git_misnamed_pipelines(
	struct git_mirror *mirror, struct str commit, struct str_list *ret, struct arena *arena, struct err *err);
/* Paths that differ between two commits. *ret_is_known is false when `before` is not there or too much differs. */
bool git_changed_paths(struct git_mirror *mirror, struct str before, struct str commit, struct str_list *ret,
	bool *ret_is_known, struct arena *arena, struct err *err);
/* name: commit, of branches and tags (tags peeled). */
bool git_refs(struct git_mirror *mirror, struct pair_list *ret, struct arena *arena, struct err *err);
struct git_merge {
	struct str commit;         /* "" when there are conflicts */
	struct str_list conflicts; /* paths */
};
/*
 * git_merge.c: the merge of head into base as a commit, kept by `ref`. The same two commits always give the same one:
 * its times are theirs, its author is Penstock.
 */
bool git_merge_make(struct git_mirror *mirror, struct str base, struct str head, struct str ref, struct git_merge *ret,
	struct arena *arena, struct err *err);

/* Names and messages are in any encoding; rows and JSON hold UTF-8: what is none has '?' in place of other bytes than
 * ASCII's. NULL gives "". */
struct str git_text(const char *text, struct arena *arena);

/* "refs/heads/main", or "" when the mirror's HEAD names nothing. */
struct str git_head(struct git_mirror *mirror, struct arena *arena);

#endif
