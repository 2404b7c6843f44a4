#include "server/git/git_log.h"

#include <git2.h>

static bool fail(struct err *err, const char *what)
{
	const git_error *last = git_error_last();
	return err_set(err, ERR_UPSTREAM, "%s: %s", what, last ? last->message : "unknown fault");
}

static bool find(git_repository *repository, struct str commit, git_oid *ret, struct err *err)
{
	git_commit *object;
	if (git_oid_fromstrn(ret, commit.p, commit.n) != 0 || git_commit_lookup(&object, repository, ret) != 0)
		return err_set(err, ERR_NOT_FOUND, "commit %.*s is not in the mirror (any more)",
			STR_ARG(str_head(commit, GIT_OID_HEXSZ)));
	git_commit_free(object);
	return true;
}

/* Walks what `to` has and `from` (may be NULL) has not; facts of the first `limit` of them. */
static bool walk_between(struct git_mirror *mirror, const git_oid *from, const git_oid *to, size_t limit,
	struct git_log *ret, struct arena *arena, struct err *err)
{
	git_revwalk *walk = NULL;
	git_oid id;
	char text[GIT_OID_HEXSZ + 1];
	bool ok = git_revwalk_new(&walk, (git_repository *)(void *)mirror) == 0 && git_revwalk_push(walk, to) == 0 &&
		  (!from || git_revwalk_hide(walk, from) == 0);
	if (!ok)
		fail(err, "look for the commits between two versions");
	if (ok)
		git_revwalk_sorting(walk, GIT_SORT_TIME);
	while (ok && ret->total < GIT_LOG_COUNT_MAX && git_revwalk_next(&id, walk) == 0) {
		ret->total++;
		if (ret->count < limit) {
			git_oid_tostr(text, sizeof text, &id);
			ok = git_commit_read(mirror, str_of(text), &ret->commits[ret->count], arena, err);
			ret->count += ok;
		}
	}
	git_revwalk_free(walk);
	return ok;
}

bool git_log_between(struct git_mirror *mirror, struct str from, struct str to, size_t limit, struct git_log *ret,
	struct arena *arena, struct err *err)
{
	git_repository *repository = (git_repository *)(void *)mirror;
	git_oid first, last;
	struct git_log log = {.commits = arena_array(arena, struct git_commit_facts, limit)}, back = {0};
	if (!find(repository, to, &last, err) || (from.n && !find(repository, from, &first, err)) ||
		!walk_between(mirror, from.n ? &first : NULL, &last, limit, &log, arena, err) ||
		(from.n && !walk_between(mirror, &last, &first, 0, &back, arena, err)))
		return false;
	log.reverted = back.total;
	*ret = log;
	return true;
}
