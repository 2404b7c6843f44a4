#ifndef WORKER_INPUTS_H
#define WORKER_INPUTS_H

/*
 * The artifacts that a job needs from other jobs, as one stream of files to import. Each is fetched by its SHA-256,
 * verified on the way, and kept in the cache.
 */

#include "common/proto/worker_proto.h"

struct uv_loop_s;
struct http_client;
struct cache;
struct inputs;

struct inputs_request {
	struct uv_loop_s *loop;
	struct http_client *http;
	struct cache *cache;
	const struct job_input *items; /* borrowed until done */
	size_t count;
	struct str url; /* of the attempt's blobs; "/SHA" is added */
	const struct pair_list *headers;
};

/* `done` runs once, later: with a descriptor that becomes the caller's, or with err. */
void inputs_get(const struct inputs_request *request, void (*done)(void *arg, int fd, const struct err *err), void *arg,
	struct inputs **ret);
/* Ends it early; `done` still runs, with an error. */
void inputs_cancel(struct inputs *inputs);

#endif
