#ifndef WORKER_SANDBOX_LAUNCHER_IPC_H
#define WORKER_SANDBOX_LAUNCHER_IPC_H

/*
 * System V objects of a job. They outlive processes, and a namespace that is left gives its memory back only some time
 * later: until then it counts against the limit of the slot's next job.
 */

/* Removes all in the caller's namespace; their memory is free when it returns. No process of the job is left. */
void ipc_clear(void);

#endif
