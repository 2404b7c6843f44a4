#include "common/digest.h"
#include "common/hex.h"
#include "common/mem.h"
#include "worker/policy/allow_file.h"
#include "worker/policy/change.h"
#include "worker/policy/content.h"
#include "worker/policy/policy.h"
#include "worker/policy/secret_shapes.h"

#include <string.h>
#include <unistd.h>

/* How much may come out of all artifacts of one step, unpacked. */
#define ARTIFACT_BYTES_MAX (INT64_C(4) << 30)

struct seen {
	struct str path, fingerprint;
};

struct search {
	struct policy *policy;
	struct allow_file allow;
	struct seen *seen;
	size_t seen_count;
	/* Where we are. */
	struct secret_scan scan;
	struct str path;
	struct str commit;
	struct arena path_arena;
	bool is_artifact;
};

/* --- telling --- */

static struct str fingerprint_of(const struct search *search, const struct secret *secret)
{
	char text[DIGEST_TEXT_BYTES];
	struct str key = arena_printf(&search->policy->arena, "%s\n%.*s", secret->what, STR_ARG(secret->value));
	digest_text_of(key, text);
	return arena_str(&search->policy->arena, (struct str){text, FINGERPRINT_BYTES});
}

/* The same one in the next commit, or in the next piece of a long line. */
static bool is_seen(struct search *search, struct str fingerprint)
{
	struct arena *arena = &search->policy->arena;
	for (size_t i = 0; i < search->seen_count; i++)
		if (str_eq(search->seen[i].fingerprint, fingerprint) && str_eq(search->seen[i].path, search->path))
			return true;
	if (search->seen_count >= 10000)
		return false;
	search->seen = arena_grow(arena, search->seen, sizeof *search->seen, search->seen_count);
	search->seen[search->seen_count++] = (struct seen){arena_str(arena, search->path), fingerprint};
	return false;
}

static struct str help(const struct search *search, struct str fingerprint)
{
	if (search->is_artifact)
		return arena_printf(&search->policy->arena,
			"revoke it where it was made, and keep it out of what is built; if it is none, put the line \"%.*s  "
			"the reason\" into " ALLOW_FILE_PATH,
			STR_ARG(fingerprint));
	return arena_printf(&search->policy->arena,
		"revoke it where it was made, take it out of the commit (git rebase -i), and give it to jobs as a secret; if it "
		"is none, put the line \"%.*s  the reason\" into " ALLOW_FILE_PATH,
		STR_ARG(fingerprint));
}

/* In characters, from 1, as editors count; of the line before, nobody knows. */
static int32_t column_of(const struct secret *secret)
{
	struct str before = {secret->value.p - secret->at, secret->at};
	int32_t column = 1;
	for (; before.n; column++)
		str_next_char(&before);
	return column;
}

static void tell(struct search *search, const struct secret *secret, int64_t number)
{
	struct arena *arena = &search->policy->arena;
	struct str fingerprint = fingerprint_of(search, secret);
	if (is_seen(search, fingerprint))
		return;
	/* Never the thing itself: four characters tell which one it is to who knows it. */
	struct str head =
		secret->value.n >= 20 && !memchr(secret->value.p, '-', 4) ? str_head(secret->value, 4) : STR("");
	policy_tell(
		search->policy, &(struct finding){
					.path = search->path,
					.line = number <= INT32_MAX && !search->scan.is_binary ? (int32_t)number : 0,
					.column = !search->scan.is_binary ? column_of(secret) : 0,
					.commit = search->commit,
					.message = arena_printf(arena, "%s (\"%.*s…\", %zu characters)", secret->what,
						STR_ARG(head), secret->value.n),
					.help = help(search, fingerprint),
					.fingerprint = fingerprint,
					.allowed = allow_file_find(&search->allow, search->path, fingerprint),
				});
}

static void look_at_line(struct search *search, int64_t number, struct str line)
{
	struct secret found[SECRETS_OF_LINE_MAX];
	bool is_before;
	size_t count = secrets_in_line(&search->scan, line, found, &is_before);
	for (size_t i = 0; i < count; i++)
		tell(search, &found[i], number - is_before);
}

static void begin_file(struct search *search, struct str path, bool is_binary)
{
	arena_done(&search->path_arena);
	search->path_arena = (struct arena){0};
	search->path = policy_clean(path, FINDING_PATH_MAX, &search->path_arena);
	search->scan = (struct secret_scan){.is_binary = is_binary};
}

/* --- files --- */

static void on_begin(void *arg, struct str path, bool is_binary)
{
	begin_file(arg, path, is_binary);
}

static void on_line(void *arg, int64_t number, struct str line)
{
	look_at_line(arg, number, line);
}

static void on_damaged(void *arg, struct str path, const char *why)
{
	struct search *search = arg;
	policy_tell(search->policy,
		&(struct finding){
			.path = path,
			.level = FINDING_WARNING,
			.commit = search->commit,
			.message = arena_printf(&search->policy->arena, "looks packed and cannot be unpacked: %s", why),
			.help = STR("what it holds was not looked at"),
		});
}

static void look_into(struct search *search, struct str path, struct content_limits *limits)
{
	const struct content_handler handler = {on_begin, on_line, on_damaged, search};
	struct err err = {0};
	auto_fd int fd = policy_open(search->policy, path, NULL, &err);
	if (fd >= 0 && content_read(fd, path, &handler, limits, &err))
		return;
	/* A file of an earlier commit that is gone by now, or a link: nothing of it is shipped. */
	if (!search->is_artifact && err.kind != ERR_TOO_LARGE)
		return;
	policy_tell(search->policy, &(struct finding){
					    .path = path,
					    .message = arena_printf(&search->policy->arena,
						    "could not be looked at as a whole: %s", err.text),
					    .help = STR("ship less in one artifact, or split the job"),
				    });
}

/* --- the change --- */

static void on_commit(void *arg, const struct change_commit *commit)
{
	struct search *search = arg;
	struct str rest = commit->message, line;
	search->commit = commit->id;
	begin_file(search, STR(""), false);
	for (int64_t number = 1; str_cut(&rest, '\n', &line); number++)
		look_at_line(search, number, line);
}

static void on_file(void *arg, const struct change_commit *commit, const struct change_file *file)
{
	struct search *search = arg;
	(void)commit;
	begin_file(search, file->path, false);
	if (file->is_whole) {
		struct content_limits limits = {ARTIFACT_BYTES_MAX, CONTENT_ENTRIES_MAX};
		look_into(search, file->path, &limits);
	}
}

static void on_lines(
	void *arg, const struct change_commit *commit, const struct change_file *file, int64_t first, struct str lines)
{
	struct search *search = arg;
	struct str line;
	(void)commit;
	(void)file;
	for (; str_cut(&lines, '\n', &line); first++)
		look_at_line(search, first, line);
}

static void on_allow_fault(void *arg, int32_t line, const char *message)
{
	struct search *search = arg;
	policy_tell(search->policy,
		&(struct finding){
			.path = STR(ALLOW_FILE_PATH),
			.line = line,
			.message = arena_printf(&search->policy->arena, "this line %s", message),
			.help = STR("a line is a fingerprint or a glob of paths, and behind it the reason"),
		});
}

static void read_allow_file(struct search *search)
{
	struct policy *policy = search->policy;
	struct err err = {0};
	struct str text;
	if (policy_load(policy, STR(ALLOW_FILE_PATH), ALLOW_FILE_BYTES_MAX, &policy->arena, &text, &err))
		allow_file_read(text, &search->allow, &policy->arena, on_allow_fault, search);
	else if (err.kind != ERR_NOT_FOUND)
		policy_fault(policy, "%s", err.text);
}

void policy_no_secrets(struct policy *policy)
{
	static const struct change_handler handler = {on_commit, on_file, on_lines};
	const struct policy_request *request = &policy->request;
	struct search search = {.policy = policy};
	struct err err = {0};
	read_allow_file(&search);
	if (request->has_change && !change_read(policy->change, &handler, &search, &err))
		policy_fault(policy, "%s", err.text);
	struct content_limits limits = {
		request->artifact_bytes_max ? request->artifact_bytes_max : ARTIFACT_BYTES_MAX, CONTENT_ENTRIES_MAX};
	search.is_artifact = true;
	search.commit = (struct str){0};
	for (size_t i = 0; i < request->artifact_count; i++)
		look_into(&search, request->artifacts[i].path, &limits);
	arena_done(&search.path_arena);
}
