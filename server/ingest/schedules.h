#ifndef SERVER_INGEST_SCHEDULES_H
#define SERVER_INGEST_SCHEDULES_H

/*
 * `on: schedule`: read from the pipeline files of the default branch whenever that branch moves, and fired when due. A
 * due time becomes one trigger, whatever the number of coordinators and however often they are killed: the row that
 * holds it is claimed with skip locked and moved on under the due time it had, in the transaction that adds the
 * trigger. Due times that nobody was there for are made up for by the latest of them alone.
 */

#include "server/ingest/ingest.h"

/* Looks for branches that moved and schedules that are due: for the slow tick. */
void schedules_tick(struct ingest *ingest);

#endif
