#ifndef WORKER_RUNNER_H
#define WORKER_RUNNER_H

/*
 * Joins the keeper's leases with jobs in sandboxes: takes what the server gives, reports what happens, and gets source
 * and artifacts over HTTP. It is the worker's whole life but its settings and signals.
 */

#include "common/err.h"
#include "common/proto/worker_proto.h"

struct uv_loop_s;
struct http_client;
struct sandbox;
struct runner;

struct runner_options {
	struct uv_loop_s *loop;
	struct http_client *http;
	struct sandbox *sandbox;
	const char *url;
	const char *token;
	const char *work_dir;
	int64_t cache_bytes;
	struct worker_register self; /* borrowed */
	/* Once, when there is nothing more to do: drained, or with why it cannot go on. */
	void (*finished)(void *arg, const struct err *err);
	void *arg;
};

bool runner_open(const struct runner_options *options, struct runner **ret, struct err *err);
/* Takes no more jobs; `finished` when the last one is reported. */
void runner_drain(struct runner *runner);
/* Cancels what runs, too. */
void runner_stop(struct runner *runner);
/* Ends everything at once; what is not reported stays in the spool. */
void runner_close(struct runner *runner, void (*closed)(void *arg), void *arg);

#endif
