#ifndef WORKER_CACHE_H
#define WORKER_CACHE_H

/*
 * The worker's directory: what may be forgotten at any time and is kept to save work. Below the work directory stand
 * cache/repos (bare repositories), cache/checkouts (commits as streams of files), cache/blobs (artifacts by SHA-256),
 * and tmp, which is emptied at start. When the cache passes its ceiling, what was not used for longest goes;
 * all of it when the machine was started anew, since nothing here waits for the disk.
 *
 * A blob or checkout that was opened stays readable when it is evicted meanwhile. Whoever uses a repository on a pool
 * thread holds the cache, so that it is not deleted under it.
 */

#include "common/arena.h"
#include "common/err.h"

struct uv_loop_s;
struct cache;

/* max_bytes 0: 10 GiB. */
bool cache_open(struct uv_loop_s *loop, const char *work_dir, int64_t max_bytes, struct cache **ret, struct err *err);
void cache_close(struct cache *cache); /* no use of it may be under way */
const char *cache_tmp(const struct cache *cache);
/* The path of a file or directory of a kind ("repos", "checkouts", "blobs"). */
struct str cache_path(const struct cache *cache, const char *kind, struct str name, struct arena *arena);
/* Opens for reading and marks as used; -1 when it is not there. */
int cache_open_file(const struct cache *cache, const char *kind, struct str name);
/* A name in tmp that was never used before. */
struct str cache_fresh_name(struct cache *cache, struct arena *arena);

/* Pool threads: between these nothing is evicted; held alone, nobody else holds it. */
void cache_hold(struct cache *cache);
void cache_hold_alone(struct cache *cache);
void cache_let_go(struct cache *cache);

/* The loop's thread, after something was added; evicts on the pool when it is time. */
void cache_grew(struct cache *cache, int64_t bytes);

#endif
