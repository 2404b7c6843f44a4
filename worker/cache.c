#include "worker/cache.h"

#include "common/io/work.h"
#include "common/log.h"
#include "common/mem.h"
#include "worker/files.h"

#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const int64_t max_bytes_default = INT64_C(10) << 30;
static const char *const kinds[] = {"repos", "checkouts", "blobs"};

struct cache {
	struct uv_loop_s *loop;
	char *root; /* WORK_DIR/cache */
	char *tmp;
	int64_t max_bytes;
	int64_t grown_bytes; /* since the last look; the loop's */
	int64_t kept_bytes;  /* what that look left */
	bool is_evicting;
	uint64_t names;
	pthread_rwlock_t lock; /* users of repositories against eviction */
};

/* Nothing here waits for the disk when it is made, and it is trusted by its name: what was there when the machine went
 * down may be cut or empty. */
static void forget_before_boot(const struct cache *cache, struct arena *arena)
{
	const char *path = arena_printf(arena, "%s/boot", cache->root).p;
	struct str boot = str_trim(files_read_small("/proc/sys/kernel/random/boot_id", 64, arena));
	if (str_eq(str_trim(files_read_small(path, 64, arena)), boot))
		return;
	files_remove_tree(cache->root);
	if (files_make_directory(cache->root, NULL))
		files_write_small(path, boot, NULL);
}

bool cache_open(struct uv_loop_s *loop, const char *work_dir, int64_t max_bytes, struct cache **ret, struct err *err)
{
	auto_arena arena = {0};
	struct cache *cache = mem_alloc(sizeof *cache);
	cache->loop = loop;
	cache->root = mem_strdup(arena_printf(&arena, "%s/cache", work_dir).p);
	cache->tmp = mem_strdup(arena_printf(&arena, "%s/tmp", work_dir).p);
	cache->max_bytes = max_bytes > 0 ? max_bytes : max_bytes_default;
	pthread_rwlock_init(&cache->lock, NULL);
	files_remove_tree(cache->tmp);
	forget_before_boot(cache, &arena);
	bool ok = files_make_directory(cache->tmp, err);
	for (size_t i = 0; ok && i < COUNT_OF(kinds); i++)
		ok = files_make_directory(arena_printf(&arena, "%s/%s", cache->root, kinds[i]).p, err);
	if (!ok) {
		cache_close(cache);
		return false;
	}
	/* What is there already is counted by the first look. */
	cache->kept_bytes = cache->max_bytes;
	cache_grew(cache, 0);
	*ret = cache;
	return true;
}

void cache_close(struct cache *cache)
{
	if (!cache)
		return;
	pthread_rwlock_destroy(&cache->lock);
	free(cache->root);
	free(cache->tmp);
	free(cache);
}

const char *cache_tmp(const struct cache *cache)
{
	return cache->tmp;
}

struct str cache_path(const struct cache *cache, const char *kind, struct str name, struct arena *arena)
{
	return arena_printf(arena, "%s/%s/%.*s", cache->root, kind, STR_ARG(name));
}

int cache_open_file(const struct cache *cache, const char *kind, struct str name)
{
	auto_arena arena = {0};
	int fd = open(cache_path(cache, kind, name, &arena).p, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd >= 0)
		futimens(fd, NULL);
	return fd;
}

struct str cache_fresh_name(struct cache *cache, struct arena *arena)
{
	return arena_printf(arena, "%s/%" PRIu64, cache->tmp, ++cache->names);
}

void cache_hold(struct cache *cache)
{
	pthread_rwlock_rdlock(&cache->lock);
}

void cache_hold_alone(struct cache *cache)
{
	pthread_rwlock_wrlock(&cache->lock);
}

void cache_let_go(struct cache *cache)
{
	pthread_rwlock_unlock(&cache->lock);
}

struct item {
	struct str path;
	int64_t used_us;
	int64_t bytes;
};

struct eviction {
	struct cache *cache;
	struct arena arena;
	const char *kind;
	struct item *items;
	size_t count;
	int64_t total, freed;
};

static int add_item(void *arg, struct str name)
{
	struct eviction *look = arg;
	struct stat info;
	struct item item = {.path = cache_path(look->cache, look->kind, name, &look->arena)};
	if (lstat(item.path.p, &info) < 0)
		return 0;
	item.bytes = files_size(item.path.p);
	item.used_us = (int64_t)info.st_mtim.tv_sec * 1000000 + info.st_mtim.tv_nsec / 1000;
	look->items = arena_grow(&look->arena, look->items, sizeof *look->items, look->count);
	look->items[look->count++] = item;
	look->total += item.bytes;
	return 0;
}

static int by_use(const void *a, const void *b)
{
	const struct item *x = a, *y = b;
	return (x->used_us > y->used_us) - (x->used_us < y->used_us);
}

static void evict(void *arg)
{
	struct eviction *look = arg;
	struct cache *cache = look->cache;
	for (size_t i = 0; i < COUNT_OF(kinds); i++) {
		look->kind = kinds[i];
		files_each(arena_printf(&look->arena, "%s/%s", cache->root, look->kind).p, add_item, look);
	}
	if (look->total <= cache->max_bytes)
		return;
	qsort(look->items, look->count, sizeof *look->items, by_use);
	/* A good way below the ceiling, so that this is not needed for every job. */
	cache_hold_alone(cache);
	for (size_t i = 0; i < look->count && look->total - look->freed > cache->max_bytes / 10 * 8; i++) {
		files_remove_tree(look->items[i].path.p);
		look->freed += look->items[i].bytes;
	}
	cache_let_go(cache);
}

static void evicted(void *arg, bool is_cancelled)
{
	struct eviction *look = arg;
	struct cache *cache = look->cache;
	(void)is_cancelled;
	cache->kept_bytes = look->total - look->freed;
	cache->is_evicting = false;
	if (look->freed)
		log_info("cache.evicted", F("bytes", look->freed), F("kept", cache->kept_bytes));
	arena_done(&look->arena);
	free(look);
}

void cache_grew(struct cache *cache, int64_t bytes)
{
	cache->grown_bytes += bytes;
	if (cache->is_evicting || cache->kept_bytes + cache->grown_bytes < cache->max_bytes)
		return;
	cache->is_evicting = true;
	cache->grown_bytes = 0;
	struct eviction *look = mem_alloc(sizeof *look);
	look->cache = cache;
	work_submit(cache->loop, evict, evicted, look);
}
