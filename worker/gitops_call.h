#ifndef WORKER_GITOPS_CALL_H
#define WORKER_GITOPS_CALL_H

/*
 * Asks the server to make the change of a gitops step, until it says how that went. Asking again never makes a change
 * twice, so whatever goes wrong on the way is tried again.
 */

#include "common/err.h"
#include "common/proto/worker_proto.h"

struct uv_loop_s;
struct http_client;
struct gitops_call;

struct gitops_request {
	struct uv_loop_s *loop;
	struct http_client *http;
	struct str url; /* of the attempt's changes */
	const struct pair_list *headers;
	size_t step;
};

/* `done` runs once, later. What `request` points to is copied but for the headers. */
void gitops_call(const struct gitops_request *request,
	void (*done)(void *arg, const struct gitops_answer *answer, const struct err *err), void *arg,
	struct gitops_call **ret_call);
/* `done` runs soon, with an error; the server may go on. */
void gitops_cancel(struct gitops_call *call);

#endif
