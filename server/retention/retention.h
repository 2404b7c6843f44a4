#ifndef SERVER_RETENTION_RETENTION_H
#define SERVER_RETENTION_RETENTION_H

/*
 * Removes what its rules say is old: runs with all that is theirs, logs, artifacts, and blobs that nothing names any
 * more. Never what the view pinned_run names. A pass is made of small transactions that pass over locked rows, so it
 * may be cut anywhere and made by several coordinators at once; a timer row lets one make it.
 *
 * A blob goes in three steps: its row is doomed, which whoever uploads the same bytes sees and waits; its file is
 * removed; its row is. A file that no row names, as a restore may leave behind, gets a row first.
 */

#include "server/server.h"

#include <stdbool.h>
#include <stdint.h>

struct retention;

struct retention *retention_new(struct server *server);
void retention_close(struct retention *retention, void (*closed)(void *arg), void *arg);
void retention_free(struct retention *retention);

/* Makes a pass when one is due; called by the slow tick. */
void retention_tick(struct retention *retention);
/* Makes one now. False: this coordinator is making one already. */
bool retention_start(struct retention *retention);

/* What this coordinator has removed since its start. */
struct retention_stats {
	uint64_t passes, runs, logs, artifacts, blobs;
	uint64_t blob_bytes;
	uint64_t others; /* triggers, deliveries, plans, messages, uploads that were cut */
	bool is_busy;
};
void retention_stats(const struct retention *retention, struct retention_stats *ret);

#endif
