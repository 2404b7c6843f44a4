#include "server/git/git_push.h"

#include "common/buf.h"
#include "common/io/proc.h"
#include "common/mem.h"
#include "server/git/git_access.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PUSH_TIMEOUT_MS = 2 * 60 * 1000, OUTPUT_BYTES = 64 * 1024, ERROR_BYTES = 8 * 1024 };

struct pushing {
	struct git_access access;
	void (*done)(void *arg, enum git_push_outcome outcome, const struct err *err);
	void *arg;
};

static bool says(struct str text, const char *const *words)
{
	size_t at;
	for (; *words; words++)
		if (str_find(text, str_of(*words), &at))
			return true;
	return false;
}

/* What the other side said to people, then git's own words. */
static struct str words_of(struct str error, struct arena *arena)
{
	struct str rest = error, line, told = {0}, first = {0};
	while (str_cut(&rest, '\n', &line)) {
		line = str_trim(line);
		bool is_remote = str_starts(line, STR("remote:"));
		struct str said = is_remote ? str_trim(str_skip(line, 7)) : line;
		if (is_remote && said.n && told.n < 200)
			told = arena_printf(arena, "%.*s%s%.*s", STR_ARG(told), told.n ? " " : "", STR_ARG(said));
		bool is_aside = is_remote || str_starts(line, STR("warning:")) || str_starts(line, STR("Warning:"));
		if (!is_aside && first.n == 0)
			first = str_starts(line, STR("fatal: ")) ? str_skip(line, 7) : line;
	}
	return told.n ? told : first.n ? first : STR("no message");
}

/* "!\tSHA:refs/heads/main\t[remote rejected] (pre-receive hook declined)" */
static struct str verdict_of(struct str output)
{
	struct str line;
	size_t at;
	while (str_cut(&output, '\n', &line))
		if (str_starts(line, STR("!\t")) && str_find_char(str_skip(line, 2), '\t', &at))
			return str_trim(str_skip(line, at + 3));
	return (struct str){0};
}

static enum git_push_outcome judge(const struct proc_result *result, struct arena *arena, struct err *err)
{
	static const char *const races[] = {"failed to update ref", "cannot lock ref", "failed to lock",
		"incorrect old value", "but expected", "fetch first", "reference already exists", NULL};
	static const char *const closed[] = {"403", "401", "Authentication failed", "could not read Username",
		"ermission denied", "read only", "denied to", "Access denied", NULL};
	if (result->exit_code == 0)
		return GIT_PUSH_DONE;
	struct str verdict = verdict_of(result->output), words = words_of(result->error, arena);
	if (result->is_timeout) {
		err_set(err, ERR_TIMEOUT, "git push took too long and was ended");
		return GIT_PUSH_FAILED;
	}
	err_set(err, ERR_UPSTREAM, "git push: %.*s%s%.*s", STR_ARG(verdict), verdict.n ? ": " : "", STR_ARG(words));
	if (str_starts(verdict, STR("[rejected]")) ||
		(str_starts(verdict, STR("[remote rejected]")) && says(verdict, races)))
		return GIT_PUSH_CONFLICT;
	if (str_starts(verdict, STR("[remote rejected]"))) {
		err->kind = ERR_DENIED;
		return GIT_PUSH_REFUSED;
	}
	if (!says(result->error, closed))
		return GIT_PUSH_FAILED;
	err_set(err, ERR_DENIED,
		"git push: %.*s; the repository's credential must be one that may write (penstock repo credential set)",
		STR_ARG(words));
	return GIT_PUSH_REFUSED;
}

static void end(struct pushing *pushing, enum git_push_outcome outcome, const struct err *err)
{
	git_access_close(&pushing->access);
	pushing->done(pushing->arg, outcome, outcome == GIT_PUSH_DONE ? NULL : err);
	free(pushing);
}

static void pushed(void *arg, const struct proc_result *result)
{
	auto_arena arena = {0};
	struct err err = {0};
	enum git_push_outcome outcome = judge(result, &arena, &err);
	end(arg, outcome, &err);
}

/* Its hooks would run as this account. */
static bool check_owner(struct str url, struct err *err)
{
	auto_arena arena = {0};
	struct git_address address;
	struct stat stat_of;
	if (!git_address_read(url, &address, err))
		return false;
	if (address.scheme != GIT_SCHEME_FILE)
		return true;
	struct str path = arena_printf(&arena, "/%.*s", STR_ARG(address.path));
	if (stat(path.p, &stat_of) != 0)
		return err_errno(err, "repository %s", path.p);
	return stat_of.st_uid == geteuid() ||
	       err_set(err, ERR_DENIED,
		       "repository %s belongs to another account than the server's, which will not run its hooks; give its "
		       "address as ssh:// or https://",
		       path.p);
}

static bool start(struct uv_loop_s *loop, const struct git_push *push, struct pushing *pushing, struct err *err)
{
	auto_arena arena = {0};
	struct proc *proc;
	const char *url = arena_str(&arena, push->remote->url).p;
	const char *lease = arena_printf(
		&arena, "--force-with-lease=refs/heads/%.*s:%.*s", STR_ARG(push->branch), STR_ARG(push->base))
				    .p;
	const char *what = arena_printf(&arena, "%.*s:refs/heads/%.*s", STR_ARG(push->commit), STR_ARG(push->branch)).p;
	const char *argv[] = {"git", "-C", push->mirror, "push", "--porcelain", "--no-verify", "--no-follow-tags",
		"--no-recurse-submodules", "--no-signed", lease, "--end-of-options", url, what, NULL};
	if (!git_access_open_push(&pushing->access, push->mirror, push->remote, err))
		return false;
	struct proc_options options = {.argv = argv,
		.environment = pushing->access.environment,
		.output_max_bytes = OUTPUT_BYTES,
		.error_max_bytes = ERROR_BYTES,
		.timeout_ms = PUSH_TIMEOUT_MS};
	return proc_start(loop, &options, pushed, pushing, &proc, err);
}

void git_push(struct uv_loop_s *loop, const struct git_push *push,
	void (*done)(void *arg, enum git_push_outcome outcome, const struct err *err), void *arg)
{
	struct pushing *pushing = mem_alloc(sizeof *pushing);
	struct err err = {0};
	pushing->access = (struct git_access){.config = -1, .key = -1, .hosts = -1};
	pushing->done = done;
	pushing->arg = arg;
	bool is_ours = check_owner(push->remote->url, &err);
	if (!is_ours || !start(loop, push, pushing, &err))
		end(pushing, is_ours ? GIT_PUSH_FAILED : GIT_PUSH_REFUSED, &err);
}
