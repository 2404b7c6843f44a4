/* Reports that a job leaves: found by their globs, read by their kind. Kinds that nobody reads here are kept all the
 * same. */

#include "common/glob.h"
#include "common/mem.h"
#include "worker/policy/policy.h"
#include "worker/policy/report_kinds.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum { REPORT_BYTES_MAX = 32 << 20, DEPTH_MAX = 64, ENTRIES_MAX = 500000 };

static const struct {
	const char *kind;
	bool (*read)(struct policy *policy, struct str path, struct str text, struct err *err);
} kinds[] = {
	{"junit", report_junit},
	{"sarif", report_sarif},
};

struct walk {
	struct policy *policy;
	struct str glob;
	size_t kind;
	size_t files;
	size_t entries;
};

static void read_report(struct walk *walk, struct str path)
{
	auto_arena arena = {0};
	struct err err = {0};
	struct str text;
	struct policy *policy = walk->policy;
	if (++walk->files > TEST_REPORTS_MAX)
		return;
	if (!policy_load(policy, path, REPORT_BYTES_MAX, &arena, &text, &err) ||
		!kinds[walk->kind].read(policy, path, text, &err)) {
		struct str why = policy_clean(str_of(err.text), FINDING_TEXT_MAX, &arena);
		policy_note(policy, "reports: no %s: %.*s", kinds[walk->kind].kind, STR_ARG(why));
	}
}

/* The path itself, or a directory that it lies in, as with artifacts. */
static bool is_wanted(struct str glob, struct str path)
{
	for (size_t n = 1; n <= path.n; n++)
		if ((n == path.n || path.p[n] == '/') && glob_match(glob, str_head(path, n)))
			return true;
	return false;
}

static void look_through(struct walk *walk, int folder, struct str path, int depth);

static void look_at(struct walk *walk, int folder, const struct dirent *entry, struct str path, int depth)
{
	auto_arena arena = {0};
	struct str inner = path.n ? arena_printf(&arena, "%.*s/%s", STR_ARG(path), entry->d_name)
				  : arena_printf(&arena, "%s", entry->d_name);
	bool is_folder = entry->d_type == DT_DIR;
	if (is_folder && !str_is(inner, ".git") && depth < DEPTH_MAX) {
		int below = openat(folder, entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (below >= 0)
			look_through(walk, below, inner, depth + 1);
	} else if (entry->d_type == DT_REG && is_wanted(walk->glob, inner)) {
		read_report(walk, inner);
	}
}

/* Takes the descriptor over. */
static void look_through(struct walk *walk, int folder, struct str path, int depth)
{
	DIR *entries = fdopendir(folder);
	const struct dirent *entry;
	if (!entries) {
		close(folder);
		return;
	}
	while ((entry = readdir(entries)) && walk->entries++ < ENTRIES_MAX)
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			look_at(walk, folder, entry, path, depth);
	closedir(entries);
}

void policy_reports(struct policy *policy)
{
	const struct pair_list *reports = &policy->request.reports;
	for (size_t i = 0; i < reports->count; i++) {
		struct walk walk = {.policy = policy, .glob = reports->items[i].value};
		while (walk.kind < COUNT_OF(kinds) && !str_is(reports->items[i].name, kinds[walk.kind].kind))
			walk.kind++;
		while (str_starts(walk.glob, STR("./")))
			walk.glob = str_skip(walk.glob, 2);
		while (walk.glob.n > 1 && str_ends(walk.glob, STR("/")))
			walk.glob.n--;
		if (walk.kind == COUNT_OF(kinds))
			continue;
		int top = openat(policy->workspace, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (top < 0)
			continue;
		look_through(&walk, top, STR(""), 0);
		if (!walk.files)
			policy_note(policy, "reports: no file matches \"%.*s\"", STR_ARG(walk.glob));
		if (walk.files > TEST_REPORTS_MAX)
			policy_note(policy,
				"reports: more than %d files match \"%.*s\"; the others are kept and not read",
				TEST_REPORTS_MAX, STR_ARG(walk.glob));
	}
}
