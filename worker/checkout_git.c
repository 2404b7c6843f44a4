#include "worker/checkout_git.h"

#include "common/arena.h"
#include "common/hex.h"
#include "common/mem.h"
#include "common/proto/worker_proto.h"
#include "worker/checkout.h"
#include "worker/files.h"
#include "worker/sandbox/stream.h"

#include <fcntl.h>
#include <inttypes.h>
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

enum { SMALL_TREE = 32 << 20 };

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

struct history {
	const struct checkout_git *git;
	struct id_set seen;
	struct buf shallow;
	struct arena arena;
	git_oid *level, *next_level; /* commits to take, breadth first */
	size_t level_n, next_n;
	git_oid *tags; /* objects that no commit leads to */
	size_t tag_n;
};

/* A commit is shallow when one of its parents is not taken along. */
static bool add_commit(struct history *history, const git_oid *id, bool takes_parents, git_odb *odb, struct err *err)
{
	git_commit *commit = NULL;
	if (git_commit_lookup(&commit, history->git->repo, id) < 0)
		return checkout_git_failed(err, "commit %s", git_oid_tostr_s(id));
	bool is_shallow = false;
	for (unsigned i = 0; i < git_commit_parentcount(commit); i++) {
		const git_oid *parent = git_commit_parent_id(commit, i);
		if (!takes_parents || !git_odb_exists(odb, parent)) {
			is_shallow = true;
			continue;
		}
		if (!id_set_add(&history->seen, parent))
			continue;
		history->next_level =
			arena_grow(&history->arena, history->next_level, sizeof *history->next_level, history->next_n);
		git_oid_cpy(&history->next_level[history->next_n++], parent);
	}
	if (is_shallow)
		buf_addf(&history->shallow, "%s\n", git_oid_tostr_s(id));
	git_commit_free(commit);
	return true;
}

static bool add_history(struct history *history, struct err *err)
{
	git_odb *odb = NULL;
	if (git_repository_odb(&odb, history->git->repo) < 0)
		return checkout_git_failed(err, "objects");
	int32_t depth = history->git->fetch_depth;
	history->next_level = arena_grow(&history->arena, NULL, sizeof *history->next_level, 0);
	git_oid_cpy(&history->next_level[history->next_n++], git_commit_id(history->git->commit));
	bool ok = true;
	for (int32_t taken = 1; ok && history->next_n; taken++) {
		history->level = history->next_level;
		history->level_n = history->next_n;
		history->next_level = NULL;
		history->next_n = 0;
		for (size_t i = 0; ok && i < history->level_n; i++)
			ok = add_commit(history, &history->level[i], depth == 0 || taken < depth, odb, err);
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

static bool put_index(const struct checkout_git *git, struct arena *arena, struct stream_writer *out, struct err *err)
{
	const char *file = arena_printf(arena, "%s/index", git->scratch).p;
	git_index *index = NULL;
	git_tree *tree = NULL;
	bool ok = git_commit_tree(&tree, git->commit) == 0 && git_index_open(&index, file) == 0 &&
		  git_index_read_tree(index, tree) == 0 && git_index_write(index) == 0;
	git_tree_free(tree);
	git_index_free(index);
	return ok ? put_file(out, ".git/index", file, err) : checkout_git_failed(err, "index");
}

/* The index of a pack is wanted in place before the pack. */
static bool put_pack(
	struct stream_writer *out, const char *folder, struct str name, struct arena *arena, struct err *err)
{
	static const char *const kinds[] = {"idx", "pack"};
	for (size_t i = 0; i < COUNT_OF(kinds); i++)
		if (!put_file(out, arena_printf(arena, ".git/objects/pack/%.*s.%s", STR_ARG(name), kinds[i]).p,
			    arena_printf(arena, "%s/%.*s.%s", folder, STR_ARG(name), kinds[i]).p, err))
			return false;
	return true;
}

/* A pack of this commit and its files. The tree is walked without a guard: the checkout has walked it before. */
static bool put_own_pack(
	const struct checkout_git *git, struct arena *arena, struct stream_writer *out, struct err *err)
{
	git_packbuilder *builder = NULL;
	bool ok = (git_packbuilder_new(&builder, git->repo) == 0 &&
			  git_packbuilder_insert_commit(builder, git_commit_id(git->commit)) == 0 &&
			  git_packbuilder_write(builder, git->scratch, 0600, NULL, NULL) == 0) ||
		  checkout_git_failed(err, "pack");
	ok = ok &&
	     put_pack(out, git->scratch, arena_printf(arena, "pack-%s", git_packbuilder_name(builder)), arena, err);
	git_packbuilder_free(builder);
	return ok;
}

struct packs {
	struct arena *arena;
	const char *folder;
	struct str *names; /* without .pack */
	size_t count;
	uint64_t bytes;
};

static int add_pack(void *arg, struct str file)
{
	struct packs *packs = arg;
	struct stat info;
	if (!str_ends(file, STR(".pack")))
		return 0;
	struct str name = arena_str(packs->arena, (struct str){file.p, file.n - strlen(".pack")});
	/* One that just comes for another job has no index yet. */
	if (access(arena_printf(packs->arena, "%s/%s.idx", packs->folder, name.p).p, R_OK) < 0 ||
		stat(arena_printf(packs->arena, "%s/%s.pack", packs->folder, name.p).p, &info) < 0)
		return 0;
	packs->names = arena_grow(packs->arena, packs->names, sizeof *packs->names, packs->count);
	packs->names[packs->count++] = name;
	packs->bytes += (uint64_t)info.st_size;
	return 0;
}

/*
 * Packing takes libgit2 a second for a thousand objects, and again for each commit, so that only a small commit gets a
 * pack of its own. With history, and for a large one, the repository's packs come along as they are: what else is in
 * them no ref leads to. Those of snapshots may have grown to a multiple of what is wanted; then it is packed after all.
 */
static bool put_objects(const struct checkout_git *git, struct arena *arena, struct stream_writer *out, struct err *err)
{
	struct packs packs = {
		.arena = arena, .folder = arena_printf(arena, "%sobjects/pack", git_repository_path(git->repo)).p};
	files_each(packs.folder, add_pack, &packs);
	bool is_snapshot = git->fetch_depth == 1;
	if (is_snapshot && (git->tree_bytes <= SMALL_TREE || packs.bytes > 2 * git->tree_bytes))
		return put_own_pack(git, arena, out, err);
	if (git->tree_bytes + packs.bytes > git->disk_bytes)
		return err_set(err, ERR_TOO_LARGE,
			"with its history (%" PRIu64 " MiB) the commit does not fit on the job's disk (%" PRIu64
			" MiB); give the job a larger `disk`, or leave out `fetch_depth`",
			packs.bytes >> 20, git->disk_bytes >> 20);
	for (size_t i = 0; i < packs.count; i++)
		if (!put_pack(out, packs.folder, packs.names[i], arena, err))
			return false;
	return true;
}

/* ---- tags ---- */

/* Packed, so that the name is no path. */
static struct str tag_line(const struct checkout_git *git, struct arena *arena)
{
	return arena_printf(
		arena, "%s refs/tags/%.*s\n", git_oid_tostr_s(git_commit_id(git->commit)), STR_ARG(git->tag));
}

/* The object as the server has it: into the repository, and along with its packs. */
static bool add_tag_object(
	struct history *history, const struct worker_tag *tag, const git_oid *commit, git_oid *ret, struct arena *arena)
{
	git_odb *odb = NULL;
	git_tag *made = NULL;
	struct str object;
	bool ok = base64_decode(arena, tag->object, &object) && git_repository_odb(&odb, history->git->repo) == 0 &&
		  git_odb_write(ret, odb, object.p, object.n, GIT_OBJECT_TAG) == 0 &&
		  git_tag_lookup(&made, history->git->repo, ret) == 0 && git_oid_equal(git_tag_target_id(made), commit);
	git_tag_free(made);
	git_odb_free(odb);
	if (ok) {
		history->tags = arena_grow(&history->arena, history->tags, sizeof *history->tags, history->tag_n);
		git_oid_cpy(&history->tags[history->tag_n++], ret);
	}
	return ok;
}

/* false: it is not to be had. */
static bool add_tag(struct history *history, const struct worker_tag *tag, struct buf *lines, struct arena *arena)
{
	git_oid commit, id;
	int is_name = 0;
	const char *ref = arena_printf(arena, "refs/tags/%.*s", STR_ARG(tag->name)).p;
	if (git_oid_fromstrn(&commit, tag->commit.p, tag->commit.n) != 0 ||
		git_reference_name_is_valid(&is_name, ref) != 0 || !is_name)
		return false;
	/* What is not taken along would be a ref to nothing. */
	if (!git_oid_equal(&commit, git_commit_id(history->git->commit)) && !id_set_has(&history->seen, &commit))
		return false;
	git_oid_cpy(&id, &commit);
	if (tag->object.n && !add_tag_object(history, tag, &commit, &id, arena))
		return false;
	buf_addf(lines, "%s %s\n", git_oid_tostr_s(&id), ref);
	return true;
}

/* Lines of packed-refs. A tag that cannot be made is left out: a workspace is more than its tags. The run's own is
 * there in any case: it may have moved meanwhile. */
static void add_tags(struct history *history, struct buf *lines, struct arena *arena)
{
	const struct checkout_git *git = history->git;
	struct worker_tags tags = {0};
	struct err err;
	json_t *json = git->tags.n ? json_loadb(git->tags.p, git->tags.n, 0, NULL) : NULL;
	bool has_own = false;
	if (json && fields_read_loose(worker_tags_fields, json, &tags, arena, &err)) {
		for (size_t i = 0; i < tags.tag_count; i++) {
			bool is_own = str_eq(tags.tags[i].name, git->tag);
			if (is_own || git->fetch_depth == 0)
				has_own |= add_tag(history, &tags.tags[i], lines, arena) && is_own;
		}
	}
	json_decref(json);
	if (git->tag.n && !has_own)
		buf_add_str(lines, tag_line(git, arena));
}

/* The files of tags' objects; those that are in a pack have none. */
static bool put_tags(const struct history *history, struct arena *arena, struct stream_writer *out, struct err *err)
{
	bool ok = true;
	for (size_t i = 0; ok && i < history->tag_n; i++) {
		const char *hex = git_oid_tostr_s(&history->tags[i]);
		const char *path = arena_printf(arena, "objects/%.2s/%s", hex, hex + 2).p;
		const char *from = arena_printf(arena, "%s%s", git_repository_path(history->git->repo), path).p;
		if (access(from, R_OK) == 0)
			ok = put_file(out, arena_printf(arena, ".git/%s", path).p, from, err);
	}
	return ok;
}

bool checkout_git_write(const struct checkout_git *git, struct stream_writer *out, struct err *err)
{
	static const char config[] = "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = false\n"
				     "\tfsmonitor = false\n[gc]\n\tauto = 0\n[maintenance]\n\tauto = false\n";
	auto_arena arena = {0};
	struct history history = {.git = git, .shallow = BUF_INIT(64 << 20)};
	auto_buf refs = BUF_INIT(64 << 20);
	bool ok = (mkdir(git->scratch, 0700) == 0 || err_errno(err, "make %s", git->scratch)) &&
		  add_history(&history, err);
	if (ok)
		add_tags(&history, &refs, &arena);
	ok = ok && put_objects(git, &arena, out, err) && put_tags(&history, &arena, out, err) &&
	     put_index(git, &arena, out, err) &&
	     put_text(out, ".git/HEAD", arena_printf(&arena, "%s\n", git_oid_tostr_s(git_commit_id(git->commit))),
		     err) &&
	     put_text(out, ".git/config", STR(config), err) && stream_write_dir(out, STR(".git/refs"), err) &&
	     (!refs.n || put_text(out, ".git/packed-refs", buf_str(&refs), err)) &&
	     (!history.shallow.n || put_text(out, ".git/shallow", buf_str(&history.shallow), err));
	free(history.seen.places);
	buf_done(&history.shallow);
	arena_done(&history.arena);
	return ok;
}
