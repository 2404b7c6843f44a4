#include "server/shell/graph_cache.h"

#include "common/mem.h"

#include <stdlib.h>

enum { BYTES_MAX = 16 << 20 };
/* An arena only grows: a graph that has outgrown what it was loaded with by so much is cheaper to load again. */
enum { GROWTH_MAX = 256 << 10 };

struct kept_graph *kept_graph_new(void)
{
	return mem_alloc(sizeof(struct kept_graph));
}

void kept_graph_free(struct kept_graph *kept)
{
	if (!kept)
		return;
	plan_ref_drop(kept->plan);
	arena_done(&kept->arena);
	free(kept);
}

struct kept_graph *graph_cache_take(struct graph_cache *cache, int64_t run)
{
	for (struct kept_graph **at = &cache->first; *at; at = &(*at)->next) {
		struct kept_graph *kept = *at;
		if (kept->loaded.graph.id != run)
			continue;
		*at = kept->next;
		return kept;
	}
	return NULL;
}

static void trim(struct graph_cache *cache)
{
	size_t bytes = 0;
	for (struct kept_graph **at = &cache->first; *at;) {
		struct kept_graph *kept = *at;
		bytes += kept->arena.used_bytes;
		if (bytes <= BYTES_MAX) {
			at = &kept->next;
			continue;
		}
		*at = kept->next;
		kept_graph_free(kept);
	}
}

void graph_cache_keep(struct graph_cache *cache, struct kept_graph *kept)
{
	bool is_worth_it = kept->loaded.graph.state == RUN_RUNNING && kept->plan &&
			   kept->arena.used_bytes < kept->loaded_bytes + GROWTH_MAX;
	if (!is_worth_it) {
		kept_graph_free(kept);
		return;
	}
	kept->next = cache->first;
	cache->first = kept;
	trim(cache);
}

void graph_cache_done(struct graph_cache *cache)
{
	while (cache->first)
		kept_graph_free(graph_cache_take(cache, cache->first->loaded.graph.id));
}
