#ifndef WORKER_SANDBOX_LAUNCHER_STEP_H
#define WORKER_SANDBOX_LAUNCHER_STEP_H

/*
 * One step: a reaping pid 1 in process and mount namespaces of its own, and the program under it. When the program
 * ends, pid 1 reports and ends, and with it the kernel kills all that the program left behind. Called by the keeper of
 * a slot, whose user, network, ipc, uts and cgroup namespaces the step shares.
 */

#include "worker/sandbox/launcher/root.h"

#include <sys/types.h>

struct step_spec {
	const char *cwd;
	const char *const *arguments; /* NULL-terminated, at least one */
	const char *const *environment;
	int out, err; /* may be the same */
	const struct root_plan *root;
	uint32_t processes; /* by rlimit; 0 where a cgroup limits them */
	int parent;         /* pidfd of the caller */
};

/* What pid 1 writes before it ends; one write, shorter than PIPE_BUF. */
struct step_report {
	bool has_started;
	bool is_disk_full; /* workspace, home or /tmp had no room when the program ended */
	int status;        /* of wait(2) */
	char text[200];    /* why it was not started */
};

/* Gives the pid of pid 1, and the reading end of its report. */
bool step_start(const struct step_spec *spec, pid_t *ret_pid, int *ret_report, struct err *err);

/* In a child that was just forked: dies with its parent (a pidfd), or at once when that is already dead. To be
 * called again after each change of user or group, which makes the kernel forget. */
void step_die_with_parent(int parent);

/* When the job's memory is used up the kernel is to take the caller, not the slot's keeper. `file` is its own
 * oom_score_adj, which it may write only while it can be dumped; no process of the job can see it. */
bool step_volunteer_for_oom(const char *file, struct err *err);

#endif
