#ifndef COMMON_ID_MAP_H
#define COMMON_ID_MAP_H

/* A hash map from ids (> 0) to pointers that somebody else owns. Zero-initialised is empty; id_map_done() frees it. */

#include <stddef.h>
#include <stdint.h>

struct id_map_slot;

struct id_map {
	struct id_map_slot *slots;
	size_t capacity;
	size_t used; /* with graves */
	size_t count;
};

void id_map_done(struct id_map *map);
void *id_map_get(const struct id_map *map, int64_t id);       /* NULL: absent */
void id_map_put(struct id_map *map, int64_t id, void *value); /* replaces; value is not NULL */
void *id_map_remove(struct id_map *map, int64_t id);          /* what stood there, or NULL */
/* Walks in no order: start with *cursor = 0; NULL at the end. The map must not change meanwhile, but for the entry just
 * given. */
void *id_map_next(const struct id_map *map, size_t *cursor);

#endif
