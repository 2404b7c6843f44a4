#include "server/git/pack_cache.h"

#include "common/arena.h"
#include "common/buf.h"
#include "common/clock.h"
#include "common/mem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define SPARED_US (60 * US_PER_SECOND)
/* Longer than making one may take. */
#define PART_US (15 * 60 * US_PER_SECOND)

struct packed {
	struct str name;
	int64_t size_bytes, used_us;
};

struct sweep {
	int folder; /* descriptor */
	int64_t now_us, boot_us;
	struct arena arena;
	struct packed *packs;
	size_t count;
	int64_t bytes, removed;
};

bool pack_cache_use(const char *path)
{
	const struct timespec times[2] = {{.tv_nsec = UTIME_NOW}, {.tv_nsec = UTIME_OMIT}};
	return utimensat(AT_FDCWD, path, times, 0) == 0;
}

static int64_t us_of(struct timespec time)
{
	return (int64_t)time.tv_sec * US_PER_SECOND + time.tv_nsec / 1000;
}

static void remove_file(struct sweep *sweep, struct str name)
{
	sweep->removed += unlinkat(sweep->folder, name.p, 0) == 0;
}

static void look_at(struct sweep *sweep, const char *file)
{
	struct stat stat;
	struct str name = str_of(file);
	bool is_part = str_ends(name, STR(".part")), is_pack = str_ends(name, STR(".pack"));
	if ((!is_part && !is_pack) || fstatat(sweep->folder, file, &stat, AT_SYMLINK_NOFOLLOW) != 0)
		return;
	int64_t written_us = us_of(stat.st_mtim);
	if (is_part ? written_us + PART_US < sweep->now_us : written_us < sweep->boot_us) {
		remove_file(sweep, name);
		return;
	}
	sweep->bytes += stat.st_size;
	if (is_part)
		return;
	sweep->packs = arena_grow(&sweep->arena, sweep->packs, sizeof *sweep->packs, sweep->count);
	sweep->packs[sweep->count++] =
		(struct packed){arena_str(&sweep->arena, name), stat.st_size, us_of(stat.st_atim)};
}

static int compare_use(const void *pa, const void *pb)
{
	const struct packed *a = pa, *b = pb;
	return (a->used_us > b->used_us) - (a->used_us < b->used_us);
}

static void make_room(struct sweep *sweep, int64_t max_bytes)
{
	if (sweep->bytes <= max_bytes || sweep->count == 0)
		return;
	qsort(sweep->packs, sweep->count, sizeof *sweep->packs, compare_use);
	for (size_t i = 0; i < sweep->count && sweep->bytes > max_bytes - max_bytes / 8; i++) {
		if (sweep->packs[i].used_us + SPARED_US > sweep->now_us)
			return; /* and so are all behind it */
		remove_file(sweep, sweep->packs[i].name);
		sweep->bytes -= sweep->packs[i].size_bytes;
	}
}

bool pack_cache_sweep(
	const char *folder, int64_t max_bytes, int64_t now_us, int64_t boot_us, struct pack_sweep *ret, struct err *err)
{
	DIR *directory = opendir(folder);
	if (!directory)
		return err_errno(err, "folder %s", folder);
	struct sweep sweep = {.folder = dirfd(directory), .now_us = now_us, .boot_us = boot_us};
	for (const struct dirent *entry; (entry = readdir(directory));)
		look_at(&sweep, entry->d_name);
	make_room(&sweep, max_bytes);
	*ret = (struct pack_sweep){sweep.bytes, sweep.removed};
	arena_done(&sweep.arena);
	closedir(directory);
	return true;
}

int64_t pack_cache_boot_us(void)
{
	struct timespec wall, since_boot;
	if (clock_gettime(CLOCK_REALTIME, &wall) != 0 || clock_gettime(CLOCK_BOOTTIME, &since_boot) != 0)
		return 0;
	return us_of(wall) - us_of(since_boot);
}
