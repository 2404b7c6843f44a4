#ifndef WORKER_SANDBOX_LAUNCHER_LAUNCHER_H
#define WORKER_SANDBOX_LAUNCHER_LAUNCHER_H

/*
 * The launcher's loop: takes requests from its one client, keeps the slots, passes on what concerns a running job to
 * that slot's keeper, and tells the client how things ended. It ends, and everything with it, when the client's socket
 * closes or on SIGTERM.
 */

#include "common/err.h"
#include "worker/sandbox/launcher/slot.h"

#include <stdbool.h>

enum { LAUNCHER_MAX_SLOTS = 1024 };

struct launcher {
	int client;
	int signals;
	struct machine machine;
	struct slot *slots;
	uint32_t layers;
	enum sandbox_profile profile;
	char space[WIRE_MAX_TAIL];
};

/* Finds out what the machine offers, makes slot 0 to prove it, and says hello to the client. */
bool launcher_start(struct launcher *launcher, struct err *err);
void launcher_serve(struct launcher *launcher);
/* Leaves nothing: no process, cgroup, mount, loop device or file. */
void launcher_stop(struct launcher *launcher);

#endif
