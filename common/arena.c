#include "common/arena.h"

#include "common/err.h"
#include "common/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The first chunk is small: most arenas are of a request, and a thousand of those may wait. */
enum { CHUNK_BYTES = 512 - 64, ALIGNMENT = 16 };

/* Under ASan what is not handed out is poisoned, and a gap follows each piece, so that writing past one is seen. */
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
enum { GAP_BYTES = ALIGNMENT };
#else
#define ASAN_POISON_MEMORY_REGION(p, n)   ((void)(p), (void)(n))
#define ASAN_UNPOISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
enum { GAP_BYTES = 0 };
#endif

struct arena_chunk {
	struct arena_chunk *next;
	size_t used;
	size_t size;
	_Alignas(ALIGNMENT) char bytes[];
};

void arena_done(struct arena *arena)
{
	while (arena->chunks) {
		struct arena_chunk *chunk = arena->chunks;
		arena->chunks = chunk->next;
		ASAN_UNPOISON_MEMORY_REGION(chunk->bytes, chunk->size);
		free(chunk);
	}
	*arena = (struct arena){0};
}

void *arena_alloc(struct arena *arena, size_t size)
{
	BUG_ON(size > SIZE_MAX / 2);
	size_t rounded = ((size + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1)) + GAP_BYTES;
	struct arena_chunk *chunk = arena->chunks;
	if (!chunk || chunk->size - chunk->used < rounded) {
		/* Chunks double up to 1 MiB, so that a large graph does not become thousands of small ones. */
		size_t grown = chunk && chunk->size < 1 << 20 ? chunk->size * 2 : chunk ? chunk->size : CHUNK_BYTES;
		size_t bytes = rounded > grown ? rounded : grown;
		struct arena_chunk *fresh = mem_alloc(sizeof *fresh + bytes);
		fresh->size = bytes;
		fresh->next = chunk;
		arena->chunks = fresh;
		chunk = fresh;
		ASAN_POISON_MEMORY_REGION(chunk->bytes, chunk->size);
	}
	void *p = chunk->bytes + chunk->used;
	ASAN_UNPOISON_MEMORY_REGION(p, size);
	chunk->used += rounded;
	arena->used_bytes += rounded;
	return p;
}

enum { GROWN_MIN = 4 };

/* The room that arena_grow() takes for granted behind `count` items. */
static size_t room_of(size_t count)
{
	size_t room = count ? GROWN_MIN : 0;
	while (room < count && room <= SIZE_MAX / 4)
		room *= 2;
	return room;
}

void *arena_alloc_array(struct arena *arena, size_t size, size_t count)
{
	size_t bytes;
	if (__builtin_mul_overflow(size, room_of(count), &bytes))
		BUG("array of %zu items of %zu bytes", count, size);
	return arena_alloc(arena, bytes);
}

struct str arena_str(struct arena *arena, struct str s)
{
	char *copy = arena_alloc(arena, s.n + 1);
	if (s.n)
		memcpy(copy, s.p, s.n);
	return (struct str){copy, s.n};
}

const char *arena_strdup(struct arena *arena, const char *s)
{
	return arena_str(arena, str_of(s)).p;
}

struct str arena_printf(struct arena *arena, const char *format, ...)
{
	va_list args, again;
	va_start(args, format);
	va_copy(again, args);
	int n = vsnprintf(NULL, 0, format, args);
	BUG_ON(n < 0);
	char *p = arena_alloc(arena, (size_t)n + 1);
	vsnprintf(p, (size_t)n + 1, format, again);
	va_end(again);
	va_end(args);
	return (struct str){p, (size_t)n};
}

void *arena_grow(struct arena *arena, void *items, size_t item_size, size_t count)
{
	if (count != room_of(count))
		return items;
	void *grown = arena_alloc_array(arena, item_size, count + 1);
	if (count)
		memcpy(grown, items, item_size * count);
	return grown;
}
