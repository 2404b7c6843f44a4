#include "server/git/mirror_locks.h"

#include "common/clock.h"
#include "common/str.h"

#include <fts.h>
#include <stdint.h>
#include <sys/stat.h>
#include <unistd.h>

int64_t mirror_locks_remove(const char *mirror, int64_t before_us)
{
	char *roots[] = {(char *)(uintptr_t)mirror, NULL};
	int64_t removed = 0;
	FTS *walk = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	if (!walk)
		return 0;
	for (FTSENT *entry; (entry = fts_read(walk));) {
		struct str name = {entry->fts_name, entry->fts_namelen};
		/* No ref has a lock's name, and objects have none. */
		if (entry->fts_info == FTS_D && entry->fts_level == 1 && str_is(name, "objects"))
			fts_set(walk, entry, FTS_SKIP);
		if (entry->fts_info != FTS_F || !str_ends(name, STR(".lock")))
			continue;
		int64_t made_us =
			entry->fts_statp->st_mtim.tv_sec * US_PER_SECOND + entry->fts_statp->st_mtim.tv_nsec / 1000;
		if (made_us < before_us)
			removed += unlink(entry->fts_accpath) == 0;
	}
	fts_close(walk);
	return removed;
}
