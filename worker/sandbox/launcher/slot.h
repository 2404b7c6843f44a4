#ifndef WORKER_SANDBOX_LAUNCHER_SLOT_H
#define WORKER_SANDBOX_LAUNCHER_SLOT_H

/*
 * A slot: what a job needs and the next job can use again. Its keeper and namespaces, its cgroup, its volume, its way
 * out. They are made when a job first needs them, and again when a job needs them different or when they broke; the
 * steps, their processes and files never outlive their job.
 */

#include "worker/sandbox/launcher/cgroup.h"
#include "worker/sandbox/wire.h"

#include "common/buf.h"

#include <sys/types.h>

/* What all slots share: how this launcher was started and what the machine offers. */
struct machine {
	const char *state; /* directory, absolute */
	unsigned slots;
	unsigned first_range; /* slot N uses the ids from 100000 + 65536 * (first_range + N) */
	bool is_root;
	bool has_volumes;
	struct cgroup_tree cgroups;
};

struct slot {
	unsigned number;
	pid_t keeper; /* 0: not made */
	int socket;   /* to the keeper; -1 */
	pid_t relay;  /* slirp4netns, or 0 */
	bool has_volume;
	struct cgroup_slot cgroup;
	/* What it was made for. */
	enum sandbox_network network;
	uint64_t disk_bytes, inodes;
	struct buf routes;
	/* The job in it. */
	uint64_t job; /* 0: none */
	bool is_closing;
	uint64_t steps[WIRE_MAX_STEPS];
	struct cgroup_counters counters; /* at the end of the last step */
	uint64_t peak_before;            /* of memory, before this job */
};

void slot_init(struct slot *slot, unsigned number);
/* Makes the slot fit for the job; blocks for some milliseconds when something has to be made. Limits are complete. */
bool slot_prepare(struct slot *slot, const struct machine *machine, const struct wire_open *open, struct str networks,
	struct err *err);
/* Kills and removes everything, whatever state it is in. */
void slot_tear_down(struct slot *slot, const struct machine *machine);

/* The step belongs to the job from now on; false when it has too many. */
bool slot_add_step(struct slot *slot, uint64_t step);
bool slot_remove_step(struct slot *slot, uint64_t step);
/* Adds to an end what the cgroup knows: the peak of memory, and whether a limit was the reason. */
void slot_explain_end(struct slot *slot, struct sandbox_end *end);

/* Fills in defaults and refuses what makes no sense. */
bool slot_complete_limits(struct sandbox_limits *limits, struct err *err);

#endif
