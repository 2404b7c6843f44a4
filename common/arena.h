#ifndef COMMON_ARENA_H
#define COMMON_ARENA_H

/*
 * Memory of one request, flow or loaded graph: allocated piece by piece, freed once. Never returns NULL; what it gives
 * is zeroed, aligned for any type and lives until arena_done(). One owner, one thread at a time.
 */

#include "common/str.h"

struct arena_chunk;

struct arena {
	struct arena_chunk *chunks;
	size_t used_bytes; /* handed out, for ceilings and metrics */
};

#define auto_arena __attribute__((cleanup(arena_done))) struct arena

void arena_done(struct arena *arena);
void *arena_alloc(struct arena *arena, size_t size);
struct str arena_str(struct arena *arena, struct str s); /* a copy, followed by a zero */
const char *arena_strdup(struct arena *arena, const char *s);
struct str arena_printf(struct arena *arena, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define arena_new(arena, type)          ((type *)arena_alloc((arena), sizeof(type)))
#define arena_array(arena, type, count) ((type *)arena_alloc_array((arena), sizeof(type), (count)))
void *arena_alloc_array(struct arena *arena, size_t size, size_t count);

/* Room for one more item at items[count]: returns the (possibly moved) array. It was made by this function or by
 * arena_array(), which both leave room up to a power of two, so callers keep only a pointer and a count. */
void *arena_grow(struct arena *arena, void *items, size_t item_size, size_t count);

#endif
