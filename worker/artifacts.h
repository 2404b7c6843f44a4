#ifndef WORKER_ARTIFACTS_H
#define WORKER_ARTIFACTS_H

/*
 * What a job leaves: the files that the collector brought out of the workspace in one stream (worker/sandbox/stream.h),
 * told apart, hashed, and sent up in parts. The stream stays in its file; an upload reads its part of it.
 */

#include "common/proto/worker_proto.h"

struct uv_loop_s;
struct http_client;
struct artifacts;

/* What the collector is to be asked for: patterns that it understands and that take in at least everything declared.
 * NULL-terminated. NULL: nothing is declared. */
const char *const *artifacts_patterns(const struct job_spec *spec, struct arena *arena);

struct artifact {
	struct artifact_report report;
	int64_t offset; /* of its bytes in the stream's file */
};

struct artifact_list {
	struct artifact *items;
	size_t count;
	struct str notes; /* what the collector left out, a line each */
};

/* Pool threads. Reads a collected stream: keeps what is declared, as an artifact or as a report (a file may be both).
 * ERR_NOT_FOUND names the first declared artifact that no file matches, when must_be_there. */
bool artifacts_read(int fd, const struct job_spec *spec, bool must_be_there, struct artifact_list *ret,
	struct arena *arena, struct err *err);

struct artifacts_upload {
	struct http_client *http;
	struct uv_loop_s *loop;
	int fd; /* the stream's file; the caller's */
	const struct artifact *items;
	size_t count;
	struct str url; /* of the attempt's uploads; "/SHA" is added */
	const struct pair_list *headers;
};

/* Sends what the server does not have, in parts, going on where an earlier try was cut. A server that is away is waited
 * for. `done` runs once, later. */
void artifacts_send(const struct artifacts_upload *upload, void (*done)(void *arg, const struct err *err), void *arg,
	struct artifacts **ret);
/* Ends it early; `done` still runs, with an error. */
void artifacts_cancel(struct artifacts *artifacts);

#endif
