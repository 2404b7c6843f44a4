#ifndef SERVER_SHELL_GRAPH_CACHE_H
#define SERVER_SHELL_GRAPH_CACHE_H

/*
 * Graphs of running runs as their last visit left them, so that a run of a thousand jobs is not loaded a thousand
 * times. A kept graph is only a guess: whoever takes one asks the rows whether it is still the run (run_store_refresh),
 * and the guard refuses what the guess got wrong. The cache has a ceiling in bytes; what was used longest ago goes
 * first.
 */

#include "server/store/run_store.h"

struct kept_graph {
	struct kept_graph *next;
	struct arena arena; /* of everything in `loaded` */
	struct run_loaded loaded;
	struct plan_ref *plan; /* held; NULL: not read yet */
	size_t loaded_bytes;   /* of the arena, before the first change */
};

struct kept_graph *kept_graph_new(void);
void kept_graph_free(struct kept_graph *kept);

/* Zero-initialised is empty. */
struct graph_cache {
	struct kept_graph *first; /* most recently used */
};

struct kept_graph *graph_cache_take(struct graph_cache *cache, int64_t run); /* the caller's from now on; NULL: none */
/* Owns it from now on, and may free it at once: a run that does not run, an arena that has grown too far. */
void graph_cache_keep(struct graph_cache *cache, struct kept_graph *kept);
void graph_cache_done(struct graph_cache *cache);

#endif
