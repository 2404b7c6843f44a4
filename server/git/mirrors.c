#include "server/git/mirrors.h"

#include "common/buf.h"
#include "common/clock.h"
#include "common/failpoint.h"
#include "common/id_map.h"
#include "common/io/proc.h"
#include "common/io/work.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/random.h"
#include "server/git/git_access.h"
#include "server/git/git_verdict.h"
#include "server/git/local_path.h"
#include "server/git/mirror_locks.h"
#include "server/git/pack_cache.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SWEEP_EVERY = 16 }; /* part of the room for packs that was filled */
enum { FETCH_TIMEOUT_MS = 10 * 60 * 1000, PACK_TIMEOUT_MS = 5 * 60 * 1000, ERROR_BYTES = 2048 };

struct fetch_waiter {
	struct fetch_waiter *next;
	struct arena arena;
	struct git_remote remote;
	struct str extra; /* one more ref that it wants; "": none */
	void (*done)(void *arg, const struct err *err);
	void *arg;
};

/* One repository's fetch: those who asked before it began, and want no other ref, are answered by it, the rest by the
 * next. */
struct fetch {
	struct mirrors *mirrors;
	int64_t repository;
	struct fetch_waiter *answered, *later;
	struct git_access access;
	bool is_made; /* the mirror exists: init has run */
};

struct pack_waiter {
	struct pack_waiter *next;
	void (*done)(void *arg, const char *path, const struct err *err);
	void *arg;
};

struct pack {
	struct pack *next;
	struct mirrors *mirrors;
	char *path;
	char *part; /* written here, then renamed; this server's own, for others, and what a killed one left running,
		       write too */
	struct pack_waiter *waiters;
};

struct mirrors {
	struct uv_loop_s *loop;
	char *folder;
	struct git_access alone; /* for git at work in a mirror, without a remote */
	struct id_map fetches;
	char *packs_folder;
	int64_t packs_max_bytes;
	int64_t packed_bytes; /* since the last sweep began */
	bool is_sweeping;
	struct pack *packs; /* being made */
	size_t active;
	void (*closed)(void *arg);
	void *closed_arg;
};

static char *format(const char *pattern, ...) __attribute__((format(printf, 1, 2)));
static char *format(const char *pattern, ...)
{
	auto_buf text = BUF_INIT(16 * 1024);
	va_list args;
	va_start(args, pattern);
	buf_vaddf(&text, pattern, args);
	va_end(args);
	return buf_take(&text);
}

static void operation_ended(struct mirrors *mirrors)
{
	mirrors->active--;
	if (mirrors->closed && mirrors->active == 0)
		mirrors->closed(mirrors->closed_arg);
}

/* --- room for packs --- */

struct sweeping {
	struct mirrors *mirrors;
	struct pack_sweep done;
	struct err err;
};

static void sweep_on_pool(void *arg)
{
	struct sweeping *sweeping = arg;
	const struct mirrors *mirrors = sweeping->mirrors;
	pack_cache_sweep(mirrors->packs_folder, mirrors->packs_max_bytes, clock_wall_us(), pack_cache_boot_us(),
		&sweeping->done, &sweeping->err);
}

static void swept(void *arg, bool is_cancelled)
{
	struct sweeping *sweeping = arg;
	struct mirrors *mirrors = sweeping->mirrors;
	(void)is_cancelled;
	if (sweeping->err.kind != ERR_NONE)
		log_warn("mirrors.sweep", F("err", &sweeping->err));
	else if (sweeping->done.removed)
		log_info("mirrors.swept", F("removed", sweeping->done.removed),
			F("left_bytes", sweeping->done.left_bytes));
	free(sweeping);
	mirrors->is_sweeping = false;
	operation_ended(mirrors);
}

static void begin_sweep(struct mirrors *mirrors)
{
	if (mirrors->is_sweeping || mirrors->closed)
		return;
	struct sweeping *sweeping = mem_alloc(sizeof *sweeping);
	sweeping->mirrors = mirrors;
	mirrors->is_sweeping = true;
	mirrors->packed_bytes = 0;
	mirrors->active++;
	work_submit(mirrors->loop, sweep_on_pool, swept, sweeping);
}

/* --- life --- */

static bool make_folder(const char *path, struct err *err)
{
	if (mkdir(path, 0700) != 0 && errno != EEXIST)
		return err_errno(err, "folder %s", path);
	return true;
}

bool mirrors_open(
	struct uv_loop_s *loop, const char *folder, int64_t packs_max_bytes, struct mirrors **ret, struct err *err)
{
	auto_free char *packs = format("%s/packs", folder);
	if (!make_folder(folder, err) || !make_folder(packs, err))
		return false;
	struct mirrors *mirrors = mem_alloc(sizeof *mirrors);
	if (!git_access_open(&mirrors->alone, folder, NULL, err)) {
		free(mirrors);
		return false;
	}
	mirrors->loop = loop;
	mirrors->folder = mem_strdup(folder);
	mirrors->packs_folder = take(packs);
	mirrors->packs_max_bytes = packs_max_bytes;
	begin_sweep(mirrors);
	*ret = mirrors;
	return true;
}

void mirrors_close(struct mirrors *mirrors, void (*closed)(void *arg), void *arg)
{
	mirrors->closed = closed;
	mirrors->closed_arg = arg;
	mirrors->active++;
	operation_ended(mirrors);
}

void mirrors_free(struct mirrors *mirrors)
{
	if (!mirrors)
		return;
	git_access_close(&mirrors->alone);
	id_map_done(&mirrors->fetches);
	free(mirrors->packs_folder);
	free(mirrors->folder);
	free(mirrors);
}

char *mirrors_path(const struct mirrors *mirrors, int64_t repository)
{
	return format("%s/%lld.git", mirrors->folder, (long long)repository);
}

/* The same, where git spoke to another repository. */
static bool check_address(const struct proc_result *result, const char *what, const char *url, struct err *err)
{
	if (git_verdict(result, what, err))
		return true;
	local_path_is_open(str_of(url), err);
	return false;
}

/* --- fetching --- */

static void start_fetch(struct fetch *fetch);

static void answer_fetch(struct fetch *fetch, const struct err *err)
{
	struct fetch_waiter *waiter = fetch->answered;
	fetch->answered = NULL;
	while (waiter) {
		struct fetch_waiter *next = waiter->next;
		waiter->done(waiter->arg, err);
		arena_done(&waiter->arena);
		free(waiter);
		waiter = next;
	}
}

static void end_fetch(struct fetch *fetch, const struct err *err)
{
	struct mirrors *mirrors = fetch->mirrors;
	git_access_close(&fetch->access);
	answer_fetch(fetch, err);
	if (fetch->later) {
		start_fetch(fetch);
		return;
	}
	id_map_remove(&mirrors->fetches, fetch->repository);
	free(fetch);
	operation_ended(mirrors);
}

/* A ref that is not there is no fault of the network: trying again soon brings nothing. */
static bool check_fetch(const struct proc_result *result, const char *url, struct err *err)
{
	size_t at;
	if (check_address(result, "git fetch", url, err))
		return true;
	if (str_find(result->error, STR("couldn't find remote ref"), &at))
		err->kind = ERR_NOT_FOUND;
	return false;
}

/* The next try finds none. Older than a fetch may take, or than this machine's start: nobody is at work there. */
static void remove_dead_locks(const struct fetch *fetch, const struct proc_result *result)
{
	size_t at;
	if (!str_find(result->error, STR(".lock': File exists"), &at))
		return;
	auto_free char *path = mirrors_path(fetch->mirrors, fetch->repository);
	int64_t timeout_us = clock_wall_us() - FETCH_TIMEOUT_MS * US_PER_MS, boot_us = pack_cache_boot_us();
	int64_t removed = mirror_locks_remove(path, timeout_us > boot_us ? timeout_us : boot_us);
	if (removed)
		log_warn("mirrors.locks_removed", F("repository", fetch->repository), F("locks", removed));
}

static void fetched(void *arg, const struct proc_result *result)
{
	struct fetch *fetch = arg;
	struct err err = {0};
	if (result->exit_code != 0)
		remove_dead_locks(fetch, result);
	end_fetch(fetch, check_fetch(result, fetch->answered->remote.url.p, &err) ? NULL : &err);
}

static void run_fetch(struct fetch *fetch)
{
	const struct fetch_waiter *first = fetch->answered;
	auto_free char *path = mirrors_path(fetch->mirrors, fetch->repository);
	auto_free char *extra = format("+%.*s:%.*s", STR_ARG(first->extra), STR_ARG(first->extra));
	const char *argv[] = {"git", "-C", path, "fetch", "--prune", "--quiet", "--no-auto-gc", "--no-write-fetch-head",
		"--no-recurse-submodules", "--no-tags", "--end-of-options", first->remote.url.p,
		"+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*", first->extra.n ? extra : NULL, NULL};
	struct err err = {0};
	struct proc *proc;
	if (!git_access_open(&fetch->access, fetch->mirrors->folder, &first->remote, &err)) {
		end_fetch(fetch, &err);
		return;
	}
	struct proc_options options = {.argv = argv,
		.environment = fetch->access.environment,
		.error_max_bytes = ERROR_BYTES,
		.timeout_ms = FETCH_TIMEOUT_MS};
	if (!proc_start(fetch->mirrors->loop, &options, fetched, fetch, &proc, &err))
		end_fetch(fetch, &err);
}

static void initialised(void *arg, const struct proc_result *result)
{
	struct fetch *fetch = arg;
	struct err err = {0};
	fetch->is_made = result->exit_code == 0;
	FAILPOINT("mirror.made");
	if (git_verdict(result, "git init", &err))
		run_fetch(fetch);
	else
		end_fetch(fetch, &err);
}

static void run_init(struct fetch *fetch, const char *path)
{
	const char *argv[] = {"git", "init", "--quiet", "--bare", "--template=", path, NULL};
	struct proc_options options = {.argv = argv,
		.environment = fetch->mirrors->alone.environment,
		.error_max_bytes = ERROR_BYTES,
		.timeout_ms = PACK_TIMEOUT_MS};
	struct err err = {0};
	struct proc *proc;
	if (!proc_start(fetch->mirrors->loop, &options, initialised, fetch, &proc, &err))
		end_fetch(fetch, &err);
}

/* Those who want the same as the first. */
static void take_waiters(struct fetch *fetch)
{
	struct fetch_waiter *first = fetch->later, **taken = &fetch->answered, **at = &fetch->later;
	while (*at) {
		struct fetch_waiter *waiter = *at;
		if (!str_eq(waiter->extra, first->extra)) {
			at = &waiter->next;
			continue;
		}
		*at = waiter->next;
		waiter->next = NULL;
		*taken = waiter;
		taken = &waiter->next;
	}
}

static void start_fetch(struct fetch *fetch)
{
	auto_free char *path = mirrors_path(fetch->mirrors, fetch->repository);
	auto_free char *head = format("%s/HEAD", path);
	take_waiters(fetch);
	fetch->is_made = fetch->is_made || access(head, F_OK) == 0;
	if (fetch->is_made)
		run_fetch(fetch);
	else
		run_init(fetch, path);
}

void mirrors_fetch(struct mirrors *mirrors, int64_t repository, const struct git_remote *remote, struct str extra,
	void (*done)(void *arg, const struct err *err), void *arg)
{
	struct fetch *fetch = id_map_get(&mirrors->fetches, repository);
	bool is_new = !fetch;
	if (is_new) {
		fetch = mem_alloc(sizeof *fetch);
		fetch->mirrors = mirrors;
		fetch->repository = repository;
		id_map_put(&mirrors->fetches, repository, fetch);
		mirrors->active++;
	}
	struct fetch_waiter *waiter = mem_alloc(sizeof *waiter), **tail = &fetch->later;
	waiter->done = done;
	waiter->arg = arg;
	git_remote_copy(&waiter->remote, remote, &waiter->arena);
	waiter->extra = arena_str(&waiter->arena, extra);
	while (*tail)
		tail = &(*tail)->next;
	*tail = waiter;
	if (is_new)
		start_fetch(fetch);
}

/* --- the default branch --- */

struct head_question {
	struct mirrors *mirrors;
	struct git_access access;
	char *url;
	void (*done)(void *arg, struct str branch, const struct err *err);
	void *arg;
};

/* "ref: refs/heads/main\tHEAD" stands in the first line, when the other side tells. */
static struct str read_symref(struct str output)
{
	struct str line, first;
	if (!str_cut(&output, '\n', &line) || !str_starts(line, STR("ref: refs/heads/")))
		return STR("");
	line = str_skip(line, 16);
	return str_cut(&line, '\t', &first) ? first : STR("");
}

static void end_question(struct head_question *question, struct str branch, const struct err *err)
{
	struct mirrors *mirrors = question->mirrors;
	git_access_close(&question->access);
	question->done(question->arg, branch, err);
	free(question->url);
	free(question);
	operation_ended(mirrors);
}

static void head_told(void *arg, const struct proc_result *result)
{
	struct head_question *question = arg;
	struct err err = {0};
	bool ok = check_address(result, "git ls-remote", question->url, &err);
	end_question(question, ok ? read_symref(result->output) : STR(""), ok ? NULL : &err);
}

void mirrors_default_branch(struct mirrors *mirrors, const struct git_remote *remote,
	void (*done)(void *arg, struct str branch, const struct err *err), void *arg)
{
	struct head_question *question = mem_alloc(sizeof *question);
	struct err err = {0};
	struct proc *proc;
	*question = (struct head_question){
		.mirrors = mirrors, .url = mem_dup(remote->url.p, remote->url.n), .done = done, .arg = arg};
	mirrors->active++;
	if (!git_access_open(&question->access, mirrors->folder, remote, &err)) {
		end_question(question, STR(""), &err);
		return;
	}
	const char *argv[] = {"git", "ls-remote", "--symref", "--quiet", "--", question->url, "HEAD", NULL};
	struct proc_options options = {.argv = argv,
		.environment = question->access.environment,
		.output_max_bytes = 64 * 1024,
		.error_max_bytes = ERROR_BYTES,
		.timeout_ms = PACK_TIMEOUT_MS};
	if (!proc_start(mirrors->loop, &options, head_told, question, &proc, &err))
		end_question(question, STR(""), &err);
}

/* --- packs --- */

static void end_pack(struct pack *pack, const struct err *err)
{
	struct mirrors *mirrors = pack->mirrors;
	for (struct pack **at = &mirrors->packs; *at; at = &(*at)->next) {
		if (*at == pack) {
			*at = pack->next;
			break;
		}
	}
	while (pack->waiters) {
		struct pack_waiter *waiter = pack->waiters;
		pack->waiters = waiter->next;
		waiter->done(waiter->arg, pack->path, err);
		free(waiter);
	}
	free(pack->path);
	free(pack->part);
	free(pack);
	operation_ended(mirrors);
}

static void packed(void *arg, const struct proc_result *result)
{
	struct pack *pack = arg;
	struct err err = {0};
	bool ok = git_verdict(result, "git pack-objects", &err);
	struct mirrors *mirrors = pack->mirrors;
	struct stat stat;
	FAILPOINT("pack.written");
	if (ok && (lstat(pack->part, &stat) != 0 || rename(pack->part, pack->path) != 0))
		ok = err_errno(&err, "pack %s", pack->path);
	if (ok)
		mirrors->packed_bytes += stat.st_size;
	else
		unlink(pack->part);
	end_pack(pack, ok ? NULL : &err);
	if (mirrors->packed_bytes > mirrors->packs_max_bytes / SWEEP_EVERY)
		begin_sweep(mirrors);
}

/* What pack-objects reads: revisions, and which commits count as having no parents. The asker of a snapshot has no
 * history behind its `have` either, so that is cut off too, or objects would be left out that it does not have. */
static void describe(struct buf *input, struct str commit, struct str have, int depth)
{
	if (depth == 1) {
		buf_addf(input, "--shallow %.*s\n", STR_ARG(commit));
		if (have.n)
			buf_addf(input, "--shallow %.*s\n", STR_ARG(have));
	}
	buf_addf(input, "%.*s\n", STR_ARG(commit));
	if (have.n)
		buf_addf(input, "^%.*s\n", STR_ARG(have));
}

static void start_pack(struct pack *pack, int64_t repository, struct str commit, struct str have, int depth)
{
	struct err err = {0};
	auto_free char *mirror = mirrors_path(pack->mirrors, repository);
	auto_fd int fd = open(pack->part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	auto_buf input = BUF_INIT(1024);
	describe(&input, commit, have, depth);
	/* Somebody waits for it: a smaller pack is not worth a longer search, and the version before is a neighbour. */
	const char *argv[13] = {"git", "-C", mirror, "pack-objects", "--revs", "--stdout", "--quiet",
		"--delta-base-offset", "--threads=1", "--window=2"};
	size_t n = 10;
	if (have.n)
		argv[n++] = "--thin";
	if (depth == 1)
		argv[n++] = "--shallow";
	struct proc_options options = {.argv = argv,
		.environment = pack->mirrors->alone.environment,
		.input = buf_str(&input),
		.error_max_bytes = ERROR_BYTES,
		.timeout_ms = PACK_TIMEOUT_MS,
		.output_fd = fd};
	struct proc *proc;
	if (fd < 0)
		err_errno(&err, "pack %s", pack->part);
	if (fd < 0 || !proc_start(pack->mirrors->loop, &options, packed, pack, &proc, &err))
		end_pack(pack, &err);
}

void mirrors_pack(struct mirrors *mirrors, int64_t repository, struct str commit, struct str have, int depth,
	void (*done)(void *arg, const char *path, const struct err *err), void *arg)
{
	auto_free char *path = format("%s/packs/%lld-%.*s-%.*s-%d.pack", mirrors->folder, (long long)repository,
		STR_ARG(commit), STR_ARG(have), depth);
	struct pack *pack = mirrors->packs;
	while (pack && strcmp(pack->path, path) != 0)
		pack = pack->next;
	if (!pack && pack_cache_use(path)) {
		done(arg, path, NULL);
		return;
	}
	struct pack_waiter *waiter = mem_alloc(sizeof *waiter);
	*waiter = (struct pack_waiter){NULL, done, arg};
	if (pack) {
		waiter->next = pack->waiters;
		pack->waiters = waiter;
		return;
	}
	pack = mem_alloc(sizeof *pack);
	pack->mirrors = mirrors;
	pack->path = take(path);
	auto_arena arena = {0};
	pack->part = format("%s.%.*s.part", pack->path, STR_ARG(random_token(&arena, "p")));
	pack->waiters = waiter;
	pack->next = mirrors->packs;
	mirrors->packs = pack;
	mirrors->active++;
	start_pack(pack, repository, commit, have, depth);
}
