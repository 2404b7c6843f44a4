#ifndef WORKER_SOURCE_H
#define WORKER_SOURCE_H

/*
 * The commit of a job, as a stream of files to import: from the cache when it was had before, else by one pack from the
 * server, thin against the newest commit of the repository that is here. Asked for by several jobs at a time it is
 * fetched once. The commit's id is verified by every object's own hash on the way from commit to files.
 */

#include "common/err.h"
#include "common/fields.h"
#include "common/str.h"

struct uv_loop_s;
struct http_client;
struct cache;
struct source_store;
struct source_wait; /* one asker */

struct source_request {
	struct str repository;
	struct str commit;
	struct str tag;  /* that the run is of, to be known in the workspace; "": none */
	struct str tags; /* that point into its history, see tags_get.h; "": none */
	int32_t fetch_depth;
	uint64_t disk_bytes; /* of the job */
	struct str url;      /* of the attempt's source; "?depth=" and "have=" are added */
	const struct pair_list *headers;
};

struct source_store *source_store_new(struct uv_loop_s *loop, struct http_client *http, struct cache *cache);
void source_store_free(struct source_store *store); /* no wait may be open, the HTTP client is closed */

/* From the cache alone: a descriptor to read the stream from, or -1. */
int source_try(struct source_store *store, const struct source_request *request);
/* `done` runs once, later: with a descriptor that becomes the caller's, or with err. */
void source_get(struct source_store *store, const struct source_request *request,
	void (*done)(void *arg, int fd, const struct err *err), void *arg, struct source_wait **ret_wait);
/* `done` will not run. What was begun is finished for the cache. */
void source_forget(struct source_wait *wait);

#endif
