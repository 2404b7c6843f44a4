#include "worker/checkout.h"

#include "common/mem.h"
#include "worker/checkout_git.h"
#include "worker/files.h"
#include "worker/sandbox/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <git2.h>
#include <git2/sys/repository.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

enum { DEPTH_MAX = 200, FEED_BYTES = 1 << 20, PATH_BYTES_MAX = STREAM_MAX_PATH + 1 };
enum { ENTRY_BYTES = 16, BYTES_PER_FILE = 8192, FILES_ALWAYS = 1024 };
/* libgit2 reads a file as a whole into the worker's memory. */
static const uint64_t file_bytes_max = UINT64_C(512) << 20;

void checkout_init(void)
{
	git_libgit2_init();
	git_libgit2_opts(GIT_OPT_ENABLE_CACHING, 0);
	git_libgit2_opts(GIT_OPT_SET_MWINDOW_MAPPED_LIMIT, (size_t)(256 << 20));
	/* Nothing of the account's or the machine's git configuration counts here. */
	for (int level = GIT_CONFIG_LEVEL_PROGRAMDATA; level <= GIT_CONFIG_LEVEL_GLOBAL; level++)
		git_libgit2_opts(GIT_OPT_SET_SEARCH_PATH, level, "/nonexistent");
	git_libgit2_opts(GIT_OPT_SET_OWNER_VALIDATION, 0);
}

static int64_t object_count(int fd)
{
	unsigned char head[12];
	if (pread(fd, head, sizeof head, 0) != sizeof head || memcmp(head, "PACK", 4) != 0)
		return -1;
	return (int64_t)head[8] << 24 | head[9] << 16 | head[10] << 8 | head[11];
}

static bool feed_pack(git_odb_writepack *writer, int fd, struct err *err)
{
	git_indexer_progress progress = {0};
	auto_free char *piece = mem_alloc(FEED_BYTES);
	ssize_t n;
	while ((n = read(fd, piece, FEED_BYTES)) > 0)
		if (writer->append(writer, piece, (size_t)n, &progress) < 0)
			return checkout_git_failed(err, "read the pack");
	if (n < 0)
		return err_errno(err, "read the pack");
	return writer->commit(writer, &progress) == 0 || checkout_git_failed(err, "index the pack");
}

/* Jobs of a new repository come together, and libgit2 locks its config file to make it: one makes it, the rest find it.
 */
static int open_cache(git_repository **ret, const char *repository)
{
	static pthread_mutex_t making = PTHREAD_MUTEX_INITIALIZER;
	pthread_mutex_lock(&making);
	int code = git_repository_open_bare(ret, repository);
	if (code < 0)
		code = git_repository_init(ret, repository, true);
	pthread_mutex_unlock(&making);
	return code;
}

bool checkout_add_pack(const char *repository, const char *pack_file, struct err *err)
{
	git_repository *repo = NULL;
	git_odb *odb = NULL;
	git_odb_writepack *writer = NULL;
	auto_fd int fd = open(pack_file, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_errno(err, "open %s", pack_file);
	int64_t objects = object_count(fd);
	if (objects < 0)
		return err_set(err, ERR_UPSTREAM, "what the server sent is no pack");
	bool ok = open_cache(&repo, repository) == 0 && git_repository_odb(&odb, repo) == 0;
	if (!ok)
		checkout_git_failed(err, "open the cache %s", repository);
	else if (objects > 0)
		ok = (git_odb_write_pack(&writer, odb, NULL, NULL) == 0 || checkout_git_failed(err, "write a pack")) &&
		     feed_pack(writer, fd, err);
	if (writer)
		writer->free(writer);
	git_odb_free(odb);
	git_repository_free(repo);
	return ok;
}

struct tree_walk {
	git_repository *repo;
	git_odb *odb;
	struct stream_writer *out;
	char path[PATH_BYTES_MAX];
	size_t path_n;
	uint64_t entries, bytes, max_bytes;
};

static bool too_large(const struct tree_walk *walk, const char *what, struct err *err)
{
	return err_set(err, ERR_TOO_LARGE,
		"the commit has more %s than fit on the job's disk (%" PRIu64 " MiB); give the job a larger `disk`",
		what, walk->max_bytes >> 20);
}

/* Before it is read: a blob of nothing but zeros takes no space in a pack. */
static bool check_blob(struct tree_walk *walk, const git_oid *id, struct err *err)
{
	size_t size;
	git_object_t kind;
	if (git_odb_read_header(&size, &kind, walk->odb, id) < 0)
		return checkout_git_failed(err, "%.*s", (int)walk->path_n, walk->path);
	walk->bytes += size;
	if (walk->bytes > walk->max_bytes)
		return too_large(walk, "bytes", err);
	return size <= file_bytes_max ||
	       err_set(err, ERR_TOO_LARGE, "%.*s is larger than a worker takes from git (%" PRIu64 " MiB)",
		       (int)walk->path_n, walk->path, file_bytes_max >> 20);
}

static bool write_blob(struct tree_walk *walk, const git_oid *id, git_filemode_t mode, struct err *err)
{
	if (!check_blob(walk, id, err))
		return false;
	git_blob *blob = NULL;
	struct str path = {walk->path, walk->path_n};
	if (git_blob_lookup(&blob, walk->repo, id) < 0)
		return checkout_git_failed(err, "%.*s", STR_ARG(path));
	struct str content = {git_blob_rawcontent(blob), (size_t)git_blob_rawsize(blob)};
	bool ok;
	if (mode == GIT_FILEMODE_LINK)
		ok = stream_write_link(walk->out, path, content, err);
	else
		ok = stream_write_file(
			     walk->out, path, mode == GIT_FILEMODE_BLOB_EXECUTABLE ? 0755 : 0644, content.n, err) &&
		     stream_write_data(walk->out, content, err);
	git_blob_free(blob);
	return ok;
}

/* git itself refuses such names; an object that was not made by git may hold them. */
static bool check_name(const struct tree_walk *walk, const char *name, struct err *err)
{
	struct str path = {walk->path, walk->path_n};
	if (stream_path_is_clean(path) && strcasecmp(name, ".git") != 0)
		return true;
	return err_set(
		err, ERR_UPSTREAM, "the commit holds a path that is not allowed: %.*s", STR_ARG(str_brief(path, 200)));
}

static bool write_tree(struct tree_walk *walk, const git_oid *id, int depth, struct err *err);

static bool write_entry(struct tree_walk *walk, const git_tree_entry *entry, int depth, struct err *err)
{
	const char *name = git_tree_entry_name(entry);
	size_t before = walk->path_n, n = strlen(name);
	if (before + 1 + n >= sizeof walk->path)
		return err_set(err, ERR_UPSTREAM, "the commit holds a path that is too long at %.200s", walk->path);
	walk->bytes += ENTRY_BYTES + before + 1 + n;
	if (++walk->entries > FILES_ALWAYS + walk->max_bytes / BYTES_PER_FILE)
		return too_large(walk, "files", err);
	if (walk->bytes > walk->max_bytes)
		return too_large(walk, "bytes", err);
	if (before)
		walk->path[walk->path_n++] = '/';
	memcpy(walk->path + walk->path_n, name, n + 1);
	walk->path_n += n;
	bool ok = check_name(walk, name, err);
	git_filemode_t mode = git_tree_entry_filemode(entry);
	if (ok && mode == GIT_FILEMODE_TREE)
		ok = write_tree(walk, git_tree_entry_id(entry), depth + 1, err);
	else if (ok && mode == GIT_FILEMODE_COMMIT) /* a submodule: its place, as in a clone that fetched none */
		ok = stream_write_dir(walk->out, (struct str){walk->path, walk->path_n}, err);
	else if (ok)
		ok = write_blob(walk, git_tree_entry_id(entry), mode, err);
	walk->path_n = before;
	walk->path[before] = 0;
	return ok;
}

static bool write_tree(struct tree_walk *walk, const git_oid *id, int depth, struct err *err)
{
	git_tree *tree = NULL;
	if (depth > DEPTH_MAX)
		return err_set(err, ERR_UPSTREAM, "the commit's tree is too deep at %.200s", walk->path);
	if (git_tree_lookup(&tree, walk->repo, id) < 0)
		return checkout_git_failed(err, "tree of \"%s\"", walk->path);
	bool ok = true;
	for (size_t i = 0; ok && i < git_tree_entrycount(tree); i++)
		ok = write_entry(walk, git_tree_entry_byindex(tree, i), depth, err);
	git_tree_free(tree);
	return ok;
}

static bool write_stream(git_repository *repo, const git_oid *id, const struct checkout *wanted, const char *scratch,
	int fd, struct err *err)
{
	git_commit *commit = NULL;
	git_odb *odb = NULL;
	if (git_repository_odb(&odb, repo) < 0 || git_commit_lookup(&commit, repo, id) < 0) {
		git_odb_free(odb);
		return checkout_git_failed(err, "the commit");
	}
	struct stream_writer out;
	stream_writer_init(&out, fd);
	struct tree_walk walk = {.repo = repo, .odb = odb, .out = &out, .max_bytes = wanted->disk_bytes};
	bool ok = write_tree(&walk, git_commit_tree_id(commit), 0, err);
	if (ok) {
		struct checkout_git git = {
			.repo = repo,
			.commit = commit,
			.tag = wanted->tag,
			.tags = wanted->tags,
			.fetch_depth = wanted->fetch_depth,
			.scratch = scratch,
			.tree_bytes = walk.bytes,
			.disk_bytes = wanted->disk_bytes,
		};
		ok = checkout_git_write(&git, &out, err) || err_wrap(err, "write .git");
	}
	ok = ok && stream_write_end(&out, err);
	stream_writer_done(&out);
	git_commit_free(commit);
	git_odb_free(odb);
	return ok;
}

bool checkout_write(const char *repository, const struct checkout *wanted, const char *scratch, const char *to_file,
	struct err *err)
{
	struct str commit = wanted->commit;
	git_oid id;
	git_repository *repo = NULL;
	if (commit.n != GIT_OID_HEXSZ || git_oid_fromstrn(&id, commit.p, commit.n) < 0)
		return err_set(err, ERR_INVALID, "\"%.*s\" is no commit id", STR_ARG(str_brief(commit, 80)));
	if (git_repository_open(&repo, repository) < 0)
		return checkout_git_failed(err, "open %s", repository);
	auto_fd int fd = open(to_file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	bool ok = fd >= 0 ? write_stream(repo, &id, wanted, scratch, fd, err) : err_errno(err, "make %s", to_file);
	git_repository_free(repo);
	files_remove_tree(scratch);
	return ok || err_wrap(err, "commit %.*s", STR_ARG(str_brief(commit, 12)));
}

static int count_pack(void *count, struct str name)
{
	*(size_t *)count += str_ends(name, STR(".pack"));
	return 0;
}

size_t checkout_count_packs(const char *repository)
{
	size_t count = 0;
	auto_arena arena = {0};
	files_each(arena_printf(&arena, "%s/objects/pack", repository).p, count_pack, &count);
	return count;
}
