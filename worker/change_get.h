#ifndef WORKER_CHANGE_GET_H
#define WORKER_CHANGE_GET_H

/*
 * What the policies of an attempt look at, as the server reads it from its mirror (common/proto/policy_proto.h): one
 * file, brought to the sandbox as it is and not looked into here.
 */

#include "common/err.h"
#include "common/fields.h"

struct http_client;
struct change;

struct change_request {
	struct http_client *http;
	const char *scratch_dir; /* for a file without a name */
	struct str url;
	const struct pair_list *headers;
};

/* `done` runs once, later: with a descriptor that becomes the caller's, or with err. */
void change_get(const struct change_request *request, void (*done)(void *arg, int fd, const struct err *err), void *arg,
	struct change **ret);
/* Ends it early; `done` still runs, with an error. */
void change_cancel(struct change *change);

#endif
