#ifndef WORKER_SANDBOX_LAUNCHER_GUARD_H
#define WORKER_SANDBOX_LAUNCHER_GUARD_H

/*
 * What a process puts on itself before code of strangers runs in it: no capabilities, no_new_privs, system call filter,
 * Landlock, resource limits. The filters are compiled once by guard_prepare() in the launcher and inherited as memory
 * by everything that it forks. Nothing here can be undone.
 */

#include "common/err.h"

#include <stdbool.h>
#include <stdint.h>

bool guard_prepare(struct err *err);
/* 0 when the kernel has none. */
unsigned guard_landlock_abi(void);

/* Empties the bounding and ambient sets: what is executed later can gain nothing. The caller keeps what it has. */
bool guard_bound_capabilities(struct err *err);
/* Leaves only the capabilities of the bit set `keep`. */
bool guard_keep_capabilities(uint64_t keep, struct err *err);

/* A ruleset that lets everything be read and executed, and only beneath the NULL-terminated `writable` be written.
 * Gives a descriptor, or -1 where the kernel has no Landlock. */
bool guard_landlock_make(const char *const *writable, int *ret_ruleset, struct err *err);

/* By the keeper, when its slot is set up, for all that it forks: no_new_privs, and no system calls but those of steps
 * and of their set-up. */
bool guard_confine(struct err *err);
/* In what a confined keeper has forked: Landlock (unless -1), then the filter that takes the set-up away: from here on
 * the process is what a step is. */
bool guard_enter(int landlock_ruleset, struct err *err);

/* `processes` is only set where no cgroup limits them; 0 for not at all. */
bool guard_set_rlimits(uint32_t processes, struct err *err);

#endif
