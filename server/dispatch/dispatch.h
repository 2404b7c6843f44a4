#ifndef SERVER_DISPATCH_DISPATCH_H
#define SERVER_DISPATCH_DISPATCH_H

/*
 * Workers and leases: takes in what workers report (facts, written without touching the run's version), gives out jobs,
 * holds the syncs of workers that wait, and ends the leases of those that went silent. What a report means for its run
 * is decided by the engine through the shell.
 */

#include "server/http/http_server.h"
#include "server/server.h"

#include <stdint.h>

struct dispatch;

enum { DISPATCH_WAIT_MS = 20000 };

struct dispatch *dispatch_new(struct server *server);
/* Answers every held sync; `closed` runs when nothing is under way. */
void dispatch_close(struct dispatch *dispatch, void (*closed)(void *arg), void *arg);
void dispatch_free(struct dispatch *dispatch);

/* Wake-ups: jobs were queued, attempts are to be cancelled. Cheap; coalesced. */
void dispatch_jobs_queued(struct dispatch *dispatch);
void dispatch_cancelled(struct dispatch *dispatch);
/* The slow tick: leases, silent workers, and both wake-ups in case one was lost. */
void dispatch_tick(struct dispatch *dispatch);

/* Handlers of /api/v1/worker/register and /sync; context: struct server. */
http_handler dispatch_register;
http_handler dispatch_sync;

struct dispatch_stats {
	uint64_t syncs;
	uint64_t claims; /* jobs given out */
	uint64_t held;   /* syncs held now */
	uint64_t stale;  /* reports of attempts that were over or another's */
};
void dispatch_stats(const struct dispatch *dispatch, struct dispatch_stats *ret);

#endif
