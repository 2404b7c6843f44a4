#ifndef WORKER_SANDBOX_LAUNCHER_CGROUP_H
#define WORKER_SANDBOX_LAUNCHER_CGROUP_H

/*
 * Limits and counters of slots by control groups, version 2 or 1, whichever the machine has. The launcher owns one
 * directory, `penstock-ID`, per hierarchy (one for version 2, three for version 1) and in it one per slot, which is
 * kept from job to job: making and removing them, and above all moving processes, is what is slow about cgroups.
 */

#include "common/err.h"
#include "worker/sandbox/types.h"

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum cgroup_controller { CGROUP_MEMORY, CGROUP_PIDS, CGROUP_CPU, CGROUP_CONTROLLERS };
enum cgroup_counter { CGROUP_OOM_KILLS, CGROUP_MEMORY_PEAK, CGROUP_REFUSALS, CGROUP_COUNTERS };

struct cgroup_tree {
	int version;                              /* 0: none can be used, `why` says the reason */
	char paths[CGROUP_CONTROLLERS][PATH_MAX]; /* of penstock-ID; all the same in version 2 */
	bool has[CGROUP_CONTROLLERS];
	char why[300];
};

struct cgroup_counters {
	uint64_t oom_kills;
	uint64_t process_refusals;
	uint64_t memory_peak_bytes;
};

struct cgroup_slot {
	int dirs[CGROUP_CONTROLLERS];  /* -1 when not made */
	int counters[CGROUP_COUNTERS]; /* open files, each read several times a job; -1 when the kernel has none */
	struct sandbox_limits limits;  /* as written last */
};

/* Finds where this process may make cgroups and makes `penstock-ID` there; kills and removes what an earlier launcher
 * of the same id left in it. Never fails as a whole: see `version` and `has`. */
void cgroup_tree_open(struct cgroup_tree *ret, const char *id);
void cgroup_tree_close(struct cgroup_tree *tree);

void cgroup_slot_init(struct cgroup_slot *slot);
bool cgroup_slot_open(const struct cgroup_tree *tree, unsigned number, struct cgroup_slot *ret, struct err *err);
void cgroup_slot_close(const struct cgroup_tree *tree, unsigned number, struct cgroup_slot *slot);
bool cgroup_slot_add(const struct cgroup_tree *tree, const struct cgroup_slot *slot, pid_t pid, struct err *err);
/* `extra` processes of our own are let in above the limit. Writes what has changed only. */
bool cgroup_slot_limit(const struct cgroup_tree *tree, struct cgroup_slot *slot, const struct sandbox_limits *limits,
	unsigned extra, struct err *err);
void cgroup_slot_read(const struct cgroup_slot *slot, struct cgroup_counters *ret);
/* Starts the memory peak anew, where the kernel can. */
void cgroup_slot_reset_peak(const struct cgroup_tree *tree, const struct cgroup_slot *slot);

#endif
