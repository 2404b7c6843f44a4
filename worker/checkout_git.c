#include "worker/checkout_git.h"

#include "common/arena.h"
#include "common/hex.h"
#include "common/mem.h"
#include "common/proto/worker_proto.h"
#include "worker/checkout.h"
#include "worker/files.h"
#include "worker/sandbox/stream.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool checkout_git_failed(struct err *err, const char *format, ...)
{
	const git_error *fault = git_error_last();
	auto_free char *what = NULL;
	va_list args;
	va_start(args, format);
	if (vasprintf(&what, format, args) < 0)
		BUG("out of memory");
	va_end(args);
	return err_set(err, ERR_UPSTREAM, "%s: %s", what, fault && fault->message ? fault->message : "unknown fault");
}

/* Ids seen before: open addressing, a zero id is an empty place. */
struct id_set {
	git_oid *places;
	size_t capacity, count;
};

static bool id_set_add(struct id_set *set, const git_oid *id)
{
	if (set->count * 2 >= set->capacity) {
		struct id_set larger = {.capacity = set->capacity ? set->capacity * 2 : 1024};
		larger.places = mem_alloc(larger.capacity * sizeof *larger.places);
		for (size_t i = 0; i < set->capacity; i++)
			if (!git_oid_is_zero(&set->places[i]))
				id_set_add(&larger, &set->places[i]);
		free(set->places);
		*set = larger;
	}
	size_t at;
	memcpy(&at, id->id, sizeof at);
	for (at %= set->capacity; !git_oid_is_zero(&set->places[at]); at = (at + 1) % set->capacity)
		if (git_oid_equal(&set->places[at], id))
			return false;
	git_oid_cpy(&set->places[at], id);
	set->count++;
	return true;
}

static bool id_set_has(const struct id_set *set, const git_oid *id)
{
	size_t at;
	if (!set->capacity)
		return false;
	memcpy(&at, id->id, sizeof at);
	for (at %= set->capacity; !git_oid_is_zero(&set->places[at]); at = (at + 1) % set->capacity)
		if (git_oid_equal(&set->places[at], id))
			return true;
	return false;
}

struct pack {
	const struct checkout_git *git;
	git_packbuilder *builder;
	struct id_set seen;
	struct buf shallow;
	struct arena arena;
	git_oid *level, *next_level; /* commits to take, breadth first */
	size_t level_n, next_n;
};

static bool add_tree(struct pack *pack, const git_oid *id, int depth, struct err *err)
{
	git_tree *tree = NULL;
	/* Of a parent, that is: the commit's own tree was walked before. */
	if (depth > CHECKOUT_DEPTH_MAX)
		return err_set(
			err, ERR_UPSTREAM, "the tree of an earlier commit is too deep at %s", git_oid_tostr_s(id));
	if (!id_set_add(&pack->seen, id))
		return true;
	if (git_packbuilder_insert(pack->builder, id, NULL) < 0 || git_tree_lookup(&tree, pack->git->repo, id) < 0)
		return checkout_git_failed(err, "tree %s", git_oid_tostr_s(id));
	bool ok = true;
	for (size_t i = 0; ok && i < git_tree_entrycount(tree); i++) {
		const git_tree_entry *entry = git_tree_entry_byindex(tree, i);
		const git_oid *child = git_tree_entry_id(entry);
		git_object_t type = git_tree_entry_type(entry);
		if (type == GIT_OBJECT_TREE)
			ok = add_tree(pack, child, depth + 1, err);
		else if (type == GIT_OBJECT_BLOB && id_set_add(&pack->seen, child) &&
			 git_packbuilder_insert(pack->builder, child, git_tree_entry_name(entry)) < 0)
			ok = checkout_git_failed(err, "%s", git_tree_entry_name(entry));
	}
	git_tree_free(tree);
	return ok;
}

/* A commit is shallow when one of its parents is not taken along. */
static bool add_commit(struct pack *pack, const git_oid *id, bool takes_parents, git_odb *odb, struct err *err)
{
	git_commit *commit = NULL;
	if (git_commit_lookup(&commit, pack->git->repo, id) < 0)
		return checkout_git_failed(err, "commit %s", git_oid_tostr_s(id));
	bool is_shallow = false;
	for (unsigned i = 0; i < git_commit_parentcount(commit); i++) {
		const git_oid *parent = git_commit_parent_id(commit, i);
		if (!takes_parents || !git_odb_exists(odb, parent)) {
			is_shallow = true;
			continue;
		}
		if (!id_set_add(&pack->seen, parent))
			continue;
		pack->next_level = arena_grow(&pack->arena, pack->next_level, sizeof *pack->next_level, pack->next_n);
		git_oid_cpy(&pack->next_level[pack->next_n++], parent);
	}
	if (is_shallow)
		buf_addf(&pack->shallow, "%s\n", git_oid_tostr_s(id));
	bool ok = git_packbuilder_insert(pack->builder, id, NULL) == 0 ||
		  checkout_git_failed(err, "commit %s", git_oid_tostr_s(id));
	ok = ok && (!pack->git->has_objects || add_tree(pack, git_commit_tree_id(commit), 0, err));
	git_commit_free(commit);
	return ok;
}

static bool add_history(struct pack *pack, struct err *err)
{
	git_odb *odb = NULL;
	if (git_repository_odb(&odb, pack->git->repo) < 0)
		return checkout_git_failed(err, "objects");
	int32_t depth = pack->git->fetch_depth;
	pack->next_level = arena_grow(&pack->arena, NULL, sizeof *pack->next_level, 0);
	git_oid_cpy(&pack->next_level[pack->next_n++], git_commit_id(pack->git->commit));
	bool ok = true;
	for (int32_t taken = 1; ok && pack->next_n; taken++) {
		pack->level = pack->next_level;
		pack->level_n = pack->next_n;
		pack->next_level = NULL;
		pack->next_n = 0;
		for (size_t i = 0; ok && i < pack->level_n; i++)
			ok = add_commit(pack, &pack->level[i], depth == 0 || taken < depth, odb, err);
	}
	git_odb_free(odb);
	return ok;
}

static bool put_text(struct stream_writer *out, const char *path, struct str text, struct err *err)
{
	return stream_write_file(out, str_of(path), 0644, text.n, err) && stream_write_data(out, text, err);
}

static bool put_file(struct stream_writer *out, const char *path, const char *from, struct err *err)
{
	char piece[64 << 10];
	struct stat info;
	ssize_t n = 0;
	auto_fd int fd = open(from, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &info) < 0)
		return err_errno(err, "open %s", from);
	if (!stream_write_file(out, str_of(path), 0644, (uint64_t)info.st_size, err))
		return false;
	while ((n = read(fd, piece, sizeof piece)) > 0)
		if (!stream_write_data(out, (struct str){piece, (size_t)n}, err))
			return false;
	return n == 0 || err_errno(err, "read %s", from);
}

static bool write_index(const struct checkout_git *git, const char *to_file, struct err *err)
{
	git_index *index = NULL;
	git_tree *tree = NULL;
	bool ok = git_commit_tree(&tree, git->commit) == 0 && git_index_open(&index, to_file) == 0 &&
		  git_index_read_tree(index, tree) == 0 && git_index_write(index) == 0;
	git_tree_free(tree);
	git_index_free(index);
	return ok || checkout_git_failed(err, "index");
}

static bool write_pack(struct pack *pack, struct arena *arena, struct stream_writer *out, struct err *err)
{
	const char *scratch = pack->git->scratch;
	if (mkdir(scratch, 0700) < 0)
		return err_errno(err, "make %s", scratch);
	if (git_packbuilder_write(pack->builder, scratch, 0600, NULL, NULL) < 0)
		return checkout_git_failed(err, "pack");
	const char *name = git_packbuilder_name(pack->builder);
	/* The index of a pack is wanted in place before the pack. */
	static const char *const kinds[] = {"idx", "pack"};
	for (size_t i = 0; i < COUNT_OF(kinds); i++)
		if (!put_file(out, arena_printf(arena, ".git/objects/pack/pack-%s.%s", name, kinds[i]).p,
			    arena_printf(arena, "%s/pack-%s.%s", scratch, name, kinds[i]).p, err))
			return false;
	const char *index = arena_printf(arena, "%s/index", scratch).p;
	return !pack->git->has_objects ||
	       (write_index(pack->git, index, err) && put_file(out, ".git/index", index, err));
}

/* ---- tags ---- */

/* Packed, so that the name is no path. */
static struct str tag_line(const struct checkout_git *git, struct arena *arena)
{
	return arena_printf(
		arena, "%s refs/tags/%.*s\n", git_oid_tostr_s(git_commit_id(git->commit)), STR_ARG(git->tag));
}

/* The object as the server has it: into the cache, and along with the pack. */
static bool add_tag_object(
	struct pack *pack, const struct worker_tag *tag, const git_oid *commit, git_oid *ret, struct arena *arena)
{
	git_odb *odb = NULL;
	git_tag *made = NULL;
	struct str object;
	bool ok = base64_decode(arena, tag->object, &object) && git_repository_odb(&odb, pack->git->repo) == 0 &&
		  git_odb_write(ret, odb, object.p, object.n, GIT_OBJECT_TAG) == 0 &&
		  git_tag_lookup(&made, pack->git->repo, ret) == 0 && git_oid_equal(git_tag_target_id(made), commit) &&
		  git_packbuilder_insert(pack->builder, ret, NULL) == 0;
	git_tag_free(made);
	git_odb_free(odb);
	return ok;
}

static void add_tag(struct pack *pack, const struct worker_tag *tag, struct buf *lines, struct arena *arena)
{
	git_oid commit, id;
	int is_name = 0;
	const char *ref = arena_printf(arena, "refs/tags/%.*s", STR_ARG(tag->name)).p;
	if (git_oid_fromstrn(&commit, tag->commit.p, tag->commit.n) != 0 ||
		git_reference_name_is_valid(&is_name, ref) != 0 || !is_name)
		return;
	/* What is not taken along would be a ref to nothing. */
	if (!git_oid_equal(&commit, git_commit_id(pack->git->commit)) && !id_set_has(&pack->seen, &commit))
		return;
	git_oid_cpy(&id, &commit);
	if (tag->object.n && !add_tag_object(pack, tag, &commit, &id, arena))
		return;
	buf_addf(lines, "%s %s\n", git_oid_tostr_s(&id), ref);
}

/* Lines of packed-refs. A tag that cannot be made is left out: a workspace is more than its tags. */
static void add_tags(struct pack *pack, struct buf *lines, struct arena *arena)
{
	const struct checkout_git *git = pack->git;
	struct worker_tags tags = {0};
	struct err err;
	json_t *json = git->tags.n ? json_loadb(git->tags.p, git->tags.n, 0, NULL) : NULL;
	bool has_own = false;
	if (json && fields_read_loose(worker_tags_fields, json, &tags, arena, &err)) {
		for (size_t i = 0; i < tags.tag_count; i++) {
			add_tag(pack, &tags.tags[i], lines, arena);
			has_own |= str_eq(tags.tags[i].name, git->tag);
		}
	}
	json_decref(json);
	if (git->tag.n && !has_own)
		buf_add_str(lines, tag_line(git, arena));
}

bool checkout_git_write(const struct checkout_git *git, struct stream_writer *out, struct err *err)
{
	static const char config[] = "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = false\n"
				     "\tfsmonitor = false\n[gc]\n\tauto = 0\n[maintenance]\n\tauto = false\n";
	auto_arena arena = {0};
	struct pack pack = {.git = git, .shallow = BUF_INIT(64 << 20)};
	auto_buf refs = BUF_INIT(64 << 20);
	bool ok = git_packbuilder_new(&pack.builder, git->repo) == 0 || checkout_git_failed(err, "pack");
	ok = ok && add_history(&pack, err);
	if (ok)
		add_tags(&pack, &refs, &arena);
	ok = ok && write_pack(&pack, &arena, out, err) &&
	     put_text(out, ".git/HEAD", arena_printf(&arena, "%s\n", git_oid_tostr_s(git_commit_id(git->commit))),
		     err) &&
	     put_text(out, ".git/config", STR(config), err) && stream_write_dir(out, STR(".git/refs"), err) &&
	     (!refs.n || put_text(out, ".git/packed-refs", buf_str(&refs), err)) &&
	     (!pack.shallow.n || put_text(out, ".git/shallow", buf_str(&pack.shallow), err));
	git_packbuilder_free(pack.builder);
	free(pack.seen.places);
	buf_done(&pack.shallow);
	arena_done(&pack.arena);
	return ok;
}
