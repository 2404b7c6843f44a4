#ifndef WORKER_SANDBOX_LAUNCHER_KEEPER_H
#define WORKER_SANDBOX_LAUNCHER_KEEPER_H

/*
 * The keeper of a slot: a child of the launcher that lives in the slot's user, mount, network, ipc, uts and cgroup
 * namespaces and in its cgroups, so that every step is one clone3 away and is charged and confined from its first
 * instruction. It has no rights outside its namespaces. It talks to the launcher only, in wire messages: WIRE_GO once
 * (with a pair of sockets for its helper; answered by WIRE_READY), then those of jobs.
 */

#include <stdbool.h>
#include <stdint.h>

struct keeper_spec {
	int socket;
	int launcher;       /* pidfd */
	const char *volume; /* path of the mounted volume, or NULL for a tmpfs */
	bool can_set_groups;
	bool has_cgroup; /* processes are limited by it, not by rlimit */
	uint64_t disk_bytes, inodes;
};

_Noreturn void keeper_run(const struct keeper_spec *spec);

#endif
