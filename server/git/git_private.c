#include "server/git/git_private.h"

bool git_fail(struct err *err, const char *what)
{
	const git_error *last = git_error_last();
	return err_set(err, ERR_UPSTREAM, "%s: %s", what, last ? last->message : "unknown fault");
}

bool git_find_commit(git_repository *repository, struct str commit, git_oid *ret, struct err *err)
{
	git_commit *object;
	if (git_oid_fromstrn(ret, commit.p, commit.n) != 0 || git_commit_lookup(&object, repository, ret) != 0)
		return err_set(err, ERR_NOT_FOUND, "commit %.*s is not in the mirror (any more)",
			STR_ARG(str_head(commit, GIT_OID_HEXSZ)));
	git_commit_free(object);
	return true;
}
