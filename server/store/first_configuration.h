#ifndef SERVER_STORE_FIRST_CONFIGURATION_H
#define SERVER_STORE_FIRST_CONFIGURATION_H

/* Reads, blocking, what is in force when a server starts: before it decides anything. Only server/configuration calls
 * it. */

#include "common/arena.h"
#include "common/err.h"
#include "server/engine/freeze.h"

struct first_configuration {
	int64_t version; /* 0: none was ever applied */
	struct str text;
	struct freeze_blockers blockers;
	struct freeze_versions versions; /* read before the others */
};

/* Everything lives in the arena. */
bool first_configuration(const char *url, struct arena *arena, struct first_configuration *ret, struct err *err);

#endif
