#ifndef WORKER_SANDBOX_LAUNCHER_HELPER_H
#define WORKER_SANDBOX_LAUNCHER_HELPER_H

/*
 * The helper of a job: the one process that moves files into its workspace and out of it, one request after the other,
 * and at last takes all of them away. The keeper of a slot forks it when a job first needs it, and it ends with the
 * job: what it has read of one job's files never touches another's. It is confined as a step is, but sees the volume as
 * the keeper does; steps cannot see it.
 */

#include "worker/sandbox/launcher/step.h"
#include "worker/sandbox/wire.h"

struct helper {
	/* The keeper's end and the helper's. Both stay open from job to job, and come from outside: a pair made in here
	 * would be seen in the /proc/net/unix of steps. */
	int sockets[2];
	pid_t pid; /* 0: none */
	/* What it was asked and has not answered yet, in this order; 0 is the emptying. */
	uint64_t steps[WIRE_MAX_STEPS + 1];
	size_t step_count;
};

/* Asks for an import or a collection with its one descriptor, or with WIRE_CLOSE for the emptying of the volume, which
 * has no step. `parent` is a pidfd of the caller. */
bool helper_ask(struct helper *helper, const struct wire_message *message, int parent, struct err *err);
bool helper_is_asked(const struct helper *helper, uint64_t step);

/* Takes the answer to the oldest request, without waiting. */
bool helper_next(struct helper *helper, uint64_t *ret_step, struct step_report *ret_report);
/* It has ended, with this wait status: call when helper_next() has no more, until the requests that are left have all
 * been answered so. Then there is none. */
bool helper_lost(struct helper *helper, int status, uint64_t *ret_step, struct step_report *ret_report);

#endif
