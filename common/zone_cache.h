#ifndef COMMON_ZONE_CACHE_H
#define COMMON_ZONE_CACHE_H

/* Zones of the system by name, each read once and kept for the life of the process: there are some hundreds at most.
 * Any thread may ask. */

#include "common/zone.h"

/* NULL: this machine does not have it. Blocking, but short, the first time. */
const struct zone *zone_cache(struct str name);

#endif
