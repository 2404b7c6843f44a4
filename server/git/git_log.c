#include "server/git/git_log.h"

#include "server/git/git_private.h"

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
		git_fail(err, "look for the commits between two versions");
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
	if (!git_find_commit(repository, to, &last, err) ||
		(from.n && !git_find_commit(repository, from, &first, err)) ||
		!walk_between(mirror, from.n ? &first : NULL, &last, limit, &log, arena, err) ||
		(from.n && !walk_between(mirror, &last, &first, 0, &back, arena, err)))
		return false;
	log.reverted = back.total;
	*ret = log;
	return true;
}
