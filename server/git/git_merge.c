/* A pull request as it would be on its base. Reads and writes objects of the mirror alone: no work tree, no filter, no
 * merge driver of the repository. */
#include "server/git/git_read.h"

#include "server/git/git_private.h"

struct merging {
	git_repository *repository;
	git_commit *base, *head;
	git_index *index;
	git_tree *tree;
};

static void merging_done(struct merging *merging)
{
	git_tree_free(merging->tree);
	git_index_free(merging->index);
	git_commit_free(merging->base);
	git_commit_free(merging->head);
}

static bool look_up(git_repository *repository, struct str commit, git_commit **ret, struct err *err)
{
	git_oid id;
	if (git_oid_fromstrn(&id, commit.p, commit.n) != 0 || git_commit_lookup(ret, repository, &id) != 0)
		return err_set(err, ERR_NOT_FOUND, "commit %.*s is not in the repository", STR_ARG(commit));
	return true;
}

static bool list_conflicts(git_index *index, struct str_list *ret, struct arena *arena, struct err *err)
{
	git_index_conflict_iterator *iterator;
	const git_index_entry *ancestor, *ours, *theirs;
	if (git_index_conflict_iterator_new(&iterator, index) != 0)
		return git_fail(err, "conflicts of the merge");
	while (git_index_conflict_next(&ancestor, &ours, &theirs, iterator) == 0) {
		const git_index_entry *entry = ours ? ours : theirs ? theirs : ancestor;
		ret->items = arena_grow(arena, ret->items, sizeof *ret->items, ret->count);
		ret->items[ret->count++] = arena_str(arena, str_of(entry->path));
	}
	git_index_conflict_iterator_free(iterator);
	return true;
}

static bool write_commit(
	struct merging *merging, struct str ref, struct git_merge *ret, struct arena *arena, struct err *err)
{
	git_oid tree, id;
	git_signature *signature = NULL;
	git_reference *reference = NULL;
	git_time_t base_at = git_commit_time(merging->base), head_at = git_commit_time(merging->head);
	char head_text[GIT_OID_HEXSZ + 1], base_text[GIT_OID_HEXSZ + 1], text[GIT_OID_HEXSZ + 1];
	git_oid_tostr(head_text, sizeof head_text, git_commit_id(merging->head));
	git_oid_tostr(base_text, sizeof base_text, git_commit_id(merging->base));
	struct str message = arena_printf(arena, "Merge %s into %s\n", head_text, base_text);
	const git_commit *parents[] = {merging->base, merging->head};
	bool ok = git_index_write_tree_to(&tree, merging->index, merging->repository) == 0 &&
		  git_tree_lookup(&merging->tree, merging->repository, &tree) == 0 &&
		  git_signature_new(&signature, "Penstock", "penstock@localhost", head_at > base_at ? head_at : base_at,
			  0) == 0 &&
		  git_commit_create(&id, merging->repository, NULL, signature, signature, NULL, message.p,
			  merging->tree, 2, parents) == 0 &&
		  git_reference_create(&reference, merging->repository, ref.p, &id, 1, NULL) == 0;
	git_reference_free(reference);
	git_signature_free(signature);
	if (!ok)
		return git_fail(err, "commit of the merge");
	git_oid_tostr(text, sizeof text, &id);
	ret->commit = arena_str(arena, str_of(text));
	return true;
}

static bool make(struct merging *merging, struct str ref, struct git_merge *ret, struct arena *arena, struct err *err)
{
	git_merge_options options;
	git_merge_options_init(&options, GIT_MERGE_OPTIONS_VERSION);
	if (git_merge_commits(&merging->index, merging->repository, merging->base, merging->head, &options) != 0)
		return git_fail(err, "merge");
	if (git_index_has_conflicts(merging->index))
		return list_conflicts(merging->index, &ret->conflicts, arena, err);
	return write_commit(merging, ref, ret, arena, err);
}

bool git_merge_make(struct git_mirror *mirror, struct str base, struct str head, struct str ref, struct git_merge *ret,
	struct arena *arena, struct err *err)
{
	struct merging merging = {.repository = (git_repository *)(void *)mirror};
	struct git_merge made = {0};
	bool ok = look_up(merging.repository, base, &merging.base, err) &&
		  look_up(merging.repository, head, &merging.head, err) && make(&merging, ref, &made, arena, err);
	merging_done(&merging);
	if (ok)
		*ret = made;
	return ok;
}
