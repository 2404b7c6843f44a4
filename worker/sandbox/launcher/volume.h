#ifndef WORKER_SANDBOX_LAUNCHER_VOLUME_H
#define WORKER_SANDBOX_LAUNCHER_VOLUME_H

/*
 * The disk of a slot where the launcher is root: an ext4 file system in a sparse file, mounted through a loop device in
 * the launcher's own mount namespace. Loop devices free themselves with their last mount, and mounts vanish with the
 * namespace, so even a launcher that was killed leaves only the file, which the next one removes.
 */

#include "common/err.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Makes `STATE/slot-N.ext4` and mounts it at `STATE/slot-N`, whose root then belongs to `owner`. */
bool volume_open(const char *state, unsigned number, uint64_t bytes, uint64_t inodes, uid_t owner, struct err *err);
void volume_close(const char *state, unsigned number);
/* Removes what earlier launchers left in the state directory. */
void volume_sweep(const char *state);
/* "" when this machine can do it, else what is missing. */
const char *volume_obstacle(void);

#endif
