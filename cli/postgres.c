#include "cli/postgres.h"

#include <glob.h>
#include <stdlib.h>
#include <unistd.h>

bool postgres_is_in(const char *folder)
{
	auto_arena arena = {0};
	return access(arena_printf(&arena, "%s/initdb", folder).p, X_OK) == 0 &&
	       access(arena_printf(&arena, "%s/postgres", folder).p, X_OK) == 0;
}

int64_t postgres_version_of(const char *folder)
{
	struct str rest = str_of(folder), part;
	int64_t version = 0, number;
	while (str_cut(&rest, '/', &part))
		if (str_to_i64(part, &number))
			version = number;
	return version;
}

static const char *find_debian(struct arena *arena, int64_t major)
{
	const char *best = NULL;
	glob_t found = {0};
	if (glob("/usr/lib/postgresql/*/bin", 0, NULL, &found) == 0)
		for (size_t i = 0; i < found.gl_pathc; i++) {
			const char *folder = found.gl_pathv[i];
			int64_t version = postgres_version_of(folder);
			bool is_better = major ? version == major : !best || version > postgres_version_of(best);
			if (is_better && postgres_is_in(folder))
				best = arena_strdup(arena, folder);
		}
	globfree(&found);
	return best;
}

static const char *find_in_path(struct arena *arena)
{
	struct str rest = str_of(getenv("PATH")), folder;
	while (str_cut(&rest, ':', &folder)) {
		const char *text = arena_str(arena, folder).p;
		if (folder.n && postgres_is_in(text))
			return text;
	}
	return NULL;
}

const char *postgres_find(struct arena *arena, int64_t major)
{
	const char *folder = find_debian(arena, major);
	/* What PATH holds does not tell its version by its place; PostgreSQL itself refuses a cluster of another one.
	 */
	return folder || find_debian(arena, 0) ? folder : find_in_path(arena);
}
