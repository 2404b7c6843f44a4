#ifndef WORKER_LOCAL_H
#define WORKER_LOCAL_H

/*
 * One job without a server, by the worker's own code: for `penstock run --local`. The source is a commit of a local
 * repository, or a directory as it is; what the job leaves goes to a directory. The loop is the caller's, and may be
 * blocked for a moment while files are copied.
 */

#include "common/proto/worker_proto.h"

struct uv_loop_s;
struct sandbox;
struct local;

struct local_options {
	struct uv_loop_s *loop;
	struct sandbox *sandbox;     /* started; the caller's */
	const struct job_spec *spec; /* lives until `ended`; its inputs are not brought in */
	/* spec->commit of this repository; without a commit, the files of this directory but its .git. NULL: nothing.
	 */
	const char *source;
	const char *artifacts;   /* a directory for artifacts, made when needed; NULL: they are checked and dropped */
	const char *scratch_dir; /* there already; for files without a name */
	void (*log)(void *arg, struct str bytes);
	void (*step)(void *arg, const struct step_report *report);
	/* The last call; the result lives until it returns. */
	void (*ended)(void *arg, const struct attempt_result *result);
	void *arg;
};

struct local *local_start(const struct local_options *options);
/* With grace, as a server's cancel does it. */
void local_cancel(struct local *local);

#endif
