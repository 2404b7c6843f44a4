#ifndef WORKER_SANDBOX_LAUNCHER_SYSCALLS_H
#define WORKER_SANDBOX_LAUNCHER_SYSCALLS_H

/*
 * The system calls of a step: what Docker's default profile allows to a container without capabilities, less what a
 * build has no use for and kernels had holes in (keyctl, io_uring, userfaultfd, handles, perf). Names that the
 * installed libseccomp or the architecture does not know are passed over. What is in neither list answers ENOSYS, so
 * that C libraries fall back to older calls. Each list ends with a NULL.
 */

extern const char *const syscalls_allowed[];
/* Known, and refused with EPERM: a program that asks is told so, instead of being led to a fallback. */
extern const char *const syscalls_refused[];
/* Refused in the same way, but not before the set-up of a step is done: the keeper and pid 1 make them. clone3 is one
 * more of these, which answers ENOSYS. */
extern const char *const syscalls_of_set_up[];

#endif
