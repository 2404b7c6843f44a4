#ifndef SERVER_STORE_PLAN_CACHE_H
#define SERVER_STORE_PLAN_CACHE_H

/*
 * Plans by hash. A plan never changes, so whoever needs one shares it: the shell, dispatch, the API. At most `max`
 * plans that nobody holds are kept. Loop thread only.
 */

#include "server/engine/plan.h"

struct plan_cache;
struct plan_ref; /* holds one plan */

struct plan_cache *plan_cache_new(size_t max);
void plan_cache_free(struct plan_cache *cache); /* nothing may be held any more */

/* NULL: not here; load it and put it. */
struct plan_ref *plan_cache_get(struct plan_cache *cache, struct str hash);
/* Reads the JSON form and keeps it under the hash. */
struct plan_ref *plan_cache_put(struct plan_cache *cache, struct str hash, const json_t *json, struct err *err);
/* Hashes of what is here now. */
struct str_list plan_cache_hashes(const struct plan_cache *cache, struct arena *arena);
const struct plan *plan_ref_plan(const struct plan_ref *ref);
void plan_ref_drop(struct plan_ref *ref); /* NULL is fine */

#endif
