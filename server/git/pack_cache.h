#ifndef SERVER_GIT_PACK_CACHE_H
#define SERVER_GIT_PACK_CACHE_H

/*
 * The folder of packs that were made for workers: a cache that any server of the database writes to and sweeps. When a
 * pack was used last stands at its file, so that nobody need tell the others. A pack that is being sent is open and
 * lasts until it is closed, whatever becomes of its name; one that was used within the last minute keeps its name.
 *
 * A pack is not synced when it is made, which would cost more than making it; so those from before the machine started
 * are not trusted.
 */

#include "common/err.h"

#include <stdint.h>

struct pack_sweep {
	int64_t left_bytes;
	int64_t removed; /* packs and abandoned parts */
};

/* Notes the use of a pack, "FOLDER/NAME.pack"; false when there is none. */
bool pack_cache_use(const char *path);
/* Removes abandoned parts, packs from before boot_us, and, above max_bytes, those used longest ago until an eighth of
 * it is free. Blocking. Times are of the wall clock. */
bool pack_cache_sweep(const char *folder, int64_t max_bytes, int64_t now_us, int64_t boot_us, struct pack_sweep *ret,
	struct err *err);
/* When this machine started; 0 when it does not say. */
int64_t pack_cache_boot_us(void);

#endif
