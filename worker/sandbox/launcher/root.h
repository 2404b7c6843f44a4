#ifndef WORKER_SANDBOX_LAUNCHER_ROOT_H
#define WORKER_SANDBOX_LAUNCHER_ROOT_H

/*
 * The file system that a step sees. root_build() makes the template once per slot, in the mount namespace of the slot's
 * keeper: a tmpfs with read-only system directories, a synthetic /etc, minimal /dev, workspace and home.
 * root_finish() runs in each step's copy of it and adds what must be the step's own: /proc, /tmp, /dev/shm.
 */

#include "worker/sandbox/types.h"

#include "common/err.h"

#include <stdbool.h>

/* The account that steps run as, inside; outside it is the slot's, or the worker's own in profile `user`. */
enum { ROOT_UID = 1000, ROOT_GID = 1000 };

/* Seen by the keeper and its helper only. */
#define ROOT_VOLUME      "/.volume"
#define ROOT_VOLUME_WORK ROOT_VOLUME "/work"
#define ROOT_VOLUME_HOME ROOT_VOLUME "/home"
/* common/proto/policy_proto.h has it as POLICY_PROGRAM: what a worker runs for the checks of a policy step. */
#define ROOT_POLICY "/run/penstock-policy"

struct root_plan {
	int volume; /* O_PATH descriptor of a directory with `work` and `home`, or -1: a tmpfs is made */
	int policy; /* O_PATH descriptor of penstock-policy, or -1: steps find none */
	uint64_t disk_bytes, inodes;
	enum sandbox_network network;
};

/* Leaves the caller in the new root with nothing else mounted, but for the host's /proc at /mnt, which a step's own
 * /proc needs to be allowed. */
bool root_build(const struct root_plan *plan, struct err *err);
/* Between jobs: root_clear() takes workspace and home away; false when they hold files that have to be removed from
 * ROOT_VOLUME first, by the helper. root_place() makes both anew, so that not even an attribute of the old
 * directories stays. */
bool root_clear(const struct root_plan *plan, bool *ret_is_empty, struct err *err);
bool root_place(struct err *err);
bool root_finish(const struct root_plan *plan, struct err *err);

#endif
