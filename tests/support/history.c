#include "tests/support/history.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

static char folder[64];
struct git_mirror *history_mirror;
struct arena history_arena;

static const char people[] = "export HOME=/nonexistent GIT_CONFIG_NOSYSTEM=1 GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b "
			     "GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b";

void history_make(const char *script)
{
	struct err err = {0};
	snprintf(folder, sizeof folder, "/tmp/penstock-history.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	history_arena = (struct arena){0};
	const char *command = arena_printf(&history_arena,
		"set -e\ncd %s\nexec >/dev/null 2>&1\n%s\n%s\ngit clone -q --mirror . mirror", folder, people, script)
				      .p;
	ck_assert_int_eq(system(command), 0);
	ck_assert_msg(git_read_init(&err), "%s", err.text);
	const char *path = arena_printf(&history_arena, "%s/mirror", folder).p;
	ck_assert_msg(git_mirror_open(path, &history_mirror, &err), "%s", err.text);
}

void history_done(void)
{
	git_mirror_close(history_mirror);
	ck_assert_int_eq(system(arena_printf(&history_arena, "rm -r %s", folder).p), 0);
	arena_done(&history_arena);
}

struct str history_commit(const char *name)
{
	struct str commit, ref;
	struct err err = {0};
	if (!*name || *name == '0')
		return str_of(name);
	ck_assert_msg(git_resolve(history_mirror, str_of(name), &commit, &ref, &history_arena, &err), "%s", err.text);
	return commit;
}
