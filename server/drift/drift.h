#ifndef SERVER_DRIFT_DRIFT_H
#define SERVER_DRIFT_DRIFT_H

/*
 * Targets with a probe are asked which version they run, each by one server whatever their number; what they say is
 * kept beside what was deployed (table target_report), and the board compares the two. Nothing follows from it: a
 * target that nobody reaches is unknown, and never drifted.
 */

#include "server/server.h"

struct drift;

struct drift *drift_new(struct server *server);
/* Calls out must have been ended before (http_client_close). */
void drift_close(struct drift *drift, void (*closed)(void *arg), void *arg);
void drift_free(struct drift *drift);

/* Asks those that are due; called by the slow tick. */
void drift_tick(struct drift *drift);

#endif
