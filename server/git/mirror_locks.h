#ifndef SERVER_GIT_MIRROR_LOCKS_H
#define SERVER_GIT_MIRROR_LOCKS_H

/* What git leaves in a mirror when the machine goes down under it: NAME.lock beside a ref or a file, which every later
 * fetch takes for somebody at work. Blocking. */

#include "common/err.h"

#include <stdint.h>

/* Removes the lock files of a mirror that were made before that time of the wall clock, and says how many. */
int64_t mirror_locks_remove(const char *mirror, int64_t before_us);

#endif
