#include "common/zone_cache.h"

#include "common/mem.h"

#include <pthread.h>

enum { ZONES_MAX = 1000 };

static struct {
	pthread_mutex_t lock;
	struct arena arena;
	struct {
		struct str name;
		const struct zone *zone;
	} known[ZONES_MAX];
	size_t count;
} cache = {.lock = PTHREAD_MUTEX_INITIALIZER};

static const struct zone *find_or_load(struct str name)
{
	struct err ignored = {0};
	for (size_t i = 0; i < cache.count; i++)
		if (str_eq(cache.known[i].name, name))
			return cache.known[i].zone;
	struct zone *zone = arena_new(&cache.arena, struct zone);
	/* What is missing is looked for again: it may be installed meanwhile. */
	if (cache.count == ZONES_MAX || !zone_load(name, zone, &cache.arena, &ignored))
		return NULL;
	cache.known[cache.count].name = arena_str(&cache.arena, name);
	cache.known[cache.count++].zone = zone;
	return zone;
}

const struct zone *zone_cache(struct str name)
{
	pthread_mutex_lock(&cache.lock);
	const struct zone *zone = find_or_load(name);
	pthread_mutex_unlock(&cache.lock);
	return zone;
}
