#ifndef SERVER_GIT_GIT_EDIT_H
#define SERVER_GIT_GIT_EDIT_H

/*
 * A commit that changes values of one file on top of a branch of a bare mirror. Only objects are made: no ref moves, so
 * a commit that is never pushed is never seen. Blocking: for a pool thread. See git_push.h for what follows.
 */

#include "common/yaml_edit.h"
#include "server/git/git_read.h"

struct git_edit {
	struct str branch;
	struct str file;
	const struct pair_list *set; /* as yaml_edit() takes it */
	struct str message;          /* the values and `trailers` are added */
	struct str trailers;         /* "Key: value" lines */
	int64_t made_at;             /* microseconds */
	struct str_list pushed;      /* commits that may have been pushed for this change before */
};

struct git_edited {
	struct str base;   /* the branch as it was */
	struct str commit; /* on top of it; "": the values were there already. Where was_pushed: the one of `pushed` */
	bool was_pushed;
	struct yaml_edited edited; /* of was_pushed: empty */
};

/* ERR_NOT_FOUND: no such branch, file or value. What yaml_edit() refuses is ERR_INVALID. */
bool git_edit_make(struct git_mirror *mirror, const struct git_edit *change, struct git_edited *ret,
	struct arena *arena, struct err *err);

/* What git would refuse as a branch's name. */
bool git_branch_is_valid(struct str branch);

#endif
