#ifndef WORKER_SANDBOX_TYPES_H
#define WORKER_SANDBOX_TYPES_H

/*
 * The words that the launcher and its client share: limits, networks, profiles, layers, and how a step ended. Plain
 * values, no behaviour but the names.
 */

#include <stdint.h>

enum sandbox_network {
	SANDBOX_NETWORK_NONE,   /* loopback only */
	SANDBOX_NETWORK_EGRESS, /* a way out, but not to this machine, link-local or denied addresses */
};

enum sandbox_profile {
	SANDBOX_PROFILE_USER, /* every layer that an ordinary account can have; no cap on memory */
	SANDBOX_PROFILE_FULL, /* all layers; memory, processes and CPU limited by cgroup */
};

/* The two directories of a job that outlive a step; both count against the same disk limit. */
enum sandbox_area {
	SANDBOX_AREA_WORKSPACE, /* /workspace */
	SANDBOX_AREA_HOME,      /* /home/build */
};

#define SANDBOX_WORKSPACE_PATH "/workspace"
#define SANDBOX_HOME_PATH      "/home/build"

#define SANDBOX_DISK_DEFAULT   (UINT64_C(2) << 30)

/* Limits of a job, shared by all its steps. */
struct sandbox_limits {
	uint64_t memory_bytes; /* 0: not limited */
	uint64_t disk_bytes;   /* workspace and home together; 0: SANDBOX_DISK_DEFAULT; at least 4 MiB */
	uint64_t inodes;       /* 0: one for each 16 KiB of disk */
	uint32_t processes;    /* 0: 4096 */
	uint32_t cpu_milli;    /* 1000 is one core; 0: not limited */
};

/* How a step ended: constant, name in API and logs. Timeouts and cancellation are the caller's to know. */
#define SANDBOX_ENDS(X)                                                                                                \
	X(SANDBOX_END_EXIT, "exit")                                                                                    \
	X(SANDBOX_END_SIGNAL, "signal")                                                                                \
	X(SANDBOX_END_OUT_OF_MEMORY, "out_of_memory")                                                                  \
	X(SANDBOX_END_TOO_MANY_PROCESSES, "too_many_processes")                                                        \
	X(SANDBOX_END_DISK_FULL, "disk_full")                                                                          \
	X(SANDBOX_END_NOT_STARTED, "not_started") /* the program could not be run; `text` says why */                  \
	X(SANDBOX_END_LOST, "sandbox_lost")       /* the sandbox itself died under the step */

enum sandbox_end_reason {
#define X(constant, name) constant,
	SANDBOX_ENDS(X)
#undef X
		SANDBOX_END_COUNT
};

struct sandbox_end {
	uint32_t reason;            /* enum sandbox_end_reason */
	int32_t exit_code;          /* of the main process; 0 when it did not exit by itself */
	int32_t signal;             /* that killed the main process, or 0 */
	int64_t cpu_us;             /* user and system time of all its processes */
	uint64_t memory_peak_bytes; /* of the job's cgroup, or of the biggest process in profile `user` */
	char text[200];             /* what a person should read, or "" */
};

/* What the machine offers the launcher; bits of `sandbox_facts.layers`. Constant, name, what it is for. */
#define SANDBOX_LAYERS(X)                                                                                              \
	X(SANDBOX_LAYER_USER_NS, "user namespace", "steps run as an account without rights on this machine")           \
	X(SANDBOX_LAYER_ID_RANGE, "id range per slot", "jobs of different slots are different users")                  \
	X(SANDBOX_LAYER_NAMESPACES, "other namespaces", "own processes, mounts, network, ipc, host name, cgroup view") \
	X(SANDBOX_LAYER_CAPABILITIES, "no capabilities", "empty capability sets and no_new_privs")                     \
	X(SANDBOX_LAYER_SECCOMP, "seccomp", "system calls that a build does not need are refused")                     \
	X(SANDBOX_LAYER_LANDLOCK, "landlock", "files may be written beneath workspace, home and /tmp only")            \
	X(SANDBOX_LAYER_MEMORY, "memory limit", "a job cannot take the machine's memory")                              \
	X(SANDBOX_LAYER_PROCESSES, "process limit", "a fork bomb stays in its job")                                    \
	X(SANDBOX_LAYER_CPU, "CPU limit", "a job cannot take all cores")                                               \
	X(SANDBOX_LAYER_DISK, "disk limit", "a job cannot fill the disk")                                              \
	X(SANDBOX_LAYER_EGRESS, "network egress", "jobs with `network: egress` can reach other machines")

enum sandbox_layer_bit {
#define X(constant, name, purpose) constant,
	SANDBOX_LAYERS(X)
#undef X
		SANDBOX_LAYER_COUNT
};

#endif
