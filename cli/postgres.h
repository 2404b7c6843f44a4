#ifndef CLI_POSTGRES_H
#define CLI_POSTGRES_H

/* Where PostgreSQL's server programs are on this machine. */

#include "common/arena.h"

bool postgres_is_in(const char *folder);
/* The folder of this major version, or of the newest (0); then, for the newest, what PATH holds. NULL: none. */
const char *postgres_find(struct arena *arena, int64_t major);
/* The major version that a folder's name tells, such as /usr/lib/postgresql/15/bin; 0: none. */
int64_t postgres_version_of(const char *folder);

#endif
