#include "worker/tail.h"

#include "common/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* Twice the text: what is left of it can always be moved to the front without touching itself. */
enum { SPACE = 2 * TAIL_TEXT_MAX, LENGTH_BITS = 20, FILES_MAX = 65536 };
static const char magic[8] = "PSTAIL1";

/* The file. It is read by a successor after a kill between any two of our stores, so the one word that says which bytes
 * count is stored whole, and after them. */
struct tail_file {
	char magic[8];
	int64_t job; /* 0: free */
	int32_t attempt;
	int32_t reserved;
	_Atomic uint64_t extent; /* raw offset of space[0], then LENGTH_BITS of how much is there */
	char space[SPACE];
};

struct tail {
	struct tail_store *store;
	struct tail *next; /* of the free ones */
	struct tail_file *file;
	size_t from; /* before it all is in frames */
	size_t to;
	int64_t base; /* raw offset of space[0] */
};

struct tail_store {
	char *directory;
	struct tail *free;
	unsigned files;
};

static void store_extent(struct tail *tail)
{
	atomic_store_explicit(
		&tail->file->extent, (uint64_t)tail->base << LENGTH_BITS | tail->to, memory_order_release);
}

struct tail_store *tail_store_new(const char *directory)
{
	struct tail_store *store = mem_alloc(sizeof *store);
	store->directory = mem_strdup(directory);
	return store;
}

void tail_store_free(struct tail_store *store)
{
	if (!store)
		return;
	while (store->free) {
		struct tail *tail = store->free;
		store->free = tail->next;
		tail_close(tail);
	}
	free(store->directory);
	free(store);
}

static struct tail *map_file(struct tail_store *store, const char *path, struct err *err)
{
	auto_fd int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0) {
		err_errno(err, "open %s", path);
		return NULL;
	}
	int rc = posix_fallocate(fd, 0, sizeof(struct tail_file));
	if (rc) {
		errno = rc;
		err_errno(err, "reserve %s", path);
		unlink(path);
		return NULL;
	}
	void *file = mmap(NULL, sizeof(struct tail_file), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (file == MAP_FAILED) {
		err_errno(err, "map %s", path);
		return NULL;
	}
	struct tail *tail = mem_alloc(sizeof *tail);
	*tail = (struct tail){.store = store, .file = file};
	return tail;
}

bool tail_open(struct tail_store *store, struct attempt_ref ref, int64_t at, struct tail **ret, struct err *err)
{
	auto_arena arena = {0};
	struct tail *tail = store->free;
	if (tail) {
		store->free = take(tail->next);
	} else {
		tail = map_file(store, arena_printf(&arena, "%s/tail-%u", store->directory, store->files).p, err);
		if (!tail)
			return false;
		store->files++;
	}
	tail->from = tail->to = 0;
	tail->base = at;
	store_extent(tail);
	memcpy(tail->file->magic, magic, sizeof magic);
	tail->file->attempt = ref.attempt;
	tail->file->job = ref.job;
	*ret = tail;
	return true;
}

void tail_release(struct tail *tail)
{
	if (!tail)
		return;
	tail->file->job = 0;
	tail->next = tail->store->free;
	tail->store->free = tail;
}

void tail_close(struct tail *tail)
{
	if (!tail)
		return;
	munmap(tail->file, sizeof *tail->file);
	free(tail);
}

struct str tail_text(const struct tail *tail)
{
	return (struct str){tail->file->space + tail->from, tail->to - tail->from};
}

void tail_add(struct tail *tail, struct str bytes)
{
	struct str text = tail_text(tail);
	BUG_ON(text.n + bytes.n > TAIL_TEXT_MAX);
	if (tail->to + bytes.n > SPACE) {
		/* Over bytes that are in frames: until the extent says so, nobody misses them. */
		memcpy(tail->file->space, text.p, text.n);
		tail->base += (int64_t)tail->from;
		tail->from = 0;
		tail->to = text.n;
		store_extent(tail);
	}
	memcpy(tail->file->space + tail->to, bytes.p, bytes.n);
	tail->to += bytes.n;
	store_extent(tail);
}

void tail_drop(struct tail *tail, size_t n)
{
	tail->from += n;
	BUG_ON(tail->from > tail->to);
	if (tail->from < tail->to)
		return;
	/* To the front again: a job that prints little touches one page. */
	tail->base += (int64_t)tail->to;
	tail->from = tail->to = 0;
	store_extent(tail);
}

void tail_recover(struct tail_store *store,
	void (*each)(void *arg, struct attempt_ref ref, int64_t at, struct str text), void *arg)
{
	auto_arena arena = {0};
	for (; store->files < FILES_MAX; store->files++) {
		const char *path = arena_printf(&arena, "%s/tail-%u", store->directory, store->files).p;
		struct stat info;
		if (lstat(path, &info) < 0)
			return;
		struct tail *tail = S_ISREG(info.st_mode) ? map_file(store, path, NULL) : NULL;
		if (!tail)
			continue;
		uint64_t extent = atomic_load_explicit(&tail->file->extent, memory_order_acquire);
		size_t n = extent & ((1U << LENGTH_BITS) - 1);
		bool is_ours = memcmp(tail->file->magic, magic, sizeof magic) == 0 && tail->file->job > 0 && n <= SPACE;
		if (is_ours && n)
			each(arg, (struct attempt_ref){tail->file->job, tail->file->attempt},
				(int64_t)(extent >> LENGTH_BITS), (struct str){tail->file->space, n});
		tail_release(tail);
	}
}
