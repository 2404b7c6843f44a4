#include "worker/source.h"

#include "common/digest.h"
#include "common/failpoint.h"
#include "common/io/http_client.h"
#include "common/io/work.h"
#include "common/log.h"
#include "common/mem.h"
#include "worker/cache.h"
#include "worker/checkout.h"
#include "worker/files.h"
#include "worker/sandbox/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PACKS_MAX = 40, TIMEOUT_MS = 20 * 60 * 1000 };

/* One commit that is being made ready. */
struct source_fetch {
	struct source_store *store;
	struct source_fetch *next;
	struct arena arena;
	struct str key;        /* file in the cache's checkouts */
	struct str repository; /* directory in its repos */
	struct str commit, tag, tags;
	int32_t fetch_depth;
	uint64_t disk_bytes; /* of the attempt in whose name it is fetched */
	struct source_wait *waits;
	struct str have; /* commit that the repository holds whole; "": none */
	bool has_pack;   /* one was fetched */
	bool is_retry;   /* the second time, from nothing */
	const char *pack_file;
	int pack_fd;
	int64_t pack_bytes;
	int64_t made_bytes;
	struct err err;
};

struct source_wait {
	struct source_wait *next;
	struct source_fetch *fetch;
	struct arena arena;
	struct str url;
	uint64_t disk_bytes;
	const struct pair_list *headers;
	void (*done)(void *arg, int fd, const struct err *err);
	void *arg;
};

struct source_store {
	struct uv_loop_s *loop;
	struct http_client *http;
	struct cache *cache;
	struct source_fetch *fetches;
};

static void look(struct source_fetch *fetch);

struct source_store *source_store_new(struct uv_loop_s *loop, struct http_client *http, struct cache *cache)
{
	struct source_store *store = mem_alloc(sizeof *store);
	*store = (struct source_store){.loop = loop, .http = http, .cache = cache};
	return store;
}

void source_store_free(struct source_store *store)
{
	free(store);
}

/* The name says what it is without holding anything that a path must not. */
static struct str key_of(const struct source_request *request, struct arena *arena)
{
	char name[DIGEST_TEXT_BYTES], tag[DIGEST_TEXT_BYTES] = "";
	digest_text_of(request->repository, name);
	/* Tags come and go, which makes another checkout of the same commit. */
	if (request->tag.n || request->tags.n)
		digest_text_of(arena_printf(arena, "%.*s\n%.*s", STR_ARG(request->tag), STR_ARG(request->tags)), tag);
	return arena_printf(arena, "%.16s-%.*s-%d%s%.16s", name, STR_ARG(str_brief(request->commit, 64)),
		request->fetch_depth, *tag ? "-" : "", tag);
}

/* What is asked of the server: the commit alone, or all history. */
static int depth_asked(int32_t fetch_depth)
{
	return fetch_depth == 1 ? 1 : 0;
}

/* Repositories are apart by depth: a thin pack against a shallow commit must never stand for history. */
static struct str repository_of(const struct source_request *request, struct arena *arena)
{
	char name[DIGEST_TEXT_BYTES];
	digest_text_of(request->repository, name);
	return arena_printf(arena, "%.32s-%d.git", name, depth_asked(request->fetch_depth));
}

/* One that was cut, by whatever cut it, is made again. */
static int open_checkout(struct source_store *store, struct str key)
{
	int fd = cache_open_file(store->cache, "checkouts", key);
	if (fd < 0 || stream_is_whole(fd))
		return fd;
	close(fd);
	errno = EIO;
	return -1;
}

int source_try(struct source_store *store, const struct source_request *request)
{
	auto_arena arena = {0};
	return open_checkout(store, key_of(request, &arena));
}

static void fetch_free(struct source_fetch *fetch)
{
	for (struct source_fetch **at = &fetch->store->fetches; *at; at = &(*at)->next) {
		if (*at == fetch) {
			*at = fetch->next;
			break;
		}
	}
	if (fetch->pack_fd >= 0)
		close(fetch->pack_fd);
	arena_done(&fetch->arena);
	free(fetch);
}

static void wait_free(struct source_wait *wait)
{
	arena_done(&wait->arena);
	free(wait);
}

static void finish_one(struct source_wait *wait, const struct err *err)
{
	struct err gone = {0};
	int fd = -1;
	if (!err) {
		fd = open_checkout(wait->fetch->store, wait->fetch->key);
		if (fd < 0)
			err_errno(&gone, "open the checkout");
	}
	wait->done(wait->arg, fd, err ? err : fd < 0 ? &gone : NULL);
	wait_free(wait);
}

/* A failure is that of the attempt that asked; whoever waits behind it asks anew in its own name. */
static void end(struct source_fetch *fetch)
{
	struct source_wait *wait;
	bool has_failed = fetch->err.kind != ERR_NONE;
	while ((wait = fetch->waits)) {
		fetch->waits = wait->next;
		finish_one(wait, has_failed ? &fetch->err : NULL);
		if (has_failed && fetch->waits) {
			fetch->err = (struct err){0};
			fetch->is_retry = false;
			look(fetch);
			return;
		}
	}
	fetch_free(fetch);
}

static const char *last_file(struct source_fetch *fetch)
{
	struct str path = cache_path(fetch->store->cache, "repos", fetch->repository, &fetch->arena);
	return arena_printf(&fetch->arena, "%s/penstock-last", path.p).p;
}

/* Pool: index what came, and write the stream. */
static void make(void *arg)
{
	struct source_fetch *fetch = arg;
	struct cache *cache = fetch->store->cache;
	struct arena *arena = &fetch->arena;
	const char *repository = cache_path(cache, "repos", fetch->repository, arena).p;
	const char *target = cache_path(cache, "checkouts", fetch->key, arena).p;
	const char *fresh = arena_printf(arena, "%s.stream", fetch->pack_file).p;
	const char *scratch = arena_printf(arena, "%s.git", fetch->pack_file).p;
	struct stat info;
	cache_hold(cache);
	bool ok = true;
	if (fetch->has_pack)
		ok = checkout_add_pack(repository, fetch->pack_file, &fetch->err);
	FAILPOINT("source.indexed");
	struct checkout wanted = {.commit = fetch->commit,
		.tag = fetch->tag,
		.tags = fetch->tags,
		.fetch_depth = fetch->fetch_depth,
		.disk_bytes = fetch->disk_bytes};
	ok = ok && checkout_write(repository, &wanted, scratch, fresh, &fetch->err);
	FAILPOINT("checkout.written");
	if (ok && (stat(fresh, &info) < 0 || rename(fresh, target) < 0))
		ok = err_errno(&fetch->err, "make %s", target);
	if (ok) {
		fetch->made_bytes = info.st_size;
		FAILPOINT("checkout.kept");
		files_write_small(last_file(fetch), fetch->commit, NULL);
	}
	unlink(fetch->pack_file);
	unlink(fresh);
	cache_let_go(cache);
}

static void download(struct source_fetch *fetch);

/* Pool: a repository that lacks what it should have is begun anew. */
static void forget_repository(void *arg)
{
	struct source_fetch *fetch = arg;
	cache_hold_alone(fetch->store->cache);
	files_remove_tree(cache_path(fetch->store->cache, "repos", fetch->repository, &fetch->arena).p);
	cache_let_go(fetch->store->cache);
}

static void on_forgotten(void *arg, bool is_cancelled)
{
	struct source_fetch *fetch = arg;
	if (is_cancelled) {
		err_set(&fetch->err, ERR_BUSY, "the worker stops");
		end(fetch);
		return;
	}
	fetch->have = (struct str){0};
	download(fetch);
}

static void begin_anew(struct source_fetch *fetch)
{
	fetch->is_retry = true;
	fetch->err = (struct err){0};
	work_submit(fetch->store->loop, forget_repository, on_forgotten, fetch);
}

static void on_made(void *arg, bool is_cancelled)
{
	struct source_fetch *fetch = arg;
	if (is_cancelled)
		err_set(&fetch->err, ERR_BUSY, "the worker stops");
	if (fetch->err.kind == ERR_NONE)
		cache_grew(fetch->store->cache, fetch->made_bytes + 2 * fetch->pack_bytes);
	/* Was something not here after all, or is the cache damaged? A whole pack will tell. */
	bool may_lack = !fetch->is_retry && (!fetch->has_pack || fetch->have.n) && fetch->err.kind != ERR_TOO_LARGE;
	if (fetch->err.kind != ERR_NONE && !is_cancelled && may_lack)
		begin_anew(fetch);
	else
		end(fetch);
}

static bool write_piece(void *arg, struct str piece)
{
	struct source_fetch *fetch = arg;
	while (piece.n) {
		ssize_t n = write(fetch->pack_fd, piece.p, piece.n);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			err_errno(&fetch->err, "write %s", fetch->pack_file);
			return false;
		}
		fetch->pack_bytes += n;
		piece = str_skip(piece, (size_t)n);
	}
	return true;
}

static void write_anew(void *arg)
{
	struct source_fetch *fetch = arg;
	fetch->pack_bytes = 0;
	if (ftruncate(fetch->pack_fd, 0) < 0 || lseek(fetch->pack_fd, 0, SEEK_SET) < 0)
		err_errno(&fetch->err, "empty %s", fetch->pack_file);
}

static void on_pack(void *arg, const struct http_answer *answer, const struct err *err)
{
	struct source_fetch *fetch = arg;
	close(fetch->pack_fd);
	fetch->pack_fd = -1;
	if (fetch->err.kind == ERR_NONE && err)
		fetch->err = *err;
	else if (fetch->err.kind == ERR_NONE && answer->status != 200)
		err_set(&fetch->err, ERR_UPSTREAM, "the server answers %d for the source: %.*s", answer->status,
			STR_ARG(str_brief(answer->body, 200)));
	if (fetch->err.kind != ERR_NONE) {
		unlink(fetch->pack_file);
		if (answer && answer->status >= 400 && answer->status < 500 && fetch->have.n && !fetch->is_retry)
			begin_anew(fetch); /* it may not know the commit that we have */
		else
			end(fetch);
		return;
	}
	FAILPOINT("source.received");
	fetch->has_pack = true;
	work_submit(fetch->store->loop, make, on_made, fetch);
}

static void download(struct source_fetch *fetch)
{
	struct source_wait *asker = fetch->waits;
	if (!asker) {
		fetch_free(fetch);
		return;
	}
	fetch->pack_bytes = 0;
	fetch->pack_fd = open(fetch->pack_file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fetch->pack_fd < 0) {
		err_errno(&fetch->err, "make %s", fetch->pack_file);
		end(fetch);
		return;
	}
	struct http_request request = {
		.method = "GET",
		.url = arena_printf(&fetch->arena, "%.*s?depth=%d%s%.*s", STR_ARG(asker->url),
			depth_asked(fetch->fetch_depth), fetch->have.n ? "&have=" : "", STR_ARG(fetch->have)),
		.headers = asker->headers,
		.answer_max_bytes = (size_t)8 << 30,
		.body_write = write_piece,
		.begin_again = write_anew,
		.timeout_ms = TIMEOUT_MS,
		.retry_ms = TIMEOUT_MS,
	};
	struct http_call *call;
	http_send(fetch->store->http, &request, on_pack, fetch, &call);
}

/* Pool: what is here? */
static void look_around(void *arg)
{
	struct source_fetch *fetch = arg;
	struct cache *cache = fetch->store->cache;
	const char *path = cache_path(cache, "repos", fetch->repository, &fetch->arena).p;
	/* Many small packs slow every look-up: begin anew, with one. */
	if (checkout_count_packs(path) > PACKS_MAX) {
		cache_hold_alone(cache);
		files_remove_tree(path);
		cache_let_go(cache);
	}
	cache_hold(cache);
	fetch->have = str_trim(files_read_small(last_file(fetch), 64, &fetch->arena));
	cache_let_go(cache);
}

static void on_looked(void *arg, bool is_cancelled)
{
	struct source_fetch *fetch = arg;
	if (is_cancelled) {
		err_set(&fetch->err, ERR_BUSY, "the worker stops");
		end(fetch);
	} else if (str_eq(fetch->have, fetch->commit)) {
		/* Its stream alone was evicted. */
		work_submit(fetch->store->loop, make, on_made, fetch);
	} else {
		download(fetch);
	}
}

static void look(struct source_fetch *fetch)
{
	fetch->has_pack = false;
	fetch->disk_bytes = fetch->waits->disk_bytes;
	work_submit(fetch->store->loop, look_around, on_looked, fetch);
}

void source_get(struct source_store *store, const struct source_request *request,
	void (*done)(void *arg, int fd, const struct err *err), void *arg, struct source_wait **ret_wait)
{
	struct source_wait *wait = mem_alloc(sizeof *wait);
	*wait = (struct source_wait){
		.done = done, .arg = arg, .headers = request->headers, .disk_bytes = request->disk_bytes};
	wait->url = arena_str(&wait->arena, request->url);
	struct str key = key_of(request, &wait->arena);
	struct source_fetch *fetch = store->fetches;
	while (fetch && !str_eq(fetch->key, key))
		fetch = fetch->next;
	bool is_new = !fetch;
	if (is_new) {
		fetch = mem_alloc(sizeof *fetch);
		fetch->store = store;
		fetch->next = store->fetches;
		store->fetches = fetch;
		fetch->pack_fd = -1;
		fetch->key = arena_str(&fetch->arena, key);
		fetch->repository = repository_of(request, &fetch->arena);
		fetch->commit = arena_str(&fetch->arena, request->commit);
		fetch->tag = arena_str(&fetch->arena, request->tag);
		fetch->tags = arena_str(&fetch->arena, request->tags);
		fetch->fetch_depth = request->fetch_depth;
		fetch->pack_file = cache_fresh_name(store->cache, &fetch->arena).p;
	}
	wait->fetch = fetch;
	struct source_wait **last = &fetch->waits;
	while (*last)
		last = &(*last)->next;
	*last = wait;
	*ret_wait = wait;
	if (is_new)
		look(fetch);
}

void source_forget(struct source_wait *wait)
{
	for (struct source_wait **at = &wait->fetch->waits; *at; at = &(*at)->next) {
		if (*at == wait) {
			*at = wait->next;
			break;
		}
	}
	wait_free(wait);
}
