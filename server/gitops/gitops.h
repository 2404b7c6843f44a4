#ifndef SERVER_GITOPS_GITOPS_H
#define SERVER_GITOPS_GITOPS_H

/*
 * The changes of gitops steps, made by the server because workers hold no credential of a forge. A worker that reaches
 * such a step asks for it by attempt and index; what is changed is read from the stored plan, never from the worker.
 *
 * A change is a row: whoever inserts it has it in hand, renews that, and notes each commit before it is pushed. So a
 * change that is asked for twice, or whose server is killed anywhere, is made once: the next one in charge finds the
 * noted commit on the branch, or finds it absent and begins again. Pushes are fast-forwards of what was just fetched; a
 * branch that has moved meanwhile is fetched again and the values are set anew.
 */

#include "server/http/http_server.h"
#include "server/server.h"

struct gitops;

struct gitops *gitops_new(struct server *server);
/* What waits ends with ERR_BUSY, what is being fetched or pushed is waited for. */
void gitops_close(struct gitops *gitops, void (*closed)(void *arg), void *arg);
void gitops_free(struct gitops *gitops);
/* Renews what is in hand. */
void gitops_tick(struct gitops *gitops);

/* POST /api/v1/worker/attempts/{job}/{attempt}/gitops; context: struct server. */
http_handler worker_gitops;

#endif
