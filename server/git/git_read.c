#include "server/git/git_read.h"

#include <git2.h>
#include <stdlib.h>
#include <string.h>

/* struct git_mirror is the git_repository under a name of our own, so that callers need no libgit2 header. */
static git_repository *repository_of(struct git_mirror *mirror)
{
	return (git_repository *)(void *)mirror;
}

static bool fail(struct err *err, enum err_kind kind, const char *what, struct str name)
{
	const git_error *last = git_error_last();
	return err_set(err, kind, "%s %.*s: %s", what, STR_ARG(name), last ? last->message : "unknown fault");
}

bool git_read_init(struct err *err)
{
	if (git_libgit2_init() < 0)
		return err_set(err, ERR_SYSTEM, "libgit2 does not start");
	/* Mirrors belong to our own account; who owns the folder above says nothing. */
	git_libgit2_opts(GIT_OPT_SET_OWNER_VALIDATION, 0);
	return true;
}

bool git_mirror_open(const char *path, struct git_mirror **ret, struct err *err)
{
	git_repository *repository;
	if (git_repository_open_bare(&repository, path) != 0)
		return fail(err, ERR_NOT_FOUND, "mirror", str_of(path));
	*ret = (struct git_mirror *)(void *)repository;
	return true;
}

void git_mirror_close(struct git_mirror *mirror)
{
	git_repository_free(repository_of(mirror));
}

static struct str id_text(const git_oid *id, struct arena *arena)
{
	char text[GIT_OID_HEXSZ + 1];
	git_oid_tostr(text, sizeof text, id);
	return arena_str(arena, str_of(text));
}

static bool peel(git_object *object, struct str *ret_commit, struct arena *arena)
{
	git_object *commit;
	if (git_object_peel(&commit, object, GIT_OBJECT_COMMIT) != 0)
		return false;
	*ret_commit = id_text(git_object_id(commit), arena);
	git_object_free(commit);
	return true;
}

static bool resolve_ref(git_repository *repository, const char *name, struct str *ret_commit, struct arena *arena)
{
	git_reference *reference;
	git_object *object;
	if (git_reference_lookup(&reference, repository, name) != 0)
		return false;
	bool ok = git_reference_peel(&object, reference, GIT_OBJECT_COMMIT) == 0;
	if (ok) {
		*ret_commit = id_text(git_object_id(object), arena);
		git_object_free(object);
	}
	git_reference_free(reference);
	return ok;
}

static bool is_hex(struct str name)
{
	return name.n >= 7 && name.n <= GIT_OID_HEXSZ && str_has_only(name, "0123456789abcdef");
}

static bool resolve_id(git_repository *repository, struct str name, struct str *ret_commit, struct arena *arena)
{
	git_oid id;
	git_object *object;
	if (!is_hex(name) || git_oid_fromstrn(&id, name.p, name.n) != 0 ||
		git_object_lookup_prefix(&object, repository, &id, name.n, GIT_OBJECT_ANY) != 0)
		return false;
	bool ok = peel(object, ret_commit, arena);
	git_object_free(object);
	return ok;
}

bool git_resolve(struct git_mirror *mirror, struct str name, struct str *ret_commit, struct str *ret_ref,
	struct arena *arena, struct err *err)
{
	static const char *const prefixes[] = {"", "refs/heads/", "refs/tags/"};
	git_repository *repository = repository_of(mirror);
	for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++) {
		struct str full = arena_printf(arena, "%s%.*s", prefixes[i], STR_ARG(name));
		if (str_starts(full, STR("refs/")) && resolve_ref(repository, full.p, ret_commit, arena)) {
			*ret_ref = full;
			return true;
		}
	}
	if (name.n == 0)
		return err_set(
			err, ERR_NOT_FOUND, "the repository has no default branch yet: push to it, or name a ref");
	if (!resolve_id(repository, name, ret_commit, arena))
		return err_set(
			err, ERR_NOT_FOUND, "the repository has no branch, tag or commit \"%.*s\"", STR_ARG(name));
	*ret_ref = STR("");
	return true;
}

static bool lookup_commit(struct git_mirror *mirror, struct str commit, git_commit **ret, struct err *err)
{
	git_oid id;
	if (git_oid_fromstrn(&id, commit.p, commit.n) != 0 || git_commit_lookup(ret, repository_of(mirror), &id) != 0)
		return fail(err, ERR_NOT_FOUND, "commit", commit);
	return true;
}

struct str git_text(const char *text, struct arena *arena)
{
	struct str from = str_of(text ? text : "");
	if (str_is_utf8(from))
		return arena_str(arena, from);
	char *copy = arena_alloc(arena, from.n + 1);
	for (size_t i = 0; i < from.n; i++)
		copy[i] = (unsigned char)from.p[i] < 0x80 ? from.p[i] : '?';
	return (struct str){copy, from.n};
}

bool git_commit_read(struct git_mirror *mirror, struct str commit, struct git_commit_facts *ret, struct arena *arena,
	struct err *err)
{
	git_commit *object;
	if (!lookup_commit(mirror, commit, &object, err))
		return false;
	const git_signature *author = git_commit_author(object);
	*ret = (struct git_commit_facts){
		.id = id_text(git_commit_id(object), arena),
		.title = git_text(git_commit_summary(object), arena),
		.message = git_text(git_commit_message(object), arena),
		.author = git_text(author ? author->name : "", arena),
		.author_email = git_text(author ? author->email : "", arena),
		.committed_at = (int64_t)git_commit_time(object) * 1000000,
	};
	git_commit_free(object);
	return true;
}

static bool is_pipeline_name(struct str name)
{
	return str_ends(name, STR(".yaml")) && name.n > 5 && name.p[0] != '.';
}

static bool add_file(git_repository *repository, const git_tree_entry *entry, struct git_file **files, size_t *count,
	struct arena *arena, struct err *err)
{
	struct str name = str_of(git_tree_entry_name(entry));
	git_filemode_t mode = git_tree_entry_filemode(entry);
	if (!is_pipeline_name(name) || (mode != GIT_FILEMODE_BLOB && mode != GIT_FILEMODE_BLOB_EXECUTABLE))
		return true;
	git_blob *blob;
	if (*count == GIT_FILES_MAX)
		return err_set(err, ERR_TOO_LARGE, ".penstock holds more than %d pipeline files", GIT_FILES_MAX);
	if (git_blob_lookup(&blob, repository, git_tree_entry_id(entry)) != 0)
		return fail(err, ERR_UPSTREAM, "pipeline file", name);
	size_t size = (size_t)git_blob_rawsize(blob);
	/* One byte more than allowed is enough for the reader to say that it is too large. */
	struct str text = {git_blob_rawcontent(blob), size > GIT_FILE_BYTES_MAX ? GIT_FILE_BYTES_MAX + 1 : size};
	*files = arena_grow(arena, *files, sizeof **files, *count);
	(*files)[(*count)++] =
		(struct git_file){arena_printf(arena, ".penstock/%.*s", STR_ARG(name)), arena_str(arena, text)};
	git_blob_free(blob);
	return true;
}

static bool read_folder(git_repository *repository, git_tree *folder, struct git_file **ret, size_t *ret_count,
	struct arena *arena, struct err *err)
{
	struct git_file *files = NULL;
	size_t count = 0;
	for (size_t i = 0; i < git_tree_entrycount(folder); i++)
		if (!add_file(repository, git_tree_entry_byindex(folder, i), &files, &count, arena, err))
			return false;
	*ret = files;
	*ret_count = count;
	return true;
}

/* *ret is NULL when the commit has no such folder. */
static bool open_folder(struct git_mirror *mirror, struct str commit, git_tree **ret, struct err *err)
{
	git_commit *object;
	git_tree *tree = NULL;
	*ret = NULL;
	if (!lookup_commit(mirror, commit, &object, err))
		return false;
	bool ok = git_commit_tree(&tree, object) == 0;
	git_commit_free(object);
	if (!ok)
		return fail(err, ERR_UPSTREAM, "tree of", commit);
	const git_tree_entry *entry = git_tree_entry_byname(tree, ".penstock");
	if (entry && git_tree_entry_type(entry) == GIT_OBJECT_TREE &&
		git_tree_lookup(ret, repository_of(mirror), git_tree_entry_id(entry)) != 0)
		ok = fail(err, ERR_UPSTREAM, "folder .penstock of", commit);
	git_tree_free(tree);
	return ok;
}

bool git_pipeline_files(struct git_mirror *mirror, struct str commit, struct git_file **ret, size_t *ret_count,
	struct arena *arena, struct err *err)
{
	git_tree *folder;
	if (!open_folder(mirror, commit, &folder, err))
		return false;
	bool ok = true;
	if (folder)
		ok = read_folder(repository_of(mirror), folder, ret, ret_count, arena, err);
	else {
		*ret = NULL;
		*ret_count = 0;
	}
	git_tree_free(folder);
	return ok;
}

bool git_misnamed_pipelines(
	struct git_mirror *mirror, struct str commit, struct str_list *ret, struct arena *arena, struct err *err)
{
	git_tree *folder;
	struct str_list found = {0};
	if (!open_folder(mirror, commit, &folder, err))
		return false;
	for (size_t i = 0; folder && i < git_tree_entrycount(folder) && found.count < GIT_FILES_MAX; i++) {
		const git_tree_entry *entry = git_tree_entry_byindex(folder, i);
		struct str name = str_of(git_tree_entry_name(entry));
		if (git_tree_entry_type(entry) != GIT_OBJECT_BLOB || name.p[0] == '.' || !str_ends(name, STR(".yml")))
			continue;
		found.items = arena_grow(arena, found.items, sizeof *found.items, found.count);
		found.items[found.count++] = arena_printf(arena, ".penstock/%.*s", STR_ARG(name));
	}
	git_tree_free(folder);
	*ret = found;
	return true;
}

static git_tree *tree_of(struct git_mirror *mirror, struct str commit)
{
	git_commit *object;
	git_tree *tree = NULL;
	struct err err;
	if (!lookup_commit(mirror, commit, &object, &err))
		return NULL;
	if (git_commit_tree(&tree, object) != 0)
		tree = NULL;
	git_commit_free(object);
	return tree;
}

static void add_path(struct str_list *paths, const char *path, struct arena *arena)
{
	paths->items = arena_grow(arena, paths->items, sizeof *paths->items, paths->count);
	paths->items[paths->count++] = arena_str(arena, str_of(path));
}

bool git_changed_paths(struct git_mirror *mirror, struct str before, struct str commit, struct str_list *ret,
	bool *ret_is_known, struct arena *arena, struct err *err)
{
	git_tree *old = before.n ? tree_of(mirror, before) : NULL, *new = tree_of(mirror, commit);
	git_diff *diff = NULL;
	struct str_list paths = {0};
	bool is_known = false, ok = true;
	if (old && new &&git_diff_tree_to_tree(&diff, repository_of(mirror), old, new, NULL) != 0)
		ok = fail(err, ERR_UPSTREAM, "difference to", before);
	if (ok && diff && git_diff_num_deltas(diff) <= GIT_PATHS_MAX) {
		is_known = true;
		for (size_t i = 0; i < git_diff_num_deltas(diff); i++) {
			const git_diff_delta *delta = git_diff_get_delta(diff, i);
			add_path(&paths,
				delta->status == GIT_DELTA_DELETED ? delta->old_file.path : delta->new_file.path,
				arena);
		}
	}
	git_diff_free(diff);
	git_tree_free(old);
	git_tree_free(new);
	if (ok) {
		*ret = paths;
		*ret_is_known = is_known;
	}
	return ok;
}

bool git_refs(struct git_mirror *mirror, struct pair_list *ret, struct arena *arena, struct err *err)
{
	git_repository *repository = repository_of(mirror);
	git_reference_iterator *iterator;
	git_reference *reference;
	struct pair_list refs = {0};
	if (git_reference_iterator_new(&iterator, repository) != 0)
		return fail(err, ERR_UPSTREAM, "refs of", str_of(git_repository_path(repository)));
	while (git_reference_next(&reference, iterator) == 0) {
		struct str name = str_of(git_reference_name(reference)), commit;
		bool is_wanted = str_starts(name, STR("refs/heads/")) || str_starts(name, STR("refs/tags/"));
		if (is_wanted && resolve_ref(repository, name.p, &commit, arena))
			pair_set(&refs, arena, arena_str(arena, name), commit);
		git_reference_free(reference);
	}
	git_reference_iterator_free(iterator);
	*ret = refs;
	return true;
}

bool git_is_kept(struct git_mirror *mirror, struct str commit, bool *ret, struct err *err)
{
	auto_arena arena = {0};
	struct pair_list refs;
	git_oid id;
	if (!git_refs(mirror, &refs, &arena, err))
		return false;
	git_oid *tips = arena_array(&arena, git_oid, refs.count + 1);
	bool is_tip = false;
	for (size_t i = 0; i < refs.count; i++) {
		is_tip |= str_eq(refs.items[i].value, commit);
		if (git_oid_fromstrn(&tips[i], refs.items[i].value.p, refs.items[i].value.n) != 0)
			return fail(err, ERR_BUG, "ref", refs.items[i].name);
	}
	int found = is_tip ? 1 : 0;
	if (!is_tip && refs.count && git_oid_fromstrn(&id, commit.p, commit.n) == 0)
		found = git_graph_reachable_from_any(repository_of(mirror), &id, tips, refs.count);
	if (found < 0)
		return fail(err, ERR_UPSTREAM, "history of", commit);
	*ret = found > 0;
	return true;
}

struct str git_head(struct git_mirror *mirror, struct arena *arena)
{
	git_reference *head;
	if (git_reference_lookup(&head, repository_of(mirror), "HEAD") != 0)
		return STR("");
	const char *target = git_reference_symbolic_target(head);
	struct str name = arena_str(arena, str_of(target ? target : ""));
	git_reference_free(head);
	return name;
}
