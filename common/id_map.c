#include "common/id_map.h"

#include "common/err.h"
#include "common/mem.h"

#include <stdlib.h>

struct id_map_slot {
	int64_t id; /* 0: free, -1: a grave */
	void *value;
};

enum { GRAVE = -1, CAPACITY_MIN = 16 };

static size_t hash(int64_t id, size_t capacity)
{
	uint64_t mixed = (uint64_t)id * UINT64_C(0x9e3779b97f4a7c15);
	return (size_t)(mixed >> 32) & (capacity - 1);
}

static struct id_map_slot *find(const struct id_map *map, int64_t id)
{
	BUG_ON(id <= 0);
	if (map->capacity == 0)
		return NULL;
	for (size_t at = hash(id, map->capacity);; at = (at + 1) & (map->capacity - 1)) {
		if (map->slots[at].id == id)
			return &map->slots[at];
		if (map->slots[at].id == 0)
			return NULL;
	}
}

static void insert(struct id_map *map, int64_t id, void *value)
{
	size_t at = hash(id, map->capacity);
	while (map->slots[at].id > 0)
		at = (at + 1) & (map->capacity - 1);
	map->used += map->slots[at].id == 0;
	map->slots[at] = (struct id_map_slot){id, value};
	map->count++;
}

static void grow(struct id_map *map)
{
	struct id_map old = *map;
	size_t capacity = CAPACITY_MIN;
	while (capacity < (old.count + 1) * 2)
		capacity *= 2;
	*map = (struct id_map){.slots = mem_alloc(capacity * sizeof *map->slots), .capacity = capacity};
	for (size_t i = 0; i < old.capacity; i++)
		if (old.slots[i].id > 0)
			insert(map, old.slots[i].id, old.slots[i].value);
	free(old.slots);
}

void id_map_done(struct id_map *map)
{
	free(map->slots);
	*map = (struct id_map){0};
}

void *id_map_get(const struct id_map *map, int64_t id)
{
	const struct id_map_slot *slot = find(map, id);
	return slot ? slot->value : NULL;
}

void id_map_put(struct id_map *map, int64_t id, void *value)
{
	struct id_map_slot *slot = find(map, id);
	if (slot) {
		slot->value = value;
		return;
	}
	if ((map->used + 1) * 4 > map->capacity * 3)
		grow(map);
	insert(map, id, value);
}

void *id_map_remove(struct id_map *map, int64_t id)
{
	struct id_map_slot *slot = find(map, id);
	if (!slot)
		return NULL;
	void *value = slot->value;
	*slot = (struct id_map_slot){GRAVE, NULL};
	map->count--;
	return value;
}

void *id_map_next(const struct id_map *map, size_t *cursor)
{
	while (*cursor < map->capacity) {
		const struct id_map_slot *slot = &map->slots[(*cursor)++];
		if (slot->id > 0)
			return slot->value;
	}
	return NULL;
}
