#include "server/git/git_edit.h"

#include "common/clock.h"

#include <git2.h>

struct making {
	git_repository *repository;
	const struct git_edit *change;
	git_commit *base;
	git_tree *tree;
	git_tree_entry *entry;
	git_blob *blob;
	struct arena *arena;
	struct err *err;
};

static bool fail(struct err *err, const char *what)
{
	const git_error *last = git_error_last();
	return err_set(err, ERR_SYSTEM, "%s: %s", what, last ? last->message : "unknown fault");
}

static void making_done(struct making *making)
{
	git_blob_free(making->blob);
	git_tree_entry_free(making->entry);
	git_tree_free(making->tree);
	git_commit_free(making->base);
}

static struct str id_text(const git_oid *id, struct arena *arena)
{
	char text[GIT_OID_HEXSZ + 1];
	git_oid_tostr(text, sizeof text, id);
	return arena_str(arena, str_of(text));
}

bool git_branch_is_valid(struct str branch)
{
	auto_arena arena = {0};
	int is_valid = 0;
	const char *ref = arena_printf(&arena, "refs/heads/%.*s", STR_ARG(branch)).p;
	return branch.n && git_reference_name_is_valid(&is_valid, ref) == 0 && is_valid;
}

static bool find_base(struct making *making, struct str *ret_id)
{
	struct str branch = making->change->branch;
	git_reference *reference;
	git_object *object = NULL;
	const char *name = arena_printf(making->arena, "refs/heads/%.*s", STR_ARG(branch)).p;
	if (git_reference_lookup(&reference, making->repository, name) != 0)
		return err_set(making->err, ERR_NOT_FOUND, "there is no branch \"%.*s\"", STR_ARG(branch));
	bool ok = git_reference_peel(&object, reference, GIT_OBJECT_COMMIT) == 0;
	git_reference_free(reference);
	if (!ok)
		return fail(making->err, "head of the branch");
	making->base = (git_commit *)object;
	*ret_id = id_text(git_commit_id(making->base), making->arena);
	return true;
}

/* One of the commits that a server noted before it pushed, and perhaps did push before it was killed. */
static bool find_pushed(struct making *making, struct str *ret)
{
	const git_oid *head = git_commit_id(making->base);
	for (size_t i = 0; i < making->change->pushed.count; i++) {
		struct str text = making->change->pushed.items[i];
		git_oid id;
		if (git_oid_fromstrn(&id, text.p, text.n) != 0)
			continue;
		if (git_oid_equal(head, &id) || git_graph_descendant_of(making->repository, head, &id) == 1) {
			*ret = text;
			return true;
		}
	}
	return false;
}

static bool read_file(struct making *making, struct str *ret)
{
	struct str file = making->change->file;
	git_object *object;
	if (git_commit_tree(&making->tree, making->base) != 0)
		return fail(making->err, "files of the branch");
	if (git_tree_entry_bypath(&making->entry, making->tree, arena_str(making->arena, file).p) != 0)
		return err_set(making->err, ERR_NOT_FOUND, "there is no file \"%.*s\" on branch \"%.*s\"",
			STR_ARG(file), STR_ARG(making->change->branch));
	git_filemode_t mode = git_tree_entry_filemode(making->entry);
	if (mode != GIT_FILEMODE_BLOB && mode != GIT_FILEMODE_BLOB_EXECUTABLE)
		return err_set(making->err, ERR_INVALID, "\"%.*s\" is no regular file", STR_ARG(file));
	if (git_tree_entry_to_object(&object, making->repository, making->entry) != 0)
		return fail(making->err, "content of the file");
	making->blob = (git_blob *)object;
	git_object_size_t size = git_blob_rawsize(making->blob);
	if (size > GIT_FILE_BYTES_MAX)
		return err_set(making->err, ERR_TOO_LARGE, "\"%.*s\" is larger than %d KiB", STR_ARG(file),
			GIT_FILE_BYTES_MAX / 1024);
	*ret = (struct str){git_blob_rawcontent(making->blob), (size_t)size};
	return true;
}

enum { SHOWN_BYTES = 100 };

static struct str one_line(struct str text, struct arena *arena)
{
	struct str line = text;
	size_t at;
	if (str_find_char(text, '\n', &at))
		line = str_head(text, at);
	if (line.n > SHOWN_BYTES)
		line = str_head(line, SHOWN_BYTES);
	return line.n == text.n ? line : arena_printf(arena, "%.*s...", STR_ARG(line));
}

static struct str message_of(const struct making *making, const struct yaml_edited *edited)
{
	const struct git_edit *change = making->change;
	struct arena *arena = making->arena;
	struct str text =
		arena_printf(arena, "%.*s\n\n%.*s:\n", STR_ARG(str_trim(change->message)), STR_ARG(change->file));
	for (size_t i = 0; i < edited->count; i++) {
		const struct yaml_change *value = &edited->changes[i];
		if (value->is_changed)
			text = arena_printf(arena, "%.*s  %.*s: %.*s -> %.*s\n", STR_ARG(text), STR_ARG(value->path),
				STR_ARG(one_line(value->before, arena)), STR_ARG(one_line(value->after, arena)));
	}
	return arena_printf(arena, "%.*s\n%.*s", STR_ARG(text), STR_ARG(change->trailers));
}

static bool write_commit(struct making *making, const struct yaml_edited *edited, struct str *ret)
{
	git_tree_update update = {.action = GIT_TREE_UPDATE_UPSERT,
		.filemode = git_tree_entry_filemode(making->entry),
		.path = arena_str(making->arena, making->change->file).p};
	git_oid tree_id, id;
	git_tree *tree = NULL;
	git_signature *signature = NULL;
	const git_commit *parents[] = {making->base};
	bool ok = git_blob_create_from_buffer(&update.id, making->repository, edited->text.p, edited->text.n) == 0 &&
		  git_tree_create_updated(&tree_id, making->repository, making->tree, 1, &update) == 0 &&
		  git_tree_lookup(&tree, making->repository, &tree_id) == 0 &&
		  git_signature_new(&signature, "Penstock", "penstock@localhost",
			  making->change->made_at / US_PER_SECOND, 0) == 0 &&
		  git_commit_create(&id, making->repository, NULL, signature, signature, NULL,
			  message_of(making, edited).p, tree, 1, parents) == 0;
	git_signature_free(signature);
	git_tree_free(tree);
	if (!ok)
		return fail(making->err, "commit of the change");
	*ret = id_text(&id, making->arena);
	return true;
}

static bool make(struct making *making, struct git_edited *ret)
{
	struct git_edited made = {0};
	struct str text;
	if (!find_base(making, &made.base))
		return false;
	made.was_pushed = find_pushed(making, &made.commit);
	if (!made.was_pushed) {
		if (!read_file(making, &text) || !yaml_edit(making->change->file, text, making->change->set,
							 &made.edited, making->arena, making->err))
			return false;
		if (made.edited.is_changed && !write_commit(making, &made.edited, &made.commit))
			return false;
		made.edited.text = (struct str){0}; /* may be that of the blob, which goes */
		for (size_t i = 0; i < made.edited.count; i++)
			made.edited.changes[i].before = arena_str(making->arena, made.edited.changes[i].before);
	}
	*ret = made;
	return true;
}

bool git_edit_make(struct git_mirror *mirror, const struct git_edit *change, struct git_edited *ret,
	struct arena *arena, struct err *err)
{
	struct making making = {
		.repository = (git_repository *)(void *)mirror, .change = change, .arena = arena, .err = err};
	bool ok = make(&making, ret);
	making_done(&making);
	return ok;
}
