#include "server/git/git_change.h"

#include "server/git/git_private.h"

#include "common/buf.h"
#include "common/proto/policy_proto.h"

#include <errno.h>
#include <unistd.h>

enum {
	FILE_BYTES_MAX = 8 << 20, /* a larger text is not compared: the check looks into it as a whole */
	FLUSH_BYTES = 64 << 10,
	DELTAS_MAX = 200000,
};

struct writing {
	git_repository *repository;
	int to;
	struct buf out;
	int64_t bytes; /* written before what is in `out` */
	size_t deltas;
	/* Of the file at hand. */
	struct buf lines;
	int64_t first, next; /* numbers of its lines; next 0: none */
	struct err err;
};

/* --- writing --- */

static bool flush(struct writing *writing)
{
	struct str rest = buf_str(&writing->out);
	while (rest.n) {
		ssize_t n = write(writing->to, rest.p, rest.n);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_errno(&writing->err, "write the change");
		rest = str_skip(rest, (size_t)n);
	}
	writing->bytes += (int64_t)writing->out.n;
	buf_clear(&writing->out);
	return true;
}

static bool put(struct writing *writing, const char *header, struct str bytes)
{
	if (writing->bytes + (int64_t)(writing->out.n + bytes.n) > POLICY_CHANGE_BYTES_MAX - 1024 ||
		!buf_addf(&writing->out, "%s %zu\n", header, bytes.n) || !buf_add_str(&writing->out, bytes) ||
		!buf_add_char(&writing->out, '\n'))
		return err_set(&writing->err, ERR_TOO_LARGE,
			"the change is larger than policies look at (%d MiB of added lines); split it",
			POLICY_CHANGE_BYTES_MAX >> 20);
	return writing->out.n < FLUSH_BYTES || flush(writing);
}

/* --- the lines that one commit adds --- */

static bool end_lines(struct writing *writing)
{
	char header[64];
	struct str lines = buf_str(&writing->lines);
	if (!writing->next)
		return true;
	if (str_ends(lines, STR("\n")))
		lines = str_head(lines, lines.n - 1);
	snprintf(header, sizeof header, "lines %lld", (long long)writing->first);
	bool ok = put(writing, header, lines);
	buf_clear(&writing->lines);
	writing->next = 0;
	return ok;
}

static int on_file(const git_diff_delta *delta, float progress, void *arg)
{
	struct writing *writing = arg;
	(void)progress;
	if (!end_lines(writing))
		return GIT_EUSER;
	if (++writing->deltas > DELTAS_MAX)
		return err_set(&writing->err, ERR_TOO_LARGE, "the change touches more than %d files", DELTAS_MAX),
		       GIT_EUSER;
	if (delta->status == GIT_DELTA_DELETED || !delta->new_file.path)
		return 0;
	const char *header = delta->flags & GIT_DIFF_FLAG_BINARY ? "file whole" : "file text";
	return put(writing, header, str_of(delta->new_file.path)) ? 0 : GIT_EUSER;
}

static int on_line(const git_diff_delta *delta, const git_diff_hunk *hunk, const git_diff_line *line, void *arg)
{
	struct writing *writing = arg;
	(void)delta;
	(void)hunk;
	if (line->origin != GIT_DIFF_LINE_ADDITION)
		return 0;
	if (writing->next && line->new_lineno != writing->next && !end_lines(writing))
		return GIT_EUSER;
	if (!writing->next)
		writing->first = line->new_lineno;
	writing->next = line->new_lineno + 1;
	return buf_add(&writing->lines, line->content, line->content_len) ? 0 : GIT_EUSER;
}

static bool write_diff(struct writing *writing, git_tree *old, git_tree *new, git_strarray paths)
{
	git_diff *diff = NULL;
	git_diff_options options;
	git_diff_options_init(&options, GIT_DIFF_OPTIONS_VERSION);
	options.context_lines = 0;
	options.max_size = FILE_BYTES_MAX;
	options.ignore_submodules = GIT_SUBMODULE_IGNORE_ALL;
	options.flags = GIT_DIFF_DISABLE_PATHSPEC_MATCH;
	options.pathspec = paths;
	bool ok = git_diff_tree_to_tree(&diff, writing->repository, old, new, &options) == 0 &&
		  git_diff_foreach(diff, on_file, NULL, NULL, on_line, writing) == 0 && end_lines(writing);
	git_diff_free(diff);
	return ok || writing->err.kind != ERR_NONE || git_fail(&writing->err, "compare two commits");
}

/* --- merges --- */

static bool differs(const git_tree *parent, const git_diff_delta *delta)
{
	git_tree_entry *entry = NULL;
	if (git_tree_entry_bypath(&entry, parent, delta->new_file.path) != 0)
		return true;
	bool is_other = !git_oid_equal(git_tree_entry_id(entry), &delta->new_file.id);
	git_tree_entry_free(entry);
	return is_other;
}

/* Files that are neither as in one parent nor as in the other: what the merge itself made of them. */
static bool write_merge(struct writing *writing, const git_commit *commit, git_tree *first, git_tree *tree)
{
	auto_arena arena = {0};
	git_diff *diff = NULL;
	git_tree *others[8] = {0};
	unsigned parents = git_commit_parentcount(commit), count = 0;
	git_strarray paths = {0};
	git_commit *parent;
	for (unsigned i = 1; i < parents && count < sizeof others / sizeof others[0]; i++)
		if (git_commit_parent(&parent, commit, i) == 0) {
			count += git_commit_tree(&others[count], parent) == 0;
			git_commit_free(parent);
		}
	bool ok = git_diff_tree_to_tree(&diff, writing->repository, first, tree, NULL) == 0;
	size_t deltas = ok ? git_diff_num_deltas(diff) : 0;
	paths.strings = arena_array(&arena, char *, deltas);
	for (size_t i = 0; i < deltas; i++) {
		const git_diff_delta *delta = git_diff_get_delta(diff, i);
		bool is_own = delta->status != GIT_DELTA_DELETED;
		for (unsigned j = 0; j < count && is_own; j++)
			is_own = differs(others[j], delta);
		if (is_own)
			paths.strings[paths.count++] = (char *)(uintptr_t)delta->new_file.path;
	}
	/* An empty list of paths would mean all of them. */
	ok = ok && (!paths.count || write_diff(writing, first, tree, paths));
	git_diff_free(diff);
	for (unsigned i = 0; i < count; i++)
		git_tree_free(others[i]);
	return ok || writing->err.kind != ERR_NONE || git_fail(&writing->err, "compare a merge");
}

/* --- commits --- */

static bool write_commit(struct writing *writing, const git_oid *id)
{
	git_commit *commit = NULL, *parent = NULL;
	git_tree *tree = NULL, *old = NULL;
	char text[GIT_OID_HEXSZ + 1], header[GIT_OID_HEXSZ + 32];
	bool ok = git_commit_lookup(&commit, writing->repository, id) == 0 && git_commit_tree(&tree, commit) == 0;
	unsigned parents = ok ? git_commit_parentcount(commit) : 0;
	if (ok && parents)
		ok = git_commit_parent(&parent, commit, 0) == 0 && git_commit_tree(&old, parent) == 0;
	if (!ok)
		git_fail(&writing->err, "read a commit");
	git_oid_tostr(text, sizeof text, id);
	snprintf(header, sizeof header, "commit %s %u", text, parents);
	ok = ok && put(writing, header, str_of(git_commit_message(commit)));
	if (ok)
		ok = parents > 1 ? write_merge(writing, commit, old, tree)
				 : write_diff(writing, old, tree, (git_strarray){0});
	git_tree_free(old);
	git_tree_free(tree);
	git_commit_free(parent);
	git_commit_free(commit);
	return ok;
}

/* A commit that is not here (any more) hides nothing. */
static bool hide(git_repository *repository, git_revwalk *walk, struct str commit)
{
	git_oid id;
	git_commit *object;
	if (!commit.n || git_oid_fromstrn(&id, commit.p, commit.n) != 0 || git_oid_is_zero(&id) ||
		git_commit_lookup(&object, repository, &id) != 0)
		return false;
	git_commit_free(object);
	return git_revwalk_hide(walk, &id) == 0;
}

bool git_change_walk(struct git_mirror *mirror, const struct git_change *change, git_revwalk **ret,
	bool *ret_is_bounded, struct err *err)
{
	git_repository *repository = (git_repository *)(void *)mirror;
	git_revwalk *walk = NULL;
	git_oid id;
	git_reference *main = NULL, *resolved = NULL;
	auto_arena arena = {0};
	if (git_oid_fromstrn(&id, change->commit.p, change->commit.n) != 0 || git_revwalk_new(&walk, repository) != 0 ||
		git_revwalk_push(walk, &id) != 0) {
		git_revwalk_free(walk);
		return git_fail(err, "find the change's commits");
	}
	git_revwalk_sorting(walk, GIT_SORT_TOPOLOGICAL | GIT_SORT_REVERSE);
	bool is_bounded = hide(repository, walk, change->before),
	     is_default = str_eq(change->branch, change->default_branch);
	bool is_first = change->is_push && is_default && !is_bounded;
	struct str name = arena_printf(&arena, "refs/heads/%.*s", STR_ARG(change->default_branch));
	if (!is_default && git_reference_lookup(&main, repository, name.p) == 0 &&
		git_reference_resolve(&resolved, main) == 0 && git_reference_target(resolved))
		git_revwalk_hide(walk, git_reference_target(resolved));
	git_reference_free(resolved);
	git_reference_free(main);
	/* By hand or by schedule, on the default branch: there is no "before", so it is about the newest commit. */
	if (is_default && !is_bounded && !is_first)
		git_revwalk_hide(walk, &id);
	*ret = walk;
	*ret_is_bounded = is_bounded;
	return true;
}

static bool write_commits(struct writing *writing, const struct git_change *change)
{
	git_revwalk *walk;
	git_oid id;
	bool is_bounded, ok = true;
	size_t count = 0;
	if (!git_change_walk(
		    (struct git_mirror *)(void *)writing->repository, change, &walk, &is_bounded, &writing->err))
		return false;
	while (ok && git_revwalk_next(&id, walk) == 0) {
		ok = ++count <= POLICY_COMMITS_MAX ||
		     err_set(&writing->err, ERR_TOO_LARGE,
			     "the change has more than %d commits; a run by hand looks at the newest one alone",
			     POLICY_COMMITS_MAX);
		ok = ok && write_commit(writing, &id);
	}
	git_revwalk_free(walk);
	if (ok && !count && !is_bounded && git_oid_fromstrn(&id, change->commit.p, change->commit.n) == 0)
		ok = write_commit(writing, &id);
	return ok;
}

bool git_change_write(struct git_mirror *mirror, const struct git_change *change, int to, struct err *err)
{
	struct writing writing = {
		.repository = (git_repository *)(void *)mirror,
		.to = to,
		.out = BUF_INIT(POLICY_CHANGE_BYTES_MAX),
		.lines = BUF_INIT(2 * FILE_BYTES_MAX),
	};
	bool ok = write_commits(&writing, change) && buf_add_c(&writing.out, "end\n") && flush(&writing);
	buf_done(&writing.out);
	buf_done(&writing.lines);
	if (!ok)
		*err = writing.err;
	return ok;
}
