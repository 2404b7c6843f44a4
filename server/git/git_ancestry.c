#include "server/git/git_ancestry.h"

#include "server/git/git_private.h"

#include "common/mem.h"

#include <stdlib.h>

/* Beyond so many commits on either side of the fork nobody compares patches: it is not the same work any more. */
enum { PATCHES_MAX = 500 };

struct patches {
	git_oid *ids;
	size_t count;
};

static bool has_commit(git_repository *repository, struct str text, git_oid *ret)
{
	git_commit *commit = NULL;
	bool is_there = git_oid_fromstrn(ret, text.p, text.n) == 0 && git_commit_lookup(&commit, repository, ret) == 0;
	git_commit_free(commit);
	return is_there;
}

/* False: a merge, which brings nothing of its own. */
static bool patch_of(git_repository *repository, const git_oid *id, git_oid *ret)
{
	git_commit *commit = NULL, *parent = NULL;
	git_tree *tree = NULL, *before = NULL;
	git_diff *diff = NULL;
	bool ok = git_commit_lookup(&commit, repository, id) == 0 && git_commit_parentcount(commit) <= 1 &&
		  git_commit_tree(&tree, commit) == 0;
	if (ok && git_commit_parentcount(commit) == 1)
		ok = git_commit_parent(&parent, commit, 0) == 0 && git_commit_tree(&before, parent) == 0;
	ok = ok && git_diff_tree_to_tree(&diff, repository, before, tree, NULL) == 0 &&
	     git_diff_patchid(ret, diff, NULL) == 0;
	git_diff_free(diff);
	git_tree_free(before);
	git_tree_free(tree);
	git_commit_free(parent);
	git_commit_free(commit);
	return ok;
}

/* The patches of what `tip` has and `hidden` has not. False: they are too many, or cannot be read. */
static bool patches_between(git_repository *repository, const git_oid *tip, const git_oid *hidden, struct patches *ret)
{
	git_revwalk *walk = NULL;
	git_oid id;
	size_t seen = 0;
	int rc = GIT_ERROR;
	ret->ids = mem_alloc(PATCHES_MAX * sizeof *ret->ids);
	if (git_revwalk_new(&walk, repository) == 0 && git_revwalk_push(walk, tip) == 0 &&
		git_revwalk_hide(walk, hidden) == 0)
		while ((rc = git_revwalk_next(&id, walk)) == 0 && seen++ < PATCHES_MAX)
			ret->count += patch_of(repository, &id, &ret->ids[ret->count]);
	git_revwalk_free(walk);
	return rc == GIT_ITEROVER;
}

static bool has_patch(const struct patches *patches, const git_oid *id)
{
	for (size_t i = 0; i < patches->count; i++)
		if (git_oid_equal(&patches->ids[i], id))
			return true;
	return false;
}

static bool contains_patches(git_repository *repository, const git_oid *newer, const git_oid *older)
{
	struct patches wanted = {0}, there = {0};
	bool is_contained =
		patches_between(repository, older, newer, &wanted) && patches_between(repository, newer, older, &there);
	for (size_t i = 0; is_contained && i < wanted.count; i++)
		is_contained = has_patch(&there, &wanted.ids[i]);
	free(wanted.ids);
	free(there.ids);
	return is_contained;
}

bool git_contains(
	struct git_mirror *mirror, struct str newer, struct str older, bool by_patch, bool *ret, struct err *err)
{
	git_repository *repository = (git_repository *)mirror;
	git_oid new_id, old_id;
	*ret = false;
	if (!has_commit(repository, newer, &new_id) || !has_commit(repository, older, &old_id))
		return true;
	int is_descendant = git_oid_equal(&new_id, &old_id) ? 1 : git_graph_descendant_of(repository, &new_id, &old_id);
	if (is_descendant < 0)
		return git_fail(err, "compare commits");
	*ret = is_descendant == 1 || (by_patch && contains_patches(repository, &new_id, &old_id));
	return true;
}
