#include "server/store/plan_cache.h"

#include "common/mem.h"

#include <stdlib.h>

struct plan_ref {
	struct plan_ref *next; /* most recently used first */
	struct plan_cache *cache;
	struct str hash;
	struct plan plan;
	struct arena arena;
	json_t *json; /* FIELD_JSON members point into it */
	size_t holders;
};

struct plan_cache {
	struct plan_ref *entries;
	size_t max;
};

struct plan_cache *plan_cache_new(size_t max)
{
	struct plan_cache *cache = mem_alloc(sizeof *cache);
	cache->max = max;
	return cache;
}

static void free_ref(struct plan_ref *ref)
{
	arena_done(&ref->arena);
	json_decref(ref->json);
	free(ref);
}

void plan_cache_free(struct plan_cache *cache)
{
	if (!cache)
		return;
	while (cache->entries) {
		struct plan_ref *ref = cache->entries;
		BUG_ON(ref->holders);
		cache->entries = ref->next;
		free_ref(ref);
	}
	free(cache);
}

static void trim(struct plan_cache *cache)
{
	size_t idle = 0;
	for (struct plan_ref **at = &cache->entries; *at;) {
		struct plan_ref *ref = *at;
		idle += ref->holders == 0;
		if (ref->holders || idle <= cache->max) {
			at = &ref->next;
			continue;
		}
		*at = ref->next;
		free_ref(ref);
	}
}

struct plan_ref *plan_cache_get(struct plan_cache *cache, struct str hash)
{
	for (struct plan_ref **at = &cache->entries; *at; at = &(*at)->next) {
		struct plan_ref *ref = *at;
		if (!str_eq(ref->hash, hash))
			continue;
		*at = ref->next;
		ref->next = cache->entries;
		cache->entries = ref;
		ref->holders++;
		return ref;
	}
	return NULL;
}

struct plan_ref *plan_cache_put(struct plan_cache *cache, struct str hash, const json_t *json, struct err *err)
{
	struct plan_ref *ref = plan_cache_get(cache, hash);
	if (ref)
		return ref;
	ref = mem_alloc(sizeof *ref);
	ref->json = json_incref((json_t *)(uintptr_t)json);
	if (!plan_read(json, &ref->plan, &ref->arena, err)) {
		free_ref(ref);
		return NULL;
	}
	ref->cache = cache;
	ref->hash = arena_str(&ref->arena, hash);
	ref->holders = 1;
	ref->next = cache->entries;
	cache->entries = ref;
	trim(cache);
	return ref;
}

struct str_list plan_cache_hashes(const struct plan_cache *cache, struct arena *arena)
{
	struct str_list hashes = {0};
	for (const struct plan_ref *ref = cache->entries; ref; ref = ref->next) {
		hashes.items = arena_grow(arena, hashes.items, sizeof *hashes.items, hashes.count);
		hashes.items[hashes.count++] = ref->hash;
	}
	return hashes;
}

const struct plan *plan_ref_plan(const struct plan_ref *ref)
{
	return &ref->plan;
}

void plan_ref_drop(struct plan_ref *ref)
{
	if (!ref)
		return;
	BUG_ON(ref->holders == 0);
	ref->holders--;
	if (ref->holders == 0)
		trim(ref->cache);
}
